/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Walk a replay's stack by the kernel half, compiled as plain C. */
#ifndef PB_TESTS_UNWIND_REPLAY_WALK_H
#define PB_TESTS_UNWIND_REPLAY_WALK_H

#include "tests/hostbpf/tables.h"

#include "tests/unwind/replay.h"

/* Whose memory is read; the helper that asks for it knows no context. */
static struct replay *replay_current;

static bool replay_user_memory(__u64 addr, void *to, __u32 size)
{
	return replay_current->memory < 0 ? replay_read_words(replay_current, addr, to, size)
					  : replay_read_process(replay_current, addr, to, size);
}

/* The tables as they stand, for the scene's process. Return: false if they are larger than the maps. */
static inline bool replay_publish(const struct replay *r)
{
	__u32 *rows = tables_rows(0);
	size_t i;

	if (r->rules.n > PB_UNWIND_RULES_MAX || r->pages.n > PB_UNWIND_PAGES_MAX ||
	    r->mappings.n > PB_UNWIND_RUN_MAX || r->rows.n > PB_UNWIND_SEGMENT_ROWS)
		return false;
	for (i = 0; i < r->rules.n; i++)
		*TABLES_AT(rules, (__u32)i) = REPLAY_ITEMS(r->rules, struct pb_unwind_rule)[i];
	for (i = 0; i < r->pages.n; i++)
		*TABLES_AT(pages, (__u32)i) = REPLAY_ITEMS(r->pages, struct pb_unwind_page)[i];
	for (i = 0; i < r->mappings.n; i++)
		*TABLES_AT(mappings, (__u32)i) =
			REPLAY_ITEMS(r->mappings, struct replay_mapping)[i].at;
	if (r->rows.n)
		memcpy(rows, r->rows.items, r->rows.n * sizeof(*rows));
	tables_process(SCENE_TGID, 0, 0, (__u32)r->mappings.n);
	return true;
}

/* The stack of @r as the capture records it; NULL if the tables do not fit. The scene is opened by this. */
static inline const struct pb_stack_record *replay_walk(struct scene *s, struct replay *r,
							enum pb_unwind_mode mode, __u32 max_depth)
{
	struct tables t;
	size_t size;

	scene_open(s, 4, 1 << 17);
	tables_open(&t);
	if (!replay_publish(r))
		return NULL;
	replay_current = r;
	host.user_memory = replay_user_memory;
	s->cfg.unwind = mode;
	s->cfg.max_user_frames = max_depth;
	s->event.regs = r->regs;
	scene_take(s);
	return host_ring_count(&stacks) ? host_ring_record(&stacks, 0, &size) : NULL;
}

#endif
