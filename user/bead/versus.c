/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/versus.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "user/bead/figures.h"
#include "user/bead/operations.h"

#define CONFIDENCE 0.95

static const struct {
	const char *name, *unit;
	bool is_count;
} things[PB_LIMITS] = {
	[PB_LIMIT_WALL_P50] = {"wall_p50", "ns", false},
	[PB_LIMIT_WALL_P95] = {"wall_p95", "ns", false},
	[PB_LIMIT_P99] = {"operation_p99", "ns", false},
	[PB_LIMIT_CPU] = {"cpu", "ns", false},
	[PB_LIMIT_MEMORY] = {"memory", "bytes", false},
	[PB_LIMIT_ALLOCATIONS] = {"allocations", "count", true},
	[PB_LIMIT_SYSCALLS] = {"syscalls", "count", true},
	[PB_LIMIT_BLOCK_IOS] = {"block_ios", "count", true},
	[PB_LIMIT_FAULTS] = {"faults", "count", false},
};

void pb_versus_init(struct pb_versus *out, enum pb_limit what)
{
	*out = (struct pb_versus){
		.what = what,
		.name = things[what].name,
		.unit = things[what].unit,
		.is_count = things[what].is_count,
		.base = (double)NAN,
		.fresh = (double)NAN,
		.shift = (double)NAN,
		.ratio = {1, 1, 1, CONFIDENCE},
		.p = 1,
	};
}

double pb_versus_pct(double ratio)
{
	return (ratio - 1) * 100;
}

/* Nothing of nothing is as much as before. */
static double divide(double fresh, double base)
{
	return base > 0 ? fresh / base : fresh > 0 ? (double)INFINITY : 1;
}

void pb_versus_counts(struct pb_versus *out, double base_fewest, double base_most,
		      double fresh_fewest, double fresh_most)
{
	out->base = base_fewest;
	out->fresh = fresh_fewest;
	out->spread_pct = pb_versus_pct(
		fmax(divide(base_most, base_fewest), divide(fresh_most, fresh_fewest)));
	out->ratio = (struct pb_interval_estimate){
		.value = divide(fresh_fewest, base_fewest),
		.low = divide(fresh_fewest, base_most),
		.high = divide(fresh_most, base_fewest),
	};
}

bool pb_versus_varies(const struct pb_versus *v, double limit_pct, char *why, size_t size)
{
	/* As with limits: what is at it is not above it. */
	if (!v->is_count || !(v->spread_pct > limit_pct * (1 + 1e-9)))
		return false;
	if (isinf(v->spread_pct))
		snprintf(why, size,
			 "some of its runs have none and others do, and the limit is %g %%",
			 limit_pct);
	else
		snprintf(why, size, "it varies by %.2g %% from run to run, and the limit is %g %%",
			 v->spread_pct, limit_pct);
	return true;
}

static void too_few(struct pb_versus *out)
{
	snprintf(out->why, sizeof(out->why), "%u runs of the reference and %u new ones are too few",
		 out->n_base, out->n_fresh);
}

int pb_versus_samples(struct pb_versus *out, const double *x, uint32_t n, const double *y,
		      uint32_t m, uint64_t seed)
{
	int err;

	out->n_base = n;
	out->n_fresh = m;
	if (n)
		out->base = pb_stats_median(x, n);
	if (m)
		out->fresh = pb_stats_median(y, m);
	err = pb_stats_ratio(&out->ratio, x, n, y, m, CONFIDENCE, 0, seed);
	if (err == -ENODATA) {
		too_few(out);
		return 0;
	}
	if (err == -EDOM) {
		/* Half of them are 0: that nothing came of nothing can be said. */
		if (pb_stats_quantile(x, n, 1) > 0 || pb_stats_quantile(y, m, 1) > 0)
			snprintf(
				out->why, sizeof(out->why),
				"the reference is often 0, and so nothing can be in percent of it");
		else
			out->ratio = (struct pb_interval_estimate){1, 1, 1, CONFIDENCE};
		return 0;
	}
	if (!err)
		err = pb_stats_shift(&out->shift, x, n, y, m);
	return err ? err : pb_stats_mann_whitney(&out->p, x, n, y, m);
}

static void explain_operations(struct pb_versus *out, const struct pb_operations *base,
			       const struct pb_operations *fresh, double q)
{
	double each = (1 + CONFIDENCE) / 2;
	bool few_base = pb_operations_runs(base) < PB_OPERATIONS_RUNS_MIN ||
			pb_operations_count(base) < pb_stats_needed(q, each);
	char why[128];

	pb_operations_explain(why, sizeof(why), few_base ? base : fresh, q, each);
	snprintf(out->why, sizeof(out->why), "%s: %s",
		 few_base ? "too little in the reference" : "too little was measured", why);
}

int pb_versus_operations(struct pb_versus *out, const struct pb_operations *base,
			 const struct pb_operations *fresh, double q, uint64_t seed)
{
	int err = pb_operations_ratio(&out->ratio, base, fresh, q, CONFIDENCE, seed);

	out->n_base = pb_operations_runs(base);
	out->n_fresh = pb_operations_runs(fresh);
	if (pb_operations_count(base))
		out->base = pb_operations_quantile(base, q);
	if (pb_operations_count(fresh))
		out->fresh = pb_operations_quantile(fresh, q);
	if (err == -ENODATA) {
		explain_operations(out, base, fresh, q);
		return 0;
	}
	if (err == -EDOM) {
		snprintf(out->why, sizeof(out->why),
			 "the reference may be 0, and so nothing can be in percent of it");
		return 0;
	}
	return err ? err : pb_operations_test(&out->p, base, fresh, q, seed);
}

const char *pb_versus_text(char *buf, size_t size, const struct pb_versus *v)
{
	char a[64], b[64];
	int len;

	if (isnan(v->base) || isnan(v->fresh)) {
		snprintf(buf, size, "not known");
		return buf;
	}
	len = snprintf(buf, size, "%s to %s", pb_figures_amount(a, sizeof(a), v->base, v->unit),
		       pb_figures_amount(b, sizeof(b), v->fresh, v->unit));
	if (v->why[0] || len < 0 || (size_t)len >= size)
		return buf;
	len += snprintf(buf + len, size - (size_t)len, ", %+.2f %%%s [%+.2f, %+.2f]",
			pb_versus_pct(v->ratio.value), v->is_count ? ", range" : "",
			pb_versus_pct(v->ratio.low), pb_versus_pct(v->ratio.high));
	if (!v->is_count && (size_t)len < size)
		snprintf(buf + len, size - (size_t)len, ", p %.3g, %u and %u runs%s", v->p,
			 v->n_base, v->n_fresh, v->net ? ", net of waits for a CPU" : "");
	return buf;
}
