/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Runs of mappings in the map of that name. A run never changes; processes with the same mappings share one,
 * as forked ones have.
 */
#ifndef PB_UNWIND_RUNS_H
#define PB_UNWIND_RUNS_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi/unwind.h"
#include "user/core/own.h"

struct pb_modules;
struct pb_runs;

struct pb_maprun {
	uint32_t first, n;

	/* of the implementation */
	uint32_t refs;
	uint32_t n_modules;
	uint64_t hash;
	struct pb_unwind_mapping *mappings; /* a copy */
	struct pb_maprun *next;
	uint32_t modules[];
};

/* @mappings_fd and @modules are borrowed. Return: 0; -errno, logged. */
int pb_runs_new(struct pb_runs **out, int mappings_fd, struct pb_modules *modules);
/* Frees all runs. */
void pb_runs_free(struct pb_runs *r);
PB_DEFINE_FREE(pb_runs, pb_runs_free);

/**
 * pb_runs_get() - the run that holds exactly @mappings, one that is there or a new one.
 * @mappings: sorted, apart; no padding to care for
 * @n: 1 to PB_UNWIND_RUN_MAX
 * @modules: what they use; taken in any case, and released with the run, or at once on failure
 * @out: set on success, to be given to pb_runs_release()
 *
 * All of it is visible to whoever sees a later system call of ours. O(n).
 * Return: 0; -ENOSPC; -ENOMEM; -errno of the kernel.
 */
int pb_runs_get(struct pb_runs *r, const struct pb_unwind_mapping *mappings, uint32_t n,
		const uint32_t *modules, uint32_t n_modules, struct pb_maprun **out);
/* How many mappings there is room for. */
uint32_t pb_runs_places(const struct pb_runs *r);
/* One more owner. */
struct pb_maprun *pb_runs_share(struct pb_maprun *run);
/* One owner less; behind the last one its places are used again after a grace. NULL is fine. */
void pb_runs_release(struct pb_runs *r, struct pb_maprun *run);

/* Does one of its mappings hold @addr? */
bool pb_runs_holds(const struct pb_maprun *run, uint64_t addr);

/* End grace periods. @now_ns: not before any pb_runs_release() so far; never goes back. Return: whether that
 * made room. */
bool pb_runs_tick(struct pb_runs *r, uint64_t now_ns);

#endif
