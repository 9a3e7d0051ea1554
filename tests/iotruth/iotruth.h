/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the two halves of iotruth agree on: one event for each firing of a tracepoint. */
#ifndef PB_TESTS_IOTRUTH_H
#define PB_TESTS_IOTRUTH_H

enum iotruth_kind {
	IOTRUTH_INSERT,
	IOTRUTH_ISSUE,
	IOTRUTH_REQUEUE,
	IOTRUTH_COMPLETE, /* of bytes, with left not yet completed before it */
	IOTRUTH_BIO_QUEUE,
	IOTRUTH_BIO_COMPLETE,
};

struct iotruth_event {
	__u64 time_ns; /* CLOCK_MONOTONIC, taken first of all */
	__u64 key;     /* address of the request or bio */
	__u64 sector;
	__u32 bytes;
	__u32 left;
	__u32 disk;  /* major << 20 | minor */
	__u32 flags; /* the kernel's REQ_* with the operation in the low byte */
	__u32 kind;
	__u32 tid; /* of whoever ran meanwhile */
};

#endif
