/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which parts of an array of N places are in use, handed out in runs. What is given back can be handed
 * out again only after a grace period, since a walk in the kernel may still be reading it.
 */
#ifndef PB_UNWIND_EXTENT_H
#define PB_UNWIND_EXTENT_H

#include <stdint.h>

#include "user/core/own.h"

#define PB_EXTENT_NONE UINT32_MAX

struct pb_extents;

/* All of @places > 0 are free. Return: 0; -ENOMEM. */
int pb_extents_new(struct pb_extents **out, uint32_t places);
void pb_extents_free(struct pb_extents *e);
PB_DEFINE_FREE(pb_extents, pb_extents_free);

/* First fit of @n places, n > 0. Return: the first; PB_EXTENT_NONE if there is no such run, or no memory. */
uint32_t pb_extents_take(struct pb_extents *e, uint32_t n);

/* Give a run back that was taken whole; it can be taken again once pb_extents_settle() saw a time behind
 * @until_ns, and at once with @until_ns 0. Without memory the run stays lost to this object, which is safe. */
void pb_extents_give(struct pb_extents *e, uint32_t first, uint32_t n, uint64_t until_ns);

/* End all grace periods before @now_ns. */
void pb_extents_settle(struct pb_extents *e, uint64_t now_ns);

/* Length of the longest run that can be taken. */
uint32_t pb_extents_largest(const struct pb_extents *e);
/* Places in use or in grace. */
uint32_t pb_extents_used(const struct pb_extents *e);

#endif
