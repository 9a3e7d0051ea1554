/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Any bytes as a file that may hold an allocator, first in the search order and behind another one, and as an
 * executable. Whatever it says, its functions lie in the file, sorted, each once.
 */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "user/alloc/allocator_file.h"
#include "user/core/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct pb_allocator *a, size_t size)
{
	uint32_t i;

	require(a->n && a->fd >= 0 && a->kind && a->path);
	for (i = 0; i < a->n; i++) {
		const struct pb_alloc_function *f = &a->functions[i];

		require(f->call < PB_CALL_COUNT && f->name && *f->name);
		require(f->file_off < size && f->placement.offset < 4096);
		require(!i || a->functions[i - 1].addr < f->addr);
	}
}

static void read_as(int fd, size_t size, enum pb_alloc_shadow shadow)
{
	struct pb_allocator_role role;
	struct pb_allocator a;

	if (pb_allocator_read(&a, fd, "fuzzed", shadow, &role))
		return;
	require(!(shadow != PB_SHADOW_NONE && a.serves_malloc));
	require(!(role.unseen && (shadow == PB_SHADOW_NONE || !role.serves)));
	check(&a, size);
	pb_allocator_drop(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	struct pb_executable x;

	/* One file for all inputs: making one each time takes longer than reading it. */
	if (fd < 0) {
		pb_log_init("fuzz", PB_LOG_ERROR);
		fd = memfd_create("fuzzed", MFD_CLOEXEC);
	}
	require(!ftruncate(fd, 0) && pwrite(fd, data, size, 0) == (ssize_t)size);
	read_as(fd, size, PB_SHADOW_NONE);
	read_as(fd, size, PB_SHADOW_KNOWN);
	read_as(fd, size, PB_SHADOW_UNKNOWN);
	if (!pb_executable_read(&x, fd))
		free(x.interpreter);
	return 0;
}
