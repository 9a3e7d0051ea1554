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

/* Of executable code in one image; a hostile target must not fill our memory. */
#define MAPPINGS_MAX     16384 /* of one image: a hostile target must not fill our memory */
#define BUCKETS          1024
#define RESCAN_PERIOD_NS 100000000ull

struct mapping {
	struct pb_place place;
	uint64_t since_ns; /* 0: before we looked */
};

/* What a process was from one exec (or its fork) to the next. */
struct image {
	uint64_t since_ns;
	struct mapping *maps;
	uint32_t n, size;
};

struct process {
	struct process *next; /* in its bucket */
	uint32_t tgid;
	uint64_t ended_ns; /* first thread exited; 0: lives */
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
	void (*on_remap)(void *ctx, uint32_t tgid);
	void *remap_ctx;
	uint32_t count;
	struct process *buckets[BUCKETS];
};

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

static void free_process(struct process *p)
{
	uint32_t i;

	for (i = 0; i < p->n_images; i++)
		free(p->images[i].maps);
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

/* Start a new image of @p. Return: it, or NULL without memory. */
static struct image *add_image(struct process *p, uint64_t since_ns)
{
	struct image *images = reallocarray(p->images, p->n_images + 1, sizeof(*images));

	if (!images)
		return NULL;
	p->images = images;
	images[p->n_images] = (struct image){.since_ns = since_ns};
	return &images[p->n_images++];
}

static struct process *add_process(struct pb_track *t, uint32_t tgid, uint64_t since_ns)
{
	struct process *p = calloc(1, sizeof(*p));

	if (!p || !add_image(p, since_ns)) {
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

static int add_mapping(struct image *image, const struct mapping *m)
{
	uint32_t size = image->size ? image->size * 2 : 16;
	struct mapping *maps;

	if (image->n == MAPPINGS_MAX)
		return 0;
	if (image->n == image->size) {
		maps = reallocarray(image->maps, size, sizeof(*maps));
		if (!maps)
			return -ENOMEM;
		image->maps = maps;
		image->size = size;
	}
	image->maps[image->n++] = *m;
	return 0;
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

void pb_track_on_remap(struct pb_track *t, void (*on_remap)(void *ctx, uint32_t tgid), void *ctx)
{
	t->on_remap = on_remap;
	t->remap_ctx = ctx;
}

static bool same_code(const struct pb_place *a, const struct pb_place *b)
{
	if (a->file != b->file || a->kind != b->kind)
		return false;
	return a->file == PB_NONE || a->start - a->file_off == b->start - b->file_off;
}

/* Is that already what the image has in the whole range? A JIT compiler that protects its pages anew
 * for each function would otherwise add a mapping each time. */
static bool is_current(const struct image *image, const struct pb_place *place)
{
	uint32_t i;

	for (i = image->n; i-- > 0;) {
		const struct pb_place *last = &image->maps[i].place;

		if (last->start < place->end && place->start < last->end)
			return last->start <= place->start && last->end >= place->end &&
			       same_code(last, place);
	}
	return false;
}

/*
 * Does the image have other code in the range? The same file at the same place is no other code, and
 * memory without a file is never told apart: a JIT compiler protects its pages anew all the time.
 */
static bool covers_other(const struct image *image, const struct pb_place *place)
{
	uint32_t i;

	for (i = image->n; i-- > 0;) {
		const struct pb_place *old = &image->maps[i].place;

		if (old->start >= place->end || place->start >= old->end)
			continue;
		if (old->file != place->file)
			return true;
		if (place->file != PB_NONE &&
		    old->start - old->file_off != place->start - place->file_off)
			return true;
		if (old->start <= place->start && old->end >= place->end)
			return false; /* what lies under it is gone */
	}
	return false;
}

/* Record a mapping of @p's newest image, pinning its file. */
static void note_mapping(struct pb_track *t, struct process *p, uint64_t since_ns,
			 const struct pb_file_sight *sight, uint64_t file_off)
{
	struct mapping m = {
		.place = {.file = PB_NONE,
			  .kind = kind_of(sight->path),
			  .start = sight->start,
			  .end = sight->end,
			  .file_off = file_off},
		.since_ns = since_ns,
	};

	if (m.place.kind == PB_MODULE_FILE) {
		m.place.file = pb_files_see(t->files, sight);
		if (m.place.file == PB_NONE) {
			t->failed = true;
			return;
		}
	}
	if (is_current(newest(p), &m.place))
		return;
	if (t->on_remap && covers_other(newest(p), &m.place))
		t->on_remap(t->remap_ctx, p->tgid);
	if (add_mapping(newest(p), &m))
		t->failed = true;
}

struct scan {
	struct pb_track *t;
	struct process *p;
	uint64_t
		since_ns; /* when what is found may have appeared; 0: before anything we were told */
};

static bool is_known(const struct image *image, const struct pb_procmap *map)
{
	uint32_t i;

	for (i = 0; i < image->n; i++) {
		const struct pb_place *place = &image->maps[i].place;

		if (place->start == map->start && place->end == map->end &&
		    place->file_off == map->file_off &&
		    (place->file == PB_NONE) == (map->path[0] != '/'))
			return true;
	}
	return false;
}

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
	if (scan->since_ns || !is_known(newest(scan->p), map))
		note_mapping(scan->t, scan->p, scan->since_ns, &sight, map->file_off);
}

/* Read what is mapped now. */
static int scan_process(struct pb_track *t, struct process *p, uint64_t since_ns)
{
	struct scan scan = {t, p, since_ns};
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
	return err;
}

int pb_track_follow(struct pb_track *t, uint32_t tgid)
{
	struct process *p = find_process(t, tgid);

	if (!p)
		p = add_process(t, tgid, 0);
	return p ? scan_process(t, p, 0) : -ENOMEM;
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

	if (p)
		note_mapping(t, p, e->time_ns, &sight, e->file_off);
}

static void on_exec(struct pb_track *t, const struct pb_sideband_event *e)
{
	struct process *p = find_process(t, e->tgid);

	if (p) {
		p->ended_ns = 0;
		if (!add_image(p, e->time_ns))
			t->failed = true;
	} else if (t->everyone) {
		add_process(t, e->tgid, e->time_ns);
	}
}

/* A child starts with its parent's mappings. */
static void on_fork(struct pb_track *t, const struct pb_sideband_event *e)
{
	struct process *parent = find_process(t, e->parent_tgid), *p;
	struct image *from, *to;
	uint32_t i;

	if (!parent || (!t->everyone && !t->children))
		return;
	p = find_process(t, e->tgid); /* a reused pid: the same row, a new image */
	if (p) {
		p->ended_ns = 0;
		to = add_image(p, e->time_ns);
	} else {
		p = add_process(t, e->tgid, e->time_ns);
		to = p ? newest(p) : NULL;
	}
	if (!to) {
		t->failed = true;
		return;
	}
	from = newest(parent);
	for (i = 0; i < from->n; i++)
		t->failed |= add_mapping(to, &from->maps[i]) != 0;
}

static void rescan_all(struct pb_track *t, uint64_t since_ns)
{
	struct process *p;
	uint32_t i;

	pb_log(PB_LOG_DEBUG, "records of mappings were lost; reading /proc again");
	for (i = 0; i < BUCKETS; i++) {
		for (p = t->buckets[i]; p; p = p->next)
			scan_process(t, p, since_ns);
	}
}

static void on_event(void *ctx, const struct pb_sideband_event *e)
{
	struct pb_track *t = ctx;
	struct process *p;

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
		p = find_process(t, e->tgid);
		if (p)
			p->ended_ns = e->time_ns;
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
	failed = t->failed;
	t->failed = false;
	return err ? err : failed ? -ENOMEM : 0;
}

/* The newest mapping at @addr that was there at @time_ns. */
static const struct mapping *find_mapping(const struct image *image, uint64_t time_ns,
					  uint64_t addr)
{
	const struct mapping *best = NULL, *m;
	uint32_t i;

	for (i = 0; i < image->n; i++) {
		m = &image->maps[i];
		if (addr < m->place.start || addr >= m->place.end || m->since_ns > time_ns)
			continue;
		if (!best || m->since_ns >= best->since_ns)
			best = m;
	}
	return best;
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
	const struct mapping *m;
	uint64_t now;

	if (!p) {
		p = add_process(t, tgid, 0);
		if (!p)
			return -ENOENT;
		scan_process(t, p, 0);
	}
	m = find_mapping(image_at(p, time_ns), time_ns, addr);
	if (!m && image_at(p, time_ns) == newest(p)) {
		/* Perhaps the kernel could not tell us. Look, but not for every stray address. */
		now = now_ns();
		if (now - p->rescanned_ns > RESCAN_PERIOD_NS && !scan_process(t, p, 0))
			m = find_mapping(newest(p), time_ns, addr);
	}
	if (!m)
		return -ENOENT;
	*out = m->place;
	return 0;
}

/* Images that a later one has replaced before @time_ns. */
static void drop_old_images(struct process *p, uint64_t time_ns)
{
	uint32_t old = 0, i;

	while (old + 1 < p->n_images && p->images[old + 1].since_ns < time_ns)
		free(p->images[old++].maps);
	for (i = old; i < p->n_images && old; i++)
		p->images[i - old] = p->images[i];
	p->n_images -= old;
}

void pb_track_retire(struct pb_track *t, uint64_t time_ns)
{
	struct process **link, *p;
	char path[32];
	uint32_t i;

	for (i = 0; i < BUCKETS; i++) {
		for (link = &t->buckets[i]; (p = *link);) {
			drop_old_images(p, time_ns);
			snprintf(path, sizeof(path), "/proc/%u", p->tgid);
			if (!p->ended_ns || p->ended_ns >= time_ns || !access(path, F_OK)) {
				link = &p->next;
				continue;
			}
			*link = p->next;
			free_process(p);
		}
	}
}

uint32_t pb_track_count(const struct pb_track *t)
{
	return t->count;
}
