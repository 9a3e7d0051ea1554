/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/parse/dwarf_parts.h"

#include <stdlib.h>

#include "user/core/grow.h"

int pb_dwarf_span_add(struct pb_dwarf_spans *s, uint64_t start, uint64_t end, uint32_t what)
{
	int err = pb_grow(&s->a, &s->room, (uint64_t)s->n + 1, sizeof(*s->a));

	if (err)
		return err;
	s->a[s->n++] = (struct pb_dwarf_span){.start = start, .end = end, .what = what};
	return 0;
}

/* By start; what is found first in the file stays first. */
static int compare_spans(const void *pa, const void *pb)
{
	const struct pb_dwarf_span *a = pa, *b = pb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->what < b->what ? -1 : a->what > b->what;
}

static uint64_t set_reach(struct pb_dwarf_spans *s, uint32_t lo, uint32_t hi)
{
	uint32_t mid = lo + (hi - lo) / 2;
	uint64_t reach, below;

	if (lo == hi)
		return 0;
	reach = s->a[mid].end;
	below = set_reach(s, lo, mid);
	reach = below > reach ? below : reach;
	below = set_reach(s, mid + 1, hi);
	reach = below > reach ? below : reach;
	s->a[mid].reach = reach;
	return reach;
}

void pb_dwarf_span_sort(struct pb_dwarf_spans *s)
{
	if (s->n > 1)
		qsort(s->a, s->n, sizeof(*s->a), compare_spans);
	set_reach(s, 0, s->n);
}

/* All of the spans @lo to @hi that hold @addr, in their order. */
static void visit_some(const struct pb_dwarf_spans *s, uint32_t lo, uint32_t hi, uint64_t addr,
		       pb_dwarf_visit *visit, void *ctx)
{
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const struct pb_dwarf_span *at = &s->a[mid];

		if (at->reach <= addr)
			return;
		visit_some(s, lo, mid, addr, visit, ctx);
		if (at->start > addr)
			return;
		if (at->end > addr)
			visit(ctx, at);
		lo = mid + 1;
	}
}

void pb_dwarf_span_visit(const struct pb_dwarf_spans *s, uint64_t addr, pb_dwarf_visit *visit,
			 void *ctx)
{
	visit_some(s, 0, s->n, addr, visit, ctx);
}
