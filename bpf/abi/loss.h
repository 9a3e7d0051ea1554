/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Every way an event can be lost, once: id, name in the reports, and the sentence a person reads.
 * Ids are append-only. The kernel half counts by pb_lose(); RINGBUF_FULL is the exception: there
 * the count stays in the counts map and only the frames are missing, so the user half adds it up
 * when it finds a counter whose stack never came through.
 */
#ifndef PB_ABI_LOSS_H
#define PB_ABI_LOSS_H

#include "bpf/abi/base.h"

#define PB_LOSS_CAUSES(X)                                                                          \
	X(RINGBUF_FULL, "ringbuf_full",                                                            \
	  "the ring buffer was full when a new stack was offered; raise --ring-size")              \
	X(MAP_FULL, "map_full", "the table of stacks was full; raise --max-stacks")                \
	X(MAP_BUSY, "map_busy", "the table of stacks was locked by the code that was interrupted") \
	X(SCRATCH_BUSY, "scratch_busy", "a capture interrupted another one on the same CPU")       \
	X(LEASE_EXPIRED, "lease_expired",                                                          \
	  "the tool was stopped or starved for 2 s, so its programs went idle")                    \
	X(NO_MEMORY, "no_memory", "the tool had no memory left to keep a stack")                   \
	X(MAPPINGS_BUSY, "mappings_busy",                                                          \
	  "the process was changing its mappings, so new memory could not be told from other")     \
	X(STARTS_FULL, "starts_full", "the table of I/O in flight was full; raise --max-inflight") \
	X(GROUPS_FULL, "groups_full",                                                              \
	  "the table of stacks by device and file was full; raise --max-stacks")                   \
	X(STOOD_STILL, "stood_still",                                                              \
	  "the machine or the tool stood still meanwhile, so how long it took cannot be told")     \
	X(END_UNSEEN, "end_unseen",                                                                \
	  "the kernel did not tell when they ended: their requests were next seen to begin anew")

enum pb_loss {
#define PB_LOSS_ENUM(id, name, sentence) PB_LOSS_##id,
	PB_LOSS_CAUSES(PB_LOSS_ENUM)
#undef PB_LOSS_ENUM
		PB_LOSS_COUNT
};

#endif
