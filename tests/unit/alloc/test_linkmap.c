/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Lists of a loader in a made-up memory, and this program's own. */
#include "user/alloc/linkmap.h"

#include <elf.h>
#include <errno.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define BASE   0x10000ull /* where the memory lies */
#define BIAS   0x4000ull
#define MAPS   0x1000 /* offsets in it */
#define OBJECT 0x40

/* Program headers at its start, then the dynamic section, r_debug, and the list. */
static uint8_t memory[1 << 21];
static uint64_t auxv[8];

static int read_memory(void *ctx, uint64_t addr, void *to, size_t len)
{
	(void)ctx;
	if (addr < BASE || addr - BASE > sizeof(memory) || len > sizeof(memory) - (addr - BASE))
		return -EIO;
	memcpy(to, memory + (addr - BASE), len);
	return 0;
}

static void put(uint64_t off, uint64_t value)
{
	memcpy(memory + off, &value, sizeof(value));
}

static uint64_t map_addr(uint32_t i)
{
	return BASE + MAPS + (uint64_t)i * OBJECT;
}

/* An element of the list: l_ld is 0x7000 + i. */
static void put_map(uint32_t i, uint64_t next, uint64_t prev)
{
	uint64_t off = map_addr(i) - BASE;

	put(off + 16, 0x7000 + i);
	put(off + 24, next);
	put(off + 32, prev);
}

/* A list of @n objects from number @first on. */
static void put_list(uint32_t first, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		put_map(first + i, i + 1 < n ? map_addr(first + i + 1) : 0,
			i ? map_addr(first + i - 1) : 0);
}

static void put_debug(uint64_t off, uint64_t version, uint64_t map, uint64_t next)
{
	put(off, version);
	put(off + 8, map);
	put(off + 40, next);
}

static void init(void)
{
	Elf64_Phdr phdrs[] = {
		{.p_type = PT_PHDR, .p_vaddr = BASE - BIAS},
		{.p_type = PT_DYNAMIC, .p_vaddr = BASE - BIAS + 0x200, .p_memsz = 0x100},
	};
	uint64_t words[] = {AT_PHDR, BASE, AT_PHNUM, 2, AT_PHENT, sizeof(*phdrs), AT_NULL, 0};

	memset(memory, 0, sizeof(memory));
	memcpy(memory, phdrs, sizeof(phdrs));
	memcpy(auxv, words, sizeof(auxv));
	put(0x200, DT_STRTAB);
	put(0x210, DT_DEBUG);
	put(0x218, BASE + 0x400);
	put_debug(0x400, 1, map_addr(0), 0);
	put_list(0, 4);
}

static int parse(struct pb_linkmap *out)
{
	return pb_linkmap_parse(out, auxv, sizeof(auxv), read_memory, NULL);
}

/* What parse() gives, and how many objects. */
static void expect(int err, uint32_t n)
{
	struct pb_linkmap l;
	uint32_t i;

	assert_int_equal(parse(&l), err);
	assert_int_equal(l.n, n);
	for (i = 0; i < n; i++)
		assert_int_equal(l.objects[i].dynamic, 0x7000 + i);
	free(l.objects);
}

static void the_list_is_read_in_its_order(void **state)
{
	struct pb_linkmap l;

	(void)state;
	init();
	expect(0, 4);
	assert_int_equal(parse(&l), 0);
	assert_int_equal(l.program, BASE);
	free(l.objects);
}

static void namespaces_are_told_apart(void **state)
{
	struct pb_linkmap l;

	(void)state;
	init();
	put_list(4, 2);
	put_debug(0x500, 2, map_addr(4), 0);
	/* Version 1 has no word there. */
	put_debug(0x400, 1, map_addr(0), BASE + 0x500);
	expect(0, 4);
	put_debug(0x400, 2, map_addr(0), BASE + 0x500);
	expect(0, 6);
	assert_int_equal(parse(&l), 0);
	assert_int_equal(l.objects[3].scope, 0);
	assert_int_equal(l.objects[4].scope, 1);
	free(l.objects);
}

