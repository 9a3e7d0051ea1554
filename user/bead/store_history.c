/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/store_history.h"

#include <math.h>

#include "user/bead/store_inside.h"

int pb_store_last_ended(struct pb_store *s, const char *bead, const char *plan_digest,
			int (*each)(void *ctx, const struct pb_store_run *run), void *ctx)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "look for the last run",
			     "SELECT id, state, note, started, ended FROM bead_runs WHERE bead = ?"
			     " AND plan_digest = ? AND state NOT IN ('open', 'running')"
			     " ORDER BY id DESC LIMIT 1");
	struct pb_store_run run;
	int err;

	pb_query_text(&q, bead);
	pb_query_text(&q, plan_digest);
	err = pb_query_next(&q);
	if (err <= 0)
		return err;
	run = (struct pb_store_run){
		.id = pb_query_get_int(&q, 0),
		.state = pb_query_get_text(&q, 1),
		.note = pb_query_get_text(&q, 2),
		.started = pb_query_get_text(&q, 3),
		.ended = pb_query_get_text(&q, 4),
	};
	return each(ctx, &run);
}

int pb_store_points(struct pb_store *s, const char *workload, const char *name,
		    int (*each)(void *ctx, const struct pb_store_point *point), void *ctx)
{
	pb_auto_query struct pb_query q = pb_sql_query(
		&s->sql, "read the history",
		"SELECT r.id, r.bead, r.state, r.plan_digest, coalesce(r.ended, r.started),"
		" (SELECT group_concat(name, ', ') FROM"
		"  (SELECT name FROM baselines WHERE run = r.id ORDER BY name)),"
		" f.workload, f.name, f.unit, f.value, f.low, f.high, f.why"
		" FROM figures f JOIN bead_runs r ON r.id = f.run"
		" WHERE f.workload = ? AND f.name = ?"
		" AND r.state IN ('done', 'failed', 'inconclusive') ORDER BY r.id");
	int err;

	pb_query_text(&q, workload);
	pb_query_text(&q, name);
	while ((err = pb_query_next(&q)) > 0) {
		const struct pb_store_point point = {
			.run = pb_query_get_int(&q, 0),
			.bead = pb_query_get_text(&q, 1),
			.state = pb_query_get_text(&q, 2),
			.plan_digest = pb_query_get_text(&q, 3),
			.time = pb_query_get_text(&q, 4),
			.saved = pb_query_get_text(&q, 5),
			.figure =
				{
					.workload = pb_query_get_text(&q, 6),
					.name = pb_query_get_text(&q, 7),
					.unit = pb_query_get_text(&q, 8),
					.value = pb_query_get_real(&q, 9),
					.low = pb_query_get_real(&q, 10),
					.high = pb_query_get_real(&q, 11),
					.why = pb_query_get_text(&q, 12),
				},
		};

		err = each(ctx, &point);
		if (err)
			return err;
	}
	return err;
}

int pb_store_figure_names(struct pb_store *s, const char *workload,
			  int (*each)(void *ctx, const struct pb_figure *figure), void *ctx)
{
	pb_auto_query struct pb_query q = pb_sql_query(
		&s->sql, "look for figures",
		"SELECT workload, name, max(unit) FROM figures WHERE coalesce(?, workload) = workload"
		" GROUP BY workload, name ORDER BY workload, min(id)");
	int err;

	pb_query_text(&q, workload);
	while ((err = pb_query_next(&q)) > 0) {
		const struct pb_figure figure = {
			.workload = pb_query_get_text(&q, 0),
			.name = pb_query_get_text(&q, 1),
			.unit = pb_query_get_text(&q, 2),
			.value = (double)NAN,
			.low = (double)NAN,
			.high = (double)NAN,
		};

		err = each(ctx, &figure);
		if (err)
			return err;
	}
	return err;
}
