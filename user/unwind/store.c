/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Rows are the bulk, so they decide where a table goes: segments are extents of rows, and a part is the
 * rows of consecutive pages within one of them. A segment's memory counts as ours while it is mapped
 * here, so that it is mapped for the filling only.
 */
#include "user/unwind/store.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "user/core/idtable.h"
#include "user/core/log.h"
#include "user/unwind/array.h"
#include "user/unwind/extent.h"
#include "user/unwind/table.h"

/* Rules that are always there. */
#define RULE_NONE        0
#define RULE_UNSUPPORTED 1
#define RULES_CONSTANT   2

/* Of the hash of rules, so that a chain holds one or two. */
#define RULE_BUCKETS (PB_UNWIND_RULES_MAX / 2)

/* A table larger than a segment begins in the rest of one only if that is worth a part. */
#define PART_ROWS_MIN (PB_UNWIND_SEGMENT_ROWS / 8)

struct segment {
	int fd;
	struct pb_extents *rows;
};

/* Rules that are new with a table. */
struct fresh_rules {
	uint16_t *ids; /* of those that are in use since, not yet in the map */
	uint32_t n;
};

struct pb_store {
	int segments_fd, pages_fd, rules_fd;
	struct segment segments[PB_UNWIND_SEGMENTS_MAX];
	uint32_t n_segments, segments_max;
	struct pb_extents *page_extents;
	struct pb_extents *rule_extents;
	struct pb_idtable *hasher;                /* stays empty, for it cannot delete */
	uint32_t rule_chains[RULE_BUCKETS];       /* the first rule of each, + 1; 0: none */
	uint32_t rule_next[PB_UNWIND_RULES_MAX];  /* in its chain, + 1; 0: the last */
	uint32_t rule_users[PB_UNWIND_RULES_MAX]; /* how often stored tables have it */
	struct pb_unwind_rule rules[PB_UNWIND_RULES_MAX];
};

static uint32_t *chain_of(struct pb_store *s, const struct pb_unwind_rule *rule)
{
	return &s->rule_chains[pb_idtable_hash(s->hasher, rule, sizeof(*rule)) % RULE_BUCKETS];
}

/*
 * The number of a rule among those of all modules, one more time in use. A new one still has to be written:
 * it is among the @fresh, whose numbers grow since the lowest is taken.
 */
static int use_rule(struct pb_store *s, const struct pb_unwind_rule *rule, uint16_t *id,
		    struct fresh_rules *fresh)
{
	uint32_t *chain = chain_of(s, rule);
	uint32_t found;

	for (found = *chain; found; found = s->rule_next[found - 1]) {
		if (memcmp(&s->rules[found - 1], rule, sizeof(*rule)) != 0)
			continue;
		s->rule_users[found - 1]++;
		*id = (uint16_t)(found - 1);
		return 0;
	}
	found = pb_extents_take(s->rule_extents, 1);
	if (found == PB_EXTENT_NONE)
		return -ENOSPC;
	s->rules[found] = *rule;
	s->rule_users[found] = 1;
	s->rule_next[found] = *chain;
	*chain = found + 1;
	fresh->ids[fresh->n++] = (uint16_t)found;
	*id = (uint16_t)found;
	return 0;
}

/* One user less. A rule without any is not found any more, and its number used again behind @until_ns. */
static void drop_rule(struct pb_store *s, uint32_t id, uint64_t until_ns)
{
	uint32_t *link = chain_of(s, &s->rules[id]);

	if (--s->rule_users[id])
		return;
	while (*link != id + 1)
		link = &s->rule_next[*link - 1];
	*link = s->rule_next[id];
	pb_extents_give(s->rule_extents, id, 1, until_ns);
}

