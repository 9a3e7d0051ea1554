/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/bottom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "user/core/own.h"

static void outermost_frames_are_known(void **state)
{
	/* Every row of the table: one out of order would not be found. */
	static const char *const names[] = {
		"__clone",
		"__clone3",
		"__libc_start_call_main",
		"__libc_start_main",
		"__libc_start_main_impl",
		"__libc_start_main@GLIBC_2.34",
		"__primary_switched",
		"__secondary_switched",
		"_dl_start",
		"_dl_start_user",
		"_start",
		"_start_c",
		"clone",
		"clone3",
		"common_startup_64",
		"libc_start_main_stage2",
		"main",
		"ret_from_fork",
		"ret_from_fork_asm",
		"ret_from_kernel_thread",
		"runtime.goexit",
		"runtime.goexit.abi0",
		"runtime.mstart",
		"runtime.mstart1",
		"runtime.rt0_go.abi0",
		"secondary_startup_64",
		"secondary_startup_64_no_verify",
		"start_thread",
		"thread_start",
		"x86_64_start_kernel",
	};
	size_t i;

	(void)state;
	for (i = 0; i < PB_ARRAY_SIZE(names); i++)
		if (!pb_symbol_is_bottom(names[i]))
			fail_msg("%s is not known", names[i]);
}

static void other_functions_are_not_bottoms(void **state)
{
	static const char *const names[] = {
		"",
		"_",
		"mai",
		"main2",
		"main.main",
		"_start2",
		"starts",
		"clone4",
		"runtime.gopark",
		"zzz",
		"ret_from_for",
		"__clon",
		"Main",
		"__clone3_x",
		"a.out+0x1040",
		"start_",
		"runtime.mstar",
		"_dl_start_users",
	};
	size_t i;

	(void)state;
	for (i = 0; i < PB_ARRAY_SIZE(names); i++)
		if (pb_symbol_is_bottom(names[i]))
			fail_msg("%s is taken for a bottom", names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outermost_frames_are_known),
		cmocka_unit_test(other_functions_are_not_bottoms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
