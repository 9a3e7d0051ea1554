/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One walk of a scene's event, and what it has to give. Include cmocka before. */
#ifndef PB_TESTS_HOSTBPF_EXPECT_H
#define PB_TESTS_HOSTBPF_EXPECT_H

#include "tests/hostbpf/scene.h"

/* The stack of the event, sent anew even if it was sent before. */
static inline const struct pb_stack_record *scene_walk(struct scene *s)
{
	size_t size;

	host_ring_consume(&stacks);
	/* Seeds that differ little would undo the difference of two addresses. */
	s->cfg.hash_seed += 0x9e3779b97f4a7c15ull;
	scene_take(s);
	return host_ring_count(&stacks) ? host_ring_record(&stacks, 0, &size) : NULL;
}

static inline void expect_frames(struct scene *s, enum pb_walk_end end, const __u64 *frames,
				 size_t n, const char *file, int line)
{
	const struct pb_stack_record *r = scene_walk(s);
	size_t i;

	_assert_true(r != NULL, "a stack was sent", file, line);
	for (i = 0; i < n && i < r->n_user; i++)
		_assert_int_equal(r->frames[r->n_kernel + i], frames[i], file, line);
	_assert_int_equal(r->n_user, n, file, line);
	_assert_int_equal(r->user_end, end, file, line);
}

/* Exactly these user frames from the leaf on, then that end. */
#define EXPECT_WALK(s, end, ...)                                                                   \
	expect_frames(s, end, (const __u64[]){__VA_ARGS__},                                        \
		      sizeof((const __u64[]){__VA_ARGS__}) / sizeof(__u64), __FILE__, __LINE__)

#endif
