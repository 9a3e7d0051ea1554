/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the probes cost the measured processes: told before, watched meanwhile, reported after.
 *
 *   cost = hits x (trap + program)
 *
 * The trap is calibrated on ourselves. The program's time is the kernel's own account of it, switched on for a tenth
 * of a second every two, since keeping that account costs some 50 ns a hit by itself.
 */
#ifndef PB_ALLOC_OVERHEAD_H
#define PB_ALLOC_OVERHEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi/allocsites.h"

struct bpf_object;

struct pb_overhead {
	struct bpf_object *object;
	double entry_ns, return_ns,
		step_ns; /* of a probe that does nothing; negative: not calibrated */
	/* the program's share, from the windows so far */
	uint64_t window_ns, window_runs;
	/* private */
	int stats_fd;
	uint64_t began_ns, began_runs;
	uint32_t ticks;
};

/* Nanoseconds of programs per hit that are expected before anything was measured; see docs/bench/allocsites.md. */
#define PB_OVERHEAD_SAMPLED_NS 150
#define PB_OVERHEAD_EXACT_NS   2500 /* of an allocation, both ends and the stack */
#define PB_OVERHEAD_FREE_NS    600  /* of a free in exact mode */

void pb_overhead_init(struct pb_overhead *o, struct bpf_object *object);
void pb_overhead_drop(struct pb_overhead *o);

/* Ten times a second while it runs: opens and closes the windows. */
void pb_overhead_tick(struct pb_overhead *o);

/* What was measured before anything else was attached, per second. */
struct pb_overhead_rates {
	double allocs, frees;
	double stepped; /* of both, on instructions that are single-stepped */
	bool both_ends; /* each allocation is a trap at its end, too: there are no sessions */
};

/* Percent of one CPU that this would cost. */
double pb_overhead_expect(const struct pb_overhead *o, enum pb_alloc_mode mode,
			  const struct pb_overhead_rates *rates);

/* Nanoseconds that the hits between two tallies have cost; @faults: events of growth mode. */
double pb_overhead_spent_ns(const struct pb_overhead *o, const struct pb_alloc_tally *from,
			    const struct pb_alloc_tally *to, uint64_t faults);

#endif
