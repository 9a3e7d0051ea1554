/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* matrix: what is worth doing, and what people say of it. */
#include "user/bead/verbs.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "user/bead/figures.h"
#include "user/bead/levers.h"
#include "user/bead/opportunity.h"
#include "user/core/json.h"
#include "user/core/log.h"
#include "user/core/text.h"

#define WHY_MAX  1000
#define REST_MAX 10

static const char *const of[PB_SPOT_KINDS] = {"CPU time", "allocations", "time of I/O"};

static void print_clues(const struct pb_opportunity *row)
{
	char text[512];

	for (uint32_t i = 0; i < row->n_clues; i++) {
		const struct pb_opportunity_clue *clue = &row->clues[i];

		pb_text_safe(text, sizeof(text), clue->text, strlen(clue->text));
		printf("       %s (%s): %s\n", clue->lever->name, clue->lever->title, text);
	}
	if (row->lacks[0])
		printf("       %s\n", row->lacks);
	if (row->stale)
		printf("       stale: change %lld was closed since\n", (long long)row->stale);
	if (row->why_stays) {
		pb_text_safe(text, sizeof(text), row->why_stays, strlen(row->why_stays));
		printf("       accepted: %s\n", text);
	}
}

static void print_row(const struct pb_opportunity *row)
{
	const struct pb_spot *spot = &row->spot;
	char name[256], amount[64];

	pb_text_safe(name, sizeof(name), spot->name, strlen(spot->name));
	if (isnan(row->score))
		printf("%c    -  ", row->stands ? '*' : ' ');
	else
		printf("%c %4.1f  ", row->stands ? '*' : ' ', row->score);
	printf("%s/%s  %s\n", spot->workload, spot->id, name);
	printf("       %.1f %% of %s", spot->total_pct, of[spot->kind]);
	if (!isnan(spot->low_pct))
		printf(" [%.1f, %.1f]", spot->low_pct, spot->high_pct);
	if (!isnan(spot->amount))
		printf(", %s a run",
		       pb_figures_amount(amount, sizeof(amount), spot->amount, spot->unit));
	if (!isnan(row->saves_pct))
		printf("; at most %.1f %% to save", row->saves_pct);
	putchar('\n');
	if (row->effort)
		printf("       impact %d, confidence %d, effort %d%s\n", row->impact,
		       row->confidence, row->effort, row->effort_assumed ? " (assumed)" : "");
	print_clues(row);
}

/* Those that nothing speaks for, a line each: where time goes, without a hint of what to do about it. */
static void print_rest(const struct pb_opportunities *o)
{
	uint32_t n = 0;
	char name[256];

	for (uint32_t i = 0; i < o->n; i++) {
		const struct pb_spot *spot = &o->rows[i].spot;

		if (o->rows[i].n_clues || ++n > REST_MAX)
			continue;
		if (n == 1)
			puts("Nothing was seen that speaks for a lever at:");
		pb_text_safe(name, sizeof(name), spot->name, strlen(spot->name));
		printf("       %5.1f %% of %-11s  %s/%s  %s\n", spot->total_pct, of[spot->kind],
		       spot->workload, spot->id, name);
	}
	if (n > REST_MAX)
		printf("       and %u more; bead matrix --json has all, and what was not seen\n",
		       n - REST_MAX);
}

static void print_matrix(const struct pb_plan *plan, const struct pb_opportunities *o)
{
	for (uint32_t i = 0; i < o->n; i++)
		if (o->rows[i].n_clues)
			print_row(&o->rows[i]);
	print_rest(o);
	printf("%u of %u hotspots stand above the threshold (*): a score of %g or more, and %g %% "
	       "or more to save\n",
	       o->n_stand, o->n, plan->score, plan->hotspot_pct);
}

static void write_matrix(const struct pb_plan *plan, const struct pb_opportunities *o)
{
	struct pb_json j;

	pb_json_init(&j, stdout, false);
	pb_json_object(&j, NULL);
	pb_json_string(&j, "schema", "bead-matrix/1");
	pb_json_string(&j, "project", plan->project);
	pb_json_string(&j, "plan_digest", plan->digest);
	pb_json_double(&j, "score_limit", plan->score, 2);
	pb_json_double(&j, "hotspot_limit_pct", plan->hotspot_pct, 2);
	pb_json_uint(&j, "stand", o->n_stand);
	pb_json_array(&j, "rows");
	for (uint32_t i = 0; i < o->n; i++)
		pb_opportunity_write(&j, &o->rows[i]);
	pb_json_end(&j, ']');
	pb_json_end(&j, '}');
	putchar('\n');
}

/* A row by a name that was typed. Return: its index; -EINVAL, logged. */
static int find(const struct pb_opportunities *o, const char *name)
{
	int i = pb_opportunities_find(o, name);

	if (i == -EEXIST)
		return pb_fail(EINVAL, "several workloads have a hotspot %s; say WORKLOAD/%s", name,
			       name);
	if (i < 0)
		return pb_fail(EINVAL,
			       "there is no hotspot \"%s\" in the last profiles; bead matrix lists "
			       "those there are",
			       name);
	return i;
}

/* "HOTSPOT=N". */
static int set_effort(struct pb_store *store, const struct pb_opportunities *o, const char *text)
{
	pb_autofree char *name = strdup(text);
	char *equals = name ? strrchr(name, '=') : NULL;
	const struct pb_spot *spot;
	int i;

	if (!name)
		return pb_err(ENOMEM, "read --effort");
	if (!equals || equals[1] < '1' || equals[1] > '5' || equals[2])
		return pb_fail(EINVAL,
			       "--effort %s is not HOTSPOT=N with N from 1 (an hour) to 5 (weeks)",
			       text);
	*equals = '\0';
	i = find(o, name);
	if (i < 0)
		return i;
	spot = &o->rows[i].spot;
	return pb_store_set_effort(store, spot->workload, spot->id, equals[1] - '0');
}

static int accept_hotspot(struct pb_store *store, const struct pb_opportunities *o,
			  const struct pb_bead_args *args)
{
	int i;

	if (!args->why || !args->why[strspn(args->why, " \t\n")])
		return pb_fail(EINVAL,
			       "--accept needs --why TEXT: the next reader asks why it stays");
	if (strlen(args->why) > WHY_MAX)
		return pb_fail(EINVAL, "the reason is longer than %d bytes", WHY_MAX);
	i = find(o, args->accept);
	if (i < 0)
		return i;
	return pb_store_accept(store, o->rows[i].spot.workload, o->rows[i].spot.id, args->why);
}

int pb_bead_matrix(const struct pb_bead_args *args)
{
	pb_auto_close_desk struct pb_desk desk = {0};
	pb_auto(pb_opportunities) struct pb_opportunities *before = NULL, *o = NULL;
	int err;

	if (args->why && !args->accept)
		return pb_fail(EINVAL, "--why goes with --accept HOTSPOT");
	err = pb_desk_open(&desk, args);
	if (!err)
		err = pb_opportunities_read(&before, desk.store, desk.plan);
	if (!err && args->effort)
		err = set_effort(desk.store, before, args->effort);
	if (!err && args->accept)
		err = accept_hotspot(desk.store, before, args);
	if (!err)
		err = pb_opportunities_read(&o, desk.store, desk.plan);
	if (err)
		return err;
	if (args->json)
		write_matrix(desk.plan, o);
	else
		print_matrix(desk.plan, o);
	if (!o->n)
		pb_log(PB_LOG_INFO, "no profile is done yet; bead run --ready");
	return PB_BEAD_OK;
}
