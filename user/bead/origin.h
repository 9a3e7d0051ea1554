/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Of which commit, and on which kernel, a run of a bead is: figures of one are not those of another. */
#ifndef PB_BEAD_ORIGIN_H
#define PB_BEAD_ORIGIN_H

#include <stdbool.h>
#include <stdint.h>

struct pb_desk;
struct pb_store;

/* "" is what is not known. */
struct pb_origin {
	char commit[65]; /* "": in no git repository, or begun by nobody who noted it */
	bool dirty;      /* files that git tracks differed from it */
	char kernel[200];
};

/* What is noted of a run. Return: 0, all empty where nothing is; -errno, logged. */
int pb_store_origin(struct pb_store *s, int64_t id, struct pb_origin *origin);
/* Note it. Return: 0; -errno, logged. */
int pb_store_set_origin(struct pb_store *s, int64_t id, const struct pb_origin *origin);

/**
 * pb_origin_note() - note where things stand as the origin of a run that begins.
 *
 * A run that is resumed keeps what it began with; a warning says where things stand otherwise now, since its samples are
 * of both then. Return: 0; -errno, logged.
 */
int pb_origin_note(const struct pb_desk *desk, int64_t id, const char *bead);

#endif
