/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What is compared, from the store. */
#include "user/bead/versus.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "user/bead/figures.h"
#include "user/bead/latencies.h"
#include "user/bead/operations.h"
#include "user/bead/store.h"
#include "user/core/log.h"
#include "user/core/own.h"

#define P99 0.99
#define P95 0.95

/* Where it comes from: a figure that was counted, or the sum of columns of the samples. */
static const struct thing {
	const char *name, *figure, *columns[2];
} things[PB_LIMITS] = {
	[PB_LIMIT_WALL_P50] = {"wall_p50", NULL, {"wall_ns"}},
	[PB_LIMIT_WALL_P95] = {"wall_p95", NULL, {"wall_ns"}},
	[PB_LIMIT_P99] = {"operation_p99", NULL, {NULL}},
	[PB_LIMIT_CPU] = {"cpu", NULL, {"user_ns", "system_ns"}},
	[PB_LIMIT_MEMORY] = {"memory", NULL, {"max_rss_bytes"}},
	[PB_LIMIT_ALLOCATIONS] = {"allocations", "allocations", {NULL}},
	[PB_LIMIT_SYSCALLS] = {"syscalls", "syscalls", {NULL}},
	[PB_LIMIT_BLOCK_IOS] = {"block_ios", "block_ios", {NULL}},
	[PB_LIMIT_FAULTS] = {"faults", NULL, {"minor_faults", "major_faults"}},
};

/* A figure that is looked for. */
struct wanted {
	const char *workload, *name;
	bool found;
	double low, high;
	char why[256];
};

static int keep_wanted(void *ctx, const struct pb_figure *figure)
{
	struct wanted *w = ctx;

	if (strcmp(figure->workload, w->workload) != 0 || strcmp(figure->name, w->name) != 0)
		return 0;
	w->found = true;
	w->low = isnan(figure->low) ? figure->value : figure->low;
	w->high = isnan(figure->high) ? figure->value : figure->high;
	snprintf(w->why, sizeof(w->why), "%s", figure->why ? figure->why : "");
	return 0;
}

static int read_counts(struct pb_versus *out, struct pb_store *store, int64_t base, int64_t fresh,
		       const char *workload)
{
	struct wanted a = {.workload = workload, .name = things[out->what].figure}, b = a;
	int err = pb_store_figures(store, base, keep_wanted, &a);

	if (!err)
		err = pb_store_figures(store, fresh, keep_wanted, &b);
	if (err)
		return err;
	if (!a.found || a.why[0])
		snprintf(out->why, sizeof(out->why), "the reference does not know it: %s",
			 a.found ? a.why : "it was not counted there");
	else if (!b.found || b.why[0])
		snprintf(out->why, sizeof(out->why), "it could not be counted: %s",
			 b.found ? b.why : "it was left out");
	else
		pb_versus_counts(out, a.low, a.high, b.low, b.high);
	return 0;
}

/* The part of @values that a side has, moved to their front. */
static void cut(const struct pb_versus_side *side, double *values, uint32_t *n)
{
	uint32_t first = side->first < *n ? side->first : *n;

	*n = *n - first < side->most ? *n - first : side->most;
	if (*n && values)
		memmove(values, values + first, *n * sizeof(*values));
}

static int read_samples(double **out, uint32_t *n, struct pb_store *store,
			const struct pb_versus_side *side, const char *workload,
			const struct thing *thing)
{
	pb_autofree double *values = NULL, *more = NULL;
	uint32_t n_more = 0;
	int err = pb_store_column(store, side->run, workload, thing->columns[0], &values, n);

	if (!err && thing->columns[1])
		err = pb_store_column(store, side->run, workload, thing->columns[1], &more,
				      &n_more);
	if (err)
		return err;
	if (thing->columns[1] && n_more != *n)
		return pb_fail(EBADMSG, "samples of %s lack their %s", workload, thing->name);
	for (uint32_t i = 0; i < n_more && values; i++)
		values[i] += more[i];
	cut(side, values, n);
	*out = pb_take(values);
	return 0;
}

