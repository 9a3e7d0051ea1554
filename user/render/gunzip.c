/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/gunzip.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

#define GZIP_WINDOW (15 + 16) /* the largest window, in a gzip wrapper */

bool pb_is_gzip(const void *data, size_t size)
{
	const unsigned char *bytes = data;

	return size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b;
}

/* By half as much again, but at most to one byte beyond @max, to see that bound crossed. */
static int grow(unsigned char **buf, size_t *capacity, size_t max)
{
	size_t larger = *capacity + *capacity / 2 + 64 * 1024;
	unsigned char *moved;

	if (larger > max)
		larger = max + 1;
	moved = realloc(*buf, larger);
	if (!moved)
		return -ENOMEM;
	*buf = moved;
	*capacity = larger;
	return 0;
}

static int inflate_all(z_stream *z, unsigned char **out, size_t *out_len, size_t max)
{
	size_t capacity = 0, len = 0;
	int state = Z_OK;

	while (state != Z_STREAM_END || z->avail_in) {
		size_t room;

		if (state == Z_STREAM_END && inflateReset(z) != Z_OK)
			return -EPROTO;
		if (len > max)
			return -EFBIG;
		if (len == capacity && grow(out, &capacity, max))
			return -ENOMEM;
		room = capacity - len < UINT32_MAX ? capacity - len : UINT32_MAX;
		z->next_out = *out + len;
		z->avail_out = (uInt)room;
		state = inflate(z, Z_NO_FLUSH);
		len += room - z->avail_out;
		if (state == Z_MEM_ERROR)
			return -ENOMEM;
		/* Z_BUF_ERROR with room left: the data end before their stream does */
		if (state != Z_OK && state != Z_STREAM_END &&
		    !(state == Z_BUF_ERROR && !z->avail_out))
			return -EPROTO;
	}
	*out_len = len;
	return len > max ? -EFBIG : 0;
}

int pb_gunzip(unsigned char **out, size_t *out_len, const void *data, size_t size, size_t max)
{
	z_stream z = {0};
	int err;

	if (size > UINT32_MAX)
		return -EFBIG;
	if (inflateInit2(&z, GZIP_WINDOW) != Z_OK)
		return -ENOMEM;
	z.next_in = (unsigned char *)data;
	z.avail_in = (uInt)size;
	err = inflate_all(&z, out, out_len, max);
	inflateEnd(&z);
	return err;
}
