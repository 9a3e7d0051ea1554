/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A perf map lies where its process' pid says. A jitdump may lie anywhere: its process maps a page of it as
 * code, for profilers to see.
 */
#include "user/core/jit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "user/core/clock.h"
#include "user/core/files.h"
#include "user/core/grow.h"
#include "user/core/log.h"
#include "user/core/procstat.h"
#include "user/core/space.h"
#include "user/core/track.h"

#define ANCESTORS_MAX 8
/* What the parser reads of a map. */
#define MAP_BYTES_MAX (64u << 20)
/* File systems stamp by a clock that ticks, up to 10 ms late, and so does ours by what it is set to. */
#define SLACK_NS      20000000ull

/* Enough lines that no other map has the same at the same place. */
#define TAIL_BYTES 512

/* How far a map had been written at some time. If it still ends alike there, it has only grown. */
struct mark {
	off_t size;
	size_t tail_len;
	char tail[TAIL_BYTES];
};

/* The map of a process that one was forked from before we were there. */
struct elder {
	int map;
	off_t size; /* not written since the fork */
};

struct held {
	struct pb_life life;
	uint64_t until_ns;  /* CLOCK_MONOTONIC, exec or end; 0: it lasts */
	off_t inherited;    /* bytes of its parent's map that tell of its code, too */
	int perf_map, dump; /* -1: none so far */
	struct mark own;    /* of its map, while nobody had followed; size 0: none */
	struct elder elders[ANCESTORS_MAX]; /* the nearest first */
	uint32_t n_elders;
	off_t next_from; /* what the map of the next life of the pid may have before it was that life's */
};

struct pb_jit {
	struct pb_jit_type type;
	struct pb_track *track;
	struct pb_files *files;
	struct pb_track_listener listener;
	struct held *held;
	uint32_t n_held, held_size;
};

static struct held *find_held(const struct pb_jit *j, uint32_t life)
{
	uint32_t i;

	for (i = 0; i < j->n_held; i++)
		if (j->held[i].life.id == life)
			return &j->held[i];
	return NULL;
}

static uint64_t written_ns(const struct stat *st)
{
	return (uint64_t)st->st_mtim.tv_sec * 1000000000ull + (uint64_t)st->st_mtim.tv_nsec;
}

/* Was the map that goes by its pid last written in this life? See jit.h. */
static bool is_of_life(int map, const struct held *h)
{
	uint64_t offset = pb_clock_read_ns(CLOCK_REALTIME) - pb_clock_ns(), written;
	struct stat st;

	if (fstat(map, &st))
		return false;
	written = written_ns(&st);
	return (!h->life.since_ns || written + SLACK_NS >= h->life.since_ns + offset) &&
	       (!h->until_ns || written <= h->until_ns + offset);
}

static ssize_t read_tail(int map, off_t size, char *tail)
{
	size_t len = size < TAIL_BYTES ? (size_t)size : TAIL_BYTES;

	return pread(map, tail, len, size - (off_t)len) == (ssize_t)len ? (ssize_t)len : -1;
}

/* All of it is of the life at hand. */
static void mark_own(struct held *h)
{
	struct stat st;
	ssize_t len;

	if (h->perf_map < 0 || !is_of_life(h->perf_map, h) || fstat(h->perf_map, &st))
		return;
	len = read_tail(h->perf_map, st.st_size, h->own.tail);
	h->own.tail_len = len > 0 ? (size_t)len : 0;
	h->own.size = len > 0 ? st.st_size : 0;
	h->next_from = h->own.size;
}

/* Whether a map holds what it held at a mark. */
static bool has_only_grown(int map, const struct mark *mark)
{
	char tail[TAIL_BYTES];

	return mark->size && read_tail(map, mark->size, tail) == (ssize_t)mark->tail_len &&
	       !memcmp(tail, mark->tail, mark->tail_len);
}

/* The last life before @time_ns that a pid had, of those that are held. */
static struct held *find_before(const struct pb_jit *j, uint32_t tgid, uint64_t time_ns)
{
	struct held *found = NULL;
	uint32_t i;

	for (i = 0; i < j->n_held; i++) {
		struct held *h = &j->held[i];

		if (h->life.tgid == tgid && h->life.since_ns < time_ns &&
		    (!found || h->life.since_ns >= found->life.since_ns))
			found = h;
	}
	return found;
}

/* Another life of @tgid begins at @time_ns, or none. We are told some milliseconds late: what the map has
 * got meanwhile may be of either. */
static void end_lives(struct pb_jit *j, uint32_t tgid, uint64_t time_ns)
{
	struct held *last = find_before(j, tgid, time_ns);
	struct stat st;
	uint32_t i;

	for (i = 0; i < j->n_held; i++)
		if (j->held[i].life.tgid == tgid && !j->held[i].until_ns)
			j->held[i].until_ns = time_ns;
	if (!last)
		return;
	mark_own(last);
	if (last->perf_map >= 0 && !fstat(last->perf_map, &st))
		last->next_from = st.st_size;
}

