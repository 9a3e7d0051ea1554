/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/hostbpf/disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define OTHER_TGID 200

static struct disk d;
static struct task_struct other;

static int setup(void **state)
{
	(void)state;
	disk_open(&d);
	d.cfg.attribute = 1;
	other = d.scene.leader;
	other.pid = other.tgid = OTHER_TGID;
	other.group_leader = &other;
	return 0;
}

static int setup_target(void **state)
{
	setup(state);
	d.cfg.capture.scope = PB_SCOPE_PROCESS;
	bpf_map_update_elem(&targets, &(__u32){SCENE_TGID}, &(__u64){SCENE_START}, BPF_ANY);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_free();
	return 0;
}

static void dirty_by(struct task_struct *task)
{
	host.current_task = task;
	pb_io_dirty(NULL, &d.cfg, &d.mapping);
}

/* One I/O from beginning to end, by a thread. */
static void io_by(struct task_struct *task, __u32 opf)
{
	host.current_task = task;
	disk_again(&d, opf);
	pb_io_submit(NULL, &d.cfg, &d.bio);
	pb_io_issue(&d.cfg, &d.rq);
	disk_complete(&d);
}

static const struct pb_io_dirtier *dirtier(void)
{
	struct pb_io_inode_key key = {.ino = DISK_INO, .fs = DISK_PART};

	return host_map_value(&dirtiers, &key, 0);
}

static void submitter_owns_what_it_asks_for(void **state)
{
	(void)state;
	d.cfg.slower_ns = 0;
	io_by(&d.scene.thread, 0);
	assert_int_equal(disk_only()->leaf.owner, PB_IO_OWNER_SUBMITTER);
	assert_int_equal(disk_only()->leaf.ino, DISK_INO);
	assert_int_equal(disk_only()->leaf.fs, DISK_PART);
	assert_int_equal(disk_only()->leaf.disk, DISK_NUMBER);
	assert_int_equal(disk_only()->leaf.cgroup, 0);
	assert_int_equal(disk_only()->stack.tgid, SCENE_TGID);
	assert_int_equal(((const struct pb_io_slow *)host_ring_record(&slow, 0, &(size_t){0}))->tid,
			 SCENE_TID);
	assert_int_equal(disk_produced(), 1);
}

static void cgroups_are_told_apart_if_asked_to(void **state)
{
	(void)state;
	d.cfg.by_cgroup = 1;
	host.cgroup_id = 77;
	dirty_by(&d.scene.thread);
	assert_int_equal(dirtier()->cgroup, 77);
	host.cgroup_id = 1;
	io_by(&d.kworker, 1);
	assert_int_equal(disk_only()->leaf.cgroup, 77);
	io_by(&d.scene.thread, 0);
	assert_int_equal(disk_group(1)->leaf.cgroup, 1);
}

static void writeback_is_of_whoever_dirtied_the_file(void **state)
{
	(void)state;
	dirty_by(&d.scene.thread);
	io_by(&d.kworker, 1);
	assert_int_equal(disk_only()->leaf.owner, PB_IO_OWNER_DIRTIER);
	assert_int_equal(disk_only()->stack.tgid, SCENE_TGID);
	assert_int_equal(disk_only()->stack.stack_hash, dirtier()->stack.stack_hash);
	assert_int_equal(disk_tally()->dirtied, 1);
	assert_int_equal(disk_produced(), 1);
}

static void writeback_of_a_file_that_nobody_dirtied_is_the_kernels(void **state)
{
	(void)state;
	io_by(&d.kworker, 1);
	assert_int_equal(disk_only()->leaf.owner, PB_IO_OWNER_KERNEL);
	assert_int_equal(disk_only()->stack.tgid, 7);
	assert_int_equal(disk_produced(), 1);
}

/* Whoever has dirtied a file has not asked for what a kernel thread reads of it. */
static void read_by_the_kernel_is_not_of_the_dirtier(void **state)
{
	(void)state;
	dirty_by(&d.scene.thread);
	io_by(&d.kworker, 0);
	assert_int_equal(disk_only()->leaf.owner, PB_IO_OWNER_KERNEL);
}

static void whoever_syncs_owns_it_itself(void **state)
{
	(void)state;
	dirty_by(&d.scene.thread);
	io_by(&other, 1);
	assert_int_equal(disk_only()->leaf.owner, PB_IO_OWNER_SUBMITTER);
	assert_int_equal(disk_only()->stack.tgid, OTHER_TGID);
}

