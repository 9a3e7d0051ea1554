/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What changes, proofs and copies know without running anything. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/bead/builds.h"
#include "user/bead/change_proof.h"
#include "user/bead/changeset.h"

static void a_function_is_known_by_its_last_name(void **state)
{
	static const char *const names[][2] = {
		{"find", "find"},
		{"find.constprop.0", "find"},
		{"ns::T<int>::get(char const*) const", "get"},
		{"ns::max<std::pair<int, int> >(int)", "max"},
		{"main::lookup::find", "find"},
		{"ns::T::~T()", "~T"},
		{"find [inlined]", "find"},
		{"", ""},
		{"[unknown]", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char *base = pb_function_base(names[i][0], strlen(names[i][0]));

		assert_string_equal(base, names[i][1]);
		free(base);
	}
}

static bool holds(const char *text, const char *word)
{
	return pb_text_has_word(text, strlen(text), word);
}

static void a_name_is_found_as_a_whole_word(void **state)
{
	(void)state;
	assert_true(holds("x = find(y);", "find"));
	assert_true(holds("find", "find"));
	assert_true(holds("finder find", "find"));
	assert_false(holds("finder refind find_it _find", "find"));
	assert_false(holds("fin", "find"));
	assert_false(holds("", "find"));
	assert_false(holds("anything", ""));
}

static void tests_and_documents_stand_aside(void **state)
{
	(void)state;
	assert_true(pb_path_is_aside("tests/unit/find.c"));
	assert_true(pb_path_is_aside("lib/test/x.c"));
	assert_true(pb_path_is_aside("README.md"));
	assert_true(pb_path_is_aside("docs/x.c"));
	assert_false(pb_path_is_aside("src/find.c"));
	assert_false(pb_path_is_aside("testing.c"));
	assert_false(pb_path_is_aside("Makefile"));
}

static void paths_below_the_repository_move_into_the_copy(void **state)
{
	static const char *const texts[][2] = {
		{"/r/p/bin/x", "/c/bin/x"},
		{"/r/p", "/c"},
		{"--data=/r/p/in.json", "--data=/c/in.json"},
		{"LD_LIBRARY_PATH=/usr/lib:/r/p/lib:/r/p", "LD_LIBRARY_PATH=/usr/lib:/c/lib:/c"},
		{"/r/p2/bin", "/r/p2/bin"},
		{"/x/r/p/bin", "/x/r/p/bin"},
		{"relative/p", "relative/p"},
		{"cat '/r/p/a b'", "cat '/c/a b'"},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char *moved = pb_path_moved(texts[i][0], "/r/p", "/c");

		assert_string_equal(moved, texts[i][1]);
		free(moved);
	}
}

static struct pb_plan *plan_of(const char *golden)
{
	struct pb_plan *plan = NULL;
	char text[512], message[512];

	snprintf(text, sizeof(text),
		 "version: 1\nproject: p\nworkloads:\n  a: {command: ./a}\n"
		 "  b: {command: ./b, golden: {%s}}\nbeads: [{id: p.b, kind: baseline}]\n",
		 golden);
	if (pb_plan_parse(&plan, "/p/beads.yaml", text, strlen(text), message, sizeof(message)))
		fail_msg("%s", message);
	return plan;
}

static void what_a_mode_does_not_see_is_a_gap(void **state)
{
	static const struct {
		const char *golden;
		bool gaps[PB_ASPECTS]; /* ordering, ties, floating point, seeds */
	} cases[] = {
		{"stdout: exact", {false, false, false, false}},
		{"stdout: json", {false, false, false, false}},
		{"stdout: set", {true, true, false, false}},
		{"stdout: float, tolerance: {absolute: 0, relative: 1e-9}",
		 {false, false, true, false}},
		{"stdout: exact, files: [{path: x, mode: set}]", {true, true, false, false}},
		{"stdout: ignore", {true, true, true, true}},
		{"stdout: ignore, files: [x]", {false, false, false, false}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct pb_plan *plan = plan_of(cases[i].golden);
		char gap[256];

		for (int k = 0; k < PB_ASPECTS; k++) {
			const char *said = pb_proof_gap(plan, (enum pb_aspect)k, gap, sizeof(gap));

			if ((said != NULL) != cases[i].gaps[k])
				fail_msg("%s, aspect %d: %s", cases[i].golden, k,
					 said ? said : "no gap");
			if (said)
				assert_non_null(strstr(said, "workload b"));
		}
		pb_plan_free(plan);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_is_known_by_its_last_name),
		cmocka_unit_test(a_name_is_found_as_a_whole_word),
		cmocka_unit_test(tests_and_documents_stand_aside),
		cmocka_unit_test(paths_below_the_repository_move_into_the_copy),
		cmocka_unit_test(what_a_mode_does_not_see_is_a_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
