/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A scene with a disk: the kernel half of iolatency, requests and bios to send it, and its books read back. The
 * disk has one partition, with a file system on it.
 */
#ifndef PB_TESTS_HOSTBPF_DISK_H
#define PB_TESTS_HOSTBPF_DISK_H

#include "tests/hostbpf/hostbpf.h"

#include "bpf/abi/iolatency.h"
#include "bpf/lib/ioblock.bpf.h"
#include "bpf/lib/iocall.bpf.h"
#include "tests/hostbpf/scene.h"

#define DISK_NUMBER (8u << 20 | 16)
#define DISK_PART   (8u << 20 | 17)
#define DISK_INO    4711
#define DISK_AT     2048 /* sector of what disk_read() and the like send */
#define DISK_ROOM   64   /* elements of each map, unless a test says otherwise */

/* As a kernel numbers them. */
#define DISK_SYNC     (1u << __REQ_SYNC)
#define DISK_PREFLUSH (1u << __REQ_PREFLUSH)
#define DISK_FUA      (1u << __REQ_FUA)

struct disk {
	struct scene scene;
	struct pb_iolatency_cfg cfg;
	struct gendisk disk;
	struct request_queue queue;
	struct block_device whole, part;
	struct super_block sb;
	struct inode inode;
	struct dentry root, name;
	struct address_space mapping;
	struct page page;
	struct bio_vec vec;
	struct bio bio;
	struct request rq;
	struct task_struct kworker;
};

static inline void disk_maps(size_t starts_max, size_t groups_max, size_t buckets_max)
{
	HOST_MAP(targets);
	host_define_map(&cgroups, BPF_MAP_TYPE_CGROUP_ARRAY, sizeof(__u32), sizeof(__u32), 1);
	HOST_MAP(io_tallies);
	HOST_MAP(path_scratch);
	HOST_MAP(recent);
	HOST_MAP_OF(starts, starts_max);
	HOST_MAP_OF(groups, groups_max);
	HOST_MAP_OF(buckets, buckets_max);
	HOST_MAP_OF(depths, DISK_ROOM);
	HOST_MAP_OF(files, DISK_ROOM);
	HOST_MAP_OF(dirtiers, DISK_ROOM);
	HOST_MAP_OF(flushers, DISK_ROOM);
	host_define_ring(&slow, 1 << 16);
	host_define_ring(&paths, 1 << 16);
}

/* A bio for 4 kB of the file through the page cache. */
static inline void disk_bio(struct disk *d, struct bio *bio, __u32 opf)
{
	*bio = (struct bio){.bi_bdev = &d->part,
			    .bi_opf = opf,
			    .bi_iter = {.bi_sector = DISK_AT, .bi_size = 4096},
			    .bi_io_vec = &d->vec};
}

/* A request for it. */
static inline void disk_request(struct disk *d, struct request *rq, struct bio *bio)
{
	*rq = (struct request){.q = &d->queue,
			       .cmd_flags = bio->bi_opf,
			       .__data_len = bio->bi_iter.bi_size,
			       .__sector = bio->bi_iter.bi_sector,
			       .bio = bio,
			       .biotail = bio};
}

static inline void disk_again(struct disk *d, __u32 opf)
{
	disk_bio(d, &d->bio, opf);
	disk_request(d, &d->rq, &d->bio);
}

