/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Spots, clues and opinions in the store. */
#include "user/bead/spots.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/bead/sha256.h"
#include "user/bead/store_inside.h"
#include "user/core/log.h"

static const char *const kind_names[] = {
	[PB_SPOT_CPU] = "cpu",
	[PB_SPOT_ALLOC] = "alloc",
	[PB_SPOT_IO] = "io",
};

const char *pb_spot_kind_name(enum pb_spot_kind kind)
{
	return kind_names[kind];
}

void pb_spot_id(char id[PB_SPOT_ID], enum pb_spot_kind kind, const char *chain)
{
	char digest[PB_SHA256_HEX];

	pb_sha256_hex(digest, chain, strlen(chain));
	snprintf(id, PB_SPOT_ID, "%c%.8s", "CAI"[kind], digest);
}

static enum pb_spot_kind kind_of(const char *name)
{
	for (size_t i = 0; name && i < PB_ARRAY_SIZE(kind_names); i++)
		if (!strcmp(name, kind_names[i]))
			return (enum pb_spot_kind)i;
	return PB_SPOT_CPU;
}

static int drop(struct pb_store *s, int64_t run, const char *workload, const char *statement)
{
	pb_auto_query struct pb_query q = pb_sql_query(&s->sql, "forget spots", statement);

	pb_query_int(&q, run);
	pb_query_text(&q, workload);
	return pb_query_run(&q);
}

int pb_store_drop_spots(struct pb_store *s, int64_t run, const char *workload)
{
	int err = drop(s, run, workload, "DELETE FROM clues WHERE run = ? AND workload = ?");

	return err ? err
		   : drop(s, run, workload, "DELETE FROM spots WHERE run = ? AND workload = ?");
}

int pb_store_put_spot(struct pb_store *s, int64_t run, const struct pb_spot *spot)
{
	pb_auto_query struct pb_query q = pb_sql_query(
		&s->sql, "note a spot",
		"INSERT INTO spots (run, workload, kind, spot, name, module, file, line, frames,"
		" self_pct, total_pct, low_pct, high_pct, ceiling_pct, ceiling_low_pct,"
		" ceiling_high_pct, amount, unit, events, spread_pct, evidence)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

	pb_query_int(&q, run);
	pb_query_text(&q, spot->workload);
	pb_query_text(&q, kind_names[spot->kind]);
	pb_query_text(&q, spot->id);
	pb_query_text(&q, spot->name);
	pb_query_text(&q, spot->module);
	pb_query_text(&q, spot->file);
	pb_query_int(&q, spot->line);
	pb_query_text(&q, spot->frames);
	pb_query_real(&q, spot->self_pct);
	pb_query_real(&q, spot->total_pct);
	pb_query_real(&q, spot->low_pct);
	pb_query_real(&q, spot->high_pct);
	pb_query_real(&q, spot->ceiling_pct);
	pb_query_real(&q, spot->ceiling_low_pct);
	pb_query_real(&q, spot->ceiling_high_pct);
	pb_query_real(&q, spot->amount);
	pb_query_text(&q, spot->unit);
	pb_query_int(&q, (int64_t)spot->events);
	pb_query_real(&q, spot->spread_pct);
	pb_query_text(&q, spot->evidence);
	return pb_query_run(&q);
}

int pb_store_put_clue(struct pb_store *s, int64_t run, const struct pb_clue *clue)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "note a clue",
			     "INSERT INTO clues (run, workload, spot, lever, share_pct, text)"
			     " VALUES (?, ?, ?, ?, ?, ?)");

	pb_query_int(&q, run);
	pb_query_text(&q, clue->workload);
	pb_query_text(&q, clue->spot);
	pb_query_text(&q, clue->lever);
	pb_query_real(&q, clue->share_pct);
	pb_query_text(&q, clue->text);
	return pb_query_run(&q);
}

