/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the probes cost the measured processes: told before, watched meanwhile, reported after.
 *
 *   cost = hits x (trap + program)
 *
 * In growth mode there is no trap of ours, and what the program takes is divided among the faults that count: those of
 * others, which it passes over, are a part of what the machine pays.
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
	uint64_t window_ns, window_runs, window_faults;
	uint64_t faults; /* events of growth mode so far, as of the last tick; 0 in others */
	/* private */
	int stats_fd;
	uint64_t began_ns, began_runs, began_faults;
	uint32_t ticks;
};

/* Nanoseconds of programs per hit that are expected before anything was measured; see docs/bench/allocsites.md. */
#define PB_OVERHEAD_SAMPLED_NS 150
#define PB_OVERHEAD_EXACT_NS   2500 /* of an allocation, both ends and the stack */
#define PB_OVERHEAD_FREE_NS    600  /* of a free in exact mode */
#define PB_OVERHEAD_FAULT_NS   2500 /* of a first touch in growth mode */

void pb_overhead_init(struct pb_overhead *o, struct bpf_object *object);
void pb_overhead_drop(struct pb_overhead *o);

/* Ten times a second while it runs: opens and closes the windows. @faults: events of growth mode so far. */
void pb_overhead_tick(struct pb_overhead *o, uint64_t faults);

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