/* Everyone is measured, without owners; a request for 4 kB is at hand. */
static inline void disk_open_with(struct disk *d, size_t starts_max, size_t groups_max,
				  size_t buckets_max)
{
	memset(d, 0, sizeof(*d));
	scene_open(&d->scene, DISK_ROOM, 1 << 20);
	disk_maps(starts_max, groups_max, buckets_max);
	starts_are_scarce = 0;
	d->queue = (struct request_queue){.mq_ops = (const struct blk_mq_ops *)d, .disk = &d->disk};
	d->disk = (struct gendisk){.major = 8, .first_minor = 16, .queue = &d->queue};
	d->whole = (struct block_device){.bd_dev = DISK_NUMBER, .bd_disk = &d->disk};
	d->part = (struct block_device){.bd_dev = DISK_PART, .bd_disk = &d->disk};
	d->sb = (struct super_block){.s_dev = DISK_PART, .s_bdev = &d->part};
	d->inode = (struct inode){.i_mode = 0100644,
				  .i_sb = &d->sb,
				  .i_ino = DISK_INO,
				  .i_dentry.first = &d->name.d_u.d_alias};
	d->root.d_parent = &d->root;
	d->name = (struct dentry){.d_parent = &d->root, .d_name.name = (const void *)"file"};
	d->mapping.host = &d->inode;
	d->page.mapping = &d->mapping;
	d->vec.bv_page = &d->page;
	d->kworker = (struct task_struct){.pid = 7,
					  .tgid = 7,
					  .flags = PB_PF_KTHREAD,
					  .start_boottime = 1,
					  .group_leader = &d->kworker};
	d->cfg = (struct pb_iolatency_cfg){.capture = d->scene.cfg, .slower_ns = ~0ull};
	d->cfg.capture.scope = PB_SCOPE_ALL;
	d->cfg.capture.self_tgid = 1;
	((struct pb_control *)host_map_value(&control, &(__u32){0}, 0))->lease_until_ns = ~0ull;
	host.user_regs = (struct pt_regs){.ip = SCENE_IP, .sp = SCENE_STACK, .cs = 0x33};
	disk_again(d, 0);
}

static inline void disk_open(struct disk *d)
{
	disk_open_with(d, DISK_ROOM, DISK_ROOM, 1024);
}

static inline void disk_lease(__u64 until_ns)
{
	((struct pb_control *)host_map_value(&control, &(__u32){0}, 0))->lease_until_ns = until_ns;
}

static inline const struct pb_io_tally *disk_tally(void)
{
	return pb_io_tally();
}

static inline __u64 disk_kept(void)
{
	__u64 sum = 0;
	size_t i;

	for (i = 0; i < host_map_count(&counts); i++)
		sum += scene_count(host_map_key(&counts, i))->events;
	return sum;
}

/* Events that were produced; ~0 if the ledger does not close. */
static inline __u64 disk_produced(void)
{
	__u64 produced = scene_tally()->produced, ops = 0;
	size_t i;

	for (i = 0; i < host_map_count(&groups); i++)
		ops += ((struct pb_io_group *)host_map_value(&groups, host_map_key(&groups, i), 0))
			       ->ops;
	return ops == disk_kept() && produced == ops + scene_lost() ? produced : ~0ull;
}

/* Group @i, in the order of their making. */
static inline const struct pb_io_group *disk_group(size_t i)
{
	return i < host_map_count(&groups) ? host_map_value(&groups, host_map_key(&groups, i), 0)
					   : NULL;
}

/* The group that has counted something, if there is one and no other. */
static inline const struct pb_io_group *disk_only(void)
{
	const struct pb_io_group *only = NULL;
	size_t i;

	for (i = 0; i < host_map_count(&groups); i++) {
		if (!disk_group(i)->ops)
			continue;
		if (only)
			return NULL;
		only = disk_group(i);
	}
	return only;
}

/* How many of a group are in the bucket of a time. */
static inline __u64 disk_binned(const struct pb_io_group *group, enum pb_io_which which, __u64 ns)
{
	__u64 *n;
	size_t i;

	for (i = 0; i < host_map_count(&groups); i++) {
		struct pb_io_bucket_key key = {.group = *(const __u64 *)host_map_key(&groups, i),
					       .bucket = pb_io_bucket(ns),
					       .which = which};

		if (disk_group(i) != group)
			continue;
		n = host_map_value(&buckets, &key, 0);
		return n ? *n : 0;
	}
	return 0;
}

/* The disk is at work for so long. */
static inline void disk_wait(__u64 ns)
{
	host.now_ns += ns;
}

static inline void disk_complete(struct disk *d)
{
	pb_io_complete(&d->cfg, &d->rq, 0, d->rq.__data_len);
}

#endif
