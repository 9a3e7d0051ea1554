/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/track.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/core/files.h"
#include "user/core/log.h"
#include "user/core/opts.h"
#include "user/core/procmaps.h"
#include "user/core/sideband.h"

#define BUCKETS          1024
#define RESCAN_PERIOD_NS 100000000ull

/* What a process was from one exec (or its fork) to the next. */
struct image {
	uint64_t since_ns;
	struct pb_space *space;
};

struct process {
	struct process *next; /* in its bucket */
	uint32_t tgid;
	uint64_t met_ns;   /* when it was first read from /proc; 0: we were told of it */
	uint64_t ended_ns; /* first thread exited, or it was not there any more; 0: lives */
	bool reused;       /* its pid is that of another by now, which is not followed */
	uint64_t rescanned_ns;
	struct image *images; /* oldest first, at least one */
	uint32_t n_images;
};

struct pb_track {
	struct pb_sideband *sideband;
	struct pb_files *files;
	bool everyone, children;
	bool told_unreadable; /* that some /proc/PID/maps is closed to us */
	bool lost;            /* records were lost: /proc is to be read again */
	uint64_t updated_ns, rescanned_ns;
	bool failed; /* no memory inside a callback */
	const struct pb_track_listener *listeners[PB_TRACK_LISTENERS_MAX];
	uint32_t n_listeners;
	uint32_t count;
	struct process *buckets[BUCKETS];
};

/* Call @verb of all listeners that have it. */
#define TELL(t, verb, ...)                                                                         \
	do {                                                                                       \
		for (uint32_t i_ = 0; i_ < (t)->n_listeners; i_++) {                               \
			if ((t)->listeners[i_]->verb)                                              \
				(t)->listeners[i_]->verb((t)->listeners[i_]->ctx, __VA_ARGS__);    \
		}                                                                                  \
	} while (0)

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

