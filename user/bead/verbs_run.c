/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* run: work on beads, in the order that the plan demands. */
#include "user/bead/verbs.h"

#include <errno.h>

#include "user/bead/gate.h"
#include "user/bead/measure.h"
#include "user/bead/origin.h"
#include "user/bead/profile.h"
#include "user/bead/stop.h"
#include "user/bead/told.h"
#include "user/core/clock.h"
#include "user/core/log.h"

struct work {
	const struct pb_bead_args *args;
	const struct pb_desk *desk;
	struct pb_told *told;
	uint64_t deadline_ns;
};

/* What an end of a workload makes of its bead, and of us. */
static const struct {
	enum pb_bead_state state;
	enum pb_bead_exit exit;
} ends[] = {
	[PB_MEASURE_DONE] = {PB_STATE_DONE, PB_BEAD_OK},
	[PB_MEASURE_FINDING] = {PB_STATE_FAILED, PB_BEAD_FINDING},
	[PB_MEASURE_MISSING] = {PB_STATE_OPEN, PB_BEAD_FINDING},
	[PB_MEASURE_NOISY] = {PB_STATE_INCONCLUSIVE, PB_BEAD_INCONCLUSIVE},
	[PB_MEASURE_LATE] = {PB_STATE_OPEN, PB_BEAD_INCONCLUSIVE},
	[PB_MEASURE_STOPPED] = {PB_STATE_OPEN, PB_BEAD_INTERRUPTED},
	[PB_MEASURE_CANNOT] = {PB_STATE_CANNOT, PB_BEAD_CANNOT},
	[PB_MEASURE_QUALITY] = {PB_STATE_INCONCLUSIVE, PB_BEAD_QUALITY},
};

enum pb_bead_state pb_bead_state_of_end(int end)
{
	return ends[end].state;
}

enum pb_bead_exit pb_bead_exit_of_end(int end)
{
	return ends[end].exit;
}

static int measure_workload(struct pb_measure *m, const struct pb_plan *plan,
			    const struct pb_plan_bead *bead,
			    const struct pb_plan_workload *workload)
{
	switch (bead->kind) {
	case PB_BEAD_BASELINE:
		return pb_measure_baseline(m, workload);
	case PB_BEAD_ORACLE:
		return pb_measure_oracle(m, workload);
	default:
		return pb_profile(m, plan, bead, workload);
	}
}

/* All workloads of a bead that has begun. Return: enum pb_measure_end; -errno. */
static int measure(struct pb_measure *m, const struct pb_desk *desk,
		   const struct pb_plan_bead *bead)
{
	const struct pb_plan *plan = desk->plan;
	int end = PB_MEASURE_DONE;

	if (bead->kind == PB_BEAD_GATE) {
		int64_t reference = 0;

		end = pb_gate_reference(desk, NULL, &reference);
		if (!end)
			end = pb_gate(m, plan, bead, reference);
		if (end > 0)
			pb_log(PB_LOG_WARN, "%s: %s", bead->id, m->why);
		return end;
	}
	for (uint32_t i = 0; i < bead->n_workloads && end == PB_MEASURE_DONE; i++) {
		const struct pb_plan_workload *workload = &plan->workloads[bead->workloads[i]];

		end = measure_workload(m, plan, bead, workload);
		if (end > 0)
			pb_log(end == PB_MEASURE_FINDING ? PB_LOG_ERROR : PB_LOG_WARN, "%s: %s: %s",
			       bead->id, workload->name, m->why);
	}
	return end;
}

/* Return: enum pb_bead_exit; -errno. */
static int work_on(const struct work *w, const struct pb_plan_bead *bead)
{
	const struct pb_desk *desk = w->desk;
	struct pb_measure m = {
		.store = desk->store,
		.golden = desk->golden,
		.stop_fd = w->args->stop_fd,
		.deadline_ns = w->deadline_ns,
		.noisy = w->args->noisy,
	};
	pb_autofree char *directory = NULL;
	int end, err = pb_store_begin(desk->store, bead->id, desk->plan->digest, w->args->resume,
				      &m.id, &directory);

	if (err)
		return err;
	m.directory = directory;
	end = pb_origin_note(desk, m.id, bead->id);
	if (!end)
		end = measure(&m, desk, bead);
	if (end < 0) {
		/* What went wrong is said already, and is no result. */
		pb_store_finish(desk->store, m.id, PB_STATE_OPEN, "an error");
		pb_told_add(w->told,
			    &(struct pb_told_bead){bead, PB_STATE_OPEN,
						   "an error that stderr tells", end, 0, true});
		return end;
	}
	err = pb_store_finish(desk->store, m.id, ends[end].state,
			      end == PB_MEASURE_DONE ? NULL : m.why);
	if (err)
		return err;
	err = pb_told_add(w->told, &(struct pb_told_bead){
					   .bead = bead,
					   .state = ends[end].state,
					   .note = end == PB_MEASURE_DONE ? NULL : m.why,
					   .result = ends[end].exit,
					   .run = end == PB_MEASURE_DONE ? m.id : 0,
				   });
	if (ends[end].state == PB_STATE_OPEN && end != PB_MEASURE_MISSING)
		pb_log(PB_LOG_INFO, "bead run %s --resume goes on from here", bead->id);
	return err ? err : (int)ends[end].exit;
}

