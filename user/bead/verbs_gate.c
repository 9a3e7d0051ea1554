/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* gate: measure anew, and hold the limits of the plan against a saved baseline. */
#include "user/bead/verbs.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "user/bead/gate.h"
#include "user/bead/measure.h"
#include "user/bead/origin.h"
#include "user/core/clock.h"
#include "user/core/json.h"
#include "user/core/log.h"
#include "user/core/output.h"

/* What its runs are called in the store where the plan has no gate: no name of a plan. */
static char no_bead[] = "(gate)";

/* The baseline saved last, or the one of a run. */
struct saved {
	int64_t of_run; /* 0: any */
	int64_t id;
	char name[80], when[40];
};

static int keep_saved(void *ctx, const struct pb_baseline *b)
{
	struct saved *s = ctx;

	if ((s->of_run && b->id != s->of_run) || (s->id && strcmp(b->saved, s->when) < 0))
		return 0;
	s->id = b->id;
	snprintf(s->name, sizeof(s->name), "%s", b->name);
	snprintf(s->when, sizeof(s->when), "%s", b->saved);
	return 0;
}

/* The newest run of a baseline bead that is done; 0: none. */
static int last_baseline(const struct pb_desk *desk, int64_t *run)
{
	*run = 0;
	for (uint32_t i = 0; i < desk->plan->n_beads; i++) {
		int64_t id = 0;
		int err = desk->plan->beads[i].kind != PB_BEAD_BASELINE
				  ? 0
				  : pb_store_last_done(desk->store, desk->plan->beads[i].id,
						       desk->plan->digest, &id);

		if (err)
			return err;
		*run = id > *run ? id : *run;
	}
	return 0;
}

int pb_gate_reference(const struct pb_desk *desk, const char *name, int64_t *run)
{
	struct saved saved = {.of_run = 0};
	int err;

	if (name) {
		err = pb_store_baseline(desk->store, name, run);
		if (err == -ENOENT)
			return pb_fail(EINVAL, "no baseline is saved as \"%s\"; bead baseline list",
				       name);
		return err;
	}
	err = pb_store_baselines(desk->store, keep_saved, &saved);
	if (err)
		return err;
	if (saved.id) {
		*run = saved.id;
		return 0;
	}
	err = last_baseline(desk, run);
	if (err)
		return err;
	if (!*run)
		return pb_fail(
			EINVAL,
			"there is nothing to compare with: run a bead of kind baseline, then "
			"bead baseline save NAME");
	pb_log(PB_LOG_INFO,
	       "no baseline is saved, so the reference is the last one measured, run %lld: this "
	       "shows how noisy the gate is, not whether anything changed",
	       (long long)*run);
	return 0;
}

/* The gate that is meant, or one over all workloads where the plan has none. */
static int choose(const struct pb_desk *desk, const char *id, struct pb_plan_bead *bead,
		  uint32_t all[PB_PLAN_ITEMS_MAX])
{
	const struct pb_plan *plan = desk->plan;
	int found = id ? pb_desk_find_bead(desk, id) : -1;

	if (id && found < 0)
		return found;
	for (uint32_t i = 0; i < plan->n_beads && !id; i++) {
		if (plan->beads[i].kind != PB_BEAD_GATE)
			continue;
		if (found >= 0)
			return pb_fail(EINVAL, "the plan has several gates; name one: bead gate %s",
				       plan->beads[found].id);
		found = (int)i;
	}
	if (found >= 0) {
		*bead = plan->beads[found];
		return bead->kind == PB_BEAD_GATE
			       ? 0
			       : pb_fail(EINVAL, "%s is no bead of kind gate", bead->id);
	}
	*bead = (struct pb_plan_bead){.id = no_bead, .kind = PB_BEAD_GATE, .workloads = all};
	for (int i = 0; i < PB_LIMITS; i++)
		bead->limits[i] = -1;
	for (; bead->n_workloads < plan->n_workloads; bead->n_workloads++)
		all[bead->n_workloads] = bead->n_workloads;
	return 0;
}

