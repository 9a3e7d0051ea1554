/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Stacks of several runs of a workload under cpuflame, and the functions in them.
 *
 * A function is its name and its module's file name, so that it is one over runs, builds and directories, inlined copies
 * and all. Stacks have names only: one that several modules have is taken to be of the module of its neighbours.
 */
#ifndef PB_BEAD_CPU_PROFILE_H
#define PB_BEAD_CPU_PROFILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "user/bead/code.h"
#include "user/bead/levers.h"
#include "user/bead/tally.h"

struct pb_finds;
struct pb_share;

struct pb_cpu_function {
	char *name, *module, *file;
	uint32_t line;
	uint32_t next; /* another one of that name; UINT32_MAX: none */
	enum pb_code code;
	enum pb_work work;
	bool glue;
	bool wrapper;       /* of a system call, in a program that is linked statically */
	double self, total; /* samples of all runs; recursion counts once */
	double total_of[PB_TALLY_RUNS_MAX]; /* of each run */
	uint32_t seen;                      /* the last stack that it was counted in */
};

struct pb_cpu_stack {
	uint32_t first, n; /* in frames, root first, without the thread and markers */
	uint32_t run;
	double samples;
};

/* Zeroed to begin with. */
struct pb_cpu {
	struct pb_cpu_function *functions;
	uint32_t n_functions, room_functions;
	struct pb_cpu_stack *stacks;
	uint32_t n_stacks, room_stacks;
	uint32_t *frames; /* indices of functions */
	uint32_t n_frames, room_frames;
	uint32_t runs;
	double samples, cpu_ns; /* of all runs */
	double samples_of[PB_TALLY_RUNS_MAX];
	json_t *by_identity, *by_name; /* index of a function */
};

void pb_cpu_drop(struct pb_cpu *c);

/* One more run. Return: 0; -EPROTO: a member is missing, @why says which; -ENOSPC: runs enough; -ENOMEM. */
int pb_cpu_add(struct pb_cpu *c, const json_t *report, char *why, size_t size);

/* Below so many samples of all runs nothing is told of where the time goes. */
#define PB_CPU_SAMPLES_MIN 30

/* Whether there are fewer; @why says so: "too short to be profiled: 18 samples in 20 runs". */
bool pb_cpu_is_too_short(const struct pb_cpu *c, char *why, size_t size);

/* Share of samples that have a function of an allocator in their stack; NaN of too few. */
void pb_cpu_allocator(const struct pb_cpu *c, struct pb_share *out);

/**
 * pb_cpu_find() - the functions that are spots, by cumulative time, and what speaks for a lever there.
 * @cpu_per_wall: CPU time of the workload by its wall time, without a profiler; above 1, where threads run at once, a
 * ceiling is the share itself; NaN: not known
 * @top: at least so many, if there are; else those of 1 % and more, 20 at most
 *
 * What only passes on is left out: a function with less than 2 % of its own and one callee with 95 % of it, where that
 * callee is code that its author can change; the deepest of such a chain stands for it. Of the kernel and of libraries
 * only functions that spend the time themselves are spots. Time in a kind of work is told of the innermost function of
 * own code above it, and of one further up only if several below it share in it. No spot rests on fewer than 5 samples,
 * no clue on fewer than 10, and of fewer than PB_CPU_SAMPLES_MIN there is no spot at all.
 * Return: 0; -ENOMEM.
 */
int pb_cpu_find(struct pb_cpu *c, double cpu_per_wall, uint32_t top, struct pb_finds *out);

#endif
