/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Files made by hand, this program itself, what compilers write, and a file that is opened late. */
#include "user/unwind/module.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "section.h"
#include "tests/unit/unwind/tables.h"
#include "user/core/elf.h"
#include "user/core/files.h"
#include "user/core/report.h"
#include "user/core/track.h"
#include "user/core/vdso.h"
#include "user/unwind/modules.h"
#include "user/unwind/store.h"

#define CODE 0x400000ull
/* Two functions: how much of the file is theirs. */
#define LEN  0x100u

/* What a file is made of. */
struct parts {
	struct section *eh_frame, *debug_frame; /* freed */
	bool with_hdr;                          /* PT_GNU_EH_FRAME */
	bool without_sections;
	bool is_packed; /* .debug_frame */
};

struct file {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdrs[3];
	Elf64_Shdr shdrs[4];
	char names[64];
	uint8_t hdr[16]; /* .eh_frame_hdr */
	uint8_t eh_frame[1024];
	uint8_t debug_frame[1024];
};

static void set_section(struct file *f, uint32_t i, const char *name, size_t off, size_t size)
{
	size_t at = 16 * i;

	snprintf(f->names + at, 16, "%s", name);
	f->shdrs[i].sh_name = (uint32_t)at;
	f->shdrs[i].sh_type = SHT_PROGBITS;
	f->shdrs[i].sh_offset = off;
	f->shdrs[i].sh_size = size;
}

static size_t pack(uint8_t *to, size_t room, const struct section *s)
{
	Elf64_Chdr c = {.ch_type = ELFCOMPRESS_ZLIB, .ch_size = s->size};
	uLongf packed = room - sizeof(c);

	memcpy(to, &c, sizeof(c));
	assert_int_equal(compress(to + sizeof(c), &packed, s->bytes, s->size), Z_OK);
	return sizeof(c) + packed;
}

static void set_sections(struct file *f, const struct parts *parts)
{
	size_t size;

	if (!parts->without_sections) {
		f->ehdr.e_shoff = offsetof(struct file, shdrs);
		f->ehdr.e_shentsize = sizeof(Elf64_Shdr);
		f->ehdr.e_shnum = 4;
		f->ehdr.e_shstrndx = 3;
	}
	set_section(f, 3, ".shstrtab", offsetof(struct file, names), sizeof(f->names));
	if (parts->eh_frame) {
		assert_true(parts->eh_frame->size <= sizeof(f->eh_frame));
		memcpy(f->eh_frame, parts->eh_frame->bytes, parts->eh_frame->size);
		set_section(f, 1, ".eh_frame", offsetof(struct file, eh_frame),
			    parts->eh_frame->size);
		f->shdrs[1].sh_addr = SECTION_VADDR;
		free_section(parts->eh_frame);
	}
	if (parts->debug_frame) {
		size = parts->debug_frame->size;
		assert_true(size <= sizeof(f->debug_frame));
		if (parts->is_packed)
			size = pack(f->debug_frame, sizeof(f->debug_frame), parts->debug_frame);
		else
			memcpy(f->debug_frame, parts->debug_frame->bytes, size);
		set_section(f, 2, ".debug_frame", offsetof(struct file, debug_frame), size);
		f->shdrs[2].sh_flags = parts->is_packed ? SHF_COMPRESSED : 0;
		free_section(parts->debug_frame);
	}
}

