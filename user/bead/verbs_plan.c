/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* init and bless: what is measured, and what it has to give. */
#include "user/bead/verbs.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "user/bead/oracle.h"
#include "user/bead/runner.h"
#include "user/core/log.h"

/* A name as a plan wants it, out of the last part of a path. */
static void make_name(char *out, size_t size, const char *path, const char *otherwise)
{
	const char *slash = strrchr(path, '/');
	size_t n = 0;

	for (const char *s = slash ? slash + 1 : path; *s && n + 1 < size; s++) {
		char c = (char)tolower((unsigned char)*s);
		bool fits =
			(c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (n && strchr("._-", c));

		if (fits)
			out[n++] = c;
	}
	out[n] = '\0';
	if (!n)
		snprintf(out, size, "%s", otherwise);
}

/* @path must not be there yet. */
static int write_new(const char *path, const char *text)
{
	pb_autoclose int fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	size_t left = strlen(text);
	ssize_t n;

	if (fd < 0 && errno == EEXIST)
		return pb_fail(EINVAL,
			       "%s is there already, and is not overwritten; edit it, or name "
			       "another one by --plan",
			       path);
	if (fd < 0)
		return pb_err(errno, "create %s", path);
	while (left) {
		n = write(fd, text, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int err = n ? errno : EIO;

			unlink(path);
			return pb_err(err, "write %s", path);
		}
		text += n;
		left -= (size_t)n;
	}
	return 0;
}

int pb_bead_init(const struct pb_bead_args *args)
{
	pb_autofree char *here = getcwd(NULL, 0), *text = NULL;
	char project[33], workload[65];
	const char *name = args->workload;
	int err;

	if (!args->command)
		return pb_fail(EINVAL, "init needs a command to measure: bead init -- CMD...");
	if (!here)
		return pb_err(errno, "look up the current directory");
	make_name(project, sizeof(project), here, "project");
	make_name(workload, sizeof(workload), args->command[0], "main");
	if (!name)
		name = workload;
	text = pb_plan_template(project, &name, (char *const *const *)&args->command, 1);
	if (!text && errno == EINVAL)
		return pb_fail(
			EINVAL,
			"\"%s\" is no name of a workload, or the command is empty; names are "
			"of a-z, 0-9, \".\", \"_\" and \"-\", at most 64",
			name);
	if (!text && errno == EILSEQ)
		return pb_fail(EINVAL, "a word of the command is not plain text in UTF-8");
	if (!text)
		return pb_err(errno, "make a plan");
	err = write_new(args->plan, text);
	if (err)
		return err;
	pb_log(PB_LOG_INFO, "wrote %s; next: bead bless, bead run --ready", args->plan);
	return PB_BEAD_OK;
}

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
