/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The verbs of bead. Each is a function of what was typed; data goes to stdout, talk to stderr.
 *
 * Return, of all: enum pb_bead_exit; -errno, logged: for user/bead.c, which makes an exit status of that.
 */
#ifndef PB_BEAD_VERBS_H
#define PB_BEAD_VERBS_H

#include <stdbool.h>
#include <stdint.h>

#include "user/bead/plan.h"
#include "user/bead/store.h"
#include "user/core/opts.h"

struct pb_json;

enum pb_bead_exit {
	PB_BEAD_OK = 0,
	PB_BEAD_FINDING = 1, /* a regression, wrong output, beads that are open */
	PB_BEAD_USAGE = 2,   /* or the plan */
	PB_BEAD_INCONCLUSIVE = 3,
	PB_BEAD_CANNOT = 4,  /* not here: privilege, kernel, a tool that is missing */
	PB_BEAD_QUALITY = 5, /* the data are worse than the plan allows */
	PB_BEAD_INTERRUPTED = 130,
};

enum pb_bead_action {
	PB_BEAD_RUN,
	PB_BEAD_HELP,
};

/* The options of all verbs; each has a table of those that are its own. */
struct pb_bead_args {
	uint32_t action; /* enum pb_bead_action */
	const char *plan;
	bool quiet, verbose, json;
	struct pb_list workloads; /* init */
	bool all, ready, resume;
	uint64_t max_time_ns; /* 0: none */
	bool noisy;
	const char *bead; /* baseline */
	const char *a, *b;
	const char *a_ref, *b_ref;
	uint64_t change;   /* ab; 0: none */
	const char *delta; /* "2%"; NULL: the verb's default */
	uint64_t pairs, seed;
	const char *effort, *accept, *why;                       /* matrix; why: change, too */
	const char *hotspot, *lever, *hypothesis, *expect;       /* change open */
	const char *sketch, *ordering, *ties, *floating, *seeds; /* change prove */
	const char *base;                                        /* gate: a saved baseline */
	bool ci, rules;                                          /* gate */
	const char *metrics;                                     /* gate */
	const char *output;                                      /* report, export */
	uint64_t budget;                                         /* report; 0: none */
	bool bd;                                                 /* export */
	/* not options */
	const char *words[PB_WORDS_MAX]; /* NULL behind the last */
	char **command;
	int stop_fd; /* readable once somebody wants us to stop; never read */
};

int pb_bead_init(const struct pb_bead_args *args);
int pb_bead_list(const struct pb_bead_args *args);
int pb_bead_ready(const struct pb_bead_args *args);
int pb_bead_show(const struct pb_bead_args *args);
int pb_bead_status(const struct pb_bead_args *args);
int pb_bead_bless(const struct pb_bead_args *args);
int pb_bead_run(const struct pb_bead_args *args);
int pb_bead_baseline(const struct pb_bead_args *args);
int pb_bead_compare(const struct pb_bead_args *args);
int pb_bead_ab(const struct pb_bead_args *args);
/* The part of ab that compares revisions; @delta: as it was parsed. */
int pb_bead_ab_revisions(const struct pb_bead_args *args, double delta);
int pb_bead_matrix(const struct pb_bead_args *args);
int pb_bead_change(const struct pb_bead_args *args);
int pb_bead_gate(const struct pb_bead_args *args);
int pb_bead_report(const struct pb_bead_args *args);
int pb_bead_doctor(const struct pb_bead_args *args);
int pb_bead_history(const struct pb_bead_args *args);
int pb_bead_export(const struct pb_bead_args *args);

/* What most verbs work on. */
struct pb_desk {
	struct pb_plan *plan;
	struct pb_store *store; /* ".bead" beside the plan */
	char *golden;           /* "golden" beside it */
};

/* Return: 0; -errno, logged, and nothing to close. */
int pb_desk_open(struct pb_desk *desk, const struct pb_bead_args *args);
void pb_desk_close(struct pb_desk *desk);
PB_DEFINE_FREE(pb_desk, pb_desk_close);
#define pb_auto_close_desk __attribute__((cleanup(pb_desk_close)))

/* A bead of the plan, or a workload, by a name that was typed. Return: its index; -EINVAL, logged with what there is. */
int pb_desk_find_bead(const struct pb_desk *desk, const char *id);
int pb_desk_find_workload(const struct pb_desk *desk, const char *name);

/* The state of a bead of the plan. What was done before a change was closed is open again: it is of another program.
 * Only an oracle's stays, since no change is closed that gives anything else. @stale: set to the change that made it so,
 * 0: none; may be NULL. */
int pb_desk_state(const struct pb_desk *desk, uint32_t bead, enum pb_bead_state *state,
		  int64_t *stale);

/* Where a bead stands. */
struct pb_bead_standing {
	enum pb_bead_state state;
	uint32_t waits; /* how many of its needs are not done */
	int64_t stale;  /* it was done, until this change was closed; 0: it was not */
};
int pb_desk_standing(const struct pb_desk *desk, uint32_t bead, struct pb_bead_standing *out);

/* What the end of a piece of work, enum pb_measure_end, makes of its bead, and of us. */
enum pb_bead_state pb_bead_state_of_end(int end);
enum pb_bead_exit pb_bead_exit_of_end(int end);

/* What the gate compares with: the baseline saved as @name; of NULL the one saved last, else the last run of a baseline
 * bead. Return: 0; -EINVAL, logged: there is none. */
int pb_gate_reference(const struct pb_desk *desk, const char *name, int64_t *run);

/* Write PERFORMANCE_ANALYSIS.md beside the plan, or what changed in it. @path: set, to be freed. Return: 0; -EINVAL: there is
 * one whose markers are damaged; -errno: all logged, and nothing was written. */
int pb_desk_report(const struct pb_desk *desk, char **path);

/* "2%", or "2": @out is 0.02. @text of NULL: @otherwise. Return: 0; -EINVAL, logged: it is no percentage above 0 and
 * below 100. */
int pb_bead_parse_delta(const char *text, double otherwise, double *out);

/* The figures of a bead's run for people, workload by workload. Return: 0; -errno, logged. */
int pb_bead_print_figures(const struct pb_desk *desk, int64_t run);
/* One as an element of an array that is open. */
void pb_bead_write_figure(struct pb_json *j, const struct pb_figure *figure);

/* A document on stdout, with "schema", "project" and "plan_digest". pb_bead_end_document() ends it with its line. */
void pb_bead_begin_document(struct pb_json *j, const char *schema, const struct pb_desk *desk);
void pb_bead_end_document(struct pb_json *j);

/* The exit status for what a verb returned. */
int pb_bead_exit_of(int result);

#endif
