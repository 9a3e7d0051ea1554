/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* From reports of allocsites to spots and clues: see paths.h. */
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
#include "user/core/jsonvalue.h"
#include "user/core/own.h"

#define SPOT_MIN_PCT   5
#define BLOCKS_MIN     30
#define BYTES_MIN      1048576.0
#define STREAM_MIN_PCT 30
#define SPOTS_MAX      40

/* Where the values of a site stand. */
struct columns {
	int at[PB_PATH_VALUES];
};

static const char *const types[PB_PATH_VALUES] = {
	[PB_PATH_BLOCKS] = "alloc_objects",
	[PB_PATH_BYTES] = "alloc_space",
	[PB_PATH_PEAK] = "peak_space",
};

static int path_of_site(struct pb_code_path *path, const json_t *names, const json_t *site,
			char *why, size_t size)
{
	int err = pb_code_path_of(path, names, json_object_get(site, "frames"), 0, false);

	if (err == -EPROTO)
		snprintf(why, size, "its report has a site without frames");
	return err;
}

static int add_site(struct pb_paths *paths, const struct columns *columns, const json_t *names,
		    const json_t *site, char *why, size_t size)
{
	struct pb_code_path code = {0};
	struct pb_path *path;
	int err = path_of_site(&code, names, site, why, size);

	if (err)
		return err;
	path = pb_paths_at(paths, &code);
	pb_code_path_drop(&code);
	if (!path)
		return -ENOMEM;
	for (int i = 0; i < PB_PATH_VALUES; i++) {
		double value = pb_report_number(
			json_array_get(json_object_get(site, "values"), (size_t)columns->at[i]));

		if (isnan(value)) {
			snprintf(why, size, "its report has a site without %s", types[i]);
			return -EPROTO;
		}
		path->of[i][paths->runs] += value;
	}
	return 0;
}

/* Of the first run alone: the others say the same in other numbers. */
static int add_hint(struct pb_paths *paths, const json_t *names, const json_t *sites,
		    const json_t *hint, char *why, size_t size)
{
	const json_t *site =
		json_array_get(sites, (size_t)json_integer_value(json_object_get(hint, "site")));
	double objects = pb_report_number(json_object_get(hint, "objects"));
	struct pb_code_path code = {0};
	struct pb_path *path;
	int err;

	if (!site)
		return 0;
	err = path_of_site(&code, names, site, why, size);
	if (err)
		return err;
	path = pb_paths_at(paths, &code);
	pb_code_path_drop(&code);
	return path ? pb_path_clue(path, pb_lever_of_hint(pb_code_text(hint, "kind")), objects,
				   pb_code_text(hint, "evidence"))
		    : -ENOMEM;
}

static int find_columns(const struct pb_paths *paths, const json_t *report, struct columns *out,
			char *why, size_t size)
{
	if (paths->runs == PB_TALLY_RUNS_MAX) {
		snprintf(why, size, "there are more runs than are kept");
		return -ENOSPC;
	}
	for (int i = 0; i < PB_PATH_VALUES; i++) {
		out->at[i] = pb_report_value(report, types[i]);
		if (out->at[i] < 0 || isnan(pb_report_number(json_object_get(
					      json_object_get(report, "totals"), types[i])))) {
			snprintf(why, size, "its report has no total of %s", types[i]);
			return -EPROTO;
		}
	}
	if (json_is_array(json_object_get(report, "sites")))
		return 0;
	snprintf(why, size, "its report has no sites");
	return -EPROTO;
}

int pb_alloc_add(struct pb_paths *paths, const json_t *report, char *why, size_t size)
{
	pb_autojson json_t *names = pb_code_names(report);
	const json_t *sites = json_object_get(report, "sites"), *row;
	struct columns columns;
	size_t i;
	int err = names ? find_columns(paths, report, &columns, why, size) : -ENOMEM;

	if (err)
		return err;
	json_array_foreach(sites, i, row)
	{
		err = add_site(paths, &columns, names, row, why, size);
		if (err)
			return err;
	}
	json_array_foreach(json_object_get(report, "hints"), i, row)
	{
		err = paths->runs ? 0 : add_hint(paths, names, sites, row, why, size);
		if (err)
			return err;
	}
	for (int k = 0; k < PB_PATH_VALUES; k++)
		paths->whole[k][paths->runs] = pb_report_number(
			json_object_get(json_object_get(report, "totals"), types[k]));
	paths->runs++;
	return 0;
}

static double percent(double part, double whole)
{
	return whole > 0 ? 100 * part / whole : 0;
}

static double share_of(const struct pb_paths *paths, const struct pb_path *path, int value)
{
	return percent(pb_path_sum(path->of[value], paths->runs),
		       pb_path_sum(paths->whole[value], paths->runs));
}

static double part_of(double pct, double of_pct, double factor)
{
	return fmin(100, pct * of_pct / 100 * factor);
}

/* Its part of the allocator's time, in percent of the wall time. */
static void set_time_ceiling(struct pb_spot *spot, const struct pb_path_base *base)
{
	/* Several threads at once: see set_ceiling() of cpu_spots.c. */
	double factor = base->cpu_per_wall > 1 ? 1 : base->cpu_per_wall;

	spot->ceiling_pct = spot->ceiling_low_pct = spot->ceiling_high_pct = (double)NAN;
	if (isnan(base->cpu_per_wall) || isnan(base->allocator_pct))
		return;
	spot->ceiling_pct = part_of(spot->total_pct, base->allocator_pct, factor);
	spot->ceiling_low_pct = part_of(spot->low_pct, base->allocator_low_pct, factor);
	spot->ceiling_high_pct = part_of(spot->high_pct, base->allocator_high_pct, factor);
}

