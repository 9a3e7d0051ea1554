/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/measure.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>

#include "user/bead/counts.h"
#include "user/bead/figures.h"
#include "user/bead/latencies.h"
#include "user/bead/measure_inside.h"
#include "user/bead/oracle.h"
#include "user/bead/plan.h"
#include "user/bead/runner.h"
#include "user/bead/store.h"
#include "user/core/clock.h"
#include "user/core/log.h"

/* Runs that others disturbed before a workload is given up. */
static uint32_t disturbed_max(const struct pb_plan_workload *workload)
{
	return 2 * workload->runs + 20;
}

enum pb_run_worth pb_measure_worth(const struct pb_run *run,
				   const struct pb_plan_workload *workload, int oracle,
				   const struct pb_oracle_difference *difference,
				   const struct pb_session *session, char *why, size_t size)
{
	char reason[256];

	if (run->end == PB_RUN_STOPPED || oracle == -EINTR) {
		snprintf(why, size, "it was stopped");
		return PB_WORTH_STOPPED;
	}
	if (run->end != PB_RUN_EXITED) {
		snprintf(why, size, "it %s", pb_run_ending(run, reason, sizeof(reason)));
		return PB_WORTH_WRONG;
	}
	if (oracle == 1) {
		snprintf(why, size, "%s: %s", difference->output, difference->text);
		return PB_WORTH_WRONG;
	}
	if (run->status != workload->golden.exit_status) {
		snprintf(why, size, "it exited with %d, and the plan says %d", run->status,
			 workload->golden.exit_status);
		return PB_WORTH_WRONG;
	}
	if (pb_run_rejects(run, session, reason, sizeof(reason))) {
		snprintf(why, size, "%s", reason);
		return PB_WORTH_DISTURBED;
	}
	return PB_WORTH_COUNTS;
}

static bool is_stopped(const struct pb_measure *m)
{
	struct pollfd p = {.fd = m->stop_fd, .events = POLLIN};

	return m->stop_fd >= 0 && poll(&p, 1, 0) > 0;
}

int pb_measure_judge(struct pb_measure *m, const struct pb_plan_workload *workload,
		     const struct pb_run *run, bool *blessed)
{
	struct pb_oracle_difference difference;
	enum pb_run_worth worth;
	int oracle = 0;

	if (run->end == PB_RUN_EXITED)
		oracle = pb_oracle_check(m->golden, workload, run, m->stop_fd, &difference);
	if (oracle < 0 && oracle != -ENOENT && oracle != -EINTR)
		return oracle;
	*blessed = oracle != -ENOENT;
	worth = pb_measure_worth(run, workload, oracle, &difference, &m->session, m->why,
				 sizeof(m->why));
	return (int)worth;
}

int pb_measure_run_once(struct pb_measure *m, const struct pb_plan_workload *workload,
			struct pb_run *run, bool counting, bool *blessed)
{
	const struct pb_run_options options = {.count_syscalls = counting, .stop_fd = m->stop_fd};
	int worth, err = pb_run_once(run, workload, &options);

	if (err)
		return err;
	worth = pb_measure_judge(m, workload, run, blessed);
	if (worth < 0)
		pb_run_drop(run);
	else if (!counting)
		pb_session_add(&m->session, run);
	return worth;
}

int pb_measure_is_stopped(struct pb_measure *m)
{
	snprintf(m->why, sizeof(m->why), "it was stopped by a signal");
	return PB_MEASURE_STOPPED;
}

int pb_measure_may_go_on(struct pb_measure *m)
{
	if (is_stopped(m))
		return pb_measure_is_stopped(m);
	if (m->deadline_ns && pb_clock_ns() >= m->deadline_ns) {
		snprintf(m->why, sizeof(m->why), "the time of --max-time is over");
		return PB_MEASURE_LATE;
	}
	return PB_MEASURE_DONE;
}

/* Runs that are not stored: those that warm up, and those of the oracle. */
static int run_unstored(struct pb_measure *m, const struct pb_plan_workload *workload, uint32_t n,
			bool *blessed)
{
	struct pb_run run;
	int end, worth;

	for (uint32_t i = 0; i < n; i++) {
		end = pb_measure_may_go_on(m);
		if (end)
			return end;
		worth = pb_measure_run_once(m, workload, &run, false, blessed);
		if (worth < 0)
			return worth;
		pb_run_drop(&run);
		if (worth == PB_WORTH_WRONG)
			return PB_MEASURE_FINDING;
		if (worth == PB_WORTH_STOPPED)
			return PB_MEASURE_STOPPED;
	}
	return PB_MEASURE_DONE;
}

static void show_progress(const struct pb_plan_workload *workload, uint32_t n, uint32_t here,
			  uint64_t began_ns)
{
	char line[160];
	double spent_s = (double)(pb_clock_ns() - began_ns) / 1e9;

	if (!pb_live_wanted())
		return;
	if (here)
		snprintf(line, sizeof(line), "%s: run %u of %u, about %.0f s left", workload->name,
			 n + 1, workload->runs, spent_s / here * (workload->runs - n));
	else
		snprintf(line, sizeof(line), "%s: run %u of %u", workload->name, n + 1,
			 workload->runs);
	pb_live(line);
}

