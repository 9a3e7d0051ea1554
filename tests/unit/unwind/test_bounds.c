/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Files made by hand, with the search through all ranges as the oracle, and this program itself. */
#include "user/unwind/bounds.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cmocka.h>

#include "section.h"
#include "user/core/elf.h"

#define CODE        0x400000ull
#define CODE_SIZE   0x10000ull
#define PLT         (CODE + 0x8000)
#define ROOM        65536
#define SIGNAL_CODE 0x9000

/* Sections: none, .eh_frame, .debug_frame, .plt, names. Segments: code, .eh_frame, the pointer to it. */
struct file {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdrs[3];
	Elf64_Shdr shdrs[5];
	char names[5][16];
	uint8_t hdr[16]; /* .eh_frame_hdr, up to the pointer */
	uint8_t code[64];
	uint8_t frames[ROOM];
};

static void init_section_header(struct file *f, uint32_t i, const char *name, size_t off,
				size_t size)
{
	snprintf(f->names[i], sizeof(f->names[i]), "%s", name);
	f->shdrs[i] = (Elf64_Shdr){.sh_name = (uint32_t)(i * sizeof(f->names[i])),
				   .sh_type = size ? SHT_PROGBITS : SHT_NOBITS,
				   .sh_offset = off,
				   .sh_size = size};
}

/* Takes @s. The code that is in the file is at PLT. */
static void init_file(struct file *f, struct section *s)
{
	const uint64_t hdr =
		SECTION_VADDR - offsetof(struct file, frames) + offsetof(struct file, hdr);
	const int32_t distance = (int32_t)(SECTION_VADDR - (hdr + 4));
	size_t size = s->size;

	memset(f, 0, sizeof(*f));
	assert_true(size <= sizeof(f->frames));
	memcpy(f->ehdr.e_ident, ELFMAG, SELFMAG);
	f->ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	f->ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	f->ehdr.e_ident[EI_VERSION] = EV_CURRENT;
	f->ehdr.e_type = ET_DYN;
	f->ehdr.e_machine = s->machine;
	f->ehdr.e_version = EV_CURRENT;
	f->ehdr.e_phoff = offsetof(struct file, phdrs);
	f->ehdr.e_phentsize = sizeof(Elf64_Phdr);
	f->ehdr.e_phnum = 3;
	f->ehdr.e_shoff = offsetof(struct file, shdrs);
	f->ehdr.e_shentsize = sizeof(Elf64_Shdr);
	f->ehdr.e_shnum = 5;
	f->ehdr.e_shstrndx = 4;
	f->phdrs[0] = (Elf64_Phdr){.p_type = PT_LOAD,
				   .p_flags = PF_R | PF_X,
				   .p_offset = offsetof(struct file, code),
				   .p_vaddr = PLT,
				   .p_filesz = sizeof(f->code),
				   .p_memsz = CODE + CODE_SIZE - PLT};
	f->phdrs[1] = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = CODE, .p_memsz = PLT - CODE};
	f->phdrs[2] = (Elf64_Phdr){.p_type = PT_GNU_EH_FRAME,
				   .p_offset = offsetof(struct file, hdr),
				   .p_vaddr = hdr,
				   .p_filesz = sizeof(f->hdr)};
	if (s->debug_frame)
		f->phdrs[2].p_type = PT_NULL;
	memcpy(f->hdr, (const uint8_t[]){1, 0x1b, 0x03, 0x3b}, 4);
	memcpy(f->hdr + 4, &distance, sizeof(distance));
	memcpy(f->frames, s->bytes, size);
	init_section_header(f, 1, ".eh_frame", offsetof(struct file, frames),
			    s->debug_frame ? 0 : size);
	init_section_header(f, 2, ".debug_frame", offsetof(struct file, frames),
			    s->debug_frame ? size : 0);
	init_section_header(f, 3, ".plt", offsetof(struct file, code), sizeof(f->code));
	init_section_header(f, 4, ".shstrtab", offsetof(struct file, names), sizeof(f->names));
	f->shdrs[1].sh_addr = SECTION_VADDR;
	f->shdrs[3].sh_addr = PLT;
	free_section(s);
}

