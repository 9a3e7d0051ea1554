/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The log of changes. Diff, proof and verdict are JSON that other verbs wrote: files of a diff, and workloads of a proof,
 * have a line each; all other members are shown by their own names, so that what is added to them is shown, too.
 */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "user/bead/levers.h"
#include "user/bead/markdown.h"
#include "user/bead/report_sections.h"
#include "user/core/jsonvalue.h"

#define ITEMS_MAX 8 /* of an array that are shown */
#define DEPTH_MAX 3

/* NULL: there is none, or it is not what it should be. */
static json_t *parse(const char *text)
{
	return text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
}

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static double number_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

/* "improved, 0.72 [0.70, 0.75]". Several workloads: each behind its name. */
static void put_verdict(FILE *out, const json_t *verdict, const char *workload)
{
	const json_t *ratio = json_object_get(verdict, "ratio");
	double value = json_is_number(ratio) ? json_number_value(ratio) : number_of(ratio, "value");
	const json_t *bounds = json_is_object(ratio) ? ratio : verdict;

	if (workload) {
		pb_md_text(out, workload);
		fputs(": ", out);
	}
	pb_md_text(out, text_of(verdict, "verdict") ? text_of(verdict, "verdict") : "not known");
	if (isnan(value))
		return;
	fprintf(out, ", ratio %.3f", value);
	if (!isnan(number_of(bounds, "low")) && !isnan(number_of(bounds, "high")))
		fprintf(out, " [%.3f, %.3f]", number_of(bounds, "low"), number_of(bounds, "high"));
}

static void put_verdicts(FILE *out, const struct pb_change *change)
{
	pb_autojson json_t *verdict = parse(change->verdict);
	const json_t *workloads = json_object_get(verdict, "workloads");
	size_t i, n = json_array_size(workloads);

	if (!verdict) {
		fputs(change->verdict ? "not readable" : "not judged yet", out);
		return;
	}
	if (!n)
		put_verdict(out, verdict, NULL);
	for (i = 0; i < n; i++) {
		const json_t *one = json_array_get(workloads, i);

		fputs(i ? "; " : "", out);
		put_verdict(out, one, text_of(one, "workload"));
	}
}

static void put_value(FILE *out, const json_t *value, int depth);

static void put_array(FILE *out, const json_t *array, int depth)
{
	size_t n = json_array_size(array);

	for (size_t i = 0; i < n && i < ITEMS_MAX; i++) {
		fputs(i ? ", " : "", out);
		put_value(out, json_array_get(array, i), depth + 1);
	}
	if (n > ITEMS_MAX)
		fprintf(out, " and %zu more", n - ITEMS_MAX);
	if (!n)
		fputs("none", out);
}

static void put_object(FILE *out, const json_t *object, int depth)
{
	const char *key;
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)object, key, value)
	{
		fputs(n++ ? "; " : "", out);
		pb_md_text(out, key);
		fputs(": ", out);
		put_value(out, value, depth + 1);
	}
	if (!n)
		fputs("none", out);
}

