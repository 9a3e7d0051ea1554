/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Allocations by call path: the work of a bead of kind alloc-sites. Each is counted, so two runs that agree do. */
#include "user/bead/profile_inside.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "user/bead/finds.h"
#include "user/bead/share.h"
#include "user/core/log.h"
#include "user/core/own.h"

#define RUNS_MIN     2
#define RUNS_MAX     3
#define DISAGREE_PCT 1

/* Sums of the heap, of each run. */
enum { SUM_LEAKED, SUM_TEMPORARY };

static char *const options[] = {(char[]){"--exact"}, (char[]){"--top"}, (char[]){"2000"}, NULL};

static bool agree(const struct pb_paths *paths)
{
	double a = paths->whole[PB_PATH_BLOCKS][0], b = paths->whole[PB_PATH_BLOCKS][1];

	return fabs(a - b) * 100 <= DISAGREE_PCT * fmax(a, b);
}

static bool is_enough(const struct pb_profiling *p)
{
	return p->tally.runs >= RUNS_MAX || (p->tally.runs >= RUNS_MIN && agree(p->ctx));
}

/* An allocator that is not watched is no heap without allocations. */
static void warn_of_others(const struct pb_profiling *p, const json_t *report)
{
	const json_t *row;
	size_t i;

	if (p->tally.runs)
		return;
	json_array_foreach(json_object_get(report, "allocators"), i, row)
	{
		const char *text = json_string_value(row);

		if (text && !strncmp(text, "not seen: ", 10))
			pb_log(PB_LOG_WARN, "%s: an allocator is not counted: %s",
			       p->workload->name, text + 10);
	}
}

static int add(struct pb_profiling *p, const json_t *report, char *why, size_t size)
{
	struct pb_paths *paths = p->ctx;
	const json_t *totals = json_object_get(report, "totals");
	int err;

	warn_of_others(p, report);
	err = pb_alloc_add(paths, report, why, size);
	if (err)
		return err;
	p->sums[SUM_LEAKED][p->tally.runs] =
		pb_report_number(json_object_get(totals, "leaked_space"));
	p->sums[SUM_TEMPORARY][p->tally.runs] =
		pb_report_number(json_object_get(totals, "temporary_objects"));
	if (!isnan(p->sums[SUM_LEAKED][p->tally.runs]) &&
	    !isnan(p->sums[SUM_TEMPORARY][p->tally.runs]))
		return 0;
	snprintf(why, size, "its report has no total of leaked_space or temporary_objects");
	return -EPROTO;
}

static int put_temporary(const struct pb_profiling *p)
{
	const struct pb_paths *paths = p->ctx;
	struct pb_share share;

	pb_share_of_amounts(&share, p->sums[SUM_TEMPORARY], paths->whole[PB_PATH_BLOCKS],
			    paths->runs);
	return pb_profile_put(p, "temporary_pct", "percent", share.pct, share.low_pct,
			      share.high_pct, "it allocated nothing");
}

static int finish(struct pb_profiling *p)
{
	pb_auto_finds struct pb_finds finds = {0};
	const struct pb_paths *paths = p->ctx;
	int err = pb_alloc_find(paths, &p->base, &finds);

	if (err)
		return pb_err(-err, "look for allocations of %s", p->workload->name);
	err = pb_finds_store(&finds, p->m->store, p->m->id, p->workload->name, p->evidence);
	if (!err)
		err = pb_profile_put_mean(p, "allocations", "count", paths->whole[PB_PATH_BLOCKS]);
	if (!err)
		err = pb_profile_put_mean(p, "allocated_bytes", "bytes",
					  paths->whole[PB_PATH_BYTES]);
	if (!err)
		err = pb_profile_put_mean(p, "peak_bytes", "bytes", paths->whole[PB_PATH_PEAK]);
	if (!err)
		err = put_temporary(p);
	return err ? err : pb_profile_put_mean(p, "leaked_bytes", "bytes", p->sums[SUM_LEAKED]);
}

const struct pb_profile_kind pb_profile_alloc = {
	.tool = "allocsites",
	.name = "alloc",
	.options = options,
	.unit = "allocations",
	.enough = is_enough,
	.add = add,
	.finish = finish,
};
