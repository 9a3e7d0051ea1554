/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a run of iolatency knows beyond the profile: how long I/O took, by device and by whatever was asked for;
 * the slowest ones; patterns. It is written into report->extra as JSON, and all texts are drawn from there, so
 * that a saved profile shows them again.
 *
 *   groups of the kernel half --> lines --> rows of a view: sums and merged histograms --> JSON
 *
 * The members:
 *   "latency"      a row for each device and operation (and flags, with --flags)
 *   "view"         {"by", "rows"}: the same for who asked; only with --by
 *   "calls"        a row for each system call (and for who asked, with --by); only where calls are timed
 *   "slow"         the slowest, at the time they ended, and "slow_total"; only with --slower
 *   "patterns"     what is worth a look, with the numbers beside it
 *   "attribution"  how much was charged to whom in which way; only where owners were told apart
 *   "io"           counters of struct pb_io_tally, and what was in flight at the end
 *
 * What does not fit into a view or the calls is one row more whose "who" is "others", so that the sum is all there
 * was; its device, operation and call are "" where they differ. Rows of a view go by device as well, since I/O
 * through device mapper or loop is seen on each of its devices.
 */
#ifndef PB_IO_BOOK_H
#define PB_IO_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi/iolatency.h"
#include "user/core/own.h"
#include "user/io/histogram.h"

struct pb_io_names;
struct pb_profile;

/* Values of an iolatency profile, in this order; those of calls only where calls are timed. */
enum pb_io_value {
	PB_IO_VALUE_OPS,   /* "operations", count */
	PB_IO_VALUE_BYTES, /* "io_bytes", bytes */
	PB_IO_VALUE_TIME,  /* "io_time", nanoseconds: in the device */
	PB_IO_VALUE_QUEUE, /* "queue_time", nanoseconds: before the device had it */
	PB_IO_VALUES,
	PB_IO_VALUE_CALLS = PB_IO_VALUES, /* "calls", count */
	PB_IO_VALUE_CALL_BYTES,           /* "call_bytes", bytes */
	PB_IO_VALUE_CALL_TIME,            /* "call_time", nanoseconds */
	PB_IO_VALUE_CALL_WAIT,    /* "call_io_wait", nanoseconds: of these, asleep for I/O */
	PB_IO_VALUE_CALL_BLOCKED, /* "call_blocked", nanoseconds: asleep for anything else */
	PB_IO_VALUES_WITH_CALLS
};

/* What rows of a view are. */
enum pb_io_by { PB_IO_BY_DEVICE, PB_IO_BY_PROCESS, PB_IO_BY_FILE, PB_IO_BY_STACK, PB_IO_BY_CGROUP };

/* One group, with its place in the profile. */
struct pb_io_line {
	struct pb_io_group group; /* histograms and sums; stack.tgid is its process */
	uint32_t node;            /* of the profile: its stack, without leaf; PB_NONE: no stack */
	uint32_t process;         /* of the profile; PB_NONE */
	struct pb_histogram time, queue;
};

/* A slow one, joined to its line. */
struct pb_io_exemplar {
	struct pb_io_slow slow;
	uint32_t line; /* PB_NONE: its group is not known */
};

struct pb_io_book {
	enum pb_io_by by;
	bool split_flags; /* --flags */
	bool has_calls;
	bool attributes;     /* owners and files were told apart */
	bool per_disk;       /* -D: a histogram for each disk */
	bool milliseconds;   /* -m */
	bool includes_queue; /* -Q: times are from insertion on */
	uint64_t slower_ns;  /* UINT64_MAX: slow ones were not kept */
	uint64_t duration_ns;
	uint64_t ready_ns;   /* start of the capture, CLOCK_MONOTONIC */
	uint64_t started_ns; /* the same, nanoseconds since 1970 */

	struct pb_io_line *lines; /* in no order */
	uint32_t n_lines;
	struct pb_io_exemplar *slow; /* the slowest first */
	uint32_t n_slow;
	uint64_t n_slower;         /* that were as slow; those beyond n_slow are not kept */
	struct pb_io_tally tally;  /* of all CPUs */
	uint64_t in_flight;        /* begun and not completed at the end */
	struct pb_io_names *names; /* borrowed: of disks, files, cgroups */
};

/* Free what it has, but for borrowed. */
void pb_io_book_drop(struct pb_io_book *book);

/**
 * pb_io_book_json() - all of it as the text of one JSON object.
 * @profile: named; stacks and processes of lines are its
 * @top: rows of the view and patterns at most; slow ones are as many as the book has
 * @out: set on success, to be freed
 *
 * Return: 0; -ENOMEM.
 */
int pb_io_book_json(const struct pb_io_book *book, const struct pb_profile *profile, uint32_t top,
		    char **out);

#endif
