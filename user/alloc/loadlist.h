/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a program that has not been started would load. */
#ifndef PB_ALLOC_LOADLIST_H
#define PB_ALLOC_LOADLIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/core/own.h"

struct pb_loadlist {
	char **paths; /* in search order, without the program itself */
	uint32_t n;
};

void pb_loadlist_drop(struct pb_loadlist *l);

/**
 * pb_loadlist_parse() - what a loader printed.
 * @text: of @len bytes; hostile, cut in place
 *
 *   "\tlibc.so.6 => /lib/libc.so.6 (0x7f...)"   "\t/lib64/ld-linux-x86-64.so.2 (0x7f...)"
 *
 * Lines without a path ("linux-vdso.so.1 (0x...)", "libx.so => not found") are left out; at most 4096 paths.
 * Return: 0; -ENOMEM.
 */
int pb_loadlist_parse(struct pb_loadlist *out, char *text, size_t len);

/**
 * pb_loadlist_ask() - have a program's loader list what it would load.
 * @interpreter: that the program names; run only if it is called ld-something, as a loader is
 * @program: path
 * @fd: of it: one that would run with another user's or group's rights gets no preloads, as then
 * @env: of the command. Of it the child gets what decides about the list, and nothing else:
 * LD_PRELOAD, LD_LIBRARY_PATH, GLIBC_TUNABLES
 *
 * Runs "INTERPRETER --list PROGRAM", which glibc's and musl's loaders understand, without input and for at
 * most 5 s. No code of the program or its libraries runs.
 * Return: 0; -ENOEXEC if it is no loader; -ETIMEDOUT; -EPROTO if it failed; -EFBIG; -ENOMEM; -errno.
 */
int pb_loadlist_ask(struct pb_loadlist *out, const char *interpreter, const char *program, int fd,
		    char *const env[]);

#endif