int pb_track_new(struct pb_track **out, struct pb_files *files, const struct pb_cpus *cpus,
		 bool everyone, bool children)
{
	pb_auto(pb_track) struct pb_track *t = calloc(1, sizeof(*t));
	int err;

	if (!t)
		return -ENOMEM;
	t->files = files;
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

/* Start a new image of @p, with what @parent has mapped if that is not NULL. Return: 0; -ENOMEM. */
static int add_image(struct process *p, uint64_t since_ns, const struct image *parent)
{
	struct image image = {.since_ns = since_ns};
	struct image *images = reallocarray(p->images, p->n_images + 1, sizeof(*images));

	if (!images)
		return -ENOMEM;
	p->images = images;
	if (parent)
		image.space = pb_space_share(parent->space);
	else if (pb_space_new(&image.space))
		return -ENOMEM;
	images[p->n_images++] = image;
	p->rescanned_ns = 0;
	return 0;
}

static struct process *add_process(struct pb_track *t, uint32_t tgid, uint64_t since_ns,
				   const struct image *parent)
{
	struct process *p = calloc(1, sizeof(*p));

	if (!p || add_image(p, since_ns, parent)) {
		if (p)
			free(p->images);
		free(p);
		t->failed = true;
		return NULL;
	}
	p->tgid = tgid;
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

/* Record a mapping of @p's newest image, pinning its file. Return: whether that changed anything. */
static bool note_mapping(struct pb_track *t, struct process *p, uint64_t since_ns,
			 const struct pb_file_sight *sight, uint64_t file_off)
{
	struct pb_place place = {
		.file = PB_NONE,
		.kind = kind_of(sight->path),
		.start = sight->start,
		.end = sight->end,
		.file_off = file_off,
	};
	int change;

	if (place.kind == PB_MODULE_FILE) {
		place.file = pb_files_see(t->files, sight);
		if (place.file == PB_NONE) {
			t->failed = true;
			return false;
		}
	}
	change = pb_space_map(&newest(p)->space, &place, since_ns);
	if (change < 0)
		t->failed = true;
	if (change == PB_SPACE_REPLACED)
		TELL(t, on_remap, p->tgid);
	return change > 0;
}

struct scan {
	struct pb_track *t;
	struct process *p;
	uint64_t since_ns; /* when what is found may have appeared; 0: before we looked */
	bool changed;
};

static void on_procmap(void *ctx, const struct pb_procmap *map)
{
	struct scan *scan = ctx;
	struct pb_file_sight sight = {
		.tgid = map->tid,
		.start = map->start,
		.end = map->end,
		.path = map->path,
		.dev = map->dev,
		.ino = map->ino,
	};

	/* After a loss what looks the same may be another file: note_mapping() compares those. */
	if (scan->since_ns || !pb_space_has(newest(scan->p)->space, kind_of(map->path), map->start,
					    map->end, map->file_off))
		scan->changed |=
			note_mapping(scan->t, scan->p, scan->since_ns, &sight, map->file_off);
}

/* Read what is mapped now. Listeners hear once of whatever is new. */
static int scan_process(struct pb_track *t, struct process *p, uint64_t since_ns)
{
	struct scan scan = {.t = t, .p = p, .since_ns = since_ns};
	int err;

	p->rescanned_ns = now_ns();
	err = pb_procmaps_read(p->tgid, on_procmap, &scan);
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
	if (scan.changed)
		TELL(t, on_mapped, p->tgid);
	return err;
}

/* Take in a process that we were not told of. Return: 0; -ENOMEM; -errno of reading it. */
static int meet(struct pb_track *t, uint32_t tgid, struct process **out)
{
	struct process *p = add_process(t, tgid, 0, NULL);
	int err;

	if (!p)
		return -ENOMEM;
	err = scan_process(t, p, 0);
	p->met_ns = now_ns();
	*out = p;
	return err;
}

int pb_track_follow(struct pb_track *t, uint32_t tgid)
{
	struct process *p = find_process(t, tgid);

	return p ? scan_process(t, p, 0) : meet(t, tgid, &p);
}

int pb_track_follow_all(struct pb_track *t)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	uint64_t tgid;
	int err = 0;

	if (!proc)
		return pb_err(errno, "open /proc");
	while (err != -ENOMEM && (entry = readdir(proc))) {
		if (!pb_parse_uint(entry->d_name, 1, UINT32_MAX, &tgid))
			err = pb_track_follow(t, (uint32_t)tgid);
	}
	closedir(proc);
	return err == -ENOMEM ? err : 0;
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
	else if (add_image(p, e->time_ns, NULL))
		t->failed = true;
	if (!p)
		return;
	p->ended_ns = 0;
	TELL(t, on_exec, e->tgid);
}

/*
 * A process that has a known pid begins. Return: whether it is another one than we know. It is the same if
 * we have read it from /proc before its fork was reported; listeners have heard of it then.
 */
static bool begin_anew(struct pb_track *t, struct process *p, const struct pb_sideband_event *e,
		       const struct image *parent)
{
	bool other = p->met_ns < e->time_ns;

	if (other) {
		TELL(t, on_gone, p->tgid);
		p->met_ns = 0;
		p->ended_ns = 0;
	}
	if (add_image(p, e->time_ns, parent))
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
		if (p && p->met_ns < e->time_ns) {
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
	for (i = 0; i < BUCKETS; i++) {
		for (p = t->buckets[i]; p; p = p->next) {
			if (!p->reused)
				scan_process(t, p, since_ns);
		}
	}
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
	uint64_t now = now_ns();
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
	if (now_ns() - p->rescanned_ns <= RESCAN_PERIOD_NS)
		return -EAGAIN;
	return scan_process(t, p, 0);
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
			TELL(t, on_gone, p->tgid);
			free_process(p);
		}
	}
}

uint32_t pb_track_count(const struct pb_track *t)
{
	return t->count;
}
