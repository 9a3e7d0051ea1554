/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/duel.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "user/bead/figures.h"
#include "user/bead/measure.h"
#include "user/bead/oracle.h"
#include "user/bead/plan.h"
#include "user/bead/runner.h"
#include "user/core/clock.h"
#include "user/core/json.h"
#include "user/core/log.h"

/* What a pair, or a run of it, ended with. */
enum pair {
	PAIR_COUNTS,
	PAIR_DISTURBED,
	PAIR_HALTED, /* bead was stopped: counts not even where all that are disturbed do */
	PAIR_FAILED, /* said already */
	PAIR_WRONG,  /* likewise */
	PAIR_STOPPED,
	PAIR_CROWD, /* it is net times that are compared, and a command was not alone */
};

/* Why a side is out. */
static enum pair say_wrong(const struct pb_duel *d, int i, const struct pb_run *run, int oracle)
{
	char ending[128];

	if (oracle == 1 && run->end == PB_RUN_EXITED) {
		pb_log(PB_LOG_ERROR, "%s: %s; what gives the wrong output is not compared",
		       d->label[i], d->why);
		return PAIR_WRONG;
	}
	pb_log(PB_LOG_ERROR, "%s: it %s, and a command that fails is not compared", d->label[i],
	       pb_run_ending(run, ending, sizeof(ending)));
	return PAIR_FAILED;
}

/* One side once. Return: enum pair; -errno. @run is to be dropped unless that is negative. */
static int run_side(struct pb_duel *d, int i, struct pb_run *run)
{
	const struct pb_run_options options = {.stop_fd = d->stop_fd};
	struct pb_oracle_difference difference = {0};
	enum pb_run_worth worth;
	int oracle = -ENOENT, err = pb_run_once(run, d->side[i], &options);

	if (err)
		return err;
	if (d->golden && run->end == PB_RUN_EXITED)
		oracle = pb_oracle_check(d->golden, d->side[i], run, d->stop_fd, &difference);
	if (oracle < 0 && oracle != -ENOENT && oracle != -EINTR) {
		pb_run_drop(run);
		return oracle;
	}
	d->alone[i] = pb_run_is_alone(run);
	worth = pb_measure_worth(run, d->side[i], oracle, &difference, &d->session, d->why,
				 sizeof(d->why));
	pb_session_add(&d->session, run);
	switch (worth) {
	case PB_WORTH_COUNTS:
		return PAIR_COUNTS;
	case PB_WORTH_DISTURBED:
		return run->halted ? PAIR_HALTED : PAIR_DISTURBED;
	case PB_WORTH_STOPPED:
		return PAIR_STOPPED;
	default:
		/* A command that is compared has to do its work: what fails early is fast. */
		return (int)say_wrong(d, i, run, oracle);
	}
}

static bool is_end(int pair)
{
	return pair == PAIR_FAILED || pair == PAIR_WRONG || pair == PAIR_STOPPED;
}

/* Both sides, the second one first if @turned. */
static int run_pair(struct pb_duel *d, bool turned, uint64_t ns[2])
{
	enum pair pair = PAIR_COUNTS;
	struct pb_run run;

	for (int k = 0; k < 2; k++) {
		int side = turned ? !k : k;
		int end = run_side(d, side, &run);

		if (end < 0)
			return end;
		ns[side] = d->session.net ? pb_run_net_ns(&run) : run.wall_ns;
		pb_run_drop(&run);
		if (is_end(end))
			return end;
		if (d->session.net && !d->alone[side])
			return PAIR_CROWD;
		if (end == PAIR_HALTED || (end == PAIR_DISTURBED && pair == PAIR_COUNTS))
			pair = (enum pair)end;
	}
	return (int)pair;
}

/* Once each, and whether both say the same: a faster program that does less is no better one. */
static int run_first(struct pb_duel *d)
{
	struct pb_run run[2];
	int end = run_side(d, 0, &run[0]);

	if (end < 0)
		return end;
	if (!is_end(end)) {
		end = run_side(d, 1, &run[1]);
		if (end >= 0) {
			d->same_output = run[0].out_size == run[1].out_size &&
					 !memcmp(run[0].out ? run[0].out : "",
						 run[1].out ? run[1].out : "", run[0].out_size);
			pb_run_drop(&run[1]);
		}
	}
	pb_run_drop(&run[0]);
	return end;
}

static int warm_up(struct pb_duel *d)
{
	int end = run_first(d);
	uint64_t ns[2];

	for (uint32_t i = 1; i < d->warmups && end >= 0 && !is_end(end); i++)
		end = run_pair(d, false, ns);
	d->session = (struct pb_session){.net = d->alone[0] && d->alone[1]};
	return end == PAIR_DISTURBED ? PAIR_COUNTS : end;
}

/* Wall times from here on, for both: what was compared so far was none. */
static void start_over(struct pb_duel *d)
{
	pb_log(PB_LOG_INFO, "a command works in more than its main thread after all; from the "
			    "beginning, by wall time");
	pb_ab_restart(d->ab);
	d->session = (struct pb_session){0};
	d->disturbed = 0;
}

static void show_progress(const struct pb_duel *d, uint64_t began_ns)
{
	uint32_t n = pb_ab_pairs(d->ab);
	double spent_s = (double)(pb_clock_ns() - began_ns) / 1e9;
	char line[192], left[64] = "";

	if (!pb_live_wanted())
		return;
	if (n)
		snprintf(left, sizeof(left), " of at most %u, at most %.0f s left", d->rules.most,
			 spent_s / n * (double)(d->rules.most - n));
	snprintf(line, sizeof(line), "%s%spair %u%s", d->name ? d->name : "", d->name ? ": " : "",
		 n + 1, left);
	pb_live(line);
}

