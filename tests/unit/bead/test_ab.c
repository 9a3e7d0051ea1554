/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/ab.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Times around 100, within @spread of it, times @factor. */
static double noise(struct pb_random *r, double factor, double spread)
{
	double unit = (double)(pb_random_next(r) >> 11) / 9007199254740992.0;

	return factor * (100 + spread * (2 * unit - 1));
}

static struct pb_ab *new_ab(uint32_t most)
{
	const struct pb_ab_rules rules = {.delta = 0.02, .most = most, .seed = 1};
	struct pb_ab *ab = NULL;

	assert_int_equal(pb_ab_new(&ab, &rules), 0);
	return ab;
}

/* @n pairs more, or until it is decided. */
static bool feed(struct pb_ab *ab, struct pb_random *r, uint32_t n, double factor)
{
	bool decided = false;

	for (uint32_t i = 0; i < n && !decided; i++)
		assert_int_equal(pb_ab_add(ab, noise(r, 1, 1), noise(r, factor, 1), &decided), 0);
	return decided;
}

static void expect(const struct pb_ab *ab, enum pb_verdict verdict, uint32_t pairs, uint32_t block)
{
	const struct pb_ab_result *r = pb_ab_result(ab);

	assert_string_equal(pb_verdict_name(r->verdict), pb_verdict_name(verdict));
	assert_int_equal(pb_ab_pairs(ab), pairs);
	assert_int_equal(r->block, block);
	assert_int_equal(r->why[0] != '\0', verdict == PB_VERDICT_INCONCLUSIVE);
}

static void equal_times_are_equivalent_behind_twenty_pairs(void **state)
{
	pb_auto(pb_ab) struct pb_ab *ab = new_ab(60);
	struct pb_random r = {1};

	(void)state;
	assert_false(feed(ab, &r, PB_AB_EQUAL - 1, 1));
	assert_true(feed(ab, &r, 1, 1));
	expect(ab, PB_VERDICT_EQUIVALENT, 20, 20);
}

static void a_regression_is_confirmed_by_a_fresh_block(void **state)
{
	pb_auto(pb_ab) struct pb_ab *ab = new_ab(60);
	struct pb_random r = {1};
	double a, b;

	(void)state;
	assert_false(feed(ab, &r, PB_AB_FIRST, 1.2));
	assert_false(feed(ab, &r, PB_AB_FIRST - 1, 1.1));
	assert_true(feed(ab, &r, 1, 1.1));
	expect(ab, PB_VERDICT_REGRESSED, 20, 10);
	/* What is told is what the fresh block says. */
	assert_true(fabs(pb_ab_result(ab)->ratio.value - 1.1) < 0.02);
	pb_ab_medians(ab, &a, &b);
	assert_true(fabs(pb_ab_result(ab)->shift / a - 0.1) < 0.02);
	assert_true(pb_ab_result(ab)->p < 0.01);
}

static void a_fresh_block_is_not_ended_when_it_pleases(void **state)
{
	pb_auto(pb_ab) struct pb_ab *ab = new_ab(60);
	struct pb_random r = {1};

	(void)state;
	/* Suspected after ten, and so near to delta that all others are asked, though twenty would confirm it. */
	assert_false(feed(ab, &r, 59, 1.032));
	assert_true(feed(ab, &r, 1, 1.032));
	expect(ab, PB_VERDICT_REGRESSED, 60, 50);
}

static void an_improvement_is_too(void **state)
{
	pb_auto(pb_ab) struct pb_ab *ab = new_ab(60);
	struct pb_random r = {1};

	(void)state;
	assert_true(feed(ab, &r, 60, 0.8));
	expect(ab, PB_VERDICT_IMPROVED, 20, 10);
}

static void a_difference_that_shows_once_is_none(void **state)
{
	pb_auto(pb_ab) struct pb_ab *ab = new_ab(30);
	struct pb_random r = {1};

	(void)state;
	assert_false(feed(ab, &r, 10, 1.1));
	assert_true(feed(ab, &r, 20, 1));
	assert_true(pb_ab_result(ab)->verdict < PB_VERDICT_IMPROVED);
	assert_int_equal(pb_ab_pairs(ab), 30);
}

