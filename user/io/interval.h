/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* `iolatency INTERVAL [COUNT]`: what happened since the last time, printed while it goes on. */
#ifndef PB_IO_INTERVAL_H
#define PB_IO_INTERVAL_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/args.h"
#include "user/io/book.h"
#include "user/io/collect.h"

struct bpf_object;
struct pb_profile;
struct pb_stacks;

/* Begins zeroed, but for every_ns and timestamp. */
struct pb_io_interval {
	uint64_t every_ns; /* 0: none */
	bool timestamp;    /* -T: a line with the time of day before each */
	uint64_t printed;  /* how many were */
	uint64_t last_ns;  /* CLOCK_MONOTONIC of the last; 0: none yet */
	struct pb_io_counts before;
};

void pb_io_interval_drop(struct pb_io_interval *interval);

/* Is it time for another one? */
bool pb_io_interval_due(const struct pb_io_interval *interval, uint64_t ready_ns, uint64_t now_ns);

/**
 * pb_io_interval_print() - to stdout, flushed.
 * @book: of the run: how it shows things
 * @profile, @stacks: for who asked
 * @ready_ns: where the first one begins
 *
 * Return: 0; -errno, logged, -EPIPE not.
 */
int pb_io_interval_print(struct pb_io_interval *interval, struct bpf_object *object,
			 const struct pb_io_book *book, const struct pb_profile *profile,
			 const struct pb_stacks *stacks, const struct pb_args *args,
			 uint64_t ready_ns, uint64_t now_ns);

#endif
