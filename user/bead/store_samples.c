/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Samples: one row for each timed run. */
#include "user/bead/store.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "user/bead/runner.h"
#include "user/bead/store_inside.h"
#include "user/core/grow.h"
#include "user/core/log.h"

#define SQL_MAX 1024

/* Numbers of a run that are columns of the table. A count or a percentage that is not known is null. */
static const struct column {
	const char *name;
	bool is_percent; /* a double, negative where it is not known; else uint64_t, UINT64_MAX */
	size_t offset;
} columns[] = {
	{"wall_ns", false, offsetof(struct pb_run, wall_ns)},
	{"net_ns", false, offsetof(struct pb_run, net_ns)},
	{"user_ns", false, offsetof(struct pb_run, user_ns)},
	{"system_ns", false, offsetof(struct pb_run, system_ns)},
	{"own_ns", false, offsetof(struct pb_run, own_ns)},
	{"max_rss_bytes", false, offsetof(struct pb_run, max_rss_bytes)},
	{"syscalls", false, offsetof(struct pb_run, counts.syscalls)},
	{"minor_faults", false, offsetof(struct pb_run, counts.minor_faults)},
	{"major_faults", false, offsetof(struct pb_run, counts.major_faults)},
	{"voluntary_switches", false, offsetof(struct pb_run, counts.voluntary_switches)},
	{"involuntary_switches", false, offsetof(struct pb_run, counts.involuntary_switches)},
	{"block_reads", false, offsetof(struct pb_run, counts.block_reads)},
	{"block_writes", false, offsetof(struct pb_run, counts.block_writes)},
	{"steal_pct", true, offsetof(struct pb_run, interference.steal_pct)},
	{"foreign_pct", true, offsetof(struct pb_run, interference.foreign_pct)},
	{"run_queue_pct", true, offsetof(struct pb_run, interference.run_queue_pct)},
};

static const char *const end_names[] = {
	[PB_RUN_EXITED] = "exited", [PB_RUN_SIGNALLED] = "signalled", [PB_RUN_TIMEOUT] = "timeout",
	[PB_RUN_OUTPUT] = "output", [PB_RUN_NOT_RUN] = "not run",     [PB_RUN_STOPPED] = "stopped",
};

static void bind_column(struct pb_query *q, const struct column *c, const struct pb_run *run)
{
	const char *at = (const char *)run + c->offset;
	uint64_t count;
	double percent;

	if (c->is_percent) {
		memcpy(&percent, at, sizeof(percent));
		pb_query_real(q, percent >= 0 ? percent : (double)NAN);
		return;
	}
	memcpy(&count, at, sizeof(count));
	if (count == UINT64_MAX)
		pb_query_null(q);
	else
		pb_query_int(q, count < INT64_MAX ? (int64_t)count : INT64_MAX);
}

static void insert_text(char *text, size_t size)
{
	size_t len = (size_t)snprintf(text, size,
				      "INSERT INTO samples (run, workload, rejected, ended, how,"
				      " status, left_children");

	for (size_t i = 0; i < PB_ARRAY_SIZE(columns); i++)
		len += (size_t)snprintf(text + len, size - len, ", %s", columns[i].name);
	len += (size_t)snprintf(text + len, size - len,
				") VALUES (?, ?, ?, strftime('%%Y-%%m-%%dT%%H:%%M:%%fZ', 'now'),"
				" ?, ?, ?");
	for (size_t i = 0; i < PB_ARRAY_SIZE(columns); i++)
		len += (size_t)snprintf(text + len, size - len, ", ?");
	snprintf(text + len, size - len, ")");
}

int pb_store_sample(struct pb_store *s, int64_t id, const char *workload, const struct pb_run *run,
		    const char *rejected)
{
	pb_auto_query struct pb_query q = {0};
	char text[SQL_MAX];

	insert_text(text, sizeof(text));
	q = pb_sql_query(&s->sql, "note a sample", text);
	pb_query_int(&q, id);
	pb_query_text(&q, workload);
	pb_query_text(&q, rejected);
	pb_query_text(&q, end_names[run->end]);
	pb_query_int(&q, run->status);
	pb_query_int(&q, run->left_children);
	for (size_t i = 0; i < PB_ARRAY_SIZE(columns); i++)
		bind_column(&q, &columns[i], run);
	return pb_query_run(&q);
}

int pb_store_count(struct pb_store *s, int64_t id, const char *workload, uint32_t *n)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "count the samples",
			     "SELECT count(*) FROM samples"
			     " WHERE run = ? AND workload = ? AND rejected IS NULL");
	int err;

	pb_query_int(&q, id);
	pb_query_text(&q, workload);
	err = pb_query_next(&q);
	if (err < 0)
		return err;
	*n = (uint32_t)pb_query_get_int(&q, 0);
	return 0;
}

static const struct column *find_column(const char *name)
{
	for (size_t i = 0; i < PB_ARRAY_SIZE(columns); i++)
		if (!strcmp(columns[i].name, name))
			return &columns[i];
	return NULL;
}

int pb_store_column(struct pb_store *s, int64_t id, const char *workload, const char *column,
		    double **out, uint32_t *n)
{
	const struct column *c = find_column(column);
	pb_autofree double *values = NULL;
	pb_auto_query struct pb_query q = {0};
	uint32_t room = 0, count = 0;
	char text[SQL_MAX];
	int err;

	if (!c)
		return pb_fail(EINVAL, "samples have no column %s", column);
	snprintf(text, sizeof(text),
		 "SELECT %s FROM samples WHERE run = ? AND workload = ? AND rejected IS NULL"
		 " AND %s IS NOT NULL ORDER BY id",
		 c->name, c->name);
	q = pb_sql_query(&s->sql, "read the samples", text);
	pb_query_int(&q, id);
	pb_query_text(&q, workload);
	while ((err = pb_query_next(&q)) > 0) {
		if (pb_grow(&values, &room, (uint64_t)count + 1, sizeof(*values)))
			return -ENOMEM;
		values[count++] = pb_query_get_real(&q, 0);
	}
	if (err)
		return err;
	*out = pb_take(values);
	*n = count;
	return 0;
}
