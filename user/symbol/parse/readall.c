/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/parse/readall.h"

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "user/core/own.h"

#define FIRST_BYTES (256u << 10)

int pb_read_all(int fd, size_t max, char **out, size_t *out_len)
{
	pb_autofree char *buf = NULL;
	size_t capacity = 0, len = 0;

	for (;;) {
		ssize_t got;

		if (len == capacity) {
			char *grown;

			if (capacity > SIZE_MAX / 2)
				return -EFBIG;
			capacity = capacity ? 2 * capacity : FIRST_BYTES;
			grown = realloc(buf, capacity);
			if (!grown)
				return -ENOMEM;
			buf = grown;
		}
		got = read(fd, buf + len, capacity - len);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		len += (size_t)got;
		if (len > max)
			return -EFBIG;
	}
	*out = pb_take(buf);
	*out_len = len;
	return 0;
}
