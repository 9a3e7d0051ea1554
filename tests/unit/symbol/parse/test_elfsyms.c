/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Images made by hand for what no linker writes, and files made by the linker with binutils as the
 * oracle.
 */
#include "user/symbol/parse/elfsyms.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/lib-names.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/core/elf.h"
#include "user/symbol/shared/symtab.h"

#define TEXT_OFF  0x1000
#define TEXT_ADDR 0x401000
#define TEXT_SIZE 0x4000
#define ENTRY     (TEXT_ADDR + 0x3000)

/*
 * The parts of an executable that are read; its code is only described. Sections: none, .text,
 * .symtab (or .dynsym), .strtab, .fini (64 bytes of code behind a gap).
 */
struct image {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr;
	Elf64_Shdr shdrs[5];
	Elf64_Sym syms[32];
	char strings[512];
	uint32_t n_syms, strings_len;
};

static void init_image(struct image *m)
{
	memset(m, 0, sizeof(*m));
	memcpy(m->ehdr.e_ident, ELFMAG, SELFMAG);
	m->ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	m->ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	m->ehdr.e_ident[EI_VERSION] = EV_CURRENT;
	m->ehdr.e_type = ET_EXEC;
	m->ehdr.e_version = EV_CURRENT;
	m->ehdr.e_entry = ENTRY;
	m->ehdr.e_phoff = offsetof(struct image, phdr);
	m->ehdr.e_phentsize = sizeof(Elf64_Phdr);
	m->ehdr.e_phnum = 1;
	m->ehdr.e_shoff = offsetof(struct image, shdrs);
	m->ehdr.e_shentsize = sizeof(Elf64_Shdr);
	m->ehdr.e_shnum = 5;
	m->phdr = (Elf64_Phdr){.p_type = PT_LOAD,
			       .p_flags = PF_R | PF_X,
			       .p_offset = TEXT_OFF,
			       .p_vaddr = TEXT_ADDR,
			       .p_filesz = TEXT_SIZE,
			       .p_memsz = TEXT_SIZE};
	m->shdrs[1] = (Elf64_Shdr){.sh_type = SHT_PROGBITS,
				   .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
				   .sh_addr = TEXT_ADDR,
				   .sh_offset = TEXT_OFF,
				   .sh_size = TEXT_SIZE};
	m->shdrs[2] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
				   .sh_offset = offsetof(struct image, syms),
				   .sh_link = 3,
				   .sh_entsize = sizeof(Elf64_Sym)};
	m->shdrs[3] =
		(Elf64_Shdr){.sh_type = SHT_STRTAB, .sh_offset = offsetof(struct image, strings)};
	m->shdrs[4] = m->shdrs[1];
	m->shdrs[4].sh_addr = TEXT_ADDR + TEXT_SIZE + 0x100;
	m->shdrs[4].sh_size = 64;
	m->n_syms = 1;
	m->strings_len = 1;
}

static void add_sym(struct image *m, const char *name, int bind, int type, uint64_t addr,
		    uint64_t size)
{
	Elf64_Sym *s = &m->syms[m->n_syms++];

	s->st_name = m->strings_len;
	s->st_info = ELF64_ST_INFO(bind, type);
	s->st_shndx = 1;
	s->st_value = addr;
	s->st_size = size;
	memcpy(m->strings + m->strings_len, name, strlen(name) + 1);
	m->strings_len += (uint32_t)strlen(name) + 1;
	m->shdrs[2].sh_size = m->n_syms * sizeof(*s);
	m->shdrs[3].sh_size = m->strings_len;
}

/* Opens @size bytes of @m as an image in memory, at its end so that ASan sees what goes over. */
static int functions_of(const void *m, size_t size, struct pb_symtab **out)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	pb_autofree void *copy = malloc(size ? size : 1);
	int err;

	assert_non_null(copy);
	memcpy(copy, m, size);
	err = pb_elf_open_memory(&e, copy, size);
	return err ? err : pb_elf_functions(out, e);
}

static struct pb_symtab *good_functions(const struct image *m)
{
	struct pb_symtab *t = NULL;

	assert_int_equal(functions_of(m, sizeof(*m), &t), 0);
	return t;
}

static const char *name_at(const struct pb_symtab *t, uint64_t addr)
{
	const struct pb_symbol *s = pb_symtab_find(t, addr);

	return s ? s->name : "none";
}

