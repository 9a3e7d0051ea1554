/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/track.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/clock.h"
#include "user/core/files.h"
#include "user/core/log.h"
#include "user/core/opts.h"
#include "user/core/procmaps.h"
#include "user/core/sideband.h"

#define BUCKETS          1024
#define RESCAN_PERIOD_NS 100000000ull
#define RENEW_PERIOD_NS  1000000000ull  /* of a process whose space is full */
#define CROWD_PERIOD_NS  10000000000ull /* and of one that has more mapped than is kept */
/* Reading anew for want of room takes at most this part of a CPU, however many need it. */
#define RENEW_SHARE      10
/* Of all mappings together: 2,000 processes with 300 each need less, even if none is a fork of another. */
#define SPACE_BYTES      (64ull << 20)

/* What a process was from one exec (or its fork) to the next. */
struct image {
	uint64_t since_ns;
	struct pb_life life; /* the same in the next image if that only makes room */
	struct pb_space *space;
};

struct process {
	struct process *next; /* in its bucket */
	uint32_t tgid;
	uint64_t
		begun_ns; /* its fork or exec as we were told, or when it was first read from /proc */
	uint64_t ended_ns; /* first thread exited, or it was not there any more; 0: lives */
	bool reused;       /* its pid is that of another by now, which is not followed */
	uint64_t rescanned_ns;
	uint64_t full_ns; /* the first mapping since which not all are kept; 0: all are */
	uint64_t renewed_ns;
	bool crowded;         /* full right after it was renewed */
	bool cut;             /* at some time not all mappings were kept */
	struct image *images; /* oldest first, at least one */
	uint32_t n_images;
};

struct pb_track {
	struct pb_sideband *sideband;
	struct pb_files *files;
	struct pb_space_budget budget;
	bool everyone, children;
	bool told_unreadable; /* that some /proc/PID/maps is closed to us */
	bool lost;            /* records were lost: /proc is to be read again */
	bool full;            /* some process may be */
	uint64_t updated_ns, rescanned_ns;
	uint64_t renew_ns; /* not before this */
	bool failed;       /* no memory inside a callback */
	const struct pb_track_listener *listeners[PB_TRACK_LISTENERS_MAX];
	uint32_t n_listeners;
	uint32_t n_lives;
	uint32_t count, cut; /* processes seen; those of them that are forgotten and were cut */
	struct process *buckets[BUCKETS];
};

