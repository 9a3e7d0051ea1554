/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Patterns of I/O worth a look for whoever optimises, with the numbers that speak for them. A pattern is no
 * advice: it says where to look, and on what evidence.
 */
#ifndef PB_IO_PATTERNS_H
#define PB_IO_PATTERNS_H

#include <stdint.h>

#include "user/io/book.h"

struct pb_io_teller;

enum pb_io_pattern_kind {
	PB_IO_SMALL_SEQUENTIAL, /* "small_sequential": could be fewer and larger */
	PB_IO_REPEATED_READS,   /* "repeated_reads": a cache would have had them */
	PB_IO_FSYNC_PER_WRITE,  /* "fsync_per_write": each write waits for the device */
	PB_IO_RANDOM_READS, /* "random_reads": each waits alone, where it could be asked for before */
	PB_IO_N_PLUS_ONE,   /* "n_plus_one": a read call per item */
	PB_IO_PATTERN_KINDS
};

struct pb_io_pattern {
	enum pb_io_pattern_kind kind;
	uint32_t line; /* of the book: the one of most time, for its stack, process and file */
	uint64_t ops, bytes, time_ns;
	double share_pct;   /* of the time of all requests, or of all calls */
	char evidence[384]; /* one sentence with the numbers */
};

const char *pb_io_pattern_name(enum pb_io_pattern_kind kind);

/**
 * pb_io_patterns_find() - at most @max patterns, those of the largest share of time first.
 * @out: set on success, to be freed
 *
 * A pattern needs evidence: at least 30 operations, and 1 % of all operations, bytes or time. Thresholds stand
 * at the top of patterns.c, each with its reason. Return: 0; -ENOMEM.
 */
int pb_io_patterns_find(const struct pb_io_teller *t, uint32_t max, struct pb_io_pattern **out,
			uint32_t *n);

#endif