/* Only what is new, since walks may be reading its neighbours. */
static int write_rules(struct pb_store *s, const struct fresh_rules *fresh)
{
	uint32_t i, n;
	int err = 0;

	for (i = 0; i < fresh->n && !err; i += n) {
		for (n = 1; i + n < fresh->n && fresh->ids[i + n] == fresh->ids[i] + n; n++)
			;
		err = pb_array_put(s->rules_fd, fresh->ids[i], n, &s->rules[fresh->ids[i]]);
	}
	return err;
}

static int use_rules(struct pb_store *s, const struct pb_unwind_table *t, struct pb_stored *stored)
{
	pb_autofree uint16_t *ids = calloc(t->n_rules ? t->n_rules : 1, sizeof(*ids));
	struct fresh_rules fresh = {.ids = ids};
	int err = 0;

	stored->rules = calloc(t->n_rules ? t->n_rules : 1, sizeof(*stored->rules));
	if (!ids || !stored->rules)
		return -ENOMEM;
	while (!err && stored->n_rules < t->n_rules) {
		err = use_rule(s, &t->rules[stored->n_rules], &stored->rules[stored->n_rules],
			       &fresh);
		stored->n_rules += !err;
	}
	return err ? err : write_rules(s, &fresh);
}

/* They have a user that never goes. */
static int add_constant_rules(struct pb_store *s)
{
	static const struct pb_unwind_rule constant[RULES_CONSTANT] = {
		[RULE_NONE] = {.cfa = PB_CFA_NONE},
		[RULE_UNSUPPORTED] = {.cfa = PB_CFA_UNSUPPORTED},
	};
	uint16_t ids[RULES_CONSTANT], id;
	struct fresh_rules fresh = {.ids = ids};
	uint32_t i;
	int err = 0;

	for (i = 0; i < RULES_CONSTANT && !err; i++)
		err = use_rule(s, &constant[i], &id, &fresh);
	return err ? err : write_rules(s, &fresh);
}

int pb_store_new(struct pb_store **out, const struct pb_store_maps *maps, uint64_t limit_bytes)
{
	pb_auto(pb_store) struct pb_store *s = calloc(1, sizeof(*s));
	uint64_t segments_max = limit_bytes / sizeof(struct pb_unwind_segment);
	int err;

	if (!s)
		return pb_err(ENOMEM, "keep unwind tables");
	if (segments_max > PB_UNWIND_SEGMENTS_MAX)
		segments_max = PB_UNWIND_SEGMENTS_MAX;
	s->segments_max = segments_max ? (uint32_t)segments_max : 1;
	s->segments_fd = maps->segments;
	s->pages_fd = maps->pages;
	s->rules_fd = maps->rules;
	if (pb_extents_new(&s->page_extents, PB_UNWIND_PAGES_MAX) ||
	    pb_extents_new(&s->rule_extents, PB_UNWIND_RULES_MAX) || pb_idtable_new(&s->hasher))
		return pb_err(ENOMEM, "keep unwind tables");
	err = add_constant_rules(s);
	if (err)
		return pb_err(-err, "keep unwind rules");
	*out = pb_take(s);
	return 0;
}

void pb_store_free(struct pb_store *s)
{
	uint32_t i;

	if (!s)
		return;
	for (i = 0; i < s->n_segments; i++) {
		close(s->segments[i].fd);
		pb_extents_free(s->segments[i].rows);
	}
	pb_extents_free(s->page_extents);
	pb_extents_free(s->rule_extents);
	pb_idtable_free(s->hasher);
	free(s);
}

/* One more segment, of the very shape that the map of segments was made for. */
static int add_segment(struct pb_store *s)
{
	const struct bpf_map_create_opts opts = {.sz = sizeof(opts), .map_flags = BPF_F_MMAPABLE};
	pb_auto(pb_extents) struct pb_extents *rows = NULL;
	uint32_t number = s->n_segments;
	pb_autoclose int fd = -1;
	int err = pb_extents_new(&rows, PB_UNWIND_SEGMENT_ROWS);

	if (err)
		return err;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "segment", sizeof(uint32_t),
			    sizeof(struct pb_unwind_segment), 1, &opts);
	if (fd < 0)
		return -errno;
	if (bpf_map_update_elem(s->segments_fd, &number, &fd, BPF_ANY))
		return -errno;
	s->segments[number] = (struct segment){.fd = pb_take_fd(fd), .rows = pb_take(rows)};
	s->n_segments++;
	return 0;
}

