/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The JSON Schemas of what bead prints with --json: docs/schema/bead-*.schema.json, linked in. */
#ifndef PB_BEAD_SCHEMAS_H
#define PB_BEAD_SCHEMAS_H

#include <stdbool.h>
#include <stdio.h>

/* Both live as long as the program. */
struct pb_schema {
	const char *name; /* "bead-list" */
	const char *text;
};

/* The one behind @schema, by name; of a zeroed one the first. Return: false behind the last. */
bool pb_schemas_next(struct pb_schema *schema);

/**
 * pb_schemas_print() - what bead --json-schema prints.
 * @name: "bead-list", or as documents call it, "bead-list/1"; NULL: the names of all, one a line
 *
 * Return: 0; -EINVAL, logged: there is no such schema. Errors of writing stay in the stream.
 */
int pb_schemas_print(const char *name, FILE *out);

#endif
