/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/kallsyms.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "user/symbol/shared/symtab.h"

/* What a kernel shows, in its order: itself, modules, BPF programs. */
static const char sample[] = "ffffffff81000000 T __leading\n"
			     "ffffffff81000000 T _text\n"
			     "ffffffff81000000 t stub\n"
			     "ffffffff81000100 t schedule_tail\n"
			     "ffffffff81000180 W arch_weak\n"
			     "ffffffff81000200 T do_idle\n"
			     "ffffffff81000280 d not_code\n"
			     "ffffffff81000300 T _etext\n"
			     "ffffffff82000000 D jiffies\n"
			     "ffffffffc0200040 t xfs_b\t[xfs]\n"
			     "ffffffffc0200000 t xfs_a\t[xfs]\n"
			     "ffffffffc0400000 t nvme_last\t[nvme]\n"
			     "ffffffffc0600000 t bpf_prog_0123456789abcdef_hello\t[bpf]\n"
			     "garbage\n"
			     "ffffffffc0700000\n"
			     "ffffffffc0700000 T\n"
			     "ffffffffc0700000 T \n"
			     "ffffffffc0800000 T unfinished";

static struct pb_symtab *parse(const char *text, const uint64_t *wanted, size_t n, int *err)
{
	struct pb_symtab *t = NULL;
	char *copy = strdup(text);

	assert_non_null(copy);
	assert_int_equal(pb_symtab_new(&t), 0);
	*err = pb_kallsyms_parse(t, copy, strlen(copy), wanted, n);
	memset(copy, 'x', strlen(text));
	free(copy);
	assert_int_equal(pb_symtab_finish(t, 0), 0);
	return t;
}

/* The name of one address, asked for alone or among others: it must not matter. */
static void expect_name(uint64_t addr, const char *name)
{
	static const uint64_t others[] = {0,
					  0xffffffff81000000,
					  0xffffffff81000150,
					  0xffffffff81000250,
					  0xffffffffc0200050,
					  0xffffffffc0600010,
					  UINT64_MAX};
	uint64_t wanted[PB_ARRAY_SIZE(others) + 1];
	bool alone;

	for (alone = false;; alone = true) {
		const struct pb_symbol *s;
		struct pb_symtab *t;
		size_t n = 0, i;
		int err;

		for (i = 0; !alone && i < PB_ARRAY_SIZE(others) && others[i] < addr; i++)
			wanted[n++] = others[i];
		wanted[n++] = addr;
		for (; !alone && i < PB_ARRAY_SIZE(others); i++)
			wanted[n++] = others[i];
		t = parse(sample, wanted, n, &err);
		assert_int_equal(err, 0);
		s = pb_symtab_find(t, addr);
		assert_string_equal(s ? s->name : "none", name);
		pb_symtab_free(t);
		if (alone)
			return;
	}
}

static void a_function_reaches_to_the_next_one(void **state)
{
	(void)state;
	expect_name(0xffffffff80ffffff, "none");
	expect_name(0xffffffff81000100, "schedule_tail");
	expect_name(0xffffffff8100017f, "schedule_tail");
	expect_name(0xffffffff81000180, "arch_weak");
	expect_name(0xffffffff810001ff, "arch_weak");
	expect_name(0xffffffff81000200, "do_idle");
	expect_name(0xffffffff810002ff, "do_idle");
	expect_name(0xffffffffc0200000, "xfs_a");
	expect_name(0xffffffffc020003f, "xfs_a");
	expect_name(0xffffffffc0200040, "xfs_b");
}

static void a_gap_between_modules_has_no_name(void **state)
{
	(void)state;
	expect_name(0xffffffffc0201fff, "xfs_b");
	expect_name(0xffffffffc0202000, "none");
	expect_name(0xffffffffc03fffff, "none");
	expect_name(0xffffffffc0400000, "nvme_last");
	expect_name(0xffffffffc0400fff, "nvme_last");
	expect_name(0xffffffffc0401000, "none");
}

static void a_bpf_program_may_be_large_but_not_endless(void **state)
{
	(void)state;
	expect_name(0xffffffffc0600000, "bpf_prog_0123456789abcdef_hello");
	expect_name(0xffffffffc06fffff, "bpf_prog_0123456789abcdef_hello");
	expect_name(0xffffffffc0700000, "none");
}

