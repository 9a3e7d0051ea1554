/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/parse/perfmap.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/core/own.h"
#include "user/symbol/shared/symtab.h"
#include "user/symbol/shared/wire.h"

static struct pb_symtab *parse(const char *text, size_t len)
{
	struct pb_symtab *t = NULL;
	char *copy = malloc(len + !len);

	/* No byte behind the text: ASan sees what reads over. */
	assert_non_null(copy);
	memcpy(copy, text, len);
	assert_int_equal(pb_symtab_new(&t), 0);
	assert_int_equal(pb_perfmap_parse(t, copy, len), 0);
	assert_int_equal(pb_symtab_finish(t, 1), 0);
	free(copy);
	return t;
}

static const char *name_at(const struct pb_symtab *t, uint64_t addr)
{
	const struct pb_symbol *s = pb_symtab_find(t, addr);

	return s ? s->name : "none";
}

static void both_forms_of_numbers_are_read(void **state)
{
	static const char text[] = "7f0010 20 plain\n"
				   "0x7f0040 0x20 prefixed\n"
				   "7F00AB 1 UPPER\n"
				   "0007f00f000 10 LazyCompile:*run /app/main.js:12:3\n"
				   "7f010000\t10\ttabs\r\n"
				   "0 8 zero\n";
	struct pb_symtab *t = parse(text, strlen(text));

	(void)state;
	assert_int_equal(pb_symtab_count(t), 6);
	assert_string_equal(name_at(t, 0x7f002f), "plain");
	assert_string_equal(name_at(t, 0x7f0030), "none");
	assert_string_equal(name_at(t, 0x7f0040), "prefixed");
	assert_string_equal(name_at(t, 0x7f00ab), "UPPER");
	assert_string_equal(name_at(t, 0x7f00f004), "LazyCompile:*run /app/main.js:12:3");
	assert_string_equal(name_at(t, 0x7f010000), "tabs");
	assert_string_equal(name_at(t, 7), "zero");
	pb_symtab_free(t);
}

static void hostile_lines_are_skipped(void **state)
{
	static const char text[] = "\n"
				   " \n"
				   "1000\n"
				   "1000 \n"
				   "1000 10\n"
				   "1000 10 \n"
				   "1000 0 empty\n"
				   "0x 10 no_digits\n"
				   "1000 0x no_digits\n"
				   "-1000 10 negative\n"
				   " 1000 10 indented\n"
				   "10000000000000000 10 too_long\n"
				   "fffffffffffffff0 20 wraps\n"
				   "1000 ffffffffffffffff wraps\n"
				   "1000 10 nul\0byte\n"
				   "1000g 10 not_hex\n"
				   "1000 10 unfinished";
	struct pb_symtab *t = parse(text, sizeof(text) - 1);

	(void)state;
	assert_int_equal(pb_symtab_count(t), 0);
	pb_symtab_free(t);
	t = parse("", 0);
	assert_int_equal(pb_symtab_count(t), 0);
	pb_symtab_free(t);
}

static void recompiled_code_has_its_new_name(void **state)
{
	static const char text[] = "1000 100 interpreted\n"
				   "1080 20 optimised\n"
				   "1000 10 again\n";
	struct pb_symtab *t = parse(text, strlen(text));

	(void)state;
	assert_string_equal(name_at(t, 0x100f), "again");
	assert_string_equal(name_at(t, 0x1010), "interpreted");
	assert_string_equal(name_at(t, 0x1080), "optimised");
	assert_string_equal(name_at(t, 0x10a0), "interpreted");
	pb_symtab_free(t);
}

static void a_file_is_read_from_its_start_each_time(void **state)
{
	static const char text[] = "1000 10 jitted\n";
	pb_autoclose int fd = memfd_create("perfmap", MFD_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	for (int i = 0; i < 2; i++) {
		pb_auto(pb_symtab) struct pb_symtab *t = NULL;

		assert_int_equal(pb_symtab_new(&t), 0);
		assert_int_equal(pb_perfmap_read(t, fd), 0);
		assert_int_equal(pb_symtab_finish(t, 1), 0);
		assert_string_equal(name_at(t, 0x1000), "jitted");
	}
}

static void a_file_beyond_the_bound_is_refused(void **state)
{
	pb_autoclose int fd = memfd_create("perfmap", MFD_CLOEXEC);
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, PB_WIRE_MAP_MAX + 1), 0);
	assert_int_equal(pb_symtab_new(&t), 0);
	assert_int_equal(pb_perfmap_read(t, fd), -EFBIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms_of_numbers_are_read),
		cmocka_unit_test(hostile_lines_are_skipped),
		cmocka_unit_test(recompiled_code_has_its_new_name),
		cmocka_unit_test(a_file_is_read_from_its_start_each_time),
		cmocka_unit_test(a_file_beyond_the_bound_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