static void functions_are_listed_and_data_is_not(void **state)
{
	struct image m;
	struct pb_symtab *t;

	(void)state;
	init_image(&m);
	add_sym(&m, "func", STB_GLOBAL, STT_FUNC, TEXT_ADDR, 16);
	add_sym(&m, "ifunc", STB_GLOBAL, STT_GNU_IFUNC, TEXT_ADDR + 0x100, 16);
	add_sym(&m, "sized", STB_LOCAL, STT_NOTYPE, TEXT_ADDR + 0x200, 16);
	add_sym(&m, "label", STB_GLOBAL, STT_NOTYPE, TEXT_ADDR + 0x300, 0);
	add_sym(&m, "object", STB_GLOBAL, STT_OBJECT, TEXT_ADDR + 0x400, 16);
	add_sym(&m, "outside", STB_GLOBAL, STT_FUNC, TEXT_ADDR + TEXT_SIZE, 16);
	add_sym(&m, "before", STB_GLOBAL, STT_FUNC, TEXT_ADDR - 16, 32);
	add_sym(&m, "$x", STB_LOCAL, STT_NOTYPE, TEXT_ADDR + 0x500, 16);
	add_sym(&m, "$d.7", STB_LOCAL, STT_NOTYPE, TEXT_ADDR + 0x500, 16);
	add_sym(&m, "", STB_GLOBAL, STT_FUNC, TEXT_ADDR + 0x600, 16);
	add_sym(&m, "undefined", STB_GLOBAL, STT_FUNC, TEXT_ADDR + 0x700, 16);
	m.syms[m.n_syms - 1].st_shndx = SHN_UNDEF;
	add_sym(&m, "absolute", STB_GLOBAL, STT_FUNC, TEXT_ADDR + 0x700, 16);
	m.syms[m.n_syms - 1].st_shndx = SHN_ABS;
	add_sym(&m, "$dollar", STB_GLOBAL, STT_FUNC, TEXT_ADDR + 0x800, 16);
	t = good_functions(&m);
	assert_int_equal(pb_symtab_count(t), 4);
	assert_string_equal(name_at(t, TEXT_ADDR + 15), "func");
	assert_string_equal(name_at(t, TEXT_ADDR + 16), "none");
	assert_string_equal(name_at(t, TEXT_ADDR + 0x100), "ifunc");
	assert_string_equal(name_at(t, TEXT_ADDR + 0x200), "sized");
	assert_string_equal(name_at(t, TEXT_ADDR + 0x800), "$dollar");
	pb_symtab_free(t);
}

static void a_function_ends_with_its_section(void **state)
{
	struct image m;
	struct pb_symtab *t;

	(void)state;
	init_image(&m);
	add_sym(&m, "huge", STB_GLOBAL, STT_FUNC, TEXT_ADDR + TEXT_SIZE - 16, UINT64_MAX - 1);
	t = good_functions(&m);
	assert_string_equal(name_at(t, TEXT_ADDR + TEXT_SIZE - 1), "huge");
	assert_string_equal(name_at(t, TEXT_ADDR + TEXT_SIZE), "none");
	assert_string_equal(name_at(t, m.shdrs[4].sh_addr), "none");
	pb_symtab_free(t);
}

static void a_function_of_size_0_reaches_to_the_next(void **state)
{
	struct image m;
	struct pb_symtab *t;
	uint64_t fini;

	(void)state;
	init_image(&m);
	fini = m.shdrs[4].sh_addr;
	add_sym(&m, "asm", STB_GLOBAL, STT_FUNC, TEXT_ADDR, 0);
	add_sym(&m, "next", STB_GLOBAL, STT_FUNC, TEXT_ADDR + 0x20, 0x40);
	add_sym(&m, "inner_label", STB_LOCAL, STT_FUNC, TEXT_ADDR + 0x30, 0);
	add_sym(&m, "alias", STB_GLOBAL, STT_FUNC, TEXT_ADDR + 0x20, 0);
	add_sym(&m, "far", STB_GLOBAL, STT_FUNC, TEXT_ADDR + 0x80, 0);
	add_sym(&m, "behind", STB_GLOBAL, STT_FUNC, TEXT_ADDR + 0x80 + 4097, 8);
	add_sym(&m, "_fini", STB_GLOBAL, STT_FUNC, fini, 0);
	t = good_functions(&m);
	assert_string_equal(name_at(t, TEXT_ADDR + 0x1f), "asm");
	assert_string_equal(name_at(t, TEXT_ADDR + 0x20), "next");
	assert_string_equal(name_at(t, TEXT_ADDR + 0x30), "next");
	assert_string_equal(name_at(t, TEXT_ADDR + 0x5f), "next");
	assert_string_equal(name_at(t, TEXT_ADDR + 0x80), "none");
	assert_string_equal(name_at(t, fini + 63), "_fini");
	assert_string_equal(name_at(t, fini + 64), "none");
	pb_symtab_free(t);
	/* Functions that are not exported may lie between. */
	m.shdrs[2].sh_type = SHT_DYNSYM;
	t = good_functions(&m);
	assert_string_equal(name_at(t, TEXT_ADDR + 0x1f), "none");
	assert_string_equal(name_at(t, TEXT_ADDR + 0x20), "next");
	pb_symtab_free(t);
}