/* All of a gate's work, for what is told of it. */
struct job {
	const struct pb_bead_args *args;
	const struct pb_desk *desk;
	struct pb_plan_bead bead;
	struct pb_measure m;
	struct pb_gate *gate; /* NULL: not all was measured */
	int end;              /* enum pb_measure_end */
	int64_t reference;
	char *reference_bead;
	struct saved saved; /* the reference's name, "" if it has none */
};

static const char *verdict_of(const struct job *job)
{
	return job->gate ? pb_gate_verdict_name(pb_gate_worst(job->gate)) : "not measured";
}

static void print_job(const struct job *job)
{
	if (!job->gate) {
		printf("%s: not measured: %s\n", job->bead.id, job->m.why);
		return;
	}
	for (uint32_t i = 0; i < job->gate->n; i++)
		pb_gate_print_row(stdout, &job->gate->rows[i]);
	printf("%s: %s; held against run %lld of %s", job->bead.id, verdict_of(job),
	       (long long)job->reference, job->reference_bead);
	printf(job->saved.name[0] ? ", saved as %s\n" : "%s, which nobody saved\n",
	       job->saved.name);
}

static void write_row(struct pb_json *j, const struct pb_gate_row *row)
{
	const struct pb_versus *v = &row->v;
	bool is_known = !v->why[0];

	pb_json_flat_object(j, NULL);
	pb_json_string(j, "workload", row->workload);
	pb_json_string(j, "limit", pb_limit_name(v->what));
	pb_json_double(j, "limit_pct", row->limit_pct, 3);
	pb_json_string(j, "verdict", pb_gate_verdict_name(row->verdict));
	pb_json_string(j, "why", row->why[0] ? row->why : NULL);
	pb_json_string(j, "unit", v->unit);
	pb_json_bool(j, "net", v->net);
	pb_json_double(j, "base", v->base, 3);
	pb_json_double(j, "new", v->fresh, 3);
	pb_json_double(j, "shift", v->shift, 3);
	pb_json_double(j, "ratio", is_known ? v->ratio.value : (double)NAN, 9);
	pb_json_double(j, "low", is_known ? v->ratio.low : (double)NAN, 9);
	pb_json_double(j, "high", is_known ? v->ratio.high : (double)NAN, 9);
	pb_json_double(j, "p", is_known && !v->is_count ? row->p : (double)NAN, 17);
	if (v->is_count) {
		pb_json_null(j, "base_runs");
		pb_json_null(j, "new_runs");
	} else {
		pb_json_uint(j, "base_runs", v->n_base);
		pb_json_uint(j, "new_runs", v->n_fresh);
	}
	if (v->has_ready) {
		pb_json_flat_object(j, "ready");
		pb_json_double(j, "ratio", v->ready.value, 9);
		pb_json_double(j, "low", v->ready.low, 9);
		pb_json_double(j, "high", v->ready.high, 9);
		pb_json_end(j, '}');
	} else {
		pb_json_null(j, "ready");
	}
	pb_json_bool(j, "fresh", row->fresh);
	pb_json_end(j, '}');
}

static void write_job(const struct job *job)
{
	struct pb_json j;

	pb_json_init(&j, stdout, false);
	pb_json_object(&j, NULL);
	pb_json_string(&j, "schema", "bead-gate/1");
	pb_json_string(&j, "project", job->desk->plan->project);
	pb_json_string(&j, "bead", strcmp(job->bead.id, no_bead) != 0 ? job->bead.id : NULL);
	pb_json_int(&j, "run", job->m.id);
	pb_json_string(&j, "verdict", verdict_of(job));
	pb_json_string(&j, "why", job->m.why[0] ? job->m.why : NULL);
	pb_json_flat_object(&j, "reference");
	pb_json_int(&j, "run", job->reference);
	pb_json_string(&j, "bead", job->reference_bead);
	pb_json_string(&j, "name", job->saved.name[0] ? job->saved.name : NULL);
	pb_json_end(&j, '}');
	pb_json_uint(&j, "seed", PB_GATE_SEED);
	pb_json_array(&j, "limits");
	for (uint32_t i = 0; job->gate && i < job->gate->n; i++)
		write_row(&j, &job->gate->rows[i]);
	pb_json_end(&j, ']');
	pb_json_end(&j, '}');
	putchar('\n');
}

