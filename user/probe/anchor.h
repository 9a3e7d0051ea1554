/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Functions of our own to put probes on: to see whether the kernel takes them, and what they cost. */
#ifndef PB_PROBE_ANCHOR_H
#define PB_PROBE_ANCHOR_H

#include <stdint.h>

struct pb_anchor {
	int file_fd; /* our own executable, or the library this is linked into */
	uint64_t emulated_off, stepped_off; /* of the functions' first instructions in it */
};

/* Functions that do nothing; their first instruction is one that the kernel emulates, or not. */
void pb_anchor_emulated(void);
void pb_anchor_stepped(void);

/* Return: 0, to be closed; -errno, not logged. */
int pb_anchor_open(struct pb_anchor *out);
void pb_anchor_close(struct pb_anchor *a);

#endif
