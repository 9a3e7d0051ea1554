/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/shared/symtab.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PARTS 200
#define SPACE 1000

static struct pb_symtab *new_table(void)
{
	struct pb_symtab *t = NULL;

	assert_int_equal(pb_symtab_new(&t), 0);
	return t;
}

static void add(struct pb_symtab *t, uint64_t addr, uint64_t size, uint32_t rank, const char *name)
{
	assert_int_equal(pb_symtab_add(t, addr, size, rank, name, strlen(name)), 0);
}

static const char *name_at(const struct pb_symtab *t, uint64_t addr)
{
	const struct pb_symbol *s = pb_symtab_find(t, addr);

	return s ? s->name : "none";
}

static void an_empty_table_knows_nothing(void **state)
{
	struct pb_symtab *t = new_table();

	(void)state;
	assert_int_equal(pb_symtab_finish(t, 0), 0);
	assert_null(pb_symtab_find(t, 0));
	assert_null(pb_symtab_find(t, UINT64_MAX));
	assert_int_equal(pb_symtab_count(t), 0);
	pb_symtab_free(t);
	pb_symtab_free(NULL);
}

static void a_symbol_covers_its_bytes_and_no_more(void **state)
{
	struct pb_symtab *t = new_table();
	const struct pb_symbol *s;

	(void)state;
	add(t, 0x2000, 0x10, PB_SYMBOL_GLOBAL, "second");
	add(t, 0x1000, 0x10, PB_SYMBOL_LOCAL, "first");
	assert_int_equal(pb_symtab_finish(t, 0), 0);
	assert_null(pb_symtab_find(t, 0xfff));
	assert_string_equal(name_at(t, 0x1000), "first");
	assert_string_equal(name_at(t, 0x100f), "first");
	assert_null(pb_symtab_find(t, 0x1010));
	assert_null(pb_symtab_find(t, 0x1fff));
	assert_string_equal(name_at(t, 0x2000), "second");
	assert_null(pb_symtab_find(t, 0x2010));
	s = pb_symtab_find(t, 0x2008);
	assert_int_equal(s->addr, 0x2000);
	assert_int_equal(s->size, 0x10);
	assert_int_equal(s->rank, PB_SYMBOL_GLOBAL);
	pb_symtab_free(t);
}

static void a_nested_symbol_interrupts_the_outer_one(void **state)
{
	struct pb_symtab *t = new_table();

	(void)state;
	add(t, 100, 100, PB_SYMBOL_GLOBAL, "outer");
	add(t, 120, 10, PB_SYMBOL_LOCAL, "inner");
	add(t, 125, 2, PB_SYMBOL_LOCAL, "innermost");
	assert_int_equal(pb_symtab_finish(t, 0), 0);
	assert_string_equal(name_at(t, 119), "outer");
	assert_string_equal(name_at(t, 120), "inner");
	assert_string_equal(name_at(t, 125), "innermost");
	assert_string_equal(name_at(t, 127), "inner");
	assert_string_equal(name_at(t, 130), "outer");
	assert_string_equal(name_at(t, 199), "outer");
	assert_null(pb_symtab_find(t, 200));
	/* It is still the function that begins at 100. */
	assert_int_equal(pb_symtab_find(t, 150)->addr, 100);
	pb_symtab_free(t);
}

static void a_symbol_without_a_size_covers_nothing(void **state)
{
	struct pb_symtab *t = new_table();

	(void)state;
	add(t, 100, 0, PB_SYMBOL_GLOBAL, "label");
	add(t, 100, 8, PB_SYMBOL_LOCAL, "function");
	add(t, 300, 0, PB_SYMBOL_GLOBAL, "end");
	assert_int_equal(pb_symtab_finish(t, 0), 0);
	assert_string_equal(name_at(t, 100), "function");
	assert_null(pb_symtab_find(t, 300));
	assert_int_equal(pb_symtab_count(t), 1);
	pb_symtab_free(t);
}

static void a_symbol_at_the_end_of_the_address_space_does_not_wrap(void **state)
{
	struct pb_symtab *t = new_table();

	(void)state;
	add(t, UINT64_MAX - 16, UINT64_MAX, PB_SYMBOL_GLOBAL, "last");
	add(t, UINT64_MAX, 1, PB_SYMBOL_GLOBAL, "beyond");
	assert_int_equal(pb_symtab_finish(t, 0), 0);
	assert_string_equal(name_at(t, UINT64_MAX - 1), "last");
	assert_null(pb_symtab_find(t, 0));
	assert_null(pb_symtab_find(t, UINT64_MAX - 17));
	pb_symtab_free(t);
}

