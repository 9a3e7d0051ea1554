/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/tool/naming.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/core/args.h"
#include "user/core/clock.h"
#include "user/core/log.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/core/session.h"
#include "user/render/tree.h"
#include "user/symbol/shared/wire.h"
#include "user/symbol/symbol.h"

#define QUIET_NS 500000000ull
/* Of fewer samples than that, a share says nothing. */
#define KEPT_MIN 20

/* What a report calls enum pb_answer_state, and what a person can do. */
static const struct {
	const char *cause;
	const char *remedy;
} states[PB_ANSWER_STATES] = {
	[PB_ANSWER_OK] = {"not_covered",
			  "its symbols cover only part of it; install its debug symbols"},
	[PB_ANSWER_NO_SYMBOLS] =
		{"no_symbols", "it was stripped; install its debug symbols, or try --debuginfod"},
	[PB_ANSWER_MISMATCH] = {"mismatch", "its file was replaced by another build"},
	[PB_ANSWER_UNREADABLE] = {"unreadable", "its file is damaged, or no ELF file"},
	[PB_ANSWER_TOO_LARGE] = {"too_large", "its symbols need more memory than is allowed"},
	[PB_ANSWER_NO_FILE] = {"no_file", "its file could not be opened"},
	[PB_ANSWER_GIVEN_UP] = {"given_up", "reading its file failed; see the warning above"},
};

/* Anonymous code has another story: there is no file that could be opened. */
static const char jit_remedy[] =
	"JIT code without a perf map; ask its runtime for one (node --perf-basic-prof, "
	"python3.12 -X perf, jcmd PID Compiler.perfmap)";

static void show_progress(void *since, uint32_t done, uint32_t modules, const char *name)
{
	char line[160];

	if (pb_clock_ns() - *(const uint64_t *)since < QUIET_NS)
		return;
	snprintf(line, sizeof(line), "naming functions: module %u of %u, %.80s", done + 1, modules,
		 pb_module_base(name));
	pb_live(line);
}

/* A gap without locations has all its names, and lacks only what debug information would add. */
static const char *cause_of(const struct pb_symbol_gap *gap)
{
	return gap->locations ? states[gap->state].cause : "debug_info_unreadable";
}

int pb_naming_gaps(const struct pb_profile *profile, const struct pb_symbol_stats *stats,
		   struct pb_report *report)
{
	uint32_t i;

	report->gaps = calloc((size_t)stats->n_gaps + 1, sizeof(*report->gaps));
	if (!report->gaps)
		return -ENOMEM;
	for (i = 0; i < stats->n_gaps; i++) {
		const struct pb_symbol_gap *gap = &stats->gaps[i];
		struct pb_report_gap *row = &report->gaps[i];

		row->cause = cause_of(gap);
		row->locations = gap->locations;
		row->module = strdup(pb_profile_text(profile, profile->modules[gap->module].path));
		if (!row->module)
			return -ENOMEM;
		report->n_gaps++;
		if (!gap->locations)
			pb_log(PB_LOG_DEBUG,
			       "%s: its debug information cannot be read: no inlined functions and lines",
			       row->module);
	}
	return 0;
}

int pb_naming_run(struct pb_session *session, const struct pb_args *args,
		  struct pb_profile *profile, struct pb_report *report,
		  struct pb_symbol_stats *stats)
{
	const struct pb_symbol_source source = {
		.module_fd = pb_session_module_fd,
		.module_process = pb_session_module_process,
		.perf_map_fd = pb_session_perf_map_fd,
		.jitdump_fd = pb_session_jitdump_fd,
		.ctx = session,
	};
	uint64_t since = pb_clock_ns();
	const struct pb_symbol_opts opts = {
		.full_names = args->demangle == PB_DEMANGLE_FULL,
		.debuginfod = args->debuginfod,
		.progress = pb_live_wanted() ? show_progress : NULL,
		.progress_ctx = &since,
		.stop = pb_session_is_hurried,
		.stop_ctx = session,
	};
	int err = pb_symbolize(profile, &source, &opts, stats);