static void one_who_dirties_all_the_time_is_looked_at_now_and_then(void **state)
{
	(void)state;
	dirty_by(&d.scene.thread);
	host.user_regs.ip++;
	disk_wait(PB_DIRTY_AGAIN_NS - 1);
	dirty_by(&d.scene.thread);
	assert_int_equal(dirtier()->time_ns, SCENE_NOW);
	assert_int_equal(host_map_count(&counts), 1);
	disk_wait(1);
	dirty_by(&d.scene.thread);
	assert_int_equal(dirtier()->time_ns, SCENE_NOW + PB_DIRTY_AGAIN_NS);
	assert_int_equal(host_map_count(&counts), 2);
	assert_int_equal(disk_tally()->dirtied, 3);
}

static void another_thread_takes_the_file_over_at_once(void **state)
{
	(void)state;
	dirty_by(&d.scene.thread);
	dirty_by(&other);
	assert_int_equal(dirtier()->tid, OTHER_TGID);
	io_by(&d.kworker, 1);
	assert_int_equal(disk_only()->stack.tgid, OTHER_TGID);
}

static void foreign_process_takes_the_file_away_from_the_target(void **state)
{
	(void)state;
	dirty_by(&d.scene.thread);
	io_by(&d.kworker, 1);
	assert_int_equal(disk_produced(), 1);
	dirty_by(&other);
	assert_null(dirtier());
	io_by(&d.kworker, 1);
	assert_int_equal(disk_produced(), 1);
	dirty_by(&other); /* whom nothing was known of */
	assert_null(dirtier());
	io_by(&other, 0);
	assert_int_equal(disk_produced(), 1);
	assert_int_equal(host_map_count(&starts), 1); /* the request's */
}

static void target_is_measured_and_nobody_else(void **state)
{
	(void)state;
	io_by(&other, 0);
	io_by(&d.kworker, 0);
	assert_int_equal(disk_produced(), 0);
	io_by(&d.scene.thread, 0);
	assert_int_equal(disk_produced(), 1);
	assert_int_equal(disk_only()->stack.tgid, SCENE_TGID);
}

static void kernel_threads_and_odd_files_dirty_nothing(void **state)
{
	(void)state;
	dirty_by(&d.kworker);
	host.current_task = &d.scene.thread;
	pb_io_dirty(NULL, &d.cfg, NULL);
	d.inode.i_mode = 0;
	dirty_by(&d.scene.thread);
	d.mapping.host = NULL;
	dirty_by(&d.scene.thread);
	assert_int_equal(host_map_count(&dirtiers), 0);
	assert_int_equal(disk_tally()->dirtied, 0);
}

static void metadata_is_of_whoever_dirtied_the_device(void **state)
{
	(void)state;
	d.inode.i_mode = PB_S_IFBLK;
	d.inode.i_rdev = DISK_PART;
	dirty_by(&d.scene.thread);
	io_by(&d.kworker, 1);
	assert_int_equal(disk_only()->leaf.owner, PB_IO_OWNER_DIRTIER);
	assert_int_equal(disk_only()->leaf.is_disk, 1);
	assert_int_equal(disk_only()->leaf.ino, 0);
}

static void stack_that_cannot_be_taken_loses_its_io(void **state)
{
	__u32 slot;

	(void)state;
	for (slot = 0; slot < PB_SCRATCH_COUNT; slot++)
		((struct pb_scratch *)host_map_value(&scratch, &slot, 0))->busy = 1;
	dirty_by(&d.scene.thread);
	assert_null(dirtier());
	io_by(&d.scene.thread, 0);
	assert_int_equal(scene_tally()->lost[PB_LOSS_SCRATCH_BUSY], 1);
	assert_int_equal(disk_produced(), 1);
}

static void the_tool_itself_is_not_measured(void **state)
{
	(void)state;
	d.cfg.capture.self_tgid = SCENE_TGID;
	dirty_by(&d.scene.thread);
	io_by(&d.scene.thread, 0);
	assert_int_equal(disk_produced(), 0);
	assert_int_equal(host_map_count(&dirtiers), 0);
}

#define TEST(name)   cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TARGET(name) cmocka_unit_test_setup_teardown(name, setup_target, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(submitter_owns_what_it_asks_for),
		TEST(cgroups_are_told_apart_if_asked_to),
		TEST(writeback_is_of_whoever_dirtied_the_file),
		TEST(writeback_of_a_file_that_nobody_dirtied_is_the_kernels),
		TEST(read_by_the_kernel_is_not_of_the_dirtier),
		TEST(whoever_syncs_owns_it_itself),
		TEST(one_who_dirties_all_the_time_is_looked_at_now_and_then),
		TEST(another_thread_takes_the_file_over_at_once),
		TARGET(foreign_process_takes_the_file_away_from_the_target),
		TARGET(target_is_measured_and_nobody_else),
		TEST(kernel_threads_and_odd_files_dirty_nothing),
		TEST(metadata_is_of_whoever_dirtied_the_device),
		TEST(stack_that_cannot_be_taken_loses_its_io),
		TEST(the_tool_itself_is_not_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
