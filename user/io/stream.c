/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/stream.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "user/core/grow.h"
#include "user/core/profile.h"
#include "user/core/stacks.h"
#include "user/io/names.h"

#define NS_PER_S 1000000000ll

void pb_io_stream_drop(struct pb_io_stream *s)
{
	free(s->waiting);
	*s = (struct pb_io_stream){0};
}

int pb_io_stream_add(struct pb_io_stream *s, const struct pb_io_slow *slow)
{
	if (pb_grow(&s->waiting, &s->room, s->n + 1ull, sizeof(*s->waiting)))
		return -ENOMEM;
	s->waiting[s->n++] = *slow;
	return 0;
}

/* "postgres-1234" */
static void describe_process(char *out, size_t size, const struct pb_io_stream_sources *from,
			     const struct pb_io_group *group, uint32_t tid)
{
	uint32_t id = group->stack.tgid ? pb_stacks_find(from->stacks, &group->stack) : PB_NONE;
	struct pb_stack_total total = {.process = PB_NONE};
	const struct pb_profile *p = from->profile;
	const char *comm = "";

	if (id != PB_NONE)
		pb_stacks_total(from->stacks, id, &total);
	if (total.process != PB_NONE)
		comm = pb_profile_text(p, p->processes[total.process].comm);
	if (tid)
		snprintf(out, size, "%s-%u", comm, tid);
	else
		snprintf(out, size, "-");
}

/* 4.0k, 1.5M */
static void describe_bytes(char *out, size_t size, uint64_t bytes)
{
	if (bytes < 1024)
		snprintf(out, size, "%" PRIu64, bytes);
	else if (bytes < 1024 * 1024)
		snprintf(out, size, "%.1fk", (double)bytes / 1024);
	else
		snprintf(out, size, "%.1fM", (double)bytes / 1048576);
}

static void print_row(FILE *out, const struct pb_io_stream_sources *from,
		      const struct pb_io_slow *slow)
{
	int fd = bpf_object__find_map_fd_by_name(from->object, "groups");
	int64_t when_ns = (int64_t)slow->end_ns + from->to_real_ns;
	time_t seconds = when_ns / NS_PER_S;
	struct pb_io_group group = {0};
	char when[16] = "", who[32], bytes[16];
	struct tm tm;

	if (bpf_map_lookup_elem(fd, &slow->group, &group))
		return;
	if (localtime_r(&seconds, &tm))
		strftime(when, sizeof(when), "%H:%M:%S", &tm);
	describe_process(who, sizeof(who), from, &group, slow->tid);
	describe_bytes(bytes, sizeof(bytes), slow->bytes);
	fprintf(out, "%s.%03d %-7s %-8s %7s %9.3f %9.3f %3u %-16s %s\n", when,
		(int)(when_ns % NS_PER_S / 1000000),
		group.leaf.disk ? pb_io_names_disk(from->names, group.leaf.disk) : "call",
		pb_io_op_name(group.leaf.op), bytes, (double)slow->queue_ns / 1e6,
		(double)slow->time_ns / 1e6, slow->depth, who,
		pb_io_names_file(from->names, &group.leaf));
}

int pb_io_stream_print(struct pb_io_stream *s, FILE *out, const struct pb_io_stream_sources *from,
		       bool all)
{
	uint32_t n = all ? s->n : s->ripe, i;

	for (i = 0; i < n; i++) {
		if (!s->has_head)
			fprintf(out, "%-12s %-7s %-8s %7s %9s %9s %3s %-16s %s\n", "time", "device",
				"op", "bytes", "queue ms", "ms", "dep", "process", "file");
		s->has_head = true;
		print_row(out, from, &s->waiting[i]);
	}
	memmove(s->waiting, s->waiting + n, (s->n - n) * sizeof(*s->waiting));
	s->n -= n;
	s->ripe = s->n;
	return fflush(out) ? -errno : 0;
}
