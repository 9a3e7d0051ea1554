/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What looks like a benchmark in a directory, for `bead init` without a command. Nothing is run. In this order, by name
 * within each:
 *
 *   programs and *.sh files in bench/ and benchmarks/
 *   programs with "bench" in their name in ., bin/ and build/
 *   the target bench or benchmark of the Makefile
 */
#ifndef PB_BEAD_BENCHES_H
#define PB_BEAD_BENCHES_H

#include <stddef.h>
#include <stdint.h>

#define PB_BENCHES_MAX 3

struct pb_benches {
	char *names[PB_BENCHES_MAX];     /* as pb_plan_template() wants them, each once */
	char **commands[PB_BENCHES_MAX]; /* NULL-terminated, to be run in the directory */
	uint32_t n;
	uint32_t left_out; /* how many more there are */
};

/* In @directory. Folders that are missing hold nothing. Return: 0, and then @out is to be dropped; -errno, logged. */
int pb_benches_find(struct pb_benches *out, const char *directory);
void pb_benches_drop(struct pb_benches *benches);

/**
 * pb_bench_name() - a name of a workload, or a project, as a plan wants it, out of the last part of a path.
 * @otherwise: where nothing of it fits
 */
void pb_bench_name(char *out, size_t size, const char *path, const char *otherwise);

#endif