/* Call @verb of all listeners that have it. */
#define TELL(t, verb, ...)                                                                         \
	do {                                                                                       \
		for (uint32_t i_ = 0; i_ < (t)->n_listeners; i_++) {                               \
			if ((t)->listeners[i_]->verb)                                              \
				(t)->listeners[i_]->verb((t)->listeners[i_]->ctx, ##__VA_ARGS__);  \
		}                                                                                  \
	} while (0)

int pb_track_new(struct pb_track **out, struct pb_files *files, const struct pb_cpus *cpus,
		 bool everyone, bool children)
{
	pb_auto(pb_track) struct pb_track *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	t->files = files;
	t->budget.limit_bytes = SPACE_BYTES;
	t->everyone = everyone;
	t->children = children;
	err = pb_sideband_open(&t->sideband, cpus);
	if (err)
		return err;
	*out = pb_take(t);
	return 0;
}

void pb_track_listen(struct pb_track *t, const struct pb_track_listener *listener)
{
	if (t->n_listeners < PB_TRACK_LISTENERS_MAX)
		t->listeners[t->n_listeners++] = listener;
	else
		pb_log(PB_LOG_ERROR, "more than %d listeners to mappings", PB_TRACK_LISTENERS_MAX);
}

static void free_process(struct process *p)
{
	uint32_t i;

	for (i = 0; i < p->n_images; i++)
		pb_space_free(p->images[i].space);
	free(p->images);
	free(p);
}

void pb_track_stop(struct pb_track *t)
{
	pb_sideband_free(pb_take(t->sideband));
}

void pb_track_free(struct pb_track *t)
{
	struct process *p;
	uint32_t i;

	if (!t)
		return;
	for (i = 0; i < BUCKETS; i++) {
		while ((p = t->buckets[i])) {
			t->buckets[i] = p->next;
			free_process(p);
		}
	}
	pb_sideband_free(t->sideband);
	free(t);
}

static struct process *find_process(const struct pb_track *t, uint32_t tgid)
{
	struct process *p = t->buckets[tgid % BUCKETS];

	while (p && p->tgid != tgid)
		p = p->next;
	return p;
}

/*
 * Start a new image of @p, with what @parent has mapped if that is not NULL; before those that began later,
 * where two CPUs have told of a fork and an exec in the wrong order. Return: 0; -ENOMEM.
 */
static int add_image(struct pb_track *t, struct process *p, uint64_t since_ns,
		     const struct image *parent)
{
	struct image image = {.since_ns = since_ns, .life = {.tgid = p->tgid}};
	struct image *images = reallocarray(p->images, p->n_images + 1, sizeof(*images));
	uint32_t i;

	if (!images)
		return -ENOMEM;
	p->images = images;
	if (parent)
		image.space = pb_space_share(parent->space);
	else if (pb_space_new(&image.space, &t->budget))
		return -ENOMEM;
	image.life.id = ++t->n_lives;
	image.life.since_ns = since_ns;
	image.life.parent = parent ? parent->life.id : 0;
	image.life.parent_tgid = parent ? parent->life.tgid : 0;
	for (i = p->n_images++; i > 0 && images[i - 1].since_ns > since_ns; i--)
		images[i] = images[i - 1];
	images[i] = image;
	if (i + 1 < p->n_images)
		return 0;
	p->rescanned_ns = 0;
	p->cut |= p->full_ns;
	p->full_ns = 0;
	p->crowded = false;
	return 0;
}

static struct process *add_process(struct pb_track *t, uint32_t tgid, uint64_t since_ns,
				   const struct image *parent)
{
	struct process *p = calloc(1, sizeof(*p));

	if (p)
		p->tgid = tgid;
	if (!p || add_image(t, p, since_ns, parent)) {
		if (p)
			free(p->images);
		free(p);
		t->failed = true;
		return NULL;
	}
	p->begun_ns = since_ns;
	p->next = t->buckets[tgid % BUCKETS];
	t->buckets[tgid % BUCKETS] = p;
	t->count++;
	return p;
}

static struct image *newest(const struct process *p)
{
	return &p->images[p->n_images - 1];
}

/* Code that belongs to no file on disk: JIT, stacks, the kernel's own pages. */
static enum pb_module_kind kind_of(const char *path)
{
	if (!strcmp(path, "[vdso]"))
		return PB_MODULE_VDSO;
	if (path[0] != '/' || !strncmp(path, "//anon", 6) || !strncmp(path, "/dev/zero", 9) ||
	    !strncmp(path, "/anon_hugepage", 14) || !strncmp(path, "/memfd:doublemapper", 19) ||
	    !strncmp(path, "/SYSV", 5))
		return PB_MODULE_ANON;
	return PB_MODULE_FILE;
}

/* What a sight is, pinning its file. Return: 0; -ENOMEM. */
static int make_place(struct pb_track *t, const struct pb_file_sight *sight, uint64_t file_off,
		      struct pb_place *out)
{
	*out = (struct pb_place){
		.file = PB_NONE,
		.kind = kind_of(sight->path),
		.start = sight->start,
		.end = sight->end,
		.file_off = file_off,
	};
	if (out->kind != PB_MODULE_FILE)
		return 0;
	out->file = pb_files_see(t->files, sight);
	return out->file == PB_NONE ? -ENOMEM : 0;
}

/* Record a mapping of @p's newest image. Return: whether that changed anything. */
static bool note_place(struct pb_track *t, struct process *p, uint64_t since_ns,
		       const struct pb_place *place)
{
	int change = pb_space_map(&newest(p)->space, place, since_ns);

	if (change == -ENOSPC || change == PB_SPACE_DROPPED) {
		p->full_ns = p->full_ns ? p->full_ns : since_ns ? since_ns : pb_clock_ns();
		t->full = true;
	} else if (change < 0) {
		t->failed = true;
	}
	if (change == PB_SPACE_REPLACED || change == PB_SPACE_DROPPED)
		TELL(t, on_remap, p->tgid);
	return change > 0;
}

static bool note_mapping(struct pb_track *t, struct process *p, uint64_t since_ns,
			 const struct pb_file_sight *sight, uint64_t file_off)
{
	struct pb_place place;

	if (!make_place(t, sight, file_off, &place))
		return note_place(t, p, since_ns, &place);
	t->failed = true;
	return false;
}

struct scan {
	struct pb_track *t;
	struct process *p;
	uint64_t since_ns; /* when what is found may have appeared; 0: before we looked */
	bool changed;
};

static struct pb_file_sight sight_of(const struct pb_procmap *map)
{
	return (struct pb_file_sight){
		.tgid = map->tid,
		.start = map->start,
		.end = map->end,
		.path = map->path,
		.dev = map->dev,
		.ino = map->ino,
	};
}

static void on_procmap(void *ctx, const struct pb_procmap *map)
{
	struct scan *scan = ctx;
	struct pb_file_sight sight = sight_of(map);

	/* After a loss what looks the same may be another file: note_mapping() compares those. */
	if (scan->since_ns || !pb_space_has(newest(scan->p)->space, kind_of(map->path), map->start,
					    map->end, map->file_off))
		scan->changed |=
			note_mapping(scan->t, scan->p, scan->since_ns, &sight, map->file_off);
}

/* Hand all that @p has mapped to @on_map. Return: 0; -errno. */
static int read_maps(struct pb_track *t, struct process *p,
		     void (*on_map)(void *, const struct pb_procmap *), void *ctx)
{
	int err;

	p->rescanned_ns = pb_clock_ns();
	err = pb_procmaps_read(p->tgid, on_map, ctx);
	if ((err == -EACCES || err == -EPERM) && !t->told_unreadable) {
		t->told_unreadable = true;
		pb_log(PB_LOG_WARN,
		       "cannot read /proc/%u/maps (%s): its code stays without names; run as "
		       "root, or with CAP_SYS_PTRACE",
		       p->tgid, strerror(-err));
	}
	/* Nobody may have told us of its end, or it came before our time. */
	if (err == -ESRCH && !p->ended_ns)
		p->ended_ns = p->rescanned_ns;
	return err;
}

/* Read what is mapped now. Listeners hear once of whatever is new. */
static int scan_process(struct pb_track *t, struct process *p, uint64_t since_ns)
{
	struct scan scan = {.t = t, .p = p, .since_ns = since_ns};
	int err = read_maps(t, p, on_procmap, &scan);

	if (scan.changed)
		TELL(t, on_mapped, p->tgid);
	return err;
}

/* The reading of a process whose space is full of what it has unmapped since. */
struct renewal {
	struct pb_track *t;
	struct process *p;
	const struct pb_space *old;
	uint64_t now_ns;
	struct pb_place *anon; /* what waits until all files have their place */
	uint32_t n_anon;
	bool cut;
};

/* Was that very code in the old space? Then it has been there all the time. */
static bool was_there(const struct renewal *r, const struct pb_place *place)
{
	const struct pb_place *was = pb_space_at(r->old, r->now_ns, place->start);

	return was && was->kind == place->kind && was->file == place->file &&
	       was->start - was->file_off == place->start - place->file_off &&
	       was->end >= place->end;
}

static void renew_map(void *ctx, const struct pb_procmap *map)
{
	struct renewal *r = ctx;
	struct pb_file_sight sight = sight_of(map);
	struct pb_place place;

	if (make_place(r->t, &sight, map->file_off, &place)) {
		r->t->failed = true;
		return;
	}
	if (place.kind != PB_MODULE_ANON) {
		note_place(r->t, r->p, was_there(r, &place) ? 0 : r->now_ns, &place);
		return;
	}
	if (r->n_anon && r->anon[r->n_anon - 1].end == place.start)
		r->anon[r->n_anon - 1].end = place.end;
	else if (r->n_anon < PB_SPACE_MAX)
		r->anon[r->n_anon++] = place;
	else
		r->cut = true;
}

static bool may_renew(const struct pb_track *t, const struct process *p, uint64_t now)
{
	uint64_t period_ns = p->crowded ? CROWD_PERIOD_NS : RENEW_PERIOD_NS;

	return now >= t->renew_ns && p->full_ns && !p->reused &&
	       (!p->renewed_ns || now - p->renewed_ns > period_ns);
}

/*
 * Begin a new image of a process whose newest one is full, by what /proc says: the kernel does not tell of
 * what is unmapped, and a JIT compiler maps for days. What came before is still asked of the old image;
 * what it could not take in counts from now on, as nobody knows since when it is there. Memory without a
 * file has no names that could be wrong.
 * Return: 0; -ENOMEM; -errno of reading it.
 */
static int renew(struct pb_track *t, struct process *p)
{
	pb_autofree struct pb_place *anon = calloc(PB_SPACE_MAX, sizeof(*anon));
	struct renewal r = {.t = t, .p = p, .anon = anon, .now_ns = pb_clock_ns()};
	struct pb_life life = newest(p)->life;
	uint64_t full_ns = p->full_ns, now;
	bool crowded = p->crowded, cut = p->cut;
	uint32_t i;
	int err;

	p->renewed_ns = r.now_ns;
	if (full_ns <= newest(p)->since_ns) /* its parent was full */
		full_ns = newest(p)->since_ns + 1;
	r.old = newest(p)->space;
	if (!anon || add_image(t, p, full_ns, NULL)) {
		t->failed = true;
		return -ENOMEM;
	}
	newest(p)->life = life;
	err = read_maps(t, p, renew_map, &r);
	for (i = 0; i < r.n_anon && !err; i++)
		note_place(t, p, 0, &anon[i]);
	now = pb_clock_ns();
	t->renew_ns = now + (now - r.now_ns) * (RENEW_SHARE - 1);
	if (err) {
		pb_space_free(p->images[--p->n_images].space);
		p->full_ns = full_ns;
		p->crowded = crowded;
		p->cut = cut;
		return err;
	}
	if (r.cut && !p->full_ns)
		p->full_ns = r.now_ns;
	p->crowded = p->full_ns;
	p->cut = cut || p->crowded; /* what was not kept is known now */
	if (p->crowded)
		pb_log(PB_LOG_DEBUG, "process %u has more code mappings than are kept", p->tgid);
	TELL(t, on_remap, p->tgid);
	TELL(t, on_mapped, p->tgid);
	return 0;
}

/* The one that has waited longest, behind all that was reported: records from before would lie over what
 * /proc says now. */
static void renew_full(struct pb_track *t)
{
	uint64_t now = pb_clock_ns();
	struct process *p, *next = NULL;
	uint32_t i, n = 0;

	for (i = 0; i < BUCKETS; i++) {
		for (p = t->buckets[i]; p; p = p->next) {
			if (!p->full_ns || p->ended_ns)
				continue;
			n++;
			if (may_renew(t, p, now) && (!next || p->renewed_ns < next->renewed_ns))
				next = p;
		}
	}
	if (next)
		renew(t, next);
	t->full = n > (next && !next->full_ns);
}

/* Take in a process that we were not told of. Return: 0; -ENOMEM; -errno of reading it. */
static int meet(struct pb_track *t, uint32_t tgid, struct process **out)
{
	struct process *p = add_process(t, tgid, 0, NULL);
	int err;

	if (!p)
		return -ENOMEM;
	err = scan_process(t, p, 0);
	p->begun_ns = pb_clock_ns();
	*out = p;
	return err;
}

int pb_track_follow(struct pb_track *t, uint32_t tgid)
{
	struct process *p = find_process(t, tgid);

	return p ? scan_process(t, p, 0) : meet(t, tgid, &p);
}

/* A process that we were not told of when it began, since that was lost. Return: 0; -ENOMEM; -errno. */
static int meet_lost(struct pb_track *t, uint32_t tgid)
{
	struct process *p = find_process(t, tgid);
	int err = p ? 0 : meet(t, tgid, &p);

	/* The kernel's own have no memory; they are the first in their bucket, and nobody has heard of them. */
	if (err == -ESRCH) {
		t->buckets[tgid % BUCKETS] = p->next;
		free_process(p);
		t->count--;
	}
	return err;
}

/* Call @take for all processes there are, until memory is out. Return: 0; -errno. */
static int for_each_in_proc(struct pb_track *t, int (*take)(struct pb_track *, uint32_t tgid))
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	uint64_t tgid;
	int err = 0;

	if (!proc)
		return pb_err(errno, "open /proc");
	while (err != -ENOMEM && (entry = readdir(proc))) {
		if (!pb_parse_uint(entry->d_name, 1, UINT32_MAX, &tgid))
			err = take(t, (uint32_t)tgid);
	}
	closedir(proc);
	return err == -ENOMEM ? err : 0;
}

