/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/machine.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "user/core/opts.h"
#include "user/core/own.h"

#define NS_PER_S 1000000000ull

/* The first line of a file, as far as it fits. */
static bool read_line(const char *path, char *line, size_t size)
{
	pb_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, line, size - 1);

	if (n <= 0)
		return false;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return true;
}

void pb_machine_read(struct pb_machine *out)
{
	enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, N };
	uint64_t ticks[N] = {0}, ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
	char line[512], *field, *save = NULL;

	*out = (struct pb_machine){0};
	if (!read_line("/proc/stat", line, sizeof(line)))
		return;
	strtok_r(line, " ", &save);
	for (int i = 0; i < N; i++) {
		field = strtok_r(NULL, " ", &save);
		if (!field || pb_parse_uint(field, 0, UINT64_MAX, &ticks[i]))
			return;
	}
	out->busy_ns =
		ns * (ticks[USER] + ticks[NICE] + ticks[SYSTEM] + ticks[IRQ] + ticks[SOFTIRQ]);
	out->steal_ns = ns * ticks[STEAL];
}

uint32_t pb_machine_cpus(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n > 0 ? (uint32_t)n : 1;
}

struct pb_machine_thread pb_machine_thread(pid_t tid)
{
	char path[64] = "/proc/thread-self/schedstat", line[128], *save = NULL, *ran, *waited;
	const struct pb_machine_thread unknown = {UINT64_MAX, UINT64_MAX};
	struct pb_machine_thread thread;

	if (tid)
		snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)tid);
	if (!read_line(path, line, sizeof(line)))
		return unknown;
	ran = strtok_r(line, " ", &save);
	waited = strtok_r(NULL, " ", &save);
	if (!ran || !waited || pb_parse_uint(ran, 0, UINT64_MAX, &thread.ran_ns) ||
	    pb_parse_uint(waited, 0, UINT64_MAX, &thread.waited_ns))
		return unknown;
	return thread;
}
