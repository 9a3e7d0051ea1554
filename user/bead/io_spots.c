/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* From reports of iolatency to spots and clues: see paths.h. */
#include "user/bead/paths.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/bead/code.h"
#include "user/bead/finds.h"
#include "user/bead/levers.h"
#include "user/bead/share.h"
#include "user/bead/stats.h"
#include "user/core/jsonvalue.h"
#include "user/core/own.h"

#define SPOT_MIN_PCT    5
#define PATTERN_MIN_PCT 1
/* Of the wall time: what a loader reads in microseconds is no hotspot. */
#define OWN_MIN_PCT     0.1
#define OTHER_MIN_PCT   5
#define SPOTS_MAX       40

/* What one path, or one row of a report, adds. */
struct amounts {
	double time_ns, calls, asleep_ns;
};

static int add_path(struct pb_paths *paths, const struct pb_code_path *code,
		    const struct amounts *amounts)
{
	const double by[PB_PATH_VALUES] = {
		[PB_PATH_TIME] = amounts->time_ns,
		[PB_PATH_CALLS] = amounts->calls,
		[PB_PATH_ASLEEP] = fmin(amounts->time_ns, amounts->asleep_ns),
	};
	struct pb_path *path = pb_paths_at(paths, code);

	if (!path)
		return -ENOMEM;
	for (int i = 0; i < PB_PATH_VALUES; i++) {
		path->of[i][paths->runs] += by[i];
		paths->whole[i][paths->runs] += by[i];
	}
	return 0;
}

/* Where the values of a stack stand. */
struct columns {
	int time, calls, io_wait, blocked;
};

/* A stack of system calls: the thread, code of the process, and the file. */
static int add_calls(struct pb_paths *paths, const json_t *names, const json_t *stack,
		     const struct columns *columns)
{
	const json_t *values = json_object_get(stack, "values");
	const struct amounts amounts = {
		pb_report_number(json_array_get(values, (size_t)columns->time)),
		pb_report_number(json_array_get(values, (size_t)columns->calls)),
		pb_report_number(json_array_get(values, (size_t)columns->io_wait)) +
			pb_report_number(json_array_get(values, (size_t)columns->blocked)),
	};
	struct pb_code_path code = {0};
	int err;

	if (!(amounts.calls > 0) || !(amounts.time_ns >= 0) || isnan(amounts.asleep_ns))
		return 0;
	err = pb_code_path_of(&code, names, json_object_get(stack, "frames"), 1, true);
	if (err)
		return err;
	err = add_path(paths, &code, &amounts);
	pb_code_path_drop(&code);
	return err;
}

/* Requests of a page that was touched belong to no call. */
static int add_fault(struct pb_paths *paths, const json_t *names, const json_t *row)
{
	const json_t *frames = json_object_get(row, "frames");
	double count = pb_report_number(json_object_get(row, "count"));
	double mean_us = pb_report_number(json_object_get(row, "mean_us"));
	const struct amounts amounts = {count * mean_us * 1000, count, count * mean_us * 1000};
	struct pb_code_path code = {0};
	pb_autofree char *chain = NULL;
	int err;

	if (!json_is_array(frames) || !(count > 0) || !(mean_us >= 0))
		return 0;
	err = pb_code_path_of(&code, names, frames, 0, false);
	if (err)
		return err;
	if (code.by_fault) {
		if (asprintf(&chain, "%s;page fault", code.chain) < 0) {
			chain = NULL;
			err = -ENOMEM;
		} else {
			char *plain = code.chain;

			code.chain = pb_take(chain);
			err = add_path(paths, &code, &amounts);
			free(plain);
		}
	}
	pb_code_path_drop(&code);
	return err;
}

/* Of the first run alone. What a pattern is about has been added by then, or is too little. */
static int add_pattern(struct pb_paths *paths, const json_t *names, const json_t *pattern)
{
	double time_us = pb_report_number(json_object_get(pattern, "time_us"));
	struct pb_code_path code = {0};
	pb_autofree char *key = NULL;
	const json_t *at;
	int err = pb_code_path_of(&code, names, json_object_get(pattern, "frames"), 0, false);

	if (err)
		return err == -EPROTO ? 0 : err;
	if (asprintf(&key, "%s%s", code.chain, code.by_fault ? ";page fault" : "") < 0) {
		key = NULL;
		err = -ENOMEM;
	}
	pb_code_path_drop(&code);
	at = err ? NULL : json_object_get(paths->index, key);
	return at ? pb_path_clue(&paths->rows[json_integer_value(at)],
				 pb_lever_of_hint(pb_code_text(pattern, "kind")), 1000 * time_us,
				 pb_code_text(pattern, "evidence"))
		  : err;
}

