/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The build id of a debug file. */
#ifndef PB_SYMBOL_SHARED_BUILDID_H
#define PB_SYMBOL_SHARED_BUILDID_H

#include <stddef.h>
#include <stdint.h>

/**
 * pb_build_id_of() - by the sections of a file, of any type of ELF file.
 * @fd: a regular file; hostile; its position is not used
 *
 * That is where debug files have it: those that dwz makes are relocatable files without segments, and
 * segments of others may describe the file they were split from.
 * Return: its length, 0 if there is none, it is longer than @size, or the file is malformed.
 */
size_t pb_build_id_of(int fd, uint8_t *id, size_t size);

#endif
