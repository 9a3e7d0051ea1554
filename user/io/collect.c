/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/collect.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/grow.h"
#include "user/core/mapread.h"
#include "user/core/profile.h"

/* Where elements go while they come in no order. */
struct reading {
	struct pb_io_counts *counts;
	struct bucket *buckets;
	uint32_t n_buckets, room_buckets;
};

struct bucket {
	struct pb_io_bucket_key key;
	uint64_t count;
};

void pb_io_counts_drop(struct pb_io_counts *c)
{
	uint32_t i;

	for (i = 0; i < c->n; i++) {
		pb_histogram_drop(&c->lines[i].time);
		pb_histogram_drop(&c->lines[i].queue);
	}
	free(c->ids);
	free(c->lines);
	*c = (struct pb_io_counts){0};
}

/* An id and its line, while they are sorted. */
struct row {
	uint64_t id;
	struct pb_io_group group;
};

struct rows {
	struct row *rows;
	uint32_t n, room;
};

static int add_group(void *ctx, const void *key, const void *value)
{
	const struct pb_io_group *group = value;
	struct rows *r = ctx;

	if (!group->ops)
		return 0;
	if (pb_grow(&r->rows, &r->room, r->n + 1ull, sizeof(*r->rows)))
		return -ENOMEM;
	memcpy(&r->rows[r->n].id, key, sizeof(r->rows[r->n].id));
	r->rows[r->n++].group = *group;
	return 0;
}

