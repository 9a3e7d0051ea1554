/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/unwind/table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "section.h"

#define CODE 0x400000ull

static const struct pb_unwind_range code = {CODE, CODE + 0x1000000};

/* Invariants of every table. */
static void assert_well_formed(const struct pb_unwind_table *t)
{
	uint32_t next = 0, p, i;

	assert_int_equal(t->base % 65536, 0);
	assert_true(t->n_pages > 0 && t->n_rows > 0 && t->n_rules > 1);
	assert_int_equal(t->rules[0].cfa, PB_CFA_NONE);
	assert_true(t->pages[0].rows > 0);
	for (p = 0; p < t->n_pages; p++) {
		const struct pb_unwind_span *page = &t->pages[p];

		if (!page->rows)
			continue;
		assert_int_equal(page->first, next);
		next += page->rows;
		assert_true(next <= t->n_rows);
		assert_int_equal(t->rows[page->first] >> 16, 0);
		for (i = page->first; i < next; i++) {
			assert_true((t->rows[i] & 0xffff) < t->n_rules);
			if (i == page->first)
				continue;
			assert_true(t->rows[i - 1] >> 16 < t->rows[i] >> 16);
			assert_int_not_equal(t->rows[i - 1] & 0xffff, t->rows[i] & 0xffff);
		}
	}
	assert_int_equal(next, t->n_rows);
}

/* Compiles and frees a section. */
static int compile(struct section *s, const struct pb_unwind_range *ranges, uint32_t n,
		   struct pb_unwind_table **out)
{
	struct pb_unwind_source source = source_of(s, ranges, n);
	int err = pb_unwind_compile(out, &source);

	free_section(s);
	if (!err)
		assert_well_formed(*out);
	return err;
}

static struct pb_unwind_table *table_of(struct section *s)
{
	struct pb_unwind_table *t = NULL;

	assert_int_equal(compile(s, &code, 1, &t), 0);
	return t;
}

/* The offset of the CFA from the stack pointer at an address; -1: no rule, -2: another kind of
 * rule. */
static int64_t cfa_at(const struct pb_unwind_table *t, uint64_t addr)
{
	const struct pb_unwind_rule *rule = pb_unwind_lookup(t, addr);

	if (rule->cfa == PB_CFA_NONE)
		return -1;
	return rule->cfa == PB_CFA_SP ? rule->cfa_off : -2;
}

/* A function with one rule all over: CFA is rsp + n, n at most 127. */
static void put_simple(struct section *s, size_t cie, uint64_t start, uint32_t len, uint8_t n)
{
	put_fde(s, cie, start, len, PROGRAM(DEF_CFA_OFF, n));
}

static void each_address_finds_the_rule_in_force(void **state)
{
	struct pb_unwind_table *t;
	struct section s;

	(void)state;
	init_section(&s);
	put_fde(&s, put_cie(&s), CODE + 0x1000, 0x100,
		PROGRAM(ADVANCE(1), DEF_CFA_OFF, 16, ADVANCE(0x20), DEF_CFA_OFF, 8));
	t = table_of(&s);
	assert_int_equal(t->base, CODE);
	assert_int_equal(t->n_functions, 1);
	assert_int_equal(t->n_pages, 1);
	assert_int_equal(t->n_rows, 5);
	assert_int_equal(t->n_rules, 3);
	assert_int_equal(cfa_at(t, CODE), -1);
	assert_int_equal(cfa_at(t, CODE + 0xfff), -1);
	assert_int_equal(cfa_at(t, CODE + 0x1000), 8);
	assert_int_equal(cfa_at(t, CODE + 0x1001), 16);
	assert_int_equal(cfa_at(t, CODE + 0x1020), 16);
	assert_int_equal(cfa_at(t, CODE + 0x1021), 8);
	assert_int_equal(cfa_at(t, CODE + 0x10ff), 8);
	assert_int_equal(cfa_at(t, CODE + 0x1100), -1);
	assert_int_equal(cfa_at(t, CODE - 1), -1);
	assert_int_equal(cfa_at(t, CODE + 0x10000), -1);
	assert_int_equal(cfa_at(t, UINT64_MAX), -1);
	assert_int_equal(cfa_at(t, 0), -1);
	pb_unwind_table_free(t);
}

