/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/counts.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/bead/measure.h"
#include "user/bead/measure_inside.h"
#include "user/bead/plan.h"
#include "user/bead/profiler.h"
#include "user/bead/runner.h"
#include "user/bead/store.h"
#include "user/core/log.h"
#include "user/core/own.h"

/* How allocsites ends when it watched everything, and there was no call: that is a count, of 0. */
#define NONE_SEEN "nothing was measured: the target allocated nothing while it was watched"

void pb_count_add(struct pb_count *c, double value)
{
	c->fewest = c->n && c->fewest < value ? c->fewest : value;
	c->most = c->n && c->most > value ? c->most : value;
	c->n++;
}

__attribute__((format(printf, 2, 3))) static void fail(struct pb_count counts[2], const char *fmt,
						       ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(counts[0].why, sizeof(counts[0].why), fmt, ap);
	va_end(ap);
	memcpy(counts[1].why, counts[0].why, sizeof(counts[1].why));
}

int pb_count_put(struct pb_store *store, int64_t id, const char *workload, const struct pb_count *c)
{
	struct pb_figure figure = {workload, c->name, c->unit, c->fewest, c->fewest, c->most, NULL};

	if (c->why[0])
		figure.why = c->why;
	else if (!c->n)
		figure.why = "no run told it whole";
	return pb_store_put_figure(store, id, &figure);
}

/* A count of a report that has to be there. */
static double number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	/* Beyond 2^53 they are strings, and nobody allocates so often in a run. */
	return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

void pb_count_allocations(struct pb_count counts[2], const json_t *report)
{
	const json_t *alloc = json_object_get(report, "alloc");
	const char *mode = json_string_value(json_object_get(alloc, "mode"));
	double calls = number(alloc, "calls"), bytes = number(alloc, "called_bytes");
	double lost = number(alloc, "stateless") + number(alloc, "missed");

	if (!mode || strcmp(mode, "exact") != 0 || isnan(calls) || isnan(bytes) || isnan(lost)) {
		fail(counts, "the report of allocsites does not tell the calls of an allocator");
	} else if (lost > 0) {
		fail(counts, "allocsites missed %.0f calls of the allocator", lost);
	} else if (json_is_number(json_object_get(alloc, "detached_s"))) {
		fail(counts, "allocsites stopped before the end");
	} else {
		pb_count_add(&counts[0], calls);
		pb_count_add(&counts[1], bytes);
	}
}

void pb_count_block_ios(struct pb_count counts[2], const json_t *report)
{
	const json_t *rows = json_object_get(report, "latency"), *row;
	/* What its last moments began may end behind it: how much depends on chance, how many began does not. */
	double under_way = number(json_object_get(report, "io"), "in_flight_at_end");
	double lost = number(json_object_get(report, "events"), "lost"), n = under_way, bytes = 0;
	size_t i;

	json_array_foreach(rows, i, row)
	{
		n += number(row, "count");
		bytes += number(row, "bytes");
	}
	if (!json_is_array(rows) || isnan(n) || isnan(bytes) || isnan(lost)) {
		fail(counts, "the report of iolatency does not tell block I/Os");
	} else if (lost > 0) {
		fail(counts, "iolatency lost %.0f I/Os", lost);
	} else {
		pb_count_add(&counts[0], n);
		if (!(under_way > 0))
			pb_count_add(&counts[1], bytes);
	}
}

/* One run under a profiler. Return: enum pb_measure_end; -errno. */
static int count_under(struct pb_measure *m, const struct pb_plan_workload *workload,
		       const char *tool, char *const *options, struct pb_count counts[2],
		       void (*read)(struct pb_count counts[2], const json_t *report))
{
	struct pb_plan_workload quiet = *workload;
	struct pb_profiler_run p;
	char base[PATH_MAX];
	bool blessed;
	int err, worth;

	snprintf(base, sizeof(base), "%s/%s.count-%s", m->directory, workload->name, tool);
	err = pb_profiler_run(&p, tool, options, base, workload, m->stop_fd);
	if (err)
		return err;
	if (p.run.end == PB_RUN_STOPPED) {
		pb_profiler_run_drop(&p);
		return pb_measure_is_stopped(m);
	}
	if (!p.report) {
		size_t len = strlen(p.why), none = strlen(NONE_SEEN);

		if (len >= none && !strcmp(p.why + len - none, NONE_SEEN)) {
			pb_count_add(&counts[0], 0);
			pb_count_add(&counts[1], 0);
		} else {
			fail(counts, "%s", p.why);
		}
		pb_profiler_run_drop(&p);
		return PB_MEASURE_DONE;
	}
	/* The tool talks to stderr as well. */
	quiet.golden.stderr_mode = PB_COMPARE_IGNORE;
	worth = pb_measure_judge(m, &quiet, &p.run, &blessed);
	if (worth == PB_WORTH_WRONG)
		fail(counts, "under %s it does something else: %.200s", tool, m->why);
	else if (worth >= 0)
		read(counts, p.report);
	pb_profiler_run_drop(&p);
	return worth < 0 ? worth : PB_MEASURE_DONE;
}

