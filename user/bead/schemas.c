/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/schemas.h"

#include <errno.h>
#include <string.h>

#include "user/core/log.h"

/* See schema_texts.S. */
extern const char pb_schemas_begin[];

bool pb_schemas_next(struct pb_schema *schema)
{
	const char *name =
		schema->name ? schema->text + strlen(schema->text) + 1 : pb_schemas_begin;

	if (!*name)
		return false;
	schema->name = name;
	schema->text = name + strlen(name) + 1;
	return true;
}

/* All are of number 1. */
static bool is_called(const struct pb_schema *schema, const char *name)
{
	size_t len = strlen(schema->name);

	return !strncmp(schema->name, name, len) && (!name[len] || !strcmp(name + len, "/1"));
}

int pb_schemas_print(const char *name, FILE *out)
{
	struct pb_schema schema = {0};

	while (pb_schemas_next(&schema)) {
		if (!name) {
			fprintf(out, "%s\n", schema.name);
		} else if (is_called(&schema, name)) {
			fputs(schema.text, out);
			return 0;
		}
	}
	if (name)
		return pb_fail(EINVAL, "there is no schema \"%s\"; bead --json-schema lists them",
			       name);
	return 0;
}
