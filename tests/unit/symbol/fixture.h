/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Programs that are built while a test runs, in a folder of its own, and questions about them. */
#ifndef PB_TESTS_UNIT_SYMBOL_FIXTURE_H
#define PB_TESTS_UNIT_SYMBOL_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/core/own.h"
#include "user/symbol/parse/parser.h"

struct fixture {
	char dir[64];
};

static inline void init_fixture(struct fixture *f)
{
	snprintf(f->dir, sizeof(f->dir), "/tmp/pb-fixture-XXXXXX");
	if (!mkdtemp(f->dir))
		abort();
}

/* A shell command, run in the repository; $D is the folder. Return: whether it succeeded. */
static inline int run(const struct fixture *f, const char *command)
{
	pb_autofree char *line = NULL;

	if (asprintf(&line, "D=%s; exec 2>$D/log; %s", f->dir, command) < 0)
		abort();
	return system(line) == 0;
}

static inline void free_fixture(struct fixture *f)
{
	run(f, "rm -rf $D");
}

static inline void write_text(const struct fixture *f, const char *name, const char *text)
{
	pb_autofree char *path = NULL;
	FILE *file;

	if (asprintf(&path, "%s/%s", f->dir, name) < 0)
		abort();
	file = fopen(path, "we");
	if (!file || fputs(text, file) < 0 || fclose(file))
		abort();
}

static inline int open_file(const struct fixture *f, const char *name)
{
	pb_autofree char *path = NULL;
	int fd;

	if (asprintf(&path, "%s/%s", f->dir, name) < 0)
		abort();
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		abort();
	return fd;
}

/* The function itself at an address, after what was inlined into it; NULL without a name. */
static inline const struct pb_answer_frame *function_of(const struct pb_answer *a, uint32_t i)
{
	const struct pb_answer_addr *addr = &a->addrs[i];

	return addr->n_frames ? &a->frames[addr->first + addr->n_frames - 1] : NULL;
}

static inline const char *symbol_of(const struct pb_answer *a, uint32_t i)
{
	const struct pb_answer_frame *f = function_of(a, i);

	return f ? pb_answer_text(a, f->system_name) : "";
}

/* What a reader of an answer relies on. */
static inline void check_answer(const struct pb_answer *a, const struct pb_question *q)
{
	uint32_t i, used = 0;

	if (a->n_addrs != q->n_addrs || a->state >= PB_ANSWER_NO_FILE ||
	    a->build_id_len > PB_WIRE_ID_MAX)
		abort();
	for (i = 0; i < a->n_addrs; i++) {
		const struct pb_answer_addr *addr = &a->addrs[i];

		if (addr->first != used || addr->n_frames > PB_WIRE_INLINES_MAX ||
		    (addr->n_frames && addr->function) || addr->function > addr->vaddr)
			abort();
		used += addr->n_frames;
	}
	if (used != a->n_frames)
		abort();
	for (i = 0; i < a->n_frames; i++)
		if (!pb_answer_text(a, a->frames[i].name)[0])
			abort();
}

static inline struct pb_answer *ask(const struct pb_question *q, pb_wanted_open *opener, void *ctx)
{
	struct pb_answer *a = NULL;

	if (pb_parse(q, opener, ctx, &a))
		abort();
	check_answer(a, q);
	return a;
}

#endif
