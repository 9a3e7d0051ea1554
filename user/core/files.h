/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The files that targets map, each opened once, at first sight, and held open: so that a target that
 * exits, a binary that is replaced or deleted, or a container that goes away still gives its names.
 */
#ifndef PB_CORE_FILES_H
#define PB_CORE_FILES_H

#include <stdint.h>

#include "user/core/own.h"
#include "user/core/profile.h"

struct pb_files;

/* A mapping as it was first seen. */
struct pb_file_sight {
	uint32_t tgid;       /* or a thread of it, if the first one is gone */
	uint64_t start, end; /* of the mapping, to find it in /proc/PID/map_files */
	const char *path;    /* as the kernel shows it; " (deleted)" is understood */
	const uint8_t *build_id;
	uint32_t build_id_len; /* 0 if not known */
	uint64_t dev, ino;     /* as /proc/PID/maps shows them; 0 if not known */
};

int pb_files_new(struct pb_files **out);
void pb_files_free(struct pb_files *f);
PB_DEFINE_FREE(pb_files, pb_files_free);

/**
 * pb_files_see() - the id of the file behind a mapping, pinning it at its first sight.
 *
 * Tries /proc/PID/map_files (the mapped inode itself), then the path inside the target's root, then,
 * if a build id is there to check it by, the path as we see it. Only regular files are opened. A file that
 * cannot be opened has an id too, by path and build id, and no descriptor. A file that was rewritten in
 * place since it was pinned (its size or time of modification tells) is a new file with a new id.
 * Return: the id; PB_NONE without memory.
 */
uint32_t pb_files_see(struct pb_files *f, const struct pb_file_sight *sight);

/* Of a file: its descriptor (borrowed, -1 if none, or if the file was changed since it was pinned: its
 * names would be another program's), path (owned), and build id (0 bytes if unknown). */
int pb_files_fd(const struct pb_files *f, uint32_t id);
/* The same descriptor whatever became of its contents: for files that grow, such as a jitdump. */
int pb_files_pinned_fd(const struct pb_files *f, uint32_t id);
/* A process that mapped it, the one that was seen last. */
uint32_t pb_files_process(const struct pb_files *f, uint32_t id);
const char *pb_files_path(const struct pb_files *f, uint32_t id);
const uint8_t *pb_files_build_id(const struct pb_files *f, uint32_t id, uint32_t *len);

#endif
