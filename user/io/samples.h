/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Lines as samples of a profile: the stack, and under it what the I/O was of. */
#ifndef PB_IO_SAMPLES_H
#define PB_IO_SAMPLES_H

#include <stdint.h>

#include "user/io/book.h"

struct pb_io_names;
struct pb_profile;
struct pb_stacks;

/* Find the place of each line's stack: node and process. A stack that never came has none. */
void pb_io_place(struct pb_io_line *lines, uint32_t n, const struct pb_stacks *stacks);

/**
 * pb_io_samples() - a sample for each line.
 *
 * Its stack ends in the file, if that is known, and "vda write" for a request; in the file, or "fsync" where no stack
 * tells, for a system call. Return: 0; -ENOMEM.
 */
int pb_io_samples(struct pb_profile *profile, const struct pb_io_line *lines, uint32_t n,
		  struct pb_io_names *names);

#endif
