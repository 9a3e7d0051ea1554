/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/perfevent.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "user/core/log.h"
#include "user/core/opts.h"
#include "user/core/own.h"

#define CPUS_MAX 8192

const struct pb_perf_kind pb_perf_kinds[] = {
	{"cpu-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, "cpu", "nanoseconds"},
	{"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, "cycles", "count"},
	{"instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, "instructions", "count"},
	{"cache-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES, "cache_misses", "count"},
	{"branch-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES, "branch_misses",
	 "count"},
	{"page-faults", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS, "page_faults", "count"},
	{NULL, 0, 0, NULL, NULL},
};

/* One "3" or "0-7" of a CPU list. Return: 0; -EPROTO; -ENOMEM. */
static int add_cpu_range(struct pb_cpus *cpus, char *range)
{
	char *dash = strchr(range, '-');
	uint64_t first, last, cpu;
	int *ids;

	if (dash)
		*dash = '\0';
	if (pb_parse_uint(range, 0, CPUS_MAX, &first))
		return -EPROTO;
	last = first;
	if (dash && pb_parse_uint(dash + 1, first, CPUS_MAX, &last))
		return -EPROTO;
	ids = realloc(cpus->ids, (cpus->n + (last - first + 1)) * sizeof(*ids));
	if (!ids)
		return -ENOMEM;
	cpus->ids = ids;
	for (cpu = first; cpu <= last; cpu++)
		cpus->ids[cpus->n++] = (int)cpu;
	return 0;
}

int pb_cpus_online(struct pb_cpus *out)
{
	static const char path[] = "/sys/devices/system/cpu/online";
	pb_autofclose FILE *f = fopen(path, "re");
	struct pb_cpus cpus = {NULL, 0};
	char line[4096], *save = NULL, *range;
	int err = 0;

	if (!f)
		return pb_err(errno, "open %s (is /sys mounted?)", path);
	if (!fgets(line, sizeof(line), f))
		return pb_fail(EPROTO, "%s is empty", path);
	for (range = strtok_r(line, ",\n", &save); range && !err;
	     range = strtok_r(NULL, ",\n", &save))
		err = add_cpu_range(&cpus, range);
	if (err || !cpus.n) {
		free(cpus.ids);
		return pb_fail(err ? -err : EPROTO, "cannot read the list of CPUs in %s", path);
	}
	*out = cpus;
	return 0;
}

static int perf_event_open(struct perf_event_attr *attr, int cpu)
{
	int fd = (int)syscall(SYS_perf_event_open, attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* A number out of /proc/sys, or -1. */
static long read_sysctl(const char *path)
{
	pb_autofclose FILE *f = fopen(path, "re");
	char line[32];
	uint64_t value;

	if (!f || !fgets(line, sizeof(line), f))
		return -1;
	line[strcspn(line, "\n")] = '\0';
	return pb_parse_uint(line, 0, INT32_MAX, &value) ? -1 : (long)value;
}

static int explain(int err, const struct pb_perf_kind *kind, uint64_t hz)
{
	long paranoid = read_sysctl("/proc/sys/kernel/perf_event_paranoid");
	long max_hz = read_sysctl("/proc/sys/kernel/perf_event_max_sample_rate");

	switch (err) {
	case EACCES:
	case EPERM:
		return pb_fail(
			EACCES,
			"not permitted to sample %s: kernel.perf_event_paranoid is %ld, which asks "
			"for %s; run as root (sudo)",
			kind->name, paranoid, paranoid > 2 ? "CAP_SYS_ADMIN" : "CAP_PERFMON");
	case ENOENT:
	case EOPNOTSUPP:
		return pb_fail(
			EOPNOTSUPP,
			"this machine has no counter for %s (no PMU, as in most virtual machines); "
			"use --event cpu-clock",
			kind->name);
	case EINVAL:
		if (max_hz > 0 && hz > (uint64_t)max_hz)
			return pb_fail(
				EDOM,
				"-F %llu is above kernel.perf_event_max_sample_rate, which is %ld",
				(unsigned long long)hz, max_hz);
		break;
	}
	return pb_err(err, "open perf event %s", kind->name);
}

int pb_perf_open_sampler(const struct pb_perf_kind *kind, int cpu, uint64_t hz)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = kind->type,
		.config = kind->config,
		.freq = 1,
		.sample_freq = hz,
		.disabled = 1,
	};
	int fd = perf_event_open(&attr, cpu);

	if (fd < 0 && fd != -ENODEV)
		return explain(-fd, kind, hz);
	return fd;
}

uint32_t pb_perf_max_stack(uint32_t limit)
{
	long frames = read_sysctl("/proc/sys/kernel/perf_event_max_stack");

	return frames > 0 && frames < (long)limit ? (uint32_t)frames : limit;
}

int pb_perf_open_sideband(int cpu)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
		.sample_id_all = 1,
		.mmap = 1,
		.mmap2 = 1,
		.build_id = 1, /* 5.12, commit 88a16a130933 */
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.watermark = 1,
		.wakeup_watermark = 1, /* whoever maps code over code must not wait */
	};
	int fd = perf_event_open(&attr, cpu);

	if (fd < 0 && fd != -ENODEV)
		return explain(-fd, &pb_perf_kinds[0], 0);
	return fd;
}
