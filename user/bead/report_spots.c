/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What profiles found, workload by workload: CPU hotspots, allocation sites, I/O paths. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "user/bead/figures.h"
#include "user/bead/levers.h"
#include "user/bead/markdown.h"
#include "user/bead/report_sections.h"

/* With a budget. */
#define FEW 3

/* One section. */
struct kind {
	enum pb_spot_kind kind;
	enum pb_bead_kind bead;
	const char *title;
	enum pb_report_part whole, tail;
};

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* The name, and where its source is, or at least its module. */
static void put_place(struct pb_md_table *t, const struct pb_spot *spot)
{
	pb_autofree char *cell = NULL;
	size_t size;
	FILE *out = open_memstream(&cell, &size);

	if (out) {
		char place[PB_MD_TEXT_MAX];

		pb_md_code(out, spot->name, 160);
		if (spot->file[0] && spot->line)
			snprintf(place, sizeof(place), "%s:%u", spot->file, spot->line);
		else
			snprintf(place, sizeof(place), "%s",
				 spot->file[0] ? spot->file : last_part(spot->module));
		fputs(place[0] ? spot->file[0] ? " at " : " in " : "", out);
		pb_md_text(out, place);
	}
	if (!out || fclose(out))
		t->failed = true;
	else
		pb_md_cell(t, "%s", cell);
}

static void put_cpu_rows(struct pb_md_table *t, const struct pb_opportunity **rows, uint32_t n)
{
	char a[64], b[64], c[64];

	for (uint32_t i = 0; i < n; i++) {
		const struct pb_spot *spot = &rows[i]->spot;

		pb_md_cell(t, "%s", pb_report_percent(a, sizeof(a), spot->total_pct));
		pb_md_cell(t, "%s",
			   pb_report_interval(b, sizeof(b), spot->low_pct, spot->high_pct));
		pb_md_cell(t, "%s", pb_report_percent(c, sizeof(c), spot->self_pct));
		pb_md_cell_text(t, spot->id);
		put_place(t, spot);
	}
}

static void put_path_rows(struct pb_md_table *t, const struct pb_opportunity **rows, uint32_t n)
{
	char a[64], b[64], c[64];

	for (uint32_t i = 0; i < n; i++) {
		const struct pb_spot *spot = &rows[i]->spot;

		pb_md_cell(t, "%s", pb_report_percent(a, sizeof(a), spot->total_pct));
		pb_md_cell(t, "%s",
			   pb_report_interval(b, sizeof(b), spot->low_pct, spot->high_pct));
		pb_md_cell(t, "%s",
			   isnan(spot->amount)
				   ? "-"
				   : pb_figures_amount(c, sizeof(c), spot->amount, spot->unit));
		pb_md_cell_text(t, spot->id);
		put_place(t, spot);
	}
}

static int put_rows(FILE *out, enum pb_spot_kind kind, const struct pb_opportunity **rows,
		    uint32_t n)
{
	static const struct pb_md_column cpu[] = {{"cumulative", true},
						  {"95 % interval", false},
						  {"self", true},
						  {"id", false},
						  {"function", false}};
	static const struct pb_md_column path[] = {{"share", true},
						   {"95 % interval", false},
						   {"per run", true},
						   {"id", false},
						   {"call path, innermost first", false}};
	pb_auto_md_table struct pb_md_table t = {
		kind == PB_SPOT_CPU ? cpu : path, 5, NULL, 0, 0, false};

	if (kind == PB_SPOT_CPU)
		put_cpu_rows(&t, rows, n);
	else
		put_path_rows(&t, rows, n);
	return pb_md_table_print(&t, out);
}

/* Each file once, in the order of the rows. */
static void put_evidence(FILE *out, const struct pb_opportunity **rows, uint32_t n)
{
	uint32_t shown = 0;

	for (uint32_t i = 0; i < n; i++) {
		bool seen = !rows[i]->spot.evidence[0];

		for (uint32_t k = 0; k < i && !seen; k++)
			seen = !strcmp(rows[k]->spot.evidence, rows[i]->spot.evidence);
		if (seen)
			continue;
		fputs(shown++ ? ", " : "\nEvidence: ", out);
		pb_md_code(out, rows[i]->spot.evidence, 200);
	}
	if (!shown)
		return;
	if (!isnan(rows[0]->complete_pct))
		fprintf(out, "; %.1f %% of its stacks are complete", rows[0]->complete_pct);
	fputc('\n', out);
}