int pb_track_follow_all(struct pb_track *t)
{
	return for_each_in_proc(t, pb_track_follow);
}

static void on_map(struct pb_track *t, const struct pb_sideband_event *e)
{
	struct process *p = find_process(t, e->tgid);
	struct pb_file_sight sight = {
		.tgid = e->tgid,
		.start = e->start,
		.end = e->end,
		.path = e->path,
		.build_id = e->build_id,
		.build_id_len = e->build_id_len,
		.dev = e->dev,
		.ino = e->ino,
	};

	if (p && !p->reused && note_mapping(t, p, e->time_ns, &sight, e->file_off))
		TELL(t, on_mapped, e->tgid);
}

static void on_exec(struct pb_track *t, const struct pb_sideband_event *e)
{
	struct process *p = find_process(t, e->tgid);

	if (p ? p->reused : !t->everyone)
		return;
	if (!p)
		p = add_process(t, e->tgid, e->time_ns, NULL);
	else if (add_image(t, p, e->time_ns, NULL))
		t->failed = true;
	if (!p)
		return;
	p->ended_ns = 0;
	TELL(t, on_exec, e->tgid);
}

/*
 * A process that has a known pid begins. Return: whether it is another one than we know. It is the same if
 * we have read it from /proc before its fork was reported, or were told of its exec before that; listeners
 * have heard of it then.
 */
