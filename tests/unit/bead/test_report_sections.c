/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/report_sections.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "user/bead/levers.h"

#define NONE ((double)NAN)

static const char plan_text[] =
	"version: 1\n"
	"project: shop\n"
	"workloads:\n"
	"  parse: {command: [./parse, 'a b']}\n"
	"beads:\n"
	"  - {id: shop.baseline, kind: baseline}\n"
	"  - {id: shop.oracle, kind: oracle}\n"
	"  - {id: shop.cpu, kind: cpu-flame, needs: [shop.baseline, shop.oracle], top: 2}\n"
	"  - {id: shop.gate, kind: gate, needs: [shop.cpu], limits: {wall_p50_pct: 3, "
	"syscalls_pct: 0}}\n";

static struct pb_figure measured[] = {
	{"parse", "wall_p50_ns", "ns", 41.2e6, 40.9e6, 41.6e6, NULL},
	{"parse", "wall_p99_ns", "ns", NONE, NONE, NONE, "30 runs, and p99 needs 299"},
	{"parse", "syscalls", "count", 54, 54, 56, NULL},
	{"parse", "runs", "count", 30, NONE, NONE, NULL},
};
static struct pb_figure gated[] = {
	{"parse", "wall_p50_pct", "percent", 4.1, 3.5, 4.9, NULL},
	{"parse", "syscalls_pct", "percent", NONE, NONE, NONE, "not counted | here"},
};

static struct pb_opportunity_clue clues[] = {{NULL, 79, (char *)"79 % of it is <here>"}};

static struct pb_opportunity rows[] = {
	{.spot = {"parse",      PB_SPOT_CPU, "Caaaa0001", "find", "/bin/parse",
		  "src/find.c", 118,         "",          50.1,   63.25,
		  61,           65,          63,          60,     66,
		  1e6,          "ns",        2000,        1,      ".bead/runs/3/cpu-1.json"},
	 .clues = clues,
	 .n_clues = 1,
	 .saves_pct = 63,
	 .impact = 5,
	 .confidence = 5,
	 .effort = 3,
	 .effort_assumed = true,
	 .score = 8.33,
	 .stands = true},
	{.spot = {"parse", PB_SPOT_CPU, "Caaaa0002", "main", "/bin/parse",
		  "",      0,           "",          0.1,    99,
		  98,      99,          99,          98,     99,
		  1e6,     "ns",        2000,        1,      ".bead/runs/3/cpu-1.json"},
	 .saves_pct = 99,
	 .confidence = 5,
	 .impact = 5,
	 .score = NAN,
	 .lacks = "no lever"},
	{.spot = {"parse", PB_SPOT_CPU, "Caaaa0003", "a|b`<i>\n# x",
		  "",      "",          0,           "",
		  NAN,     7,           NAN,         NAN,
		  7,       NAN,         NAN,         NAN,
		  "ns",    20,          NAN,         ""},
	 .saves_pct = 7,
	 .confidence = 1,
	 .impact = 2,
	 .score = NAN,
	 .why_stays = (char *)"next *year*",
	 .lacks = "no lever"},
};

static struct pb_change changes[] = {
	{.id = 1,
	 .title = "an index",
	 .workload = "parse",
	 .spot = "Caaaa0001",
	 .lever = "index",
	 .hypothesis = "no scan",
	 .expected_pct = 40,
	 .base = "abc",
	 .state = PB_CHANGE_CLOSED,
	 .opened = "2026-11-30T00:00:00.000Z",
	 .diff = "{\"schema\": \"bead-diff/1\", \"base\": \"abc\", \"files\": [{\"path\": \"b|c.c\", "
		 "\"lines_added\": 3, \"lines_removed\": 1, \"functions\": [\"f\", \"g\"]}, {\"path\": "
		 "\"d\", \"binary\": true}], \"more\": [\"a\", \"b|c\"], \"flags\": [{\"flag\": \"plan\", "
		 "\"text\": \"another <plan>\"}]}",
	 .proof =
		 "{\"schema\": \"bead-proof/1\", \"ties\": {\"by\": \"author\", \"text\": \"none\"}, "
		 "\"seeds\": {\"by\": \"outputs\", \"text\": \"checked\"}, \"host\": \"secret\", "
		 "\"deep\": {\"n\": [1, 2.5, true, null]}, \"workloads\": [{\"workload\": \"w\", "
		 "\"runs\": 2, \"matched\": 2, \"outputs\": [{\"output\": \"stdout\", \"mode\": "
		 "\"exact\", \"sha256\": \"0123456789abcdef\"}, {\"output\": \"files/a\", \"mode\": "
		 "\"set\"}]}]}",
	 .verdict = "{\"verdict\": \"improved\", \"ratio\": {\"value\": 0.612, \"low\": 0.6, "
		    "\"high\": 0.63}}"},
	{.id = 2,
	 .title = "<b>",
	 .workload = "parse",
	 .spot = "Caaaa0001",
	 .lever = "index",
	 .hypothesis = "",
	 .expected_pct = NAN,
	 .state = PB_CHANGE_OPEN,
	 .opened = "2026-11-30T00:00:00.000Z",
	 .proof = "no JSON",
	 .verdict =
		 "{\"workloads\": [{\"workload\": \"w\", \"verdict\": \"equivalent\", \"ratio\": "
		 "1.01, \"low\": 0.99, \"high\": 1.02}]}"},
};

