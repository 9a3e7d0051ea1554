/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A made-up heap: the profile, the book and the report of a run of allocsites in exact mode, with numbers
 * that are known. It has a site for each kind of candidate, two threads that allocate in one path, a leak, an
 * inlined caller, a broken stack, code without a name, and a hostile name. Aborts where it fails.
 */
#ifndef PB_TEST_SAMPLE_HEAP_H
#define PB_TEST_SAMPLE_HEAP_H

#include <stdint.h>

#include "user/alloc/book.h"

#define PB_HEAP_SITES       11
#define PB_HEAP_ALLOCATIONS 235041ull
#define PB_HEAP_BYTES       113350424ull

struct pb_profile;
struct pb_report;

struct pb_heap_sample {
	struct pb_profile *profile;
	struct pb_report *report; /* without extra */
	struct pb_alloc_book book;
};

/* The sites of @sample->book, by what they are. */
enum pb_heap_site {
	PB_HEAP_PARSE,   /* 100,000 of 40 bytes, gone within 20 us, freed by release() */
	PB_HEAP_GROW,    /* 8,000 moves of a buffer that doubles */
	PB_HEAP_REPLY,   /* 60,000 of 512 bytes, temporary, by the main thread */
	PB_HEAP_REPLY_2, /* the same path in a worker */
	PB_HEAP_ENTRY,   /* 50,000 of 16 bytes, all live */
	PB_HEAP_FILE,    /* 40 of 1 MB, live, by operator new */
	PB_HEAP_VECTOR,  /* through an inlined function */
	PB_HEAP_BROKEN,
	PB_HEAP_NAMELESS,
	PB_HEAP_EVIL,
	PB_HEAP_LEAK,
};

void pb_heap_sample_init(struct pb_heap_sample *sample);
void pb_heap_sample_drop(struct pb_heap_sample *sample);

#endif
