/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/tally.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/bead/code.h"
#include "user/bead/plan.h"
#include "user/bead/share.h"
#include "user/bead/stats.h"

#define LOST_MAX_PCT 5
/* Incomplete stacks, of all runs, that a profile can do without whatever their share: below 30 blocks, calls or samples
 * no path is a spot. */
#define BROKEN_MIN   30
#define MODULES_TOLD 2

void pb_tally_drop(struct pb_tally *t)
{
	json_decref(t->broken_by);
	*t = (struct pb_tally){0};
}

int pb_report_count(const json_t *value, uint64_t *out)
{
	const char *digits = json_string_value(value);
	uint64_t n = 0;

	if (json_is_integer(value) && json_integer_value(value) >= 0) {
		*out = (uint64_t)json_integer_value(value);
		return 0;
	}
	if (!digits || !*digits)
		return -EPROTO;
	for (; *digits; digits++) {
		if (*digits < '0' || *digits > '9' || n > UINT64_MAX / 10 - 1)
			return -EPROTO;
		n = 10 * n + (uint64_t)(*digits - '0');
	}
	*out = n;
	return 0;
}

double pb_report_number(const json_t *value)
{
	uint64_t n;

	if (json_is_number(value))
		return json_number_value(value);
	return pb_report_count(value, &n) ? (double)NAN : (double)n;
}

int pb_report_value(const json_t *report, const char *type)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(report, "values"), i, row)
	{
		if (!strcmp(pb_code_text(row, "type"), type))
			return (int)i;
	}
	return -1;
}

static int read_counts(struct pb_tally *t, const json_t *report, uint64_t *kept, char *why,
		       size_t size)
{
	const struct {
		const char *part, *key;
		uint64_t *sum;
	} counts[] = {
		{"events", "produced", &t->produced},
		{"events", "lost", &t->lost},
		{"stacks", "complete", &t->complete},
		{"events", "kept", &t->kept},
	};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		const json_t *part = json_object_get(report, counts[i].part);

		if (pb_report_count(json_object_get(part, counts[i].key), kept)) {
			snprintf(why, size, "its report has no \"%s\" in \"%s\"", counts[i].key,
				 counts[i].part);
			return -EPROTO;
		}
		*counts[i].sum += *kept;
	}
	return 0;
}

static bool is_loader(const char *module)
{
	const char *name = pb_code_file_name(module);

	return !strncmp(name, "ld-", 3) || !strncmp(name, "ld.so", 5);
}

static int add_broken(struct pb_tally *t, const json_t *report)
{
	const json_t *row, *rows = json_object_get(json_object_get(report, "stacks"), "broken_by");
	size_t i;

	if (!t->broken_by)
		t->broken_by = json_object();
	if (!t->broken_by)
		return -ENOMEM;
	json_array_foreach(rows, i, row)
	{
		const char *module = pb_code_text(row, "module");
		uint64_t events = 0;

		if (pb_report_count(json_object_get(row, "events"), &events))
			continue;
		if (!strcmp(pb_code_text(row, "cause"), "new_process") && is_loader(module)) {
			t->loading += events;
			continue;
		}
		events += (uint64_t)json_integer_value(json_object_get(t->broken_by, module));
		if (json_object_set_new(t->broken_by, module, json_integer((json_int_t)events)))
			return -ENOMEM;
	}
	return 0;
}

int pb_tally_add(struct pb_tally *t, const json_t *report, char *why, size_t size)
{
	const json_t *overhead = json_object_get(report, "overhead");
	const json_t *capture = json_object_get(report, "capture");
	uint64_t kept = 0;
	int err;

	if (t->runs == PB_TALLY_RUNS_MAX) {
		snprintf(why, size, "there are more runs than are kept");
		return -ENOSPC;
	}
	err = read_counts(t, report, &kept, why, size);
	if (!err)
		err = add_broken(t, report);
	if (err)
		return err;
	t->kept_of[t->runs] = (double)kept;
	t->bpf_cpu_pct[t->runs] = pb_report_number(json_object_get(overhead, "bpf_cpu_pct"));
	t->duration_ns[t->runs] = 1e9 * pb_report_number(json_object_get(capture, "duration_s"));
	t->runs++;
	return 0;
}

double pb_tally_complete_pct(const struct pb_tally *t)
{
	return t->kept ? 100 * (double)t->complete / (double)t->kept : (double)NAN;
}

double pb_tally_cost_pct(const struct pb_tally *t)
{
	double x[PB_TALLY_RUNS_MAX];
	uint32_t n = 0;

	for (uint32_t i = 0; i < t->runs; i++)
		if (!isnan(t->bpf_cpu_pct[i]))
			x[n++] = t->bpf_cpu_pct[i];
	return n ? pb_stats_median(x, n) : (double)NAN;
}

/* ": they break off in libfoo.so 41.0 %, libbar.so 3.0 %": modules in which walks broke off, most first, with their share of all stacks. */
static void tell_modules(const struct pb_tally *t, char *text, size_t size)
{
	json_int_t below = INT64_MAX;
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t n = 0; n < MODULES_TOLD; n++) {
		const char *key, *module = NULL;
		json_int_t most = 0;
		json_t *value;

		json_object_foreach(t->broken_by, key, value)
		{
			json_int_t events = json_integer_value(value);

			if (events > most && events < below) {
				most = events;
				module = key;
			}
		}
		if (!module || used >= size)
			break;
		used += (size_t)snprintf(text + used, size - used, "%s%.120s %.1f %%",
					 n ? ", " : ": they break off in ", *module ? module : "?",
					 100 * (double)most / (double)t->kept);
		below = most;
	}
}

bool pb_tally_judge(const struct pb_tally *t, const struct pb_plan *plan, bool overhead, char *why,
		    size_t size)
{
	double low, high, cost;
	char modules[320];

	if ((double)t->lost * 100 > LOST_MAX_PCT * (double)t->produced) {
		snprintf(
			why, size,
			"%.1f %% of the events were lost, and above %d %% a profile is not believed",
			100 * (double)t->lost / (double)t->produced, LOST_MAX_PCT);
		return false;
	}
	if (t->kept >= t->loading + t->complete + BROKEN_MIN) {
		pb_share_wilson((double)t->complete, (double)(t->kept - t->loading), &low, &high);
		if (100 * high < plan->min_complete_pct) {
			tell_modules(t, modules, sizeof(modules));
			snprintf(
				why, size,
				"%.1f %% of the stacks are complete, and min_complete_pct of the plan "
				"is %g%s",
				pb_tally_complete_pct(t), plan->min_complete_pct, modules);
			return false;
		}
	}
	cost = pb_tally_cost_pct(t);
	if (overhead && cost > plan->max_overhead_pct) {
		snprintf(
			why, size,
			"taking samples took %.1f %% of a CPU, and max_overhead_pct of the plan is %g",
			cost, plan->max_overhead_pct);
		return false;
	}
	return true;
}
