/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/cost.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "user/core/log.h"
#include "user/core/opts.h"
#include "user/core/own.h"
#include "user/core/report.h"

int pb_cost_enable(void)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	if (fd < 0)
		pb_log(PB_LOG_DEBUG,
		       "cannot switch BPF statistics on (%s): cost in the kernel unknown",
		       strerror(-fd));
	return fd < 0 ? -1 : fd;
}

uint64_t pb_cost_program_ns(const struct bpf_program *prog, uint64_t *runs)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);
	int fd = bpf_program__fd(prog);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len))
		return 0;
	*runs += info.run_cnt;
	return info.run_time_ns;
}

uint64_t pb_cost_bpf_ns(struct bpf_object *object)
{
	struct bpf_program *prog;
	uint64_t sum = 0, runs = 0;

	bpf_object__for_each_program(prog, object) sum += pb_cost_program_ns(prog, &runs);
	return sum;
}

static uint64_t memlock_of(int fd)
{
	char path[48], line[128];
	uint64_t bytes = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	pb_autofclose FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "memlock:\t", 9) &&
		    pb_parse_uint(line + 9, 0, INT64_MAX, &bytes))
			bytes = 0;
	}
	return bytes;
}

static uint64_t round8(uint64_t n)
{
	return (n + 7) & ~7ull;
}

static uint64_t value_bytes(const struct bpf_map *map)
{
	return bpf_map__max_entries(map) * round8(bpf_map__value_size(map));
}

/*
 * What a map takes at least. Before 6.4 (map_mem_usage) memlock in fdinfo is max_entries times the
 * sizes of key and value, which is 0 for a ring buffer and half the truth for a hash.
 */
static uint64_t map_floor(const struct bpf_map *map)
{
	uint64_t entries = bpf_map__max_entries(map), buckets = 1;
	int cpus = libbpf_num_possible_cpus();

	switch (bpf_map__type(map)) {
	case BPF_MAP_TYPE_RINGBUF:
		return entries;
	case BPF_MAP_TYPE_HASH:
		if (bpf_map__map_flags(map) & BPF_F_NO_PREALLOC)
			return 0;
		while (buckets < entries)
			buckets *= 2;
		return buckets * 16 + entries * (48 + round8(bpf_map__key_size(map)) +
						 round8(bpf_map__value_size(map)));
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		return value_bytes(map) * (uint64_t)(cpus > 0 ? cpus : 1);
	case BPF_MAP_TYPE_ARRAY:
		return value_bytes(map);
	default:
		return 0;
	}
}

uint64_t pb_cost_asked_bytes(struct bpf_object *object)
{
	struct bpf_map *map;
	uint64_t sum = 0;

	bpf_object__for_each_map(map, object) sum += map_floor(map);
	return sum;
}

uint64_t pb_cost_map_bytes(struct bpf_object *object)
{
	struct bpf_map *map;
	uint64_t sum = 0, told, floor;

	bpf_object__for_each_map(map, object)
	{
		if (bpf_map__fd(map) < 0)
			continue;
		told = memlock_of(bpf_map__fd(map));
		floor = map_floor(map);
		sum += told > floor ? told : floor;
	}
	return sum;
}

static double seconds(const struct timeval *t)
{
	return (double)t->tv_sec + (double)t->tv_usec / 1e6;
}

void pb_cost_self(struct pb_report *report)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage))
		return;
	report->tool_cpu_s = seconds(&usage.ru_utime) + seconds(&usage.ru_stime);
	report->max_rss_bytes = (int64_t)usage.ru_maxrss * 1024;
}
