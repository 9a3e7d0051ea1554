/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Two writers share the map of processes. The kernel half knows at once of forks and execs, and of
 * nothing else; we know all of it, but later. So that neither undoes the other:
 *
 *   - An element that we believe to be there is replaced only if it is there still. If it is not, the
 *     process has exec'ed, and what we know of it is out of date.
 *   - The owner that the kernel half has filled in is carried over. So if an exec comes between, the element
 *     is not taken for that of the new program.
 *   - A forked child has an element with the run its parent had at that moment, which may since have been
 *     given back. It is compared when we hear of the fork, which is within the grace, and once more a
 *     little later, since the kernel tells us of a fork before it tells its other half.
 */
#include "user/unwind/unwind.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "bpf/abi/unwind.h"
#include "user/core/log.h"
#include "user/core/own.h"
#include "user/core/report.h"
#include "user/core/track.h"
#include "user/unwind/modules.h"
#include "user/unwind/runs.h"
#include "user/unwind/store.h"

#define BUCKETS        4096
/* By then the kernel half has followed a fork. Well below the grace. */
#define SECOND_LOOK_NS (PB_UNWIND_GRACE_NS / 5)
/* More than the ring holds; what is beyond is reported again. */
#define MISSES_MAX     1024

TAILQ_HEAD(process_queue, process);

struct process {
	struct process *next; /* in its bucket */
	uint32_t tgid;
	struct pb_run *run;          /* what its element says, or said; NULL: none yet */
	bool published;              /* it has an element, as far as we know */
	bool disown;                 /* the next element is for whoever has the pid now */
	bool missed;                 /* a walk did, and it was too soon to look again */
	bool behind;                 /* its element does not say all: there was no room */
	bool wanting;                /* some of its modules were refused */
	bool dirty;                  /* in that queue */
	uint64_t forked_ns;          /* in the queue of the young: heard of */
	struct process_queue *youth; /* newborn or young, or NULL */
	TAILQ_ENTRY(process) in_dirty;
	TAILQ_ENTRY(process) in_youth;
};

struct unwinder {
	struct pb_track *track;
	struct pb_track_listener listener;
	int processes_fd;
	struct ring_buffer *ring;
	struct pb_store *store;
	struct pb_modules *modules;
	struct pb_runs *runs;
	struct process *buckets[BUCKETS];
	struct process_queue dirty;
	struct process_queue newborn; /* forked since the last update */
	struct process_queue young;   /* to be looked at a second time, oldest first */
	uint64_t n_misses;
	uint32_t n_missed; /* in the list below */
	struct pb_unwind_miss missed[MISSES_MAX];
	bool told_full;
};

static struct process **bucket(struct unwinder *u, uint32_t tgid)
{
	return &u->buckets[tgid % BUCKETS];
}

static struct process *find_process(struct unwinder *u, uint32_t tgid)
{
	struct process *p = *bucket(u, tgid);

	while (p && p->tgid != tgid)
		p = p->next;
	return p;
}

/* Return: NULL without memory; its walks end as those of an unknown process, until a miss of it. */
static struct process *see_process(struct unwinder *u, uint32_t tgid)
{
	struct process *p = find_process(u, tgid);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (!p) {
		pb_log(PB_LOG_DEBUG, "no memory for the mappings of process %u", tgid);
		return NULL;
	}
	p->tgid = tgid;
	p->next = *bucket(u, tgid);
	*bucket(u, tgid) = p;
	return p;
}

static void make_dirty(struct unwinder *u, struct process *p)
{
	if (!p->dirty)
		TAILQ_INSERT_TAIL(&u->dirty, p, in_dirty);
	p->dirty = true;
}

static void make_clean(struct unwinder *u, struct process *p)
{
	if (p->dirty)
		TAILQ_REMOVE(&u->dirty, p, in_dirty);
	p->dirty = false;
}

static void leave_youth(struct process *p)
{
	if (p->youth)
		TAILQ_REMOVE(p->youth, p, in_youth);
	p->youth = NULL;
}

/* Back to a process that nothing is known of. Its element is somebody else's business. */
static void forget(struct unwinder *u, struct process *p)
{
	pb_runs_release(u->runs, pb_take(p->run));
	make_clean(u, p);
	leave_youth(p);
	p->published = p->disown = p->missed = p->behind = p->wanting = false;
}

static void on_mapped(void *ctx, uint32_t tgid)
{
	struct process *p = see_process(ctx, tgid);

	if (p)
		make_dirty(ctx, p);
}

