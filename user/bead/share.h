/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A share of a whole that was measured in several runs, with what is not known of it. */
#ifndef PB_BEAD_SHARE_H
#define PB_BEAD_SHARE_H

#include <stdbool.h>
#include <stdint.h>

struct pb_share {
	double pct, low_pct, high_pct; /* within 0 and 100 */
	double spread_pct; /* points that the run farthest off lies from the mean of all; NaN of one run */
};

/* Wilson's interval of a share of @n independent events, 95 %. Source: Wilson, 1927; @n > 0. */
void pb_share_wilson(double part, double n, double *low, double *high);

/* Half the width of the 95 % interval of a mean by Student's t; NaN below 2 numbers. */
double pb_share_half_width(const double *x, uint32_t n);

/**
 * pb_share_of_samples() - of runs that were sampled: all parts by all wholes.
 * @part, @whole: samples of each run; a run without any tells nothing
 *
 * The interval is Wilson's of all samples, or that of the runs' shares by Student's t: whichever is wider, since
 * samples of one run may have more in common than chance. All NaN where there are no samples.
 */
void pb_share_of_samples(struct pb_share *out, const double *part, const double *whole, uint32_t n);

/**
 * pb_share_of_amounts() - likewise of what was counted or timed in full.
 *
 * The interval is that of the runs' shares by Student's t from three runs on; of fewer it is their range.
 */
void pb_share_of_amounts(struct pb_share *out, const double *part, const double *whole, uint32_t n);

/* The mean of @n > 0 numbers with an interval as of pb_share_of_amounts(), not below 0. */
void pb_share_mean(double *mean, double *low, double *high, const double *x, uint32_t n);

#endif
