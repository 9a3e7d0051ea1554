/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/builds.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "user/bead/git.h"
#include "user/bead/plan.h"
#include "user/bead/runner.h"
#include "user/bead/store_inside.h"
#include "user/core/grow.h"
#include "user/core/log.h"

#define BUILD_NS 3600000000000ull

struct pb_builds {
	const struct pb_plan *plan;
	const struct pb_git *git;
	char *directory;
	int lock_fd;
	char **copies;
	uint32_t n, room;
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st, (void)type, (void)walk;
	return remove(path) && errno != ENOENT ? -1 : 0;
}

#define TREE ".tree"

/* The whole name of a commit, perhaps with ".tree" and ".log" behind it: nothing else here is ours. */
static bool is_ours(const char *name, bool *is_log)
{
	size_t len = strspn(name, "0123456789abcdef");
	const char *ending = name + len;

	if (!strncmp(ending, TREE, strlen(TREE)))
		ending += strlen(TREE);
	*is_log = !strcmp(ending, ".log");
	return (len == 40 || len == 64) && (*is_log || !*ending);
}

/* git forgets it and its files are gone, whether a signal wants us to stop or not. */
static void remove_copy(const struct pb_git *git, const char *path)
{
	struct pb_git calm = *git;
	struct stat st;

	calm.stop_fd = -1;
	/* A checkout that was killed is none to git yet: what it cannot remove goes by hand, and is then forgotten. */
	if (!lstat(path, &st) && S_ISDIR(st.st_mode)) {
		pb_autofree char *dot_git = NULL;

		if (asprintf(&dot_git, "%s/.git", path) < 0)
			dot_git = NULL;
		if (dot_git && !access(dot_git, F_OK))
			pb_git(&calm, NULL, NULL, "worktree", "remove", "--force", "--force", path);
	}
	if (!lstat(path, &st) && nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS))
		pb_log(PB_LOG_WARN, "the copy %s cannot be removed: %s; remove it by hand", path,
		       strerror(errno));
	pb_git(&calm, NULL, NULL, "worktree", "prune");
}

/* What a bead that was killed has left. */
static int clear_away(struct pb_builds *b)
{
	DIR *directory = opendir(b->directory);
	const struct dirent *entry;
	int err = 0;

	if (!directory)
		return pb_err(errno, "look into %s", b->directory);
	while (!err && (entry = readdir(directory))) {
		pb_autofree char *path = NULL;
		bool is_log;

		if (!is_ours(entry->d_name, &is_log))
			continue;
		if (asprintf(&path, "%s/%s", b->directory, entry->d_name) < 0) {
			path = NULL;
			err = pb_err(ENOMEM, "look into %s", b->directory);
		} else if (is_log) {
			unlink(path);
		} else {
			pb_log(PB_LOG_INFO, "removing %s, which an interrupted bead left", path);
			remove_copy(b->git, path);
		}
	}
	closedir(directory);
	return err;
}

static int take_lock(struct pb_builds *b)
{
	pb_autofree char *path = NULL;

	if (asprintf(&path, "%s/lock", b->directory) < 0) {
		path = NULL;
		return pb_err(ENOMEM, "lock %s", b->directory);
	}
	b->lock_fd = pb_store_open_file(path);
	if (b->lock_fd < 0)
		return b->lock_fd;
	if (!flock(b->lock_fd, LOCK_EX | LOCK_NB))
		return 0;
	if (errno == EWOULDBLOCK)
		return pb_fail(EBUSY, "another bead compares revisions of this plan: wait for it, "
				      "or stop it");
	return pb_err(errno, "lock %s", path);
}

int pb_builds_open(struct pb_builds **out, const struct pb_plan *plan, const struct pb_git *git)
{
	pb_auto(pb_builds) struct pb_builds *b = calloc(1, sizeof(*b));
	int err;

	if (!b)
		return pb_err(ENOMEM, "make room for copies");
	b->plan = plan;
	b->git = git;
	b->lock_fd = -1;
	if (asprintf(&b->directory, "%s/.bead/builds", plan->directory) < 0) {
		b->directory = NULL;
		return pb_err(ENOMEM, "make room for copies");
	}
	err = pb_store_make_directory(b->directory);
	if (!err)
		err = take_lock(b);
	if (!err)
		err = clear_away(b);
	if (!err)
		*out = pb_take(b);
	return err;
}

void pb_builds_close(struct pb_builds *b)
{
	if (!b)
		return;
	for (uint32_t i = 0; i < b->n; i++) {
		remove_copy(b->git, b->copies[i]);
		free(b->copies[i]);
	}
	free(b->copies);
	if (b->lock_fd >= 0)
		close(b->lock_fd);
	free(b->directory);
	free(b);
}