static void behind_a_false_alarm_a_new_one_needs_a_fresh_block_again(void **state)
{
	pb_auto(pb_ab) struct pb_ab *ab = new_ab(400);
	struct pb_random r = {1};

	(void)state;
	assert_false(feed(ab, &r, 10, 1.1));
	/* The fresh block found nothing. From here on it is all pairs, and what they raise is confirmed again. */
	assert_false(feed(ab, &r, 20, 1.01));
	assert_true(feed(ab, &r, 360, 1.1));
	assert_string_equal(pb_verdict_name(pb_ab_result(ab)->verdict), "regressed");
	assert_true(pb_ab_pairs(ab) >= 50);
}

static void too_few_pairs_to_confirm_are_inconclusive(void **state)
{
	pb_auto(pb_ab) struct pb_ab *ab = new_ab(19);
	struct pb_random r = {1};

	(void)state;
	assert_true(feed(ab, &r, 19, 1.5));
	expect(ab, PB_VERDICT_INCONCLUSIVE, 19, 19);
	assert_non_null(strstr(pb_ab_result(ab)->why, "confirm"));
}

static void an_end_before_time_calls_nothing_regressed(void **state)
{
	pb_auto(pb_ab) struct pb_ab *ab = new_ab(60);
	struct pb_random r = {1};

	(void)state;
	feed(ab, &r, 18, 1.5);
	assert_int_equal(pb_ab_end(ab, "no time"), 0);
	expect(ab, PB_VERDICT_INCONCLUSIVE, 18, 18);
	assert_string_equal(pb_ab_result(ab)->why, "no time");
	assert_true(pb_ab_result(ab)->has_ratio);
}

static void begun_again_it_knows_nothing_of_before(void **state)
{
	pb_auto(pb_ab) struct pb_ab *ab = new_ab(60);
	struct pb_random r = {1};

	(void)state;
	assert_false(feed(ab, &r, 15, 1.5));
	pb_ab_restart(ab);
	assert_int_equal(pb_ab_pairs(ab), 0);
	assert_true(feed(ab, &r, 20, 1));
	expect(ab, PB_VERDICT_EQUIVALENT, 20, 20);
}

static void without_pairs_there_is_no_ratio(void **state)
{
	pb_auto(pb_ab) struct pb_ab *ab = new_ab(60);
	double a, b;

	(void)state;
	assert_int_equal(pb_ab_end(ab, "no time"), 0);
	expect(ab, PB_VERDICT_INCONCLUSIVE, 0, 0);
	assert_false(pb_ab_result(ab)->has_ratio);
	pb_ab_medians(ab, &a, &b);
	assert_true(a == 0 && b == 0);
}

static void what_is_decided_stays(void **state)
{
	pb_auto(pb_ab) struct pb_ab *ab = new_ab(60);
	struct pb_random r = {1};

	(void)state;
	assert_true(feed(ab, &r, 60, 1.2));
	assert_int_equal(pb_ab_end(ab, "no time"), 0);
	expect(ab, PB_VERDICT_REGRESSED, 20, 10);
}

/*
 * What a busy machine does, a little worse than what was recorded: times drift by 10 % over a comparison, nearly all lie
 * within 1.5 % of where they should, and one in ten takes up to half as long again.
 */
static double busy(struct pb_random *r, double at, double factor)
{
	double late = noise(r, 1, 100) / 2, drift = 1 + 0.1 * sin(at / 40);

	return noise(r, factor, 1.5) * drift * (pb_random_below(r, 10) ? 1 : 1 + late / 200);
}

/* A comparison by turns, as ab does it. */
static struct pb_ab_result busy_result(struct pb_random *r, double factor)
{
	pb_auto(pb_ab) struct pb_ab *ab = new_ab(60);
	bool decided = false;

