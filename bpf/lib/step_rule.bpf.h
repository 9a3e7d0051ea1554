/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One step of a walk by an unwind rule: find the rule for an address (bpf/abi/unwind.h draws the tables),
 * then from a frame's registers to those of its caller.
 *
 *   high   | caller's frame       |
 *          +----------------------+ <- CFA, the caller's sp
 *          | return address       |    at CFA + ra_off
 *          | caller's fp          |    at CFA + fp_off, if it was saved
 *          | locals               |
 *   low    +----------------------+ <- sp
 */
#ifndef PB_LIB_STEP_RULE_BPF_H
#define PB_LIB_STEP_RULE_BPF_H

#include "bpf/abi/unwind.h"
#include "bpf/lib/helpers.bpf.h"
#include "bpf/lib/uretprobe.bpf.h"
#include "bpf/lib/walk.bpf.h"

#define PB_RUN_STEPS 15 /* of a binary search over PB_UNWIND_RUN_MAX */
#define PB_ROW_STEPS 16 /* over PB_UNWIND_PAGE_ROWS_MAX */

/* All written by the user half alone, where no walk looks yet; see bpf/abi/unwind.h. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PB_UNWIND_MAPPINGS_MAX);
	__type(key, __u32);
	__type(value, struct pb_unwind_mapping);
} mappings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PB_UNWIND_PAGES_MAX);
	__type(key, __u32);
	__type(value, struct pb_unwind_page);
} pages SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PB_UNWIND_RULES_MAX);
	__type(key, __u32);
	__type(value, struct pb_unwind_rule);
} rules SEC(".maps");

/* One element the size of a segment, so that a search looks up once and then only reads. */
struct pb_segment_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct pb_unwind_segment));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, PB_UNWIND_SEGMENTS_MAX);
	__type(key, __u32);
	__array(values, struct pb_segment_map);
} segments SEC(".maps");

/* Make w->mapping the one that holds @addr. */
static __always_inline bool pb_find_mapping(struct pb_walk *w, __u64 addr)
{
	__u32 low, high, middle, key, i;
	struct pb_unwind_mapping *m;

	if (addr - w->mapping.start < w->mapping.size)
		return true;
	w->low = 0;
	w->high = w->process.n;
	for (i = 0; i < PB_RUN_STEPS; i++) {
		low = w->low;
		high = w->high;
		if (low >= high)
			break;
		middle = (low + high) / 2;
		key = w->process.first + middle;
		m = bpf_map_lookup_elem(&mappings, &key);
		if (!m)
			return false;
		if (m->start <= addr)
			w->low = middle + 1;
		else
			w->high = middle;
	}
	low = w->low;
	key = w->process.first + low - 1;
	m = low ? bpf_map_lookup_elem(&mappings, &key) : NULL;
	if (!m || addr - m->start >= m->size)
		return false;
	w->mapping = *m;
	return true;
}

/* Index of the rule in force at @addr of w->mapping; 0, PB_CFA_NONE, if there is none. */
static __always_inline __u32 pb_find_row(struct pb_walk *w, __u64 addr)
{
	__u64 rel = addr - w->mapping.bias, number = rel >> PB_UNWIND_PAGE_SHIFT;
	__u32 key = w->mapping.first_page + number, zero = 0, low, high, middle, i;
	__u32 wanted = (__u32)rel << 16 | 0xffff;
	struct pb_unwind_segment *segment;
	struct pb_unwind_page *page;
	void *inner;

	if (number >= w->mapping.n_pages)
		return 0;
	page = bpf_map_lookup_elem(&pages, &key);
	if (!page || !page->rows)
		return 0;
	key = page->segment;
	inner = bpf_map_lookup_elem(&segments, &key);
	segment = inner ? bpf_map_lookup_elem(inner, &zero) : NULL;
	if (!segment)
		return 0;
	/* The first row stands at the page's beginning, so one is always found. */
	w->low = page->first;
	w->high = page->first + page->rows;
	for (i = 0; i < PB_ROW_STEPS; i++) {
		low = w->low;
		high = w->high;
		if (high - low <= 1)
			break;
		middle = (low + high) / 2;
		if (segment->rows[middle % PB_UNWIND_SEGMENT_ROWS] <= wanted)
			w->low = middle;
		else
			w->high = middle;
	}
	low = w->low;
	return segment->rows[low % PB_UNWIND_SEGMENT_ROWS] & 0xffff;
}

/* The canonical frame address. Return: 0 if it cannot be known; errors of reading count as such. */
static __always_inline __u64 pb_find_cfa(const struct pb_walk *w, const struct pb_unwind_rule *rule)
{
	__u64 cfa = 0;

	switch (rule->cfa) {
	case PB_CFA_SP:
		return w->regs.sp + rule->cfa_off;
	case PB_CFA_FP:
		return w->regs.fp + rule->cfa_off;
	case PB_CFA_REG:
		return w->regs.gpr[rule->reg % PB_GPRS] + rule->cfa_off;
	case PB_CFA_PLT:
		return w->regs.sp + rule->cfa_off +
		       ((w->regs.ip & 15) >= (__u16)rule->cfa_add ? 8 : 0);
	case PB_CFA_DEREF_SP:
		cfa = w->regs.sp + rule->cfa_off;
		break;
	case PB_CFA_DEREF_FP:
		cfa = w->regs.fp + rule->cfa_off;
		break;
	}
	if (bpf_probe_read_user(&cfa, sizeof(cfa), (void *)cfa))
		return 0;
	return cfa + rule->cfa_add;
}

