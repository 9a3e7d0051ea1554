/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a sampled allocation stands for, as the kernel half and as we reckon it. See bpf/lib/draw.bpf.h. */
#ifndef PB_ALLOC_TABLES_H
#define PB_ALLOC_TABLES_H

#include <stdint.h>

#include "bpf/abi/allocsites.h"

/*
 * Mean distances for which no number of the kernel half overflows, and for which its whole bytes are within
 * 0.1 % of the truth: distances that are shorter meet nearly every call, and are for exact mode.
 */
#define PB_ALLOC_MEAN_MIN 1024
#define PB_ALLOC_MEAN_MAX (1ull << 33)

/* Fill the tables for a mean distance of @mean_bytes. */
void pb_alloc_tables_fill(struct pb_alloc_tables *tables, uint64_t mean_bytes);
/* pb_allocsites_cfg.mean_ln2_bytes for it. */
uint64_t pb_alloc_mean_ln2(uint64_t mean_bytes);

/* Objects that one sampled allocation of @size bytes stands for: 1 / (1 - e^(-size / mean)). */
double pb_alloc_weight(uint64_t size, uint64_t mean_bytes);

#endif
