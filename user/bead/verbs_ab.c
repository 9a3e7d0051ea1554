/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* ab: two commands in turns, A B B A, until it is clear which one takes longer. */
#include "user/bead/verbs.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "user/bead/changes.h"
#include "user/bead/duel.h"
#include "user/bead/plan_walk.h"
#include "user/core/clock.h"
#include "user/core/json.h"
#include "user/core/log.h"

#define DELTA      0.02
#define TIMEOUT_NS 60000000000ull

/* @text as a command to run here, as a plan's is read. The words and the directory are the caller's to free. */
static int set_side(struct pb_plan_workload *side, const char *option, const char *text)
{
	struct pb_plan_complaint complaint = {0};
	pb_autofree char *copy = strdup(text);
	const struct pb_plan_node node = {
		.kind = PB_PLAN_TEXT, .line = 1, .column = 1, .text = copy};
	int err;

	if (!copy)
		return pb_err(ENOMEM, "read %s", option);
	err = pb_plan_read_command(&complaint, &node, option, &side->argv);
	if (err == -EINVAL)
		return pb_fail(EINVAL, "%s", complaint.text);
	if (err)
		return pb_err(-err, "read %s", option);
	side->directory = getcwd(NULL, 0);
	if (!side->directory)
		return pb_err(errno, "look up the current directory");
	side->environment = calloc(1, sizeof(*side->environment));
	if (!side->environment)
		return pb_err(ENOMEM, "read %s", option);
	side->timeout_ns = TIMEOUT_NS;
	return 0;
}

static void drop_sides(struct pb_plan_workload side[2])
{
	for (int i = 0; i < 2; i++) {
		pb_plan_words_free(side[i].argv);
		free(side[i].directory);
		free(side[i].environment);
	}
}

static void write_result(FILE *out, const struct pb_duel *d, const struct pb_bead_args *args,
			 bool compact)
{
	const struct pb_ab_result *r = pb_ab_result(d->ab);
	struct pb_json j;

	pb_json_init(&j, out, compact);
	pb_json_object(&j, NULL);
	pb_json_string(&j, "schema", "bead-ab/1");
	pb_json_string(&j, "a", args->a);
	pb_json_string(&j, "b", args->b);
	pb_json_real(&j, "delta", d->rules.delta);
	pb_json_uint(&j, "seed", d->rules.seed);
	pb_duel_write(&j, d, r->verdict, r->why, NAN);
	pb_json_end(&j, '}');
}

/* Into the change that it is about. */
static int note_result(const struct pb_duel *d, const struct pb_bead_args *args,
		       struct pb_store *store)
{
	pb_autofree char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return pb_err(ENOMEM, "note the verdict");
	write_result(out, d, args, true);
	if (fclose(out))
		return pb_err(ENOMEM, "note the verdict");
	return pb_store_note_verdict(store, (int64_t)args->change, text);
}

static void show_result(const struct pb_duel *d, const struct pb_bead_args *args)
{
	const struct pb_ab_result *r = pb_ab_result(d->ab);

	if (!d->same_output)
		pb_log(PB_LOG_WARN,
		       "A and B do not write the same to stdout: they may not do the same work, and "
		       "then this says nothing");
	if (args->json)
		write_result(stdout, d, args, false);
	else
		pb_duel_print(d, r->verdict, r->p, r->why);
	putchar('\n');
}

static int play(struct pb_duel *d, const struct pb_bead_args *args, struct pb_store *store)
{
	int end = pb_duel_fight(d);

	if (end < 0)
		return end;
	if (end == PB_DUEL_STOPPED)
		return PB_BEAD_INTERRUPTED;
	/* A side that fails is a finding, as of revisions. */
	if (end != PB_DUEL_DECIDED)
		return PB_BEAD_FINDING;
	show_result(d, args);
	end = store ? note_result(d, args, store) : 0;
	if (end)
		return end;
	switch (pb_ab_result(d->ab)->verdict) {
	case PB_VERDICT_REGRESSED:
		return PB_BEAD_FINDING;
	case PB_VERDICT_INCONCLUSIVE:
		return PB_BEAD_INCONCLUSIVE;
	default:
		return PB_BEAD_OK;
	}
}

/* Two commands say nothing of a commit, so they do for a change only where there is none. */
static int check_change(const struct pb_bead_args *args, struct pb_desk *desk)
{
	pb_auto(pb_change) struct pb_change *change = NULL;
	int err = pb_desk_open(desk, args);

	if (!err)
		err = pb_change_read(&change, desk->store, (int64_t)args->change);
	if (err)
		return err;
	if (change->state != PB_CHANGE_OPEN && change->state != PB_CHANGE_PROVEN)
		return pb_fail(EINVAL, "change %lld is %s, and cannot be judged any more",
			       (long long)change->id, pb_change_state_name(change->state));
	if (change->base)
		return pb_fail(EINVAL,
			       "change %lld began at commit %.12s, and is judged against that: "
			       "leave out --a and --b",
			       (long long)change->id, change->base);
	return 0;
}

static int compare_commands(const struct pb_bead_args *args, double delta)
{
	pb_auto_close_desk struct pb_desk desk = {0};
	struct pb_plan_workload side[2] = {0};
	pb_autofree char *a = NULL, *b = NULL;
	struct pb_duel d = {
		.side = {&side[0], &side[1]},
		.rules = {.delta = delta, .most = (uint32_t)args->pairs, .seed = args->seed},
		.noisy = args->noisy,
		.deadline_ns = args->max_time_ns ? pb_clock_ns() + args->max_time_ns : 0,
		.stop_fd = args->stop_fd,
	};
	int err = args->change ? check_change(args, &desk) : 0;

	if (err)
		return err;
	if (asprintf(&a, "--a %s", args->a) < 0 || asprintf(&b, "--b %s", args->b) < 0)
		return pb_err(ENOMEM, "begin");
	d.label[0] = a;
	d.label[1] = b;
	err = set_side(&side[0], "--a", args->a);
	if (!err)
		err = set_side(&side[1], "--b", args->b);
	if (!err)
		err = play(&d, args, desk.store);
	pb_duel_drop(&d);
	drop_sides(side);
	return err;
}

int pb_bead_ab(const struct pb_bead_args *args)
{
	bool commands = args->a || args->b, revisions = args->a_ref || args->b_ref;
	double delta;
	int err = pb_bead_parse_delta(args->delta, DELTA, &delta);

	if (err)
		return err;
	if (commands && revisions)
		return pb_fail(EINVAL, "ab compares either commands or revisions: --a and --b, or "
				       "--a-ref and --b-ref");
	if (!commands && (args->a_ref || args->change))
		return pb_bead_ab_revisions(args, delta);
	if (!args->a || !args->b)
		return pb_fail(EINVAL, "ab needs two commands, or a revision: bead ab --a CMD --b "
				       "CMD, or bead ab --a-ref REV");
	return compare_commands(args, delta);
}
