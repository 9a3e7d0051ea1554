/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Images made by hand for what no linker writes, and files made by the linker with binutils as the
 * oracle. */
#include "user/core/elf.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#define TEXT_OFF  0x1000
#define TEXT_ADDR 0x401000
#define TEXT_SIZE 0x4000
#define ENTRY     (TEXT_ADDR + 0x3000)
#define SECTIONS  6

/*
 * The parts of an executable that are read; its code is only described. Sections: none, .text,
 * .plain (contents), .packed (the same, compressed), .none (no contents), .shstrtab.
 */
struct image {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdrs[6];
	Elf64_Nhdr note;
	char note_name[4];
	uint8_t build_id[20];
	Elf64_Shdr shdrs[SECTIONS];
	char names[64];
	char contents[300];
	uint8_t packed[400];
};

static void set_names(struct image *m)
{
	static const char *const names[SECTIONS] = {"",        ".text", ".plain",
						    ".packed", ".none", ".shstrtab"};
	uint32_t off = 1, i;

	for (i = 1; i < SECTIONS; i++) {
		m->shdrs[i].sh_name = off;
		memcpy(m->names + off, names[i], strlen(names[i]) + 1);
		off += (uint32_t)strlen(names[i]) + 1;
	}
	m->shdrs[5].sh_type = SHT_STRTAB;
	m->shdrs[5].sh_offset = offsetof(struct image, names);
	m->shdrs[5].sh_size = off;
}

static void set_contents(struct image *m)
{
	uLongf packed = sizeof(m->packed) - sizeof(Elf64_Chdr);
	Elf64_Chdr c = {.ch_type = ELFCOMPRESS_ZLIB, .ch_size = sizeof(m->contents)};
	size_t i;

	for (i = 0; i < sizeof(m->contents); i++)
		m->contents[i] = (char)(i * i % 10);
	m->shdrs[2] = (Elf64_Shdr){.sh_type = SHT_PROGBITS,
				   .sh_addr = 0x7000,
				   .sh_offset = offsetof(struct image, contents),
				   .sh_size = sizeof(m->contents)};
	memcpy(m->packed, &c, sizeof(c));
	assert_int_equal(compress(m->packed + sizeof(c), &packed, (const Bytef *)m->contents,
				  sizeof(m->contents)),
			 Z_OK);
	m->shdrs[3] = (Elf64_Shdr){.sh_type = SHT_PROGBITS,
				   .sh_flags = SHF_COMPRESSED,
				   .sh_offset = offsetof(struct image, packed),
				   .sh_size = sizeof(c) + packed};
	m->shdrs[4] = (Elf64_Shdr){.sh_type = SHT_NOBITS, .sh_size = 100};
}

static void init_image(struct image *m)
{
	memset(m, 0, sizeof(*m));
	memcpy(m->ehdr.e_ident, ELFMAG, SELFMAG);
	m->ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	m->ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	m->ehdr.e_ident[EI_VERSION] = EV_CURRENT;
	m->ehdr.e_type = ET_EXEC;
	m->ehdr.e_machine = EM_X86_64;
	m->ehdr.e_version = EV_CURRENT;
	m->ehdr.e_entry = ENTRY;
	m->ehdr.e_phoff = offsetof(struct image, phdrs);
	m->ehdr.e_phentsize = sizeof(Elf64_Phdr);
	m->ehdr.e_phnum = 2;
	m->ehdr.e_shoff = offsetof(struct image, shdrs);
	m->ehdr.e_shentsize = sizeof(Elf64_Shdr);
	m->ehdr.e_shnum = SECTIONS;
	m->ehdr.e_shstrndx = 5;
	m->phdrs[0] = (Elf64_Phdr){.p_type = PT_LOAD,
				   .p_flags = PF_R | PF_X,
				   .p_offset = TEXT_OFF,
				   .p_vaddr = TEXT_ADDR,
				   .p_filesz = TEXT_SIZE,
				   .p_memsz = TEXT_SIZE};
	m->phdrs[1] = (Elf64_Phdr){.p_type = PT_NOTE,
				   .p_offset = offsetof(struct image, note),
				   .p_filesz = sizeof(m->note) + 4 + 20,
				   .p_align = 4};
	m->note = (Elf64_Nhdr){.n_namesz = 4, .n_descsz = 20, .n_type = NT_GNU_BUILD_ID};
	memcpy(m->note_name, "GNU", 4);
	memset(m->build_id, 0xab, sizeof(m->build_id));
	set_contents(m);
	set_names(m);
}

