/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/parse/demangle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "user/core/own.h"

struct row {
	const char *symbol, *brief, *full;
};

static void expect(const char *symbol, bool full, const char *expected)
{
	pb_autofree char *got = pb_demangle(symbol, full);

	if (!expected) {
		assert_null(got);
		return;
	}
	assert_non_null(got);
	assert_string_equal(got, expected);
}

static void expect_rows(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		expect(rows[i].symbol, false, rows[i].brief);
		expect(rows[i].symbol, true, rows[i].full);
	}
}

/* Symbols that g++ 12, clang++ 14 and rustc 1.95 made. */
static void cpp_symbols_have_their_names(void **state)
{
	static const struct row rows[] = {
		{"_Z3usei", "use", "use(int)"},
		{"_ZN1CC2Ev", "C::C", "C::C()"},
		{"_ZN1CD0Ev", "C::~C", "C::~C()"},
		{"_ZNSt6vectorIiSaIiEE9push_backERKi",
		 "std::vector<int, std::allocator<int> >::push_back",
		 "std::vector<int, std::allocator<int> >::push_back(int const&)"},
		{"_ZSt3maxIiERKT_S2_S2_", "std::max<int>",
		 "int const& std::max<int>(int const&, int const&)"},
		{"_ZNKSt6vectorIiSaIiEE12_M_check_lenEmPKc",
		 "std::vector<int, std::allocator<int> >::_M_check_len",
		 "std::vector<int, std::allocator<int> >::_M_check_len(unsigned long, char "
		 "const*) const"},
		{"_Z3sumIJilEEDaDpT_", "sum<int, long>", "auto sum<int, long>(int, long)"},
		{"_ZZ4mainENKUliE_clEi", "main::{lambda(int)#1}::operator()",
		 "main::{lambda(int)#1}::operator()(int) const"},
		{"_ZZ3useiENK3$_0clERi", "use(int)::$_0::operator()",
		 "use(int)::$_0::operator()(int&) const"},
		{"_ZN12_GLOBAL__N_16Hidden1gIiEET_S2_", "(anonymous namespace)::Hidden::g<int>",
		 "int (anonymous namespace)::Hidden::g<int>(int)"},
		{"_ZN1CclEi", "C::operator()", "C::operator()(int)"},
		{"_ZN1ClSEi", "C::operator<<=", "C::operator<<=(int)"},
		{"_ZNK1CngEv", "C::operator-", "C::operator-() const"},
		{"_ZNK1CssERKS_", "C::operator<=>", "C::operator<=>(C const&) const"},
		{"_ZN1CnwEm", "C::operator new", "C::operator new(unsigned long)"},
		{"_ZNK1CcvbEv", "C::operator bool", "C::operator bool() const"},
		{"_Zli3_kmy", "operator\"\" _km", "operator\"\" _km(unsigned long long)"},
		{"_ZGVZN12_GLOBAL__N_16hiddenEiE1s",
		 "guard variable for (anonymous namespace)::hidden(int)::s",
		 "guard variable for (anonymous namespace)::hidden(int)::s"},
		{"_ZThn16_N1C1wEi", "non-virtual thunk to C::w(int)",
		 "non-virtual thunk to C::w(int)"},
		{"_ZTv0_n24_N1CD0Ev", "virtual thunk to C::~C()", "virtual thunk to C::~C()"},
		{"_ZTV1C", "vtable for C", "vtable for C"},
		{"_ZTI1B", "typeinfo for B", "typeinfo for B"},
		{"_ZTH2tl", "TLS init function for tl", "TLS init function for tl"},
	};

	(void)state;
	expect_rows(rows, PB_ARRAY_SIZE(rows));
}

static void rust_symbols_lose_their_hash(void **state)
{
	static const struct row rows[] = {
		{"_ZN1b4main17h6efac5461358bccaE", "b::main", "b::main"},
		{"_ZN41_$LT$b..P$LT$T$GT$$u20$as$u20$b..Area$GT$4area17hb2b76cff63fb5654E",
		 "<b::P<T> as b::Area>::area", "<b::P<T> as b::Area>::area"},
		{"_ZN3std2rt10lang_start28_$u7b$$u7b$closure$u7d$$u7d$17h4958d1a8f9eb1efeE.llvm."
		 "13149322356353811737",
		 "std::rt::lang_start::{{closure}}", "std::rt::lang_start::{{closure}}"},
		{"_ZN1b4main17h6efac5461358bccaE.cold.1", "b::main.cold.1", "b::main.cold.1"},
		{"_RNvCsj6gjteTz5uu_1b4main", "b::main", "b::main"},
		{"_RINvNtCsj6gjteTz5uu_1b5inner5applyNCNvB4_4main0EB4_",
		 "b::inner::apply::<b::main::{closure#0}>",
		 "b::inner::apply::<b::main::{closure#0}>"},
		{"_RNvXCsj6gjteTz5uu_1bINtB2_1PfENtB2_4Area4areaB2_",
		 "<b::P<f32> as b::Area>::area", "<b::P<f32> as b::Area>::area"},
		{"_RNvCsj6gjteTz5uu_1b4main.llvm.123", "b::main", "b::main"},
	};

	(void)state;
	expect_rows(rows, PB_ARRAY_SIZE(rows));
}

