/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* show: one bead with what its last run came to. */
#include "user/bead/verbs.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "user/bead/figures.h"
#include "user/bead/spots.h"
#include "user/bead/store_history.h"
#include "user/bead/verbs_look.h"
#include "user/core/json.h"
#include "user/core/log.h"
#include "user/core/text.h"

static int write_figure(void *ctx, const struct pb_figure *figure)
{
	pb_bead_write_figure(ctx, figure);
	return 0;
}

/* Whose clues are shown. */
struct shown {
	struct pb_store *store;
	const struct pb_plan *plan;
	int64_t run;
	struct pb_json *j; /* NULL: for people */
};

static void print_safe(const char *front, const char *text, const char *end)
{
	char safe[1024];

	pb_text_safe_line(safe, sizeof(safe), text, strlen(text));
	printf("%s%s%s", front, safe, end);
}

static int print_clue(void *ctx, const struct pb_clue *clue)
{
	(void)ctx;
	printf("      %s: ", clue->lever);
	print_safe("", clue->text, "\n");
	return 0;
}

static int print_spot(void *ctx, const struct pb_spot *spot)
{
	const struct shown *s = ctx;
	char amount[64];

	printf("  %-16s %s %5.1f %%", spot->workload, spot->id, spot->total_pct);
	if (!isnan(spot->low_pct) && !isnan(spot->high_pct))
		printf(" [%.1f, %.1f]", spot->low_pct, spot->high_pct);
	if (!isnan(spot->self_pct))
		printf("  self %.1f %%", spot->self_pct);
	printf("  %s", pb_figures_amount(amount, sizeof(amount), spot->amount, spot->unit));
	if (!isnan(spot->ceiling_pct))
		printf("  saves at most %.1f %%%s", spot->ceiling_pct,
		       strcmp(spot->unit, "bytes") ? "" : " of memory");
	print_safe("  ", spot->name, "");
	if (*spot->file) {
		print_safe("  ", pb_plan_relative(s->plan, spot->file), "");
		if (spot->line)
			printf(":%u", spot->line);
	}
	putchar('\n');
	return pb_store_clues(s->store, s->run, spot->workload, spot->id, print_clue, NULL);
}

static int write_clue(void *ctx, const struct pb_clue *clue)
{
	struct pb_json *j = ctx;

	pb_json_flat_object(j, NULL);
	pb_json_string(j, "lever", clue->lever);
	pb_json_double(j, "share_pct", clue->share_pct, 3);
	pb_json_string(j, "text", clue->text);
	pb_json_end(j, '}');
	return 0;
}

static int write_spot(void *ctx, const struct pb_spot *spot)
{
	const struct shown *s = ctx;
	struct pb_json *j = s->j;
	int err;

	pb_json_object(j, NULL);
	pb_json_string(j, "workload", spot->workload);
	pb_json_string(j, "kind", pb_spot_kind_name(spot->kind));
	pb_json_string(j, "id", spot->id);
	pb_json_string(j, "name", spot->name);
	pb_json_string(j, "module", spot->module);
	pb_json_string(j, "file", pb_plan_relative(s->plan, spot->file));
	pb_json_uint(j, "line", spot->line);
	pb_json_string(j, "frames", spot->frames);
	pb_json_double(j, "self_pct", spot->self_pct, 3);
	pb_json_double(j, "total_pct", spot->total_pct, 3);
	pb_json_double(j, "low_pct", spot->low_pct, 3);
	pb_json_double(j, "high_pct", spot->high_pct, 3);
	pb_json_double(j, "ceiling_pct", spot->ceiling_pct, 3);
	pb_json_double(j, "ceiling_low_pct", spot->ceiling_low_pct, 3);
	pb_json_double(j, "ceiling_high_pct", spot->ceiling_high_pct, 3);
	pb_json_double(j, "amount", spot->amount, 3);
	pb_json_string(j, "unit", spot->unit);
	pb_json_uint(j, "events", spot->events);
	pb_json_double(j, "spread_pct", spot->spread_pct, 3);
	pb_json_string(j, "evidence", spot->evidence);
	pb_json_array(j, "clues");
	err = pb_store_clues(s->store, s->run, spot->workload, spot->id, write_clue, j);
	pb_json_end(j, ']');
	pb_json_end(j, '}');
	return err;
}

/* What the last run of a bead came to. */
struct outcome {
	int64_t run; /* 0: none */
	char *note;  /* why it is not done; NULL: it is */
};

static int keep_outcome(void *ctx, const struct pb_store_run *run)
{
	struct outcome *o = ctx;

	o->run = run->id;
	if (!run->note)
		return 0;
	o->note = strdup(run->note);
	return o->note ? 0 : pb_err(ENOMEM, "look up the last run");
}

static int print_all(const struct pb_desk *desk, uint32_t bead,
		     const struct pb_bead_standing *standing, const struct outcome *o)
{
	struct shown shown = {.store = desk->store, .plan = desk->plan, .run = o->run};
	int err = pb_look_print(desk, bead, standing);

	if (err || !o->run)
		return err;
	if (o->note)
		print_safe("    ", o->note, "\n");
	err = pb_store_spots(desk->store, o->run, print_spot, &shown);
	return err ? err : pb_bead_print_figures(desk, o->run);
}

static int write_all(const struct pb_desk *desk, uint32_t bead,
		     const struct pb_bead_standing *standing, const struct outcome *o)
{
	struct pb_json j;
	struct shown shown = {.store = desk->store, .plan = desk->plan, .run = o->run, .j = &j};
	int err;

	pb_bead_begin_document(&j, "bead-show/1", desk);
	err = pb_look_write(&j, desk, bead, standing);
	if (o->run)
		pb_json_int(&j, "run", o->run);
	else
		pb_json_null(&j, "run");
	pb_json_string(&j, "note", o->note);
	pb_json_array(&j, "figures");
	if (!err && o->run)
		err = pb_store_figures(desk->store, o->run, write_figure, &j);
	pb_json_end(&j, ']');
	pb_json_array(&j, "spots");
	if (!err && o->run)
		err = pb_store_spots(desk->store, o->run, write_spot, &shown);
	pb_json_end(&j, ']');
	pb_bead_end_document(&j);
	return err;
}

static int show(const struct pb_desk *desk, const struct pb_bead_args *args, uint32_t bead)
{
	const char *id = desk->plan->beads[bead].id;
	struct pb_bead_standing standing;
	struct outcome o = {0};
	int err = pb_desk_standing(desk, bead, &standing);

	if (!err)
		err = pb_store_last_ended(desk->store, id, desk->plan->digest, keep_outcome, &o);
	if (!err)
		err = args->json ? write_all(desk, bead, &standing, &o)
				 : print_all(desk, bead, &standing, &o);
	free(o.note);
	return err;
}

int pb_bead_show(const struct pb_bead_args *args)
{
	pb_auto_close_desk struct pb_desk desk = {0};
	int err, bead;

	if (!args->words[0])
		return pb_fail(EINVAL, "show needs the ID of a bead; bead list shows them");
	err = pb_desk_open(&desk, args);
	if (err)
		return err;
	bead = pb_desk_find_bead(&desk, args->words[0]);
	return bead < 0 ? bead : show(&desk, args, (uint32_t)bead);
}