	for (double at = 0; !decided; at += 2) {
		bool turned = pb_ab_pairs(ab) % 2;
		double a = busy(r, at + turned, 1), b = busy(r, at + !turned, factor);

		assert_int_equal(pb_ab_add(ab, a, b, &decided), 0);
	}
	return *pb_ab_result(ab);
}

static enum pb_verdict busy_verdict(struct pb_random *r, double factor)
{
	return busy_result(r, factor).verdict;
}

static void a_command_against_itself_raises_no_alarm(void **state)
{
	struct pb_random r = {7};
	uint32_t alarms = 0;

	(void)state;
	for (int i = 0; i < 60; i++)
		alarms += busy_verdict(&r, 1) >= PB_VERDICT_IMPROVED;
	assert_true(alarms <= 1);
	/* And with noise alone, of a machine that is worse than what is asked for. */
	for (int i = 0; i < 30; i++) {
		pb_auto(pb_ab) struct pb_ab *ab = new_ab(60);
		bool decided = false;

		while (!decided)
			assert_int_equal(
				pb_ab_add(ab, noise(&r, 1, 20), noise(&r, 1, 20), &decided), 0);
		alarms += pb_ab_result(ab)->verdict >= PB_VERDICT_IMPROVED;
	}
	assert_true(alarms <= 1);
}

static void five_percent_are_found_on_a_busy_machine(void **state)
{
	struct pb_random r = {7};
	uint32_t found = 0, wrong = 0;

	(void)state;
	for (int i = 0; i < 30; i++) {
		enum pb_verdict up = busy_verdict(&r, 1.05), down = busy_verdict(&r, 1 / 1.05);

		found += (up == PB_VERDICT_REGRESSED) + (down == PB_VERDICT_IMPROVED);
		wrong += (up == PB_VERDICT_IMPROVED) + (down == PB_VERDICT_REGRESSED);
	}
	assert_true(found >= 54);
	assert_int_equal(wrong, 0);
}

/* Of 60 comparisons each: chance, at the level of the intervals. */
static void what_is_told_of_a_small_difference_is_true(void **state)
{
	struct pb_random r = {7};
	uint32_t equivalent = 0, regressed = 0, missed = 0;

	(void)state;
	for (int i = 0; i < 60; i++) {
		struct pb_ab_result small = busy_result(&r, 1.03);

		equivalent += busy_verdict(&r, 1.02) == PB_VERDICT_EQUIVALENT;
		if (small.verdict != PB_VERDICT_REGRESSED)
			continue;
		regressed++;
		missed += small.ratio.low > 1.03 || small.ratio.high < 1.03;
	}
	print_message("of 60: %u equivalent at delta; at 1.03 %u regressed, %u intervals miss it\n",
		      equivalent, regressed, missed);
	assert_true(equivalent <= 3);
	assert_true(regressed >= 30);
	assert_true(missed * 10 <= regressed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_times_are_equivalent_behind_twenty_pairs),
		cmocka_unit_test(a_regression_is_confirmed_by_a_fresh_block),
		cmocka_unit_test(a_fresh_block_is_not_ended_when_it_pleases),
		cmocka_unit_test(an_improvement_is_too),
		cmocka_unit_test(a_difference_that_shows_once_is_none),
		cmocka_unit_test(behind_a_false_alarm_a_new_one_needs_a_fresh_block_again),
		cmocka_unit_test(too_few_pairs_to_confirm_are_inconclusive),
		cmocka_unit_test(an_end_before_time_calls_nothing_regressed),
		cmocka_unit_test(begun_again_it_knows_nothing_of_before),
		cmocka_unit_test(without_pairs_there_is_no_ratio),
		cmocka_unit_test(what_is_decided_stays),
		cmocka_unit_test(a_command_against_itself_raises_no_alarm),
		cmocka_unit_test(five_percent_are_found_on_a_busy_machine),
		cmocka_unit_test(what_is_told_of_a_small_difference_is_true),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
