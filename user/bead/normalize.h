/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* An output without what may vary: the rules of a plan, and the order that a mode does not count. */
#ifndef PB_BEAD_NORMALIZE_H
#define PB_BEAD_NORMALIZE_H

#include <stddef.h>

#include "user/bead/plan.h"

/**
 * pb_normalize() - see pb_oracle_normalize().
 * @why: set where it is no JSON: what is wrong, and where
 */
int pb_normalize(char **out, size_t *out_size, const struct pb_plan_golden *golden,
		 enum pb_compare mode, const char *text, size_t size, char *why, size_t why_size);

#endif