static struct pb_report report;
static struct pb_opportunities opportunities = {rows, 3, 1, 0};
static struct pb_report_bead beads[4];

static int setup(void **state)
{
	static struct pb_plan *plan;
	char message[256];

	(void)state;
	if (pb_plan_parse(&plan, "/x/beads.yaml", plan_text, strlen(plan_text), message,
			  sizeof(message)))
		return -1;
	clues[0].lever = pb_lever_find("algorithm");
	rows[1].score = rows[2].score = NAN;
	for (uint32_t i = 0; i < 3; i++) {
		rows[i].saves_pct = rows[i].spot.ceiling_pct;
		rows[i].complete_pct = NAN;
	}
	rows[1].complete_pct = 98.5;
	for (uint32_t i = 0; i < 4; i++)
		beads[i] = (struct pb_report_bead){.bead = &plan->beads[i],
						   .standing = {PB_STATE_DONE, 0},
						   .run = i + 1,
						   .ended = "2026-11-30T00:36:26.132Z"};
	beads[0].figures = measured;
	beads[0].n_figures = 4;
	beads[3].figures = gated;
	beads[3].n_figures = 2;
	beads[3].standing.state = PB_STATE_FAILED;
	beads[3].note = "too slow\n";
	report = (struct pb_report){
		.plan = plan,
		.plan_name = "beads.yaml",
		.env = {"0123456789012345678901234567890123456789", true, "Linux 6 x", "CPU", 2,
			2147483648},
		.beads = beads,
		.opportunities = &opportunities,
		.stop = {3, 4, 1, 0, false,
			 "3 of 4 beads are done, and 1 hotspot stands above the "
			 "threshold"},
		.blessed = true,
	};
	return pb_report_plan_steps(&report);
}

static int teardown(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < report.n_steps; i++)
		free(report.steps[i].command);
	pb_plan_free(report.plan);
	return 0;
}

static void expect_section(int (*write)(FILE *out, const struct pb_report *r), const char *want)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(write(out, &report), 0);
	fclose(out);
	assert_string_equal(text, want);
	free(text);
}

static void verdict_is_one_line(void **state)
{
	(void)state;
	expect_section(
		pb_report_verdict,
		"## Verdict\n\n**Open.** 3 of 4 beads are done, and 1 hotspot stands above the "
		"threshold; first: `find` (parse/Caaaa0001); open: `shop.gate`.\n");
}

static void what_is_needed_to_do_it_again_is_told(void **state)
{
	char want[1024];

	(void)state;
	snprintf(want, sizeof(want),
		 "## How to reproduce\n\nIn the directory of the plan:\n\n"
		 "    git checkout 0123456789012345678901234567890123456789\n"
		 "    sudo bead run --all\n"
		 "    bead report\n\n"
		 "- Tree: commit 0123456789012345678901234567890123456789, **with changes that are "
		 "not committed**\n"
		 "- Plan: `beads.yaml`, sha256\n  %s\n"
		 "- Machine: Linux 6 x; 2 CPUs (CPU); memory 2 GiB\n"
		 "- Made by bead " PB_VERSION "\n",
		 report.plan->digest);
	expect_section(pb_report_reproduce, want);
}

