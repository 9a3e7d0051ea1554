/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/hostbpf/disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/hostbpf/draw.h"
#include "user/io/histogram.h"

static struct disk d;
static struct pb_io_leaf leaf;
static struct pb_stack_key nobody;

static int setup(void **state)
{
	(void)state;
	disk_open(&d);
	leaf = (struct pb_io_leaf){.disk = DISK_NUMBER};
	pb_io_nobody(&d.cfg, &nobody);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_free();
	return 0;
}

static __u64 group(void)
{
	__u32 lost = PB_LOSS_COUNT;
	__u64 id = pb_io_group(&d.cfg, &nobody, &leaf, &lost);

	assert_true(id || lost != PB_LOSS_COUNT);
	return id;
}

static struct pb_io_group *sums(__u64 id)
{
	return host_map_value(&groups, &id, 0);
}

static void done(const struct pb_io_end *end)
{
	pb_io_done(&d.cfg, end, host.now_ns);
}

/* As bpf/abi/iolatency.h has it. */
static __u32 by_formula(__u64 n)
{
	__u32 bits = 0, s;

	if (n < 64)
		return (__u32)n;
	while (bits < 64 && n >> bits)
		bits++;
	s = bits - 6;
	return 32 * (s + 1) + (__u32)(n >> s) - 32;
}

static void index_of(__u64 n)
{
	assert_int_equal(pb_io_bucket(n), by_formula(n));
	assert_int_equal(pb_io_bucket(n), pb_histogram_index(n));
	assert_in_range(pb_io_bucket(n), 0, PB_IO_BUCKETS - 1);
}

static void index_is_the_formula_at_every_boundary(void **state)
{
	__u32 i;

	(void)state;
	for (i = 0; i < PB_IO_BUCKETS; i++) {
		__u64 low = pb_histogram_low(i);

		if (pb_histogram_index(low) != i)
			continue; /* behind the largest number */
		index_of(low);
		index_of(low + 1);
		assert_int_equal(pb_io_bucket(low), i);
		if (low)
			assert_int_equal(pb_io_bucket(low - 1), i - 1);
	}
	index_of(UINT64_MAX);
	draw_from(1);
	for (i = 0; i < 100000; i++)
		index_of(draw64() >> draw(64));
}

static void stacks_and_leaves_tell_groups_apart(void **state)
{
	__u64 first = group();

	(void)state;
	assert_int_equal(group(), first);
	leaf.op = PB_IO_WRITE;
	assert_int_not_equal(group(), first);
	leaf.op = PB_IO_READ;
	leaf.cgroup = 1;
	assert_int_not_equal(group(), first);
	leaf.cgroup = 0;
	leaf.ino = 1;
	assert_int_not_equal(group(), first);
	leaf.ino = 0;
	nobody.layout++;
	assert_int_not_equal(group(), first);
	nobody.layout--;
	assert_int_equal(group(), first);
	assert_int_equal(host_map_count(&groups), 5);
	assert_memory_equal(&sums(first)->leaf, &leaf, sizeof(leaf));
	assert_memory_equal(&sums(first)->stack, &nobody, sizeof(nobody));
}

static void an_end_adds_to_every_sum(void **state)
{
	struct pb_io_end end = {.group = group(),
				.time_ns = 1000,
				.queue_ns = 10,
				.blocked_ns = 3,
				.at = 8,
				.next = 16,
				.bytes = 4096,
				.queued = true};
	const struct pb_io_group *g = sums(end.group);

	(void)state;
	done(&end);
	end.time_ns = 500;
	end.queued = false;
	end.at = 16;
	end.next = 24;
	end.bytes = 1;
	end.error = 5;
	done(&end);
	assert_int_equal(g->ops, 2);
	assert_int_equal(g->bytes, 4097);
	assert_int_equal(g->time_ns, 1500);
	assert_int_equal(g->max_ns, 1000);
	assert_int_equal(g->queued, 1);
	assert_int_equal(g->queue_ns, 10);
	assert_int_equal(g->max_queue_ns, 10);
	assert_int_equal(g->blocked_ns, 6);
	assert_int_equal(g->errors, 1);
	assert_int_equal(g->sequential, 1);
	assert_int_equal(g->next, 24);
	assert_int_equal(g->unbinned, 0);
	assert_int_equal(disk_binned(g, PB_IO_TIME, 1000), 1);
	assert_int_equal(disk_binned(g, PB_IO_TIME, 500), 1);
	assert_int_equal(disk_binned(g, PB_IO_QUEUE, 10), 1);
	assert_int_equal(scene_count(&nobody)->weight, 1500);
	assert_int_equal(disk_produced(), 2);
}