static void the_global_name_without_underscores_is_chosen(void **state)
{
	(void)state;
	expect_name(0xffffffff81000000, "_text");
}

static void an_unfinished_line_is_not_used(void **state)
{
	(void)state;
	expect_name(0xffffffffc0800000, "none");
}

static void only_what_is_wanted_is_kept(void **state)
{
	static const uint64_t wanted[] = {0xffffffff81000110, 0xffffffff81000110,
					  0xffffffff81000120, 0xffffffff81000210};
	struct pb_symtab *t;
	int err;

	(void)state;
	t = parse(sample, wanted, 4, &err);
	assert_int_equal(err, 0);
	assert_int_equal(pb_symtab_count(t), 2);
	pb_symtab_free(t);
}

static void zeros_mean_that_the_kernel_hides_its_symbols(void **state)
{
	static const uint64_t wanted[] = {0xffffffff81000110};
	struct pb_symtab *t;
	int err;

	(void)state;
	t = parse("0000000000000000 T _text\n0000000000000000 t x\t[xfs]\n", wanted, 1, &err);
	assert_int_equal(err, -EACCES);
	pb_symtab_free(t);
	t = parse("0000000000000000 A percpu\nffffffff81000100 T f\n", wanted, 1, &err);
	assert_int_equal(err, 0);
	pb_symtab_free(t);
}

static void a_text_without_functions_is_refused(void **state)
{
	static const uint64_t wanted[] = {1};
	struct pb_symtab *t;
	int err;

	(void)state;
	t = parse("", wanted, 1, &err);
	assert_int_equal(err, -EPROTO);
	pb_symtab_free(t);
	t = parse("\n\n \nffffffff81000100 D data\n", wanted, 1, &err);
	assert_int_equal(err, -EPROTO);
	pb_symtab_free(t);
}

#define LIVE_MAX 500

struct live {
	uint64_t addr;
	char name[512];
};

static int compare_live(const void *pa, const void *pb)
{
	const struct live *a = pa, *b = pb;

	return a->addr < b->addr ? -1 : a->addr > b->addr;
}

/* Every 257th function of this kernel, read the slow way. */
static size_t read_live(struct live *live)
{
	pb_autofclose FILE *f = fopen("/proc/kallsyms", "re");
	char line[1024], type;
	size_t n = 0, i = 0;

	while (f && n < LIVE_MAX && fgets(line, sizeof(line), f)) {
		unsigned long long addr;

		if (sscanf(line, "%llx %c %511s", &addr, &type, live[n].name) != 3 || !addr ||
		    !strchr("tTwW", type) || i++ % 257)
			continue;
		live[n++].addr = addr;
	}
	qsort(live, n, sizeof(*live), compare_live);
	return n;
}

static void functions_of_this_kernel_are_found_at_their_addresses(void **state)
{
	static struct live live[LIVE_MAX];
	static uint64_t wanted[LIVE_MAX];
	struct pb_symtab *t = NULL;
	size_t n = read_live(live), same = 0, i;

	(void)state;
	if (!n) {
		print_message("this kernel hides its symbols from us\n");
		skip();
	}
	for (i = 0; i < n; i++)
		wanted[i] = live[i].addr;
	assert_int_equal(pb_kallsyms_read(&t, wanted, n), 0);
	for (i = 0; i < n; i++) {
		const struct pb_symbol *s = pb_symtab_find(t, wanted[i]);

		if (!s || s->addr != wanted[i])
			fail_msg("%s is not found", live[i].name);
		same += !strcmp(s->name, live[i].name);
	}
	/* The rest are aliases. */
	assert_true(same > n * 8 / 10);
	pb_symtab_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_reaches_to_the_next_one),
		cmocka_unit_test(a_gap_between_modules_has_no_name),
		cmocka_unit_test(a_bpf_program_may_be_large_but_not_endless),
		cmocka_unit_test(the_global_name_without_underscores_is_chosen),
		cmocka_unit_test(an_unfinished_line_is_not_used),
		cmocka_unit_test(only_what_is_wanted_is_kept),
		cmocka_unit_test(zeros_mean_that_the_kernel_hides_its_symbols),
		cmocka_unit_test(a_text_without_functions_is_refused),
		cmocka_unit_test(functions_of_this_kernel_are_found_at_their_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
