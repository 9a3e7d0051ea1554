/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/hostbpf/hostbpf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bpf/lib/stackhash.bpf.h"

#define SEED    0x13198a2e03707344ull
#define N_CALLS 32 /* call sites of a made-up program */

static __u64 hash(const __u64 *words, size_t n, __u64 seed)
{
	size_t i;

	for (i = 0; i < n; i++)
		seed = pb_stack_hash_add(seed, words[i]);
	return seed;
}

static void equal_stacks_hash_alike(void **state)
{
	const __u64 a[] = {1, 2, 3}, b[] = {1, 2, 3};

	(void)state;
	assert_true(hash(a, 3, SEED) == hash(b, 3, SEED));
}

static void order_of_frames_matters(void **state)
{
	const __u64 a[] = {0x401000, 0x402000}, b[] = {0x402000, 0x401000};

	(void)state;
	assert_true(hash(a, 2, SEED) != hash(b, 2, SEED));
}

static void length_matters_even_for_null_frames(void **state)
{
	const __u64 zeros[4] = {0};

	(void)state;
	assert_true(hash(zeros, 3, SEED) != hash(zeros, 4, SEED));
}

static void seed_matters(void **state)
{
	const __u64 a[] = {0x401000};

	(void)state;
	assert_true(hash(a, 1, SEED) != hash(a, 1, SEED + 1));
}

static void each_bit_of_each_word_matters(void **state)
{
	__u64 words[3] = {0x401000, 0x7f0012345678, 0xffffffff81000000}, whole;
	size_t i;
	int bit;

	(void)state;
	whole = hash(words, 3, SEED);
	for (i = 0; i < 3; i++) {
		for (bit = 0; bit < 64; bit++) {
			words[i] ^= 1ull << bit;
			assert_true(hash(words, 3, SEED) != whole);
			words[i] ^= 1ull << bit;
		}
	}
}

/* A product carries upwards only: without folding, topmost bits would meet nothing but each other. */
static void topmost_bits_of_two_frames_do_not_cancel(void **state)
{
	__u64 words[2] = {0x401000, 0x402000}, whole;
	int bit;

	(void)state;
	whole = hash(words, 2, SEED);
	for (bit = 55; bit < 64; bit++) {
		words[0] ^= 1ull << bit;
		words[1] ^= 1ull << bit;
		assert_true(hash(words, 2, SEED) != whole);
		words[0] ^= 1ull << bit;
		words[1] ^= 1ull << bit;
	}
}

static int by_value(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

/* Every path of four calls through a program whose call sites lie close together: addresses that
 * differ in few low bits are what real stacks are made of. */
static void a_million_stacks_of_one_program_do_not_collide(void **state)
{
	const size_t n = (size_t)N_CALLS * N_CALLS * N_CALLS * N_CALLS;
	__u64 *hashes = calloc(n, sizeof(*hashes)), words[4];
	size_t i, k;

	(void)state;
	assert_non_null(hashes);
	for (i = 0; i < n; i++) {
		for (k = 0; k < 4; k++)
			words[k] = 0x555555554000 + (i >> (5 * k)) % N_CALLS * 5;
		hashes[i] = hash(words, 4, SEED);
	}
	qsort(hashes, n, sizeof(*hashes), by_value);
	for (i = 1; i < n; i++) {
		if (hashes[i] == hashes[i - 1])
			fail_msg("collision after %zu stacks", i);
	}
	free(hashes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_stacks_hash_alike),
		cmocka_unit_test(order_of_frames_matters),
		cmocka_unit_test(length_matters_even_for_null_frames),
		cmocka_unit_test(seed_matters),
		cmocka_unit_test(each_bit_of_each_word_matters),
		cmocka_unit_test(topmost_bits_of_two_frames_do_not_cancel),
		cmocka_unit_test(a_million_stacks_of_one_program_do_not_collide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
