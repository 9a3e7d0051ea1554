/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/shorten.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/core/own.h"

static void expect(const char *name, const char *shortened)
{
	pb_autofree char *said = pb_shorten(name);

	if (shortened)
		assert_string_equal(said, shortened);
	else
		assert_null(said);
}

static void template_arguments_are_left_out(void **state)
{
	(void)state;
	expect("engine::Mixer<unsigned long>::once", "engine::Mixer<…>::once");
	expect("Map<String, Vec<u8>>::get", "Map<…>::get");
	expect("a<unsigned>::b<unsigned>", "a<…>::b<…>");
	expect("<alloc::vec::Vec<u8> as core::fmt::Write>::write_str",
	       "<Vec<u8> as Write>::write_str");
	expect("<&alloc::vec::Vec<u8, alloc::Global> as core::iter::IntoIterator>::into_iter<long>",
	       "<&Vec<…> as IntoIterator>::into_iter<long>");
}

static void names_of_operators_keep_their_brackets(void **state)
{
	(void)state;
	expect("Date::operator<", NULL);
	expect("std::operator<< <std::char_traits<char> >", "std::operator<< <…>");
	expect("Iterator<unsigned>::operator->", "Iterator<…>::operator->");
	expect("Version::operator<=>", NULL);
}

static void what_would_not_become_shorter_stays(void **state)
{
	(void)state;
	expect("main", NULL);
	expect("", NULL);
	expect("f<int>", NULL);
	expect("unclosed<std::string", NULL);
	expect("f(Vec<unsigned long>)", NULL);
	expect("call<int (*)(int)->void, long>::go", "call<…>::go");
	expect("(anonymous namespace)::f<unsigned long>", NULL);
}

static void a_hostile_name_takes_no_more_room_than_is_there(void **state)
{
	char name[4096];

	(void)state;
	memset(name, '<', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	expect(name, NULL);
	for (size_t i = 0; i + 1 < sizeof(name); i++)
		name[i] = "<abcdef>"[i % 8];
	name[4088] = '\0';
	free(pb_shorten(name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(template_arguments_are_left_out),
		cmocka_unit_test(names_of_operators_keep_their_brackets),
		cmocka_unit_test(what_would_not_become_shorter_stays),
		cmocka_unit_test(a_hostile_name_takes_no_more_room_than_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
