/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Changes in the store: who may become what, and which runs a closed one makes stale. */
#include "user/bead/changes.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "user/bead/store_inside.h"
#include "user/core/log.h"

#define NOW "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"

#define COLUMNS                                                                                    \
	"SELECT id, title, workload, spot, lever, hypothesis, expected_pct, base, state, opened,"  \
	" closed, diff, proof, verdict, spot_name, warning, why, golden,"                          \
	" attempts FROM changes"

/* As they stand in the file. */
static const char *const state_names[] = {
	[PB_CHANGE_OPEN] = "open",
	[PB_CHANGE_PROVEN] = "proven",
	[PB_CHANGE_CLOSED] = "closed",
	[PB_CHANGE_ABANDONED] = "abandoned",
};

const char *pb_change_state_name(enum pb_change_state state)
{
	return state_names[state];
}

static enum pb_change_state state_of(const char *name)
{
	for (size_t i = 0; name && i < PB_ARRAY_SIZE(state_names); i++)
		if (!strcmp(name, state_names[i]))
			return (enum pb_change_state)i;
	return PB_CHANGE_OPEN;
}

static struct pb_change read_change(struct pb_query *q)
{
	return (struct pb_change){
		.id = pb_query_get_int(q, 0),
		.title = pb_query_get_text(q, 1),
		.workload = pb_query_get_text(q, 2),
		.spot = pb_query_get_text(q, 3),
		.lever = pb_query_get_text(q, 4),
		.hypothesis = pb_query_get_text(q, 5),
		.expected_pct = pb_query_get_real(q, 6),
		.base = pb_query_get_text(q, 7),
		.state = state_of(pb_query_get_text(q, 8)),
		.opened = pb_query_get_text(q, 9),
		.closed = pb_query_get_text(q, 10),
		.diff = pb_query_get_text(q, 11),
		.proof = pb_query_get_text(q, 12),
		.verdict = pb_query_get_text(q, 13),
		.spot_name = pb_query_get_text(q, 14),
		.warning = pb_query_get_text(q, 15),
		.why = pb_query_get_text(q, 16),
		.golden = pb_query_get_text(q, 17),
		.attempts = pb_query_get_text(q, 18),
	};
}

int pb_store_changes(struct pb_store *s, int (*each)(void *ctx, const struct pb_change *change),
		     void *ctx)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "read the changes", COLUMNS " ORDER BY id");
	int err;

	while ((err = pb_query_next(&q)) > 0) {
		const struct pb_change change = read_change(&q);

		err = each(ctx, &change);
		if (err)
			return err;
	}
	return err;
}

int pb_store_change(struct pb_store *s, int64_t id,
		    int (*each)(void *ctx, const struct pb_change *change), void *ctx)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "look for the change", COLUMNS " WHERE id = ?");
	struct pb_change change;
	int err;

	pb_query_int(&q, id);
	err = pb_query_next(&q);
	if (err < 0)
		return err;
	if (!err)
		return pb_fail(ENOENT, "there is no change %lld; bead change list shows them",
			       (long long)id);
	change = read_change(&q);
	return each(ctx, &change);
}

/* Where the texts of a change are. */
static const size_t texts[] = {
	offsetof(struct pb_change, title),      offsetof(struct pb_change, workload),
	offsetof(struct pb_change, spot),       offsetof(struct pb_change, lever),
	offsetof(struct pb_change, hypothesis), offsetof(struct pb_change, base),
	offsetof(struct pb_change, opened),     offsetof(struct pb_change, closed),
	offsetof(struct pb_change, diff),       offsetof(struct pb_change, proof),
	offsetof(struct pb_change, verdict),    offsetof(struct pb_change, spot_name),
	offsetof(struct pb_change, warning),    offsetof(struct pb_change, why),
	offsetof(struct pb_change, golden),     offsetof(struct pb_change, attempts),
};

const char **pb_change_text(struct pb_change *change, size_t i)
{
	return i < PB_ARRAY_SIZE(texts) ? (const char **)((char *)change + texts[i]) : NULL;
}

static char **text_at(struct pb_change *change, size_t i)
{
	return (char **)((char *)change + texts[i]);
}

void pb_change_free(struct pb_change *change)
{
	if (!change)
		return;
	for (size_t i = 0; i < PB_ARRAY_SIZE(texts); i++)
		free(*text_at(change, i));
	free(change);
}

static int copy_change(void *ctx, const struct pb_change *change)
{
	struct pb_change *copy = malloc(sizeof(*copy));
	bool failed = false;

	if (!copy)
		return pb_err(ENOMEM, "read the change");
	*copy = *change;
	for (size_t i = 0; i < PB_ARRAY_SIZE(texts); i++) {
		char **text = text_at(copy, i);

		if (!*text)
			continue;
		*text = strdup(*text);
		failed = failed || !*text;
	}
	if (failed) {
		pb_change_free(copy);
		return pb_err(ENOMEM, "read the change");
	}
	*(struct pb_change **)ctx = copy;
	return 0;
}

int pb_change_read(struct pb_change **out, struct pb_store *s, int64_t id)
{
	return pb_store_change(s, id, copy_change, out);
}

