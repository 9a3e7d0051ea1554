/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* How a change begins: a hotspot that a profile found, a lever, and a commit. */
#ifndef PB_BEAD_CHANGE_OPEN_H
#define PB_BEAD_CHANGE_OPEN_H

#include "user/bead/verbs.h"

struct pb_git;

/* The repository of the plan, to be freed. Return: 0, and *@git stays NULL where it is in none; -errno, logged. */
int pb_change_git(struct pb_git **git, const struct pb_desk *desk, const struct pb_bead_args *args);

/* `bead change open`. Return: as verbs. */
int pb_change_begin(const struct pb_desk *desk, const struct pb_bead_args *args);

#endif
