/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the machine as a whole did, as far as it can disturb a run. */
#ifndef PB_BEAD_MACHINE_H
#define PB_BEAD_MACHINE_H

#include <stdint.h>
#include <sys/types.h>

/* Sums over all CPUs since boot, in nanoseconds; counted by the kernel in ticks of 10 ms. */
struct pb_machine {
	uint64_t busy_ns;  /* of tasks and interrupts */
	uint64_t steal_ns; /* the hypervisor gave a CPU that had work to somebody else */
};

/* All of @out is 0 where /proc/stat cannot be read. Source: proc_stat(5). */
void pb_machine_read(struct pb_machine *out);

/* CPUs that are online. */
uint32_t pb_machine_cpus(void);

/* One thread since it began; UINT64_MAX where the kernel does not say. */
struct pb_machine_thread {
	uint64_t ran_ns;    /* on a CPU */
	uint64_t waited_ns; /* ready, and without one */
};

/* @tid of 0: the calling one. A thread that has ended is known until it is reaped. Allocates nothing.
 * Source: Documentation/scheduler/sched-stats.rst, /proc/PID/schedstat. */
struct pb_machine_thread pb_machine_thread(pid_t tid);

#endif
