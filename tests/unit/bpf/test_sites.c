/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/hostbpf/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/hostbpf/draw.h"

#define SITES 8
#define LIVE  200

static struct scene s;

static int setup(void **state)
{
	(void)state;
	heap_open(&s, 64);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_free();
	return 0;
}

static struct pb_block block_of(__u32 site, __u64 size)
{
	return (struct pb_block){.site = {.stack_hash = site + 1, .tgid = SCENE_TGID},
				 .size = size,
				 .tid = SCENE_TID};
}

static struct pb_site *site_of(__u32 site)
{
	struct pb_block b = block_of(site, 0);

	return host_map_value(&counts, &b.site, 0);
}

/* As pb_record(). */
static void alloc(__u32 at, __u64 size)
{
	struct pb_block b = block_of(at, size);
	struct pb_weight weight = {size, 1};
	enum pb_loss lost;
	struct pb_site *site = (struct pb_site *)pb_counter(&b.site, &lost);

	pb_add(&site->count, size);
	pb_note_peak(site, pb_heap(), size);
	pb_site_alloc(site, size, &weight);
	pb_heap_grow(pb_heap(), &weight, ++host.now_ns);
}

static void free_as(__u32 at, __u64 size, const struct pb_end_of_block *end)
{
	struct pb_block b = block_of(at, size);
	struct pb_weight weight = {size, 1};

	pb_site_free(&b, &weight, end);
}

static void free_by(__u32 at, __u64 size, __u64 ip)
{
	free_as(at, size,
		&(struct pb_end_of_block){.free_ip = ip, .tid = SCENE_TID, .sequence = 1});
}

/* What is live, site by site, now and at the peak. */
static struct {
	__u64 bytes[SITES], objects[SITES], sum;
	__u64 peak_bytes[SITES], peak_objects[SITES], peak;
	__u64 most_bytes[SITES], most_objects[SITES];
	struct {
		__u32 site;
		__u64 size;
	} live[LIVE];
	__u32 n;
} model;

static void model_alloc(__u32 at, __u64 size)
{
	model.live[model.n].site = at;
	model.live[model.n++].size = size;
	model.bytes[at] += size;
	model.objects[at]++;
	model.sum += size;
	if (model.bytes[at] > model.most_bytes[at]) {
		model.most_bytes[at] = model.bytes[at];
		model.most_objects[at] = model.objects[at];
	}
	if (model.sum <= model.peak)
		return;
	model.peak = model.sum;
	memcpy(model.peak_bytes, model.bytes, sizeof(model.bytes));
	memcpy(model.peak_objects, model.objects, sizeof(model.objects));
}

static void random_free(void)
{
	__u32 i = draw(model.n), at = model.live[i].site;
	__u64 size = model.live[i].size;

	model.bytes[at] -= size;
	model.objects[at]--;
	model.sum -= size;
	model.live[i] = model.live[--model.n];
	free_by(at, size, 0);
}

static void random_alloc(void)
{
	__u32 at = draw(SITES);
	__u64 size = draw(8) ? draw(1000) : 0;

	model_alloc(at, size);
	alloc(at, size);
}

static void compare(void)
{
	__u64 sum = 0;
	__u32 i;

	for (i = 0; i < SITES; i++) {
		const struct pb_site *site = site_of(i);

		if (!site)
			continue;
		assert_int_equal(heap_live_bytes(site), model.bytes[i]);
		assert_int_equal(heap_live_objects(site), model.objects[i]);
		assert_int_equal(heap_peak_bytes(site), model.peak_bytes[i]);
		assert_int_equal(heap_peak_objects(site), model.peak_objects[i]);
		assert_int_equal(site->most_bytes, model.most_bytes[i]);
		assert_int_equal(site->most_objects, model.most_objects[i]);
		sum += heap_peak_bytes(site);
	}
	assert_int_equal(sum, model.peak);
	assert_int_equal(pb_heap()->peak_bytes, model.peak);
	assert_int_equal(pb_heap()->live_bytes, model.sum);
	assert_int_equal(pb_heap()->live_objects, model.n);
}

