/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/hostbpf/disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/hostbpf/draw.h"

static struct disk d;

static int setup(void **state)
{
	starts_are_scarce = 0;
	(void)state;
	disk_open(&d);
	return 0;
}

/* With owners. */
static int setup_owners(void **state)
{
	setup(state);
	d.cfg.attribute = 1;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_free();
	return 0;
}

static void submit(void)
{
	pb_io_submit(NULL, &d.cfg, &d.bio);
}

static void insert(void)
{
	pb_io_insert(&d.cfg, &d.rq);
}

static void issue(void)
{
	pb_io_issue(&d.cfg, &d.rq);
}

static void requeue(void)
{
	pb_io_requeue(&d.cfg, &d.rq);
}

static struct pb_io_start *start(void)
{
	__u64 key = (__u64)&d.rq;

	return host_map_value(&starts, &key, 0);
}

static __u64 in_flight(void)
{
	__u32 disk = DISK_NUMBER;
	__u64 *n = host_map_value(&depths, &disk, 0);

	return n ? *n : 0;
}

static void queue_and_device_are_timed_apart(void **state)
{
	const struct pb_io_group *g;

	(void)state;
	insert();
	disk_wait(30);
	issue();
	disk_wait(100);
	disk_complete(&d);
	g = disk_only();
	assert_non_null(g);
	assert_int_equal(g->ops, 1);
	assert_int_equal(g->bytes, 4096);
	assert_int_equal(g->time_ns, 100);
	assert_int_equal(g->max_ns, 100);
	assert_int_equal(g->queue_ns, 30);
	assert_int_equal(g->queued, 1);
	assert_int_equal(g->sizes[4], 1);
	assert_int_equal(g->leaf.disk, DISK_NUMBER);
	assert_int_equal(g->leaf.op, PB_IO_READ);
	assert_int_equal(disk_binned(g, PB_IO_TIME, 100), 1);
	assert_int_equal(disk_binned(g, PB_IO_QUEUE, 30), 1);
	assert_int_equal(disk_produced(), 1);
	assert_int_equal(disk_tally()->unmatched, 0);
}

static void issue_without_insert_has_no_queue_time(void **state)
{
	(void)state;
	issue();
	disk_wait(100);
	disk_complete(&d);
	assert_int_equal(disk_only()->time_ns, 100);
	assert_int_equal(disk_only()->queued, 0);
	assert_int_equal(disk_produced(), 1);
}

static void time_includes_the_queue_if_asked_to(void **state)
{
	(void)state;
	d.cfg.queued = 1;
	d.cfg.slower_ns = 130;
	insert();
	disk_wait(30);
	issue();
	disk_wait(100);
	disk_complete(&d);
	assert_int_equal(disk_only()->time_ns, 130);
	assert_int_equal(disk_only()->queue_ns, 30);
	assert_int_equal(host_ring_count(&slow), 1);
	issue();
	disk_wait(100);
	disk_complete(&d);
	assert_int_equal(disk_only()->time_ns, 230);
	assert_int_equal(host_ring_count(&slow), 1);
}

static void operations_and_flags_are_the_kernels(void **state)
{
	static const struct {
		__u32 opf;
		__u8 op;
	} ops[] = {
		{0, PB_IO_READ},      {1, PB_IO_WRITE},  {2, PB_IO_FLUSH},   {3, PB_IO_DISCARD},
		{5, PB_IO_DISCARD},   {7, PB_IO_WRITE},  {9, PB_IO_ZEROES},  {10, PB_IO_ZONE},
		{17, PB_IO_ZONE},     {34, PB_IO_OTHER}, {35, PB_IO_OTHER},  {36, PB_IO_OTHER},
		{0x301, PB_IO_WRITE}, {6, PB_IO_OTHER},  {255, PB_IO_OTHER},
	};
	__u32 i;

	(void)state;
	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		assert_int_equal(pb_io_op_of(ops[i].opf), ops[i].op);
	assert_int_equal(pb_io_flags_of(DISK_SYNC), PB_IO_SYNC);
	assert_int_equal(pb_io_flags_of(1u << __REQ_META), PB_IO_META);
	assert_int_equal(pb_io_flags_of(1u << __REQ_RAHEAD), PB_IO_AHEAD);
	assert_int_equal(pb_io_flags_of(DISK_FUA), PB_IO_FUA);
	assert_int_equal(pb_io_flags_of(1u << __REQ_BACKGROUND), PB_IO_BACKGROUND);
	assert_int_equal(pb_io_flags_of(~0u), 31);
}