/* In assembly without .type lines, what follows is another function, and its name is not known. */
static void a_function_of_size_0_does_not_reach_over_a_label(void **state)
{
	struct image m;
	struct pb_symtab *t;

	(void)state;
	init_image(&m);
	add_sym(&m, "frame_dummy", STB_LOCAL, STT_FUNC, TEXT_ADDR, 0);
	add_sym(&m, "leaf", STB_LOCAL, STT_NOTYPE, TEXT_ADDR + 0x10, 0);
	add_sym(&m, "main", STB_GLOBAL, STT_NOTYPE, TEXT_ADDR + 0x20, 0);
	add_sym(&m, "sized", STB_GLOBAL, STT_FUNC, TEXT_ADDR + 0x40, 0x20);
	add_sym(&m, "inside", STB_LOCAL, STT_NOTYPE, TEXT_ADDR + 0x50, 0);
	t = good_functions(&m);
	assert_string_equal(name_at(t, TEXT_ADDR), "frame_dummy");
	assert_string_equal(name_at(t, TEXT_ADDR + 0xf), "frame_dummy");
	assert_string_equal(name_at(t, TEXT_ADDR + 0x10), "none");
	assert_string_equal(name_at(t, TEXT_ADDR + 0x20), "none");
	assert_string_equal(name_at(t, TEXT_ADDR + 0x5f), "sized");
	pb_symtab_free(t);
}

static void a_size_that_is_a_guess_is_marked(void **state)
{
	struct pb_symtab *t;
	struct image m;

	(void)state;
	init_image(&m);
	add_sym(&m, "asm", STB_LOCAL, STT_FUNC, TEXT_ADDR, 0);
	add_sym(&m, "next", STB_GLOBAL, STT_FUNC, TEXT_ADDR + 0x20, 0x40);
	t = good_functions(&m);
	assert_true(pb_symtab_find(t, TEXT_ADDR)->is_unsized);
	assert_false(pb_symtab_find(t, TEXT_ADDR + 0x20)->is_unsized);
	pb_symtab_free(t);
}

static bool is_whole(const struct image *m)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	bool whole = false;

	assert_int_equal(pb_elf_open_memory(&e, m, sizeof(*m)), 0);
	assert_int_equal(pb_elf_has_whole_symtab(e, &whole), 0);
	return whole;
}

static void a_symbol_table_of_which_a_part_was_taken_is_not_whole(void **state)
{
	struct image m;

	(void)state;
	init_image(&m);
	add_sym(&m, "local", STB_LOCAL, STT_FUNC, TEXT_ADDR, 16);
	add_sym(&m, "_start", STB_GLOBAL, STT_FUNC, ENTRY, 16);
	add_sym(&m, "global", STB_GLOBAL, STT_FUNC, TEXT_ADDR + 0x20, 16);
	assert_true(is_whole(&m));
	/* strip -x */
	m.syms[1].st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
	assert_false(is_whole(&m));
	m.syms[1].st_info = ELF64_ST_INFO(STB_LOCAL, STT_FUNC);
	/* strip -K local; a library has no entry point */
	m.syms[2].st_value += 1;
	assert_false(is_whole(&m));
	m.ehdr.e_entry = 0;
	assert_true(is_whole(&m));
	/* .fini becomes a .dynsym of the last function, and that is taken out of .symtab. */
	m.shdrs[4] = m.shdrs[2];
	m.shdrs[4].sh_type = SHT_DYNSYM;
	m.shdrs[4].sh_offset += 2 * sizeof(Elf64_Sym);
	m.shdrs[4].sh_size = 2 * sizeof(Elf64_Sym);
	assert_true(is_whole(&m));
	m.shdrs[2].sh_size -= sizeof(Elf64_Sym);
	assert_false(is_whole(&m));
	m.shdrs[2].sh_type = SHT_PROGBITS;
	assert_false(is_whole(&m));
}

