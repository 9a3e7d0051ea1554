/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Calls of an allocator, from the probe at a function's beginning to the one behind its return.
 *
 *   enter: what is asked for? sampled? --no--> done, and the return is not awaited
 *            | yes
 *   return: what was given? --> stack, site, block
 *
 * A thread has at most one call under way that counts. Functions that call others inside (realloc calls
 * malloc) are awaited always, and what they call is passed over: the call under way is known by its
 * stack pointer, and inner calls have a lower one. One that never returns (operator new that throws, an
 * exec) is forgotten when a call comes from above it or from another stack, or when more come from below than any
 * allocator makes.
 */
#ifndef PB_LIB_CALLS_BPF_H
#define PB_LIB_CALLS_BPF_H

#include "bpf/lib/arch.bpf.h"
#include "bpf/lib/capture.bpf.h"
#include "bpf/lib/filter.bpf.h"
#include "bpf/lib/lease.bpf.h"
#include "bpf/lib/sites.bpf.h"

#define PB_RLIMIT_AS 9 /* include/uapi/asm-generic/resource.h */

/* Of one call. Those we know make two. */
#define PB_ALLOC_INNER_MAX 16

/* Hits of a thread between two looks at the lease: reading the clock would cost a tenth of what a hit costs. */
#define PB_ALLOC_LEASE_HITS 64

/* Stack that an allocator's own frames take at most; a call from further below is not an inner one. */
#define PB_ALLOC_FRAMES_MAX 65536

/* What a thread is doing. */
struct pb_alloc_thread {
	__u64 entry_sp;  /* stack pointer at the entry of the call under way; 0: none */
	__u64 size;      /* that it asked for */
	__u64 out;       /* where posix_memalign puts the block; else 0 */
	__u64 distance;  /* bytes to the next sample */
	__u64 sequence;  /* allocations so far */
	__u64 freed;     /* the block that was freed last, if no other call came between */
	__u32 inner;     /* calls within the one under way so far */
	__u32 unchecked; /* hits that may go by before the lease is looked at again */
	__u32 seeded;    /* 1: distance has been drawn */
	__u16 sampled;   /* 1: the call under way counts for the profile */
	__u8 has_old;    /* 1: and has taken a block out, which is put back if it fails */
	__u8 early;      /* 1: its return is not awaited, so the block's address stays unknown */
	__u8 to_nothing; /* 1: it is realloc(p, 0), a free that may give a block */
	struct pb_block_key old_key;
	struct pb_block old;
	struct pb_event event; /* the hit: the BPF stack has no room for both, before 6.13 */
};

/* Thread -> its state. Added at its first call, gone with the thread. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct pb_alloc_thread);
} threads SEC(".maps");

/* Everything about the call that a probe has hit. */
struct pb_call {
	struct pt_regs *ctx;
	const volatile struct pb_allocsites_cfg *cfg;
	const volatile struct pb_alloc_tables *tables;
	struct task_struct *task;
	struct pb_alloc_tally *tally;
	struct pb_alloc_thread *thread;
	__u64 cookie;
};

static __always_inline bool pb_is_sampling(const volatile struct pb_allocsites_cfg *cfg)
{
	return cfg->mode == PB_ALLOC_SAMPLED;
}

static __always_inline __u64 pb_call_arg(const struct pb_call *c, __u32 n)
{
	__u32 reg = PB_COOKIE_REG(c->cookie, n);

	if (!(c->cookie & PB_COOKIE_MOVED))
		return pb_regs_arg(&c->thread->event.regs, n);
	return reg < PB_GPRS ? c->thread->event.regs.gpr[reg] : 0;
}

static __always_inline __u64 pb_product(__u64 a, __u64 b)
{
	if (a >= PB_ALLOC_SIZE_MAX || b >= PB_ALLOC_SIZE_MAX || (b && a > PB_ALLOC_SIZE_MAX / b))
		return PB_ALLOC_SIZE_MAX;
	return a * b;
}

