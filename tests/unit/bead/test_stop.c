/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/stop.h"

#include "tests/unit/bead/store_fixture.h"

#include "user/bead/opportunity.h"
#include "user/bead/verbs.h"

static const char plan_text[] = "version: 1\n"
				"project: p\n"
				"workloads: {w: {command: [true]}}\n"
				"beads:\n"
				"  - {id: p.one, kind: baseline}\n"
				"  - {id: p.two, kind: oracle}\n";

static struct pb_stop_condition stop_of(struct pb_store *s, struct pb_plan *plan, uint32_t stand,
					uint32_t without_lever)
{
	const struct pb_desk desk = {.plan = plan, .store = s};
	const struct pb_opportunities o = {.n_stand = stand, .n_without_lever = without_lever};
	struct pb_stop_condition stop;

	assert_int_equal(pb_desk_stop_condition_of(&desk, &o, &stop), 0);
	assert_int_equal(stop.total, 2);
	assert_int_equal(stop.stand, stand);
	return stop;
}

static void end_bead(struct pb_store *s, const char *bead, const char *digest,
		     enum pb_bead_state state)
{
	char *directory = NULL;
	int64_t id = 0;

	assert_int_equal(pb_store_begin(s, bead, digest, false, &id, &directory), 0);
	free(directory);
	assert_int_equal(pb_store_finish(s, id, state, NULL), 0);
}

static void it_takes_all_beads_and_no_hotspot(void **state)
{
	struct pb_store *s = open_store();
	struct pb_plan *plan = NULL;
	struct pb_stop_condition stop;
	char message[256];

	(void)state;
	assert_int_equal(pb_plan_parse(&plan, "/x/beads.yaml", plan_text, strlen(plan_text),
				       message, sizeof(message)),
			 0);
	stop = stop_of(s, plan, 0, 0);
	assert_true(!stop.holds && !stop.done);
	assert_string_equal(stop.sentence, "0 of 2 beads are done, and no hotspot stands above the "
					   "threshold so far");
	end_bead(s, "p.one", plan->digest, PB_STATE_DONE);
	/* Under another plan it is another audit. */
	end_bead(s, "p.two", "other", PB_STATE_DONE);
	stop = stop_of(s, plan, 1, 0);
	assert_true(!stop.holds && stop.done == 1);
	assert_string_equal(stop.sentence,
			    "1 of 2 beads is done, and 1 hotspot stands above the threshold");
	end_bead(s, "p.two", plan->digest, PB_STATE_DONE);
	stop = stop_of(s, plan, 2, 0);
	assert_false(stop.holds);
	assert_string_equal(stop.sentence,
			    "all 2 beads are done, and 2 hotspots stand above the threshold");
	stop = stop_of(s, plan, 0, 0);
	assert_true(stop.holds);
	assert_string_equal(stop.sentence,
			    "all 2 beads are done, and no hotspot stands above the threshold");
	/* Nor is anybody misled by what has no lever. */
	stop = stop_of(s, plan, 0, 2);
	assert_true(stop.holds && stop.without_lever == 2);
	assert_string_equal(stop.sentence,
			    "all 2 beads are done, and no hotspot with a lever stands above the "
			    "threshold; 2 that take 5 % or more have none");
	stop = stop_of(s, plan, 0, 1);
	assert_string_equal(strstr(stop.sentence, "; "), "; 1 that takes 5 % or more has none");
	/* What was done once and fails now is not. */
	end_bead(s, "p.one", plan->digest, PB_STATE_FAILED);
	assert_false(stop_of(s, plan, 0, 0).holds);
	pb_plan_free(plan);
	pb_store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(it_takes_all_beads_and_no_hotspot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
