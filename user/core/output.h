/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Files that are either whole or not there. A regular file is written as a new file beside its
 * target (created exclusively, mode 0600, never through a symlink), synced, and renamed; devices,
 * pipes and "-" (stdout) are written directly. Under sudo a new file is given to SUDO_UID; one that
 * was there before keeps its mode and owner where that gives nothing away. A symbolic link under
 * the final name is replaced, not followed.
 */
#ifndef PB_CORE_OUTPUT_H
#define PB_CORE_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "user/core/own.h"

struct pb_output;

/**
 * pb_output_open() - start writing @path.
 * @binary: refuse when the destination is a terminal
 *
 * Return: 0; -errno with a message logged: the path, the cause, and what to do.
 */
int pb_output_open(struct pb_output **out, const char *path, bool binary);

/*
 * The stream to write to; owned by the output. Buffered; it has no descriptor (fileno() fails). The
 * first error ends it: later writes fail at once, and pb_output_commit() tells why.
 */
FILE *pb_output_stream(struct pb_output *o);

/* True if what is written shows on a terminal: for colors. */
bool pb_output_is_terminal(const struct pb_output *o);

/**
 * pb_output_commit() - flush, sync, close, rename. Frees @o whatever happens.
 *
 * Return: 0; -errno with a message logged, and no file under the final name (-EPIPE is silent: the
 * reader went away).
 */
int pb_output_commit(struct pb_output *o);

/* Give up: remove the unfinished file. Free. NULL is fine. */
void pb_output_free(struct pb_output *o);
PB_DEFINE_FREE(pb_output, pb_output_free);

#endif