/* Without section headers: .eh_frame is found by its segment, which is data then. */
static void drop_sections(struct file *f)
{
	f->ehdr.e_shnum = 0;
	f->ehdr.e_shoff = 0;
	f->phdrs[1].p_flags = PF_R;
	f->phdrs[1].p_offset = offsetof(struct file, hdr);
	f->phdrs[1].p_vaddr = f->phdrs[2].p_vaddr;
	f->phdrs[1].p_filesz = sizeof(*f) - offsetof(struct file, hdr);
	f->phdrs[1].p_memsz = f->phdrs[1].p_filesz;
}

static int bounds_of(const struct file *f, struct pb_bounds **out)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	int err = pb_elf_open_memory(&e, f, sizeof(*f));

	return err ? err : pb_bounds_new(out, e);
}

static void expect(const struct pb_bounds *b, uint64_t vaddr, uint64_t start, uint64_t end)
{
	uint64_t got_start, got_end;

	assert_int_equal(pb_bounds_find(b, vaddr, &got_start, &got_end), 0);
	assert_int_equal(got_start, start);
	assert_int_equal(got_end, end);
}

static void expect_none(const struct pb_bounds *b, uint64_t vaddr)
{
	uint64_t start = 1, end = 2;

	assert_int_equal(pb_bounds_find(b, vaddr, &start, &end), -ENOENT);
	assert_int_equal(start, 1);
	assert_int_equal(end, 2);
}

static void add_function(struct section *s, size_t cie, uint64_t start, uint64_t end)
{
	put_fde(s, cie, start, (uint32_t)(end - start), EMPTY);
}

static struct pb_bounds *good_bounds(struct section *s)
{
	struct file *f = malloc(sizeof(*f));
	struct pb_bounds *b = NULL;

	assert_non_null(f);
	init_file(f, s);
	assert_int_equal(bounds_of(f, &b), 0);
	free(f);
	return b;
}

static void functions_are_found_from_their_first_byte_to_their_last(void **state)
{
	pb_auto(pb_bounds) struct pb_bounds *b = NULL;
	struct section s;
	size_t cie;

	(void)state;
	init_section(&s);
	cie = put_cie(&s);
	add_function(&s, cie, CODE + 0x40, CODE + 0x80);
	add_function(&s, cie, CODE + 0x10, CODE + 0x30);
	b = good_bounds(&s);
	expect_none(b, 0);
	expect_none(b, CODE + 0xf);
	expect(b, CODE + 0x10, CODE + 0x10, CODE + 0x30);
	expect(b, CODE + 0x2f, CODE + 0x10, CODE + 0x30);
	expect_none(b, CODE + 0x30);
	expect(b, CODE + 0x7f, CODE + 0x40, CODE + 0x80);
	expect_none(b, CODE + 0x80);
	expect_none(b, UINT64_MAX);
}

static void debug_frame_is_read_where_there_is_no_eh_frame(void **state)
{
	pb_auto(pb_bounds) struct pb_bounds *b = NULL;
	struct section s;
	size_t entry;

	(void)state;
	init_section(&s);
	s.debug_frame = true;
	put_cie_as(&s, "", 0, EMPTY);
	entry = begin_entry(&s);
	put_cie_pointer(&s, 0);
	put_n(&s, CODE + 0x100, 8);
	put_n(&s, 0x20, 8);
	end_entry(&s, entry);
	b = good_bounds(&s);
	expect(b, CODE + 0x11f, CODE + 0x100, CODE + 0x120);
}