static void add_load(struct image *m, uint32_t flags, uint64_t off, uint64_t vaddr, uint64_t size)
{
	assert_true(m->ehdr.e_phnum < PB_ARRAY_SIZE(m->phdrs));
	m->phdrs[m->ehdr.e_phnum++] = (Elf64_Phdr){.p_type = PT_LOAD,
						   .p_flags = flags,
						   .p_offset = off,
						   .p_vaddr = vaddr,
						   .p_filesz = size,
						   .p_memsz = size};
}

static void headers_tell_entry_build_id_and_segments(void **state)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	uint8_t id[64];
	struct image m;
	uint64_t vaddr = 7;
	uint32_t n;

	(void)state;
	init_image(&m);
	assert_int_equal(pb_elf_open_memory(&e, &m, sizeof(m)), 0);
	assert_int_equal(pb_elf_entry(e), ENTRY);
	assert_true(pb_elf_is64(e));
	assert_int_equal(pb_elf_machine(e), EM_X86_64);
	assert_int_equal(pb_elf_build_id(e, id, sizeof(id)), 20);
	assert_memory_equal(id, m.build_id, 20);
	assert_int_equal(pb_elf_build_id(e, id, 8), 8);
	assert_int_equal(pb_elf_loads(e, &n)->p_vaddr, TEXT_ADDR);
	assert_int_equal(n, 1);
	assert_null(pb_elf_eh_frame_hdr(e));
	assert_int_equal(pb_elf_vaddr(e, TEXT_OFF - 1, &vaddr), -ENOENT);
	assert_int_equal(vaddr, 7);
	assert_int_equal(pb_elf_vaddr(e, TEXT_OFF, &vaddr), 0);
	assert_int_equal(vaddr, TEXT_ADDR);
	assert_int_equal(pb_elf_vaddr(e, TEXT_OFF + TEXT_SIZE - 1, &vaddr), 0);
	assert_int_equal(vaddr, TEXT_ADDR + TEXT_SIZE - 1);
	assert_int_equal(pb_elf_vaddr(e, TEXT_OFF + TEXT_SIZE, &vaddr), -ENOENT);
	assert_int_equal(pb_elf_vaddr(e, UINT64_MAX, &vaddr), -ENOENT);
}

static void the_eh_frame_header_is_a_segment(void **state)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	struct image m;

	(void)state;
	init_image(&m);
	m.phdrs[m.ehdr.e_phnum++] = (Elf64_Phdr){
		.p_type = PT_GNU_EH_FRAME, .p_offset = 3, .p_vaddr = 5, .p_filesz = 12};
	assert_int_equal(pb_elf_open_memory(&e, &m, sizeof(m)), 0);
	assert_int_equal(pb_elf_eh_frame_hdr(e)->p_vaddr, 5);
}

static void the_interpreter_is_a_segment(void **state)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL, *none = NULL;
	struct image m;

	(void)state;
	init_image(&m);
	assert_int_equal(pb_elf_open_memory(&none, &m, sizeof(m)), 0);
	assert_null(pb_elf_interp(none));
	m.phdrs[m.ehdr.e_phnum++] =
		(Elf64_Phdr){.p_type = PT_INTERP, .p_offset = 3, .p_filesz = 12};
	assert_int_equal(pb_elf_open_memory(&e, &m, sizeof(m)), 0);
	assert_int_equal(pb_elf_interp(e)->p_offset, 3);
}

