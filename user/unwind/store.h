/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Tables of modules in BPF maps: segments of rows, pages, rules.
 *
 * Segments are made on demand, filled through a mapping that lasts as long as the filling, and kept once
 * made. A table goes in whole or not at all. Equal rules are stored once, for as long as a table has them.
 */
#ifndef PB_UNWIND_STORE_H
#define PB_UNWIND_STORE_H

#include <stdint.h>

#include "bpf/abi/unwind.h"
#include "user/core/own.h"

struct pb_unwind_table;
struct pb_store;

/* Descriptors of the maps of bpf/lib/step_rule.bpf.h and process.bpf.h, borrowed. */
struct pb_store_maps {
	int segments, pages, rules;
};

/* Where a table lies. */
struct pb_stored {
	uint32_t first_page, n_pages;
	uint64_t bytes; /* of rows and pages */
	struct pb_stored_part {
		uint16_t segment;
		uint32_t first, n; /* rows */
	} * parts;                 /* owned */
	uint32_t n_parts;
	uint16_t *rules; /* of the store, by the table's own numbers; owned */
	uint32_t n_rules;
};

/**
 * pb_store_new() - an empty store.
 * @limit_bytes: of segments; at least one segment
 *
 * Return: 0; -errno, logged.
 */
int pb_store_new(struct pb_store **out, const struct pb_store_maps *maps, uint64_t limit_bytes);
void pb_store_free(struct pb_store *s);
PB_DEFINE_FREE(pb_store, pb_store_free);

/**
 * pb_store_put() - copy a table into the maps.
 * @out: set on success; to be given to pb_store_drop()
 *
 * All its rows lie in one segment if there is room for that, else in as few parts as fit. What -ENOSPC
 * had taken is free again at once.
 * Return: 0; -ENOSPC at the limit, of segments, pages or rules; -EFBIG if it would not fit into an empty
 * store; -ENOMEM; -errno of the kernel.
 */
int pb_store_put(struct pb_store *s, const struct pb_unwind_table *table, struct pb_stored *out);
/* Take a table out that no mapping refers to any more; its places are used again behind @until_ns. */
void pb_store_drop(struct pb_store *s, struct pb_stored *stored, uint64_t until_ns);
/* Free what @stored owns, where the maps go too. */
void pb_stored_free(struct pb_stored *stored);
/* End grace periods before @now_ns. */
void pb_store_settle(struct pb_store *s, uint64_t now_ns);

/* Rules that could still be added now. */
uint32_t pb_store_rules_free(const struct pb_store *s);
/* Kernel memory of the segments made so far. */
uint64_t pb_store_bytes(const struct pb_store *s);

#endif
