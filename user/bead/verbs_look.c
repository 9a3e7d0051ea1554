/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* list, ready, status: where the beads of a plan stand. */
#include "user/bead/verbs_look.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "user/bead/figures.h"
#include "user/bead/lines.h"
#include "user/bead/opportunity.h"
#include "user/bead/spots.h"
#include "user/bead/stop.h"
#include "user/core/json.h"
#include "user/core/log.h"
#include "user/core/text.h"

#define ID_COLUMNS_MAX 40

/* Which beads are shown. */
enum choice {
	CHOICE_ALL,
	CHOICE_READY, /* neither done nor waiting */
};

static bool is_ready(const struct pb_bead_standing *standing)
{
	return standing->state != PB_STATE_DONE && standing->state != PB_STATE_RUNNING &&
	       !standing->waits;
}

/* Those that a bead needs and that are not done; calls @each with each. */
static int each_wait(const struct pb_desk *desk, uint32_t bead,
		     void (*each)(void *ctx, const char *id, uint32_t index), void *ctx)
{
	const struct pb_plan *plan = desk->plan;
	const struct pb_plan_bead *b = &plan->beads[bead];
	enum pb_bead_state state;
	uint32_t n = 0;

	for (uint32_t i = 0; i < b->n_needs; i++) {
		const char *id = plan->beads[b->needs[i]].id;
		int err = pb_desk_state(desk, b->needs[i], &state, NULL);

		if (err)
			return err;
		if (state != PB_STATE_DONE)
			each(ctx, id, n++);
	}
	return 0;
}

static void write_wait(void *ctx, const char *id, uint32_t index)
{
	(void)index;
	pb_json_string(ctx, NULL, id);
}

static void add_wait(void *ctx, const char *id, uint32_t index)
{
	fprintf(ctx, "%s%s", index ? ", " : "waits for ", id);
}

/* Columns of the ids; a longer one stands in a line of its own. */
static int id_columns(const struct pb_plan *plan)
{
	int columns = 0;

	for (uint32_t i = 0; i < plan->n_beads; i++) {
		int len = (int)strlen(plan->beads[i].id);

		if (len > columns && len <= ID_COLUMNS_MAX)
			columns = len;
	}
	return columns;
}

int pb_look_print(const struct pb_desk *desk, uint32_t i, const struct pb_bead_standing *standing)
{
	const struct pb_plan_bead *b = &desk->plan->beads[i];
	const char *state = pb_bead_state_name(standing->state);
	int columns = id_columns(desk->plan), column = columns + 28, err;
	pb_autofree char *waits = NULL;
	size_t size;
	FILE *out = open_memstream(&waits, &size);

	if (!out)
		return pb_err(ENOMEM, "print %s", b->id);
	err = each_wait(desk, i, add_wait, out);
	if (fclose(out))
		return pb_err(ENOMEM, "print %s", b->id);
	printf("%-*s", columns, b->id);
	if ((int)strlen(b->id) > columns)
		printf("\n%*s", columns, "");
	printf("  %-11s  ", pb_bead_kind_name(b->kind));
	if (!size) {
		puts(state);
	} else if (column + (int)size <= pb_lines_width()) {
		printf("%-13s%s\n", state, waits);
	} else {
		printf("%s\n    ", state);
		pb_lines_wrap(waits, 4, 4);
	}
	if (standing->stale)
		printf("    stale: change %lld was closed since\n", (long long)standing->stale);
	return err;
}

int pb_look_write(struct pb_json *j, const struct pb_desk *desk, uint32_t i,
		  const struct pb_bead_standing *standing)
{
	const struct pb_plan *plan = desk->plan;
	const struct pb_plan_bead *b = &plan->beads[i];
	int err;

	pb_json_string(j, "id", b->id);
	pb_json_string(j, "kind", pb_bead_kind_name(b->kind));
	pb_json_string(j, "state", pb_bead_state_name(standing->state));
	pb_json_bool(j, "ready", is_ready(standing));
	if (standing->stale)
		pb_json_int(j, "stale_by_change", standing->stale);
	else
		pb_json_null(j, "stale_by_change");
	pb_json_flat_array(j, "waits_for");
	err = each_wait(desk, i, write_wait, j);
	pb_json_end(j, ']');
	pb_json_flat_array(j, "workloads");
	for (uint32_t k = 0; k < b->n_workloads; k++)
		pb_json_string(j, NULL, plan->workloads[b->workloads[k]].name);
	pb_json_end(j, ']');
	return err;
}

static int show_bead(struct pb_json *j, const struct pb_desk *desk, uint32_t i,
		     const struct pb_bead_standing *standing)
{
	int err;

	if (!j)
		return pb_look_print(desk, i, standing);
	pb_json_object(j, NULL);
	err = pb_look_write(j, desk, i, standing);
	pb_json_end(j, '}');
	return err;
}