static void the_narrowest_of_several_wins(void **state)
{
	pb_auto(pb_bounds) struct pb_bounds *b = NULL;
	struct section s;
	size_t cie;

	(void)state;
	init_section(&s);
	cie = put_cie(&s);
	add_function(&s, cie, CODE, CODE + 0x1000);
	add_function(&s, cie, CODE + 0x100, CODE + 0x200);
	add_function(&s, cie, CODE + 0x180, CODE + 0x800);
	b = good_bounds(&s);
	expect(b, CODE + 0xff, CODE, CODE + 0x1000);
	expect(b, CODE + 0x100, CODE + 0x100, CODE + 0x200);
	expect(b, CODE + 0x1ff, CODE + 0x100, CODE + 0x200);
	expect(b, CODE + 0x200, CODE + 0x180, CODE + 0x800);
	expect(b, CODE + 0x800, CODE, CODE + 0x1000);
	expect_none(b, CODE + 0x1000);
}

static void overlapping_ranges_are_settled_as_a_search_through_all_would(void **state)
{
	enum { N = 200, SPAN = 0x2000 };
	struct {
		uint64_t start, end;
	} ranges[N];
	pb_auto(pb_bounds) struct pb_bounds *b = NULL;
	uint64_t seed = 7, at, start, end;
	struct section s;
	size_t cie;
	int i;

	(void)state;
	init_section(&s);
	cie = put_cie(&s);
	for (i = 0; i < N; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		ranges[i].start = CODE + (seed >> 33) % SPAN;
		ranges[i].end = ranges[i].start + 1 + (seed >> 20) % (i % 3 ? 30 : 1000);
		add_function(&s, cie, ranges[i].start, ranges[i].end);
	}
	b = good_bounds(&s);
	for (at = CODE; at < CODE + SPAN + 1000; at++) {
		uint64_t width = UINT64_MAX;

		for (i = 0; i < N; i++)
			if (at >= ranges[i].start && at < ranges[i].end &&
			    ranges[i].end - ranges[i].start < width)
				width = ranges[i].end - ranges[i].start;
		if (width == UINT64_MAX) {
			expect_none(b, at);
			continue;
		}
		assert_int_equal(pb_bounds_find(b, at, &start, &end), 0);
		assert_int_equal(end - start, width);
		assert_true(at >= start && at < end);
	}
}

static void ranges_outside_the_code_are_left_out_or_cut(void **state)
{
	pb_auto(pb_bounds) struct pb_bounds *b = NULL;
	struct section s;
	size_t cie;

	(void)state;
	init_section(&s);
	cie = put_cie(&s);
	add_function(&s, cie, 0, 0x40);
	add_function(&s, cie, CODE, CODE);
	add_function(&s, cie, CODE + CODE_SIZE - 0x10, CODE + CODE_SIZE + 0x10);
	b = good_bounds(&s);
	expect_none(b, 0x10);
	expect_none(b, CODE);
	expect(b, CODE + CODE_SIZE - 1, CODE + CODE_SIZE - 0x10, CODE + CODE_SIZE);
	expect_none(b, CODE + CODE_SIZE);
}

static void linkage_tables_are_no_function(void **state)
{
	pb_auto(pb_bounds) struct pb_bounds *b = NULL;
	struct section s;
	size_t cie;

	(void)state;
	init_section(&s);
	cie = put_cie(&s);
	add_function(&s, cie, CODE, CODE + 0x10);
	add_function(&s, cie, PLT, PLT + 64);
	b = good_bounds(&s);
	expect(b, CODE, CODE, CODE + 0x10);
	expect_none(b, PLT);
	expect_none(b, PLT + 63);
}

