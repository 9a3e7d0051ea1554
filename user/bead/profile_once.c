/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One run of a workload under a profiler, and whether it is one of that workload. */
#include "user/bead/profile_inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/bead/oracle.h"
#include "user/bead/profiler.h"
#include "user/core/launch.h"
#include "user/core/log.h"
#include "user/core/own.h"

#define OPTIONS_MAX 16

size_t pb_profile_strip(char *text, size_t size, const char *tool)
{
	size_t len = strlen(tool), kept = 0;
	bool is_ready = false;

	for (size_t at = 0, next; at < size; at = next) {
		const char *end = memchr(text + at, '\n', size - at);

		next = end ? (size_t)(end - text) + 1 : size;
		if (!is_ready && next - at == 6 && !memcmp(text + at, "ready\n", 6)) {
			is_ready = true;
			continue;
		}
		if (next - at > len + 2 && !memcmp(text + at, tool, len) &&
		    !memcmp(text + at + len, ": ", 2))
			continue;
		memmove(text + kept, text + at, next - at);
		kept += next - at;
	}
	return kept;
}

/* Is the run one of the workload? Return: enum pb_measure_end; -errno. */
static int check(struct pb_profiling *p, struct pb_run *run)
{
	struct pb_oracle_difference difference;
	size_t size = run->err_size;
	char reason[768];
	int oracle, worth;

	/* The text goes back with its full size: that is how much memory it has. */
	run->err_size = pb_profile_strip(run->err, size, p->kind->tool);
	oracle = pb_oracle_check(p->m->golden, p->workload, run, p->m->stop_fd, &difference);
	run->err_size = size;
	if (oracle < 0 && oracle != -ENOENT && oracle != -EINTR)
		return oracle;
	worth = (int)pb_measure_worth(run, p->workload, oracle, &difference, NULL, reason,
				      sizeof(reason));
	if (worth == PB_WORTH_STOPPED) {
		snprintf(p->m->why, sizeof(p->m->why), "it was stopped by a signal");
		return PB_MEASURE_STOPPED;
	}
	/* Disturbed is all the same: see profile.h. */
	if (worth != PB_WORTH_WRONG)
		return PB_MEASURE_DONE;
	snprintf(p->m->why, sizeof(p->m->why), "under %s: %s", p->kind->tool, reason);
	return PB_MEASURE_FINDING;
}

/* What a run is that did not end by itself, or has no report. */
static enum pb_measure_end judge_end(struct pb_profiling *p, const struct pb_profiler_run *run)
{
	struct pb_measure *m = p->m;

	if (run->run.end == PB_RUN_STOPPED) {
		snprintf(m->why, sizeof(m->why), "it was stopped by a signal");
		return PB_MEASURE_STOPPED;
	}
	if (run->run.end == PB_RUN_TIMEOUT || run->run.end == PB_RUN_OUTPUT) {
		snprintf(m->why, sizeof(m->why), "under %s %s", p->kind->tool, run->why);
		return PB_MEASURE_FINDING;
	}
	snprintf(m->why, sizeof(m->why), "%s", run->why);
	/* It is there and fails: that is the command's. */
	if (run->run.end == PB_RUN_EXITED &&
	    (run->run.status == PB_EXIT_NOT_RUNNABLE || run->run.status == PB_EXIT_NOT_FOUND))
		return PB_MEASURE_FINDING;
	return PB_MEASURE_CANNOT;
}

int pb_profile_once(struct pb_profiling *p, uint32_t number, json_t **report)
{
	pb_autofree char *base = NULL, *html = NULL, *folded = NULL;
	static char output[] = "-o";
	char *options[OPTIONS_MAX];
	struct pb_profiler_run run;
	size_t n = 0;
	int end;

	if (asprintf(&base, "%s-%u", p->files, number) < 0 ||
	    asprintf(&html, "%s.html", base) < 0 || asprintf(&folded, "%s.folded", base) < 0)
		return pb_err(ENOMEM, "run %s", p->kind->tool);
	for (; p->kind->options[n]; n++)
		options[n] = p->kind->options[n];
	options[n++] = output;
	options[n++] = html;
	if (p->kind->folded) {
		options[n++] = output;
		options[n++] = folded;
	}
	options[n] = NULL;
	end = pb_profiler_run(&run, p->kind->tool, options, base, p->workload, p->m->stop_fd);
	if (end)
		return end;
	end = run.report ? check(p, &run.run) : (int)judge_end(p, &run);
	if (!end)
		*report = pb_take(run.report);
	pb_profiler_run_drop(&run);
	return end;
}
