/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the verbs share. */
#include "user/bead/verbs.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "user/bead/changes.h"
#include "user/bead/figures.h"
#include "user/bead/lines.h"
#include "user/core/json.h"
#include "user/core/log.h"
#include "user/core/text.h"

int pb_desk_open(struct pb_desk *desk, const struct pb_bead_args *args)
{
	pb_auto(pb_plan) struct pb_plan *plan = NULL;
	pb_auto(pb_store) struct pb_store *store = NULL;
	pb_autofree char *golden = NULL, *directory = NULL;
	int err = pb_plan_read(&plan, args->plan);

	*desk = (struct pb_desk){0};
	if (err)
		return err;
	if (asprintf(&golden, "%s/golden", plan->directory) < 0 ||
	    asprintf(&directory, "%s/.bead", plan->directory) < 0)
		return pb_err(ENOMEM, "open the plan %s", args->plan);
	err = pb_store_open(&store, directory);
	if (err)
		return err;
	desk->plan = pb_take(plan);
	desk->store = pb_take(store);
	desk->golden = pb_take(golden);
	return 0;
}

void pb_desk_close(struct pb_desk *desk)
{
	pb_plan_free(desk->plan);
	pb_store_close(desk->store);
	free(desk->golden);
	*desk = (struct pb_desk){0};
}

int pb_desk_find_bead(const struct pb_desk *desk, const char *id)
{
	uint32_t i = pb_plan_bead(desk->plan, id);

	if (i == UINT32_MAX)
		return pb_fail(EINVAL, "the plan has no bead \"%s\"; bead list shows those it has",
			       id);
	return (int)i;
}

int pb_desk_find_workload(const struct pb_desk *desk, const char *name)
{
	uint32_t i = pb_plan_workload(desk->plan, name);

	if (i == UINT32_MAX)
		return pb_fail(EINVAL, "the plan has no workload \"%s\"; its first is \"%s\"", name,
			       desk->plan->workloads[0].name);
	return (int)i;
}

int pb_desk_state(const struct pb_desk *desk, uint32_t bead, enum pb_bead_state *state,
		  int64_t *stale)
{
	const struct pb_plan_bead *b = &desk->plan->beads[bead];
	int64_t until = 0, change = 0, run = 0;
	enum pb_bead_state now = PB_STATE_OPEN;
	int err = pb_store_state(desk->store, b->id, desk->plan->digest, &now);

	if (stale)
		*stale = 0;
	*state = now;
	if (err || now != PB_STATE_DONE || b->kind == PB_BEAD_ORACLE)
		return err;
	err = pb_store_stale_until(desk->store, &until, &change);
	if (!err)
		err = pb_store_last_done(desk->store, b->id, desk->plan->digest, &run);
	if (err || run > until)
		return err;
	*state = PB_STATE_OPEN;
	if (stale)
		*stale = change;
	return 0;
}

int pb_desk_standing(const struct pb_desk *desk, uint32_t bead, struct pb_bead_standing *out)
{
	const struct pb_plan_bead *b = &desk->plan->beads[bead];
	struct pb_bead_standing standing = {0};
	enum pb_bead_state state = PB_STATE_OPEN;
	int err = pb_desk_state(desk, bead, &standing.state, &standing.stale);

	for (uint32_t i = 0; i < b->n_needs && !err; i++) {
		err = pb_desk_state(desk, b->needs[i], &state, NULL);
		if (!err)
			standing.waits += state != PB_STATE_DONE;
	}
	*out = standing;
	return err;
}

int pb_bead_parse_delta(const char *text, double otherwise, double *out)
{
	pb_autofree char *number = text ? strdup(text) : NULL;
	double percent;
	size_t len;

	if (!text) {
		*out = otherwise;
		return 0;
	}
	if (!number)
		return pb_err(ENOMEM, "read --delta");
	len = strlen(number);
	if (len && number[len - 1] == '%')
		number[len - 1] = '\0';
	if (pb_parse_real(number, &percent) || !(percent > 0) || !(percent < 100))
		return pb_fail(EINVAL,
			       "--delta %s is no percentage above 0 and below 100, as 2%% is",
			       text);
	*out = percent / 100;
	return 0;
}

/* Names of figures, and numbers, stand below each other; what is longer moves its own line only. */
#define NAME_COLUMNS   21
#define NUMBER_COLUMNS 12

struct figure_lines {
	char *workload; /* of the last line */
};

static int print_figure(void *ctx, const struct pb_figure *figure)
{
	char value[64], low[64], high[64], why[512] = "not known: ";
	struct figure_lines *lines = ctx;
	size_t known = strlen(why);

	if (!lines->workload || strcmp(lines->workload, figure->workload) != 0) {
		free(lines->workload);
		lines->workload = strdup(figure->workload);
		if (!lines->workload)
			return pb_err(ENOMEM, "print figures");
		if (figure->workload[0])
			printf("  %s\n", figure->workload);
	}
	printf("    %-*s ", NAME_COLUMNS, figure->name);
	if (figure->why) {
		pb_text_safe(why + known, sizeof(why) - known, figure->why, strlen(figure->why));
		pb_lines_wrap(why, NAME_COLUMNS + 5, NAME_COLUMNS + 5);
		return 0;
	}
	printf("%*s", NUMBER_COLUMNS,
	       pb_figures_amount(value, sizeof(value), figure->value, figure->unit));
	if (!isnan(figure->low) && !isnan(figure->high))
		printf("  [%s, %s]", pb_figures_amount(low, sizeof(low), figure->low, figure->unit),
		       pb_figures_amount(high, sizeof(high), figure->high, figure->unit));
	putchar('\n');
	return 0;
}

int pb_bead_print_figures(const struct pb_desk *desk, int64_t run)
{
	struct figure_lines lines = {0};
	int err = pb_store_figures(desk->store, run, print_figure, &lines);

	free(lines.workload);
	return err;
}

void pb_bead_write_figure(struct pb_json *j, const struct pb_figure *figure)
{
	pb_json_flat_object(j, NULL);
	pb_json_string(j, "workload", figure->workload);
	pb_json_string(j, "name", figure->name);
	pb_json_string(j, "unit", figure->unit);
	pb_json_double(j, "value", figure->value, 3);
	pb_json_double(j, "low", figure->low, 3);
	pb_json_double(j, "high", figure->high, 3);
	pb_json_string(j, "why", figure->why);
	pb_json_end(j, '}');
}

void pb_bead_begin_document(struct pb_json *j, const char *schema, const struct pb_desk *desk)
{
	pb_json_init(j, stdout, false);
	pb_json_object(j, NULL);
	pb_json_string(j, "schema", schema);
	pb_json_string(j, "project", desk->plan->project);
	pb_json_string(j, "plan_digest", desk->plan->digest);
}

void pb_bead_end_document(struct pb_json *j)
{
	pb_json_end(j, '}');
	putchar('\n');
}

int pb_bead_exit_of(int result)
{
	if (result >= 0)
		return result;
	return result == -EINVAL || result == -ENOENT ? PB_BEAD_USAGE : PB_BEAD_CANNOT;
}
