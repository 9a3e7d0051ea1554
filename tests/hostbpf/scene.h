/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The shared capture with everything it needs, and one process to measure: what most tests of
 * bpf/lib begin with.
 */
#ifndef PB_TESTS_HOSTBPF_SCENE_H
#define PB_TESTS_HOSTBPF_SCENE_H

#include "tests/hostbpf/hostbpf.h"

#include <string.h>

#include "bpf/lib/capture.bpf.h"

#define SCENE_TGID  100
#define SCENE_TID   101
#define SCENE_START 5000000000ull
#define SCENE_NOW   9000000000ull
#define SCENE_IP    0x401000ull       /* where the program is */
#define SCENE_STACK 0x7ffd00000000ull /* its stack pointer */
#define SCENE_SLOTS 4096              /* words of stack that are mapped from there on */

struct scene {
	struct task_struct leader, thread;
	struct mm_struct mm;
	struct pb_capture_cfg cfg;
	struct pb_event event;     /* the next one */
	enum pb_scratch_slot slot; /* of the program that takes it */
	__u64 stack[SCENE_SLOTS];
};

/* A sample of 10 units that hit user code of a thread whose stack has nothing on it yet. */
static inline void scene_open(struct scene *s, size_t stacks_max, size_t ring_bytes)
{
	__u32 zero = 0;

	host_reset();
	HOST_MAP(tallies);
	HOST_MAP(control);
	HOST_MAP(scratch);
	HOST_MAP(layouts);
	HOST_MAP_OF(counts, stacks_max);
	host_define_ring(&stacks, ring_bytes);
	memset(s, 0, sizeof(*s));
	s->leader = (struct task_struct){.pid = SCENE_TGID,
					 .tgid = SCENE_TGID,
					 .start_boottime = SCENE_START,
					 .self_exec_id = 1,
					 .group_leader = &s->leader,
					 .mm = &s->mm};
	s->thread = s->leader;
	s->thread.pid = SCENE_TID;
	s->thread.start_boottime = SCENE_START + 7;
	s->cfg = (struct pb_capture_cfg){.hash_seed = 42,
					 .max_kernel_frames = PB_KERNEL_FRAMES_MAX,
					 .scope = PB_SCOPE_PROCESS,
					 .max_user_frames = 127,
					 .user_stacks = 1,
					 .kernel_stacks = 1,
					 .unwind = PB_UNWIND_FP};
	s->event = (struct pb_event){.regs = {.ip = SCENE_IP, .sp = SCENE_STACK}, .weight = 10};
	strcpy(host.comm, "worker");
	host.now_ns = SCENE_NOW;
	host.current_task = &s->thread;
	((struct pb_control *)host_map_value(&control, &zero, 0))->lease_until_ns = SCENE_NOW + 1;
	host_map_user(SCENE_STACK, s->stack, sizeof(s->stack));
}

static inline void scene_take_in(struct scene *s, enum pb_scratch_slot slot)
{
	struct pb_stack_key key = {0};

	pb_capture(NULL, &s->cfg, slot, host.current_task, &s->event, pb_tally(), &key);
}

static inline void scene_take(struct scene *s)
{
	scene_take_in(s, s->slot);
}

/* A frame of the chain at word @slot of the stack: its caller's frame pointer and where it returns. */
static inline void scene_frame(struct scene *s, __u32 slot, __u64 fp, __u64 ra)
{
	s->stack[slot] = fp;
	s->stack[slot + 1] = ra;
}

static inline __u64 scene_addr(__u32 slot)
{
	return SCENE_STACK + slot * sizeof(__u64);
}

/* A whole chain of @n callers that return to @ra, @ra + 16, ...; it ends in null. */
static inline void scene_chain(struct scene *s, __u32 n, __u64 ra)
{
	__u32 i;

	for (i = 0; i < n; i++)
		scene_frame(s, 2 * i, scene_addr(2 * i + 2), ra + 16 * i);
	scene_frame(s, 2 * n, 0, 0);
	s->event.regs.fp = scene_addr(0);
}

static inline const struct pb_tally *scene_tally(void)
{
	__u32 zero = 0;

	return host_map_value(&tallies, &zero, 0);
}

static inline __u64 scene_lost(void)
{
	__u64 sum = 0;
	int i;

	for (i = 0; i < PB_LOSS_COUNT; i++)
		sum += scene_tally()->lost[i];
	return sum;
}

/* Record @i of the ring; only @n frames of it are there. NULL if the size is not that of @n. */
static inline const struct pb_stack_record *scene_record(size_t i, __u32 n)
{
	size_t size;
	const struct pb_stack_record *r = host_ring_record(&stacks, i, &size);

	return size == PB_STACK_RECORD_HEADER + n * sizeof(__u64) ? r : NULL;
}

static inline const struct pb_stack_count *scene_count(const struct pb_stack_key *key)
{
	return host_map_value(&counts, key, 0);
}

#endif
