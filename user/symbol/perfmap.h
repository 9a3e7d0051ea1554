/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Perf maps: "START SIZE name" lines, in hex, that a JIT compiler appends to /tmp/perf-PID.map for
 * the functions it makes. /tmp is anybody's, in a container even more so: the file is opened by
 * rules that no symlink, FIFO or stranger's file passes, and each of its lines is checked.
 * Source: linux tools/perf/Documentation/jit-interface.txt.
 */
#ifndef PB_SYMBOL_PERFMAP_H
#define PB_SYMBOL_PERFMAP_H

#include <stddef.h>
#include <stdint.h>

#define PB_PERFMAP_SIZE_MAX (64u << 20)

struct pb_symtab;

/**
 * pb_perfmap_open() - open the perf map of a process.
 * @tgid: as we see it
 *
 * Looks for /tmp/perf-N.map inside the target's root, N being its pid in its innermost pid
 * namespace; then, if there is none, for /tmp/perf-TGID.map in ours. It must be a regular file, not
 * a symlink, of at most PB_PERFMAP_SIZE_MAX bytes, and belong to the target's file system user or
 * to root. One that was last written before the process began, give or take a second, is that of an
 * earlier process with its pid: pids are used again, in containers soon. Refusals are logged at debug level.
 *
 * Return: a descriptor, to be closed by the caller; -ENOENT if there is none; -EPERM if its owner
 * is wrong; -ESTALE if it is older than the process; -ELOOP for a symlink; -EINVAL if it is not a regular file; -EFBIG; -errno.
 */
int pb_perfmap_open(uint32_t tgid);

/* Read an open map into a finished table. Return: 0; -EFBIG; -ENOMEM; -errno of read(). */
int pb_perfmap_read(struct pb_symtab **out, int fd);

/**
 * pb_perfmap_parse() - add the entries of a text to a table, which is to be finished by later_wins.
 *
 * Numbers with and without 0x. Lines that are malformed, cover nothing or wrap around the address
 * space, and a last line that is not finished, are skipped. Return: 0; -EFBIG; -ENOMEM.
 */
int pb_perfmap_parse(struct pb_symtab *t, const char *text, size_t len);

#endif
