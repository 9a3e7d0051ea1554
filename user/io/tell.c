/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/tell.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "user/core/idtable.h"
#include "user/core/profile.h"
#include "user/io/frames.h"
#include "user/io/names.h"
#include "user/io/rows.h"

#define NS_PER_S    1000000000ull
#define NS_PER_US   1e3
#define US_DECIMALS 3
/* Of a stack in a column: where it is, and who wants it. */
#define WHO_FRAMES  2

void pb_io_tell_us(struct pb_json *j, const char *key, uint64_t ns)
{
	pb_json_double(j, key, (double)ns / NS_PER_US, US_DECIMALS);
}

static void put_mean(struct pb_json *j, uint64_t ns, uint64_t count)
{
	if (count)
		pb_json_double(j, "mean_us", (double)ns / (double)count / NS_PER_US, US_DECIMALS);
	else
		pb_json_null(j, "mean_us");
}

void pb_io_tell_times(struct pb_json *j, const struct pb_histogram *h, uint64_t count,
		      uint64_t time_ns, uint64_t max_ns)
{
	static const struct {
		const char *key;
		double q;
	} told[] = {{"p50_us", 0.5},
		    {"p90_us", 0.9},
		    {"p95_us", 0.95},
		    {"p99_us", 0.99},
		    {"p999_us", 0.999}};

	put_mean(j, time_ns, count);
	for (size_t i = 0; i < PB_ARRAY_SIZE(told); i++) {
		if (pb_histogram_supports(h, told[i].q))
			pb_io_tell_us(j, told[i].key, pb_histogram_quantile(h, told[i].q, max_ns));
		else
			pb_json_null(j, told[i].key);
	}
	pb_io_tell_us(j, "max_us", max_ns);
}

void pb_io_tell_buckets(struct pb_json *j, const struct pb_io_row *row)
{
	pb_json_flat_array(j, "sizes");
	for (int i = 0; i < PB_IO_SIZES; i++) {
		if (!row->sum.sizes[i])
			continue;
		pb_json_flat_array(j, NULL);
		pb_json_uint(j, NULL, i ? UINT64_C(1) << (i - 1 + PB_IO_SIZE_SHIFT) : 0);
		pb_json_uint(j, NULL, row->sum.sizes[i]);
		pb_json_end(j, ']');
	}
	pb_json_end(j, ']');
	pb_json_flat_array(j, "histogram");
	for (uint32_t i = 0; i < row->time.n; i++) {
		const struct pb_histogram_bucket *b = &row->time.buckets[i];

		pb_json_flat_array(j, NULL);
		pb_io_tell_us(j, NULL, pb_histogram_low(b->index));
		pb_io_tell_us(j, NULL, pb_histogram_high(b->index));
		pb_json_uint(j, NULL, b->count);
		pb_json_end(j, ']');
	}
	pb_json_end(j, ']');
}

static void put_queue(struct pb_json *j, const struct pb_io_row *row)
{
	const struct pb_io_group *s = &row->sum;

	if (!s->queued) {
		pb_json_null(j, "queue_us");
		return;
	}
	pb_json_flat_object(j, "queue_us");
	pb_json_uint(j, "count", s->queued);
	pb_io_tell_times(j, &row->queue, s->queued, s->queue_ns, s->max_queue_ns);
	pb_json_end(j, '}');
}

void pb_io_tell_requests(struct pb_io_teller *t, const struct pb_io_row *row)
{
	double seconds = (double)t->book->duration_ns / (double)NS_PER_S;
	const struct pb_io_group *s = &row->sum;
	struct pb_json *j = &t->json;
	char flags[64];

	pb_json_string(j, "device",
		       row->key.disk == PB_IO_MIXED
			       ? ""
			       : pb_io_names_disk(t->book->names, row->key.disk));
	pb_json_string(j, "op", row->key.op == PB_IO_MIXED ? "" : pb_io_op_name(row->key.op));
	pb_io_flag_names(flags, sizeof(flags), (uint8_t)row->key.flags);
	pb_json_string(j, "flags", flags[0] ? flags + 1 : "");
	pb_json_uint(j, "count", s->ops);
	pb_json_uint(j, "bytes", s->bytes);
	pb_json_double(j, "iops", seconds > 0 ? (double)s->ops / seconds : 0, 3);
	pb_json_double(j, "bytes_per_s", seconds > 0 ? (double)s->bytes / seconds : 0, 3);
	pb_io_tell_times(j, &row->time, s->ops, s->time_ns, s->max_ns);
	pb_json_uint(j, "errors", s->errors);
	pb_json_uint(j, "sequential", s->sequential);
	pb_json_uint(j, "repeated", s->repeated);
	pb_json_uint(j, "unbinned", s->unbinned);
	put_queue(j, row);
	pb_io_tell_buckets(j, row);
}

