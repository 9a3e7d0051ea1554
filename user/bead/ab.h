/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which of two commands takes longer, decided pair by pair: nothing is run here, numbers come in and a verdict comes
 * out.
 *
 * Looking at the data again and again until they please finds differences that are not there. So a regression or an
 * improvement is a suspicion first; a block of pairs that were not looked at yet has to say the same by itself, before
 * it is called one. That block alone gives the ratio that is told, since the first one was chosen for being extreme; it
 * has as many pairs as the suspicion took if that was clear, else all that are left, and is looked at once, at its end,
 * since a block that ends when it confirms would be chosen likewise.
 *
 * Two commands are equivalent where the interval of all pairs lies within delta: that of 99.5 % at 20, 40, 80 pairs and so
 * on, and that of 95 % at the last.
 */
#ifndef PB_BEAD_AB_H
#define PB_BEAD_AB_H

#include <stdbool.h>
#include <stdint.h>

#include "user/bead/stats.h"
#include "user/core/own.h"

#define PB_AB_FIRST 10 /* pairs before the first look, and at least of a block that confirms */
#define PB_AB_EQUAL 20 /* before two commands may be called equivalent */
#define PB_AB_STEP  10 /* between two looks */
#define PB_AB_ALPHA 0.01

struct pb_ab_rules {
	double delta;  /* 0.02: two percent are no difference */
	uint32_t most; /* pairs, at least 1 */
	uint64_t seed;
};

struct pb_ab_result {
	enum pb_verdict verdict;
	bool has_ratio;
	struct pb_interval_estimate ratio; /* b / a */
	double shift;   /* b - a (Hodges-Lehmann), in the unit of the times; with the ratio only */
	double p;       /* signed rank */
	uint32_t block; /* pairs that ratio, p and verdict are of: the last so many */
	char why[128];  /* of an inconclusive one, a sentence without its full stop */
};

struct pb_ab;

int pb_ab_new(struct pb_ab **out, const struct pb_ab_rules *rules);
void pb_ab_free(struct pb_ab *ab);
PB_DEFINE_FREE(pb_ab, pb_ab_free);

/* From the beginning, by the same rules. */
void pb_ab_restart(struct pb_ab *ab);

/**
 * pb_ab_add() - one more pair of times, above 0, in any unit.
 * @decided: set to whether that was the last that is needed
 *
 * Return: 0; -ENOMEM; -EDOM: @a is not above 0.
 */
int pb_ab_add(struct pb_ab *ab, double a, double b, bool *decided);

/* No more pairs will come, for this reason. What was decided stays; else it is equivalent or inconclusive. */
int pb_ab_end(struct pb_ab *ab, const char *why);

/* Pairs so far. */
uint32_t pb_ab_pairs(const struct pb_ab *ab);
/* The medians of both, 0 without any pair. */
void pb_ab_medians(const struct pb_ab *ab, double *a, double *b);
/* Once it is decided, or ended. */
const struct pb_ab_result *pb_ab_result(const struct pb_ab *ab);

#endif