static void init_file(struct file *f, const struct parts *parts)
{
	const uint64_t hdr =
		SECTION_VADDR + offsetof(struct file, hdr) - offsetof(struct file, eh_frame);
	/* Version, encodings, and the distance to .eh_frame from here. */
	const int32_t distance = (int32_t)(SECTION_VADDR - (hdr + 4));

	memset(f, 0, sizeof(*f));
	memcpy(f->ehdr.e_ident, ELFMAG, SELFMAG);
	f->ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	f->ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	f->ehdr.e_ident[EI_VERSION] = EV_CURRENT;
	f->ehdr.e_type = ET_DYN;
	f->ehdr.e_machine = EM_X86_64;
	f->ehdr.e_version = EV_CURRENT;
	f->ehdr.e_phoff = offsetof(struct file, phdrs);
	f->ehdr.e_phentsize = sizeof(Elf64_Phdr);
	f->ehdr.e_phnum = parts->with_hdr ? 3 : 2;
	/* Code is not in the file at all. */
	f->phdrs[0] = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = CODE, .p_memsz = 0x10000};
	f->phdrs[1] = (Elf64_Phdr){.p_type = PT_LOAD,
				   .p_flags = PF_R,
				   .p_offset = offsetof(struct file, hdr),
				   .p_vaddr = hdr,
				   .p_filesz = sizeof(f->hdr) + sizeof(f->eh_frame),
				   .p_memsz = sizeof(f->hdr) + sizeof(f->eh_frame)};
	f->phdrs[2] = (Elf64_Phdr){.p_type = PT_GNU_EH_FRAME,
				   .p_offset = offsetof(struct file, hdr),
				   .p_vaddr = hdr,
				   .p_filesz = sizeof(f->hdr)};
	memcpy(f->hdr, (const uint8_t[]){1, 0x1b, 0x03, 0x3b}, 4);
	memcpy(f->hdr + 4, &distance, sizeof(distance));
	set_sections(f, parts);
}

static int compile(const struct file *f, struct pb_unwind_table **out)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;

	assert_int_equal(pb_elf_open_memory(&e, f, sizeof(*f)), 0);
	return pb_unwind_module(out, e);
}

/* The CFA's offset in the first function of a file; a negative error. */
static int cfa_of(const struct file *f)
{
	struct pb_unwind_table *t = NULL;
	int err = compile(f, &t), off;

	if (err)
		return err;
	off = pb_unwind_lookup(t, CODE)->cfa_off;
	pb_unwind_table_free(t);
	return off;
}

static void init_eh_frame(struct section *s)
{
	init_section(s);
	put_fde(s, put_cie(s), CODE, LEN, PROGRAM(DEF_CFA_OFF, 16));
	put_n(s, 0, 4);
}

static void init_debug_frame(struct section *s)
{
	size_t entry;

	init_section(s);
	s->debug_frame = true;
	put_cie_as(s, "", 0, PROGRAM(DEF_CFA, RSP, 8, OFFSET(RIP, 1)));
	entry = begin_entry(s);
	put_cie_pointer(s, 0);
	put_n(s, CODE, 8);
	put_n(s, LEN, 8);
	put(s, PROGRAM(DEF_CFA_OFF, 32));
	end_entry(s, entry);
}

static void eh_frame_is_found_by_its_section(void **state)
{
	struct section eh, debug;
	struct file f;

	(void)state;
	init_eh_frame(&eh);
	init_debug_frame(&debug);
	init_file(&f, &(struct parts){.eh_frame = &eh, .debug_frame = &debug});
	assert_int_equal(cfa_of(&f), 16);
}

static void without_section_headers_it_is_found_by_its_segment(void **state)
{
	struct section eh;
	struct file f;
	uint64_t absolute = SECTION_VADDR;
	int32_t relative;

	(void)state;
	init_eh_frame(&eh);
	init_file(&f, &(struct parts){.eh_frame = &eh, .with_hdr = true, .without_sections = true});
	/* What follows behind the terminator is no entry. */
	memset(f.eh_frame + 200, 0xff, sizeof(f.eh_frame) - 200);
	assert_int_equal(cfa_of(&f), 16);
	f.hdr[1] = 0x3b; /* relative to the header */
	relative = (int32_t)(SECTION_VADDR - f.phdrs[2].p_vaddr);
	memcpy(f.hdr + 4, &relative, sizeof(relative));
	assert_int_equal(cfa_of(&f), 16);
	f.hdr[1] = 0x00;
	memcpy(f.hdr + 4, &absolute, sizeof(absolute));
	assert_int_equal(cfa_of(&f), 16);
	f.hdr[1] = 0xff;
	assert_int_equal(cfa_of(&f), -EPROTO);
	f.hdr[1] = 0x00;
	f.hdr[0] = 2;
	assert_int_equal(cfa_of(&f), -EPROTO);
	f.hdr[0] = 1;
	memset(f.hdr + 4, 0x7f, 8); /* nowhere */
	assert_int_equal(cfa_of(&f), -EPROTO);
	f.phdrs[2].p_filesz = 7;
	assert_int_equal(cfa_of(&f), -EPROTO);
	f.phdrs[2].p_filesz = 8;
	f.phdrs[2].p_offset = UINT64_MAX;
	assert_int_equal(cfa_of(&f), -EPROTO);
}