static void equal_neighbours_are_one_row(void **state)
{
	struct pb_unwind_table *t;
	struct section s;
	size_t cie;

	(void)state;
	init_section(&s);
	cie = put_cie(&s);
	put_simple(&s, cie, CODE, 0x100, 8);
	put_simple(&s, cie, CODE + 0x100, 0x100, 8);
	put_fde(&s, cie, CODE + 0x200, 0x100, PROGRAM(ADVANCE(4), OFFSET(RBX, 2), ADVANCE(4)));
	t = table_of(&s);
	assert_int_equal(t->n_rows, 2);
	assert_int_equal(t->n_functions, 3);
	pb_unwind_table_free(t);
}

static void padding_keeps_the_rule_before_it_and_larger_gaps_have_none(void **state)
{
	struct pb_unwind_table *t;
	struct section s;
	size_t cie;

	(void)state;
	init_section(&s);
	cie = put_cie(&s);
	put_simple(&s, cie, CODE, 0x101, 8);
	put_simple(&s, cie, CODE + 0x110, 0x10, 16);
	put_simple(&s, cie, CODE + 0x130, 0x10, 24);
	t = table_of(&s);
	assert_int_equal(cfa_at(t, CODE + 0x10f), 8); /* 15 bytes */
	assert_int_equal(cfa_at(t, CODE + 0x110), 16);
	assert_int_equal(cfa_at(t, CODE + 0x120), -1); /* 16 */
	assert_int_equal(cfa_at(t, CODE + 0x12f), -1);
	assert_int_equal(cfa_at(t, CODE + 0x130), 24);
	assert_int_equal(cfa_at(t, CODE + 0x140), -1);
	pb_unwind_table_free(t);
}

static void a_page_begins_with_a_copy_of_the_rule_in_force(void **state)
{
	struct pb_unwind_table *t;
	struct section s;
	size_t cie;

	(void)state;
	init_section(&s);
	cie = put_cie(&s);
	put_simple(&s, cie, CODE + 0xfff0, 0x30010, 8); /* to the end of page 3 */
	put_simple(&s, cie, CODE + 0x50000, 0x10, 16);
	put_simple(&s, cie, CODE + 0x60000, 0x10000, 24); /* all of page 6 */
	put_simple(&s, cie, CODE + 0x70000, 0x4, 32);
	t = table_of(&s);
	assert_int_equal(t->n_pages, 8);
	assert_int_equal(t->pages[0].rows, 2); /* nothing, and from fff0 on */
	assert_int_equal(t->pages[1].rows, 1);
	assert_int_equal(t->pages[2].rows, 1);
	assert_int_equal(t->pages[3].rows, 1);
	assert_int_equal(t->pages[4].rows, 0);
	assert_int_equal(t->pages[5].rows, 2);
	assert_int_equal(t->pages[6].rows, 1);
	assert_int_equal(t->pages[7].rows, 2);
	assert_int_equal(cfa_at(t, CODE + 0xffef), -1);
	assert_int_equal(cfa_at(t, CODE + 0xffff), 8);
	assert_int_equal(cfa_at(t, CODE + 0x10000), 8);
	assert_int_equal(cfa_at(t, CODE + 0x3ffff), 8);
	assert_int_equal(cfa_at(t, CODE + 0x40000), -1);
	assert_int_equal(cfa_at(t, CODE + 0x50000), 16);
	assert_int_equal(cfa_at(t, CODE + 0x5ffff), -1);
	assert_int_equal(cfa_at(t, CODE + 0x60000), 24);
	assert_int_equal(cfa_at(t, CODE + 0x6ffff), 24);
	assert_int_equal(cfa_at(t, CODE + 0x70003), 32);
	assert_int_equal(cfa_at(t, CODE + 0x70004), -1);
	pb_unwind_table_free(t);
}

static void padding_reaches_over_the_edge_of_a_page(void **state)
{
	struct pb_unwind_table *t;
	struct section s;
	size_t cie;

	(void)state;
	init_section(&s);
	cie = put_cie(&s);
	put_simple(&s, cie, CODE + 0xff00, 0xf8, 8);
	put_simple(&s, cie, CODE + 0x10004, 0x10, 16);
	t = table_of(&s);
	assert_int_equal(cfa_at(t, CODE + 0xffff), 8);
	assert_int_equal(cfa_at(t, CODE + 0x10003), 8);
	assert_int_equal(cfa_at(t, CODE + 0x10004), 16);
	pb_unwind_table_free(t);
}

