/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A perf map lies where its process' pid says. A jitdump may lie anywhere: its process maps a page of it as
 * code, for profilers to see.
 */
#include "user/core/jit.h"

#include <errno.h>
#include <fcntl.h>

#include "user/core/files.h"
#include "user/core/grow.h"
#include "user/core/space.h"
#include "user/core/track.h"

struct held {
	uint32_t tgid;
	int perf_map, dump; /* -1: none so far */
};

struct pb_jit {
	struct pb_jit_type type;
	struct pb_track *track;
	struct pb_files *files;
	struct held *held;
	uint32_t n_held, held_size;
};

int pb_jit_new(struct pb_jit **out, const struct pb_jit_type *type, struct pb_track *track,
	       struct pb_files *files)
{
	struct pb_jit *j = calloc(1, sizeof(*j));

	if (!j)
		return -ENOMEM;
	*j = (struct pb_jit){.type = *type, .track = track, .files = files};
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

static struct held *find_held(struct pb_jit *j, uint32_t tgid)
{
	uint32_t i;

	for (i = 0; i < j->n_held; i++)
		if (j->held[i].tgid == tgid)
			return &j->held[i];
	if (pb_grow(&j->held, &j->held_size, j->n_held + 1ull, sizeof(*j->held)))
		return NULL;
	j->held[j->n_held] = (struct held){.tgid = tgid, .perf_map = -1, .dump = -1};
	return &j->held[j->n_held++];
}

static struct held *look(struct pb_jit *j, uint32_t tgid)
{
	struct held *held = find_held(j, tgid);

	if (!held)
		return NULL;
	if (held->perf_map < 0)
		held->perf_map = j->type.open_perf_map(tgid);
	if (held->dump < 0)
		held->dump = find_dump(j, tgid);
	return held;
}

void pb_jit_hold(struct pb_jit *j, uint32_t tgid)
{
	look(j, tgid);
}

/* Another descriptor of the same file, at its beginning. */
static int again(int fd)
{
	if (fd < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -1;
	return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

int pb_jit_perf_map(struct pb_jit *j, uint32_t tgid)
{
	const struct held *held = look(j, tgid);

	return held ? again(held->perf_map) : -1;
}

int pb_jit_dump(struct pb_jit *j, uint32_t tgid)
{
	const struct held *held = look(j, tgid);

	return held ? again(held->dump) : -1;
}
