/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Probes on the allocators of the measured processes: which process has which, and keeping that true.
 *
 * Each process has probes of its own. A child gets those of its parent when we hear of its fork, and keeps
 * them through execve(); what it maps later is looked at when we hear of that. Both take us a millisecond or
 * two, in which its allocations are not seen.
 */
#ifndef PB_ALLOC_ATTACH_H
#define PB_ALLOC_ATTACH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "user/alloc/allocators.h"
#include "user/core/own.h"
#include "user/probe/uprobe.h"

struct pb_alloc_attach;

/* Programs by descriptor, loaded for @way; all borrowed. */
struct pb_alloc_programs {
	int session; /* both ends of an allocating function; -1 where there are no sessions */
	int enter;   /* the beginning of any function; loaded as multi where the way is session */
	int leave;   /* the end of an allocating function; -1 where there are sessions */
	int measure; /* counts and does nothing else, at the beginning */
};

int pb_alloc_attach_new(struct pb_alloc_attach **out);
void pb_alloc_attach_free(struct pb_alloc_attach *a);
PB_DEFINE_FREE(pb_alloc_attach, pb_alloc_attach_free);

/*
 * Find the allocators of a process that is to be measured, or of a command that is not started yet. Nothing is attached.
 * Return: how many functions there are to probe (0: none), or -errno, not logged.
 */
int pb_alloc_attach_find(struct pb_alloc_attach *a, pid_t tgid);
int pb_alloc_attach_find_command(struct pb_alloc_attach *a, const char *command);
/* The command has a process now, which waits for its exec. Return: 0; -ENOMEM. */
int pb_alloc_attach_start(struct pb_alloc_attach *a, pid_t tgid);

/* What was learnt about the targets by that: a Go program, a static one, ... */
struct pb_alloc_sight {
	bool is_go, is_static, is_32bit;
	uint32_t objects; /* files that were looked at */
};
void pb_alloc_attach_sight(const struct pb_alloc_attach *a, struct pb_alloc_sight *out);

/* By what, and to what: before any of the following. */
void pb_alloc_attach_use(struct pb_alloc_attach *a, enum pb_uprobe_way way, bool track_frees,
			 const struct pb_alloc_programs *programs);
/* Attach to all that was found. Return: 0; -errno, logged. */
int pb_alloc_attach_all(struct pb_alloc_attach *a);
/* The program that counts, and nothing else, on the same places. Return: 0; -errno, logged. */
int pb_alloc_attach_measure(struct pb_alloc_attach *a);
/* Let go of everything. */
void pb_alloc_attach_none(struct pb_alloc_attach *a);

/* What happens to measured processes, between attach_all() and none(). */
void pb_alloc_attach_forked(struct pb_alloc_attach *a, pid_t parent, pid_t child);
void pb_alloc_attach_mapped(struct pb_alloc_attach *a, pid_t tgid);
/* Its dynamic linker may give it other allocators than the program before had. */
void pb_alloc_attach_execed(struct pb_alloc_attach *a, pid_t tgid);
void pb_alloc_attach_gone(struct pb_alloc_attach *a, pid_t tgid);
/* Look at what has mapped something since. Call it now and then. */
void pb_alloc_attach_update(struct pb_alloc_attach *a, uint64_t now_ns);

/* Resident memory of all processes that are attached to, bytes. */
uint64_t pb_alloc_attach_rss(const struct pb_alloc_attach *a);
/* One line for each allocator, then "not seen: ..." for such as are not probed, into an array to be freed with its
 * strings. Return: 0; -ENOMEM. */
int pb_alloc_attach_describe(const struct pb_alloc_attach *a, char ***lines, uint32_t *n);
/* The table of placements, to the log. @entry_ns, @step_ns: of a hit. */
void pb_alloc_attach_log(const struct pb_alloc_attach *a, double entry_ns, double step_ns);
/* Probes that are single-stepped, and so cost @step_ns a hit; a name of one, or NULL. */
uint32_t pb_alloc_attach_stepped(const struct pb_alloc_attach *a, const char **example);

#endif
