/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where a process comes from, as /proc has it now. */
#ifndef PB_CORE_PROCSTAT_H
#define PB_CORE_PROCSTAT_H

#include <stdbool.h>
#include <stdint.h>

struct pb_procstat {
	uint32_t
		parent_tgid; /* who waits for it: another one than forked it, once that is gone; 0: none */
	uint64_t start_ns; /* CLOCK_REALTIME, as it is set now; rounded down to a tick, 10 ms */
	uint64_t
		start_ticks; /* the same since boot, in ticks: what no setting of the clock moves */
	uint64_t rss_bytes;  /* resident memory, give or take some pages for each thread */
	bool has_ended;      /* a zombie, or about to be gone */
};

/* Return: 0; -ESRCH if there is no such process; -errno. Source: proc_pid_stat(5), fields 3, 4, 22 and 24. */
int pb_procstat_read(uint32_t tgid, struct pb_procstat *out);

/* What a program was started with. */
struct pb_procstat_image {
	uint64_t addr; /* of the random bytes, AT_RANDOM */
	uint8_t random[16];
};

/**
 * pb_procstat_image() - what tells one exec from all others, and is the same in forked children.
 *
 * The kernel gives 16 random bytes to each exec. All of @out is set, to be compared as it is.
 * Return: 0; -ESRCH if there is no such process, or it is no 64-bit one; -EACCES if it may not be read;
 * -errno. Source: getauxval(3), AT_RANDOM.
 */
int pb_procstat_image(uint32_t tgid, struct pb_procstat_image *out);

#endif
