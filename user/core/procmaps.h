/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The executable mappings of a process, as /proc/PID/maps lists them. Source: proc(5). */
#ifndef PB_CORE_PROCMAPS_H
#define PB_CORE_PROCMAPS_H

#include <stdint.h>

struct pb_procmap {
	uint64_t start, end; /* addresses */
	uint64_t file_off;   /* of start, bytes */
	uint64_t dev, ino;   /* dev as major << 32 | minor */
	uint32_t tid;     /* whose /proc directory shows it: a thread that still has its memory */
	const char *path; /* "" for anonymous memory; valid during the callback */
};

/**
 * pb_procmaps_parse() - one line of a maps file, without its newline.
 * @line: hostile only in its path; cut at the path, which @out borrows
 *
 * Return: 1 if it is executable; 0 if not; -EPROTO.
 */
int pb_procmaps_parse(char *line, struct pb_procmap *out);

/**
 * pb_procmaps_read() - hand each executable mapping to @on_map.
 *
 * If the first thread is gone and others live, the list comes from one of those.
 * Return: 0; -ESRCH if there is no such process or it has no memory; -errno.
 */
int pb_procmaps_read(uint32_t tgid, void (*on_map)(void *, const struct pb_procmap *), void *ctx);

#endif
