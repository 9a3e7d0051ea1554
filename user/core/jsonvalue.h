/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Values that jansson has parsed, written again by our own writer: escaped, and the same each time. */
#ifndef PB_CORE_JSONVALUE_H
#define PB_CORE_JSONVALUE_H

#include <jansson.h>

#include "user/core/json.h"

static inline void pb_json_put(json_t **value)
{
	json_decref(*value);
}
/* pb_autojson json_t *x = NULL: a reference that is given back by scope. */
#define pb_autojson __attribute__((cleanup(pb_json_put)))

/* How many objects and arrays @value nests, at most @max; -1 if more. */
int pb_json_depth(const json_t *value, int max);

/**
 * pb_json_value() - write any value.
 * @key: NULL inside an array
 *
 * Rows of an array, and what holds no other array or object, stand on one line. Numbers that are not
 * integers get up to nine decimals; what was written once is written the same again.
 */
void pb_json_value(struct pb_json *j, const char *key, const json_t *value);

#endif