static int by_id(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static int make_lines(struct pb_io_counts *c, struct rows *r)
{
	uint32_t i;

	if (r->n)
		qsort(r->rows, r->n, sizeof(*r->rows), by_id);
	c->ids = calloc(r->n + 1ull, sizeof(*c->ids));
	c->lines = calloc(r->n + 1ull, sizeof(*c->lines));
	if (!c->ids || !c->lines)
		return -ENOMEM;
	for (i = 0; i < r->n; i++) {
		c->ids[i] = r->rows[i].id;
		c->lines[i].group = r->rows[i].group;
		c->lines[i].node = c->lines[i].process = PB_NONE;
	}
	c->n = r->n;
	return 0;
}

static int read_groups(struct pb_io_counts *c, int fd)
{
	struct rows r = {0};
	int err = pb_map_each(fd, sizeof(uint64_t), sizeof(struct pb_io_group), add_group, &r);

	err = err ? err : make_lines(c, &r);
	free(r.rows);
	return err;
}

static int add_bucket(void *ctx, const void *key, const void *value)
{
	struct reading *r = ctx;

	if (pb_grow(&r->buckets, &r->room_buckets, r->n_buckets + 1ull, sizeof(*r->buckets)))
		return -ENOMEM;
	memcpy(&r->buckets[r->n_buckets].key, key, sizeof(r->buckets->key));
	memcpy(&r->buckets[r->n_buckets++].count, value, sizeof(r->buckets->count));
	return 0;
}

/* So that they are added in the order of their index. */
static int by_bucket(const void *a, const void *b)
{
	const struct bucket *x = a, *y = b;

	if (x->key.group != y->key.group)
		return x->key.group < y->key.group ? -1 : 1;
	return x->key.bucket < y->key.bucket ? -1 : x->key.bucket > y->key.bucket;
}

static int read_buckets(struct pb_io_counts *c, int fd)
{
	struct reading r = {.counts = c};
	int err =
		pb_map_each(fd, sizeof(struct pb_io_bucket_key), sizeof(uint64_t), add_bucket, &r);
	struct pb_io_line *line;
	uint32_t i, at;

	if (r.n_buckets)
		qsort(r.buckets, r.n_buckets, sizeof(*r.buckets), by_bucket);
	for (i = 0; i < r.n_buckets && !err; i++) {
		at = pb_io_counts_find(c, r.buckets[i].key.group);
		if (at == PB_NONE)
			continue; /* a group that was new when the groups had been read */
		line = &c->lines[at];
		err = pb_histogram_add(r.buckets[i].key.which == PB_IO_QUEUE ? &line->queue
									     : &line->time,
				       r.buckets[i].key.bucket, r.buckets[i].count);
	}
	free(r.buckets);
	return err;
}

int pb_io_counts_read(struct pb_io_counts *out, struct bpf_object *object)
{
	struct pb_io_counts c = {0};
	int err = read_groups(&c, bpf_object__find_map_fd_by_name(object, "groups"));

	err = err ? err : read_buckets(&c, bpf_object__find_map_fd_by_name(object, "buckets"));
	if (err) {
		pb_io_counts_drop(&c);
		return err;
	}
	*out = c;
	return 0;
}

int pb_io_counts_copy(struct pb_io_counts *out, const struct pb_io_counts *from)
{
	struct pb_io_counts c = {
		.ids = calloc(from->n + 1ull, sizeof(*c.ids)),
		.lines = calloc(from->n + 1ull, sizeof(*c.lines)),
	};
	int err = c.ids && c.lines ? 0 : -ENOMEM;

	for (; !err && c.n < from->n; c.n++) {
		struct pb_io_line *line = &c.lines[c.n];

		c.ids[c.n] = from->ids[c.n];
		*line = from->lines[c.n];
		line->time = line->queue = (struct pb_histogram){0};
		err = pb_histogram_merge(&line->time, &from->lines[c.n].time);
		err = err ? err : pb_histogram_merge(&line->queue, &from->lines[c.n].queue);
	}
	if (err) {
		pb_io_counts_drop(&c);
		return err;
	}
	*out = c;
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

uint32_t pb_io_counts_find(const struct pb_io_counts *c, uint64_t id)
{
	const uint64_t *found =
		c->n ? bsearch(&id, c->ids, c->n, sizeof(*c->ids), compare_ids) : NULL;

	return found ? (uint32_t)(found - c->ids) : PB_NONE;
}

/* Counters begin with ops and end with the sizes; largest times and the like are no sums. */
static void subtract_group(struct pb_io_group *group, const struct pb_io_group *before)
{
	group->ops -= before->ops;
	group->bytes -= before->bytes;
	group->time_ns -= before->time_ns;
	group->queue_ns -= before->queue_ns;
	group->blocked_ns -= before->blocked_ns;
	group->queued -= before->queued;
	group->errors -= before->errors;
	group->sequential -= before->sequential;
	group->repeated -= before->repeated;
	group->unbinned -= before->unbinned;
	for (int i = 0; i < PB_IO_SIZES; i++)
		group->sizes[i] -= before->sizes[i];
}

/* The upper end of the last bucket there is, if that is less than the largest of all times. */
static uint64_t largest(const struct pb_histogram *h, uint64_t max_ns)
{
	uint64_t high = h->n ? pb_histogram_high(h->buckets[h->n - 1].index) - 1 : 0;

	return high < max_ns ? high : max_ns;
}

/* Lines in which nothing happened are of no interest. */
static void drop_idle(struct pb_io_counts *c)
{
	uint32_t i, n = 0;

	for (i = 0; i < c->n; i++) {
		if (!c->lines[i].group.ops) {
			pb_histogram_drop(&c->lines[i].time);
			pb_histogram_drop(&c->lines[i].queue);
			continue;
		}
		c->ids[n] = c->ids[i];
		c->lines[n++] = c->lines[i];
	}
	c->n = n;
}

int pb_io_counts_subtract(struct pb_io_counts *c, const struct pb_io_counts *before)
{
	uint32_t i, at;
	int err = 0;

	for (i = 0; i < before->n && !err; i++) {
		struct pb_io_line *line;

		at = pb_io_counts_find(c, before->ids[i]);
		if (at == PB_NONE)
			continue;
		line = &c->lines[at];
		subtract_group(&line->group, &before->lines[i].group);
		err = pb_histogram_subtract(&line->time, &before->lines[i].time);
		err = err ? err : pb_histogram_subtract(&line->queue, &before->lines[i].queue);
		line->group.max_ns = largest(&line->time, line->group.max_ns);
		line->group.max_queue_ns = largest(&line->queue, line->group.max_queue_ns);
	}
	drop_idle(c);
	return err;
}

int pb_io_tally_read(struct pb_io_tally *sum, struct bpf_object *object)
{
	return pb_map_sum(bpf_object__find_map_fd_by_name(object, "io_tallies"), sum,
			  sizeof(*sum) / sizeof(uint64_t));
}

static int count_start(void *ctx, const void *key, const void *value)
{
	const struct pb_io_start *start = value;
	uint64_t *n = ctx;

	(void)key;
	*n += start->issued_ns || start->queued_ns;
	return 0;
}

uint64_t pb_io_in_flight(struct bpf_object *object)
{
	int fd = bpf_object__find_map_fd_by_name(object, "starts");
	uint64_t n = 0;

	if (pb_map_each(fd, sizeof(uint64_t), sizeof(struct pb_io_start), count_start, &n))
		return 0;
	return n;
}
