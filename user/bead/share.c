/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/share.h"

#include <math.h>

#include "user/core/own.h"

#define RUNS_MAX 64
#define Z        1.959963984540054

void pb_share_wilson(double part, double n, double *low, double *high)
{
	double p = part / n, z2 = Z * Z;
	double centre = p + z2 / (2 * n);
	double half = Z * sqrt(p * (1 - p) / n + z2 / (4 * n * n));

	/* Rounding may not keep all from being possible. */
	*low = part > 0 ? fmax(0, (centre - half) / (1 + z2 / n)) : 0;
	*high = part < n ? fmin(1, (centre + half) / (1 + z2 / n)) : 1;
}

/* The 97.5 % quantile of Student's t, by degrees of freedom from 1 on. */
static double student(uint32_t freedom)
{
	static const double t[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365,
				   2.306,  2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
				   2.131,  2.120, 2.110, 2.101, 2.093};

	/* Behind the table the last one stands for all: a little too wide. */
	return t[freedom <= PB_ARRAY_SIZE(t) ? freedom - 1 : PB_ARRAY_SIZE(t) - 1];
}

static double mean_of(const double *x, uint32_t n)
{
	double sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += x[i];
	return sum / n;
}

double pb_share_half_width(const double *x, uint32_t n)
{
	double squares = 0, mean;

	if (n < 2)
		return (double)NAN;
	mean = mean_of(x, n);
	for (uint32_t i = 0; i < n; i++)
		squares += (x[i] - mean) * (x[i] - mean);
	return student(n - 1) * sqrt(squares / (n - 1) / n);
}

/* Shares of the runs that have a whole. Return: how many. */
static uint32_t shares_of_runs(double *shares, const double *part, const double *whole, uint32_t n,
			       double *all, double *of)
{
	uint32_t k = 0;

	*all = *of = 0;
	for (uint32_t i = 0; i < n && k < RUNS_MAX; i++) {
		if (!(whole[i] > 0))
			continue;
		shares[k++] = part[i] / whole[i];
		*all += part[i];
		*of += whole[i];
	}
	return k;
}

static double spread_of(const double *x, uint32_t n)
{
	double most = 0, mean;

	if (n < 2)
		return (double)NAN;
	mean = mean_of(x, n);
	for (uint32_t i = 0; i < n; i++)
		most = fmax(most, fabs(x[i] - mean));
	return most;
}

static void range_of(const double *x, uint32_t n, double *low, double *high)
{
	*low = *high = x[0];
	for (uint32_t i = 1; i < n; i++) {
		*low = fmin(*low, x[i]);
		*high = fmax(*high, x[i]);
	}
}

static void set(struct pb_share *out, double share, double low, double high, double spread)
{
	*out = (struct pb_share){
		.pct = 100 * fmin(1, share),
		.low_pct = 100 * fmax(0, fmin(low, share)),
		.high_pct = 100 * fmin(1, fmax(high, share)),
		.spread_pct = 100 * spread,
	};
}

static void set_unknown(struct pb_share *out)
{
	*out = (struct pb_share){(double)NAN, (double)NAN, (double)NAN, (double)NAN};
}

void pb_share_of_samples(struct pb_share *out, const double *part, const double *whole, uint32_t n)
{
	double shares[RUNS_MAX], all, of, low, high, half;
	uint32_t k = shares_of_runs(shares, part, whole, n, &all, &of);

	if (!k) {
		set_unknown(out);
		return;
	}
	pb_share_wilson(all, of, &low, &high);
	half = pb_share_half_width(shares, k);
	if (!isnan(half) && 2 * half > high - low) {
		low = all / of - half;
		high = all / of + half;
	}
	set(out, all / of, low, high, spread_of(shares, k));
}

void pb_share_of_amounts(struct pb_share *out, const double *part, const double *whole, uint32_t n)
{
	double shares[RUNS_MAX], all, of, low, high;
	uint32_t k = shares_of_runs(shares, part, whole, n, &all, &of);

	if (!k) {
		set_unknown(out);
		return;
	}
	range_of(shares, k, &low, &high);
	if (k >= 3) {
		double half = pb_share_half_width(shares, k);

		low = all / of - half;
		high = all / of + half;
	}
	set(out, all / of, low, high, spread_of(shares, k));
}

void pb_share_mean(double *mean, double *low, double *high, const double *x, uint32_t n)
{
	*mean = mean_of(x, n);
	range_of(x, n, low, high);
	if (n >= 3) {
		double half = pb_share_half_width(x, n);

		*low = fmax(0, *mean - half);
		*high = *mean + half;
	}
}
