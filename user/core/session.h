/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One run of a profiler against the kernel, the same for every tool:
 *
 *   open -> configure -> load -> attach -> run -> stop -> collect
 *
 * A tool gives its BPF object and how to attach it (struct pb_probes); the session does the rest:
 * privileges, targets, process tracking, the lease, signals, `ready`, duration, end of the target,
 * draining, and the ledger. All that is attached lives by descriptor and dies with the process.
 */
#ifndef PB_CORE_SESSION_H
#define PB_CORE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi/capture.h"
#include "user/core/own.h"

struct bpf_link;
struct bpf_object;
struct pb_args;
struct pb_cpus;
struct pb_jit_type;
struct pb_profile;
struct pb_report;
struct pb_session;
struct pb_stacks;
struct pb_target;
struct pb_track_listener;
struct pb_unwinder_type;

/* An opened, not yet loaded BPF object of a tool. */
struct pb_bpf {
	void *skeleton; /* freed by pb_probes.destroy */
	struct bpf_object *object;
	struct pb_capture_cfg *capture; /* in its rodata; the session fills it */
};

/* What differs between tools. @args is the tool's own args struct. */
struct pb_probes {
	const char *events; /* plural, for people: "samples" */
	/* The tool tells in collect() what its hooks cost: the kernel's statistics, which would themselves cost
	 * some 50 ns a hit, stay off. */
	bool knows_cost;
	/* They are tracepoints, whose own frames are on top of each kernel stack. */
	bool at_tracepoints;
	int (*open)(struct pb_bpf *bpf, const void *args);
	/* Attach to the hooks with pb_session_hold(). 0; -errno, logged. */
	int (*attach)(struct pb_session *s, struct pb_bpf *bpf, const void *args);
	void (*destroy)(struct pb_bpf *bpf);

	/* The rest is optional. @state is bpf->skeleton. */
	/* Ten times a second while it runs. */
	void (*tick)(struct pb_session *s, void *state, uint64_t now_ns);
	/* The command has its libraries mapped, has run nothing of its own, and stands still. */
	void (*loaded)(void *state);
	/* Let go of what attach() holds by itself. */
	void (*detach)(void *state);
	/* Everything is detached and drained; nothing has a name yet. 0; -errno, logged. */
	int (*collect)(struct pb_session *s, void *state, struct pb_report *report);
	/* What processes that are measured do; @ctx of the calls is @state. */
	const struct pb_track_listener *events_of_processes;
};

/* What a session is made of. Everything is borrowed for its life. */
struct pb_session_parts {
	const char *program; /* name, for messages */
	const struct pb_probes *probes;
	const struct pb_args *args;              /* the tool's own args struct begins with it */
	struct pb_profile *profile;              /* locations and modules are added while running */
	const struct pb_jit_type *jit;           /* how JIT compilers tell about their code */
	const struct pb_unwinder_type *unwinder; /* keeps unwind tables, unless --unwind fp */
	/*
	 * Optional, for pb_session_show_so_far(): name and show what was captured until now. Runs in a copy of the
	 * process (user/core/snapshot.h) with counters joined and events of the report filled; naming is
	 * hurried after two seconds.
	 */
	void (*so_far)(void *ctx, struct pb_session *copy);
	void *so_far_ctx;
};

/**
 * pb_session_new() - everything up to a loaded object and resolved targets; nothing attached yet.
 *
 * Return: 0; -errno, logged: -EPERM or -EACCES (privilege), -EOPNOTSUPP (kernel lacks something),
 * -ESRCH (no such target), others.
 */
int pb_session_new(struct pb_session **out, const struct pb_session_parts *parts);
void pb_session_free(struct pb_session *s);
PB_DEFINE_FREE(pb_session, pb_session_free);

/* For attach(): keep a link until the session stops. Takes it. NULL: -errno of libbpf, not logged. */
int pb_session_hold(struct pb_session *s, struct bpf_link *link);
/* For attach(): CPUs that were online at the start; borrowed. */
const struct pb_cpus *pb_session_cpus(const struct pb_session *s);
/* For attach(): who is measured; borrowed. */
const struct pb_target *pb_session_target(const struct pb_session *s);
/* For tick(): end the capture, as a signal would, though a command goes on. A copy is ended, too. */
void pb_session_end(struct pb_session *s);
/* For tick(): show what there is so far, by parts->so_far, unless that has not ended since the last time. */
void pb_session_show_so_far(struct pb_session *s);
/* When everything was attached, CLOCK_MONOTONIC; 0 before. */
uint64_t pb_session_ready_ns(const struct pb_session *s);
/* The tool's state: bpf->skeleton. */
void *pb_session_state(const struct pb_session *s);

/**
 * pb_session_run() - attach, say ready, wait for the end, detach, drain.
 * @report: target, capture, events and overhead are filled; stacks once pb_stacks_build() ran
 *
 * Ends by duration, signal, or the target's end. Return: 0; -errno, logged, as above.
 */
int pb_session_run(struct pb_session *s, struct pb_report *report);

/* The profile that locations are added to; what is not named yet has no name. Borrowed. */
const struct pb_profile *pb_session_profile(const struct pb_session *s);
/* What was captured, for pb_stacks_build(). Borrowed. */
struct pb_stacks *pb_session_stacks(struct pb_session *s);

/* For naming; @session is a struct pb_session. A module's file (a descriptor, borrowed) and a process that
 * maps it, 0 if not known; the perf map and jitdump that tell of an anonymous module (descriptors to close,
 * -1 without). */
int pb_session_module_fd(void *session, uint32_t module);
uint32_t pb_session_module_process(void *session, uint32_t module);
int pb_session_perf_map_fd(void *session, uint32_t module);
int pb_session_jitdump_fd(void *session, uint32_t module);
/* Whether a signal came behind the capture: what still takes time is to be left out. */
bool pb_session_is_hurried(void *session);

/* With -- CMD: whether it could not be run; its status is then 126 or 127. */
bool pb_session_command_not_run(const struct pb_session *s);
/* With -- CMD, if it has ended: its status into the report. */
void pb_session_note_command(struct pb_session *s, struct pb_report *report);

/* The signal that ended the run; 0 if it ended by itself. */
int pb_session_signal(const struct pb_session *s);

/**
 * pb_session_command_status() - wait for the command of `-- CMD` and give its status as a shell would.
 *
 * Return: 0 to 255; -1 if there is no command.
 */
int pb_session_command_status(struct pb_session *s);

#endif