static int write_metrics(const struct job *job)
{
	pb_auto(pb_output) struct pb_output *o = NULL;
	int err;

	/* What was there before tells of an earlier gate, and says when that was. */
	if (!job->gate)
		return 0;
	err = pb_output_open(&o, job->args->metrics, false);
	if (err)
		return err;
	pb_gate_write_metrics(pb_output_stream(o), job->gate, job->desk->plan->project,
			      (uint64_t)time(NULL));
	return pb_output_commit(pb_take(o));
}

/* What came of it into the store, and told. Return: enum pb_bead_exit; -errno. */
static int finish(struct job *job)
{
	enum pb_bead_state state = pb_bead_state_of_end(job->end);
	int err;

	if (job->end == PB_MEASURE_DONE)
		job->m.why[0] = '\0';
	err = pb_store_finish(job->desk->store, job->m.id, state,
			      job->m.why[0] ? job->m.why : NULL);
	if (err)
		return err;
	if (job->args->json)
		write_job(job);
	else
		print_job(job);
	if (job->m.why[0])
		pb_log(job->end == PB_MEASURE_FINDING ? PB_LOG_ERROR : PB_LOG_WARN, "%s: %s",
		       job->bead.id, job->m.why);
	err = job->args->metrics ? write_metrics(job) : 0;
	return err ? err : (int)pb_bead_exit_of_end(job->end);
}

static int work(struct job *job)
{
	const struct pb_desk *desk = job->desk;
	pb_autofree char *directory = NULL, *unused = NULL;
	int err = pb_gate_reference(desk, job->args->base, &job->reference);

	if (!err)
		err = pb_store_run(desk->store, job->reference, &job->reference_bead, &unused);
	job->saved.of_run = job->reference;
	if (!err)
		err = pb_store_baselines(desk->store, keep_saved, &job->saved);
	if (!err)
		err = pb_store_begin(desk->store, job->bead.id, desk->plan->digest, false,
				     &job->m.id, &directory);
	if (err)
		return err;
	job->m.directory = directory;
	job->end = pb_origin_note(desk, job->m.id, job->bead.id);
	if (!job->end)
		job->end = pb_gate_run(&job->gate, &job->m, desk->plan, &job->bead, job->reference);
	if (job->end < 0) {
		pb_store_finish(desk->store, job->m.id, PB_STATE_OPEN, "an error");
		return job->end;
	}
	return finish(job);
}

static int run_gate(const struct pb_bead_args *args, const struct pb_desk *desk,
		    const struct pb_plan_bead *bead)
{
	struct job job = {
		.args = args,
		.desk = desk,
		.bead = *bead,
		.m = {.store = desk->store,
		      .golden = desk->golden,
		      .stop_fd = args->stop_fd,
		      .deadline_ns = args->max_time_ns ? pb_clock_ns() + args->max_time_ns : 0,
		      .noisy = args->noisy},
	};
	int result = work(&job);

	pb_gate_free(job.gate);
	free(job.reference_bead);
	return result;
}

int pb_bead_gate(const struct pb_bead_args *args)
{
	pb_auto_close_desk struct pb_desk desk = {0};
	uint32_t all[PB_PLAN_ITEMS_MAX];
	struct pb_plan_bead bead = {.id = no_bead};
	int err;

	if (args->ci && args->rules)
		return pb_fail(EINVAL, "gate prints one of --ci and --rules");
	if ((args->ci || args->rules) && (args->json || args->metrics || args->base))
		return pb_fail(EINVAL, "--ci and --rules measure nothing, so --json, --metrics and "
				       "--base have no place there");
	err = pb_desk_open(&desk, args);
	if (!err)
		err = choose(&desk, args->words[0], &bead, all);
	if (err)
		return err;
	if (args->ci)
		return pb_gate_write_ci(stdout, desk.plan, &bead, args->plan,
					strcmp(bead.id, no_bead) != 0 ? bead.id : NULL);
	if (!args->rules)
		return run_gate(args, &desk, &bead);
	pb_gate_write_rules(stdout, desk.plan, &bead);
	return PB_BEAD_OK;
}
