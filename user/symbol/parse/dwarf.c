/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where an address lies is known by the spans of units, of a unit's functions, and of a function's inlined
 * calls: in each the narrowest, or deepest, one counts.
 */
#include "user/symbol/parse/dwarf.h"

#include <dwarf.h>
#include <errno.h>
#include <string.h>

#include "user/core/grow.h"
#include "user/symbol/parse/dwarf_parts.h"

#define CALLS_MAX (1u << 20) /* inlined into one function */

/* An inlined call of the function at hand. */
struct pb_dwarf_call {
	void *die;
	uint32_t parent; /* the call that it is inlined into; PB_DWARF_NONE: the function itself */
	uint32_t depth;  /* 1: inlined into the function itself */
};

/* ---- inlined calls ---- */

/* What may lie between a function and what is inlined there. */
static bool holds_calls(int tag)
{
	switch (tag) {
	case DW_TAG_inlined_subroutine:
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt:
	case DW_TAG_call_site:
	case DW_TAG_GNU_call_site:
		return true;
	default:
		return false;
	}
}

static int add_call(struct pb_dwarf *d, Dwarf_Die *die, uint32_t parent)
{
	int err = pb_grow(&d->calls, &d->calls_room, (uint64_t)d->n_calls + 1, sizeof(*d->calls));

	if (err || d->n_calls >= CALLS_MAX)
		return err ? err : -E2BIG;
	d->calls[d->n_calls] = (struct pb_dwarf_call){
		.die = die->addr,
		.parent = parent,
		.depth = parent == PB_DWARF_NONE ? 1 : d->calls[parent].depth + 1};
	return pb_dwarf_entry_ranges(d, die, &d->call_spans, d->n_calls++);
}

/* All inlined calls of a function. One with too many is shown without. */
static void read_calls(struct pb_dwarf *d, const struct pb_dwarf_unit *u, void *function)
{
	Dwarf_Die die = {.addr = function, .cu = u->die.cu};
	uint32_t around[PB_DWARF_DEPTH_MAX + 1]; /* by level: the call that entries there lie in */
	uint64_t n_ranges = d->n_ranges;
	bool into = true;
	uint32_t level = 0;
	int err = 0;

	if (d->function == function)
		return;
	d->function = function;
	d->n_calls = d->call_spans.n = 0;
	around[1] = PB_DWARF_NONE;
	while (!err && pb_dwarf_entry_next(u, &die, into, &level)) {
		int tag = dwarf_tag(&die);
		uint32_t call = around[level];

		if (tag == DW_TAG_inlined_subroutine) {
			err = add_call(d, &die, call);
			call = d->n_calls - 1;
		}
		into = level < PB_DWARF_DEPTH_MAX && holds_calls(tag);
		if (into)
			around[level + 1] = call;
	}
	if (err)
		d->n_calls = d->call_spans.n = 0;
	d->n_ranges = n_ranges;
	pb_dwarf_span_sort(&d->call_spans);
}

/* ---- look-up ---- */

/* The narrowest function that holds an address. */
struct search {
	struct pb_dwarf *d;
	uint64_t vaddr;
	struct pb_dwarf_unit *unit; /* of the span that is being visited */
	struct pb_dwarf_unit *best_unit;
	const struct pb_dwarf_span *best; /* NULL: none yet */
};

static void visit_function(void *ctx, const struct pb_dwarf_span *span)
{
	struct search *s = ctx;

	if (s->best && span->end - span->start >= s->best->end - s->best->start)
		return;
	s->best = span;
	s->best_unit = s->unit;
}

static void visit_unit(void *ctx, const struct pb_dwarf_span *span)
{
	struct search *s = ctx;

	s->unit = &s->d->units[span->what];
	pb_dwarf_unit_read(s->d, s->unit);
	pb_dwarf_span_visit(&s->unit->spans, s->vaddr, visit_function, s);
}

/* The deepest call that holds an address; of two, the narrower one. */
struct call_search {
	const struct pb_dwarf_call *calls;
	const struct pb_dwarf_span *best;
};

