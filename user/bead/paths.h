/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Call paths over several runs of a workload, with what each run counted of them. */
#ifndef PB_BEAD_PATHS_H
#define PB_BEAD_PATHS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "user/bead/tally.h"

struct pb_code_path;
struct pb_finds;
struct pb_lever;

/* What is counted: of allocations and of I/O. */
enum {
	PB_PATH_BLOCKS,
	PB_PATH_BYTES,
	PB_PATH_PEAK,                  /* bytes when most were allocated */
	PB_PATH_TIME = PB_PATH_BLOCKS, /* ns */
	PB_PATH_CALLS,
	PB_PATH_ASLEEP, /* ns of the time that were spent waiting, for I/O or something else */
	PB_PATH_VALUES = 3
};

/* What speaks for a lever there: of the first run that said so. */
struct pb_path_clue {
	const struct pb_lever *lever;
	double part; /* of the value that the share is of */
	char *text;
};

struct pb_path {
	char *chain, *name, *module, *file;
	uint32_t line;
	bool own; /* code that its author can change is on it */
	double of[PB_PATH_VALUES][PB_TALLY_RUNS_MAX];
	struct pb_path_clue *clues;
	uint32_t n_clues, room_clues;
};

/* Zeroed to begin with. */
struct pb_paths {
	struct pb_path *rows;
	uint32_t n, room;
	uint32_t runs;
	double whole[PB_PATH_VALUES][PB_TALLY_RUNS_MAX];
	json_t *index; /* of rows by chain */
};

void pb_paths_drop(struct pb_paths *paths);

/* Find or add. Return: the row, until the next is added; NULL without memory. */
struct pb_path *pb_paths_at(struct pb_paths *paths, const struct pb_code_path *path);
/* Return: 0; -ENOMEM. @lever of NULL: nothing to do. */
int pb_path_clue(struct pb_path *path, const struct pb_lever *lever, double part, const char *text);
/* Sum and mean over runs. */
double pb_path_sum(const double *of, uint32_t runs);
double pb_path_mean(const double *of, uint32_t runs);

/*
 * One more run under allocsites, or iolatency. Return: 0; -EPROTO: a member is missing, @why says which; -ENOSPC: runs
 * enough; -ENOMEM.
 */
int pb_alloc_add(struct pb_paths *paths, const json_t *report, char *why, size_t size);
int pb_io_add(struct pb_paths *paths, const json_t *report, char *why, size_t size);

/* What a baseline says of the workload without a profiler; NaN: not known. */
struct pb_path_base {
	double wall_ns;
	double cpu_per_wall;
	double rss_bytes;
	double allocator_pct, allocator_low_pct,
		allocator_high_pct; /* of CPU time, in the allocator */
	double system_ns; /* in the kernel: the upper end of the median's interval; 0, too: not known */
};

/**
 * pb_alloc_find() - call paths with 5 % of the blocks, of the bytes or of the peak, most blocks first.
 *
 * Of what many see: 30 blocks, or 1 MiB. Its share is of the blocks, and what would be saved is its part of the
 * allocator's time. Where it has few blocks but much of the peak, its share and what would be saved are of the peak
 * memory of the workload, in bytes. Return: 0; -ENOMEM.
 */
int pb_alloc_find(const struct pb_paths *paths, const struct pb_path_base *base,
		  struct pb_finds *out);

/**
 * pb_io_correct() - take what the profiler added out of the times, once all runs are there.
 *
 * Its programs run at both ends of a system call, so a call of a microsecond is measured as several. What calls waited
 * is not touched by that. What they used of a CPU, all together, cannot be more than the time of the workload in the
 * kernel in the baseline (its CPU time, where only that is known), and is scaled down to it where it is: on a busy machine
 * a call of a microsecond may wait milliseconds for a CPU, and that counts as using it. Where nothing is known, nothing is
 * changed.
 */
void pb_io_correct(struct pb_paths *paths, const struct pb_path_base *base);

/**
 * pb_io_find() - call paths with 5 % of the time of all calls, or 1 % and a pattern, most time first.
 *
 * What would be saved is of the mean of the runs; from six runs on of their median, with an interval from their ranks.
 *
 * Time is that in system calls that read, write or flush, and that of devices for pages that were touched. What takes
 * less than 0.1 % of the wall time, 5 % without any own code on the path, is left out: every program loads its
 * libraries. Return: 0; -ENOMEM.
 */
int pb_io_find(const struct pb_paths *paths, const struct pb_path_base *base, struct pb_finds *out);

#endif