static bool is_same_code(const struct image *a, const struct image *b)
{
	pb_auto(pb_elf) struct pb_elf *x = NULL, *y = NULL;
	bool same = false, reverse = false;

	assert_int_equal(pb_elf_open_memory(&x, a, sizeof(*a)), 0);
	assert_int_equal(pb_elf_open_memory(&y, b, sizeof(*b)), 0);
	assert_int_equal(pb_elf_has_same_code(x, y, &same), 0);
	assert_int_equal(pb_elf_has_same_code(y, x, &reverse), 0);
	assert_int_equal(same, reverse);
	return same;
}

static void files_of_another_layout_do_not_have_the_same_code(void **state)
{
	struct image good, m;

	(void)state;
	init_image(&good);
	m = good;
	m.shdrs[1].sh_type = SHT_NOBITS;
	m.shdrs[1].sh_offset = 0;
	m.phdr.p_filesz = 0;
	assert_true(is_same_code(&good, &m));
	m.shdrs[1].sh_addr += 16;
	assert_false(is_same_code(&good, &m));
	m = good;
	m.shdrs[4].sh_size += 16;
	assert_false(is_same_code(&good, &m));
	m = good;
	m.shdrs[4].sh_flags = SHF_ALLOC;
	assert_false(is_same_code(&good, &m));
	m = good;
	m.ehdr.e_machine = EM_AARCH64;
	assert_false(is_same_code(&good, &m));
	/* Without sections, by segments. */
	m = good;
	m.ehdr.e_shnum = 0;
	m.ehdr.e_shoff = 0;
	assert_true(is_same_code(&good, &m));
	m.phdr.p_vaddr += 0x1000;
	assert_false(is_same_code(&good, &m));
	m.phdr.p_vaddr -= 0x1000;
	m.phdr.p_flags = PF_R;
	assert_false(is_same_code(&good, &m));
}

static void an_untyped_entry_point_is_a_function(void **state)
{
	struct image m;
	struct pb_symtab *t;

	(void)state;
	init_image(&m);
	add_sym(&m, "local_start", STB_LOCAL, STT_NOTYPE, ENTRY, 0);
	add_sym(&m, "_start", STB_GLOBAL, STT_NOTYPE, ENTRY, 0);
	add_sym(&m, "main", STB_GLOBAL, STT_FUNC, ENTRY + 0x30, 0x10);
	t = good_functions(&m);
	assert_string_equal(name_at(t, ENTRY), "_start");
	assert_string_equal(name_at(t, ENTRY + 0x2f), "_start");
	assert_string_equal(name_at(t, ENTRY + 0x30), "main");
	pb_symtab_free(t);
}

static void versions_are_cut_off_in_symtab_only(void **state)
{
	struct image m;
	struct pb_symtab *t;

	(void)state;
	init_image(&m);
	add_sym(&m, "memcpy@@GLIBC_2.14", STB_GLOBAL, STT_FUNC, TEXT_ADDR, 16);
	add_sym(&m, "old@GLIBC_2.2.5", STB_GLOBAL, STT_FUNC, TEXT_ADDR + 0x100, 16);
	t = good_functions(&m);
	assert_string_equal(name_at(t, TEXT_ADDR), "memcpy");
	assert_string_equal(name_at(t, TEXT_ADDR + 0x100), "old");
	pb_symtab_free(t);
	m.shdrs[2].sh_type = SHT_DYNSYM;
	t = good_functions(&m);
	assert_string_equal(name_at(t, TEXT_ADDR), "memcpy@@GLIBC_2.14");
	pb_symtab_free(t);
}

static void an_image_without_symbols_gives_an_empty_table(void **state)
{
	struct image m;
	struct pb_symtab *t;

	(void)state;
	init_image(&m);
	m.shdrs[2].sh_type = SHT_PROGBITS;
	t = good_functions(&m);
	assert_int_equal(pb_symtab_count(t), 0);
	pb_symtab_free(t);
	m.ehdr.e_shnum = 0;
	m.ehdr.e_shoff = 0;
	m.ehdr.e_shentsize = 0;
	t = good_functions(&m);
	assert_int_equal(pb_symtab_count(t), 0);
	pb_symtab_free(t);
}

