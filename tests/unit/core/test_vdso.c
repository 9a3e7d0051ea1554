/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/vdso.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/auxv.h>

#include <cmocka.h>

#include "user/core/elf.h"
#include "user/symbol/parse/elfsyms.h"
#include "user/symbol/shared/symtab.h"

static void functions_of_the_vdso_are_named_as_the_loader_sees_them(void **state)
{
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	void *handle = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
	uint64_t base = getauxval(AT_SYSINFO_EHDR), vaddr, function;
	const struct pb_symbol *s;
	uint8_t id[20];

	(void)state;
	if (!base || !handle)
		skip();
	assert_int_equal(pb_vdso_open(&e), 0);
	assert_int_equal(pb_elf_functions(&t, e), 0);
	assert_int_equal(pb_elf_build_id(e, id, sizeof(id)), 20);
	function = (uint64_t)(uintptr_t)dlsym(handle, "__vdso_clock_gettime");
	if (!function)
		function = (uint64_t)(uintptr_t)dlsym(handle, "__kernel_clock_gettime");
	assert_true(function > base);
	/* The image is mapped as it is: what lies behind its start is the offset in the file. */
	assert_int_equal(pb_elf_vaddr(e, function - base, &vaddr), 0);
	s = pb_symtab_find(t, vaddr);
	assert_non_null(s);
	assert_non_null(strstr(s->name, "clock_gettime"));
	assert_int_equal(s->addr, vaddr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_of_the_vdso_are_named_as_the_loader_sees_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