/* Offsets are those of pages, whatever their size here. */
static void a_mapping_begins_with_the_page_of_its_segment(void **state)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), addr = 0x40000000;
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	uint64_t vaddr = 7;
	struct image m;

	(void)state;
	init_image(&m);
	m.phdrs[0].p_type = PT_NULL;
	add_load(&m, PF_R, 0, addr, 2 * page);
	add_load(&m, PF_R | PF_X, 2 * page + 0x340, addr + 10 * page + 0x340, 3 * page);
	add_load(&m, PF_R | PF_X, 5 * page + 0x500, addr + 20 * page + 0x500, page / 2);
	add_load(&m, PF_R | PF_X, 9 * page, addr + 40 * page, 0);
	assert_int_equal(pb_elf_open_memory(&e, &m, sizeof(m)), 0);
	assert_int_equal(pb_elf_code_vaddr(e, 0, &vaddr), -ENOENT); /* no code */
	assert_int_equal(pb_elf_code_vaddr(e, page, &vaddr), -ENOENT);
	assert_int_equal(vaddr, 7);
	assert_int_equal(pb_elf_code_vaddr(e, 2 * page, &vaddr), 0);
	assert_int_equal(vaddr, addr + 10 * page);
	/* A part of a mapping, as mprotect() leaves it. */
	assert_int_equal(pb_elf_code_vaddr(e, 4 * page, &vaddr), 0);
	assert_int_equal(vaddr, addr + 12 * page);
	/* A page that two segments share was mapped from there by the one that begins in it. */
	assert_int_equal(pb_elf_code_vaddr(e, 5 * page, &vaddr), 0);
	assert_int_equal(vaddr, addr + 20 * page);
	assert_int_equal(pb_elf_code_vaddr(e, 6 * page, &vaddr), -ENOENT);
	assert_int_equal(pb_elf_code_vaddr(e, 9 * page, &vaddr), -ENOENT);
	assert_int_equal(pb_elf_code_vaddr(e, -page, &vaddr), -ENOENT);
}

static void an_offset_in_two_segments_of_code_has_no_one_address(void **state)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	uint64_t vaddr = 7;
	struct image m;

	(void)state;
	init_image(&m);
	m.phdrs[0].p_type = PT_NULL;
	add_load(&m, PF_R, 0x1000, 0x9000, 0x3000);
	add_load(&m, PF_R | PF_X, 0x1000, 0x11000, 0x2000);
	add_load(&m, PF_R | PF_X, 0x2000, 0x22000, 0x1000);
	assert_int_equal(pb_elf_open_memory(&e, &m, sizeof(m)), 0);
	assert_int_equal(pb_elf_vaddr(e, 0x1fff, &vaddr), 0);
	assert_int_equal(vaddr, 0x11fff);
	assert_int_equal(pb_elf_vaddr(e, 0x2000, &vaddr), -ENOENT);
	assert_int_equal(pb_elf_vaddr(e, 0x3000, &vaddr), 0);
	assert_int_equal(vaddr, 0xb000);
}

/* What an open gives for @size bytes of an image. */
static int open_bytes(const void *bytes, size_t size)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	pb_autofree void *copy = malloc(size ? size : 1);

	assert_non_null(copy);
	memcpy(copy, bytes, size);
	return pb_elf_open_memory(&e, copy, size);
}

static void what_is_not_a_native_program_is_refused(void **state)
{
	struct image m;

	(void)state;
	assert_int_equal(open_bytes("#!/bin/sh\necho hello world\n", 27), -ENOEXEC);
	assert_int_equal(open_bytes("", 0), -ENOEXEC);
	init_image(&m);
	m.ehdr.e_ident[EI_DATA] = ELFDATA2MSB;
	assert_int_equal(open_bytes(&m, sizeof(m)), -ENOEXEC);
	init_image(&m);
	m.ehdr.e_ident[EI_CLASS] = 3;
	assert_int_equal(open_bytes(&m, sizeof(m)), -ENOEXEC);
	init_image(&m);
	m.ehdr.e_type = ET_REL;
	assert_int_equal(open_bytes(&m, sizeof(m)), -ENOEXEC);
	init_image(&m);
	m.ehdr.e_phentsize = 1;
	assert_int_equal(open_bytes(&m, sizeof(m)), -ENOEXEC);
	init_image(&m);
	m.ehdr.e_phoff = UINT64_MAX - 8;
	assert_int_equal(open_bytes(&m, sizeof(m)), -ENOEXEC);
	init_image(&m);
	m.ehdr.e_phnum = 0xffff;
	assert_int_equal(open_bytes(&m, sizeof(m)), -ENOEXEC);
}

