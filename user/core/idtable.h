/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A hash index from keys that live elsewhere to the ids of their rows: it stores a hash and an id,
 * and asks the caller whether the row is the one. Rows are never removed. The hash is keyed with a
 * secret drawn per table, so that names chosen by a target cannot pile up in one place.
 */
#ifndef PB_CORE_IDTABLE_H
#define PB_CORE_IDTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/core/own.h"

/* No such id; the same number as PB_NONE of the profile. */
#define PB_IDTABLE_NONE UINT32_MAX

struct pb_idtable;

/* Tells whether row @id of @rows has this @key; both pointers come from pb_idtable_find(). */
typedef bool (*pb_idtable_same)(const void *rows, uint32_t id, const void *key);

/* An empty table. Return: 0; -ENOMEM. */
int pb_idtable_new(struct pb_idtable **out);
void pb_idtable_free(struct pb_idtable *t);
PB_DEFINE_FREE(pb_idtable, pb_idtable_free);

/**
 * pb_idtable_hash() - hash @len bytes with this table's secret.
 *
 * Padding in a struct counts: zero it.
 *
 * Source: SipHash-1-3 (Aumasson, Bernstein 2012).
 */
uint64_t pb_idtable_hash(const struct pb_idtable *t, const void *bytes, size_t len);

/* The id added with @hash for which @same says yes; PB_IDTABLE_NONE if there is none. O(1). */
uint32_t pb_idtable_find(const struct pb_idtable *t, uint64_t hash, pb_idtable_same same,
			 const void *rows, const void *key);

/**
 * pb_idtable_add() - remember that the row @id has @hash. Does not look for duplicates.
 * @id: anything but PB_IDTABLE_NONE
 *
 * Amortised O(1). Return: 0; -ENOMEM, and the table is as before; -EINVAL for that @id.
 */
int pb_idtable_add(struct pb_idtable *t, uint64_t hash, uint32_t id);

/* Number of ids added. */
uint32_t pb_idtable_count(const struct pb_idtable *t);

#endif