/* The name chosen among @n aliases, whatever their order. */
static void expect_choice(const char *best, const struct pb_symbol *aliases, size_t n)
{
	size_t first, i;

	for (first = 0; first < n; first++) {
		struct pb_symtab *t = new_table();

		for (i = 0; i < n; i++) {
			const struct pb_symbol *s = &aliases[(first + i) % n];

			add(t, 0x400, 16, s->rank, s->name);
		}
		assert_int_equal(pb_symtab_finish(t, 0), 0);
		assert_string_equal(name_at(t, 0x404), best);
		pb_symtab_free(t);
	}
}

static void among_aliases_the_name_people_know_is_chosen(void **state)
{
	static const struct pb_symbol ranks[] = {
		{.name = "a", .rank = PB_SYMBOL_LOCAL},
		{.name = "bb", .rank = PB_SYMBOL_WEAK},
		{.name = "ccc", .rank = PB_SYMBOL_GLOBAL},
	};
	static const struct pb_symbol mallocs[] = {
		{.name = "__libc_malloc", .rank = PB_SYMBOL_GLOBAL},
		{.name = "malloc", .rank = PB_SYMBOL_GLOBAL},
		{.name = "__malloc", .rank = PB_SYMBOL_LOCAL},
		{.name = "__GI___libc_malloc", .rank = PB_SYMBOL_LOCAL},
	};
	static const struct pb_symbol reads[] = {
		{.name = "__read", .rank = PB_SYMBOL_GLOBAL},
		{.name = "__libc_read", .rank = PB_SYMBOL_GLOBAL},
		{.name = "read", .rank = PB_SYMBOL_WEAK},
		{.name = "__GI___read", .rank = PB_SYMBOL_LOCAL},
	};
	static const struct pb_symbol puts[] = {
		{.name = "_IO_puts", .rank = PB_SYMBOL_GLOBAL},
		{.name = "puts", .rank = PB_SYMBOL_WEAK},
	};
	static const struct pb_symbol missing[] = {
		{.name = "__x64_sys_ni_syscall", .rank = PB_SYMBOL_GLOBAL},
		{.name = "__x64_sys_lsm_list", .rank = PB_SYMBOL_WEAK},
		{.name = "syscall2", .rank = PB_SYMBOL_WEAK},
	};
	static const struct pb_symbol starts[] = {
		{.name = "__libc_start_main", .rank = PB_SYMBOL_GLOBAL},
		{.name = "__libc_start_main_impl", .rank = PB_SYMBOL_LOCAL},
	};

	(void)state;
	expect_choice("ccc", ranks, PB_ARRAY_SIZE(ranks));
	expect_choice("malloc", mallocs, PB_ARRAY_SIZE(mallocs));
	expect_choice("read", reads, PB_ARRAY_SIZE(reads));
	expect_choice("puts", puts, PB_ARRAY_SIZE(puts));
	expect_choice("__x64_sys_ni_syscall", missing, PB_ARRAY_SIZE(missing));
	expect_choice("__libc_start_main", starts, PB_ARRAY_SIZE(starts));
}

static void the_later_entry_owns_its_whole_range(void **state)
{
	struct pb_symtab *t = new_table();

	(void)state;
	add(t, 100, 100, PB_SYMBOL_GLOBAL, "old");
	add(t, 300, 10, PB_SYMBOL_GLOBAL, "gone");
	add(t, 150, 100, PB_SYMBOL_GLOBAL, "middle");
	add(t, 90, 20, PB_SYMBOL_GLOBAL, "front");
	add(t, 160, 10, PB_SYMBOL_GLOBAL, "new");
	add(t, 290, 30, PB_SYMBOL_GLOBAL, "over");
	assert_int_equal(pb_symtab_finish(t, 1), 0);
	assert_string_equal(name_at(t, 90), "front");
	assert_string_equal(name_at(t, 109), "front");
	assert_string_equal(name_at(t, 110), "old");
	assert_string_equal(name_at(t, 149), "old");
	assert_string_equal(name_at(t, 150), "middle");
	assert_string_equal(name_at(t, 160), "new");
	assert_string_equal(name_at(t, 170), "middle");
	assert_string_equal(name_at(t, 249), "middle");
	assert_null(pb_symtab_find(t, 250));
	assert_string_equal(name_at(t, 305), "over");
	pb_symtab_free(t);
}

/* A generator of our own: the same numbers everywhere. */
static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

struct part {
	uint64_t addr, size;
	char name[16];
};

