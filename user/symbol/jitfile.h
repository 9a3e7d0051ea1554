/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The files by which JIT compilers tell of their code, as the tool finds them; what is in them is for the
 * parser. A perf map is /tmp/perf-PID.map, and /tmp is anybody's, in a container even more so: it is opened
 * by rules that no symlink, FIFO or stranger's file passes. A jitdump is among what its process has mapped.
 */
#ifndef PB_SYMBOL_JITFILE_H
#define PB_SYMBOL_JITFILE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * pb_jitfile_open_map() - open the perf map of a process.
 * @tgid: as we see it
 *
 * Looks for /tmp/perf-N.map inside the target's root, N being its pid in its innermost pid
 * namespace; then, if there is none, for /tmp/perf-TGID.map in ours. It must be a regular file, not
 * a symlink, of at most PB_WIRE_MAP_MAX bytes, and belong to the target's file system user or
 * to root. One that was last written before the process began, give or take a second, is that of an
 * earlier process with its pid: pids are used again, in containers soon. Refusals are logged at debug level.
 *
 * Return: a descriptor, to be closed by the caller; -ENOENT if there is none; -EPERM if its owner
 * is wrong; -ESTALE if it is older than the process; -ELOOP for a symlink; -EINVAL if it is not a
 * regular file; -EFBIG; -errno.
 */
int pb_jitfile_open_map(uint32_t tgid);

/* Whether a mapped file's path is that of a jitdump: its name is jit-NUMBER.dump. Programs map it as code
 * so that profilers see where it lies. */
bool pb_jitfile_is_dump(const char *path);

#endif
