/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The plan's "build", in place and of copies. Copies of revisions, and of the working tree, are checked out beside the
 * store:
 *
 *   .bead/builds/lock          held by the process that has copies; who finds it free clears away what a kill left
 *   .bead/builds/COMMIT/       a git worktree, detached
 *   .bead/builds/COMMIT.tree/  the same of HEAD, with the files of the working tree that differ from it
 *   .bead/builds/COMMIT.log    what the build wrote, kept where it failed
 *   .bead/build.log            the same of the working tree, built in place
 */
#ifndef PB_BEAD_BUILDS_H
#define PB_BEAD_BUILDS_H

#include "user/core/own.h"

struct pb_builds;
struct pb_git;
struct pb_plan;
struct pb_plan_workload;

/* Return: 0; -EBUSY, logged: another process has copies; -errno, logged. @plan, @git: borrowed. */
int pb_builds_open(struct pb_builds **out, const struct pb_plan *plan, const struct pb_git *git);
/* Removes the copies, also when a signal wants us to stop. */
void pb_builds_close(struct pb_builds *b);
PB_DEFINE_FREE(pb_builds, pb_builds_close);

/**
 * pb_builds_make() - check out a commit, and build it.
 * @commit: its whole name
 * @copy: set to the top of the copy, which lives as long as @b
 *
 * The build has an hour for each command. Return: 0; -ECANCELED: stopped; -EPROTO, logged with the path of what was
 * written: the build failed, or git; -errno, logged.
 */
int pb_builds_make(struct pb_builds *b, const char *commit, const char **copy);

/**
 * pb_builds_make_tree() - copy the working tree as it is, and build that.
 *
 * It has what git knows or would: no file that git ignores, nothing of bead's own. Neither refs, index nor objects of the
 * repository are touched. Once for each @b. Return: as of pb_builds_make().
 */
int pb_builds_make_tree(struct pb_builds *b, const char **copy);

/* What of the working tree differs from HEAD goes into @copy, which is at HEAD. Return: 0; -ECANCELED; -errno, logged. */
int pb_builds_take_over(const struct pb_git *git, const struct pb_plan *plan, const char *copy);

/* The plan's "build" in the working tree; nothing where it has none. Return: as of pb_builds_make(). */
int pb_builds_here(const struct pb_plan *plan, int stop_fd);

/**
 * pb_builds_map() - a workload of the plan as it is in a copy.
 * @workload: of the plan
 * @copy: its top
 * @out: set to a workload to be freed by pb_builds_unmap(); it borrows names and what is compared from @workload
 *
 * The directory, the input and every absolute path in words and environment that lies in the repository are those of the
 * copy. Return: 0; -EINVAL, logged: its directory is outside of the repository, or not in the copy; -errno, logged.
 */
int pb_builds_map(struct pb_plan_workload **out, const struct pb_git *git,
		  const struct pb_plan_workload *workload, const char *copy);
void pb_builds_unmap(struct pb_plan_workload *mapped);

/**
 * pb_builds_differ() - do both sides run something else?
 * @side: a workload as it is in one copy and in the other
 *
 * A program of the system, as an interpreter, may be the same for both; a warning says so where no word names a file that
 * differs. Return: 0; -EINVAL, logged: both run the same file, so there is nothing to compare.
 */
int pb_builds_differ(const struct pb_plan_workload *const side[2]);

/* @text with each path below @from below @to instead, also one that leads there by a link; to be freed. NULL: no memory. */
char *pb_path_moved(const char *text, const char *from, const char *to);

#endif
