/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Spots with their clues, on their way from a profile to the store. */
#ifndef PB_BEAD_FINDS_H
#define PB_BEAD_FINDS_H

#include "user/bead/spots.h"

struct pb_lever;
struct pb_store;

struct pb_find_clue {
	const struct pb_lever *lever;
	double share_pct; /* NaN: not known */
	char *text;
};

struct pb_find {
	struct pb_spot spot; /* its texts are the find's */
	struct pb_find_clue *clues;
	uint32_t n_clues, room_clues;
};

/* Zeroed to begin with. */
struct pb_finds {
	struct pb_find *rows;
	uint32_t n, room;
};

void pb_finds_drop(struct pb_finds *finds);
#define pb_auto_finds __attribute__((cleanup(pb_finds_drop)))

/**
 * pb_finds_add() - one more spot.
 * @spot: copied with its texts; NULL texts become "", and its id is made
 * @chain: as of pb_spot_id()
 *
 * Return: the find, until the next is added; NULL without memory.
 */
struct pb_find *pb_finds_add(struct pb_finds *finds, const struct pb_spot *spot, const char *chain);

/* Return: 0; -ENOMEM. @lever of NULL: nothing to do. */
int pb_find_clue(struct pb_find *find, const struct pb_lever *lever, double share_pct,
		 const char *form, ...) __attribute__((format(printf, 4, 5)));

/* In place of what the run of a bead has of the workload. Return: 0; -errno, logged. */
int pb_finds_store(const struct pb_finds *finds, struct pb_store *store, int64_t run,
		   const char *workload, const char *evidence);

#endif
