/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * speedscope's own file format, one "sampled" profile per value type. Its pprof import loses
 * inlined frames and all value types but one; this does not.
 *
 * Source: https://www.speedscope.app/file-format-schema.json
 */
#include <errno.h>
#include <string.h>

#include "user/core/json.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/render/render.h"
#include "user/render/subject.h"
#include "user/render/tree.h"

/* Its schema knows no other units; "count" is shown as a bare number, which is "none". */
static const char *unit_of(const char *unit)
{
	static const char *const known[] = {"nanoseconds", "microseconds", "milliseconds",
					    "seconds", "bytes"};

	for (size_t i = 0; i < PB_ARRAY_SIZE(known); i++) {
		if (!strcmp(unit, known[i]))
			return known[i];
	}
	return "none";
}

/* Always a number: pb_json_uint() makes strings of the largest, which the schema refuses. */
static void put_number(struct pb_json *j, const char *key, uint64_t value)
{
	if (value < UINT64_C(1) << 53)
		pb_json_uint(j, key, value);
	else
		pb_json_double(j, key, (double)value, 0);
}

static void put_frames(struct pb_json *j, const struct pb_tree *t)
{
	pb_json_object(j, "shared");
	pb_json_array(j, "frames");
	for (uint32_t i = 0; i < t->n_frames; i++) {
		const struct pb_frame *f = &t->frames[i];
		const char *file = *f->file ? f->file : f->module;

		pb_json_flat_object(j, NULL);
		pb_json_string(j, "name", f->label);
		if (*file)
			pb_json_string(j, "file", file);
		if (*f->file && f->line)
			pb_json_uint(j, "line", f->line);
		pb_json_end(j, '}');
	}
	pb_json_end(j, ']');
	pb_json_end(j, '}');
}

/* @path: scratch for a stack of any depth */
static void put_samples(struct pb_json *j, const struct pb_tree *t, uint32_t *path)
{
	pb_json_array(j, "samples");
	for (uint32_t i = 1; i < t->n_nodes; i++) {
		uint32_t depth = 0;

		if (!t->nodes[i].self)
			continue;
		for (uint32_t at = i; at; at = t->nodes[at].parent)
			path[depth++] = t->nodes[at].frame;
		pb_json_flat_array(j, NULL);
		while (depth)
			pb_json_uint(j, NULL, path[--depth]);
		pb_json_end(j, ']');
	}
	pb_json_end(j, ']');
	pb_json_flat_array(j, "weights");
	for (uint32_t i = 1; i < t->n_nodes; i++) {
		if (t->nodes[i].self)
			put_number(j, NULL, t->nodes[i].self);
	}
	pb_json_end(j, ']');
}

static int put_profile(struct pb_json *j, const struct pb_profile *p, const struct pb_tree_opts *by)
{
	pb_auto(pb_tree) struct pb_tree *t = NULL;
	pb_autofree uint32_t *path = NULL;
	int err = pb_tree_build(&t, p, by);

	if (err)
		return err;
	path = calloc(t->n_nodes, sizeof(*path));
	if (!path)
		return -ENOMEM;
	pb_json_object(j, NULL);
	pb_json_string(j, "type", "sampled");
	pb_json_string(j, "name", p->value_types[by->value].type);
	pb_json_string(j, "unit", unit_of(p->value_types[by->value].unit));
	pb_json_uint(j, "startValue", 0);
	put_number(j, "endValue", t->nodes[0].total);
	put_samples(j, t, path);
	pb_json_end(j, '}');
	return 0;
}

static int put_file(struct pb_json *j, const struct pb_profile *p, const struct pb_report *r,
		    const struct pb_render_opts *o)
{
	pb_auto(pb_tree) struct pb_tree *t = NULL;
	pb_autofree char *subject = pb_report_subject(r);
	struct pb_tree_opts by = {.value = o->value, .lines = o->lines};
	char exporter[64];
	int err = subject ? pb_tree_build(&t, p, &by) : -ENOMEM;

	if (err)
		return err;
	snprintf(exporter, sizeof(exporter), "%s@%s", *r->tool ? r->tool : "perfbeads", PB_VERSION);
	pb_json_object(j, NULL);
	pb_json_string(j, "$schema", "https://www.speedscope.app/file-format-schema.json");
	pb_json_string(j, "name", subject);
	pb_json_string(j, "exporter", exporter);
	pb_json_uint(j, "activeProfileIndex", o->value);
	put_frames(j, t);
	pb_json_array(j, "profiles");
	for (by.value = 0; by.value < p->n_values && !err; by.value++)
		err = put_profile(j, p, &by);
	pb_json_end(j, ']');
	pb_json_end(j, '}');
	fputc('\n', j->out);
	return err;
}

int pb_render_speedscope(FILE *out, const struct pb_profile *p, const struct pb_report *r,
			 const struct pb_render_opts *o)
{
	struct pb_json j;
	int err;

	pb_json_init(&j, out, false);
	err = put_file(&j, p, r, o);
	if (!err && ferror(out))
		err = -EIO;
	return err;
}
