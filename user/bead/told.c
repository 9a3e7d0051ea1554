/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/told.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/bead/stop.h"
#include "user/core/log.h"

void pb_told_begin(struct pb_told *t, const struct pb_desk *desk, bool json)
{
	*t = (struct pb_told){.desk = desk, .json = json};
	if (!json)
		return;
	pb_bead_begin_document(&t->j, "bead-run/1", desk);
	pb_json_array(&t->j, "beads");
}

static char **why_of(struct pb_told *t, int exit)
{
	return &t->why[exit == PB_BEAD_INTERRUPTED ? PB_BEAD_QUALITY + 1 : exit];
}

static int write_figure(void *ctx, const struct pb_figure *figure)
{
	pb_bead_write_figure(ctx, figure);
	return 0;
}

static int write_bead(struct pb_told *t, const struct pb_told_bead *b)
{
	int exit = pb_bead_exit_of(b->result), err = 0;
	char **why = why_of(t, exit);

	if (exit && !*why && asprintf(why, "%s: %s", b->bead->id, b->note ? b->note : "") < 0) {
		*why = NULL;
		return pb_err(ENOMEM, "tell of %s", b->bead->id);
	}
	pb_json_object(&t->j, NULL);
	pb_json_string(&t->j, "id", b->bead->id);
	pb_json_string(&t->j, "kind", pb_bead_kind_name(b->bead->kind));
	pb_json_string(&t->j, "state", pb_bead_state_name(b->state));
	pb_json_string(&t->j, "note", b->note);
	pb_json_int(&t->j, "exit", exit);
	pb_json_array(&t->j, "figures");
	if (b->run)
		err = pb_store_figures(t->desk->store, b->run, write_figure, &t->j);
	pb_json_end(&t->j, ']');
	pb_json_end(&t->j, '}');
	return err;
}

int pb_told_add(struct pb_told *t, const struct pb_told_bead *bead)
{
	if (t->json)
		return write_bead(t, bead);
	if (bead->quiet)
		return 0;
	printf("%s: %s\n", bead->bead->id, pb_bead_state_name(bead->state));
	return bead->run ? pb_bead_print_figures(t->desk, bead->run) : 0;
}

void pb_told_stop(struct pb_told *t, const struct pb_stop_condition *stop)
{
	char **why = why_of(t, PB_BEAD_FINDING);

	if (!t->json)
		printf("the stop condition %s: %s\n", stop->holds ? "holds" : "does not hold",
		       stop->sentence);
	else if (!stop->holds && !*why)
		*why = strdup(stop->sentence);
}

int pb_told_end(struct pb_told *t, int result)
{
	int exit = pb_bead_exit_of(result);

	if (t->json) {
		pb_json_end(&t->j, ']');
		pb_json_int(&t->j, "exit", exit);
		pb_json_string(&t->j, "why",
			       exit && !*why_of(t, exit) ? "an error that stderr tells"
							 : *why_of(t, exit));
		pb_bead_end_document(&t->j);
	}
	for (size_t i = 0; i < PB_ARRAY_SIZE(t->why); i++)
		free(t->why[i]);
	return result;
}