/* Each sample as a run of one operation. */
static int as_operations(struct pb_operations **out, const double *x, uint32_t n)
{
	pb_auto(pb_operations) struct pb_operations *o = NULL;
	int err = pb_operations_new(&o);

	for (uint32_t i = 0; i < n && !err; i++)
		err = pb_operations_add(o, &x[i], 1);
	if (!err)
		*out = pb_take(o);
	return err;
}

static int compare_values(struct pb_versus *out, const double *x, uint32_t n, const double *y,
			  uint32_t m, uint64_t seed)
{
	pb_auto(pb_operations) struct pb_operations *a = NULL, *b = NULL;
	int err;

	if (out->what != PB_LIMIT_WALL_P95)
		return pb_versus_samples(out, x, n, y, m, seed);
	err = as_operations(&a, x, n);
	if (!err)
		err = as_operations(&b, y, m);
	return err ? err : pb_versus_operations(out, a, b, P95, seed);
}

/* Wall times without the time that the main thread waited for a CPU, in place. @known: set to whether all tell that. */
static int take_waits_off(double *values, uint32_t n, struct pb_store *store,
			  const struct pb_versus_side *side, const char *workload, bool *known)
{
	pb_autofree double *percent = NULL;
	uint32_t n_percent = 0, n_all = 0;
	int err =
		pb_store_column(store, side->run, workload, "run_queue_pct", &percent, &n_percent);

	if (!err)
		err = pb_store_count(store, side->run, workload, &n_all);
	if (err)
		return err;
	*known = n_percent == n_all;
	cut(side, percent, &n_percent);
	for (uint32_t i = 0; i < n && *known; i++)
		values[i] *= 1 - fmin(percent[i], 100) / 100;
	return 0;
}

static int compare_ready(struct pb_versus *out, struct pb_store *store,
			 const struct pb_versus_side *base, const struct pb_versus_side *fresh,
			 const char *workload, double *x, double *y, uint64_t seed)
{
	struct pb_versus ready = {.what = out->what};
	bool known = false, both = false;
	int err = take_waits_off(x, out->n_base, store, base, workload, &known);

	if (!err && known)
		err = take_waits_off(y, out->n_fresh, store, fresh, workload, &both);
	if (!err && both)
		err = compare_values(&ready, x, out->n_base, y, out->n_fresh, seed);
	if (err || !both || ready.why[0])
		return err;
	out->ready = ready.ratio;
	out->has_ready = true;
	return 0;
}

/* Whether a column is known of all runs of a side. */
static int find_whole(bool *out, struct pb_store *store, const struct pb_versus_side *side,
		      const char *workload, const char *column)
{
	pb_autofree double *values = NULL;
	uint32_t n = 0, all = 0;
	int err = pb_store_column(store, side->run, workload, column, &values, &n);

	if (!err)
		err = pb_store_count(store, side->run, workload, &all);
	*out = n == all;
	return err;
}

/* Whether the net time of all runs of both sides is known. */
static int find_net(bool *out, struct pb_store *store, const struct pb_versus_side *base,
		    const struct pb_versus_side *fresh, const char *workload)
{
	bool of_fresh = false;
	int err = find_whole(out, store, base, workload, "net_ns");

	if (!err)
		err = find_whole(&of_fresh, store, fresh, workload, "net_ns");
	*out = *out && of_fresh;
	return err;
}

/* Memory that is not known of all runs says nothing, and of which side that is so, out->why. */
static int find_memory(struct pb_versus *out, struct pb_store *store,
		       const struct pb_versus_side *base, const struct pb_versus_side *fresh,
		       const char *workload)
{
	const char *column = things[out->what].columns[0];
	bool of_base = true, of_fresh = true;
	int err = find_whole(&of_base, store, base, workload, column);

	if (!err)
		err = find_whole(&of_fresh, store, fresh, workload, column);
	if (err || (of_base && of_fresh))
		return err;
	out->below = !of_fresh;
	snprintf(out->why, sizeof(out->why), "of %s, %s",
		 of_base    ? "the new runs"
		 : of_fresh ? "the reference"
			    : "both sides",
		 pb_figures_partly(column));
	return 0;
}

