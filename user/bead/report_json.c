/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A report for programs: bead-report/1, docs/schema/bead-report.schema.json. */
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "user/bead/gate.h"
#include "user/bead/report_sections.h"
#include "user/core/json.h"
#include "user/core/jsonvalue.h"

static void write_plan(struct pb_json *j, const struct pb_report *r)
{
	const struct pb_plan *plan = r->plan;

	pb_json_string(j, "project", plan->project);
	pb_json_object(j, "plan");
	pb_json_string(j, "file", r->plan_name);
	pb_json_string(j, "digest", plan->digest);
	pb_json_real(j, "hotspot_pct", plan->hotspot_pct);
	pb_json_real(j, "min_complete_pct", plan->min_complete_pct);
	pb_json_real(j, "max_overhead_pct", plan->max_overhead_pct);
	pb_json_real(j, "score", plan->score);
	pb_json_end(j, '}');
}

static void write_env(struct pb_json *j, const struct pb_report *r)
{
	const struct pb_report_env *env = &r->env;
	bool has_commit = env->commit[0];

	pb_json_object(j, "env");
	pb_json_string(j, "kernel", env->kernel);
	pb_json_string(j, "cpu", env->cpu[0] ? env->cpu : NULL);
	pb_json_uint(j, "cpus", env->cpus);
	pb_json_uint(j, "memory_bytes", env->memory_bytes);
	pb_json_string(j, "commit", has_commit ? env->commit : NULL);
	if (has_commit)
		pb_json_bool(j, "dirty", env->dirty);
	else
		pb_json_null(j, "dirty");
	pb_json_end(j, '}');
}

static void write_stop(struct pb_json *j, const struct pb_report *r)
{
	pb_json_object(j, "stop");
	pb_json_bool(j, "holds", r->stop.holds);
	pb_json_uint(j, "done", r->stop.done);
	pb_json_uint(j, "total", r->stop.total);
	pb_json_uint(j, "stand", r->stop.stand);
	pb_json_uint(j, "without_lever", r->stop.without_lever);
	pb_json_string(j, "sentence", r->stop.sentence);
	pb_json_end(j, '}');
}

static void write_value(struct pb_json *j, const struct pb_figure *figure)
{
	pb_json_double(j, "value", figure->why ? (double)NAN : figure->value, 3);
	pb_json_double(j, "low", figure->low, 3);
	pb_json_double(j, "high", figure->high, 3);
	pb_json_string(j, "why", figure->why);
}

static void write_figures(struct pb_json *j, const struct pb_report *r, const char *workload)
{
	pb_json_array(j, "figures");
	for (uint32_t i = 0; i < r->plan->n_beads; i++) {
		const struct pb_report_bead *b = &r->beads[i];

		for (uint32_t k = 0; b->bead->kind != PB_BEAD_GATE && k < b->n_figures; k++) {
			if (strcmp(b->figures[k].workload, workload) != 0)
				continue;
			pb_json_flat_object(j, NULL);
			pb_json_string(j, "bead", b->bead->id);
			pb_json_string(j, "name", b->figures[k].name);
			pb_json_string(j, "unit", b->figures[k].unit);
			write_value(j, &b->figures[k]);
			pb_json_end(j, '}');
		}
	}
	pb_json_end(j, ']');
}

/* Ids of opportunities, by cumulative share. Without memory it is null. */
static void write_top(struct pb_json *j, const struct pb_report *r, uint32_t workload,
		      enum pb_spot_kind kind, enum pb_bead_kind bead, const char *key)
{
	uint32_t n, top = pb_report_top(r, workload, bead);
	pb_autofree const struct pb_opportunity **rows =
		pb_report_rows(r, r->plan->workloads[workload].name, kind, &n);

	if (n == UINT32_MAX) {
		pb_json_null(j, key);
		return;
	}
	pb_json_flat_array(j, key);
	for (uint32_t i = 0; i < n && i < top; i++)
		pb_json_string(j, NULL, rows[i]->spot.id);
	pb_json_end(j, ']');
}

static void write_workload(struct pb_json *j, const struct pb_report *r, uint32_t i)
{
	const struct pb_plan_workload *workload = &r->plan->workloads[i];

	pb_json_object(j, NULL);
	pb_json_string(j, "name", workload->name);
	pb_json_flat_array(j, "argv");
	for (char **word = workload->argv; *word; word++)
		pb_json_string(j, NULL, *word);
	pb_json_end(j, ']');
	write_figures(j, r, workload->name);
	write_top(j, r, i, PB_SPOT_CPU, PB_BEAD_CPU_FLAME, "hotspots");
	write_top(j, r, i, PB_SPOT_ALLOC, PB_BEAD_ALLOC_SITES, "allocation_sites");
	write_top(j, r, i, PB_SPOT_IO, PB_BEAD_IO_LATENCY, "io_paths");
	pb_json_end(j, '}');
}

/* What another verb wrote, as it is; null if it is none. */
static void write_record(struct pb_json *j, const char *key, const char *text)
{
	pb_autojson json_t *value = text ? json_loads(text, 0, NULL) : NULL;

	if (json_is_object(value) && pb_json_depth(value, PB_JSON_DEPTH_MAX / 2) >= 0)
		pb_json_value(j, key, value);
	else
		pb_json_null(j, key);
}

static void write_attempts(struct pb_json *j, const struct pb_change *c)
{
	pb_autojson json_t *value = c->attempts ? json_loads(c->attempts, 0, NULL) : json_array();

	if (json_is_array(value) && pb_json_depth(value, PB_JSON_DEPTH_MAX / 2) >= 0)
		pb_json_value(j, "attempts", value);
	else
		pb_json_null(j, "attempts");
}