/*
 * Choose the segment for the next part of a table of which @rows rows are left, the next page having @page.
 * Return: it, or -ENOSPC; -ENOMEM; -errno of the kernel.
 */
static int choose_segment(struct pb_store *s, uint64_t rows, uint32_t page)
{
	bool may_add = s->n_segments < s->segments_max;
	uint32_t best = 0, largest = 0, room, i;
	int err;

	for (i = 0; i < s->n_segments; i++) {
		room = pb_extents_largest(s->segments[i].rows);
		if (room >= rows)
			return (int)i;
		if (room > largest) {
			largest = room;
			best = i;
		}
	}
	if (may_add &&
	    (rows <= PB_UNWIND_SEGMENT_ROWS || largest < PART_ROWS_MIN || largest < page)) {
		err = add_segment(s);
		return err ? err : (int)s->n_segments - 1;
	}
	return largest >= page && largest ? (int)best : -ENOSPC;
}

static uint64_t count_rows(const struct pb_unwind_table *t)
{
	uint64_t rows = 0;
	uint32_t i;

	for (i = 0; i < t->n_pages; i++)
		rows += t->pages[i].rows;
	return rows;
}

/* Take places for all rows, whole pages each time. What was taken stands in @out even on failure. */
static int place_rows(struct pb_store *s, const struct pb_unwind_table *t, struct pb_stored *out)
{
	uint64_t left = count_rows(t);
	struct pb_stored_part *parts;
	uint32_t page = 0, room, n;
	int segment;

	while (left) {
		while (!t->pages[page].rows)
			page++;
		segment = choose_segment(s, left, t->pages[page].rows);
		if (segment < 0)
			return segment;
		room = pb_extents_largest(s->segments[segment].rows);
		for (n = 0; page < t->n_pages && t->pages[page].rows <= room - n; page++)
			n += t->pages[page].rows;
		parts = reallocarray(out->parts, out->n_parts + 1, sizeof(*parts));
		if (!parts)
			return -ENOMEM;
		out->parts = parts;
		parts[out->n_parts++] = (struct pb_stored_part){
			.segment = (uint16_t)segment,
			.first = pb_extents_take(s->segments[segment].rows, n),
			.n = n,
		};
		left -= n;
	}
	return 0;
}

static void copy_page(uint32_t *to, const struct pb_unwind_table *t, uint32_t page,
		      const uint16_t *rule_ids)
{
	const uint32_t *from = &t->rows[t->pages[page].first];
	uint32_t i, rule;

	for (i = 0; i < t->pages[page].rows; i++) {
		rule = from[i] & 0xffff;
		rule = rule < t->n_rules ? rule_ids[rule] : RULE_UNSUPPORTED;
		to[i] = (from[i] & 0xffff0000) | rule;
	}
}

/* Copy the rows of the pages that make up a part, from @page on. Return: the page behind them; -errno. */
static int64_t fill_part(struct pb_store *s, const struct pb_unwind_table *t,
			 const struct pb_stored_part *part, uint32_t page,
			 struct pb_unwind_page *pages, const uint16_t *rule_ids)
{
	struct pb_unwind_segment *segment = mmap(NULL, sizeof(*segment), PROT_READ | PROT_WRITE,
						 MAP_SHARED, s->segments[part->segment].fd, 0);
	uint32_t done = 0;

	if (segment == MAP_FAILED)
		return -errno;
	for (; page < t->n_pages && t->pages[page].rows <= part->n - done; page++) {
		copy_page(&segment->rows[part->first + done], t, page, rule_ids);
		pages[page] = (struct pb_unwind_page){
			.first = t->pages[page].rows ? part->first + done : 0,
			.segment = part->segment,
			.rows = (uint16_t)t->pages[page].rows,
		};
		done += t->pages[page].rows;
	}
	munmap(segment, sizeof(*segment));
	return page;
}