/* A hash of few different digits is none, and the symbol is C++ all the same. */
static void what_only_looks_like_rust_is_cpp(void **state)
{
	(void)state;
	expect("_ZN1b4main17h0000000000000000E", false, "b::main::h0000000000000000");
}

static void suffixes_stay_as_they_are(void **state)
{
	static const struct row rows[] = {
		{"_Z3foov.constprop.0", "foo.constprop.0", "foo().constprop.0"},
		{"_Z3foov.isra.0.cold", "foo.isra.0.cold", "foo().isra.0.cold"},
		{"_Z3foov.part.1", "foo.part.1", "foo().part.1"},
		{"_Z3foov.cold", "foo.cold", "foo().cold"},
		{"_Z3foov.__uniq.12", "foo.__uniq.12", "foo().__uniq.12"},
		{"_Z3foov.llvm.", "foo.llvm.", "foo().llvm."},
		{"_Z3foov.llvm.1x", "foo.llvm.1x", "foo().llvm.1x"},
		{"_ZN1A3fooEv.localalias", "A::foo.localalias", "A::foo().localalias"},
		{"_Z3foov.arch_haswell", "foo.arch_haswell", "foo().arch_haswell"},
		{"_Z3foov.AVX2", "foo.AVX2", "foo().AVX2"},
		{"_Z3fooi@@GLIBCXX_3.4", "foo@@GLIBCXX_3.4", "foo(int)@@GLIBCXX_3.4"},
		{"_Z3fooi@GLIBCXX_3.4.21", "foo@GLIBCXX_3.4.21", "foo(int)@GLIBCXX_3.4.21"},
		{"_Z3foov.", "foo.", "foo()."},
	};

	(void)state;
	expect_rows(rows, PB_ARRAY_SIZE(rows));
	expect("_Z3foov.1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20", false, NULL);
}

static void hashes_of_a_build_are_dropped(void **state)
{
	static const struct row rows[] = {
		{"_Z3foov.llvm.123", "foo", "foo()"},
		{"_Z3foov.__uniq.12.llvm.4", "foo.__uniq.12", "foo().__uniq.12"},
		{"_Z3foov.llvm.16730195440537805294.cold", "foo.cold", "foo().cold"},
		{"_Z3foov.llvm.1@@V", "foo@@V", "foo()@@V"},
		{"plain.llvm.16730195440537805294", "plain", "plain"},
		{"plain.part.0.llvm.7.cold.1", "plain.part.0.cold.1", "plain.part.0.cold.1"},
		{"plain.llvm.x.llvm.7", "plain.llvm.x", "plain.llvm.x"},
		{"_Zend.llvm.7", "_Zend", "_Zend"},
		{".llvm.7", NULL, NULL},
		{"plain.llvm.7x", NULL, NULL},
		{"plain.llvm.", NULL, NULL},
	};

	(void)state;
	expect_rows(rows, PB_ARRAY_SIZE(rows));
}

static void other_names_are_left_alone(void **state)
{
	static const char *const names[] = {
		"",
		"_",
		"main",
		"_Z",
		"_R",
		"_ZN",
		"_ZFOO_like_c_macro",
		"_ZEND",
		"_Zend_alloc",
		"_Z_foo",
		"_Z3fo",
		"_Z3fooJunk_behind",
		"_Z3foov junk",
		"_ZN3fooEx$",
		"_Rprintf",
		"_RINGBUF_read",
		"_RNG_seed",
		"_R1",
		"_RNvC3foo",
		/* Other languages, and what libiberty takes for them. */
		"_Dfoo",
		"_D3foo3barFZv",
		"_Dmain",
		"ada__text_io__put",
		"foo__bar",
		"_ada_main",
		"foo__Fi",
		"__ct__3FooFv",
		"_GLOBAL__sub_I_main.cpp",
		"_GLOBAL__I_foo",
		"ZN3foo3barE",
		"__ZN3foo3barE",
		"i",
		"v",
		"_.constprop.0",
		".Z3foov",
		"foo.constprop.0",
	};

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(names); i++) {
		expect(names[i], false, NULL);
		expect(names[i], true, NULL);
	}
}

