/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What to do next: the commands with which a report ends, the most urgent first. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "user/bead/levers.h"
#include "user/bead/markdown.h"
#include "user/bead/report_data.h"
#include "user/core/log.h"

/* @format: behind "bead "; %-words in it are names of the plan or ids, which need no quotes. */
static int add(struct pb_report *r, const char *why, const char *prefix, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

static int add(struct pb_report *r, const char *why, const char *prefix, const char *format, ...)
{
	struct pb_report_step *step = &r->steps[r->n_steps];
	size_t size;
	FILE *out;
	va_list ap;

	if (r->n_steps == PB_REPORT_STEPS_MAX)
		return 0;
	out = open_memstream(&step->command, &size);
	if (!out)
		return pb_err(ENOMEM, "gather the report");
	fputs(prefix, out);
	va_start(ap, format);
	vfprintf(out, format, ap);
	va_end(ap);
	if (strcmp(r->plan_name, "beads.yaml") != 0) {
		fputs(" --plan ", out);
		pb_md_shell_word(out, r->plan_name);
	}
	if (fclose(out)) {
		free(pb_take(step->command));
		return pb_err(ENOMEM, "gather the report");
	}
	step->why = why;
	r->n_steps++;
	return 0;
}

static bool is_profile(enum pb_bead_kind kind)
{
	return kind == PB_BEAD_CPU_FLAME || kind == PB_BEAD_ALLOC_SITES ||
	       kind == PB_BEAD_IO_LATENCY;
}

static int add_beads(struct pb_report *r)
{
	const struct pb_report_bead *failed = NULL;
	bool open = false, root = false, oracle = false;
	int err = 0;

	for (uint32_t i = 0; i < r->plan->n_beads; i++) {
		const struct pb_report_bead *b = &r->beads[i];

		if (b->standing.state == PB_STATE_DONE)
			continue;
		open = true;
		root = root || is_profile(b->bead->kind);
		oracle = oracle || b->bead->kind == PB_BEAD_ORACLE;
		if (b->standing.state == PB_STATE_FAILED && !failed)
			failed = b;
	}
	if (failed)
		err = add(r, "it failed: see what it found before anything else", "",
			  "bead show %s", failed->bead->id);
	if (!err && oracle && !r->blessed)
		err = add(r, "record what the workloads give now as right", "", "bead bless");
	if (!err && open)
		err = add(r,
			  root ? "work on what is ready; profilers need root, the rest does not"
			       : "work on what is ready",
			  root ? "sudo " : "", "bead run --all --resume");
	return err;
}

static int add_change(struct pb_report *r, const struct pb_change *c)
{
	long long id = (long long)c->id;

	if (c->state == PB_CHANGE_OPEN)
		return add(r, "a change is open: prove that the output stays", "",
			   "bead change prove %lld --sketch TEXT", id);
	if (c->state == PB_CHANGE_PROVEN && !c->verdict)
		return add(r, "a change is proven: measure it alone", "", "bead ab --change %lld",
			   id);
	if (c->state == PB_CHANGE_PROVEN)
		return add(r, "a change is judged: close it", "", "bead change close %lld", id);
	return 0;
}

/* Somebody is at it. */
static bool has_change(const struct pb_report *r, const struct pb_spot *spot)
{
	for (uint32_t i = 0; i < r->n_changes; i++) {
		const struct pb_change *c = &r->changes[i];

		if ((c->state == PB_CHANGE_OPEN || c->state == PB_CHANGE_PROVEN) &&
		    !strcmp(c->spot, spot->id) && !strcmp(c->workload, spot->workload))
			return true;
	}
	return false;
}

/* The best hotspot that stands and that nobody works on. */
static int add_hotspot(struct pb_report *r)
{
	const struct pb_opportunities *o = r->opportunities;

	for (uint32_t i = 0; i < o->n; i++) {
		const struct pb_opportunity *row = &o->rows[i];
		const struct pb_lever *lever = pb_report_lever(row);
		int err;

		if (!row->stands || has_change(r, &row->spot))
			continue;
		err = add(r, "the hotspot with the best score: pull one lever", "",
			  "bead change open TITLE --hotspot %s/%s --lever %s --hypothesis TEXT",
			  row->spot.workload, row->spot.id, lever ? lever->name : "LEVER");
		return err ? err
			   : add(r, "or say why it stays as it is", "",
				 "bead matrix --accept %s/%s --why TEXT", row->spot.workload,
				 row->spot.id);
	}
	return 0;
}

int pb_report_plan_steps(struct pb_report *r)
{
	int err = add_beads(r);

	for (uint32_t i = 0; i < r->n_changes && !err && r->n_steps < 4; i++)
		err = add_change(r, &r->changes[i]);
	if (!err)
		err = add_hotspot(r);
	if (!err && r->stop.holds)
		err = add(r, "what later builds are held against", "", "bead baseline save NAME");
	if (!err && r->stop.holds)
		err = add(r, "on every later build: exit status 1 is a regression", "",
			  "bead gate");
	return err ? err
		   : add(r, "whether the stop condition holds: exit status 0", "", "bead status");
}
