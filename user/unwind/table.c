/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Two passes over the section. The first only notes where each FDE lies and what code it describes,
 * in 12 bytes, and sorts. The second runs the programs in order of address and writes the final
 * rows at once, so that nothing larger than the table is ever held.
 *
 * Addresses are kept relative to the page of the first executable byte, in 32 bits: 1 GB is the
 * most that a table covers.
 */
#include "user/unwind/table.h"

#include <errno.h>
#include <string.h>

#include "user/core/grow.h"
#include "user/unwind/cfi.h"

#define PAGE_SIZE   (1u << PB_UNWIND_PAGE_SHIFT)
#define PAGES_MAX   16384u
#define SPAN_MAX    ((uint64_t)PAGES_MAX << PB_UNWIND_PAGE_SHIFT)
#define SECTION_MAX (256u << 20)
#define FDES_MAX    (4u << 20)
#define ROWS_MAX    (16u << 20)
#define RULES_MAX   2048u /* the most that was seen in a real module is 884 */
#define PADDING_MAX 16u
#define ENTRY_SIZE  64u

/* Of the hash of rules: at most a quarter is in use, so a long chain is somebody's intention. */
#define RULE_SLOTS  (4 * RULES_MAX)
#define RULE_PROBES 64u

/* Rule 0, PB_CFA_NONE. */
#define NONE 0u

/* The offset of a range that no FDE describes: the code that begins the program. */
#define ENTRY (SECTION_MAX - 1)

/* Code [start, end) that is described by the entry at off. */
struct range {
	uint32_t start, end;
	uint32_t off : 30;
	uint32_t is_counted : 1;     /* as a function, or as malformed */
	uint32_t is_unsupported : 1; /* and so is this */
};

struct builder {
	const struct pb_unwind_source *source;
	struct pb_cfi *cfi;
	struct pb_unwind_table *t;
	uint64_t base; /* of relative addresses; that of the table is set at the end */
	struct range *ranges;
	uint32_t n_ranges, ranges_room;
	uint32_t rows_room, rules_room;
	uint32_t *open; /* ranges that began and did not end, the one in force last */
	uint32_t n_open, open_room;
	uint16_t slots[RULE_SLOTS]; /* index of a rule; 0: free */
	uint32_t unsupported;       /* index of that rule; 0: not used yet */
	uint32_t rule;              /* in force at the end of what is written */
	uint32_t page;              /* the last one begun; UINT32_MAX: none */
	uint32_t cursor;            /* up to here all is written */
	uint32_t covered;           /* and up to here by a rule */
	bool met_unsupported;       /* by the FDE under work */
	int err;                    /* of the rows of the FDE under work */
};

_Static_assert(SECTION_MAX <= 1u << 30, "an offset fits struct range");

static void free_builder(struct builder *b)
{
	pb_cfi_free(b->cfi);
	pb_unwind_table_free(b->t);
	free(b->ranges);
	free(b->open);
	free(b);
}

/* --- first pass --- */

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

