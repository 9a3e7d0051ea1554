/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What every profiler does with an event: take the stacks, hash them, add to the counter of that
 * stack, and send the frames to the user half once.
 *
 *   event --> kernel frames --> user frames --> hash --> counts[key] += event
 *                                                           |
 *                                             not yet sent? +--> ring buffer: the frames
 *
 * Invariants, with which the user half closes the ledger after detaching:
 *   - every event that passed the filter adds 1 to tally.produced, and then either 1 to one
 *     counts[key].events or 1 to one tally.lost[cause];
 *   - counts[key].sent is set only after the frames are in the ring buffer, so a key without frames
 *     is offered again at its next event, and is a loss only if that never succeeds.
 *
 * Kernel floor: 6.1. No stack-trace map: those lose stacks by collision.
 */
#ifndef PB_LIB_CAPTURE_BPF_H
#define PB_LIB_CAPTURE_BPF_H

#include "bpf/abi/capture.h"
#include "bpf/lib/arch.bpf.h"
#include "bpf/lib/helpers.bpf.h"
#include "bpf/lib/lease.bpf.h"
#include "bpf/lib/stackhash.bpf.h"
#include "bpf/lib/tally.bpf.h"
#include "bpf/lib/unwind.bpf.h"

#define PB_PF_KTHREAD 0x00200000 /* include/linux/sched.h */

/*
 * Scratch per kind of context: a sample may interrupt a uprobe or tracepoint program on the same
 * CPU, and must not write over its half-built record. Programs in task context can be preempted, and the
 * next one on that CPU finds the first slot busy: they have a few.
 */
enum pb_scratch_slot {
	PB_SCRATCH_INTERRUPT, /* perf events */
	PB_SCRATCH_TASK,      /* uprobes, tracepoints: the first of PB_SCRATCH_TASKS */
	PB_SCRATCH_TASK_2,
	PB_SCRATCH_TASK_3,
	PB_SCRATCH_TASK_4,
	PB_SCRATCH_COUNT,
};
#define PB_SCRATCH_TASKS (PB_SCRATCH_COUNT - PB_SCRATCH_TASK)

struct pb_scratch {
	__u64 busy; /* 1 while in use: programs in task context can be preempted */
	struct pb_walk walk;
};

/* Slot -> scratch of this CPU. Written here only. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PB_SCRATCH_COUNT);
	__type(key, __u32);
	__type(value, struct pb_scratch);
} scratch SEC(".maps");

/* A tool that counts more of a stack defines this before: its struct begins with struct pb_stack_count. */
#ifndef PB_COUNTS_VALUE
#define PB_COUNTS_VALUE struct pb_stack_count
#endif

/* Stack -> what it has added up to. Added here, read by the user half, never deleted while running:
 * an element that is being counted must not be reused for another stack. The user half sizes it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
#ifdef PB_COUNTS_FLAGS
	__uint(map_flags, PB_COUNTS_FLAGS);
#endif
	__type(key, struct pb_stack_key);
	__type(value, PB_COUNTS_VALUE);
} counts SEC(".maps");

/* What a new stack begins with. On the BPF stack it would take too much of that. Never written. */
static const PB_COUNTS_VALUE pb_counts_zero;

/* Frames of stacks seen for the first time, struct pb_stack_record cut to length. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} stacks SEC(".maps");

/* Process -> how often code was mapped where other code had been. Written by the user half when the
 * side-band tells it; without this a stack of the new code would be counted as one of the old. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u64);
} layouts SEC(".maps");

static __always_inline __u16 pb_layout(__u32 tgid)
{
	__u64 *layout = bpf_map_lookup_elem(&layouts, &tgid);

	return layout ? (__u16)*layout : 0;
}

/* Kernel frames into rec->frames[0..]; returns how many. */
static __always_inline __u32 pb_kernel_frames(void *ctx, struct pb_stack_record *rec)
{
	long bytes = bpf_get_stack(ctx, rec->frames, PB_KERNEL_FRAMES_MAX * 8, 0);

	if (bytes <= 0)
		return 0;
	return (bytes / 8) & 127;
}

/* Hash a kernel frame and step over it. By bpf_loop() as well: unrolled by the verifier, a plain
 * loop over 127 frames costs more than it allows. */
