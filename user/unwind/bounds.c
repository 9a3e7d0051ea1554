/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Ranges of FDEs are sorted by start. In what compilers write they do not overlap, and one binary
 * search finds the range of an address. Where they do (assembly, hostile files), a sweep settles once
 * which is the narrowest at each address: a heap holds the ranges that are open at the sweep's
 * position, the narrowest on top, and every change of the top closes a span.
 */
#include "user/unwind/bounds.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "user/core/elf.h"
#include "user/core/grow.h"
#include "user/unwind/cfi.h"
#include "user/unwind/section.h"
#include "user/unwind/table.h"

#define RANGES_MAX (4u << 20)
/* Bytes of a stub that tell what it is. */
#define STUB_HEAD  8

/* [start, end) belongs to ranges[range]. */
struct span {
	uint64_t start, end;
	uint32_t range;
};

struct pb_bounds {
	struct pb_unwind_range *ranges; /* sorted */
	uint32_t n_ranges, ranges_room;
	struct span *spans; /* sorted, apart; NULL if the ranges themselves are */
	uint32_t n_spans, spans_room;
};

/* What decides whether an FDE is one function. */
struct scope {
	const struct pb_elf *e;
	struct pb_unwind_range *code;
	uint32_t n_code;
	struct pb_unwind_range plts[PB_ELF_PLTS];
	uint32_t n_plts;
	bool has_sections;
};

void pb_bounds_free(struct pb_bounds *b)
{
	if (!b)
		return;
	free(b->ranges);
	free(b->spans);
	free(b);
}

/* --- which FDEs count --- */

static int find_plts(struct scope *s)
{
	struct pb_elf_section section;
	Elf64_Shdr *sections;
	uint32_t n, i;
	int err;

	err = pb_elf_sections(s->e, &sections, &n);
	if (err)
		return err == -ENOMEM ? err : 0;
	free(sections);
	s->has_sections = n > 0;
	for (i = 0; s->has_sections && i < PB_ELF_PLTS; i++) {
		err = pb_elf_plt(s->e, i, &section);
		if (err == -ENOMEM)
			return err;
		if (err)
			continue;
		s->plts[s->n_plts++] =
			(struct pb_unwind_range){section.vaddr, section.vaddr + section.size};
		free(section.bytes);
	}
	return 0;
}

/* Without names of sections, by its code: an indirect jump, or the push before the jump to the linker,
 * behind a landing pad perhaps. A function that is nothing else loses its start, and no more. */
static bool begins_with_stub(const struct scope *s, uint64_t vaddr)
{
	static const uint8_t landing[] = {0xf3, 0x0f, 0x1e, 0xfa};
	pb_autofree void *bytes = NULL;
	const uint8_t *p;
	uint64_t off = 0;

	if (pb_unwind_in_file(s->e, vaddr, &off) < STUB_HEAD ||
	    pb_elf_read(s->e, off, STUB_HEAD, &bytes))
		return false;
	p = bytes;
	if (!memcmp(p, landing, sizeof(landing)))
		p += sizeof(landing);
	if (*p == 0xf2)
		p++;
	return p[0] == 0xff && (p[1] == 0x25 || p[1] == 0x35);
}

static bool is_plt(const struct scope *s, const struct pb_fde *fde)
{
	uint32_t i;

	if (!s->has_sections)
		return pb_elf_machine(s->e) == EM_X86_64 && begins_with_stub(s, fde->start);
	for (i = 0; i < s->n_plts; i++)
		if (fde->start < s->plts[i].end && fde->end > s->plts[i].start)
			return true;
	return false;
}

/* Code that is mapped. Linkers leave the FDEs of code that they threw away, at address 0 or about. */
static bool clip_to_code(const struct scope *s, struct pb_fde *fde)
{
	const struct pb_unwind_range *code = pb_unwind_range_at(s->code, s->n_code, fde->start);

	if (!code)
		return false;
	if (fde->end > code->end)
		fde->end = code->end;
	return fde->end > fde->start;
}

static int add_range(struct pb_bounds *b, const struct scope *s, struct pb_fde *fde)
{
	/* libc begins the range of its return from a signal a byte before that function, so that the
	 * unwinder, which looks before a return address, finds it. */
	if (fde->is_signal || !clip_to_code(s, fde) || is_plt(s, fde))
		return 0;
	if (b->n_ranges == RANGES_MAX)
		return -EFBIG;
	if (pb_grow(&b->ranges, &b->ranges_room, b->n_ranges + 1ull, sizeof(*b->ranges)))
		return -ENOMEM;
	b->ranges[b->n_ranges++] = (struct pb_unwind_range){fde->start, fde->end};
	return 0;
}

static int collect_from(struct pb_bounds *b, const struct scope *s,
			const struct pb_unwind_source *source)
{
	pb_auto(pb_cfi) struct pb_cfi *cfi = NULL;
	enum pb_cfi_entry kind;
	bool is_malformed = false;
	struct pb_fde fde;
	size_t off = 0;
	int err;

	err = pb_cfi_new(&cfi, source);
	while (!err && !pb_cfi_is_spent(cfi) &&
	       (kind = pb_cfi_next(cfi, &off, &fde)) != PB_CFI_END) {
		if (kind == PB_CFI_FDE)
			err = add_range(b, s, &fde);
		is_malformed |= kind == PB_CFI_MALFORMED;
	}
	if (err || b->n_ranges)
		return err;
	return is_malformed ? -EPROTO : -ENODATA;
}