static bool begin_anew(struct pb_track *t, struct process *p, const struct pb_sideband_event *e,
		       const struct image *parent)
{
	bool other = p->begun_ns < e->time_ns;

	if (other) {
		TELL(t, on_gone, p->tgid);
		p->begun_ns = e->time_ns;
		p->ended_ns = 0;
		p->reused = false;
	}
	/* An unknown parent tells nothing that /proc has not. */
	if ((other || parent) && add_image(t, p, e->time_ns, parent))
		t->failed = true;
	return other;
}

/* A child starts with its parent's mappings. */
static void on_fork(struct pb_track *t, const struct pb_sideband_event *e)
{
	struct process *parent = find_process(t, e->parent_tgid);
	struct process *p = find_process(t, e->tgid);
	const struct image *from = parent ? newest(parent) : NULL;
	bool begins = true;

	if (!t->everyone && (!parent || parent->reused || !t->children)) {
		if (p && p->begun_ns < e->time_ns) {
			p->reused = true;
			p->ended_ns = p->ended_ns ? p->ended_ns : e->time_ns;
		}
		return;
	}
	if (p)
		begins = begin_anew(t, p, e, from);
	else if (parent) /* else it is read when somebody asks for it */
		p = add_process(t, e->tgid, e->time_ns, from);
	if (!p || !parent)
		return;
	if (begins)
		TELL(t, on_fork, e->parent_tgid, e->tgid);
	else
		TELL(t, on_mapped, e->tgid);
}

