/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/unwind/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/unwind/tables.h"
#include "user/unwind/table.h"

#define SEGMENT_BYTES sizeof(struct pb_unwind_segment)

static struct tables maps;
static struct pb_store *store;
static bool permitted;

static int setup(void **state)
{
	(void)state;
	permitted = make_tables(&maps, 16);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pb_store_free(pb_take(store));
	close_tables(&maps);
	return 0;
}

static void open_store(uint32_t segments)
{
	const struct pb_store_maps fds = {maps.segments, maps.pages, maps.rules};

	if (!permitted) {
		print_message("BPF maps are not permitted here\n");
		skip();
	}
	assert_int_equal(pb_store_new(&store, &fds, segments * SEGMENT_BYTES), 0);
}

/*
 * A table of pages with so many rows each, evenly apart. Row i of all has the rule 1 + i % (@n_rules - 1) of
 * the table, of which each has its number and the @mark in it.
 */
static struct pb_unwind_table *make_table(const uint32_t *page_rows, uint32_t n_pages,
					  uint32_t n_rules, int16_t mark)
{
	struct pb_unwind_table *t = calloc(1, sizeof(*t));
	uint32_t page, i, rows = 0;

	assert_non_null(t);
	for (page = 0; page < n_pages; page++)
		rows += page_rows[page];
	t->n_pages = n_pages;
	t->pages = calloc(n_pages, sizeof(*t->pages));
	t->rows = calloc(rows + 1, sizeof(*t->rows));
	t->n_rules = n_rules;
	t->rules = calloc(n_rules, sizeof(*t->rules));
	assert_true(t->pages && t->rows && t->rules);
	for (i = 1; i < n_rules; i++)
		t->rules[i] = (struct pb_unwind_rule){
			.cfa = PB_CFA_SP, .cfa_off = (int32_t)i, .cfa_add = mark};
	for (page = 0; page < n_pages; page++) {
		t->pages[page] = (struct pb_unwind_span){t->n_rows, page_rows[page]};
		for (i = 0; i < page_rows[page]; i++, t->n_rows++)
			t->rows[t->n_rows] = (65536 / page_rows[page] * i) << 16 |
					     (1 + t->n_rows % (n_rules - 1));
	}
	return t;
}

static void free_table(struct pb_unwind_table *t)
{
	free(t->pages);
	free(t->rows);
	free(t->rules);
	free(t);
}

/* What a walk would find at each row of @t. */
static void assert_reads_back(const struct pb_unwind_table *t, const struct pb_stored *stored)
{
	uint32_t page, i, row, id;

	assert_int_equal(stored->n_pages, t->n_pages);
	for (page = 0; page < t->n_pages; page++) {
		for (i = 0; i < t->pages[page].rows; i++) {
			struct pb_unwind_rule rule;

			row = t->rows[t->pages[page].first + i];
			id = find_row(&maps, stored->first_page, stored->n_pages,
				      (uint64_t)page << 16 | row >> 16);
			rule = read_rule(&maps, id);
			assert_memory_equal(&rule, &t->rules[row & 0xffff], sizeof(rule));
			/* Every page is looked up for each row: a sample will do in large ones. */
			i += t->pages[page].rows > 1000 ? 97 : 0;
		}
		if (!t->pages[page].rows)
			assert_int_equal(find_row(&maps, stored->first_page, stored->n_pages,
						  (uint64_t)page << 16),
					 0);
	}
	assert_int_equal(
		find_row(&maps, stored->first_page, stored->n_pages, (uint64_t)t->n_pages << 16),
		0);
}

/* Store a table of that shape. Return: as pb_store_put(). */
static int put(const uint32_t *page_rows, uint32_t n_pages, struct pb_stored *out)
{
	struct pb_unwind_table *t = make_table(page_rows, n_pages, 16, 1);
	int err = pb_store_put(store, t, out);

	if (!err)
		assert_reads_back(t, out);
	free_table(t);
	return err;
}

/* The same with equal pages. */
static int put_even(uint32_t rows, uint32_t n_pages, struct pb_stored *out)
{
	uint32_t page_rows[16], i;

	for (i = 0; i < n_pages; i++)
		page_rows[i] = rows;
	return put(page_rows, n_pages, out);
}