/* The bead that another one waits for. */
static const char *first_wait(const struct pb_desk *desk, const struct pb_plan_bead *bead)
{
	enum pb_bead_state state;

	for (uint32_t i = 0; i < bead->n_needs; i++) {
		const char *id = desk->plan->beads[bead->needs[i]].id;

		if (pb_desk_state(desk, bead->needs[i], &state, NULL) || state != PB_STATE_DONE)
			return id;
	}
	return "nothing";
}

static int tell_done(const struct work *w, const struct pb_plan_bead *bead)
{
	struct pb_told_bead done = {.bead = bead, .state = PB_STATE_DONE, .quiet = true};
	int err = pb_store_last_done(w->desk->store, bead->id, w->desk->plan->digest, &done.run);

	pb_log(PB_LOG_INFO, "%s is done", bead->id);
	return err ? err : pb_told_add(w->told, &done);
}

static int tell_waits(const struct work *w, const struct pb_plan_bead *bead,
		      enum pb_bead_state state)
{
	char note[128];
	int err;

	snprintf(note, sizeof(note), "waits for %s, which is not done", first_wait(w->desk, bead));
	pb_log(PB_LOG_ERROR, "%s %s", bead->id, note);
	err = pb_told_add(w->told,
			  &(struct pb_told_bead){bead, state, note, PB_BEAD_USAGE, 0, true});
	return err ? err : PB_BEAD_USAGE;
}

/* A bead that may not be worked on yet, or not by us, is told so. Return: enum pb_bead_exit; -errno. */
static int run_bead(const struct work *w, uint32_t i)
{
	const struct pb_plan_bead *bead = &w->desk->plan->beads[i];
	struct pb_bead_standing standing;
	int err = pb_desk_standing(w->desk, i, &standing);

	if (err)
		return err;
	if (w->args->resume && standing.state == PB_STATE_DONE)
		return tell_done(w, bead);
	if (standing.waits)
		return tell_waits(w, bead, standing.state);
	return work_on(w, bead);
}

/* Of two results, what matters more. */
static int worse(int a, int b)
{
	static const int order[] = {PB_BEAD_INTERRUPTED, PB_BEAD_FINDING, PB_BEAD_USAGE,
				    PB_BEAD_CANNOT,      PB_BEAD_QUALITY, PB_BEAD_INCONCLUSIVE,
				    PB_BEAD_OK};

	for (size_t i = 0; i < PB_ARRAY_SIZE(order); i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return a;
}

static int run_many(const struct work *w)
{
	int exit = PB_BEAD_OK;
	uint32_t n = 0;

	for (uint32_t i = 0; i < w->desk->plan->n_beads; i++) {
		struct pb_bead_standing standing;
		int err = pb_desk_standing(w->desk, i, &standing);

		if (err)
			return err;
		if (w->args->ready && (standing.state == PB_STATE_DONE || standing.waits))
			continue;
		n++;
		err = run_bead(w, i);
		/* It waits for one of this run, whose own result counts. */
		if (standing.waits && err == PB_BEAD_USAGE)
			continue;
		if (err < 0 || err == PB_BEAD_INTERRUPTED)
			return err;
		exit = worse(exit, err);
	}
	if (!n)
		pb_log(PB_LOG_INFO, "no bead is ready");
	return exit;
}

/* What came of it all: the report, whatever stayed open, and whether the stop condition holds. @exit: what beads gave. */
static int end_audit(const struct work *w, int exit)
{
	const struct pb_desk *desk = w->desk;
	pb_autofree char *path = NULL;
	struct pb_stop_condition stop;
	int err = pb_desk_report(desk, &path);

	/* The measurements are in the store, with or without a report of them. */
	if (err)
		exit = worse(exit, err == -EINVAL ? PB_BEAD_USAGE : PB_BEAD_CANNOT);
	else
		pb_log(PB_LOG_INFO, "the report is in %s", path);
	err = pb_desk_stop_condition(desk, &stop);
	if (err)
		return err;
	pb_told_stop(w->told, &stop);
	if (stop.stand || (!stop.holds && exit == PB_BEAD_OK))
		exit = worse(exit, PB_BEAD_FINDING);
	return exit;
}

int pb_bead_run(const struct pb_bead_args *args)
{
	pb_auto_close_desk struct pb_desk desk = {0};
	struct pb_told told;
	struct work w = {.args = args, .desk = &desk, .told = &told};
	int bead = 0, err;

	if ((args->words[0] != NULL) + args->all + args->ready != 1)
		return pb_fail(EINVAL, "run needs one of: the ID of a bead, --all, --ready");
	err = pb_desk_open(&desk, args);
	if (err)
		return err;
	if (args->words[0])
		bead = pb_desk_find_bead(&desk, args->words[0]);
	if (bead < 0)
		return bead;
	if (args->max_time_ns)
		w.deadline_ns = pb_clock_ns() + args->max_time_ns;
	pb_told_begin(&told, &desk, args->json);
	err = args->words[0] ? run_bead(&w, (uint32_t)bead) : run_many(&w);
	if (args->all && err >= 0 && err != PB_BEAD_INTERRUPTED)
		err = end_audit(&w, err);
	return pb_told_end(&told, err);
}
