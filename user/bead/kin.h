/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * All that descends from a command, wherever it went: what leaves the group, or the session, or forks twice, still has
 * us as the next ancestor that is a subreaper, and becomes our child when its parent ends.
 */
#ifndef PB_BEAD_KIN_H
#define PB_BEAD_KIN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Between begin and end. */
struct pb_kin {
	int was_subreaper;
	pid_t *known; /* children that we had before, which are nobody's business here */
	uint32_t n_known;
};

/* Before the command is started. Return: 0; -errno, not logged. */
int pb_kin_begin(struct pb_kin *k);

/**
 * pb_kin_kill() - end all that is left, the command too if it still runs, and reap it but for @leader.
 * @leader: a child that the caller reaps itself; 0: none
 * @any: set to true if a process other than @leader was alive
 *
 * Costs next to nothing where there is none. Return: 0; -ETIMEDOUT if some could not be ended within five seconds.
 */
int pb_kin_kill(const struct pb_kin *k, pid_t leader, bool *any);

/* Frees, and makes us what we were. */
void pb_kin_end(struct pb_kin *k);

#endif
