/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Two writers share the map of processes. The kernel half knows at once of forks, execs and exits, and of
 * nothing else; we know all of it, but later. It writes the owner of an element, so that nobody else's walk
 * uses it. So that neither half undoes the other:
 *
 *   - A process without an element is older than the tool. We insert one without an owner, which whoever has
 *     the pid claims at its first event; an exec after what we know of it has left an element, and then
 *     we insert nothing.
 *   - An element that says nothing (n = 0) was made at an exec or at a fork. It is filled in two updates: one
 *     reads the owner, the next one writes the run if the owner is the same. The kernel reports an
 *     exec before it writes the element. So if the owner was that of a program we had not heard of, we have by
 *     then, and begin again.
 *   - What we have written is replaced only if it is there still, with the owner it has. If an exec comes
 *     between, the element is not taken for that of the new program. One that nobody has claimed could be: it is
 *     deleted, and inserted at the next update.
 *   - A forked child has an element with the run its parent had at that moment, which may since have been
 *     given back. It is compared when we hear of the fork, which is within the grace, and once more a
 *     little later, since the kernel tells us of a fork before it tells its other half.
 *   - The kernel half deletes the element of a process that has ended, by its owner. We delete what it cannot
 *     know to be over: an element that is not claimed, or that we wrote with the owner of before an exec.
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
#include "user/core/clock.h"
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
/* Between two attempts for processes that found no room. */
#define RETRY_NS       1000000000ull
/* Events wait for as long, besides one process. */
#define PUBLISH_MAX_NS 50000000ull
/* The part of all places that the past runs of one process may hold in their grace. */
#define SHARE          8

TAILQ_HEAD(process_queue, process);

struct process {
	struct process *next; /* in its bucket */
	uint32_t tgid;
	struct pb_maprun *run;       /* what its element says, or said; NULL: none yet */
	struct pb_maprun *coming;    /* made for an element that could not be written yet */
	uint64_t owner;              /* as we wrote it last, or are about to: see settling */
	uint64_t held;               /* places of its past runs that are still in their grace, */
	uint64_t held_ns;            /* at this time, as if they came free evenly */
	bool published;              /* it has an element with our run, as far as we know */
	bool settling;               /* the owner was read in an earlier update */
	bool execed;                 /* since then we have written nothing */
	bool disown;                 /* its element seems to be another program's */
	bool fresh;                  /* what misses it is perhaps older than its element */
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
	uint64_t now_ns;              /* of the update */
	uint64_t retried_ns;          /* those that are behind */
	bool room;                    /* there may be some since */
	bool pending;
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
	pb_runs_release(u->runs, pb_take(p->coming));
	make_clean(u, p);
	leave_youth(p);
	p->owner = 0;
	p->published = p->settling = p->execed = p->disown = p->fresh = false;
	p->missed = p->behind = p->wanting = false;
}

static void on_mapped(void *ctx, uint32_t tgid)
{
	struct process *p = see_process(ctx, tgid);

	if (p)
		make_dirty(ctx, p);
}

