/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The contract of the shared capture: what the user half configures, what the kernel half counts,
 * and the one record that crosses when a stack is seen for the first time.
 */
#ifndef PB_ABI_CAPTURE_H
#define PB_ABI_CAPTURE_H

#include "bpf/abi/base.h"
#include "bpf/abi/loss.h"
#include "bpf/abi/unwind.h"

#define PB_USER_FRAMES_MAX   1024
#define PB_KERNEL_FRAMES_MAX 127 /* what kernel.perf_event_max_stack allows by default */
#define PB_FRAMES_MAX        (PB_USER_FRAMES_MAX + PB_KERNEL_FRAMES_MAX)

/* How long the programs stay active without a word from the user half, which speaks far more often. */
#define PB_LEASE_NS 2000000000ull
#define PB_BEAT_NS  100000000ull

/* Whose events count. */
enum pb_scope {
	PB_SCOPE_ALL,     /* everyone but the idle task and the tool */
	PB_SCOPE_PROCESS, /* a process in the targets map */
	PB_SCOPE_THREAD,  /* a thread in the targets map */
	PB_SCOPE_CGROUP,  /* below the cgroup in slot 0 of the cgroups map */
};

/* Values of the targets map besides a start time, which is never this small. */
#define PB_TARGET_UNKNOWN_START 0 /* whoever has this id now; the first event fills the start in */
#define PB_TARGET_UNTIL_EXEC    1 /* a command at its gate: nothing counts before its exec */

/* Set once before load; the verifier removes the branches that are off. */
struct pb_capture_cfg {
	__u64 hash_seed;       /* of stack hashes; random, so that nobody can aim for collisions */
	__u32 scope;           /* enum pb_scope */
	__u32 self_tgid;       /* the tool, never measured under PB_SCOPE_ALL */
	__u32 max_user_frames; /* 1 to PB_USER_FRAMES_MAX */
	__u32 user_stacks;     /* 0 or 1 */
	__u32 kernel_stacks;   /* 0 or 1 */
	__u32 max_kernel_frames; /* what the kernel gives at most; as many means there may be more */
	__u32 unwind;            /* enum pb_unwind_mode */
	__u32 pad;               /* always 0 */
};
PB_ABI_SIZE(struct pb_capture_cfg, 40);

/* Shared while running; slot 0 of the control map, mapped by the user half. */
struct pb_control {
	__u64 lease_until_ns; /* CLOCK_MONOTONIC; 0 until the tool is ready */
	__u64 beats; /* times it was renewed, PB_BEAT_NS apart: fewer in a time mean that all stood still */
	__u32 has_ended; /* 1: the capture is over, though links may be there still */
	__u32 pad;       /* always 0 */
};
PB_ABI_SIZE(struct pb_control, 24);

/* Kept per CPU; slot 0 of the tallies map. produced = sum of counts in the map + sum of lost. */
struct pb_tally {
	__u64 ticks;           /* times the hook ran, before any filter */
	__u64 produced;        /* events that passed the filter */
	__u64 children_missed; /* children that could not be followed: targets map full */
	__u64 lost[PB_LOSS_COUNT];
};
PB_ABI_SIZE(struct pb_tally, 24 + 8 * PB_LOSS_COUNT);

/* How the walk of a user stack ended. Ids are append-only; see pb_walk_ends[] in the user half. */
enum pb_walk_end {
	PB_END_NOT_WALKED,  /* user stacks are off */
	PB_END_NO_USER,     /* a kernel thread, or a task that has given up its memory */
	PB_END_BOTTOM,      /* the chain ended with a null frame pointer or return address */
	PB_END_DEPTH,       /* the depth limit */
	PB_END_NO_FP,       /* the first frame pointer was not one: code built without */
	PB_END_BAD_FP,      /* a later frame pointer went backwards or astray */
	PB_END_UNREADABLE,  /* stack memory that is not mapped, or paged out */
	PB_END_COMPAT,      /* a 32-bit task */
	PB_END_OUTERMOST,   /* a rule says that this is the outermost frame */
	PB_END_NO_RULE,     /* no rule covers the code, and frame pointers are not to be used */
	PB_END_UNSUPPORTED, /* the rule is of a kind that the walk does not know */
	PB_END_BAD_FRAME, /* a rule led to a frame that cannot be: below the last one, or no code */
	PB_END_NO_MAPPING,  /* the address lies in no mapping known, perhaps not yet */
	PB_END_NO_PROCESS,  /* the process was not known yet: it has just begun, or just exec'ed */
	PB_END_INTERRUPTED, /* it took so long that tables may have been replaced under it */
	PB_END_COUNT
};

/*
 * Identity of one aggregated stack. Used as a hash key: every byte counts. The process is its pid
 * and its start; exec_id tells the programs apart that one process ran one after the other, layout
 * the libraries that it had at one address one after the other.
 */
struct pb_stack_key {
	__u64 stack_hash; /* over thread name, frames and end reasons */
	__u64 start_ns;   /* when the process started, CLOCK_BOOTTIME */
	__u32 tgid;       /* process, root pid namespace */
	__u16 exec_id;    /* low bits of task_struct.self_exec_id */
	__u16 layout;     /* of the layouts map; 0 if code was never mapped over other code */
};
PB_ABI_SIZE(struct pb_stack_key, 24);

/* What one stack has added up to. */
struct pb_stack_count {
	__u64 events;
	__u64 weight; /* in the tool's unit: nanoseconds, bytes, ... */
	__u32 sent;   /* 1: its frames have gone through the ring buffer */
	__u32 pad;    /* always 0 */
};
PB_ABI_SIZE(struct pb_stack_count, 24);

/*
 * First sight of a stack. In the ring buffer only the first n_kernel + n_user frames are sent:
 *
 *   | header | kernel leaf .. kernel outermost | user leaf .. user outermost |
 */
struct pb_stack_record {
	struct pb_stack_key key;
	__u64 time_ns; /* CLOCK_MONOTONIC of this sight: which mappings were in force */
	__u32 tid;
	__u16 n_kernel;
	__u16 n_user;
	__u8 user_end;   /* enum pb_walk_end */
	__u8 kernel_cut; /* 1: as many kernel frames as there can be, and perhaps more */
	__u8 in_kernel;  /* 1: the event hit kernel code, so user frame 0 is a return point */
	__u8 at_return; /* 1: user frame 0 is a return address, too: the event was a function's return */
	__u8 pad[4];            /* always 0 */
	char comm[PB_COMM_LEN]; /* the thread's name; not always NUL-terminated */
	__u64 frames[PB_FRAMES_MAX];
};
/* On a user frame beyond the first: a signal interrupted it there, so its address is no return address. */
#define PB_FRAME_INTERRUPTED   (1ull << 63)
#define PB_STACK_RECORD_HEADER 64
PB_ABI_SIZE(struct pb_stack_record, PB_STACK_RECORD_HEADER + 8 * PB_FRAMES_MAX);

#endif