static void requeued_request_counts_once_from_its_last_issue(void **state)
{
	(void)state;
	issue();
	disk_wait(5);
	requeue();
	disk_wait(7);
	issue();
	disk_wait(100);
	disk_complete(&d);
	assert_int_equal(disk_only()->ops, 1);
	assert_int_equal(disk_only()->time_ns, 100);
	assert_int_equal(disk_only()->queue_ns, 12); /* since the first issue */
	assert_int_equal(disk_tally()->requeued, 1);
	assert_int_equal(disk_produced(), 1);
}

/* blk_mq_requeue_work() gives it to the scheduler once more. */
static void requeued_request_may_be_inserted_again(void **state)
{
	int with_owner;

	(void)state;
	for (with_owner = 0; with_owner < 2; with_owner++) {
		disk_open(&d);
		d.cfg.attribute = with_owner;
		submit();
		insert();
		disk_wait(3);
		issue();
		disk_wait(5);
		requeue();
		disk_wait(7);
		insert();
		disk_wait(11);
		issue();
		disk_wait(100);
		disk_complete(&d);
		assert_int_equal(disk_only()->time_ns, 100);
		assert_int_equal(disk_only()->queue_ns, 3 + 5 + 7 + 11);
		assert_int_equal(disk_produced(), 1);
		assert_int_equal(disk_tally()->unmatched, 0);
		host_free();
	}
	disk_open(&d);
}

/* The driver finds no room before it has started it: BLK_STS_RESOURCE. */
static void request_that_is_given_back_before_its_issue_keeps_its_start(void **state)
{
	(void)state;
	submit();
	insert();
	disk_wait(3);
	requeue();
	insert();
	disk_wait(4);
	issue();
	disk_wait(100);
	disk_complete(&d);
	assert_int_equal(disk_only()->queue_ns, 7);
	assert_int_equal(disk_only()->time_ns, 100);
	assert_int_equal(disk_tally()->requeued, 1);
	assert_int_equal(disk_produced(), 1);
	/* One that had no start yet is nothing. */
	disk_again(&d, 0);
	requeue();
	assert_int_equal(disk_tally()->requeued, 1);
}

static void requeue_mark_ends_with_the_issue(void **state)
{
	(void)state;
	issue();
	requeue();
	issue();
	disk_complete(&d);
	assert_int_equal(start()->requeued, 0);
	disk_again(&d, 1);
	disk_wait(10);
	insert();
	disk_wait(1);
	issue();
	disk_complete(&d);
	assert_int_equal(disk_group(1)->queue_ns, 1);
}

static void merged_request_is_no_event(void **state)
{
	(void)state;
	insert();
	pb_io_merge(&d.cfg, &d.rq);
	disk_complete(&d);
	assert_int_equal(disk_tally()->merged, 1);
	assert_int_equal(disk_tally()->unmatched, 1);
	assert_int_equal(disk_produced(), 0);
	/* What comes next is another one. */
	disk_wait(1000);
	issue();
	disk_wait(10);
	disk_complete(&d);
	assert_int_equal(disk_only()->time_ns, 10);
	assert_int_equal(disk_only()->queued, 0);
}

/* mq-deadline and bfq look for somebody to merge with before they trace the insertion. */
static void request_may_be_merged_before_it_is_inserted(void **state)
{
	(void)state;
	pb_io_merge(&d.cfg, &d.rq);
	assert_int_equal(disk_tally()->merged, 1);
	d.cfg.attribute = 1;
	submit();
	pb_io_merge(&d.cfg, &d.rq);
	assert_int_equal(disk_tally()->merged, 2);
	assert_int_equal(host_map_count(&starts), 0);
	pb_io_merge(&d.cfg, &d.rq); /* somebody's who is not measured */
	assert_int_equal(disk_tally()->merged, 2);
}

static void request_that_is_done_in_parts_ends_with_the_last(void **state)
{
	(void)state;
	issue();
	disk_wait(40);
	pb_io_complete(&d.cfg, &d.rq, 0, 1024);
	d.rq.__data_len -= 1024;
	d.rq.__sector += 2;
	disk_wait(60);
	disk_complete(&d);
	assert_int_equal(disk_only()->ops, 1);
	assert_int_equal(disk_only()->time_ns, 100);
	assert_int_equal(disk_only()->bytes, 4096);
	assert_int_equal(disk_tally()->partial, 1);
	assert_int_equal(disk_produced(), 1);
}

