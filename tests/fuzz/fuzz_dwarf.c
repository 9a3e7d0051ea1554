/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Any bytes as an ELF file with debug information, and as its own alternate file: look-ups all over its code.
 * libdw is part of what is tried, though without instrumentation: only what makes it crash is seen.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "user/symbol/parse/dwarf.h"

#define ADDRS      64
#define FRAMES_MAX 16
#define INPUT_MAX  (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *data;
	size_t size;
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static int open_bytes(const struct input *in)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	require(fd >= 0 && write(fd, in->data, in->size) == (ssize_t)in->size);
	return fd;
}

static int open_alt(void *ctx, const struct pb_wanted *wanted)
{
	require(wanted->kind == PB_WANTED_ALT && wanted->build_id_len <= PB_WIRE_ID_MAX);
	require(memchr(wanted->name, 0, sizeof(wanted->name)));
	return open_bytes(ctx);
}

static void look_up(struct pb_dwarf *d, uint64_t addr)
{
	struct pb_dwarf_frame frames[FRAMES_MAX];
	uint64_t start = 0;
	uint32_t n = pb_dwarf_find(d, addr, frames, FRAMES_MAX, &start), i;
	size_t bytes = 0;

	/* UINT64_MAX: of the address only a line is known. */
	require(n <= FRAMES_MAX && (start <= addr || start == UINT64_MAX));
	for (i = 0; i < n; i++)
		bytes += strlen(frames[i].name) + strlen(frames[i].linkage_name) +
			 strlen(frames[i].file);
	require(bytes <= n * 3 * (uint64_t)INPUT_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	pb_auto(pb_dwarf) struct pb_dwarf *d = NULL;
	pb_autoclose int fd = -1;
	uint64_t i;

	if (size > INPUT_MAX)
		return 0;
	fd = open_bytes(&in);
	if (pb_dwarf_new(&d, fd, open_alt, &in))
		return 0;
	/* Where the programs of the corpus have their code: see tests/fuzz/corpus/dwarf. */
	for (i = 0; i < ADDRS; i++)
		look_up(d, 0x401000 + i * 7);
	look_up(d, 0x401000);
	look_up(d, UINT64_MAX);
	return 0;
}
