/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Changes for people, and as JSON: bead-change/1 is one, bead-changes/1 are all. */
#ifndef PB_BEAD_CHANGE_SHOW_H
#define PB_BEAD_CHANGE_SHOW_H

#include <stdbool.h>
#include <stdint.h>

struct pb_change;
struct pb_json;
struct pb_store;

/* Members of the object that is open. A document that cannot be read any more is null, and a warning is logged. */
void pb_change_write(struct pb_json *j, const struct pb_change *change);

/* One, with all that is known of it. Return: 0; -errno, logged. */
int pb_change_show(struct pb_store *store, int64_t id, bool json);
/* All, one line each, with what is odd about them. */
int pb_change_list(struct pb_store *store, bool json);

#endif
