/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Paths of cgroups by id, which is the inode number of their folder in the unified hierarchy. */
#ifndef PB_IO_CGROUPS_H
#define PB_IO_CGROUPS_H

#include <stdint.h>

struct pb_idtable;

struct pb_io_cgroup {
	uint64_t id;
	char *path; /* below the mount: "/", "/system.slice/redis.service"; safe to show */
};

/* Begins zeroed. */
struct pb_io_cgroups {
	struct pb_io_cgroup *rows;
	uint32_t n, room;
	struct pb_idtable *index;
};

void pb_io_cgroups_drop(struct pb_io_cgroups *c);

/* Walk all folders below @top, within bounds, and remember those that are new. What is gone keeps its name.
 * Return: 0; -ENOMEM. */
int pb_io_cgroups_walk(struct pb_io_cgroups *c, const char *top);

/* NULL if it is not known. */
const char *pb_io_cgroups_path(const struct pb_io_cgroups *c, uint64_t id);

#endif
