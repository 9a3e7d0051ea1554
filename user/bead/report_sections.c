/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The parts of a report that tell of the audit itself: verdict, how to reproduce it, beads, next commands. */
#include "user/bead/report_sections.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "user/bead/figures.h"
#include "user/bead/markdown.h"

const char *pb_report_interval(char *buf, size_t size, double low, double high)
{
	buf[0] = '\0';
	if (!isnan(low) && !isnan(high))
		snprintf(buf, size, "[%.1f, %.1f]", low, high);
	return buf;
}

const char *pb_report_percent(char *buf, size_t size, double value)
{
	if (isnan(value))
		snprintf(buf, size, "-");
	else
		snprintf(buf, size, "%.1f %%", value);
	return buf;
}

const char *pb_report_amount(char *buf, size_t size, const struct pb_figure *figure, double value)
{
	size_t len = strlen(figure->name);

	if (len > 4 && !strcmp(figure->name + len - 4, "_pct"))
		return pb_report_percent(buf, size, value);
	if (!strcmp(figure->unit, "per_second") && value >= 1000) {
		snprintf(buf, size, "%.0f /s", value);
		return buf;
	}
	return pb_figures_amount(buf, size, value, figure->unit);
}

static void put_open_beads(FILE *out, const struct pb_report *r)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->plan->n_beads; i++) {
		if (r->beads[i].standing.state == PB_STATE_DONE)
			continue;
		if (n == 4) {
			fputs(" and others", out);
			break;
		}
		fputs(n++ ? ", " : "; open: ", out);
		pb_md_code(out, r->plan->beads[i].id, 64);
	}
}

static void put_first_hotspot(FILE *out, const struct pb_report *r)
{
	const struct pb_opportunities *o = r->opportunities;

	for (uint32_t i = 0; i < o->n; i++) {
		if (!o->rows[i].stands)
			continue;
		fputs("; first: ", out);
		pb_md_code(out, o->rows[i].spot.name, 60);
		fprintf(out, " (%s/%s)", o->rows[i].spot.workload, o->rows[i].spot.id);
		return;
	}
}

/* The sentence of the stop condition begins in lower case. */
int pb_report_verdict(FILE *out, const struct pb_report *r)
{
	fprintf(out, "## Verdict\n\n**%s** %c%s",
		r->stop.holds ? "The stop condition holds." : "Open.",
		toupper((unsigned char)r->stop.sentence[0]), r->stop.sentence + 1);
	put_first_hotspot(out, r);
	if (r->stop.done < r->stop.total)
		put_open_beads(out, r);
	fputs(".\n", out);
	return 0;
}

static bool needs_root(const struct pb_report *r)
{
	for (uint32_t i = 0; i < r->plan->n_beads; i++)
		if (r->plan->beads[i].kind == PB_BEAD_CPU_FLAME ||
		    r->plan->beads[i].kind == PB_BEAD_ALLOC_SITES ||
		    r->plan->beads[i].kind == PB_BEAD_IO_LATENCY)
			return true;
	return false;
}

static void put_plan_option(FILE *out, const struct pb_report *r)
{
	if (!strcmp(r->plan_name, "beads.yaml"))
		return;
	fputs(" --plan ", out);
	pb_md_shell_word(out, r->plan_name);
}

static void put_commands(FILE *out, const struct pb_report *r)
{
	if (r->env.commit[0])
		fprintf(out, "    git checkout %s\n", r->env.commit);
	if (!r->blessed) {
		fputs("    bead bless", out);
		put_plan_option(out, r);
		fputc('\n', out);
	}
	fprintf(out, "    %sbead run --all", needs_root(r) ? "sudo " : "");
	put_plan_option(out, r);
	fputs("\n    bead report", out);
	put_plan_option(out, r);
	fputc('\n', out);
}