static int end_with(struct pb_duel *d, const char *why)
{
	int err = pb_ab_end(d->ab, why);

	return err ? pb_err(-err, "judge the pairs") : PAIR_COUNTS;
}

/* Pairs until it is decided. Return: PAIR_COUNTS, or what ended them; -errno. */
static int run_pairs(struct pb_duel *d)
{
	uint64_t began_ns = pb_clock_ns(), ns[2];
	bool decided = false;
	char why[128];

	while (!decided) {
		int end, err;

		show_progress(d, began_ns);
		if (d->deadline_ns && pb_clock_ns() >= d->deadline_ns)
			return end_with(d, "the time of --max-time is over");
		/* The one behind a pair that does not count takes its order. */
		end = run_pair(d, pb_ab_pairs(d->ab) % 2, ns);
		if (end == PAIR_DISTURBED && d->noisy) {
			d->disturbed++;
			end = PAIR_COUNTS;
		}
		if (end == PAIR_DISTURBED || end == PAIR_HALTED) {
			if (++d->disturbed <= d->rules.most + 20)
				continue;
			snprintf(why, sizeof(why),
				 "%u pairs were disturbed far more than is usual here: --noisy "
				 "lets them count",
				 d->disturbed);
			return end_with(d, why);
		}
		if (end == PAIR_CROWD) {
			start_over(d);
			continue;
		}
		if (end != PAIR_COUNTS)
			return end;
		err = pb_ab_add(d->ab, (double)ns[0], (double)ns[1], &decided);
		if (err)
			return pb_err(-err, "judge the pairs");
	}
	return PAIR_COUNTS;
}

static enum pb_duel_end end_of(enum pair pair)
{
	switch (pair) {
	case PAIR_FAILED:
		return PB_DUEL_FAILED;
	case PAIR_WRONG:
		return PB_DUEL_WRONG;
	case PAIR_STOPPED:
		return PB_DUEL_STOPPED;
	default:
		return PB_DUEL_DECIDED;
	}
}

int pb_duel_fight(struct pb_duel *d)
{
	int end = pb_ab_new(&d->ab, &d->rules);

	if (end)
		return pb_err(-end, "begin");
	end = warm_up(d);
	if (end == PAIR_COUNTS)
		end = run_pairs(d);
	pb_live(NULL);
	return end < 0 ? end : (int)end_of((enum pair)end);
}

void pb_duel_drop(struct pb_duel *d)
{
	pb_ab_free(d->ab);
	d->ab = NULL;
}

void pb_duel_print(const struct pb_duel *d, enum pb_verdict verdict, double p, const char *why)
{
	const struct pb_ab_result *r = pb_ab_result(d->ab);
	char a[64], b[64];
	double median[2];

	printf("%s", pb_verdict_name(verdict));
	if (r->has_ratio) {
		pb_ab_medians(d->ab, &median[0], &median[1]);
		printf(": B takes %.4f of A's time [%.4f, %.4f], p %.3g; medians of all pairs: A %s, B %s",
		       r->ratio.value, r->ratio.low, r->ratio.high, p,
		       pb_figures_amount(a, sizeof(a), median[0], "ns"),
		       pb_figures_amount(b, sizeof(b), median[1], "ns"));
	}
	printf("; %s; %u pairs, judged by the last %u, %u disturbed, delta %g %%, seed %llu",
	       d->session.net ? "net of what they waited for a CPU" : "wall time",
	       pb_ab_pairs(d->ab), r->block, d->disturbed, d->rules.delta * 100,
	       (unsigned long long)d->rules.seed);
	printf("; others took %.1f %% of a run", pb_session_usual_pct(&d->session));
	printf(why[0] ? "; %s" : "%s", why);
}

void pb_duel_write(struct pb_json *j, const struct pb_duel *d, enum pb_verdict verdict,
		   const char *why, double p_adjusted)
{
	const struct pb_ab_result *r = pb_ab_result(d->ab);
	double a, b;

	pb_ab_medians(d->ab, &a, &b);
	pb_json_string(j, "verdict", pb_verdict_name(verdict));
	pb_json_string(j, "why", why[0] ? why : NULL);
	pb_json_string(j, "time", d->session.net ? "net" : "wall");
	pb_json_double(j, "a_p50_ns", a, 0);
	pb_json_double(j, "b_p50_ns", b, 0);
	if (r->has_ratio) {
		pb_json_flat_object(j, "ratio");
		pb_json_real(j, "value", r->ratio.value);
		pb_json_real(j, "low", r->ratio.low);
		pb_json_real(j, "high", r->ratio.high);
		pb_json_end(j, '}');
		pb_json_double(j, "shift_ns", r->shift, 0);
		pb_json_double(j, "p", r->p, 17);
	} else {
		pb_json_null(j, "ratio");
		pb_json_null(j, "shift_ns");
		pb_json_null(j, "p");
	}
	if (!isnan(p_adjusted))
		pb_json_double(j, "p_adjusted", p_adjusted, 17);
	pb_json_uint(j, "pairs", pb_ab_pairs(d->ab));
	pb_json_uint(j, "pairs_judged", r->block);
	pb_json_uint(j, "pairs_disturbed", d->disturbed);
	pb_json_double(j, "others_took_pct", pb_session_usual_pct(&d->session), 1);
	pb_json_bool(j, "same_output", d->same_output);
}
