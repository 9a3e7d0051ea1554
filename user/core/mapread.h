/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* All elements of a BPF hash, a few thousand at a time. */
#ifndef PB_CORE_MAPREAD_H
#define PB_CORE_MAPREAD_H

#include <stddef.h>

/* Return: 0 to go on; what else it is ends the reading. */
typedef int pb_map_element(void *ctx, const void *key, const void *value);

/**
 * pb_map_each() - call @each for every element.
 *
 * While programs write, an element that is added or taken away meanwhile may be seen or not, and none is seen twice
 * unless the table's own order changes. Return: 0; what @each ended it with; -ENOMEM; -errno. Not logged.
 */
int pb_map_each(int fd, size_t key_size, size_t value_size, pb_map_element *each, void *ctx);

/**
 * pb_map_sum() - slot 0 of a per-CPU array of counters, summed over all CPUs.
 * @sum: @n counters of 8 bytes, as many as a value has
 *
 * Return: 0; -ENOMEM; -errno. Not logged; @sum is untouched on failure.
 */
int pb_map_sum(int fd, void *sum, size_t n);

#endif
