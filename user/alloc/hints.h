/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Candidates for whoever optimises: what kind of change the numbers of a site would support, with those numbers
 * beside it. A candidate is no advice: it says where to look, and on what evidence.
 */
#ifndef PB_ALLOC_HINTS_H
#define PB_ALLOC_HINTS_H

#include <stdint.h>

#include "user/alloc/book.h"

enum pb_hint_kind {
	PB_HINT_POOL,    /* "arena_or_pool": one size class, short lives, freed by one function */
	PB_HINT_REUSE,   /* "buffer_reuse": temporary, the same size again and again */
	PB_HINT_RESERVE, /* "reserve": blocks that grow by realloc, step by step */
	PB_HINT_TINY,    /* "many_tiny_blocks": most are of a few bytes, and many live at once */
	PB_HINT_KINDS
};

struct pb_hint {
	enum pb_hint_kind kind;
	uint32_t site;      /* of the book */
	uint64_t weight;    /* objects that it is about: to rank hints of one kind */
	char evidence[256]; /* one line with the numbers */
};

const char *pb_hint_name(enum pb_hint_kind kind);

/**
 * pb_hints_find() - at most @max hints, those that are about most first.
 * @out: set on success, to be freed
 *
 * A site needs evidence: at least 30 events, and 1 % of all objects or bytes. Thresholds stand at the top
 * of hints.c, each with its reason. Return: 0; -ENOMEM.
 */
int pb_hints_find(const struct pb_alloc_book *book, const struct pb_profile *profile, uint32_t max,
		  struct pb_hint **out, uint32_t *n);

#endif