/* What it holds at the peak, in percent of all memory of the workload. */
static void set_memory_ceiling(struct pb_spot *spot, const struct pb_path_base *base,
			       const struct pb_paths *paths)
{
	double peak = pb_path_mean(paths->whole[PB_PATH_PEAK], paths->runs);

	spot->ceiling_pct = spot->ceiling_low_pct = spot->ceiling_high_pct = (double)NAN;
	if (isnan(base->rss_bytes) || !(base->rss_bytes > 0))
		return;
	spot->ceiling_pct = part_of(spot->total_pct, percent(peak, base->rss_bytes), 1);
	spot->ceiling_low_pct = part_of(spot->low_pct, percent(peak, base->rss_bytes), 1);
	spot->ceiling_high_pct = part_of(spot->high_pct, percent(peak, base->rss_bytes), 1);
}

static int add_clues(struct pb_find *find, const struct pb_paths *paths, const struct pb_path *path)
{
	double blocks = path->of[PB_PATH_BLOCKS][0];
	double held = pb_path_mean(path->of[PB_PATH_PEAK], paths->runs);
	int err = 0;

	for (uint32_t i = 0; i < path->n_clues && !err; i++)
		err = pb_find_clue(find, path->clues[i].lever,
				   blocks > 0 ? fmin(100, percent(path->clues[i].part, blocks))
					      : (double)NAN,
				   "%s", path->clues[i].text);
	if (err || share_of(paths, path, PB_PATH_PEAK) < STREAM_MIN_PCT || held < BYTES_MIN)
		return err;
	return pb_find_clue(find, pb_lever_find("streaming"), share_of(paths, path, PB_PATH_PEAK),
			    "when most was allocated, it held %.1f MiB, %.0f %% of that",
			    held / BYTES_MIN, share_of(paths, path, PB_PATH_PEAK));
}

/* Whether what it holds says more than how often it allocates. */
static bool is_of_memory(const struct pb_paths *paths, const struct pb_path *path)
{
	return (share_of(paths, path, PB_PATH_BLOCKS) < SPOT_MIN_PCT ||
		pb_path_mean(path->of[PB_PATH_BLOCKS], paths->runs) < BLOCKS_MIN) &&
	       share_of(paths, path, PB_PATH_PEAK) >= SPOT_MIN_PCT &&
	       pb_path_mean(path->of[PB_PATH_PEAK], paths->runs) >= BYTES_MIN;
}

static int add_spot(struct pb_finds *out, const struct pb_paths *paths, const struct pb_path *path,
		    const struct pb_path_base *base)
{
	bool is_memory = is_of_memory(paths, path);
	int value = is_memory ? PB_PATH_PEAK : PB_PATH_BLOCKS;
	struct pb_share share;
	struct pb_find *find;
	struct pb_spot spot = {
		.kind = PB_SPOT_ALLOC,
		.name = path->name,
		.module = path->module,
		.file = path->file,
		.line = path->line,
		.frames = path->chain,
		.self_pct = (double)NAN,
		.amount = pb_path_mean(path->of[value], paths->runs),
		.unit = is_memory ? "bytes" : "count",
		.events = (uint64_t)pb_path_sum(path->of[PB_PATH_BLOCKS], paths->runs),
	};

	pb_share_of_amounts(&share, path->of[value], paths->whole[value], paths->runs);
	spot.total_pct = share.pct;
	spot.low_pct = share.low_pct;
	spot.high_pct = share.high_pct;
	spot.spread_pct = share.spread_pct;
	if (is_memory)
		set_memory_ceiling(&spot, base, paths);
	else
		set_time_ceiling(&spot, base);
	find = pb_finds_add(out, &spot, path->chain);
	return find ? add_clues(find, paths, path) : -ENOMEM;
}

static bool is_spot(const struct pb_paths *paths, const struct pb_path *path)
{
	double blocks = pb_path_mean(path->of[PB_PATH_BLOCKS], paths->runs);
	double bytes = pb_path_mean(path->of[PB_PATH_BYTES], paths->runs);
	double peak = pb_path_mean(path->of[PB_PATH_PEAK], paths->runs);

	if (blocks < BLOCKS_MIN && bytes < BYTES_MIN)
		return false;
	return share_of(paths, path, PB_PATH_BLOCKS) >= SPOT_MIN_PCT ||
	       share_of(paths, path, PB_PATH_BYTES) >= SPOT_MIN_PCT ||
	       (peak >= BYTES_MIN && share_of(paths, path, PB_PATH_PEAK) >= SPOT_MIN_PCT);
}

static int by_blocks(const void *a, const void *b, void *ctx)
{
	const struct pb_paths *paths = ctx;
	const struct pb_path *x = &paths->rows[*(const uint32_t *)a];
	const struct pb_path *y = &paths->rows[*(const uint32_t *)b];

	for (int i = 0; i < PB_PATH_VALUES; i++) {
		double p = pb_path_sum(x->of[i], paths->runs);
		double q = pb_path_sum(y->of[i], paths->runs);

		if (p != q)
			return p > q ? -1 : 1;
	}
	return strcmp(x->chain, y->chain);
}

int pb_alloc_find(const struct pb_paths *paths, const struct pb_path_base *base,
		  struct pb_finds *out)
{
	pb_autofree uint32_t *order = calloc((size_t)paths->n + 1, sizeof(*order));
	uint32_t n = 0;
	int err = 0;

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < paths->n; i++)
		if (is_spot(paths, &paths->rows[i]))
			order[n++] = i;
	qsort_r(order, n, sizeof(*order), by_blocks, (void *)paths);
	for (uint32_t i = 0; i < n && i < SPOTS_MAX && !err; i++)
		err = add_spot(out, paths, &paths->rows[order[i]], base);
	return err;
}
