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

/* Everything borrowed for the life of the object. */
struct pb_stacks_parts {
	struct pb_profile *profile; /* modules and locations are added to it */
	struct pb_track *track;
	struct pb_files *files;
	enum pb_unwind_mode unwind; /* how stacks are walked: tells why one went astray */
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

/* Join one counter to its stack. False: no frames ever came for this key, so its events are lost. */
bool pb_stacks_count(struct pb_stacks *s, const struct pb_stack_key *key,
		     const struct pb_stack_count *count);

/**
 * pb_stacks_build() - make nodes and samples in the profile, and fill the report's stacks block.
 * @is_bottom: whether a function of this name is where a stack really begins
 * @to_values: turn events and weight into the profile's values
 *
 * Incomplete stacks get a marker under the thread's name: "[truncated]" or "[broken]".
 * Return: 0; -ENOMEM.
 */
int pb_stacks_build(struct pb_stacks *s, struct pb_report *report, bool (*is_bottom)(const char *),
		    void (*to_values)(const struct pb_stack_count *count, uint64_t *values));

/* The file behind a module that was made here; PB_NONE if there is none. */
uint32_t pb_stacks_file(const struct pb_stacks *s, uint32_t module);
/* The life whose code without a file it holds; 0 if it is another kind of module. */
uint32_t pb_stacks_life(const struct pb_stacks *s, uint32_t module);

#endif