static void without_section_headers_linkage_tables_are_known_by_their_code(void **state)
{
	static const uint8_t push[] = {0xff, 0x35},
			     stub[] = {0xf3, 0x0f, 0x1e, 0xfa, 0xf2, 0xff, 0x25};
	pb_auto(pb_bounds) struct pb_bounds *b = NULL;
	pb_autofree struct file *f = malloc(sizeof(*f));
	struct section s;
	size_t cie;

	(void)state;
	assert_non_null(f);
	init_section(&s);
	cie = put_cie(&s);
	add_function(&s, cie, PLT, PLT + 16);
	add_function(&s, cie, PLT + 16, PLT + 32);
	add_function(&s, cie, PLT + 32, PLT + 48);
	put_n(&s, 0, 4);
	init_file(f, &s);
	drop_sections(f);
	memcpy(f->code, push, sizeof(push));
	memcpy(f->code + 16, stub, sizeof(stub));
	assert_int_equal(bounds_of(f, &b), 0);
	expect_none(b, PLT);
	expect_none(b, PLT + 16);
	expect(b, PLT + 33, PLT + 32, PLT + 48);
}

/* glibc begins it a byte early. */
static void the_return_from_a_signal_is_no_function(void **state)
{
	pb_auto(pb_bounds) struct pb_bounds *b = NULL;
	struct section s;
	size_t cie;

	(void)state;
	init_section(&s);
	add_function(&s, put_cie(&s), CODE, CODE + 0x10);
	cie = put_cie_as(&s, "zRS", 0x1b, EMPTY);
	add_function(&s, cie, CODE + SIGNAL_CODE - 1, CODE + SIGNAL_CODE + 9);
	b = good_bounds(&s);
	expect(b, CODE, CODE, CODE + 0x10);
	expect_none(b, CODE + SIGNAL_CODE);
}

static void what_cannot_be_read_has_no_bounds(void **state)
{
	pb_autofree struct file *f = malloc(sizeof(*f));
	struct pb_bounds *b = NULL;
	struct section s;

	(void)state;
	assert_non_null(f);
	init_section(&s);
	put_cie(&s);
	init_file(f, &s);
	assert_int_equal(bounds_of(f, &b), -ENODATA);
	init_section(&s);
	put_n(&s, 0x7fffffff, 4);
	init_file(f, &s);
	assert_int_equal(bounds_of(f, &b), -EPROTO);
	init_section(&s);
	add_function(&s, put_cie(&s), CODE, CODE + 0x10);
	s.machine = EM_S390;
	init_file(f, &s);
	assert_int_equal(bounds_of(f, &b), -ENOEXEC);
	assert_null(b);
	pb_bounds_free(NULL);
}

/* Functions of this program, at the addresses that it was linked at. */
static void functions_of_a_real_program_begin_where_they_do(void **state)
{
	const uint64_t functions[] = {(uint64_t)(uintptr_t)pb_bounds_new,
				      (uint64_t)(uintptr_t)pb_bounds_find,
				      (uint64_t)(uintptr_t)pb_elf_open};
	pb_auto(pb_bounds) struct pb_bounds *b = NULL;
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	pb_autoclose int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	uint64_t bias, start, end;
	size_t i;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(pb_elf_open(&e, fd), 0);
	assert_int_equal(pb_bounds_new(&b, e), 0);
	bias = getauxval(AT_ENTRY) - pb_elf_entry(e);
	for (i = 0; i < PB_ARRAY_SIZE(functions); i++) {
		assert_int_equal(pb_bounds_find(b, functions[i] - bias + 1, &start, &end), 0);
		assert_int_equal(start, functions[i] - bias);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_found_from_their_first_byte_to_their_last),
		cmocka_unit_test(debug_frame_is_read_where_there_is_no_eh_frame),
		cmocka_unit_test(the_narrowest_of_several_wins),
		cmocka_unit_test(overlapping_ranges_are_settled_as_a_search_through_all_would),
		cmocka_unit_test(ranges_outside_the_code_are_left_out_or_cut),
		cmocka_unit_test(linkage_tables_are_no_function),
		cmocka_unit_test(without_section_headers_linkage_tables_are_known_by_their_code),
		cmocka_unit_test(the_return_from_a_signal_is_no_function),
		cmocka_unit_test(what_cannot_be_read_has_no_bounds),
		cmocka_unit_test(functions_of_a_real_program_begin_where_they_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
