/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/trie.h"

#include <errno.h>

#include "user/core/profile.h"

#define CAPACITY_FIRST 1024u

/* The finaliser of MurmurHash3 (public domain): both halves reach every bit. */
static uint32_t slot_of(const struct pb_trie *t, uint32_t parent, uint32_t key)
{
	uint64_t x = (uint64_t)parent << 32 | key;

	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdull;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ull;
	return (uint32_t)(x ^ (x >> 33)) & (2 * t->capacity - 1);
}

/* The slot that holds the child, or the empty one where it belongs. */
static uint32_t probe(const struct pb_trie *t, uint32_t parent, uint32_t key)
{
	uint32_t slot = slot_of(t, parent, key);

	while (t->slots[slot]) {
		uint32_t node = t->slots[slot];

		if (t->parent[node] == parent && t->key[node] == key)
			break;
		slot = (slot + 1) & (2 * t->capacity - 1);
	}
	return slot;
}

static int resize(struct pb_trie *t, uint32_t capacity)
{
	uint32_t *parent, *key, *slots;

	parent = reallocarray(t->parent, capacity, sizeof(*parent));
	if (!parent)
		return -ENOMEM;
	t->parent = parent;
	key = reallocarray(t->key, capacity, sizeof(*key));
	if (!key)
		return -ENOMEM;
	t->key = key;
	slots = calloc(2 * (size_t)capacity, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(t->slots);
	t->slots = slots;
	t->capacity = capacity;
	for (uint32_t i = 1; i < t->n; i++)
		slots[probe(t, t->parent[i], t->key[i])] = i;
	return 0;
}

int pb_trie_new(struct pb_trie **out, uint32_t expect)
{
	pb_auto(pb_trie) struct pb_trie *t = calloc(1, sizeof(*t));
	uint32_t capacity = CAPACITY_FIRST;

	while (capacity < expect && capacity < PB_TRIE_NODES_MAX)
		capacity *= 2;
	if (!t || resize(t, capacity))
		return -ENOMEM;
	t->parent[0] = 0;
	t->key[0] = PB_NONE;
	t->n = 1;
	*out = pb_take(t);
	return 0;
}

void pb_trie_free(struct pb_trie *t)
{
	if (!t)
		return;
	free(t->parent);
	free(t->key);
	free(t->slots);
	free(t);
}

uint32_t pb_trie_child(struct pb_trie *t, uint32_t parent, uint32_t key)
{
	uint32_t slot = probe(t, parent, key);
	uint32_t node = t->slots[slot];

	if (node)
		return node;
	if (t->n >= PB_TRIE_NODES_MAX) {
		t->err = -EFBIG;
		return PB_NONE;
	}
	if (t->n == t->capacity) {
		t->err = resize(t, t->capacity * 2);
		if (t->err)
			return PB_NONE;
		slot = probe(t, parent, key);
	}
	node = t->n++;
	t->parent[node] = parent;
	t->key[node] = key;
	t->slots[slot] = node;
	return node;
}
