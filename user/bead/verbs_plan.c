/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* bless: what a workload has to give. */
#include "user/bead/verbs.h"

#include <errno.h>

#include "user/bead/oracle.h"
#include "user/bead/runner.h"
#include "user/core/json.h"
#include "user/core/log.h"

/* One run to be blessed. Return: enum pb_bead_exit; -errno. @run is to be dropped where it is OK. @why: of a finding. */
static int run_to_bless(struct pb_run *run, const struct pb_plan_workload *workload, int stop_fd,
			char *why, size_t size)
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
		snprintf(why, size, "it %s, so it is not blessed",
			 pb_run_ending(run, ending, sizeof(ending)));
	if (exit)
		pb_run_drop(run);
	return exit;
}

/* @difference: set with a finding; its output is empty where a run failed. Return: enum pb_bead_exit; -errno. */
static int bless(const struct pb_desk *desk, const struct pb_plan_workload *workload, int stop_fd,
		 struct pb_oracle_difference *difference)
{
	struct pb_run first, second;
	int err =
		run_to_bless(&first, workload, stop_fd, difference->text, sizeof(difference->text));

	if (err)
		return err;
	err = run_to_bless(&second, workload, stop_fd, difference->text, sizeof(difference->text));
	if (err) {
		pb_run_drop(&first);
		return err;
	}
	err = pb_oracle_bless(desk->golden, workload, &first, &second, stop_fd, difference);
	pb_run_drop(&first);
	pb_run_drop(&second);
	if (err == -EINTR)
		return PB_BEAD_INTERRUPTED;
	return err > 0 ? PB_BEAD_FINDING : err;
}

/* What came of a workload that was run to its end. @j: NULL: for people. */
static void tell_blessing(struct pb_json *j, const char *workload, int exit,
			  const struct pb_oracle_difference *difference)
{
	bool differs = exit && difference->output[0];

	if (differs)
		pb_log(PB_LOG_ERROR, "%s: %snothing is blessed; %s: %s", workload,
		       difference->of_two_runs ? "two runs differ, so " : "", difference->output,
		       difference->text);
	else if (exit)
		pb_log(PB_LOG_ERROR, "%s: %s", workload, difference->text);
	else if (!j)
		printf("%s: blessed, two runs agree\n", workload);
	if (!j)
		return;
	pb_json_object(j, NULL);
	pb_json_string(j, "workload", workload);
	pb_json_bool(j, "blessed", !exit);
	pb_json_string(j, "output", differs ? difference->output : NULL);
	pb_json_string(j, "why", exit ? difference->text : NULL);
	pb_json_end(j, '}');
}

/* @only: the index of a workload; -1: all. Return: enum pb_bead_exit; -errno. */
static int bless_all(struct pb_json *j, const struct pb_desk *desk, int only, int stop_fd)
{
	int exit = PB_BEAD_OK;

	for (uint32_t i = 0; i < desk->plan->n_workloads; i++) {
		const struct pb_plan_workload *workload = &desk->plan->workloads[i];
		struct pb_oracle_difference difference = {0};
		int err;

		if (only >= 0 && i != (uint32_t)only)
			continue;
		err = bless(desk, workload, stop_fd, &difference);
		if (err < 0 || err == PB_BEAD_INTERRUPTED)
			return err;
		tell_blessing(j, workload->name, err, &difference);
		if (err)
			exit = err;
	}
	return exit;
}

int pb_bead_bless(const struct pb_bead_args *args)
{
	pb_auto_close_desk struct pb_desk desk = {0};
	int exit, only = -1, err = pb_desk_open(&desk, args);
	struct pb_json j;

	if (err)
		return err;
	if (args->words[0]) {
		only = pb_desk_find_workload(&desk, args->words[0]);
		if (only < 0)
			return only;
	}
	if (!args->json)
		return bless_all(NULL, &desk, only, args->stop_fd);
	pb_bead_begin_document(&j, "bead-bless/1", &desk);
	pb_json_array(&j, "workloads");
	exit = bless_all(&j, &desk, only, args->stop_fd);
	pb_json_end(&j, ']');
	pb_json_int(&j, "exit", pb_bead_exit_of(exit));
	pb_bead_end_document(&j);
	return exit;
}
