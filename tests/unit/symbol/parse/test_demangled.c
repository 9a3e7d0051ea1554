/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/parse/demangled.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/symbol/parse/demangle.h"

static void symbols_have_their_readable_form(void **state)
{
	pb_auto(pb_demangled) struct pb_demangled *brief = NULL, *full = NULL;

	(void)state;
	assert_int_equal(pb_demangled_new(&brief, false), 0);
	assert_int_equal(pb_demangled_new(&full, true), 0);
	assert_string_equal(pb_demangled_find(brief, "_ZN2ns4nameEj"), "ns::name");
	assert_string_equal(pb_demangled_find(full, "_ZN2ns4nameEj"), "ns::name(unsigned int)");
	assert_string_equal(pb_demangled_find(brief, "main"), "main");
	assert_string_equal(pb_demangled_find(brief, ""), "");
}

static void stubs_are_demangled_before_their_suffix(void **state)
{
	pb_auto(pb_demangled) struct pb_demangled *d = NULL;

	(void)state;
	assert_int_equal(pb_demangled_new(&d, true), 0);
	assert_string_equal(pb_demangled_find(d, "_ZN2ns4nameEj@plt"),
			    "ns::name(unsigned int)@plt");
	assert_string_equal(pb_demangled_find(d, "malloc@plt"), "malloc@plt");
	assert_string_equal(pb_demangled_find(d, "@plt"), "@plt");
}

static void what_was_found_once_is_kept(void **state)
{
	pb_auto(pb_demangled) struct pb_demangled *d = NULL;
	const char *first;

	(void)state;
	assert_int_equal(pb_demangled_new(&d, false), 0);
	first = pb_demangled_find(d, "_ZN2ns4nameEj");
	pb_demangled_find(d, "other");
	assert_ptr_equal(pb_demangled_find(d, "_ZN2ns4nameEj"), first);
}

/* More than there is room for, of symbols and of bytes. */
static void a_forgotten_symbol_is_right_again(void **state)
{
	pb_auto(pb_demangled) struct pb_demangled *d = NULL;
	pb_autofree char *large = malloc(PB_DEMANGLE_MAX + 2);
	char symbol[64], expected[64];
	uint32_t round, i;

	(void)state;
	assert_non_null(large);
	assert_int_equal(pb_demangled_new(&d, false), 0);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 100000; i++) {
			snprintf(symbol, sizeof(symbol), "_ZN2ns7f%06uEv", i);
			snprintf(expected, sizeof(expected), "ns::f%06u", i);
			assert_string_equal(pb_demangled_find(d, symbol), expected);
		}
	}
	memset(large, 'x', PB_DEMANGLE_MAX + 1);
	large[PB_DEMANGLE_MAX] = '\0';
	for (i = 0; i < 5000; i++) {
		int len = snprintf(large, 16, "%08u", i);

		large[len] = 'x';
		assert_string_equal(pb_demangled_find(d, large), large);
	}
	large[PB_DEMANGLE_MAX] = 'x';
	large[PB_DEMANGLE_MAX + 1] = '\0';
	assert_ptr_equal(pb_demangled_find(d, large), large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(symbols_have_their_readable_form),
		cmocka_unit_test(stubs_are_demangled_before_their_suffix),
		cmocka_unit_test(what_was_found_once_is_kept),
		cmocka_unit_test(a_forgotten_symbol_is_right_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