static void notes_that_lie_about_their_size_are_ignored(void **state)
{
	struct image m;
	uint8_t id[64];
	uint32_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		pb_auto(pb_elf) struct pb_elf *e = NULL;

		init_image(&m);
		if (i == 0)
			m.note.n_descsz = 21;
		if (i == 1)
			m.note.n_namesz = UINT32_MAX;
		if (i == 2)
			m.note.n_descsz = UINT32_MAX;
		if (i == 3)
			m.phdrs[1].p_filesz = UINT64_MAX;
		assert_int_equal(pb_elf_open_memory(&e, &m, sizeof(m)), 0);
		assert_int_equal(pb_elf_build_id(e, id, sizeof(id)), 0);
	}
}

static int read_section(const struct image *m, const char *name, size_t max,
			struct pb_elf_section *out)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;

	assert_int_equal(pb_elf_open_memory(&e, m, sizeof(*m)), 0);
	return pb_elf_section(e, name, max, out);
}

static void a_section_is_found_by_name_and_inflated(void **state)
{
	static const char *const names[] = {".plain", ".packed"};
	struct image m;
	size_t i;

	(void)state;
	init_image(&m);
	for (i = 0; i < PB_ARRAY_SIZE(names); i++) {
		struct pb_elf_section s = {0};

		assert_int_equal(read_section(&m, names[i], 300, &s), 0);
		assert_int_equal(s.size, 300);
		assert_int_equal(s.vaddr, i ? 0 : 0x7000);
		assert_memory_equal(s.bytes, m.contents, 300);
		free(s.bytes);
	}
}

static void sections_that_are_not_there_are_not_found(void **state)
{
	struct pb_elf_section s = {0};
	struct image m;

	(void)state;
	init_image(&m);
	assert_int_equal(read_section(&m, ".plai", 300, &s), -ENOENT);
	assert_int_equal(read_section(&m, ".plain2", 300, &s), -ENOENT);
	assert_int_equal(read_section(&m, ".none", 300, &s), -ENOENT);
	m.ehdr.e_shnum = 0;
	m.ehdr.e_shoff = 0;
	m.ehdr.e_shstrndx = 0;
	assert_int_equal(read_section(&m, ".plain", 300, &s), -ENOENT);
	assert_null(s.bytes);
}

