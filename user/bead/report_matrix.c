/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The opportunity matrix as a table, and below it what speaks for each row. */
#include <math.h>
#include <string.h>

#include "user/bead/levers.h"
#include "user/bead/markdown.h"
#include "user/bead/report_sections.h"

/* Neither a lever nor much to gain: of no use to a reader. */
static bool is_small(const struct pb_report *r, const struct pb_opportunity *row)
{
	double gain = isnan(row->saves_pct) ? row->spot.total_pct : row->saves_pct;

	return !row->n_clues && !row->why_stays && !(gain >= r->plan->hotspot_pct);
}

/* Rows that the budget lets through; @n_stand: of those that stand, how many came before. */
static bool is_shown(const struct pb_report *r, const struct pb_opportunity *row, uint32_t n_stand)
{
	if (!row->stands)
		return !pb_report_leaves_out(r, PB_PART_SETTLED) && !is_small(r, row);
	return !pb_report_leaves_out(r, PB_PART_ROWS) || n_stand < r->least_rows;
}

/* 1 to 5; 0: there is none. */
static void put_grade(struct pb_md_table *t, int grade, bool assumed)
{
	if (grade)
		pb_md_cell(t, "%d%s", grade, assumed ? "?" : "");
	else
		pb_md_cell(t, "-");
}

static void put_row(struct pb_md_table *t, const struct pb_opportunity *row)
{
	const struct pb_spot *spot = &row->spot;
	const struct pb_lever *lever = pb_report_lever(row);
	char save[64];

	pb_md_cell(t, "%s", row->stands ? "**yes**" : row->why_stays ? "accepted" : "no");
	if (isnan(row->score))
		pb_md_cell(t, "-");
	else
		pb_md_cell(t, "%.1f", row->score);
	put_grade(t, row->impact, false);
	put_grade(t, row->confidence, false);
	put_grade(t, row->effort, row->effort_assumed);
	pb_md_cell(t, "%s", pb_report_percent(save, sizeof(save), row->saves_pct));
	pb_md_cell(t, "%s/%s", spot->workload, spot->id);
	pb_md_cell(t, "%s", lever ? lever->name : "-");
	pb_md_cell_code(t, spot->name, 100);
}

static int put_table(FILE *out, const struct pb_report *r)
{
	static const struct pb_md_column columns[] = {
		{"stands", false},  {"score", true},  {"imp.", true},
		{"conf.", true},    {"eff.", true},   {"saves", true},
		{"hotspot", false}, {"lever", false}, {"where", false}};
	pb_auto_md_table struct pb_md_table t = {columns, PB_ARRAY_SIZE(columns), NULL, 0, 0,
						 false};
	uint32_t n_stand = 0;

	for (uint32_t i = 0; i < r->opportunities->n; i++) {
		const struct pb_opportunity *row = &r->opportunities->rows[i];

		if (is_shown(r, row, n_stand))
			put_row(&t, row);
		n_stand += row->stands;
	}
	if (!t.n_cells)
		fputs("Nothing stands above the threshold.\n", out);
	return pb_md_table_print(&t, out);
}

static void put_clue(FILE *out, const struct pb_opportunity_clue *clue)
{
	fprintf(out, "  - **%s**: ", clue->lever->title);
	pb_md_text(out, clue->text);
	fputc('\n', out);
}

/* Of a lever the numbers that speak for it; else what would have to be seen. */
static void put_evidence(FILE *out, const struct pb_opportunity *row)
{
	fprintf(out, "- %s/%s ", row->spot.workload, row->spot.id);
	pb_md_code(out, row->spot.name, 100);
	fputc('\n', out);
	for (uint32_t i = 0; i < row->n_clues; i++)
		put_clue(out, &row->clues[i]);
	if (row->lacks[0]) {
		fputs("  - lacks evidence: ", out);
		pb_md_text(out, row->lacks);
		fputc('\n', out);
	}
	if (row->why_stays) {
		fputs("  - accepted: ", out);
		pb_md_text(out, row->why_stays);
		fputc('\n', out);
	}
}

/* Without a lever: what would have to be seen, with all the rows that it is to be seen of. */
static void put_lacking(FILE *out, const struct pb_report *r, uint32_t first)
{
	const struct pb_opportunity *rows = r->opportunities->rows;
	uint32_t n = 0;

	for (uint32_t i = 0; i < first; i++)
		if (!rows[i].n_clues && !rows[i].why_stays && is_shown(r, &rows[i], 0) &&
		    !strcmp(rows[i].lacks, rows[first].lacks))
			return;
	for (uint32_t i = first; i < r->opportunities->n; i++) {
		if (rows[i].n_clues || rows[i].why_stays || !is_shown(r, &rows[i], 0) ||
		    strcmp(rows[i].lacks, rows[first].lacks) != 0)
			continue;
		fprintf(out, "%s%s/%s", n++ ? ", " : "- ", rows[i].spot.workload, rows[i].spot.id);
	}
	fprintf(out, " lack%s evidence: ", n == 1 ? "s" : "");
	pb_md_text(out, rows[first].lacks);
	fputc('\n', out);
}

static void put_all_evidence(FILE *out, const struct pb_report *r)
{
	uint32_t n_stand = 0, n_small = 0;

	for (uint32_t i = 0; i < r->opportunities->n; i++) {
		const struct pb_opportunity *row = &r->opportunities->rows[i];

		if (is_shown(r, row, n_stand) && (row->n_clues || row->why_stays))
			put_evidence(out, row);
		else if (is_shown(r, row, n_stand))
			put_lacking(out, r, i);
		n_stand += row->stands;
		n_small += is_small(r, row);
	}
	if (n_small && !pb_report_leaves_out(r, PB_PART_SETTLED))
		fprintf(out,
			"\n%u more with no lever and less than %g %% to save are listed by bead "
			"matrix.\n",
			n_small, r->plan->hotspot_pct);
}

int pb_report_matrix(FILE *out, const struct pb_report *r)
{
	int err;

	fputs("## Opportunity matrix\n\n", out);
	if (!r->opportunities->n) {
		fputs("No profile is done yet.\n", out);
		return 0;
	}
	err = put_table(out, r);
	if (err || pb_report_leaves_out(r, PB_PART_EVIDENCE))
		return err;
	fprintf(out,
		"\nScore is impact x confidence / effort, 1 to 5 each; an effort with \"?\" is "
		"assumed. A hotspot\nstands with a score of %g or more and %g %% or more of the time "
		"to save.\n\n",
		r->plan->score, r->plan->hotspot_pct);
	put_all_evidence(out, r);
	return 0;
}
