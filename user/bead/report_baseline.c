/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What was measured of each workload, and the guardrails that are held against it. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "user/bead/gate.h"
#include "user/bead/markdown.h"
#include "user/bead/report_sections.h"

/* Figures by what people call them; those behind wait for nobody's first look. */
static const struct {
	const char *name, *title;
	bool secondary;
} rows[] = {
	{"wall_p50_ns", "time, p50", false},
	{"wall_p95_ns", "time, p95", false},
	{"wall_p99_ns", "time, p99", false},
	{"net_p50_ns", "without waiting for a CPU, p50", false},
	{"operation_p50_ns", "an operation, p50", false},
	{"operation_p95_ns", "an operation, p95", false},
	{"operation_p99_ns", "an operation, p99", false},
	{"operations_per_second", "throughput", false},
	{"user_p50_ns", "user CPU, p50", false},
	{"system_p50_ns", "system CPU, p50", false},
	{"max_rss_p50_bytes", "peak memory, p50", false},
	{"allocations", "allocations", true},
	{"allocated_bytes", "allocated", true},
	{"syscalls", "system calls", true},
	{"block_ios", "block I/Os", true},
	{"block_io_bytes", "block I/O", true},
	{"minor_faults", "minor faults", true},
	{"major_faults", "major faults", true},
	{"voluntary_switches", "voluntary switches", true},
	{"involuntary_switches", "involuntary switches", true},
	{"block_reads", "blocks read (512 B)", true},
	{"block_writes", "blocks written (512 B)", true},
	{"operation_p999_ns", "an operation, p99.9", true},
	{"operation_max_ns", "an operation, longest", true},
	{"operations", "operations measured", true},
	{"own_p50_ns", "bead's own cost, p50", true},
	{"own_max_ns", "bead's own cost, most", true},
};

/* The name of a figure as words: "cpu_overhead_pct" is "cpu overhead", its unit being beside its value. */
static void put_name(struct pb_md_table *t, const char *name)
{
	static const char *const units[] = {"_pct", "_ns", "_bytes"};
	char words[64];
	size_t len;

	snprintf(words, sizeof(words), "%s", name);
	len = strlen(words);
	for (size_t i = 0; i < PB_ARRAY_SIZE(units); i++)
		if (len > strlen(units[i]) && !strcmp(words + len - strlen(units[i]), units[i]))
			words[len - strlen(units[i])] = '\0';
	for (char *p = words; (p = strchr(p, '_'));)
		*p = ' ';
	pb_md_cell_text(t, words);
}

static void put_figure(struct pb_md_table *t, const char *title, const struct pb_figure *figure)
{
	char value[64], low[64], high[64];

	if (title)
		pb_md_cell(t, "%s", title);
	else
		put_name(t, figure->name);
	if (figure->why) {
		pb_md_cell(t, "-");
		pb_md_cell_text(t, figure->why);
		return;
	}
	pb_md_cell(t, "%s", pb_report_amount(value, sizeof(value), figure, figure->value));
	if (isnan(figure->low) || isnan(figure->high))
		pb_md_cell(t, "%s", "");
	else
		pb_md_cell(t, "%s to %s", pb_report_amount(low, sizeof(low), figure, figure->low),
			   pb_report_amount(high, sizeof(high), figure, figure->high));
}

static bool is_listed(const char *name)
{
	for (size_t i = 0; i < PB_ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i].name, name))
			return true;
	return !strcmp(name, "runs");
}

/* Whatever else the baseline counted. */
static void put_counts(struct pb_md_table *t, const struct pb_report *r, const char *workload)
{
	for (uint32_t i = 0; i < r->plan->n_beads; i++) {
		const struct pb_report_bead *b = &r->beads[i];

		for (uint32_t k = 0; b->bead->kind == PB_BEAD_BASELINE && k < b->n_figures; k++) {
			const struct pb_figure *figure = &b->figures[k];

			if (!strcmp(figure->workload, workload) && !is_listed(figure->name))
				put_figure(t, NULL, figure);
		}
	}
}

static int put_table(FILE *out, const struct pb_report *r, const char *workload)
{
	static const struct pb_md_column columns[] = {
		{"figure", false}, {"value", true}, {"95 % interval, or why there is none", false}};
	pb_auto_md_table struct pb_md_table t = {columns, PB_ARRAY_SIZE(columns), NULL, 0, 0,
						 false};
	bool short_one = pb_report_leaves_out(r, PB_PART_FIGURES);

	for (size_t i = 0; i < PB_ARRAY_SIZE(rows); i++) {
		const struct pb_figure *figure =
			pb_report_figure(r, PB_BEAD_BASELINE, workload, rows[i].name);

		if (figure && !(short_one && rows[i].secondary))
			put_figure(&t, rows[i].title, figure);
	}
	if (!short_one)
		put_counts(&t, r, workload);
	return pb_md_table_print(&t, out);
}

static void put_command(FILE *out, const struct pb_plan_workload *workload)
{
	pb_autofree char *text = NULL;
	size_t size;
	FILE *words = open_memstream(&text, &size);

	if (!words)
		return;
	for (char **word = workload->argv; *word; word++) {
		fputs(word == workload->argv ? "" : " ", words);
		pb_md_shell_word(words, *word);
	}
	if (!fclose(words))
		pb_md_code(out, text, 200);
}

