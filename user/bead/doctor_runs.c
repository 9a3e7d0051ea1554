/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What doctor finds out by running something: the profilers, and how noisy it is. */
#include "user/bead/doctor.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/bead/ab.h"
#include "user/bead/disturb.h"
#include "user/bead/plan.h"
#include "user/bead/profiler.h"
#include "user/bead/runner.h"
#include "user/bead/stats.h"
#include "user/core/clock.h"
#include "user/core/log.h"
#include "user/core/own.h"

#define RUN_NS      20000000ull
#define PAIRS       60
#define BUDGET_NS   6000000000ull
#define TIMEOUT_NS  20000000000ull
#define STEPS       20000 /* of the shell's loop, for a first guess */
#define DELTA_LEAST 0.5   /* percent; below that other things differ */
#define CONFIDENCE  0.95

/* A shell that counts: a program that every machine has, of one thread, and the same work in each run. */
struct spin {
	char script[96];
	char *argv[4];
	char *environment[1];
	struct pb_plan_workload workload;
};

static void set_spin(struct spin *s, uint64_t steps)
{
	*s = (struct spin){.argv = {(char *)"/bin/sh", (char *)"-c", s->script, NULL}};
	snprintf(s->script, sizeof(s->script), "i=0; while [ $i -lt %llu ]; do i=$((i+1)); done",
		 (unsigned long long)steps);
	s->workload = (struct pb_plan_workload){
		.name = (char *)"doctor",
		.argv = s->argv,
		.directory = (char *)"/",
		.environment = s->environment,
		.timeout_ns = TIMEOUT_NS,
	};
}

/* Return: 0; -ECANCELED: it was stopped; -EIO, logged: it failed; -errno, logged. */
static int run_spin(struct spin *s, int stop_fd, struct pb_run *run)
{
	const struct pb_run_options options = {.stop_fd = stop_fd};
	char ending[128];
	int err = pb_run_once(run, &s->workload, &options);

	if (err)
		return err;
	if (run->end == PB_RUN_STOPPED)
		err = -ECANCELED;
	else if (run->end != PB_RUN_EXITED || run->status)
		err = pb_fail(EIO, "/bin/sh, that is to count, %s",
			      pb_run_ending(run, ending, sizeof(ending)));
	/* Numbers stay good. */
	if (!err) {
		struct pb_run numbers = *run;

		pb_run_drop(run);
		numbers.out = numbers.err = NULL;
		numbers.files = NULL;
		*run = numbers;
	} else {
		pb_run_drop(run);
	}
	return err;
}

static const char *const tools[] = {"cpuflame", "allocsites", "iolatency"};

/* Where reports are for a moment. To be freed; NULL with errno. */
static char *make_directory(void)
{
	const char *parent = getenv("TMPDIR");
	char *path = NULL;

	if (asprintf(&path, "%s/pb-doctor-XXXXXX", parent && *parent ? parent : "/tmp") < 0)
		return NULL;
	if (mkdtemp(path))
		return path;
	free(path);
	return NULL;
}

/* Return: 0; -ECANCELED; -errno, logged. */
static int try_tool(struct pb_doctor *d, const char *tool, struct spin *spin, const char *directory,
		    int stop_fd)
{
	char *const often[] = {(char *)"-F", (char *)"999", NULL}, *const none[] = {NULL};
	pb_autofree char *base = NULL, *file = NULL;
	struct pb_profiler_run p;
	int err;

	if (asprintf(&base, "%s/%s", directory, tool) < 0 || asprintf(&file, "%s.json", base) < 0)
		return pb_err(ENOMEM, "try %s", tool);
	err = pb_profiler_run(&p, tool, tool == tools[0] ? often : none, base, &spin->workload,
			      stop_fd);
	if (err)
		return err;
	if (p.run.end == PB_RUN_STOPPED)
		err = -ECANCELED;
	else if (p.run.end == PB_RUN_NOT_RUN)
		pb_doctor_add(d, tool, PB_DOCTOR_CANNOT,
			      "there is no program %s beside bead, nor in PATH", tool);
	else if (p.report)
		pb_doctor_add(d, tool, PB_DOCTOR_OK, "works");
	else
		pb_doctor_add(d, tool, PB_DOCTOR_CANNOT, "%.500s", p.why);
	pb_profiler_run_drop(&p);
	unlink(file);
	return err;
}

