/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Any bytes as what a process keeps of its libraries: an auxv of 64 bytes and memory behind it, at 0x10000;
 * and as what a loader printed.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "user/alloc/linkmap.h"
#include "user/alloc/loadlist.h"

#define AUXV_SIZE 64
#define BASE      0x10000ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
	const uint8_t *bytes;
	size_t size;
};

static int read_memory(void *ctx, uint64_t addr, void *to, size_t len)
{
	const struct memory *m = ctx;

	if (addr < BASE || addr - BASE > m->size || len > m->size - (addr - BASE))
		return -EIO;
	memcpy(to, m->bytes + (addr - BASE), len);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pb_loadlist listed = {.paths = NULL};
	struct pb_linkmap linked;
	struct memory m;
	char *text;

	if (size >= AUXV_SIZE) {
		m = (struct memory){data + AUXV_SIZE, size - AUXV_SIZE};
		pb_linkmap_parse(&linked, data, AUXV_SIZE, read_memory, &m);
		free(linked.objects);
	}
	text = malloc(size + 1);
	if (!text)
		return 0;
	memcpy(text, data, size);
	if (!pb_loadlist_parse(&listed, text, size))
		pb_loadlist_drop(&listed);
	free(text);
	return 0;
}
