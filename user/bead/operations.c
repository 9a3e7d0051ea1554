/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/operations.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "user/bead/order.h"
#include "user/bead/stats.h"
#include "user/core/grow.h"

#define ROUNDS       1000 /* of the bootstrap */
#define PERMUTATIONS 4999
#define ENOUGH       25

struct run {
	double *sorted;
	uint32_t n;
};

struct pb_operations {
	struct run *runs;
	uint32_t n_runs, room;
	uint64_t count;
};

int pb_operations_new(struct pb_operations **out)
{
	struct pb_operations *o = calloc(1, sizeof(*o));

	if (!o)
		return -ENOMEM;
	*out = o;
	return 0;
}

void pb_operations_free(struct pb_operations *o)
{
	if (!o)
		return;
	for (uint32_t i = 0; i < o->n_runs; i++)
		free(o->runs[i].sorted);
	free(o->runs);
	free(o);
}

int pb_operations_add(struct pb_operations *o, const double *x, uint32_t n)
{
	struct run *run;

	if (pb_grow(&o->runs, &o->room, (uint64_t)o->n_runs + 1, sizeof(*o->runs)))
		return -ENOMEM;
	run = &o->runs[o->n_runs];
	run->sorted = pb_order_sorted(x, n);
	if (!run->sorted)
		return -ENOMEM;
	run->n = n;
	o->n_runs++;
	o->count += n;
	return 0;
}

uint64_t pb_operations_count(const struct pb_operations *o)
{
	return o->count;
}

uint32_t pb_operations_runs(const struct pb_operations *o)
{
	return o->n_runs;
}

double pb_operations_max(const struct pb_operations *o)
{
	double most = o->runs[0].sorted[o->runs[0].n - 1];

	for (uint32_t i = 1; i < o->n_runs; i++)
		most = fmax(most, o->runs[i].sorted[o->runs[i].n - 1]);
	return most;
}

/* Runs, each as often as it was drawn; @drawn NULL: once. */
struct drawn {
	const struct pb_operations *o;
	const uint32_t *drawn;
};