static __always_inline __u64 pb_call_size(const struct pb_call *c)
{
	switch (PB_COOKIE_CALL(c->cookie)) {
	case PB_CALL_SIZE_0:
		return pb_call_arg(c, 0);
	case PB_CALL_SIZE_1:
	case PB_CALL_REALLOC:
		return pb_call_arg(c, 1);
	case PB_CALL_OUT:
		return pb_call_arg(c, 2);
	case PB_CALL_PRODUCT:
		return pb_product(pb_call_arg(c, 0), pb_call_arg(c, 1));
	case PB_CALL_REALLOCARRAY:
		return pb_product(pb_call_arg(c, 1), pb_call_arg(c, 2));
	}
	return 0;
}

static __always_inline void pb_block_key(const struct pb_call *c, __u64 addr,
					 struct pb_block_key *key)
{
	key->addr = addr;
	key->tgid = c->task->tgid;
	key->exec_id = (__u16)c->task->self_exec_id;
	key->pad = 0;
}

static __always_inline void pb_block_weight(const struct pb_call *c, __u64 size,
					    struct pb_weight *weight)
{
	if (pb_is_sampling(c->cfg)) {
		pb_weigh(c->tables, size ?: 1, weight);
	} else {
		weight->bytes = size;
		weight->objects = 1;
	}
}

static __always_inline void pb_release(const struct pb_call *c, const struct pb_block *block,
				       __u64 free_ip, bool moved)
{
	struct pb_end_of_block end = {
		.now_ns = bpf_ktime_get_ns(),
		.free_ip = free_ip,
		.sequence = c->thread->sequence,
		.tid = c->task->pid,
		.shift = pb_is_sampling(c->cfg) ? PB_ALLOC_OBJECT_SHIFT : 0,
		.moved = moved,
	};
	struct pb_weight weight;

	pb_block_weight(c, block->size, &weight);
	pb_site_free(block, &weight, &end);
}

/* Strike a block out. False: it is not in the table. */
static __always_inline bool pb_take_block(const struct pb_block_key *key, struct pb_block *block)
{
	__u64 *trace = pb_trace_of(key->addr);
	struct pb_block *known;

	if (!trace || !*(volatile __u64 *)trace)
		return false;
	known = bpf_map_lookup_elem(&blocks, key);
	if (!known)
		return false;
	*block = *known;
	/* Who deletes it has it: of two threads that free one block, which is their error, one does. */
	if (bpf_map_delete_elem(&blocks, key))
		return false;
	pb_add_to(trace, -1);
	return true;
}

/* Return: as bpf_map_update_elem(). */
static __always_inline long pb_put_block(const struct pb_block_key *key,
					 const struct pb_block *block)
{
	__u64 *trace = pb_trace_of(key->addr);
	long err;

	if (!trace)
		return -1; /* cannot happen: as many bits as slots */
	pb_add_to(trace, 1);
	err = bpf_map_update_elem(&blocks, key, block, BPF_NOEXIST);
	if (err)
		pb_add_to(trace, -1);
	return err;
}

static __always_inline void pb_handle_free(const struct pb_call *c, __u64 addr)
{
	struct pb_block *block = &c->thread->old;
	struct pb_block_key key;
	bool known, again = c->thread->freed == addr;

	if (!addr) {
		pb_count(&c->tally->others);
		return;
	}
	pb_block_key(c, addr, &key);
	known = pb_take_block(&key, block);
	/* One function for freeing may end in another. If the block is live, it was given out anew in between,
	 * to another thread. */
	if (again && !known) {
		pb_count(&c->tally->others);
		return;
	}
	c->thread->freed = addr;
	pb_count(&c->tally->frees);
	if (!known)
		return;
	pb_count(&c->tally->frees_known);
	pb_release(c, block, pb_regs_return_addr(&c->thread->event.regs), false);
}

/* Does a sample point fall into this allocation? */
static __always_inline bool pb_draw(const struct pb_call *c, __u64 size)
{
	struct pb_alloc_thread *t = c->thread;

	if (!pb_is_sampling(c->cfg))
		return true;
	if (!t->seeded) {
		t->distance = pb_draw_distance(c->tables, c->cfg->mean_ln2_bytes,
					       bpf_get_prandom_u32() | 1);
		t->seeded = 1;
	}
	size = size ?: 1;
	if (size < t->distance) {
		t->distance -= size;
		return false;
	}
	t->distance =
		pb_draw_distance(c->tables, c->cfg->mean_ln2_bytes, bpf_get_prandom_u32() | 1);
	return true;
}

