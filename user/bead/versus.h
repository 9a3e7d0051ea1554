/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One thing that was measured of a workload in two runs of beads, as a ratio of the new one to the base.
 *
 *   counts         allocations, syscalls, block_ios: the fewest of both; instead of an interval the range from the fewest of
 *                  the new to the most of the base, and the other way round. No test: they are exact where runs of one
 *                  side agree, and where they do not two runs of each side say nothing, since by chance alone one range
 *                  lies wholly above the other one time in six: pb_versus_varies()
 *   medians        wall_p50, cpu (user and system together), memory (peak), faults (minor and major): ratio of medians
 *                  with its BCa interval, p of Mann-Whitney
 *   far quantiles  wall_p95, p99 of operations: see operations.h
 *
 * Wall times are net of what runs waited for a CPU where that is known of all of them to be due to others: see disturb.h.
 * Of other wall times there is a second ratio, without the time in which the main thread was ready and had no CPU. What is so in
 * one of both only may be others' doing: on a machine that got busier a program takes longer, and is none the worse.
 */
#ifndef PB_BEAD_VERSUS_H
#define PB_BEAD_VERSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/bead/plan.h"
#include "user/bead/stats.h"

struct pb_operations;
struct pb_store;

/* Samples of a run of a bead that count, from @first on, at most so many. */
struct pb_versus_side {
	int64_t run;
	const char *directory;
	uint32_t first, most;
};

struct pb_versus {
	enum pb_limit what;
	const char *name; /* "wall_p50": the limit's, without "_pct" */
	const char *unit; /* of base and fresh: "ns", "bytes", "count" */
	bool is_count;
	double base, fresh; /* NaN: not known */
	/* fresh / base, infinite where something came from nothing. Only where why is "". */
	struct pb_interval_estimate ratio; /* of counts a range, and its confidence 0 */
	double spread_pct; /* of counts: how much more the most is than the fewest, of the side where that is more; may be infinite */
	bool net; /* of wall times: without what runs waited for a CPU; then there is no second ratio */
	double shift; /* fresh - base (Hodges-Lehmann), in the unit; of medians only, else NaN */
	bool has_ready;
	struct pb_interval_estimate ready; /* the same of the time without waiting for a CPU */
	double p;                          /* of counts 1 */
	uint32_t n_base, n_fresh;          /* runs */
	bool below; /* memory: not known of the new runs, since they use no more than bead before its exec */
	char why[384]; /* why nothing can be said, and of which side: a sentence without its full stop */
};

/**
 * pb_versus_read() - from the store.
 *
 * Return: 0, also where it is not known, and @out says why; -errno, logged.
 */
int pb_versus_read(struct pb_versus *out, struct pb_store *store, const struct pb_versus_side *base,
		   const struct pb_versus_side *fresh, const struct pb_plan_workload *workload,
		   enum pb_limit what, uint64_t seed);

/* The parts of it that need no store. @out has its what, name and unit. */
void pb_versus_init(struct pb_versus *out, enum pb_limit what);
void pb_versus_counts(struct pb_versus *out, double base_fewest, double base_most,
		      double fresh_fewest, double fresh_most);
/* Whether runs of one side differ by more than @limit_pct, so that a count cannot be held to it. @why: set to a sentence
 * without its full stop if they do. */
bool pb_versus_varies(const struct pb_versus *v, double limit_pct, char *why, size_t size);
/* Return: 0; -errno, not logged: what is not known is in @out, as above. */
int pb_versus_samples(struct pb_versus *out, const double *x, uint32_t n, const double *y,
		      uint32_t m, uint64_t seed);
int pb_versus_operations(struct pb_versus *out, const struct pb_operations *base,
			 const struct pb_operations *fresh, double q, uint64_t seed);

/* "41.2 ms to 45.3 ms, +9.95 % [+8.1, +11.6]"; "p 0.0003" behind it if there is one; of counts "range" before "[". */
const char *pb_versus_text(char *buf, size_t size, const struct pb_versus *v);
/* A ratio as percent of the base: 1.05 is 5. */
double pb_versus_pct(double ratio);

#endif
