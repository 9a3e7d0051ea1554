/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Start a command so that everything can be attached before its first instruction: the child waits
 * at a gate before exec. If the tool dies meanwhile, the child sees the gate closed and exits.
 */
#ifndef PB_CORE_LAUNCH_H
#define PB_CORE_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

#include "user/core/own.h"

/* What a shell and env(1) use when a command cannot be run. */
#define PB_EXIT_TOOL_FAILED  125
#define PB_EXIT_NOT_RUNNABLE 126
#define PB_EXIT_NOT_FOUND    127

struct pb_launch;

/* @argv: NULL-terminated, borrowed. Return: 0 with the child waiting; -errno, logged. */
int pb_launch_new(struct pb_launch **out, char *const *argv);
/* A child still at the gate is killed; one that runs is left alone. */
void pb_launch_free(struct pb_launch *l);
PB_DEFINE_FREE(pb_launch, pb_launch_free);

pid_t pb_launch_pid(const struct pb_launch *l);

/**
 * pb_launch_release() - open the gate and wait for exec.
 *
 * Return: 0 once the command's own code runs; -ENOENT, -EACCES, ... if it cannot, logged.
 */
int pb_launch_release(struct pb_launch *l);

/* Before the release: hold it while it is loaded, if we may. pb_launch_hold() has to follow the release. */
void pb_launch_watch(struct pb_launch *l);

/**
 * pb_launch_hold() - behind the release: wait until its libraries are mapped, call @at_rest, let it go on.
 *
 * Where it could not be held it goes on all the same, and nothing is called. See user/core/loading.h.
 */
void pb_launch_hold(struct pb_launch *l, void (*at_rest)(void *ctx), void *ctx);

/* Pass a signal on, if it still runs. */
void pb_launch_signal(struct pb_launch *l, int sig);

/**
 * pb_launch_status() - how it ended, as a shell says it: its exit status, or 128 + signal.
 * @wait: wait for the end; otherwise ask
 *
 * Return: 0 to 255; -1 if it has not ended.
 */
int pb_launch_status(struct pb_launch *l, bool wait);

#endif
