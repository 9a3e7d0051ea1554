/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/git.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "user/bead/plan.h"
#include "user/bead/runner.h"
#include "user/bead/store_inside.h"
#include "user/core/launch.h"
#include "user/core/log.h"
#include "user/core/text.h"

#define TIMEOUT_NS 600000000000ull
#define WORDS_MAX  40

/* git's own patterns, by ending: without them it takes a label for a function. */
static const char attributes[] =
	"*.c diff=cpp\n*.h diff=cpp\n*.cc diff=cpp\n*.cpp diff=cpp\n"
	"*.cxx diff=cpp\n*.hh diff=cpp\n*.hpp diff=cpp\n*.hxx diff=cpp\n"
	"*.cs diff=csharp\n*.go diff=golang\n*.java diff=java\n"
	"*.kt diff=kotlin\n*.pl diff=perl\n*.pm diff=perl\n*.php diff=php\n"
	"*.py diff=python\n*.rb diff=ruby\n*.rs diff=rust\n*.sh diff=bash\n";

/* What its users' settings and the repository's must not change. */
static const char *const settings[] = {"git",
				       "-c",
				       "color.ui=false",
				       "-c",
				       "core.quotePath=false",
				       "-c",
				       "core.fsmonitor=false",
				       "-c",
				       "core.hooksPath=/dev/null",
				       "-c",
				       "advice.detachedHead=false"};

/* Another git may read it right now: it is there as a whole, or as the one before. */
static int write_attributes(struct pb_git *git, const char *scratch)
{
	pb_autofree char *draft = NULL;
	FILE *out = NULL;
	bool failed;
	int err;

	if (asprintf(&git->attributes, "%s/gitattributes", scratch) < 0) {
		git->attributes = NULL;
		return pb_err(ENOMEM, "prepare for git");
	}
	if (asprintf(&draft, "%s.%d", git->attributes, (int)getpid()) < 0) {
		draft = NULL;
		return pb_err(ENOMEM, "prepare for git");
	}
	err = pb_store_new_file(&out, draft);
	if (err)
		return err;
	fputs(attributes, out);
	failed = ferror(out);
	failed = fclose(out) || failed;
	if (!failed && !rename(draft, git->attributes))
		return 0;
	err = pb_err(failed ? EIO : errno, "write %s", git->attributes);
	unlink(draft);
	return err;
}

/* NULL-terminated; borrows all but the last, which is in @own. */
static int join_words(const struct pb_git *git, const char *const *words,
		      const char *joined[WORDS_MAX], char **own)
{
	size_t n = PB_ARRAY_SIZE(settings);

	memcpy(joined, settings, sizeof(settings));
	if (git->attributes) {
		if (asprintf(own, "core.attributesFile=%s", git->attributes) < 0) {
			*own = NULL;
			return -ENOMEM;
		}
		joined[n++] = "-c";
		joined[n++] = *own;
	}
	for (; *words && n < WORDS_MAX - 1; words++)
		joined[n++] = *words;
	joined[n] = NULL;
	return *words ? -E2BIG : 0;
}

/* The last line that it wrote to stderr, safe to show. */
static void last_words(const struct pb_run *run, char *buf, size_t size)
{
	size_t end = run->err_size, begin;

	while (end && run->err[end - 1] == '\n')
		end--;
	for (begin = end; begin && run->err[begin - 1] != '\n';)
		begin--;
	pb_text_safe_line(buf, size, run->err ? run->err + begin : "", end - begin);
}

static int copy_out(const struct pb_run *run, char **text, size_t *size)
{
	char *copy = malloc(run->out_size + 1);

	if (!copy)
		return pb_err(ENOMEM, "read what git says");
	if (run->out)
		memcpy(copy, run->out, run->out_size);
	copy[run->out_size] = '\0';
	*text = copy;
	if (size)
		*size = run->out_size;
	return 0;
}

/* Under sudo a repository of who typed it is trusted, as git has it: by SUDO_UID. */
static int run_git(const struct pb_git *git, const char *directory, const char *const *words,
		   struct pb_run *run)
{
	const struct pb_run_options options = {.stop_fd = git->stop_fd};
	const char *joined[WORDS_MAX], *sudo = getenv("SUDO_UID");
	pb_autofree char *own = NULL, *uid = NULL;
	char *environment[] = {(char *)"LC_ALL=C.UTF-8", (char *)"GIT_OPTIONAL_LOCKS=0",
			       (char *)"GIT_TERMINAL_PROMPT=0", NULL, NULL};
	const struct pb_plan_workload workload = {
		.name = (char *)"git",
		.directory = (char *)directory,
		.environment = environment,
		.timeout_ns = TIMEOUT_NS,
	};
	int err = join_words(git, words, joined, &own);