/* As loop does: the rest of it is issued again. */
static void parts_that_are_issued_again_keep_size_and_place(void **state)
{
	(void)state;
	d.cfg.slower_ns = 0;
	issue();
	pb_io_complete(&d.cfg, &d.rq, 0, 1024);
	d.rq.__data_len -= 1024;
	d.rq.__sector += 2;
	requeue();
	insert();
	issue();
	disk_complete(&d);
	assert_int_equal(disk_only()->bytes, 4096);
	assert_int_equal(disk_only()->next, DISK_AT + 8);
	assert_int_equal(((const struct pb_io_slow *)host_ring_record(&slow, 0, &(size_t){0}))->at,
			 DISK_AT);
	assert_int_equal(disk_produced(), 1);
	/* And is forgotten by the next one. */
	disk_again(&d, 0);
	issue();
	disk_complete(&d);
	assert_int_equal(disk_only()->bytes, 8192);
}

static void error_ends_a_request_wherever_it_is(void **state)
{
	(void)state;
	issue();
	pb_io_complete(&d.cfg, &d.rq, PB_EIO, 512);
	assert_int_equal(disk_only()->errors, 1);
	assert_int_equal(disk_produced(), 1);
	disk_complete(&d); /* the rest */
	assert_int_equal(disk_tally()->unmatched, 1);
	assert_int_equal(disk_produced(), 1);
}

static void completion_without_an_issue_counts_nothing(void **state)
{
	(void)state;
	disk_complete(&d);
	assert_int_equal(disk_tally()->unmatched, 1);
	insert();
	disk_complete(&d);
	disk_complete(&d);
	assert_int_equal(disk_tally()->unmatched, 3);
	assert_int_equal(disk_produced(), 0);
}

/* Its program is not run where it interrupts itself. */
static void missed_completion_is_no_part_of_the_next_request(void **state)
{
	int inserted;

	(void)state;
	for (inserted = 0; inserted < 2; inserted++) {
		d.cfg.slower_ns = 1ull << 60;
		issue();
		disk_wait(100000);
		disk_again(&d, 1);
		if (inserted)
			insert();
		issue();
		assert_int_equal(start()->depth, 1); /* nor of the depth */
		disk_wait(10);
		disk_complete(&d);
		assert_int_equal(disk_only()->ops, 1 + inserted);
		assert_int_equal(disk_only()->max_ns, 10);
		assert_int_equal(disk_only()->leaf.op, PB_IO_WRITE);
		assert_int_equal(in_flight(), 0);
	}
	assert_int_equal(disk_produced(), 4);
	assert_int_equal(scene_tally()->lost[PB_LOSS_END_UNSEEN], 2);
}

static void missed_issue_is_no_part_of_the_next_request(void **state)
{
	(void)state;
	insert();
	disk_complete(&d);
	disk_wait(100000);
	issue();
	disk_wait(10);
	disk_complete(&d);
	assert_int_equal(disk_only()->time_ns, 10);
	assert_int_equal(disk_only()->queued, 0);
	assert_int_equal(disk_produced(), 1);
}

static void start_without_room_is_lost_once(void **state)
{
	__u64 key = 1;
	struct pb_io_start other = {};

	teardown(state);
	disk_open_with(&d, 1, DISK_ROOM, 64);
	d.cfg.slower_ns = 1ull << 60;
	bpf_map_update_elem(&starts, &key, &other, BPF_ANY);
	insert();
	issue();
	disk_complete(&d);
	assert_int_equal(scene_tally()->lost[PB_LOSS_STARTS_FULL], 1);
	assert_int_equal(disk_produced(), 1);
	assert_int_equal(in_flight(), 0);
	assert_null(disk_only());
}

static void requests_leave_their_room_once_it_was_scarce(void **state)
{
	struct request other;

	teardown(state);
	disk_open_with(&d, 1, DISK_ROOM, 64);
	issue();
	disk_complete(&d);
	assert_int_equal(host_map_count(&starts), 1);
	disk_request(&d, &other, &d.bio);
	pb_io_issue(&d.cfg, &other);
	pb_io_complete(&d.cfg, &other, 0, 4096);
	assert_int_equal(scene_tally()->lost[PB_LOSS_STARTS_FULL], 1);
	issue();
	disk_complete(&d);
	assert_int_equal(host_map_count(&starts), 0);
	pb_io_issue(&d.cfg, &other);
	pb_io_complete(&d.cfg, &other, 0, 4096);
	assert_int_equal(disk_only()->ops, 3);
	assert_int_equal(disk_produced(), 4);
}

