/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The figures of a baseline: which there are, from the samples in the store. */
#ifndef PB_BEAD_FIGURES_H
#define PB_BEAD_FIGURES_H

#include <stddef.h>
#include <stdint.h>

struct pb_figure;
struct pb_plan_workload;
struct pb_run;
struct pb_store;

/**
 * pb_figures_put() - from the samples of a workload that count to its figures.
 *
 * wall_p50_ns, wall_p95_ns, wall_p99_ns; net_p50_ns, without what runs waited for a CPU; medians of user_ns, system_ns, max_rss_bytes, faults, switches and blocks;
 * operations_per_second where the plan says how many; own_ns, the most that bead added to a run; runs. Where the plan
 * declares latencies, of all operations of all runs operation_p50_ns, p95, p99, p999 and max, with intervals as of
 * operations.h; operations, how many that are.
 * @directory: of the bead's run, with the latencies
 *
 * Return: 0; -errno, logged.
 */
int pb_figures_put(struct pb_store *store, int64_t id, const struct pb_plan_workload *workload,
		   const char *directory);

/**
 * pb_figures_quantile() - a quantile of samples as a figure, with an interval of 95 %.
 * @figure: its value, interval and why are set
 * @why: what figure->why points to, if so few samples cannot support the quantile
 */
void pb_figures_quantile(struct pb_figure *figure, const double *x, uint32_t n, double q, char *why,
			 size_t size);

/* Why a column of samples may be known of some runs only, as a sentence without its full stop: then it is taken for known
 * of none. NULL: of all others. */
const char *pb_figures_partly(const char *column);

/* A number for people: "41.2 ms", "12.3 MiB", "1,024". @unit: of a figure, "ns", "bytes", "per_second", "count". */
const char *pb_figures_amount(char *buf, size_t size, double value, const char *unit);

#endif
