/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Symbols may overlap: aliases, functions inside functions, code that a JIT wrote over older code.
 * Who owns an address is settled once, in a sweep over the starts: a heap holds the symbols that
 * are open at the sweep's position, the strongest on top, and every change of the top closes a
 * span. Spans are disjoint and sorted, so a look-up is one binary search.
 *
 *   added      |---- a ----------------|            strength: order of adding, or of the sort
 *                     |-- b --|     |----- c ---|
 *   spans      |  a  |   b   |  a  |     c      |
 */
#include "user/symbol/shared/symtab.h"

#include <errno.h>
#include <string.h>

#define NAME_CHUNK (256u << 10)

struct entry {
	struct pb_symbol sym;
	uint32_t order; /* of adding */
};

/* [start, end) belongs to entries[entry]. */
struct span {
	uint64_t start;
	uint64_t end;
	uint32_t entry;
};

/* Names live in chunks, so that they never move. */
struct chunk {
	struct chunk *next;
	char bytes[NAME_CHUNK];
};

struct pb_symtab {
	struct entry *entries;
	uint32_t n_entries;
	uint32_t capacity;
	struct span *spans;
	uint32_t n_spans;
	struct chunk *chunks;
	size_t chunk_used;
	size_t name_bytes;
};

/* What the sweep carries along. */
struct sweep {
	struct pb_symtab *t;
	int later_wins;
	uint64_t pos;   /* spans are settled below */
	uint32_t *heap; /* indices of entries that were opened */
	uint32_t n_heap;
};

_Static_assert(PB_SYMTAB_NAME_MAX < NAME_CHUNK, "a name fits into a chunk");

int pb_symtab_new(struct pb_symtab **out)
{
	struct pb_symtab *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	*out = t;
	return 0;
}

void pb_symtab_free(struct pb_symtab *t)
{
	struct chunk *c, *next;

	if (!t)
		return;
	for (c = t->chunks; c; c = next) {
		next = c->next;
		free(c);
	}
	free(t->entries);
	free(t->spans);
	free(t);
}

static char *copy_name(struct pb_symtab *t, const char *name, size_t len)
{
	struct chunk *c;
	char *copy;

	if (!t->chunks || len >= NAME_CHUNK - t->chunk_used) {
		c = malloc(sizeof(*c));
		if (!c)
			return NULL;
		c->next = t->chunks;
		t->chunks = c;
		t->chunk_used = 0;
	}
	copy = t->chunks->bytes + t->chunk_used;
	memcpy(copy, name, len);
	copy[len] = '\0';
	t->chunk_used += len + 1;
	t->name_bytes += len + 1;
	return copy;
}