const struct pb_unwind_range *pb_unwind_range_at(const struct pb_unwind_range *ranges, uint32_t n,
						 uint64_t addr)
{
	uint32_t lo = 0, hi = n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (ranges[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && addr < ranges[lo - 1].end ? &ranges[lo - 1] : NULL;
}

static const struct pb_unwind_range *find_code(const struct pb_unwind_source *s, uint64_t addr)
{
	return pb_unwind_range_at(s->code, s->n_code, addr);
}

static int add_range(struct builder *b, const struct pb_fde *fde, size_t off)
{
	const struct pb_unwind_range *code = find_code(b->source, fde->start);
	uint64_t start = fde->start - b->base, end;

	/* Linkers leave the FDEs of code that they threw away, at address 0 or about. */
	if (!code || fde->start == fde->end)
		return 0;
	if (start >= SPAN_MAX) {
		b->t->n_malformed++;
		return 0;
	}
	end = min_u64(min_u64(fde->end, code->end) - b->base, SPAN_MAX);
	if (b->n_ranges == FDES_MAX)
		return -EFBIG;
	if (pb_grow(&b->ranges, &b->ranges_room, b->n_ranges + 1ull, sizeof(*b->ranges)))
		return -ENOMEM;
	b->ranges[b->n_ranges++] = (struct range){.start = (uint32_t)start,
						  .end = (uint32_t)end,
						  .off = (uint32_t)off & (SECTION_MAX - 1)};
	return 0;
}

/* What begins the program is the outermost frame, also where nothing describes it. */
static int add_entry(struct builder *b)
{
	const struct pb_unwind_range *code = find_code(b->source, b->source->entry);
	struct pb_fde fde = {.start = b->source->entry};
	uint64_t start = fde.start - b->base, end;
	uint32_t i;

	if (!fde.start || !code || start >= SPAN_MAX)
		return 0;
	fde.end = fde.start + min_u64(ENTRY_SIZE, code->end - fde.start);
	for (i = 0; i < b->n_ranges; i++) {
		end = b->base + b->ranges[i].start;
		if (start >= b->ranges[i].start && start < b->ranges[i].end)
			return 0;
		if (end > fde.start && end < fde.end)
			fde.end = end;
	}
	return add_range(b, &fde, ENTRY);
}

static int collect(struct builder *b)
{
	enum pb_cfi_entry kind;
	size_t off = 0, next = 0;
	struct pb_fde fde;
	int err = 0;

	while (!err && (kind = pb_cfi_next(b->cfi, &next, &fde)) != PB_CFI_END) {
		if (kind == PB_CFI_MALFORMED)
			b->t->n_malformed++;
		if (pb_cfi_is_spent(b->cfi))
			break;
		if (kind == PB_CFI_FDE)
			err = add_range(b, &fde, off);
		off = next;
	}
	/* Without any FDE there is no table, and .debug_frame may have one. */
	return err || !b->n_ranges ? err : add_entry(b);
}

/* By start; those of equal start stay in the order of the section. O(n): there are 100,000. */
static int sort_ranges(struct builder *b)
{
	enum { BITS = 10, BUCKETS = 1 << BITS, PASSES = 3 };
	struct range *from = b->ranges, *to;
	uint32_t pass, i;

	_Static_assert(SPAN_MAX == 1ull << (BITS * PASSES), "all bits of a start are sorted by");
	for (i = 1; i < b->n_ranges && from[i - 1].start <= from[i].start; i++)
		;
	if (i >= b->n_ranges)
		return 0;
	to = malloc(b->n_ranges * sizeof(*to));
	if (!to)
		return -ENOMEM;
	for (pass = 0; pass < PASSES; pass++) {
		uint32_t places[BUCKETS] = {0}, sum = 0, shift = pass * BITS;
		struct range *swap = from;

		for (i = 0; i < b->n_ranges; i++)
			places[from[i].start >> shift & (BUCKETS - 1)]++;
		for (i = 0; i < BUCKETS; i++) {
			uint32_t n = places[i];

			places[i] = sum;
			sum += n;
		}
		for (i = 0; i < b->n_ranges; i++)
			to[places[from[i].start >> shift & (BUCKETS - 1)]++] = from[i];
		from = to;
		to = swap;
	}
	b->ranges = from;
	free(to);
	return 0;
}

/* --- rules --- */

static uint32_t hash_rule(const struct pb_unwind_rule *rule)
{
	uint64_t w[2], h;

	memcpy(w, rule, sizeof(w));
	h = (w[0] ^ w[0] >> 32) * 0x9e3779b97f4a7c15ull;
	h = (h ^ h >> 29 ^ w[1]) * 0xbf58476d1ce4e5b9ull;
	h = (h ^ h >> 32) * 0x94d049bb133111ebull;
	return (uint32_t)(h >> 32) % RULE_SLOTS;
}

static int append_rule(struct builder *b, const struct pb_unwind_rule *rule)
{
	struct pb_unwind_table *t = b->t;

	if (pb_grow(&t->rules, &b->rules_room, t->n_rules + 1ull, sizeof(*t->rules)))
		return -ENOMEM;
	t->rules[t->n_rules++] = *rule;
	return 0;
}

/* The index of a rule; that of PB_CFA_UNSUPPORTED, kept a place, if there are too many. */
static int find_rule(struct builder *b, const struct pb_unwind_rule *rule, uint32_t *out)
{
	static const struct pb_unwind_rule unsupported = {.cfa = PB_CFA_UNSUPPORTED};
	uint32_t slot = hash_rule(rule), probes;
	int err = 0;

	if (rule->cfa == PB_CFA_UNSUPPORTED) {
		if (!b->unsupported) {
			err = append_rule(b, &unsupported);
			b->unsupported = err ? 0 : b->t->n_rules - 1;
		}
		*out = b->unsupported;
		return err;
	}
	for (probes = 0; probes < RULE_PROBES && b->slots[slot]; probes++) {
		*out = b->slots[slot];
		if (!memcmp(&b->t->rules[*out], rule, sizeof(*rule)))
			return 0;
		slot = (slot + 1) % RULE_SLOTS;
	}
	if (probes == RULE_PROBES || b->t->n_rules >= RULES_MAX - !b->unsupported)
		return find_rule(b, &unsupported, out);
	err = append_rule(b, rule);
	if (err)
		return err;
	*out = b->t->n_rules - 1;
	b->slots[slot] = (uint16_t)*out;
	return 0;
}

/* --- rows --- */

static int put_row(struct builder *b, uint32_t off, uint32_t rule)
{
	struct pb_unwind_table *t = b->t;
	struct pb_unwind_span *page = &t->pages[b->page];

	/* The copy at the start of the page is not in force for a single byte. */
	if (page->rows && !off) {
		t->rows[t->n_rows - 1] = rule;
		return 0;
	}
	if (t->n_rows == ROWS_MAX || page->rows == PB_UNWIND_PAGE_ROWS_MAX)
		return -EFBIG;
	if (pb_grow(&t->rows, &b->rows_room, t->n_rows + 1ull, sizeof(*t->rows)))
		return -ENOMEM;
	t->rows[t->n_rows++] = off << 16 | rule;
	page->rows++;
	return 0;
}

/* Begin pages up to @page, each with a copy of the rule in force; without one they stay empty. */
static int begin_pages(struct builder *b, uint32_t page)
{
	int err = 0;

	while (!err && b->page != page) {
		b->page++;
		b->t->pages[b->page].first = b->t->n_rows;
		if (b->rule != NONE || b->page == page)
			err = put_row(b, 0, b->rule);
	}
	return err;
}

/* From @addr on, which is not before the last one, @rule is in force. */
static int set_rule(struct builder *b, uint32_t addr, uint32_t rule)
{
	uint32_t page = addr >> PB_UNWIND_PAGE_SHIFT, off = addr & (PAGE_SIZE - 1);
	int err;

	if (rule == b->rule)
		return 0;
	/* A page that begins uncovered is begun by the first rule in it, if there is one. */
	if (rule == NONE && !off) {
		err = begin_pages(b, page - 1);
		b->rule = NONE;
		return err;
	}
	err = begin_pages(b, page);
	if (!err)
		err = put_row(b, off, rule);
	b->rule = rule;
	return err;
}

static void on_row(void *ctx, uint64_t addr, const struct pb_unwind_rule *rule)
{
	struct builder *b = ctx;
	uint32_t id = b->rule;

	if (b->err)
		return;
	if (memcmp(&b->t->rules[id], rule, sizeof(*rule)) != 0)
		b->err = find_rule(b, rule, &id);
	if (!b->err)
		b->err = set_rule(b, (uint32_t)(addr - b->base), id);
	if (rule->cfa == PB_CFA_UNSUPPORTED || (id && id == b->unsupported))
		b->met_unsupported = true;
}

/* --- second pass --- */

/* A range that cannot be run stays uncovered; -ETIME where the budget is used up, and all behind it too. */
static int leave_out(struct builder *b, struct range *range)
{
	bool is_spent = pb_cfi_is_spent(b->cfi);

	if (!range->is_counted || is_spent)
		b->t->n_malformed++;
	range->is_counted = true;
	return is_spent ? -ETIME : 0;
}

/* Write the rows of a range in [from, to). */
static int run_range(struct builder *b, struct range *range, uint32_t from, uint32_t to)
{
	static const struct pb_unwind_rule outermost = {.cfa = PB_CFA_END};
	size_t off = range->off;
	struct pb_fde fde;
	int err = 0;

	if (off != ENTRY && pb_cfi_next(b->cfi, &off, &fde) != PB_CFI_FDE)
		return leave_out(b, range);
	if (from - b->covered >= PADDING_MAX)
		err = set_rule(b, b->covered, NONE);
	if (err)
		return err;
	b->met_unsupported = false;
	b->err = 0;
	if (range->off == ENTRY) {
		on_row(b, b->base + from, &outermost);
		b->covered = to;
		return b->err;
	}
	if (pb_cfi_run(b->cfi, &fde, b->base + from, b->base + to, on_row, b))
		return leave_out(b, range);
	b->t->n_functions += !range->is_counted;
	b->t->n_unsupported += b->met_unsupported && !range->is_unsupported;
	range->is_counted = true;
	range->is_unsupported |= b->met_unsupported;
	b->covered = to;
	return b->err;
}

/*
 * Write all that is in force up to @to. Where a range ends within another, that one is in force
 * again and run again, from there.
 */
static int write_up_to(struct builder *b, uint32_t to)
{
	int err = 0;

	while (!err) {
		struct range *range;
		uint32_t end;

		while (b->n_open && b->ranges[b->open[b->n_open - 1]].end <= b->cursor)
			b->n_open--;
		if (!b->n_open || b->cursor >= to)
			break;
		range = &b->ranges[b->open[b->n_open - 1]];
		end = range->end < to ? range->end : to;
		err = run_range(b, range, b->cursor, end);
		b->cursor = end;
	}
	return err;
}

static int open_range(struct builder *b, uint32_t i)
{
	if (pb_grow(&b->open, &b->open_room, b->n_open + 1ull, sizeof(*b->open)))
		return -ENOMEM;
	b->open[b->n_open++] = i;
	b->cursor = b->ranges[i].start;
	return 0;
}

static int write_rows(struct builder *b)
{
	const uint32_t n = b->n_ranges;
	uint32_t end = 0, i;
	int err = 0;

	for (i = 0; i < n; i++)
		if (b->ranges[i].end > end)
			end = b->ranges[i].end;
	b->t->n_pages = (end >> PB_UNWIND_PAGE_SHIFT) + 1;
	b->t->pages = calloc(b->t->n_pages, sizeof(*b->t->pages));
	if (!b->t->pages)
		return -ENOMEM;
	b->page = UINT32_MAX;
	for (i = 0; !err && i < n; i++) {
		err = write_up_to(b, b->ranges[i].start);
		if (!err)
			err = open_range(b, i);
	}
	if (!err)
		err = write_up_to(b, end);
	/* What could be had for the budget is as good as ever. */
	if (!err || err == -ETIME)
		err = set_rule(b, b->covered, NONE);
	return err;
}

/* Leave out pages at both ends that nothing covers, and give back what was allocated ahead. */
static void trim(struct builder *b)
{
	struct pb_unwind_table *t = b->t;
	uint32_t empty = 0;
	void *smaller;

	t->n_pages = b->page + 1;
	while (!t->pages[empty].rows)
		empty++;
	t->n_pages -= empty;
	memmove(t->pages, t->pages + empty, t->n_pages * sizeof(*t->pages));
	t->base = b->base + ((uint64_t)empty << PB_UNWIND_PAGE_SHIFT);
	smaller = realloc(t->pages, t->n_pages * sizeof(*t->pages));
	t->pages = smaller ? smaller : t->pages;
	smaller = realloc(t->rows, t->n_rows * sizeof(*t->rows));
	t->rows = smaller ? smaller : t->rows;
	smaller = realloc(t->rules, t->n_rules * sizeof(*t->rules));
	t->rules = smaller ? smaller : t->rules;
}

static int build(struct builder *b)
{
	static const struct pb_unwind_rule none = {.cfa = PB_CFA_NONE};
	int err;

	b->t = calloc(1, sizeof(*b->t));
	if (!b->t)
		return -ENOMEM;
	err = pb_cfi_new(&b->cfi, b->source);
	if (err)
		return err;
	if (!b->source->n_code)
		return -ENODATA;
	b->base = b->source->code[0].start & ~(uint64_t)(PAGE_SIZE - 1);
	err = append_rule(b, &none);
	if (!err)
		err = collect(b);
	if (!err)
		err = sort_ranges(b);
	if (!err)
		err = write_rows(b);
	if (err)
		return err;
	if (!b->t->n_rows)
		return b->t->n_malformed ? -EPROTO : -ENODATA;
	trim(b);
	return 0;
}

int pb_unwind_compile(struct pb_unwind_table **out, const struct pb_unwind_source *source)
{
	struct builder *b;
	int err;

	if (source->size > SECTION_MAX)
		return -EFBIG;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	b->source = source;
	err = build(b);
	if (!err)
		*out = pb_take(b->t);
	free_builder(b);
	return err;
}

void pb_unwind_table_free(struct pb_unwind_table *t)
{
	if (!t)
		return;
	free(t->pages);
	free(t->rows);
	free(t->rules);
	free(t);
}

const struct pb_unwind_rule *pb_unwind_lookup(const struct pb_unwind_table *t, uint64_t vaddr)
{
	uint64_t page = (vaddr - t->base) >> PB_UNWIND_PAGE_SHIFT;
	uint32_t off = vaddr & (PAGE_SIZE - 1), lo, hi;

	if (vaddr < t->base || page >= t->n_pages || !t->pages[page].rows)
		return &t->rules[NONE];
	/* The first row of a page is at its first byte. */
	lo = t->pages[page].first;
	hi = lo + t->pages[page].rows;
	while (hi - lo > 1) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->rows[mid] >> 16 <= off)
			lo = mid;
		else
			hi = mid;
	}
	return &t->rules[t->rows[lo] & UINT16_MAX];
}
