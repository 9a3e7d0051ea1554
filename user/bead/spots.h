/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What profiles found, as the store keeps it.
 *
 * A spot is a place in code with its share of one thing: CPU time of a function, allocations of a call path, I/O of a
 * call path. A clue is an observation at a spot that speaks for one lever of levers.h, with its numbers in words. Both
 * belong to one run of a bead of kind cpu-flame, alloc-sites or io-latency.
 */
#ifndef PB_BEAD_SPOTS_H
#define PB_BEAD_SPOTS_H

#include <stdint.h>

struct pb_store;

enum pb_spot_kind {
	PB_SPOT_CPU,   /* CPU time of a function and what it calls; recursion counts once */
	PB_SPOT_ALLOC, /* allocations of a call path */
	PB_SPOT_IO,    /* I/O of a call path */
	PB_SPOT_KINDS
};
/* "cpu", "alloc", "io". */
const char *pb_spot_kind_name(enum pb_spot_kind kind);

/* Bytes of an id with its NUL: the kind's letter, C, A or I, and 8 hexadecimal digits. */
#define PB_SPOT_ID 10

/**
 * pb_spot_id() - the id of a place: the same in every run and build where its names are the same.
 * @chain: names of frames, root first, joined by ";"; of CPU the function and, behind "\n", its module's file name
 *
 * The first 32 bits of sha256: of a thousand spots two share an id with a chance of 1 to 10,000.
 */
void pb_spot_id(char id[PB_SPOT_ID], enum pb_spot_kind kind, const char *chain);

/* Shares are in percent of the workload's whole, ceilings in percent of its wall time (of peak memory, where unit is
 * "bytes" and nothing is known of time): what would be saved if the spot cost nothing. NaN: not known. */
struct pb_spot {
	const char *workload;
	enum pb_spot_kind kind;
	const char *id;
	const char *name;   /* for people: "find", "item < main", innermost first */
	const char *module; /* path; "" if not known */
	const char *file;   /* of the source; "" if not known */
	uint32_t line;      /* 0: not known */
	const char *
		frames; /* root first, joined by ";"; "" of a function that many stacks go through */
	double self_pct; /* of CPU only */
	double total_pct, low_pct, high_pct;
	double ceiling_pct, ceiling_low_pct, ceiling_high_pct;
	double amount;    /* per run of the workload, in unit */
	const char *unit; /* "ns", "bytes", "count" */
	uint64_t events;  /* samples, allocations or I/O that the shares rest on, over all runs */
	double spread_pct; /* most that the total of one run was off the mean of all; NaN of one run */
	const char *evidence; /* file with the profile, relative to the plan */
};

/* @lever: a name of levers.h. @text: a sentence without its full stop. */
struct pb_clue {
	const char *workload, *spot, *lever;
	double share_pct; /* of the spot's total that the observation covers; NaN: not known */
	const char *text;
};

/* In place of all that a run of a bead has of a workload. Return: 0; -errno, logged. */
int pb_store_drop_spots(struct pb_store *s, int64_t run, const char *workload);
int pb_store_put_spot(struct pb_store *s, int64_t run, const struct pb_spot *spot);
int pb_store_put_clue(struct pb_store *s, int64_t run, const struct pb_clue *clue);

/* Spots of a run in the order in which they were put, clues likewise; @each: 0 to go on; what else it is ends it, and
 * is returned. What they point to lives until @each returns. */
int pb_store_spots(struct pb_store *s, int64_t run,
		   int (*each)(void *ctx, const struct pb_spot *spot), void *ctx);
int pb_store_clues(struct pb_store *s, int64_t run, const char *workload, const char *spot,
		   int (*each)(void *ctx, const struct pb_clue *clue), void *ctx);

/* What people said of a spot, whichever run found it. @effort: 1 to 5; 0: nobody said. @why: why it stays as it is,
 * to be freed; NULL: nobody said. Return: 0; -errno, logged. */
int pb_store_set_effort(struct pb_store *s, const char *workload, const char *spot, int effort);
int pb_store_accept(struct pb_store *s, const char *workload, const char *spot, const char *why);
int pb_store_opinion(struct pb_store *s, const char *workload, const char *spot, int *effort,
		     char **why);

#endif
