/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/attach.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/core/grow.h"
#include "user/core/log.h"
#include "user/core/procstat.h"

#define FILES_MAX     64 /* one bit each in a process' mask */
#define UNSEEN_MAX    16
#define SKIPPED_MAX   4096
/* Between two looks at one process: short where a program has just begun, twice as long each time. */
#define LOOK_SOON_NS  1000000ull
#define LOOK_AGAIN_NS 1000000000ull
#define LOOKS_AT_ONCE 4
#define NOT_STARTED   0 /* the command's number until it has one */

struct process {
	pid_t tgid;
	uint64_t has; /* bit i: probes on files[i] */
	struct pb_uprobes links;
	bool is_dirty;
	uint64_t looked_ns, pause_ns;
};

/* A file for which there was no room. */
struct skipped {
	dev_t dev;
	ino_t ino;
};

struct pb_alloc_attach {
	enum pb_uprobe_way way;
	bool track_frees;
	struct pb_alloc_programs programs;
	bool is_attached;
	struct pb_alloc_sight sight;
	struct pb_allocator files[FILES_MAX];
	uint32_t n_files;
	struct skipped *skipped; /* each once */
	uint32_t n_skipped, skipped_size;
	char *unseen[UNSEEN_MAX]; /* see struct pb_allocators */
	uint32_t n_unseen;
	struct process *processes;
	uint32_t n, size;
};

int pb_alloc_attach_new(struct pb_alloc_attach **out)
{
	struct pb_alloc_attach *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	*out = a;
	return 0;
}

void pb_alloc_attach_free(struct pb_alloc_attach *a)
{
	uint32_t i;

	if (!a)
		return;
	for (i = 0; i < a->n; i++)
		pb_uprobes_drop(&a->processes[i].links);
	for (i = 0; i < a->n_files; i++)
		pb_allocator_drop(&a->files[i]);
	for (i = 0; i < a->n_unseen; i++)
		free(a->unseen[i]);
	free(a->skipped);
	free(a->processes);
	free(a);
}

static struct process *find_process(const struct pb_alloc_attach *a, pid_t tgid)
{
	uint32_t i;

	for (i = 0; i < a->n; i++) {
		if (a->processes[i].tgid == tgid)
			return &a->processes[i];
	}
	return NULL;
}

static struct process *add_process(struct pb_alloc_attach *a, pid_t tgid)
{
	struct process *p = find_process(a, tgid);

	if (p)
		return p;
	if (pb_grow(&a->processes, &a->size, a->n + 1ull, sizeof(*a->processes)))
		return NULL;
	p = &a->processes[a->n++];
	*p = (struct process){.tgid = tgid, .pause_ns = LOOK_SOON_NS};
	return p;
}

static void note_skipped(struct pb_alloc_attach *a, const struct pb_allocator *file)
{
	uint32_t i;

	for (i = 0; i < a->n_skipped; i++) {
		if (a->skipped[i].dev == file->dev && a->skipped[i].ino == file->ino)
			return;
	}
	if (a->n_skipped < SKIPPED_MAX &&
	    !pb_grow(&a->skipped, &a->skipped_size, a->n_skipped + 1ull, sizeof(*a->skipped)))
		a->skipped[a->n_skipped++] = (struct skipped){file->dev, file->ino};
}

/* The number of a file; takes it over, or drops it if it is known. FILES_MAX: no room. */
static uint32_t add_file(struct pb_alloc_attach *a, struct pb_allocator *file)
{
	uint32_t i;

	for (i = 0; i < a->n_files; i++) {
		if (a->files[i].dev == file->dev && a->files[i].ino == file->ino)
			break;
	}
	if (i == FILES_MAX)
		note_skipped(a, file);
	if (i < a->n_files || i == FILES_MAX) {
		pb_allocator_drop(file);
	} else {
		a->files[i] = *file;
		a->n_files++;
	}
	memset(file, 0, sizeof(*file));
	file->fd = -1;
	return i;
}

static void take_unseen(struct pb_alloc_attach *a, char **path)
{
	uint32_t i;

	for (i = 0; i < a->n_unseen; i++) {
		if (!strcmp(a->unseen[i], *path))
			return;
	}
	if (a->n_unseen < UNSEEN_MAX)
		a->unseen[a->n_unseen++] = pb_take(*path);
}

/* Take over what was found in a process. Return: the files it has, as a mask. */
static uint64_t take_files(struct pb_alloc_attach *a, struct pb_allocators *found)
{
	uint64_t has = 0;
	uint32_t i, file;

	for (i = 0; i < found->n; i++) {
		file = add_file(a, &found->items[i]);
		if (file < FILES_MAX)
			has |= 1ull << file;
	}
	for (i = 0; i < found->n_unseen; i++)
		take_unseen(a, &found->unseen[i]);
	a->sight.is_go |= found->is_go;
	a->sight.is_static |= found->is_static;
	a->sight.is_32bit |= found->is_32bit;
	a->sight.objects += found->objects;
	return has;
}

