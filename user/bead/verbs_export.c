/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * export: the beads of a plan for the issue tracker bd, as a graph that `bd create --graph` takes. Nothing of bd's own is
 * written or run: it has its own store, and commands that keep it whole.
 */
#include "user/bead/verbs.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "user/bead/markdown.h"
#include "user/bead/opportunity.h"
#include "user/bead/levers.h"
#include "user/core/json.h"
#include "user/core/log.h"
#include "user/core/output.h"
#include "user/core/text.h"

/* bd's priorities go from 0, critical, to 4. */
#define PRIORITY         2
#define PRIORITY_HOTSPOT 1

struct graph {
	struct pb_json j;
	const struct pb_desk *desk;
	const struct pb_opportunities *o;
	const char *plan_name;
};

/* What each kind is about, and when it may be closed. */
static const char *purpose_of(enum pb_bead_kind kind)
{
	static const char *const purposes[PB_BEAD_KINDS] = {
		[PB_BEAD_BASELINE] = "Measure the workloads before anything is changed",
		[PB_BEAD_ORACLE] = "Check that two runs of each workload give what was blessed",
		[PB_BEAD_CPU_FLAME] = "Profile CPU time, and note the hotspots",
		[PB_BEAD_ALLOC_SITES] = "Profile allocations, and note the call sites",
		[PB_BEAD_IO_LATENCY] = "Profile I/O, and note the call paths",
		[PB_BEAD_GATE] = "Hold a fresh measurement against the saved baseline",
	};

	return purposes[kind];
}

static void write_labels(struct pb_json *j)
{
	pb_json_flat_array(j, "labels");
	pb_json_string(j, NULL, "profiling");
	pb_json_string(j, NULL, "perf");
	pb_json_end(j, ']');
}

/* "bead run shop.cpu", as a shell takes it. To be freed; NULL: no memory. */
static char *command_of(const struct graph *g, const char *verb, const char *word)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "bead %s", verb);
	if (*word) {
		fputc(' ', out);
		pb_md_shell_word(out, word);
	}
	if (strcmp(g->plan_name, "beads.yaml") != 0) {
		fputs(" --plan ", out);
		pb_md_shell_word(out, g->plan_name);
	}
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}

static int write_bead(struct graph *g, const struct pb_plan_bead *bead)
{
	pb_autofree char *command = command_of(g, "run", bead->id), *title = NULL, *text = NULL;

	if (!command || asprintf(&title, "%s: %s", bead->id, pb_bead_kind_name(bead->kind)) < 0 ||
	    asprintf(&text,
		     "%s.\n\nRun: %s\nClose it only when that exits with 0; 1 is a finding, 3, 4 "
		     "and 5 leave it open with a note.",
		     purpose_of(bead->kind), command) < 0)
		return pb_err(ENOMEM, "write the graph");
	pb_json_object(&g->j, NULL);
	pb_json_string(&g->j, "key", bead->id);
	pb_json_string(&g->j, "title", title);
	pb_json_string(&g->j, "type", "task");
	pb_json_string(&g->j, "description", text);
	pb_json_uint(&g->j, "priority", PRIORITY);
	write_labels(&g->j);
	pb_json_flat_object(&g->j, "metadata");
	pb_json_string(&g->j, "bead.plan", g->plan_name);
	pb_json_string(&g->j, "bead.id", bead->id);
	pb_json_string(&g->j, "bead.kind", pb_bead_kind_name(bead->kind));
	pb_json_end(&g->j, '}');
	pb_json_end(&g->j, '}');
	return 0;
}

/* What a hotspot is, in words for a person who has not seen the report. To be freed; NULL: no memory. */
static char *describe(const struct graph *g, const struct pb_opportunity *row)
{
	pb_autofree char *command = command_of(g, "matrix", "");
	char *text = NULL;
	size_t size;
	FILE *out = command ? open_memstream(&text, &size) : NULL;

	if (!out)
		return NULL;
	fprintf(out, "%s of workload %s: %.1f %% of it, score %.1f.\n", row->spot.name,
		row->spot.workload, row->spot.total_pct, row->score);
	for (uint32_t i = 0; i < row->n_clues; i++)
		fprintf(out, "%s: %s.\n", row->clues[i].lever->title, row->clues[i].text);
	fprintf(out,
		"Evidence: %s\n\nClose it when %s no longer counts %s/%s among those that stand.",
		row->spot.evidence, command, row->spot.workload, row->spot.id);
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}

/* "parse/C1234abcd". To be freed; NULL: no memory. */
static char *key_of(const struct pb_spot *spot)
{
	char *key;

	return asprintf(&key, "%s/%s", spot->workload, spot->id) < 0 ? NULL : key;
}

static int write_hotspot(struct graph *g, const struct pb_opportunity *row)
{
	pb_autofree char *key = key_of(&row->spot), *text = describe(g, row), *title = NULL;
	char name[200];

	pb_text_safe(name, sizeof(name), row->spot.name, strlen(row->spot.name));
	if (!key || !text || asprintf(&title, "Hotspot %s: %s", key, name) < 0)
		return pb_err(ENOMEM, "write the graph");
	pb_json_object(&g->j, NULL);
	pb_json_string(&g->j, "key", key);
	pb_json_string(&g->j, "title", title);
	pb_json_string(&g->j, "type", "task");
	pb_json_string(&g->j, "description", text);
	pb_json_uint(&g->j, "priority", PRIORITY_HOTSPOT);
	write_labels(&g->j);
	pb_json_flat_object(&g->j, "metadata");
	pb_json_string(&g->j, "bead.plan", g->plan_name);
	pb_json_string(&g->j, "bead.hotspot", key);
	pb_json_end(&g->j, '}');
	pb_json_end(&g->j, '}');
	return 0;
}

