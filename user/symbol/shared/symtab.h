/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A table of functions, sorted by address, looked up by binary search. The one shape behind ELF
 * files, kallsyms, the vdso and perf maps.
 */
#ifndef PB_SYMBOL_SHARED_SYMTAB_H
#define PB_SYMBOL_SHARED_SYMTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/core/own.h"

/* Bounds of one table: hostile files reach them, large programs do not. */
#define PB_SYMTAB_MAX            (8u << 20)   /* symbols */
#define PB_SYMTAB_NAME_MAX       65536u       /* bytes of one name, cut there */
#define PB_SYMTAB_NAME_BYTES_MAX (256u << 20) /* bytes of all names */

struct pb_symtab;

enum pb_symbol_rank {
	PB_SYMBOL_LOCAL,
	PB_SYMBOL_WEAK,
	PB_SYMBOL_GLOBAL,
};

struct pb_symbol {
	uint64_t addr;    /* first byte */
	uint64_t size;    /* bytes covered; never 0 once the table is finished */
	const char *name; /* owned by the table */
	uint32_t rank;    /* enum pb_symbol_rank */
	bool is_unsized;  /* the size is a guess: up to what is known to come next */
};

int pb_symtab_new(struct pb_symtab **out);
void pb_symtab_free(struct pb_symtab *t);
PB_DEFINE_FREE(pb_symtab, pb_symtab_free);

/* @name is copied, up to its first NUL. Return: 0; -ENOMEM; -EFBIG beyond the table's bounds. */
int pb_symtab_add(struct pb_symtab *t, uint64_t addr, uint64_t size, uint32_t rank,
		  const char *name, size_t name_len);
/* The same, of one that is_unsized. */
int pb_symtab_add_unsized(struct pb_symtab *t, uint64_t addr, uint64_t size, uint32_t rank,
			  const char *name, size_t name_len);

/**
 * pb_symtab_finish() - sort and settle who owns which address; call once, before any look-up.
 * @later_wins: on overlap the entry added last owns its whole range (perf maps); otherwise the
 *              entry that starts nearest before the address and covers it does (nested symbols),
 *              and among those that start together the one people know: see pb_symbol_compare()
 *
 * Entries of size 0 cover nothing and are dropped. O(n log n). Return: 0; -ENOMEM.
 */
int pb_symtab_finish(struct pb_symtab *t, int later_wins);

/* The symbol that covers @addr, or NULL. O(log n). */
const struct pb_symbol *pb_symtab_find(const struct pb_symtab *t, uint64_t addr);
/* Symbols added; once finished, those that cover something. */
size_t pb_symtab_count(const struct pb_symtab *t);

/**
 * pb_symbol_compare() - which of two names for the same address is the better one.
 *
 * Global over weak over local, then fewer leading underscores, then the shorter, then the order of
 * bytes, so that the choice is the same everywhere. One exception is left to pb_symtab_finish(),
 * which sees all names of an address: a weak name beats the best global one if that is the same
 * with a prefix for the reserved name space ("read" over "__libc_read", "puts" over "_IO_puts").
 *
 * Return: above 0 if @a is better, below 0 if @b is, 0 if they are equal.
 */
int pb_symbol_compare(const struct pb_symbol *a, const struct pb_symbol *b);

#endif
