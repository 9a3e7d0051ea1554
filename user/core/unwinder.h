/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a session asks of whoever keeps unwind tables in the kernel: core knows no layer above it, so
 * the implementation (user/unwind) comes in as this table.
 */
#ifndef PB_CORE_UNWINDER_H
#define PB_CORE_UNWINDER_H

#include <stdbool.h>
#include <stdint.h>

struct bpf_object;
struct pb_files;
struct pb_report;
struct pb_track;

/* Everything is borrowed for the life of the unwinder. */
struct pb_unwinder_parts {
	struct bpf_object *object; /* loaded */
	struct pb_track *track;    /* to listen to; nothing is followed yet */
	struct pb_files *files;
	uint64_t limit_bytes; /* of tables in the kernel */
};

struct pb_unwinder_type {
	/* Return: 0; -errno, logged. */
	int (*open)(void **out, const struct pb_unwinder_parts *parts);
	/* May be given NULL. The maps stay as they are. */
	void (*free)(void *unwinder);
	/* To poll: readable when a walk missed something; then call take_misses(). */
	int (*fd)(const void *unwinder);
	void (*take_misses)(void *unwinder);
	/* Does something wait for the next pb_track_update()? Then call it at once: until it is done, walks
	 * of some processes end early. What only time can help does not count. */
	bool (*pending)(const void *unwinder);
	/* Kernel memory that is not in the maps of the object: segments made so far, bytes. */
	uint64_t (*bytes)(const void *unwinder);
	/* Fill report->unwind_*. */
	void (*describe)(const void *unwinder, struct pb_report *report);
};

#endif