static void malformed_tables_are_refused(void **state)
{
	struct pb_symtab *t = NULL;
	struct image good, m;

	(void)state;
	init_image(&good);
	add_sym(&good, "func", STB_GLOBAL, STT_FUNC, TEXT_ADDR, 16);
	m = good;
	m.ehdr.e_shoff = sizeof(m);
	assert_int_equal(functions_of(&m, sizeof(m), &t), -EPROTO);
	m = good;
	m.ehdr.e_shentsize = 8;
	assert_int_equal(functions_of(&m, sizeof(m), &t), -EPROTO);
	m = good;
	m.shdrs[2].sh_link = 5;
	assert_int_equal(functions_of(&m, sizeof(m), &t), -EPROTO);
	m = good;
	m.shdrs[2].sh_link = 1;
	assert_int_equal(functions_of(&m, sizeof(m), &t), -EPROTO);
	m = good;
	m.shdrs[2].sh_entsize = 0;
	assert_int_equal(functions_of(&m, sizeof(m), &t), -EPROTO);
	m = good;
	m.shdrs[2].sh_offset = UINT64_MAX;
	assert_int_equal(functions_of(&m, sizeof(m), &t), -EPROTO);
	m = good;
	m.shdrs[2].sh_size = UINT64_MAX;
	assert_int_equal(functions_of(&m, sizeof(m), &t), -EFBIG);
	m = good;
	m.shdrs[3].sh_size = UINT64_MAX;
	assert_int_equal(functions_of(&m, sizeof(m), &t), -EFBIG);
	m = good;
	m.syms[1].st_name = m.strings_len;
	assert_int_equal(functions_of(&m, sizeof(m), &t), -EPROTO);
	m = good;
	m.shdrs[3].sh_size--; /* the last name does not end */
	assert_int_equal(functions_of(&m, sizeof(m), &t), -EPROTO);
	assert_null(t);
}

/* Any outcome is right that ASan and UBSan have nothing to say about. */
static void survive(const void *bytes, size_t size)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	pb_autofree void *copy = malloc(size ? size : 1);
	struct pb_symtab *t = NULL;
	bool is_so = false;

	functions_of(bytes, size, &t);
	pb_symtab_free(t);
	assert_non_null(copy);
	memcpy(copy, bytes, size);
	if (pb_elf_open_memory(&e, copy, size))
		return;
	pb_elf_has_whole_symtab(e, &is_so);
	pb_elf_has_same_code(e, e, &is_so);
}

static void every_cut_and_every_changed_byte_is_survived(void **state)
{
	struct image m;
	uint8_t *bytes = (uint8_t *)&m;
	size_t i;

	(void)state;
	init_image(&m);
	add_sym(&m, "func", STB_GLOBAL, STT_FUNC, TEXT_ADDR, 16);
	add_sym(&m, "asm", STB_GLOBAL, STT_FUNC, TEXT_ADDR + 32, 0);
	for (i = 0; i < sizeof(m); i++)
		survive(bytes, i);
	for (i = 0; i < offsetof(struct image, syms) + 4 * sizeof(Elf64_Sym); i++) {
		uint8_t saved = bytes[i];

		bytes[i] = 0xff;
		survive(bytes, sizeof(m));
		bytes[i] = 0x7f;
		survive(bytes, sizeof(m));
		bytes[i] = saved;
	}
}

static int write_memfd(const void *bytes, size_t size)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	return fd;
}

static void a_file_that_is_cut_after_opening_gives_an_error(void **state)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	pb_autoclose int fd = -1;
	struct pb_symtab *t = NULL;
	struct image m;

	(void)state;
	init_image(&m);
	add_sym(&m, "func", STB_GLOBAL, STT_FUNC, TEXT_ADDR, 16);
	fd = write_memfd(&m, sizeof(m));
	assert_int_equal(pb_elf_open(&e, fd), 0);
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(pb_elf_functions(&t, e), -EPROTO);
	assert_null(t);
}

/* --- files of the linker, and what binutils say about them --- */

#define ORACLE_MAX 20000

struct oracle {
	struct {
		uint64_t addr, size;
		char name[256];
	} rows[ORACLE_MAX];
	uint32_t n;
};

static struct oracle oracle;

