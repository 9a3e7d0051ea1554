/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The parts of requests, bios, files and their names that iolatency reads: include/linux/{blk-mq,blk_types,fs}.h. */
#ifndef PB_VMLINUX_BLOCK_H
#define PB_VMLINUX_BLOCK_H

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct block_device;

struct super_block {
	__u32 s_dev;
	struct block_device *s_bdev; /* NULL: on no disk */
	unsigned long s_magic;
};

struct inode {
	unsigned short i_mode;
	struct super_block *i_sb;
	unsigned long i_ino;
	__u32 i_rdev;
	struct hlist_head i_dentry; /* names that are in memory */
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent; /* itself at the root of a file system */
	struct qstr d_name;
	struct inode *d_inode;
	union {
		struct hlist_node d_alias;
	} d_u;
};

struct path {
	struct dentry *dentry;
};

struct file {
	struct inode *f_inode;
	struct path f_path;
	__s64 f_pos;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct address_space {
	struct inode *host;
};

struct page {
	struct address_space *mapping; /* low bits set: not of a file */
	unsigned long
		compound_head; /* lowest bit set: of a tail page, and the rest is its head's address */
};

struct folio;

struct kiocb {
	struct file *ki_filp;
};

/* Direct I/O of file systems: fs/iomap/direct-io.c. */
struct iomap_dio {
	struct kiocb *iocb;
};

struct blk_mq_ops;

struct request_queue {
	const struct blk_mq_ops *mq_ops; /* NULL: a device that takes bios and makes no requests */
	struct gendisk *disk;            /* since 5.15 (d152c682f03c) */
};

struct gendisk {
	int major;
	int first_minor;
	struct request_queue *queue;
};

struct block_device {
	__u32 bd_dev;
	struct gendisk *bd_disk;
};

/* Packed in the kernel, which would make clang read it byte by byte here; its offsets are the same. */
struct bvec_iter {
	__u64 bi_sector;
	unsigned int bi_size;
	unsigned int bi_idx;
};

/* Whole, since vectors are arrays of it, and the stride is ours. */
struct bio_vec {
	struct page *bv_page;
	unsigned int bv_len;
	unsigned int bv_offset;
};

struct bio {
	struct bio *bi_next;
	struct block_device *bi_bdev;
	__u32 bi_opf;
	__u8 bi_status;
	struct bvec_iter bi_iter;
	void *bi_end_io; /* a function; what it is called with is nothing to us */
	void *bi_private;
	struct bio_vec *bi_io_vec;
};

struct request {
	struct request_queue *q;
	__u32 cmd_flags;
	unsigned int __data_len; /* bytes left to do */
	__u64 __sector;
	struct bio *bio;
	struct bio *biotail;
};

/* Requests of io_uring: include/linux/io_uring_types.h. */
struct io_cqe {
	int fd; /* until it is issued */
};

struct io_kiocb {
	__u8 opcode;
	__u32 flags; /* REQ_F_... */
	struct io_cqe cqe;
};

struct io_uring_cqe {
	__s32 res;
};

/* Ask bpf_core_enum_value(): the numbers differ between kernels. */
enum req_flag_bits {
	__REQ_SYNC = 11,
	__REQ_META = 12,
	__REQ_FUA = 17,
	__REQ_PREFLUSH = 18,
	__REQ_RAHEAD = 19,
	__REQ_BACKGROUND = 20,
};

#pragma clang attribute pop

#endif