static void a_program_without_a_list_is_told(void **state)
{
	(void)state;
	init();
	put(0x218, 0);
	expect(-ENODATA, 0);
	init();
	put(0x210, DT_NULL);
	expect(-ENODATA, 0);
	/* Before its loader has run. */
	init();
	put_debug(0x400, 1, 0, 0);
	expect(-ENODATA, 0);
	init();
	put_debug(0x400, 0, map_addr(0), 0);
	expect(-ENODATA, 0);
}

static void rings_and_loose_ends_are_left(void **state)
{
	struct pb_linkmap l;

	(void)state;
	init();
	put_map(3, map_addr(0), map_addr(2));
	expect(-ENODATA, 4);
	init();
	put_map(3, map_addr(1), map_addr(2));
	expect(-ENODATA, 4);
	init();
	put_map(2, map_addr(2), map_addr(1));
	expect(-ENODATA, 3);
	init();
	put_map(1, UINT64_MAX - 8, map_addr(0));
	expect(-ENODATA, 2);
	/* Namespaces in a ring. */
	init();
	put_debug(0x400, 2, map_addr(0), BASE + 0x400);
	assert_int_equal(parse(&l), 0);
	assert_int_equal(l.n, 16 * 4);
	free(l.objects);
}

static void a_list_without_end_is_cut(void **state)
{
	struct pb_linkmap l;

	(void)state;
	init();
	put_list(0, (sizeof(memory) - MAPS) / OBJECT);
	assert_true((sizeof(memory) - MAPS) / OBJECT > 16384);
	assert_int_equal(parse(&l), -ENODATA);
	assert_int_equal(l.n, 16384);
	free(l.objects);
	memset(memory + MAPS, 0xff, sizeof(memory) - MAPS);
	expect(-ENODATA, 0);
}

static void an_auxv_that_lies_leads_nowhere(void **state)
{
	uint64_t good[8];
	uint32_t i;

	(void)state;
	init();
	memcpy(good, auxv, sizeof(good));
	for (i = 1; i < 6; i += 2) {
		memcpy(auxv, good, sizeof(auxv));
		auxv[i] = UINT64_MAX;
		expect(-ENODATA, 0);
		auxv[i] = 0;
		expect(-ENODATA, 0);
	}
	expect(-ENODATA, 0);
}

static void a_program_without_pt_phdr_is_found_by_its_first_segment(void **state)
{
	Elf64_Phdr load = {.p_type = PT_LOAD, .p_vaddr = BASE - BIAS - sizeof(Elf64_Ehdr)};

	(void)state;
	init();
	memcpy(memory, &load, sizeof(load));
	expect(0, 4);
}

static int count(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)info;
	(void)size;
	++*(uint32_t *)ctx;
	return 0;
}

static void this_program_s_own_list_is_read(void **state)
{
	struct pb_linkmap l;
	uint32_t n = 0;

	(void)state;
	dl_iterate_phdr(count, &n);
	assert_int_equal(pb_linkmap_read(&l, (uint32_t)getpid()), 0);
	assert_int_equal(l.n, n);
	assert_int_equal(l.objects[0].dynamic, (uintptr_t)_DYNAMIC);
	free(l.objects);
	assert_int_equal(pb_linkmap_read(&l, UINT32_MAX), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_list_is_read_in_its_order),
		cmocka_unit_test(namespaces_are_told_apart),
		cmocka_unit_test(a_program_without_a_list_is_told),
		cmocka_unit_test(rings_and_loose_ends_are_left),
		cmocka_unit_test(a_list_without_end_is_cut),
		cmocka_unit_test(an_auxv_that_lies_leads_nowhere),
		cmocka_unit_test(a_program_without_pt_phdr_is_found_by_its_first_segment),
		cmocka_unit_test(this_program_s_own_list_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