static const char fixture_source[] =
	"int exported(int x) { return x * 3; }\n"
	"static __attribute__((noinline)) int hidden(int x) { return x + exported(x); }\n"
	"__attribute__((weak)) int weak_one(int x) { return hidden(x) - 1; }\n"
	"int _alias_of_exported(int) __attribute__((alias(\"exported\")));\n"
	"__asm__(\".text\\n.globl bare\\n.type bare, @function\\nbare: nop\\n nop\\n ret\\n\"\n"
	"        \".globl sized\\n.type sized, @function\\nsized: ret\\n.size sized, . - sized\\n\");\n"
	"int main(int argc, char **argv) { (void)argv; return weak_one(argc); }\n";

static char folder[] = "/tmp/pb-test-elf-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	return system(command);
}

/* Runs a shell command with the test's folder as $D. */
static int run(const char *command)
{
	char line[1024];

	snprintf(line, sizeof(line), "D='%s'; { %s; } >/dev/null 2>&1", folder, command);
	return system(line);
}

static int build_fixture(const char *compile)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/fixture.c", folder);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(fixture_source, f);
	assert_int_equal(fclose(f), 0);
	return run(compile);
}

static int open_fixture(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

/* Lines of "ADDR SIZE NAME" in hex, decimal, text. */
static void read_oracle(const char *command)
{
	char line[1024];
	FILE *f;

	snprintf(line, sizeof(line), "D='%s'; %s", folder, command);
	f = popen(line, "r");
	assert_non_null(f);
	oracle.n = 0;
	while (oracle.n < ORACLE_MAX && fgets(line, sizeof(line), f)) {
		unsigned long long addr, size;

		if (sscanf(line, "%llx %llu %255s", &addr, &size, oracle.rows[oracle.n].name) != 3)
			continue;
		oracle.rows[oracle.n].addr = addr;
		oracle.rows[oracle.n++].size = size;
	}
	pclose(f);
}

static bool is_oracle_name(uint64_t addr, const char *name)
{
	uint32_t i;

	for (i = 0; i < oracle.n; i++)
		if (oracle.rows[i].addr == addr && !strcmp(oracle.rows[i].name, name))
			return true;
	return false;
}

/* Every function of the oracle is found over its whole length, under a name that it has. */
static void compare_with_oracle(const struct pb_symtab *t)
{
	uint32_t i;

	for (i = 0; i < oracle.n; i++) {
		uint64_t addr = oracle.rows[i].addr, last = addr + oracle.rows[i].size - 1;
		const struct pb_symbol *s = pb_symtab_find(t, addr);

		if (!s || s->addr != addr || !is_oracle_name(addr, s->name))
			fail_msg("%s at %#lx is %s", oracle.rows[i].name, (unsigned long)addr,
				 s ? s->name : "not found");
		s = pb_symtab_find(t, last);
		if (!s || !is_oracle_name(s->addr, s->name))
			fail_msg("the end of %s is %s", oracle.rows[i].name,
				 s ? s->name : "not found");
	}
}

static struct pb_symtab *functions_of_fd(int fd)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	struct pb_symtab *t = NULL;

	assert_int_equal(pb_elf_open(&e, fd), 0);
	assert_int_equal(pb_elf_functions(&t, e), 0);
	return t;
}

static uint64_t addr_of(const char *name)
{
	uint32_t i;

	for (i = 0; i < oracle.n; i++)
		if (!strcmp(oracle.rows[i].name, name))
			return oracle.rows[i].addr;
	fail_msg("%s is not in the fixture", name);
	return 0;
}

static void the_functions_of_a_program_are_those_of_readelf(void **state)
{
	struct pb_symtab *t;
	uint64_t bare;
	int fd;

	(void)state;
	if (build_fixture("gcc -O1 -o $D/fixture $D/fixture.c && readelf --version"))
		skip();
	fd = open_fixture("fixture");
	t = functions_of_fd(fd);
	read_oracle("readelf -W -s $D/fixture | awk '/ FUNC / && $7 != \"UND\" && $3 > 0 "
		    "{ sub(/@.*/, \"\", $8); print $2, $3, $8 }'");
	assert_true(oracle.n >= 7);
	compare_with_oracle(t);
	assert_string_equal(name_at(t, addr_of("exported")), "exported");
	assert_string_equal(name_at(t, addr_of("hidden")), "hidden");
	bare = addr_of("sized") - 3;
	assert_string_equal(name_at(t, bare), "bare");
	assert_string_equal(name_at(t, bare + 2), "bare");
	pb_symtab_free(t);
	close(fd);
}

