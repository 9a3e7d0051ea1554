/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* CPU time by function: the work of a bead of kind cpu-flame. */
#include "user/bead/profile_inside.h"

#include <errno.h>
#include <math.h>

#include "user/bead/cpu_profile.h"
#include "user/bead/finds.h"
#include "user/bead/share.h"
#include "user/core/clock.h"
#include "user/core/log.h"
#include "user/core/own.h"

#define RUNS_MIN    3
#define SAMPLES_MIN 1000
#define TIME_MAX_NS 60000000000ull

static char *const options[] = {
	/* The most that cpuflame does without being forced to; 997 is prime, and keeps clear of timers. */
	(char[]){"-F"}, (char[]){"997"}, (char[]){"--top"}, (char[]){"5000"}, NULL};

static bool is_enough(const struct pb_profiling *p)
{
	return p->tally.runs >= RUNS_MIN &&
	       (p->tally.kept >= SAMPLES_MIN || pb_clock_ns() - p->began_ns >= TIME_MAX_NS);
}

static int add(struct pb_profiling *p, const json_t *report, char *why, size_t size)
{
	return pb_cpu_add(p->ctx, report, why, size);
}

static int finish(struct pb_profiling *p)
{
	pb_auto_finds struct pb_finds finds = {0};
	struct pb_cpu *cpu = p->ctx;
	struct pb_share allocator;
	char why[96] = "it used no CPU time that was sampled";
	int err = pb_cpu_find(cpu, p->base.cpu_per_wall, p->bead->top, &finds);

	if (err)
		return pb_err(-err, "look for hotspots of %s", p->workload->name);
	if (pb_cpu_is_too_short(cpu, why, sizeof(why)))
		pb_log(PB_LOG_WARN, "%s: %s", p->workload->name, why);
	err = pb_finds_store(&finds, p->m->store, p->m->id, p->workload->name, p->evidence);
	if (!err)
		err = pb_profile_put(p, "cpu_samples", "count", cpu->samples, (double)NAN,
				     (double)NAN, NULL);
	pb_cpu_allocator(cpu, &allocator);
	return err ? err
		   : pb_profile_put(p, "cpu_allocator_pct", "percent", allocator.pct,
				    allocator.low_pct, allocator.high_pct, why);
}

const struct pb_profile_kind pb_profile_cpu = {
	.tool = "cpuflame",
	.name = "cpu",
	.options = options,
	.unit = "samples",
	.overhead = true,
	.folded = true,
	.enough = is_enough,
	.add = add,
	.finish = finish,
};
