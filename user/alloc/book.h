/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a run of allocsites knows beyond the profile: the books of the heap, how sites allocate, what it cost.
 *
 * The profile has one sample per site and process with the values of enum pb_alloc_value; all that can be
 * drawn or saved comes from there. The book has the details that hints are made of. It is written into
 * report->extra, as JSON, and that is what a saved profile keeps of it.
 */
#ifndef PB_ALLOC_BOOK_H
#define PB_ALLOC_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi/allocsites.h"
#include "user/core/own.h"

struct pb_profile;

/* Values of an allocsites profile, in this order. The first four have the names that pprof gives a heap. */
enum pb_alloc_value {
	PB_ALLOC_OBJECTS, /* "alloc_objects", count */
	PB_ALLOC_SPACE,   /* "alloc_space", bytes */
	PB_INUSE_OBJECTS, /* "inuse_objects", count: live at the end */
	PB_INUSE_SPACE,   /* "inuse_space", bytes */
	PB_TEMPORARY_OBJECTS, /* "temporary_objects", count: freed before the thread's next allocation */
	PB_LEAKED_OBJECTS, /* "leaked_objects", count: live and older than --older, or at their process' end */
	PB_LEAKED_SPACE, /* "leaked_space", bytes */
	PB_PEAK_OBJECTS, /* "peak_objects", count: live when the heap was largest */
	PB_PEAK_SPACE,   /* "peak_space", bytes */
	PB_MOST_OBJECTS, /* "most_objects", count: live when this site had most */
	PB_MOST_SPACE,   /* "most_space", bytes */
	PB_LIFETIME,     /* "lifetime", microseconds: of what was freed, added up */
	PB_ALLOC_VALUES
};

/* Of growth mode there are two: "faults", count, and "grown_space", bytes. */
enum pb_growth_value { PB_GROWTH_FAULTS, PB_GROWTH_SPACE, PB_GROWTH_VALUES };

/* One site in one process. Object counts of struct pb_site divided by their scale. */
struct pb_alloc_site {
	uint32_t node;    /* of the profile: its stack */
	uint32_t process; /* of the profile */
	uint64_t events;  /* calls, or samples: what the numbers rest on */
	uint64_t values[PB_ALLOC_VALUES];
	uint64_t freed_objects, freed_bytes;
	uint64_t foreign_objects;
	uint64_t moved_objects, moved_bytes, regrown_objects;
	uint64_t untracked_objects, untracked_bytes;
	uint64_t same_size_objects;
	uint64_t last_size, max_size;
	uint32_t free_location; /* of the profile: who frees most of it; PB_NONE if not known */
	double free_share;      /* of the frees, 0 to 1: by that one, at least */
	uint64_t sizes[PB_ALLOC_BUCKETS];     /* objects; see PB_ALLOC_SIZE_SHIFT */
	uint64_t lifetimes[PB_ALLOC_BUCKETS]; /* objects; see PB_ALLOC_LIFETIME_SHIFT */
};

/* A moment of the run. */
struct pb_alloc_point {
	uint64_t time_ns; /* since the start of the capture */
	uint64_t live_bytes,
		live_objects;  /* allocated since then and not freed; estimates where sampled */
	uint64_t rss_bytes;    /* of all targets together */
	uint64_t calls, bytes; /* so far */
};

struct pb_alloc_book {
	enum pb_alloc_mode mode;
	uint64_t sample_bytes; /* mean distance; 0 where every call counts */
	bool track_frees;
	uint64_t older_ns; /* what is leaked has to be older */

	struct pb_alloc_tally tally; /* of all CPUs */
	uint64_t peak_bytes;
	uint64_t peaks;    /* how often there was a new one */
	uint64_t peak_ns;  /* since the start of the capture */
	uint64_t max_live; /* room in the table of live blocks */

	struct pb_alloc_site *sites; /* in no order */
	uint32_t n_sites;
	struct pb_alloc_point *points; /* in order of time, at most PB_ALLOC_POINTS_MAX */
	uint32_t n_points;

	/* For people: "glibc (/usr/lib/.../libc.so.6)", and "not seen: ..." for what is not probed. */
	char **allocators;
	uint32_t n_allocators;

	/* Cost; negative: not measured. */
	double entry_ns, return_ns; /* of a probe that does nothing, calibrated on this machine */
	double expected_pct;        /* of one CPU, told before attaching */
	double actual_pct;          /* of one CPU, from the hits there were */
	const char *
		attached_by; /* "uprobe session", "uprobe multi", "perf uprobe"; "" in growth mode */
	bool detached;       /* the limit was passed */
	uint64_t detached_ns; /* since the start of the capture */
};

#define PB_ALLOC_POINTS_MAX 256

/* Frees the arrays; the book itself is the caller's. */
void pb_alloc_book_drop(struct pb_alloc_book *book);

/**
 * pb_alloc_book_json() - the book as the text of one JSON object, for report->extra.
 * @top: sites and hints to tell, at most; the largest by @value
 *
 * Members: "alloc" (mode, totals, cost), "allocators", "series", "sites", "hints"; docs/schema/allocsites.schema.json
 * describes them. Names are those of @profile, which has been named by now.
 * Return: 0 with *out to free(); -ENOMEM.
 */
int pb_alloc_book_json(const struct pb_alloc_book *book, const struct pb_profile *profile,
		       uint32_t top, uint32_t value, char **out);

#endif