static void on_end(struct pb_track *t, const struct pb_sideband_event *e)
{
	struct process *p = find_process(t, e->tgid);

	if (p && !p->reused)
		p->ended_ns = e->time_ns;
}

static void rescan_all(struct pb_track *t, uint64_t since_ns)
{
	struct process *p;
	uint32_t i;

	pb_log(PB_LOG_DEBUG, "records of mappings were lost; reading /proc again");
	TELL(t, on_lost);
	for (i = 0; i < BUCKETS; i++) {
		for (p = t->buckets[i]; p; p = p->next) {
			if (!p->reused)
				scan_process(t, p, since_ns);
		}
	}
	if (t->everyone)
		for_each_in_proc(t, meet_lost);
}

static void on_event(void *ctx, const struct pb_sideband_event *e)
{
	struct pb_track *t = ctx;

	switch (e->kind) {
	case PB_SIDEBAND_MAP:
		on_map(t, e);
		break;
	case PB_SIDEBAND_EXEC:
		on_exec(t, e);
		break;
	case PB_SIDEBAND_FORK:
		on_fork(t, e);
		break;
	case PB_SIDEBAND_EXIT:
		on_end(t, e);
		break;
	case PB_SIDEBAND_LOST:
		t->lost = true;
		break;
	}
}

const int *pb_track_fds(const struct pb_track *t, uint32_t *n)
{
	return pb_sideband_fds(t->sideband, n);
}

uint64_t pb_track_ring_bytes(const struct pb_track *t)
{
	return pb_sideband_bytes(t->sideband);
}

