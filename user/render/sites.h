/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A profile by call path, for people: the same path in several processes or threads is one row, and an
 * allocator's own functions at its leaf are left out, because nobody can change them; so are a program's wrappers
 * around those, through which most of it goes.
 */
#ifndef PB_RENDER_SITES_H
#define PB_RENDER_SITES_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/own.h"

struct pb_profile;
struct pb_render_opts;
struct pb_tree;

#define PB_SITE_COLUMNS_MAX 5

struct pb_site_row {
	uint32_t node; /* of the tree: the leaf of the first path with this row */
	uint32_t key;
	uint64_t values[PB_SITE_COLUMNS_MAX];
};

struct pb_sites {
	struct pb_tree *tree; /* by the chosen value */
	uint32_t columns
		[PB_SITE_COLUMNS_MAX]; /* values of the profile; the first is the chosen one */
	uint32_t n_columns;
	uint64_t totals[PB_SITE_COLUMNS_MAX];
	struct pb_site_row *rows; /* most of the first column first; none of nothing */
	uint32_t n_rows;
};

/**
 * pb_sites_build() - the rows of a table with these columns.
 * @columns: @n values of the profile
 *
 * O(nodes) per column. Return: 0; -ENOMEM; -EFBIG as pb_tree_build().
 */
int pb_sites_build(struct pb_sites **out, const struct pb_profile *p,
		   const struct pb_render_opts *o, const uint32_t *columns, uint32_t n);
void pb_sites_free(struct pb_sites *s);
PB_DEFINE_FREE(pb_sites, pb_sites_free);

/* Whether this is a function of an allocator: malloc, je_calloc, operator new. */
bool pb_is_allocator(const char *function);
/* Whether its name says that it hands on what an allocator gives: zmalloc_usable, xrealloc, PyObject_Malloc. */
bool pb_is_wrapper(const char *function);
/* Whether it is no name but a place: "module+0x1234". */
bool pb_is_place(const char *function);

/*
 * Where on a path the code begins that asked for memory: behind the allocator and its wrappers, and behind a few
 * functions without a name where a wrapper stands behind those, as in stripped libraries.
 */
struct pb_site_search {
	uint32_t site;     /* so far; PB_NONE: nothing but the allocator */
	bool is_wrapper;   /* that one */
	uint32_t nameless; /* how many were met behind the last wrapper */
};

#define PB_SITE_SEARCH_INIT                                                                        \
	{                                                                                          \
		.site = UINT32_MAX                                                                 \
	}

/* The functions one after the other, the leaf first; @id: what the caller knows it by. True: that is all, @s->site
 * will not change. */
bool pb_site_search_take(struct pb_site_search *s, const char *function, uint32_t id);

#endif
