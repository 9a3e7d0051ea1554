/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Writing many elements of a BPF array. Not by mmap: all of the map would count as our memory. */
#ifndef PB_UNWIND_ARRAY_H
#define PB_UNWIND_ARRAY_H

#include <stdint.h>

/**
 * pb_array_put() - replace the elements from @first on, in order.
 * @values: @n of them, of the map's value size
 *
 * Visible to programs that see a later system call of ours. Return: 0; -ENOMEM; -errno of the kernel.
 * Source: BPF_MAP_UPDATE_BATCH, Linux 5.6 (aa2e93b8e58e).
 */
int pb_array_put(int map_fd, uint32_t first, uint32_t n, const void *values);

#endif
