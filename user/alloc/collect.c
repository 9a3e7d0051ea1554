/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/collect.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "user/alloc/tables.h"
#include "user/core/log.h"
#include "user/core/mapread.h"
#include "user/core/procstat.h"
#include "user/core/profile.h"

/* Blocks of one site that count as leaked, not rounded yet. */
struct leak {
	double objects, bytes;
};

struct pb_alloc_collect {
	struct pb_alloc_sources from;
	struct leak *leaks;       /* by stack */
	uint32_t *free_locations; /* by stack */
	uint32_t n;
	uint32_t last_tgid; /* of the last question, and its answer */
	bool last_is_alive;
};

int pb_alloc_read_tally(struct bpf_object *object, struct pb_alloc_tally *sum)
{
	return pb_map_sum(bpf_object__find_map_fd_by_name(object, "alloc_tallies"), sum,
			  sizeof(*sum) / sizeof(uint64_t));
}

int pb_alloc_read_events(struct bpf_object *object, uint64_t *sum)
{
	int fd = bpf_object__find_map_fd_by_name(object, "tallies");
	int cpus = libbpf_num_possible_cpus(), i;
	pb_autofree struct pb_tally *all = calloc(cpus > 0 ? (size_t)cpus : 1, sizeof(*all));
	__u32 zero = 0;

	if (!all)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, &zero, all))
		return -errno;
	*sum = 0;
	for (i = 0; i < cpus; i++)
		*sum += all[i].produced;
	return 0;
}

static int read_heap(struct pb_alloc_collect *c)
{
	int fd = bpf_object__find_map_fd_by_name(c->from.object, "heap");
	struct pb_alloc_book *book = c->from.book;
	struct pb_heap heap;
	__u32 zero = 0;

	if (bpf_map_lookup_elem(fd, &zero, &heap))
		return pb_err(errno, "read the books of the heap");
	book->peak_bytes = heap.peak_bytes;
	book->peaks = heap.peaks;
	book->peak_ns = heap.peak_ns > c->from.ready_ns ? heap.peak_ns - c->from.ready_ns : 0;
	return 0;
}

/* Does the process run still? Blocks come in no order, but mostly of one process. */
static bool is_alive(struct pb_alloc_collect *c, uint32_t tgid)
{
	struct pb_procstat stat;

	if (tgid != c->last_tgid) {
		c->last_tgid = tgid;
		c->last_is_alive = !pb_procstat_read(tgid, &stat) && !stat.has_ended;
	}
	return c->last_is_alive;
}

/* A difference of counters that were read while none changed; races of CPUs may have left it below 0. */
static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* What is live when its process ends is leaked, whatever its age. */
static int take_block(void *ctx, const void *k, const void *value)
{
	struct pb_alloc_collect *c = ctx;
	const struct pb_alloc_book *book = c->from.book;
	const struct pb_block_key *key = k;
	const struct pb_block *block = value;
	uint32_t id = pb_stacks_find(c->from.stacks, &block->site);
	double weight = 1, bytes = (double)block->size;

	if (id >= c->n)
		return 0;
	/* What was allocated behind the end, while probes were taken away, has no age. */
	if (less(c->from.end_ns, block->time_ns) < book->older_ns && is_alive(c, key->tgid))
		return 0;
	if (book->sample_bytes) {
		weight = pb_alloc_weight(block->size, book->sample_bytes);
		bytes = block->size ? bytes : 1; /* as they are drawn: bpf/lib/calls.bpf.h */
	}
	c->leaks[id].objects += weight;
	c->leaks[id].bytes += weight * bytes;
	return 0;
}

static int read_blocks(struct pb_alloc_collect *c)
{
	int err = pb_map_each(bpf_object__find_map_fd_by_name(c->from.object, "blocks"),
			      sizeof(struct pb_block_key), sizeof(struct pb_block), take_block, c);

	return err ? pb_err(-err, "read the live blocks") : 0;
}

/* The places that free, while their code is known. */
static void locate_frees(struct pb_alloc_collect *c)
{
	struct pb_stack_total total;
	const struct pb_site *site;
	uint32_t i;

	for (i = 0; i < c->n; i++) {
		pb_stacks_total(c->from.stacks, i, &total);
		site = (const struct pb_site *)total.count;
		c->free_locations[i] =
			site->free_ip ? pb_stacks_locate(c->from.stacks, i, site->free_ip, true)
				      : PB_NONE;
	}
}

