/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/ab.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "user/core/grow.h"

#define CONFIDENCE       0.95
/* Of a look before the last one: several at 95 % would call a difference of just delta equivalent far more than 2.5 % of
 * the time. */
#define EARLY_CONFIDENCE 0.995
#define CLEAR_P          0.002
#define CLEAR_REACH      4 /* times what the interval reaches */

struct pb_ab {
	struct pb_ab_rules rules;
	double *a, *b;
	uint32_t n, room_a, room_b;
	/* A suspicion, REGRESSED or IMPROVED, that the pairs from @fresh on have to confirm; else INCONCLUSIVE, and 0. */
	enum pb_verdict suspicion;
	uint32_t fresh;
	uint32_t block;    /* pairs that the fresh block gets, fixed when it begins */
	uint32_t equal_at; /* pairs from which on equivalence is looked at next */
	bool decided;
	struct pb_ab_result result;
};

int pb_ab_new(struct pb_ab **out, const struct pb_ab_rules *rules)
{
	struct pb_ab *ab = calloc(1, sizeof(*ab));

	if (!ab)
		return -ENOMEM;
	ab->rules = *rules;
	ab->equal_at = PB_AB_EQUAL;
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
		.equal_at = PB_AB_EQUAL,
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
	if (!err)
		err = pb_stats_shift(&r->shift, ab->a + from, n, ab->b + from, n);
	if (err)
		return err;
	r->has_ratio = true;
	r->verdict = pb_stats_judge(&r->ratio, r->p, ab->rules.delta, PB_AB_ALPHA);
	return 0;
}

static bool is_due(const struct pb_ab *ab)
{
	/* A fresh block is looked at once, at its end: stopped when it pleases its ratio would be chosen again. */
	if (is_difference(ab->suspicion))
		return ab->n - ab->fresh >= ab->block;
	return ab->n >= ab->rules.most || (ab->n >= PB_AB_FIRST && ab->n % PB_AB_STEP == 0);
}

/* All pairs lie within delta, by the interval of this look. Looks are at 20 pairs, 40, 80 and so on, and the last one. */
static int look_for_none(struct pb_ab *ab, bool is_last, bool *none)
{
	struct pb_interval_estimate ratio;
	double delta = ab->rules.delta;
	int err;

	*none = is_last && ab->result.verdict == PB_VERDICT_EQUIVALENT;
	if (is_last || ab->n < ab->equal_at)
		return 0;
	ab->equal_at = 2 * ab->n;
	if (ab->result.verdict != PB_VERDICT_EQUIVALENT)
		return 0;
	err = pb_stats_paired_ratio(&ratio, ab->a, ab->b, ab->n, EARLY_CONFIDENCE, 0,
				    ab->rules.seed);
	if (!err)
		*none = ratio.low >= 1 - delta && ratio.high <= 1 + delta;
	return err;
}

/* Whether what is suspected is far from delta beside what its interval reaches, and p as small as ten pairs can give: then as
 * many pairs will most likely show it again. */
static bool is_clear(const struct pb_ab *ab)
{
	const struct pb_interval_estimate *r = &ab->result.ratio;
	double delta = ab->rules.delta;

	if (ab->result.p > CLEAR_P)
		return false;
	if (ab->result.verdict == PB_VERDICT_REGRESSED)
		return r->low - (1 + delta) >= CLEAR_REACH * (r->value - r->low);
	return (1 - delta) - r->high >= CLEAR_REACH * (r->high - r->value);
}

/* What the last look says while nothing is suspected. */
static int look_for_any(struct pb_ab *ab)
{
	uint32_t left = ab->rules.most > ab->n ? ab->rules.most - ab->n : 0;
	int err = look_for_none(ab, !left, &ab->decided);

	if (err || ab->decided)
		return err;
	if (!is_difference(ab->result.verdict))
		return left ? 0 : pb_ab_end(ab, "the interval reaches over the limit");
	if (ab->n >= PB_AB_FIRST && left >= PB_AB_FIRST) {
		ab->suspicion = ab->result.verdict;
		ab->fresh = ab->n;
		ab->block = ab->n < left && is_clear(ab) ? ab->n : left;
		return 0;
	}
	return left ? 0 : pb_ab_end(ab, "a difference shows, and no pairs are left to confirm it");
}

/* And of the fresh block, while something is. */
static int look_for_the_same(struct pb_ab *ab)
{
	if (ab->result.verdict == ab->suspicion) {
		ab->decided = true;
		return 0;
	}
	if (ab->n >= ab->rules.most)
		return pb_ab_end(ab, "a difference showed, and fresh pairs did not confirm it");
	/* On with all that there is. Whatever shows again has to be confirmed anew. */
	ab->suspicion = PB_VERDICT_INCONCLUSIVE;
	ab->fresh = 0;
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