void pb_io_tell_calls(struct pb_io_teller *t, const struct pb_io_row *row, double share_pct)
{
	const struct pb_io_group *s = &row->sum;
	struct pb_json *j = &t->json;
	uint64_t asleep;

	if (__builtin_add_overflow(s->queue_ns, s->blocked_ns, &asleep))
		asleep = UINT64_MAX;
	pb_json_uint(j, "count", s->ops);
	pb_json_uint(j, "bytes", s->bytes);
	pb_io_tell_times(j, &row->time, s->ops, s->time_ns, s->max_ns);
	pb_json_uint(j, "errors", s->errors);
	pb_json_double(j, "share_pct", share_pct, 3);
	pb_json_uint(j, "waited", s->queued);
	if (row->key.op >= PB_IO_CALL_URING_READ && row->key.op <= PB_IO_CALL_URING_FSYNC) {
		/* Nobody waits in it. */
		pb_json_null(j, "io_wait_us");
		pb_json_null(j, "blocked_us");
		pb_json_null(j, "cpu_us");
	} else {
		pb_io_tell_us(j, "io_wait_us", s->queue_ns);
		pb_io_tell_us(j, "blocked_us", s->blocked_ns);
		pb_io_tell_us(j, "cpu_us", s->time_ns > asleep ? s->time_ns - asleep : 0);
	}
	pb_json_uint(j, "sequential", s->sequential);
	pb_io_tell_buckets(j, row);
}

/* Who */

static const struct pb_process *process_of(const struct pb_io_teller *t, uint32_t line)
{
	uint32_t process = t->book->lines[line].process;

	return process == PB_NONE ? NULL : &t->p->processes[process];
}

const char *pb_io_comm_of(const struct pb_io_teller *t, uint32_t line)
{
	const struct pb_process *process = process_of(t, line);

	return process ? pb_profile_text(t->p, process->comm) : "";
}

uint32_t pb_io_tgid_of(const struct pb_io_teller *t, uint32_t line)
{
	const struct pb_process *process = process_of(t, line);

	return process ? process->tgid : t->book->lines[line].group.stack.tgid;
}

void pb_io_tell_pid(struct pb_io_teller *t, uint32_t line)
{
	uint32_t tgid = line == PB_NONE ? 0 : pb_io_tgid_of(t, line);

	if (tgid)
		pb_json_uint(&t->json, "pid", tgid);
	else
		pb_json_null(&t->json, "pid");
}

int pb_io_tell_frames(struct pb_io_teller *t, uint32_t line)
{
	struct pb_io_frames frames;
	int err = pb_io_frames_of(&frames, t->p,
				  line == PB_NONE ? PB_NONE : t->book->lines[line].node);

	if (err)
		return err;
	pb_json_flat_array(&t->json, "frames");
	for (uint32_t i = frames.n; i-- > 0;)
		pb_json_string(&t->json, NULL, frames.rows[i].name);
	pb_json_end(&t->json, ']');
	pb_io_frames_drop(&frames);
	return 0;
}

static int stack_hash(const struct pb_io_teller *t, uint32_t line, uint64_t *out)
{
	struct pb_io_frames frames;
	uint64_t pair[2] = {0, 0};
	int err = pb_io_frames_of(&frames, t->p, t->book->lines[line].node);

	if (err)
		return err;
	for (uint32_t i = 0; i < frames.n; i++) {
		const char *name = frames.rows[i].name;

		pair[1] = pb_idtable_hash(t->hasher, name, strlen(name));
		pair[0] = pb_idtable_hash(t->hasher, pair, sizeof(pair));
	}
	pb_io_frames_drop(&frames);
	*out = pair[0];
	return 0;
}

int pb_io_who_hash(const struct pb_io_teller *t, enum pb_io_by by, uint32_t line, uint64_t *out)
{
	const struct pb_io_line *l = &t->book->lines[line];
	const char *file;

	switch (by) {
	case PB_IO_BY_DEVICE:
		*out = 0;
		return 0;
	case PB_IO_BY_PROCESS:
		*out = l->process == PB_NONE ? UINT64_C(1) << 32 | l->group.stack.tgid : l->process;
		return 0;
	case PB_IO_BY_FILE:
		file = pb_io_names_file(t->book->names, &l->group.leaf);
		*out = pb_idtable_hash(t->hasher, file, strlen(file));
		return 0;
	case PB_IO_BY_STACK:
		return stack_hash(t, line, out);
	case PB_IO_BY_CGROUP:
		break;
	}
	*out = l->group.leaf.cgroup;
	return 0;
}