/* All runs of one kind. */
static int count_runs(struct pb_measure *m, const struct pb_plan_workload *workload,
		      const char *tool, char *const *options, struct pb_count counts[2],
		      void (*read)(struct pb_count counts[2], const json_t *report))
{
	int end = PB_MEASURE_DONE;

	for (int i = 0; i < PB_COUNTING_RUNS && !end && !counts[0].why[0]; i++) {
		end = pb_measure_may_go_on(m);
		if (!end)
			end = count_under(m, workload, tool, options, counts, read);
	}
	return end;
}

static int put_both(struct pb_measure *m, const struct pb_plan_workload *workload,
		    const struct pb_count counts[2])
{
	int err = pb_count_put(m->store, m->id, workload->name, &counts[0]);

	return err ? err : pb_count_put(m->store, m->id, workload->name, &counts[1]);
}

/* @processes: set to how many it started; UINT64_MAX: not known. */
static int count_calls(struct pb_measure *m, const struct pb_plan_workload *workload,
		       uint64_t *processes)
{
	struct pb_count calls = {.name = "syscalls", .unit = "count"};
	int end = PB_MEASURE_DONE;

	for (int i = 0; i < PB_COUNTING_RUNS && !end && !calls.why[0]; i++) {
		struct pb_run run;
		bool blessed;
		int worth;

		end = pb_measure_may_go_on(m);
		if (end)
			break;
		worth = pb_measure_run_once(m, workload, &run, true, &blessed);
		if (worth < 0)
			return worth;
		if (run.counts.syscalls == UINT64_MAX)
			snprintf(calls.why, sizeof(calls.why), "%s", run.syscalls_why);
		else
			pb_count_add(&calls, (double)run.counts.syscalls);
		*processes = run.processes;
		pb_run_drop(&run);
		if (worth == PB_WORTH_STOPPED)
			end = PB_MEASURE_STOPPED;
		if (worth == PB_WORTH_WRONG)
			end = PB_MEASURE_FINDING;
	}
	return end ? end : pb_count_put(m->store, m->id, workload->name, &calls);
}

int pb_counts_take(struct pb_measure *m, const struct pb_plan_workload *workload)
{
	/* Frees change no number here, and following them costs as much again. */
	char *const allocsites[] = {(char[]){"--exact"}, (char[]){"--no-free"}, NULL};
	char *const iolatency[] = {(char[]){"--no-syscalls"}, NULL};
	struct pb_count allocations[2] = {{.name = "allocations", .unit = "count"},
					  {.name = "allocated_bytes", .unit = "bytes"}};
	struct pb_count block_ios[2] = {{.name = "block_ios", .unit = "count"},
					{.name = "block_io_bytes", .unit = "bytes"}};
	uint64_t processes = UINT64_MAX;
	int end = count_calls(m, workload, &processes);

	if (end)
		return end;
	if (processes && processes != UINT64_MAX)
		fail(allocations,
		     "it starts %llu processes, and allocations of a child are missed until its "
		     "probes are in place; only those of a workload of one process are counted",
		     (unsigned long long)processes);
	end = count_runs(m, workload, "allocsites", allocsites, allocations, pb_count_allocations);
	if (!end && processes == UINT64_MAX && !allocations[0].why[0])
		fail(allocations, "it is not known whether it starts processes, whose allocations "
				  "would be missed; that takes root");
	if (!end)
		end = put_both(m, workload, allocations);
	if (!end)
		end = count_runs(m, workload, "iolatency", iolatency, block_ios,
				 pb_count_block_ios);
	return end ? end : put_both(m, workload, block_ios);
}
