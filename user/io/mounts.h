/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Mounts of the tool's namespace, and where a file of a file system is seen through them: by proc(5), a line of
 * mountinfo is
 *
 *   36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw
 *   id parent st_dev root point options [fields] - type source options
 *
 * A file at /mnt1/a is seen as /mnt2/a, unless a mount upon /mnt2, or upon a folder on the way, hides it.
 */
#ifndef PB_IO_MOUNTS_H
#define PB_IO_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pb_io_mount {
	uint64_t id, parent;
	uint32_t dev;
	bool is_cgroup2;
	bool is_shown; /* its root is what is seen at its point */
	char *root;    /* within its file system; as all bytes here: unescaped, not safe to show */
	char *point;
};

/* Begins zeroed. */
struct pb_io_mounts {
	struct pb_io_mount *rows; /* by parent */
	uint32_t n, room;
};

void pb_io_mounts_drop(struct pb_io_mounts *mounts);

/* What mountinfo holds; lines that are none are passed over. Replaces what was there. Return: 0; -ENOMEM, and
 * nothing has changed. */
int pb_io_mounts_parse(struct pb_io_mounts *mounts, const char *text, size_t size);
/* The same of @root/proc/self/mountinfo; none if it cannot be read. */
int pb_io_mounts_read(struct pb_io_mounts *mounts, const char *root);

/* Whether a file system of this number is mounted. */
bool pb_io_mounts_has(const struct pb_io_mounts *mounts, uint32_t dev);

/**
 * pb_io_mounts_path() - the shortest path at which a file is seen.
 * @path: of the file within its file system, "/a/b"
 * @out: set on success, to be freed; not safe to show
 *
 * Return: 0; -ENOENT if no mount shows it; -ENOMEM.
 */
int pb_io_mounts_path(const struct pb_io_mounts *mounts, uint32_t dev, const char *path,
		      char **out);

/* Where the unified hierarchy is mounted; NULL if it is not. */
const char *pb_io_mounts_cgroup2(const struct pb_io_mounts *mounts);

#endif