static void owner_without_room_is_lost_once(void **state)
{
	__u64 key = 2;
	struct pb_io_start other = {};

	teardown(state);
	disk_open_with(&d, 1, DISK_ROOM, 64);
	d.cfg.attribute = 1;
	bpf_map_update_elem(&starts, &key, &other, BPF_ANY);
	submit();
	insert();
	issue();
	disk_complete(&d);
	assert_int_equal(scene_tally()->lost[PB_LOSS_STARTS_FULL], 1);
	assert_int_equal(disk_produced(), 1);
	/* The bio found room, but its request does not any more. */
	bpf_map_delete_elem(&starts, &key);
	disk_again(&d, 0);
	submit();
	host.update_error = -E2BIG;
	insert();
	issue();
	disk_complete(&d);
	assert_int_equal(scene_tally()->lost[PB_LOSS_STARTS_FULL], 2);
	assert_int_equal(disk_produced(), 2);
	assert_null(disk_only());
}

static void groups_without_room_are_lost_at_the_end(void **state)
{
	teardown(state);
	disk_open_with(&d, DISK_ROOM, 1, 64);
	issue();
	disk_complete(&d);
	disk_again(&d, 1);
	issue();
	assert_int_equal(disk_produced(), 1);
	disk_complete(&d);
	assert_int_equal(scene_tally()->lost[PB_LOSS_GROUPS_FULL], 1);
	assert_int_equal(disk_produced(), 2);
}

/* The lease ends before step @at. Return: events that were produced. */
static __u64 lease_ends_before(int at, int with_owner)
{
	host_free();
	disk_open(&d);
	d.cfg.attribute = with_owner;
	if (at == 0)
		disk_lease(0);
	submit();
	if (at == 1)
		disk_lease(0);
	insert();
	if (at == 2)
		disk_lease(0);
	issue();
	if (at == 3)
		disk_lease(0);
	disk_complete(&d);
	assert_null(disk_only());
	assert_int_equal(scene_tally()->lost[PB_LOSS_LEASE_EXPIRED], disk_produced());
	return disk_produced();
}

static void io_is_lost_once_wherever_the_lease_ends(void **state)
{
	int at, with_owner;

	(void)state;
	for (with_owner = 0; with_owner < 2; with_owner++) {
		for (at = with_owner ? 0 : 1; at < 4; at++)
			assert_int_equal(lease_ends_before(at, with_owner), 1);
	}
}

static void lease_that_comes_back_is_no_longer_a_loss(void **state)
{
	(void)state;
	d.cfg.attribute = 1;
	submit();
	disk_lease(0);
	insert();
	disk_lease(~0ull);
	issue();
	disk_wait(10);
	disk_complete(&d);
	assert_int_equal(disk_only()->time_ns, 10);
	assert_int_equal(disk_only()->queued, 0);
	assert_int_equal(disk_produced(), 1);
	/* But its start from before it went is none any more. */
	disk_again(&d, 0);
	submit();
	insert();
	disk_lease(0);
	issue();
	disk_lease(~0ull);
	disk_complete(&d);
	assert_int_equal(disk_produced(), 2);
	assert_int_equal(scene_lost(), 1);
}

static struct pb_control *beat(void)
{
	__u32 zero = 0;

	return host_map_value(&control, &zero, 0);
}

static void what_stood_still_has_no_time(void **state)
{
	(void)state;
	issue();
	disk_wait(PB_LEASE_NS);
	disk_complete(&d);
	assert_int_equal(scene_tally()->lost[PB_LOSS_STOOD_STILL], 1);
	/* A slow disk is none of that. */
	issue();
	disk_wait(PB_LEASE_NS);
	beat()->beats += PB_LEASE_NS / PB_BEAT_NS;
	disk_complete(&d);
	assert_int_equal(disk_only()->time_ns, PB_LEASE_NS);
	assert_int_equal(disk_produced(), 2);
	/* Nor is one that waits long, but what it waited while all stood still is. */
	insert();
	disk_wait(PB_LEASE_NS);
	beat()->beats += PB_LEASE_NS / PB_BEAT_NS;
	issue();
	disk_complete(&d);
	assert_int_equal(disk_only()->queue_ns, PB_LEASE_NS);
	insert();
	disk_wait(PB_LEASE_NS);
	issue();
	disk_complete(&d);
	assert_int_equal(scene_tally()->lost[PB_LOSS_STOOD_STILL], 2);
	assert_int_equal(disk_produced(), 4);
}

static void disk_and_partition_are_chosen(void **state)
{
	(void)state;
	d.cfg.disk = DISK_NUMBER + 16;
	insert();
	issue();
	disk_complete(&d);
	assert_int_equal(disk_produced(), 0);
	d.cfg.disk = DISK_NUMBER;
	issue();
	disk_complete(&d);
	assert_int_equal(disk_produced(), 1);
	d.cfg.part = DISK_PART;
	issue();
	disk_complete(&d);
	assert_int_equal(disk_produced(), 2);
	d.bio.bi_bdev = &d.whole;
	issue();
	disk_complete(&d);
	assert_int_equal(disk_produced(), 2);
	d.rq.bio = NULL; /* a flush is the whole disk's */
	issue();
	disk_complete(&d);
	assert_int_equal(disk_produced(), 2);
}