static void write_change(struct pb_json *j, const struct pb_change *c)
{
	pb_json_object(j, NULL);
	pb_json_int(j, "id", c->id);
	pb_json_string(j, "title", c->title);
	pb_json_string(j, "state", pb_change_state_name(c->state));
	pb_json_string(j, "workload", c->workload);
	pb_json_string(j, "hotspot", c->spot);
	pb_json_string(j, "lever", c->lever);
	pb_json_string(j, "hypothesis", c->hypothesis);
	pb_json_double(j, "expected_pct", c->expected_pct, 3);
	pb_json_string(j, "base", c->base);
	pb_json_string(j, "opened", c->opened);
	pb_json_string(j, "closed", c->closed);
	write_record(j, "diff", c->diff);
	write_record(j, "proof", c->proof);
	write_record(j, "verdict", c->verdict);
	write_attempts(j, c);
	pb_json_string(j, "hotspot_name", c->spot_name);
	pb_json_string(j, "warning", c->warning);
	pb_json_string(j, "why", c->why);
	pb_json_end(j, '}');
}

static void write_limits(struct pb_json *j, const struct pb_report_bead *b)
{
	double limits[PB_LIMITS];

	pb_gate_limits(b->bead, limits);
	pb_json_array(j, "limits");
	for (int i = 0; i < PB_LIMITS; i++) {
		const char *name = pb_limit_name((enum pb_limit)i);

		if (limits[i] < 0)
			continue;
		pb_json_object(j, NULL);
		pb_json_string(j, "limit", name);
		pb_json_real(j, "allowed_pct", limits[i]);
		pb_json_array(j, "workloads");
		for (uint32_t k = 0; k < b->n_figures; k++) {
			if (strcmp(b->figures[k].name, name) != 0)
				continue;
			pb_json_flat_object(j, NULL);
			pb_json_string(j, "workload", b->figures[k].workload);
			write_value(j, &b->figures[k]);
			pb_json_end(j, '}');
		}
		pb_json_end(j, ']');
		pb_json_end(j, '}');
	}
	pb_json_end(j, ']');
}

static void write_gates(struct pb_json *j, const struct pb_report *r)
{
	pb_json_array(j, "gates");
	for (uint32_t i = 0; i < r->plan->n_beads; i++) {
		const struct pb_report_bead *b = &r->beads[i];

		if (b->bead->kind != PB_BEAD_GATE)
			continue;
		pb_json_object(j, NULL);
		pb_json_string(j, "bead", b->bead->id);
		pb_json_string(j, "state", pb_bead_state_name(b->standing.state));
		write_limits(j, b);
		pb_json_end(j, '}');
	}
	pb_json_end(j, ']');
}

static void write_origin(struct pb_json *j, const struct pb_origin *origin)
{
	pb_json_string(j, "commit", origin->commit[0] ? origin->commit : NULL);
	if (origin->commit[0])
		pb_json_bool(j, "dirty", origin->dirty);
	else
		pb_json_null(j, "dirty");
	pb_json_string(j, "kernel", origin->kernel[0] ? origin->kernel : NULL);
}

static void write_beads(struct pb_json *j, const struct pb_report *r)
{
	pb_json_array(j, "beads");
	for (uint32_t i = 0; i < r->plan->n_beads; i++) {
		const struct pb_report_bead *b = &r->beads[i];
		bool done = b->standing.state == PB_STATE_DONE;

		pb_json_flat_object(j, NULL);
		pb_json_string(j, "id", b->bead->id);
		pb_json_string(j, "kind", pb_bead_kind_name(b->bead->kind));
		pb_json_string(j, "state", pb_bead_state_name(b->standing.state));
		pb_json_uint(j, "waits", b->standing.waits);
		if (b->run)
			pb_json_int(j, "run", b->run);
		else
			pb_json_null(j, "run");
		pb_json_string(j, "ended", b->ended);
		write_origin(j, &b->origin);
		pb_json_string(j, "note", done ? NULL : b->note);
		pb_json_end(j, '}');
	}
	pb_json_end(j, ']');
}

static void write_next(struct pb_json *j, const struct pb_report *r)
{
	pb_json_array(j, "next");
	for (uint32_t i = 0; i < r->n_steps; i++) {
		pb_json_flat_object(j, NULL);
		pb_json_string(j, "command", r->steps[i].command);
		pb_json_string(j, "why", r->steps[i].why);
		pb_json_end(j, '}');
	}
	pb_json_end(j, ']');
}

void pb_report_write_json(FILE *out, const struct pb_report *r)
{
	struct pb_json j;

	pb_json_init(&j, out, false);
	pb_json_object(&j, NULL);
	pb_json_string(&j, "schema", "bead-report/1");
	pb_json_string(&j, "version", PB_VERSION);
	write_plan(&j, r);
	write_env(&j, r);
	write_stop(&j, r);
	pb_json_array(&j, "workloads");
	for (uint32_t i = 0; i < r->plan->n_workloads; i++)
		write_workload(&j, r, i);
	pb_json_end(&j, ']');
	pb_json_array(&j, "opportunities");
	for (uint32_t i = 0; i < r->opportunities->n; i++)
		pb_opportunity_write(&j, &r->opportunities->rows[i]);
	pb_json_end(&j, ']');
	pb_json_array(&j, "changes");
	for (uint32_t i = 0; i < r->n_changes; i++)
		write_change(&j, &r->changes[i]);
	pb_json_end(&j, ']');
	write_gates(&j, r);
	write_beads(&j, r);
	write_next(&j, r);
	pb_json_end(&j, '}');
	fputc('\n', out);
}