static long pb_hash_round(__u32 round, void *context)
{
	struct pb_walk *w = ((struct pb_walk_context *)context)->walk;

	if (w->at >= PB_FRAMES_MAX)
		return 1;
	w->hash = pb_stack_hash_add(w->hash, w->rec.frames[w->at]);
	w->at++;
	return 0;
}

/* Finds the user registers and walks from there. */
static __always_inline void pb_user_frames(struct pb_walk *w, struct task_struct *task,
					   const struct pb_event *event)
{
	if (task->flags & PB_PF_KTHREAD || !task->mm) {
		w->end = PB_END_NO_USER;
		return;
	}
	if (!w->rec.in_kernel) {
		w->regs = event->regs;
		if (event->compat) {
			w->end = PB_END_COMPAT;
			return;
		}
	} else if (!pb_read_user_regs(&w->regs, task)) {
		w->end = PB_END_COMPAT;
		return;
	}
	pb_walk_user(w, task, event->at_return);
}

/* Sends the frames, which scratch holds. Waking the reader for each would cost more than it is
 * worth: it looks by itself ten times a second, and is woken when a quarter of the ring is used. */
static __always_inline bool pb_send(struct pb_stack_record *rec)
{
	__u32 frames = (__u32)rec->n_kernel + rec->n_user;
	__u64 used, flags = BPF_RB_NO_WAKEUP;

	if (frames > PB_FRAMES_MAX)
		return false;
	used = bpf_ringbuf_query(&stacks, BPF_RB_AVAIL_DATA);
	if (used * 4 >= bpf_ringbuf_query(&stacks, BPF_RB_RING_SIZE))
		flags = BPF_RB_FORCE_WAKEUP;
	return !bpf_ringbuf_output(&stacks, rec, PB_STACK_RECORD_HEADER + frames * 8, flags);
}

/* The counter of a stack, made if it is new. Return: NULL with *lost set. */
static __always_inline struct pb_stack_count *pb_counter(const struct pb_stack_key *key,
							 enum pb_loss *lost)
{
	struct pb_stack_count *count = bpf_map_lookup_elem(&counts, key);
	long err;

	if (count)
		return count;
	err = bpf_map_update_elem(&counts, key, &pb_counts_zero, BPF_NOEXIST);
	count = bpf_map_lookup_elem(&counts, key);
	if (!count)
		*lost = pb_is_busy(err) ? PB_LOSS_MAP_BUSY : PB_LOSS_MAP_FULL;
	return count;
}

static __always_inline void pb_add(struct pb_stack_count *count, __u64 weight)
{
	__sync_fetch_and_add(&count->events, 1);
	__sync_fetch_and_add(&count->weight, weight);
}

/*
 * The stacks of an event into @w: frames, hash, how the walk ended. What both halves of it need is kept in
 * the record, even where a local variable would do: the verifier knows nothing of what lies there, and so
 * walks the long way behind each branch once instead of once for each value.
 */
static __always_inline void pb_take_stacks(void *ctx, const volatile struct pb_capture_cfg *cfg,
					   struct pb_walk *w, struct task_struct *task,
					   const struct pb_event *event)
{
	struct pb_walk_context context = {.walk = w};
	struct pb_stack_record *rec = &w->rec;

	w->hash = cfg->hash_seed;
	w->at = 0;
	w->depth = 0;
	w->max_depth = cfg->max_user_frames;
	w->mode = cfg->unwind;
	w->end = PB_END_NOT_WALKED;
	rec->in_kernel = event->in_kernel;
	rec->at_return = event->at_return;
	rec->n_kernel = 0;
	if (cfg->kernel_stacks && rec->in_kernel && !event->user_only)
		rec->n_kernel = pb_kernel_frames(ctx, rec);
	/* Read back: where the verifier knows that a loop has no round, 6.18 drops its callback and
	 * then misses it ("No program to jit"). */
	bpf_loop(*(volatile __u16 *)&rec->n_kernel, pb_hash_round, &context, 0);
	if (cfg->user_stacks)
		pb_user_frames(w, task, event);

	bpf_get_current_comm(rec->comm, sizeof(rec->comm));
	w->hash = pb_stack_hash_add(w->hash, ((__u64 *)rec->comm)[0]);
	w->hash = pb_stack_hash_add(w->hash, ((__u64 *)rec->comm)[1]);
	w->hash = pb_stack_hash_add(w->hash, (__u64)rec->n_kernel << 32 | w->depth << 16 | w->end);
}

