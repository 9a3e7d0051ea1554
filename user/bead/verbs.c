/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the verbs share. */
#include "user/bead/verbs.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "user/bead/figures.h"
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

int pb_desk_standing(const struct pb_desk *desk, uint32_t bead, struct pb_bead_standing *out)
{
	const struct pb_plan *plan = desk->plan;
	const struct pb_plan_bead *b = &plan->beads[bead];
	int err = pb_store_state(desk->store, b->id, plan->digest, &out->state);
	enum pb_bead_state state;

	out->waits = 0;
	for (uint32_t i = 0; i < b->n_needs && !err; i++) {
		err = pb_store_state(desk->store, plan->beads[b->needs[i]].id, plan->digest,
				     &state);
		if (!err)
			out->waits += state != PB_STATE_DONE;
	}
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

void pb_bead_print_figure(const struct pb_figure *figure)
{
	char value[64], low[64], high[64], why[512];

	printf("  %-16s %-22s ", figure->workload, figure->name);
	if (figure->why) {
		pb_text_safe(why, sizeof(why), figure->why, strlen(figure->why));
		printf("not known: %s\n", why);
		return;
	}
	printf("%s", pb_figures_amount(value, sizeof(value), figure->value, figure->unit));
	if (!isnan(figure->low) && !isnan(figure->high))
		printf("  [%s, %s]", pb_figures_amount(low, sizeof(low), figure->low, figure->unit),
		       pb_figures_amount(high, sizeof(high), figure->high, figure->unit));
	putchar('\n');
}
