/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* From the kernel half's maps to the book, once everything is detached. */
#ifndef PB_ALLOC_COLLECT_H
#define PB_ALLOC_COLLECT_H

#include <stdint.h>

#include "user/alloc/book.h"
#include "user/core/own.h"
#include "user/core/stacks.h"

struct bpf_object;
struct pb_alloc_collect;

/* Borrowed for the life of the object. */
struct pb_alloc_sources {
	struct bpf_object *object;
	struct pb_stacks *stacks;   /* joined to their counters already */
	struct pb_alloc_book *book; /* mode, sample_bytes, older_ns are set */
	uint64_t ready_ns, end_ns;  /* of the capture, CLOCK_MONOTONIC */
};

/**
 * pb_alloc_collect_new() - read tallies, the heap, and the blocks that are live.
 *
 * Finds the locations of those who free, so it has to come before naming. Return: 0; -ENOMEM; -errno,
 * logged.
 */
int pb_alloc_collect_new(struct pb_alloc_collect **out, const struct pb_alloc_sources *from);
void pb_alloc_collect_free(struct pb_alloc_collect *c);
PB_DEFINE_FREE(pb_alloc_collect, pb_alloc_collect_free);

/* One site as values of the profile (enum pb_alloc_value), and as a site of the book. For pb_stacks_build(). */
void pb_alloc_collect_values(struct pb_alloc_collect *c, const struct pb_stack_total *total,
			     uint64_t *values);

/* Sum over all CPUs. Return: 0; -errno. */
int pb_alloc_read_tally(struct bpf_object *object, struct pb_alloc_tally *sum);
/* Events so far, of all CPUs. Return: as above. */
int pb_alloc_read_events(struct bpf_object *object, uint64_t *sum);

#endif
