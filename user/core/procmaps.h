/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The executable mappings of a process, as /proc/PID/maps lists them. Source: proc(5). */
#ifndef PB_CORE_PROCMAPS_H
#define PB_CORE_PROCMAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pb_procmap {
	uint64_t start, end; /* addresses */
	uint64_t file_off;   /* of start, bytes */
	uint64_t dev, ino;   /* dev as major << 32 | minor */
	uint32_t tid;     /* whose /proc directory shows it: a thread that still has its memory */
	const char *path; /* "" for anonymous memory; valid during the callback */
	bool shared;      /* written by one, seen by all who map it */
	bool executable;
};

/**
 * pb_procmaps_parse() - one line of a maps file, without its newline.
 * @line: hostile only in its path; cut at the path, which @out borrows
 *
 * Return: 1 if it is executable; 0 if not, and @out is filled all the same; -EPROTO.
 */
int pb_procmaps_parse(char *line, struct pb_procmap *out);

/**
 * pb_procmaps_read() - hand each executable mapping to @on_map.
 *
 * If the first thread is gone and others live, the list comes from one of those.
 * Return: 0; -ESRCH if there is no such process or it has no memory; -errno.
 */
int pb_procmaps_read(uint32_t tgid, void (*on_map)(void *, const struct pb_procmap *), void *ctx);

/* The same for all mappings, executable or not. */
int pb_procmaps_read_all(uint32_t tgid, void (*on_map)(void *, const struct pb_procmap *),
			 void *ctx);

/**
 * pb_procmaps_build_id() - the build id of what a process has mapped, by the kernel's word.
 * @start: first address of the mapping
 * @ino: of its file; 0 if not known
 * @id: of @size bytes, at least PB_BUILD_ID_MAX
 *
 * Where the file behind it cannot be opened, or may be another one by now, this tells what was mapped.
 * If another mapping lies there by now, or another file, this tells nothing. Devices are not compared:
 * overlayfs and btrfs show several for one file.
 * Return: its length; 0 if there is none, the kernel cannot tell (before 6.11), or may not tell us.
 * Source: linux commit bfc69fd05ef9 "fs/procfs: add build ID fetching to PROCMAP_QUERY API".
 */
size_t pb_procmaps_build_id(uint32_t tgid, uint64_t start, uint64_t ino, uint8_t *id, size_t size);

#endif
