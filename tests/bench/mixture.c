/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * mixture MEGABYTES: allocates at least that much by five sites, in blocks of 16 bytes to 2 MB, and says how many
 * bytes it asked for, by its own count. A tenth of the blocks is freed at the end only.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/workload/workload.h"

#define KEPT_MAX 1000000

static void *kept[KEPT_MAX];
static size_t n_kept;
static uint64_t allocated;

static uint64_t draw(void)
{
	static uint64_t state = 88172645463325252u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static void use(void *block, size_t size)
{
	allocated += size;
	if (draw() % 10 == 0 && n_kept < KEPT_MAX)
		kept[n_kept++] = block;
	else
		free(block);
}

/* A block of @size to twice that. */
#define SITE(name, size_)                                                                          \
	VISIBLE static void name(void)                                                             \
	{                                                                                          \
		size_t size = (size_) + draw() % (size_);                                          \
		void *block = malloc(size);                                                        \
                                                                                                   \
		if (!block)                                                                        \
			abort();                                                                   \
		use(block, size);                                                                  \
		sink++;                                                                            \
	}
SITE(tiny, 16)
SITE(small, 200)
SITE(medium, 3000)
SITE(large, 100000)
SITE(huge, 1000000)

int main(int argc, char **argv)
{
	uint64_t wanted = (uint64_t)(argc > 1 ? atoi(argv[1]) : 100) * 1000000u;
	uint64_t i = 0;

	while (allocated < wanted) {
		if (i++ % 4096 == 0)
			huge();
		if (i % 512 == 0)
			large();
		if (i % 16 == 0)
			medium();
		if (i % 2 == 0)
			small();
		tiny();
	}
	printf("%llu\n", (unsigned long long)allocated);
	while (n_kept > 0)
		free(kept[--n_kept]);
	return 0;
}
