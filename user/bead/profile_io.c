/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* I/O by call path: the work of a bead of kind io-latency. */
#include "user/bead/profile_inside.h"

#include <errno.h>
#include <math.h>

#include "user/bead/finds.h"
#include "user/bead/share.h"
#include "user/core/clock.h"
#include "user/core/log.h"
#include "user/core/own.h"

/* Three runs have an interval, more a narrow one where a disk is shared; a long workload has to do with two, and their
 * range. */
#define RUNS_MIN    2
#define RUNS_USUAL  3
#define RUNS_MAX    8
#define NARROW      0.25 /* half an interval, of the mean */
#define TIME_MAX_NS 60000000000ull

/* Sums of each run. */
enum { SUM_IOS, SUM_BYTES };

static char *const options[] = {(char[]){"--syscalls"}, (char[]){"--by"}, (char[]){"stack"},
				(char[]){"--top"},      (char[]){"2000"}, NULL};

static bool is_narrow(const struct pb_paths *paths)
{
	const double *times = paths->whole[PB_PATH_TIME];

	return pb_share_half_width(times, paths->runs) <= NARROW * pb_path_mean(times, paths->runs);
}

static bool is_enough(const struct pb_profiling *p)
{
	return p->tally.runs >= RUNS_MAX || (p->tally.runs >= RUNS_USUAL && is_narrow(p->ctx)) ||
	       (p->tally.runs >= RUNS_MIN && pb_clock_ns() - p->began_ns >= TIME_MAX_NS);
}

static int add(struct pb_profiling *p, const json_t *report, char *why, size_t size)
{
	const json_t *totals = json_object_get(report, "totals");
	int err = pb_io_add(p->ctx, report, why, size);

	if (err)
		return err;
	p->sums[SUM_IOS][p->tally.runs] = pb_report_number(json_object_get(totals, "operations"));
	p->sums[SUM_BYTES][p->tally.runs] = pb_report_number(json_object_get(totals, "io_bytes"));
	if (!isnan(p->sums[SUM_IOS][p->tally.runs]) && !isnan(p->sums[SUM_BYTES][p->tally.runs]))
		return 0;
	snprintf(why, size, "its report has no total of operations or io_bytes");
	return -EPROTO;
}

static int finish(struct pb_profiling *p)
{
	pb_auto_finds struct pb_finds finds = {0};
	struct pb_paths *paths = p->ctx;
	int err;

	pb_io_correct(paths, &p->base);
	err = pb_io_find(paths, &p->base, &finds);
	if (err)
		return pb_err(-err, "look for I/O of %s", p->workload->name);
	err = pb_finds_store(&finds, p->m->store, p->m->id, p->workload->name, p->evidence);
	if (!err)
		err = pb_profile_put_mean(p, "block_ios", "count", p->sums[SUM_IOS]);
	if (!err)
		err = pb_profile_put_mean(p, "block_bytes", "bytes", p->sums[SUM_BYTES]);
	if (!err)
		err = pb_profile_put_mean(p, "io_calls", "count", paths->whole[PB_PATH_CALLS]);
	return err ? err : pb_profile_put_mean(p, "io_time_ns", "ns", paths->whole[PB_PATH_TIME]);
}

const struct pb_profile_kind pb_profile_io = {
	.tool = "iolatency",
	.name = "io",
	.options = options,
	.unit = "calls and requests",
	.enough = is_enough,
	.add = add,
	.finish = finish,
};
