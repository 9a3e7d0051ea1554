/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A job for CI that holds the limits of a gate. Machines of CI differ from each other and from day to day, so a baseline
 * of another job says nothing about time: the job measures the base commit itself, on the machine and in the hour in which
 * it measures the new one.
 */
#include "user/bead/gate.h"

#include <errno.h>
#include <string.h>

#include "user/core/log.h"

static const char script[] =
	"set -eu\n"
	"\n"
	": \"${BEAD:=bead}\"            # the program; \"sudo bead\" counts system calls, allocations and "
	"block I/Os\n"
	": \"${BUILD:=make}\"           # what builds the commit that is checked out, run by sh\n"
	": \"${BASE_REF:=origin/main}\" # what the new commit is held against\n"
	": \"${OPTIONS:=}\"             # of what measures, as --noisy or --max-time 20m\n"
	": \"${METRICS:=}\"             # a file for node_exporter's textfile collector\n"
	"\n"
	"new=$(git rev-parse HEAD)\n"
	"base=$(git merge-base \"$BASE_REF\" HEAD)\n"
	"if ! git diff --quiet HEAD --; then\n"
	"\techo \"there are changes that are not committed; commit or stash them\" >&2\n"
	"\texit 2\n"
	"fi\n"
	"back=$(git symbolic-ref --quiet --short HEAD || echo \"$new\")\n"
	"trap 'git checkout --quiet \"$back\"' EXIT\n"
	"\n"
	"# The base commit, on this machine and now.\n"
	"git checkout --quiet --detach \"$base\"\n"
	"if [ ! -f \"$plan\" ]; then\n"
	"\techo \"the base commit has no $plan: there is nothing to compare with yet\" >&2\n"
	"\texit 0\n"
	"fi\n"
	"sh -c \"$BUILD\"\n"
	"for bead in $needs \"$baseline\"; do\n"
	"\t$BEAD run \"$bead\" $OPTIONS --plan \"$plan\"\n"
	"done\n"
	"$BEAD baseline save ci-base --bead \"$baseline\" --plan \"$plan\"\n"
	"\n"
	"# The new one, held against it.\n"
	"git checkout --quiet \"$back\"\n"
	"sh -c \"$BUILD\"\n"
	"status=0\n"
	"$BEAD gate $gate $OPTIONS --base ci-base --plan \"$plan\" ${METRICS:+--metrics \"$METRICS\"} || "
	"status=$?\n"
	"case $status in\n"
	"0) echo \"all limits hold\" ;;\n"
	"1) echo \"a limit is passed, or an output is wrong\" >&2 ;;\n"
	"3) echo \"the data cannot say: run it again, or where it is quieter\" >&2 ;;\n"
	"esac\n"
	"exit \"$status\"\n";

static const char job[] =
	"\n"
	"# As a job of GitHub Actions, in .github/workflows/perf.yml, with this script in\n"
	"# ci/perf-gate.sh:\n"
	"#\n"
	"#   name: perf\n"
	"#   on: pull_request\n"
	"#   jobs:\n"
	"#     gate:\n"
	"#       runs-on: ubuntu-latest\n"
	"#       timeout-minutes: 60\n"
	"#       steps:\n"
	"#         - uses: actions/checkout@v4\n"
	"#           with:\n"
	"#             fetch-depth: 0\n"
	"#         - run: sh ci/perf-gate.sh\n"
	"#           env:\n"
	"#             BEAD: sudo bead\n"
	"#             BASE_REF: origin/${{ github.base_ref }}\n";

/* 'it'\''s': one word of sh, whatever is in it. */
static void write_quoted(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", out);
		else
			fputc(*text, out);
	}
	fputc('\'', out);
}

static bool covers(const struct pb_plan_bead *baseline, const struct pb_plan_bead *gate)
{
	for (uint32_t i = 0; i < gate->n_workloads; i++) {
		uint32_t j = 0;

		while (j < baseline->n_workloads && baseline->workloads[j] != gate->workloads[i])
			j++;
		if (j == baseline->n_workloads)
			return false;
	}
	return true;
}

/* A fresh checkout has run nothing yet. Their names are words of sh as they are. */
static void write_needs(FILE *out, const struct pb_plan *plan, uint32_t baseline)
{
	pb_autofree bool *needed = calloc(plan->n_beads, sizeof(*needed));
	bool first = true;

	fputs("needs='", out);
	if (needed) {
		needed[baseline] = true;
		/* Each comes behind what it needs. */
		for (uint32_t i = baseline + 1; i-- > 0;)
			for (uint32_t k = 0; needed[i] && k < plan->beads[i].n_needs; k++)
				needed[plan->beads[i].needs[k]] = true;
	}
	for (uint32_t i = 0; needed && i < baseline; i++) {
		if (!needed[i])
			continue;
		fprintf(out, "%s%s", first ? "" : " ", plan->beads[i].id);
		first = false;
	}
	fputs("' # what the baseline waits for, in order\n", out);
}

int pb_gate_write_ci(FILE *out, const struct pb_plan *plan, const struct pb_plan_bead *bead,
		     const char *plan_path, const char *gate)
{
	const struct pb_plan_bead *baseline = NULL;

	for (uint32_t i = 0; i < plan->n_beads && !baseline; i++)
		if (plan->beads[i].kind == PB_BEAD_BASELINE && covers(&plan->beads[i], bead))
			baseline = &plan->beads[i];
	if (!baseline)
		return pb_fail(EINVAL,
			       "the plan has no bead of kind baseline with all workloads of the "
			       "gate, and a job of CI has to measure one");
	fputs("#!/bin/sh\n"
	      "# Guardrails, written by bead gate --ci. Machines of CI differ, so base and new commit are "
	      "measured in\n"
	      "# one job. Exit status: 0 all limits hold; 1 one is passed, or an output is wrong; 3 the "
	      "data cannot say.\n"
	      "# shellcheck disable=SC2086 # BEAD and OPTIONS are words of their own\n"
	      "plan=",
	      out);
	write_quoted(out, plan_path);
	fputc('\n', out);
	write_needs(out, plan, (uint32_t)(baseline - plan->beads));
	fprintf(out, "baseline=%s\ngate=%s\n", baseline->id, gate ? gate : "");
	fputs(script, out);
	fputs(job, out);
	return 0;
}
