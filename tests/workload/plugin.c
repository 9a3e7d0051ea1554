/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A library that dlopener opens; HOT names its hot function, plugin_a_hot or plugin_b_hot. */
#include "tests/workload/workload.h"

#ifndef FRAME_BYTES
#define FRAME_BYTES 8
#endif

VISIBLE static uint64_t HOT(uint64_t x)
{
	return burn(STEPS_50US, x);
}

void plugin_entry(volatile uint64_t *to);
void plugin_entry(volatile uint64_t *to)
{
	char room[FRAME_BYTES];

	KEEP_ROOM(room);
	*to = HOT(*to);
	KEEP_ROOM(room);
}
