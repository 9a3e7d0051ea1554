/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * names FILE [COUNT [SEED]]: what naming random addresses of an ELF file's code costs, as one line of
 * JSON: the time of one address, which is that of opening, and of COUNT together; what was found; and the
 * parser's peak of memory. With "-" for COUNT: prints COUNT = 3000 virtual addresses, for other tools.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "user/core/clock.h"
#include "user/core/elf.h"
#include "user/symbol/debugfile.h"
#include "user/symbol/names.h"

#define COUNT_MAX 1000000

static uint64_t random_state;

/* xorshift64*. Source: Vigna, "An experimental exploration of Marsaglia's xorshift generators". */
static uint64_t next_random(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dull;
}

static int compare_offsets(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Sorted, distinct file offsets in .text. */
static uint32_t pick(const struct pb_elf *e, uint64_t *offsets, uint32_t n)
{
	pb_autofree Elf64_Shdr *sections = NULL;
	uint64_t start = 0, size = 0;
	uint32_t n_sections, kept = 0;

	if (pb_elf_sections(e, &sections, &n_sections))
		return 0;
	/* The largest section of code. */
	for (uint32_t i = 0; i < n_sections; i++) {
		if (!(sections[i].sh_flags & SHF_EXECINSTR) || sections[i].sh_size <= size)
			continue;
		start = sections[i].sh_offset;
		size = sections[i].sh_size;
	}
	if (!size)
		return 0;
	for (uint32_t i = 0; i < n; i++)
		offsets[i] = start + next_random() % size;
	qsort(offsets, n, sizeof(*offsets), compare_offsets);
	for (uint32_t i = 0; i < n; i++)
		if (!kept || offsets[kept - 1] != offsets[i])
			offsets[kept++] = offsets[i];
	return kept;
}

struct result {
	double ms;
	uint32_t named, inlined, state, has_debug_info;
	uint64_t peak_bytes;
};

static int ask(struct result *r, const char *path, int fd, const uint64_t *offsets, uint32_t n)
{
	pb_auto(pb_names) struct pb_names *names = NULL;
	pb_auto(pb_answer) struct pb_answer *answer = NULL;
	struct pb_debugfile debugfile = {.path = path};
	struct pb_question q = {.kind = PB_ASK_ELF,
				.flags = PB_ASK_DEBUG_INFO,
				.addrs = offsets,
				.n_addrs = n,
				.fds = {fd},
				.n_fds = 1};
	uint64_t from = pb_clock_ns(), ns;
	int err = pb_names_new(&names);

	if (!err)
		err = pb_names_ask(names, path, &q, pb_debugfile_open, &debugfile, &answer);
	if (err)
		return err;
	ns = pb_clock_ns() - from;
	pb_names_stop(names);
	*r = (struct result){.ms = (double)ns / 1e6,
			     .state = answer->state,
			     .has_debug_info = answer->has_debug_info,
			     .peak_bytes = pb_names_peak_bytes(names)};
	for (uint32_t i = 0; i < answer->n_addrs; i++) {
		r->named += answer->addrs[i].n_frames > 0;
		r->inlined += answer->addrs[i].n_frames > 1;
	}
	return 0;
}

static void print_addresses(const struct pb_elf *e, const uint64_t *offsets, uint32_t n)
{
	uint64_t vaddr;

	for (uint32_t i = 0; i < n; i++)
		if (!pb_elf_vaddr(e, offsets[i], &vaddr))
			printf("0x%" PRIx64 "\n", vaddr);
}

int main(int argc, char **argv)
{
	bool print = argc > 2 && !strcmp(argv[2], "-");
	int count = print ? 3000 : argc > 2 ? atoi(argv[2]) : 10000;
	pb_autoclose int fd = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	pb_auto(pb_elf) struct pb_elf *elf = NULL;
	pb_autofree uint64_t *offsets = NULL;
	struct result one, all;
	uint32_t n;
	int err;

	if (argc < 2 || count < 1 || count > COUNT_MAX) {
		fprintf(stderr, "usage: names FILE [COUNT [SEED]]\n");
		return 2;
	}
	random_state = argc > 3 ? (uint64_t)atoll(argv[3]) | 1 : 88172645463325252ull;
	offsets = calloc((size_t)count, sizeof(*offsets));
	err = fd < 0 ? -errno : offsets ? pb_elf_open(&elf, fd) : -ENOMEM;
	n = err ? 0 : pick(elf, offsets, (uint32_t)count);
	if (print && n) {
		print_addresses(elf, offsets, n);
		return 0;
	}
	if (!err)
		err = n ? ask(&one, argv[1], fd, offsets, 1) : -ENODATA;
	if (!err)
		err = ask(&all, argv[1], fd, offsets, n);
	if (err) {
		fprintf(stderr, "names: %s: %s\n", argv[1], strerror(-err));
		return 1;
	}
	printf("{\"addresses\": %u, \"open_ms\": %.1f, \"all_ms\": %.1f, \"named\": %u, \"with_inlined\": %u, "
	       "\"debug_info\": %u, \"state\": %u, \"peak_bytes\": %" PRIu64 "}\n",
	       n, one.ms, all.ms, all.named, all.inlined, all.has_debug_info, all.state,
	       all.peak_bytes);
	return 0;
}