static int count_functions(const struct pb_alloc_attach *a, uint64_t has)
{
	uint32_t i, n = 0;

	for (i = 0; i < a->n_files; i++)
		n += has & 1ull << i ? a->files[i].n : 0;
	return (int)n;
}

static int take_found(struct pb_alloc_attach *a, pid_t tgid, struct pb_allocators *found)
{
	struct process *p = add_process(a, tgid);

	if (!p)
		return -ENOMEM;
	p->has |= take_files(a, found);
	return count_functions(a, p->has);
}

int pb_alloc_attach_find(struct pb_alloc_attach *a, pid_t tgid)
{
	pb_auto(pb_allocators) struct pb_allocators *found = NULL;
	int err = pb_allocators_of_process(&found, tgid);

	return err ? err : take_found(a, tgid, found);
}

/* The file that execvp() would run. Return: 0; -errno. */
static int find_in_path(const char *command, char path[PATH_MAX])
{
	const char *at = getenv("PATH"), *end;
	int len;

	if (strchr(command, '/')) {
		len = snprintf(path, PATH_MAX, "%s", command);
		return len < PATH_MAX ? 0 : -ENAMETOOLONG;
	}
	for (at = at ? at : "/bin:/usr/bin"; *at; at = *end ? end + 1 : end) {
		end = strchrnul(at, ':');
		len = snprintf(path, PATH_MAX, "%.*s%s%s", (int)(end - at), at, end > at ? "/" : "",
			       command);
		if (len < PATH_MAX && !access(path, X_OK))
			return 0;
	}
	return -ENOENT;
}

int pb_alloc_attach_find_command(struct pb_alloc_attach *a, const char *command)
{
	pb_auto(pb_allocators) struct pb_allocators *found = NULL;
	char path[PATH_MAX];
	int err = find_in_path(command, path);

	err = err ? err : pb_allocators_of_command(&found, path, environ);
	return err ? err : take_found(a, NOT_STARTED, found);
}

int pb_alloc_attach_start(struct pb_alloc_attach *a, pid_t tgid)
{
	struct process *p = find_process(a, NOT_STARTED);

	if (!p)
		p = add_process(a, tgid);
	if (!p)
		return -ENOMEM;
	p->tgid = tgid;
	return 0;
}

void pb_alloc_attach_sight(const struct pb_alloc_attach *a, struct pb_alloc_sight *out)
{
	*out = a->sight;
}

static uint64_t cookie_of(const struct pb_alloc_function *f)
{
	uint64_t cookie = f->call | (f->nests ? PB_COOKIE_NESTS : 0) |
			  (f->placement.emulated ? 0 : PB_COOKIE_STEPPED) |
			  (f->throws ? PB_COOKIE_THROWS : 0);
	uint32_t i;

	if (!f->placement.moved)
		return cookie;
	for (i = 0; i < PB_PLACEMENT_ARGS; i++)
		cookie |= (uint64_t)f->placement.arg_regs[i] << PB_COOKIE_REG_SHIFT(i);
	return cookie | PB_COOKIE_MOVED;
}

/* Functions of a file, by what is done to them. */
enum part {
	PART_ALLOCS,
	PART_ENDS, /* of those that allocate, the ones whose ends can be awaited: see PB_COOKIE_THROWS */
	PART_NESTING, /* and of these, the ones that may call another */
	PART_FREES,
};

static bool is_part(const struct pb_alloc_function *f, enum part part)
{
	if (part == PART_FREES || f->call == PB_CALL_FREE)
		return part == PART_FREES && f->call == PB_CALL_FREE;
	return part == PART_ALLOCS || (!f->throws && (part == PART_ENDS || f->nests));
}

static uint32_t probes_of(const struct pb_allocator *file, enum part part, struct pb_uprobe *probes)
{
	const struct pb_alloc_function *f;
	uint32_t i, n = 0;

	for (i = 0; i < file->n; i++) {
		f = &file->functions[i];
		if (is_part(f, part))
			probes[n++] =
				(struct pb_uprobe){.offset = f->file_off + f->placement.offset,
						   .cookie = cookie_of(f)};
	}
	return n;
}

static enum pb_uprobe_way way_of_ends(const struct pb_alloc_attach *a)
{
	return a->way == PB_UPROBE_SESSION ? PB_UPROBE_MULTI : a->way;
}

