/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* init: a plan for a command, for several by their names, or for what looks like benchmarks. */
#include "user/bead/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "user/bead/benches.h"
#include "user/bead/plan_walk.h"
#include "user/core/log.h"

/* What the plan is for: as many names as commands. */
struct draft {
	char **names;     /* owned, as the strings are */
	char ***commands; /* owned, as the words are */
	uint32_t n;
};

static void drop_draft(struct draft *draft)
{
	for (uint32_t i = 0; i < draft->n; i++) {
		free(draft->names[i]);
		pb_plan_words_free(draft->commands[i]);
	}
	free(draft->names);
	free(draft->commands);
}

#define auto_drop_draft __attribute__((cleanup(drop_draft)))

static int check_name(const char *name)
{
	struct pb_plan_complaint complaint = {0};
	pb_autofree char *copy = strdup(name);
	const struct pb_plan_node node = {
		.kind = PB_PLAN_TEXT, .line = 1, .column = 1, .text = copy};

	if (!copy)
		return pb_err(ENOMEM, "make a plan");
	return pb_plan_check_name(&complaint, &node, "the name of a workload")
		       ? pb_fail(EINVAL, "%s", complaint.text)
		       : 0;
}

/* Takes @name, which may be NULL where there was no memory, and @command. */
static int add(struct draft *draft, char *name, char **command)
{
	int err = name ? check_name(name) : -ENOMEM;
	char **names = reallocarray(draft->names, draft->n + 1, sizeof(*names));
	char ***commands = reallocarray(draft->commands, draft->n + 1, sizeof(*commands));

	if (names)
		draft->names = names;
	if (commands)
		draft->commands = commands;
	if (!names || !commands || err) {
		free(name);
		pb_plan_words_free(command);
		return err == -EINVAL ? err : pb_err(ENOMEM, "make a plan");
	}
	names[draft->n] = name;
	commands[draft->n++] = command;
	return 0;
}

/* What stands behind "--", by the name that was given, or its own. */
static int add_command(struct draft *draft, const struct pb_bead_args *args)
{
	const char *given = args->workloads.n ? args->workloads.items[0] : NULL;
	char **command;
	char name[65];
	uint32_t n = 0;

	if (args->workloads.n > 1)
		return pb_fail(EINVAL, "one command has one name; of several workloads each is "
				       "given by --workload NAME='CMD'");
	if (given && strchr(given, '='))
		return pb_fail(EINVAL,
			       "--workload %s holds a command, and another one stands behind --; "
			       "write each as --workload NAME='CMD'",
			       given);
	while (args->command[n])
		n++;
	command = calloc(n + 1, sizeof(*command));
	if (!command)
		return pb_err(ENOMEM, "make a plan");
	for (uint32_t i = 0; i < n; i++) {
		command[i] = strdup(args->command[i]);
		if (!command[i]) {
			pb_plan_words_free(command);
			return pb_err(ENOMEM, "make a plan");
		}
	}
	pb_bench_name(name, sizeof(name), args->command[0], "main");
	return add(draft, strdup(given ? given : name), command);
}

/* "NAME=CMD", split as a plan's commands are. */
static int add_text(struct draft *draft, const char *text)
{
	struct pb_plan_complaint complaint = {0};
	const char *equals = strchr(text, '=');
	pb_autofree char *copy = equals ? strdup(equals + 1) : NULL;
	const struct pb_plan_node node = {
		.kind = PB_PLAN_TEXT, .line = 1, .column = 1, .text = copy};
	char **command, what[96];
	int err;

	if (!equals)
		return pb_fail(EINVAL,
			       "--workload %s has no command: write --workload %s='CMD', or one "
			       "command behind --",
			       text, text);
	if (!copy)
		return pb_err(ENOMEM, "make a plan");
	snprintf(what, sizeof(what), "--workload %.*s", (int)(equals - text), text);
	err = pb_plan_read_command(&complaint, &node, what, &command);
	if (err == -EINVAL)
		return pb_fail(EINVAL, "%s", complaint.text);
	if (err)
		return pb_err(-err, "make a plan");
	return add(draft, strndup(text, (size_t)(equals - text)), command);
}

/* What looks like benchmarks here. */
static int add_benches(struct draft *draft)
{
	struct pb_benches benches;
	int err = pb_benches_find(&benches, ".");

	if (err)
		return err;
	if (!benches.n)
		return pb_fail(EINVAL,
			       "there is nothing here that looks like a benchmark (programs in "
			       "bench/ or benchmarks/, programs named *bench*, a target bench of "
			       "the Makefile); say what to measure: bead init -- CMD..., or "
			       "--workload NAME='CMD' for each of several");
	for (uint32_t i = 0; i < benches.n && !err; i++)
		err = add(draft, pb_take(benches.names[i]), pb_take(benches.commands[i]));
	if (!err && benches.left_out)
		pb_log(PB_LOG_WARN,
		       "%u more look like benchmarks, and are left out; --workload NAME='CMD' "
		       "names others",
		       benches.left_out);
	pb_benches_drop(&benches);
	return err;
}

static int make_draft(struct draft *draft, const struct pb_bead_args *args)
{
	int err = 0;

	if (args->command)
		return add_command(draft, args);
	if (!args->workloads.n)
		return add_benches(draft);
	for (uint32_t i = 0; i < args->workloads.n && !err; i++)
		err = add_text(draft, args->workloads.items[i]);
	return err;
}

/* Of a draft that makes no plan. Return: -EINVAL, logged. */
static int say_why(const struct draft *draft, int why)
{
	if (why == EILSEQ)
		return pb_fail(EINVAL, "a word of the command is not plain text in UTF-8");
	if (why != EINVAL)
		return pb_err(why, "make a plan");
	for (uint32_t i = 0; i < draft->n; i++)
		for (uint32_t j = 0; j < i; j++)
			if (!strcmp(draft->names[i], draft->names[j]))
				return pb_fail(EINVAL, "two workloads are called \"%s\"",
					       draft->names[i]);
	return pb_fail(EINVAL, "the command is empty, or there are too many");
}

static void say_what_was_found(const struct draft *draft)
{
	for (uint32_t i = 0; i < draft->n; i++) {
		char line[256];
		size_t n = 0;

		for (char **word = draft->commands[i]; *word && n < sizeof(line); word++)
			n += (size_t)snprintf(line + n, sizeof(line) - n, " %s", *word);
		pb_log(PB_LOG_INFO, "workload %s:%s", draft->names[i], line);
	}
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
	auto_drop_draft struct draft draft = {0};
	char project[33];
	int err;

	if (!here)
		return pb_err(errno, "look up the current directory");
	err = make_draft(&draft, args);
	if (err)
		return err;
	pb_bench_name(project, sizeof(project), here, "project");
	text = pb_plan_template(project, (const char *const *)draft.names,
				(char *const *const *)draft.commands, draft.n);
	if (!text)
		return say_why(&draft, errno);
	err = write_new(args->plan, text);
	if (err)
		return err;
	if (!args->command && !args->workloads.n)
		say_what_was_found(&draft);
	pb_log(PB_LOG_INFO, "wrote %s; next: bead bless, bead run --ready", args->plan);
	return PB_BEAD_OK;
}
