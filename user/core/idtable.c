/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Open addressing with linear probing, a power of two slots, at most 3/4 of them in use. A slot
 * keeps the low half of its hash: enough to move it when the table grows, and to ask the caller
 * only about rows that are almost surely right.
 */
#include "user/core/idtable.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "user/core/clock.h"

#define SLOTS_MIN 64u
#define SLOTS_MAX (1u << 31)

struct slot {
	uint32_t hash;
	uint32_t id; /* PB_IDTABLE_NONE: free */
};

struct pb_idtable {
	struct slot *slots;
	uint32_t mask; /* number of slots - 1 */
	uint32_t n;
	uint64_t secret[2];
};

static struct slot *new_slots(uint32_t n)
{
	struct slot *slots;
	size_t bytes;

	if (__builtin_mul_overflow((size_t)n, sizeof(*slots), &bytes))
		return NULL;
	slots = malloc(bytes);
	if (slots)
		memset(slots, 0xff, bytes); /* every id is PB_IDTABLE_NONE */
	return slots;
}

/* Early in boot the kernel may have no randomness yet; an address and a clock are better than 0. */
static void draw_secret(uint64_t secret[2])
{
	uint64_t now_ns;

	if (getrandom(secret, 2 * sizeof(secret[0]), GRND_NONBLOCK) == 2 * sizeof(secret[0]))
		return;
	now_ns = pb_clock_ns();
	secret[0] = (uint64_t)(uintptr_t)&now_ns ^ now_ns << 32;
	secret[1] = (uint64_t)(uintptr_t)draw_secret ^ now_ns;
}

int pb_idtable_new(struct pb_idtable **out)
{
	pb_autofree struct pb_idtable *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->slots = new_slots(SLOTS_MIN);
	if (!t->slots)
		return -ENOMEM;
	t->mask = SLOTS_MIN - 1;
	draw_secret(t->secret);
	*out = pb_take(t);
	return 0;
}

void pb_idtable_free(struct pb_idtable *t)
{
	if (!t)
		return;
	free(t->slots);
	free(t);
}

static inline uint64_t rotl(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

uint64_t pb_idtable_hash(const struct pb_idtable *t, const void *bytes, size_t len)
{
	uint64_t v[4] = {
		t->secret[0] ^ 0x736f6d6570736575,
		t->secret[1] ^ 0x646f72616e646f6d,
		t->secret[0] ^ 0x6c7967656e657261,
		t->secret[1] ^ 0x7465646279746573,
	};
	const unsigned char *p = bytes;
	uint64_t last = (uint64_t)len << 56;
	uint64_t word;
	size_t left;

	for (left = len; left >= sizeof(word); left -= sizeof(word), p += sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	for (size_t i = 0; i < left; i++)
		last |= (uint64_t)p[i] << (8 * i);
	v[3] ^= last;
	sip_round(v);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint32_t pb_idtable_find(const struct pb_idtable *t, uint64_t hash, pb_idtable_same same,
			 const void *rows, const void *key)
{
	uint32_t low = (uint32_t)hash;

	/* Ends: at least a quarter of the slots is free. */
	for (uint32_t i = low & t->mask;; i = (i + 1) & t->mask) {
		const struct slot *s = &t->slots[i];

		if (s->id == PB_IDTABLE_NONE)
			return PB_IDTABLE_NONE;
		if (s->hash == low && same(rows, s->id, key))
			return s->id;
	}
}

static void put(struct slot *slots, uint32_t mask, struct slot row)
{
	uint32_t i = row.hash & mask;

	while (slots[i].id != PB_IDTABLE_NONE)
		i = (i + 1) & mask;
	slots[i] = row;
}

static int grow(struct pb_idtable *t)
{
	uint32_t n = t->mask + 1;
	struct slot *slots;

	if (n >= SLOTS_MAX)
		return -ENOMEM;
	slots = new_slots(2 * n);
	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++) {
		if (t->slots[i].id != PB_IDTABLE_NONE)
			put(slots, 2 * n - 1, t->slots[i]);
	}
	free(t->slots);
	t->slots = slots;
	t->mask = 2 * n - 1;
	return 0;
}

int pb_idtable_add(struct pb_idtable *t, uint64_t hash, uint32_t id)
{
	int err;

	if (id == PB_IDTABLE_NONE)
		return -EINVAL;
	if (t->n >= (t->mask + 1) / 4 * 3) {
		err = grow(t);
		if (err)
			return err;
	}
	put(t->slots, t->mask, (struct slot){.hash = (uint32_t)hash, .id = id});
	t->n++;
	return 0;
}

uint32_t pb_idtable_count(const struct pb_idtable *t)
{
	return t->n;
}