	if (err)
		return pb_err(-err, "run git");
	if (sudo && asprintf(&uid, "SUDO_UID=%s", sudo) < 0)
		return pb_err(ENOMEM, "run git");
	environment[3] = uid;
	return pb_run_command(run, &workload, (char *const *)joined, &options);
}

int pb_git_run(const struct pb_git *git, char **text, size_t *size, const char *const *words)
{
	struct pb_run run = {0};
	char said[512], ending[128];
	int err = run_git(git, git->top, words, &run);

	if (err)
		return err;
	if (run.end == PB_RUN_STOPPED) {
		err = -ECANCELED;
	} else if (run.end != PB_RUN_EXITED || run.status) {
		last_words(&run, said, sizeof(said));
		err = pb_fail(EPROTO, "git %s %s%s%s", words[0],
			      pb_run_ending(&run, ending, sizeof(ending)), said[0] ? ": " : "",
			      said);
	} else if (text) {
		err = copy_out(&run, text, size);
	}
	pb_run_drop(&run);
	return err;
}

/* Whether it says that there is no repository, in the words of LC_ALL=C. */
static bool is_elsewhere(const struct pb_run *run)
{
	return run->end == PB_RUN_NOT_RUN ||
	       (run->err && strstr(run->err, "not a git repository")) ||
	       (run->err && strstr(run->err, "must be run in a work tree"));
}

int pb_git_open(struct pb_git **out, const char *directory, const char *scratch, int stop_fd)
{
	const char *const words[] = {"rev-parse", "--show-toplevel", NULL};
	pb_auto(pb_git) struct pb_git *git = calloc(1, sizeof(*git));
	struct pb_run run = {0};
	char said[512];
	int err;

	if (!git)
		return pb_err(ENOMEM, "look for a repository");
	git->stop_fd = stop_fd;
	err = run_git(git, directory, words, &run);
	if (err)
		return err;
	if (run.end == PB_RUN_STOPPED) {
		err = -ECANCELED;
	} else if (run.end == PB_RUN_EXITED && !run.status) {
		err = copy_out(&run, &git->top, NULL);
		if (!err && git->top)
			git->top[strcspn(git->top, "\n")] = '\0';
	} else if (is_elsewhere(&run)) {
		err = -ENOENT;
	} else if (run.err && strstr(run.err, "dubious ownership")) {
		err = pb_fail(EPROTO,
			      "git does not trust %s, which is another user's: git config --global "
			      "--add safe.directory, with the top of the repository",
			      directory);
	} else {
		last_words(&run, said, sizeof(said));
		err = pb_fail(EPROTO, "git does not take %s: %s", directory, said);
	}
	pb_run_drop(&run);
	if (!err && scratch)
		err = write_attributes(git, scratch);
	if (!err)
		*out = pb_take(git);
	return err;
}

void pb_git_free(struct pb_git *git)
{
	if (!git)
		return;
	free(git->top);
	free(git->attributes);
	free(git);
}

int pb_git_commit(const struct pb_git *git, const char *revision, char **out)
{
	pb_autofree char *name = NULL;
	const char *words[] = {"rev-parse", "--verify", "--quiet", "--end-of-options", NULL, NULL};
	struct pb_run run = {0};
	int err;

	if (asprintf(&name, "%s^{commit}", revision) < 0) {
		name = NULL;
		return pb_err(ENOMEM, "look for the revision %s", revision);
	}
	words[4] = name;
	err = run_git(git, git->top, words, &run);
	if (err)
		return err;
	if (run.end == PB_RUN_STOPPED)
		err = -ECANCELED;
	else if (run.end != PB_RUN_EXITED || run.status)
		err = pb_fail(EINVAL, "the repository %s has no revision \"%s\"%s", git->top,
			      revision, strcmp(revision, "HEAD") ? "" : ": commit something first");
	else
		err = copy_out(&run, out, NULL);
	if (!err)
		(*out)[strcspn(*out, "\n")] = '\0';
	pb_run_drop(&run);
	return err;
}
