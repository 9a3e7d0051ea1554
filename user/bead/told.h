/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What bead run tells of its beads: lines as they are done, or one document. */
#ifndef PB_BEAD_TOLD_H
#define PB_BEAD_TOLD_H

#include "user/bead/verbs.h"
#include "user/core/json.h"

struct pb_stop_condition;

/* All to come out of pb_told_begin(). */
struct pb_told {
	const struct pb_desk *desk;
	bool json;
	struct pb_json j;
	char *why[PB_BEAD_QUALITY +
		  2]; /* by exit status, PB_BEAD_INTERRUPTED last: of the first bead with it */
};

void pb_told_begin(struct pb_told *t, const struct pb_desk *desk, bool json);

/* One bead that was worked on. */
struct pb_told_bead {
	const struct pb_plan_bead *bead;
	enum pb_bead_state state; /* now */
	const char *note;         /* why it is not done; NULL: it is */
	int result;               /* enum pb_bead_exit; -errno */
	int64_t run;              /* with its figures; 0: there are none */
	bool quiet;               /* nothing for people: they were told by a message, or before */
};
/* Return: 0; -errno, logged. */
int pb_told_add(struct pb_told *t, const struct pb_told_bead *bead);

/* Behind all of them, whether the audit is at its end. */
void pb_told_stop(struct pb_told *t, const struct pb_stop_condition *stop);

/* @result: of all, enum pb_bead_exit or -errno. Return: the same. */
int pb_told_end(struct pb_told *t, int result);

#endif