static void sizes_double_from_512_bytes_on(void **state)
{
	struct pb_io_end end = {.group = group()};
	const struct pb_io_group *g = sums(end.group);
	__u32 i;

	(void)state;
	for (i = 0; i < PB_IO_SIZES; i++) {
		end.bytes = i ? 256ull << i : 0;
		done(&end);
		end.bytes = (512ull << i) - 1;
		done(&end);
		assert_int_equal(g->sizes[i], 2);
	}
	end.bytes = UINT64_MAX;
	done(&end);
	assert_int_equal(g->sizes[PB_IO_SIZES - 1], 3);
}

static void times_without_room_are_unbinned_but_summed(void **state)
{
	struct pb_io_end end = {.time_ns = 1};
	const struct pb_io_group *g;

	teardown(state);
	disk_open_with(&d, DISK_ROOM, DISK_ROOM, 1);
	end.group = group();
	g = sums(end.group);
	done(&end);
	end.time_ns = 1000;
	done(&end);
	end.time_ns = 1;
	done(&end);
	assert_int_equal(g->unbinned, 1);
	assert_int_equal(g->ops, 3);
	assert_int_equal(g->time_ns, 1002);
	assert_int_equal(disk_binned(g, PB_IO_TIME, 1), 2);
	assert_int_equal(disk_produced(), 3);
	/* One whose queue alone finds none counts once. */
	end.queued = true;
	end.queue_ns = 5;
	done(&end);
	assert_int_equal(g->unbinned, 2);
}

static void full_groups_are_lost_by_their_own_cause(void **state)
{
	struct pb_io_end end = {};
	__u32 lost = PB_LOSS_COUNT;

	teardown(state);
	disk_open_with(&d, DISK_ROOM, 1, 64);
	assert_int_not_equal(group(), 0);
	leaf.op = PB_IO_WRITE;
	end.group = pb_io_group(&d.cfg, &nobody, &leaf, &lost);
	end.lost = lost;
	assert_int_equal(end.group, 0);
	done(&end);
	assert_int_equal(scene_tally()->lost[PB_LOSS_GROUPS_FULL], 1);
	assert_int_equal(disk_produced(), 1);
	end.lost = PB_LOSS_COUNT; /* as it can never be */
	done(&end);
	assert_int_equal(scene_tally()->lost[PB_LOSS_GROUPS_FULL], 2);
}

static void locked_groups_are_busy_not_full(void **state)
{
	static const int errors[] = {EBUSY, EDEADLK, ETIMEDOUT};
	__u32 lost, i;

	(void)state;
	for (i = 0; i < 3; i++) {
		host.update_error = -errors[i];
		lost = PB_LOSS_COUNT;
		assert_int_equal(pb_io_group(&d.cfg, &nobody, &leaf, &lost), 0);
		assert_int_equal(lost, PB_LOSS_MAP_BUSY);
	}
}

static void group_without_a_stack_yet_is_busy(void **state)
{
	struct pb_io_end end = {.group = group()};

	(void)state;
	sums(end.group)->stack = (struct pb_stack_key){};
	done(&end);
	assert_int_equal(scene_tally()->lost[PB_LOSS_MAP_BUSY], 1);
	assert_int_equal(disk_produced(), 1);
}

static __u64 rival;

