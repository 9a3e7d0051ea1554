/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stubs made by hand, and those of linkers with objdump as the oracle. */
#include "user/symbol/parse/plt.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/symbol/fixture.h"
#include "user/core/elf.h"
#include "user/symbol/shared/symtab.h"

#define PLT  0x10000ull
#define SLOT 0x23f80ull /* of slot 0; the others follow */

/* Sections: none, .plt, .rela.plt, .dynsym, .dynstr, names. */
struct file {
	Elf64_Ehdr ehdr;
	Elf64_Shdr shdrs[6];
	uint8_t code[64];
	Elf64_Rela relas[4];
	Elf64_Sym syms[3]; /* 1: "first", 2: "second" */
	char strings[16];
	char names[6][16];
};

static void set_section(struct file *f, uint32_t i, const char *name, uint32_t type, size_t off,
			size_t size)
{
	snprintf(f->names[i], sizeof(f->names[i]), "%s", name);
	f->shdrs[i] = (Elf64_Shdr){.sh_name = (uint32_t)(i * sizeof(f->names[i])),
				   .sh_type = type,
				   .sh_flags = SHF_ALLOC,
				   .sh_offset = off,
				   .sh_size = size};
}

static void init_file(struct file *f, uint16_t machine)
{
	bool is_x86 = machine == EM_X86_64;
	uint32_t i;

	memset(f, 0, sizeof(*f));
	memcpy(f->ehdr.e_ident, ELFMAG, SELFMAG);
	f->ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	f->ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	f->ehdr.e_ident[EI_VERSION] = EV_CURRENT;
	f->ehdr.e_type = ET_DYN;
	f->ehdr.e_machine = machine;
	f->ehdr.e_version = EV_CURRENT;
	f->ehdr.e_shoff = offsetof(struct file, shdrs);
	f->ehdr.e_shentsize = sizeof(Elf64_Shdr);
	f->ehdr.e_shnum = 6;
	f->ehdr.e_shstrndx = 5;
	set_section(f, 1, ".plt", SHT_PROGBITS, offsetof(struct file, code), sizeof(f->code));
	set_section(f, 2, ".rela.plt", SHT_RELA, offsetof(struct file, relas), sizeof(f->relas));
	set_section(f, 3, ".dynsym", SHT_DYNSYM, offsetof(struct file, syms), sizeof(f->syms));
	set_section(f, 4, ".dynstr", SHT_STRTAB, offsetof(struct file, strings),
		    sizeof(f->strings));
	set_section(f, 5, ".shstrtab", SHT_STRTAB, offsetof(struct file, names), sizeof(f->names));
	f->shdrs[1].sh_addr = PLT;
	f->shdrs[2].sh_link = 3;
	f->shdrs[2].sh_entsize = sizeof(Elf64_Rela);
	f->shdrs[3].sh_link = 4;
	f->shdrs[3].sh_entsize = sizeof(Elf64_Sym);
	memcpy(f->strings, "\0first\0second", 14);
	f->syms[1].st_name = 1;
	f->syms[2].st_name = 7;
	/* Slot 0 first, slot 1 second; slot 2 relative; slot 3 by none. Not in the order of the stubs. */
	for (i = 0; i < 3; i++)
		f->relas[2 - i] = (Elf64_Rela){
			.r_offset = SLOT + 8 * i,
			.r_info = ELF64_R_INFO(i == 2 ? 0 : i + 1, i == 2   ? R_X86_64_RELATIVE
								   : is_x86 ? R_X86_64_JUMP_SLOT
									    : R_AARCH64_JUMP_SLOT)};
}

static void put_code(struct file *f, size_t off, const void *bytes, size_t len)
{
	assert_true(off + len <= sizeof(f->code));
	memcpy(f->code + off, bytes, len);
}

/* [prefix] jmp *slot(%rip) */
static void put_jump(struct file *f, size_t off, const char *prefix, size_t prefix_len,
		     uint32_t slot)
{
	int32_t relative = (int32_t)(SLOT + 8ull * slot - (PLT + off + prefix_len + 6));

	put_code(f, off, prefix, prefix_len);
	put_code(f, off + prefix_len, "\xff\x25", 2);
	put_code(f, off + prefix_len + 2, &relative, sizeof(relative));
}

static int stubs_of(const struct file *f, struct pb_symtab **out)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;

	assert_int_equal(pb_elf_open_memory(&e, f, sizeof(*f)), 0);
	return pb_plt_functions(out, e);
}

static void expect(const struct pb_symtab *t, uint64_t off, const char *name)
{
	const struct pb_symbol *s = pb_symtab_find(t, PLT + off);

	assert_string_equal(s ? s->name : "none", name);
}

