/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A run of allocsites: how the programs are loaded and attached, what happens while they run, what is made of it. The
 * hooks of struct pb_probes and struct pb_tool; what is decided before is in user/alloc/prepare.h.
 */
#ifndef PB_ALLOC_RUN_H
#define PB_ALLOC_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi/allocsites.h"
#include "user/alloc/book.h"
#include "user/alloc/tables.h"
#include "user/core/args.h"
#include "user/core/stacks.h"
#include "user/core/track.h"

struct bpf_object;
struct pb_alloc_attach;
struct pb_alloc_run;
struct pb_report;
struct pb_session;

struct pb_alloc_args {
	struct pb_args common;
	uint64_t sample_bytes; /* --sample-bytes */
	bool exact;            /* --exact */
	bool growth;           /* --growth */
	bool track_frees;      /* not --no-free */
	uint64_t min_bytes;    /* -z, --min-size */
	uint64_t max_bytes;    /* -Z, --max-size */
	uint64_t max_live;     /* --max-live */
	uint64_t
		max_overhead; /* --max-overhead, percent of a CPU; 0: none; UINT64_MAX: not given */
	uint32_t by;          /* --by */
	uint64_t older_ns;    /* --older; UINT64_MAX: not given */
	uint64_t interval_ns; /* --interval; 0: no lines */
	uint32_t probes;      /* hidden, --probes: 0: the best way; else enum pb_uprobe_way + 1 */

	/* set by pb_alloc_prepare(), which may also set growth */
	struct pb_alloc_attach *found; /* the target's allocators; taken by pb_alloc_run_new() */
};

/* The opened object, with its rodata. Taken by a successful pb_alloc_run_new(). */
struct pb_alloc_object {
	void *skeleton;
	void (*destroy)(void *skeleton);
	struct bpf_object *object;
	struct pb_allocsites_cfg *cfg;
	struct pb_alloc_tables *tables;
};

/**
 * pb_alloc_run_new() - choose the way to probe, configure the object.
 * @args: borrowed for the life of the run
 *
 * Return: 0; -errno, logged.
 */
int pb_alloc_run_new(struct pb_alloc_run **out, const struct pb_alloc_object *object,
		     const struct pb_alloc_args *args);
void pb_alloc_run_free(struct pb_alloc_run *run);

/* Tell what it is going to cost, and attach. Return: 0; -EDQUOT: it would cost more than allowed; -errno. All
 * logged. */
int pb_alloc_run_attach(struct pb_alloc_run *run, struct pb_session *s);

/* Hooks; @state is a struct pb_alloc_run. See struct pb_probes and struct pb_tool. */
void pb_alloc_run_tick(struct pb_session *s, void *state, uint64_t now_ns);
void pb_alloc_run_loaded(void *state);
void pb_alloc_run_detach(void *state);
int pb_alloc_run_collect(struct pb_session *s, void *state, struct pb_report *report);
extern const struct pb_track_listener pb_alloc_run_events;
void pb_alloc_run_values(void *state, const struct pb_stack_total *total, uint64_t *values);
int pb_alloc_run_finish(void *state, const void *args, struct pb_profile *profile,
			struct pb_report *report);

#endif
