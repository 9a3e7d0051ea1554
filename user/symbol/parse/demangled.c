/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Each symbol has four places where it may be kept, so that names that were made to collide cost no more
 * than demangling them again.
 */
#include "user/symbol/parse/demangled.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "user/symbol/parse/demangle.h"

#define SETS      8192u
#define WAYS      4u
#define BYTES_MAX (64u << 20)

/* One allocation: the symbol, its NUL, the readable form. NULL: free. */
struct place {
	char *texts;
	uint32_t symbol_len, size;
};

struct pb_demangled {
	struct place places[SETS][WAYS];
	uint8_t next[SETS]; /* to be replaced */
	size_t bytes;
	bool full;
};

int pb_demangled_new(struct pb_demangled **out, bool full)
{
	struct pb_demangled *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->full = full;
	*out = d;
	return 0;
}

static void forget(struct pb_demangled *d, struct place *p)
{
	d->bytes -= p->size;
	free(p->texts);
	*p = (struct place){0};
}

static void forget_all(struct pb_demangled *d)
{
	uint32_t set, way;

	for (set = 0; d->bytes && set < SETS; set++)
		for (way = 0; way < WAYS; way++)
			forget(d, &d->places[set][way]);
}

void pb_demangled_free(struct pb_demangled *d)
{
	if (!d)
		return;
	forget_all(d);
	free(d);
}

/* FNV-1a. */
static uint64_t hash(const char *text, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ull;
	size_t i;

	for (i = 0; i < len; i++)
		h = (h ^ (uint8_t)text[i]) * 0x100000001b3ull;
	return h ^ h >> 32;
}

/* Demangle @len bytes of @symbol, and put what follows them behind. NULL: it is not mangled. */
static char *demangle_part(const struct pb_demangled *d, const char *symbol, size_t len)
{
	pb_autofree char *part = strndup(symbol, len), *readable = NULL;
	size_t readable_len, rest_len = strlen(symbol + len);
	char *whole;

	readable = part ? pb_demangle(part, d->full) : NULL;
	if (!readable)
		return NULL;
	readable_len = strlen(readable);
	whole = malloc(readable_len + rest_len + 1);
	if (!whole)
		return NULL;
	memcpy(whole, readable, readable_len);
	memcpy(whole + readable_len, symbol + len, rest_len + 1);
	return whole;
}

static char *demangle(const struct pb_demangled *d, const char *symbol, size_t len)
{
	static const char plt[] = "@plt";
	size_t plt_len = sizeof(plt) - 1;

	if (len > plt_len && !strcmp(symbol + len - plt_len, plt))
		return demangle_part(d, symbol, len - plt_len);
	return pb_demangle(symbol, d->full);
}

/* Both texts in one allocation; false without memory. */
static bool fill(struct pb_demangled *d, struct place *p, const char *symbol, size_t len)
{
	pb_autofree char *readable = demangle(d, symbol, len);
	const char *shown = readable ? readable : symbol;
	size_t shown_len = strlen(shown), size = len + shown_len + 2;

	if (size > UINT32_MAX)
		return false;
	if (d->bytes > BYTES_MAX - (size < BYTES_MAX ? size : BYTES_MAX))
		forget_all(d);
	forget(d, p);
	p->texts = malloc(size);
	if (!p->texts)
		return false;
	memcpy(p->texts, symbol, len + 1);
	memcpy(p->texts + len + 1, shown, shown_len + 1);
	p->symbol_len = (uint32_t)len;
	p->size = (uint32_t)size;
	d->bytes += size;
	return true;
}

const char *pb_demangled_find(struct pb_demangled *d, const char *symbol)
{
	size_t len = strlen(symbol);
	uint32_t set, way;
	struct place *p;

	if (len > PB_DEMANGLE_MAX)
		return symbol;
	set = (uint32_t)(hash(symbol, len) % SETS);
	for (way = 0; way < WAYS; way++) {
		p = &d->places[set][way];
		if (p->texts && p->symbol_len == len && !memcmp(p->texts, symbol, len))
			return p->texts + len + 1;
	}
	p = &d->places[set][d->next[set]++ % WAYS];
	return fill(d, p, symbol, len) ? p->texts + len + 1 : symbol;
}