int pb_alloc_collect_new(struct pb_alloc_collect **out, const struct pb_alloc_sources *from)
{
	pb_auto(pb_alloc_collect) struct pb_alloc_collect *c = calloc(1, sizeof(*c));
	struct pb_alloc_book *book = from->book;
	int err;

	if (!c)
		return -ENOMEM;
	c->from = *from;
	c->n = pb_stacks_n(from->stacks);
	c->leaks = calloc(c->n + 1ull, sizeof(*c->leaks));
	c->free_locations = calloc(c->n + 1ull, sizeof(*c->free_locations));
	book->sites = calloc(c->n + 1ull, sizeof(*book->sites));
	if (!c->leaks || !c->free_locations || !book->sites)
		return -ENOMEM;
	err = pb_alloc_read_tally(from->object, &book->tally);
	if (err)
		return pb_err(-err, "read the tallies of calls");
	err = read_heap(c);
	err = err ? err : read_blocks(c);
	if (err)
		return err;
	locate_frees(c);
	*out = pb_take(c);
	return 0;
}

void pb_alloc_collect_free(struct pb_alloc_collect *c)
{
	if (!c)
		return;
	free(c->leaks);
	free(c->free_locations);
	free(c);
}

static uint64_t min(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Objects out of the kernel half's units. */
static uint64_t whole(const struct pb_alloc_collect *c, uint64_t objects)
{
	if (!c->from.book->sample_bytes)
		return objects;
	return (objects + (1u << (PB_ALLOC_OBJECT_SHIFT - 1))) >> PB_ALLOC_OBJECT_SHIFT;
}

static void fill_values(const struct pb_alloc_collect *c, const struct pb_site *site, uint32_t id,
			uint64_t *v)
{
	uint64_t live = less(less(site->objects, site->freed_objects), site->untracked_objects);
	uint64_t live_bytes =
		less(less(site->count.weight, site->freed_bytes), site->untracked_bytes);
	bool is_noted = site->peak_seen == c->from.book->peaks;

	v[PB_ALLOC_OBJECTS] = whole(c, site->objects);
	v[PB_ALLOC_SPACE] = site->count.weight;
	v[PB_INUSE_OBJECTS] = c->from.book->track_frees ? whole(c, live) : 0;
	v[PB_INUSE_SPACE] = c->from.book->track_frees ? live_bytes : 0;
	v[PB_TEMPORARY_OBJECTS] = whole(c, site->temporary_objects);
	/* Rounding, and blocks that a race freed twice. */
	v[PB_LEAKED_OBJECTS] = min((uint64_t)llround(c->leaks[id].objects), v[PB_INUSE_OBJECTS]);
	v[PB_LEAKED_SPACE] = min((uint64_t)llround(c->leaks[id].bytes), v[PB_INUSE_SPACE]);
	/* One that has not changed since the peak has what it had there: struct pb_heap. */
	v[PB_PEAK_OBJECTS] = is_noted ? whole(c, site->peak_objects) : v[PB_INUSE_OBJECTS];
	v[PB_PEAK_SPACE] = is_noted ? site->peak_bytes : v[PB_INUSE_SPACE];
	v[PB_MOST_OBJECTS] = c->from.book->track_frees ? whole(c, site->most_objects) : 0;
	v[PB_MOST_SPACE] = c->from.book->track_frees ? site->most_bytes : 0;
	v[PB_LIFETIME] = site->lifetime_us;
}

static void fill_site(const struct pb_alloc_collect *c, const struct pb_site *site, uint32_t id,
		      struct pb_alloc_site *out)
{
	uint32_t i;

	out->events = site->count.events;
	out->freed_objects = whole(c, site->freed_objects);
	out->freed_bytes = site->freed_bytes;
	out->foreign_objects = whole(c, site->foreign_objects);
	out->moved_objects = whole(c, site->moved_objects);
	out->moved_bytes = site->moved_bytes;
	out->regrown_objects = whole(c, site->regrown_objects);
	out->untracked_objects = whole(c, site->untracked_objects);
	out->untracked_bytes = site->untracked_bytes;
	out->same_size_objects = whole(c, site->same_size_objects);
	out->last_size = site->last_size;
	out->max_size = site->max_size;
	out->free_location = c->free_locations[id];
	for (i = 0; i < PB_ALLOC_BUCKETS; i++) {
		out->sizes[i] = whole(c, site->sizes[i]);
		out->lifetimes[i] = whole(c, site->lifetimes[i]);
	}
	if (site->free_total)
		out->free_share = (double)site->free_same / (double)site->free_total;
}

void pb_alloc_collect_values(struct pb_alloc_collect *c, const struct pb_stack_total *total,
			     uint64_t *values)
{
	const struct pb_site *site = (const struct pb_site *)total->count;
	struct pb_alloc_book *book = c->from.book;
	struct pb_alloc_site *out;

	fill_values(c, site, total->id, values);
	if (total->id >= c->n || book->n_sites >= c->n)
		return; /* cannot happen: no stack comes after the end */
	out = &book->sites[book->n_sites++];
	fill_site(c, site, total->id, out);
	out->node = total->node;
	out->process = total->process;
	memcpy(out->values, values, sizeof(out->values));
}
