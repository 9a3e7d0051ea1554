/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The slow I/O of a report in the Trace Event Format, for Perfetto and chrome://tracing.
 *
 *   process: a device, or the system calls
 *     thread: a lane. What overlaps is in different lanes; an I/O takes one that is free.
 *       slices: "queued", then the operation
 *
 * Times are microseconds since the capture's start. Source: "Trace Event Format", Google, 2016.
 */
#include <errno.h>
#include <string.h>

#include "user/core/json.h"
#include "user/core/jsonvalue.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/render/member.h"
#include "user/render/render.h"
#include "user/render/subject.h"

#define DECIMALS   3 /* of microseconds */
#define FRAMES_MAX 256

struct slice {
	const json_t *row;
	const char *device; /* "": a system call */
	double begin_us;    /* of the time in the queue */
	double issue_us;
	double end_us;
	size_t at;
	uint32_t pid, lane; /* from 1 on */
};

/* A lane, and until when it is taken; of these a heap, with the one that is free first on top. */
struct lane {
	double end_us;
	uint32_t id;
};

struct trace {
	struct pb_json json;
	const struct pb_report *r;
	struct slice *slices;
	size_t n;
	struct lane *lanes;
	uint32_t n_lanes; /* of the process at hand */
};

static int compare(const void *a, const void *b)
{
	const struct slice *x = a, *y = b;
	int order = strcmp(x->device, y->device);

	if (order)
		return !*x->device ? 1 : !*y->device ? -1 : order; /* system calls stand below */
	if (x->begin_us < y->begin_us || x->begin_us > y->begin_us)
		return x->begin_us < y->begin_us ? -1 : 1;
	return (x->at > y->at) - (x->at < y->at);
}

static double at_least_0(double n)
{
	return n > 0 ? n : 0;
}

static int collect(struct trace *t, const json_t *rows, bool queue_included)
{
	size_t n = json_array_size(rows);

	t->slices = calloc(n + 1, sizeof(*t->slices));
	t->lanes = calloc(n + 1, sizeof(*t->lanes));
	if (!t->slices || !t->lanes)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const json_t *row = json_array_get(rows, i);
		double end = pb_member_number(row, "since_start_us");
		double time = at_least_0(pb_member_number(row, "time_us"));
		double queue = at_least_0(pb_member_number(row, "queue_us"));
		struct slice *s = &t->slices[t->n];

		if (!json_is_object(row) || end < 0)
			continue;
		s->row = row;
		s->at = i;
		s->device = pb_member_text(row, "device");
		if (!*s->device && json_is_string(json_object_get(row, "device")))
			s->device = "unknown device";
		if (!*s->device) /* what is slept in a call is no time in front of it */
			queue = 0;
		if (queue_included)
			time = at_least_0(time - queue);
		s->end_us = end;
		s->issue_us = at_least_0(end - time);
		s->begin_us = at_least_0(s->issue_us - queue);
		t->n++;
	}
	qsort(t->slices, t->n, sizeof(*t->slices), compare);
	return 0;
}

/* The lane on top has a later end now: let it sink. */
static void sink(struct trace *t)
{
	for (uint32_t at = 0, child; (child = 2 * at + 1) < t->n_lanes; at = child) {
		struct lane moved = t->lanes[at];

		if (child + 1 < t->n_lanes && t->lanes[child + 1].end_us < t->lanes[child].end_us)
			child++;
		if (moved.end_us <= t->lanes[child].end_us)
			break;
		t->lanes[at] = t->lanes[child];
		t->lanes[child] = moved;
	}
}

static uint32_t take_lane(struct trace *t, const struct slice *s)
{
	uint32_t id;

	if (t->n_lanes && t->lanes[0].end_us <= s->begin_us) {
		id = t->lanes[0].id;
		t->lanes[0].end_us = s->end_us;
		sink(t);
		return id;
	}
	id = t->n_lanes + 1;
	t->lanes[t->n_lanes] = (struct lane){s->end_us, id};
	for (uint32_t at = t->n_lanes++; at; at = (at - 1) / 2) {
		struct lane up = t->lanes[(at - 1) / 2];

		if (up.end_us <= t->lanes[at].end_us)
			break;
		t->lanes[(at - 1) / 2] = t->lanes[at];
		t->lanes[at] = up;
	}
	return id;
}

static void put_names(struct trace *t, const char *what, uint32_t pid, uint32_t lane,
		      const char *name)
{
	struct pb_json *j = &t->json;

	pb_json_flat_object(j, NULL);
	pb_json_string(j, "name", what);
	pb_json_string(j, "ph", "M");
	pb_json_uint(j, "pid", pid);
	pb_json_uint(j, "tid", lane);
	pb_json_object(j, "args");
	pb_json_string(j, "name", name);
	pb_json_end(j, '}');
	pb_json_end(j, '}');
}