static void malformed_sections_are_refused(void **state)
{
	struct pb_elf_section s = {0};
	struct image good, m;
	Elf64_Chdr c;

	(void)state;
	init_image(&good);
	m = good;
	assert_int_equal(read_section(&m, ".plain", 299, &s), -EFBIG);
	assert_int_equal(read_section(&m, ".packed", 299, &s), -EFBIG);
	m.ehdr.e_shstrndx = SECTIONS;
	assert_int_equal(read_section(&m, ".plain", 300, &s), -EPROTO);
	m = good;
	m.ehdr.e_shoff = sizeof(m) - 8;
	assert_int_equal(read_section(&m, ".plain", 300, &s), -EPROTO);
	m = good;
	m.shdrs[5].sh_offset = UINT64_MAX - 3;
	assert_int_equal(read_section(&m, ".plain", 300, &s), -EPROTO);
	m = good;
	m.shdrs[5].sh_size = UINT64_MAX;
	assert_int_equal(read_section(&m, ".plain", 300, &s), -EFBIG);
	m = good;
	m.shdrs[2].sh_name = UINT32_MAX;
	assert_int_equal(read_section(&m, ".plain", 300, &s), -ENOENT);
	m.shdrs[2].sh_name =
		(uint32_t)m.shdrs[5].sh_size - 2; /* the name would reach over the end */
	assert_int_equal(read_section(&m, ".plain", 300, &s), -ENOENT);
	m = good;
	m.shdrs[2].sh_offset = sizeof(m) - 299;
	assert_int_equal(read_section(&m, ".plain", 300, &s), -EPROTO);
	m = good;
	m.shdrs[3].sh_size = sizeof(Elf64_Chdr) - 1;
	assert_int_equal(read_section(&m, ".packed", 300, &s), -EPROTO);
	m = good;
	m.shdrs[3].sh_size--; /* the stream is cut */
	assert_int_equal(read_section(&m, ".packed", 300, &s), -EPROTO);
	m = good;
	memcpy(&c, m.packed, sizeof(c));
	c.ch_size = 299; /* less than there is, or more */
	memcpy(m.packed, &c, sizeof(c));
	assert_int_equal(read_section(&m, ".packed", 1000, &s), -EPROTO);
	c.ch_size = 301;
	memcpy(m.packed, &c, sizeof(c));
	assert_int_equal(read_section(&m, ".packed", 1000, &s), -EPROTO);
	c.ch_size = UINT64_MAX;
	memcpy(m.packed, &c, sizeof(c));
	assert_int_equal(read_section(&m, ".packed", 1000, &s), -EFBIG);
	c.ch_type = 2; /* zstd */
	memcpy(m.packed, &c, sizeof(c));
	assert_int_equal(read_section(&m, ".packed", 1000, &s), -ENOTSUP);
	assert_null(s.bytes);
}

/* Any outcome is right that ASan and UBSan have nothing to say about. */
static void survive(const void *bytes, size_t size)
{
	static const char *const names[] = {".plain", ".packed"};
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	uint64_t vaddr;
	size_t i;

	if (pb_elf_open_memory(&e, bytes, size))
		return;
	for (i = 0; i < PB_ARRAY_SIZE(names); i++) {
		struct pb_elf_section s = {0};

		pb_elf_section(e, names[i], 1000, &s);
		free(s.bytes);
	}
	pb_elf_code_vaddr(e, TEXT_OFF, &vaddr);
}

static void every_cut_and_every_changed_byte_is_survived(void **state)
{
	struct image m;
	uint8_t *bytes = (uint8_t *)&m;
	size_t i;

	(void)state;
	init_image(&m);
	for (i = 0; i < sizeof(m); i += 3) {
		pb_autofree void *cut = malloc(i + 1);

		memcpy(cut, &m, i);
		survive(cut, i);
	}
	for (i = 0; i < sizeof(m); i++) {
		uint8_t saved = bytes[i];

		bytes[i] = 0xff;
		survive(bytes, sizeof(m));
		bytes[i] = 0x7f;
		survive(bytes, sizeof(m));
		bytes[i] = saved;
	}
}

static void a_file_that_is_cut_after_opening_gives_an_error(void **state)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	struct pb_elf_section s = {0};
	pb_autoclose int fd = memfd_create("image", MFD_CLOEXEC);
	void *bytes = NULL;
	struct image m;

	(void)state;
	init_image(&m);
	assert_int_equal(write(fd, &m, sizeof(m)), sizeof(m));
	assert_int_equal(pb_elf_open(&e, fd), 0);
	assert_int_equal(pb_elf_section(e, ".plain", 300, &s), 0);
	free(s.bytes);
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(pb_elf_section(e, ".plain", 300, &s), -EPROTO);
	assert_int_equal(pb_elf_read(e, 90, 20, &bytes), -EPROTO);
	assert_int_equal(pb_elf_read(e, sizeof(m) + 1, 0, &bytes), -EPROTO);
	assert_null(bytes);
}

static void what_is_not_a_regular_file_is_refused(void **state)
{
	struct pb_elf *e = NULL;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(pb_elf_open(&e, fds[0]), -ENOEXEC);
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(pb_elf_open(&e, -1), -EBADF);
	assert_null(e);
}

