/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The work of the beads that bead does itself: runs of a workload, what they are good for, and into the store. */
#ifndef PB_BEAD_MEASURE_H
#define PB_BEAD_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/bead/disturb.h"

struct pb_oracle_difference;
struct pb_plan_workload;
struct pb_run;
struct pb_store;

#define PB_ORACLE_RUNS 2

/* How work on one workload ended. */
enum pb_measure_end {
	PB_MEASURE_DONE,
	PB_MEASURE_FINDING, /* it fails, or gives what it should not */
	PB_MEASURE_MISSING, /* nothing was blessed for it */
	PB_MEASURE_NOISY,   /* the machine lets too few runs through */
	PB_MEASURE_LATE,    /* the deadline passed; what there is stays for a resume */
	PB_MEASURE_STOPPED, /* by a signal; likewise */
	PB_MEASURE_CANNOT,  /* not here: privilege, kernel, a tool that is missing */
	PB_MEASURE_QUALITY, /* the data are worse than the plan allows */
};

/* One bead at work. */
struct pb_measure {
	struct pb_store *store;
	int64_t id;                /* of the bead's run; 0: nothing is stored */
	const char *directory;     /* for files of the bead's run, absolute */
	const char *golden;        /* directory of golden outputs */
	int stop_fd;               /* readable: stop; -1: none */
	uint64_t deadline_ns;      /* of pb_clock_ns(); 0: none */
	bool noisy;                /* runs that others disturbed count, too */
	struct pb_session session; /* of one workload; zeroed when its runs begin */
	char why[1024]; /* of an end that is not DONE: a sentence without its full stop */
};

/* What a run is good for. */
enum pb_run_worth {
	PB_WORTH_COUNTS,
	PB_WORTH_DISTURBED, /* by others: to be repeated */
	PB_WORTH_WRONG,     /* it failed, or its output is not what was blessed */
	PB_WORTH_STOPPED,   /* it says nothing */
};

/**
 * pb_measure_worth() - what a run is good for, from what is known of it.
 * @oracle: what pb_oracle_check() gave for it, 0 or -ENOENT where nothing was blessed, or -EINTR; @difference: with 1
 * @session: of the runs before it, see disturb.h; NULL: none
 * @why: set where it does not count: a sentence without its full stop
 *
 * A wrong run is wrong, however disturbed it was.
 */
enum pb_run_worth pb_measure_worth(const struct pb_run *run,
				   const struct pb_plan_workload *workload, int oracle,
				   const struct pb_oracle_difference *difference,
				   const struct pb_session *session, char *why, size_t size);

/* The first part of it: warm up, and run until as many samples count as the plan wants. Return: as below. */
int pb_measure_runs(struct pb_measure *m, const struct pb_plan_workload *workload);

/**
 * pb_measure_baseline() - warm up, then run a workload until as many samples count as the plan wants; those that the
 * run has already, from before an interruption, do.
 *
 * Each run, those that warm up too, is checked by the oracle where something is blessed. What does not count is stored
 * with the reason. Behind the timed runs come those that count, see counts.h, since counting costs time, and the figures.
 * Return: enum pb_measure_end; -errno, logged.
 */
int pb_measure_baseline(struct pb_measure *m, const struct pb_plan_workload *workload);

/* PB_ORACLE_RUNS that have to give what was blessed. Return: as above. */
int pb_measure_oracle(struct pb_measure *m, const struct pb_plan_workload *workload);

#endif
