/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/changes.h"

#include <errno.h>
#include <math.h>

#include "tests/unit/bead/store_fixture.h"

static const struct pb_change sample = {
	.title = "index the table",
	.workload = "parse",
	.spot = "C0123abcd",
	.spot_name = "find",
	.lever = "better-algorithm",
	.hypothesis = "each item looks at all others",
	.expected_pct = NAN,
};

static int64_t open_change(struct pb_store *s)
{
	int64_t id = 0;

	assert_int_equal(pb_store_open_change(s, &sample, &id), 0);
	assert_true(id > 0);
	return id;
}

static int64_t closed_change(struct pb_store *s)
{
	int64_t id = open_change(s);

	assert_int_equal(pb_store_prove_change(s, id, "{}", "{}"), 0);
	assert_int_equal(pb_store_close_change(s, id, NULL), 0);
	return id;
}

static int expect_first(void *ctx, const struct pb_change *change)
{
	(*(int *)ctx)++;
	assert_string_equal(change->title, sample.title);
	assert_string_equal(change->workload, "parse");
	assert_string_equal(change->spot, "C0123abcd");
	assert_string_equal(change->spot_name, "find");
	assert_string_equal(change->lever, "better-algorithm");
	assert_string_equal(change->hypothesis, sample.hypothesis);
	assert_true(isnan(change->expected_pct));
	assert_null(change->base);
	assert_null(change->closed);
	assert_null(change->diff);
	assert_null(change->proof);
	assert_null(change->verdict);
	assert_null(change->warning);
	assert_null(change->why);
	assert_non_null(change->opened);
	assert_string_equal(pb_change_state_name(change->state), "open");
	return 7;
}

static void what_a_change_begins_with_is_kept(void **state)
{
	pb_auto(pb_store) struct pb_store *s = open_store();
	int n = 0;

	(void)state;
	assert_int_equal(pb_store_changes(s, expect_first, &n), 0);
	open_change(s);
	assert_int_equal(pb_store_changes(s, expect_first, &n), 7);
	assert_int_equal(pb_store_change(s, 1, expect_first, &n), 7);
	assert_int_equal(n, 2);
}

static int take_state(void *ctx, const struct pb_change *change)
{
	*(enum pb_change_state *)ctx = change->state;
	return 0;
}

static enum pb_change_state state_of_change(struct pb_store *s, int64_t id)
{
	enum pb_change_state state = PB_CHANGE_ABANDONED;

	assert_int_equal(pb_store_change(s, id, take_state, &state), 0);
	return state;
}

static void one_lever_is_pulled_at_a_time(void **state)
{
	pb_auto(pb_store) struct pb_store *s = open_store();
	int64_t first, second = 99;

	(void)state;
	first = open_change(s);
	said_begin();
	assert_int_equal(pb_store_open_change(s, &sample, &second), -EBUSY);
	assert_int_equal(second, 99);
	assert_int_equal(pb_store_prove_change(s, first, "{}", "{}"), 0);
	assert_int_equal(pb_store_open_change(s, &sample, &second), -EBUSY);
	assert_non_null(strstr(said_end(), "change 1, \"index the table\", is proven: one lever"));
	assert_int_equal(pb_store_abandon_change(s, first, "no gain"), 0);
	assert_int_equal(pb_store_open_change(s, &sample, &second), 0);
	assert_int_equal(second, 2);
}

static void nothing_is_closed_without_a_proof(void **state)
{
	pb_auto(pb_store) struct pb_store *s = open_store();
	int64_t id;

	(void)state;
	id = open_change(s);
	said_begin();
	assert_int_equal(pb_store_close_change(s, id, NULL), -EINVAL);
	assert_non_null(strstr(said_end(), "change 1 is open, and cannot be closed"));
	assert_int_equal(state_of_change(s, id), PB_CHANGE_OPEN);
	assert_int_equal(pb_store_prove_change(s, id, "{}", "{}"), 0);
	assert_int_equal(state_of_change(s, id), PB_CHANGE_PROVEN);
	assert_int_equal(pb_store_close_change(s, id, NULL), 0);
	assert_int_equal(state_of_change(s, id), PB_CHANGE_CLOSED);
}

static void nothing_is_taken_back(void **state)
{
	pb_auto(pb_store) struct pb_store *s = open_store();
	int64_t id;

	(void)state;
	id = closed_change(s);
	said_begin();
	assert_int_equal(pb_store_prove_change(s, id, "{}", "{}"), -EINVAL);
	assert_int_equal(pb_store_note_verdict(s, id, "{}"), -EINVAL);
	assert_int_equal(pb_store_close_change(s, id, NULL), -EINVAL);
	assert_int_equal(pb_store_abandon_change(s, id, "x"), -EINVAL);
	assert_int_equal(pb_store_abandon_change(s, id + 1, "x"), -EINVAL);
	assert_non_null(strstr(said_end(), "there is no change 2; bead change list"));
	assert_int_equal(state_of_change(s, id), PB_CHANGE_CLOSED);
}

static int expect_all(void *ctx, const struct pb_change *change)
{
	(void)ctx;
	assert_string_equal(change->diff, "{\"d\":1}");
	assert_string_equal(change->proof, "{\"p\":1}");
	assert_string_equal(change->verdict, "{\"v\":1}");
	assert_string_equal(change->why, "it is simpler");
	assert_string_equal(change->base, "abc");
	assert_string_equal(change->warning, "nothing speaks for it");
	assert_true(change->expected_pct == 12.5);
	assert_non_null(change->closed);
	return 0;
}

