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
	expect("Map<&A::operator< , unsigned>::get", "Map<…>::get");
	expect("my_operator<unsigned>::get", "my_operator<…>::get");
	expect("(anonymous namespace)::operator< <unsigned>",
	       "(anonymous namespace)::operator< <…>");
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
	expect("f<(1 < 2>", NULL);
	expect(")>operator", NULL);
	expect("f(Vec<unsigned long>) const", NULL);
}

static void parentheses_within_a_name_do_not_end_it(void **state)
{
	(void)state;
	expect("(anonymous namespace)::Foo<unsigned long>::go",
	       "(anonymous namespace)::Foo<…>::go");
	expect("Less<unsigned>::operator()<std::string>", "Less<…>::operator()<…>");
	expect("use(int)::$_0::operator()<unsigned long>", "use(int)::$_0::operator()<…>");
	expect("use(std::vector<unsigned>)::$_0::operator()(Vec<unsigned long>) const",
	       "use(std::vector<…>)::$_0::operator()(Vec<unsigned long>) const");
	expect("A::b() const::{lambda(unsigned)#1}::operator()<std::string>(Vec<unsigned>)",
	       "A::b() const::{lambda(unsigned)#1}::operator()<…>(Vec<unsigned>)");
	expect("Fits<(sizeof(int) > 4), unsigned>::go(Vec<unsigned>)",
	       "Fits<…>::go(Vec<unsigned>)");
	expect("Fits<(1 < 2), unsigned>::go", "Fits<…>::go");
	expect("<(alloc::vec::Vec<u8>, long) as core::fmt::Debug>::fmt<unsigned>",
	       "<(Vec<u8>, long) as Debug>::fmt<…>");
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

/* Quadratic time would be minutes. */
static void the_time_is_linear(void **state)
{
	static const char *const parts[] = {"<", "(", "<(", "<>", "operator<", "(a>", "a)", "<a->"};
	const size_t len = 4 << 20;
	pb_autofree char *name = malloc(len + 1);

	(void)state;
	assert_non_null(name);
	name[len] = '\0';
	for (size_t part = 0; part < sizeof(parts) / sizeof(*parts); part++) {
		for (size_t i = 0; i < len; i++)
			name[i] = parts[part][i % strlen(parts[part])];
		free(pb_shorten(name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(template_arguments_are_left_out),
		cmocka_unit_test(names_of_operators_keep_their_brackets),
		cmocka_unit_test(what_would_not_become_shorter_stays),
		cmocka_unit_test(parentheses_within_a_name_do_not_end_it),
		cmocka_unit_test(the_time_is_linear),
		cmocka_unit_test(a_hostile_name_takes_no_more_room_than_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
