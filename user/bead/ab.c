/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/ab.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "user/core/grow.h"

#define CONFIDENCE 0.95

struct pb_ab {
	struct pb_ab_rules rules;
	double *a, *b;
	uint32_t n, room_a, room_b;
	/* A suspicion, REGRESSED or IMPROVED, that the pairs from @fresh on have to confirm; else INCONCLUSIVE, and 0. */
	enum pb_verdict suspicion;
	uint32_t fresh;
	uint32_t suspected_by; /* pairs of the block that raised it: the fresh one gets as many */
	bool decided;
	struct pb_ab_result result;
};

int pb_ab_new(struct pb_ab **out, const struct pb_ab_rules *rules)
{
	struct pb_ab *ab = calloc(1, sizeof(*ab));

	if (!ab)
		return -ENOMEM;
	ab->rules = *rules;
	*out = ab;
	return 0;
}

void pb_ab_free(struct pb_ab *ab)
{
	if (!ab)
		return;
	free(ab->a);
	free(ab->b);
	free(ab);
}

void pb_ab_restart(struct pb_ab *ab)
{
	*ab = (struct pb_ab){
		.rules = ab->rules,
		.a = ab->a,
		.b = ab->b,
		.room_a = ab->room_a,
		.room_b = ab->room_b,
	};
}

static bool is_difference(enum pb_verdict verdict)
{
	return verdict == PB_VERDICT_REGRESSED || verdict == PB_VERDICT_IMPROVED;
}

/* The pairs from @from on, into the result. */
static int judge(struct pb_ab *ab, uint32_t from)
{
	struct pb_ab_result *r = &ab->result;
	uint32_t n = ab->n - from;
	int err;

	*r = (struct pb_ab_result){.p = 1, .block = n};
	err = pb_stats_paired_ratio(&r->ratio, ab->a + from, ab->b + from, n, CONFIDENCE, 0,
				    ab->rules.seed);
	if (err == -ENODATA)
		return 0;
	if (!err)
		err = pb_stats_signed_rank(&r->p, ab->a + from, ab->b + from, n);
	if (err)
		return err;
	r->has_ratio = true;
	r->verdict = pb_stats_judge(&r->ratio, r->p, ab->rules.delta, PB_AB_ALPHA);
	return 0;
}

static bool is_due(const struct pb_ab *ab)
{
	uint32_t n = ab->n - ab->fresh;

	if (ab->n >= ab->rules.most)
		return true;
	return n >= PB_AB_FIRST && (n - PB_AB_FIRST) % PB_AB_STEP == 0;
}

/* What the last look says while nothing is suspected. */
static int look_for_any(struct pb_ab *ab)
{
	bool is_last = ab->n >= ab->rules.most;

	if (ab->result.verdict == PB_VERDICT_EQUIVALENT && (is_last || ab->n >= PB_AB_EQUAL)) {
		ab->decided = true;
		return 0;
	}
	if (!is_difference(ab->result.verdict))
		return is_last ? pb_ab_end(ab, "the interval reaches over the limit") : 0;
	if (ab->n >= PB_AB_FIRST && ab->n + PB_AB_FIRST <= ab->rules.most) {
		ab->suspicion = ab->result.verdict;
		ab->suspected_by = ab->n;
		ab->fresh = ab->n;
		return 0;
	}
	return is_last ? pb_ab_end(ab, "a difference shows, and no pairs are left to confirm it")
		       : 0;
}

/* And while something is. */
static int look_for_the_same(struct pb_ab *ab)
{
	uint32_t n = ab->n - ab->fresh;

	if (ab->result.verdict == ab->suspicion && n >= PB_AB_FIRST) {
		ab->decided = true;
		return 0;
	}
	if (ab->n >= ab->rules.most)
		return pb_ab_end(ab, "a difference showed, and fresh pairs did not confirm it");
	if (n >= ab->suspected_by && n >= PB_AB_EQUAL) {
		/* On with all that there is. Whatever shows again has to be confirmed anew. */
		ab->suspicion = PB_VERDICT_INCONCLUSIVE;
		ab->fresh = 0;
	}
	return 0;
}

int pb_ab_add(struct pb_ab *ab, double a, double b, bool *decided)
{
	int err = pb_grow(&ab->a, &ab->room_a, (uint64_t)ab->n + 1, sizeof(*ab->a));

	if (!err)
		err = pb_grow(&ab->b, &ab->room_b, (uint64_t)ab->n + 1, sizeof(*ab->b));
	if (err)
		return err;
	ab->a[ab->n] = a;
	ab->b[ab->n++] = b;
	if (!ab->decided && is_due(ab)) {
		err = judge(ab, ab->fresh);
		if (!err)
			err = is_difference(ab->suspicion) ? look_for_the_same(ab)
							   : look_for_any(ab);
	}
	*decided = ab->decided;
	return err;
}

int pb_ab_end(struct pb_ab *ab, const char *why)
{
	int err;

	if (ab->decided)
		return 0;
	err = judge(ab, 0);
	if (err)
		return err;
	ab->decided = true;
	if (ab->result.verdict != PB_VERDICT_EQUIVALENT) {
		ab->result.verdict = PB_VERDICT_INCONCLUSIVE;
		snprintf(ab->result.why, sizeof(ab->result.why), "%s", why);
	}
	return 0;
}

uint32_t pb_ab_pairs(const struct pb_ab *ab)
{
	return ab->n;
}

void pb_ab_medians(const struct pb_ab *ab, double *a, double *b)
{
	*a = ab->n ? pb_stats_median(ab->a, ab->n) : 0;
	*b = ab->n ? pb_stats_median(ab->b, ab->n) : 0;
}

const struct pb_ab_result *pb_ab_result(const struct pb_ab *ab)
{
	return &ab->result;
}
