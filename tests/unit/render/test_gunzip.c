/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/gunzip.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#include "user/core/own.h"

/* Pack @len bytes as one gzip member into @out. Returns its size. */
static size_t pack(unsigned char *out, size_t size, const void *data, size_t len)
{
	z_stream z = {.next_in = (unsigned char *)data,
		      .avail_in = (uInt)len,
		      .next_out = out,
		      .avail_out = (uInt)size};

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return z.total_out;
}

static void members_are_unpacked_one_behind_the_other(void **state)
{
	pb_autofree unsigned char *out = NULL;
	unsigned char packed[256];
	size_t n, len = 0;

	(void)state;
	n = pack(packed, sizeof(packed), "hello ", 6);
	n += pack(packed + n, sizeof(packed) - n, "world", 5);
	assert_true(pb_is_gzip(packed, n));
	assert_int_equal(pb_gunzip(&out, &len, packed, n, 11), 0);
	assert_int_equal(len, 11);
	assert_memory_equal(out, "hello world", 11);
}

static void data_cut_off_anywhere_are_refused(void **state)
{
	unsigned char packed[256];
	size_t n;

	(void)state;
	n = pack(packed, sizeof(packed), "some text, some text", 20);
	for (size_t cut = 2; cut < n; cut++) {
		pb_autofree unsigned char *out = NULL;
		size_t len;

		assert_int_equal(pb_gunzip(&out, &len, packed, cut, 1000), -EPROTO);
	}
}

static void a_flipped_bit_is_noticed(void **state)
{
	pb_autofree unsigned char *out = NULL;
	unsigned char packed[256];
	size_t n, len;

	(void)state;
	n = pack(packed, sizeof(packed), "some text, some text", 20);
	packed[n - 6] ^= 1; /* of the checksum */
	assert_int_equal(pb_gunzip(&out, &len, packed, n, 1000), -EPROTO);
}

static void bytes_behind_the_end_are_refused(void **state)
{
	pb_autofree unsigned char *out = NULL;
	unsigned char packed[256];
	size_t n, len;

	(void)state;
	n = pack(packed, sizeof(packed), "text", 4);
	memcpy(packed + n, "rubbish", 7);
	assert_int_equal(pb_gunzip(&out, &len, packed, n + 7, 1000), -EPROTO);
}

static void a_bomb_ends_at_the_bound(void **state)
{
	pb_autofree unsigned char *zeros = calloc(1, 1 << 20);
	pb_autofree unsigned char *out = NULL;
	unsigned char packed[4096];
	size_t n, len;

	(void)state;
	n = pack(packed, sizeof(packed), zeros, 1 << 20);
	assert_int_equal(pb_gunzip(&out, &len, packed, n, (1 << 20) - 1), -EFBIG);
	free(out);
	out = NULL;
	assert_int_equal(pb_gunzip(&out, &len, packed, n, 1 << 20), 0);
	assert_int_equal(len, 1 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_are_unpacked_one_behind_the_other),
		cmocka_unit_test(data_cut_off_anywhere_are_refused),
		cmocka_unit_test(a_flipped_bit_is_noticed),
		cmocka_unit_test(bytes_behind_the_end_are_refused),
		cmocka_unit_test(a_bomb_ends_at_the_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
