/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* ab: two commands in turns, A B B A, until it is clear which one takes longer. */
#include "user/bead/verbs.h"

#include <errno.h>
#include <string.h>

#include "user/bead/ab.h"
#include "user/bead/disturb.h"
#include "user/bead/figures.h"
#include "user/bead/measure.h"
#include "user/bead/plan_walk.h"
#include "user/bead/runner.h"
#include "user/core/clock.h"
#include "user/core/json.h"
#include "user/core/log.h"

#define DELTA      0.02
#define TIMEOUT_NS 60000000000ull

struct match {
	const struct pb_bead_args *args;
	struct pb_plan_workload side[2]; /* A and B */
	struct pb_ab *ab;
	double delta;
	uint64_t deadline_ns; /* 0: none */
	bool alone[2];        /* was the side's last run? */
	/* Of the runs so far. Its net: times are told without what was waited for a CPU, see disturb.h. */
	struct pb_session session;
	uint32_t disturbed; /* pairs, that count only with --noisy */
	char why[256];      /* of the last one */
};

/* What a pair, or a run of it, ended with. */
enum pair {
	PAIR_COUNTS,
	PAIR_DISTURBED,
	PAIR_FAILED, /* said already */
	PAIR_STOPPED,
	PAIR_CROWD, /* it is net times that are compared, and a command was not alone */
};

/* @text as a command to run here, as a plan's is read. The words and the directory are the match's to free. */
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

static void drop_sides(struct match *m)
{
	for (int i = 0; i < 2; i++) {
		pb_plan_words_free(m->side[i].argv);
		free(m->side[i].directory);
		free(m->side[i].environment);
	}
}

/* One side once. Return: enum pair; -errno. @run is to be dropped unless that is negative. */
static int run_side(struct match *m, int i, struct pb_run *run)
{
	const struct pb_run_options options = {.stop_fd = m->args->stop_fd};
	enum pb_run_worth worth;
	char ending[128];
	int err = pb_run_once(run, &m->side[i], &options);

	if (err)
		return err;
	m->alone[i] = pb_run_is_alone(run);
	/* A command that is compared has to exit with 0: what fails early is fast. */
	worth = pb_measure_worth(run, &m->side[i], -ENOENT, NULL, &m->session, m->why,
				 sizeof(m->why));
	pb_session_add(&m->session, run);
	switch (worth) {
	case PB_WORTH_COUNTS:
		return PAIR_COUNTS;
	case PB_WORTH_DISTURBED:
		return PAIR_DISTURBED;
	case PB_WORTH_STOPPED:
		return PAIR_STOPPED;
	case PB_WORTH_WRONG:
		break;
	}
	pb_log(PB_LOG_ERROR, "--%c %s: it %s, and a command that fails is not compared", "ab"[i],
	       i ? m->args->b : m->args->a, pb_run_ending(run, ending, sizeof(ending)));
	return PAIR_FAILED;
}

/* Both sides, the second one first if @turned. */
static int run_pair(struct match *m, bool turned, uint64_t ns[2])
{
	enum pair pair = PAIR_COUNTS;
	struct pb_run run;

	for (int k = 0; k < 2; k++) {
		int side = turned ? !k : k;
		int end = run_side(m, side, &run);

		if (end < 0)
			return end;
		ns[side] = m->session.net ? pb_run_net_ns(&run) : run.wall_ns;
		pb_run_drop(&run);
		if (end == PAIR_FAILED || end == PAIR_STOPPED)
			return end;
		if (m->session.net && !m->alone[side])
			return PAIR_CROWD;
		if (end == PAIR_DISTURBED)
			pair = PAIR_DISTURBED;
	}
	return pair;
}