static int put_workload(FILE *out, const struct pb_report *r,
			const struct pb_plan_workload *workload)
{
	const struct pb_figure *runs =
		pb_report_figure(r, PB_BEAD_BASELINE, workload->name, "runs");

	fprintf(out, "\n### %s\n\n", workload->name);
	put_command(out, workload);
	if (!runs) {
		fputs(": not measured yet.\n", out);
		return 0;
	}
	fprintf(out, ", %.0f runs", runs->value);
	if (workload->operations)
		fprintf(out, " of %llu operations", (unsigned long long)workload->operations);
	fputs("\n\n", out);
	return put_table(out, r, workload->name);
}

static void put_commit(FILE *out, const char *commit)
{
	char begin[13];

	snprintf(begin, sizeof(begin), "%.12s", commit);
	pb_md_code(out, begin, sizeof(begin));
}

/* Of which commit a baseline is: not always of the one that is checked out. */
static void put_origins(FILE *out, const struct pb_report *r)
{
	for (uint32_t i = 0; i < r->plan->n_beads; i++) {
		const struct pb_report_bead *b = &r->beads[i];
		bool elsewhere = strcmp(b->origin.kernel, r->env.kernel) != 0;

		if (b->bead->kind != PB_BEAD_BASELINE || !b->run || !b->origin.commit[0])
			continue;
		fputc('\n', out);
		pb_md_code(out, b->bead->id, 64);
		fputs(" was measured at commit ", out);
		put_commit(out, b->origin.commit);
		fputs(b->origin.dirty ? ", with changes that were not committed" : "", out);
		if (elsewhere) {
			fputs(", on ", out);
			pb_md_text(out, b->origin.kernel);
		}
		if (strcmp(b->origin.commit, r->env.commit) != 0 && r->env.commit[0]) {
			fputs("; **another commit is checked out now**, ", out);
			put_commit(out, r->env.commit);
		}
		fputs(".\n", out);
	}
}

int pb_report_baseline(FILE *out, const struct pb_report *r)
{
	int err = 0;

	if (pb_report_leaves_out(r, PB_PART_BASELINE))
		return 0;
	fputs("## Baseline\n", out);
	put_origins(out, r);
	for (uint32_t i = 0; i < r->plan->n_workloads && !err; i++)
		err = put_workload(out, r, &r->plan->workloads[i]);
	return err;
}

/* Rows of one limit: a figure of the gate for each workload. */
static void put_limit(struct pb_md_table *t, const struct pb_report_bead *gate, enum pb_limit limit,
		      double allowed)
{
	bool measured = false;
	char value[64], interval[64];

	for (uint32_t i = 0; i < gate->n_figures; i++) {
		const struct pb_figure *figure = &gate->figures[i];

		if (strcmp(figure->name, pb_limit_name(limit)) != 0)
			continue;
		measured = true;
		pb_md_cell(t, "%s", figure->name);
		pb_md_cell(t, "%g %%", allowed);
		pb_md_cell_text(t, figure->workload);
		pb_md_cell(t, "%s",
			   figure->why ? "-"
				       : pb_report_percent(value, sizeof(value), figure->value));
		if (figure->why)
			pb_md_cell_text(t, figure->why);
		else
			pb_md_cell(t, "%s%s",
				   pb_report_interval(interval, sizeof(interval), figure->low,
						      figure->high),
				   figure->low > allowed    ? " **above the limit**"
				   : figure->high > allowed ? " not clear"
							    : "");
	}
	if (measured)
		return;
	pb_md_cell(t, "%s", pb_limit_name(limit));
	pb_md_cell(t, "%g %%", allowed);
	pb_md_cell(t, "%s", "");
	pb_md_cell(t, "-");
	pb_md_cell(t, "not measured yet");
}

static int put_gate(FILE *out, const struct pb_report_bead *gate)
{
	static const struct pb_md_column columns[] = {{"limit", false},
						      {"allowed", true},
						      {"workload", false},
						      {"change", true},
						      {"95 % interval", false}};
	pb_auto_md_table struct pb_md_table t = {columns, PB_ARRAY_SIZE(columns), NULL, 0, 0,
						 false};
	double limits[PB_LIMITS];

	pb_gate_limits(gate->bead, limits);
	for (int i = 0; i < PB_LIMITS; i++)
		if (limits[i] >= 0)
			put_limit(&t, gate, (enum pb_limit)i, limits[i]);
	fputc('\n', out);
	pb_md_code(out, gate->bead->id, 64);
	fprintf(out, " is %s", pb_bead_state_name(gate->standing.state));
	if (gate->note && gate->standing.state != PB_STATE_DONE) {
		fputs(": ", out);
		pb_md_text(out, gate->note);
	}
	fputs(".\n\n", out);
	return pb_md_table_print(&t, out);
}

int pb_report_guardrails(FILE *out, const struct pb_report *r)
{
	bool any = false;
	int err = 0;

	if (pb_report_leaves_out(r, PB_PART_GATE))
		return 0;
	fputs("## Guardrails\n", out);
	for (uint32_t i = 0; i < r->plan->n_beads && !err; i++) {
		if (r->plan->beads[i].kind != PB_BEAD_GATE)
			continue;
		any = true;
		err = put_gate(out, &r->beads[i]);
	}
	if (!any)
		fputs("\nNone: the plan has no bead of kind gate.\n", out);
	return err;
}
