/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/jsonvalue.h"

static bool is_container(const json_t *value)
{
	return json_is_object(value) || json_is_array(value);
}

int pb_json_depth(const json_t *value, int max)
{
	int deepest = 0, depth;
	const char *key;
	json_t *member;
	size_t i;

	if (!is_container(value))
		return 0;
	if (max < 1)
		return -1;
	json_array_foreach(value, i, member)
	{
		depth = pb_json_depth(member, max - 1);
		if (depth < 0)
			return -1;
		deepest = depth > deepest ? depth : deepest;
	}
	json_object_foreach((json_t *)value, key, member)
	{
		depth = pb_json_depth(member, max - 1);
		if (depth < 0)
			return -1;
		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + 1;
}

static void put_object(struct pb_json *j, const char *key, const json_t *value, bool flat)
{
	const char *name;
	json_t *member;

	if (flat)
		pb_json_flat_object(j, key);
	else
		pb_json_object(j, key);
	json_object_foreach((json_t *)value, name, member)
	{
		pb_json_value(j, name, member);
	}
	pb_json_end(j, '}');
}

static void put_array(struct pb_json *j, const char *key, const json_t *value, bool flat)
{
	json_t *member;
	size_t i;

	if (flat)
		pb_json_flat_array(j, key);
	else
		pb_json_array(j, key);
	json_array_foreach(value, i, member)
	{
		pb_json_value(j, NULL, member);
	}
	pb_json_end(j, ']');
}

void pb_json_value(struct pb_json *j, const char *key, const json_t *value)
{
	bool flat = is_container(value) && (!key || pb_json_depth(value, 1) >= 0);

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		put_object(j, key, value, flat);
		break;
	case JSON_ARRAY:
		put_array(j, key, value, flat);
		break;
	case JSON_STRING:
		pb_json_string(j, key, json_string_value(value));
		break;
	case JSON_INTEGER:
		pb_json_int(j, key, json_integer_value(value));
		break;
	case JSON_REAL:
		pb_json_real(j, key, json_real_value(value));
		break;
	case JSON_TRUE:
	case JSON_FALSE:
		pb_json_bool(j, key, json_is_true(value));
		break;
	case JSON_NULL:
		pb_json_null(j, key);
		break;
	}
}
