/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The rows of option tables in the order in which documents show them. */
#include "user/core/opts_inside.h"

#include <string.h>

static bool is_visible(const struct pb_program *program, const struct pb_option *o)
{
	return !o->hidden && (o->kind != PB_OPT_COMMAND || program->has_command);
}

static bool same_heading(const struct pb_option *a, const struct pb_option *b)
{
	return a == b || (a && b && !strcmp(a->help, b->help));
}

/* The rows of all tables under @heading (NULL: before any), behind the heading itself. */
static void visit_group(const struct pb_program *program, const struct pb_option *heading,
			pb_opts_row_fn *row, void *ctx)
{
	bool shown = !heading;

	for (const struct pb_option *const *t = program->tables; *t; t++) {
		const struct pb_option *current = NULL;

		for (const struct pb_option *o = *t; o->kind != PB_OPT_END; o++) {
			if (o->kind == PB_OPT_GROUP) {
				current = o;
				continue;
			}
			if (!same_heading(current, heading) || !is_visible(program, o))
				continue;
			if (!shown)
				row(heading, ctx);
			shown = true;
			row(o, ctx);
		}
	}
}

/* True if no heading before @heading says the same. */
static bool is_first_heading(const struct pb_program *program, const struct pb_option *heading)
{
	for (const struct pb_option *const *t = program->tables; *t; t++) {
		for (const struct pb_option *o = *t; o->kind != PB_OPT_END; o++) {
			if (o->kind == PB_OPT_GROUP && same_heading(o, heading))
				return o == heading;
		}
	}
	return true;
}

void pb_opts_visit(const struct pb_program *program, pb_opts_row_fn *row, void *ctx)
{
	visit_group(program, NULL, row, ctx);
	for (const struct pb_option *const *t = program->tables; *t; t++) {
		for (const struct pb_option *o = *t; o->kind != PB_OPT_END; o++) {
			if (o->kind == PB_OPT_GROUP && is_first_heading(program, o))
				visit_group(program, o, row, ctx);
		}
	}
}

bool pb_opts_takes_value(const struct pb_option *o)
{
	return o->kind != PB_OPT_FLAG && o->kind != PB_OPT_ACTION;
}

const char *pb_opts_value_name(const struct pb_option *o)
{
	return o->arg ? o->arg : "VALUE";
}
