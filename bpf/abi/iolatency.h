/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What iolatency adds to the shared capture: I/O in flight, what it was, how long it took.
 *
 *   submission --> stack, leaf --> groups[id] is there          starts[request] = id
 *   insertion  --> starts[request].queued_ns
 *   issue      --> starts[request].issued_ns
 *   completion --> groups[id] += 1, bytes, time;  buckets[id, log-linear time] += 1
 *
 * An I/O is an event of the ledger when it completes, and belongs to the group that it was given when it
 * began. A group is a stack and a leaf: everything that tells this I/O from others of the same stack. Whatever
 * a person asks for, by device or by file, is a sum over groups, percentiles among it.
 */
#ifndef PB_ABI_IOLATENCY_H
#define PB_ABI_IOLATENCY_H

#include "bpf/abi/capture.h"

/* What was done: requests to a device first, then system calls. Ids are append-only; the names are the report's. */
#define PB_IO_OPS(X)                                                                               \
	X(READ, "read")                                                                            \
	X(WRITE, "write")                                                                          \
	X(FLUSH, "flush")                                                                          \
	X(DISCARD, "discard")                                                                      \
	X(ZEROES, "write_zeroes")                                                                  \
	X(ZONE, "zone")                                                                            \
	X(OTHER, "other")

#define PB_IO_CALLS(X)                                                                             \
	X(READ, "read")                                                                            \
	X(PREAD, "pread")                                                                          \
	X(READV, "readv")                                                                          \
	X(PREADV, "preadv")                                                                        \
	X(WRITE, "write")                                                                          \
	X(PWRITE, "pwrite")                                                                        \
	X(WRITEV, "writev")                                                                        \
	X(PWRITEV, "pwritev")                                                                      \
	X(FSYNC, "fsync")                                                                          \
	X(FDATASYNC, "fdatasync")                                                                  \
	X(SYNC_RANGE, "sync_file_range")                                                           \
	X(SENDFILE, "sendfile")                                                                    \
	X(COPY_RANGE, "copy_file_range")                                                           \
	X(URING_READ, "io_uring read")                                                             \
	X(URING_WRITE, "io_uring write")                                                           \
	X(URING_FSYNC, "io_uring fsync")

enum pb_io_op {
#define PB_IO_OP_ENUM(id, name)   PB_IO_##id,
#define PB_IO_CALL_ENUM(id, name) PB_IO_CALL_##id,
	PB_IO_OPS(PB_IO_OP_ENUM) PB_IO_OP_COUNT,
	PB_IO_CALL_NONE = 31, /* calls begin behind it */
	PB_IO_CALLS(PB_IO_CALL_ENUM) PB_IO_CALL_END,
#undef PB_IO_OP_ENUM
#undef PB_IO_CALL_ENUM
};

/* Of requests, as the kernel marks them. */
#define PB_IO_SYNC       1 /* somebody waits for it */
#define PB_IO_META       2 /* of the file system's own */
#define PB_IO_AHEAD      4 /* readahead */
#define PB_IO_FUA        8 /* past the device's cache */
#define PB_IO_BACKGROUND 16

/* How it was found out who caused an I/O. */
enum pb_io_owner {
	PB_IO_OWNER_NONE,      /* not asked for, or nobody: all of the group's stack is empty */
	PB_IO_OWNER_SUBMITTER, /* whoever handed it to the block layer */
	PB_IO_OWNER_DIRTIER,   /* written back by the kernel; whoever last dirtied the file */
	PB_IO_OWNER_FLUSHER,   /* a flush of the device's cache; whoever last asked for one */
	PB_IO_OWNER_KERNEL,    /* written back by the kernel, and nobody was seen to dirty it */
};

/* What an I/O is, beside its stack. Hashed as it is: every byte counts. Devices are the kernel's dev_t. */
struct pb_io_leaf {
	__u64 ino;    /* of the file; 0: not known */
	__u64 cgroup; /* id in the unified hierarchy; 0 unless cgroups are told apart */
	__u32 disk;   /* the whole disk; 0: a system call */
	__u32 fs;     /* device of the file's file system; 0 where ino is */
	__u8 op;      /* enum pb_io_op */
	__u8 flags;   /* PB_IO_SYNC and so on */
	__u8 owner;   /* enum pb_io_owner */
	__u8 is_disk; /* 1: the file is a block device itself, a file system's metadata among it; ino is 0 and fs its number */
	__u32 pad;    /* always 0 */
};
#define PB_IO_LEAF_WORDS 4
PB_ABI_SIZE(struct pb_io_leaf, 8 * PB_IO_LEAF_WORDS);

/*
 * Log-linear buckets: 32 to each power of two, so that a bucket is at most 1/32 of its lower bound wide and
 * its middle at most 1.6 % off. Times below 64 ns have one each. After HdrHistogram.
 *
 *   index of n: n below 64, else 32 * (s + 1) + (n >> s) - 32 with s = bits of n - 6
 */
#define PB_IO_BUCKET_BITS 5
#define PB_IO_BUCKETS     ((65 - PB_IO_BUCKET_BITS) << PB_IO_BUCKET_BITS)

enum pb_io_which {
	PB_IO_TIME,  /* device time of a request, duration of a call */
	PB_IO_QUEUE, /* from insertion to issue, of requests that were inserted */
};

struct pb_io_bucket_key {
	__u64 group;
	__u32 bucket; /* below PB_IO_BUCKETS */
	__u32 which;  /* enum pb_io_which */
};
PB_ABI_SIZE(struct pb_io_bucket_key, 16);

