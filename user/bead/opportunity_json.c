/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A row of the matrix as JSON. */
#include "user/bead/levers.h"
#include "user/bead/opportunity.h"
#include "user/core/json.h"

static void write_clues(struct pb_json *j, const struct pb_opportunity *row)
{
	pb_json_array(j, "levers");
	for (uint32_t i = 0; i < row->n_clues; i++) {
		pb_json_flat_object(j, NULL);
		pb_json_string(j, "lever", row->clues[i].lever->name);
		pb_json_string(j, "title", row->clues[i].lever->title);
		pb_json_double(j, "share_pct", row->clues[i].share_pct, 2);
		pb_json_string(j, "evidence", row->clues[i].text);
		pb_json_end(j, '}');
	}
	pb_json_end(j, ']');
}

static void write_shares(struct pb_json *j, const struct pb_spot *spot)
{
	pb_json_double(j, "self_pct", spot->self_pct, 2);
	pb_json_double(j, "total_pct", spot->total_pct, 2);
	pb_json_double(j, "low_pct", spot->low_pct, 2);
	pb_json_double(j, "high_pct", spot->high_pct, 2);
	pb_json_double(j, "ceiling_pct", spot->ceiling_pct, 2);
	pb_json_double(j, "ceiling_low_pct", spot->ceiling_low_pct, 2);
	pb_json_double(j, "ceiling_high_pct", spot->ceiling_high_pct, 2);
	pb_json_double(j, "spread_pct", spot->spread_pct, 2);
	pb_json_double(j, "amount", spot->amount, 3);
	pb_json_string(j, "unit", spot->unit);
	pb_json_uint(j, "events", spot->events);
}

void pb_opportunity_write(struct pb_json *j, const struct pb_opportunity *row)
{
	const struct pb_spot *spot = &row->spot;

	pb_json_object(j, NULL);
	pb_json_string(j, "workload", spot->workload);
	pb_json_string(j, "id", spot->id);
	pb_json_string(j, "kind", pb_spot_kind_name(spot->kind));
	pb_json_string(j, "name", spot->name);
	pb_json_string(j, "module", spot->module);
	pb_json_string(j, "file", spot->file[0] ? spot->file : NULL);
	if (spot->line)
		pb_json_uint(j, "line", spot->line);
	else
		pb_json_null(j, "line");
	pb_json_string(j, "frames", spot->frames);
	write_shares(j, spot);
	pb_json_double(j, "complete_pct", row->complete_pct, 2);
	pb_json_string(j, "evidence", spot->evidence);
	write_clues(j, row);
	pb_json_double(j, "saves_pct", row->saves_pct, 2);
	pb_json_int(j, "impact", row->impact);
	pb_json_int(j, "confidence", row->confidence);
	pb_json_int(j, "effort", row->effort);
	pb_json_bool(j, "effort_assumed", row->effort_assumed);
	pb_json_double(j, "score", row->score, 2);
	pb_json_bool(j, "stands", row->stands);
	pb_json_bool(j, "stale", row->stale != 0);
	pb_json_string(j, "accepted", row->why_stays);
	pb_json_string(j, "lacks", row->lacks[0] ? row->lacks : NULL);
	pb_json_end(j, '}');
}
