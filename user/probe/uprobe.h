/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Uprobes on the functions of one process, by the best way that the kernel has, and what a hit costs.
 *
 * Never on a whole file: every process that runs the probed instruction would pay for the trap. All
 * lives by descriptor.
 */
#ifndef PB_PROBE_UPROBE_H
#define PB_PROBE_UPROBE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "user/core/own.h"

/* From the best on. */
enum pb_uprobe_way {
	PB_UPROBE_SESSION, /* 6.13: a program at the beginning decides whether the end is a trap, too */
	PB_UPROBE_MULTI, /* 6.6: one link for many probes */
	PB_UPROBE_PERF,  /* a perf event for each */
};

/* For people: "uprobe session". */
const char *pb_uprobe_way_name(enum pb_uprobe_way way);

/**
 * pb_uprobe_best_way() - the best way that works here, found by attaching to ourselves.
 *
 * Return: 0; -EPERM; -EOPNOTSUPP if there are no uprobes at all; -errno, logged.
 */
int pb_uprobe_best_way(enum pb_uprobe_way *out);

/* What a program has to be loaded as (its expected attach type) to be attached that way. */
uint32_t pb_uprobe_attach_type(enum pb_uprobe_way way);

struct pb_uprobe {
	uint64_t offset; /* in the file */
	uint64_t cookie; /* bpf_get_attach_cookie() */
};

/* Descriptors of links and perf events; closing them detaches. */
struct pb_uprobes {
	int *fds;
	uint32_t n, size;
};

/**
 * pb_uprobe_attach() - a program to instructions of a file, for one process and all its threads.
 * @to: what is attached is added to it; nothing is, on failure
 * @prog_fd: loaded for @way
 * @at_return: at the end of the functions that begin there; not for PB_UPROBE_SESSION, which has both
 * @file_fd: the file as the process maps it
 *
 * Follows the process through execve(), and not into its children.
 * Return: 0; -ESRCH: no such process; -errno, not logged.
 */
int pb_uprobe_attach(struct pb_uprobes *to, enum pb_uprobe_way way, int prog_fd, bool at_return,
		     int file_fd, pid_t tgid, const struct pb_uprobe *probes, uint32_t n);
/* Detach all from number @from on. The kernel waits some 50 ms before it lets go of each, so they are closed side by
 * side. */
void pb_uprobe_detach(struct pb_uprobes *u, uint32_t from);
void pb_uprobes_drop(struct pb_uprobes *u);
/* The same for probes that nobody hits any more, without waiting for it. */
void pb_uprobes_retire(struct pb_uprobes *u);

/**
 * pb_uprobe_calibrate() - what a hit costs here and now, by hitting a probe on ourselves for some milliseconds.
 * @prog_fd: of a program that does nothing, loaded for @way
 * @entry_ns: of a probe on an instruction that is emulated
 * @return_ns: what a probe at the function's end adds to it
 * @step_ns: of a probe on an instruction that is single-stepped
 *
 * Return: 0; -errno, not logged.
 */
int pb_uprobe_calibrate(enum pb_uprobe_way way, int prog_fd, double *entry_ns, double *return_ns,
			double *step_ns);

#endif
