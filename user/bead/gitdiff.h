/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What git says of a difference, taken apart: files, lines, and the functions that are touched. */
#ifndef PB_BEAD_GITDIFF_H
#define PB_BEAD_GITDIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/bead/sha256.h"
#include "user/core/own.h"

struct pb_gitdiff_file {
	char *path;              /* bytes as they are in the repository, relative to its top */
	char *old_path;          /* that it was renamed from; NULL */
	uint64_t added, removed; /* lines; 0 of a binary file */
	bool binary;
	bool untracked;   /* git does not know it yet */
	char **functions; /* names, each once, in the order in which they were seen */
	uint32_t n_functions, room;
	char digest[PB_SHA256_HEX]; /* of what it is now; "" if it is gone, or was not looked at */
	bool executable;
};

struct pb_gitdiff {
	struct pb_gitdiff_file *files; /* in git's order, those that it does not know behind */
	uint32_t n, room;
};

/* What a file holds, and everything in a difference; not themselves. */
void pb_gitdiff_file_drop(struct pb_gitdiff_file *file);
void pb_gitdiff_drop(struct pb_gitdiff *d);

/* A file at the end, all else of it zero. @len: of @path. Return: NULL: no memory. */
struct pb_gitdiff_file *pb_gitdiff_add(struct pb_gitdiff *d, const char *path, size_t len);
/* By its path as it is now. */
struct pb_gitdiff_file *pb_gitdiff_find(struct pb_gitdiff *d, const char *path);
/* Return: 0; -ENOMEM. */
int pb_gitdiff_add_function(struct pb_gitdiff_file *file, const char *name);

/**
 * pb_gitdiff_numstat() - files out of `git diff --numstat -z`.
 *
 * Return: 0; -EPROTO: it is something else; -ENOMEM.
 */
int pb_gitdiff_numstat(struct pb_gitdiff *d, const char *text, size_t size);

/**
 * pb_gitdiff_hunks() - functions of the files that are there, out of `git diff -U0`.
 *
 * A hunk belongs to the function that git names behind its "@@", until one of its own lines begins another; lines that
 * stand in none, as between two functions, touch none. Files that are not in @d are passed over. Names of files may be
 * quoted as core.quotePath has it. Return: 0; -ENOMEM.
 */
int pb_gitdiff_hunks(struct pb_gitdiff *d, const char *text, size_t size);

/* The functions that a whole text defines: of a file that is new. */
int pb_gitdiff_whole(struct pb_gitdiff_file *file, const char *text, size_t size);

/**
 * pb_gitdiff_function() - the name of the function that a line begins.
 * @buf: "find" of "static int find(const char *s)", "ns::T::get" of "int ns::T::get() const"
 *
 * Return: whether there is one; a call, a declaration or a statement that is indented is none.
 */
bool pb_gitdiff_function(char *buf, size_t size, const char *line, size_t len);

#endif