/* In place of one that is there, a link or not. */
static int keep_log(const char *path, const struct pb_run *run)
{
	FILE *out = NULL;
	bool failed;
	int err = pb_store_new_file(&out, path);

	if (err)
		return err;
	fwrite(run->out, 1, run->out_size, out);
	fwrite(run->err, 1, run->err_size, out);
	failed = ferror(out);
	failed = fclose(out) || failed;
	return failed ? pb_err(EIO, "write %s", path) : 0;
}

/* One thing to build. */
struct job {
	const struct pb_plan *plan;
	const char *directory; /* the plan's, where it is built */
	const char *log;       /* path, written where it fails */
	char name[64];         /* for people */
	int stop_fd;
};

static int run_step(const struct job *job, const struct pb_plan_command *step)
{
	const struct pb_run_options options = {.stop_fd = job->stop_fd};
	char *environment[] = {NULL};
	const struct pb_plan_workload workload = {
		.name = (char *)"build",
		.directory = (char *)job->directory,
		.environment = environment,
		.timeout_ns = BUILD_NS,
	};
	char ending[128];
	struct pb_run run;
	int err = pb_run_command(&run, &workload, step->argv, &options);

	if (err)
		return err;
	if (run.end == PB_RUN_STOPPED) {
		err = -ECANCELED;
	} else if (run.end != PB_RUN_EXITED || run.status) {
		err = keep_log(job->log, &run);
		if (!err)
			err = pb_fail(EPROTO, "the build of %s failed: \"%s\" %s; see %s",
				      job->name, step->argv[0],
				      pb_run_ending(&run, ending, sizeof(ending)), job->log);
	}
	pb_run_drop(&run);
	return err;
}

static int run_steps(const struct job *job)
{
	int err = 0;

	unlink(job->log);
	for (uint32_t i = 0; i < job->plan->n_build && !err; i++)
		err = run_step(job, &job->plan->build[i]);
	return err;
}

int pb_builds_here(const struct pb_plan *plan, int stop_fd)
{
	struct job job = {.plan = plan,
			  .directory = plan->directory,
			  .name = "the working tree",
			  .stop_fd = stop_fd};
	pb_autofree char *log = NULL;

	if (asprintf(&log, "%s/.bead/build.log", plan->directory) < 0) {
		log = NULL;
		return pb_err(ENOMEM, "build the working tree");
	}
	job.log = log;
	return run_steps(&job);
}

static int build(const struct pb_builds *b, const char *copy, bool is_tree)
{
	pb_autofree char *directory = pb_path_moved(b->plan->directory, b->git->top, copy);
	pb_autofree char *log = NULL;
	struct job job = {.plan = b->plan, .directory = directory, .stop_fd = b->git->stop_fd};

	if (!directory || asprintf(&log, "%s.log", copy) < 0) {
		log = NULL;
		return pb_err(ENOMEM, "build %s", copy);
	}
	job.log = log;
	if (is_tree)
		snprintf(job.name, sizeof(job.name), "the working tree");
	else
		snprintf(job.name, sizeof(job.name), "%.12s", copy + strlen(b->directory) + 1);
	if (access(directory, F_OK))
		return pb_fail(EPROTO, "the revision %s has no directory %s, where the plan is",
			       job.name, b->plan->directory + strlen(b->git->top));
	return run_steps(&job);
}

/* @path: taken, to be removed from then on, even if git does not come to its end. */
static int check_out(struct pb_builds *b, char *path, const char *commit)
{
	int err = pb_grow(&b->copies, &b->room, (uint64_t)b->n + 1, sizeof(*b->copies));

	if (err) {
		free(path);
		return pb_err(-err, "make a copy of %s", commit);
	}
	b->copies[b->n++] = path;
	return pb_git(b->git, NULL, NULL, "worktree", "add", "--detach", "--quiet", path, commit);
}

int pb_builds_make(struct pb_builds *b, const char *commit, const char **copy)
{
	char *path = NULL;
	int err;

	if (asprintf(&path, "%s/%s", b->directory, commit) < 0)
		return pb_err(ENOMEM, "make a copy of %s", commit);
	for (uint32_t i = 0; i < b->n; i++)
		if (!strcmp(b->copies[i], path)) {
			free(path);
			*copy = b->copies[i];
			return 0;
		}
	err = check_out(b, path, commit);
	if (!err)
		err = build(b, path, false);
	if (!err)
		*copy = path;
	return err;
}

int pb_builds_make_tree(struct pb_builds *b, const char **copy)
{
	pb_autofree char *head = NULL;
	char *path = NULL;
	int err = pb_git_commit(b->git, "HEAD", &head);

	if (err)
		return err;
	if (asprintf(&path, "%s/%s" TREE, b->directory, head) < 0)
		return pb_err(ENOMEM, "make a copy of the working tree");
	err = check_out(b, path, head);
	if (!err)
		err = pb_builds_take_over(b->git, b->plan, path);
	if (!err)
		err = build(b, path, true);
	if (!err)
		*copy = path;
	return err;
}