static void pages_without_rules_are_left_out_at_both_ends(void **state)
{
	struct pb_unwind_table *t;
	struct section s;

	(void)state;
	init_section(&s);
	put_simple(&s, put_cie(&s), CODE + 0x83000, 0x20000, 8);
	t = table_of(&s);
	assert_int_equal(t->base, CODE + 0x80000);
	assert_int_equal(t->n_pages, 3);
	assert_int_equal(cfa_at(t, CODE + 0x83000), 8);
	assert_int_equal(cfa_at(t, CODE + 0xa2fff), 8);
	assert_int_equal(cfa_at(t, CODE + 0xa3000), -1);
	assert_int_equal(cfa_at(t, CODE + 0x3000), -1);
	pb_unwind_table_free(t);
}

static void rules_reach_as_far_as_the_code(void **state)
{
	const struct pb_unwind_range ranges[] = {{CODE + 0x1000, CODE + 0x2000},
						 {CODE + 0x31000, CODE + 0x32000}};
	struct pb_unwind_table *t = NULL;
	struct section s;
	size_t cie;

	(void)state;
	init_section(&s);
	cie = put_cie(&s);
	put_simple(&s, cie, 0, 0x100, 8); /* as linkers leave what they threw away */
	put_simple(&s, cie, CODE + 0xff0, 0x100, 16);
	put_simple(&s, cie, CODE + 0x1f00, UINT32_MAX / 2, 24);
	put_simple(&s, cie, CODE + 0x2000, 0x100, 32);
	put_simple(&s, cie, CODE + 0x31000, 0x100, 40);
	put_simple(&s, cie, CODE + 0x31200, 0, 48);
	put_simple(&s, cie, CODE + 0x40000, 0x100, 56);
	assert_int_equal(compile(&s, ranges, 2, &t), 0);
	assert_int_equal(t->n_functions, 2);
	assert_int_equal(t->n_malformed, 0);
	assert_int_equal(cfa_at(t, CODE + 0x1010), -1);
	assert_int_equal(cfa_at(t, CODE + 0x1f00), 24);
	assert_int_equal(cfa_at(t, CODE + 0x1fff), 24);
	assert_int_equal(cfa_at(t, CODE + 0x2000), -1);
	assert_int_equal(cfa_at(t, CODE + 0x31000), 40);
	assert_int_equal(cfa_at(t, CODE + 0x31200), -1);
	assert_int_equal(cfa_at(t, CODE + 0x40000), -1);
	pb_unwind_table_free(t);
}

static void the_later_start_wins_where_functions_overlap(void **state)
{
	struct pb_unwind_table *t;
	struct section s;
	size_t cie;

	(void)state;
	init_section(&s);
	cie = put_cie(&s);
	put_simple(&s, cie, CODE + 0x40, 0x40, 24);
	put_simple(&s, cie, CODE + 0x50, 0x10, 32);
	put_fde(&s, cie, CODE, 0x1000,
		PROGRAM(DEF_CFA_OFF, 16, 0x02, 0x70, DEF_CFA_OFF, 17, 0x02, 0x40, DEF_CFA_OFF, 18));
	put_simple(&s, cie, CODE + 0x200, 0x10, 40);
	put_simple(&s, cie, CODE + 0x200, 0x8,
		   48); /* of two that start alike, the later in the section */
	put_simple(&s, cie, CODE + 0xff0, 0x100, 56);
	t = table_of(&s);
	assert_int_equal(cfa_at(t, CODE + 0x3f), 16);
	assert_int_equal(cfa_at(t, CODE + 0x40), 24);
	assert_int_equal(cfa_at(t, CODE + 0x50), 32);
	assert_int_equal(cfa_at(t, CODE + 0x60), 24);
	assert_int_equal(cfa_at(t, CODE + 0x7f), 24);
	assert_int_equal(cfa_at(t, CODE + 0x80), 17);
	assert_int_equal(cfa_at(t, CODE + 0xb0), 18);
	assert_int_equal(cfa_at(t, CODE + 0x207), 48);
	assert_int_equal(cfa_at(t, CODE + 0x208), 40);
	assert_int_equal(cfa_at(t, CODE + 0x210), 18);
	assert_int_equal(cfa_at(t, CODE + 0xff0), 56);
	assert_int_equal(cfa_at(t, CODE + 0x10ef), 56);
	assert_int_equal(cfa_at(t, CODE + 0x10f0), -1);
	assert_int_equal(t->n_functions, 6);
	pb_unwind_table_free(t);
}

