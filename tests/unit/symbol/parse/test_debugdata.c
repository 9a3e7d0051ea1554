/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/parse/debugdata.h"

#include <errno.h>
#include <lzma.h>

#include "tests/unit/symbol/debug_fixture.h"
#include "user/core/elf.h"

#define CHUNK (1u << 20)

/* What pb_debugdata_read() makes of a file whose section has these bytes. */
static int read_packed(const void *packed, size_t size, uint8_t **out, size_t *out_size)
{
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	pb_autoclose int fd = -1;

	fixture_write("packed", packed, size);
	fixture_run("objcopy --remove-section .gnu_debugdata --add-section .gnu_debugdata=packed "
		    "prog mini");
	fd = open(fixture_path("mini"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(pb_elf_open(&e, fd), 0);
	return pb_debugdata_read(e, out, out_size);
}

/* @n zero bytes, packed with a dictionary of @dict bytes; to be freed. */
static uint8_t *pack_zeros(uint64_t n, uint32_t dict, size_t *size)
{
	lzma_stream xz = LZMA_STREAM_INIT;
	lzma_options_lzma options;
	lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};
	uint8_t *zeros = calloc(1, CHUNK), *packed = malloc(CHUNK);
	lzma_ret ret = LZMA_OK;

	assert_non_null(zeros);
	assert_non_null(packed);
	assert_false(lzma_lzma_preset(&options, 0));
	options.dict_size = dict;
	assert_int_equal(lzma_stream_encoder(&xz, filters, LZMA_CHECK_CRC32), LZMA_OK);
	xz.next_out = packed;
	xz.avail_out = CHUNK;
	while (ret == LZMA_OK) {
		if (!xz.avail_in && n) {
			xz.next_in = zeros;
			xz.avail_in = n < CHUNK ? n : CHUNK;
			n -= xz.avail_in;
		}
		ret = lzma_code(&xz, n ? LZMA_RUN : LZMA_FINISH);
	}
	assert_int_equal(ret, LZMA_STREAM_END);
	*size = CHUNK - xz.avail_out;
	lzma_end(&xz);
	free(zeros);
	return packed;
}

/* The debug file of the fixture, packed; both to be freed. */
static uint8_t *pack_debug_file(uint8_t **plain, size_t *plain_size, size_t *size)
{
	pb_autoclose int fd = open(fixture_path("prog.debug"), O_RDONLY | O_CLOEXEC);
	uint8_t *packed;
	struct stat st;
	size_t room;

	assert_int_equal(fstat(fd, &st), 0);
	*plain_size = (size_t)st.st_size;
	*plain = malloc(*plain_size);
	room = lzma_stream_buffer_bound(*plain_size);
	packed = malloc(room);
	assert_non_null(*plain);
	assert_non_null(packed);
	assert_int_equal(read(fd, *plain, *plain_size), *plain_size);
	*size = 0;
	assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, *plain, *plain_size,
						 packed, size, room),
			 LZMA_OK);
	return packed;
}

static void the_file_within_comes_out_as_it_went_in(void **state)
{
	size_t plain_size, packed_size, size = 0;
	pb_autofree uint8_t *plain = NULL, *out = NULL;
	pb_autofree uint8_t *packed = pack_debug_file(&plain, &plain_size, &packed_size);
	pb_auto(pb_elf) struct pb_elf *e = NULL;

	(void)state;
	assert_int_equal(read_packed(packed, packed_size, &out, &size), 0);
	assert_int_equal(size, plain_size);
	assert_memory_equal(out, plain, size);
	assert_int_equal(pb_elf_open_memory(&e, out, size), 0);
}

static void a_file_without_it_is_none(void **state)
{
	pb_autoclose int fd = open(fixture_path("prog"), O_RDONLY | O_CLOEXEC);
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	uint8_t *out = NULL;
	size_t size = 0;

	(void)state;
	assert_int_equal(pb_elf_open(&e, fd), 0);
	assert_int_equal(pb_debugdata_read(e, &out, &size), -ENOENT);
	assert_null(out);
}

static void a_malformed_stream_is_refused_wherever_it_is_cut_or_changed(void **state)
{
	size_t plain_size, packed_size, size = 0, i;
	pb_autofree uint8_t *plain = NULL;
	pb_autofree uint8_t *packed = pack_debug_file(&plain, &plain_size, &packed_size);
	uint8_t *out = NULL;

	(void)state;
	assert_int_equal(read_packed("not xz at all", 13, &out, &size), -EPROTO);
	assert_int_equal(read_packed(packed, 1, &out, &size), -EPROTO);
	for (i = 0; i < 8; i++) {
		size_t at = packed_size * i / 8;

		if (at)
			assert_int_equal(read_packed(packed, at, &out, &size), -EPROTO);
		packed[at] ^= 0x55;
		assert_int_equal(read_packed(packed, packed_size, &out, &size), -EPROTO);
		packed[at] ^= 0x55;
	}
	assert_int_equal(read_packed(packed, packed_size - 1, &out, &size), -EPROTO);
	assert_null(out);
}

static void a_bomb_is_stopped_at_the_bound(void **state)
{
	size_t packed_size, size = 0;
	pb_autofree uint8_t *packed =
		pack_zeros((uint64_t)PB_DEBUGDATA_MAX + CHUNK, 1u << 16, &packed_size);
	uint8_t *out = NULL;

	(void)state;
	assert_int_equal(read_packed(packed, packed_size, &out, &size), -EFBIG);
	assert_null(out);
}

static void a_dictionary_beyond_the_bound_is_refused(void **state)
{
	size_t packed_size, size = 0;
	pb_autofree uint8_t *packed = pack_zeros(100, 64u << 20, &packed_size);
	pb_autofree uint8_t *huge = NULL, *out = NULL;

	(void)state;
	/* What xz -9 writes is read. */
	assert_int_equal(read_packed(packed, packed_size, &out, &size), 0);
	assert_int_equal(size, 100);
	huge = pack_zeros(100, 128u << 20, &packed_size);
	free(pb_take(out));
	assert_int_equal(read_packed(huge, packed_size, &out, &size), -EFBIG);
	assert_null(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_file_within_comes_out_as_it_went_in),
		cmocka_unit_test(a_file_without_it_is_none),
		cmocka_unit_test(a_malformed_stream_is_refused_wherever_it_is_cut_or_changed),
		cmocka_unit_test(a_bomb_is_stopped_at_the_bound),
		cmocka_unit_test(a_dictionary_beyond_the_bound_is_refused),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