/* If an exec fell between what we knew and our first word of it, the element is one of the old program. */
static void on_exec(void *ctx, uint32_t tgid)
{
	struct unwinder *u = ctx;
	struct process *p = find_process(u, tgid);

	if (!p)
		return;
	bpf_map_delete_elem(u->processes_fd, &tgid);
	forget(u, p);
}

static void on_fork(void *ctx, uint32_t parent_tgid, uint32_t tgid)
{
	struct unwinder *u = ctx;
	struct process *child = see_process(u, tgid), *parent = find_process(u, parent_tgid);

	if (!child)
		return;
	forget(u, child); /* the pid may have been another's */
	if (parent && parent->run) {
		child->run = pb_runs_share(parent->run);
		child->published = parent->published;
		child->wanting = parent->wanting;
		child->behind = parent->behind;
	}
	if (!child->published || parent->dirty)
		make_dirty(u, child);
	child->youth = &u->newborn;
	TAILQ_INSERT_TAIL(&u->newborn, child, in_youth);
}

static void on_gone(void *ctx, uint32_t tgid)
{
	struct unwinder *u = ctx;
	struct process *p = find_process(u, tgid), **link = bucket(u, tgid);

	if (!p)
		return;
	bpf_map_delete_elem(u->processes_fd, &tgid); /* may have gone before, at an exec */
	forget(u, p);
	while (*link != p)
		link = &(*link)->next;
	*link = p->next;
	free(p);
}

/* Return: 0; -ENOENT if it has no element. */
static int look_up(const struct unwinder *u, uint32_t tgid, struct pb_unwind_process *out)
{
	return bpf_map_lookup_elem(u->processes_fd, &tgid, out) ? -errno : 0;
}

static bool points_to(const struct pb_unwind_process *entry, const struct pb_run *run)
{
	return entry->first == run->first && entry->n == run->n;
}

/* Replace the element of @p. Return: 0; -ENOENT if it should be there and is not; -errno. */
static int point_to(struct unwinder *u, const struct process *p, const struct pb_run *run,
		    uint64_t owner)
{
	struct pb_unwind_process entry = {.owner = owner, .first = run->first, .n = run->n};

	return bpf_map_update_elem(u->processes_fd, &p->tgid, &entry,
				   p->published ? BPF_EXIST : BPF_ANY)
		       ? -errno
		       : 0;
}

/* Make the element of a forked process, which the kernel half has made, point to the run that we keep
 * for it. If there is none, it was not made yet, or is gone by an exec. */
static void check_fork(struct unwinder *u, const struct process *p)
{
	struct pb_unwind_process entry;

	if (p->published && !look_up(u, p->tgid, &entry) && !points_to(&entry, p->run))
		point_to(u, p, p->run, entry.owner);
}

static void check_forks(struct unwinder *u, uint64_t now_ns)
{
	struct process *p;

	while ((p = TAILQ_FIRST(&u->young)) && now_ns - p->forked_ns > SECOND_LOOK_NS) {
		leave_youth(p);
		check_fork(u, p);
	}
	while ((p = TAILQ_FIRST(&u->newborn))) {
		leave_youth(p);
		check_fork(u, p);
		p->forked_ns = now_ns;
		p->youth = &u->young;
		TAILQ_INSERT_TAIL(&u->young, p, in_youth);
	}
}

/* Mappings of a process in the making. */
struct draft {
	struct pb_unwind_mapping *mappings;
	uint32_t *modules;
	uint32_t n, n_modules;
	bool wanting, cut;
};

static void add_place(struct unwinder *u, struct draft *d, const struct pb_place *place)
{
	struct pb_unwind_mapping *last = d->n ? &d->mappings[d->n - 1] : NULL;
	struct pb_unwind_mapping m = {.start = place->start, .size = place->end - place->start};
	uint32_t module = 0;
	int found;

	if (!m.size || d->cut)
		return;
	found = pb_modules_use(u->modules, place, &m, &module);
	if (found > 0)
		d->modules[d->n_modules++] = module;
	d->wanting |= found == -ENOSPC;
	if (last && !last->n_pages && !m.n_pages && last->start + last->size == m.start)
		last->size += m.size;
	else if (d->n < PB_UNWIND_RUN_MAX)
		d->mappings[d->n++] = m;
	else
		d->cut = true; /* its module is in the list, and goes with the run */
}

/*
 * The run of what a process has mapped now.
 * Return: 0; -ENODATA if that is nothing; -ESRCH if it is not followed; -ENOSPC; -ENOMEM.
 */
