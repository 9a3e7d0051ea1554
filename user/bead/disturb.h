/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What others did to a run: which runs do not count, and the time of those that do without what others took.
 *
 * Others take time from a command in two ways that can be measured. They have the CPUs while it is ready to run, which
 * the kernel notes for its main thread; and the hypervisor gives a CPU to another guest, which counts by the share of all
 * CPUs that the command used. Other processes on a CPU that
 * the command did not want cost it nothing, so CPU time of others is noted and rejects nobody.
 *
 * A run is rejected where that added more than 5 % to its own time, and more than three times what is usual in this
 * session: the median of the runs so far, once there are five. Never because it was slow.
 */
#ifndef PB_BEAD_DISTURB_H
#define PB_BEAD_DISTURB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pb_run;

#define PB_SESSION_RUNS 256 /* that are remembered: the first so many */

/* The runs of a session so far, rejected ones and all. Zeroed to begin with. */
struct pb_session {
	bool net; /* set once: pb_run_net_ns() is what is measured, so that waiting for a CPU disturbs nothing */
	double added_pct[PB_SESSION_RUNS]; /* what disturbs, by .net */
	double taken_pct[PB_SESSION_RUNS]; /* all that others took, of the whole run */
	uint32_t n;
};

/* Did the command's main thread do all of its work? Then whatever it waited for a CPU is due to others: a command of
 * several threads or processes also waits for itself. False where the kernel does not say. What takes less than 0.1 ms of
 * CPU time is no work. */
bool pb_run_is_alone(const struct pb_run *run);

/* What others added to a run, in percent of the rest of its time. What /proc/stat may have in too much, a tick of each CPU, is not counted;
 * of what only the main thread of several says, no more than others had the CPUs.
 * @net: waiting for a CPU does not count. */
double pb_run_added_pct(const struct pb_run *run, bool net);

/* The wall time less what it waited for a CPU. It says what a command costs on a machine that is busy only for one that
 * is alone, see above. Never less than it was on a CPU. Return: ns; the wall time where the wait is not known. */
uint64_t pb_run_net_ns(const struct pb_run *run);

/* The same as run->net_ns of a run that is alone; UINT64_MAX of others. */
void pb_run_note_net(struct pb_run *run);

/* One more run. */
void pb_session_add(struct pb_session *session, const struct pb_run *run);
/* Above what percentage of pb_run_added_pct() a run of this session is rejected. */
double pb_session_limit_pct(const struct pb_session *session);
/* The median of what others took from its runs, in percent; 0 without any. */
double pb_session_usual_pct(const struct pb_session *session);

/* Why a run does not count, as a sentence; NULL if it does. @session: of the runs before it; NULL: none. */
const char *pb_run_rejects(const struct pb_run *run, const struct pb_session *session, char *buf,
			   size_t size);

#endif