/* The counter of an event's stack, whose frames are sent if they have not been. Return: NULL with *lost set. */
static __always_inline struct pb_stack_count *pb_identify(
	void *ctx, const volatile struct pb_capture_cfg *cfg, struct pb_walk *w,
	struct task_struct *task, const struct pb_event *event, struct pb_stack_key *key,
	enum pb_loss *lost)
{
	struct pb_stack_record *rec = &w->rec;
	struct pb_stack_count *count;

	pb_take_stacks(ctx, cfg, w, task, event);
	key->stack_hash = w->hash;
	key->tgid = task->tgid;
	key->start_ns = task->group_leader->start_boottime;
	key->exec_id = (__u16)task->self_exec_id;
	key->layout = pb_layout(key->tgid);
	count = pb_counter(key, lost);
	if (!count || *(volatile __u32 *)&count->sent)
		return count;

	rec->key = *key;
	rec->time_ns = bpf_ktime_get_ns();
	rec->tid = task->pid;
	rec->n_user = w->depth;
	rec->user_end = w->end;
	rec->kernel_cut = rec->n_kernel >= cfg->max_kernel_frames;
	if (pb_send(rec))
		count->sent = 1;
	return count;
}

/* A scratch of this CPU for this kind of program, marked busy; NULL if there is none. */
static __always_inline struct pb_scratch *pb_take_scratch(enum pb_scratch_slot slot)
{
	__u32 last = slot == PB_SCRATCH_TASK ? slot + PB_SCRATCH_TASKS : slot + 1, key;
	struct pb_scratch *mine;

	for (key = slot; key < last; key++) {
		__u32 at = key;

		mine = bpf_map_lookup_elem(&scratch, &at);
		if (mine && !__sync_lock_test_and_set(&mine->busy, 1))
			return mine;
	}
	return NULL;
}

/**
 * pb_capture_stack() - take the stacks of something that may become an event later on.
 * @slot: scratch of this kind of program
 * @key: set on success: of the stack, for pb_counter() and pb_add() when it does
 * @lost: set on failure: why it will be lost then
 *
 * Nothing is counted. Context: perf event (NMI included), uprobe, tracepoint.
 */
static __always_inline struct pb_stack_count *pb_capture_stack(
	void *ctx, const volatile struct pb_capture_cfg *cfg, enum pb_scratch_slot slot,
	struct task_struct *task, const struct pb_event *event, struct pb_stack_key *key,
	enum pb_loss *lost)
{
	struct pb_stack_count *count;
	struct pb_scratch *mine;
	__u64 now_ns = bpf_ktime_get_ns();

	if (!pb_lease_valid(now_ns)) {
		*lost = PB_LOSS_LEASE_EXPIRED;
		return NULL;
	}
	mine = pb_take_scratch(slot);
	if (!mine) {
		*lost = PB_LOSS_SCRATCH_BUSY;
		return NULL;
	}
	mine->walk.began_ns = slot == PB_SCRATCH_TASK ? now_ns : 0;
	count = pb_identify(ctx, cfg, &mine->walk, task, event, key, lost);
	*(volatile __u64 *)&mine->busy = 0;
	return count;
}

/**
 * pb_capture() - count one event that passed the filter.
 * @slot: scratch of this kind of program
 * @key: of its stack, for a tool that wants to add more to it; set on success
 *
 * Context: perf event (NMI included), uprobe, tracepoint.
 * Return: the stack's counter; NULL with the event counted as lost.
 */
static __always_inline struct pb_stack_count *pb_capture(
	void *ctx, const volatile struct pb_capture_cfg *cfg, enum pb_scratch_slot slot,
	struct task_struct *task, const struct pb_event *event, struct pb_tally *tally,
	struct pb_stack_key *key)
{
	enum pb_loss lost = PB_LOSS_MAP_FULL;
	struct pb_stack_count *count = pb_capture_stack(ctx, cfg, slot, task, event, key, &lost);

	pb_count(&tally->produced);
	if (count)
		pb_add(count, event->weight);
	else
		pb_lose(tally, lost);
	return count;
}

#endif
