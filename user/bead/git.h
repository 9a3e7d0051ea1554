/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * git as a program: run without a shell, in words that say the same whatever its user has configured. Hooks, external
 * diffs and file system monitors of the repository are not run; filters, which a checkout needs, are.
 */
#ifndef PB_BEAD_GIT_H
#define PB_BEAD_GIT_H

#include <stddef.h>

#include "user/core/own.h"

struct pb_git {
	char *top; /* of the working tree: absolute, links followed */
	char *attributes; /* file with what tells functions in diffs, of which the repository's own go first; NULL */
	int stop_fd; /* readable: stop; -1: none */
};

/**
 * pb_git_open() - the repository that a directory is in.
 * @scratch: directory for a file of attributes; NULL: without
 *
 * Return: 0; -ENOENT, not logged: it is in none, or there is no git; -EPROTO, logged: git refuses it; -errno, logged.
 */
int pb_git_open(struct pb_git **out, const char *directory, const char *scratch, int stop_fd);
void pb_git_free(struct pb_git *git);
PB_DEFINE_FREE(pb_git, pb_git_free);

/**
 * pb_git_run() - one command in the top directory.
 * @text: set to what it wrote to stdout, NUL-terminated, to be freed; NULL: not wanted
 * @words: behind "git", NULL-terminated
 *
 * Return: 0; -EPROTO, logged: it failed, with its last words; -ECANCELED, not logged: stopped; -errno, logged.
 */
int pb_git_run(const struct pb_git *git, char **text, size_t *size, const char *const *words);
#define pb_git(git, text, size, ...)                                                               \
	pb_git_run(git, text, size, (const char *const[]){__VA_ARGS__, NULL})

/* The whole name of a commit, to be freed. Return: 0; -EINVAL, logged: there is none of this name; as above. */
int pb_git_commit(const struct pb_git *git, const char *revision, char **out);

#endif