	pb_live(NULL);
	if (!err)
		err = pb_naming_gaps(profile, stats, report);
	if (!err && pb_session_is_hurried(session) && stats->unnamed)
		pb_log(PB_LOG_WARN,
		       "a signal ended the naming of functions: what has no name yet is "
		       "shown as module+0xoffset");
	report->symbol_locations = stats->named + stats->unnamed;
	report->symbol_named = stats->named;
	report->symbol_inlined = stats->inlined;
	report->symbol_debug_modules = stats->with_debug_info;
	pb_log(PB_LOG_DEBUG,
	       "named %llu of %llu addresses in %.0f ms; the parser took %.1f MB at its peak",
	       (unsigned long long)report->symbol_named,
	       (unsigned long long)report->symbol_locations, (double)(pb_clock_ns() - since) / 1e6,
	       (double)stats->peak_bytes / 1e6);
	return err;
}

/* The module whose code a sample was in, if that has no name; PB_NONE otherwise. */
static uint32_t nameless_module(const struct pb_profile *p, const struct pb_sample *sample)
{
	uint32_t location = p->nodes[sample->node].location;
	const struct pb_location *l;

	if (location == PB_NONE)
		return PB_NONE;
	l = &p->locations[location];
	if (l->module == PB_NONE || l->n_lines != 1 ||
	    p->modules[l->module].kind == PB_MODULE_KERNEL ||
	    p->functions[p->lines[l->first_line].function].system_name)
		return PB_NONE;
	return l->module;
}

/* Copies of a file are named together, and are in the gaps as one of them: they have one build id. */
static bool is_same_build(const struct pb_module *a, const struct pb_module *b)
{
	return a->build_id_len && a->build_id_len == b->build_id_len &&
	       !memcmp(a->build_id, b->build_id, a->build_id_len);
}

static const char *remedy_of(const struct pb_profile *p, const struct pb_symbol_stats *stats,
			     uint32_t module)
{
	uint32_t state = PB_ANSWER_NO_SYMBOLS, i;

	if (p->modules[module].kind == PB_MODULE_ANON)
		return jit_remedy;
	for (i = 0; i < stats->n_gaps; i++) {
		const struct pb_symbol_gap *gap = &stats->gaps[i];

		if (gap->module == module)
			return states[gap->state].remedy;
		if (is_same_build(&p->modules[module], &p->modules[gap->module]))
			state = gap->state;
	}
	return states[state].remedy;
}

char *pb_naming_explain(const struct pb_profile *p, const struct pb_report *report,
			const struct pb_symbol_stats *stats)
{
	pb_autofree uint64_t *nameless = calloc((size_t)p->n_modules + 1, sizeof(*nameless));
	uint64_t sum = 0, total = pb_profile_total(p, p->default_value);
	uint32_t i, worst = 0;
	char *line;

	if (!nameless || !total)
		return NULL;
	for (i = 0; i < p->n_samples; i++) {
		uint32_t module = nameless_module(p, &p->samples[i]);
		uint64_t value = p->values[(size_t)i * p->n_values + p->default_value];

		if (module == PB_NONE)
			continue;
		nameless[module] += value;
		sum += value;
		if (nameless[module] > nameless[worst])
			worst = module;
	}
	if (report->kept < KEPT_MIN || (double)sum < 0.05 * (double)total)
		return NULL;
	if (asprintf(&line, "%.0f %% of it is in code without names, %s in %s: %s",
		     100 * (double)sum / (double)total,
		     nameless[worst] > sum / 2 ? "mostly" : "most of all",
		     pb_module_base(pb_profile_text(p, p->modules[worst].path)),
		     remedy_of(p, stats, worst)) < 0)
		return NULL;
	return line;
}
