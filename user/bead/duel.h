/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Two commands in turns, A B B A, until it is clear which one takes longer. */
#ifndef PB_BEAD_DUEL_H
#define PB_BEAD_DUEL_H

#include <stdbool.h>
#include <stdint.h>

#include "user/bead/ab.h"
#include "user/bead/disturb.h"

struct pb_json;
struct pb_plan_workload;

struct pb_duel {
	const char *name; /* of the workload, for the progress line; NULL: none */
	const struct pb_plan_workload *side[2]; /* A and B */
	const char *label[2];                   /* for messages: "--a ./old", "parse at 1a2b3c4" */
	const char *
		golden; /* directory of golden outputs, which every run is held against; NULL: unchecked, and both
			       have to exit with 0 */
	struct pb_ab_rules rules;
	bool noisy;           /* pairs that others disturbed count, too */
	uint64_t deadline_ns; /* of pb_clock_ns(); 0: none */
	uint32_t warmups;     /* runs of each side before, at least 1 */
	int stop_fd;
	/* what came of it */
	struct pb_ab *ab;
	/* Of the runs so far. Its net: times are told without what was waited for a CPU, see disturb.h. */
	struct pb_session session;
	bool alone[2];      /* was the side's last run? */
	uint32_t disturbed; /* pairs */
	bool same_output;   /* of the first two runs, on stdout */
	char why[1024];     /* of the last run that did not count */
};

enum pb_duel_end {
	PB_DUEL_DECIDED, /* or as far as it goes: pb_ab_result() says how */
	PB_DUEL_FAILED,  /* a side does not do what it has to; logged */
	PB_DUEL_WRONG,   /* a side gives what was not blessed; logged */
	PB_DUEL_STOPPED,
};

/**
 * pb_duel_fight() - warm up, then pairs.
 * @d: to be given to pb_duel_drop(), whatever the end
 *
 * Return: enum pb_duel_end; -errno, logged.
 */
int pb_duel_fight(struct pb_duel *d);
void pb_duel_drop(struct pb_duel *d);

/* One line without its newline: "improved: B takes 0.5 of A's time ...". @verdict, @p: as they are told in the end. */
void pb_duel_print(const struct pb_duel *d, enum pb_verdict verdict, double p, const char *why);
/* Members of the object that is open: verdict, why, medians, ratio, p, pairs. @p_adjusted: NaN: not told. */
void pb_duel_write(struct pb_json *j, const struct pb_duel *d, enum pb_verdict verdict,
		   const char *why, double p_adjusted);

#endif