/* Of a block that is not in the table nobody can tell when it ends: it is no part of what is live. */
static __always_inline void pb_lose_track(const struct pb_call *c, struct pb_site *site,
					  const struct pb_weight *weight)
{
	pb_count(&c->tally->untracked);
	pb_add_to(&site->untracked_objects, weight->objects);
	pb_add_to(&site->untracked_bytes, weight->bytes);
}

/*
 * The block has its site and is entered. A block that is in the table at this address was freed unseen. False:
 * it found no room, and is no part of what is live.
 */
static __always_inline bool pb_enter_block(const struct pb_call *c, __u64 addr,
					   const struct pb_block *block, struct pb_site *site,
					   const struct pb_weight *weight)
{
	struct pb_block *before = &c->thread->old;
	struct pb_block_key key;
	long err;

	pb_block_key(c, addr, &key);
	err = pb_put_block(&key, block);
	if (err == -PB_EEXIST) {
		pb_count(&c->tally->overwritten);
		if (pb_take_block(&key, before))
			pb_release(c, before, 0, true);
		err = pb_put_block(&key, block);
	}
	if (!err)
		return true;
	pb_lose_track(c, site, weight);
	return false;
}

/*
 * An allocation that counts: stack, site, block. The registers are the caller's by now. @is_moved: realloc made it from
 * the thread's old block.
 */
static __always_inline void pb_record(struct pb_call *c, __u64 addr, __u64 size, bool is_moved)
{
	/* pb_enter_block() may need the place of the old block. */
	__u64 old_site = c->thread->old.site.stack_hash, old_size = c->thread->old.size;
	struct pb_tally *tally = pb_tally();
	struct pb_heap *books = pb_heap();
	struct pb_weight weight, old_weight;
	struct pb_block block = {};
	struct pb_site *site;
	bool is_live = false;

	if (!tally || !books)
		return;
	pb_block_weight(c, size, &weight);
	c->thread->event.weight = weight.bytes;
	site = (struct pb_site *)pb_capture(c->ctx, &c->cfg->capture, PB_SCRATCH_TASK, c->task,
					    &c->thread->event, tally, &block.site);
	if (!site)
		return;
	pb_note_peak(site, books, weight.bytes);
	if (c->cfg->track_frees && !addr) {
		pb_lose_track(c, site, &weight);
	} else if (c->cfg->track_frees) {
		block.size = size;
		block.time_ns = bpf_ktime_get_ns();
		block.sequence = c->thread->sequence;
		block.tid = c->task->pid;
		is_live = pb_enter_block(c, addr, &block, site, &weight);
	}
	/* Behind that: what found no room does not count in the most that a site had. */
	pb_site_alloc(site, size, &weight);
	if (is_moved) {
		pb_block_weight(c, old_size, &old_weight);
		pb_add_to(&site->moved_objects, weight.objects);
		pb_add_to(&site->moved_bytes, old_weight.bytes);
		if (old_site == block.site.stack_hash)
			pb_add_to(&site->regrown_objects, weight.objects);
	}
	if (is_live)
		pb_heap_grow(books, &weight, block.time_ns);
}

/*
 * May the return of this call be awaited? An exception that meets the kernel's return address ends the program: the
 * unwinder knows nothing of uretprobes. So where one may leave the function, only if it cannot fail: operator new
 * throws where memory is refused, which takes a huge size or a limit.
 */
static __always_inline bool pb_may_await(const struct pb_call *c, __u64 size)
{
	if (!(c->cookie & PB_COOKIE_THROWS))
		return true;
	return c->cfg->await_throwing && size < PB_ALLOC_SURE_BYTES &&
	       c->task->signal->rlim[PB_RLIMIT_AS].rlim_cur == ~0ul;
}