static int add_rows(struct pb_paths *paths, const json_t *names, const json_t *report,
		    const struct columns *columns)
{
	const json_t *row;
	size_t i;
	int err;

	json_array_foreach(json_object_get(report, "stacks_top"), i, row)
	{
		err = add_calls(paths, names, row, columns);
		if (err)
			return err;
	}
	json_array_foreach(json_object_get(json_object_get(report, "view"), "rows"), i, row)
	{
		err = add_fault(paths, names, row);
		if (err)
			return err;
	}
	json_array_foreach(json_object_get(report, "patterns"), i, row)
	{
		err = paths->runs ? 0 : add_pattern(paths, names, row);
		if (err)
			return err;
	}
	return 0;
}

int pb_io_add(struct pb_paths *paths, const json_t *report, char *why, size_t size)
{
	pb_autojson json_t *names = pb_code_names(report);
	const struct columns columns = {
		pb_report_value(report, "call_time"),
		pb_report_value(report, "calls"),
		pb_report_value(report, "call_io_wait"),
		pb_report_value(report, "call_blocked"),
	};
	double all_ns =
		pb_report_number(json_object_get(json_object_get(report, "totals"), "call_time"));
	double all_calls =
		pb_report_number(json_object_get(json_object_get(report, "totals"), "calls"));
	int err;

	if (!names)
		return -ENOMEM;
	if (paths->runs == PB_TALLY_RUNS_MAX) {
		snprintf(why, size, "there are more runs than are kept");
		return -ENOSPC;
	}
	if (columns.time < 0 || columns.calls < 0 || columns.io_wait < 0 || columns.blocked < 0 ||
	    isnan(all_ns) || isnan(all_calls) ||
	    !json_is_array(json_object_get(report, "stacks_top"))) {
		snprintf(why, size, "its report has no times of system calls");
		return -EPROTO;
	}
	err = add_rows(paths, names, report, &columns);
	if (err == -EPROTO)
		snprintf(why, size, "its report has a stack without frames");
	if (err)
		return err;
	/* The stacks may be cut by --top; the totals are not. */
	paths->whole[PB_PATH_TIME][paths->runs] =
		fmax(paths->whole[PB_PATH_TIME][paths->runs], all_ns);
	paths->whole[PB_PATH_CALLS][paths->runs] =
		fmax(paths->whole[PB_PATH_CALLS][paths->runs], all_calls);
	paths->runs++;
	return 0;
}

/* Of times of a run what is left if CPU time is worth @factor. */
static void scale(double *time_ns, double asleep_ns, double factor)
{
	*time_ns = asleep_ns + (*time_ns - asleep_ns) * factor;
}

void pb_io_correct(struct pb_paths *paths, const struct pb_path_base *base)
{
	double cpu_ns = base->system_ns > 0 ? base->system_ns : base->cpu_per_wall * base->wall_ns;

	for (uint32_t run = 0; run < paths->runs; run++) {
		double *whole_ns = &paths->whole[PB_PATH_TIME][run];
		double asleep_ns = paths->whole[PB_PATH_ASLEEP][run];
		double factor = cpu_ns / (*whole_ns - asleep_ns);

		if (!(*whole_ns > asleep_ns) || !(factor < 1))
			continue;
		scale(whole_ns, asleep_ns, factor);
		for (uint32_t i = 0; i < paths->n; i++) {
			struct pb_path *path = &paths->rows[i];
			double *time_ns = &path->of[PB_PATH_TIME][run], before_ns = *time_ns;

			scale(time_ns, path->of[PB_PATH_ASLEEP][run], factor);
			/* What a pattern is about is a part of the first run's. */
			for (uint32_t k = 0; !run && before_ns > 0 && k < path->n_clues; k++)
				path->clues[k].part *= *time_ns / before_ns;
		}
	}
}

