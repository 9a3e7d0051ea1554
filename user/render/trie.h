/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A prefix tree over integer keys: find or add the child of a node that carries a key. What merges
 * stacks by function (tree.c) and by text (folded.c).
 */
#ifndef PB_RENDER_TRIE_H
#define PB_RENDER_TRIE_H

#include <stdint.h>

#include "user/core/own.h"

/* Bounds the memory that a hostile saved profile can ask for; far above what a capture makes. */
#define PB_TRIE_NODES_MAX (1u << 24)

/* Readers may walk the arrays; only pb_trie_child() adds to them. */
struct pb_trie {
	uint32_t *parent; /* less than the node's own id; node 0 is the root, its parent 0 */
	uint32_t *key;    /* PB_NONE for the root */
	uint32_t n;
	int err; /* 0, or why the last pb_trie_child() failed */

	uint32_t capacity; /* private, as below */
	uint32_t *slots;   /* node ids by hash, 0 where empty; twice the capacity */
};

/* @expect: about how many nodes it will get, for speed; 0 if unknown. Return: 0; -ENOMEM. */
int pb_trie_new(struct pb_trie **out, uint32_t expect);
void pb_trie_free(struct pb_trie *t);
PB_DEFINE_FREE(pb_trie, pb_trie_free);

/**
 * pb_trie_child() - the child of @parent that carries @key, added if there is none. Amortised O(1).
 *
 * Return: its id; PB_NONE on failure, and then t->err is -ENOMEM, or -EFBIG beyond
 * PB_TRIE_NODES_MAX.
 */
uint32_t pb_trie_child(struct pb_trie *t, uint32_t parent, uint32_t key);

#endif
