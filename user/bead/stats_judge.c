/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* From numbers to a verdict; and the generator of chance. */
#include "user/bead/stats.h"

#include <math.h>

void pb_stats_holm(double *p, size_t n)
{
	double largest = 0;

	/* From the smallest on. What is done bears the sign until all are, so that no memory is needed. */
	for (size_t done = 0; done < n; done++) {
		size_t next = SIZE_MAX;

		for (size_t i = 0; i < n; i++)
			if (!signbit(p[i]) && (next == SIZE_MAX || p[i] < p[next]))
				next = i;
		if (next == SIZE_MAX)
			break; /* a p below 0 is none */
		largest = fmax(largest, fmin((double)(n - done) * p[next], 1));
		p[next] = -largest;
	}
	for (size_t i = 0; i < n; i++)
		p[i] = fabs(p[i]);
}

const char *pb_verdict_name(enum pb_verdict verdict)
{
	static const char *const names[] = {
		[PB_VERDICT_INCONCLUSIVE] = "inconclusive",
		[PB_VERDICT_EQUIVALENT] = "equivalent",
		[PB_VERDICT_IMPROVED] = "improved",
		[PB_VERDICT_REGRESSED] = "regressed",
	};

	return names[verdict];
}

enum pb_verdict pb_stats_judge(const struct pb_interval_estimate *ratio, double p, double delta,
			       double alpha)
{
	if (ratio->low >= 1 - delta && ratio->high <= 1 + delta)
		return PB_VERDICT_EQUIVALENT;
	if (ratio->low > 1 + delta && p < alpha)
		return PB_VERDICT_REGRESSED;
	if (ratio->high < 1 - delta && p < alpha)
		return PB_VERDICT_IMPROVED;
	return PB_VERDICT_INCONCLUSIVE;
}

uint64_t pb_random_next(struct pb_random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

uint64_t pb_random_below(struct pb_random *r, uint64_t n)
{
	uint64_t unfair = -n % n; /* 2^64 mod n */
	unsigned __int128 product;

	/* Lemire, Fast Random Integer Generation in an Interval, 2019. */
	do
		product = (unsigned __int128)pb_random_next(r) * n;
	while ((uint64_t)product < unfair);
	return (uint64_t)(product >> 64);
}