static void shares_at_the_peak_are_exact_at_any_time(void **state)
{
	__u32 run, i, grows;

	draw_from(1);
	for (run = 0; run < 100; run++) {
		teardown(state);
		setup(state);
		memset(&model, 0, sizeof(model));
		grows = 1 + draw(9);
		for (i = 0; i < 400; i++) {
			if (!draw(50))
				grows = 1 + draw(9);
			if (model.n < LIVE && (draw(10) < grows || !model.n))
				random_alloc();
			else
				random_free();
			compare();
		}
	}
}

static void majority_of_frees_is_found(void **state)
{
	__u32 i, run, order[101];

	(void)state;
	draw_from(2);
	for (run = 0; run < 50; run++) {
		alloc(run, 1);
		/* 51 by one, 50 by many, shuffled. */
		for (i = 0; i < 101; i++)
			order[i] = i < 51 ? 7 : 100 + draw(5);
		for (i = 100; i; i--) {
			__u32 k = draw(i + 1), was = order[i];

			order[i] = order[k];
			order[k] = was;
		}
		for (i = 0; i < 101; i++)
			free_by(run, 0, order[i]);
		assert_int_equal(site_of(run)->free_ip, 7);
		assert_int_equal(site_of(run)->free_total, 101);
		/* What is told of its share is a lower bound. */
		assert_in_range(site_of(run)->free_same, 1, 51);
	}
}

static void one_who_frees_all_has_all_votes(void **state)
{
	int i;

	(void)state;
	alloc(0, 1);
	for (i = 0; i < 10; i++)
		free_by(0, 0, 7);
	free_by(0, 0, 0); /* not known who */
	assert_int_equal(site_of(0)->free_same, 10);
	assert_int_equal(site_of(0)->free_total, 10);
}

static void buckets_double(void **state)
{
	__u32 i;

	(void)state;
	assert_int_equal(pb_bucket(0), 0);
	for (i = 1; i < PB_ALLOC_BUCKETS; i++) {
		assert_int_equal(pb_bucket(1ull << (i - 1)), i);
		assert_int_equal(pb_bucket((1ull << i) - 1), i);
	}
	assert_int_equal(pb_bucket(1ull << (PB_ALLOC_BUCKETS - 1)), PB_ALLOC_BUCKETS - 1);
	assert_int_equal(pb_bucket(UINT64_MAX), PB_ALLOC_BUCKETS - 1);
	alloc(0, 7);
	alloc(0, 8);
	alloc(0, 15);
	alloc(0, 16);
	alloc(0, (32 << 20) - 1);
	alloc(0, 32 << 20);
	alloc(0, 1ull << 40);
	assert_int_equal(site_of(0)->sizes[0], 1);
	assert_int_equal(site_of(0)->sizes[1], 2);
	assert_int_equal(site_of(0)->sizes[2], 1);
	assert_int_equal(site_of(0)->sizes[22], 1);
	assert_int_equal(site_of(0)->sizes[23], 2);
	assert_int_equal(site_of(0)->max_size, 1ull << 40);
}

static void repeated_sizes_are_counted(void **state)
{
	(void)state;
	alloc(0, 8);
	alloc(0, 8);
	alloc(0, 9);
	alloc(0, 8);
	alloc(0, 8);
	assert_int_equal(site_of(0)->same_size_objects, 2);
	assert_int_equal(site_of(0)->last_size, 8);
}

static void lifetimes_add_up_and_have_buckets(void **state)
{
	struct pb_end_of_block end = {.tid = SCENE_TID, .sequence = 1};

	(void)state;
	alloc(0, 1);
	end.now_ns = 1023;
	free_as(0, 0, &end);
	end.now_ns = 1024;
	free_as(0, 0, &end);
	end.now_ns = 1ull << 40;
	free_as(0, 0, &end);
	assert_int_equal(site_of(0)->lifetime_us, 1 + 1 + (1ull << 40) / 1000);
	assert_int_equal(site_of(0)->lifetimes[0], 1);
	assert_int_equal(site_of(0)->lifetimes[1], 1);
	assert_int_equal(site_of(0)->lifetimes[23], 1);
}

