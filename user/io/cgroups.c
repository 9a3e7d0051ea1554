/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/cgroups.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/core/grow.h"
#include "user/core/idtable.h"
#include "user/core/own.h"
#include "user/core/text.h"

/* systemd nests six deep with containers inside; each level holds a descriptor. */
#define DEPTH_MAX 32
/* What the kernel allows by default is without a bound; the names of so many take some MB. */
#define ROWS_MAX  65536

void pb_io_cgroups_drop(struct pb_io_cgroups *c)
{
	for (uint32_t i = 0; i < c->n; i++)
		free(c->rows[i].path);
	free(c->rows);
	pb_idtable_free(c->index);
	*c = (struct pb_io_cgroups){0};
}

static bool same_id(const void *rows, uint32_t id, const void *key)
{
	const struct pb_io_cgroup *r = rows;

	return r[id].id == *(const uint64_t *)key;
}

static uint32_t find(const struct pb_io_cgroups *c, uint64_t id)
{
	if (!c->index)
		return PB_IDTABLE_NONE;
	return pb_idtable_find(c->index, pb_idtable_hash(c->index, &id, sizeof(id)), same_id,
			       c->rows, &id);
}

const char *pb_io_cgroups_path(const struct pb_io_cgroups *c, uint64_t id)
{
	uint32_t i = find(c, id);

	return i == PB_IDTABLE_NONE ? NULL : c->rows[i].path;
}

static int add(struct pb_io_cgroups *c, uint64_t id, const char *path)
{
	pb_autofree char *copy = NULL;

	if (find(c, id) != PB_IDTABLE_NONE || c->n == ROWS_MAX)
		return 0;
	copy = strdup(path);
	if (!copy || pb_grow(&c->rows, &c->room, (uint64_t)c->n + 1, sizeof(*c->rows)) ||
	    pb_idtable_add(c->index, pb_idtable_hash(c->index, &id, sizeof(id)), c->n))
		return -ENOMEM;
	c->rows[c->n++] = (struct pb_io_cgroup){.id = id, .path = pb_take(copy)};
	return 0;
}

/* A folder that is open, and where its path ends in the text that all levels share. */
struct level {
	DIR *folder;
	size_t len;
};

struct walk {
	struct pb_io_cgroups *c;
	struct level levels[DEPTH_MAX];
	int depth;
	char path[PB_NAME_MAX];
};

/* One level down, into @name of the level above it; takes nothing where it cannot. Return: 0; -ENOMEM. */
static int enter(struct walk *w, int at, const char *name)
{
	size_t len = w->depth ? w->levels[w->depth - 1].len : 0;
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (w->depth ? O_NOFOLLOW : 0), err;
	pb_autoclose int fd = w->depth == DEPTH_MAX ? -1 : openat(at, name, flags);
	struct stat st;
	DIR *d;

	if (fd < 0 || fstat(fd, &st))
		return 0;
	if (w->depth) {
		if (len + 16 > sizeof(w->path))
			return 0;
		w->path[len++] = '/';
		len += pb_text_safe(w->path + len, sizeof(w->path) - len, name, strlen(name));
	}
	w->path[len] = '\0';
	err = add(w->c, st.st_ino, len ? w->path : "/");
	d = err ? NULL : fdopendir(fd);
	if (!d)
		return err;
	(void)pb_take_fd(fd); /* the folder's now */
	w->levels[w->depth++] = (struct level){d, len};
	return 0;
}

int pb_io_cgroups_walk(struct pb_io_cgroups *c, const char *top)
{
	pb_autofree struct walk *w = calloc(1, sizeof(*w));
	int err;

	if (!w || (!c->index && pb_idtable_new(&c->index)))
		return -ENOMEM;
	w->c = c;
	err = enter(w, AT_FDCWD, top);
	while (w->depth) {
		DIR *d = w->levels[w->depth - 1].folder;
		struct dirent *e = err || c->n == ROWS_MAX ? NULL : readdir(d);

		if (!e) {
			closedir(d);
			w->depth--;
		} else if (e->d_name[0] != '.' &&
			   (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN)) {
			err = enter(w, dirfd(d), e->d_name);
		}
	}
	return err;
}
