/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What is decided about a run of allocsites before its programs are loaded: what there is to probe, and what is measured. */
#ifndef PB_ALLOC_PREPARE_H
#define PB_ALLOC_PREPARE_H

#include <stdint.h>

struct pb_alloc_args;
struct pb_value_type;

/**
 * pb_alloc_prepare() - find the allocators of the target, for pb_tool.prepare; @args is a struct pb_alloc_args.
 *
 * A target that has no allocator we know is measured by growth instead, and that is said; so is a Go program. Return:
 * 0, also if the target is not there: the session will say so; -EPERM, or what pb_preflight() gave, if a process may
 * not be looked into; -EOPNOTSUPP if --exact or --no-free asked for what cannot be; -ENOMEM. Logged.
 */
int pb_alloc_prepare(void *args);

/* Types of the profile's values under these arguments; returns how many. */
uint32_t pb_alloc_value_types(const struct pb_alloc_args *args, struct pb_value_type *types);

#endif