/* NVMe's administration: requests, but no gendisk. */
static void queue_without_a_disk_is_not_measured(void **state)
{
	(void)state;
	d.queue.disk = NULL;
	insert();
	issue();
	disk_complete(&d);
	assert_int_equal(disk_tally()->unmatched, 1);
	assert_int_equal(disk_produced(), 0);
}

static void depth_counts_what_the_disk_has(void **state)
{
	struct request more[3];
	__u32 i;

	(void)state;
	d.cfg.slower_ns = 0;
	for (i = 0; i < 3; i++) {
		disk_request(&d, &more[i], &d.bio);
		pb_io_issue(&d.cfg, &more[i]);
	}
	issue();
	assert_int_equal(start()->depth, 4);
	requeue();
	assert_int_equal(in_flight(), 3);
	issue();
	assert_int_equal(start()->depth, 4);
	for (i = 0; i < 3; i++)
		pb_io_complete(&d.cfg, &more[i], 0, 4096);
	disk_complete(&d);
	disk_complete(&d); /* unmatched */
	assert_int_equal(in_flight(), 0);
	assert_int_equal(host_ring_count(&slow), 4);
	assert_int_equal(
		((const struct pb_io_slow *)host_ring_record(&slow, 3, &(size_t){0}))->depth, 4);
	d.cfg.slower_ns = ~0ull; /* nobody asks */
	issue();
	assert_int_equal(start()->depth, 0);
}

static void what_begins_where_the_last_ended_is_sequential(void **state)
{
	__u32 i;

	(void)state;
	for (i = 0; i < 5; i++) {
		issue();
		disk_complete(&d);
		d.rq.__sector += i == 2 ? 80 : 8;
	}
	assert_int_equal(disk_only()->sequential, 3);
}

static void blocks_that_are_read_again_are_repeated(void **state)
{
	__u32 i;

	(void)state;
	d.cfg.attribute = 1;
	for (i = 0; i < 4; i++) {
		disk_again(&d, i == 3 ? 1 : 0);
		submit();
		issue();
		disk_complete(&d);
		if (i == 1)
			assert_int_equal(disk_group(0)->repeated, 1);
	}
	assert_int_equal(disk_group(0)->repeated, 2);
	assert_int_equal(disk_group(1)->leaf.op, PB_IO_WRITE);
	assert_int_equal(disk_group(1)->repeated, 0);
	assert_int_equal(disk_produced(), 4);
}

/* blk_kick_flush(): without a bio, and issued without insertion. */
static void flush(struct request *rq)
{
	*rq = (struct request){.q = &d.queue, .cmd_flags = 2 | DISK_PREFLUSH};
	pb_io_issue(&d.cfg, rq);
	disk_wait(1000);
	pb_io_complete(&d.cfg, rq, 0, 0);
}

static const struct pb_io_group *group_of_op(__u8 op)
{
	const struct pb_io_group *g;
	size_t i;

	for (i = 0; (g = disk_group(i)); i++) {
		if (g->leaf.op == op && g->ops)
			return g;
	}
	return NULL;
}

static void flush_is_of_whoever_asked_for_it(void **state)
{
	struct request rq;

	(void)state;
	/* fsync() on a file that is clean: blkdev_issue_flush(). */
	d.bio.bi_opf = 1 | DISK_PREFLUSH | DISK_SYNC;
	d.bio.bi_iter.bi_size = 0;
	disk_request(&d, &d.rq, &d.bio);
	submit();
	flush(&rq);
	disk_complete(&d); /* the one that was asked for was never issued */
	assert_non_null(disk_only());
	assert_int_equal(disk_only()->leaf.op, PB_IO_FLUSH);
	assert_int_equal(disk_only()->leaf.owner, PB_IO_OWNER_FLUSHER);
	assert_int_equal(disk_only()->leaf.disk, DISK_NUMBER);
	assert_int_equal(disk_only()->stack.tgid, SCENE_TGID);
	assert_int_equal(disk_only()->time_ns, 1000);
	assert_int_equal(disk_only()->bytes, 0);
	assert_int_equal(disk_tally()->unmatched, 1);
	assert_int_equal(disk_produced(), 1);
	/* Nothing of its bio is left for the next one at that address. */
	assert_int_equal(host_map_count(&starts), 1);
}