static int make_run(struct unwinder *u, struct process *p, struct pb_run **out)
{
	pb_autofree struct pb_unwind_mapping *mappings = NULL;
	pb_autofree struct pb_place *places = NULL;
	pb_autofree uint32_t *modules = NULL;
	struct draft draft = {0};
	uint32_t n = 0, i;
	int err;

	err = pb_track_current(u->track, p->tgid, &places, &n);
	if (err)
		return err;
	if (!n)
		return -ENODATA;
	draft.mappings = mappings = calloc(n, sizeof(*mappings));
	draft.modules = modules = calloc(n, sizeof(*modules));
	if (!mappings || !modules)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		add_place(u, &draft, &places[i]);
	p->wanting = draft.wanting;
	if (draft.cut)
		pb_log(PB_LOG_DEBUG, "process %u has more code mappings than are kept", p->tgid);
	if (!draft.n)
		return -ENODATA;
	return pb_runs_get(u->runs, mappings, draft.n, modules, draft.n_modules, out);
}

/* Nothing of this ends the run: the stacks of such a process are broken, and a miss makes us try again. */
static void tell_full(struct unwinder *u, const struct process *p, int err)
{
	if (!u->told_full)
		pb_log(PB_LOG_WARN,
		       "the mappings of process %u and perhaps others are not kept for "
		       "unwinding: %s",
		       p->tgid,
		       err == -ENOSPC || err == -E2BIG ? "there are too many" : strerror(-err));
	u->told_full = true;
}

/* Return: 0; -EAGAIN to be done again at the next update. */
static int publish(struct unwinder *u, struct process *p)
{
	struct pb_unwind_process entry = {0};
	struct pb_run *run = NULL;
	int err = 0;

	/* It has exec'ed, and that is still to be reported: see on_exec(), or else check_miss(). */
	if (p->published && look_up(u, p->tgid, &entry))
		return 0;
	err = make_run(u, p, &run);
	if (err == -ESRCH || err == -ENODATA)
		return 0;
	if (err == -ENOMEM)
		return -EAGAIN;
	if (!err && p->published && !p->disown && run == p->run && points_to(&entry, run)) {
		pb_runs_release(u->runs, run);
		p->behind = false;
		return 0;
	}
	if (!err)
		err = point_to(u, p, run, p->disown ? 0 : entry.owner);
	if (err) {
		pb_runs_release(u->runs, run);
		if (err == -ENOENT)
			return 0;
		p->behind = true;
		tell_full(u, p, err);
		return 0;
	}
	pb_runs_release(u->runs, p->run);
	p->run = run;
	p->published = true;
	p->disown = p->behind = false;
	return 0;
}

/* Modules that were refused may find room: so look at all who map one. */
static void dirty_wanting(struct unwinder *u)
{
	struct process *p;
	uint32_t i;

	for (i = 0; i < BUCKETS; i++) {
		for (p = u->buckets[i]; p; p = p->next) {
			if (p->wanting)
				make_dirty(u, p);
		}
	}
}

static void on_updated(void *ctx, uint64_t now_ns)
{
	struct unwinder *u = ctx;
	struct process_queue again = TAILQ_HEAD_INITIALIZER(again);
	struct process *p;

	/* Before any grace ends: an element of a child may point to what was given back. */
	check_forks(u, now_ns);
	pb_runs_tick(u->runs, now_ns);
	if (pb_modules_tick(u->modules, now_ns))
		dirty_wanting(u);
	while ((p = TAILQ_FIRST(&u->dirty))) {
		make_clean(u, p);
		if (publish(u, p))
			TAILQ_INSERT_TAIL(&again, p, in_dirty);
	}
	while ((p = TAILQ_FIRST(&again))) {
		TAILQ_REMOVE(&again, p, in_dirty);
		make_dirty(u, p);
	}
}

static int on_miss(void *ctx, void *data, size_t size)
{
	struct unwinder *u = ctx;

	if (size < sizeof(u->missed[0]))
		return 0;
	u->n_misses++;
	if (u->n_missed < MISSES_MAX)
		memcpy(&u->missed[u->n_missed++], data, sizeof(u->missed[0]));
	return 0;
}

/* What is known of the process is fresh. Is it also what its element says? */
static void check_miss(struct unwinder *u, struct process *p, const struct pb_unwind_miss *miss)
{
	struct pb_unwind_process entry;

	p->missed = false;
	if (!p->published || look_up(u, p->tgid, &entry)) {
		/* Its exec was lost, or is reported so late that there is no point in waiting. */
		p->published = false;
		make_dirty(u, p);
	} else if (!points_to(&entry, p->run) || pb_runs_holds(p->run, miss->addr)) {
		/* The walk cannot have used this run: it took the element for another program's. */
		p->disown = true;
		make_dirty(u, p);
	} else if (p->behind) {
		make_dirty(u, p);
	}
}

