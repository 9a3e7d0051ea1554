/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Changes: one lever at one hotspot each, from the hypothesis to the verdict. A change goes from open over proven to
 * closed, or is abandoned from wherever it is; none of that is taken back.
 */
#ifndef PB_BEAD_CHANGES_H
#define PB_BEAD_CHANGES_H

#include <stddef.h>
#include <stdint.h>

#include "user/core/own.h"

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
	const char *verdict;   /* JSON, bead-ab/1; NULL until bead ab has judged it */
	const char *spot_name; /* of the hotspot for people, as it was when the change began */
	const char *warning;   /* what speaks against the lever from the start; NULL: nothing */
	const char *why;       /* why it was abandoned, or closed without a clear verdict; NULL */
	const char *
		golden; /* sha256 of golden/SHA256SUMS when it began, hexadecimal; NULL: nothing was blessed */
	/* JSON: every verdict that bead ab gave, oldest first: {"b_digest", "verdict", "time"}; NULL: none. */
	const char *attempts;
};

/* All, oldest first; @each: 0 to go on; what else it is ends it, and is returned. The change lives until it returns. */
int pb_store_changes(struct pb_store *s, int (*each)(void *ctx, const struct pb_change *change),
		     void *ctx);
/* The same for one. Return: what @each gives; -ENOENT, logged: there is no such change. */
int pb_store_change(struct pb_store *s, int64_t id,
		    int (*each)(void *ctx, const struct pb_change *change), void *ctx);

/* Where text @i of a change is, from 0; NULL behind the last one: for who keeps them. */
const char **pb_change_text(struct pb_change *change, size_t i);

/* The same, to keep: its texts are its own. @out: to be freed by pb_change_free(). */
int pb_change_read(struct pb_change **out, struct pb_store *s, int64_t id);
void pb_change_free(struct pb_change *change);
PB_DEFINE_FREE(pb_change, pb_change_free);

/**
 * pb_store_open_change() - a change begins.
 * @change: its texts up to base, the hotspot's name, the warning and golden count; the rest is set here
 * @id: set to the change's
 *
 * Return: 0; -EBUSY, logged: another one is neither closed nor abandoned, and a change is one lever; -errno, logged.
 */
int pb_store_open_change(struct pb_store *s, const struct pb_change *change, int64_t *id);

/* Each of these: 0; -EINVAL, logged: there is no such change, or its state does not allow it; -errno, logged. */

/* From open or proven to proven: an older proof is replaced. */
int pb_store_prove_change(struct pb_store *s, int64_t id, const char *diff, const char *proof);
/* What bead ab says of it, JSON, while it is open or proven. What it said before stays among the attempts. */
int pb_store_note_verdict(struct pb_store *s, int64_t id, const char *verdict);
/* From proven to closed; @why: NULL: the verdict is clear. What was measured until now is stale from here on. */
int pb_store_close_change(struct pb_store *s, int64_t id, const char *why);
/* From open or proven. */
int pb_store_abandon_change(struct pb_store *s, int64_t id, const char *why);

/* Runs of beads up to this one began before the last change was closed, so that they measured another program, in part
 * at least. @run: 0: no change was closed; @change: that one, may be NULL. Return: 0; -errno, logged. */
int pb_store_stale_until(struct pb_store *s, int64_t *run, int64_t *change);

#endif