static void visit_call(void *ctx, const struct pb_dwarf_span *span)
{
	struct call_search *s = ctx;
	uint32_t depth = s->calls[span->what].depth;

	if (s->best) {
		uint32_t best = s->calls[s->best->what].depth;

		if (depth < best ||
		    (depth == best && span->end - span->start >= s->best->end - s->best->start))
			return;
	}
	s->best = span;
}

/* Writing frames from the inside out, where there may be room for the outer ones only. */
static uint32_t push_frame(struct pb_dwarf_frame *frames, uint32_t n, uint32_t max,
			   const struct pb_dwarf_frame *frame)
{
	if (n == max)
		memmove(frames, frames + 1, --n * sizeof(*frames));
	frames[n] = *frame;
	return n + 1;
}

static uint32_t fill_frames(struct pb_dwarf *d, const struct search *found,
			    struct pb_dwarf_frame *frames, uint32_t max)
{
	struct pb_dwarf_unit *u = found->best_unit;
	Dwarf_Die function = {.addr = u->functions[found->best->what], .cu = u->die.cu};
	struct call_search s = {0};
	struct pb_dwarf_frame frame;
	uint32_t n = 0, call;

	pb_dwarf_line_read(d, u);
	read_calls(d, u, function.addr);
	s.calls = d->calls;
	pb_dwarf_span_visit(&d->call_spans, found->vaddr, visit_call, &s);
	pb_dwarf_line_find(d, u, found->vaddr, &frame);
	for (call = s.best ? s.best->what : PB_DWARF_NONE; call != PB_DWARF_NONE;
	     call = d->calls[call].parent) {
		Dwarf_Die die = {.addr = d->calls[call].die, .cu = u->die.cu};

		pb_dwarf_name_read(d, u, die, &frame);
		if (*frame.name || *frame.linkage_name)
			n = push_frame(frames, n, max, &frame);
		pb_dwarf_line_of_call(d, u, &die, &frame);
	}
	pb_dwarf_name_read(d, u, function, &frame);
	return push_frame(frames, n, max, &frame);
}

/* Code of a unit that no function covers: assembly, and what gcc folded into an equal function. */
struct line_search {
	struct pb_dwarf *d;
	uint64_t vaddr;
	struct pb_dwarf_frame frame;
};

static void visit_lines(void *ctx, const struct pb_dwarf_span *span)
{
	struct line_search *s = ctx;
	struct pb_dwarf_unit *u = &s->d->units[span->what];

	if (s->frame.line)
		return;
	pb_dwarf_line_read(s->d, u);
	pb_dwarf_line_find(s->d, u, s->vaddr, &s->frame);
}

static uint32_t find_line_only(struct pb_dwarf *d, uint64_t vaddr, struct pb_dwarf_frame *out)
{
	struct line_search s = {.d = d, .vaddr = vaddr};

	pb_dwarf_span_visit(&d->by_addr, vaddr, visit_lines, &s);
	if (!s.frame.line)
		return 0;
	s.frame.name = s.frame.linkage_name = "";
	s.frame.scope_len = 0;
	*out = s.frame;
	return 1;
}

uint32_t pb_dwarf_find(struct pb_dwarf *d, uint64_t vaddr, struct pb_dwarf_frame *frames,
		       uint32_t max, uint64_t *start)
{
	struct search s = {.d = d, .vaddr = vaddr};

	if (!max || !pb_dwarf_is_code(d, vaddr))
		return 0;
	pb_dwarf_span_visit(&d->by_addr, vaddr, visit_unit, &s);
	if (!s.best && !d->all_ranged) {
		pb_dwarf_unit_range_all(d);
		pb_dwarf_span_visit(&d->by_addr, vaddr, visit_unit, &s);
	}
	*start = s.best ? s.best->start : UINT64_MAX;
	return s.best ? fill_frames(d, &s, frames, max) : find_line_only(d, vaddr, frames);
}
