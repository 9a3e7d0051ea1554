/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Changes: one lever at one hotspot each, from the hypothesis to the verdict. A change goes from open over proven to
 * closed, or is abandoned from wherever it is; none of that is taken back.
 */
#ifndef PB_BEAD_CHANGES_H
#define PB_BEAD_CHANGES_H

#include <stdint.h>

struct pb_store;

enum pb_change_state {
	PB_CHANGE_OPEN,
	PB_CHANGE_PROVEN,
	PB_CHANGE_CLOSED,
	PB_CHANGE_ABANDONED,
};
const char *pb_change_state_name(enum pb_change_state state);

/* Texts live as long as whoever gave the change says. */
struct pb_change {
	int64_t id; /* from 1 */
	const char *title;
	const char *workload, *spot; /* the hotspot that it is about */
	const char *lever;           /* of levers.h */
	const char *hypothesis;
	double expected_pct; /* of the workload's time; NaN: nobody said */
	const char *base;    /* commit that it starts from; NULL: not in git */
	enum pb_change_state state;
	const char *opened, *closed; /* UTC; closed NULL until then */
	const char *diff;  /* JSON, bead-diff/1: files, functions, flags; NULL until it is proven */
	const char *proof; /* JSON, bead-proof/1; NULL until it is proven */
	const char *verdict; /* JSON, bead-ab/1; NULL until bead ab has judged it */
};

/* All, oldest first; @each: 0 to go on; what else it is ends it, and is returned. The change lives until it returns. */
int pb_store_changes(struct pb_store *s, int (*each)(void *ctx, const struct pb_change *change),
		     void *ctx);

#endif