static char *stack_name(const struct pb_io_teller *t, uint32_t line)
{
	struct pb_io_frames frames;
	char *name;

	if (pb_io_frames_of(&frames, t->p, t->book->lines[line].node))
		return NULL;
	name = frames.n ? pb_io_frames_site(&frames, WHO_FRAMES) : strdup("[no stack known]");
	pb_io_frames_drop(&frames);
	return name;
}

char *pb_io_who_name(const struct pb_io_teller *t, enum pb_io_by by, uint32_t line)
{
	const struct pb_io_leaf *leaf = &t->book->lines[line].group.leaf;
	const char *name = "";

	if (by == PB_IO_BY_STACK)
		return stack_name(t, line);
	if (by == PB_IO_BY_PROCESS) {
		name = pb_io_comm_of(t, line);
		name = name[0] ? name : "[no process known]";
	} else if (by == PB_IO_BY_FILE) {
		name = pb_io_names_file(t->book->names, leaf);
		name = name[0] ? name : "[no file known]";
	} else if (by == PB_IO_BY_CGROUP) {
		name = leaf->cgroup ? pb_io_names_cgroup(t->book->names, leaf->cgroup)
				    : "[no cgroup known]";
	}
	return strdup(name);
}

/* Slow ones */

/* "2026-11-29T20:50:54.000123Z" */
static void put_at(struct pb_json *j, const struct pb_io_book *book, uint64_t end_ns)
{
	uint64_t ns = book->started_ns + (end_ns - book->ready_ns); /* modulo 2^64, as both are */
	time_t seconds = (time_t)(ns / NS_PER_S);
	char date[32] = "", text[64];
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%06uZ", date, (unsigned int)(ns % NS_PER_S / 1000));
	pb_json_string(j, "at", text);
	pb_json_double(j, "since_start_us", (double)(int64_t)(end_ns - book->ready_ns) / NS_PER_US,
		       US_DECIMALS);
}

static void put_error(struct pb_json *j, uint32_t error)
{
	const char *name = error ? strerrorname_np((int)error) : "";
	char text[24];

	snprintf(text, sizeof(text), "errno %u", error);
	pb_json_string(j, "error", name ? name : text);
}

/* What it was. @leaf: NULL if its group is not known, and then it counts as a request. */
static void put_what(struct pb_io_teller *t, const struct pb_io_slow *s,
		     const struct pb_io_leaf *leaf)
{
	bool is_call = leaf && !leaf->disk;
	struct pb_json *j = &t->json;
	char flags[64];

	pb_io_flag_names(flags, sizeof(flags), leaf ? leaf->flags : 0);
	if (is_call)
		pb_json_null(j, "device");
	else
		pb_json_string(j, "device",
			       leaf ? pb_io_names_disk(t->book->names, leaf->disk) : "");
	pb_json_string(j, "op", leaf ? pb_io_op_name(leaf->op) : "");
	pb_json_string(j, "flags", flags[0] ? flags + 1 : "");
	if (is_call && s->at == UINT64_MAX)
		pb_json_null(j, "offset");
	else
		pb_json_uint(j, is_call ? "offset" : "sector", s->at);
}

int pb_io_tell_slow(struct pb_io_teller *t, const struct pb_io_exemplar *slow)
{
	const struct pb_io_leaf *leaf =
		slow->line == PB_NONE ? NULL : &t->book->lines[slow->line].group.leaf;
	const struct pb_io_slow *s = &slow->slow;
	struct pb_json *j = &t->json;
	int err;

	pb_json_flat_object(j, NULL);
	put_at(j, t->book, s->end_ns);
	put_what(t, s, leaf);
	pb_json_uint(j, "bytes", s->bytes);
	pb_io_tell_us(j, "time_us", s->time_ns);
	pb_io_tell_us(j, "queue_us", s->queue_ns);
	pb_json_uint(j, "depth", s->depth);
	pb_io_tell_pid(t, slow->line);
	pb_json_uint(j, "tid", s->tid);
	pb_json_string(j, "comm", leaf ? pb_io_comm_of(t, slow->line) : "");
	pb_json_string(j, "file", leaf ? pb_io_names_file(t->book->names, leaf) : "");
	err = pb_io_tell_frames(t, slow->line);
	put_error(j, s->error);
	pb_json_end(j, '}');
	return err;
}
