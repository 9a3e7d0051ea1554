/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One run of a workload: a process group of its own, environment and directory from the plan, a time limit, output
 * captured and bounded, every child reaped, and what else the machine did meanwhile.
 *
 * What a command finds, whoever starts bead:
 *
 *   session      a new one, so without a terminal: /dev/tty cannot be opened
 *   stdin        the plan's file, or /dev/null; stdout and stderr are pipes; no other descriptor
 *   environment  PATH and HOME as bead has them, LANG=C.UTF-8, TZ=UTC, then the plan's, which may replace those
 *   signals      as by default, but what bead's caller ignores; it is killed if bead ends
 */
#ifndef PB_BEAD_RUNNER_H
#define PB_BEAD_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes that are kept of stdout, and of stderr, and more ends the run; and of all files together. */
#define PB_RUN_OUTPUT_MAX (64u << 20)

struct pb_plan_workload;

/* How a run ended. */
enum pb_run_end {
	PB_RUN_EXITED,
	PB_RUN_SIGNALLED,
	PB_RUN_TIMEOUT, /* killed, with all its children */
	PB_RUN_OUTPUT,  /* killed: it wrote more than is kept */
	PB_RUN_NOT_RUN, /* could not be started; status is 126 or 127 as in sh, and err says why */
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
	double steal_pct;     /* /proc/stat, which counts in 10 ms */
	double foreign_pct;   /* CPU time of others, likewise */
	double run_queue_pct; /* of the wall time: waited_ns; negative: not known */
};

/* A file that the plan declares as output, as it was when the run had ended. */
struct pb_run_file {
	int err; /* positive errno: why there is no text. ESTALE: it is there, and this run did not write it */
	char *text;
	size_t size;
};

struct pb_run {
	enum pb_run_end end;
	int status; /* exit status, or the signal; of PB_RUN_TIMEOUT, PB_RUN_OUTPUT, PB_RUN_STOPPED none */
	uint64_t wall_ns, user_ns, system_ns;
	/* Of the command's main thread (schedstat): on a CPU; ready, and without one. UINT64_MAX: not known. */
	uint64_t ran_ns, waited_ns;
	/* The wall time less what it waited for a CPU, where that is due to others only: pb_run_note_net() in disturb.h. */
	uint64_t net_ns;
	uint64_t
		max_rss_bytes; /* of its largest process, by pb_run_memory_bytes(); UINT64_MAX: not known */
	struct pb_run_counts counts;
	char syscalls_why
		[160];      /* why counts.syscalls is not known; "" if it is or was not asked for */
	uint64_t processes; /* that it started, its own left out; UINT64_MAX if that is not known or
			       was not asked for */
	struct pb_run_interference interference;
	uint64_t
		own_ns; /* what bead itself added at most: its CPU time while the clock ran, and its own wait for a
			       CPU while there was output to read or the command had ended; but for what of the
			       latter is measured, and taken out of wall_ns */
	bool halted; /* bead itself was stopped meanwhile, and may have seen the end long after it */
	bool left_children; /* processes that it had started were still there, and were killed */
	char *out, *err;    /* captured, NUL-terminated; given back by pb_run_drop() only */
	size_t out_size, err_size;
	struct pb_run_file
		latencies;         /* of its operations, as the plan declares them, if it exited */
	struct pb_run_file *files; /* one for each of the plan's golden files, if it exited */
	uint32_t n_files;
};

void pb_run_drop(struct pb_run *run);

/* What a run may be given beside its plan. */
struct pb_run_options {
	bool count_syscalls;  /* and processes */
	char *const *wrapper; /* words put before the command, as a profiler's; NULL: none */
	int stop_fd;          /* readable: stop the run; -1: none */
};

/**
 * pb_run_once() - run a workload, and its prepare command before.
 * @run: set on success, and then to be given to pb_run_drop()
 *
 * The child is forked, not vforked: a process's peak memory counts from before its exec, and would be bead's. The
 * subreaper is us, so that what double-forks is reaped; children that the caller has already are left alone. The
 * clock runs from just before the exec to the exit of the command itself.
 * Return: 0, whatever the run's end; -ECANCELED if prepare failed, -errno where nothing could be tried: logged.
 */
int pb_run_once(struct pb_run *run, const struct pb_plan_workload *workload,
		const struct pb_run_options *options);

/* Run another command as the workload would be, without preparing and without looking at its files. */
int pb_run_command(struct pb_run *run, const struct pb_plan_workload *workload, char *const *argv,
		   const struct pb_run_options *options);

/* What a copy of bead may have more just before its exec than when it looked. */
#define PB_RUN_MEMORY_SLACK (64u << 10)

/* The peak memory of a command whose process had @before_bytes just before its exec, as a copy of bead, and @most_bytes in
 * the end. The kernel does not forget the former, so that a command which uses no more has a peak that nobody knows:
 * UINT64_MAX, unless @most_bytes is more than a tenth and PB_RUN_MEMORY_SLACK above it. */
uint64_t pb_run_memory_bytes(uint64_t most_bytes, uint64_t before_bytes);

/* How a run ended, in words that follow "it": "exited with 3", "was ended by signal 11 (SEGV)". */
const char *pb_run_ending(const struct pb_run *run, char *buf, size_t size);

#endif