static void a_table_reads_back_row_by_row(void **state)
{
	static const uint32_t rows[] = {0, 3, 700, 0, 0, 1, 65535, 0};
	struct pb_stored stored = {0};

	(void)state;
	open_store(4);
	assert_int_equal(put(rows, PB_ARRAY_SIZE(rows), &stored), 0);
	assert_int_equal(stored.n_parts, 1);
	assert_int_equal(stored.bytes, (3 + 700 + 1 + 65535) * 4 + PB_ARRAY_SIZE(rows) * 8);
	assert_int_equal(pb_store_bytes(store), SEGMENT_BYTES);
	pb_store_drop(store, &stored, 1);
	assert_null(stored.parts);
}

static void the_first_two_rules_are_none_and_unsupported(void **state)
{
	const struct pb_unwind_rule none = {.cfa = PB_CFA_NONE};
	const struct pb_unwind_rule unsupported = {.cfa = PB_CFA_UNSUPPORTED};
	struct pb_unwind_rule rule;

	(void)state;
	open_store(1);
	rule = read_rule(&maps, 0);
	assert_memory_equal(&rule, &none, sizeof(rule));
	rule = read_rule(&maps, 1);
	assert_memory_equal(&rule, &unsupported, sizeof(rule));
}

static void equal_rules_of_two_tables_are_stored_once(void **state)
{
	static const uint32_t rows[] = {40};
	struct pb_unwind_table *a, *b;
	struct pb_unwind_table *c;
	struct pb_stored stored[3] = {0};
	struct pb_unwind_rule rule;
	uint32_t i;

	(void)state;
	open_store(1);
	a = make_table(rows, 1, 9, 5);
	b = make_table(rows, 1, 5, 5);
	c = make_table(rows, 1, 3, 6);
	/* The same rules in another order. */
	rule = b->rules[1];
	b->rules[1] = b->rules[4];
	b->rules[4] = rule;
	assert_int_equal(pb_store_put(store, a, &stored[0]), 0);
	assert_int_equal(pb_store_put(store, b, &stored[1]), 0);
	assert_int_equal(pb_store_put(store, c, &stored[2]), 0);
	assert_reads_back(a, &stored[0]);
	assert_reads_back(b, &stored[1]);
	assert_reads_back(c, &stored[2]);
	/* None, unsupported, 8 of the first table, 2 of the third: and nothing behind. */
	assert_int_equal(read_rule(&maps, 11).cfa, PB_CFA_SP);
	assert_int_equal(read_rule(&maps, 12).cfa, PB_CFA_NONE);
	for (i = 0; i < 3; i++)
		pb_store_drop(store, &stored[i], 1);
	free_table(a);
	free_table(b);
	free_table(c);
}

/* Store a table of one page with a row for each of its @n_rules - 1 rules. Return: as pb_store_put(). */
static int put_rules(uint32_t n_rules, int16_t mark, struct pb_stored *out)
{
	const uint32_t rows[] = {n_rules - 1};
	struct pb_unwind_table *t = make_table(rows, 1, n_rules, mark);
	int err = pb_store_put(store, t, out);

	if (!err)
		assert_reads_back(t, out);
	free_table(t);
	return err;
}

/* Beside the two that are always there; the first of each table is one of them. */
#define RULES_FREE (PB_UNWIND_RULES_MAX - 2)

static void a_table_that_finds_no_room_for_its_rules_is_refused(void **state)
{
	struct pb_stored a = {0}, b = {0}, c = {0};

	(void)state;
	open_store(2);
	assert_int_equal(put_rules(RULES_FREE - 9, 1, &a), 0);
	/* Some of its rules find room. */
	assert_int_equal(put_rules(20, 2, &b), -ENOSPC);
	assert_null(b.rules);
	/* What it had taken is free at once. */
	assert_int_equal(put_rules(11, 3, &b), 0);
	/* All of these are known. */
	assert_int_equal(put_rules(1000, 1, &c), 0);
	pb_store_drop(store, &a, 1);
	pb_store_drop(store, &b, 1);
	pb_store_drop(store, &c, 1);
	assert_int_equal(put_rules(PB_UNWIND_RULES_MAX - 1, 4, &a), -EFBIG);
}

