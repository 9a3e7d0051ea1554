/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A run of iolatency: which programs are loaded, what is read while they run, what is made of it. The hooks of struct
 * pb_probes and struct pb_tool.
 */
#ifndef PB_IO_RUN_H
#define PB_IO_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi/iolatency.h"
#include "user/core/args.h"
#include "user/io/book.h"

struct bpf_object;
struct pb_io_run;
struct pb_profile;
struct pb_report;
struct pb_session;
struct pb_value_type;

struct pb_io_args {
	struct pb_args common;
	uint32_t by;           /* --by, enum pb_io_by */
	bool calls;            /* --syscalls */
	bool no_calls;         /* --no-syscalls */
	uint64_t slower_ns;    /* --slower; UINT64_MAX: not given */
	const char *disk;      /* --disk */
	bool flags;            /* -F, --flags */
	bool milliseconds;     /* -m */
	bool timestamp;        /* -T */
	bool queued;           /* -Q */
	bool per_disk;         /* -D */
	uint64_t max_inflight; /* --max-inflight */

	bool owners; /* pb_io_needs_owners(), set by the check of the arguments */

	/* set by pb_io_prepare() */
	struct pb_io_names *names; /* taken by pb_io_run_new() */
	uint32_t disk_number, part_number;
};

/* Whether system calls are timed under these arguments; whether what they ask for needs owners and files, which cost
 * twice what devices alone do; and whether it needs their stacks, which cost several times that. */
bool pb_io_has_calls(const struct pb_io_args *args);
bool pb_io_needs_owners(const struct pb_io_args *args);
bool pb_io_needs_stacks(const struct pb_io_args *args);

/**
 * pb_io_prepare() - names of disks, and the one that --disk means; for pb_tool.prepare.
 *
 * Return: 0; -ESRCH: no such disk; -ENOMEM. Logged.
 */
int pb_io_prepare(void *args);

/* Types of the profile's values under these arguments; returns how many. */
uint32_t pb_io_value_types(const struct pb_io_args *args, struct pb_value_type *types);

/* The opened object, with its rodata. Taken by a successful pb_io_run_new(). */
struct pb_io_object {
	void *skeleton;
	void (*destroy)(void *skeleton);
	struct bpf_object *object;
	struct pb_iolatency_cfg *cfg;
};

/**
 * pb_io_run_new() - choose the programs, configure the object.
 * @args: borrowed for the life of the run
 *
 * Return: 0; -EOPNOTSUPP: the kernel lacks a tracepoint that is needed; -errno. Logged.
 */
int pb_io_run_new(struct pb_io_run **out, const struct pb_io_object *object,
		  const struct pb_io_args *args);
void pb_io_run_free(struct pb_io_run *run);

int pb_io_run_attach(struct pb_io_run *run, struct pb_session *s);

/* Hooks; @state is a struct pb_io_run. See struct pb_probes and struct pb_tool. */
void pb_io_run_tick(struct pb_session *s, void *state, uint64_t now_ns);
int pb_io_run_collect(struct pb_session *s, void *state, struct pb_report *report);
int pb_io_run_finish(void *state, const void *args, struct pb_profile *profile,
		     struct pb_report *report);

#endif
