/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/histogram.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "user/core/grow.h"
#include "user/core/own.h"

#define PER_POWER   (1u << PB_IO_BUCKET_BITS)
/* Times below have a bucket each. */
#define EXACT_BELOW (2 * PER_POWER)
/* A product such as 0.99 * 700 may come out an ulp above the whole number that it is. */
#define ROUNDING    1e-12

void pb_histogram_drop(struct pb_histogram *h)
{
	free(h->buckets);
	*h = (struct pb_histogram){0};
}

uint32_t pb_histogram_index(uint64_t ns)
{
	uint32_t shift;

	if (ns < EXACT_BELOW)
		return (uint32_t)ns;
	shift = 64 - (uint32_t)__builtin_clzll(ns) - (PB_IO_BUCKET_BITS + 1);
	return PER_POWER * shift + (uint32_t)(ns >> shift);
}

uint64_t pb_histogram_low(uint32_t index)
{
	if (index < EXACT_BELOW)
		return index;
	if (index >= PB_IO_BUCKETS)
		return UINT64_MAX;
	return (uint64_t)(index % PER_POWER + PER_POWER) << (index / PER_POWER - 1);
}

uint64_t pb_histogram_high(uint32_t index)
{
	return pb_histogram_low(index + 1);
}

static void add_count(uint64_t *sum, uint64_t count)
{
	if (__builtin_add_overflow(*sum, count, sum))
		*sum = UINT64_MAX;
}

/* The first bucket that is not below @index; h->n if all are. */
static uint32_t place_of(const struct pb_histogram *h, uint32_t index)
{
	uint32_t low = 0, high = h->n;

	if (!h->n || h->buckets[h->n - 1].index < index)
		return h->n;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (h->buckets[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int pb_histogram_add(struct pb_histogram *h, uint32_t index, uint64_t count)
{
	uint32_t at;

	if (index >= PB_IO_BUCKETS)
		return -EINVAL;
	if (!count)
		return 0;
	at = place_of(h, index);
	if (at == h->n || h->buckets[at].index != index) {
		if (pb_grow(&h->buckets, &h->room, (uint64_t)h->n + 1, sizeof(*h->buckets)))
			return -ENOMEM;
		for (uint32_t i = h->n++; i > at; i--)
			h->buckets[i] = h->buckets[i - 1];
		h->buckets[at] = (struct pb_histogram_bucket){.index = index};
	}
	add_count(&h->buckets[at].count, count);
	add_count(&h->count, count);
	return 0;
}

int pb_histogram_merge(struct pb_histogram *h, const struct pb_histogram *other)
{
	struct pb_histogram sum = {.count = h->count};
	uint32_t i = 0, k = 0;

	if (!other->n)
		return 0;
	if (pb_grow(&sum.buckets, &sum.room, (uint64_t)h->n + other->n, sizeof(*sum.buckets)))
		return -ENOMEM;
	while (i < h->n || k < other->n) {
		uint32_t ours = i < h->n ? h->buckets[i].index : UINT32_MAX;
		uint32_t theirs = k < other->n ? other->buckets[k].index : UINT32_MAX;
		struct pb_histogram_bucket *b = &sum.buckets[sum.n++];

		*b = ours <= theirs ? h->buckets[i++] : other->buckets[k++];
		if (ours == theirs)
			add_count(&b->count, other->buckets[k++].count);
	}
	add_count(&sum.count, other->count);
	free(h->buckets);
	*h = sum;
	return 0;
}

int pb_histogram_subtract(struct pb_histogram *h, const struct pb_histogram *before)
{
	uint32_t kept = 0, k = 0;

	h->count = 0;
	for (uint32_t i = 0; i < h->n; i++) {
		struct pb_histogram_bucket b = h->buckets[i];

		while (k < before->n && before->buckets[k].index < b.index)
			k++;
		if (k < before->n && before->buckets[k].index == b.index) {
			uint64_t was = before->buckets[k].count;

			b.count = b.count > was ? b.count - was : 0;
		}
		if (!b.count)
			continue;
		h->buckets[kept++] = b;
		add_count(&h->count, b.count);
	}
	h->n = kept;
	return 0;
}

static uint64_t rank_of(double q, uint64_t count)
{
	double rank = ceil(q * (double)count * (1 - ROUNDING));

	if (!(rank >= 1))
		return 1;
	return rank >= (double)count ? count : (uint64_t)rank;
}

uint64_t pb_histogram_quantile(const struct pb_histogram *h, double q, uint64_t max_ns)
{
	uint64_t rank = rank_of(q, h->count), seen = 0;

	for (uint32_t i = 0; i < h->n; i++) {
		const struct pb_histogram_bucket *b = &h->buckets[i];
		uint64_t low = pb_histogram_low(b->index), last = pb_histogram_high(b->index) - 1;

		add_count(&seen, b->count);
		if (seen < rank)
			continue;
		if (max_ns < low || (rank == h->count && max_ns <= last))
			return max_ns;
		last = last < max_ns ? last : max_ns;
		return low + (last - low) / 2;
	}
	return 0;
}

bool pb_histogram_supports(const struct pb_histogram *h, double q)
{
	return (double)h->count * (1 - q) >= 1 - 1e-9;
}

uint64_t pb_histogram_below(const struct pb_histogram *h, uint64_t ns)
{
	uint64_t below = 0;

	for (uint32_t i = 0; i < h->n; i++) {
		const struct pb_histogram_bucket *b = &h->buckets[i];
		uint64_t low = pb_histogram_low(b->index), high = pb_histogram_high(b->index);

		if (ns < low)
			break;
		if (ns >= high - 1)
			add_count(&below, b->count);
		else
			add_count(&below, (uint64_t)((unsigned __int128)b->count * (ns - low + 1) /
						     (high - low)));
	}
	return below;
}