/* blk_insert_flush(): first the flush, then the data, which completes twice. */
static void write_behind_a_flush_counts_once(void **state)
{
	struct request rq;

	(void)state;
	d.bio.bi_opf = 1 | DISK_PREFLUSH;
	d.rq.cmd_flags = 1 | DISK_SYNC;
	submit();
	flush(&rq);
	issue();
	disk_wait(10);
	disk_complete(&d);
	d.rq.__data_len = 0;
	disk_complete(&d);
	assert_int_equal(group_of_op(PB_IO_WRITE)->ops, 1);
	assert_int_equal(group_of_op(PB_IO_WRITE)->time_ns, 10);
	assert_int_equal(group_of_op(PB_IO_FLUSH)->ops, 1);
	assert_int_equal(disk_produced(), 2);
	assert_int_equal(disk_tally()->unmatched, 1);
}

static void write_past_a_cache_that_cannot_is_whose_flush_follows(void **state)
{
	struct request rq;

	(void)state;
	d.bio.bi_opf = 1 | DISK_FUA;
	d.rq.cmd_flags = 1 | DISK_FUA; /* it can: no flush follows */
	submit();
	issue();
	disk_complete(&d);
	assert_int_equal(host_map_count(&flushers), 0);
	disk_again(&d, 1 | DISK_FUA);
	d.rq.cmd_flags = 1 | DISK_SYNC;
	submit();
	issue();
	disk_complete(&d);
	flush(&rq);
	assert_int_equal(group_of_op(PB_IO_FLUSH)->stack.tgid, SCENE_TGID);
	assert_int_equal(group_of_op(PB_IO_FLUSH)->leaf.owner, PB_IO_OWNER_FLUSHER);
	assert_int_equal(disk_produced(), 3);
}

static void flush_that_nobody_asked_for_is_nobodys(void **state)
{
	struct request rq;

	(void)state;
	flush(&rq);
	assert_int_equal(disk_only()->leaf.owner, PB_IO_OWNER_NONE);
	assert_int_equal(disk_only()->stack.tgid, 0);
	assert_int_equal(disk_produced(), 1);
	d.cfg.capture.scope = PB_SCOPE_PROCESS;
	flush(&rq);
	assert_int_equal(disk_produced(), 1);
}

static void flush_of_a_foreign_process_is_not_the_targets(void **state)
{
	struct request rq;

	(void)state;
	d.cfg.capture.scope = PB_SCOPE_PROCESS;
	bpf_map_update_elem(&targets, &(__u32){SCENE_TGID}, &(__u64){SCENE_START}, BPF_ANY);
	d.bio.bi_opf = 1 | DISK_PREFLUSH;
	submit();
	flush(&rq);
	assert_int_equal(disk_produced(), 1);
	host.current_task = &d.kworker;
	d.inode.i_ino++; /* a file that nobody was seen to dirty */
	submit();
	flush(&rq);
	assert_int_equal(disk_produced(), 1);
}

/* SG_IO and its like: block_getrq is for bios. */
static void command_made_by_hand_is_nobodys(void **state)
{
	(void)state;
	d.rq.cmd_flags = 34;
	issue();
	disk_wait(10);
	disk_complete(&d);
	assert_int_equal(disk_only()->leaf.op, PB_IO_OTHER);
	assert_int_equal(disk_only()->leaf.owner, PB_IO_OWNER_NONE);
	assert_int_equal(disk_produced(), 1);
	/* What else comes without an owner began before we looked. */
	disk_again(&d, 0);
	insert();
	issue();
	disk_complete(&d);
	assert_int_equal(disk_produced(), 1);
}

static void bios_in_front_do_not_hide_the_owner(void **state)
{
	struct bio front[20];
	__u32 n, i;

	(void)state;
	for (n = 0; n < 20; n++) {
		disk_again(&d, 0);
		submit();
		for (i = 0; i < n; i++) {
			disk_bio(&d, &front[i], 0);
			front[i].bi_next = i ? &front[i - 1] : &d.bio;
		}
		if (n)
			d.rq.bio = &front[n - 1];
		issue();
		disk_complete(&d);
		assert_int_equal(disk_produced(), n + 1);
		assert_int_equal(host_map_count(&starts), 1);
	}
}

static void owner_of_another_disk_is_not_taken(void **state)
{
	struct gendisk other = d.disk;

	(void)state;
	submit();
	other.first_minor += 16;
	d.queue.disk = &other;
	issue();
	disk_complete(&d);
	assert_int_equal(disk_produced(), 0);
}