static void figures_have_intervals_or_reasons(void **state)
{
	(void)state;
	expect_section(pb_report_baseline,
		       "## Baseline\n\n### parse\n\n`./parse 'a b'`, 30 runs\n\n"
		       "| figure       |   value | 95 % interval, or why there is none |\n"
		       "| ------------ | ------: | ----------------------------------- |\n"
		       "| time, p50    | 41.2 ms | 40.9 ms to 41.6 ms |\n"
		       "| time, p99    |       - | 30 runs, and p99 needs 299 |\n"
		       "| system calls |      54 | 54 to 56 |\n");
}

static void hotspots_are_as_many_as_the_plan_wants_by_cumulative_time(void **state)
{
	(void)state;
	expect_section(
		pb_report_hotspots,
		"## Hotspots by cumulative CPU time\n\n### parse\n\n"
		"| cumulative | 95 % interval |   self | id        | function |\n"
		"| ---------: | ------------- | -----: | --------- | -------- |\n"
		"|     99.0 % | [98.0, 99.0]  |  0.1 % | Caaaa0002 | `main` in parse |\n"
		"|     63.2 % | [61.0, 65.0]  | 50.1 % | Caaaa0001 | `find` at src/find.c:118 |\n"
		"\nEvidence: `.bead/runs/3/cpu-1.json`; 98.5 % of its stacks are complete\n");
	expect_section(
		pb_report_allocations,
		"## Call sites that allocate most\n\nNot known: no bead of kind alloc-sites is "
		"done.\n");
}

static void hostile_names_stay_in_their_cells(void **state)
{
	(void)state;
	expect_section(
		pb_report_matrix,
		"## Opportunity matrix\n\n"
		"| stands   | score | imp. | conf. | eff. |  saves | hotspot         | lever     | "
		"where |\n"
		"| -------- | ----: | ---: | ----: | ---: | -----: | --------------- | --------- | "
		"----- |\n"
		"| **yes**  |   8.3 |    5 |     5 |   3? | 63.0 % | parse/Caaaa0001 | algorithm | "
		"`find` |\n"
		"| no       |     - |    5 |     5 |    - | 99.0 % | parse/Caaaa0002 | -         | "
		"`main` |\n"
		"| accepted |     - |    2 |     1 |    - |  7.0 % | parse/Caaaa0003 | -         | "
		"a&#124;b\\`\\<i\\>\\\\x0a# x |\n"
		"\nScore is impact x confidence / effort, 1 to 5 each; an effort with \"?\" is assumed."
		" A hotspot\nstands with a score of 2 or more and 5 % or more of the time to save.\n\n"
		"- parse/Caaaa0001 `find`\n"
		"  - **a better algorithm or data structure**: 79 % of it is \\<here\\>\n"
		"- parse/Caaaa0002 lacks evidence: no lever\n"
		"- parse/Caaaa0003 a&#124;b\\`\\<i\\>\\\\x0a# x\n"
		"  - lacks evidence: no lever\n"
		"  - accepted: next \\*year\\*\n");
}

static void a_gate_tells_which_limit_is_passed(void **state)
{
	(void)state;
	expect_section(
		pb_report_guardrails,
		"## Guardrails\n\n`shop.gate` is failed: too slow\\\\x0a.\n\n"
		"| limit        | allowed | workload | change | 95 % interval |\n"
		"| ------------ | ------: | -------- | -----: | ------------- |\n"
		"| wall_p50_pct |     3 % | parse    |  4.1 % | [3.5, 4.9] **above the limit** |\n"
		"| syscalls_pct |     0 % | parse    |      - | not counted &#124; here |\n");
}

