/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One run of a workload under one of our profilers, as a process of its own, and the report that it wrote. The command
 * finds what it always finds, see runner.h: the profiler is put before it.
 */
#ifndef PB_BEAD_PROFILER_H
#define PB_BEAD_PROFILER_H

#include <jansson.h>

#include "user/bead/runner.h"

struct pb_plan_workload;

struct pb_profiler_run {
	struct pb_run
		run; /* of both together: how the command ended is in it, its time is in the report */
	json_t *report; /* owned; NULL where there is none */
	char why[512];  /* why there is none: a sentence without its full stop */
};
void pb_profiler_run_drop(struct pb_profiler_run *p);

/**
 * pb_profiler_run() - once.
 * @tool: "cpuflame"; the one beside bead's own program, else of PATH
 * @options: for the tool, NULL-terminated
 * @base: path of its outputs without their ending: BASE.json, and others if @options say so
 * @stop_fd: as of struct pb_run_options
 *
 * The workload has ten times its time. Return: 0, and then @p is to be dropped; -errno, logged.
 */
int pb_profiler_run(struct pb_profiler_run *p, const char *tool, char *const *options,
		    const char *base, const struct pb_plan_workload *workload, int stop_fd);

#endif
