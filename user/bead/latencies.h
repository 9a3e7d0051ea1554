/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How long each operation of a run took, as the workload itself wrote it: a number a line. bead keeps the numbers of each
 * sample that counts in a file of the bead's run, so that --resume and a later gate have them:
 *
 *   .bead/runs/ID-BEAD/WORKLOAD.latencies/N    doubles in ns, of the N-th sample that counts, from 0
 *
 * It is written before its sample is committed: where that is lost, the next run takes its place.
 */
#ifndef PB_BEAD_LATENCIES_H
#define PB_BEAD_LATENCIES_H

#include <stddef.h>
#include <stdint.h>

#include "user/bead/plan.h"

#define PB_LATENCIES_BYTES_MAX (32u << 20) /* of the file that a run writes */
#define PB_LATENCIES_MAX       (8u << 20)  /* numbers of all runs of a workload together: 64 MiB */

struct pb_operations;
struct pb_run_file;

/**
 * pb_latencies_parse() - numbers out of text, in nanoseconds.
 * @out: set to an array to free, @n > 0 of them
 * @why: set with -EPROTO: "line 12: \"abc\" is no number", or that there is none
 *
 * A number in digits, with a point or an exponent, not below 0; spaces and a carriage return around it are no harm, an
 * empty line is. Return: 0; -EPROTO; -ENOMEM.
 */
int pb_latencies_parse(double **out, uint32_t *n, const char *text, size_t size,
		       enum pb_plan_unit unit, char *why, size_t why_size);

/* What a run wrote, or why it wrote nothing of use, as above. */
int pb_latencies_of_run(double **out, uint32_t *n, const struct pb_run_file *file,
			enum pb_plan_unit unit, char *why, size_t why_size);

/* Of sample @index that counts, in the directory of a bead's run. Return: 0; -errno, logged. */
int pb_latencies_keep(const char *directory, const char *workload, uint32_t index, const double *ns,
		      uint32_t n);

/**
 * pb_latencies_load() - of samples @first to @first + @count - 1, a cluster each.
 * @out: set to what pb_operations_free() frees
 *
 * Return: 0; -ENOENT, not logged: one is not there, as of a plan that had no latencies; -EFBIG: they are more than
 * PB_LATENCIES_MAX; -errno, logged.
 */
int pb_latencies_load(struct pb_operations **out, const char *directory, const char *workload,
		      uint32_t first, uint32_t count);

#endif
