/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * --slower: a line for each slow I/O, as it ends.
 *
 *   14:03:11.204 vda     write       4.0k    0.1 ms   12.3 ms  3 postgres-1234    /var/lib/postgresql/...
 */
#ifndef PB_IO_STREAM_H
#define PB_IO_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bpf/abi/iolatency.h"

struct bpf_object;
struct pb_io_names;
struct pb_profile;
struct pb_stacks;

/* Begins zeroed. A line waits for one round, since the stack that tells whose it is may come through its ring later
 * than what became slow. */
struct pb_io_stream {
	struct pb_io_slow *waiting;
	uint32_t n, room;
	uint32_t ripe; /* of the waiting ones, those of the round before */
	bool has_head;
};

/* Where names come from. Borrowed. */
struct pb_io_stream_sources {
	struct bpf_object *object;
	struct pb_io_names *names;
	const struct pb_profile *profile;
	const struct pb_stacks *stacks;
	int64_t to_real_ns; /* what makes CLOCK_MONOTONIC the time of day */
};

void pb_io_stream_drop(struct pb_io_stream *s);

/* Return: 0; -ENOMEM: there will be no line for it. */
int pb_io_stream_add(struct pb_io_stream *s, const struct pb_io_slow *slow);

/* Print those that have waited for a round, or @all. Return: 0; -errno of the stream, not logged. */
int pb_io_stream_print(struct pb_io_stream *s, FILE *out, const struct pb_io_stream_sources *from,
		       bool all);

#endif
