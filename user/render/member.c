/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/member.h"

static uint64_t digits(const char *text)
{
	uint64_t n = 0;

	if (!*text)
		return 0;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return 0;
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n))
			return UINT64_MAX;
	}
	return n;
}

uint64_t pb_value_count(const json_t *value)
{
	if (json_is_string(value))
		return digits(json_string_value(value));
	if (json_is_integer(value))
		return json_integer_value(value) > 0 ? (uint64_t)json_integer_value(value) : 0;
	if (json_is_real(value)) {
		double n = json_real_value(value);

		return n >= 1e18 ? (uint64_t)1e18 : n > 0 ? (uint64_t)n : 0;
	}
	return 0;
}

uint64_t pb_member_count(const json_t *object, const char *key)
{
	return pb_value_count(json_object_get(object, key));
}

double pb_value_number(const json_t *value)
{
	double n = json_number_value(value);

	if (!json_is_number(value) || !(n >= 0))
		return PB_MEMBER_NONE;
	return n < PB_MEMBER_MAX ? n : PB_MEMBER_MAX;
}

double pb_member_number(const json_t *object, const char *key)
{
	return pb_value_number(json_object_get(object, key));
}

const char *pb_member_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}
