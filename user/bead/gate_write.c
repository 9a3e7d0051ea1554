/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a gate found, for people and for Prometheus, and the alert rules that go with it. */
#include "user/bead/gate.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

void pb_gate_print_row(FILE *out, const struct pb_gate_row *row)
{
	char text[256];

	fprintf(out, "  %-16s %-14s %-12s %s, limit %g %%%s\n", row->workload, row->v.name,
		pb_gate_verdict_name(row->verdict), pb_versus_text(text, sizeof(text), &row->v),
		row->limit_pct, row->fresh ? ", by fresh runs" : "");
	if (row->verdict == PB_GATE_INCONCLUSIVE)
		fprintf(out, "  %-16s %-14s %s\n", "", "", row->why);
}

/* --- metrics --- */

/* What Prometheus calls what was measured, in its base units. */
static void value_name(char *buf, size_t size, const struct pb_versus *v)
{
	bool is_time = !strcmp(v->unit, "ns"), is_size = !strcmp(v->unit, "bytes");

	snprintf(buf, size, "bead_%s%s", v->name, is_time ? "_seconds" : is_size ? "_bytes" : "");
}

static double in_base_unit(const struct pb_versus *v)
{
	return strcmp(v->unit, "ns") != 0 ? v->fresh : v->fresh / 1e9;
}

/* Names of plans need no care in a label. */
static void write_sample(FILE *out, const char *metric, const char *suffix, const char *project,
			 const char *workload, double value)
{
	fprintf(out, "%s%s{project=\"%s\",workload=\"%s\"} ", metric, suffix, project, workload);
	if (isinf(value))
		fputs("+Inf\n", out);
	else
		fprintf(out, "%.17g\n", value);
}

static void write_head(FILE *out, const char *metric, const char *suffix, const char *help)
{
	fprintf(out, "# HELP %s%s %s\n# TYPE %s%s gauge\n", metric, suffix, help, metric, suffix);
}

/* Which of its numbers a series is of. */
enum part {
	PART_VALUE,
	PART_RATIO,
	PART_LOW,
	PART_HIGH,
	PART_VERDICT,
};

static bool number_of(const struct pb_gate_row *row, enum part part, double *out)
{
	switch (part) {
	case PART_VALUE:
		*out = in_base_unit(&row->v);
		return !isnan(*out);
	case PART_RATIO:
		*out = row->v.ratio.value;
		break;
	case PART_LOW:
		*out = row->v.ratio.low;
		break;
	case PART_HIGH:
		*out = row->v.ratio.high;
		break;
	default:
		*out = row->verdict == PB_GATE_REGRESSED;
		return row->verdict != PB_GATE_INCONCLUSIVE;
	}
	/* An alert looks at the lower end: of a count that varies too much there is none to look at. */
	if (row->v.is_count && part != PART_RATIO && row->verdict == PB_GATE_INCONCLUSIVE)
		return false;
	return !row->v.why[0];
}

/* All workloads of one metric stand together, as the format wants it. Rows of a limit are neighbours. */
static void write_metric(FILE *out, const struct pb_gate *g, uint32_t from, uint32_t to,
			 const char *project, enum part part)
{
	/* Counts have a range, and no interval. */
	static const struct {
		const char *suffix, *help, *of_count;
	} parts[] = {
		[PART_VALUE] = {"",
				"as the gate measured it: the median, the fewest or the quantile",
				"as the gate measured it: the fewest of its runs"},
		[PART_RATIO] = {"_ratio", "of what the gate measured to the reference",
				"of what the gate measured to the reference"},
		[PART_LOW] = {"_ratio_low", "lower end of the ratio's 95 % interval",
			      "lower end of the ratio's range over runs"},
		[PART_HIGH] = {"_ratio_high", "upper end of the ratio's 95 % interval",
			       "upper end of the ratio's range over runs"},
		[PART_VERDICT] = {"_regressed", "whether the gate found its limit passed",
				  "whether the gate found its limit passed"},
	};
	const struct pb_versus *first = &g->rows[from].v;
	char metric[64];
	bool any = false;
	double value;

	if (part == PART_VALUE)
		value_name(metric, sizeof(metric), first);
	else
		snprintf(metric, sizeof(metric), "bead_%s", first->name);
	for (uint32_t i = from; i < to; i++) {
		if (!number_of(&g->rows[i], part, &value))
			continue;
		if (!any)
			write_head(out, metric, parts[part].suffix,
				   first->is_count ? parts[part].of_count : parts[part].help);
		any = true;
		write_sample(out, metric, parts[part].suffix, project, g->rows[i].workload, value);
	}
}

void pb_gate_write_metrics(FILE *out, const struct pb_gate *g, const char *project, uint64_t now_s)
{
	for (uint32_t from = 0, to; from < g->n; from = to) {
		for (to = from; to < g->n && g->rows[to].v.what == g->rows[from].v.what; to++)
			;
		for (int part = PART_VALUE; part <= PART_VERDICT; part++)
			write_metric(out, g, from, to, project, (enum part)part);
	}
	write_head(out, "bead_gate_", "timestamp_seconds", "when the gate ended");
	fprintf(out, "bead_gate_timestamp_seconds{project=\"%s\"} %" PRIu64 "\n", project, now_s);
}

/* --- rules --- */

/* "wall_p50" as a part of an alert's name: "WallP50". */
static void camel(char *buf, size_t size, const char *name)
{
	bool up = true;
	size_t len = 0;

	for (; *name && len + 1 < size; name++) {
		if (*name == '_') {
			up = true;
			continue;
		}
		buf[len++] = (char)(up && *name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name);
		up = false;
	}
	buf[len] = '\0';
}

static void write_rule(FILE *out, const char *project, const char *workload, enum pb_limit limit,
		       double limit_pct)
{
	struct pb_versus v;
	char name[64];

	pb_versus_init(&v, limit);
	camel(name, sizeof(name), v.name);
	fprintf(out,
		"      - alert: Bead%sRegressed\n"
		"        expr: bead_%s_ratio_low{project=\"%s\",workload=\"%s\"} > %.12g\n"
		"        labels:\n"
		"          severity: warning\n"
		"          project: \"%s\"\n"
		"          workload: \"%s\"\n"
		"          limit: %s\n"
		"        annotations:\n"
		"          summary: \"%s of %s/%s is more than %g %% above its reference\"\n"
		"          description: \"{{ $value }} is the lower end of the ratio's "
		"%s; bead gate shows the rest\"\n",
		name, v.name, project, workload, 1 + limit_pct / 100, project, workload,
		pb_limit_name(limit), v.name, project, workload, limit_pct,
		v.is_count ? "range over runs" : "95 % interval");
}

void pb_gate_write_rules(FILE *out, const struct pb_plan *plan, const struct pb_plan_bead *bead)
{
	double limits[PB_LIMITS];

	pb_gate_limits(bead, limits);
	fprintf(out,
		"# Written by bead gate --rules from the limits of the plan. The series come from\n"
		"# bead gate --metrics FILE.prom, in the directory of node_exporter's textfile "
		"collector.\n"
		"groups:\n"
		"  - name: bead-%s\n"
		"    rules:\n",
		plan->project);
	for (uint32_t i = 0; i < PB_LIMITS; i++) {
		enum pb_limit limit = pb_gate_order(i);

		for (uint32_t j = 0; j < bead->n_workloads && limits[limit] >= 0; j++)
			if (pb_gate_applies(plan, bead, limit, bead->workloads[j]))
				write_rule(out, plan->project,
					   plan->workloads[bead->workloads[j]].name, limit,
					   limits[limit]);
	}
}