static void put_lane_name(struct trace *t, uint32_t pid, uint32_t lane)
{
	char name[32];

	snprintf(name, sizeof(name), "lane %u", lane);
	put_names(t, "thread_name", pid, lane, name);
}

/* Lanes and processes, and their names. */
static void put_tracks(struct trace *t)
{
	uint32_t pid = 0;

	for (size_t i = 0; i < t->n; i++) {
		struct slice *s = &t->slices[i];
		uint32_t lanes;

		if (!i || strcmp(s->device, t->slices[i - 1].device) != 0) {
			t->n_lanes = 0;
			put_names(t, "process_name", ++pid, 0,
				  *s->device ? s->device : "system calls");
		}
		lanes = t->n_lanes;
		s->pid = pid;
		s->lane = take_lane(t, s);
		if (t->n_lanes > lanes)
			put_lane_name(t, pid, s->lane);
	}
}

static void put_stack(struct pb_json *j, const json_t *frames)
{
	size_t n = json_array_size(frames);

	pb_json_array(j, "stack");
	for (size_t i = 0; i < n && i < FRAMES_MAX; i++) {
		const char *name = json_string_value(json_array_get(frames, n - 1 - i));

		pb_json_string(j, NULL, name ? name : "");
	}
	pb_json_end(j, ']');
}

static void put_args(struct pb_json *j, const json_t *row)
{
	static const char *const numbers[] = {"sector", "offset", "bytes", "depth", "pid", "tid"};
	static const char *const texts[] = {"flags", "comm", "file", "at", "error"};

	pb_json_object(j, "args");
	for (size_t i = 0; i < PB_ARRAY_SIZE(texts); i++) {
		const char *text = pb_member_text(row, texts[i]);

		if (*text)
			pb_json_string(j, texts[i], text);
	}
	for (size_t i = 0; i < PB_ARRAY_SIZE(numbers); i++) {
		if (json_is_number(json_object_get(row, numbers[i])) ||
		    json_is_string(json_object_get(row, numbers[i])))
			pb_json_uint(j, numbers[i], pb_member_count(row, numbers[i]));
	}
	put_stack(j, json_object_get(row, "frames"));
	pb_json_end(j, '}');
}

static void put_slice(struct pb_json *j, const struct slice *s, bool is_queued)
{
	double begin = is_queued ? s->begin_us : s->issue_us;
	double end = is_queued ? s->issue_us : s->end_us;
	const char *op = pb_member_text(s->row, "op");

	pb_json_flat_object(j, NULL);
	pb_json_string(j, "name", is_queued ? "queued" : op);
	pb_json_string(j, "cat", is_queued ? "queue" : *s->device ? "device" : "call");
	pb_json_string(j, "ph", "X");
	pb_json_double(j, "ts", begin, DECIMALS);
	pb_json_double(j, "dur", at_least_0(end - begin), DECIMALS);
	pb_json_uint(j, "pid", s->pid);
	pb_json_uint(j, "tid", s->lane);
	if (!is_queued)
		put_args(j, s->row);
	pb_json_end(j, '}');
}

static int put_file(struct trace *t)
{
	pb_autofree char *subject = pb_report_subject(t->r);
	struct pb_json *j = &t->json;

	if (!subject)
		return -ENOMEM;
	pb_json_object(j, NULL);
	pb_json_string(j, "displayTimeUnit", "ms");
	pb_json_object(j, "otherData");
	pb_json_string(j, "tool", *t->r->tool ? t->r->tool : "perfbeads");
	pb_json_string(j, "target", subject);
	pb_json_string(j, "host", t->r->host);
	pb_json_end(j, '}');
	pb_json_array(j, "traceEvents");
	put_tracks(t);
	for (size_t i = 0; i < t->n; i++) {
		if (t->slices[i].issue_us > t->slices[i].begin_us)
			put_slice(j, &t->slices[i], true);
		put_slice(j, &t->slices[i], false);
	}
	pb_json_end(j, ']');
	pb_json_end(j, '}');
	fputc('\n', j->out);
	return 0;
}

int pb_render_trace(FILE *out, const struct pb_profile *p, const struct pb_report *r,
		    const struct pb_render_opts *o)
{
	pb_autojson json_t *extra = json_loads(r->extra, 0, NULL); /* NULL: "" */
	const json_t *io = json_object_get(extra, "io");
	struct trace t = {.r = r};
	int err;

	(void)p; /* what it adds up has no time */
	(void)o;
	if (!json_is_array(json_object_get(extra, "slow")) &&
	    !json_is_number(json_object_get(io, "slower_us"))) /* nothing may have been so slow */
		return -EINVAL;
	pb_json_init(&t.json, out, false);
	err = collect(&t, json_object_get(extra, "slow"),
		      json_is_true(json_object_get(io, "queue_included")));
	err = err ? err : put_file(&t);
	free(t.slices);
	free(t.lanes);
	if (!err && ferror(out))
		err = -EIO;
	return err;
}