static double ceiling(double ns, double wall_ns)
{
	return isnan(wall_ns) || isnan(ns) ? (double)NAN : fmin(100, 100 * ns / wall_ns);
}

static int add_spot(struct pb_finds *out, const struct pb_paths *paths, const struct pb_path *path,
		    const struct pb_path_base *base)
{
	const double *of = path->of[PB_PATH_TIME];
	double mean_ns, low_ns, high_ns, first_ns = of[0];
	struct pb_interval_estimate typical;
	struct pb_share share;
	struct pb_find *find;
	struct pb_spot spot = {
		.kind = PB_SPOT_IO,
		.name = path->name,
		.module = path->module,
		.file = path->file,
		.line = path->line,
		.frames = path->chain,
		.self_pct = (double)NAN,
		.unit = "ns",
		.events = (uint64_t)pb_path_sum(path->of[PB_PATH_CALLS], paths->runs),
	};
	int err = 0;

	pb_share_of_amounts(&share, of, paths->whole[PB_PATH_TIME], paths->runs);
	pb_share_mean(&mean_ns, &low_ns, &high_ns, of, paths->runs);
	spot.total_pct = share.pct;
	spot.low_pct = share.low_pct;
	spot.high_pct = share.high_pct;
	spot.spread_pct = share.spread_pct;
	spot.amount = mean_ns;
	/* The wall time is a median, too. One run that waited for others' I/O widens the interval of a mean down to nothing. */
	if (!pb_stats_quantile_interval(&typical, of, paths->runs, 0.5, 0.95)) {
		mean_ns = typical.value;
		low_ns = typical.low;
		high_ns = typical.high;
	}
	spot.ceiling_pct = ceiling(mean_ns, base->wall_ns);
	spot.ceiling_low_pct = ceiling(low_ns, base->wall_ns);
	spot.ceiling_high_pct = ceiling(high_ns, base->wall_ns);
	find = pb_finds_add(out, &spot, path->chain);
	if (!find)
		return -ENOMEM;
	for (uint32_t i = 0; i < path->n_clues && !err; i++)
		err = pb_find_clue(find, path->clues[i].lever,
				   first_ns > 0 ? fmin(100, 100 * path->clues[i].part / first_ns)
						: (double)NAN,
				   "%s", path->clues[i].text);
	return err;
}

static int by_time(const void *a, const void *b, void *ctx)
{
	const struct pb_paths *paths = ctx;
	const struct pb_path *x = &paths->rows[*(const uint32_t *)a];
	const struct pb_path *y = &paths->rows[*(const uint32_t *)b];
	double p = pb_path_sum(x->of[PB_PATH_TIME], paths->runs);
	double q = pb_path_sum(y->of[PB_PATH_TIME], paths->runs);

	if (p != q)
		return p > q ? -1 : 1;
	return strcmp(x->chain, y->chain);
}

static bool is_spot(const struct pb_paths *paths, const struct pb_path *path,
		    const struct pb_path_base *base)
{
	double ns = pb_path_sum(path->of[PB_PATH_TIME], paths->runs);
	double all_ns = pb_path_sum(paths->whole[PB_PATH_TIME], paths->runs);

	/* Where the wall time is not known, nothing is too little. */
	if (!(ns > 0) ||
	    100 * ns / paths->runs < (path->own ? OWN_MIN_PCT : OTHER_MIN_PCT) * base->wall_ns)
		return false;
	return ns * 100 >= all_ns * (path->n_clues ? PATTERN_MIN_PCT : SPOT_MIN_PCT);
}

int pb_io_find(const struct pb_paths *paths, const struct pb_path_base *base, struct pb_finds *out)
{
	pb_autofree uint32_t *order = calloc((size_t)paths->n + 1, sizeof(*order));
	uint32_t n = 0;
	int err = 0;

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < paths->n; i++)
		if (is_spot(paths, &paths->rows[i], base))
			order[n++] = i;
	qsort_r(order, n, sizeof(*order), by_time, (void *)paths);
	for (uint32_t i = 0; i < n && i < SPOTS_MAX && !err; i++)
		err = add_spot(out, paths, &paths->rows[order[i]], base);
	return err;
}
