/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Whether two copies of a workload run two programs, or one. */
#include "user/bead/builds.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "user/bead/plan.h"
#include "user/core/log.h"

/* A word as a path in the workload's directory. False: too long. */
static bool path_of(const struct pb_plan_workload *w, const char *word, char path[PATH_MAX])
{
	const char *directory = word[0] == '/' ? "" : w->directory;

	return snprintf(path, PATH_MAX, "%s%s%s", directory, *directory ? "/" : "", word) <
	       PATH_MAX;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Both sides of a word, if it names files. */
static bool look(const struct pb_plan_workload *const side[2], size_t i, char path[PATH_MAX],
		 struct stat st[2])
{
	for (int k = 1; k >= 0; k--)
		if (!path_of(side[k], side[k]->argv[i], path) || stat(path, &st[k]))
			return false;
	return true;
}

/* Where interpreters and what drives others are, and what a plan builds is not. */
static bool is_of_the_system(const char *path)
{
	static const char *const places[] = {"/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/",
					     "/usr/lib/"};

	for (size_t i = 0; i < PB_ARRAY_SIZE(places); i++)
		if (!strncmp(path, places[i], strlen(places[i])))
			return true;
	return false;
}

static bool has_other_file(const struct pb_plan_workload *const side[2])
{
	char path[PATH_MAX];
	struct stat st[2];

	for (size_t i = 1; side[0]->argv[0] && side[0]->argv[i]; i++)
		if (look(side, i, path, st) && !is_same(&st[0], &st[1]))
			return true;
	return false;
}

int pb_builds_differ(const struct pb_plan_workload *const side[2])
{
	pb_autofree char *program = NULL;
	char path[PATH_MAX];
	struct stat st[2];

	if (strchr(side[0]->argv[0], '/')) {
		if (!look(side, 0, path, st) || !is_same(&st[0], &st[1]))
			return 0;
		program = realpath(path, NULL);
		if (!program)
			return 0;
		if (!is_of_the_system(program))
			return pb_fail(
				EINVAL,
				"both sides run the same file %s: workload \"%s\" has to name "
				"what the build makes in the repository; an interpreter is "
				"named without a directory",
				program, side[0]->name);
	}
	if (!has_other_file(side))
		pb_log(PB_LOG_WARN,
		       "workload \"%s\": both sides run the same %s, and no word of the command is "
		       "a file that differs between them: only what it finds in its directory does",
		       side[0]->name, program ? program : side[0]->argv[0]);
	return 0;
}