static void a_stripped_program_knows_what_it_exports(void **state)
{
	struct pb_symtab *t;
	int fd;

	(void)state;
	if (build_fixture("gcc -O1 -rdynamic -o $D/fixture $D/fixture.c && strip $D/fixture && "
			  "readelf --version"))
		skip();
	fd = open_fixture("fixture");
	t = functions_of_fd(fd);
	read_oracle("readelf -W --dyn-syms $D/fixture | awk '/ FUNC / && $7 != \"UND\" && $3 > 0 "
		    "{ print $2, $3, $8 }'");
	compare_with_oracle(t);
	assert_string_equal(name_at(t, addr_of("main")), "main");
	/* bare has no size, and what lies behind it need not be exported. */
	assert_string_equal(name_at(t, addr_of("sized") - 3), "none");
	assert_string_equal(name_at(t, addr_of("sized")), "sized");
	pb_symtab_free(t);
	close(fd);
}

static void a_32_bit_program_is_read_as_well(void **state)
{
	struct pb_symtab *t;
	int fd;

	(void)state;
	if (build_fixture("echo '.globl _start; .type _start, @function; _start: nop; ret;"
			  ".size _start, . - _start; .globl two; .type two, @function; two: ret;"
			  ".size two, . - two' | as --32 -o $D/32.o && "
			  "ld -m elf_i386 -o $D/32 $D/32.o && readelf --version"))
		skip();
	fd = open_fixture("32");
	t = functions_of_fd(fd);
	read_oracle("readelf -W -s $D/32 | awk '/ FUNC / { print $2, $3, $8 }'");
	assert_int_equal(oracle.n, 2);
	compare_with_oracle(t);
	pb_symtab_free(t);
	close(fd);
}

/* Finds the libc that this program runs on. */
static int find_libc(struct dl_phdr_info *info, size_t size, void *path)
{
	const char *base = strrchr(info->dlpi_name, '/');

	(void)size;
	if (!base || strcmp(base + 1, LIBC_SO))
		return 0;
	snprintf(path, 256, "%s", info->dlpi_name);
	return 1;
}

static void the_functions_of_libc_are_those_of_readelf(void **state)
{
	static const char *const known[] = {"malloc", "read", "write", "puts", "qsort", "poll"};
	char path[256] = "", command[1024];
	struct pb_symtab *t;
	size_t i;
	int fd;

	(void)state;
	if (!dl_iterate_phdr(find_libc, path) || run("readelf --version"))
		skip();
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	t = functions_of_fd(fd);
	snprintf(command, sizeof(command),
		 "readelf -W -s '%s' | awk '/ (FUNC|IFUNC) / && $7 != \"UND\" && $3 > 0 "
		 "{ sub(/@.*/, \"\", $8); print $2, $3, $8 }'",
		 path);
	read_oracle(command);
	assert_true(oracle.n > 1000);
	compare_with_oracle(t);
	for (i = 0; i < PB_ARRAY_SIZE(known); i++)
		assert_string_equal(name_at(t, addr_of(known[i])), known[i]);
	pb_symtab_free(t);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_listed_and_data_is_not),
		cmocka_unit_test(a_function_ends_with_its_section),
		cmocka_unit_test(a_function_of_size_0_reaches_to_the_next),
		cmocka_unit_test(a_function_of_size_0_does_not_reach_over_a_label),
		cmocka_unit_test(a_size_that_is_a_guess_is_marked),
		cmocka_unit_test(a_symbol_table_of_which_a_part_was_taken_is_not_whole),
		cmocka_unit_test(files_of_another_layout_do_not_have_the_same_code),
		cmocka_unit_test(an_untyped_entry_point_is_a_function),
		cmocka_unit_test(versions_are_cut_off_in_symtab_only),
		cmocka_unit_test(an_image_without_symbols_gives_an_empty_table),
		cmocka_unit_test(malformed_tables_are_refused),
		cmocka_unit_test(every_cut_and_every_changed_byte_is_survived),
		cmocka_unit_test(a_file_that_is_cut_after_opening_gives_an_error),
		cmocka_unit_test(the_functions_of_a_program_are_those_of_readelf),
		cmocka_unit_test(a_stripped_program_knows_what_it_exports),
		cmocka_unit_test(a_32_bit_program_is_read_as_well),
		cmocka_unit_test(the_functions_of_libc_are_those_of_readelf),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
