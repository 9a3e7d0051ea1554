/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/origin.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "user/bead/report_data.h"
#include "user/bead/store_inside.h"
#include "user/core/log.h"

static void keep(char *to, size_t size, const char *text)
{
	snprintf(to, size, "%s", text ? text : "");
}

int pb_store_origin(struct pb_store *s, int64_t id, struct pb_origin *origin)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "look for the commit of the run",
			     "SELECT commit_id, dirty, kernel FROM bead_runs WHERE id = ?");
	int err;

	*origin = (struct pb_origin){0};
	pb_query_int(&q, id);
	err = pb_query_next(&q);
	if (err <= 0)
		return err;
	keep(origin->commit, sizeof(origin->commit), pb_query_get_text(&q, 0));
	origin->dirty = pb_query_get_int(&q, 1) != 0;
	keep(origin->kernel, sizeof(origin->kernel), pb_query_get_text(&q, 2));
	return 0;
}

int pb_store_set_origin(struct pb_store *s, int64_t id, const struct pb_origin *origin)
{
	pb_auto_query struct pb_query q = pb_sql_query(
		&s->sql, "note the commit of the run",
		"UPDATE bead_runs SET commit_id = ?, dirty = ?, kernel = ? WHERE id = ?");

	pb_query_text(&q, origin->commit[0] ? origin->commit : NULL);
	if (origin->commit[0])
		pb_query_int(&q, origin->dirty);
	else
		pb_query_null(&q);
	pb_query_text(&q, origin->kernel);
	pb_query_int(&q, id);
	return pb_query_run(&q);
}

static void look(struct pb_origin *now, const struct pb_desk *desk)
{
	struct pb_report_env env;
	char report[PATH_MAX];

	snprintf(report, sizeof(report), "%s/PERFORMANCE_ANALYSIS.md", desk->plan->directory);
	pb_report_env_read(&env, desk->plan->directory, report);
	*now = (struct pb_origin){.dirty = env.dirty};
	keep(now->commit, sizeof(now->commit), env.commit);
	keep(now->kernel, sizeof(now->kernel), env.kernel);
}

int pb_origin_note(const struct pb_desk *desk, int64_t id, const char *bead)
{
	struct pb_origin now, then;
	int err = pb_store_origin(desk->store, id, &then);

	if (err)
		return err;
	look(&now, desk);
	if (!then.kernel[0])
		return pb_store_set_origin(desk->store, id, &now);
	if (strcmp(now.commit, then.commit) != 0)
		pb_log(PB_LOG_WARN,
		       "%s began at commit %.12s, and %.12s is checked out now: what it measures from "
		       "here on is of another program, so run it without --resume",
		       bead, then.commit[0] ? then.commit : "none",
		       now.commit[0] ? now.commit : "none");
	if (strcmp(now.kernel, then.kernel) != 0)
		pb_log(PB_LOG_WARN, "%s began on %s, and goes on on %s", bead, then.kernel,
		       now.kernel);
	return 0;
}
