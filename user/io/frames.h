/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The names along a stack of a profile, one per function that lies there, inlined ones included. */
#ifndef PB_IO_FRAMES_H
#define PB_IO_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

struct pb_profile;

struct pb_io_frame {
	char *name;
	bool is_user;    /* code of a process, and no marker */
	bool is_named;   /* false: "module+0xoffset" */
	bool is_wrapper; /* of the C library, the loader or the vdso: it only passes on */
};

struct pb_io_frames {
	struct pb_io_frame *rows; /* the leaf first, of it the innermost inlined function */
	uint32_t n;
};

/* @node: of the profile; PB_NONE: no frames. Return: 0, and pb_io_frames_drop() is due; -ENOMEM. */
int pb_io_frames_of(struct pb_io_frames *out, const struct pb_profile *p, uint32_t node);
void pb_io_frames_drop(struct pb_io_frames *frames);

/**
 * pb_io_frames_site() - "fn ← caller ← caller", where somebody can change something.
 * @max: functions at most
 *
 * The innermost first, of code of the process alone: what has no name, and the library's wrappers of system calls,
 * are passed over. Where that leaves nothing: the innermost functions, whatever they are. "" without frames.
 * Return: to be freed; NULL without memory.
 */
char *pb_io_frames_site(const struct pb_io_frames *frames, uint32_t max);

#endif