/* Keep how long the operations of a run took. @index: of its sample. Return: its worth; -errno. */
static int keep_latencies(struct pb_measure *m, const struct pb_plan_workload *workload,
			  const struct pb_run *run, uint32_t index)
{
	const struct pb_plan_latencies *l = &workload->latencies;
	pb_autofree double *ns = NULL;
	char why[192];
	uint32_t n = 0;
	int err = pb_latencies_of_run(&ns, &n, &run->latencies, l->unit, why, sizeof(why));

	if (err == -EPROTO) {
		snprintf(m->why, sizeof(m->why), "latencies: %s: %s", l->path, why);
		return PB_WORTH_WRONG;
	}
	if (err)
		return pb_err(-err, "read the latencies of %s", workload->name);
	err = pb_latencies_keep(m->directory, workload->name, index, ns, n);
	return err ? err : PB_WORTH_COUNTS;
}

/* One timed run into the store. @index: how many that count there are already. Return: its worth; -errno. */
static int take_sample(struct pb_measure *m, const struct pb_plan_workload *workload,
		       uint32_t index)
{
	struct pb_run run;
	bool blessed;
	int err = 0, worth = pb_measure_run_once(m, workload, &run, false, &blessed);

	if (worth < 0)
		return worth;
	if (worth == PB_WORTH_DISTURBED && m->noisy && !run.halted) {
		pb_log(PB_LOG_DEBUG, "%s: %s, and counts", workload->name, m->why);
		worth = PB_WORTH_COUNTS;
	}
	if (worth == PB_WORTH_COUNTS && workload->latencies.path)
		worth = keep_latencies(m, workload, &run, index);
	pb_run_note_net(&run);
	if (worth >= 0 && worth != PB_WORTH_STOPPED)
		err = pb_store_sample(m->store, m->id, workload->name, &run,
				      worth == PB_WORTH_COUNTS ? NULL : m->why);
	pb_run_drop(&run);
	return err ? err : worth;
}

static int take_samples(struct pb_measure *m, const struct pb_plan_workload *workload)
{
	uint64_t began_ns = pb_clock_ns();
	uint32_t n = 0, here = 0, disturbed = 0;
	int err = pb_store_count(m->store, m->id, workload->name, &n);
	int end, worth;

	if (err)
		return err;
	while (n < workload->runs) {
		show_progress(workload, n, here, began_ns);
		end = pb_measure_may_go_on(m);
		if (end)
			return end;
		worth = take_sample(m, workload, n);
		if (worth < 0)
			return worth;
		if (worth == PB_WORTH_WRONG)
			return PB_MEASURE_FINDING;
		if (worth == PB_WORTH_STOPPED)
			return PB_MEASURE_STOPPED;
		here++;
		if (worth == PB_WORTH_COUNTS) {
			n++;
		} else if (++disturbed > disturbed_max(workload)) {
			char last[256];

			snprintf(last, sizeof(last), "%.255s", m->why);
			snprintf(m->why, sizeof(m->why),
				 "%u of %u runs were disturbed far more than is usual here; try "
				 "again later, or let them count by --noisy; the last: %s",
				 disturbed, here, last);
			return PB_MEASURE_NOISY;
		}
	}
	return PB_MEASURE_DONE;
}

int pb_measure_runs(struct pb_measure *m, const struct pb_plan_workload *workload)
{
	bool blessed = true;
	uint32_t have = 0;
	int end = pb_store_count(m->store, m->id, workload->name, &have);

	if (end || have >= workload->runs)
		return end;
	m->session = (struct pb_session){0};
	end = run_unstored(m, workload, workload->warmup, &blessed);
	if (!blessed)
		pb_log(PB_LOG_WARN,
		       "%s: nothing is blessed, so its output is not checked; bead bless %s",
		       workload->name, workload->name);
	if (!end)
		end = take_samples(m, workload);
	pb_live(NULL);
	return end;
}

int pb_measure_baseline(struct pb_measure *m, const struct pb_plan_workload *workload)
{
	int end = pb_measure_runs(m, workload);

	if (!end)
		end = pb_figures_put(m->store, m->id, workload, m->directory);
	return end ? end : pb_counts_take(m, workload);
}

int pb_measure_oracle(struct pb_measure *m, const struct pb_plan_workload *workload)
{
	bool blessed = true;
	int end = run_unstored(m, workload, PB_ORACLE_RUNS, &blessed);

	if (end == PB_MEASURE_DONE && !blessed) {
		snprintf(m->why, sizeof(m->why), "nothing is blessed for it; bead bless %s",
			 workload->name);
		return PB_MEASURE_MISSING;
	}
	return end;
}
