/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Open files by hostile names, beneath a root directory that may be a target's. */
#ifndef PB_SYMBOL_BENEATH_H
#define PB_SYMBOL_BENEATH_H

#include <stdbool.h>

/**
 * pb_beneath_find() - what a path names, without opening it.
 * @root: a descriptor on a directory; links and ".." stay within it, magic links are refused
 * @follow: a symlink as the last component is followed; else it is found itself
 *
 * Return: a descriptor (O_PATH) to close; -errno.
 */
int pb_beneath_find(int root, const char *path, bool follow);

/**
 * pb_beneath_open() - open a regular file to read it.
 *
 * A device, FIFO or directory is never opened, as that alone may have an effect or block, nor is a file of
 * a pseudo file system, whose contents may go away as they are read.
 * Return: a descriptor to close; -ELOOP for a symlink that is not to be followed; -EINVAL if it is no
 * regular file; -EAGAIN if somebody holds a lease on it; -errno.
 */
int pb_beneath_open(int root, const char *path, bool follow);

#endif
