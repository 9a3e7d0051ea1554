/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Start a command in the surroundings that runner.h promises. */
#ifndef PB_BEAD_CHILD_H
#define PB_BEAD_CHILD_H

#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "user/bead/machine.h"

struct pb_plan_workload;

/* What a child tells us, by memory that it shares with us until its exec. */
struct pb_child_word {
	uint64_t start_ns; /* pb_clock_ns() just before the exec; 0: it did not come so far */
	int exec_errno;    /* positive, if the exec failed */
	/* What it had used until then, as our copy. */
	struct rusage before;
	struct pb_machine_thread thread;
};

struct pb_child {
	pid_t pid;
	int pidfd;
	struct pb_child_word *word;
};

/**
 * pb_child_start() - fork a child that becomes the command.
 * @words: wrapper and command in one, NULL-terminated
 * @out_fd, @err_fd: its stdout and stderr; borrowed
 *
 * Return: 0; -errno, logged: the directory or the input cannot be opened, or there is no process to be had.
 */
int pb_child_start(struct pb_child *child, const struct pb_plan_workload *workload,
		   char *const *words, int out_fd, int err_fd);
/* After it was reaped, or given up. */
void pb_child_drop(struct pb_child *child);

/* The environment of a workload's commands, NULL-terminated, to be freed by pb_plan_words_free(). NULL: no memory. */
char **pb_child_environment(const struct pb_plan_workload *workload);

#endif