static void debug_frame_is_taken_where_eh_frame_is_absent_or_empty(void **state)
{
	struct section eh, debug;
	struct file f;
	bool is_packed;

	(void)state;
	for (is_packed = false;; is_packed = true) {
		init_debug_frame(&debug);
		init_file(&f, &(struct parts){.debug_frame = &debug, .is_packed = is_packed});
		assert_int_equal(cfa_of(&f), 32);
		init_section(&eh);
		put_n(&eh, 0, 4);
		init_debug_frame(&debug);
		init_file(&f, &(struct parts){.eh_frame = &eh,
					      .debug_frame = &debug,
					      .is_packed = is_packed});
		f.ehdr.e_entry = CODE + 0x400; /* which is known without either */
		assert_int_equal(cfa_of(&f), 32);
		if (is_packed)
			break;
	}
	/* A debug file has the header of .eh_frame, and its contents elsewhere. */
	init_eh_frame(&eh);
	init_debug_frame(&debug);
	init_file(&f, &(struct parts){.eh_frame = &eh, .debug_frame = &debug});
	f.shdrs[1].sh_type = SHT_NOBITS;
	assert_int_equal(cfa_of(&f), 32);
}

static void a_file_without_unwind_information_has_no_table(void **state)
{
	struct file f;

	(void)state;
	init_file(&f, &(struct parts){0});
	assert_int_equal(cfa_of(&f), -ENODATA);
	init_file(&f, &(struct parts){.without_sections = true});
	assert_int_equal(cfa_of(&f), -ENODATA);
}

static void code_is_what_executable_segments_hold(void **state)
{
	struct pb_unwind_table *t = NULL;
	struct section eh;
	struct file f;

	(void)state;
	init_eh_frame(&eh);
	init_file(&f, &(struct parts){.eh_frame = &eh});
	f.phdrs[0].p_flags = PF_R;
	assert_int_equal(cfa_of(&f), -ENODATA);
	f.phdrs[0].p_flags = PF_X;
	f.phdrs[0].p_memsz = UINT64_MAX; /* around the end of all addresses */
	assert_int_equal(cfa_of(&f), -ENODATA);
	/* Two segments over each other. */
	f.phdrs[0].p_memsz = LEN / 2;
	f.phdrs[1].p_flags = PF_X;
	f.phdrs[1].p_vaddr = CODE + LEN / 4;
	f.phdrs[1].p_memsz = LEN / 2;
	assert_int_equal(compile(&f, &t), 0);
	assert_int_equal(pb_unwind_lookup(t, CODE + LEN / 4 + LEN / 2 - 1)->cfa, PB_CFA_SP);
	assert_int_equal(pb_unwind_lookup(t, CODE + LEN / 4 + LEN / 2)->cfa, PB_CFA_NONE);
	pb_unwind_table_free(t);
}

static void malformed_files_are_refused(void **state)
{
	struct section eh;
	struct file f;

	(void)state;
	init_eh_frame(&eh);
	init_file(&f, &(struct parts){.eh_frame = &eh});
	f.ehdr.e_machine = EM_386;
	assert_int_equal(cfa_of(&f), -ENOEXEC);
	f.ehdr.e_machine = EM_X86_64;
	f.shdrs[1].sh_size = sizeof(f);
	assert_int_equal(cfa_of(&f), -EPROTO);
	f.shdrs[1].sh_size = 1ull << 40;
	assert_int_equal(cfa_of(&f), -EFBIG);
	f.shdrs[1].sh_size = (32u << 20) + 1; /* what it costs is proportional to that */
	assert_int_equal(cfa_of(&f), -EFBIG);
	f.shdrs[1].sh_size = 32u << 20;
	assert_int_equal(cfa_of(&f), -EPROTO);
	f.shdrs[1].sh_size = 20;
	memset(f.eh_frame, 0xee, 20);
	assert_int_equal(cfa_of(&f), -EPROTO);
}

