/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/sites.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "user/core/profile.h"
#include "user/render/render.h"
#include "user/render/tree.h"
#include "user/render/trie.h"

#define NAMELESS_MAX 4

bool pb_is_allocator(const char *function)
{
	static const char *const prefixes[] = {"GI_", "libc_", "rjem_", "je_", "tc_", "mi_"};
	static const char *const names[] = {
		"malloc",        "calloc",     "realloc", "reallocarray", "memalign",
		"aligned_alloc", "valloc",     "pvalloc", "mallocx",      "posix_memalign",
		"rallocx",       "int_malloc", "new",     "newarray",
	};

	if (!strncmp(function, "operator new", strlen("operator new")))
		return true;
	function += strspn(function, "_");
	for (size_t i = 0; i < PB_ARRAY_SIZE(prefixes); i++) {
		size_t len = strlen(prefixes[i]);

		if (!strncmp(function, prefixes[i], len))
			function += len + strspn(function + len, "_");
	}
	for (size_t i = 0; i < PB_ARRAY_SIZE(names); i++) {
		if (!strcmp(function, names[i]))
			return true;
	}
	return false;
}

static bool ends_in(const char *text, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len >= n && !strncasecmp(text + len - n, end, n);
}

bool pb_is_wrapper(const char *function)
{
	static const char *const suffixes[] = {"_usable", "_internal", "_zero",  "_array",
					       "_nofail", "_aligned",  "_n_try", "_n"};
	static const char *const ends[] = {"malloc", "calloc", "realloc", "memalign"};
	size_t len = strlen(function), before;

	/* No name of C++ or Rust, whose last part may be anything. */
	for (size_t i = 0; i < len; i++) {
		if (!isalnum((unsigned char)function[i]) && function[i] != '_')
			return false;
	}
	do {
		before = len;
		while (len && isdigit((unsigned char)function[len - 1]))
			len--;
		for (size_t i = 0; i < PB_ARRAY_SIZE(suffixes); i++) {
			if (ends_in(function, len, suffixes[i]))
				len -= strlen(suffixes[i]);
		}
	} while (len != before);
	for (size_t i = 0; i < PB_ARRAY_SIZE(ends); i++) {
		if (ends_in(function, len, ends[i]))
			return true;
	}
	return false;
}

bool pb_is_place(const char *function)
{
	const char *plus = strrchr(function, '+');

	return plus && plus > function && !strncmp(plus, "+0x", 3) &&
	       plus[3 + strspn(plus + 3, "0123456789abcdef")] == '\0';
}

bool pb_site_search_take(struct pb_site_search *s, const char *function, uint32_t id)
{
	bool is_wrapper = pb_is_wrapper(function);

	if (pb_is_allocator(function)) {
		/* What has no name below it is its own. */
		if (!s->is_wrapper)
			s->site = PB_NONE;
		s->nameless = 0;
		return false;
	}
	if (is_wrapper) {
		/* The lowest one, if nothing comes of what is above. */
		if (s->site == PB_NONE || !s->is_wrapper)
			s->site = id;
		s->nameless = 0;
	} else if (s->site == PB_NONE || s->is_wrapper) {
		s->site = id;
	}
	s->is_wrapper = is_wrapper;
	if (is_wrapper)
		return false;
	return !pb_is_place(function) || s->nameless++ == NAMELESS_MAX;
}

static bool is_code(const struct pb_frame *f)
{
	return !pb_frame_is_no_code(f);
}

/* Where a path ends for people, if there is code. */
static uint32_t site_of(const struct pb_tree *t, uint32_t leaf)
{
	struct pb_site_search search = PB_SITE_SEARCH_INIT;

	for (uint32_t at = leaf; at; at = t->nodes[at].parent) {
		const struct pb_frame *f = &t->frames[t->nodes[at].frame];

		if (!is_code(f) || pb_site_search_take(&search, f->name, at))
			break;
	}
	return search.site == PB_NONE ? leaf : search.site;
}