static void what_came_of_it_is_kept(void **state)
{
	pb_auto(pb_store) struct pb_store *s = open_store();
	struct pb_change change = sample;
	int64_t id = 0;

	(void)state;
	change.base = "abc";
	change.warning = "nothing speaks for it";
	change.expected_pct = 12.5;
	assert_int_equal(pb_store_open_change(s, &change, &id), 0);
	assert_int_equal(pb_store_prove_change(s, id, "{}", "{}"), 0);
	assert_int_equal(pb_store_note_verdict(s, id, "{\"v\":1}"), 0);
	assert_int_equal(pb_store_prove_change(s, id, "{\"d\":1}", "{\"p\":1}"), 0);
	assert_int_equal(pb_store_close_change(s, id, "it is simpler"), 0);
	assert_int_equal(pb_store_change(s, id, expect_all, NULL), 0);
}

static int expect_attempts(void *ctx, const struct pb_change *change)
{
	(void)ctx;
	assert_string_equal(change->golden, "0123");
	assert_string_equal(change->verdict, "{\"verdict\":\"improved\"}");
	assert_non_null(strstr(change->attempts,
			       "[{\"b_digest\":\"d1\",\"verdict\":\"regressed\",\"time\":\"2"));
	assert_non_null(strstr(change->attempts,
			       "Z\"},{\"b_digest\":null,\"verdict\":\"improved\",\"time\":\"2"));
	return 0;
}

static void every_verdict_is_kept(void **state)
{
	pb_auto(pb_store) struct pb_store *s = open_store();
	struct pb_change change = sample;
	int64_t id = 0;

	(void)state;
	change.golden = "0123";
	assert_int_equal(pb_store_open_change(s, &change, &id), 0);
	assert_int_equal(
		pb_store_note_verdict(s, id, "{\"verdict\":\"regressed\",\"b_digest\":\"d1\"}"), 0);
	assert_int_equal(pb_store_note_verdict(s, id, "{\"verdict\":\"improved\"}"), 0);
	assert_int_equal(pb_store_change(s, id, expect_attempts, NULL), 0);
}

static void every_text_of_a_change_is_listed_once(void **state)
{
	struct pb_change change = {0};
	const char **text;
	size_t n = 0;

	(void)state;
	for (; (text = pb_change_text(&change, n)); n++) {
		assert_null(*text);
		*text = "x";
	}
	assert_int_equal(n, 16);
	assert_string_equal(change.why, "x");
	assert_string_equal(change.warning, "x");
	assert_string_equal(change.spot_name, "x");
	assert_string_equal(change.attempts, "x");
	assert_string_equal(change.golden, "x");
}

static int64_t stale_until(struct pb_store *s)
{
	int64_t run = -1;

	assert_int_equal(pb_store_stale_until(s, &run, NULL), 0);
	return run;
}

static void a_closed_change_makes_older_runs_stale(void **state)
{
	pb_auto(pb_store) struct pb_store *s = open_store();
	int64_t before, during, change, id, run;

	(void)state;
	assert_int_equal(stale_until(s), 0);
	before = begin_bead(s, "p.baseline", false);
	assert_int_equal(pb_store_finish(s, before, PB_STATE_DONE, NULL), 0);
	id = open_change(s);
	assert_int_equal(pb_store_abandon_change(s, id, "no gain"), 0);
	assert_int_equal(stale_until(s), 0);
	during = begin_bead(s, "p.cpu", false);
	id = closed_change(s);
	/* What was begun before and ends only now is of the old program, too. */
	assert_int_equal(pb_store_stale_until(s, &run, &change), 0);
	assert_int_equal(run, during);
	assert_int_equal(change, id);
	assert_int_equal(pb_store_finish(s, during, PB_STATE_DONE, NULL), 0);
	assert_true(begin_bead(s, "p.baseline", false) > stale_until(s));
}

static void what_was_interrupted_before_a_change_begins_anew(void **state)
{
	pb_auto(pb_store) struct pb_store *s = open_store();
	const struct pb_run run = run_of(5);
	int64_t id, next;

	(void)state;
	id = begin_bead(s, "p.baseline", false);
	assert_int_equal(pb_store_sample(s, id, "w", &run, NULL), 0);
	assert_int_equal(pb_store_finish(s, id, PB_STATE_OPEN, NULL), 0);
	closed_change(s);
	next = begin_bead(s, "p.baseline", true);
	assert_true(next > id);
	assert_int_equal(count_samples(s, next, "w"), 0);
	assert_int_equal(pb_store_finish(s, next, PB_STATE_OPEN, NULL), 0);
	assert_int_equal(begin_bead(s, "p.baseline", true), next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(what_a_change_begins_with_is_kept),
		store_test(one_lever_is_pulled_at_a_time),
		store_test(nothing_is_closed_without_a_proof),
		store_test(nothing_is_taken_back),
		store_test(what_came_of_it_is_kept),
		store_test(every_verdict_is_kept),
		store_test(every_text_of_a_change_is_listed_once),
		store_test(a_closed_change_makes_older_runs_stale),
		store_test(what_was_interrupted_before_a_change_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
