/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which file an I/O is of, and what the file is called.
 *
 *   bio of direct I/O, known by the function that ends it --> kiocb --> file --> inode
 *   bio of the same for a block device --> the device itself
 *   page of any other bio --> mapping --> inode                through the page cache, writeback too
 *
 * In this order: the pages of direct I/O are those of the buffer, which may be a mapping of some other file.
 *
 * The names are sent once per file, from the dentry up to the root of its file system; where that is mounted
 * is known to the user half. Nothing is locked: who renames a directory meanwhile may see a path that was never
 * there, made of names that were.
 */
#ifndef PB_LIB_IOFILE_BPF_H
#define PB_LIB_IOFILE_BPF_H

#include "bpf/abi/iolatency.h"
#include "bpf/lib/helpers.bpf.h"
#include "bpf/lib/iogroup.bpf.h"

#define PB_S_IFMT  0170000
#define PB_S_IFREG 0100000
#define PB_S_IFBLK 0060000
#define PB_MAPPING_NOT                                                                             \
	3 /* low bits of page->mapping: anonymous memory and its like (PAGE_MAPPING_FLAGS) */

/* File -> 1 if its names have been sent. Written here only. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct pb_io_file_key);
	__type(value, __u32);
} files SEC(".maps");

/* struct pb_io_path, cut to length. Written here, read by the user half ten times a second. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} paths SEC(".maps");

struct pb_io_path_scratch {
	__u64 busy; /* programs in the context of a task can be preempted */
	struct dentry *dentry;
	struct pb_io_path path;
	char slack
		[PB_IO_NAME_BYTES]; /* the verifier adds a name to the highest place that one can begin at */
};

/* Slot 0 -> this CPU's. Written here only. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pb_io_path_scratch);
} path_scratch SEC(".maps");

static long pb_path_round(__u32 round, void *context)
{
	struct pb_io_path_scratch *s = *(struct pb_io_path_scratch **)context;
	struct dentry *dentry = s->dentry, *parent = BPF_CORE_READ(dentry, d_parent);
	__u32 at = s->path.length;
	long n;

	if (!dentry || dentry == parent)
		return 1;
	if (at > PB_IO_PATH_BYTES - PB_IO_NAME_BYTES) {
		s->path.is_cut = 1;
		return 1;
	}
	asm volatile("" : "+r"(at));
	at &= PB_IO_PATH_BYTES - 1;
	n = bpf_probe_read_kernel_str(s->path.names + at, PB_IO_NAME_BYTES,
				      BPF_CORE_READ(dentry, d_name.name));
	if (n <= 0) {
		s->path.is_cut = 1;
		return 1;
	}
	s->path.length = (__u16)(at + n);
	s->dentry = parent;
	return 0;
}

/* A name of the inode; NULL if none is in memory. */
static __always_inline struct dentry *pb_inode_dentry(struct inode *inode)
{
	struct hlist_node *alias = BPF_CORE_READ(inode, i_dentry.first);

	if (!alias)
		return NULL;
	return (void *)alias - bpf_core_field_offset(struct dentry, d_u.d_alias);
}

static __always_inline void pb_io_send_path(struct pb_io_path_scratch *s)
{
	struct pb_io_tally *tally = pb_io_tally();
	__u32 length = s->path.length, done = 1;
	struct pb_io_file_key key = {.ino = s->path.ino, .fs = s->path.fs};

	asm volatile("" : "+r"(length));
	if (length > PB_IO_PATH_BYTES)
		return;
	if (!bpf_ringbuf_output(&paths, &s->path, PB_IO_PATH_HEADER + length, BPF_RB_NO_WAKEUP))
		bpf_map_update_elem(&files, &key, &done, BPF_ANY);
	else if (tally)
		pb_count(&tally->paths_lost);
}

/* Send the names of a leaf's file, if they have not been. @dentry: NULL: any name of the inode. */
static __always_inline void pb_io_offer_path(const struct pb_io_leaf *leaf, struct inode *inode,
					     struct dentry *dentry)
{
	struct pb_io_file_key key = {.ino = leaf->ino, .fs = leaf->fs};
	struct pb_io_path_scratch *s;
	struct dentry *last;
	__u32 zero = 0;

