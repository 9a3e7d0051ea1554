/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Comparing numbers, and making some with the chance and the tails of times. */
#ifndef PB_TESTS_BEAD_NUMBERS_H
#define PB_TESTS_BEAD_NUMBERS_H

#include <math.h>

#include "user/bead/order.h"
#include "user/bead/stats.h"

/* To be included behind cmocka.h, whose version in Debian 12 compares floats only. */
#define assert_near(got, want, off)                                                                \
	do {                                                                                       \
		double got_ = got, want_ = want;                                                   \
		if (!(fabs(got_ - want_) <= (off)))                                                \
			fail_msg("%.17g instead of %.17g", got_, want_);                           \
	} while (0)

/* Between 0 and 1, without both. */
static inline double noise_uniform(struct pb_random *r)
{
	return ((double)(pb_random_next(r) >> 11) + 0.5) / 9007199254740992.0;
}

static inline double noise_normal(struct pb_random *r)
{
	return pb_normal_quantile(noise_uniform(r));
}

/* A run of about @typical: a little noise, and one in ten disturbed, with a tail like 1 / x^2. */
static inline double noise_time(struct pb_random *r, double typical, double noise)
{
	double t = typical * (1 + noise * fabs(noise_normal(r)));

	if (pb_random_below(r, 10) == 0)
		t *= 1 + 0.05 / sqrt(noise_uniform(r));
	return t;
}

#endif
