/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The catalogue of levers: what can be done about a hotspot. It is fixed, so that two audits speak the same language. A
 * lever is named at a spot only where a clue, a number that was measured there, speaks for it.
 */
#ifndef PB_BEAD_LEVERS_H
#define PB_BEAD_LEVERS_H

#include <stddef.h>

struct pb_lever {
	const char *name;  /* "buffer-reuse": in the store, in JSON and on the command line */
	const char *title; /* "buffer reuse, arena or pool" */
	int effort; /* 1 to 5: what it usually takes, until somebody says what it takes here */
	const char *
		evidence; /* what would have to be seen to name it: a sentence without its full stop */
};

/* In the order of the catalogue; NULL behind the last. */
const struct pb_lever *pb_lever_at(size_t i);
/* NULL: there is no such lever. */
const struct pb_lever *pb_lever_find(const char *name);
/* For a hint of allocsites or a pattern of iolatency; NULL: none. @kind: as in the report, "arena_or_pool". */
const struct pb_lever *pb_lever_of_hint(const char *kind);

/* What work a function does, by its name, where the name tells. */
enum pb_work {
	PB_WORK_OTHER,
	PB_WORK_COPY,     /* memcpy() and its kin */
	PB_WORK_SCAN,     /* memcmp(), strlen(), memchr(): looks at bytes one after the other */
	PB_WORK_ALLOCATE, /* of an allocator */
	PB_WORK_CLEAR,    /* memset() and the kernel's clearing of pages: what fresh memory costs */
	PB_WORK_FORMAT,   /* numbers and structures to and from text */
	PB_WORK_LOCK,     /* waits for, or hands over, a lock */
	PB_WORK_CALL, /* in a system call that reads or writes: of a stack, no name of a function tells */
	PB_WORK_FLUSH, /* likewise in one that flushes */
	PB_WORK_KINDS
};
/* @function: demangled; @module: path. In libc, the C++ runtime, allocators and the kernel fronts of names count; in the
 * program and other libraries whole names alone, and variants of theirs as libc has them, so that neither memcmp_keys()
 * nor printf_stats() is taken for libc's; json_*() in a library for JSON. */
enum pb_work pb_work_of(const char *function, const char *module);
/* The lever for a spot that spends its time on such work; NULL: none. */
const struct pb_lever *pb_lever_of_work(enum pb_work work);

#endif