static void on_gone(void *ctx, uint32_t tgid)
{
	end_lives(ctx, tgid, pb_clock_ns());
}

/* When the newest life of a process began. */
static uint64_t newest_since(const struct pb_jit *j, uint32_t tgid, uint32_t *id)
{
	struct pb_life life = {.id = 0};

	if (pb_track_life(j->track, tgid, UINT64_MAX, &life))
		life.id = 0;
	*id = life.id;
	return life.since_ns ? life.since_ns : pb_clock_ns();
}

static void on_exec(void *ctx, uint32_t tgid)
{
	uint32_t id;

	end_lives(ctx, tgid, newest_since(ctx, tgid, &id));
}

int pb_jit_new(struct pb_jit **out, const struct pb_jit_type *type, struct pb_track *track,
	       struct pb_files *files)
{
	struct pb_jit *j = calloc(1, sizeof(*j));

	if (!j)
		return -ENOMEM;
	*j = (struct pb_jit){.type = *type, .track = track, .files = files};
	j->listener = (struct pb_track_listener){.on_exec = on_exec, .on_gone = on_gone, .ctx = j};
	pb_track_listen(track, &j->listener);
	*out = j;
	return 0;
}

void pb_jit_free(struct pb_jit *j)
{
	uint32_t i;

	if (!j)
		return;
	for (i = 0; i < j->n_held; i++) {
		if (j->held[i].perf_map >= 0)
			close(j->held[i].perf_map);
		if (j->held[i].dump >= 0)
			close(j->held[i].dump);
		while (j->held[i].n_elders)
			close(j->held[i].elders[--j->held[i].n_elders].map);
	}
	free(j->held);
	free(j);
}

/* A descriptor on the jitdump among what a process has mapped; -1 without. */
static int find_dump(const struct pb_jit *j, uint32_t tgid)
{
	pb_autofree struct pb_place *places = NULL;
	uint32_t n, i;
	int fd;

	if (pb_track_current(j->track, tgid, &places, &n))
		return -1;
	for (i = 0; i < n; i++) {
		if (places[i].kind != PB_MODULE_FILE || places[i].file == PB_NONE ||
		    !j->type.is_jitdump(pb_files_path(j->files, places[i].file)))
			continue;
		fd = pb_files_pinned_fd(j->files, places[i].file);
		if (fd >= 0)
			return fcntl(fd, F_DUPFD_CLOEXEC, 0);
	}
	return -1;
}

static void look(struct pb_jit *j, struct held *h)
{
	if (h->perf_map < 0) {
		h->perf_map = j->type.open_perf_map(h->life.tgid);
		if (h->perf_map >= 0 && !is_of_life(h->perf_map, h)) {
			pb_log(PB_LOG_DEBUG, "the perf map of process %u is of another program",
			       h->life.tgid);
			close(h->perf_map);
			h->perf_map = -1;
		}
	}
	mark_own(h);
	if (h->dump < 0 && !h->until_ns)
		h->dump = find_dump(j, h->life.tgid);
}

