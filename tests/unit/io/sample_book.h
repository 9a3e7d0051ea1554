/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A profile and a book of I/O to fill by hand, line by line. */
#ifndef PB_TEST_SAMPLE_BOOK_H
#define PB_TEST_SAMPLE_BOOK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "user/core/profile.h"
#include "user/io/book.h"
#include "user/io/names.h"

#define DEV(major, minor) ((uint32_t)(major) << 20 | (minor))
#define SDA               DEV(8, 0)
#define SDB               DEV(8, 16)
#define FS                DEV(8, 1)
#define LINES_MAX         512

struct sample {
	struct pb_profile *p;
	struct pb_io_names *names;
	struct pb_io_book book;
	uint32_t app, libc, kernel; /* modules */
	uint32_t redis, worker;     /* processes 100 and 200 */
};

static inline int sample_setup(void **state)
{
	static const struct pb_value_type types[] = {{"operations", "count"}};
	struct sample *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	assert_int_equal(pb_profile_new(&s->p, types, 1), 0);
	assert_int_equal(pb_io_names_new(&s->names, "/nonexistent"), 0);
#define MODULE(text, what)                                                                         \
	pb_profile_module(s->p,                                                                    \
			  &(struct pb_module){.kind = (what),                                      \
					      .path = pb_profile_string(s->p, text, strlen(text)), \
					      .limit = UINT64_MAX})
	s->app = MODULE("/opt/app", PB_MODULE_FILE);
	s->libc = MODULE("/usr/lib/libc.so.6", PB_MODULE_FILE);
	s->kernel = MODULE("[kernel.kallsyms]", PB_MODULE_KERNEL);
#undef MODULE
	s->redis = pb_profile_process(s->p, 100, pb_profile_string(s->p, "redis", 5));
	s->worker = pb_profile_process(s->p, 200, pb_profile_string(s->p, "worker", 6));
	s->book = (struct pb_io_book){
		.attributes = true,
		.slower_ns = UINT64_MAX,
		.duration_ns = 2000000000,
		.ready_ns = 1000,
		.started_ns = 1700000000000001000,
		.names = s->names,
		.lines = calloc(LINES_MAX, sizeof(struct pb_io_line)),
	};
	assert_non_null(s->book.lines);
	*state = s;
	return 0;
}

static inline int sample_teardown(void **state)
{
	struct sample *s = *state;

	pb_io_book_drop(&s->book);
	pb_io_names_free(s->names);
	pb_profile_free(s->p);
	free(s);
	return 0;
}

/* "main;handle;libc:read;kernel:vfs_read;?", from the root to the leaf; "?" is app code without a name. */
static inline uint32_t sample_stack(struct sample *s, const char *frames)
{
	char text[256], *rest = text, *name;
	uint32_t node = 0;

	strncpy(text, frames, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	while ((name = strsep(&rest, ";"))) {
		uint32_t module = s->app, location;
		uint64_t addr = 5381;

		for (const char *c = name; *c; c++)
			addr = addr * 33 + (unsigned char)*c;
		if (!strncmp(name, "libc:", 5))
			module = s->libc;
		if (!strncmp(name, "kernel:", 7))
			module = s->kernel;
		name = strchr(name, ':') ? strchr(name, ':') + 1 : name;
		location = pb_profile_location(s->p, module, addr, false);
		if (strcmp(name, "?")) {
			uint32_t id = pb_profile_string(s->p, name, strlen(name));
			struct pb_line line = {
				.function = pb_profile_function(
					s->p, &(struct pb_function){.name = id, .system_name = id}),
			};

			pb_profile_set_lines(s->p, location, &line, 1);
		}
		node = pb_profile_node(s->p, node, location);
	}
	assert_int_equal(pb_profile_error(s->p), 0);
	return node;
}

/* A line of @ops of @bytes each, that took @us each and a little more the later they came. */
static inline struct pb_io_line *sample_line(struct sample *s, uint32_t disk, uint32_t op,
					     uint64_t ino, uint64_t ops, uint64_t bytes,
					     uint64_t us)
{
	struct pb_io_line *l = &s->book.lines[s->book.n_lines++];
	struct pb_io_group *g = &l->group;
	uint64_t kib = bytes >> PB_IO_SIZE_SHIFT;
	int bucket = kib ? 64 - __builtin_clzll(kib) : 0;

	assert_true(s->book.n_lines <= LINES_MAX);
	l->node = PB_NONE;
	l->process = PB_NONE;
	g->leaf = (struct pb_io_leaf){.disk = disk, .op = (uint8_t)op, .ino = ino};
	g->leaf.fs = ino ? FS : 0;
	g->leaf.owner = disk ? PB_IO_OWNER_SUBMITTER : PB_IO_OWNER_NONE;
	g->ops = ops;
	g->bytes = ops * bytes;
	for (uint64_t i = 0; i < ops; i++) {
		uint64_t ns = us * 1000 + i;

		g->time_ns += ns;
		g->max_ns = ns;
		assert_int_equal(pb_histogram_add(&l->time, pb_histogram_index(ns), 1), 0);
	}
	g->sizes[bucket < PB_IO_SIZES ? bucket : PB_IO_SIZES - 1] = ops;
	return l;
}

static inline struct pb_io_line *sample_line_of(struct sample *s, uint32_t process,
						const char *stack, uint32_t disk, uint32_t op,
						uint64_t ino, uint64_t ops, uint64_t bytes,
						uint64_t us)
{
	struct pb_io_line *l = sample_line(s, disk, op, ino, ops, bytes, us);

	l->process = process;
	l->group.stack.tgid = s->p->processes[process].tgid;
	l->node = sample_stack(s, stack);
	return l;
}

#endif
