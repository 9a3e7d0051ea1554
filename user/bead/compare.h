/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Whether two normalised outputs are equal in a mode, and if not, where they differ, for people. */
#ifndef PB_BEAD_COMPARE_H
#define PB_BEAD_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

#include "user/bead/plan.h"

struct pb_compare_text {
	const char *bytes;
	size_t size;
};

/* @a is what was expected, or the first of two runs. */
struct pb_comparison {
	struct pb_compare_text a, b;
	enum pb_compare mode;
	const struct pb_plan_golden *golden; /* the tolerance */
	bool of_two_runs;                    /* else of what was expected and what came */
};

/**
 * pb_compare_texts() - are they equal?
 * @text: if not, the first difference: line, column, and both texts, safe to print
 *
 * In a line all columns between the first and the last byte that differ are told where two runs are compared, and how
 * many more lines vary. O(n).
 */
bool pb_compare_texts(const struct pb_comparison *c, char *text, size_t text_size);

#endif