static void a_file_of_32_bits_has_no_table(void **state)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	struct pb_unwind_table *t = NULL;
	Elf32_Ehdr ehdr = {.e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = EV_CURRENT};

	(void)state;
	memcpy(ehdr.e_ident, ELFMAG, SELFMAG);
	ehdr.e_ident[EI_CLASS] = ELFCLASS32;
	ehdr.e_ident[EI_DATA] = ELFDATA2LSB;
	ehdr.e_ident[EI_VERSION] = EV_CURRENT;
	assert_int_equal(pb_elf_open_memory(&e, &ehdr, sizeof(ehdr)), 0);
	assert_int_equal(pb_unwind_module(&t, e), -ENOEXEC);
	assert_null(t);
}

/* Where this program is loaded. */
extern const char __executable_start[];

__attribute__((noinline)) static int some_function(int x)
{
	return x + getpid();
}

static void this_program_tells_how_its_functions_begin_and_end_at_its_entry(void **state)
{
	pb_auto(pb_unwind_table) struct pb_unwind_table *t = NULL;
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	pb_autoclose int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	const uint64_t function = (uint64_t)(uintptr_t)some_function;
	const struct pb_unwind_rule *rule;

	(void)state;
	assert_int_equal(pb_elf_open(&e, fd), 0);
	if (pb_unwind_module(&t, e) == -ENOEXEC)
		skip(); /* not one of the machines that have tables */
	assert_non_null(t);
	assert_int_equal(t->n_malformed, 0);
	rule = pb_unwind_lookup(t, function - (uint64_t)(uintptr_t)__executable_start);
	assert_int_equal(rule->cfa, PB_CFA_SP);
	assert_int_equal(rule->fp, PB_FP_SAME);
	if (pb_elf_machine(e) == EM_X86_64) {
		assert_int_equal(rule->cfa_off, 8);
		assert_int_equal(rule->ra, PB_RA_CFA);
		assert_int_equal(rule->ra_off, -8);
	} else {
		assert_int_equal(rule->cfa_off, 0);
		assert_int_equal(rule->ra, PB_RA_REG);
		assert_int_equal(rule->reg, 30);
	}
	assert_int_equal(pb_unwind_lookup(t, pb_elf_entry(e))->cfa, PB_CFA_END);
	assert_true(some_function(1) > 0);
}

static void the_vdso_has_a_table(void **state)
{
	pb_auto(pb_unwind_table) struct pb_unwind_table *t = NULL;
	pb_auto(pb_elf) struct pb_elf *e = NULL;

	(void)state;
	if (!getauxval(AT_SYSINFO_EHDR) || pb_vdso_open(&e))
		skip();
	assert_int_equal(pb_unwind_module(&t, e), 0);
	assert_true(t->n_functions > 0);
	assert_int_equal(t->n_malformed, 0);
}

/* The only file, as pb_files knows it. */
static int file_fd = -1;

int pb_files_fd(const struct pb_files *f, uint32_t id)
{
	(void)f;
	(void)id;
	return file_fd;
}

const char *pb_files_path(const struct pb_files *f, uint32_t id)
{
	(void)f;
	(void)id;
	return "/usr/lib/libmade-up.so";
}

static uint64_t files_without(const struct pb_modules *m)
{
	struct pb_report report = {0};

	pb_modules_describe(m, &report);
	return report.unwind_without;
}

static struct tables maps;
static struct pb_store *store;
static struct pb_modules *modules;

static int teardown(void **state)
{
	(void)state;
	pb_modules_free(pb_take(modules));
	pb_store_free(pb_take(store));
	close_tables(&maps);
	if (file_fd >= 0)
		close(file_fd);
	file_fd = -1;
	return 0;
}

static void open_modules(void)
{
	if (!make_tables(&maps, 16)) {
		print_message("BPF maps are not permitted here\n");
		skip();
	}
	assert_int_equal(
		pb_store_new(&store, &(struct pb_store_maps){maps.segments, maps.pages, maps.rules},
			     1 << 24),
		0);
	assert_int_equal(pb_modules_new(&modules, NULL, store), 0);
}

/* The file is this program, opened or not: where its code is. */
static struct pb_place place_of_file(void)
{
	struct pb_place place = {.kind = PB_MODULE_FILE, .start = CODE, .end = CODE + 0x1000};
	pb_autoclose int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	const Elf64_Phdr *loads;
	uint32_t n, i;