static void on_exec(void *ctx, uint32_t tgid)
{
	struct unwinder *u = ctx;
	struct process *p = find_process(u, tgid);

	if (!p)
		return;
	forget(u, p);
	p->execed = true;
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

/* Return: 0; -ENOENT if it has no element. */
static int look_up(const struct unwinder *u, uint32_t tgid, struct pb_unwind_process *out)
{
	return bpf_map_lookup_elem(u->processes_fd, &tgid, out) ? -errno : 0;
}

static bool points_to(const struct pb_unwind_process *entry, const struct pb_maprun *run)
{
	return run && entry->first == run->first && entry->n == run->n;
}

/* Write the element of @p. Return: 0; -ENOENT or -EEXIST by @flags; -errno. */
static int point_to(struct unwinder *u, const struct process *p, const struct pb_maprun *run,
		    uint64_t owner, uint64_t flags)
{
	struct pb_unwind_process entry = {.owner = owner, .first = run->first, .n = run->n};

	return bpf_map_update_elem(u->processes_fd, &p->tgid, &entry, flags) ? -errno : 0;
}

static void on_gone(void *ctx, uint32_t tgid)
{
	struct unwinder *u = ctx;
	struct process *p = find_process(u, tgid), **link = bucket(u, tgid);
	struct pb_unwind_process entry;

	if (!p)
		return;
	/* With an owner that is new to us it may be that of the next process with this pid, which
	 * can have the same run. */
	if (p->published && !look_up(u, tgid, &entry) && points_to(&entry, p->run) &&
	    (!entry.owner || entry.owner == p->owner))
		bpf_map_delete_elem(u->processes_fd, &tgid);
	forget(u, p);
	while (*link != p)
		link = &(*link)->next;
	*link = p->next;
	free(p);
	u->room = true; /* in the map of processes */
}

/* Make the element of a forked process, which the kernel half has made, point to the run that we keep
 * for it. If there is none, it was not made yet, or the process has ended. */
static void check_fork(struct unwinder *u, struct process *p)
{
	struct pb_unwind_process entry;

	/* What was published has a run. */
	if (!p->published || !p->run || look_up(u, p->tgid, &entry) || points_to(&entry, p->run))
		return;
	if (entry.n && entry.owner) {
		if (!point_to(u, p, p->run, entry.owner, BPF_EXIST))
			p->owner = entry.owner;
		return;
	}
	/* Its parent had none either, or it has exec'ed. */
	p->published = false;
	make_dirty(u, p);
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
	bool waiting; /* for a table */
};

static void add_place(struct unwinder *u, struct draft *d, const struct pb_place *place)
{
	struct pb_unwind_mapping *last = d->n ? &d->mappings[d->n - 1] : NULL;
	struct pb_unwind_mapping m = {.start = place->start, .size = place->end - place->start};
	uint32_t module = 0;
	int found;

	if (!m.size || d->cut || d->waiting || !d->mappings)
		return;
	found = pb_modules_use(u->modules, place, &m, &module);
	if (found > 0)
		d->modules[d->n_modules++] = module;
	d->wanting |= found == -ENOSPC;
	d->waiting = found == -EAGAIN;
	if (last && !last->n_pages && !m.n_pages && last->start + last->size == m.start)
		last->size += m.size;
	else if (d->n < PB_UNWIND_RUN_MAX)
		d->mappings[d->n++] = m;
	else
		d->cut = true; /* its module is in the list, and goes with the run */
}

/*
 * The run of what a process has mapped now.
 * Return: 0; -ENODATA if that is nothing; -ESRCH if it is not followed; -ENOSPC; -ENOMEM; -EINPROGRESS if that
 * takes longer than one update may: a part of it would have code with rules walked by frame pointers.
 */
static int make_run(struct unwinder *u, struct process *p, struct pb_maprun **out)
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
	for (i = 0; draft.waiting && i < draft.n_modules; i++)
		pb_modules_release(u->modules, modules[i]);
	if (draft.waiting)
		return -EINPROGRESS;
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

/* As make_run(); what an earlier update has made for this is done with. */
static int make_next_run(struct unwinder *u, struct process *p, struct pb_maprun **out)
{
	int err = make_run(u, p, out);

	pb_runs_release(u->runs, pb_take(p->coming));
	/* Without an error there is one. */
	return err || *out ? err : -ENODATA;
}

/* The element of @p points to @run, which this takes. */
static void adopt(struct unwinder *u, struct process *p, struct pb_maprun *run, uint64_t owner)
{
	if (p->run && p->run != run)
		p->held += p->run->n;
	pb_runs_release(u->runs, p->run);
	p->run = run;
	p->owner = owner;
	p->published = p->fresh = true;
	p->settling = p->execed = p->disown = p->behind = false;
}

/* Return: as publish(). */
static int fall_behind(struct unwinder *u, struct process *p, int err)
{
	if (err == -ESRCH || err == -ENODATA || err == -ENOENT)
		return 0;
	if (err == -EINPROGRESS)
		return err;
	if (err == -ENOMEM)
		return -EAGAIN;
	p->behind = true;
	tell_full(u, p, err);
	return 0;
}

/*
 * Delete the element of @p, to insert one at the next update: by then we have heard of any exec before this,
 * and after a later one there is an element again. Takes @run, for then.
 */
static int withdraw(struct unwinder *u, struct process *p, struct pb_maprun *run)
{
	bpf_map_delete_elem(u->processes_fd, &p->tgid);
	p->coming = run;
	p->published = p->disown = p->settling = false;
	return -EINPROGRESS;
}

/* @p has none of ours, and one with an owner. Return: as publish(). */
static int fill_in(struct unwinder *u, struct process *p, const struct pb_unwind_process *entry)
{
	struct pb_maprun *run = NULL;
	int err = make_next_run(u, p, &run);

	if (!err && (!p->settling || p->owner != entry->owner)) {
		p->settling = true;
		p->owner = entry->owner;
		p->coming = run;
		return -EINPROGRESS;
	}
	if (!err)
		err = point_to(u, p, run, entry->owner, BPF_EXIST);
	if (!err) {
		adopt(u, p, run, entry->owner);
		return 0;
	}
	pb_runs_release(u->runs, run);
	/* The run of a parent is not kept for this process. */
	if (entry->n)
		bpf_map_delete_elem(u->processes_fd, &p->tgid);
	return fall_behind(u, p, err);
}

/* Return: as publish(). */
static int insert(struct unwinder *u, struct process *p)
{
	struct pb_maprun *run = NULL;
	int err = make_next_run(u, p, &run);

	if (!err)
		err = point_to(u, p, run, 0, BPF_NOEXIST);
	if (!err) {
		adopt(u, p, run, 0);
		return 0;
	}
	if (err == -EEXIST) {
		p->coming = run;
		return -EINPROGRESS;
	}
	pb_runs_release(u->runs, run);
	return fall_behind(u, p, err);
}

/* Return: as publish(). */
static int replace(struct unwinder *u, struct process *p)
{
	struct pb_unwind_process entry;
	struct pb_maprun *run = NULL;
	int err;

	/* It has exec'ed, and that is still to be reported: see on_exec(), or else check_miss(). */
	if (look_up(u, p->tgid, &entry) || !entry.n)
		return 0;
	if (p->disown)
		return withdraw(u, p, NULL);
	err = make_next_run(u, p, &run);
	/* What it had was forgotten for want of room, since other code lies there now. */
	if (err == -ENODATA)
		return withdraw(u, p, NULL);
	if (!err && run == p->run && points_to(&entry, run)) {
		pb_runs_release(u->runs, run);
		p->behind = false;
		return 0;
	}
	if (!err && !entry.owner)
		return withdraw(u, p, run);
	if (!err)
		err = point_to(u, p, run, entry.owner, BPF_EXIST);
	if (!err) {
		adopt(u, p, run, entry.owner);
		return 0;
	}
	pb_runs_release(u->runs, run);
	return fall_behind(u, p, err);
}

/*
 * May the process leave its run for another one? A few in a row are fine, as when a program begins; one that
 * maps all the time must not use up the room of all others.
 */
static bool may_leave(struct unwinder *u, struct process *p)
{
	uint64_t share = pb_runs_places(u->runs) / SHARE;
	uint64_t freed = (u->now_ns - p->held_ns) * share / PB_UNWIND_GRACE_NS;

	p->held = p->held > freed ? p->held - freed : 0;
	p->held_ns = u->now_ns;
	return !p->run || !p->held || p->held + p->run->n <= share;
}

/* Return: 0; to be done again: -EINPROGRESS at once, behind what is reported by now; -EAGAIN later. */
static int publish(struct unwinder *u, struct process *p)
{
	struct pb_unwind_process entry;

	/* The place of a run that it has left is nobody's for the grace. */
	if (!may_leave(u, p))
		return -EAGAIN;
	if (p->published)
		return replace(u, p);
	if (look_up(u, p->tgid, &entry))
		return insert(u, p);
	/* With a run, an exec'ed process has it from us, written too late for the program before. */
	if (!entry.owner || (p->execed && entry.n))
		return withdraw(u, p, pb_take(p->coming));
	return fill_in(u, p, &entry);
}

/* Look at all who map a module that was refused, or who are behind. */
static void make_all_dirty(struct unwinder *u, bool wanting, bool behind)
{
	struct process *p;
	uint32_t i;

	for (i = 0; i < BUCKETS; i++) {
		for (p = u->buckets[i]; p; p = p->next) {
			if ((wanting && p->wanting) || (behind && p->behind))
				make_dirty(u, p);
		}
	}
}

/* As much as there is time for, the longest waiting first. */
static void publish_dirty(struct unwinder *u)
{
	struct process_queue again = TAILQ_HEAD_INITIALIZER(again);
	uint64_t end_ns = pb_clock_ns() + PUBLISH_MAX_NS;
	struct process *p;
	int err;

	u->pending = false;
	while ((p = TAILQ_FIRST(&u->dirty))) {
		make_clean(u, p);
		err = publish(u, p);
		if (err)
			TAILQ_INSERT_TAIL(&again, p, in_dirty);
		u->pending |= err == -EINPROGRESS;
		if (pb_clock_ns() >= end_ns)
			break;
	}
	u->pending |= !TAILQ_EMPTY(&u->dirty);
	while ((p = TAILQ_FIRST(&again))) {
		TAILQ_REMOVE(&again, p, in_dirty);
		make_dirty(u, p);
	}
}

static void on_updated(void *ctx, uint64_t now_ns)
{
	struct unwinder *u = ctx;
	bool retry, refused;

	u->now_ns = now_ns;
	/* Before any grace ends: an element of a child may point to what was given back. */
	check_forks(u, now_ns);
	u->room |= pb_runs_tick(u->runs, now_ns);
	retry = u->room && now_ns - u->retried_ns >= RETRY_NS;
	if (retry) {
		u->room = false;
		u->retried_ns = now_ns;
	}
	refused = pb_modules_tick(u->modules, now_ns);
	if (refused || retry)
		make_all_dirty(u, refused, retry);
	publish_dirty(u);
}

/* Is this what we believe there is, or what only a later update can judge? */
static bool is_expected(const struct process *p, const struct pb_unwind_process *entry)
{
	return p->published ? points_to(entry, p->run) : !entry->n;
}

/*
 * Forks, execs and exits may be among what was lost. Elements that do not fit what we know go; as /proc is
 * read behind this, inserting new ones is safe.
 */
static void on_lost(void *ctx)
{
	struct unwinder *u = ctx;
	struct pb_unwind_process entry;
	uint32_t key, next = 0, i;
	struct process *p;
	bool more;

	for (i = 0; i < BUCKETS; i++) {
		for (p = u->buckets[i]; p; p = p->next)
			p->settling = false;
	}
	more = !bpf_map_get_next_key(u->processes_fd, NULL, &key);
	/* Bounded, since one that the kernel half deletes makes us begin at the first key again. */
	for (i = 0; more && i < 2 * PB_UNWIND_PROCESSES_MAX; i++, key = next) {
		more = !bpf_map_get_next_key(u->processes_fd, &key, &next);
		p = find_process(u, key);
		if (look_up(u, key, &entry) || (p && is_expected(p, &entry)))
			continue;
		bpf_map_delete_elem(u->processes_fd, &key);
		if (!p)
			continue;
		p->published = false;
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
	bool fresh = p->fresh;

	p->missed = p->fresh = false;
	if (!p->published || look_up(u, p->tgid, &entry) || !points_to(&entry, p->run)) {
		/* Its exec was lost, or is reported so late that there is no point in waiting. */
		p->published = false;
		make_dirty(u, p);
	} else if (pb_runs_holds(p->run, miss->addr) && !fresh) {
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
		.on_lost = on_lost,
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

static bool is_pending(const void *unwinder)
{
	return ((const struct unwinder *)unwinder)->pending;
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
	.pending = is_pending,
	.bytes = segment_bytes,
	.describe = describe,
};