static uint32_t count_run(const struct run *run, double v)
{
	uint32_t low = 0, high = run->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (run->sorted[middle] <= v)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint64_t count_below(const void *ctx, double v)
{
	const struct drawn *d = ctx;
	uint64_t below = 0;

	for (uint32_t i = 0; i < d->o->n_runs; i++) {
		uint32_t times = d->drawn ? d->drawn[i] : 1;

		if (times)
			below += (uint64_t)times * count_run(&d->o->runs[i], v);
	}
	return below;
}

double pb_operations_quantile(const struct pb_operations *o, double q)
{
	struct drawn d = {.o = o};

	return pb_order_quantile_by(count_below, &d, o->count, q);
}

/* Of as many runs as there are, drawn with replacement. @drawn: scratch. */
static double resampled(const struct pb_operations *o, uint32_t *drawn, double q,
			struct pb_random *random)
{
	struct drawn d = {.o = o, .drawn = drawn};
	uint64_t n = 0;

	memset(drawn, 0, o->n_runs * sizeof(*drawn));
	for (uint32_t i = 0; i < o->n_runs; i++) {
		uint64_t k = pb_random_below(random, o->n_runs);

		drawn[k]++;
		n += o->runs[k].n;
	}
	return pb_order_quantile_by(count_below, &d, n, q);
}

/* Widen @out to what the bootstrap says. @a NULL: of the quantile of @b alone, else of its ratio to that of @a. */
static int widen(struct pb_interval_estimate *out, const struct pb_operations *a,
		 const struct pb_operations *b, double q, uint64_t seed)
{
	struct pb_random random = {.state = seed};
	uint32_t most = a && a->n_runs > b->n_runs ? a->n_runs : b->n_runs;
	pb_autofree double *values = calloc(ROUNDS, sizeof(*values)), *sorted = NULL;
	pb_autofree uint32_t *drawn = calloc(most, sizeof(*drawn));
	double miss = (1 - out->confidence) / 2;

	if (!values || !drawn)
		return -ENOMEM;
	for (int i = 0; i < ROUNDS; i++) {
		double of_a = a ? resampled(a, drawn, q, &random) : 1;

		if (!(of_a > 0))
			return -EDOM;
		values[i] = resampled(b, drawn, q, &random) / of_a;
	}
	sorted = pb_order_sorted(values, ROUNDS);
	if (!sorted)
		return -ENOMEM;
	out->low = fmin(out->low, pb_order_quantile(sorted, ROUNDS, miss));
	out->high = fmax(out->high, pb_order_quantile(sorted, ROUNDS, 1 - miss));
	return 0;
}

/* As if all were independent. */
static int of_order(struct pb_interval_estimate *out, const struct pb_operations *o, double q,
		    double confidence)
{
	struct drawn d = {.o = o};
	size_t low, high;

	if (o->n_runs < PB_OPERATIONS_RUNS_MIN ||
	    pb_stats_quantile_ranks(&low, &high, o->count, q, confidence))
		return -ENODATA;
	*out = (struct pb_interval_estimate){
		.value = pb_operations_quantile(o, q),
		.low = pb_order_nth(count_below, &d, low),
		.high = pb_order_nth(count_below, &d, high),
		.confidence = confidence,
	};
	return 0;
}

int pb_operations_interval(struct pb_interval_estimate *out, const struct pb_operations *o,
			   double q, double confidence, uint64_t seed)
{
	struct pb_interval_estimate e;
	int err = of_order(&e, o, q, confidence);

	if (!err)
		err = widen(&e, NULL, o, q, seed);
	if (!err)
		*out = e;
	return err;
}

void pb_operations_explain(char *buf, size_t size, const struct pb_operations *o, double q,
			   double confidence)
{
	size_t needed = pb_stats_needed(q, confidence);

	if (o->n_runs < PB_OPERATIONS_RUNS_MIN)
		snprintf(buf, size, "%u runs, and operations need those of %d", o->n_runs,
			 PB_OPERATIONS_RUNS_MIN);
	else
		snprintf(buf, size, "%llu operations, and p%g needs %zu",
			 (unsigned long long)o->count, q * 100, needed);
}

int pb_operations_ratio(struct pb_interval_estimate *out, const struct pb_operations *a,
			const struct pb_operations *b, double q, double confidence, uint64_t seed)
{
	struct pb_interval_estimate before, after, e;
	double each = (1 + confidence) / 2;
	int err = of_order(&before, a, q, each);

	if (!err)
		err = of_order(&after, b, q, each);
	if (err)
		return err;
	if (!(before.low > 0))
		return -EDOM;
	e = (struct pb_interval_estimate){
		.value = after.value / before.value,
		.low = after.low / before.high,
		.high = after.high / before.low,
		.confidence = confidence,
	};
	err = widen(&e, a, b, q, seed);
	if (!err)
		*out = e;
	return err;
}

/* How much further out the quantile of the runs in @second is than that of the others. @flags: scratch. */
static double difference(const struct pb_operations *pool, const uint32_t *second, uint32_t *flags,
			 double q)
{
	struct drawn d = {.o = pool, .drawn = second};
	uint64_t n = 0;
	double of_second;

	for (uint32_t i = 0; i < pool->n_runs; i++) {
		flags[i] = !second[i];
		n += second[i] ? pool->runs[i].n : 0;
	}
	of_second = pb_order_quantile_by(count_below, &d, n, q);
	d.drawn = flags;
	return of_second - pb_order_quantile_by(count_below, &d, pool->count - n, q);
}

/* Fisher and Yates. */
static void shuffle(uint32_t *x, uint32_t n, struct pb_random *random)
{
	for (uint32_t i = n; i > 1; i--) {
		uint64_t k = pb_random_below(random, i);
		uint32_t swap = x[i - 1];

		x[i - 1] = x[k];
		x[k] = swap;
	}
}

/* The share of ways to deal the runs out in which the difference is as large as @seen, or as small. */
static double permute(const struct pb_operations *pool, uint32_t *second, uint32_t *flags, double q,
		      double seen, uint64_t seed)
{
	struct pb_random random = {.state = seed};
	uint32_t above = 0, below = 0, rounds = 0;

	/* Where chance does as much this often, more rounds make no difference (Besag and Clifford, 1991). */
	while (rounds < PERMUTATIONS && (above < ENOUGH || below < ENOUGH)) {
		double d;

		shuffle(second, pool->n_runs, &random);
		d = difference(pool, second, flags, q);
		above += d >= seen;
		below += d <= seen;
		rounds++;
	}
	return fmin(1, 2.0 * ((above < below ? above : below) + 1) / (rounds + 1));
}

int pb_operations_test(double *p, const struct pb_operations *a, const struct pb_operations *b,
		       double q, uint64_t seed)
{
	uint32_t n = a->n_runs + b->n_runs;
	pb_autofree struct run *runs = calloc((size_t)n + 1, sizeof(*runs));
	pb_autofree uint32_t *second = calloc((size_t)n + 1, sizeof(*second));
	pb_autofree uint32_t *flags = calloc((size_t)n + 1, sizeof(*flags));
	const struct pb_operations pool = {.runs = runs, .n_runs = n, .count = a->count + b->count};

	if (!runs || !second || !flags)
		return -ENOMEM;
	*p = 1;
	if (!a->count || !b->count)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		second[i] = i >= a->n_runs;
		runs[i] = second[i] ? b->runs[i - a->n_runs] : a->runs[i];
	}
	*p = permute(&pool, second, flags, q, difference(&pool, second, flags, q), seed);
	return 0;
}
