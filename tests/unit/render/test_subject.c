/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/subject.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "user/core/report.h"

static void expect(const char *comm, const char *scope, const char *subject)
{
	char comm_text[64], scope_text[64];
	struct pb_report r = {.comm = comm_text, .scope = scope_text};
	pb_autofree char *text = NULL;

	strcpy(comm_text, comm);
	strcpy(scope_text, scope);
	text = pb_report_subject(&r);
	assert_non_null(text);
	assert_string_equal(text, subject);
}

static void it_names_what_is_known(void **state)
{
	(void)state;
	expect("app", "pid 1", "app (pid 1)");
	expect("", "whole machine", "whole machine");
	expect("app", "", "app");
	expect("", "", "unknown target");
}

static void control_characters_do_not_pass(void **state)
{
	(void)state;
	expect("a\033[31m", "cgroup /\n", "a\\x1b[31m (cgroup /\\x0a)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_names_what_is_known),
		cmocka_unit_test(control_characters_do_not_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