/* Across a signal frame all registers are known again, and the stack may be another one. */
static __always_inline enum pb_walk_end pb_step_signal(struct pb_walk *w)
{
	struct pb_sigcontext context;

	if (bpf_probe_read_user(&context, sizeof(context),
				(void *)(w->regs.sp + PB_SIGCONTEXT_OFF)))
		return PB_END_UNREADABLE;
	pb_read_sigcontext(&w->regs, &context);
	w->is_return = 0; /* it was interrupted there */
	w->fp_steps = 0;
	return pb_is_user_code(w->regs.ip) ? PB_END_NOT_WALKED : PB_END_BAD_FRAME;
}

/* The caller's frame pointer and the return address, in one read where they lie side by side. */
static __always_inline bool pb_read_saved(const struct pb_walk *w,
					  const struct pb_unwind_rule *rule, __u64 cfa, __u64 *fp,
					  __u64 *ra)
{
	struct {
		__u64 fp;
		__u64 ra;
	} saved = {};
	__u64 at = cfa + rule->fp_off;

	if (rule->fp == PB_FP_CFA && rule->ra == PB_RA_CFA && rule->fp_off == rule->ra_off - 8) {
		if (bpf_probe_read_user(&saved, sizeof(saved), (void *)at))
			return false;
		*fp = saved.fp;
		*ra = saved.ra;
		return true;
	}
	*fp = rule->fp == PB_FP_UNDEFINED ? 0 : w->regs.fp;
	if (rule->fp == PB_FP_FP)
		at = w->regs.fp + rule->fp_off;
	/* One that cannot be read is not known; whether it is needed shows later. */
	if ((rule->fp == PB_FP_CFA || rule->fp == PB_FP_FP) &&
	    bpf_probe_read_user(fp, sizeof(*fp), (void *)at))
		*fp = 0;
	if (rule->ra == PB_RA_REG) {
		*ra = w->regs.gpr[rule->reg % PB_GPRS];
		return true;
	}
	return !bpf_probe_read_user(ra, sizeof(*ra), (void *)(cfa + rule->ra_off));
}

/*
 * Is the register of a rule, in a caller's frame, what it was when the event hit? The rules of callees that
 * save it are not kept, so one that callees may save is not known. What others may change serves
 * hand-written code that calls its own helpers, which leave it alone.
 */
static __always_inline bool pb_regs_last(const struct pb_unwind_rule *rule)
{
	if (rule->ra == PB_RA_REG)
		return false;
	return rule->cfa != PB_CFA_REG || !PB_CALLEE_SAVED(rule->reg);
}

/* Return: PB_END_NOT_WALKED to go on, else why the walk is over. */
static __always_inline enum pb_walk_end pb_step_rule(struct pb_walk *w,
						     const struct pb_unwind_rule *rule)
{
	/* Where a return address is taken for granted, its caller's frame must lie higher; not where it
	 * was popped into a register already (vfork() of glibc). */
	bool popped = rule->ra == PB_RA_REG && !w->is_return;
	__u64 lowest = w->regs.sp + ((PB_CFA_GROWS_AT_ONCE || w->is_return) && !popped ? 1 : 0);
	__u64 cfa, fp = 0, ra = 0;
	bool in_doubt;

	if (rule->cfa == PB_CFA_SIGNAL)
		return pb_step_signal(w);
	if (rule->cfa == PB_CFA_END)
		return PB_END_OUTERMOST;
	if (rule->cfa >= PB_CFA_UNSUPPORTED)
		return PB_END_UNSUPPORTED;
	if (w->is_return && !pb_regs_last(rule))
		return PB_END_UNSUPPORTED;
	if ((rule->cfa == PB_CFA_FP || rule->cfa == PB_CFA_DEREF_FP) && !w->regs.fp)
		return PB_END_BAD_FRAME;
	cfa = pb_find_cfa(w, rule);
	if (!cfa)
		return PB_END_UNREADABLE;
	if (cfa < lowest || cfa & 7 || cfa >= PB_USER_ADDR_LIMIT)
		return PB_END_BAD_FRAME;
	if (!pb_read_saved(w, rule, cfa, &fp, &ra))
		return PB_END_UNREADABLE;
	if (ra && ra == w->trampoline)
		ra = pb_uretprobe_resolve(w, PB_URETPROBE_SLOT(cfa)) ?: 1;
	ra = PB_RETURN_ADDR(ra);
	if (!ra)
		return PB_END_BOTTOM;
	if (!pb_is_user_code(ra))
		return PB_END_BAD_FRAME;
	in_doubt = w->is_return && rule->cfa == PB_CFA_REG;
	pb_step_to(w, ra, cfa, fp);
	w->in_doubt = in_doubt;
	w->fp_steps = 0;
	return PB_END_NOT_WALKED;
}

#endif
