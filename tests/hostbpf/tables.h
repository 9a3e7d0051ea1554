/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Unwind tables for the process of a scene, as the user half would publish them (bpf/abi/unwind.h). Code is
 * given as the places where the rule changes; pages and their first rows follow from that.
 */
#ifndef PB_TESTS_HOSTBPF_TABLES_H
#define PB_TESTS_HOSTBPF_TABLES_H

#include "tests/hostbpf/scene.h"

/* Segments whose rows exist; each is a megabyte once it is used. */
#define TABLES_SEGMENTS 3
/* Where a module's first byte is mapped, in its own addresses: not where a page of a table begins. */
#define TABLES_VADDR    0x8000ull

/* What compilers make most. */
#define RULE_SP(off)                                                                               \
	{                                                                                          \
		.cfa = PB_CFA_SP, .cfa_off = (off), .ra_off = -8                                   \
	}
#define RULE_FP                                                                                    \
	{                                                                                          \
		.cfa = PB_CFA_FP, .fp = PB_FP_CFA, .cfa_off = 16, .fp_off = -16, .ra_off = -8      \
	}
#define RULE_KIND(kind)                                                                            \
	{                                                                                          \
		.cfa = (kind)                                                                      \
	}

/* From @addr on, this rule; cfa = PB_CFA_NONE where no rule covers the code. */
struct tables_code {
	__u64 addr;
	struct pb_unwind_rule rule;
};

/* What is published so far. Rule 0 is always PB_CFA_NONE. */
struct tables {
	__u32 n_mappings, n_pages, n_rows, n_rules;
};

static struct pb_segment_map tables_segments[TABLES_SEGMENTS];

/* Maps that hold @mappings, @pages and @rules elements; fewer than in the kernel, so that more can go wrong. */
static inline void tables_open_sized(struct tables *t, size_t n_mappings, size_t n_pages,
				     size_t n_rules)
{
	__u32 i;

	*t = (struct tables){.n_rules = 1};
	HOST_MAP(processes);
	HOST_MAP_OF(mappings, n_mappings);
	HOST_MAP_OF(pages, n_pages);
	HOST_MAP_OF(rules, n_rules);
	HOST_MAP(missed);
	host_define_ring(&misses, HOST_NUMBER(misses.max_entries));
	HOST_OUTER(segments);
	for (i = 0; i < TABLES_SEGMENTS; i++) {
		host_define_map(&tables_segments[i], BPF_MAP_TYPE_ARRAY, sizeof(__u32),
				HOST_NUMBER(tables_segments[i].value_size), 1);
		host_set_inner(&segments, i, &tables_segments[i]);
	}
}

static inline void tables_open(struct tables *t)
{
	tables_open_sized(t, PB_UNWIND_MAPPINGS_MAX, PB_UNWIND_PAGES_MAX, PB_UNWIND_RULES_MAX);
}

static inline __u32 *tables_rows(__u32 segment)
{
	__u32 zero = 0;

	return ((struct pb_unwind_segment *)host_map_value(&tables_segments[segment], &zero, 0))
		->rows;
}

/* Where element @i of mappings, pages or rules lies. */
#define TABLES_AT(map, i) ((__typeof__((map).value))host_map_value(&(map), &(__u32){i}, 0))

static inline __u32 tables_rule(struct tables *t, const struct pb_unwind_rule *rule)
{
	__u32 i;

	if (rule->cfa == PB_CFA_NONE)
		return 0;
	for (i = 1; i < t->n_rules; i++) {
		if (!memcmp(TABLES_AT(rules, i), rule, sizeof(*rule)))
			return i;
	}
	*TABLES_AT(rules, t->n_rules) = *rule;
	return t->n_rules++;
}

static inline void tables_row(struct tables *t, __u32 offset, __u32 rule)
{
	tables_rows(0)[t->n_rows++] = offset << 16 | rule;
	TABLES_AT(pages, t->n_pages)->rows++;
}

/* One more page, [start, start + 64 KB), with a row for its beginning and one for each change within. */
static inline void tables_page(struct tables *t, const struct tables_code *code, size_t n,
			       __u64 start)
{
	__u32 in_force = 0;
	size_t i;

	*TABLES_AT(pages, t->n_pages) = (struct pb_unwind_page){.first = t->n_rows};
	for (i = 0; i < n && code[i].addr <= start; i++)
		in_force = tables_rule(t, &code[i].rule);
	tables_row(t, 0, in_force);
	for (; i < n && code[i].addr - start < 1u << PB_UNWIND_PAGE_SHIFT; i++)
		tables_row(t, code[i].addr - start, tables_rule(t, &code[i].rule));
	t->n_pages++;
}

static inline void tables_map(struct tables *t, const struct pb_unwind_mapping *mapping)
{
	*TABLES_AT(mappings, t->n_mappings++) = *mapping;
}

/* A module mapped at @start with the rules of @code, which is in order; without any, a JIT's memory. */
static inline void tables_module(struct tables *t, __u64 start, __u64 size,
				 const struct tables_code *code, size_t n)
{
	struct pb_unwind_mapping m = {.start = start,
				      .size = size,
				      .bias = start - TABLES_VADDR,
				      .first_page = t->n_pages};
	__u64 page;

	for (page = m.bias; n && page < start + size; page += 1u << PB_UNWIND_PAGE_SHIFT)
		tables_page(t, code, n, page);
	m.n_pages = t->n_pages - m.first_page;
	tables_map(t, &m);
}

/* Publish mappings @first to @first + @n as those of a process. */
static inline void tables_process(__u32 tgid, __u64 owner, __u32 first, __u32 n)
{
	struct pb_unwind_process p = {.owner = owner, .first = first, .n = n};

	bpf_map_update_elem(&processes, &tgid, &p, BPF_ANY);
}

#endif