static void changes_come_with_diff_proof_and_verdict(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	report.changes = changes;
	report.n_changes = 2;
	assert_int_equal(pb_report_changes(out, &report), 0);
	fclose(out);
	report.n_changes = 0;
	assert_non_null(strstr(text, "improved, ratio 0.612 [0.600, 0.630]"));
	assert_non_null(strstr(text, "w: equivalent, ratio 1.010 [0.990, 1.020] | \\<b\\> |\n"));
	assert_non_null(strstr(text, "\n### Change 1: an index\n\n"
				     "- Lever: an index instead of a scan\n"
				     "- Hypothesis: no scan\n"
				     "- From: `abc`\n"
				     "- Before and after: improved, ratio 0.612 [0.600, 0.630]\n"
				     "- Diff\n"
				     "  - b&#124;c.c, +3 -1: f, g\n"
				     "  - `d`, binary\n"
				     "  - more: a, b&#124;c\n"
				     "  - **flag**: another \\<plan\\>\n"
				     "- Proof\n"
				     "  - ties: none (the author)\n"
				     "  - seeds: checked\n"
				     "  - deep: n: 1, 2.5, yes, -\n"
				     "  - w: 2 of 2 runs gave what was blessed; stdout "
				     "0123456789ab; files/a (mode set)\n"));
	assert_non_null(strstr(text, "- Proof: not readable\n"));
	free(text);
	expect_section(pb_report_changes, "## Changes\n\nNone yet.\n");
}

static void a_budget_is_kept_and_what_matters_stays(void **state)
{
	static const char last[] = "    bead status\n";
	size_t all, size, before = 0;
	char *text;

	(void)state;
	free(pb_report_brief(&report, SIZE_MAX, &all));
	assert_int_equal(report.left, 0);
	for (size_t most = 700; most <= all; most += 100) {
		text = pb_report_brief(&report, most, &size);
		assert_true(size == strlen(text) && size <= most && size >= before);
		assert_non_null(strstr(text, "**Open.** 3 of 4"));
		assert_non_null(strstr(text, "| **yes** "));
		assert_true(report.left == 0 || strstr(text, "Left out: "));
		assert_string_equal(text + size - strlen(last), last);
		before = size;
		free(text);
	}
	/* No room for anything: the shortest there is. */
	text = pb_report_brief(&report, 1, &size);
	assert_non_null(strstr(text, "| **yes** "));
	assert_string_equal(text + size - strlen(last), last);
	free(text);
	report.left = 0;
}

static void rows_that_stand_are_left_out_last(void **state)
{
	static struct pb_opportunity many[40];
	struct pb_opportunities o = {many, 40, 40, 0};
	uint32_t shown = 0;
	size_t size;
	char *text;

	(void)state;
	for (int i = 0; i < 40; i++)
		many[i] = rows[0];
	report.opportunities = &o;
	text = pb_report_brief(&report, 1600, &size);
	report.opportunities = &opportunities;
	report.left = 0;
	assert_true(size <= 1600);
	for (const char *p = text; (p = strstr(p, "| **yes** ")); p++)
		shown++;
	assert_true(shown >= 5 && shown < 40);
	assert_non_null(strstr(text, "opportunities beyond the first"));
	free(text);
}

static void json_is_whole_and_has_the_same_ids(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	json_t *root;

	(void)state;
	report.changes = changes;
	report.n_changes = 2;
	pb_report_write_json(out, &report);
	report.n_changes = 0;
	fclose(out);
	root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(root);
	assert_string_equal(json_string_value(json_object_get(root, "schema")), "bead-report/1");
	assert_int_equal(json_array_size(json_object_get(root, "opportunities")), 3);
	assert_string_equal(
		json_string_value(json_object_get(
			json_array_get(json_object_get(root, "opportunities"), 0), "id")),
		"Caaaa0001");
	assert_true(json_is_object(
		json_object_get(json_array_get(json_object_get(root, "changes"), 0), "proof")));
	/* What is no JSON becomes none. */
	assert_true(json_is_null(
		json_object_get(json_array_get(json_object_get(root, "changes"), 1), "proof")));
	json_decref(root);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdict_is_one_line),
		cmocka_unit_test(what_is_needed_to_do_it_again_is_told),
		cmocka_unit_test(figures_have_intervals_or_reasons),
		cmocka_unit_test(hotspots_are_as_many_as_the_plan_wants_by_cumulative_time),
		cmocka_unit_test(hostile_names_stay_in_their_cells),
		cmocka_unit_test(a_gate_tells_which_limit_is_passed),
		cmocka_unit_test(changes_come_with_diff_proof_and_verdict),
		cmocka_unit_test(a_budget_is_kept_and_what_matters_stays),
		cmocka_unit_test(rows_that_stand_are_left_out_last),
		cmocka_unit_test(json_is_whole_and_has_the_same_ids),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
