/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* gzip data in memory, bounded: a few kilobytes can unpack into gigabytes. */
#ifndef PB_RENDER_GUNZIP_H
#define PB_RENDER_GUNZIP_H

#include <stdbool.h>
#include <stddef.h>

/* Whether it begins as gzip data do. */
bool pb_is_gzip(const void *data, size_t size);

/**
 * pb_gunzip() - unpack all members of a gzip file, one behind the other, as gzip -d takes them.
 * @out: to free(), NULL before; may be set on failure, too
 * @data: hostile, @size bytes
 * @max: most bytes to unpack
 *
 * Return: 0; -EPROTO if damaged, cut off, or followed by something else; -EFBIG beyond @max, or for
 * 4 GB or more of @data; -ENOMEM. Not logged. Source: RFC 1952.
 */
int pb_gunzip(unsigned char **out, size_t *out_len, const void *data, size_t size, size_t max);

#endif
