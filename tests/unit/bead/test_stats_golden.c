/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Every case of r.txt, which R worked out. */
#include "user/bead/stats.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/bead/numbers.h"
#include "user/bead/order.h"
#include "user/core/own.h"

#define NUMBERS_MAX 1024

struct numbers {
	double v[NUMBERS_MAX];
	size_t n;
};

struct golden {
	char name[32];
	struct numbers x, y, args, want;
};

static void near(double got, double want, double relative)
{
	assert_near(got, want, fmax(relative * fabs(want), 1e-15));
}

static void read_numbers(struct numbers *to, char **line)
{
	char *field = strsep(line, ";\n"), *end;

	assert_non_null(field);
	for (to->n = 0; to->n < NUMBERS_MAX; to->n++) {
		to->v[to->n] = strtod(field, &end);
		if (end == field)
			return;
		field = end;
	}
	fail_msg("a line of r.txt is too long");
}

static void check_quantile(const struct golden *g)
{
	near(pb_stats_quantile(g->x.v, g->x.n, g->args.v[0]), g->want.v[0], 1e-14);
}

static void check_mad(const struct golden *g)
{
	near(pb_stats_mad(g->x.v, g->x.n), g->want.v[0], 1e-14);
}

static void check_mann_whitney(const struct golden *g)
{
	double p, turned;

	assert_int_equal(pb_stats_mann_whitney(&p, g->x.v, g->x.n, g->y.v, g->y.n), 0);
	assert_int_equal(pb_stats_mann_whitney(&turned, g->y.v, g->y.n, g->x.v, g->x.n), 0);
	near(p, g->want.v[0], 1e-11);
	near(turned, p, 1e-13);
}

static void check_shift(const struct golden *g)
{
	double shift;

	assert_int_equal(pb_stats_shift(&shift, g->x.v, g->x.n, g->y.v, g->y.n), 0);
	near(shift, g->want.v[0], 1e-13);
}

static void check_signed_rank(const struct golden *g)
{
	double p;

	assert_int_equal(g->x.n, g->y.n);
	assert_int_equal(pb_stats_signed_rank(&p, g->x.v, g->y.v, g->x.n), 0);
	near(p, g->want.v[0], 1e-11);
}

static void check_holm(const struct golden *g)
{
	double p[NUMBERS_MAX];

	memcpy(p, g->x.v, sizeof(p));
	pb_stats_holm(p, g->x.n);
	for (size_t i = 0; i < g->x.n; i++)
		near(p[i], g->want.v[i], 1e-14);
}

static void check_ranks(const struct golden *g)
{
	struct pb_interval_estimate e;
	size_t n = (size_t)g->x.v[0];
	double x[NUMBERS_MAX];

	for (size_t i = 0; i < n; i++)
		x[i] = (double)(n - i);
	assert_int_equal(pb_stats_quantile_interval(&e, x, n, g->args.v[0], g->args.v[1]), 0);
	near(e.low, g->want.v[0], 1e-15);
	near(e.high, g->want.v[1], 1e-15);
}

static void check_normal(const struct golden *g)
{
	near(pb_normal_quantile(g->x.v[0]), g->want.v[0], 1e-10);
	near(pb_normal_below(g->want.v[0]), g->x.v[0], 1e-10);
}

/* Both simulate, with chance of their own: what is equal is the statistic, and the limits are close. */
static void check_ratio(const struct golden *g)
{
	struct pb_interval_estimate e;

	assert_int_equal(pb_stats_ratio(&e, g->x.v, g->x.n, g->y.v, g->y.n, g->args.v[0], 20000, 1),
			 0);
	near(e.value, g->want.v[0], 1e-13);
	near(e.low, g->want.v[1], 0.003);
	near(e.high, g->want.v[2], 0.003);
}

static const struct {
	const char *name;
	void (*check)(const struct golden *g);
	uint32_t at_least; /* cases */
} checks[] = {
	{"quantile", check_quantile, 35},
	{"mad", check_mad, 5},
	{"mann_whitney", check_mann_whitney, 24},
	{"shift", check_shift, 21},
	{"signed_rank", check_signed_rank, 10},
	{"holm", check_holm, 5},
	{"ranks", check_ranks, 7},
	{"normal", check_normal, 5},
	{"ratio", check_ratio, 3},
};

static void all_cases_of(const char *name, void (*check)(const struct golden *g), uint32_t at_least)
{
	pb_autofclose FILE *f = fopen("tests/unit/bead/r.txt", "re");
	pb_autofree struct golden *g = calloc(1, sizeof(*g));
	pb_autofree char *buf = NULL;
	uint32_t cases = 0;
	size_t room = 0;

	assert_non_null(f);
	assert_non_null(g);
	while (getline(&buf, &room, f) > 0) {
		char *line = buf;

		if (*buf == '#')
			continue;
		snprintf(g->name, sizeof(g->name), "%s", strsep(&line, ";"));
		if (strcmp(g->name, name) != 0)
			continue;
		read_numbers(&g->x, &line);
		read_numbers(&g->y, &line);
		read_numbers(&g->args, &line);
		read_numbers(&g->want, &line);
		check(g);
		cases++;
	}
	assert_in_range(cases, at_least, UINT32_MAX);
}

static void same_as_r(void **state)
{
	size_t i = (size_t)(uintptr_t)*state;

	all_cases_of(checks[i].name, checks[i].check, checks[i].at_least);
}

int main(void)
{
	struct CMUnitTest tests[PB_ARRAY_SIZE(checks)];
	char names[PB_ARRAY_SIZE(checks)][64];

	for (size_t i = 0; i < PB_ARRAY_SIZE(checks); i++) {
		snprintf(names[i], sizeof(names[i]), "%s_is_as_r_has_it", checks[i].name);
		tests[i] = (struct CMUnitTest){
			.name = names[i],
			.test_func = same_as_r,
			.initial_state = (void *)(uintptr_t)i,
		};
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
