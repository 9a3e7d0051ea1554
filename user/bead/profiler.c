/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/profiler.h"

#include <ctype.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/bead/plan.h"
#include "user/core/launch.h"
#include "user/core/log.h"
#include "user/core/own.h"
#include "user/core/text.h"

#define OPTIONS_MAX 24
/* What a profiler says instead of its command's status when it failed itself. */
#define TOOL_FAILED 125

void pb_profiler_run_drop(struct pb_profiler_run *p)
{
	pb_run_drop(&p->run);
	json_decref(p->report);
	p->report = NULL;
}

/* @path: of the tool; as a word to be looked up in PATH if there is none beside us. */
static void find_tool(char *path, size_t size, const char *tool)
{
	char own[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);

	if (n > 0) {
		own[n] = '\0';
		snprintf(path, size, "%s/%s", dirname(own), tool);
		if (!access(path, X_OK))
			return;
	}
	snprintf(path, size, "%s", tool);
}

/* The last line that it wrote to stderr, with the tool's name in front. */
static void tell_why(struct pb_profiler_run *p, const char *tool)
{
	const char *line = p->run.err;
	size_t len = p->run.err_size;

	while (len && isspace((unsigned char)line[len - 1]))
		len--;
	for (size_t i = len; i > 0; i--) {
		if (line[i - 1] == '\n') {
			line += i;
			len -= i;
			break;
		}
	}
	if (!len || (len == 5 && !memcmp(line, "ready", 5)))
		snprintf(p->why, sizeof(p->why), "%s wrote no report", tool);
	else
		pb_text_safe(p->why, sizeof(p->why), line, len);
}

/* How the command itself ended; -1: the report does not say. */
static int exit_status_of(const json_t *report)
{
	const json_t *status = json_object_get(json_object_get(report, "target"), "exit_status");

	return json_is_integer(status) ? (int)json_integer_value(status) : -1;
}

static void read_report(struct pb_profiler_run *p, const char *path, const char *tool)
{
	json_error_t error;

	if (p->run.end == PB_RUN_NOT_RUN && p->run.status == PB_EXIT_NOT_FOUND) {
		snprintf(p->why, sizeof(p->why),
			 "there is no program %s beside bead, nor in PATH: install it there", tool);
		return;
	}
	/* Our own words, in place of what it cannot say. */
	if (p->run.end == PB_RUN_NOT_RUN) {
		tell_why(p, tool);
		return;
	}
	if (p->run.end != PB_RUN_EXITED) {
		char ending[128];

		snprintf(p->why, sizeof(p->why), "%s %s",
			 p->run.end == PB_RUN_TIMEOUT || p->run.end == PB_RUN_OUTPUT ? "it" : tool,
			 pb_run_ending(&p->run, ending, sizeof(ending)));
		return;
	}
	if (access(path, F_OK)) {
		tell_why(p, tool);
		return;
	}
	p->report = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (!p->report) {
		snprintf(p->why, sizeof(p->why), "the report %s cannot be read: %.200s", path,
			 error.text);
	} else if (p->run.status == TOOL_FAILED && exit_status_of(p->report) != TOOL_FAILED) {
		/* It failed behind the report: another file could not be written. */
		json_decref(p->report);
		p->report = NULL;
		tell_why(p, tool);
	}
}

int pb_profiler_run(struct pb_profiler_run *p, const char *tool, char *const *options,
		    const char *base, const struct pb_plan_workload *workload, int stop_fd)
{
	struct pb_plan_workload patient = *workload;
	pb_autofree char *json = NULL;
	char path[PATH_MAX];
	const char *words[OPTIONS_MAX + 8];
	const struct pb_run_options run_options = {.wrapper = (char *const *)words,
						   .stop_fd = stop_fd};
	size_t n = 0;
	int err;

	*p = (struct pb_profiler_run){0};
	if (asprintf(&json, "%s.json", base) < 0)
		return pb_err(ENOMEM, "run %s", tool);
	/* What an earlier run left is none of this one. */
	unlink(json);
	find_tool(path, sizeof(path), tool);
	words[n++] = path;
	words[n++] = "-q";
	words[n++] = "-o";
	words[n++] = json;
	for (size_t i = 0; i < OPTIONS_MAX && options[i]; i++)
		words[n++] = options[i];
	words[n++] = "--";
	words[n] = NULL;
	patient.timeout_ns *= 10;
	err = pb_run_once(&p->run, &patient, &run_options);
	if (err)
		return err;
	read_report(p, json, tool);
	return 0;
}
