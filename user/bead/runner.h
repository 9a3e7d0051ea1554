/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One run of a workload: a process group of its own, environment and directory from the plan, a time limit, output
 * captured and bounded, every child reaped, and what else the machine did meanwhile.
 */
#ifndef PB_BEAD_RUNNER_H
#define PB_BEAD_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PB_RUN_OUTPUT_MAX                                                                          \
	(64u << 20) /* bytes that are kept of stdout, and of stderr; more ends the run */

struct pb_plan_workload;

/* How a run ended. */
enum pb_run_end {
	PB_RUN_EXITED,
	PB_RUN_SIGNALLED,
	PB_RUN_TIMEOUT, /* killed, with all its children */
	PB_RUN_OUTPUT,  /* killed: it wrote more than is kept */
	PB_RUN_NOT_RUN, /* could not be started; status is 126 or 127 */
	PB_RUN_STOPPED, /* by a signal to us */
};

/* Counts that a kernel gives exactly; UINT64_MAX where it does not. */
struct pb_run_counts {
	uint64_t syscalls; /* by a tracepoint's perf event, inherited: needs privilege */
	uint64_t minor_faults, major_faults;
	uint64_t voluntary_switches, involuntary_switches;
	uint64_t block_reads, block_writes; /* in 512 bytes (getrusage) */
};

/* What else ran. Percent of the wall time of all CPUs, but for run_queue. */
struct pb_run_interference {
	double steal_pct;   /* /proc/stat */
	double foreign_pct; /* CPU time of others */
	double run_queue_pct; /* of the wall time: the workload's threads were ready and had no CPU (schedstat); negative:
				 not known */
};

struct pb_run {
	enum pb_run_end end;
	int status; /* exit status, or the signal */
	uint64_t wall_ns, user_ns, system_ns;
	uint64_t max_rss_bytes;
	struct pb_run_counts counts;
	struct pb_run_interference interference;
	uint64_t
		own_ns; /* what bead itself added: from the clock's start to the exec, and from the exit to its stop */
	bool left_children; /* processes of its group were still there, and were killed */
	char *out, *err;    /* captured; NUL-terminated for convenience; freed by pb_run_drop() */
	size_t out_size, err_size;
};

void pb_run_drop(struct pb_run *run);

/* What a run may be given beside its plan. */
struct pb_run_options {
	bool count_syscalls;
	char *const *wrapper; /* words put before the command, as a profiler's; NULL: none */
	int stop_fd;          /* readable: stop the run; -1: none */
};

/**
 * pb_run_once() - run a workload, and its prepare command before.
 *
 * A child is started by vfork semantics (posix_spawn or clone3), in a new process group, with stdin from the plan, and
 * the subreaper is us, so that what double-forks is reaped. The clock runs from just before the exec to the exit of
 * the command itself. Return: 0, whatever the run's end; -errno, logged, where nothing could be tried.
 */
int pb_run_once(struct pb_run *run, const struct pb_plan_workload *workload,
		const struct pb_run_options *options);

/* Why a run does not count, as a sentence; NULL if it does. Only measured causes, never that it was slow. */
const char *pb_run_rejects(const struct pb_run *run, char *buf, size_t size);

#endif
