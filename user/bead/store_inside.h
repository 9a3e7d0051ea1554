/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the parts of the store share. */
#ifndef PB_BEAD_STORE_INSIDE_H
#define PB_BEAD_STORE_INSIDE_H

#include "user/bead/sql.h"
#include "user/bead/store.h"

struct pb_store {
	struct pb_sql sql;
	char *directory; /* absolute */
};

/* A directory that is there, or is made; no symbolic link. Return: 0; -errno, logged. */
int pb_store_make_directory(const char *path);

#endif
