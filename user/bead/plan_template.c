/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The plan that `bead init` writes. */
#include "user/bead/plan.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "user/core/text.h"

/* As pb_plan_check_name() wants it. */
static bool is_name(const char *name, size_t longest)
{
	size_t len = strlen(name);

	return len && len <= longest &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == len &&
	       !strchr("._-", name[0]);
}

static bool is_plain_text(const char *s)
{
	size_t len = strlen(s);
	uint32_t c;

	while (len) {
		size_t n = pb_text_decode(s, len, &c);

		if (!n || !pb_text_prints(c) || c >= 0xfffe)
			return false;
		s += n;
		len -= n;
	}
	return true;
}

/* A word of a command, in quotes unless it is one in any YAML without them. */
static void print_word(FILE *out, const char *word)
{
	const char *s = word;
	bool bare = isalpha((unsigned char)*s) || *s == '/' || (s[0] == '.' && s[1] == '/');

	for (; *s && bare; s++)
		bare = isalnum((unsigned char)*s) || strchr("/._-", *s);
	/* "null", "true", "no" and what else YAML might know. */
	if (bare && strlen(word) > 5) {
		fputs(word, out);
		return;
	}
	fputc('"', out);
	for (s = word; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', out);
		fputc(*s, out);
	}
	fputc('"', out);
}

static void print_workload(FILE *out, const char *name, char *const *argv)
{
	fprintf(out, "  %s:\n    command: [", name);
	for (uint32_t i = 0; argv[i]; i++) {
		fputs(i ? ", " : "", out);
		print_word(out, argv[i]);
	}
	fputs("]\n", out);
}

static const char head[] =
	"# What is measured, what has to stay equal, what is too much. See bead(8).\n"
	"version: 1\n"
	"project: %s\n"
	"\n"
	"limits:\n"
	"  hotspot_pct: 5         # a hotspot above this keeps the audit open\n"
	"  min_complete_pct: 90   # of stacks, or a profile does not count\n"
	"  max_overhead_pct: 20   # of one CPU, that taking samples may cost\n"
	"  score: 2.0             # of opportunities worth doing\n"
	"\n"
	"# How a copy of another revision is built, for bead ab --a-ref.\n"
	"# build: [make, -s]\n"
	"\n"
	"# Commands are run without a shell, in the directory of this file.\n"
	"workloads:\n";

static const char more[] =
	"    # directory: .\n"
	"    # environment: {LC_ALL: C}\n"
	"    # stdin: data/input.txt        # /dev/null by default\n"
	"    # prepare: [rm, -rf, out]      # before each run, not timed\n"
	"    # operations: 1000             # of one run, for throughput\n"
	"    # latencies: {file: out/latencies.txt, unit: us}  # written by each run\n"
	"    # warmup: 2\n"
	"    # runs: 30\n"
	"    # timeout: 60s\n"
	"    # golden:                      # what every run has to give\n"
	"    #   stdout: exact              # or json, set, float, ignore\n"
	"    #   stderr: ignore\n"
	"    #   exit: 0\n"
	"    #   files: [out/result.json]\n"
	"    #   normalize: [{match: \"pid=[0-9]+\", replace: \"pid=N\"}]\n"
	"    #   invariants: [[./check, out/result.json]]\n";

static void print_beads(FILE *out, const char *p)
{
	fputs("\nbeads:\n", out);
	fprintf(out, "  - {id: %s.baseline, kind: baseline}\n", p);
	fprintf(out, "  - {id: %s.oracle, kind: oracle}\n", p);
	fprintf(out, "  - {id: %s.cpu, kind: cpu-flame, needs: [%s.baseline, %s.oracle], top: 5}\n",
		p, p, p);
	fprintf(out, "  - {id: %s.alloc, kind: alloc-sites, needs: [%s.baseline, %s.oracle]}\n", p,
		p, p);
	fprintf(out, "  - {id: %s.io, kind: io-latency, needs: [%s.baseline, %s.oracle]}\n", p, p,
		p);
	fprintf(out,
		"  # Against a saved baseline, in percent of it.\n"
		"  - id: %s.gate\n"
		"    kind: gate\n"
		"    needs: [%s.cpu, %s.alloc, %s.io]\n"
		"    limits: {wall_p50_pct: 3, cpu_pct: 3, memory_pct: 5, allocations_pct: 0.5, "
		"syscalls_pct: 0.5}\n",
		p, p, p, p);
}

static bool can_be_written(const char *project, const char *const *names,
			   char *const *const *commands, uint32_t n)
{
	/* "project.baseline" is a name as well. */
	errno = EINVAL;
	if (!n || n > PB_PLAN_ITEMS_MAX || !is_name(project, 64 - strlen(".baseline")))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t words = 0;

		errno = EINVAL;
		if (!is_name(names[i], 64) || !commands[i][0] || !commands[i][0][0])
			return false;
		for (uint32_t j = 0; j < i; j++) {
			if (!strcmp(names[i], names[j]))
				return false;
		}
		for (; commands[i][words]; words++) {
			errno = EILSEQ;
			if (!is_plain_text(commands[i][words]))
				return false;
		}
		errno = EINVAL;
		if (words > PB_PLAN_ITEMS_MAX)
			return false;
	}
	return true;
}

char *pb_plan_template(const char *project, const char *const *names, char *const *const *commands,
		       uint32_t n)
{
	char *text = NULL;
	size_t size;
	FILE *out;
	bool failed;

	if (!can_be_written(project, names, commands, n))
		return NULL;
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	fprintf(out, head, project);
	for (uint32_t i = 0; i < n; i++) {
		print_workload(out, names[i], commands[i]);
		if (!i)
			fputs(more, out);
	}
	print_beads(out, project);
	failed = ferror(out);
	if (fclose(out) || failed) {
		free(text);
		errno = ENOMEM;
		return NULL;
	}
	return text;
}
