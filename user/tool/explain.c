/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/tool/explain.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/core/log.h"
#include "user/core/own.h"
#include "user/core/report.h"
#include "user/render/tree.h"

/* Causes that say it all; those of frame pointers depend on where. */
static const struct {
	const char *cause;
	const char *why;
} reasons[] = {
	{"stack_unreadable",
	 "parts of the stack could not be read: paged out, or given up at exit"},
	{"32_bit_task", "32-bit code, which is not walked"},
	{"no_unwind_rule",
	 "no unwind rule covers that code; --unwind auto also takes frame pointers"},
	{"unsupported_rule", "that code has unwind rules of a kind that is not supported"},
	{"bad_frame",
	 "the unwind rules do not fit the code; if it keeps frame pointers, try --unwind fp"},
	{"unknown_code",
	 "code that appeared too recently to be known; a longer capture has less of it"},
	{"new_process",
	 "processes that are not known: they began too recently, or there is no room for them"},
	{"interrupted",
	 "taking the stack was itself interrupted for too long; the CPUs are overloaded"},
};

static bool is_by_frame_pointer(const char *cause)
{
	return !strcmp(cause, "no_frame_pointer") || !strcmp(cause, "frame_pointer_lost");
}

static const char *why_no_frame_pointer(const struct pb_report *report, const char *module)
{
	if (!strcmp(module, "[anon]"))
		return "JIT code without frame pointers; Java keeps them if started with "
		       "-XX:+PreserveFramePointer";
	if (!strcmp(report->unwind, "fp"))
		return "built without frame pointers; leave out --unwind fp";
	if (report->unwind_refused)
		return "no frame pointers, and perhaps no room for its unwind rules; raise "
		       "--table-size";
	/* Whose file could not be opened is among these, and may be built well. */
	if (report->unwind_without)
		return "no frame pointers, and no unwind rules or its file could not be read; if it has "
		       "none, build it with -fasynchronous-unwind-tables or -fno-omit-frame-pointer";
	return "no unwind rules and no frame pointers; build it with -fasynchronous-unwind-tables or "
	       "-fno-omit-frame-pointer";
}

static const char *why_broken(const struct pb_report *report, const struct pb_report_broken *worst)
{
	size_t i;

	if (is_by_frame_pointer(worst->cause))
		return why_no_frame_pointer(report, worst->module);
	for (i = 0; i < PB_ARRAY_SIZE(reasons); i++) {
		if (!strcmp(reasons[i].cause, worst->cause))
			return reasons[i].why;
	}
	return worst->cause;
}

char *pb_explain_broken(const struct pb_report *report)
{
	const struct pb_report_broken *worst = report->broken_by;
	double share = report->kept ? (double)report->broken / (double)report->kept : 0;
	char *line;

	if (report->kept < 20 || share < 0.05 || !report->n_broken_by)
		return NULL;
	if (asprintf(&line, "%.0f %% of stacks are incomplete, %s in %s: %s", 100 * share,
		     worst->events > report->broken / 2 ? "mostly" : "most of all",
		     pb_module_base(worst->module), why_broken(report, worst)) < 0)
		return NULL;
	return line;
}

/* What was lost, why, and what to do about it. */
static void explain_losses(const struct pb_report *report)
{
	for (uint32_t i = 0; i < report->n_lost; i++)
		pb_log(PB_LOG_WARN, "%llu of %llu events are lost: %s",
		       (unsigned long long)report->lost[i].events,
		       (unsigned long long)report->produced, report->lost[i].sentence);
}

static void explain_rate(const struct pb_report *report)
{
	double seconds = (double)report->duration_ns / 1e9;

	/* Where the target was idle, the clock may have been too. */
	if (report->asked_hz > 0 && seconds > 0.5 && report->achieved_hz < 0.9 * report->asked_hz &&
	    (double)report->produced > 0.5 * report->asked_hz * seconds)
		pb_log(PB_LOG_WARN,
		       "asked for %.0f Hz, got %.1f: the kernel slowed sampling down, or the machine "
		       "did not run all the time",
		       report->asked_hz, report->achieved_hz);
}

static void explain_truncated(const struct pb_report *report)
{
	double share = report->kept ? (double)report->truncated / (double)report->kept : 0;

	if (report->kept >= 20 && share >= 0.05)
		pb_log(PB_LOG_INFO,
		       "%.0f %% of stacks are deeper than was asked for; raise --max-depth",
		       100 * share);
}

void pb_explain(const struct pb_report *report)
{
	pb_autofree char *broken = pb_explain_broken(report);

	explain_losses(report);
	if (broken)
		pb_log(PB_LOG_INFO, "%s", broken);
	explain_truncated(report);
	explain_rate(report);
}
