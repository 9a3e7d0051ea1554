/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * From what the kernel half sends to samples of a profile.
 *
 *   record (first sight) --> addresses become locations at once, while mappings are fresh
 *   counters (at the end) --> joined to their stacks by key
 *   names (after symbols) --> tell which stacks are complete; then nodes and samples are built
 *
 * Two steps at the end, since whether a walk reached the bottom is best told by the names there.
 */
#ifndef PB_CORE_STACKS_H
#define PB_CORE_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi/capture.h"
#include "user/core/own.h"

struct pb_files;
struct pb_life;
struct pb_profile;
struct pb_report;
struct pb_stacks;
struct pb_track;

/* A stack with what it has added up to, for the tool whose kernel half counted it. */
struct pb_stack_total {
	uint32_t id; /* from 0 on, in the order of first sight */
	const struct pb_stack_key *key;
	const struct pb_stack_count
		*count;   /* as long as the counts map's values; events is 0 if unseen */
	uint32_t node;    /* of the profile; PB_NONE before pb_stacks_build() */
	uint32_t process; /* of the profile */
};

/* Turn a total into the profile's values. */
typedef void (*pb_to_values)(void *ctx, const struct pb_stack_total *total, uint64_t *values);

/* Everything borrowed for the life of the object. */
struct pb_stacks_parts {
	struct pb_profile *profile; /* modules and locations are added to it */
	struct pb_track *track;
	struct pb_files *files;
	size_t value_size;          /* of the counts map's values: at least struct pb_stack_count */
	enum pb_unwind_mode unwind; /* how stacks are walked: tells why one went astray */
	bool at_tracepoints; /* kernel stacks begin with the frames of the hook itself: leave those out */
	/* Called at the first address in code without a file of a life of a process; may be NULL. */
	void (*on_anonymous)(void *ctx, const struct pb_life *life);
	void *ctx;
};

int pb_stacks_new(struct pb_stacks **out, const struct pb_stacks_parts *parts);
void pb_stacks_free(struct pb_stacks *s);
PB_DEFINE_FREE(pb_stacks, pb_stacks_free);

/**
 * pb_stacks_keep() - copy a record out of the ring; it is resolved by pb_stacks_resolve().
 * @size: bytes of @record that are there
 *
 * Return: 0; -EPROTO if the sizes in it do not add up; -ENOMEM.
 */
int pb_stacks_keep(struct pb_stacks *s, const void *record, size_t size);

/* Resolve what was kept; call after pb_track_update(), so that no mapping is missing. */
int pb_stacks_resolve(struct pb_stacks *s);

/* Join one counter to its stack. @count: a value of the counts map, copied whole. Return: 0; -ENOENT: no
 * frames ever came for this key, so its events are lost; -ENOMEM: so are they. */
int pb_stacks_count(struct pb_stacks *s, const struct pb_stack_key *key,
		    const struct pb_stack_count *count);

/* How many stacks there are, and one of them. */
uint32_t pb_stacks_n(const struct pb_stacks *s);
void pb_stacks_total(const struct pb_stacks *s, uint32_t id, struct pb_stack_total *out);
/* The id of a stack; PB_NONE if it was never seen. */
uint32_t pb_stacks_find(const struct pb_stacks *s, const struct pb_stack_key *key);

/**
 * pb_stacks_locate() - a location of the profile for an address of a stack's process that is in no frame of it.
 * @id: of the stack; the address means what it meant when that was first seen
 *
 * Call it before the profile is named. Return: the location; PB_NONE if no code is known there.
 */
uint32_t pb_stacks_locate(struct pb_stacks *s, uint32_t id, uint64_t addr, bool is_return);

/**
 * pb_stacks_build() - make nodes and samples in the profile, and fill the report's stacks block.
 * @is_bottom: whether a function of this name is where a stack really begins
 * @to_values: turn what was counted into the profile's values; called with the stack's node. NULL: nodes only,
 *             and the samples are the tool's to make
 *
 * Incomplete stacks get a marker under the thread's name: "[truncated]" or "[broken]".
 * Return: 0; -ENOMEM.
 */
int pb_stacks_build(struct pb_stacks *s, struct pb_report *report, bool (*is_bottom)(const char *),
		    pb_to_values to_values, void *ctx);

/* The file behind a module that was made here; PB_NONE if there is none. */
uint32_t pb_stacks_file(const struct pb_stacks *s, uint32_t module);
/* The life whose code without a file it holds; 0 if it is another kind of module. */
uint32_t pb_stacks_life(const struct pb_stacks *s, uint32_t module);

#endif