	assert_int_equal(pb_elf_open(&e, fd), 0);
	loads = pb_elf_loads(e, &n);
	for (i = 0; i < n; i++) {
		if (loads[i].p_flags & PF_X)
			place.file_off = loads[i].p_offset;
	}
	return place;
}

static void a_file_that_could_not_be_opened_has_its_table_once_it_is(void **state)
{
	const struct pb_place place = place_of_file();
	struct pb_unwind_mapping mapping = {0};
	uint32_t module, i;

	(void)state;
	open_modules();
	/* Of whoever maps it, and of nobody if it stays so. */
	for (i = 0; i < 3; i++) {
		assert_int_equal(pb_modules_use(modules, &place, &mapping, &module), 0);
		assert_int_equal(mapping.n_pages, 0);
		assert_int_equal(files_without(modules), 1);
	}
	file_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(pb_modules_use(modules, &place, &mapping, &module), 1);
	assert_true(mapping.n_pages > 0);
	assert_int_equal(files_without(modules), 0);
	pb_modules_release(modules, module);
}

/* All rules but for @left are taken, by a table with one row. */
static void take_rules(uint32_t left, struct pb_stored *stored)
{
	struct pb_unwind_span page = {0, 1};
	uint32_t row = 1, n = pb_store_rules_free(store) - left, i;
	struct pb_unwind_table t = {.pages = &page, .n_pages = 1, .rows = &row, .n_rows = 1};

	t.n_rules = n;
	t.rules = calloc(n, sizeof(*t.rules));
	assert_non_null(t.rules);
	for (i = 0; i < n; i++)
		t.rules[i] = (struct pb_unwind_rule){
			.cfa = PB_CFA_REG, .cfa_off = (int32_t)i, .cfa_add = 99};
	assert_int_equal(pb_store_put(store, &t, stored), 0);
	free(t.rules);
}

static void a_module_without_room_for_its_rules_waits_for_what_is_unused(void **state)
{
	const struct pb_place vdso = {.kind = PB_MODULE_VDSO, .file = PB_NONE, .start = CODE};
	const struct pb_place place = place_of_file();
	struct pb_unwind_mapping mapping = {0};
	struct pb_stored hog = {0};
	uint32_t module, n_free;

	(void)state;
	open_modules();
	if (!getauxval(AT_SYSINFO_EHDR))
		skip();
	pb_modules_tick(modules, 1);
	n_free = pb_store_rules_free(store);
	assert_int_equal(pb_modules_use(modules, &vdso, &mapping, &module), 1);
	assert_true(pb_store_rules_free(store) < n_free);
	pb_modules_release(modules, module);
	take_rules(0, &hog);
	file_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(pb_modules_use(modules, &place, &mapping, &module), -ENOSPC);
	assert_int_equal(pb_modules_use(modules, &place, &mapping, &module), -ENOSPC);
	assert_int_equal(pb_store_rules_free(store), 0);
	assert_false(pb_modules_tick(modules, 2));
	pb_store_drop(store, &hog, 0);
	/* There is room now, but nobody has told; the vdso's table goes, and that does. */
	assert_int_equal(pb_modules_use(modules, &place, &mapping, &module), -ENOSPC);
	assert_true(pb_modules_tick(modules, PB_UNWIND_GRACE_NS + 3));
	assert_int_equal(pb_store_rules_free(store), n_free);
	assert_int_equal(pb_modules_use(modules, &place, &mapping, &module), 1);
	pb_modules_release(modules, module);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eh_frame_is_found_by_its_section),
		cmocka_unit_test(without_section_headers_it_is_found_by_its_segment),
		cmocka_unit_test(debug_frame_is_taken_where_eh_frame_is_absent_or_empty),
		cmocka_unit_test(a_file_without_unwind_information_has_no_table),
		cmocka_unit_test(code_is_what_executable_segments_hold),
		cmocka_unit_test(malformed_files_are_refused),
		cmocka_unit_test(a_file_of_32_bits_has_no_table),
		cmocka_unit_test(this_program_tells_how_its_functions_begin_and_end_at_its_entry),
		cmocka_unit_test(the_vdso_has_a_table),
		cmocka_unit_test_teardown(a_file_that_could_not_be_opened_has_its_table_once_it_is,
					  teardown),
		cmocka_unit_test_teardown(
			a_module_without_room_for_its_rules_waits_for_what_is_unused, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
