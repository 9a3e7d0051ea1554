/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/bottom.h"

#include <stdlib.h>
#include <string.h>

#include "user/core/own.h"

/*
 * Sorted by strcmp(); a name that ends in '*' stands for all that begin so, and is no prefix of
 * another row.
 */
static const char *const bottoms[] = {
	"__clone",
	"__clone3",
	"__libc_start_call_main",
	"__libc_start_main*", /* _impl; @GLIBC_2.34 */
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
	"ret_from_fork*", /* _asm */
	"ret_from_kernel_thread",
	"runtime.goexit*", /* .abi0 */
	"runtime.mstart*",
	"runtime.rt0_go*",
	"secondary_startup_64*", /* _no_verify */
	"start_thread",
	"thread_start",
	"x86_64_start_kernel",
};

static int compare_bottom(const void *key, const void *row)
{
	const char *pattern = *(const char *const *)row;
	size_t len = strlen(pattern);

	if (pattern[len - 1] == '*')
		return strncmp(key, pattern, len - 1);
	return strcmp(key, pattern);
}

bool pb_symbol_is_bottom(const char *function_name)
{
	return bsearch(function_name, bottoms, PB_ARRAY_SIZE(bottoms), sizeof(bottoms[0]),
		       compare_bottom) != NULL;
}
