/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * tables FILE [RUNS]: what the unwind table of an ELF file costs, as one line of JSON: the median time to
 * compile it, its size as it lies in the BPF maps, and what the compiler took of memory at its peak.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "user/core/elf.h"
#include "user/unwind/module.h"

#define RUNS_MAX 99

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static long peak_kb(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_SELF, &usage) ? 0 : usage.ru_maxrss;
}

static int compare_times(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void show(const struct pb_unwind_table *t, uint64_t ns, long kb)
{
	uint64_t bytes = (uint64_t)t->n_rows * sizeof(t->rows[0]) +
			 (uint64_t)t->n_pages * sizeof(struct pb_unwind_page) +
			 (uint64_t)t->n_rules * sizeof(t->rules[0]);

	printf("{\"ms\": %.2f, \"bytes\": %" PRIu64 ", \"rows\": %u, \"pages\": %u, \"rules\": %u, "
	       "\"functions\": %u, \"unsupported\": %u, \"malformed\": %u, \"peak_bytes\": %" PRIu64
	       "}\n",
	       (double)ns / 1e6, bytes, t->n_rows, t->n_pages, t->n_rules, t->n_functions,
	       t->n_unsupported, t->n_malformed, (uint64_t)kb * 1024);
}

/* Once through, as the profiler does it: from the descriptor to the table. */
static int compile(struct pb_unwind_table **out, int fd, uint64_t *ns)
{
	pb_auto(pb_elf) struct pb_elf *elf = NULL;
	uint64_t from = now_ns();
	int err = pb_elf_open(&elf, fd);

	if (!err)
		err = pb_unwind_module(out, elf);
	*ns = now_ns() - from;
	return err;
}

int main(int argc, char **argv)
{
	int n = argc > 2 ? atoi(argv[2]) : 5;
	pb_autoclose int fd = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
	uint64_t ns[RUNS_MAX];
	long before = peak_kb(), kb = 0;

	if (argc < 2 || n < 1 || n > RUNS_MAX) {
		fprintf(stderr, "usage: tables FILE [RUNS]\n");
		return 2;
	}
	for (int i = 0; i < n; i++) {
		pb_auto(pb_unwind_table) struct pb_unwind_table *table = NULL;
		int err = fd < 0 ? -errno : compile(&table, fd, &ns[i]);

		if (err) {
			fprintf(stderr, "tables: %s: %s\n", argv[1], strerror(-err));
			return 1;
		}
		/* Later runs add what the first has left fragmented. */
		if (!i)
			kb = peak_kb() - before;
		if (i == n - 1) {
			qsort(ns, (size_t)n, sizeof(ns[0]), compare_times);
			show(table, ns[n / 2], kb);
		}
	}
	return 0;
}
