/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the search for spots of CPU time, and that for what speaks for a lever there, share: see cpu_profile.h. */
#ifndef PB_BEAD_CPU_FINDER_H
#define PB_BEAD_CPU_FINDER_H

#include "user/bead/cpu_profile.h"

#define PB_CPU_NONE UINT32_MAX

struct pb_find;

struct pb_cpu_finder {
	struct pb_cpu *c;
	double *below; /* of each function: samples as the callee of the one that is looked at, or as what pays */
	uint32_t *touched; /* those of which below is not 0 */
	uint32_t n_touched;
	uint32_t *candidates;
	uint32_t n;
	double cpu_per_wall;
};

/* Whether it is a function that its author can change. */
bool pb_cpu_is_workers(const struct pb_cpu_function *f);

void pb_cpu_add_below(struct pb_cpu_finder *r, uint32_t function, double samples);
void pb_cpu_clear_below(struct pb_cpu_finder *r);

/* Where @function stands first in a stack; PB_CPU_NONE. */
uint32_t pb_cpu_find_in(const struct pb_cpu *c, const struct pb_cpu_stack *s, uint32_t function);

/* What speaks for a lever at a function that is one of the candidates. Return: 0; -ENOMEM. */
int pb_cpu_add_clues(struct pb_cpu_finder *r, uint32_t function, struct pb_find *find);

#endif