static void put_value(FILE *out, const json_t *value, int depth)
{
	if (depth > DEPTH_MAX)
		fputs("...", out);
	else if (json_is_string(value))
		pb_md_text(out, json_string_value(value));
	else if (json_is_integer(value))
		fprintf(out, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		fprintf(out, "%.4g", json_real_value(value));
	else if (json_is_boolean(value))
		fputs(json_is_true(value) ? "yes" : "no", out);
	else if (json_is_array(value))
		put_array(out, value, depth);
	else if (json_is_object(value))
		put_object(out, value, depth);
	else
		fputs("-", out);
}

/* "customers.c, +36 -4: hash, find_slot" */
static void put_file(FILE *out, const json_t *file)
{
	const json_t *functions = json_object_get(file, "functions");

	pb_md_code(out, text_of(file, "path"), 200);
	if (json_is_true(json_object_get(file, "binary")))
		fputs(", binary", out);
	else
		fprintf(out, ", +%.0f -%.0f", number_of(file, "lines_added"),
			number_of(file, "lines_removed"));
	if (!json_array_size(functions))
		return;
	fputs(": ", out);
	put_array(out, functions, 0);
}

/* "totals: 2 of 2 runs gave what was blessed; stdout, exact, sha256 c05a5f..." */
static void put_workload(FILE *out, const json_t *workload)
{
	const json_t *outputs = json_object_get(workload, "outputs");

	pb_md_text(out, text_of(workload, "workload"));
	fprintf(out, ": %.0f of %.0f runs gave what was blessed", number_of(workload, "matched"),
		number_of(workload, "runs"));
	for (size_t i = 0; i < json_array_size(outputs); i++) {
		const json_t *o = json_array_get(outputs, i);
		const char *sha256 = text_of(o, "sha256"), *mode = text_of(o, "mode");

		fputs("; ", out);
		pb_md_text(out, text_of(o, "output") ? text_of(o, "output") : "?");
		if (mode && strcmp(mode, "exact") != 0)
			fprintf(out, " (mode %s)", mode);
		if (sha256)
			fprintf(out, " %.12s", sha256);
	}
}

static void put_flag(FILE *out, const json_t *flag)
{
	fputs("**flag**: ", out);
	pb_md_text(out, text_of(flag, "text") ? text_of(flag, "text") : text_of(flag, "flag"));
}

/* Members with lines of their own: an array of objects that have @mark. */
static const struct {
	const char *key, *mark;
	void (*put)(FILE *out, const json_t *item);
} lists[] = {{"files", "path", put_file},
	     {"workloads", "workload", put_workload},
	     {"flags", "flag", put_flag}};

static bool put_list(FILE *out, const char *key, const json_t *value)
{
	size_t i = 0, n = json_array_size(value);

	while (i < PB_ARRAY_SIZE(lists) && strcmp(lists[i].key, key) != 0)
		i++;
	if (i == PB_ARRAY_SIZE(lists) || !n)
		return false;
	for (size_t k = 0; k < n; k++)
		if (!text_of(json_array_get(value, k), lists[i].mark))
			return false;
	for (size_t k = 0; k < n; k++) {
		fputs("  - ", out);
		lists[i].put(out, json_array_get(value, k));
		fputc('\n', out);
	}
	return true;
}

/* What says which tree and machine it was, for programs; and what is told elsewhere. */
static bool is_for_programs(const char *key)
{
	static const char *const keys[] = {"schema",      "base",        "digest",
					   "diff_digest", "commit",      "plan_digest",
					   "host",        "lines_added", "lines_removed"};

	for (size_t i = 0; i < PB_ARRAY_SIZE(keys); i++)
		if (!strcmp(key, keys[i]))
			return true;
	return false;
}

/* A word for who says so, then what. */
static void put_member(FILE *out, const json_t *value)
{
	const char *by = text_of(value, "by"), *text = text_of(value, "text");

	if (!text) {
		put_value(out, value, 0);
		return;
	}
	pb_md_text(out, text);
	if (by && !strcmp(by, "author"))
		fputs(" (the author)", out);
}

/* One line for each member. */
static void put_record(FILE *out, const char *what, const char *text)
{
	pb_autojson json_t *record = parse(text);
	const char *key;
	json_t *value;

	if (!text)
		return;
	fprintf(out, "- %s%s\n", what, json_is_object(record) ? "" : ": not readable");
	json_object_foreach(record, key, value)
	{
		if (is_for_programs(key) || put_list(out, key, value))
			continue;
		fputs("  - ", out);
		pb_md_text(out, key);
		fputs(": ", out);
		put_member(out, value);
		fputc('\n', out);
	}
}

/* Begins a line, does not end it; NULL: none. */
static void put_line(FILE *out, const char *what, const char *text)
{
	if (!text)
		return;
	fprintf(out, "\n- %s: ", what);
	pb_md_text(out, text);
}

/* Who asked more than once is told. */
static void put_attempts(FILE *out, const struct pb_change *c)
{
	pb_autojson json_t *attempts = parse(c->attempts);
	size_t n = json_array_size(attempts);

	if (n < 2)
		return;
	fprintf(out, "; %zu verdicts in all:", n);
	for (size_t i = 0; i < n; i++) {
		const char *verdict = text_of(json_array_get(attempts, i), "verdict");

		fputs(i ? ", " : " ", out);
		pb_md_text(out, verdict ? verdict : "not known");
	}
}

static void put_change(FILE *out, const struct pb_change *c)
{
	const struct pb_lever *lever = pb_lever_find(c->lever);

	fprintf(out, "\n### Change %lld: ", (long long)c->id);
	pb_md_text(out, c->title);
	fputs("\n\n- Lever: ", out);
	pb_md_text(out, lever ? lever->title : c->lever);
	fputs("\n- Hypothesis: ", out);
	pb_md_text(out, c->hypothesis);
	fputs("\n- From: ", out);
	pb_md_code(out, c->base ? c->base : "no commit", 64);
	put_line(out, "Warning", c->warning);
	fputs("\n- Before and after: ", out);
	put_verdicts(out, c);
	put_attempts(out, c);
	put_line(out, c->state == PB_CHANGE_ABANDONED ? "Abandoned" : "Why", c->why);
	fputc('\n', out);
	put_record(out, "Diff", c->diff);
	put_record(out, "Proof", c->proof);
}

static void put_row(struct pb_md_table *t, const struct pb_change *c)
{
	pb_autofree char *verdict = NULL;
	size_t size;
	FILE *out = open_memstream(&verdict, &size);

	if (out)
		put_verdicts(out, c);
	if (!out || fclose(out)) {
		t->failed = true;
		return;
	}
	pb_md_cell(t, "%lld", (long long)c->id);
	pb_md_cell(t, "%s", pb_change_state_name(c->state));
	pb_md_cell(t, "%s/%s", c->workload, c->spot);
	pb_md_cell_text(t, c->lever);
	if (isnan(c->expected_pct))
		pb_md_cell(t, "-");
	else
		pb_md_cell(t, "-%g %%", c->expected_pct);
	pb_md_cell(t, "%s", verdict);
	pb_md_cell_text(t, c->title);
}

int pb_report_changes(FILE *out, const struct pb_report *r)
{
	static const struct pb_md_column columns[] = {
		{"#", true},        {"state", false},    {"hotspot", false}, {"lever", false},
		{"expected", true}, {"measured", false}, {"title", false}};
	pb_auto_md_table struct pb_md_table t = {columns, PB_ARRAY_SIZE(columns), NULL, 0, 0,
						 false};
	int err;

	if (pb_report_leaves_out(r, PB_PART_CHANGES))
		return 0;
	fputs("## Changes\n\n", out);
	if (!r->n_changes) {
		fputs("None yet.\n", out);
		return 0;
	}
	for (uint32_t i = 0; i < r->n_changes; i++)
		put_row(&t, &r->changes[i]);
	err = pb_md_table_print(&t, out);
	for (uint32_t i = 0; i < r->n_changes && !pb_report_leaves_out(r, PB_PART_PROOFS); i++)
		put_change(out, &r->changes[i]);
	return err;
}
