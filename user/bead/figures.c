/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/figures.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "user/bead/latencies.h"
#include "user/bead/operations.h"
#include "user/bead/plan.h"
#include "user/bead/stats.h"
#include "user/bead/store.h"
#include "user/core/log.h"

#define CONFIDENCE 0.95
#define SEED       1 /* as bead compare and bead ab have it by default */

/* Quantiles of columns of the store. */
static const struct {
	const char *column, *name, *unit;
	double q;
} rows[] = {
	{"wall_ns", "wall_p50_ns", "ns", 0.5},
	{"wall_ns", "wall_p95_ns", "ns", 0.95},
	{"wall_ns", "wall_p99_ns", "ns", 0.99},
	{"net_ns", "net_p50_ns", "ns", 0.5},
	{"user_ns", "user_p50_ns", "ns", 0.5},
	{"system_ns", "system_p50_ns", "ns", 0.5},
	{"max_rss_bytes", "max_rss_p50_bytes", "bytes", 0.5},
	{"minor_faults", "minor_faults", "count", 0.5},
	{"major_faults", "major_faults", "count", 0.5},
	{"voluntary_switches", "voluntary_switches", "count", 0.5},
	{"involuntary_switches", "involuntary_switches", "count", 0.5},
	{"block_reads", "block_reads", "count", 0.5},
	{"block_writes", "block_writes", "count", 0.5},
	{"own_ns", "own_p50_ns", "ns", 0.5},
};
/* Of runs of which it is known for some only, a median would be that of others. */
static const struct {
	const char *column, *why;
} partly[] = {
	{"net_ns", "not all work is the main thread's, so its wait for a CPU is not known"},
	{"max_rss_bytes",
	 "it uses no more memory than bead itself before its exec, which cannot be "
	 "told apart"},
};

const char *pb_figures_partly(const char *column)
{
	for (size_t i = 0; i < PB_ARRAY_SIZE(partly); i++)
		if (!strcmp(partly[i].column, column))
			return partly[i].why;
	return NULL;
}

void pb_figures_quantile(struct pb_figure *figure, const double *x, uint32_t n, double q, char *why,
			 size_t size)
{
	struct pb_interval_estimate estimate;
	/* The median's interval has two sides, and so needs one more. */
	size_t needed = pb_stats_needed(q, CONFIDENCE) + (q == 0.5);

	figure->value = figure->low = figure->high = (double)NAN;
	if (!n || pb_stats_quantile_interval(&estimate, x, n, q, CONFIDENCE)) {
		snprintf(why, size, "%u runs, and p%g needs %zu", n, q * 100, needed);
		figure->why = why;
		return;
	}
	figure->value = estimate.value;
	figure->low = estimate.low;
	figure->high = estimate.high;
	figure->why = NULL;
}

const char *pb_figures_amount(char *buf, size_t size, double value, const char *unit)
{
	static const struct {
		const char *unit;
		double from, by;
		const char *text;
	} scales[] = {
		{"ns", 1e9, 1e9, "s"},
		{"ns", 1e6, 1e6, "ms"},
		{"ns", 1e3, 1e3, "us"},
		{"ns", 0, 1, "ns"},
		{"bytes", 1 << 30, 1 << 30, "GiB"},
		{"bytes", 1 << 20, 1 << 20, "MiB"},
		{"bytes", 1 << 10, 1 << 10, "KiB"},
		{"bytes", 0, 1, "bytes"},
		{"per_second", 0, 1, "/s"},
		{"percent", -HUGE_VAL, 1, "%"},
	};

	for (size_t i = 0; i < PB_ARRAY_SIZE(scales); i++) {
		if (!strcmp(unit, scales[i].unit) && value >= scales[i].from) {
			snprintf(buf, size, "%.4g %s", value / scales[i].by, scales[i].text);
			return buf;
		}
	}
	snprintf(buf, size, "%.10g", value);
	return buf;
}

static int put_row(struct pb_store *store, int64_t id, const char *workload, size_t i)
{
	struct pb_figure figure = {workload, rows[i].name, rows[i].unit, 0, 0, 0, NULL};
	pb_autofree double *x = NULL;
	char why[96];
	uint32_t n, all;
	int err = pb_store_column(store, id, workload, rows[i].column, &x, &n);

	if (!err)
		err = pb_store_count(store, id, workload, &all);
	if (err)
		return err;
	pb_figures_quantile(&figure, x, n, rows[i].q, why, sizeof(why));
	if (n < all && pb_figures_partly(rows[i].column)) {
		figure.value = figure.low = figure.high = (double)NAN;
		figure.why = pb_figures_partly(rows[i].column);
	}
	return pb_store_put_figure(store, id, &figure);
}

