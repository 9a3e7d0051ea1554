/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Reading hostile bytes from front to back. What is not there reads as 0 and makes the reader bad for good, so
 * that one look at the end tells about everything before. Inline, since a table takes millions of calls.
 *
 * Source: DWARF 5, section 7.6 (LEB128).
 */
#ifndef PB_UNWIND_READER_H
#define PB_UNWIND_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reader {
	const uint8_t *p, *end;
	bool bad;
};

static inline size_t left(const struct reader *r)
{
	return (size_t)(r->end - r->p);
}

static inline uint64_t read_fixed(struct reader *r, size_t len)
{
	uint64_t v = 0;
	size_t i;

	if (left(r) < len) {
		r->bad = true;
		return 0;
	}
	for (i = 0; i < len; i++)
		v |= (uint64_t)r->p[i] << (8 * i);
	r->p += len;
	return v;
}

static inline uint8_t read_u8(struct reader *r)
{
	if (r->p == r->end) {
		r->bad = true;
		return 0;
	}
	return *r->p++;
}

static inline int64_t sign_extend(uint64_t v, unsigned int bits)
{
	return (int64_t)(v << (64 - bits)) >> (64 - bits);
}

/* The bits of a LEB128 number, and how many they are; more than 64 is bad. */
static inline uint64_t read_leb(struct reader *r, unsigned int *bits)
{
	unsigned int shift = 0;
	uint64_t v = 0;
	uint8_t byte;

	do {
		byte = read_u8(r);
		if (shift > 63) {
			r->bad = true;
			return 0;
		}
		v |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	*bits = shift < 64 ? shift : 64;
	return v;
}

static inline uint64_t read_uleb(struct reader *r)
{
	unsigned int bits;

	/* Nearly all of them are one byte. */
	if (r->p < r->end && *r->p < 0x80)
		return *r->p++;
	return read_leb(r, &bits);
}

static inline int64_t read_sleb(struct reader *r)
{
	unsigned int bits = 64;
	uint64_t v = read_leb(r, &bits);

	return sign_extend(v, bits);
}

static inline void skip(struct reader *r, uint64_t len)
{
	if (left(r) < len)
		r->bad = true;
	else
		r->p += len;
}

static inline struct reader read_block(struct reader *r)
{
	uint64_t len = read_uleb(r);
	struct reader block = {.p = r->p, .end = r->p};

	skip(r, len);
	block.end = r->p;
	return block;
}

#endif