static int attach_file(struct pb_alloc_attach *a, struct process *p,
		       const struct pb_allocator *file)
{
	const struct pb_alloc_programs *with = &a->programs;
	pb_autofree struct pb_uprobe *probes = calloc(file->n + 1, sizeof(*probes));
	uint32_t n, before = p->links.n;
	int err = 0;

	if (!probes)
		return -ENOMEM;
	/* Frees first: a block that is freed before its allocation was seen is no harm, the reverse is. */
	if (a->track_frees) {
		n = probes_of(file, PART_FREES, probes);
		err = pb_uprobe_attach(&p->links, way_of_ends(a), with->enter, false, file->fd,
				       p->tgid, probes, n);
	}
	n = probes_of(file, PART_ALLOCS, probes);
	if (a->way == PB_UPROBE_SESSION)
		return err ? err
			   : pb_uprobe_attach(&p->links, a->way, with->session, false, file->fd,
					      p->tgid, probes, n);
	/* Ends first, too: a beginning without an end leaves a call under way. Without frees only those are
	 * needed that pb_record_early() cannot do without. */
	n = probes_of(file, a->track_frees ? PART_ENDS : PART_NESTING, probes);
	err = err ? err
		  : pb_uprobe_attach(&p->links, a->way, with->leave, true, file->fd, p->tgid,
				     probes, n);
	n = probes_of(file, PART_ALLOCS, probes);
	err = err ? err
		  : pb_uprobe_attach(&p->links, a->way, with->enter, false, file->fd, p->tgid,
				     probes, n);
	if (err)
		pb_uprobe_detach(&p->links, before);
	return err;
}

/* Return: 0; -ESRCH if it is gone; -errno. */
static int attach_files(struct pb_alloc_attach *a, struct process *p, uint64_t files)
{
	uint32_t i;
	int err = 0;

	for (i = 0; i < a->n_files && !err; i++) {
		if (files & 1ull << i)
			err = attach_file(a, p, &a->files[i]);
	}
	return err;
}

static int attach_each(struct pb_alloc_attach *a)
{
	uint32_t i;
	int err = 0;

	for (i = 0; i < a->n && !err; i++) {
		err = attach_files(a, &a->processes[i], a->processes[i].has);
		if (err)
			return pb_err(-err, "attach to process %d", (int)a->processes[i].tgid);
	}
	a->is_attached = true;
	return 0;
}

int pb_alloc_attach_all(struct pb_alloc_attach *a)
{
	return attach_each(a);
}

void pb_alloc_attach_use(struct pb_alloc_attach *a, enum pb_uprobe_way way, bool track_frees,
			 const struct pb_alloc_programs *programs)
{
	a->way = way;
	a->track_frees = track_frees;
	a->programs = *programs;
}

void pb_alloc_attach_none(struct pb_alloc_attach *a)
{
	struct pb_uprobes all = {0};
	uint32_t i, k;

	/* All at once, if there is room to say so: see pb_uprobe_detach(). */
	for (i = 0; i < a->n; i++) {
		struct pb_uprobes *links = &a->processes[i].links;

		if (!pb_grow(&all.fds, &all.size, (uint64_t)all.n + links->n, sizeof(*all.fds))) {
			for (k = 0; k < links->n; k++)
				all.fds[all.n++] = links->fds[k];
			links->n = 0;
		}
		pb_uprobe_detach(links, 0);
	}
	pb_uprobes_drop(&all);
	a->is_attached = false;
}

int pb_alloc_attach_measure(struct pb_alloc_attach *a)
{
	pb_autofree struct pb_uprobe *probes = NULL;
	struct pb_allocator *file;
	uint32_t i, k, n;
	int err = 0;

	for (i = 0; i < a->n; i++) {
		for (k = 0; k < a->n_files && !err; k++) {
			file = &a->files[k];
			if (!(a->processes[i].has & 1ull << k))
				continue;
			free(probes);
			probes = calloc(file->n + 1, sizeof(*probes));
			if (!probes)
				return -ENOMEM;
			n = probes_of(file, PART_ALLOCS, probes);
			if (a->track_frees)
				n += probes_of(file, PART_FREES, probes + n);
			err = pb_uprobe_attach(&a->processes[i].links, way_of_ends(a),
					       a->programs.measure, false, file->fd,
					       a->processes[i].tgid, probes, n);
		}
		if (err)
			return pb_err(-err, "attach to process %d", (int)a->processes[i].tgid);
	}
	return 0;
}

void pb_alloc_attach_forked(struct pb_alloc_attach *a, pid_t parent, pid_t child)
{
	struct process *from = find_process(a, parent), *p;
	uint64_t has = from ? from->has : 0;
	int err;

	p = add_process(a, child);
	if (!p || !a->is_attached)
		return;
	p->has |= has;
	p->is_dirty = true;
	err = attach_files(a, p, has);
	if (err && err != -ESRCH)
		pb_log(PB_LOG_WARN, "process %d, a child, is not measured: %s", (int)child,
		       strerror(-err));
}