static int reserve_entry(struct pb_symtab *t)
{
	uint32_t capacity = t->capacity ? 2 * t->capacity : 256;
	struct entry *grown;

	if (t->n_entries < t->capacity)
		return 0;
	if (capacity > PB_SYMTAB_MAX)
		return -EFBIG;
	grown = realloc(t->entries, capacity * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	t->entries = grown;
	t->capacity = capacity;
	return 0;
}

int pb_symtab_add(struct pb_symtab *t, uint64_t addr, uint64_t size, uint32_t rank,
		  const char *name, size_t name_len)
{
	size_t len = strnlen(name, name_len < PB_SYMTAB_NAME_MAX ? name_len : PB_SYMTAB_NAME_MAX);
	struct entry *e;
	char *copy;
	int err;

	if (len >= PB_SYMTAB_NAME_BYTES_MAX - t->name_bytes)
		return -EFBIG;
	err = reserve_entry(t);
	if (err)
		return err;
	copy = copy_name(t, name, len);
	if (!copy)
		return -ENOMEM;
	/* An end that does not wrap, so that everything below may add. */
	if (size > UINT64_MAX - addr)
		size = UINT64_MAX - addr;
	e = &t->entries[t->n_entries];
	e->sym = (struct pb_symbol){.addr = addr, .size = size, .name = copy, .rank = rank};
	e->order = t->n_entries++;
	return 0;
}

int pb_symtab_add_unsized(struct pb_symtab *t, uint64_t addr, uint64_t size, uint32_t rank,
			  const char *name, size_t name_len)
{
	int err = pb_symtab_add(t, addr, size, rank, name, name_len);

	if (!err)
		t->entries[t->n_entries - 1].sym.is_unsized = true;
	return err;
}

/* Up to 8: a hostile name of nothing else must not make sorting slow. */
static size_t leading_underscores(const char *name)
{
	size_t n = 0;

	while (n < 8 && name[n] == '_')
		n++;
	return n;
}

int pb_symbol_compare(const struct pb_symbol *a, const struct pb_symbol *b)
{
	size_t x, y;

	if (a->rank != b->rank)
		return a->rank > b->rank ? 1 : -1;
	x = leading_underscores(a->name);
	y = leading_underscores(b->name);
	if (x == y) {
		x = strlen(a->name);
		y = strlen(b->name);
	}
	if (x != y)
		return x < y ? 1 : -1;
	return strcmp(b->name, a->name);
}

/* By address, then by order of adding. */
static int compare_order(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;

	if (a->sym.addr != b->sym.addr)
		return a->sym.addr < b->sym.addr ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* By address, then the better name last. */
static int compare_preference(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	int by_name;

	if (a->sym.addr != b->sym.addr)
		return a->sym.addr < b->sym.addr ? -1 : 1;
	by_name = pb_symbol_compare(&a->sym, &b->sym);
	if (by_name)
		return by_name;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* "__libc_read" and "_IO_puts" are reserved names for what people call "read" and "puts". */
static int is_reserved_form_of(const char *reserved, const char *known)
{
	size_t reserved_len = strlen(reserved), known_len = strlen(known);

	if (reserved[0] != '_' || known[0] == '_' || known_len >= reserved_len)
		return 0;
	return reserved[reserved_len - known_len - 1] == '_' &&
	       !strcmp(reserved + reserved_len - known_len, known);
}

/* entries[first, last] share their start, the best last. Put a weak public alias behind it. */
static void prefer_public_alias(struct entry *first, struct entry *last)
{
	struct entry tmp = *last;
	struct entry *e;

	if (last->sym.rank != PB_SYMBOL_GLOBAL)
		return;
	for (e = last; e > first; e--) {
		struct entry *alias = e - 1;

		if (alias->sym.rank < PB_SYMBOL_WEAK)
			return;
		if (alias->sym.rank != PB_SYMBOL_WEAK || alias->sym.size != tmp.sym.size ||
		    !is_reserved_form_of(tmp.sym.name, alias->sym.name))
			continue;
		*last = *alias;
		*alias = tmp;
		return;
	}
}

static void prefer_public_aliases(struct pb_symtab *t)
{
	uint32_t first = 0, i;

	for (i = 1; i <= t->n_entries; i++) {
		if (i < t->n_entries && t->entries[i].sym.addr == t->entries[first].sym.addr)
			continue;
		prefer_public_alias(&t->entries[first], &t->entries[i - 1]);
		first = i;
	}
}

static void drop_empty(struct pb_symtab *t)
{
	uint32_t kept = 0, i;

	for (i = 0; i < t->n_entries; i++)
		if (t->entries[i].sym.size)
			t->entries[kept++] = t->entries[i];
	t->n_entries = kept;
}

/* Sorted order is strength order where the nearest start wins. */
static uint32_t strength(const struct sweep *s, uint32_t entry)
{
	return s->later_wins ? s->t->entries[entry].order : entry;
}

static void heap_push(struct sweep *s, uint32_t entry)
{
	uint32_t i = s->n_heap++;

	while (i && strength(s, s->heap[(i - 1) / 2]) < strength(s, entry)) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = entry;
}

static void heap_pop(struct sweep *s)
{
	uint32_t last = s->heap[--s->n_heap];
	uint32_t i = 0, child;

	while ((child = 2 * i + 1) < s->n_heap) {
		if (child + 1 < s->n_heap &&
		    strength(s, s->heap[child + 1]) > strength(s, s->heap[child]))
			child++;
		if (strength(s, last) >= strength(s, s->heap[child]))
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = last;
}

/* The array holds two spans per entry: each one ends where an entry starts or ends. */
static void emit(struct sweep *s, uint64_t end, uint32_t entry)
{
	struct pb_symtab *t = s->t;
	struct span *last = t->n_spans ? &t->spans[t->n_spans - 1] : NULL;

	if (last && last->entry == entry && last->end == s->pos)
		last->end = end;
	else
		t->spans[t->n_spans++] = (struct span){s->pos, end, entry};
	s->pos = end;
}

static void sweep_to(struct sweep *s, uint64_t limit)
{
	while (s->n_heap && s->pos < limit) {
		const struct pb_symbol *top = &s->t->entries[s->heap[0]].sym;
		uint64_t end = top->addr + top->size;

		if (end <= s->pos) {
			heap_pop(s);
			continue;
		}
		emit(s, end < limit ? end : limit, s->heap[0]);
	}
	s->pos = limit;
}

int pb_symtab_finish(struct pb_symtab *t, int later_wins)
{
	pb_autofree uint32_t *heap = NULL;
	struct sweep s = {.t = t, .later_wins = later_wins};
	struct span *shrunk;
	uint32_t i;

	drop_empty(t);
	if (!t->n_entries)
		return 0;
	heap = malloc(t->n_entries * sizeof(*heap));
	t->spans = calloc(2 * (size_t)t->n_entries, sizeof(*t->spans));
	if (!heap || !t->spans)
		return -ENOMEM;
	s.heap = heap;
	qsort(t->entries, t->n_entries, sizeof(*t->entries),
	      later_wins ? compare_order : compare_preference);
	if (!later_wins)
		prefer_public_aliases(t);
	for (i = 0; i < t->n_entries; i++) {
		sweep_to(&s, t->entries[i].sym.addr);
		heap_push(&s, i);
	}
	sweep_to(&s, UINT64_MAX);
	shrunk = realloc(t->spans, t->n_spans * sizeof(*t->spans));
	if (shrunk)
		t->spans = shrunk;
	return 0;
}

const struct pb_symbol *pb_symtab_find(const struct pb_symtab *t, uint64_t addr)
{
	uint32_t lo = 0, hi = t->n_spans;

	/* The first span that ends behind @addr. */
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->spans[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == t->n_spans || t->spans[lo].start > addr)
		return NULL;
	return &t->entries[t->spans[lo].entry].sym;
}

size_t pb_symtab_count(const struct pb_symtab *t)
{
	return t->n_entries;
}
