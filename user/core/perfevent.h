/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Opening perf events, with the errors a person can act on. */
#ifndef PB_CORE_PERFEVENT_H
#define PB_CORE_PERFEVENT_H

#include <stdbool.h>
#include <stdint.h>

/* CPUs that are online, in order. Freed by free(). */
struct pb_cpus {
	int *ids;
	uint32_t n;
};

/* From /sys/devices/system/cpu/online. Return: 0; -errno, logged. */
int pb_cpus_online(struct pb_cpus *out);

/* What to sample on. */
struct pb_perf_kind {
	const char *name; /* as a person types it: "cpu-clock" */
	uint32_t type;    /* PERF_TYPE_* */
	uint64_t config;
	const char *value_type; /* what one unit of the period is: "cpu" */
	const char *value_unit; /* "nanoseconds" */
};

/* cpu-clock first; ends with a row whose name is NULL. */
extern const struct pb_perf_kind pb_perf_kinds[];

/**
 * pb_perf_open_sampler() - a sampling event on one CPU, for all its tasks, not yet enabled.
 *
 * Return: a descriptor; -ENODEV if the CPU went offline (not logged); another -errno, logged with
 * the sysctl or capability that stands in the way: -EACCES, -EOPNOTSUPP, -EDOM for the rate.
 */
int pb_perf_open_sampler(const struct pb_perf_kind *kind, int cpu, uint64_t hz);

/* Frames that the kernel gives of its own stack: kernel.perf_event_max_stack, at most @limit. */
uint32_t pb_perf_max_stack(uint32_t limit);

/**
 * pb_perf_open_sideband() - a dummy event that reports executable mappings (with build ids), names,
 * forks and exits of one CPU into a ring of its own.
 *
 * Time stamps are CLOCK_MONOTONIC. Return: a descriptor; -ENODEV; -errno, logged.
 */
int pb_perf_open_sideband(int cpu);

#endif