/* What is in force at @addr of a section with one function of 0x40 bytes at CODE + 0x100. */
static uint8_t rule_with_entry(uint64_t entry, uint64_t addr)
{
	struct pb_unwind_source source;
	struct pb_unwind_table *t = NULL;
	struct section s;
	uint8_t cfa;

	init_section(&s);
	put_simple(&s, put_cie(&s), CODE + 0x100, 0x40, 8);
	source = source_of(&s, &code, 1);
	source.entry = entry;
	assert_int_equal(pb_unwind_compile(&t, &source), 0);
	assert_well_formed(t);
	assert_int_equal(t->n_functions, 1);
	cfa = pb_unwind_lookup(t, addr)->cfa;
	pb_unwind_table_free(t);
	free_section(&s);
	return cfa;
}

static void the_program_begins_in_the_outermost_frame(void **state)
{
	const uint64_t end = CODE + 0x1000000;

	(void)state;
	assert_int_equal(rule_with_entry(CODE + 0x200, CODE + 0x1ff), PB_CFA_NONE);
	assert_int_equal(rule_with_entry(CODE + 0x200, CODE + 0x200), PB_CFA_END);
	assert_int_equal(rule_with_entry(CODE + 0x200, CODE + 0x23f), PB_CFA_END);
	assert_int_equal(rule_with_entry(CODE + 0x200, CODE + 0x240), PB_CFA_NONE);
	/* As far as the next function, and not where one is. */
	assert_int_equal(rule_with_entry(CODE + 0xf0, CODE + 0xff), PB_CFA_END);
	assert_int_equal(rule_with_entry(CODE + 0xf0, CODE + 0x100), PB_CFA_SP);
	assert_int_equal(rule_with_entry(CODE + 0x120, CODE + 0x120), PB_CFA_SP);
	assert_int_equal(rule_with_entry(CODE + 0x13f, CODE + 0x150), PB_CFA_NONE);
	/* As far as the code. */
	assert_int_equal(rule_with_entry(end - 1, end - 1), PB_CFA_END);
	assert_int_equal(rule_with_entry(end - 1, end), PB_CFA_NONE);
	assert_int_equal(rule_with_entry(end, end), PB_CFA_NONE);
	assert_int_equal(rule_with_entry(UINT64_MAX, UINT64_MAX), PB_CFA_NONE);
	assert_int_equal(rule_with_entry(0, 0), PB_CFA_NONE);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

/* Functions anywhere, compared with what the words of the header say, address by address. */
static void any_functions_in_any_order_give_the_rules_that_they_should(void **state)
{
	enum { SPAN = 0x21000, FDES = 24 };
	uint32_t seed = 1, round, i, addr;

	(void)state;
	for (round = 0; round < 8; round++) {
		struct {
			uint32_t start, end;
		} fdes[FDES];
		struct pb_unwind_table *t;
		uint32_t covered = 0;
		int64_t last = -1;
		struct section s;
		size_t cie;

		init_section(&s);
		cie = put_cie(&s);
		for (i = 0; i < FDES; i++) {
			uint32_t len = 1 + next_random(&seed) % (round & 1 ? 0x400 : 0x8000);

			fdes[i].start = next_random(&seed) % (SPAN - len);
			if (round % 4 == 0)
				fdes[i].start &= ~0xfffu; /* edges of pages, equal starts */
			fdes[i].end = fdes[i].start + len;
			put_simple(&s, cie, CODE + fdes[i].start, len, (uint8_t)(i + 1));
		}
		t = table_of(&s);
		for (addr = 0; addr < SPAN + 0x10000; addr++) {
			uint32_t best = FDES;
			int64_t expected;

			for (i = 0; i < FDES; i++)
				if (fdes[i].start <= addr && addr < fdes[i].end &&
				    (best == FDES || fdes[i].start >= fdes[best].start))
					best = i;
			expected = best < FDES ? (int64_t)best + 1 : -1;
			if (best < FDES)
				covered = addr + 1;
			/* Padding, as long as something follows within 16 bytes. */
			if (best == FDES && covered && addr - covered < 15)
				for (i = 0; i < FDES; i++)
					if (fdes[i].start > addr && fdes[i].start < covered + 16)
						expected = last;
			if (best < FDES)
				last = expected;
			if (cfa_at(t, CODE + addr) != expected)
				fail_msg("round %u: %#x has %d, not %d", round, addr,
					 (int)cfa_at(t, CODE + addr), (int)expected);
		}
		assert_int_equal(t->n_malformed, 0);
		pb_unwind_table_free(t);
	}
}

static void unsupported_functions_are_counted_once(void **state)
{
	struct pb_unwind_table *t;
	struct section s;
	size_t cie;

	(void)state;
	init_section(&s);
	cie = put_cie(&s);
	put_fde(&s, cie, CODE, 0x100, PROGRAM(ADVANCE(4), UNKNOWN));
	put_simple(&s, cie, CODE + 0x40, 0x10, 16);
	put_simple(&s, cie, CODE + 0x60, 0x10, 16);
	put_fde(&s, cie, CODE + 0x100, 0x100, PROGRAM(UNKNOWN));
	t = table_of(&s);
	assert_int_equal(t->n_functions, 4);
	assert_int_equal(t->n_unsupported, 2);
	assert_int_equal(pb_unwind_lookup(t, CODE + 0x3f)->cfa, PB_CFA_UNSUPPORTED);
	assert_int_equal(pb_unwind_lookup(t, CODE + 0x5f)->cfa, PB_CFA_UNSUPPORTED);
	pb_unwind_table_free(t);
}

static void rules_are_stored_once_and_too_many_are_unsupported(void **state)
{
	enum { FDES = 6000 };
	uint32_t i, n_known = 0, n_unsupported = 0;
	struct pb_unwind_table *t;
	struct section s;
	size_t cie;

	(void)state;
	init_section(&s);
	cie = put_cie(&s);
	for (i = 0; i < FDES; i++) {
		const uint8_t program[] = {DEF_CFA_OFF, 0x80 | (i & 0x7f), (uint8_t)(i >> 7)};

		put_fde(&s, cie, CODE + 32 * i, 16, program, sizeof(program));
		put_fde(&s, cie, CODE + 32 * i + 16, 16, program, sizeof(program));
	}
	t = table_of(&s);
	assert_int_equal(t->n_rules, 2048);
	for (i = 0; i < FDES; i++) {
		int64_t cfa = cfa_at(t, CODE + 32 * i);

		assert_true(cfa == i || cfa == -2);
		n_known += cfa == i;
		n_unsupported += pb_unwind_lookup(t, CODE + 32 * i)->cfa == PB_CFA_UNSUPPORTED;
	}
	/* All but no rule and the unsupported one. */
	assert_in_range(n_known, 2042, 2046);
	assert_int_equal(n_known + n_unsupported, FDES);
	assert_int_equal(t->n_unsupported, 2 * n_unsupported);
	pb_unwind_table_free(t);
}

/* A program that changes the rule at each of @n bytes. */
static uint8_t *busy_program(uint32_t n, size_t *len)
{
	uint8_t *program = malloc(3 * (size_t)n);
	uint32_t i;

	assert_non_null(program);
	for (i = 0; i < n; i++) {
		program[3 * i] = DEF_CFA_OFF;
		program[3 * i + 1] = i & 1;
		program[3 * i + 2] = ADVANCE(1);
	}
	*len = 3 * (size_t)n;
	return program;
}

static void a_page_holds_65535_rows_and_no_more(void **state)
{
	struct pb_unwind_table *t = NULL;
	uint8_t *program;
	struct section s;
	size_t len;

	(void)state;
	program = busy_program(65534, &len);
	init_section(&s);
	put_fde(&s, put_cie(&s), CODE, 65534, program, len);
	t = table_of(&s);
	assert_int_equal(t->pages[0].rows, 65535); /* and none at the end */
	assert_int_equal(cfa_at(t, CODE + 65533), 1);
	pb_unwind_table_free(t);
	free(program);
	program = busy_program(65536, &len);
	init_section(&s);
	put_fde(&s, put_cie(&s), CODE, 65536, program, len);
	t = NULL;
	assert_int_equal(compile(&s, &code, 1, &t), -EFBIG);
	assert_null(t);
	free(program);
}

static void what_is_a_gigabyte_away_is_left_out(void **state)
{
	const struct pb_unwind_range wide = {CODE, CODE + (4ull << 30)};
	const uint64_t gigabyte = 1ull << 30;
	struct pb_unwind_table *t = NULL;
	struct section s;
	size_t cie;

	(void)state;
	init_section(&s);
	cie = put_cie(&s);
	put_simple(&s, cie, CODE + 0x1000, 0x100, 8);
	put_simple(&s, cie, CODE + gigabyte - 0x100, 0x200, 16);
	put_simple(&s, cie, CODE + gigabyte + 0x100, 0x200, 24);
	assert_int_equal(compile(&s, &wide, 1, &t), 0);
	assert_int_equal(t->n_pages, 16384);
	assert_int_equal(t->n_malformed, 1);
	assert_int_equal(cfa_at(t, CODE + gigabyte - 1), 16);
	assert_int_equal(cfa_at(t, CODE + gigabyte), -1);
	assert_int_equal(cfa_at(t, CODE + gigabyte + 0x100), -1);
	pb_unwind_table_free(t);
}

static void functions_of_huge_length_cost_a_row_a_page(void **state)
{
	const struct pb_unwind_range wide = {CODE, CODE + (4ull << 30)};
	struct pb_unwind_table *t = NULL;
	struct section s;
	uint32_t i;
	size_t cie;

	(void)state;
	init_section(&s);
	cie = put_cie(&s);
	for (i = 0; i < 1000; i++)
		put_simple(&s, cie, CODE + i, INT32_MAX, (uint8_t)(i & 1));
	assert_int_equal(compile(&s, &wide, 1, &t), 0);
	assert_int_equal(t->n_pages, 16384);
	assert_int_equal(t->n_rows, 16383 + 1000);
	assert_int_equal(cfa_at(t, CODE + 0x30000000), 1);
	pb_unwind_table_free(t);
}

/*
 * A large function around many small ones is run once for each of them, and would cost the product
 * of both. Where the budget ends, the table ends, and that counts as one.
 */
static void functions_within_a_large_one_cannot_cost_quadratic_time(void **state)
{
	enum { INNER = 20000 };
	struct pb_unwind_table *t = NULL;
	uint8_t *program;
	struct section s;
	uint32_t i;
	size_t cie, len;

	(void)state;
	program = busy_program(50000, &len);
	init_section(&s);
	cie = put_cie(&s);
	put_fde(&s, cie, CODE, 64 * (INNER + 1), program, len);
	for (i = 0; i < INNER; i++)
		put_simple(&s, cie, CODE + 64 * i + 16, 16, 16);
	free(program);
	t = table_of(&s);
	assert_true(t->n_rows < 4 * INNER + 50000);
	assert_int_equal(t->n_malformed, 1);
	/* What is small enough for the rest of the budget is not run either. */
	assert_in_range(t->n_functions, 2, 40);
	assert_true(t->n_rows < 50000);
	assert_int_equal(cfa_at(t, CODE), 0);
	assert_int_equal(cfa_at(t, CODE + 16), 16);
	assert_int_equal(cfa_at(t, CODE + 64 * INNER + 16), -1);
	pb_unwind_table_free(t);
}

/* The first pass reads the CIE of each function; it ends there too. */
static void cies_beyond_the_budget_end_the_section(void **state)
{
	enum { CIES = 128, FDES = 20000 };
	static const uint8_t program[8000];
	struct pb_unwind_table *t = NULL;
	size_t cies[CIES];
	struct section s;
	uint32_t i;

	(void)state;
	init_section(&s);
	for (i = 0; i < CIES; i++)
		cies[i] = put_cie_as(&s, "zR", 0x1b, program, sizeof(program));
	for (i = 0; i < FDES; i++)
		put_simple(&s, cies[i % CIES], CODE + 16 * i, 16, 8);
	assert_int_equal(compile(&s, &code, 1, &t), -EPROTO);
}

static void without_a_row_there_is_no_table(void **state)
{
	struct pb_unwind_table *t = NULL;
	struct section s;

	(void)state;
	init_section(&s);
	assert_int_equal(compile(&s, &code, 1, &t), -ENODATA);
	init_section(&s);
	put_n(&s, 0, 4);
	assert_int_equal(compile(&s, &code, 1, &t), -ENODATA);
	init_section(&s);
	put_simple(&s, put_cie(&s), 0x1000, 0x100, 8);
	assert_int_equal(compile(&s, &code, 1, &t), -ENODATA);
	init_section(&s);
	put_simple(&s, put_cie(&s), CODE, 0x100, 8);
	assert_int_equal(compile(&s, NULL, 0, &t), -ENODATA);
	init_section(&s);
	put_n(&s, UINT32_MAX - 1, 4);
	assert_int_equal(compile(&s, &code, 1, &t), -EPROTO);
	init_section(&s);
	put_simple(&s, 0, CODE, 0x100, 8);
	assert_int_equal(compile(&s, &code, 1, &t), -EPROTO);
	assert_null(t);
}

static void what_cannot_be_compiled_is_refused(void **state)
{
	struct pb_unwind_source source = {.machine = EM_386, .code = &code, .n_code = 1};
	struct pb_unwind_table *t = NULL;
	struct section s;

	(void)state;
	assert_int_equal(pb_unwind_compile(&t, &source), -ENOEXEC);
	source.machine = EM_X86_64;
	source.size = (256u << 20) + 1; /* not read at all */
	assert_int_equal(pb_unwind_compile(&t, &source), -EFBIG);
	assert_null(t);
	init_section(&s);
	s.machine = EM_AARCH64;
	put_fde(&s, put_cie(&s), CODE, 0x100, EMPTY);
	t = table_of(&s);
	assert_int_equal(pb_unwind_lookup(t, CODE)->ra, PB_RA_REG);
	assert_int_equal(pb_unwind_lookup(t, CODE)->reg, 30);
	pb_unwind_table_free(t);
	pb_unwind_table_free(NULL);
}

static void a_section_that_is_cut_counts_as_one(void **state)
{
	struct pb_unwind_table *t;
	struct section s;
	size_t cie;

	(void)state;
	init_section(&s);
	cie = put_cie(&s);
	put_simple(&s, cie, CODE, 0x100, 8);
	put_simple(&s, cie, CODE + 0x100, 0x100, 16);
	s.size--;
	t = table_of(&s);
	assert_int_equal(t->n_functions, 1);
	assert_int_equal(t->n_malformed, 1);
	assert_int_equal(cfa_at(t, CODE + 0x100), -1);
	pb_unwind_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_address_finds_the_rule_in_force),
		cmocka_unit_test(equal_neighbours_are_one_row),
		cmocka_unit_test(padding_keeps_the_rule_before_it_and_larger_gaps_have_none),
		cmocka_unit_test(a_page_begins_with_a_copy_of_the_rule_in_force),
		cmocka_unit_test(padding_reaches_over_the_edge_of_a_page),
		cmocka_unit_test(pages_without_rules_are_left_out_at_both_ends),
		cmocka_unit_test(rules_reach_as_far_as_the_code),
		cmocka_unit_test(the_later_start_wins_where_functions_overlap),
		cmocka_unit_test(the_program_begins_in_the_outermost_frame),
		cmocka_unit_test(any_functions_in_any_order_give_the_rules_that_they_should),
		cmocka_unit_test(unsupported_functions_are_counted_once),
		cmocka_unit_test(rules_are_stored_once_and_too_many_are_unsupported),
		cmocka_unit_test(a_page_holds_65535_rows_and_no_more),
		cmocka_unit_test(what_is_a_gigabyte_away_is_left_out),
		cmocka_unit_test(functions_of_huge_length_cost_a_row_a_page),
		cmocka_unit_test(functions_within_a_large_one_cannot_cost_quadratic_time),
		cmocka_unit_test(cies_beyond_the_budget_end_the_section),
		cmocka_unit_test(without_a_row_there_is_no_table),
		cmocka_unit_test(what_cannot_be_compiled_is_refused),
		cmocka_unit_test(a_section_that_is_cut_counts_as_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