static void a_stub_is_named_by_the_slot_it_jumps_through(void **state)
{
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;
	struct file f;

	(void)state;
	init_file(&f, EM_X86_64);
	put_jump(&f, 0, "", 0, 1);
	put_jump(&f, 8, "\xf2", 1, 0);
	put_jump(&f, 16, "\xf3\x0f\x1e\xfa", 4, 1);
	put_jump(&f, 32, "\xf3\x0f\x1e\xfa\xf2", 5, 0);
	assert_int_equal(stubs_of(&f, &t), 0);
	assert_int_equal(pb_symtab_count(t), 4);
	expect(t, 0, "second@plt");
	expect(t, 5, "second@plt");
	expect(t, 6, "none");
	expect(t, 8, "first@plt");
	expect(t, 14, "first@plt");
	expect(t, 16, "second@plt");
	expect(t, 32, "first@plt");
	expect(t, 42, "first@plt");
	expect(t, 43, "none");
}

static void a_lazy_stub_reaches_to_its_jump_to_the_linker(void **state)
{
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;
	struct file f;

	(void)state;
	init_file(&f, EM_X86_64);
	/* The first stub pushes, and jumps to the linker through a slot of no symbol. */
	put_code(&f, 0, "\xff\x35\x00\x00\x00\x00", 6);
	put_jump(&f, 6, "", 0, 3);
	put_jump(&f, 16, "", 0, 0);
	put_code(&f, 22, "\x68\x01\x00\x00\x00\xe9\xe0\xff\xff\xff", 10);
	/* With a landing pad there is no slot in it. */
	put_code(&f, 32, "\xf3\x0f\x1e\xfa\x68\x00\x00\x00\x00\xf2\xe9\xd1\xff\xff\xff\x90", 16);
	assert_int_equal(stubs_of(&f, &t), 0);
	expect(t, 0, "none");
	expect(t, 8, "none");
	expect(t, 16, "first@plt");
	expect(t, 31, "first@plt");
	expect(t, 32, "none");
	expect(t, 47, "none");
}

static void slots_without_one_symbol_give_no_name(void **state)
{
	pb_auto(pb_symtab) struct pb_symtab *t = NULL, *addend = NULL, *twice = NULL;
	struct file f;

	(void)state;
	init_file(&f, EM_X86_64);
	put_jump(&f, 0, "", 0, 2);
	put_jump(&f, 16, "", 0, 3);
	put_jump(&f, 32, "", 0, 0);
	assert_int_equal(stubs_of(&f, &t), 0);
	assert_int_equal(pb_symtab_count(t), 1);
	f.relas[2].r_addend = 8;
	assert_int_equal(stubs_of(&f, &addend), 0);
	assert_int_equal(pb_symtab_count(addend), 0);
	f.relas[2].r_addend = 0;
	f.relas[1].r_offset = f.relas[2].r_offset;
	assert_int_equal(stubs_of(&f, &twice), 0);
	assert_int_equal(pb_symtab_count(twice), 0);
}

/* adrp x16; ldr x17, [x16, #off]; add x16, x16, #off; br x17 */
static void put_arm64(struct file *f, size_t off, uint32_t slot)
{
	uint64_t to = SLOT + 8ull * slot, pages = (to >> 12) - ((PLT + off) >> 12);
	const uint32_t insns[] = {
		0x90000010 | (uint32_t)(pages & 3) << 29 | (uint32_t)(pages >> 2 & 0x7ffff) << 5,
		0xf9400211 | (uint32_t)(to & 0xfff) / 8 << 10,
		0x91000210 | (uint32_t)(to & 0xfff) << 10,
		0xd61f0220,
	};

	put_code(f, off, insns, sizeof(insns));
}

static void stubs_of_arm64_are_decoded(void **state)
{
	static const uint32_t bti_c = 0xd503245f;
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;
	struct file f;

	(void)state;
	init_file(&f, EM_AARCH64);
	put_arm64(&f, 0, 1);
	put_code(&f, 16, &bti_c, sizeof(bti_c));
	put_arm64(&f, 20, 0);
	put_arm64(&f, 40, 3);
	assert_int_equal(stubs_of(&f, &t), 0);
	assert_int_equal(pb_symtab_count(t), 2);
	expect(t, 0, "second@plt");
	expect(t, 15, "second@plt");
	expect(t, 16, "first@plt");
	expect(t, 35, "first@plt");
	expect(t, 40, "none");
}