int pb_track_update(struct pb_track *t)
{
	uint64_t now = pb_clock_ns();
	bool failed;
	int err;

	if (!t->sideband)
		return 0;
	err = pb_sideband_drain(t->sideband, on_event, t);
	if (t->lost && now - t->rescanned_ns > RESCAN_PERIOD_NS) {
		t->lost = false;
		t->rescanned_ns = now;
		rescan_all(t, t->updated_ns);
	}
	if (t->full)
		renew_full(t);
	t->updated_ns = now;
	if (!err)
		TELL(t, on_updated, now);
	failed = t->failed;
	t->failed = false;
	return err ? err : failed ? -ENOMEM : 0;
}

static const struct image *image_at(const struct process *p, uint64_t time_ns)
{
	uint32_t i = p->n_images - 1;

	while (i > 0 && p->images[i].since_ns > time_ns)
		i--;
	return &p->images[i];
}

int pb_track_find(struct pb_track *t, uint32_t tgid, uint64_t time_ns, uint64_t addr,
		  struct pb_place *out)
{
	struct process *p = find_process(t, tgid);
	const struct pb_place *place;

	if (!p && meet(t, tgid, &p) == -ENOMEM)
		return -ENOENT;
	place = pb_space_at(image_at(p, time_ns)->space, time_ns, addr);
	/* Perhaps the kernel could not tell us. Look, but not for every stray address. */
	if (!place && image_at(p, time_ns) == newest(p) && !pb_track_look_again(t, tgid))
		place = pb_space_at(newest(p)->space, time_ns, addr);
	if (!place)
		return -ENOENT;
	*out = *place;
	return 0;
}

int pb_track_life(const struct pb_track *t, uint32_t tgid, uint64_t time_ns, struct pb_life *out)
{
	const struct process *p = find_process(t, tgid);

	if (!p)
		return -ENOENT;
	*out = image_at(p, time_ns)->life;
	return 0;
}

int pb_track_current(const struct pb_track *t, uint32_t tgid, struct pb_place **out, uint32_t *n)
{
	const struct process *p = find_process(t, tgid);

	return p && !p->reused ? pb_space_current(newest(p)->space, out, n) : -ESRCH;
}

int pb_track_look_again(struct pb_track *t, uint32_t tgid)
{
	struct process *p = find_process(t, tgid);

	if (!p)
		return t->everyone ? meet(t, tgid, &p) : -ESRCH;
	if (p->reused)
		return -ESRCH;
	if (p->full_ns)
		return may_renew(t, p, pb_clock_ns()) ? renew(t, p) : -EAGAIN;
	if (pb_clock_ns() - p->rescanned_ns <= RESCAN_PERIOD_NS)
		return -EAGAIN;
	return scan_process(t, p, 0);
}

/* What is full and could not be renewed lacks something, too. */
static bool is_cut(const struct process *p)
{
	return p->cut || p->full_ns;
}

/* Images that a later one has replaced before @time_ns. */
static void drop_old_images(struct process *p, uint64_t time_ns)
{
	uint32_t old = 0, i;

	while (old + 1 < p->n_images && p->images[old + 1].since_ns < time_ns)
		pb_space_free(p->images[old++].space);
	for (i = old; i < p->n_images && old; i++)
		p->images[i - old] = p->images[i];
	p->n_images -= old;
}

/* Has it ended before @time_ns, and not only its first thread? */
static bool is_gone(const struct process *p, uint64_t time_ns)
{
	char path[32];

	if (!p->ended_ns || p->ended_ns >= time_ns)
		return false;
	snprintf(path, sizeof(path), "/proc/%u", p->tgid);
	return p->reused || access(path, F_OK);
}

void pb_track_retire(struct pb_track *t, uint64_t time_ns)
{
	struct process **link, *p;
	uint32_t i;

	for (i = 0; i < BUCKETS; i++) {
		for (link = &t->buckets[i]; (p = *link);) {
			drop_old_images(p, time_ns);
			if (!is_gone(p, time_ns)) {
				link = &p->next;
				continue;
			}
			*link = p->next;
			t->cut += is_cut(p);
			TELL(t, on_gone, p->tgid);
			free_process(p);
		}
	}
}

uint32_t pb_track_cut(const struct pb_track *t)
{
	const struct process *p;
	uint32_t i, n = t->cut;

	for (i = 0; i < BUCKETS; i++) {
		for (p = t->buckets[i]; p; p = p->next)
			n += is_cut(p);
	}
	return n;
}

uint32_t pb_track_count(const struct pb_track *t)
{
	return t->count;
}