/* Of the function's own probe, at its beginning. True: its return has to be awaited. */
static __always_inline bool pb_handle_alloc(const struct pb_call *c)
{
	struct pb_alloc_thread *t = c->thread;
	__u32 call = PB_COOKIE_CALL(c->cookie);
	bool resizes = call == PB_CALL_REALLOC || call == PB_CALL_REALLOCARRAY;
	__u64 addr = resizes ? pb_call_arg(c, 0) : 0;
	__u64 size = pb_call_size(c);

	t->to_nothing = resizes && addr && !size;
	t->early = 0;
	if (t->to_nothing) {
		/* Counted as a call only if a block comes of it: see pb_call_return(). */
		pb_handle_free(c, addr);
		t->freed = t->size = t->out = t->has_old = 0;
		/* Where nothing tells a block from none: see pb_record_early(). */
		if (!c->cfg->track_frees && !(c->cookie & PB_COOKIE_NESTS))
			return false;
		t->sampled = !c->cfg->min_bytes && pb_draw(c, 0);
		t->entry_sp = t->event.regs.sp;
		t->inner = 0;
		return true;
	}
	t->freed = 0;
	t->sequence++;
	/* Read back: the verifier knows nothing of what lies there, and need not walk what follows once for each
	 * way in which a size can be come by. */
	t->size = size;
	size = *(volatile __u64 *)&t->size;
	t->out = call == PB_CALL_OUT ? pb_call_arg(c, 0) : 0;
	t->has_old = 0;
	if (addr && c->cfg->track_frees) {
		pb_block_key(c, addr, &t->old_key);
		t->has_old = pb_take_block(&t->old_key, &t->old);
	}
	pb_count(&c->tally->calls);
	if (size < PB_ALLOC_SIZE_MAX)
		pb_add_to(&c->tally->bytes, size);
	t->sampled = 0;
	if (size >= PB_ALLOC_SIZE_MAX)
		; /* fails, and its return is awaited for others only */
	else if (size < c->cfg->min_bytes || size > c->cfg->max_bytes)
		pb_count(&c->tally->left_out);
	else
		t->sampled = pb_draw(c, size);
	if (!t->sampled && !t->has_old && !(c->cookie & PB_COOKIE_NESTS)) {
		if (size >= PB_ALLOC_SIZE_MAX)
			pb_count(&c->tally->failed);
		return false;
	}
	t->early = !pb_may_await(c, size);
	if (t->early && !t->sampled)
		return false;
	t->entry_sp = c->thread->event.regs.sp;
	t->inner = 0;
	return true;
}

/* Is the call that a probe has hit one within the call under way? */
static __always_inline bool pb_is_inner(struct pb_alloc_thread *t)
{
	__u64 sp = t->event.regs.sp;

	return t->entry_sp && sp <= t->entry_sp && t->entry_sp - sp < PB_ALLOC_FRAMES_MAX &&
	       t->inner++ < PB_ALLOC_INNER_MAX;
}

/* The call under way is not coming back. What realloc has taken out is nobody's any more. */
static __always_inline void pb_forget_call(const struct pb_call *c)
{
	struct pb_alloc_thread *t = c->thread;

	if (t->entry_sp && t->has_old)
		pb_release(c, &t->old, 0, true);
	t->entry_sp = 0;
	t->has_old = 0;
}

/* Of the current thread; NULL if it is not measured, or has no room for a state. */
static __always_inline struct pb_alloc_thread *pb_alloc_thread(struct pb_call *c)
{
	struct pb_alloc_thread *t = bpf_task_storage_get(&threads, c->task, NULL, 0);

	if (t)
		return t;
	if (!pb_filter(&c->cfg->capture, c->task))
		return NULL;
	t = bpf_task_storage_get(&threads, c->task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!t)
		pb_count(&c->tally->stateless);
	return t;
}

static __always_inline bool pb_thread_lease_valid(struct pb_alloc_thread *t)
{
	if (t->unchecked) {
		t->unchecked--;
		return true;
	}
	if (!pb_lease_valid(bpf_ktime_get_ns()))
		return false;
	t->unchecked = PB_ALLOC_LEASE_HITS;
	return true;
}

