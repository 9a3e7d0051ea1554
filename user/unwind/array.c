/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/unwind/array.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#include "user/core/own.h"

int pb_array_put(int map_fd, uint32_t first, uint32_t n, const void *values)
{
	pb_autofree uint32_t *keys = calloc(n ? n : 1, sizeof(*keys));
	uint32_t i;

	if (!keys)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		keys[i] = first + i;
	return n && bpf_map_update_batch(map_fd, keys, values, &n, NULL) ? -errno : 0;
}
