/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Read what a descriptor still has to give: files of /proc say nothing about their size. */
#ifndef PB_SYMBOL_PARSE_READALL_H
#define PB_SYMBOL_PARSE_READALL_H

#include <stddef.h>

/**
 * pb_read_all() - read @fd from where it stands to its end.
 * @max: bytes; there may be no more
 * @out: freed by free(); untouched on failure
 *
 * Return: 0; -EFBIG if there is more than @max; -ENOMEM; -errno of read().
 */
int pb_read_all(int fd, size_t max, char **out, size_t *out_len);

#endif