/* The lease is over. Where every call is an event, this one is lost; else nobody knows whether it would have been. */
static __always_inline void pb_miss_call(const struct pb_call *c)
{
	struct pb_tally *tally = pb_tally();

	pb_count(&c->tally->others);
	pb_count(&c->tally->missed);
	if (!tally || pb_is_sampling(c->cfg) || PB_COOKIE_CALL(c->cookie) == PB_CALL_FREE)
		return;
	pb_count(&tally->produced);
	pb_lose(tally, PB_LOSS_LEASE_EXPIRED);
}

/**
 * pb_call_enter() - a probe at the beginning of a function was hit.
 *
 * Return: whether its return has to be awaited.
 */
static __always_inline bool pb_call_enter(struct pb_call *c)
{
	c->tally = pb_alloc_tally();
	if (!c->tally || pb_has_ended())
		return false;
	if (c->cookie & PB_COOKIE_STEPPED)
		pb_count(&c->tally->stepped);
	c->thread = pb_alloc_thread(c);
	if (!c->thread) {
		pb_count(&c->tally->others);
		return false;
	}
	if (!pb_thread_lease_valid(c->thread)) {
		pb_miss_call(c);
		return false;
	}
	pb_read_pt_regs(&c->thread->event, c->ctx);
	if (pb_is_inner(c->thread)) {
		pb_count(&c->tally->others);
		return false;
	}
	pb_forget_call(c);
	if (PB_COOKIE_CALL(c->cookie) == PB_CALL_FREE) {
		pb_handle_free(c, pb_call_arg(c, 0));
		return false;
	}
	return pb_handle_alloc(c);
}

/*
 * Without frees the block's address is of no use, so where nothing is called inside the sample is taken at the
 * beginning, as the caller will see it: the return need not be awaited.
 */
static __always_inline bool pb_record_early(struct pb_call *c)
{
	__u64 return_addr;

	if (!c->thread->early &&
	    (c->cfg->track_frees || c->cookie & PB_COOKIE_NESTS || !c->thread->sampled))
		return false;
	c->thread->entry_sp = 0;
	return_addr = pb_regs_return_addr(&c->thread->event.regs);
	/* Else the walk begins, and ends, in the function itself: a broken stack, which is counted. */
	if (return_addr)
		pb_event_at_caller(&c->thread->event, return_addr);
	pb_record(c, 0, c->thread->size, false);
	return true;
}

/* What it has given; 0: nothing. */
static __always_inline __u64 pb_call_result(const struct pb_call *c)
{
	__u64 result = pb_regs_result(&c->thread->event.regs), addr = 0;

	if (PB_COOKIE_CALL(c->cookie) != PB_CALL_OUT)
		return result;
	if ((__u32)result || bpf_probe_read_user(&addr, sizeof(addr), (void *)c->thread->out))
		return 0;
	return addr;
}

/* A probe behind the return of a function was hit; of any call, for where returns cannot be skipped. */
static __always_inline void pb_call_return(struct pb_call *c)
{
	struct pb_alloc_thread *t;
	__u64 addr;

	c->tally = pb_alloc_tally();
	if (!c->tally || pb_has_ended())
		return;
	pb_count(&c->tally->returns);
	t = bpf_task_storage_get(&threads, c->task, NULL, 0);
	if (!t || !t->entry_sp)
		return;
	c->thread = t;
	pb_read_pt_regs(&t->event, c->ctx);
	if (t->entry_sp != PB_ENTRY_SP(t->event.regs.sp))
		return;
	addr = pb_call_result(c);
	if (!addr && t->has_old && !pb_put_block(&t->old_key, &t->old))
		t->has_old = 0;
	t->entry_sp = 0;
	if (t->to_nothing) {
		if (!addr)
			return;
		/* jemalloc by its options, mimalloc: a block of no bytes. */
		t->sequence++;
		pb_count(&c->tally->calls);
		if (c->cfg->min_bytes)
			pb_count(&c->tally->left_out);
	}
	if (!addr)
		pb_count(&c->tally->failed);
	/* Also a block that could not be put back: of that nobody knows any more. */
	if (t->has_old)
		pb_release(c, &t->old, 0, true);
	if (!addr || !t->sampled)
		return;
	c->thread->event.at_return = true;
	pb_record(c, addr, t->size, t->has_old);
}

#endif