static void put_tree(FILE *out, const struct pb_report *r)
{
	if (!r->env.commit[0])
		fputs("- Tree: in no git repository, so it is known by nothing\n", out);
	else
		fprintf(out, "- Tree: commit %s%s\n", r->env.commit,
			r->env.dirty ? ", **with changes that are not committed**" : ", clean");
}

static void put_machine(FILE *out, const struct pb_report *r)
{
	char memory[64];

	fputs("- Machine: ", out);
	pb_md_text(out, r->env.kernel[0] ? r->env.kernel : "unknown");
	fprintf(out, "; %u CPU%s", r->env.cpus, r->env.cpus == 1 ? "" : "s");
	if (r->env.cpu[0]) {
		fputs(" (", out);
		pb_md_text(out, r->env.cpu);
		fputc(')', out);
	}
	if (r->env.memory_bytes)
		fprintf(out, "; memory %s",
			pb_figures_amount(memory, sizeof(memory), (double)r->env.memory_bytes,
					  "bytes"));
	fputc('\n', out);
}

int pb_report_reproduce(FILE *out, const struct pb_report *r)
{
	if (pb_report_leaves_out(r, PB_PART_REPRODUCE))
		return 0;
	fputs("## How to reproduce\n\nIn the directory of the plan:\n\n", out);
	put_commands(out, r);
	fputc('\n', out);
	put_tree(out, r);
	fputs("- Plan: ", out);
	pb_md_code(out, r->plan_name, 100);
	fprintf(out, ", sha256\n  %s\n", r->plan->digest);
	put_machine(out, r);
	fputs("- Made by bead " PB_VERSION "\n", out);
	return 0;
}

static int put_beads(FILE *out, const struct pb_report *r)
{
	static const struct pb_md_column columns[] = {{"bead", false},
						      {"kind", false},
						      {"state", false},
						      {"ended (UTC)", false},
						      {"note", false}};
	pb_auto_md_table struct pb_md_table t = {columns, PB_ARRAY_SIZE(columns), NULL, 0, 0,
						 false};

	for (uint32_t i = 0; i < r->plan->n_beads; i++) {
		const struct pb_report_bead *b = &r->beads[i];
		bool done = b->standing.state == PB_STATE_DONE;

		pb_md_cell_code(&t, b->bead->id, 64);
		pb_md_cell(&t, "%s", pb_bead_kind_name(b->bead->kind));
		pb_md_cell(&t, "%s", pb_bead_state_name(b->standing.state));
		pb_md_cell(&t, "%.16s", b->ended ? b->ended : "");
		if (b->standing.waits)
			pb_md_cell(&t, "waits for %u", b->standing.waits);
		else
			pb_md_cell_text(&t, done ? "" : b->note);
	}
	return pb_md_table_print(&t, out);
}

int pb_report_beads(FILE *out, const struct pb_report *r)
{
	int err;

	if (pb_report_leaves_out(r, PB_PART_BEADS))
		return 0;
	fputs("## Beads\n\n", out);
	err = put_beads(out, r);
	fprintf(out,
		"\nThe stop condition: every bead is done, and no hotspot has a score of %g or more "
		"and\n%g %% or more to save that nobody accepted. %s\n",
		r->plan->score, r->plan->hotspot_pct,
		r->stop.holds ? "It holds." : "It does not hold.");
	return err;
}

/* With a budget only what is most urgent, and how to ask whether it is enough. */
static bool is_shown(const struct pb_report *r, uint32_t i)
{
	return !pb_report_leaves_out(r, PB_PART_EVIDENCE) || !i || i + 1 == r->n_steps;
}

int pb_report_next(FILE *out, const struct pb_report *r)
{
	fputs("## Next\n\n", out);
	for (uint32_t i = 0; i < r->n_steps; i++) {
		const struct pb_report_step *step = &r->steps[i];

		if (!is_shown(r, i))
			continue;
		if (!pb_report_leaves_out(r, PB_PART_EVIDENCE))
			fprintf(out, "    # %s\n", step->why);
		fprintf(out, "    %s\n", step->command);
	}
	return 0;
}
