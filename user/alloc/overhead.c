/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/overhead.h"

#include <bpf/libbpf.h>
#include <string.h>
#include <unistd.h>

#include "user/core/cost.h"
#include "user/core/own.h"

#define WINDOW_EVERY 20 /* ticks of 100 ms */

void pb_overhead_init(struct pb_overhead *o, struct bpf_object *object)
{
	memset(o, 0, sizeof(*o));
	o->object = object;
	o->stats_fd = -1;
	o->entry_ns = o->return_ns = o->step_ns = -1;
}

/*
 * Of the probes' own programs. Those that follow processes run a few times, and long: where a run ends before its
 * first tick, they would be all there is.
 */
static uint64_t probes_ns(const struct pb_overhead *o, uint64_t *runs)
{
	static const char *const names[] = {"on_session", "on_enter", "on_return", "on_fault_user",
					    "on_fault_kernel"};
	const struct bpf_program *prog;
	uint64_t sum = 0;
	size_t i;

	*runs = 0;
	for (i = 0; i < PB_ARRAY_SIZE(names); i++) {
		prog = bpf_object__find_program_by_name(o->object, names[i]);
		sum += prog ? pb_cost_program_ns(prog, runs) : 0;
	}
	return sum;
}

static void close_window(struct pb_overhead *o)
{
	uint64_t runs, ns = probes_ns(o, &runs);

	close(pb_take_fd(o->stats_fd));
	o->window_ns += ns - o->began_ns;
	o->window_runs += runs - o->began_runs;
	o->window_faults += o->faults - o->began_faults;
}

void pb_overhead_drop(struct pb_overhead *o)
{
	if (o->stats_fd >= 0)
		close_window(o);
}

void pb_overhead_tick(struct pb_overhead *o, uint64_t faults)
{
	o->faults = faults;
	if (o->stats_fd >= 0)
		close_window(o);
	if (o->ticks++ % WINDOW_EVERY)
		return;
	o->stats_fd = pb_cost_enable();
	o->began_ns = probes_ns(o, &o->began_runs);
	o->began_faults = faults;
}

static double known(double ns)
{
	return ns > 0 ? ns : 0;
}

double pb_overhead_expect(const struct pb_overhead *o, enum pb_alloc_mode mode,
			  const struct pb_overhead_rates *rates)
{
	bool exact = mode == PB_ALLOC_EXACT;
	double alloc_ns = exact ? PB_OVERHEAD_EXACT_NS : PB_OVERHEAD_SAMPLED_NS;
	double free_ns = exact ? PB_OVERHEAD_FREE_NS : PB_OVERHEAD_SAMPLED_NS;
	double cheap = rates->allocs + rates->frees - rates->stepped;

	if (exact || rates->both_ends)
		alloc_ns += known(o->return_ns);
	return 100.0 *
	       (rates->allocs * alloc_ns + rates->frees * free_ns + cheap * known(o->entry_ns) +
		rates->stepped * known(o->step_ns)) /
	       1e9;
}

double pb_overhead_spent_ns(const struct pb_overhead *o, const struct pb_alloc_tally *from,
			    const struct pb_alloc_tally *to, uint64_t faults)
{
	double entries = (double)(PB_ALLOC_ENTRIES(to) - PB_ALLOC_ENTRIES(from));
	double returns = (double)(to->returns - from->returns);
	double stepped = (double)(to->stepped - from->stepped);
	double per_run = o->window_runs ? (double)o->window_ns / (double)o->window_runs
					: PB_OVERHEAD_SAMPLED_NS;
	double per_fault = o->window_faults ? (double)o->window_ns / (double)o->window_faults
					    : PB_OVERHEAD_FAULT_NS;

	return (entries - stepped) * known(o->entry_ns) + stepped * known(o->step_ns) +
	       returns * known(o->return_ns) + (entries + returns) * per_run +
	       (double)faults * per_fault;
}