/* Another CPU has just made the same element. */
static void interrupt_is_first(void)
{
	struct pb_io_bucket_key key = {.group = rival, .bucket = pb_io_bucket(7)};
	__u64 one = 1;

	bpf_map_update_elem(&buckets, &key, &one, BPF_NOEXIST);
}

static void bucket_that_another_cpu_makes_first_is_added_to(void **state)
{
	struct pb_io_end end = {.group = group(), .time_ns = 7};

	(void)state;
	rival = end.group;
	host.moment = HOST_IN_UPDATE;
	host.interrupt = interrupt_is_first;
	done(&end);
	assert_int_equal(disk_binned(sums(rival), PB_IO_TIME, 7), 2);
	assert_int_equal(sums(rival)->unbinned, 0);
}

static void interrupt_raises(void)
{
	sums(rival)->max_ns = 50;
}

static void maximum_of_another_cpu_stays(void **state)
{
	struct pb_io_end end = {.group = group(), .time_ns = 20};

	(void)state;
	rival = end.group;
	host.moment = HOST_IN_SWAP;
	host.interrupt = interrupt_raises;
	done(&end);
	end.time_ns = 40;
	done(&end);
	assert_int_equal(sums(rival)->max_ns, 50);
}

static void nobody_is_sent_once_and_offered_until_it_is(void **state)
{
	size_t size;

	teardown(state);
	disk_open(&d);
	group();
	leaf.op = PB_IO_WRITE;
	group();
	assert_int_equal(host_ring_count(&stacks), 1);
	host_ring_record(&stacks, 0, &size);
	assert_int_equal(size, PB_STACK_RECORD_HEADER);
	assert_int_equal(scene_count(&nobody)->sent, 1);
}

static void slow_ones_are_told_of_until_the_ring_is_full(void **state)
{
	struct pb_io_end end = {.group = group(),
				.time_ns = 99,
				.queue_ns = 0,
				.at = 5,
				.bytes = 512,
				.tid = SCENE_TID,
				.depth = 3,
				.error = 5};
	const struct pb_io_slow *r;
	size_t size, i, n;

	(void)state;
	d.cfg.slower_ns = 100;
	done(&end);
	assert_int_equal(host_ring_count(&slow), 0);
	end.queue_ns = 1; /* it is as slow with that */
	done(&end);
	end.is_call = true; /* where it is a part of the time */
	done(&end);
	assert_int_equal(host_ring_count(&slow), 1);
	end.time_ns = 100;
	done(&end);
	assert_int_equal(host_ring_count(&slow), 2);
	r = host_ring_record(&slow, 1, &size);
	assert_int_equal(size, sizeof(*r));
	assert_int_equal(r->group, end.group);
	assert_int_equal(r->end_ns, SCENE_NOW);
	assert_int_equal(r->time_ns, 100);
	assert_int_equal(r->at, 5);
	assert_int_equal(r->bytes, 512);
	assert_int_equal(r->tid, SCENE_TID);
	assert_int_equal(r->depth, 3);
	assert_int_equal(r->error, 5);
	n = (1 << 16) / (sizeof(*r) + 8);
	for (i = 2; i < n + 5; i++)
		done(&end);
	assert_int_equal(host_ring_count(&slow), n);
	assert_int_equal(disk_tally()->slow_lost, 5);
	assert_int_equal(scene_lost(), 0); /* it is counted all the same */
	assert_int_equal(disk_produced(), n + 7);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(index_is_the_formula_at_every_boundary),
		TEST(stacks_and_leaves_tell_groups_apart),
		TEST(an_end_adds_to_every_sum),
		TEST(sizes_double_from_512_bytes_on),
		TEST(times_without_room_are_unbinned_but_summed),
		TEST(full_groups_are_lost_by_their_own_cause),
		TEST(locked_groups_are_busy_not_full),
		TEST(group_without_a_stack_yet_is_busy),
		TEST(bucket_that_another_cpu_makes_first_is_added_to),
		TEST(maximum_of_another_cpu_stays),
		TEST(nobody_is_sent_once_and_offered_until_it_is),
		TEST(slow_ones_are_told_of_until_the_ring_is_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
