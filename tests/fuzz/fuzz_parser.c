/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Any bytes as a module that is asked about at addresses of all of it: symbol tables, what is packed in
 * .gnu_debugdata, linkage tables, bounds of functions. Debug information is left to the sandbox, since
 * the library that reads it is not ours to mend.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/core/elf.h"
#include "user/core/own.h"
#include "user/symbol/parse/parser.h"
#include "user/unwind/bounds.h"

#define ADDRS 256u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_bounds(const uint8_t *data, size_t size)
{
	pb_auto(pb_bounds) struct pb_bounds *b = NULL;
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	uint64_t off, vaddr, start, end, again, again_end;

	if (pb_elf_open_memory(&e, data, size) || pb_bounds_new(&b, e))
		return;
	for (off = 0; off < size; off += size / ADDRS + 1) {
		if (pb_elf_vaddr(e, off, &vaddr) || pb_bounds_find(b, vaddr, &start, &end))
			continue;
		require(start <= vaddr && vaddr < end);
		/* Nothing narrower that holds the address begins elsewhere. */
		if (!pb_bounds_find(b, start, &again, &again_end))
			require(again_end - again <= end - start);
	}
}

static void check_answer(const struct pb_answer *a, const struct pb_question *q)
{
	uint32_t i;

	require(a->n_addrs == q->n_addrs && a->state < PB_ANSWER_NO_FILE);
	require(!a->has_debug_info && a->n_frames <= a->n_addrs);
	for (i = 0; i < a->n_addrs; i++) {
		const struct pb_answer_addr *addr = &a->addrs[i];

		require(addr->n_frames <= 1 && addr->first + addr->n_frames <= a->n_frames);
		require(addr->function <= addr->vaddr && !(addr->n_frames && addr->function));
	}
	for (i = 0; i < a->n_frames; i++)
		require(pb_answer_text(a, a->frames[i].name)[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pb_auto(pb_answer) struct pb_answer *a = NULL;
	pb_autoclose int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct pb_question q = {.kind = PB_ASK_ELF, .n_fds = 1};
	uint64_t addrs[ADDRS], off;

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	for (off = 0; off < size && q.n_addrs < ADDRS; off += size / ADDRS + 1)
		addrs[q.n_addrs++] = off;
	q.addrs = addrs;
	q.fds[0] = fd;
	require(!pb_parse(&q, NULL, NULL, &a));
	check_answer(a, &q);
	check_bounds(data, size);
	return 0;
}