/* What the header promises, the slow way. */
static const char *expected_at(const struct part *parts, uint64_t addr, bool later_wins)
{
	const struct part *best = NULL;
	int i;

	for (i = 0; i < PARTS; i++) {
		const struct part *p = &parts[i];

		if (addr < p->addr || addr - p->addr >= p->size)
			continue;
		/* All have one rank, no underscores and names of one length. */
		if (!best || later_wins || p->addr > best->addr ||
		    (p->addr == best->addr && strcmp(p->name, best->name) < 0))
			best = p;
	}
	return best ? best->name : "none";
}

static void compare_with_slow_way(bool later_wins)
{
	static struct part parts[PARTS];
	uint32_t seed = 1, round;
	uint64_t addr;
	int i;

	for (round = 0; round < 20; round++) {
		struct pb_symtab *t = new_table();

		for (i = 0; i < PARTS; i++) {
			struct part *p = &parts[i];

			p->addr = next_random(&seed) % SPACE;
			p->size = next_random(&seed) % (i % 10 ? 12 : 200);
			snprintf(p->name, sizeof(p->name), "f%03u",
				 (unsigned int)(next_random(&seed) % 1000));
			add(t, p->addr, p->size, PB_SYMBOL_GLOBAL, p->name);
		}
		assert_int_equal(pb_symtab_finish(t, later_wins), 0);
		for (addr = 0; addr < SPACE + 300; addr++)
			assert_string_equal(name_at(t, addr), expected_at(parts, addr, later_wins));
		pb_symtab_free(t);
	}
}

static void nested_look_ups_equal_those_of_a_linear_scan(void **state)
{
	(void)state;
	compare_with_slow_way(false);
}

static void overwriting_look_ups_equal_those_of_a_linear_scan(void **state)
{
	(void)state;
	compare_with_slow_way(true);
}

static void names_are_copied_and_end_at_a_nul(void **state)
{
	struct pb_symtab *t = new_table();
	char name[] = "one\0two";

	(void)state;
	assert_int_equal(pb_symtab_add(t, 1, 1, 0, name, sizeof(name)), 0);
	memset(name, 'x', sizeof(name));
	assert_int_equal(pb_symtab_finish(t, 0), 0);
	assert_string_equal(name_at(t, 1), "one");
	pb_symtab_free(t);
}

static void a_name_beyond_the_bound_is_cut(void **state)
{
	struct pb_symtab *t = new_table();
	size_t len = 2 * PB_SYMTAB_NAME_MAX;
	char *name = malloc(len);

	(void)state;
	assert_non_null(name);
	memset(name, 'n', len);
	assert_int_equal(pb_symtab_add(t, 1, 1, 0, name, len), 0);
	assert_int_equal(pb_symtab_finish(t, 0), 0);
	assert_int_equal(strlen(name_at(t, 1)), PB_SYMTAB_NAME_MAX);
	free(name);
	pb_symtab_free(t);
}

static void names_beyond_the_bound_are_refused(void **state)
{
	struct pb_symtab *t = new_table();
	char *name = malloc(PB_SYMTAB_NAME_MAX);
	size_t added = 0;
	int err;

	(void)state;
	assert_non_null(name);
	memset(name, 'n', PB_SYMTAB_NAME_MAX);
	do {
		err = pb_symtab_add(t, added, 1, 0, name, PB_SYMTAB_NAME_MAX);
		added += !err;
	} while (!err && added < 10000);
	assert_int_equal(err, -EFBIG);
	assert_true(added * PB_SYMTAB_NAME_MAX <= PB_SYMTAB_NAME_BYTES_MAX);
	assert_true((added + 2) * PB_SYMTAB_NAME_MAX > PB_SYMTAB_NAME_BYTES_MAX);
	free(name);
	pb_symtab_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_table_knows_nothing),
		cmocka_unit_test(a_symbol_covers_its_bytes_and_no_more),
		cmocka_unit_test(a_nested_symbol_interrupts_the_outer_one),
		cmocka_unit_test(a_symbol_without_a_size_covers_nothing),
		cmocka_unit_test(a_symbol_at_the_end_of_the_address_space_does_not_wrap),
		cmocka_unit_test(among_aliases_the_name_people_know_is_chosen),
		cmocka_unit_test(the_later_entry_owns_its_whole_range),
		cmocka_unit_test(nested_look_ups_equal_those_of_a_linear_scan),
		cmocka_unit_test(overwriting_look_ups_equal_those_of_a_linear_scan),
		cmocka_unit_test(names_are_copied_and_end_at_a_nul),
		cmocka_unit_test(a_name_beyond_the_bound_is_cut),
		cmocka_unit_test(names_beyond_the_bound_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