static void start_of_a_foreign_bio_is_removed(void **state)
{
	(void)state;
	submit();
	d.cfg.capture.scope = PB_SCOPE_PROCESS; /* nobody is a target */
	submit();
	issue();
	disk_complete(&d);
	assert_int_equal(disk_produced(), 0);
	assert_int_equal(host_map_count(&starts), 0);
}

static void bio_queue(void)
{
	pb_io_bio_queue(NULL, &d.cfg, &d.bio);
}

static void device_without_requests_is_timed_by_its_bios(void **state)
{
	(void)state;
	d.queue.mq_ops = NULL;
	bio_queue();
	disk_wait(10);
	d.bio.bi_iter.bi_size = 0; /* as it is then */
	pb_io_bio_complete(&d.cfg, &d.bio);
	assert_int_equal(disk_only()->time_ns, 10);
	assert_int_equal(disk_only()->bytes, 4096);
	assert_int_equal(disk_only()->queued, 0);
	assert_int_equal(disk_tally()->bio_events, 1);
	assert_int_equal(disk_produced(), 1);
	assert_int_equal(host_map_count(&starts), 0);
	pb_io_bio_complete(&d.cfg, &d.bio); /* the first part of one that was split */
	assert_int_equal(disk_produced(), 1);
	d.bio.bi_status = 10;
	bio_queue();
	pb_io_bio_complete(&d.cfg, &d.bio);
	assert_int_equal(disk_only()->errors, 1);
}

static void bio_of_a_device_with_requests_is_not_timed(void **state)
{
	(void)state;
	bio_queue();
	pb_io_bio_complete(&d.cfg, &d.bio);
	assert_int_equal(disk_produced(), 0);
	/* Nor if it is about to get one. */
	d.cfg.attribute = 1;
	submit();
	pb_io_bio_complete(&d.cfg, &d.bio);
	assert_int_equal(disk_produced(), 0);
}

/* nvme_ns_head_submit_bio(): one bio, first of the disk that has paths, then of the path's. */
static void bio_that_is_handed_on_counts_on_both_disks(void **state)
{
	struct request_queue no_requests = {.disk = NULL};
	struct gendisk head = {.major = 259, .first_minor = 0, .queue = &no_requests};
	struct block_device bdev = {.bd_dev = 259u << 20, .bd_disk = &head};

	(void)state;
	d.bio.bi_bdev = &bdev;
	bio_queue();
	d.bio.bi_bdev = &d.part;
	disk_wait(1);
	submit();
	issue();
	disk_wait(10);
	disk_complete(&d);
	pb_io_bio_complete(&d.cfg, &d.bio);
	assert_int_equal(disk_produced(), 2);
	assert_int_equal(disk_group(0)->leaf.disk, 259u << 20);
	assert_int_equal(disk_group(0)->time_ns, 11);
	assert_int_equal(disk_group(1)->leaf.disk, DISK_NUMBER);
	assert_int_equal(disk_group(1)->time_ns, 10);
	assert_int_equal(host_map_count(&starts), 1);
}

static void bios_are_lost_by_cause(void **state)
{
	teardown(state);
	disk_open_with(&d, 1, DISK_ROOM, 64);
	d.cfg.slower_ns = 1ull << 60;
	d.queue.mq_ops = NULL;
	disk_lease(0);
	bio_queue();
	assert_int_equal(scene_tally()->lost[PB_LOSS_LEASE_EXPIRED], 1);
	disk_lease(~0ull);
	host.update_error = -E2BIG;
	bio_queue();
	assert_int_equal(scene_tally()->lost[PB_LOSS_STARTS_FULL] +
				 scene_tally()->lost[PB_LOSS_GROUPS_FULL],
			 1);
	assert_int_equal(in_flight(), 0);
	host.update_error = 0;
	bio_queue();
	disk_lease(0);
	pb_io_bio_complete(&d.cfg, &d.bio);
	assert_int_equal(scene_tally()->lost[PB_LOSS_LEASE_EXPIRED], 2);
	assert_int_equal(disk_produced(), 3);
	d.cfg.disk = DISK_NUMBER + 16;
	bio_queue();
	assert_int_equal(disk_produced(), 3);
}

enum missed { MISS_SUBMIT, MISS_ISSUE, MISS_COMPLETE, MISS_REQUEUE, MISS_NONE };

struct random_io {
	struct request rq;
	struct bio bio;
	enum missed missed;
};