int pb_store_spots(struct pb_store *s, int64_t run,
		   int (*each)(void *ctx, const struct pb_spot *spot), void *ctx)
{
	pb_auto_query struct pb_query q = pb_sql_query(
		&s->sql, "read the spots",
		"SELECT workload, kind, spot, name, module, file, line, frames, self_pct,"
		" total_pct, low_pct, high_pct, ceiling_pct, ceiling_low_pct, ceiling_high_pct,"
		" amount, unit, events, spread_pct, evidence FROM spots WHERE run = ? ORDER BY id");
	int err;

	pb_query_int(&q, run);
	while ((err = pb_query_next(&q)) > 0) {
		const struct pb_spot spot = {
			.workload = pb_query_get_text(&q, 0),
			.kind = kind_of(pb_query_get_text(&q, 1)),
			.id = pb_query_get_text(&q, 2),
			.name = pb_query_get_text(&q, 3),
			.module = pb_query_get_text(&q, 4),
			.file = pb_query_get_text(&q, 5),
			.line = (uint32_t)pb_query_get_int(&q, 6),
			.frames = pb_query_get_text(&q, 7),
			.self_pct = pb_query_get_real(&q, 8),
			.total_pct = pb_query_get_real(&q, 9),
			.low_pct = pb_query_get_real(&q, 10),
			.high_pct = pb_query_get_real(&q, 11),
			.ceiling_pct = pb_query_get_real(&q, 12),
			.ceiling_low_pct = pb_query_get_real(&q, 13),
			.ceiling_high_pct = pb_query_get_real(&q, 14),
			.amount = pb_query_get_real(&q, 15),
			.unit = pb_query_get_text(&q, 16),
			.events = (uint64_t)pb_query_get_int(&q, 17),
			.spread_pct = pb_query_get_real(&q, 18),
			.evidence = pb_query_get_text(&q, 19),
		};

		err = each(ctx, &spot);
		if (err)
			return err;
	}
	return err;
}

int pb_store_clues(struct pb_store *s, int64_t run, const char *workload, const char *spot,
		   int (*each)(void *ctx, const struct pb_clue *clue), void *ctx)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "read the clues",
			     "SELECT workload, spot, lever, share_pct, text FROM clues"
			     " WHERE run = ? AND workload = ? AND spot = ? ORDER BY id");
	int err;

	pb_query_int(&q, run);
	pb_query_text(&q, workload);
	pb_query_text(&q, spot);
	while ((err = pb_query_next(&q)) > 0) {
		const struct pb_clue clue = {
			.workload = pb_query_get_text(&q, 0),
			.spot = pb_query_get_text(&q, 1),
			.lever = pb_query_get_text(&q, 2),
			.share_pct = pb_query_get_real(&q, 3),
			.text = pb_query_get_text(&q, 4),
		};

		err = each(ctx, &clue);
		if (err)
			return err;
	}
	return err;
}

int pb_store_set_effort(struct pb_store *s, const char *workload, const char *spot, int effort)
{
	pb_auto_query struct pb_query q = pb_sql_query(
		&s->sql, "note an effort",
		"INSERT INTO opinions (workload, spot, effort) VALUES (?, ?, ?)"
		" ON CONFLICT (workload, spot) DO UPDATE SET effort = excluded.effort");

	pb_query_text(&q, workload);
	pb_query_text(&q, spot);
	pb_query_int(&q, effort);
	return pb_query_run(&q);
}

int pb_store_accept(struct pb_store *s, const char *workload, const char *spot, const char *why)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "accept a hotspot",
			     "INSERT INTO opinions (workload, spot, why) VALUES (?, ?, ?)"
			     " ON CONFLICT (workload, spot) DO UPDATE SET why = excluded.why");

	pb_query_text(&q, workload);
	pb_query_text(&q, spot);
	pb_query_text(&q, why);
	return pb_query_run(&q);
}

int pb_store_opinion(struct pb_store *s, const char *workload, const char *spot, int *effort,
		     char **why)
{
	pb_auto_query struct pb_query q =
		pb_sql_query(&s->sql, "look up what was said of a hotspot",
			     "SELECT effort, why FROM opinions WHERE workload = ? AND spot = ?");
	int err;

	pb_query_text(&q, workload);
	pb_query_text(&q, spot);
	err = pb_query_next(&q);
	if (err < 0)
		return err;
	*effort = err ? (int)pb_query_get_int(&q, 0) : 0;
	*why = NULL;
	if (err && pb_query_get_text(&q, 1)) {
		*why = strdup(pb_query_get_text(&q, 1));
		if (!*why)
			return pb_err(ENOMEM, "look up what was said of a hotspot");
	}
	return 0;
}