/* @n_done, @n_shown: set. @j: NULL: for people. */
static int show_beads(struct pb_json *j, const struct pb_desk *desk, enum choice choice,
		      uint32_t *n_done, uint32_t *n_shown)
{
	*n_done = *n_shown = 0;
	for (uint32_t i = 0; i < desk->plan->n_beads; i++) {
		struct pb_bead_standing standing;
		int err = pb_desk_standing(desk, i, &standing);

		if (err)
			return err;
		*n_done += standing.state == PB_STATE_DONE;
		if (choice == CHOICE_READY && !is_ready(&standing))
			continue;
		err = show_bead(j, desk, i, &standing);
		if (err)
			return err;
		(*n_shown)++;
	}
	return 0;
}

/* In a document that is open, where there is one, up to the counts. */
static int show_all(struct pb_json *j, const struct pb_desk *desk, enum choice choice,
		    uint32_t *n_done, uint32_t *n_shown)
{
	int err;

	if (!j)
		return show_beads(NULL, desk, choice, n_done, n_shown);
	pb_json_array(j, "beads");
	err = show_beads(j, desk, choice, n_done, n_shown);
	pb_json_end(j, ']');
	pb_json_uint(j, "done", *n_done);
	pb_json_uint(j, "total", desk->plan->n_beads);
	return err;
}

static int list(const struct pb_bead_args *args, enum choice choice)
{
	pb_auto_close_desk struct pb_desk desk = {0};
	struct pb_json j = {0}, *to = args->json ? &j : NULL;
	uint32_t n_done, n_shown;
	int err = pb_desk_open(&desk, args);

	if (err)
		return err;
	if (to)
		pb_bead_begin_document(to, "bead-list/1", &desk);
	err = show_all(to, &desk, choice, &n_done, &n_shown);
	if (to)
		pb_bead_end_document(to);
	if (err)
		return err;
	if (!n_shown)
		pb_log(PB_LOG_INFO, "no bead is ready: %u of %u are done", n_done,
		       desk.plan->n_beads);
	return PB_BEAD_OK;
}

int pb_bead_list(const struct pb_bead_args *args)
{
	return list(args, CHOICE_ALL);
}

int pb_bead_ready(const struct pb_bead_args *args)
{
	return list(args, CHOICE_READY);
}

/* The members behind the counts. */
static void write_verdict(struct pb_json *j, const struct pb_opportunities *o,
			  const struct pb_stop_condition *stop)
{
	pb_json_array(j, "hotspots");
	for (uint32_t i = 0; i < o->n; i++) {
		const struct pb_spot *spot = &o->rows[i].spot;

		if (!o->rows[i].stands)
			continue;
		pb_json_flat_object(j, NULL);
		pb_json_string(j, "workload", spot->workload);
		pb_json_string(j, "id", spot->id);
		pb_json_string(j, "name", spot->name);
		pb_json_string(j, "kind", pb_spot_kind_name(spot->kind));
		pb_json_double(j, "total_pct", spot->total_pct, 2);
		pb_json_double(j, "score", o->rows[i].score, 2);
		pb_json_end(j, '}');
	}
	pb_json_end(j, ']');
	pb_json_uint(j, "without_lever", stop->without_lever);
	pb_json_bool(j, "holds", stop->holds);
	pb_json_string(j, "why", stop->holds ? NULL : stop->sentence);
}

static void print_verdict(const struct pb_opportunities *o, const struct pb_stop_condition *stop)
{
	char name[256];

	for (uint32_t i = 0; i < o->n; i++) {
		const struct pb_spot *spot = &o->rows[i].spot;

		if (!o->rows[i].stands)
			continue;
		pb_text_safe(name, sizeof(name), spot->name, strlen(spot->name));
		printf("hotspot %s/%s: score %.1f, %.1f %% to save, %s\n", spot->workload, spot->id,
		       o->rows[i].score, o->rows[i].saves_pct, name);
	}
	printf("the stop condition %s: %s\n", stop->holds ? "holds" : "does not hold",
	       stop->sentence);
}

int pb_bead_status(const struct pb_bead_args *args)
{
	pb_auto_close_desk struct pb_desk desk = {0};
	pb_auto(pb_opportunities) struct pb_opportunities *o = NULL;
	struct pb_stop_condition stop;
	struct pb_json j = {0}, *to = args->json ? &j : NULL;
	uint32_t n_done, n_shown;
	int err = pb_desk_open(&desk, args);

	if (!err)
		err = pb_opportunities_read(&o, desk.store, desk.plan);
	if (!err)
		err = pb_desk_stop_condition_of(&desk, o, &stop);
	if (err)
		return err;
	if (to)
		pb_bead_begin_document(to, "bead-status/1", &desk);
	err = show_all(to, &desk, CHOICE_ALL, &n_done, &n_shown);
	if (to) {
		write_verdict(to, o, &stop);
		pb_bead_end_document(to);
	} else if (!err) {
		print_verdict(o, &stop);
	}
	if (err)
		return err;
	return stop.holds ? PB_BEAD_OK : PB_BEAD_FINDING;
}