void pb_alloc_attach_mapped(struct pb_alloc_attach *a, pid_t tgid)
{
	struct process *p = find_process(a, tgid);

	if (p)
		p->is_dirty = true;
}

void pb_alloc_attach_execed(struct pb_alloc_attach *a, pid_t tgid)
{
	struct process *p = find_process(a, tgid);

	if (!p)
		return;
	p->is_dirty = true;
	p->looked_ns = 0;
	p->pause_ns = LOOK_SOON_NS;
}

void pb_alloc_attach_gone(struct pb_alloc_attach *a, pid_t tgid)
{
	struct process *p = find_process(a, tgid);

	if (!p)
		return;
	pb_uprobes_retire(&p->links);
	*p = a->processes[--a->n];
}

/* Does it have allocators by now that it did not have? */
static void look_again(struct pb_alloc_attach *a, struct process *p, uint64_t now_ns)
{
	pb_auto(pb_allocators) struct pb_allocators *found = NULL;
	uint64_t has;
	int err = pb_allocators_of_process(&found, p->tgid);

	p->is_dirty = false;
	p->looked_ns = now_ns;
	p->pause_ns = p->pause_ns < LOOK_AGAIN_NS / 2 ? p->pause_ns * 2 : LOOK_AGAIN_NS;
	if (err)
		return;
	has = take_files(a, found) & ~p->has;
	if (!has)
		return;
	err = attach_files(a, p, has);
	if (err && err != -ESRCH)
		pb_log(PB_LOG_WARN, "an allocator that process %d loaded is not measured: %s",
		       (int)p->tgid, strerror(-err));
	p->has |= has;
}

void pb_alloc_attach_update(struct pb_alloc_attach *a, uint64_t now_ns)
{
	uint32_t i, looks = 0;

	if (!a->is_attached)
		return;
	for (i = 0; i < a->n && looks < LOOKS_AT_ONCE; i++) {
		if (!a->processes[i].is_dirty ||
		    now_ns - a->processes[i].looked_ns < a->processes[i].pause_ns)
			continue;
		look_again(a, &a->processes[i], now_ns);
		looks++;
	}
}

uint64_t pb_alloc_attach_rss(const struct pb_alloc_attach *a)
{
	struct pb_procstat stat;
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < a->n; i++)
		sum += pb_procstat_read((uint32_t)a->processes[i].tgid, &stat) ? 0 : stat.rss_bytes;
	return sum;
}

/* What was met and is not probed, and why. */
static int describe_unseen(const struct pb_alloc_attach *a, char **all, uint32_t *n)
{
	uint32_t i;

	for (i = 0; i < a->n_unseen; i++) {
		if (asprintf(
			    &all[*n],
			    "not seen: %s, whose malloc stands behind another one: only what looks it "
			    "up by dlsym() calls it, and whether one calls the other is not known",
			    a->unseen[i]) < 0)
			return -ENOMEM;
		++*n;
	}
	if (!a->n_skipped)
		return 0;
	if (asprintf(&all[*n],
		     "not seen: %u more file%s with an allocator, since %u are probed at most",
		     a->n_skipped, a->n_skipped == 1 ? "" : "s", FILES_MAX) < 0)
		return -ENOMEM;
	++*n;
	return 0;
}

int pb_alloc_attach_describe(const struct pb_alloc_attach *a, char ***lines, uint32_t *n)
{
	char **all = calloc(a->n_files + a->n_unseen + 1ull, sizeof(*all));
	uint32_t i;

	if (!all)
		return -ENOMEM;
	*lines = all;
	for (i = 0; i < a->n_files; i++) {
		if (asprintf(&all[i], "%s (%s)", a->files[i].kind, a->files[i].path) < 0)
			return -ENOMEM;
		*n = i + 1;
	}
	return describe_unseen(a, all, n);
}

void pb_alloc_attach_log(const struct pb_alloc_attach *a, double entry_ns, double step_ns)
{
	const struct pb_alloc_function *f;
	uint32_t i, k;

	for (i = 0; i < a->n_files; i++) {
		for (k = 0; k < a->files[i].n; k++) {
			f = &a->files[i].functions[k];
			pb_log(PB_LOG_DEBUG, "probe %s of %s at +%u (%s): %.0f ns a hit", f->name,
			       a->files[i].path, f->placement.offset,
			       f->placement.emulated ? f->placement.instruction : "single-stepped",
			       f->placement.emulated ? entry_ns : step_ns);
		}
	}
}

uint32_t pb_alloc_attach_stepped(const struct pb_alloc_attach *a, const char **example)
{
	uint32_t i, k, n = 0;

	for (i = 0; i < a->n_files; i++) {
		for (k = 0; k < a->files[i].n; k++) {
			if (a->files[i].functions[k].placement.emulated)
				continue;
			*example = a->files[i].functions[k].name;
			n++;
		}
	}
	return n;
}
