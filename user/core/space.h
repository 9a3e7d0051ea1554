/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Code in one address space, over time.
 *
 * Mappings are only ever added, since the kernel tells of no unmapping: where they lie over each other
 * the newest counts, and the older ones are kept for questions about the time before. A space that is
 * full of what was unmapped long ago is for its owner to replace by a new one.
 *
 *   records   in the order in which they came      [ A ........ ]
 *                                                       [ B ]
 *   pieces    what counts now, sorted, apart       [ A ][ B ][A ]
 *
 * A forked process shares the space of its parent until one of them maps something.
 */
#ifndef PB_CORE_SPACE_H
#define PB_CORE_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/own.h"
#include "user/core/profile.h"

/* An address in a mapping. */
struct pb_place {
	uint32_t file;            /* of pb_files; PB_NONE: no file, see kind */
	enum pb_module_kind kind; /* FILE, VDSO or ANON */
	uint64_t start, end;      /* of the mapping */
	uint64_t file_off;        /* of start */
};

/* What one more mapping has changed. */
enum pb_space_change {
	PB_SPACE_SAME,     /* nothing: that code was there already, in the whole range */
	PB_SPACE_ADDED,    /* code where none was known, or more of the same */
	PB_SPACE_REPLACED, /* other code was there */
	PB_SPACE_DROPPED, /* other code was there and is forgotten; there is no room for this one */
};

#define PB_SPACE_MAX 16384 /* mappings */

/*
 * What many spaces may take together. The last eighth is for small ones, of 16 KB or about 250 mappings, as
 * most are: some hundreds of processes that map all they can must not leave the others without names.
 */
struct pb_space_budget {
	uint64_t limit_bytes, used_bytes;
};

struct pb_space;

/**
 * pb_space_new() - an empty space with one owner.
 * @budget: borrowed for the life of the space and of its copies; they take from it as they grow, and give
 * all back when they are freed
 *
 * Return: 0; -ENOMEM.
 */
int pb_space_new(struct pb_space **out, struct pb_space_budget *budget);
/* One more owner. */
struct pb_space *pb_space_share(struct pb_space *s);
/* One owner less; the last one frees it. */
void pb_space_free(struct pb_space *s);
PB_DEFINE_FREE(pb_space, pb_space_free);

/**
 * pb_space_map() - a mapping appeared.
 * @s: of an owner; replaced by a copy of its own if it has others and something changes
 * @since_ns: when; 0: before we looked. Never counts as earlier than what it lies over
 *
 * The same file at the same place is no other code, and memory without a file is never told apart: a JIT
 * compiler protects its pages anew all the time. What is beyond a bound of 16,384 mappings, or for which
 * the budget has no room, is not kept: a hostile target must not fill our memory. If other code was there,
 * that is forgotten, for all times: nothing is better than what is wrong. If there is not even room for a
 * copy without it, the owner gets an empty space. O(log n), and a move of what lies above.
 * Return: enum pb_space_change; -ENOSPC: not kept, and nothing else changed; -ENOMEM.
 */
int pb_space_map(struct pb_space **s, const struct pb_place *place, uint64_t since_ns);

/* Is a mapping of this kind with these bounds and this offset what counts now? O(log n). */
bool pb_space_has(const struct pb_space *s, enum pb_module_kind kind, uint64_t start, uint64_t end,
		  uint64_t file_off);

/* The newest mapping at @addr that was there at @time_ns; NULL if there is none. O(log n), and O(n) for
 * the time before the last change there. */
const struct pb_place *pb_space_at(const struct pb_space *s, uint64_t time_ns, uint64_t addr);

/* All that counts now, sorted and apart, into an array to be freed. Return: 0; -ENOMEM. */
int pb_space_current(const struct pb_space *s, struct pb_place **out, uint32_t *n);

#endif