/* What speaks for levers at these places; or what is missing. */
static void put_candidates(FILE *out, const struct pb_opportunity **rows, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct pb_opportunity *row = rows[i];

		fputs(i ? "" : "\n", out);
		for (uint32_t k = 0; k < row->n_clues; k++) {
			const struct pb_opportunity_clue *clue = &row->clues[k];

			fprintf(out, "- %s: **%s**: ", row->spot.id, clue->lever->title);
			pb_md_text(out, clue->text);
			fputc('\n', out);
		}
		if (!row->n_clues && row->lacks[0]) {
			fprintf(out, "- %s lacks evidence: ", row->spot.id);
			pb_md_text(out, row->lacks);
			fputc('\n', out);
		}
	}
}

static int put_workload(FILE *out, const struct pb_report *r, const struct kind *kind,
			uint32_t workload, bool *any)
{
	uint32_t n, top = pb_report_top(r, workload, kind->bead);
	pb_autofree const struct pb_opportunity **rows =
		pb_report_rows(r, r->plan->workloads[workload].name, kind->kind, &n);
	int err;

	if (!n || n == UINT32_MAX)
		return n ? -ENOMEM : 0;
	*any = true;
	if (kind->kind != PB_SPOT_IO && pb_report_leaves_out(r, kind->tail) && top > FEW)
		top = FEW;
	n = n < top ? n : top;
	fprintf(out, "\n### %s\n\n", r->plan->workloads[workload].name);
	err = put_rows(out, kind->kind, rows, n);
	put_evidence(out, rows, n);
	if (kind->kind == PB_SPOT_ALLOC ||
	    (kind->kind == PB_SPOT_IO && !pb_report_leaves_out(r, PB_PART_IO_CLUES)))
		put_candidates(out, rows, n);
	return err;
}

static bool is_done(const struct pb_report *r, enum pb_bead_kind kind)
{
	for (uint32_t i = 0; i < r->plan->n_beads; i++)
		if (r->plan->beads[i].kind == kind && r->beads[i].run)
			return true;
	return false;
}

static int put_section(FILE *out, const struct pb_report *r, const struct kind *kind)
{
	bool any = false;
	int err = 0;

	if (pb_report_leaves_out(r, kind->whole))
		return 0;
	fprintf(out, "## %s\n", kind->title);
	for (uint32_t i = 0; i < r->plan->n_workloads && !err; i++)
		err = put_workload(out, r, kind, i, &any);
	if (!any && is_done(r, kind->bead))
		fputs("\nNone was found.\n", out);
	else if (!any)
		fprintf(out, "\nNot known: no bead of kind %s is done.\n",
			pb_bead_kind_name(kind->bead));
	return err;
}

int pb_report_hotspots(FILE *out, const struct pb_report *r)
{
	static const struct kind kind = {
		PB_SPOT_CPU,      PB_BEAD_CPU_FLAME,    "Hotspots by cumulative CPU time",
		PB_PART_HOTSPOTS, PB_PART_HOTSPOT_TAIL,
	};

	return put_section(out, r, &kind);
}

int pb_report_allocations(FILE *out, const struct pb_report *r)
{
	static const struct kind kind = {
		PB_SPOT_ALLOC, PB_BEAD_ALLOC_SITES, "Call sites that allocate most",
		PB_PART_ALLOC, PB_PART_ALLOC_TAIL,
	};

	return put_section(out, r, &kind);
}

int pb_report_io(FILE *out, const struct pb_report *r)
{
	static const struct kind kind = {
		PB_SPOT_IO, PB_BEAD_IO_LATENCY, "I/O by call path", PB_PART_IO, PB_PART_IO_CLUES,
	};

	return put_section(out, r, &kind);
}
