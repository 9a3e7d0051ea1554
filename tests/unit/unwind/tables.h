/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The maps of bpf/lib/step_rule.bpf.h and process.bpf.h, made here, and what a walk would read in them. */
#ifndef PB_TESTS_UNWIND_TABLES_H
#define PB_TESTS_UNWIND_TABLES_H

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bpf/abi/unwind.h"

struct tables {
	int segments, pages, rules, mappings, processes, misses;
	/* Read only, mapped at the first look. */
	const struct pb_unwind_segment *segment[PB_UNWIND_SEGMENTS_MAX];
};

static inline int make_array(const char *name, uint32_t value_size, uint32_t n)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

	return bpf_map_create(BPF_MAP_TYPE_ARRAY, name, 4, value_size, n, &opts);
}

static inline int make_segments(void)
{
	int shape = make_array("shape", sizeof(struct pb_unwind_segment), 1);
	LIBBPF_OPTS(bpf_map_create_opts, opts, .inner_map_fd = (uint32_t)shape);
	int fd;

	if (shape < 0)
		return shape;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "segments", 4, 4, PB_UNWIND_SEGMENTS_MAX,
			    &opts);
	close(shape);
	return fd;
}

/* Return: whether that is permitted here. */
static inline bool make_tables(struct tables *t, uint32_t processes_max)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);

	*t = (struct tables){
		.segments = make_segments(),
		.pages = make_array("pages", sizeof(struct pb_unwind_page), PB_UNWIND_PAGES_MAX),
		.rules = make_array("rules", sizeof(struct pb_unwind_rule), PB_UNWIND_RULES_MAX),
		.mappings = make_array("mappings", sizeof(struct pb_unwind_mapping),
				       PB_UNWIND_MAPPINGS_MAX),
		.processes = bpf_map_create(BPF_MAP_TYPE_HASH, "processes", 4,
					    sizeof(struct pb_unwind_process), processes_max, &opts),
		.misses = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "misses", 0, 0, 16384, NULL),
	};
	return t->segments >= 0 && t->pages >= 0 && t->rules >= 0 && t->mappings >= 0 &&
	       t->processes >= 0 && t->misses >= 0;
}

static inline void close_tables(struct tables *t)
{
	const int fds[] = {t->segments, t->pages, t->rules, t->mappings, t->processes, t->misses};
	uint32_t i;

	for (i = 0; i < PB_UNWIND_SEGMENTS_MAX; i++) {
		if (t->segment[i])
			munmap((void *)t->segment[i], sizeof(*t->segment[i]));
	}
	for (i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (fds[i] >= 0)
			close(fds[i]);
	}
}

static inline const struct pb_unwind_segment *find_segment(struct tables *t, uint32_t number)
{
	uint32_t id;
	void *all;
	int fd;

	if (t->segment[number])
		return t->segment[number];
	if (bpf_map_lookup_elem(t->segments, &number, &id))
		return NULL;
	fd = bpf_map_get_fd_by_id(id);
	all = mmap(NULL, sizeof(*t->segment[0]), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	t->segment[number] = all == MAP_FAILED ? NULL : all;
	return t->segment[number];
}

static inline struct pb_unwind_rule read_rule(const struct tables *t, uint32_t id)
{
	struct pb_unwind_rule rule = {.cfa = 0xff};

	bpf_map_lookup_elem(t->rules, &id, &rule);
	return rule;
}

/* Number of the rule in force at @rel bytes behind page @first_page; 0: none. As pb_find_row() does. */
static inline uint32_t find_row(struct tables *t, uint32_t first_page, uint32_t n_pages,
				uint64_t rel)
{
	uint64_t number = rel >> PB_UNWIND_PAGE_SHIFT;
	uint32_t key = first_page + (uint32_t)number, low, high, middle;
	const struct pb_unwind_segment *segment;
	struct pb_unwind_page page;

	if (number >= n_pages || bpf_map_lookup_elem(t->pages, &key, &page) || !page.rows)
		return 0;
	segment = find_segment(t, page.segment);
	if (!segment)
		return 0;
	low = page.first;
	high = low + page.rows;
	while (high - low > 1) {
		middle = (low + high) / 2;
		if (segment->rows[middle] >> 16 <= (rel & 0xffff))
			low = middle;
		else
			high = middle;
	}
	return segment->rows[low] & 0xffff;
}

#endif