/* Warm up, and see whether both say the same: a faster program that does less is no better one. */
static int warm_up(struct match *m)
{
	struct pb_run run[2];
	int end = run_side(m, 0, &run[0]);

	if (end < 0)
		return end;
	if (end != PAIR_FAILED && end != PAIR_STOPPED) {
		end = run_side(m, 1, &run[1]);
		if (end >= 0) {
			if (run[0].out_size != run[1].out_size ||
			    memcmp(run[0].out, run[1].out, run[0].out_size) != 0)
				pb_log(PB_LOG_WARN, "A and B do not write the same to stdout");
			pb_run_drop(&run[1]);
		}
	}
	pb_run_drop(&run[0]);
	m->session = (struct pb_session){.net = m->alone[0] && m->alone[1]};
	return end == PAIR_DISTURBED ? PAIR_COUNTS : end;
}

/* Wall times from here on, for both: what was compared so far was none. */
static void start_over(struct match *m)
{
	pb_log(PB_LOG_INFO, "a command works in more than its main thread after all; from the "
			    "beginning, by wall time");
	pb_ab_restart(m->ab);
	m->session = (struct pb_session){0};
	m->disturbed = 0;
}

static void show_progress(const struct match *m, uint64_t began_ns)
{
	uint32_t n = pb_ab_pairs(m->ab);
	double spent_s = (double)(pb_clock_ns() - began_ns) / 1e9;
	char line[128];

	if (!pb_live_wanted())
		return;
	snprintf(line, sizeof(line), "pair %u of at most %u, at most %.0f s left", n + 1,
		 (uint32_t)m->args->pairs, n ? spent_s / n * (double)(m->args->pairs - n) : 0);
	pb_live(n ? line : "pair 1");
}

static int end_with(struct match *m, const char *why)
{
	int err = pb_ab_end(m->ab, why);

	return err ? pb_err(-err, "judge the pairs") : PAIR_COUNTS;
}

/* Pairs until it is decided. Return: PAIR_COUNTS, PAIR_FAILED or PAIR_STOPPED; -errno. */
static int run_pairs(struct match *m)
{
	uint64_t began_ns = pb_clock_ns(), ns[2];
	bool decided = false;
	char why[128];

	while (!decided) {
		int end, err;

		show_progress(m, began_ns);
		if (m->deadline_ns && pb_clock_ns() >= m->deadline_ns)
			return end_with(m, "the time of --max-time is over");
		/* The one behind a pair that does not count takes its order. */
		end = run_pair(m, pb_ab_pairs(m->ab) % 2, ns);
		if (end == PAIR_DISTURBED && m->args->noisy) {
			m->disturbed++;
			end = PAIR_COUNTS;
		}
		if (end == PAIR_DISTURBED) {
			if (++m->disturbed <= m->args->pairs + 20)
				continue;
			snprintf(
				why, sizeof(why),
				"%u pairs were disturbed far more than is usual here: --noisy lets "
				"them count",
				m->disturbed);
			return end_with(m, why);
		}
		if (end == PAIR_CROWD) {
			start_over(m);
			continue;
		}
		if (end != PAIR_COUNTS)
			return end;
		err = pb_ab_add(m->ab, (double)ns[0], (double)ns[1], &decided);
		if (err)
			return pb_err(-err, "judge the pairs");
	}
	return PAIR_COUNTS;
}

static void print_result(const struct match *m)
{
	const struct pb_ab_result *r = pb_ab_result(m->ab);
	char a[64], b[64];
	double median[2];

	printf("%s", pb_verdict_name(r->verdict));
	if (r->has_ratio) {
		pb_ab_medians(m->ab, &median[0], &median[1]);
		printf(": B takes %.4f of A's time [%.4f, %.4f], p %.3g; A %s, B %s",
		       r->ratio.value, r->ratio.low, r->ratio.high, r->p,
		       pb_figures_amount(a, sizeof(a), median[0], "ns"),
		       pb_figures_amount(b, sizeof(b), median[1], "ns"));
	}
	printf("; %s; %u pairs, judged by the last %u, %u disturbed, delta %g %%, seed %llu",
	       m->session.net ? "net of what they waited for a CPU" : "wall time",
	       pb_ab_pairs(m->ab), r->block, m->disturbed, m->delta * 100,
	       (unsigned long long)m->args->seed);
	printf("; others took %.1f %% of a run", pb_session_usual_pct(&m->session));
	printf(r->why[0] ? "; %s\n" : "%s\n", r->why);
}

