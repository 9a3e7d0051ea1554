/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where separate debug files lie. This is the tool's side, with the right to open files: what the parser
 * asks for is hostile, so that a name never leads out of the folders below, no link is followed out of a
 * target's root, only regular files are opened, and each is checked (by its build id, or its CRC) before
 * it is handed over.
 *
 *   build id    DIR/.build-id/ab/cdef....debug
 *   link        FOLDER/name, FOLDER/.debug/name, DIR/FOLDER/name       FOLDER: of the module's path
 *   alt         a path from the root, or from the folder that its debug file lies in
 *
 * A build id is what a file says of itself, and a target's root may be one that an ordinary user has put
 * together. So a file counts only if nobody could write it but root or the owner of the module: whoever could
 * name the module falsely could also have written it.
 *
 * Whatever is wanted and has a build id is looked for by that first. DIR is /usr/lib/debug. All of it in
 * the target's root, while it lives, then in ours; an alternate's path only in the root that its debug
 * file came from. At last, if that was asked for, a debuginfod server: so that a module that has a link
 * is best asked for by that alone.
 *
 * Source: gdb manual, "Debugging Information in Separate Files"; dwz(1).
 */
#ifndef PB_SYMBOL_DEBUGFILE_H
#define PB_SYMBOL_DEBUGFILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "user/symbol/shared/wire.h"

struct pb_debuginfod;

/* Read for CRCs: of one module, its retry included, and of all modules of a run. */
#define PB_DEBUGFILE_MODULE_BYTES (1024ull << 20)
#define PB_DEBUGFILE_RUN_BYTES    (2048ull << 20)
#define PB_DEBUGFILE_SUMS         64

/*
 * What is known of the CRCs of a run, shared by its modules; all zero at first, private. Without a build id
 * a file of any size must be read to its end before it counts, and targets choose the sizes.
 */
struct pb_debugfile_sums {
	uint64_t bytes; /* read so far */
	bool said;      /* that a file was too much */
	uint32_t n;     /* CRCs known ever; the last ones are kept */
	struct pb_debugfile_sum {
		uint64_t dev, ino, size;
		struct timespec modified, changed;
		uint32_t crc;
	} known[PB_DEBUGFILE_SUMS];
};

/* A module whose debug files are wanted. All borrowed. */
struct pb_debugfile {
	const char *path;                 /* as its process sees it */
	uint32_t tgid;                    /* a process that maps it, or 0 */
	uint32_t owner;                   /* user id of its file; 0 if others may write it */
	struct pb_debuginfod *debuginfod; /* NULL: never ask a server */
	struct pb_debugfile_sums
		*sums; /* of the run; NULL: the module has a budget, nothing else */

	/* Set by pb_debugfile_open(): a file was handed over that others than root may have written. */
	bool suspect;

	/* Private, zero at first: where the debug file was found, for the path of its alternate. */
	uint32_t found_in;
	char found_folder[PATH_MAX];
	uint64_t summed_bytes;
};

/**
 * pb_debugfile_open() - open what is wanted; of the type pb_wanted_open.
 * @debugfile: a struct pb_debugfile *
 *
 * A candidate that is not the right file, or that others than root and the module's owner may write, is
 * passed over, and said at debug level; that a file takes too long to be summed up is told once a run.
 * What a server sent counts as written by others.
 * Return: a descriptor on a regular file that the caller closes; -ENOENT if there is none; -EINVAL for a
 * name that no debug file has; -ENOMEM; an error of pb_debuginfod_find().
 */
int pb_debugfile_open(void *debugfile, const struct pb_wanted *wanted);

#endif
