/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/hostbpf/disk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "bpf/lib/iouring.bpf.h"

/* Numbers of system calls; any will do. */
#define NR_READ     0
#define NR_PREAD    17
#define NR_FSYNC    74
#define NR_SENDFILE 40
#define NR_OTHER    39

static struct disk d;
static struct file file, socket_;
static struct inode socket_inode;
static struct file *fds[4];
static struct fdtable table;
static struct files_struct fd_files;
static struct pt_regs regs;
static struct task_struct idle;

static int setup(void **state)
{
	(void)state;
	disk_open(&d);
	HOST_STORAGE(io_calls, 1);
	d.cfg.call[NR_READ] = PB_IO_CALL_READ;
	d.cfg.call[NR_PREAD] = PB_IO_CALL_PREAD;
	d.cfg.call[NR_FSYNC] = PB_IO_CALL_FSYNC;
	d.cfg.call[NR_SENDFILE] = PB_IO_CALL_SENDFILE;
	d.cfg.attribute = 1;
	file = (struct file){.f_inode = &d.inode, .f_path.dentry = &d.name, .f_pos = 1000};
	socket_inode = (struct inode){.i_mode = 0140777, .i_sb = &d.sb};
	socket_ = (struct file){.f_inode = &socket_inode};
	fds[0] = NULL;
	fds[1] = &socket_;
	fds[3] = &file;
	table = (struct fdtable){.max_fds = 4, .fd = fds};
	fd_files.fdt = &table;
	d.scene.thread.files = &fd_files;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_free();
	return 0;
}

static void enter(long nr, __u64 fd)
{
	regs = (struct pt_regs){.di = fd, .si = 3, .r10 = 5000, .cs = 0x33};
	pb_call_begin(&d.cfg, &regs, nr);
}

static void leave(long ret)
{
	pb_call_end(NULL, &d.cfg, ret);
}

static void sleep_for(__u64 ns, bool for_io, bool preempted)
{
	d.scene.thread.in_iowait = for_io;
	pb_call_switch(preempted, &d.scene.thread, &idle);
	disk_wait(ns);
	d.scene.thread.in_iowait = 0;
	pb_call_switch(false, &idle, &d.scene.thread);
}

static const struct pb_io_slow *told(void)
{
	return host_ring_record(&slow, host_ring_count(&slow) - 1, &(size_t){0});
}

static void time_of_a_call_is_split(void **state)
{
	const struct pb_io_group *g;

	(void)state;
	enter(NR_READ, 3);
	disk_wait(1);
	sleep_for(10, true, false);
	disk_wait(2);
	sleep_for(100, false, false);
	sleep_for(20, true, false);
	sleep_for(1000, false, true); /* preempted: it waits for a CPU */
	disk_wait(4);
	leave(512);
	g = disk_only();
	assert_non_null(g);
	assert_int_equal(g->time_ns, 1137);
	assert_int_equal(g->queue_ns, 30);
	assert_int_equal(g->queued, 1);
	assert_int_equal(g->blocked_ns, 100);
	assert_int_equal(g->bytes, 512);
	assert_int_equal(g->leaf.op, PB_IO_CALL_READ);
	assert_int_equal(g->leaf.ino, DISK_INO);
	assert_int_equal(g->leaf.disk, 0);
	assert_int_equal(g->leaf.owner, PB_IO_OWNER_SUBMITTER);
	assert_int_equal(g->stack.tgid, SCENE_TGID);
	assert_int_equal(disk_produced(), 1);
	assert_int_equal(host_ring_count(&paths), 1);
}

static void next_call_begins_with_nothing(void **state)
{
	(void)state;
	enter(NR_READ, 3);
	sleep_for(10, true, false);
	sleep_for(10, false, false);
	leave(1);
	disk_wait(1000);
	sleep_for(5000, true, false); /* outside of any */
	enter(NR_READ, 3);
	disk_wait(3);
	leave(1);
	assert_int_equal(disk_only()->ops, 2);
	assert_int_equal(disk_only()->time_ns, 23);
	assert_int_equal(disk_only()->queue_ns, 10);
	assert_int_equal(disk_only()->queued, 1);
	assert_int_equal(disk_only()->blocked_ns, 10);
	assert_int_equal(disk_produced(), 2);
}