static void answer_miss(struct unwinder *u, const struct pb_unwind_miss *miss)
{
	int err = pb_track_look_again(u->track, miss->tgid);
	struct process *p = find_process(u, miss->tgid);

	/* Somebody else looked just now, perhaps before what we are told of. The next time it is not. */
	if (p && (!err || (err == -EAGAIN && p->missed)))
		check_miss(u, p, miss);
	else if (p && err == -EAGAIN)
		p->missed = true;
}

static int by_tgid(const void *a, const void *b)
{
	const struct pb_unwind_miss *x = a, *y = b;

	return (x->tgid > y->tgid) - (x->tgid < y->tgid);
}

static void take_misses(void *unwinder)
{
	struct unwinder *u = unwinder;
	uint32_t i;
	int n;

	u->n_missed = 0;
	n = ring_buffer__consume(u->ring);
	if (n < 0)
		pb_log(PB_LOG_DEBUG, "reading the misses of walks: %s", strerror(-n));
	qsort(u->missed, u->n_missed, sizeof(u->missed[0]), by_tgid);
	for (i = 0; i < u->n_missed; i++) {
		if (!i || u->missed[i].tgid != u->missed[i - 1].tgid)
			answer_miss(u, &u->missed[i]);
	}
}

static void free_unwinder(void *unwinder)
{
	struct unwinder *u = unwinder;
	struct process *p;
	uint32_t i;

	if (!u)
		return;
	for (i = 0; i < BUCKETS; i++) {
		while ((p = u->buckets[i])) {
			u->buckets[i] = p->next;
			free(p);
		}
	}
	ring_buffer__free(u->ring);
	pb_runs_free(u->runs);
	pb_modules_free(u->modules);
	pb_store_free(u->store);
	free(u);
}
PB_DEFINE_FREE(unwinder, free_unwinder);

static int open_unwinder(void **out, const struct pb_unwinder_parts *parts)
{
	pb_auto(unwinder) struct unwinder *u = calloc(1, sizeof(*u));
	struct bpf_object *object = parts->object;
	const struct pb_store_maps maps = {
		.segments = bpf_object__find_map_fd_by_name(object, "segments"),
		.pages = bpf_object__find_map_fd_by_name(object, "pages"),
		.rules = bpf_object__find_map_fd_by_name(object, "rules"),
	};
	int mappings_fd = bpf_object__find_map_fd_by_name(object, "mappings");
	int misses_fd = bpf_object__find_map_fd_by_name(object, "misses");
	int err;

	if (!u)
		return pb_err(ENOMEM, "keep unwind tables");
	TAILQ_INIT(&u->dirty);
	TAILQ_INIT(&u->newborn);
	TAILQ_INIT(&u->young);
	u->track = parts->track;
	u->processes_fd = bpf_object__find_map_fd_by_name(object, "processes");
	if (maps.segments < 0 || maps.pages < 0 || maps.rules < 0 || mappings_fd < 0 ||
	    misses_fd < 0 || u->processes_fd < 0)
		return pb_fail(EINVAL, "the BPF object lacks the maps of unwind tables");
	err = pb_store_new(&u->store, &maps, parts->limit_bytes);
	if (err)
		return err;
	if (pb_modules_new(&u->modules, parts->files, u->store))
		return pb_err(ENOMEM, "keep unwind tables");
	err = pb_runs_new(&u->runs, mappings_fd, u->modules);
	if (err)
		return err;
	u->ring = ring_buffer__new(misses_fd, on_miss, u, NULL);
	if (!u->ring)
		return pb_err(errno, "map the ring buffer of misses");
	u->listener = (struct pb_track_listener){
		.on_mapped = on_mapped,
		.on_exec = on_exec,
		.on_fork = on_fork,
		.on_gone = on_gone,
		.on_updated = on_updated,
		.ctx = u,
	};
	pb_track_listen(u->track, &u->listener);
	*out = pb_take(u);
	return 0;
}

static int poll_fd(const void *unwinder)
{
	return ring_buffer__epoll_fd(((const struct unwinder *)unwinder)->ring);
}

static uint64_t segment_bytes(const void *unwinder)
{
	return pb_store_bytes(((const struct unwinder *)unwinder)->store);
}

static void describe(const void *unwinder, struct pb_report *report)
{
	const struct unwinder *u = unwinder;

	pb_modules_describe(u->modules, report);
	report->unwind_misses = u->n_misses;
}

const struct pb_unwinder_type pb_unwind = {
	.open = open_unwinder,
	.free = free_unwinder,
	.fd = poll_fd,
	.take_misses = take_misses,
	.bytes = segment_bytes,
	.describe = describe,
};