static void rules_that_no_table_has_are_free_behind_their_grace(void **state)
{
	struct pb_stored a = {0}, b = {0}, c = {0};
	uint32_t round;

	(void)state;
	open_store(2);
	for (round = 1; round < 40; round++) {
		assert_int_equal(put_rules(RULES_FREE, (int16_t)round, &a), 0);
		/* The last one is still to be had, and the others are shared. */
		assert_int_equal(put_rules(5000, (int16_t)round, &b), 0);
		pb_store_drop(store, &a, round * 100);
		assert_int_equal(read_rule(&maps, RULES_FREE).cfa_off, RULES_FREE - 1);
		assert_int_equal(put_rules(RULES_FREE - 5000, -1, &c), -ENOSPC);
		pb_store_settle(store, round * 100);
		assert_int_equal(put_rules(RULES_FREE - 5000, -1, &c), -ENOSPC);
		pb_store_settle(store, round * 100 + 1);
		/* But those that the second table has. */
		assert_int_equal(put_rules(RULES_FREE - 4990, -1, &c), -ENOSPC);
		assert_int_equal(put_rules(RULES_FREE - 5000, -1, &c), 0);
		pb_store_drop(store, &b, 0);
		pb_store_drop(store, &c, 0);
	}
}

static void a_rule_in_its_grace_is_not_written_over(void **state)
{
	struct pb_stored a = {0}, b = {0};
	struct pb_unwind_rule before, after;
	uint32_t i;

	(void)state;
	open_store(1);
	assert_int_equal(put_rules(100, 1, &a), 0);
	pb_store_drop(store, &a, 1000);
	/* Neither by other rules nor by the same ones. */
	assert_int_equal(put_rules(100, 1, &a), 0);
	assert_int_equal(put_rules(100, 2, &b), 0);
	for (i = 2; i < 101; i++) {
		before = read_rule(&maps, i);
		assert_int_equal(before.cfa_off, i - 1);
		assert_int_equal(before.cfa_add, 1);
	}
	pb_store_settle(store, 1001);
	pb_store_drop(store, &b, 0);
	assert_int_equal(put_rules(100, 3, &b), 0);
	after = read_rule(&maps, 2);
	assert_int_equal(after.cfa_add, 3);
	pb_store_drop(store, &a, 0);
	pb_store_drop(store, &b, 0);
}

static void a_table_may_have_a_rule_twice(void **state)
{
	static const uint32_t rows[] = {4};
	struct pb_unwind_table *t;
	struct pb_stored stored = {0}, all = {0};

	(void)state;
	open_store(2);
	t = make_table(rows, 1, 5, 1);
	t->rules[3] = t->rules[1];
	t->rules[4] = t->rules[0];
	assert_int_equal(pb_store_put(store, t, &stored), 0);
	assert_int_equal(find_row(&maps, stored.first_page, 1, 0),
			 find_row(&maps, stored.first_page, 1, 0x8000));
	pb_store_drop(store, &stored, 0);
	assert_int_equal(read_rule(&maps, 0).cfa, PB_CFA_NONE);
	assert_int_equal(put_rules(RULES_FREE, 2, &all), 0);
	pb_store_drop(store, &all, 0);
	free_table(t);
}

static void a_rule_that_a_table_does_not_have_is_unsupported(void **state)
{
	static const uint32_t rows[] = {3};
	struct pb_unwind_table *t;
	struct pb_stored stored = {0};

	(void)state;
	open_store(1);
	t = make_table(rows, 1, 3, 0);
	t->rows[1] |= 0xffff;
	assert_int_equal(pb_store_put(store, t, &stored), 0);
	assert_int_equal(find_row(&maps, stored.first_page, 1, t->rows[1] >> 16), 1);
	pb_store_drop(store, &stored, 1);
	free_table(t);
}

static void a_table_that_fits_no_segment_gets_one_of_its_own(void **state)
{
	struct pb_stored a = {0}, b = {0}, c = {0};

	(void)state;
	open_store(4);
	assert_int_equal(put_even(50000, 4, &a), 0);
	assert_int_equal(put_even(50000, 4, &b), 0);
	assert_int_equal(pb_store_bytes(store), 2 * SEGMENT_BYTES);
	assert_int_equal(b.n_parts, 1);
	assert_int_equal(b.parts[0].segment, 1);
	/* And one that fits the first goes there. */
	assert_int_equal(put_even(60000, 1, &c), 0);
	assert_int_equal(c.parts[0].segment, 0);
	assert_int_equal(pb_store_bytes(store), 2 * SEGMENT_BYTES);
	pb_store_drop(store, &a, 1);
	pb_store_drop(store, &b, 1);
	pb_store_drop(store, &c, 1);
}

