/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the three kinds of profile share: see profile.h. */
#ifndef PB_BEAD_PROFILE_INSIDE_H
#define PB_BEAD_PROFILE_INSIDE_H

#include <jansson.h>

#include "user/bead/measure.h"
#include "user/bead/paths.h"
#include "user/bead/plan.h"
#include "user/bead/tally.h"

struct pb_finds;
struct pb_profiling;

/* One kind of profile. */
struct pb_profile_kind {
	const char *tool;
	const char *name; /* in the names of files and figures */
	char *const *options;
	const char *unit; /* what is said to be measured, for the progress line: "samples" */
	bool overhead;    /* whether the cost of the profiler counts for the quality */
	bool folded;      /* keep folded stacks of all runs together */
	/* Whether there are runs enough. */
	bool (*enough)(const struct pb_profiling *p);
	/* One more run. Return: as of pb_cpu_add(). */
	int (*add)(struct pb_profiling *p, const json_t *report, char *why, size_t size);
	/* Spots and figures of all runs. Return: 0; -errno, logged. */
	int (*finish)(struct pb_profiling *p);
};
extern const struct pb_profile_kind pb_profile_cpu, pb_profile_alloc, pb_profile_io;

/* A workload under a profiler, from the first run to the last. */
struct pb_profiling {
	struct pb_measure *m;
	const struct pb_plan *plan;
	const struct pb_plan_bead *bead;
	const struct pb_plan_workload *workload;
	const struct pb_profile_kind *kind;
	struct pb_path_base base;
	struct pb_tally tally;
	double sums[2][PB_TALLY_RUNS_MAX]; /* of each run, what the kind makes of them */
	uint64_t began_ns;
	char *files;    /* "DIRECTORY/WORKLOAD.cpu" */
	char *evidence; /* the HTML, relative to the plan */
	void *ctx;      /* the kind's */
};

/* What the last baseline of the workload, and its last cpu-flame bead, that are done say; of
 * the latter not if a change was closed since. Return: 0; -errno, logged. */
int pb_profile_read_base(struct pb_path_base *base, struct pb_store *store,
			 const struct pb_plan *plan, const struct pb_plan_workload *workload);

/**
 * pb_profile_once() - one run, checked.
 * @number: of the run, from 1
 * @report: set with DONE; owned by the caller
 *
 * Return: enum pb_measure_end, with m->why; -errno, logged.
 */
int pb_profile_once(struct pb_profiling *p, uint32_t number, json_t **report);

/* Leave out what the profiler wrote into a text of a command's stderr: its first line "ready", and lines that begin
 * with its name and ": ". Return: the new size. */
size_t pb_profile_strip(char *text, size_t size, const char *tool);

/* Of the files of a run keep what is kept: its HTML if it is the best one so far, its folded stacks in those of all
 * runs. Failing that is told and changes nothing. */
void pb_profile_keep(const struct pb_profiling *p, uint32_t number, bool best);
/* All files are whose directory they are in, and those of the profiles readable like it. */
void pb_profile_give(const struct pb_profiling *p);

/* Figures, named by the kind: "cpu_" and @name. Return: 0; -errno, logged. */
int pb_profile_put(const struct pb_profiling *p, const char *name, const char *unit, double value,
		   double low, double high, const char *why);
/* The mean of what each run had, with its interval. */
int pb_profile_put_mean(const struct pb_profiling *p, const char *name, const char *unit,
			const double *of);

#endif
