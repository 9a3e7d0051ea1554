/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Who is measured: what the person asked for, resolved to things that cannot turn into others. */
#ifndef PB_CORE_TARGET_H
#define PB_CORE_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi/capture.h"
#include "user/core/own.h"

struct pb_args;
struct pb_launch;
struct pb_report;

struct pb_target {
	enum pb_scope scope;
	bool children;   /* follow them: PB_SCOPE_PROCESS only */
	uint32_t *tgids; /* processes asked for; for a thread its process */
	int *pidfds;     /* one per tgid: readable when it has ended */
	uint32_t n;
	uint32_t tid;             /* PB_SCOPE_THREAD */
	int cgroup_fd;            /* PB_SCOPE_CGROUP; else -1 */
	struct pb_launch *launch; /* with -- CMD; else NULL. Owned */
};

/**
 * pb_target_new() - resolve; with a command, start it as far as its gate.
 * @args: borrowed for the call
 *
 * Return: 0; -ESRCH if it does not exist, -EDOM if it is no target, -errno, logged.
 */
int pb_target_new(struct pb_target **out, const struct pb_args *args);
void pb_target_free(struct pb_target *t);
PB_DEFINE_FREE(pb_target, pb_target_free);

/* Whether all that was asked for has ended. Whole machine and cgroup never end. */
bool pb_target_ended(const struct pb_target *t);

/* Fill the report's target: ids, scope, comm, argv. Return: 0; -ENOMEM. */
int pb_target_describe(const struct pb_target *t, const struct pb_args *args,
		       struct pb_report *report);

#endif