/* Return: -ENODATA without a range, -EPROTO likewise if something was malformed. */
static int collect(struct pb_bounds *b, const struct scope *s, bool debug_frame)
{
	struct pb_unwind_source source = {.machine = pb_elf_machine(s->e),
					  .debug_frame = debug_frame};
	struct pb_elf_section section = {0};
	int err;

	err = pb_unwind_section(s->e, debug_frame, &section);
	if (err)
		return err;
	source.bytes = section.bytes;
	source.size = section.size;
	source.vaddr = section.vaddr;
	err = collect_from(b, s, &source);
	free(section.bytes);
	return err;
}

/* --- which of several is the narrowest --- */

/* What the sweep carries along. */
struct sweep {
	struct pb_bounds *b;
	uint64_t pos;   /* spans are settled below */
	uint32_t *heap; /* indices of ranges that began */
	uint32_t n_heap;
};

static int compare_ranges(const void *pa, const void *pb)
{
	const struct pb_unwind_range *a = pa, *b = pb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->end < b->end ? -1 : a->end > b->end;
}

/* Of equal ones the later start, so that the choice does not depend on the order in the section. */
static bool is_narrower(const struct pb_bounds *b, uint32_t x, uint32_t y)
{
	uint64_t width_x = b->ranges[x].end - b->ranges[x].start;
	uint64_t width_y = b->ranges[y].end - b->ranges[y].start;

	return width_x != width_y ? width_x < width_y : x > y;
}

static void heap_push(struct sweep *s, uint32_t range)
{
	uint32_t i = s->n_heap++;

	while (i && is_narrower(s->b, range, s->heap[(i - 1) / 2])) {
		s->heap[i] = s->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	s->heap[i] = range;
}

static void heap_pop(struct sweep *s)
{
	uint32_t last = s->heap[--s->n_heap], i = 0, child;

	while ((child = 2 * i + 1) < s->n_heap) {
		if (child + 1 < s->n_heap && is_narrower(s->b, s->heap[child + 1], s->heap[child]))
			child++;
		if (!is_narrower(s->b, s->heap[child], last))
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = last;
}

static int emit(struct sweep *s, uint64_t end, uint32_t range)
{
	struct pb_bounds *b = s->b;

	if (pb_grow(&b->spans, &b->spans_room, b->n_spans + 1ull, sizeof(*b->spans)))
		return -ENOMEM;
	b->spans[b->n_spans++] = (struct span){s->pos, end, range};
	s->pos = end;
	return 0;
}

static int sweep_to(struct sweep *s, uint64_t limit)
{
	int err = 0;

	while (!err && s->n_heap && s->pos < limit) {
		uint64_t end = s->b->ranges[s->heap[0]].end;

		if (end <= s->pos)
			heap_pop(s);
		else
			err = emit(s, end < limit ? end : limit, s->heap[0]);
	}
	s->pos = limit;
	return err;
}

static int settle(struct pb_bounds *b)
{
	pb_autofree uint32_t *heap = NULL;
	struct sweep s = {.b = b};
	bool is_apart = true;
	uint32_t i;
	int err = 0;

	qsort(b->ranges, b->n_ranges, sizeof(*b->ranges), compare_ranges);
	for (i = 1; i < b->n_ranges && is_apart; i++)
		is_apart = b->ranges[i - 1].end <= b->ranges[i].start;
	if (is_apart)
		return 0;
	heap = malloc(b->n_ranges * sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	s.heap = heap;
	for (i = 0; !err && i < b->n_ranges; i++) {
		err = sweep_to(&s, b->ranges[i].start);
		heap_push(&s, i);
	}
	return err ? err : sweep_to(&s, UINT64_MAX);
}

int pb_bounds_new(struct pb_bounds **out, const struct pb_elf *e)
{
	pb_auto(pb_bounds) struct pb_bounds *b = NULL;
	pb_autofree struct pb_unwind_range *code = NULL;
	struct scope s = {.e = e};
	int err;

	if (!pb_elf_is64(e))
		return -ENOEXEC;
	err = pb_unwind_code(e, &code, &s.n_code);
	if (!err)
		err = find_plts(&s);
	if (err)
		return err;
	s.code = code;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	err = collect(b, &s, false);
	if (err == -ENODATA)
		err = collect(b, &s, true);
	if (!err)
		err = settle(b);
	if (err)
		return err;
	*out = pb_take(b);
	return 0;
}

/* The range at @vaddr, or NULL, where ranges overlap. */
static const struct pb_unwind_range *find_span(const struct pb_bounds *b, uint64_t vaddr)
{
	uint32_t lo = 0, hi = b->n_spans;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (b->spans[mid].start <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && vaddr < b->spans[lo - 1].end ? &b->ranges[b->spans[lo - 1].range] : NULL;
}

int pb_bounds_find(const struct pb_bounds *b, uint64_t vaddr, uint64_t *start, uint64_t *end)
{
	const struct pb_unwind_range *r =
		b->spans ? find_span(b, vaddr) : pb_unwind_range_at(b->ranges, b->n_ranges, vaddr);

	if (!r)
		return -ENOENT;
	*start = r->start;
	*end = r->end;
	return 0;
}