/* --- files of the linker, and what binutils say about them --- */

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

/* The first line that a command prints, without its end. */
static void first_line(const char *command, char *line, int size)
{
	char whole[1024];
	FILE *f;

	snprintf(whole, sizeof(whole), "D='%s'; %s", folder, command);
	f = popen(whole, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, size, f));
	pclose(f);
	line[strcspn(line, "\n")] = '\0';
}

static int open_file(const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static void the_build_id_is_that_of_readelf(void **state)
{
	char expected[64] = "", shown[64] = "";
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	pb_autoclose int fd = -1;
	uint8_t id[20];
	size_t len, i;

	(void)state;
	if (run("echo 'int main(void) { return 0; }' | gcc -Wl,--build-id -x c -o $D/a - && "
		"readelf --version"))
		skip();
	fd = open_file("a");
	assert_int_equal(pb_elf_open(&e, fd), 0);
	len = pb_elf_build_id(e, id, sizeof(id));
	for (i = 0; i < len; i++)
		snprintf(shown + 2 * i, 3, "%02x", id[i]);
	first_line("readelf -n $D/a | awk '/Build ID/ {print $3}'", expected, sizeof(expected));
	assert_string_equal(shown, expected);
}

static void the_sections_of_32_bit_files_are_read_as_well(void **state)
{
	static const char *const names[] = {".one", ".two"};
	uint32_t i;
	int round;

	(void)state;
	if (run("echo '.globl _start; _start: ret; .section .one,\"\"; .fill 500, 1, 7;"
		".section .two,\"\"; .fill 500, 1, 8' | as --32 -o $D/32.o && "
		"ld -m elf_i386 -o $D/32 $D/32.o && objcopy --compress-debug-sections=zlib $D/32"))
		skip();
	/* The second time compressed, which objcopy does by name only. */
	for (round = 0; round < 2; round++) {
		pb_auto(pb_elf) struct pb_elf *e = NULL;
		pb_autoclose int fd = -1;

		if (round && run("objcopy --rename-section .one=.debug_one --rename-section "
				 ".two=.debug_two $D/32 && "
				 "objcopy --compress-debug-sections=zlib-gabi $D/32 && "
				 "readelf -t $D/32 | grep COMPRESSED"))
			skip();
		fd = open_file("32");
		assert_int_equal(pb_elf_open(&e, fd), 0);
		assert_false(pb_elf_is64(e));
		assert_int_equal(pb_elf_machine(e), EM_386);
		for (i = 0; i < 2; i++) {
			struct pb_elf_section s = {0};
			char name[16];

			snprintf(name, sizeof(name), "%s%s", round ? ".debug_" : ".", names[i] + 1);
			assert_int_equal(pb_elf_section(e, name, 500, &s), 0);
			assert_int_equal(s.size, 500);
			assert_int_equal(s.bytes[499], 7 + i);
			free(s.bytes);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_tell_entry_build_id_and_segments),
		cmocka_unit_test(the_eh_frame_header_is_a_segment),
		cmocka_unit_test(the_interpreter_is_a_segment),
		cmocka_unit_test(a_mapping_begins_with_the_page_of_its_segment),
		cmocka_unit_test(an_offset_in_two_segments_of_code_has_no_one_address),
		cmocka_unit_test(what_is_not_a_native_program_is_refused),
		cmocka_unit_test(notes_that_lie_about_their_size_are_ignored),
		cmocka_unit_test(a_section_is_found_by_name_and_inflated),
		cmocka_unit_test(sections_that_are_not_there_are_not_found),
		cmocka_unit_test(malformed_sections_are_refused),
		cmocka_unit_test(every_cut_and_every_changed_byte_is_survived),
		cmocka_unit_test(a_file_that_is_cut_after_opening_gives_an_error),
		cmocka_unit_test(what_is_not_a_regular_file_is_refused),
		cmocka_unit_test(the_build_id_is_that_of_readelf),
		cmocka_unit_test(the_sections_of_32_bit_files_are_read_as_well),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