/* Sizes: bucket of n is the number of bits of n >> SHIFT, the last one holds all above. */
#define PB_IO_SIZES 16
#define PB_IO_SIZE_SHIFT                                                                           \
	9 /* bucket 0: below 512 bytes, 1: below 1k, 2: below 2k ... 15: 8M and more */

/* What the I/O with one stack and one leaf has added up to; the value of the groups map, by a hash over both. */
struct pb_io_group {
	struct pb_stack_key stack;
	struct pb_io_leaf leaf;
	__u64 ops;
	__u64 bytes;
	__u64 time_ns; /* of a request: from its last issue to its completion; of a call: all of it */
	__u64 queue_ns; /* of a request: from insertion to that issue; of a call: asleep for I/O */
	__u64 blocked_ns; /* of a call: asleep for anything else, a lock or the journal among it */
	__u64 queued; /* requests that were inserted before they were issued; calls that slept for I/O */
	__u64 max_ns;
	__u64 max_queue_ns;
	__u64 errors;
	__u64 sequential; /* began where the one before in this group ended */
	__u64 repeated;   /* reads of blocks that had been read not long before */
	__u64 next;       /* sector, or offset in the file, behind the last one */
	__u64 unbinned;   /* found no room in the buckets: percentiles lack these */
	__u64 sizes[PB_IO_SIZES];
};
PB_ABI_SIZE(struct pb_io_group, 24 + 32 + 8 * 13 + 8 * PB_IO_SIZES);

/* I/O that has begun, by the address of its request or bio; 1 more than that of a bio that has no request yet. */
struct pb_io_start {
	__u64 group;     /* 0: lost, by the cause below */
	__u64 queued_ns; /* insertion into the scheduler, CLOCK_MONOTONIC as all; 0: not inserted */
	__u64 issued_ns; /* 0: not yet */
	__u64 sector;    /* of 512 bytes */
	__u32 bytes;
	__u32 beats; /* of struct pb_control, at the insertion, or else at the issue */
	__u32 tid;   /* of the owner */
	__u32 depth; /* requests in flight on the disk at the issue, this one among them */
	__u32 disk;
	__u32 lost;     /* enum pb_loss, where group is 0 */
	__u32 requeued; /* 1: the device gave it back, and it is not issued again yet */
	__u32 done;     /* bytes, of those below, that completions of a part have done */
};
PB_ABI_SIZE(struct pb_io_start, 64);

/* An I/O that took as long as --slower, or longer; in the slow ring. */
struct pb_io_slow {
	__u64 group;
	__u64 end_ns; /* CLOCK_MONOTONIC */
	__u64 time_ns;
	__u64 queue_ns;
	__u64 total_ns; /* what --slower is about: with the time in the queue */
	__u64 at;       /* sector of 512 bytes; of a call: offset in the file, or ~0 */
	__u32 bytes;
	__u32 tid;
	__u32 depth; /* of a call: 0 */
	__u32 error; /* errno; 0: none */
};
PB_ABI_SIZE(struct pb_io_slow, 64);

/* First sight of a file, in the paths ring: names from the file up to the root of its file system, each with
 * its NUL. Cut at length. */
#define PB_IO_PATH_BYTES  2048
#define PB_IO_PATH_LEVELS 32
#define PB_IO_NAME_BYTES  256
struct pb_io_path {
	__u64 ino;
	__u32 fs;
	__u16 length; /* bytes of names */
	__u8 is_cut;  /* 1: there were more levels, or no room */
	__u8 pad;     /* always 0 */
	char names[PB_IO_PATH_BYTES];
};
#define PB_IO_PATH_HEADER 16
PB_ABI_SIZE(struct pb_io_path, PB_IO_PATH_HEADER + PB_IO_PATH_BYTES);

struct pb_io_file_key {
	__u64 ino;
	__u32 fs;
	__u32 pad; /* always 0 */
};
PB_ABI_SIZE(struct pb_io_file_key, 16);

#define PB_IO_SYSCALLS 512 /* numbers that the table of calls covers */

struct pb_iolatency_cfg {
	struct pb_capture_cfg capture;
	__u64 slower_ns; /* what is at least as slow goes into the slow ring; ~0: nothing */
	/* Addresses of functions that end direct I/O: by them a bio tells what it is. 0: not known. */
	__u64 iomap_end_io; /* iomap_dio_bio_end_io: of a file */
	__u64 device_end_io
		[3]; /* of a block device: blkdev_bio_end_io, ..._async, submit_bio_wait_endio */
	__u32 disk;  /* only this one; 0: all */
	__u32 part;  /* only this partition of it; 0: all of it */
	__u32 attribute; /* 1: tell owners, files and stacks apart */
	__u32 by_cgroup; /* 1: and cgroups */
	__u32 calls;     /* 1: time system calls, too */
	__u32 queued;    /* 1: times include the time in the queue (-Q) */
	__u8 call
		[PB_IO_SYSCALLS]; /* number of a system call -> enum pb_io_op, 0: none that is timed */
};
PB_ABI_SIZE(struct pb_iolatency_cfg, 40 + 40 + 24 + PB_IO_SYSCALLS);

/* Kept per CPU; slot 0 of the io_tallies map. */
struct pb_io_tally {
	__u64 unmatched; /* completions of requests that were not seen to begin, or had no issue: flushes, mostly */
	__u64 requeued;   /* the device would not take it yet */
	__u64 merged;     /* requests that became part of another one */
	__u64 partial;    /* completions of a part */
	__u64 bio_events; /* I/O of devices without requests: zram, device mapper */
	__u64 slow_lost;  /* slow ones that found no room in their ring */
	__u64 dirtied;    /* folios seen to be dirtied */
	__u64 paths_lost; /* files that found no room in the ring of paths */
};
PB_ABI_SIZE(struct pb_io_tally, 64);

#endif
