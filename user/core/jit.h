/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What JIT compilers tell about the code they make: perf maps and jitdumps, held open since a process was
 * first seen in code without a file, so that its names outlive it. Both grow: they are read at the end.
 */
#ifndef PB_CORE_JIT_H
#define PB_CORE_JIT_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/own.h"

struct pb_files;
struct pb_jit;
struct pb_track;

/* What core does not know about their formats. */
struct pb_jit_type {
	int (*open_perf_map)(uint32_t tgid); /* a descriptor, to be closed, or -errno */
	bool (*is_jitdump)(const char *path);
};

/* @track and @files are borrowed for the life of the object. Return: 0; -ENOMEM. */
int pb_jit_new(struct pb_jit **out, const struct pb_jit_type *type, struct pb_track *track,
	       struct pb_files *files);
void pb_jit_free(struct pb_jit *j);
PB_DEFINE_FREE(pb_jit, pb_jit_free);

/* A process runs code without a file: hold what it tells about it, if it tells anything yet. */
void pb_jit_hold(struct pb_jit *j, uint32_t tgid);

/*
 * Descriptors for reading from the start, to be closed; what was not there when the process was first seen
 * is looked for once more. Return: a descriptor; -1 if there is none.
 */
int pb_jit_perf_map(struct pb_jit *j, uint32_t tgid);
int pb_jit_dump(struct pb_jit *j, uint32_t tgid);

#endif
