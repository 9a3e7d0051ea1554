/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The report for programs; docs/schema/cpuflame.schema.json describes every key. Trees of one
 * profile have the same frames and nodes for every value, so a row takes its numbers from all.
 */
#include <errno.h>

#include "user/core/json.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/render/render.h"
#include "user/render/tree.h"

struct json_report {
	struct pb_json json;
	const struct pb_profile *p;
	const struct pb_render_opts *o;
	struct pb_tree *trees[PB_VALUES_MAX];
	uint32_t *rows[PB_VALUES_MAX]; /* of trees[i]->hotspots, by frame */
};

static void report_drop(struct json_report *j)
{
	for (uint32_t v = 0; v < PB_VALUES_MAX; v++) {
		pb_tree_free(j->trees[v]);
		free(j->rows[v]);
	}
}

static int build_trees(struct json_report *j)
{
	for (uint32_t v = 0; v < j->p->n_values; v++) {
		const struct pb_tree_opts by = {.value = v, .lines = j->o->lines};
		int err = pb_tree_build(&j->trees[v], j->p, &by);

		if (err)
			return err;
		j->rows[v] = calloc((size_t)j->trees[v]->n_frames + 1, sizeof(*j->rows[v]));
		if (!j->rows[v])
			return -ENOMEM;
		for (uint32_t i = 0; i < j->trees[v]->n_hotspots; i++)
			j->rows[v][j->trees[v]->hotspots[i].frame] = i;
	}
	return 0;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void put_values(struct json_report *j)
{
	pb_json_array(&j->json, "values");
	for (uint32_t v = 0; v < j->p->n_values; v++) {
		pb_json_flat_object(&j->json, NULL);
		pb_json_string(&j->json, "type", j->p->value_types[v].type);
		pb_json_string(&j->json, "unit", j->p->value_types[v].unit);
		pb_json_end(&j->json, '}');
	}
	pb_json_end(&j->json, ']');
	pb_json_flat_object(&j->json, "totals");
	for (uint32_t v = 0; v < j->p->n_values; v++)
		pb_json_uint(&j->json, j->p->value_types[v].type, j->trees[v]->nodes[0].total);
	pb_json_end(&j->json, '}');
}

static void put_hotspot(struct json_report *j, const struct pb_hotspot *h)
{
	const struct pb_tree *tree = j->trees[j->o->value];
	const struct pb_frame *f = &tree->frames[h->frame];
	uint64_t whole = tree->nodes[0].total;
	char id[17];

	pb_hotspot_id(f, id);
	pb_json_flat_object(&j->json, NULL);
	pb_json_string(&j->json, "id", id);
	pb_json_string(&j->json, "function", f->name);
	pb_json_string(&j->json, "module", f->module);
	pb_json_bool(&j->json, "inlined", f->kind == PB_FRAME_INLINED);
	pb_json_string(&j->json, "file", *f->file ? f->file : NULL);
	if (f->line)
		pb_json_uint(&j->json, "line", f->line);
	else
		pb_json_null(&j->json, "line");
	pb_json_flat_array(&j->json, "self");
	for (uint32_t v = 0; v < j->p->n_values; v++)
		pb_json_uint(&j->json, NULL, j->trees[v]->hotspots[j->rows[v][h->frame]].self);
	pb_json_end(&j->json, ']');
	pb_json_flat_array(&j->json, "total");
	for (uint32_t v = 0; v < j->p->n_values; v++)
		pb_json_uint(&j->json, NULL, j->trees[v]->hotspots[j->rows[v][h->frame]].total);
	pb_json_end(&j->json, ']');
	pb_json_double(&j->json, "self_pct", percent(h->self, whole), 2);
	pb_json_double(&j->json, "total_pct", percent(h->total, whole), 2);
	pb_json_end(&j->json, '}');
}

static void put_hotspots(struct json_report *j)
{
	const struct pb_tree *tree = j->trees[j->o->value];

	pb_json_array(&j->json, "hotspots");
	for (uint32_t i = 0; i < tree->n_hotspots && i < j->o->top; i++) {
		if (!tree->hotspots[i].total)
			break; /* and so are all that follow */
		put_hotspot(j, &tree->hotspots[i]);
	}
	pb_json_end(&j->json, ']');
}

/* Most self first; nodes are in the order of their frames, which settles ties. */
static int compare_nodes(const void *a, const void *b, void *nodes)
{
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	uint64_t x = ((const struct pb_tree_node *)nodes)[i].self;
	uint64_t y = ((const struct pb_tree_node *)nodes)[k].self;

	if (x != y)
		return x < y ? 1 : -1;
	return (i > k) - (i < k);
}

/* @path: scratch for a stack of any depth */
static void put_stack(struct json_report *j, uint32_t node, uint32_t *path)
{
	const struct pb_tree *tree = j->trees[j->o->value];
	uint32_t depth = 0;

	for (uint32_t at = node; at; at = tree->nodes[at].parent)
		path[depth++] = tree->nodes[at].frame;
	pb_json_flat_object(&j->json, NULL);
	pb_json_flat_array(&j->json, "frames");
	while (depth)
		pb_json_string(&j->json, NULL, tree->frames[path[--depth]].label);
	pb_json_end(&j->json, ']');
	pb_json_flat_array(&j->json, "values");
	for (uint32_t v = 0; v < j->p->n_values; v++)
		pb_json_uint(&j->json, NULL, j->trees[v]->nodes[node].self);
	pb_json_end(&j->json, ']');
	pb_json_end(&j->json, '}');
}

static int put_stacks_top(struct json_report *j)
{
	const struct pb_tree *tree = j->trees[j->o->value];
	pb_autofree uint32_t *order = calloc(tree->n_nodes, sizeof(*order));
	pb_autofree uint32_t *path = calloc(tree->n_nodes, sizeof(*path));
	uint32_t n = 0;

	if (!order || !path)
		return -ENOMEM;
	for (uint32_t i = 1; i < tree->n_nodes; i++) {
		if (tree->nodes[i].self)
			order[n++] = i;
	}
	qsort_r(order, n, sizeof(*order), compare_nodes, tree->nodes);
	pb_json_array(&j->json, "stacks_top");
	for (uint32_t i = 0; i < n && i < j->o->top; i++)
		put_stack(j, order[i], path);
	pb_json_end(&j->json, ']');
	return 0;
}

static int put_report(struct json_report *j, const struct pb_report *r)
{
	int err;

	pb_json_object(&j->json, NULL);
	pb_json_string(&j->json, "schema", r->schema);
	pb_json_flat_object(&j->json, "tool");
	pb_json_string(&j->json, "name", r->tool);
	pb_json_string(&j->json, "version", PB_VERSION);
	pb_json_end(&j->json, '}');
	pb_report_write(r, &j->json);
	put_values(j);
	put_hotspots(j);
	err = put_stacks_top(j);
	pb_json_end(&j->json, '}');
	fputc('\n', j->json.out);
	return err;
}

int pb_render_json(FILE *out, const struct pb_profile *p, const struct pb_report *r,
		   const struct pb_render_opts *o)
{
	struct json_report j = {.p = p, .o = o};
	int err;

	pb_json_init(&j.json, out, false);
	err = build_trees(&j);
	if (!err)
		err = put_report(&j, r);
	report_drop(&j);
	if (!err && ferror(out))
		err = -EIO;
	return err;
}
