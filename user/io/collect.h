/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the kernel half has counted, read out of its maps: at the end, and at each interval. */
#ifndef PB_IO_COLLECT_H
#define PB_IO_COLLECT_H

#include <stdint.h>

#include "user/io/book.h"

struct bpf_object;

/* Groups with their histograms, by id. Begins zeroed. */
struct pb_io_counts {
	uint64_t *ids; /* of lines; ascending */
	struct pb_io_line *lines;
	uint32_t n;
	uint32_t room; /* private */
};

void pb_io_counts_drop(struct pb_io_counts *c);

/**
 * pb_io_counts_read() - all groups that something completed in.
 * @out: begins zeroed; set on success. Nodes and processes of lines are PB_NONE
 *
 * While programs run a histogram may be an I/O ahead of its sum. Return: 0; -ENOMEM; -errno. Not logged.
 */
int pb_io_counts_read(struct pb_io_counts *out, struct bpf_object *object);

/* A copy of its own. @out: begins zeroed; set on success. Return: 0; -ENOMEM. */
int pb_io_counts_copy(struct pb_io_counts *out, const struct pb_io_counts *from);

/* Which line has this id; PB_NONE if none. O(log n). */
uint32_t pb_io_counts_find(const struct pb_io_counts *c, uint64_t id);

/* Take @before, an earlier reading, away, and lines of which nothing is left. The largest times are then those of the buckets. Return: 0; -ENOMEM. */
int pb_io_counts_subtract(struct pb_io_counts *c, const struct pb_io_counts *before);

/* Sums over all CPUs. Return: 0; -errno. */
int pb_io_tally_read(struct pb_io_tally *sum, struct bpf_object *object);

/* I/O that has begun and not completed. Return: how many; 0 where that cannot be read. */
uint64_t pb_io_in_flight(struct bpf_object *object);

#endif
