/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/tables.h"

#include <math.h>
#include <string.h>

double pb_alloc_weight(uint64_t size, uint64_t mean_bytes)
{
	double x = (double)(size ? size : 1) / (double)mean_bytes;

	return -1.0 / expm1(-x);
}

uint64_t pb_alloc_mean_ln2(uint64_t mean_bytes)
{
	uint64_t n = (uint64_t)llround((double)mean_bytes * M_LN2);

	return n ? n : 1;
}

/* Rounded, and no more than the shift for objects leaves room for. */
static uint64_t round_bytes(double bytes)
{
	return bytes < 0x1p47 ? (uint64_t)llround(bytes) : 1ull << 47;
}

void pb_alloc_tables_fill(struct pb_alloc_tables *tables, uint64_t mean_bytes)
{
	double u, size;
	int octave, i;

	memset(tables, 0, sizeof(*tables));
	for (i = 0; i <= PB_ALLOC_LOG_STEPS; i++) {
		u = (double)(PB_ALLOC_LOG_STEPS + i) / (2.0 * PB_ALLOC_LOG_STEPS);
		tables->log2_u[i] = (__u32)lround(-log2(u) * (1 << PB_ALLOC_LOG_SHIFT));
	}
	for (octave = 0; octave < PB_ALLOC_OCTAVES; octave++) {
		for (i = 0; i <= PB_ALLOC_OCTAVE_STEPS; i++) {
			size = ldexp(1.0 + (double)i / PB_ALLOC_OCTAVE_STEPS, octave);
			tables->bytes[octave][i] =
				round_bytes(-size / expm1(-size / (double)mean_bytes));
		}
	}
}