static void a_table_larger_than_a_segment_is_split_at_a_page(void **state)
{
	struct pb_stored stored = {0};

	(void)state;
	open_store(4);
	assert_int_equal(put_even(65535, 10, &stored), 0);
	assert_int_equal(stored.n_parts, 3);
	assert_int_equal(stored.parts[0].n, 4 * 65535);
	assert_int_equal(stored.parts[1].n, 4 * 65535);
	assert_int_equal(stored.parts[2].n, 2 * 65535);
	pb_store_drop(store, &stored, 1);
}

static void at_the_limit_a_table_is_split_over_what_is_left(void **state)
{
	struct pb_stored a = {0}, b = {0}, c = {0};

	(void)state;
	open_store(2);
	assert_int_equal(put_even(50000, 4, &a), 0);
	assert_int_equal(put_even(50000, 4, &b), 0);
	assert_int_equal(put_even(50000, 2, &c), 0);
	assert_int_equal(c.n_parts, 2);
	assert_int_not_equal(c.parts[0].segment, c.parts[1].segment);
	assert_int_equal(pb_store_bytes(store), 2 * SEGMENT_BYTES);
	pb_store_drop(store, &a, 1);
	pb_store_drop(store, &b, 1);
	pb_store_drop(store, &c, 1);
}

static void what_finds_no_room_leaves_nothing_behind(void **state)
{
	static const uint32_t rows[] = {30000, 30000, 60000};
	struct pb_stored a = {0}, b = {0}, c = {0};

	(void)state;
	open_store(1);
	assert_int_equal(put_even(50000, 4, &a), 0);
	/* Two pages of it fit, the third does not. */
	assert_int_equal(put(rows, 3, &b), -ENOSPC);
	assert_null(b.parts);
	assert_int_equal(put_even(62144, 1, &c), 0);
	assert_int_equal(c.first_page, a.n_pages);
	assert_int_equal(pb_store_bytes(store), SEGMENT_BYTES);
	pb_store_drop(store, &a, 1);
	pb_store_drop(store, &c, 1);
}

static void what_could_never_fit_is_told_apart(void **state)
{
	struct pb_stored stored = {0};
	struct pb_unwind_table many = {.n_pages = PB_UNWIND_PAGES_MAX + 1}, none = {0};

	(void)state;
	open_store(1);
	assert_int_equal(put_even(65535, 5, &stored), -EFBIG);
	many.pages = calloc(many.n_pages, sizeof(*many.pages));
	assert_int_equal(pb_store_put(store, &many, &stored), -EFBIG);
	assert_int_equal(pb_store_put(store, &none, &stored), -EFBIG);
	many.n_pages = 1;
	many.pages[0].rows = PB_UNWIND_PAGE_ROWS_MAX + 1;
	assert_int_equal(pb_store_put(store, &many, &stored), -EFBIG);
	free(many.pages);
}

static void pages_can_run_out_too(void **state)
{
	struct pb_unwind_table wide = {.n_pages = PB_UNWIND_PAGES_MAX - 2};
	struct pb_stored a = {0}, b = {0}, c = {0};

	(void)state;
	open_store(1);
	wide.pages = calloc(wide.n_pages, sizeof(*wide.pages));
	assert_int_equal(pb_store_put(store, &wide, &a), 0);
	assert_int_equal(a.n_parts, 0);
	assert_int_equal(put_even(10, 3, &b), -ENOSPC);
	assert_int_equal(put_even(10, 2, &c), 0);
	pb_store_drop(store, &a, 1);
	pb_store_drop(store, &c, 1);
	free(wide.pages);
}