	if (!leaf->ino || bpf_map_lookup_elem(&files, &key))
		return;
	s = bpf_map_lookup_elem(&path_scratch, &zero);
	if (!s || __sync_lock_test_and_set(&s->busy, 1))
		return; /* at its next I/O */
	s->path.ino = leaf->ino;
	s->path.fs = leaf->fs;
	s->path.length = 0;
	s->path.is_cut = 0;
	s->dentry = dentry ? dentry : pb_inode_dentry(inode);
	if (s->dentry) {
		bpf_loop(PB_IO_PATH_LEVELS, pb_path_round, &s, 0);
		last = s->dentry;
		if (!last || BPF_CORE_READ(last, d_parent) != last)
			s->path.is_cut = 1;
		pb_io_send_path(s);
	}
	*(volatile __u64 *)&s->busy = 0;
}

/* Fill in whose the inode is. Return: whether it is a file, or a block device, at all. */
static __always_inline bool pb_io_inode(struct pb_io_leaf *leaf, struct inode *inode)
{
	__u16 mode = BPF_CORE_READ(inode, i_mode) & PB_S_IFMT;

	if (mode == PB_S_IFBLK) {
		leaf->is_disk = 1;
		leaf->fs = BPF_CORE_READ(inode, i_rdev);
		return true;
	}
	if (!inode || !mode)
		return false;
	leaf->ino = BPF_CORE_READ(inode, i_ino);
	leaf->fs = BPF_CORE_READ(inode, i_sb, s_dev);
	return mode == PB_S_IFREG;
}

/* The inode behind the first page of a bio; NULL: memory that is no file's on a disk, or none. */
static __always_inline struct inode *pb_bio_inode(struct bio *bio)
{
	struct bio_vec *vec = BPF_CORE_READ(bio, bi_io_vec); /* 6.1 adds nothing to a pointer */
	struct address_space *mapping;
	struct inode *inode;
	unsigned long head;
	struct page *page;

	if (!vec || !bio->bi_iter.bi_size)
		return NULL;
	page = BPF_CORE_READ(vec + bio->bi_iter.bi_idx, bv_page);
	head = BPF_CORE_READ(page, compound_head);
	if (head & 1)
		page = (struct page *)(head - 1);
	mapping = BPF_CORE_READ(page, mapping);
	if (!mapping || (unsigned long)mapping & PB_MAPPING_NOT)
		return NULL;
	inode = BPF_CORE_READ(mapping, host);
	/* Files of tmpfs and hugetlbfs are memory: a buffer of direct I/O that is not known as such. */
	if ((BPF_CORE_READ(inode, i_mode) & PB_S_IFMT) == PB_S_IFREG &&
	    !BPF_CORE_READ(inode, i_sb, s_bdev))
		return NULL;
	return inode;
}

static __always_inline void pb_io_is_device(struct pb_io_leaf *leaf, struct bio *bio)
{
	leaf->is_disk = 1;
	leaf->fs = bio->bi_bdev->bd_dev;
}

/* What a bio is of, into @leaf. */
static __always_inline void pb_io_bio_file(const volatile struct pb_iolatency_cfg *cfg,
					   struct pb_io_leaf *leaf, struct bio *bio)
{
	__u64 end_io = (__u64)bio->bi_end_io;
	struct dentry *dentry = NULL;
	struct iomap_dio *dio;
	struct inode *inode;
	struct file *file;

	if (end_io && (end_io == cfg->device_end_io[0] || end_io == cfg->device_end_io[1])) {
		pb_io_is_device(leaf, bio);
		return;
	}
	if (end_io && end_io == cfg->iomap_end_io) {
		dio = bio->bi_private;
		file = BPF_CORE_READ(dio, iocb, ki_filp);
		inode = BPF_CORE_READ(file, f_inode);
		dentry = BPF_CORE_READ(file, f_path.dentry);
	} else {
		inode = pb_bio_inode(bio);
	}
	if (!inode) {
		/* Pages of a file may be read so, too: iomap_read_folio_sync(). */
		if (end_io && end_io == cfg->device_end_io[2])
			pb_io_is_device(leaf, bio);
		return;
	}
	pb_io_inode(leaf, inode);
	pb_io_offer_path(leaf, inode, dentry);
}

#endif