static void random_life(struct random_io *io)
{
	/* Two of one request in a row would be too much: an event is missed where its program interrupts itself. */
	enum missed miss = io->missed == MISS_NONE ? draw(MISS_NONE + 4) : MISS_NONE;

	io->missed = miss < MISS_NONE ? miss : MISS_NONE;
	disk_bio(&d, &io->bio, draw(2));
	disk_request(&d, &io->rq, &io->bio);
	if (miss != MISS_SUBMIT)
		pb_io_submit(NULL, &d.cfg, &io->bio);
	if (draw(2))
		pb_io_insert(&d.cfg, &io->rq);
	disk_wait(1 + draw(100));
	if (miss != MISS_ISSUE)
		pb_io_issue(&d.cfg, &io->rq);
	if (!draw(10)) {
		if (miss != MISS_REQUEUE)
			pb_io_requeue(&d.cfg, &io->rq);
		if (draw(2))
			pb_io_insert(&d.cfg, &io->rq);
		pb_io_issue(&d.cfg, &io->rq);
	}
	disk_wait(1 + draw(100));
	if (miss != MISS_COMPLETE)
		pb_io_complete(&d.cfg, &io->rq, 0, 4096);
}

static void whatever_is_missed_no_time_is_made_up(void **state)
{
	struct random_io io[8];
	const struct pb_io_slow *r;
	__u64 began_ns, n;

	(void)state;
	draw_from(3);
	d.cfg.slower_ns = 0;
	for (n = 0; n < 8; n++)
		io[n].missed = MISS_NONE;
	for (n = 0; n < 8000; n++) {
		d.cfg.attribute = n < 4000;
		began_ns = host.now_ns;
		random_life(&io[draw(8)]);
		if (host_ring_count(&slow)) {
			r = host_ring_record(&slow, 0, &(size_t){0});
			assert_in_range(r->time_ns + r->queue_ns, 1, host.now_ns - began_ns);
		}
		host_ring_consume(&slow);
		assert_int_not_equal(disk_produced(), ~0ull);
		disk_wait(100000);
	}
	assert_in_range(disk_produced(), 5000, 8000);
}

#define TEST(name)   cmocka_unit_test_setup_teardown(name, setup, teardown)
#define OWNERS(name) cmocka_unit_test_setup_teardown(name, setup_owners, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(queue_and_device_are_timed_apart),
		TEST(issue_without_insert_has_no_queue_time),
		TEST(time_includes_the_queue_if_asked_to),
		TEST(operations_and_flags_are_the_kernels),
		TEST(requeued_request_counts_once_from_its_last_issue),
		TEST(requeued_request_may_be_inserted_again),
		TEST(request_that_is_given_back_before_its_issue_keeps_its_start),
		TEST(requeue_mark_ends_with_the_issue),
		TEST(merged_request_is_no_event),
		TEST(request_may_be_merged_before_it_is_inserted),
		TEST(request_that_is_done_in_parts_ends_with_the_last),
		TEST(parts_that_are_issued_again_keep_size_and_place),
		TEST(error_ends_a_request_wherever_it_is),
		TEST(completion_without_an_issue_counts_nothing),
		TEST(missed_completion_is_no_part_of_the_next_request),
		TEST(missed_issue_is_no_part_of_the_next_request),
		TEST(start_without_room_is_lost_once),
		TEST(requests_leave_their_room_once_it_was_scarce),
		TEST(owner_without_room_is_lost_once),
		TEST(groups_without_room_are_lost_at_the_end),
		TEST(io_is_lost_once_wherever_the_lease_ends),
		TEST(lease_that_comes_back_is_no_longer_a_loss),
		TEST(what_stood_still_has_no_time),
		TEST(disk_and_partition_are_chosen),
		TEST(queue_without_a_disk_is_not_measured),
		TEST(depth_counts_what_the_disk_has),
		TEST(what_begins_where_the_last_ended_is_sequential),
		TEST(blocks_that_are_read_again_are_repeated),
		OWNERS(flush_is_of_whoever_asked_for_it),
		OWNERS(write_behind_a_flush_counts_once),
		OWNERS(write_past_a_cache_that_cannot_is_whose_flush_follows),
		OWNERS(flush_that_nobody_asked_for_is_nobodys),
		OWNERS(flush_of_a_foreign_process_is_not_the_targets),
		OWNERS(command_made_by_hand_is_nobodys),
		OWNERS(bios_in_front_do_not_hide_the_owner),
		OWNERS(owner_of_another_disk_is_not_taken),
		OWNERS(start_of_a_foreign_bio_is_removed),
		OWNERS(bio_that_is_handed_on_counts_on_both_disks),
		TEST(device_without_requests_is_timed_by_its_bios),
		TEST(bio_of_a_device_with_requests_is_not_timed),
		TEST(bios_are_lost_by_cause),
		TEST(whatever_is_missed_no_time_is_made_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
