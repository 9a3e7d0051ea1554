/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Figures: what came of the samples, by name. */
#include "user/bead/store.h"

#include <errno.h>
#include <math.h>

#include "user/bead/store_inside.h"
#include "user/core/log.h"

int pb_store_put_figure(struct pb_store *s, int64_t id, const struct pb_figure *figure)
{
	pb_auto_query struct pb_query q = pb_sql_query(
		&s->sql, "note a figure",
		"INSERT INTO figures (run, workload, name, unit, value, low, high, why)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (run, workload, name) DO UPDATE SET unit = excluded.unit,"
		" value = excluded.value, low = excluded.low, high = excluded.high,"
		" why = excluded.why");

	if (!figure->why && isnan(figure->value))
		return pb_fail(EINVAL, "the figure %s has neither a value nor a reason for none",
			       figure->name);
	pb_query_int(&q, id);
	pb_query_text(&q, figure->workload ? figure->workload : "");
	pb_query_text(&q, figure->name);
	pb_query_text(&q, figure->unit ? figure->unit : "");
	pb_query_real(&q, figure->why ? (double)NAN : figure->value);
	pb_query_real(&q, figure->why ? (double)NAN : figure->low);
	pb_query_real(&q, figure->why ? (double)NAN : figure->high);
	pb_query_text(&q, figure->why);
	return pb_query_run(&q);
}

int pb_store_figures(struct pb_store *s, int64_t id,
		     int (*each)(void *ctx, const struct pb_figure *figure), void *ctx)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "read the figures",
			     "SELECT workload, name, unit, value, low, high, why FROM figures"
			     " WHERE run = ? ORDER BY id");
	int err;

	pb_query_int(&q, id);
	while ((err = pb_query_next(&q)) > 0) {
		const struct pb_figure figure = {
			.workload = pb_query_get_text(&q, 0),
			.name = pb_query_get_text(&q, 1),
			.unit = pb_query_get_text(&q, 2),
			.value = pb_query_get_real(&q, 3),
			.low = pb_query_get_real(&q, 4),
			.high = pb_query_get_real(&q, 5),
			.why = pb_query_get_text(&q, 6),
		};

		err = each(ctx, &figure);
		if (err)
			return err;
	}
	return err;
}
