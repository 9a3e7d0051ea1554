/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * replay --record TID ABOUT: writes the stack of a running thread to stdout as a recording, ABOUT being a
 * line that tells what it is of. Needs what ptrace() needs; the thread runs on behind.
 * replay FILE...: walks recordings and prints their frames.
 *
 * What is recorded is what our own walk saw: compare it with another unwinder before it is kept.
 */
#include "tests/unwind/replay_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ptrace.h>

static struct scene scene;

static void print_frame(const struct replay *r, __u64 frame)
{
	const struct replay_mapping *m = r->mappings.items;
	__u64 addr = frame & ~PB_FRAME_INTERRUPTED;
	size_t i;

	for (i = 0; i < r->mappings.n; i++) {
		if (addr - m[i].at.start < m[i].at.size)
			break;
	}
	fprintf(stderr, "%s%#llx %s\n", frame == addr ? "" : "interrupted at ", addr,
		i < r->mappings.n ? m[i].name : "?");
}

static int walk(struct replay *r)
{
	const struct pb_stack_record *rec =
		replay_walk(&scene, r, PB_UNWIND_AUTO, PB_USER_FRAMES_MAX);
	__u32 i;

	if (!rec)
		return -EFBIG;
	r->frames.n = 0;
	r->end = rec->user_end;
	for (i = 0; i < rec->n_user; i++) {
		__u64 *frame = replay_add(&r->frames, sizeof(*frame));

		if (!frame)
			return -ENOMEM;
		*frame = rec->frames[i];
		print_frame(r, *frame);
	}
	fprintf(stderr, "end %u\n", r->end);
	return 0;
}

static int record(pid_t tid, const char *about)
{
	pb_auto(replay) struct replay *r = NULL;
	int err = replay_seize(tid, 0);

	if (!err)
		err = replay_take(&r, tid);
	if (!err)
		err = walk(r);
	ptrace(PTRACE_DETACH, tid, 0, 0);
	return err ?: replay_write(stdout, r, about);
}

static int replay_file(const char *path)
{
	pb_auto(replay) struct replay *r = NULL;
	pb_autofclose FILE *from = fopen(path, "re");
	unsigned int line = 0;
	int err = from ? replay_read(&r, from, &line) : -errno;

	if (err)
		fprintf(stderr, "%s:%u: %s\n", path, line, strerror(-err));
	return err ?: walk(r);
}

int main(int argc, char **argv)
{
	int i, err = 0;

	if (argc == 4 && !strcmp(argv[1], "--record")) {
		err = record((pid_t)atoi(argv[2]), argv[3]);
		if (err)
			fprintf(stderr, "record %s: %s\n", argv[2], strerror(-err));
	} else {
		for (i = 1; i < argc && !err; i++)
			err = replay_file(argv[i]);
	}
	host_free();
	return err ? 1 : 0;
}
