/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where libdebuginfod keeps what it has downloaded. Private to user/symbol/debuginfod.c. */
#ifndef PB_SYMBOL_DEBUGINFOD_CACHE_H
#define PB_SYMBOL_DEBUGINFOD_CACHE_H

#include <stdint.h>
#include <sys/types.h>

#include "user/core/own.h"

struct pb_debuginfod_cache;

/**
 * pb_debuginfod_cache_new() - the folder that the library would use, if it belongs to us.
 *
 * It is made if need be, as are those of the XDG base directories above it; never in a home that is another
 * user's. Else there is one for this run, which pb_debuginfod_cache_free() removes, or, if the tool ends
 * without it, a process that waits for that. Those of runs that were killed with all of theirs are removed.
 * Return: 0; -ENOMEM; -errno, logged.
 */
int pb_debuginfod_cache_new(struct pb_debuginfod_cache **out);
void pb_debuginfod_cache_free(struct pb_debuginfod_cache *c);
PB_DEFINE_FREE(pb_debuginfod_cache, pb_debuginfod_cache_free);

/* Absolute, without symlinks; borrowed. */
const char *pb_debuginfod_cache_path(const struct pb_debuginfod_cache *c);

/**
 * pb_debuginfod_cache_tidy() - after a failure: remove what the library leaves behind for a build id.
 * @pid: of the process that is to be killed in the middle of it, or 0
 *
 * That is a part of the file, and an empty file, by which it would say for ten minutes that no server has it.
 */
void pb_debuginfod_cache_tidy(const struct pb_debuginfod_cache *c, pid_t pid,
			      const uint8_t *build_id, uint32_t len);

#endif