int pb_doctor_try_tools(struct pb_doctor *d, int stop_fd)
{
	pb_autofree char *directory = make_directory();
	struct spin spin;
	int err = 0, why = errno;

	set_spin(&spin, STEPS);
	for (size_t i = 0; i < PB_ARRAY_SIZE(tools) && !err; i++) {
		if (directory)
			err = try_tool(d, tools[i], &spin, directory, stop_fd);
		else
			pb_doctor_add(
				d, tools[i], PB_DOCTOR_CANNOT,
				"there is no directory for a report of it, neither in TMPDIR nor "
				"in /tmp: %s",
				strerror(why));
	}
	if (directory)
		rmdir(directory);
	return err;
}

static double half_width_pct(const double *a, const double *b, uint32_t n)
{
	struct pb_interval_estimate ratio;

	if (pb_stats_paired_ratio(&ratio, a, b, n, CONFIDENCE, 0, 1))
		return (double)NAN;
	return 100 * (ratio.high - ratio.low) / 2;
}

void pb_doctor_floor(struct pb_doctor_floor *floor, const double *a, const double *b, uint32_t n)
{
	*floor = (struct pb_doctor_floor){(double)NAN, (double)NAN, (double)NAN};
	if (n < PB_AB_EQUAL)
		return;
	floor->first_pct = half_width_pct(a, b, PB_AB_EQUAL);
	floor->all_pct = half_width_pct(a, b, n);
	/* Upwards, to tenths. */
	if (!isnan(floor->all_pct))
		floor->delta_pct = fmax(ceil(20 * floor->all_pct) / 10, DELTA_LEAST);
}

struct pairs {
	double net[2][PAIRS], wall[2][PAIRS];
	double runs[2 * PAIRS];
	uint32_t n, n_runs;
	bool alone;
	struct pb_session session;
};

/* A B, or B A. Return: as run_spin(). */
static int run_pair(struct pairs *p, struct spin *spin, int stop_fd)
{
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t side = p->n % 2 ? !i : i;
		struct pb_run run;
		int err = run_spin(spin, stop_fd, &run);

		if (err)
			return err;
		p->net[side][p->n] = (double)pb_run_net_ns(&run);
		p->wall[side][p->n] = (double)run.wall_ns;
		p->runs[p->n_runs++] = (double)run.wall_ns;
		p->alone &= pb_run_is_alone(&run);
		pb_session_add(&p->session, &run);
	}
	p->n++;
	return 0;
}

int pb_doctor_measure_noise(struct pb_doctor_noise *noise, int stop_fd)
{
	pb_autofree struct pairs *p = calloc(1, sizeof(*p));
	uint64_t until_ns, steps = STEPS;
	struct pb_run run;
	struct spin spin;
	int err = 0;

	*noise = (struct pb_doctor_noise){0};
	if (!p)
		return pb_err(ENOMEM, "measure");
	p->alone = true;
	/* The second try is warm. */
	for (int i = 0; i < 2 && !err; i++) {
		set_spin(&spin, steps);
		err = run_spin(&spin, stop_fd, &run);
		if (!err)
			steps = (uint64_t)((double)steps * (double)RUN_NS /
					   (double)(run.user_ns + run.system_ns + 1)) +
				1;
	}
	set_spin(&spin, steps);
	until_ns = pb_clock_ns() + BUDGET_NS;
	while (!err && p->n < PAIRS && pb_clock_ns() < until_ns)
		err = run_pair(p, &spin, stop_fd);
	if (err)
		return err;
	noise->pairs = p->n;
	noise->run_ns = p->n_runs ? pb_stats_median(p->runs, p->n_runs) : 0;
	noise->others_took_pct = pb_session_usual_pct(&p->session);
	pb_doctor_floor(&noise->net, p->net[0], p->net[1], p->alone ? p->n : 0);
	pb_doctor_floor(&noise->wall, p->wall[0], p->wall[1], p->n);
	if (p->n < PAIRS)
		snprintf(noise->why, sizeof(noise->why), "there was time for %u pairs of %d", p->n,
			 PAIRS);
	else if (!p->alone)
		snprintf(noise->why, sizeof(noise->why),
			 "the kernel does not say what a thread waited for a CPU");
	return 0;
}