static void what_was_dropped_stays_readable_until_its_grace_is_over(void **state)
{
	static const uint32_t rows[] = {65535, 65535, 65535, 60000};
	struct pb_unwind_table *t;
	struct pb_stored a = {0}, b = {0}, seen;

	(void)state;
	open_store(1);
	t = make_table(rows, 4, 7, 2);
	assert_int_equal(pb_store_put(store, t, &a), 0);
	seen = a;
	pb_store_drop(store, &a, 1000);
	assert_int_equal(put_even(6000, 1, &b), -ENOSPC);
	pb_store_settle(store, 1000);
	assert_int_equal(put_even(6000, 1, &b), -ENOSPC);
	assert_reads_back(t, &seen);
	pb_store_settle(store, 1001);
	assert_int_equal(put_even(65535, 4, &b), 0);
	assert_int_equal(b.first_page, 0);
	pb_store_drop(store, &b, 1);
	free_table(t);
}

static uint32_t mapped_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	uint32_t n = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		n += strstr(line, "bpf-map") != NULL;
	fclose(f);
	return n;
}

static void segments_are_mapped_only_while_they_are_filled(void **state)
{
	static const uint32_t rows[] = {100};
	struct pb_unwind_table *t;
	struct pb_stored stored = {0};

	(void)state;
	open_store(1);
	t = make_table(rows, 1, 3, 0);
	assert_int_equal(mapped_maps(), 0);
	assert_int_equal(pb_store_put(store, t, &stored), 0);
	assert_int_equal(mapped_maps(), 0);
	pb_store_drop(store, &stored, 1);
	pb_store_free(pb_take(store));
	assert_int_equal(mapped_maps(), 0);
	free_table(t);
}

#define HELD 24

static void tables_that_come_and_go_never_touch_each_other(void **state)
{
	struct pb_unwind_table *tables[HELD] = {0};
	struct pb_stored stored[HELD] = {0};
	uint32_t round, i, k, refused = 0;
	unsigned int seed = 7;

	(void)state;
	open_store(2);
	for (round = 0; round < 400; round++) {
		i = (uint32_t)rand_r(&seed) % HELD;
		pb_store_settle(store, round);
		if (tables[i]) {
			assert_reads_back(tables[i], &stored[i]);
			pb_store_drop(store, &stored[i], round + (uint32_t)rand_r(&seed) % 8);
			free_table(pb_take(tables[i]));
		} else {
			uint32_t rows[6], n = 1 + (uint32_t)rand_r(&seed) % 6;

			for (k = 0; k < n; k++)
				rows[k] = (uint32_t)rand_r(&seed) % 20000 + 1;
			tables[i] = make_table(rows, n, 4 + i, (int16_t)i);
			if (pb_store_put(store, tables[i], &stored[i])) {
				free_table(pb_take(tables[i]));
				refused++;
			}
		}
	}
	assert_true(refused > 0 && refused < 200);
	for (i = 0; i < HELD; i++) {
		if (!tables[i])
			continue;
		assert_reads_back(tables[i], &stored[i]);
		pb_store_drop(store, &stored[i], 0);
		free_table(tables[i]);
	}
	/* Nothing was lost on the way: the whole store can be had again. */
	pb_store_settle(store, 1000);
	assert_int_equal(put_even(65535, 8, &stored[0]), 0);
	pb_store_drop(store, &stored[0], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_table_reads_back_row_by_row),
		TEST(the_first_two_rules_are_none_and_unsupported),
		TEST(equal_rules_of_two_tables_are_stored_once),
		TEST(a_table_that_finds_no_room_for_its_rules_is_refused),
		TEST(rules_that_no_table_has_are_free_behind_their_grace),
		TEST(a_rule_in_its_grace_is_not_written_over),
		TEST(a_table_may_have_a_rule_twice),
		TEST(a_rule_that_a_table_does_not_have_is_unsupported),
		TEST(a_table_that_fits_no_segment_gets_one_of_its_own),
		TEST(a_table_larger_than_a_segment_is_split_at_a_page),
		TEST(at_the_limit_a_table_is_split_over_what_is_left),
		TEST(what_finds_no_room_leaves_nothing_behind),
		TEST(what_could_never_fit_is_told_apart),
		TEST(pages_can_run_out_too),
		TEST(what_was_dropped_stays_readable_until_its_grace_is_over),
		TEST(segments_are_mapped_only_while_they_are_filled),
		TEST(tables_that_come_and_go_never_touch_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