static void write_edge(struct pb_json *j, const char *from, const char *to, const char *type)
{
	pb_json_flat_object(j, NULL);
	pb_json_string(j, "from_key", from);
	pb_json_string(j, "to_key", to);
	pb_json_string(j, "type", type);
	pb_json_end(j, '}');
}

/* The bead of the plan whose profile shows a spot: the first one of its kind with the workload. NULL: none. */
static const char *bead_of(const struct pb_plan *plan, const struct pb_spot *spot)
{
	static const enum pb_bead_kind kinds[PB_SPOT_KINDS] = {
		[PB_SPOT_CPU] = PB_BEAD_CPU_FLAME,
		[PB_SPOT_ALLOC] = PB_BEAD_ALLOC_SITES,
		[PB_SPOT_IO] = PB_BEAD_IO_LATENCY,
	};

	for (uint32_t i = 0; i < plan->n_beads; i++) {
		const struct pb_plan_bead *b = &plan->beads[i];

		for (uint32_t k = 0; b->kind == kinds[spot->kind] && k < b->n_workloads; k++)
			if (!strcmp(plan->workloads[b->workloads[k]].name, spot->workload))
				return b->id;
	}
	return NULL;
}

static int write_edges(struct graph *g)
{
	const struct pb_plan *plan = g->desk->plan;

	for (uint32_t i = 0; i < plan->n_beads; i++)
		for (uint32_t k = 0; k < plan->beads[i].n_needs; k++)
			write_edge(&g->j, plan->beads[i].id,
				   plan->beads[plan->beads[i].needs[k]].id, "blocks");
	for (uint32_t i = 0; i < g->o->n; i++) {
		const struct pb_opportunity *row = &g->o->rows[i];
		const char *bead = row->stands ? bead_of(plan, &row->spot) : NULL;
		pb_autofree char *key = bead ? key_of(&row->spot) : NULL;

		if (bead && !key)
			return pb_err(ENOMEM, "write the graph");
		if (bead)
			write_edge(&g->j, key, bead, "discovered-from");
	}
	return 0;
}

static int write_graph(struct graph *g, FILE *out)
{
	const struct pb_plan *plan = g->desk->plan;
	int err = 0;

	pb_json_init(&g->j, out, false);
	pb_json_object(&g->j, NULL);
	pb_json_array(&g->j, "nodes");
	for (uint32_t i = 0; i < plan->n_beads && !err; i++)
		err = write_bead(g, &plan->beads[i]);
	for (uint32_t i = 0; i < g->o->n && !err; i++)
		if (g->o->rows[i].stands)
			err = write_hotspot(g, &g->o->rows[i]);
	pb_json_end(&g->j, ']');
	pb_json_array(&g->j, "edges");
	if (!err)
		err = write_edges(g);
	pb_json_end(&g->j, ']');
	pb_json_end(&g->j, '}');
	fputc('\n', out);
	return err;
}

static void tell_commands(const char *path)
{
	pb_autofree char *word = NULL;
	size_t size;
	FILE *out = open_memstream(&word, &size);

	if (!out)
		return;
	pb_md_shell_word(out, path);
	if (fclose(out))
		return;
	pb_log(PB_LOG_INFO, "see what bd would make of it:  bd create --graph %s --dry-run --json",
	       word);
	pb_log(PB_LOG_INFO, "take it in:                    bd create --graph %s", word);
	pb_log(PB_LOG_INFO, "close each by exit status:     bead run BEAD && bd close ISSUE");
}

static int export_bd(const struct pb_desk *desk, const char *path)
{
	pb_auto(pb_opportunities) struct pb_opportunities *o = NULL;
	pb_auto(pb_output) struct pb_output *out = NULL;
	struct graph g = {.desk = desk};
	int err = pb_opportunities_read(&o, desk->store, desk->plan);

	if (err)
		return err;
	g.o = o;
	g.plan_name = strrchr(desk->plan->path, '/') ? strrchr(desk->plan->path, '/') + 1
						     : desk->plan->path;
	err = pb_output_open(&out, path ? path : "-", false);
	if (!err)
		err = write_graph(&g, pb_output_stream(out));
	if (err)
		return err;
	err = pb_output_commit(pb_take(out));
	if (!err)
		tell_commands(path && strcmp(path, "-") != 0 ? path : "FILE");
	return err ? err : PB_BEAD_OK;
}

int pb_bead_export(const struct pb_bead_args *args)
{
	pb_auto_close_desk struct pb_desk desk = {0};
	int err;

	if (!args->bd)
		return pb_fail(EINVAL, "export needs --bd, the tracker that it writes for");
	err = pb_desk_open(&desk, args);
	return err ? err : export_bd(&desk, args->output);
}
