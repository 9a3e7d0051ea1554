/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/disturb.h"

#include <math.h>
#include <stdio.h>

#include "user/bead/machine.h"
#include "user/bead/runner.h"
#include "user/bead/stats.h"

/* What others may add to a run. */
#define ADDED_PCT    5
#define USUAL_FACTOR 3 /* times what is usual */
#define USUAL_FROM   5 /* runs */
#define NO_TIME_NS   1000.0
/* Of its CPU time that the main thread has to have, if it is to be all: the rest is rounding. */
#define ALONE_SHARE  0.99
#define NO_WORK_NS   100000
#define TICK_NS      10000000

bool pb_run_is_alone(const struct pb_run *run)
{
	uint64_t all_ns = run->user_ns + run->system_ns;

	if (run->ran_ns == UINT64_MAX || run->waited_ns == UINT64_MAX)
		return false;
	return (double)(run->ran_ns + NO_WORK_NS) >= ALONE_SHARE * (double)all_ns;
}

/* @pct: of the time of all CPUs, which was counted in ticks. */
static double counted_ns(const struct pb_run *run, double pct)
{
	return pct / 100 * (double)run->wall_ns * pb_machine_cpus();
}

/* Of what was stolen from all CPUs, the part of those that the command had: what a CPU lacked that it did not use cost it
 * nothing. */
static double stolen_ns(const struct pb_run *run)
{
	double cpus = pb_machine_cpus(), all_ns = fmax((double)run->wall_ns, 1) * cpus;
	double share = fmin((double)(run->user_ns + run->system_ns) / all_ns, 1);

	return share *
	       fmax(counted_ns(run, run->interference.steal_pct) - (double)TICK_NS * cpus, 0);
}

static double waited_ns(const struct pb_run *run, bool net)
{
	if (net || run->waited_ns == UINT64_MAX)
		return 0;
	if (pb_run_is_alone(run))
		return (double)run->waited_ns;
	return fmin((double)run->waited_ns,
		    fmax(counted_ns(run, run->interference.foreign_pct), 0));
}

double pb_run_added_pct(const struct pb_run *run, bool net)
{
	double lost_ns = waited_ns(run, net) + stolen_ns(run);

	return 100 * lost_ns / fmax((double)run->wall_ns - lost_ns, NO_TIME_NS);
}

/* Of the whole run. */
static double taken_pct(const struct pb_run *run)
{
	double lost_ns = waited_ns(run, false) + stolen_ns(run);

	return run->wall_ns ? fmin(100 * lost_ns / (double)run->wall_ns, 100) : 0;
}

uint64_t pb_run_net_ns(const struct pb_run *run)
{
	uint64_t ran_ns = run->ran_ns < run->wall_ns ? run->ran_ns : run->wall_ns;

	if (run->waited_ns == UINT64_MAX)
		return run->wall_ns;
	/* It may wait on behind its end, before it is gone. */
	if (run->waited_ns >= run->wall_ns || run->wall_ns - run->waited_ns < ran_ns)
		return ran_ns;
	return run->wall_ns - run->waited_ns;
}

void pb_run_note_net(struct pb_run *run)
{
	run->net_ns = pb_run_is_alone(run) ? pb_run_net_ns(run) : UINT64_MAX;
}

void pb_session_add(struct pb_session *session, const struct pb_run *run)
{
	if (session->n >= PB_SESSION_RUNS || run->end != PB_RUN_EXITED)
		return;
	session->added_pct[session->n] = pb_run_added_pct(run, session->net);
	session->taken_pct[session->n++] = taken_pct(run);
}

double pb_session_usual_pct(const struct pb_session *session)
{
	return session->n ? pb_stats_median(session->taken_pct, session->n) : 0;
}

double pb_session_limit_pct(const struct pb_session *session)
{
	double usual_pct = 0;

	if (session->n >= USUAL_FROM)
		usual_pct = pb_stats_median(session->added_pct, session->n);
	return fmax(USUAL_FACTOR * usual_pct, ADDED_PCT);
}

const char *pb_run_rejects(const struct pb_run *run, const struct pb_session *session, char *buf,
			   size_t size)
{
	static const struct pb_session none;
	bool net = session && session->net;
	double limit_pct = pb_session_limit_pct(session ? session : &none);
	double added_pct = pb_run_added_pct(run, net);
	char ending[128];

	if (run->end != PB_RUN_EXITED) {
		snprintf(buf, size, "it %s", pb_run_ending(run, ending, sizeof(ending)));
		return buf;
	}
	if (run->halted) {
		snprintf(buf, size, "bead was stopped meanwhile, and did not see when it ended");
		return buf;
	}
	if (!(added_pct > limit_pct))
		return NULL;
	snprintf(buf, size, "%s added %.1f %% to its time, and more than %.1f %% is too much here",
		 stolen_ns(run) > waited_ns(run, net) ? "the hypervisor"
						      : "waiting for a CPU that others had",
		 added_pct, limit_pct);
	return buf;
}