static int fill(struct pb_store *s, const struct pb_unwind_table *t, struct pb_stored *stored)
{
	/* A table without a row has no part, and pages that cover nothing. */
	pb_autofree struct pb_unwind_page *pages = calloc(t->n_pages, sizeof(*pages));
	int64_t page = 0;
	uint32_t i;
	int err;

	if (!pages)
		return -ENOMEM;
	err = use_rules(s, t, stored);
	if (err)
		return err;
	for (i = 0; i < stored->n_parts; i++) {
		page = fill_part(s, t, &stored->parts[i], (uint32_t)page, pages, stored->rules);
		if (page < 0)
			return (int)page;
	}
	return pb_array_put(s->pages_fd, stored->first_page, t->n_pages, pages);
}

static int put(struct pb_store *s, const struct pb_unwind_table *t, struct pb_stored *stored)
{
	int err;

	stored->first_page = pb_extents_take(s->page_extents, t->n_pages);
	if (stored->first_page == PB_EXTENT_NONE)
		return -ENOSPC;
	stored->n_pages = t->n_pages;
	stored->bytes =
		count_rows(t) * sizeof(*t->rows) + t->n_pages * sizeof(struct pb_unwind_page);
	err = place_rows(s, t, stored);
	return err ? err : fill(s, t, stored);
}

int pb_store_put(struct pb_store *s, const struct pb_unwind_table *table, struct pb_stored *out)
{
	struct pb_stored stored = {0};
	uint32_t i;
	int err;

	if (!table->n_pages || table->n_pages > PB_UNWIND_PAGES_MAX ||
	    table->n_rules > PB_UNWIND_RULES_MAX - RULES_CONSTANT ||
	    count_rows(table) > (uint64_t)s->segments_max * PB_UNWIND_SEGMENT_ROWS)
		return -EFBIG;
	for (i = 0; i < table->n_pages; i++) {
		if (table->pages[i].rows > PB_UNWIND_PAGE_ROWS_MAX)
			return -EFBIG;
	}
	err = put(s, table, &stored);
	if (err) {
		/* Nobody has seen it, so that there is nothing to wait for. */
		pb_store_drop(s, &stored, 0);
		return err;
	}
	*out = stored;
	return 0;
}

void pb_store_drop(struct pb_store *s, struct pb_stored *stored, uint64_t until_ns)
{
	uint32_t i;

	for (i = 0; i < stored->n_parts; i++)
		pb_extents_give(s->segments[stored->parts[i].segment].rows, stored->parts[i].first,
				stored->parts[i].n, until_ns);
	if (stored->n_pages)
		pb_extents_give(s->page_extents, stored->first_page, stored->n_pages, until_ns);
	for (i = 0; i < stored->n_rules; i++)
		drop_rule(s, stored->rules[i], until_ns);
	pb_stored_free(stored);
}

void pb_stored_free(struct pb_stored *stored)
{
	free(stored->parts);
	free(stored->rules);
	*stored = (struct pb_stored){0};
}

void pb_store_settle(struct pb_store *s, uint64_t now_ns)
{
	uint32_t i;

	for (i = 0; i < s->n_segments; i++)
		pb_extents_settle(s->segments[i].rows, now_ns);
	pb_extents_settle(s->page_extents, now_ns);
	pb_extents_settle(s->rule_extents, now_ns);
}

uint32_t pb_store_rules_free(const struct pb_store *s)
{
	return PB_UNWIND_RULES_MAX - pb_extents_used(s->rule_extents);
}

uint64_t pb_store_bytes(const struct pb_store *s)
{
	return (uint64_t)s->n_segments * sizeof(struct pb_unwind_segment);
}
