/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/grow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_MIN 16

int pb_grow(void *array, uint32_t *room, uint64_t n, size_t element)
{
	uint64_t want = (uint64_t)*room + *room / 2;
	void *old, *grown;
	size_t bytes;

	if (n <= *room)
		return 0;
	want = want < ROOM_MIN ? ROOM_MIN : want > UINT32_MAX ? UINT32_MAX : want;
	want = want < n ? n : want;
	if (want > UINT32_MAX || __builtin_mul_overflow(want, element, &bytes))
		return -ENOMEM;
	/* Pointers to different types must not be read as one another. */
	memcpy(&old, array, sizeof(old));
	grown = realloc(old, bytes);
	if (!grown)
		return -ENOMEM;
	memcpy(array, &grown, sizeof(grown));
	*room = (uint32_t)want;
	return 0;
}
