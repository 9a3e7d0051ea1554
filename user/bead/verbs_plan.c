/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* bless: what a workload has to give. */
#include "user/bead/verbs.h"

#include <errno.h>

#include "user/bead/oracle.h"
#include "user/bead/runner.h"
#include "user/core/log.h"

/* One run to be blessed. Return: enum pb_bead_exit; -errno. @run is to be dropped where it is OK. */
static int run_to_bless(struct pb_run *run, const struct pb_plan_workload *workload, int stop_fd)
{
	const struct pb_run_options options = {.stop_fd = stop_fd};
	char ending[128];
	int err = pb_run_once(run, workload, &options), exit = PB_BEAD_OK;

	if (err)
		return err;
	if (run->end == PB_RUN_STOPPED)
		exit = PB_BEAD_INTERRUPTED;
	else if (run->end != PB_RUN_EXITED || run->status != workload->golden.exit_status)
		exit = PB_BEAD_FINDING;
	if (exit == PB_BEAD_FINDING)
		pb_log(PB_LOG_ERROR, "%s: it %s, so it is not blessed", workload->name,
		       pb_run_ending(run, ending, sizeof(ending)));
	if (exit)
		pb_run_drop(run);
	return exit;
}

static int bless(const struct pb_desk *desk, const struct pb_plan_workload *workload, int stop_fd)
{
	struct pb_oracle_difference difference;
	struct pb_run first, second;
	int err = run_to_bless(&first, workload, stop_fd);

	if (err)
		return err;
	err = run_to_bless(&second, workload, stop_fd);
	if (err) {
		pb_run_drop(&first);
		return err;
	}
	err = pb_oracle_bless(desk->golden, workload, &first, &second, &difference);
	pb_run_drop(&first);
	pb_run_drop(&second);
	if (err < 0)
		return err;
	if (err) {
		pb_log(PB_LOG_ERROR, "%s: two runs differ, so nothing is blessed; %s: %s",
		       workload->name, difference.output, difference.text);
		return PB_BEAD_FINDING;
	}
	printf("%s: blessed, two runs agree\n", workload->name);
	return PB_BEAD_OK;
}

int pb_bead_bless(const struct pb_bead_args *args)
{
	pb_auto_close_desk struct pb_desk desk = {0};
	int exit = PB_BEAD_OK, only = -1, err = pb_desk_open(&desk, args);

	if (err)
		return err;
	if (args->words[0]) {
		only = pb_desk_find_workload(&desk, args->words[0]);
		if (only < 0)
			return only;
	}
	for (uint32_t i = 0; i < desk.plan->n_workloads; i++) {
		if (only >= 0 && i != (uint32_t)only)
			continue;
		err = bless(&desk, &desk.plan->workloads[i], args->stop_fd);
		if (err < 0 || err == PB_BEAD_INTERRUPTED)
			return err;
		if (err)
			exit = err;
	}
	return exit;
}
