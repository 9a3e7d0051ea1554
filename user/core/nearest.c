/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/nearest.h"

unsigned int pb_nearest_distance(const char *a, size_t n, const char *b, size_t m)
{
	unsigned int row[PB_NEAREST_LEN_MAX + 1];

	for (size_t j = 0; j <= m; j++)
		row[j] = (unsigned int)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned int diagonal = row[0];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned int best = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[m];
}

unsigned int pb_nearest_limit(size_t len)
{
	return (unsigned int)(len + 2) / 3 + 1;
}
