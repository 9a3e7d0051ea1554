/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Nested inlines, recursion, hot and cold parts, a switch, and a sort whose callback is inlined. */
#include <stdlib.h>
#include <string.h>

#include "tests/names/chain.h"
#include "tests/names/numbers.h"

volatile uint64_t sink;

struct item {
	uint64_t key;
	char text[24];
};

__attribute__((noinline, cold)) void complain(const char *what)
{
	while (*what)
		sink += mix4((uint64_t)*what++);
	abort();
}

static int compare_items(const void *pa, const void *pb)
{
	const struct item *a = pa, *b = pb;

	if (digits(a->key) != digits(b->key))
		return digits(a->key) < digits(b->key) ? -1 : 1;
	return strcmp(a->text, b->text);
}

uint64_t descend(uint64_t depth)
{
	if (!depth)
		return mix8(sink);
	return descend(depth - 1) + mix2(depth) + (depth > 3 ? descend(depth - 3) : 0);
}

static uint64_t spell(struct item *item, uint64_t value)
{
	size_t i;

	memset(item, 0, sizeof(*item));
	item->key = mix3(value);
	for (i = 0; i < sizeof(item->text) - 1; i++) {
		uint64_t letter = mix2(value + i) % 26;

		if (letter > 25)
			complain("letter");
		item->text[i] = (char)('a' + letter);
	}
	return digits(item->key);
}

uint64_t sort_items(uint64_t n)
{
	struct item *items;
	uint64_t i, sum = 0;

	n = clamp(n, 1000);
	items = calloc(n + 1, sizeof(*items));
	if (!items)
		complain("memory");
	for (i = 0; i < n; i++)
		sum += spell(&items[i], i * n);
	qsort(items, n, sizeof(*items), compare_items);
	for (i = 1; i < n; i++)
		if (compare_items(&items[i - 1], &items[i]) > 0)
			complain("order");
	free(items);
	return sum;
}

static uint64_t step(uint64_t op, uint64_t x)
{
	switch (op % 12) {
	case 0:
		return mix1(x);
	case 1:
		return mix2(x) + digits(x);
	case 2:
		return mix8(x);
	case 3:
		return x / (op | 1);
	case 4:
		return mix6(x) ^ mix5(op);
	case 5:
		return descend(x % 5);
	case 6:
		if (__builtin_expect(x == 77, 0))
			complain("a value that never comes");
		return mix4(x);
	case 7:
		return mix7(x) + mix7(op);
	case 8:
		return far_away(x);
	case 9:
		return far_table(x, op);
	default:
		return clamp(mix3(x), op);
	}
}

uint64_t run_program(const uint8_t *code, uint64_t n)
{
	uint64_t i, x = n;

	for (i = 0; i < n; i++)
		x = step(code[i], x);
	return x;
}
