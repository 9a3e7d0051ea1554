/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/proto.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SPAN(literal)                                                                              \
	(struct pb_proto_span)                                                                     \
	{                                                                                          \
		(const unsigned char *)(literal),                                                  \
			(const unsigned char *)(literal) + sizeof(literal) - 1                     \
	}

static void what_was_put_is_taken_again(void **state)
{
	struct pb_proto_buf b = {0}, part = {0};
	struct pb_proto_field f;
	struct pb_proto_span m;

	(void)state;
	pb_proto_put_uint(&part, 1, 300);
	pb_proto_put_uint(&b, 3, UINT64_MAX);
	pb_proto_put_uint(&b, 4, 0);
	pb_proto_put_bytes(&b, 6, "", 0);
	pb_proto_put_part(&b, 100, &part);
	m = (struct pb_proto_span){b.bytes, b.bytes + b.len};
	assert_int_equal(pb_proto_next(&m, &f), 1);
	assert_int_equal(f.number, 3);
	assert_true(f.value == UINT64_MAX);
	assert_int_equal(pb_proto_next(&m, &f), 1);
	assert_int_equal(f.number, 6);
	assert_ptr_equal(f.bytes.at, f.bytes.end);
	assert_int_equal(pb_proto_next(&m, &f), 1);
	assert_int_equal(f.number, 100);
	assert_int_equal(pb_proto_next(&m, &f), 0);
	m = f.bytes;
	assert_int_equal(pb_proto_next(&m, &f), 1);
	assert_int_equal(f.value, 300);
	pb_proto_drop(&b);
	pb_proto_drop(&part);
}

static void the_bytes_are_those_of_the_specification(void **state)
{
	struct pb_proto_buf b = {0};

	(void)state;
	pb_proto_put_uint(&b, 1, 150);
	pb_proto_put_bytes(&b, 2, "testing", 7);
	assert_int_equal(b.len, 12);
	assert_memory_equal(b.bytes, "\x08\x96\x01\x12\x07testing", 12);
	pb_proto_drop(&b);
}

static void fixed_fields_are_little_endian(void **state)
{
	struct pb_proto_span m = SPAN("\x09\x01\x00\x00\x00\x00\x00\x00\x80\x15\x02\x01\x00\x00");
	struct pb_proto_field f;

	(void)state;
	assert_int_equal(pb_proto_next(&m, &f), 1);
	assert_true(f.value == 0x8000000000000001);
	assert_int_equal(pb_proto_next(&m, &f), 1);
	assert_int_equal(f.number, 2);
	assert_int_equal(f.value, 0x102);
}

static void broken_fields_are_refused_and_not_consumed(void **state)
{
	const struct pb_proto_span broken[] = {
		SPAN("\x08"),                                             /* no value */
		SPAN("\x80"),                                             /* half a tag */
		SPAN("\x00\x01"),                                         /* number 0 */
		SPAN("\x0b\x0c"),                                         /* a group */
		SPAN("\x0e\x00"),                                         /* wire type 6 */
		SPAN("\x12\x05test"),                                     /* too short */
		SPAN("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),     /* a huge length */
		SPAN("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),     /* 65 bits */
		SPAN("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"), /* 11 bytes */
		SPAN("\x09\x01\x02\x03"),                                 /* short fixed64 */
		SPAN("\x0d\x01\x02\x03"),                                 /* short fixed32 */
		SPAN("\x80\x80\x80\x80\x10\x00"),                         /* number 2^29 */
	};
	struct pb_proto_field f;

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		struct pb_proto_span m = broken[i];

		assert_int_equal(pb_proto_next(&m, &f), -EPROTO);
		assert_ptr_equal(m.at, broken[i].at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_taken_again),
		cmocka_unit_test(the_bytes_are_those_of_the_specification),
		cmocka_unit_test(fixed_fields_are_little_endian),
		cmocka_unit_test(broken_fields_are_refused_and_not_consumed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