/* Operations per second, from the median of the wall time. */
static int put_throughput(struct pb_store *store, int64_t id,
			  const struct pb_plan_workload *workload, const double *wall, uint32_t n)
{
	struct pb_figure figure = {
		workload->name, "operations_per_second", "per_second", 0, 0, 0, NULL};
	double operations = (double)workload->operations * 1e9, fewest;
	char why[96];

	pb_figures_quantile(&figure, wall, n, 0.5, why, sizeof(why));
	if (!figure.why) {
		/* The longer it takes, the fewer they are. */
		fewest = operations / figure.high;
		figure.high = operations / figure.low;
		figure.low = fewest;
		figure.value = operations / figure.value;
	}
	return pb_store_put_figure(store, id, &figure);
}

static int put_runs(struct pb_store *store, int64_t id, const char *workload, uint32_t n)
{
	const struct pb_figure figure = {workload,    "runs",      "count", n,
					 (double)NAN, (double)NAN, NULL};

	return pb_store_put_figure(store, id, &figure);
}

static int put_own_cost(struct pb_store *store, int64_t id, const char *workload)
{
	struct pb_figure figure = {workload, "own_max_ns", "ns", 0, (double)NAN, (double)NAN, NULL};
	pb_autofree double *x = NULL;
	uint32_t n;
	int err = pb_store_column(store, id, workload, "own_ns", &x, &n);

	if (err || !n)
		return err;
	figure.value = pb_stats_quantile(x, n, 1);
	return pb_store_put_figure(store, id, &figure);
}

/* One quantile of all operations. */
static int put_operation_quantile(struct pb_store *store, int64_t id, const char *workload,
				  const struct pb_operations *o, const char *name, double q)
{
	struct pb_figure figure = {workload,    name,        "ns", (double)NAN,
				   (double)NAN, (double)NAN, NULL};
	struct pb_interval_estimate e;
	char why[128];
	int err = pb_operations_interval(&e, o, q, CONFIDENCE, SEED);

	if (err == -ENODATA) {
		pb_operations_explain(why, sizeof(why), o, q, CONFIDENCE);
		figure.why = why;
	} else if (err) {
		return pb_err(-err, "judge the operations of %s", workload);
	} else {
		figure.value = e.value;
		figure.low = e.low;
		figure.high = e.high;
	}
	return pb_store_put_figure(store, id, &figure);
}

static int put_operations(struct pb_store *store, int64_t id, const char *workload, uint32_t runs,
			  const char *directory)
{
	static const struct {
		const char *name;
		double q;
	} quantiles[] = {{"operation_p50_ns", 0.5},
			 {"operation_p95_ns", 0.95},
			 {"operation_p99_ns", 0.99},
			 {"operation_p999_ns", 0.999}};
	pb_auto(pb_operations) struct pb_operations *o = NULL;
	struct pb_figure most = {workload,    "operation_max_ns", "ns", 0,
				 (double)NAN, (double)NAN,        NULL};
	struct pb_figure count = {workload,    "operations", "count", 0,
				  (double)NAN, (double)NAN,  NULL};
	int err = pb_latencies_load(&o, directory, workload, 0, runs);

	if (err == -ENOENT)
		return pb_fail(ENOENT, "the latencies of %s are not in %s any more", workload,
			       directory);
	for (size_t i = 0; i < PB_ARRAY_SIZE(quantiles) && !err; i++)
		err = put_operation_quantile(store, id, workload, o, quantiles[i].name,
					     quantiles[i].q);
	if (err)
		return err;
	most.value = pb_operations_max(o);
	count.value = (double)pb_operations_count(o);
	err = pb_store_put_figure(store, id, &most);
	return err ? err : pb_store_put_figure(store, id, &count);
}

int pb_figures_put(struct pb_store *store, int64_t id, const struct pb_plan_workload *workload,
		   const char *directory)
{
	pb_autofree double *wall = NULL;
	uint32_t n;
	int err = pb_store_column(store, id, workload->name, "wall_ns", &wall, &n);

	for (size_t i = 0; i < PB_ARRAY_SIZE(rows) && !err; i++)
		err = put_row(store, id, workload->name, i);
	if (!err && workload->operations)
		err = put_throughput(store, id, workload, wall, n);
	if (!err && workload->latencies.path && n)
		err = put_operations(store, id, workload->name, n, directory);
	if (!err)
		err = put_own_cost(store, id, workload->name);
	return err ? err : put_runs(store, id, workload->name, n);
}
