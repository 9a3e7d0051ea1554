/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Members of what a tool added to its report. A saved profile may be anyone's: what has another type is none. */
#ifndef PB_RENDER_MEMBER_H
#define PB_RENDER_MEMBER_H

#include <stdint.h>

#include <jansson.h>

/* What no number is: null, absent, below zero. */
#define PB_MEMBER_NONE (-1.0)

/* A count, also one beyond 2^53 that stands in a string of digits; 0 for what is none. */
uint64_t pb_member_count(const json_t *object, const char *key);
/* The same of a value that stands in an array. */
uint64_t pb_value_count(const json_t *value);

/* A quantity from 0 on, at most PB_MEMBER_MAX; PB_MEMBER_NONE for what is none. */
#define PB_MEMBER_MAX 1e18
double pb_member_number(const json_t *object, const char *key);
double pb_value_number(const json_t *value);

/* A text, not made safe; "" for what is none. Borrowed. */
const char *pb_member_text(const json_t *object, const char *key);

/* a + b, UINT64_MAX if it overflows. */
static inline uint64_t pb_sum(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

#endif
