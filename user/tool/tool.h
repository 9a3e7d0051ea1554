/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a profiler is, beyond its BPF object: its options, its values, its words. pb_tool_main() does
 * everything else, so that a profiler's own main file holds only what differs.
 *
 *   arguments -> session (capture) -> symbols -> samples -> outputs -> exit status
 *                     or --from FILE ------------------------^
 */
#ifndef PB_TOOL_TOOL_H
#define PB_TOOL_TOOL_H

#include <stddef.h>
#include <stdint.h>

#include "user/core/opts.h"
#include "user/core/session.h"
#include "user/core/stacks.h"
#include "user/render/render.h"

struct pb_args;
struct pb_profile;
struct pb_report;
struct pb_value_type;

#define PB_DEFAULT_TEXT 1u /* a table on stdout */
#define PB_DEFAULT_PAGE 2u /* a flame graph in the current directory */

struct pb_tool {
	const struct pb_program *program;
	bool measures_all;        /* the whole machine, where no target is named */
	const char *schema;       /* of its JSON report: "cpuflame/1" */
	size_t args_size;         /* its args struct begins with struct pb_args */
	void (*init)(void *args); /* its own defaults */
	int (*check)(void *args); /* its own options; 0, or -EINVAL logged */
	/* Optional: the last word on the arguments, when a capture is about to begin and what it will be can depend on
	 * what is found at the target. 0; -errno, logged. */
	int (*prepare)(void *args);
	const struct pb_probes *probes;
	/* What the numbers mean under these arguments. Returns how many types were set. */
	uint32_t (*values)(const void *args, struct pb_value_type *types);
	/* Period, default value, event and asked rate into profile and report. -ENOMEM. */
	int (*describe)(const void *args, struct pb_profile *profile, struct pb_report *report);
	/* One counter as those values; @ctx is the state of pb_probes. NULL: finish() adds the samples. */
	pb_to_values to_values;
	/* Optional: everything is named and in the profile; put what is the tool's own into the report. 0; -errno,
	 * logged. */
	int (*finish)(void *state, const void *args, struct pb_profile *profile,
		      struct pb_report *report);
	/*
	 * Which value leads, in profile->default_value; called before anything is written, for a capture and
	 * for --from alike, whose profile may be anyone's. NULL: what the profile says. 0; -EINVAL, logged:
	 * a usage error.
	 */
	int (*choose_value)(const void *args, struct pb_profile *profile);
	/* What is written without an output option, of PB_DEFAULT_TEXT and PB_DEFAULT_PAGE; NULL: both. */
	uint32_t (*default_outputs)(const void *args);
	/* The text for people; NULL: the table of functions. Never fails on a profile of another tool. */
	pb_render_fn *text;
	/* Said, with the way out, when nothing was measured. */
	const char *nothing_measured;
	/* Optional: that, where it depends on what was asked for; NULL: the above. */
	const char *(*why_nothing)(const void *args);
};

/* The report's JSON Schema, linked into each program (user/tool/schema.S). */
extern const char pb_schema[], pb_schema_end[];

/**
 * pb_tool_main() - a profiler's main().
 *
 * The only place that turns an error into an exit status: see enum pb_exit.
 */
int pb_tool_main(const struct pb_tool *tool, int argc, char **argv);

/* Exit status of every profiler. With -- CMD, the command's own, and 125 where this says 1 to 5. */
enum pb_exit {
	PB_EXIT_OK = 0,
	PB_EXIT_FAILED = 1,
	PB_EXIT_USAGE = 2,
	PB_EXIT_NOT_PERMITTED = 3, /* or the kernel lacks something */
	PB_EXIT_NO_TARGET = 4,     /* or nothing was measured */
	PB_EXIT_OUTPUT = 5,
};

#endif