static void errors_have_no_bytes(void **state)
{
	(void)state;
	d.cfg.slower_ns = 0;
	enter(NR_READ, 3);
	leave(-EIO);
	assert_int_equal(disk_only()->errors, 1);
	assert_int_equal(disk_only()->bytes, 0);
	assert_int_equal(told()->error, EIO);
	enter(NR_FSYNC, 3);
	leave(0);
	assert_int_equal(disk_group(1)->bytes, 0);
	assert_int_equal(disk_group(1)->errors, 0);
	assert_int_equal(disk_produced(), 2);
}

static void offsets_are_told_where_they_are_known(void **state)
{
	(void)state;
	d.cfg.slower_ns = 0;
	enter(NR_READ, 3);
	file.f_pos += 24; /* as it moves on */
	leave(24);
	assert_int_equal(told()->at, 1000);
	enter(NR_READ, 3);
	leave(24);
	assert_int_equal(disk_only()->sequential, 1);
	enter(NR_PREAD, 3);
	leave(8);
	assert_int_equal(told()->at, 5000);
	enter(NR_FSYNC, 3);
	leave(0);
	assert_int_equal(told()->at, ~0ull);
	assert_int_equal(disk_group(2)->sequential, 0);
}

static void only_files_on_disks_count(void **state)
{
	(void)state;
	enter(NR_READ, 0); /* none */
	leave(1);
	enter(NR_READ, 1); /* a socket */
	leave(1);
	enter(NR_READ, 4); /* beyond the table */
	leave(-EBADF);
	enter(NR_READ, 0xffffffff);
	leave(-EBADF);
	d.scene.thread.files = NULL;
	enter(NR_READ, 3);
	leave(1);
	d.scene.thread.files = &fd_files;
	assert_int_equal(disk_produced(), 0);
	d.inode.i_mode = PB_S_IFBLK;
	d.inode.i_rdev = DISK_PART;
	enter(NR_READ, 3);
	leave(1);
	assert_int_equal(disk_only()->leaf.is_disk, 1);
	assert_int_equal(disk_only()->leaf.fs, DISK_PART);
}

static void sendfile_is_of_what_it_reads(void **state)
{
	(void)state;
	enter(NR_SENDFILE, 1); /* into a socket */
	leave(100);
	assert_int_equal(disk_only()->leaf.ino, DISK_INO);
	assert_int_equal(disk_only()->bytes, 100);
}

static void other_calls_are_not_timed(void **state)
{
	(void)state;
	enter(NR_OTHER, 3);
	leave(1);
	enter(-1, 3);
	leave(1);
	enter(PB_IO_SYSCALLS, 3);
	leave(1);
	enter(1ll << 32, 3);
	leave(1);
	leave(1); /* one that was begun before we looked */
	regs.cs = PB_X86_USER_CS_32;
	pb_call_begin(&d.cfg, &regs, NR_READ);
	leave(1);
	d.cfg.capture.self_tgid = SCENE_TGID;
	enter(NR_READ, 3);
	leave(1);
	assert_int_equal(disk_produced(), 0);
	assert_int_equal(host_map_count(&io_calls), 0);
}

static void thread_that_ends_inside_leaves_nothing(void **state)
{
	struct task_struct *task = &d.scene.thread;

	(void)state;
	enter(NR_READ, 3);
	assert_int_equal(bpf_map_delete_elem(&io_calls, &task), 0); /* the kernel does */
	pb_call_switch(false, task, &idle);
	leave(1);
	assert_int_equal(disk_produced(), 0);
}

static void call_that_cannot_be_kept_is_lost_once(void **state)
{
	struct task_struct second = d.scene.thread;

	(void)state;
	enter(NR_READ, 3);
	host.current_task = &second;
	enter(NR_READ, 3);
	leave(1);
	assert_int_equal(scene_tally()->lost[PB_LOSS_STARTS_FULL], 1);
	assert_int_equal(disk_produced(), 1);
}

static void calls_are_lost_by_cause(void **state)
{
	__u32 slot;

	(void)state;
	enter(NR_READ, 3);
	disk_lease(0);
	leave(1);
	assert_int_equal(scene_tally()->lost[PB_LOSS_LEASE_EXPIRED], 1);
	disk_lease(~0ull);
	enter(NR_READ, 3);
	disk_wait(PB_LEASE_NS);
	leave(1);
	assert_int_equal(scene_tally()->lost[PB_LOSS_STOOD_STILL], 1);
	enter(NR_READ, 3);
	for (slot = 0; slot < PB_SCRATCH_COUNT; slot++)
		((struct pb_scratch *)host_map_value(&scratch, &slot, 0))->busy = 1;
	leave(1);
	assert_int_equal(scene_tally()->lost[PB_LOSS_SCRATCH_BUSY], 1);
	assert_int_equal(disk_produced(), 3);
	assert_null(disk_only());
}