struct opening {
	struct pb_store *store;
	const struct pb_change *change;
	int64_t id;
};

static int refuse_second(struct opening *o)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&o->store->sql, "look for a change that is open",
			     "SELECT id, title, state FROM changes"
			     " WHERE state IN ('open', 'proven') LIMIT 1");
	int err = pb_query_next(&q);

	if (err <= 0)
		return err;
	return pb_fail(EBUSY,
		       "change %lld, \"%s\", is %s: one lever at a time, so close or abandon it "
		       "first",
		       (long long)pb_query_get_int(&q, 0), pb_query_get_text(&q, 1),
		       pb_query_get_text(&q, 2));
}

static int add_change(struct opening *o)
{
	pb_auto_query struct pb_query q = pb_sql_query(
		&o->store->sql, "open the change",
		"INSERT INTO changes (title, workload, spot, lever, hypothesis,"
		" expected_pct, base, spot_name, warning, golden, state, opened)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', " NOW ") RETURNING id");
	const struct pb_change *change = o->change;
	int err;

	pb_query_text(&q, change->title);
	pb_query_text(&q, change->workload);
	pb_query_text(&q, change->spot);
	pb_query_text(&q, change->lever);
	pb_query_text(&q, change->hypothesis);
	pb_query_real(&q, change->expected_pct);
	pb_query_text(&q, change->base);
	pb_query_text(&q, change->spot_name);
	pb_query_text(&q, change->warning);
	pb_query_text(&q, change->golden);
	err = pb_query_next(&q);
	if (err < 0)
		return err;
	o->id = pb_query_get_int(&q, 0);
	return pb_query_run(&q);
}

static int open_change(void *ctx)
{
	int err = refuse_second(ctx);

	return err ? err : add_change(ctx);
}

int pb_store_open_change(struct pb_store *s, const struct pb_change *change, int64_t *id)
{
	struct opening o = {.store = s, .change = change};
	int err = pb_sql_within(&s->sql, "open the change", open_change, &o);

	if (!err)
		*id = o.id;
	return err;
}

static int say_state(void *ctx, const struct pb_change *change)
{
	return pb_fail(EINVAL, "change %lld is %s, and cannot be %s", (long long)change->id,
		       state_names[change->state], (const char *)ctx);
}

/* Runs a statement that gives back the id of the row that it changed, if the state of that allowed it. */
static int change_row(struct pb_store *s, struct pb_query *q, int64_t id, const char *becomes)
{
	int err = pb_query_next(q);

	if (err < 0)
		return err;
	if (err)
		return pb_query_run(q);
	err = pb_store_change(s, id, say_state, (void *)becomes);
	return err == -ENOENT ? -EINVAL : err;
}

int pb_store_prove_change(struct pb_store *s, int64_t id, const char *diff, const char *proof)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "note the proof",
			     "UPDATE changes SET state = 'proven', diff = ?, proof = ?"
			     " WHERE id = ? AND state IN ('open', 'proven') RETURNING id");

	pb_query_text(&q, diff);
	pb_query_text(&q, proof);
	pb_query_int(&q, id);
	return change_row(s, &q, id, "proven");
}

int pb_store_note_verdict(struct pb_store *s, int64_t id, const char *verdict)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "note the verdict",
			     "UPDATE changes SET verdict = ?1, attempts ="
			     " json_insert(coalesce(attempts, '[]'), '$[#]',"
			     "  json_object('b_digest', ?1 ->> '$.b_digest',"
			     "   'verdict', ?1 ->> '$.verdict', 'time', " NOW "))"
			     " WHERE id = ?2 AND state IN ('open', 'proven') RETURNING id");

	pb_query_text(&q, verdict);
	pb_query_int(&q, id);
	return change_row(s, &q, id, "judged any more");
}

/* What may work on a bead right now has begun already: ids of runs do not go back, as a clock may. */
int pb_store_close_change(struct pb_store *s, int64_t id, const char *why)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "close the change",
			     "UPDATE changes SET state = 'closed', why = ?, closed = " NOW
			     ", last_run = (SELECT coalesce(max(id), 0) FROM bead_runs)"
			     " WHERE id = ? AND state = 'proven' RETURNING id");

	pb_query_text(&q, why);
	pb_query_int(&q, id);
	return change_row(s, &q, id, "closed");
}

int pb_store_abandon_change(struct pb_store *s, int64_t id, const char *why)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "abandon the change",
			     "UPDATE changes SET state = 'abandoned', why = ?, closed = " NOW
			     " WHERE id = ? AND state IN ('open', 'proven') RETURNING id");

	pb_query_text(&q, why);
	pb_query_int(&q, id);
	return change_row(s, &q, id, "abandoned");
}

int pb_store_stale_until(struct pb_store *s, int64_t *run, int64_t *change)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "look for the last change that was closed",
			     "SELECT last_run, id FROM changes WHERE state = 'closed'"
			     " ORDER BY last_run DESC, id DESC LIMIT 1");
	int err = pb_query_next(&q);

	if (err < 0)
		return err;
	*run = err ? pb_query_get_int(&q, 0) : 0;
	if (change)
		*change = err ? pb_query_get_int(&q, 1) : 0;
	return 0;
}