/* As a symbol of @len bytes: @head, then as often as fits @middle, then @tail. */
static char *repeat(size_t len, const char *head, const char *middle, const char *tail)
{
	char *s = malloc(len + 64);
	size_t at;

	assert_non_null(s);
	at = (size_t)snprintf(s, len, "%s", head);
	while (at + strlen(middle) + strlen(tail) <= len)
		at += (size_t)snprintf(s + at, 64, "%s", middle);
	snprintf(s + at, 64, "%s", tail);
	return s;
}

static void long_symbols_are_read_up_to_the_bound(void **state)
{
	pb_autofree char *within = repeat(PB_DEMANGLE_MAX, "_ZN", "1a", "1fEv");
	pb_autofree char *beyond = repeat(PB_DEMANGLE_MAX + 16, "_ZN", "1a", "1fEv");
	pb_autofree char *arguments = repeat(2000, "_Z1f", "Pi", "");
	pb_autofree char *got = pb_demangle(arguments, false);

	(void)state;
	/* The library's own bound on the depth of what it prints may refuse it. */
	free(pb_demangle(within, true));
	assert_true(strlen(beyond) > PB_DEMANGLE_MAX);
	assert_null(pb_demangle(beyond, true));
	assert_non_null(got);
	assert_string_equal(got, "f");
}

static void deep_symbols_do_no_harm(void **state)
{
	static const char *const parts[][3] = {
		{"_Z1f", "P", "i"},        {"_Z1f", "F", "i"},
		{"_Z1f", "FP", "i"},       {"_Z1fI", "X", "E"},
		{"_Z1fI", "1AI", "E"},     {"_Z", "Z", "v"},
		{"_Z1fI", "J", "E"},       {"_ZGV", "GV", "1a"},
		{"_Z1f", "cv", "i"},       {"_RNvC1a1b", "R", "u"},
		{"_RINvC1a1b", "T", "uE"}, {"_ZZ1fIiEvT_", "ENKUlT_E_clIiEEDaS_", ""},
		{"_Z3foov", ".", "a"},     {"_Z3foov", ".a", ""},
		{"_R", "IN", "E"},         {"_ZN4core17h", "0", "E"},
	};

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(parts); i++) {
		pb_autofree char *s =
			repeat(PB_DEMANGLE_MAX, parts[i][0], parts[i][1], parts[i][2]);

		free(pb_demangle(s, false));
		free(pb_demangle(s, true));
	}
}

/* Each type is a pair of the one before: 2^30 names in 300 bytes. */
static void texts_without_end_are_given_up(void **state)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char symbol[1024] = "_Z1fI1pIiiE";
	size_t at = strlen(symbol);

	(void)state;
	for (int i = 0; i < 30; i++)
		at += (size_t)snprintf(symbol + at, sizeof(symbol) - at, "S_IS%c_S%c_E", digits[i],
				       digits[i]);
	snprintf(symbol + at, sizeof(symbol) - at, "Evv");
	expect(symbol, false, NULL);
	expect(symbol, true, NULL);
	expect("_RINvC1a1bTuuETB7_B7_ETBb_Bb_ETBj_Bj_ETBr_Br_ETBz_Bz_ETBH_BH_ETBP_BP_E"
	       "TBX_BX_ETB15_B15_ETB1d_B1d_ETB1n_B1n_ETB1x_B1x_ETB1H_B1H_ETB1R_B1R_ETB"
	       "21_B21_ETB2b_B2b_ETB2l_B2l_ETB2v_B2v_ETB2F_B2F_ETB2P_B2P_ETB2Z_B2Z_ETB"
	       "39_B39_EE",
	       false, NULL);
}

static void symbols_are_bounded_by_the_stack(void **state)
{
	(void)state;
	pb_demangle_bound(0);
	expect("_Z3foov", false, NULL);
	expect("plain.llvm.7", false, NULL);
	pb_demangle_bound(65536 + 512 * 7);
	expect("_Z3foov", false, "foo");
	expect("_Z4foo1v", false, NULL);
	pb_demangle_bound(UINT64_MAX);
	expect("_Z4foo1v", false, "foo1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpp_symbols_have_their_names),
		cmocka_unit_test(rust_symbols_lose_their_hash),
		cmocka_unit_test(what_only_looks_like_rust_is_cpp),
		cmocka_unit_test(suffixes_stay_as_they_are),
		cmocka_unit_test(hashes_of_a_build_are_dropped),
		cmocka_unit_test(other_names_are_left_alone),
		cmocka_unit_test(long_symbols_are_read_up_to_the_bound),
		cmocka_unit_test(deep_symbols_do_no_harm),
		cmocka_unit_test(texts_without_end_are_given_up),
		cmocka_unit_test(symbols_are_bounded_by_the_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
