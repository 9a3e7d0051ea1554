/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/unwind/runs.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "user/core/idtable.h"
#include "user/core/log.h"
#include "user/unwind/array.h"
#include "user/unwind/extent.h"
#include "user/unwind/modules.h"

#define BUCKETS 4096

struct pb_runs {
	int mappings_fd;
	uint32_t places; /* of the map */
	struct pb_extents *extents;
	struct pb_modules *modules;
	struct pb_idtable *hasher; /* empty: only its keyed hash is of use where things go again */
	struct pb_maprun *buckets[BUCKETS];
	struct pb_maprun *released; /* since the last tick */
};

int pb_runs_new(struct pb_runs **out, int mappings_fd, struct pb_modules *modules)
{
	pb_auto(pb_runs) struct pb_runs *r = calloc(1, sizeof(*r));
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);

	if (!r)
		return pb_err(ENOMEM, "keep mappings for unwinding");
	/* The session chose how many there are. */
	if (bpf_obj_get_info_by_fd(mappings_fd, &info, &size))
		return pb_err(errno, "ask for the size of the map of mappings");
	r->places = info.max_entries;
	if (pb_extents_new(&r->extents, r->places) || pb_idtable_new(&r->hasher))
		return pb_err(ENOMEM, "keep mappings for unwinding");
	r->mappings_fd = mappings_fd;
	r->modules = modules;
	*out = pb_take(r);
	return 0;
}

static void free_run(struct pb_maprun *run)
{
	if (run)
		free(run->mappings);
	free(run);
}
PB_DEFINE_FREE(pb_maprun, free_run);

static void free_list(struct pb_maprun *run)
{
	struct pb_maprun *next;

	for (; run; run = next) {
		next = run->next;
		free_run(run);
	}
}

void pb_runs_free(struct pb_runs *r)
{
	uint32_t i;

	if (!r)
		return;
	for (i = 0; i < BUCKETS; i++)
		free_list(r->buckets[i]);
	free_list(r->released);
	pb_extents_free(r->extents);
	pb_idtable_free(r->hasher);
	free(r);
}

uint32_t pb_runs_places(const struct pb_runs *r)
{
	return r->places;
}

static void release_modules(struct pb_runs *r, const uint32_t *modules, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		pb_modules_release(r->modules, modules[i]);
}

/*
 * Equal mappings use the same modules: a run keeps those it uses, and as long as it does their pages
 * belong to nobody else.
 */
static struct pb_maprun *find_run(const struct pb_runs *r, uint64_t hash,
				  const struct pb_unwind_mapping *mappings, uint32_t n)
{
	struct pb_maprun *run = r->buckets[hash % BUCKETS];

	while (run && (run->hash != hash || run->n != n ||
		       memcmp(run->mappings, mappings, n * sizeof(*mappings))))
		run = run->next;
	return run;
}

static int make_run(struct pb_runs *r, const struct pb_unwind_mapping *mappings, uint32_t n,
		    uint32_t n_modules, struct pb_maprun **out)
{
	pb_auto(pb_maprun) struct pb_maprun *run =
		calloc(1, sizeof(*run) + n_modules * sizeof(run->modules[0]));
	int err;

	if (!run)
		return -ENOMEM;
	run->n = n;
	run->mappings = malloc(n * sizeof(*mappings));
	if (!run->mappings)
		return -ENOMEM;
	memcpy(run->mappings, mappings, n * sizeof(*mappings));
	run->first = pb_extents_take(r->extents, n);
	if (run->first == PB_EXTENT_NONE)
		return -ENOSPC;
	err = pb_array_put(r->mappings_fd, run->first, n, mappings);
	if (err) {
		pb_extents_give(r->extents, run->first, n, 0); /* nobody has seen it */
		return err;
	}
	*out = pb_take(run);
	return 0;
}

int pb_runs_get(struct pb_runs *r, const struct pb_unwind_mapping *mappings, uint32_t n,
		const uint32_t *modules, uint32_t n_modules, struct pb_maprun **out)
{
	uint64_t hash = pb_idtable_hash(r->hasher, mappings, n * sizeof(*mappings));
	struct pb_maprun *run = find_run(r, hash, mappings, n);
	int err;

	if (run) {
		release_modules(r, modules, n_modules);
		*out = pb_runs_share(run);
		return 0;
	}
	err = make_run(r, mappings, n, n_modules, &run);
	if (err) {
		release_modules(r, modules, n_modules);
		return err;
	}
	run->refs = 1;
	run->hash = hash;
	run->n_modules = n_modules;
	memcpy(run->modules, modules, n_modules * sizeof(*modules));
	run->next = r->buckets[hash % BUCKETS];
	r->buckets[hash % BUCKETS] = run;
	*out = run;
	return 0;
}

struct pb_maprun *pb_runs_share(struct pb_maprun *run)
{
	run->refs++;
	return run;
}

void pb_runs_release(struct pb_runs *r, struct pb_maprun *run)
{
	struct pb_maprun **link;

	if (!run || --run->refs)
		return;
	link = &r->buckets[run->hash % BUCKETS];
	while (*link != run)
		link = &(*link)->next;
	*link = run->next;
	release_modules(r, run->modules, run->n_modules);
	/* When this happened is known for sure only at the next tick: it is not later than that. */
	run->next = r->released;
	r->released = run;
}

bool pb_runs_holds(const struct pb_maprun *run, uint64_t addr)
{
	const struct pb_unwind_mapping *mappings = run->mappings;
	uint32_t low = 0, high = run->n, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (mappings[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low && addr - mappings[low - 1].start < mappings[low - 1].size;
}

bool pb_runs_tick(struct pb_runs *r, uint64_t now_ns)
{
	uint32_t used = pb_extents_used(r->extents);
	struct pb_maprun *run;

	while ((run = r->released)) {
		r->released = run->next;
		pb_extents_give(r->extents, run->first, run->n, now_ns + PB_UNWIND_GRACE_NS);
		free_run(run);
	}
	pb_extents_settle(r->extents, now_ns);
	return pb_extents_used(r->extents) < used;
}
