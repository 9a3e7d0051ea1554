/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The names that functions of allocators go by, and what is known of each. */
#ifndef PB_ALLOC_ALLOCATOR_NAMES_H
#define PB_ALLOC_ALLOCATOR_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "bpf/abi/allocsites.h"

/* Longer names than this are none of an allocator's. */
#define PB_ALLOC_NAME_MAX 63

enum pb_alloc_kind {
	PB_KIND_UNKNOWN,
	PB_KIND_GLIBC,
	PB_KIND_JEMALLOC,
	PB_KIND_TCMALLOC,
	PB_KIND_MIMALLOC,
	PB_KIND_MUSL,
	PB_KIND_COUNT
};

/* How a name begins. The first ones are the better known. */
enum pb_alloc_prefix {
	PB_PREFIX_NONE, /* malloc: what the whole process calls, if it is found first */
	PB_PREFIX_JE,   /* je_, _rjem_ (Rust's tikv-jemallocator), __rjem_ (Rust before 1.32) */
	PB_PREFIX_TC,
	PB_PREFIX_MI,
	PB_PREFIX_LIBC, /* __libc_malloc: another name of the C library's, or of who stands in for it */
};

struct pb_alloc_name {
	const char *name; /* without prefix */
	enum pb_alloc_call call;
	unsigned int
		nests; /* 1 << enum pb_alloc_kind: in these it may call another one of the table */
	bool is_cxx;   /* operator new, operator delete */
	bool only_mi;  /* exists with the prefix mi_ only */
};

/* May an exception leave a function of this name? operator new, but for its nothrow forms. */
bool pb_alloc_name_throws(const struct pb_alloc_name *name);

/**
 * pb_alloc_name_find() - what a symbol's name stands for.
 * @name: of @len bytes, not terminated, without a version
 * @prefix: set on success
 *
 * Return: the row; rows are in order of preference, for functions with several names. NULL if it is
 * none of an allocator's.
 */
const struct pb_alloc_name *pb_alloc_name_find(const char *name, size_t len,
					       enum pb_alloc_prefix *prefix);

/* Integer arguments that have to be known where a call of this kind is probed. */
unsigned int pb_alloc_call_args(enum pb_alloc_call call);

/* "glibc", "jemalloc", ... */
const char *pb_alloc_kind_name(enum pb_alloc_kind kind);

/* Whose functions have this prefix; PB_KIND_UNKNOWN for PB_PREFIX_NONE and PB_PREFIX_LIBC. */
enum pb_alloc_kind pb_alloc_prefix_kind(enum pb_alloc_prefix prefix);

/* The kind that a symbol gives away, whatever it stands for: mallctl, tc_version; else UNKNOWN. */
enum pb_alloc_kind pb_alloc_marker_kind(const char *name, size_t len);

#endif
