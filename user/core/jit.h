/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What JIT compilers tell about the code they make: perf maps and jitdumps, held open since a process was
 * first seen in code without a file, so that its names outlive it. Both grow: they are read at the end.
 *
 * What is held belongs to a life of a process (struct pb_life), not to its pid: after an exec, or once the
 * pid is another process', the same addresses are other code. A perf map goes by the pid alone, so it is
 * believed only of a life in which it was last written:
 *
 *   mtime   before the life began         of the program before the exec, or of an earlier process
 *           while it lasts                this life's
 *           behind its end                gone on with, or written over since: what is lost then are names,
 *                                         never right ones
 *
 * What comes next may go on writing where the life before has ended. What the map held then, and holds
 * still, is of the life before, and what follows is of the next one. If we never met the life before in code
 * without a file, that is not known, and counts as the next one's.
 *
 * A jitdump needs no such rule: it counts for the life that has it mapped.
 *
 * A forked process runs what its parent has compiled until then. The parent's map, as long as it was when
 * the child was first seen in such code, comes before the child's own; an exec ends that. The parent is
 * the one that the kernel told of. Of a process that was forked before the capture it is the one that waits
 * for it, if both still are of one exec (struct pb_procstat_image), and its map counts only if it was not
 * written since the fork: which lines are older is not known otherwise. Its own parents likewise. If the one
 * that forked it has ended, and one further up that is of that exec has taken it over, that counts as the parent.
 */
#ifndef PB_CORE_JIT_H
#define PB_CORE_JIT_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/own.h"

struct pb_files;
struct pb_jit;
struct pb_life;
struct pb_track;

/* What core does not know about their formats. */
struct pb_jit_type {
	int (*open_perf_map)(uint32_t tgid); /* a descriptor, to be closed, or -errno */
	bool (*is_jitdump)(const char *path);
};

/* @track and @files are borrowed for the life of the object; it listens to @track from now on. Return: 0;
 * -ENOMEM. */
int pb_jit_new(struct pb_jit **out, const struct pb_jit_type *type, struct pb_track *track,
	       struct pb_files *files);
void pb_jit_free(struct pb_jit *j);
PB_DEFINE_FREE(pb_jit, pb_jit_free);

/* A process runs code without a file: hold what it tells about it, if it tells anything yet. */
void pb_jit_hold(struct pb_jit *j, const struct pb_life *life);

/*
 * Descriptors for reading from the start, to be closed, by the id of a life that was held; what was not
 * there when the process was first seen is looked for once more. Return: a descriptor; -1 if there is none.
 */
int pb_jit_perf_map(struct pb_jit *j, uint32_t life);
int pb_jit_dump(struct pb_jit *j, uint32_t life);

#endif
