/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which code lay where, in which process, when.
 *
 * A process is a row of *images*, one per exec, each with the executable mappings it has had and the
 * time each appeared. Questions carry a time: a stack that was taken before an exec is looked up in
 * the image before it. What existed before the start is read from /proc once; from then on the
 * side-band tells. Images of processes that are gone are dropped once nothing can ask for them.
 */
#ifndef PB_CORE_TRACK_H
#define PB_CORE_TRACK_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/own.h"
#include "user/core/perfevent.h"
#include "user/core/space.h"

struct pb_files;
struct pb_track;

/**
 * pb_track_new() - start recording.
 * @files: borrowed; pins what is mapped
 * @cpus: borrowed for the call
 * @everyone: keep images of all processes; otherwise those of pb_track_follow()
 * @children: and the processes that those start
 *
 * Return: 0; -errno, logged.
 */
int pb_track_new(struct pb_track **out, struct pb_files *files, const struct pb_cpus *cpus,
		 bool everyone, bool children);

/* Stops recording, too. */
void pb_track_free(struct pb_track *t);
PB_DEFINE_FREE(pb_track, pb_track_free);

/*
 * The memory of one process from one exec, or its fork, to the next: what tells the code that a pid runs
 * from the code that the same pid ran before.
 */
struct pb_life {
	uint32_t id; /* never given again by this tracker; 0: not known */
	uint32_t tgid;
	uint64_t since_ns; /* its fork or exec, if we were told of it; 0: it was there before */
	uint32_t
		parent; /* the life whose memory it has begun with, by a fork; 0: none, or not known */
	uint32_t parent_tgid;
};

/* Who wants to hear of changes. Each may be NULL; called from within the verbs below. */
struct pb_track_listener {
	/* What a followed process has mapped has changed, or was read for the first time. */
	void (*on_mapped)(void *ctx, uint32_t tgid);
	/* Code was mapped where other code had been: the same address means another function now. */
	void (*on_remap)(void *ctx, uint32_t tgid);
	/* A process begins anew, with nothing mapped. */
	void (*on_exec)(void *ctx, uint32_t tgid);
	/* A process begins with the mappings of another; on_mapped() does not follow. */
	void (*on_fork)(void *ctx, uint32_t parent_tgid, uint32_t tgid);
	/* A process has ended, and nobody will ask for it any more. */
	void (*on_gone)(void *ctx, uint32_t tgid);
	/* Records were lost: anything may have happened. Called before /proc is read again. */
	void (*on_lost)(void *ctx);
	/* pb_track_update() has taken in all there was. */
	void (*on_updated)(void *ctx, uint64_t now_ns);
	void *ctx;
};

/* Add a listener, borrowed for the life of @t: at most PB_TRACK_LISTENERS_MAX, before anything is followed. */
#define PB_TRACK_LISTENERS_MAX 4
void pb_track_listen(struct pb_track *t, const struct pb_track_listener *listener);

/* Follow a process and read its mappings of now. Return: 0; -ESRCH if it is gone; -ENOMEM. */
int pb_track_follow(struct pb_track *t, uint32_t tgid);
/* Follow all processes there are. Return: 0; -errno. */
int pb_track_follow_all(struct pb_track *t);

/* Descriptors to poll; when readable, or now and then, call pb_track_update(). */
const int *pb_track_fds(const struct pb_track *t, uint32_t *n);
uint64_t pb_track_ring_bytes(const struct pb_track *t);

/**
 * pb_track_update() - take in all that the kernel has reported until now.
 *
 * After a loss /proc is read again, where everyone is followed also for processes not known yet. Mappings
 * beyond the bounds of pb_space_map(), which are of one process and of 64 MB for all, are not kept: a process
 * that reaches one gets a new image by what /proc says, at most once a second, or every ten if it has
 * more than that at once, and one process after the other in at most a tenth of a CPU.
 * Return: 0; -ENOMEM.
 */
int pb_track_update(struct pb_track *t);

/* Stop recording, after the last update: what is known stays known. */
void pb_track_stop(struct pb_track *t);

/**
 * pb_track_find() - what lies at @addr of a process at a time.
 *
 * An unknown process is read from /proc first. Return: 0; -ENOENT: no mapping known there.
 */
int pb_track_find(struct pb_track *t, uint32_t tgid, uint64_t time_ns, uint64_t addr,
		  struct pb_place *out);

/* The life of a process at a time, as pb_track_find() sees it. Return: 0; -ENOENT: it is not known. */
int pb_track_life(const struct pb_track *t, uint32_t tgid, uint64_t time_ns, struct pb_life *out);

/**
 * pb_track_current() - what a process has mapped now, by its newest image: sorted, apart.
 * @out: set on success, to be freed; untouched on failure
 *
 * Where mappings lie over each other the newest counts. What was unmapped and not mapped anew is still
 * there: the kernel does not tell. O(n).
 * Return: 0; -ESRCH if it is not followed; -ENOMEM.
 */
int pb_track_current(const struct pb_track *t, uint32_t tgid, struct pb_place **out, uint32_t *n);

/* Read /proc again for a process, since somebody met memory in it that we do not know; at most ten times
 * a second, and every ten seconds if it has more mappings than are kept. Starts to follow it if everyone
 * is followed. Return: 0; -EAGAIN: too soon; -ESRCH; -errno. */
int pb_track_look_again(struct pb_track *t, uint32_t tgid);

/* Forget processes that ended, and images that were replaced, before @time_ns: nobody will ask for
 * them any more. */
void pb_track_retire(struct pb_track *t, uint64_t time_ns);

/* Processes seen so far, among those followed. */
uint32_t pb_track_count(const struct pb_track *t);
/* Those of them of which at some time not all mappings were kept. O(n). */
uint32_t pb_track_cut(const struct pb_track *t);

#endif
