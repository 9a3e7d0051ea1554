/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A look at what there is so far, which may take long, while the process itself goes on: by a copy of it.
 *
 * fork() gives the copy everything as it is at this moment, and what the copy makes of it, names and samples, is gone
 * with it. So a run that is looked at in its middle ends as if nobody had looked, and its rings are drained and its
 * lease renewed meanwhile.
 */
#ifndef PB_CORE_SNAPSHOT_H
#define PB_CORE_SNAPSHOT_H

#include <sys/types.h>

struct pb_snapshot {
	pid_t pid; /* of the copy; 0: none */
};

/**
 * pb_snapshot_take() - run @look in a copy of this process.
 *
 * One at a time: a copy that takes longer than the time between two looks makes the second one fall out. It
 * has the lowest priority, flushes stdout at its end, and dies with the thread that calls this. Memory that is shared
 * with the kernel is shared with the copy, too, which must leave it alone; perf rings are not there.
 * Return: 0; -EBUSY; -errno of fork(). Not logged.
 */
int pb_snapshot_take(struct pb_snapshot *s, void (*look)(void *ctx), void *ctx);

/* Kill and reap it. It holds all descriptors: what is to be closed for good wants this first. */
void pb_snapshot_end(struct pb_snapshot *s);

#endif