/* The key of each node's path without its thread. A parent comes before its children. */
static int make_keys(const struct pb_tree *t, uint32_t **out)
{
	pb_auto(pb_trie) struct pb_trie *trie = NULL;
	pb_autofree uint32_t *keys = calloc(t->n_nodes, sizeof(*keys));

	if (!keys || pb_trie_new(&trie, t->n_nodes))
		return -ENOMEM;
	for (uint32_t i = 1; i < t->n_nodes; i++) {
		uint32_t frame = t->nodes[i].frame;

		keys[i] = keys[t->nodes[i].parent];
		if (t->frames[frame].kind != PB_FRAME_PROCESS)
			keys[i] = pb_trie_child(trie, keys[i], frame);
		if (keys[i] == PB_NONE)
			return trie->err ? trie->err : -ENOMEM;
	}
	*out = pb_take(keys);
	return 0;
}

/* Rows of all paths that end somewhere, and for each node its row. */
static int make_rows(struct pb_sites *s, const uint32_t *keys, uint32_t **row_of)
{
	const struct pb_tree *t = s->tree;
	pb_autofree uint32_t *rows = calloc(t->n_nodes, sizeof(*rows));
	pb_autofree uint32_t *by_key = calloc(t->n_nodes, sizeof(*by_key));

	s->rows = calloc(t->n_nodes, sizeof(*s->rows));
	if (!rows || !by_key || !s->rows)
		return -ENOMEM;
	for (uint32_t i = 1; i < t->n_nodes; i++) {
		uint32_t site = site_of(t, i), key = keys[site];

		if (!by_key[key]) {
			s->rows[s->n_rows] = (struct pb_site_row){.node = site, .key = key};
			by_key[key] = ++s->n_rows;
		}
		rows[i] = by_key[key] - 1;
	}
	*row_of = pb_take(rows);
	return 0;
}

static void add(uint64_t *sum, uint64_t value)
{
	if (__builtin_add_overflow(*sum, value, sum))
		*sum = UINT64_MAX;
}

static int add_column(struct pb_sites *s, const struct pb_profile *p, bool lines, uint32_t column,
		      const uint32_t *row_of)
{
	const struct pb_tree_opts by = {.value = s->columns[column], .lines = lines};
	pb_auto(pb_tree) struct pb_tree *other = NULL;
	const struct pb_tree *t = s->tree;
	int err;

	if (column) {
		err = pb_tree_build(&other, p, &by);
		if (err)
			return err;
		t = other;
	}
	for (uint32_t i = 1; i < t->n_nodes; i++)
		add(&s->rows[row_of[i]].values[column], t->nodes[i].self);
	s->totals[column] = t->nodes[0].total;
	return 0;
}

static int compare_rows(const void *a, const void *b)
{
	const struct pb_site_row *x = a, *y = b;

	if (x->values[0] != y->values[0])
		return x->values[0] < y->values[0] ? 1 : -1;
	return (x->key > y->key) - (x->key < y->key);
}

int pb_sites_build(struct pb_sites **out, const struct pb_profile *p,
		   const struct pb_render_opts *o, const uint32_t *columns, uint32_t n)
{
	pb_auto(pb_sites) struct pb_sites *s = calloc(1, sizeof(*s));
	pb_autofree uint32_t *keys = NULL, *row_of = NULL;
	struct pb_tree_opts by = {.value = columns[0], .lines = o->lines};
	int err;

	if (!s)
		return -ENOMEM;
	s->n_columns = n < PB_SITE_COLUMNS_MAX ? n : PB_SITE_COLUMNS_MAX;
	memcpy(s->columns, columns, s->n_columns * sizeof(*columns));
	err = pb_tree_build(&s->tree, p, &by);
	err = err ? err : make_keys(s->tree, &keys);
	err = err ? err : make_rows(s, keys, &row_of);
	for (uint32_t i = 0; i < s->n_columns && !err; i++)
		err = add_column(s, p, o->lines, i, row_of);
	if (err)
		return err;
	qsort(s->rows, s->n_rows, sizeof(*s->rows), compare_rows);
	while (s->n_rows && !s->rows[s->n_rows - 1].values[0])
		s->n_rows--;
	*out = pb_take(s);
	return 0;
}

void pb_sites_free(struct pb_sites *s)
{
	if (!s)
		return;
	pb_tree_free(s->tree);
	free(s->rows);
	free(s);
}