static void write_result(const struct match *m)
{
	const struct pb_ab_result *r = pb_ab_result(m->ab);
	struct pb_json j;
	double a, b;

	pb_ab_medians(m->ab, &a, &b);
	pb_json_init(&j, stdout, false);
	pb_json_object(&j, NULL);
	pb_json_string(&j, "schema", "bead-ab/1");
	pb_json_string(&j, "verdict", pb_verdict_name(r->verdict));
	pb_json_string(&j, "why", r->why[0] ? r->why : NULL);
	pb_json_string(&j, "a", m->args->a);
	pb_json_string(&j, "b", m->args->b);
	pb_json_string(&j, "time", m->session.net ? "net" : "wall");
	pb_json_double(&j, "a_p50_ns", a, 0);
	pb_json_double(&j, "b_p50_ns", b, 0);
	if (r->has_ratio) {
		pb_json_flat_object(&j, "ratio");
		pb_json_real(&j, "value", r->ratio.value);
		pb_json_real(&j, "low", r->ratio.low);
		pb_json_real(&j, "high", r->ratio.high);
		pb_json_end(&j, '}');
		pb_json_double(&j, "p", r->p, 17);
	} else {
		pb_json_null(&j, "ratio");
		pb_json_null(&j, "p");
	}
	pb_json_real(&j, "delta", m->delta);
	pb_json_uint(&j, "pairs", pb_ab_pairs(m->ab));
	pb_json_uint(&j, "pairs_judged", r->block);
	pb_json_uint(&j, "pairs_disturbed", m->disturbed);
	pb_json_double(&j, "others_took_pct", pb_session_usual_pct(&m->session), 1);
	pb_json_uint(&j, "seed", m->args->seed);
	pb_json_end(&j, '}');
	putchar('\n');
}

static int play(struct match *m)
{
	int end = warm_up(m);

	if (end == PAIR_COUNTS)
		end = run_pairs(m);
	pb_live(NULL);
	if (end < 0)
		return end;
	if (end == PAIR_STOPPED)
		return PB_BEAD_INTERRUPTED;
	if (end == PAIR_FAILED)
		return PB_BEAD_CANNOT;
	if (m->args->json)
		write_result(m);
	else
		print_result(m);
	switch (pb_ab_result(m->ab)->verdict) {
	case PB_VERDICT_REGRESSED:
		return PB_BEAD_FINDING;
	case PB_VERDICT_INCONCLUSIVE:
		return PB_BEAD_INCONCLUSIVE;
	default:
		return PB_BEAD_OK;
	}
}

int pb_bead_ab(const struct pb_bead_args *args)
{
	pb_auto(pb_ab) struct pb_ab *ab = NULL;
	struct pb_ab_rules rules = {.most = (uint32_t)args->pairs, .seed = args->seed};
	struct match m = {.args = args};
	int err = pb_bead_parse_delta(args->delta, DELTA, &rules.delta);

	if (err)
		return err;
	if (!args->a || !args->b)
		return pb_fail(EINVAL, "ab needs two commands: bead ab --a CMD --b CMD");
	err = pb_ab_new(&ab, &rules);
	if (err)
		return pb_err(-err, "begin");
	m.ab = ab;
	m.delta = rules.delta;
	if (args->max_time_ns)
		m.deadline_ns = pb_clock_ns() + args->max_time_ns;
	err = set_side(&m.side[0], "--a", args->a);
	if (!err)
		err = set_side(&m.side[1], "--b", args->b);
	if (!err)
		err = play(&m);
	drop_sides(&m);
	return err;
}
