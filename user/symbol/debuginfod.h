/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Debug files from a debuginfod server: only with --debuginfod, never because DEBUGINFOD_URLS is set, and
 * never for longer or more than the limits.
 *
 *   tool   --- build id --------------------->   child: libdebuginfod, no capabilities
 *          <-- bytes so far, of how many -----   any number of times
 *          <-- a descriptor, or an errno -----
 *
 * The library is loaded in a process of its own, which ends with the tool and is killed at a limit. A server
 * that does not answer costs that time once: the servers are not asked again in this run.
 *
 * The cache is where the library has it, if that belongs to us: nothing is written into another user's home,
 * as sudo may leave it in $HOME. Else there is a private one for the run.
 */
#ifndef PB_SYMBOL_DEBUGINFOD_H
#define PB_SYMBOL_DEBUGINFOD_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/own.h"

#define PB_DEBUGINFOD_FILE_S     60              /* seconds of one file */
#define PB_DEBUGINFOD_IDLE_S     5               /* seconds without a byte */
#define PB_DEBUGINFOD_BYTES      (2048ull << 20) /* of one file */
/* Whatever the user says. */
#define PB_DEBUGINFOD_MOST_S     600
#define PB_DEBUGINFOD_MOST_BYTES (16384ull << 20)

struct pb_debuginfod;

/*
 * What the user sets takes their place, be it stricter or looser, up to the bounds above: a server that
 * unpacks packages first may be silent for a minute.
 *
 *   DEBUGINFOD_TIMEOUT   seconds without a byte; file_ns is no less unless DEBUGINFOD_MAXTIME is set
 *   DEBUGINFOD_MAXTIME   seconds of one file
 *   DEBUGINFOD_MAXSIZE   bytes of one file
 *
 * One that is no number above 0 does not count.
 */
struct pb_debuginfod_limits {
	uint64_t file_ns;
	uint64_t idle_ns;
	uint64_t bytes;
};

/**
 * pb_debuginfod_new() - get ready to ask the servers of DEBUGINFOD_URLS.
 * @limits: copied; NULL: those above; the user's own go before either
 *
 * Return: 0; -ENOENT, logged with the remedy, if no server is named or the library is not installed;
 * -ENOMEM; -errno, logged.
 */
int pb_debuginfod_new(struct pb_debuginfod **out, const struct pb_debuginfod_limits *limits);
void pb_debuginfod_free(struct pb_debuginfod *d);
PB_DEFINE_FREE(pb_debuginfod, pb_debuginfod_free);

/* Give up what is being fetched, and fetch no more, once @stop_now says so; it is asked often. */
void pb_debuginfod_stop_when(struct pb_debuginfod *d, bool (*stop_now)(void *ctx), void *ctx);

/**
 * pb_debuginfod_find() - the debug file of a build id, from the cache or a server.
 * @what: for people: the module
 *
 * Shows its progress on the live line. What a server sends is not checked: compare its build id.
 * Return: a descriptor on a regular file, to close; -ENOENT; -ETIMEDOUT if the servers were given up, then
 * or earlier; -EFBIG; -errno. The first file that is left out, and giving up, are logged.
 */
int pb_debuginfod_find(struct pb_debuginfod *d, const uint8_t *build_id, uint32_t len,
		       const char *what);

#endif