static int read_timed(struct pb_versus *out, struct pb_store *store,
		      const struct pb_versus_side *base, const struct pb_versus_side *fresh,
		      const char *workload, uint64_t seed)
{
	static const struct thing net_times = {"net", NULL, {"net_ns"}};
	const struct thing *thing = &things[out->what];
	bool is_wall = !strcmp(thing->columns[0], "wall_ns");
	pb_autofree double *x = NULL, *y = NULL;
	uint32_t n = 0, m = 0;
	int err = is_wall ? find_net(&out->net, store, base, fresh, workload) : 0;

	if (!err && out->what == PB_LIMIT_MEMORY)
		err = find_memory(out, store, base, fresh, workload);
	if (err || out->why[0])
		return err;
	if (out->net)
		thing = &net_times;
	err = read_samples(&x, &n, store, base, workload, thing);
	if (!err)
		err = read_samples(&y, &m, store, fresh, workload, thing);
	if (err)
		return err;
	if (!n) {
		snprintf(out->why, sizeof(out->why), "the reference has no runs of it");
		return 0;
	}
	err = compare_values(out, x, n, y, m, seed);
	if (!err && !out->why[0] && is_wall && !out->net)
		err = compare_ready(out, store, base, fresh, workload, x, y, seed);
	return err ? pb_err(-err, "compare %s of %s", thing->name, workload) : 0;
}

/* How many samples a side has. */
static int count_side(struct pb_store *store, const struct pb_versus_side *side,
		      const char *workload, uint32_t *n)
{
	int err = pb_store_count(store, side->run, workload, n);

	if (err)
		return err;
	*n = side->first < *n ? *n - side->first : 0;
	*n = side->most < *n ? side->most : *n;
	return 0;
}

static int load_side(struct pb_operations **out, struct pb_store *store,
		     const struct pb_versus_side *side, const char *workload)
{
	uint32_t n = 0;
	int err = count_side(store, side, workload, &n);

	if (err)
		return err;
	return n ? pb_latencies_load(out, side->directory, workload, side->first, n) : -ENOENT;
}

static int read_operations(struct pb_versus *out, struct pb_store *store,
			   const struct pb_versus_side *base, const struct pb_versus_side *fresh,
			   const struct pb_plan_workload *workload, uint64_t seed)
{
	pb_auto(pb_operations) struct pb_operations *a = NULL, *b = NULL;
	int err;

	if (!workload->latencies.path) {
		snprintf(
			out->why, sizeof(out->why),
			"the workload writes no times of its operations; \"latencies\" in the plan "
			"says where it does");
		return 0;
	}
	err = load_side(&a, store, base, workload->name);
	if (err == -ENOENT) {
		snprintf(out->why, sizeof(out->why),
			 "the reference has no times of its operations");
		return 0;
	}
	if (!err)
		err = load_side(&b, store, fresh, workload->name);
	if (err == -ENOENT) {
		snprintf(out->why, sizeof(out->why), "there are no times of its operations");
		return 0;
	}
	if (err)
		return err;
	err = pb_versus_operations(out, a, b, P99, seed);
	return err ? pb_err(-err, "compare the operations of %s", workload->name) : 0;
}

int pb_versus_read(struct pb_versus *out, struct pb_store *store, const struct pb_versus_side *base,
		   const struct pb_versus_side *fresh, const struct pb_plan_workload *workload,
		   enum pb_limit what, uint64_t seed)
{
	pb_versus_init(out, what);
	if (out->is_count)
		return read_counts(out, store, base->run, fresh->run, workload->name);
	if (what == PB_LIMIT_P99)
		return read_operations(out, store, base, fresh, workload, seed);
	return read_timed(out, store, base, fresh, workload->name, seed);
}
