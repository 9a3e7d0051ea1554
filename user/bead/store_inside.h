/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the parts of the store share. */
#ifndef PB_BEAD_STORE_INSIDE_H
#define PB_BEAD_STORE_INSIDE_H

#include <stdio.h>

#include "user/bead/sql.h"
#include "user/bead/store.h"

struct pb_store {
	struct pb_sql sql;
	char *directory; /* absolute */
};

/* A directory that is there, or is made; no symbolic link. Return: 0; -errno, logged. */
int pb_store_make_directory(const char *path);

/*
 * Files beside the store. Neither follows a link, and what root makes in somebody's directory is theirs.
 *
 * pb_store_open_file(): to read and write, made if it is missing. Return: a descriptor; -errno, logged.
 * pb_store_new_file(): a new one in place of what is there, open for writing. Return: 0; -errno, logged.
 */
int pb_store_open_file(const char *path);
int pb_store_new_file(FILE **out, const char *path);

#endif