static void malformed_tables_are_refused(void **state)
{
	struct pb_symtab *t = NULL;
	struct file f;

	(void)state;
	init_file(&f, EM_X86_64);
	put_jump(&f, 0, "", 0, 0);
	f.shdrs[2].sh_entsize = 7;
	assert_int_equal(stubs_of(&f, &t), -EPROTO);
	init_file(&f, EM_X86_64);
	f.shdrs[2].sh_size = 1ull << 40;
	assert_int_equal(stubs_of(&f, &t), -EFBIG);
	init_file(&f, EM_X86_64);
	f.shdrs[3].sh_link = 99;
	assert_int_equal(stubs_of(&f, &t), -EPROTO);
	assert_null(t);
}

static void symbols_that_are_not_there_give_no_name(void **state)
{
	pb_auto(pb_symtab) struct pb_symtab *beyond = NULL, *cut = NULL, *none = NULL;
	struct file f;

	(void)state;
	init_file(&f, EM_X86_64);
	put_jump(&f, 0, "", 0, 0);
	f.syms[1].st_name = 99;
	assert_int_equal(stubs_of(&f, &beyond), 0);
	assert_int_equal(pb_symtab_count(beyond), 0);
	f.syms[1].st_name = 1;
	f.shdrs[4].sh_size = 4;
	assert_int_equal(stubs_of(&f, &cut), 0);
	assert_int_equal(pb_symtab_count(cut), 0);
	f.shdrs[3].sh_type = SHT_PROGBITS;
	assert_int_equal(stubs_of(&f, &none), 0);
	assert_int_equal(pb_symtab_count(none), 0);
}

/* Each stub that objdump names, "ADDR <NAME@plt>:", is named the same; at least @least of them. */
static void compare_with_objdump(const struct fixture *fixture, const char *command, int least)
{
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	char path[128], name[128];
	pb_autoclose int fd = -1;
	uint64_t addr;
	int n = 0;
	FILE *f;

	assert_true(run(fixture, command));
	assert_true(run(fixture, "objdump -d $D/lib.so | sed -n "
				 "'s/^\\([0-9a-f]*\\) <\\(.*@plt\\)>:$/\\1 \\2/p' >$D/stubs"));
	fd = open_file(fixture, "lib.so");
	assert_int_equal(pb_elf_open(&e, fd), 0);
	assert_int_equal(pb_plt_functions(&t, e), 0);
	snprintf(path, sizeof(path), "%s/stubs", fixture->dir);
	f = fopen(path, "re");
	assert_non_null(f);
	for (; fscanf(f, "%" SCNx64 " %127s", &addr, name) == 2; n++) {
		const struct pb_symbol *s = pb_symtab_find(t, addr);

		assert_string_equal(s ? s->name : "none", name);
		assert_int_equal(s->addr, addr);
	}
	fclose(f);
	assert_int_equal(n, pb_symtab_count(t));
	assert_true(n >= least);
}

static void stubs_of_linkers_are_named_as_objdump_names_them(void **state)
{
	struct fixture fixture;

	(void)state;
	init_fixture(&fixture);
	write_text(
		&fixture, "lib.c",
		"#include <stdio.h>\n#include <stdlib.h>\n"
		"int one(int x) { puts(\"\"); return rand() + x; }\n"
		"int (*taken)(const char *) = puts;\n"
		"int two(int x) { srand(one(x)); return system(\"\") + abs(one(x)) + getpid(); }\n");
	compare_with_objdump(&fixture, "gcc -w -O1 -fPIC -shared $D/lib.c -o $D/lib.so", 5);
	compare_with_objdump(&fixture, "gcc -w -O1 -fPIC -shared -Wl,-z,now $D/lib.c -o $D/lib.so",
			     5);
	compare_with_objdump(&fixture, "gcc -w -O1 -fPIC -shared -Wl,-z,lazy $D/lib.c -o $D/lib.so",
			     5);
#ifdef __x86_64__
	compare_with_objdump(&fixture,
			     "gcc -w -O1 -fPIC -shared -fcf-protection=full -Wl,-z,ibtplt,-z,lazy "
			     "$D/lib.c -o $D/lib.so",
			     5);
#endif
	free_fixture(&fixture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stub_is_named_by_the_slot_it_jumps_through),
		cmocka_unit_test(a_lazy_stub_reaches_to_its_jump_to_the_linker),
		cmocka_unit_test(slots_without_one_symbol_give_no_name),
		cmocka_unit_test(stubs_of_arm64_are_decoded),
		cmocka_unit_test(malformed_tables_are_refused),
		cmocka_unit_test(symbols_that_are_not_there_give_no_name),
		cmocka_unit_test(stubs_of_linkers_are_named_as_objdump_names_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
