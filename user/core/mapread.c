/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/mapread.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/own.h"

#define BATCH 4096

/* Room for a batch. */
struct batch {
	uint8_t *keys, *values;
	uint32_t size;
};

static int resize(struct batch *b, uint32_t size, size_t key_size, size_t value_size)
{
	free(b->keys);
	free(b->values);
	b->size = size;
	b->keys = calloc(size, key_size);
	b->values = calloc(size, value_size);
	return b->keys && b->values ? 0 : -ENOMEM;
}

static void drop(struct batch *b)
{
	free(b->keys);
	free(b->values);
}

int pb_map_each(int fd, size_t key_size, size_t value_size, pb_map_element *each, void *ctx)
{
	__attribute__((cleanup(drop))) struct batch b = {0};
	int err = resize(&b, BATCH, key_size, value_size), end = 0;
	uint32_t at = 0, n, i;
	void *after = NULL;

	while (!err && !end) {
		n = b.size;
		end = bpf_map_lookup_batch(fd, after, &at, b.keys, b.values, &n, NULL);
		if (end == -ENOSPC) { /* one bucket of the hash holds more than fits */
			err = resize(&b, b.size * 2, key_size, value_size);
			end = 0;
			continue;
		}
		if (end && end != -ENOENT)
			return end;
		for (i = 0; i < n && !err; i++)
			err = each(ctx, b.keys + i * key_size, b.values + i * value_size);
		after = &at;
	}
	return err;
}

int pb_map_sum(int fd, void *sum, size_t n)
{
	int cpus = libbpf_num_possible_cpus();
	pb_autofree uint64_t *all = cpus > 0 ? calloc((size_t)cpus * n, sizeof(*all)) : NULL;
	uint64_t *to = sum;
	uint32_t zero = 0;
	size_t i;

	if (!all)
		return -ENOMEM;
	if (bpf_map_lookup_elem(fd, &zero, all))
		return -errno;
	memset(to, 0, n * sizeof(*to));
	for (i = 0; i < (size_t)cpus * n; i++)
		to[i % n] += all[i];
	return 0;
}
