/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What can be measured on this machine, and how well: what the kernel and the machine are like, whether each profiler
 * works, what of a plan can run, and how much two measurements of the same command differ.
 */
#ifndef PB_BEAD_DOCTOR_H
#define PB_BEAD_DOCTOR_H

#include <stdbool.h>
#include <stdint.h>

struct pb_plan;

#define PB_DOCTOR_CHECKS 300 /* a plan of as many beads as there may be, and ours */

enum pb_doctor_state {
	PB_DOCTOR_OK,
	PB_DOCTOR_NOTE,   /* it can be measured, and this bends or limits it */
	PB_DOCTOR_CANNOT, /* something cannot run here */
};
/* "ok" and so on. */
const char *pb_doctor_state_name(enum pb_doctor_state state);

struct pb_doctor_check {
	char name[80]; /* "kernel"; of a bead its id */
	enum pb_doctor_state state;
	char text[512]; /* a sentence without its full stop */
};

struct pb_doctor {
	struct pb_doctor_check checks[PB_DOCTOR_CHECKS];
	uint32_t n;
};

/* One more. Above PB_DOCTOR_CHECKS none is added. */
__attribute__((format(printf, 4, 5))) void pb_doctor_add(struct pb_doctor *d, const char *name,
							 enum pb_doctor_state state,
							 const char *format, ...);

/* The kernel and the machine. @directory: where the store is, or would be. */
void pb_doctor_look(struct pb_doctor *d, const char *directory);

/* Run each profiler over a moment of work. Return: 0; -ECANCELED: @stop_fd stopped it; -errno, logged. */
int pb_doctor_try_tools(struct pb_doctor *d, int stop_fd);

/* Each bead of a plan: whether its workloads are there, and its profiler, as pb_doctor_try_tools() found. */
void pb_doctor_look_at_plan(struct pb_doctor *d, const struct pb_plan *plan);

/* How much two measurements of one command differ. */
struct pb_doctor_floor {
	/* Half the width of the interval of 95 % of the ratio of the two, in percent; NaN: not known. Of the first 20 pairs,
	 * and of all 60: what ab begins and ends with. */
	double first_pct, all_pct;
	double delta_pct; /* what is worth calling a difference: twice that of all, at least 0.5; NaN */
};

struct pb_doctor_noise {
	uint32_t pairs;
	double run_ns;          /* median, by wall time */
	double others_took_pct; /* of a run, median */
	/* Of a command of one thread, net of what it waited for a CPU; of others, by wall time. */
	struct pb_doctor_floor net, wall;
	char why[160]; /* why there is less than there should be, or "" */
};

/* A/A runs by the runner that all measurements use, some 20 ms each, for at most 6 s. Return: as pb_doctor_try_tools(). */
int pb_doctor_measure_noise(struct pb_doctor_noise *noise, int stop_fd);

/* From pairs of times to the floor. @n may be 0. */
void pb_doctor_floor(struct pb_doctor_floor *floor, const double *a, const double *b, uint32_t n);

#endif