/* Another CPU's clock may lag behind. */
static void block_freed_before_its_time_has_lived_for_none(void **state)
{
	struct pb_block b = block_of(0, 1);
	struct pb_weight weight = {1, 1};
	struct pb_end_of_block end = {.now_ns = 5, .tid = SCENE_TID};

	(void)state;
	alloc(0, 1);
	b.time_ns = 6;
	pb_site_free(&b, &weight, &end);
	assert_int_equal(site_of(0)->lifetime_us, 0);
	assert_int_equal(site_of(0)->lifetimes[0], 1);
}

static void blocks_end_in_different_ways(void **state)
{
	struct pb_end_of_block end = {.tid = SCENE_TID};
	const struct pb_site *site;

	(void)state;
	alloc(0, 100);
	free_as(0, 10, &end); /* the sequence of the block is that of the thread still */
	end.sequence = 1;
	free_as(0, 20, &end);
	end.tid = SCENE_TID + 1;
	end.sequence = 0;
	free_as(0, 30, &end);
	end.moved = true;
	free_as(0, 40, &end);
	site = site_of(0);
	assert_int_equal(site->temporary_objects, 1);
	assert_int_equal(site->temporary_bytes, 10);
	assert_int_equal(site->foreign_objects, 1);
	assert_int_equal(site->freed_objects, 4);
	assert_int_equal(site->freed_bytes, 100);
}

static void heap_that_shrinks_below_nothing_has_no_peak(void **state)
{
	(void)state;
	alloc(0, 10);
	free_by(0, 10, 0);
	free_by(0, 10, 0); /* its allocation is added by another CPU, a little later */
	assert_int_equal((__s64)pb_heap()->live_bytes, -10);
	alloc(0, 5);
	assert_int_equal(pb_heap()->peak_bytes, 10);
	assert_int_equal(pb_heap()->peaks, 1);
}

static void lifetimes_of_many_objects_do_not_overflow(void **state)
{
	__u64 objects = (1ull << 27) << PB_ALLOC_OBJECT_SHIFT; /* 8 bytes, at a mean of 1 GB */
	__u64 day_us = 86400000000ull;

	(void)state;
	assert_int_equal(pb_times(10000000, objects, PB_ALLOC_OBJECT_SHIFT), 10000000ull << 27);
	assert_int_equal(pb_times(day_us, objects, PB_ALLOC_OBJECT_SHIFT), day_us << 27);
	/* Nor are the last bits of a long life lost. */
	assert_int_equal(pb_times(day_us + 1, 1 << 16, PB_ALLOC_OBJECT_SHIFT), day_us + 1);
	assert_int_equal(pb_times(3, 3 << 15, PB_ALLOC_OBJECT_SHIFT), 4);
	assert_int_equal(pb_times(day_us, 5, 0), 5 * day_us);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(shares_at_the_peak_are_exact_at_any_time, setup,
						teardown),
		cmocka_unit_test_setup_teardown(majority_of_frees_is_found, setup, teardown),
		cmocka_unit_test_setup_teardown(one_who_frees_all_has_all_votes, setup, teardown),
		cmocka_unit_test_setup_teardown(buckets_double, setup, teardown),
		cmocka_unit_test_setup_teardown(repeated_sizes_are_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(lifetimes_add_up_and_have_buckets, setup, teardown),
		cmocka_unit_test_setup_teardown(block_freed_before_its_time_has_lived_for_none,
						setup, teardown),
		cmocka_unit_test_setup_teardown(blocks_end_in_different_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(heap_that_shrinks_below_nothing_has_no_peak, setup,
						teardown),
		cmocka_unit_test(lifetimes_of_many_objects_do_not_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
