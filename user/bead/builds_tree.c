/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What of a working tree differs from HEAD, carried over into a copy of HEAD. */
#include "user/bead/builds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/bead/git.h"
#include "user/bead/plan.h"
#include "user/core/log.h"

#define PIECE (1 << 20)

/* Names as git gives them, each with a NUL behind it. */
struct names {
	char *text;
	size_t size;
};

struct carry {
	const char *from, *to; /* tops of both trees */
	char *own;             /* bead's own directory, absolute */
};

static int paths_of(const struct carry *c, const char *name, char from[PATH_MAX], char to[PATH_MAX])
{
	if (snprintf(from, PATH_MAX, "%s/%s", c->from, name) >= PATH_MAX ||
	    snprintf(to, PATH_MAX, "%s/%s", c->to, name) >= PATH_MAX)
		return pb_err(ENAMETOOLONG, "copy %s", name);
	return 0;
}

static bool is_own(const struct carry *c, const char *path)
{
	size_t len = strlen(c->own);

	return !strncmp(path, c->own, len) && (path[len] == '/' || !path[len]);
}

/* The directories above a path. */
static int make_way(const struct carry *c, char *to)
{
	for (char *slash = to + strlen(c->to) + 1; (slash = strchr(slash, '/')); slash++) {
		int failed;

		*slash = '\0';
		failed = mkdir(to, 0777) && errno != EEXIST;
		if (failed)
			pb_log(PB_LOG_ERROR, "cannot make %s: %s", to, strerror(errno));
		*slash = '/';
		if (failed)
			return -EIO;
	}
	return 0;
}

/* Within the kernel, where the file system can share what is the same. */
static int copy_text(int in, int out, const char *to)
{
	pb_autofree char *piece = NULL;
	ssize_t n;

	while (copy_file_range(in, NULL, out, NULL, PIECE, 0) > 0)
		;
	/* To the end, or not at all: what reads on from there finds the rest. */
	piece = malloc(PIECE);
	if (!piece)
		return pb_err(ENOMEM, "write %s", to);
	while ((n = read(in, piece, PIECE)) > 0)
		for (ssize_t done = 0, more; done < n; done += more) {
			more = write(out, piece + done, (size_t)(n - done));
			if (more < 0)
				return pb_err(errno, "write %s", to);
		}
	return n < 0 ? pb_err(errno, "read what is to be %s", to) : 0;
}

static int copy_file(const char *from, const char *to)
{
	pb_autoclose int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	pb_autoclose int out = -1;
	struct stat st;

	if (in < 0 || fstat(in, &st))
		return pb_err(errno, "read %s", from);
	out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, st.st_mode & 0777);
	if (out < 0)
		return pb_err(errno, "make %s", to);
	return copy_text(in, out, to);
}

static int copy_link(const char *from, const char *to)
{
	char target[PATH_MAX];
	ssize_t n = readlink(from, target, sizeof(target) - 1);

	if (n < 0)
		return pb_err(errno, "read the link %s", from);
	target[n] = '\0';
	return symlink(target, to) ? pb_err(errno, "make the link %s", to) : 0;
}

/* What is at each name in the copy goes first: a link there must not lead the rest elsewhere. */
static int clear(const struct carry *c, const struct names *names)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (size_t at = 0; at < names->size; at += strlen(names->text + at) + 1) {
		int err = paths_of(c, names->text + at, from, to);
		struct stat st;

		if (err)
			return err;
		/* A directory that git lists is a repository of its own, and stays what the checkout made of it. */
		if (is_own(c, from) || lstat(to, &st) || S_ISDIR(st.st_mode))
			continue;
		if (unlink(to))
			return pb_err(errno, "remove %s", to);
	}
	return 0;
}

static int carry_over(const struct carry *c, const struct names *names)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (size_t at = 0; at < names->size; at += strlen(names->text + at) + 1) {
		int err = paths_of(c, names->text + at, from, to);
		struct stat st;

		if (err)
			return err;
		if (is_own(c, from) || lstat(from, &st) ||
		    (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)))
			continue;
		err = make_way(c, to);
		if (!err)
			err = S_ISREG(st.st_mode) ? copy_file(from, to) : copy_link(from, to);
		if (err)
			return err;
	}
	return 0;
}

int pb_builds_take_over(const struct pb_git *git, const struct pb_plan *plan, const char *copy)
{
	struct carry c = {.from = git->top, .to = copy};
	struct names known = {0}, unknown = {0};
	int err;

	if (asprintf(&c.own, "%s/.bead", plan->directory) < 0)
		return pb_err(ENOMEM, "copy the working tree");
	/* Without a refresh of the index, which would be written by us; what only seems to differ is copied, too. */
	err = pb_git(git, &known.text, &known.size, "diff-index", "--no-ext-diff", "--no-renames",
		     "--name-only", "-z", "HEAD", "--");
	if (!err)
		err = pb_git(git, &unknown.text, &unknown.size, "ls-files", "--others",
			     "--exclude-standard", "-z");
	if (!err)
		err = clear(&c, &known);
	if (!err)
		err = carry_over(&c, &known);
	if (!err)
		err = carry_over(&c, &unknown);
	free(c.own);
	free(known.text);
	free(unknown.text);
	return err;
}