static bool is_same_file(int a, int b)
{
	struct stat sa, sb;

	return a >= 0 && b >= 0 && !fstat(a, &sa) && !fstat(b, &sb) && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

/* What of its map tells of a life. Return: false if nothing does. */
static bool find_part(const struct pb_jit *j, const struct held *h, off_t *from, off_t *to)
{
	const struct held *before = find_before(j, h->life.tgid, h->life.since_ns);
	struct stat st;

	if (h->perf_map < 0 || fstat(h->perf_map, &st))
		return false;
	*from = 0;
	*to = st.st_size;
	if (!is_of_life(h->perf_map, h)) {
		if (!has_only_grown(h->perf_map, &h->own))
			return false;
		*to = h->own.size;
	}
	if (before && is_same_file(before->perf_map, h->perf_map) &&
	    has_only_grown(h->perf_map, &before->own))
		*from = before->next_from;
	return *from < *to;
}

static void add_elder(const struct pb_jit *j, struct held *h, uint32_t tgid, uint64_t fork_ns)
{
	pb_autoclose int map = j->type.open_perf_map(tgid);
	struct stat st;

	if (map < 0 || fstat(map, &st))
		return;
	if (written_ns(&st) + SLACK_NS > fork_ns) {
		pb_log(PB_LOG_DEBUG,
		       "the perf map of process %u was written after the fork of %u: which part is "
		       "of both is not known",
		       tgid, h->life.tgid);
		return;
	}
	h->elders[h->n_elders++] = (struct elder){pb_take_fd(map), st.st_size};
}

/* What a process runs whose fork nobody told us of. */
static void find_elders(const struct pb_jit *j, struct held *h)
{
	struct pb_procstat_image own, image;
	struct pb_procstat child, parent;
	uint32_t i;

	if (pb_procstat_image(h->life.tgid, &own) || pb_procstat_read(h->life.tgid, &child))
		return;
	for (i = 0; i < ANCESTORS_MAX && child.parent_tgid; i++) {
		/* Another image: an exec since, or a stranger who was given the orphan. */
		if (pb_procstat_image(child.parent_tgid, &image) ||
		    memcmp(&own, &image, sizeof(own)) != 0 ||
		    pb_procstat_read(child.parent_tgid, &parent))
			return;
		add_elder(j, h, child.parent_tgid, child.start_ns);
		child = parent;
	}
}

static struct held *hold(struct pb_jit *j, const struct pb_life *life)
{
	struct held *h = find_held(j, life->id);
	uint64_t since_ns;
	uint32_t newest;

	if (!h) {
		if (pb_grow(&j->held, &j->held_size, j->n_held + 1ull, sizeof(*j->held)))
			return NULL;
		h = &j->held[j->n_held++];
		*h = (struct held){.life = *life, .perf_map = -1, .dump = -1};
		/* A stack may come to us behind the exec that followed it. */
		since_ns = newest_since(j, life->tgid, &newest);
		h->until_ns = newest == life->id ? 0 : since_ns;
		if (!life->since_ns && !life->parent && !h->until_ns)
			find_elders(j, h);
	}
	look(j, h);
	return h;
}

void pb_jit_hold(struct pb_jit *j, const struct pb_life *life)
{
	struct pb_life child = *life, parent;
	struct held *h = hold(j, life);
	off_t from, to;
	uint32_t id, i;

	for (i = 0; i < ANCESTORS_MAX && h && child.parent; i++) {
		if (pb_track_life(j->track, child.parent_tgid, child.since_ns, &parent) ||
		    parent.id != child.parent)
			return;
		id = child.id;
		h = hold(j, &parent);
		if (!h)
			return;
		if (find_part(j, h, &from, &to))
			find_held(j, id)->inherited = to;
		child = parent;
	}
}

/* Add whole lines to @out: of a part of a map that may be cut off at any time. */
static int copy_lines(int out, int map, off_t from, off_t to)
{
	size_t size = (size_t)(to - from);
	pb_autofree char *text = NULL;
	const char *end;
	ssize_t len;

	if (size > MAP_BYTES_MAX)
		return -EFBIG;
	text = malloc(size);
	if (!text)
		return -ENOMEM;
	len = pread(map, text, size, from);
	end = len > 0 ? memrchr(text, '\n', (size_t)len) : NULL;
	len = end ? end + 1 - text : 0;
	return !len || write(out, text, (size_t)len) == len ? 0 : -EIO;
}

/* Another descriptor of the same file, at its beginning. */
static int again(int fd)
{
	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -1;
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/* Maps of ancestors, the eldest first, then the own one: of two names for an address the last one wins. */
static int join_maps(const struct pb_jit *j, const struct held *own)
{
	const struct held *chain[ANCESTORS_MAX + 1] = {own};
	pb_autoclose int joined = memfd_create("perf-map", MFD_CLOEXEC);
	const struct elder *elder;
	off_t from, to;
	uint32_t n = 1, i;
	int err = 0;

	if (joined < 0)
		return -1;
	while (n <= ANCESTORS_MAX && chain[n - 1]->life.parent &&
	       (chain[n] = find_held(j, chain[n - 1]->life.parent)))
		n++;
	for (i = chain[n - 1]->n_elders; i > 0 && !err; i--) {
		elder = &chain[n - 1]->elders[i - 1];
		err = copy_lines(joined, elder->map, 0, elder->size);
	}
	while (n-- > 0 && !err) {
		if (!find_part(j, chain[n], &from, &to))
			continue;
		if (n && chain[n - 1]->inherited < to)
			to = chain[n - 1]->inherited;
		if (from < to)
			err = copy_lines(joined, chain[n]->perf_map, from, to);
	}
	if (err || !lseek(joined, 0, SEEK_CUR) || lseek(joined, 0, SEEK_SET) < 0)
		return -1;
	return pb_take_fd(joined);
}

int pb_jit_perf_map(struct pb_jit *j, uint32_t life)
{
	struct held *h = find_held(j, life);
	off_t from, to;

	if (!h)
		return -1;
	look(j, h);
	/* Most are alone, and have all of their map. */
	if (!h->life.parent && !h->n_elders && find_part(j, h, &from, &to) && !from &&
	    is_of_life(h->perf_map, h))
		return again(h->perf_map);
	return join_maps(j, h);
}

int pb_jit_dump(struct pb_jit *j, uint32_t life)
{
	struct held *h = find_held(j, life);

	if (!h)
		return -1;
	look(j, h);
	return again(h->dump);
}
