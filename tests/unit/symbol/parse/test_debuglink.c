/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/parse/debuglink.h"

#include <errno.h>
#include <zlib.h>

#include "tests/unit/symbol/debug_fixture.h"
#include "user/core/elf.h"
#include "user/core/own.h"

static void what_a_link_says_is_read(void **state)
{
	pb_autoclose int fd = open(fixture_path("prog"), O_RDONLY | O_CLOEXEC);
	pb_autoclose int debug = open(fixture_path("prog.debug"), O_RDONLY | O_CLOEXEC);
	pb_auto(pb_elf) struct pb_elf *e = NULL, *none = NULL;
	uint8_t bytes[65536];
	struct pb_wanted w;
	ssize_t size;

	(void)state;
	assert_int_equal(pb_elf_open(&e, fd), 0);
	assert_int_equal(pb_debuglink_read(e, &w), 0);
	assert_int_equal(w.kind, PB_WANTED_LINK);
	assert_string_equal(w.name, "prog.debug");
	assert_int_equal(w.build_id_len, sizeof(fixture_id));
	assert_memory_equal(w.build_id, fixture_id, sizeof(fixture_id));
	size = read(debug, bytes, sizeof(bytes));
	assert_true(size > 0 && size < (ssize_t)sizeof(bytes));
	assert_int_equal(w.crc, crc32(0, bytes, (uInt)size));
	assert_int_equal(pb_elf_open(&none, debug), 0);
	assert_int_equal(pb_debuglink_read(none, &w), -ENOENT);
}

static int read_link_section(const void *bytes, size_t size, struct pb_wanted *w)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	pb_autoclose int fd = -1;

	fixture_write("link", bytes, size);
	fixture_run(
		"objcopy --remove-section .gnu_debuglink --add-section .gnu_debuglink=link prog odd");
	fd = open(fixture_path("odd"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(pb_elf_open(&e, fd), 0);
	return pb_debuglink_read(e, w);
}

static void a_malformed_link_is_refused(void **state)
{
	struct pb_wanted w = {.kind = 99};
	char bytes[PB_WIRE_NAME_MAX + 64];

	(void)state;
	assert_int_equal(read_link_section("abc", 3, &w), -EPROTO);          /* no NUL */
	assert_int_equal(read_link_section("\0\0\0\0CRC!", 8, &w), -EPROTO); /* no name */
	assert_int_equal(read_link_section("abc", 4, &w), -EPROTO);          /* no CRC */
	assert_int_equal(read_link_section("abc\0CRC", 7, &w), -EPROTO);
	assert_int_equal(read_link_section("abcd\0\0\0\0CRC", 11, &w), -EPROTO);
	assert_int_equal(read_link_section("abcd", 5, &w), -EPROTO); /* no padding */
	assert_int_equal(w.kind, 99);
	assert_int_equal(read_link_section("abc\0\1\2\3\4more", 12, &w), 0);
	assert_string_equal(w.name, "abc");
	assert_memory_equal(&w.crc, "\1\2\3\4", 4);
	memset(bytes, 'a', sizeof(bytes));
	assert_int_equal(read_link_section(bytes, sizeof(bytes), &w), -EPROTO);
	/* The longest name there may be, and one more. */
	bytes[PB_WIRE_NAME_MAX - 1] = '\0';
	assert_int_equal(read_link_section(bytes, PB_WIRE_NAME_MAX + 4, &w), 0);
	assert_int_equal(strlen(w.name), PB_WIRE_NAME_MAX - 1);
	bytes[PB_WIRE_NAME_MAX - 1] = 'a';
	memset(bytes + PB_WIRE_NAME_MAX, 0, 4);
	assert_int_equal(read_link_section(bytes, PB_WIRE_NAME_MAX + 4, &w), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_link_says_is_read),
		cmocka_unit_test(a_malformed_link_is_refused),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