static void slow_call_is_no_standstill(void **state)
{
	(void)state;
	enter(NR_READ, 3);
	disk_wait(PB_LEASE_NS);
	((struct pb_control *)host_map_value(&control, &(__u32){0}, 0))->beats += 20;
	leave(1);
	assert_int_equal(disk_only()->time_ns, PB_LEASE_NS);
}

static void without_owners_calls_are_told_apart_by_kind(void **state)
{
	(void)state;
	d.cfg.attribute = 0;
	enter(NR_READ, 3);
	leave(1);
	enter(NR_FSYNC, 3);
	leave(0);
	assert_int_equal(host_map_count(&groups), 2);
	assert_int_equal(disk_group(0)->leaf.ino, 0);
	assert_int_equal(disk_group(0)->leaf.fs, 0);
	assert_int_equal(disk_group(0)->leaf.op, PB_IO_CALL_READ);
	assert_int_equal(disk_group(0)->stack.tgid, 0);
	assert_int_equal(host_ring_count(&paths), 0);
	assert_int_equal(disk_produced(), 2);
}

static struct io_kiocb uring_request(__u8 opcode, int fd)
{
	struct io_kiocb req = {.opcode = opcode};

	req.cqe.fd = fd;
	return req;
}

static void io_by_a_ring_is_timed_like_a_call(void **state)
{
	struct io_kiocb req = uring_request(22, 3);

	(void)state;
	pb_uring_submit(NULL, &d.cfg, &req);
	disk_wait(50);
	pb_uring_complete(&d.cfg, (__u64)&req, 4096);
	assert_int_equal(disk_only()->leaf.op, PB_IO_CALL_URING_READ);
	assert_int_equal(disk_only()->leaf.ino, DISK_INO);
	assert_int_equal(disk_only()->time_ns, 50);
	assert_int_equal(disk_only()->bytes, 4096);
	assert_int_equal(host_map_count(&starts), 0);
	pb_uring_complete(&d.cfg, (__u64)&req, 4096); /* another one, that was not seen to begin */
	assert_int_equal(disk_produced(), 1);
	pb_uring_submit(NULL, &d.cfg, &req);
	pb_uring_complete(&d.cfg, (__u64)&req, -EIO);
	assert_int_equal(disk_only()->errors, 1);
	/* Its end was not seen where the same request is used for something else: lost once, and nothing is left. */
	pb_uring_submit(NULL, &d.cfg, &req);
	req.opcode = 0;
	pb_uring_submit(NULL, &d.cfg, &req);
	pb_uring_complete(&d.cfg, (__u64)&req, 0);
	assert_int_equal(scene_tally()->lost[PB_LOSS_END_UNSEEN], 1);
	assert_int_equal(disk_produced(), 3);
	assert_int_equal(host_map_count(&starts), 0);
}

static void io_by_a_ring_without_room_is_lost_once(void **state)
{
	struct io_kiocb req = uring_request(3, 3);
	struct pb_io_start none = {};
	__u64 key = 8;

	teardown(state);
	disk_open_with(&d, 1, DISK_ROOM, 64);
	d.scene.thread.files = &fd_files;
	bpf_map_update_elem(&starts, &key, &none, BPF_ANY);
	pb_uring_submit(NULL, &d.cfg, &req);
	pb_uring_complete(&d.cfg, (__u64)&req, 0);
	assert_int_equal(scene_tally()->lost[PB_LOSS_STARTS_FULL], 1);
	assert_int_equal(disk_produced(), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(time_of_a_call_is_split),
		TEST(next_call_begins_with_nothing),
		TEST(errors_have_no_bytes),
		TEST(offsets_are_told_where_they_are_known),
		TEST(only_files_on_disks_count),
		TEST(sendfile_is_of_what_it_reads),
		TEST(other_calls_are_not_timed),
		TEST(thread_that_ends_inside_leaves_nothing),
		TEST(call_that_cannot_be_kept_is_lost_once),
		TEST(calls_are_lost_by_cause),
		TEST(slow_call_is_no_standstill),
		TEST(without_owners_calls_are_told_apart_by_kind),
		TEST(io_by_a_ring_is_timed_like_a_call),
		TEST(io_by_a_ring_without_room_is_lost_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
