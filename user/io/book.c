/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/book.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/idtable.h"
#include "user/core/profile.h"
#include "user/io/frames.h"
#include "user/io/names.h"
#include "user/io/patterns.h"
#include "user/io/rows.h"
#include "user/io/tell.h"

/* Of a pattern: enough to find the place; frames have the whole path. */
#define WHERE_FRAMES 3

static const char *const bys[] = {
	[PB_IO_BY_DEVICE] = "device", [PB_IO_BY_PROCESS] = "process", [PB_IO_BY_FILE] = "file",
	[PB_IO_BY_STACK] = "stack",   [PB_IO_BY_CGROUP] = "cgroup",
};

void pb_io_book_drop(struct pb_io_book *book)
{
	for (uint32_t i = 0; i < book->n_lines; i++) {
		pb_histogram_drop(&book->lines[i].time);
		pb_histogram_drop(&book->lines[i].queue);
	}
	free(book->lines);
	free(book->slow);
	*book = (struct pb_io_book){0};
}

static void add(uint64_t *sum, uint64_t value)
{
	if (__builtin_add_overflow(*sum, value, sum))
		*sum = UINT64_MAX;
}

/* Devices */

static int device_key(void *ctx, uint32_t line, struct pb_io_row_key *key)
{
	const struct pb_io_teller *t = ctx;
	const struct pb_io_leaf *leaf = &t->book->lines[line].group.leaf;

	key->disk = leaf->disk;
	key->op = leaf->op;
	key->flags = t->book->split_flags ? leaf->flags : 0;
	return leaf->disk != 0;
}

struct named {
	char *device;
	const struct pb_io_row *row;
};

static int compare_named(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = strcmp(x->device, y->device);

	if (order)
		return order;
	if (x->row->key.op != y->row->key.op)
		return x->row->key.op < y->row->key.op ? -1 : 1;
	if (x->row->key.flags != y->row->key.flags)
		return x->row->key.flags < y->row->key.flags ? -1 : 1;
	return (x->row->key.disk > y->row->key.disk) - (x->row->key.disk < y->row->key.disk);
}

/* Return: 0; -ENOMEM, and @named is to be dropped as well. */
static int name_rows(const struct pb_io_teller *t, const struct pb_io_rows *rows,
		     struct named *named)
{
	for (uint32_t i = 0; i < rows->n; i++) {
		const char *device = pb_io_names_disk(t->book->names, rows->rows[i].key.disk);

		named[i] = (struct named){strdup(device), &rows->rows[i]};
		if (!named[i].device)
			return -ENOMEM;
	}
	if (rows->n)
		qsort(named, rows->n, sizeof(*named), compare_named);
	return 0;
}

static int put_latency(struct pb_io_teller *t)
{
	struct pb_io_rows rows = {0};
	struct named *named = NULL;
	int err = pb_io_rows_build(&rows, t->book, device_key, t);

	if (!err) {
		named = calloc((size_t)rows.n + 1, sizeof(*named));
		err = named ? name_rows(t, &rows, named) : -ENOMEM;
	}
	pb_json_array(&t->json, "latency");
	for (uint32_t i = 0; i < rows.n && !err; i++) {
		pb_json_flat_object(&t->json, NULL);
		pb_io_tell_requests(t, named[i].row);
		pb_json_end(&t->json, '}');
	}
	pb_json_end(&t->json, ']');
	for (uint32_t i = 0; named && i < rows.n; i++)
		free(named[i].device);
	free(named);
	pb_io_rows_drop(&rows);
	return err;
}

/* Views: requests and calls by whom they are for */

static int view_key(void *ctx, uint32_t line, struct pb_io_row_key *key)
{
	const struct pb_io_teller *t = ctx;
	const struct pb_io_leaf *leaf = &t->book->lines[line].group.leaf;

	if (!leaf->disk)
		return 0;
	key->disk = leaf->disk;
	key->op = leaf->op;
	return pb_io_who_hash(t, t->book->by, line, &key->who) ? -ENOMEM : 1;
}

static int call_key(void *ctx, uint32_t line, struct pb_io_row_key *key)
{
	const struct pb_io_teller *t = ctx;
	const struct pb_io_leaf *leaf = &t->book->lines[line].group.leaf;

	if (leaf->disk)
		return 0;
	key->op = leaf->op;
	return pb_io_who_hash(t, t->book->by, line, &key->who) ? -ENOMEM : 1;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100 * (double)part / (double)whole : 0;
}

/* "who", and "pid" where rows are processes; @line PB_NONE: of others. Return: 0; -ENOMEM. */
static int put_who(struct pb_io_teller *t, uint32_t line)
{
	pb_autofree char *who =
		line == PB_NONE ? strdup("others") : pb_io_who_name(t, t->book->by, line);

	if (!who)
		return -ENOMEM;
	pb_json_string(&t->json, "who", who);
	if (line != PB_NONE && t->book->by == PB_IO_BY_PROCESS)
		pb_io_tell_pid(t, line);
	return 0;
}

typedef int (*put_fn)(struct pb_io_teller *t, const struct pb_io_row *row, uint32_t line,
		      double share_pct);

static int put_view_row(struct pb_io_teller *t, const struct pb_io_row *row, uint32_t line,
			double share_pct)
{
	int err = put_who(t, line);

	pb_json_double(&t->json, "share_pct", share_pct, 3);
	pb_io_tell_requests(t, row);
	if (t->book->by == PB_IO_BY_STACK && !err)
		err = pb_io_tell_frames(t, line);
	return err;
}

static int put_call_row(struct pb_io_teller *t, const struct pb_io_row *row, uint32_t line,
			double share_pct)
{
	int err = 0;

	pb_json_string(&t->json, "call",
		       row->key.op == PB_IO_MIXED ? "" : pb_io_op_name(row->key.op));
	if (t->book->by != PB_IO_BY_DEVICE)
		err = put_who(t, line);
	else if (line == PB_NONE)
		pb_json_string(&t->json, "who", "others");
	pb_io_tell_calls(t, row, share_pct);
	return err;
}

static int put_one(struct pb_io_teller *t, const struct pb_io_row *row, uint32_t line,
		   uint64_t whole_ns, put_fn put)
{
	int err;

	pb_json_flat_object(&t->json, NULL);
	err = put(t, row, line, percent(row->sum.time_ns, whole_ns));
	pb_json_end(&t->json, '}');
	return err;
}

/* The largest, and the sum of the rest, so that all of it is there. */
static int put_rows(struct pb_io_teller *t, const struct pb_io_rows *rows, uint32_t top, put_fn put)
{
	struct pb_io_row others = {0};
	uint64_t whole_ns = 0;
	int err = 0;

	for (uint32_t i = 0; i < rows->n; i++)
		add(&whole_ns, rows->rows[i].sum.time_ns);
	for (uint32_t i = 0; i < rows->n && !err; i++) {
		const struct pb_io_row *row = &rows->rows[i];

		err = i < top ? put_one(t, row, row->line, whole_ns, put)
			      : pb_io_row_add(&others, row);
	}
	if (others.n_lines && !err)
		err = put_one(t, &others, PB_NONE, whole_ns, put);
	pb_histogram_drop(&others.time);
	pb_histogram_drop(&others.queue);
	return err;
}

static int put_sorted(struct pb_io_teller *t, const char *key, uint32_t top, pb_io_key_of key_of,
		      put_fn put)
{
	struct pb_io_rows rows = {0};
	int err = pb_io_rows_build(&rows, t->book, key_of, t);

	if (!err) {
		pb_io_rows_sort(&rows);
		pb_json_array(&t->json, key);
		err = put_rows(t, &rows, top, put);
		pb_json_end(&t->json, ']');
	}
	pb_io_rows_drop(&rows);
	return err;
}

static int put_view(struct pb_io_teller *t, uint32_t top)
{
	int err;

	if (t->book->by == PB_IO_BY_DEVICE)
		return 0;
	pb_json_object(&t->json, "view");
	pb_json_string(&t->json, "by", bys[t->book->by]);
	err = put_sorted(t, "rows", top, view_key, put_view_row);
	pb_json_end(&t->json, '}');
	return err;
}

static int put_calls(struct pb_io_teller *t, uint32_t top)
{
	return t->book->has_calls ? put_sorted(t, "calls", top, call_key, put_call_row) : 0;
}

/* Slow ones, patterns */

static int put_slow(struct pb_io_teller *t)
{
	const struct pb_io_book *book = t->book;
	int err = 0;

	if (book->slower_ns == UINT64_MAX)
		return 0;
	pb_json_array(&t->json, "slow");
	for (uint32_t i = 0; i < book->n_slow && !err; i++)
		err = pb_io_tell_slow(t, &book->slow[i]);
	pb_json_end(&t->json, ']');
	pb_json_uint(&t->json, "slow_total", book->n_slower);
	return err;
}

static int put_pattern(struct pb_io_teller *t, const struct pb_io_pattern *pattern)
{
	const struct pb_io_line *line = &t->book->lines[pattern->line];
	pb_autofree char *where = NULL;
	struct pb_json *j = &t->json;
	struct pb_io_frames frames;
	int err = pb_io_frames_of(&frames, t->p, line->node);

	if (err)
		return err;
	where = pb_io_frames_site(&frames, WHERE_FRAMES);
	pb_io_frames_drop(&frames);
	if (!where)
		return -ENOMEM;
	pb_json_flat_object(j, NULL);
	pb_json_string(j, "kind", pb_io_pattern_name(pattern->kind));
	pb_json_string(j, "where", where);
	pb_json_string(j, "file", pb_io_names_file(t->book->names, &line->group.leaf));
	pb_json_string(j, "comm", pb_io_comm_of(t, pattern->line));
	pb_io_tell_pid(t, pattern->line);
	pb_json_uint(j, "ops", pattern->ops);
	pb_json_uint(j, "bytes", pattern->bytes);
	pb_io_tell_us(j, "time_us", pattern->time_ns);
	pb_json_double(j, "share_pct", pattern->share_pct, 3);
	pb_json_string(j, "evidence", pattern->evidence);
	err = pb_io_tell_frames(t, pattern->line);
	pb_json_end(j, '}');
	return err;
}

static int put_patterns(struct pb_io_teller *t, uint32_t top)
{
	pb_autofree struct pb_io_pattern *patterns = NULL;
	uint32_t n = 0;
	int err = pb_io_patterns_find(t, top, &patterns, &n);

	if (err)
		return err;
	pb_json_array(&t->json, "patterns");
	for (uint32_t i = 0; i < n && !err; i++)
		err = put_pattern(t, &patterns[i]);
	pb_json_end(&t->json, ']');
	return err;
}

/* How it came about */

static void put_attribution(struct pb_io_teller *t)
{
	static const struct {
		enum pb_io_owner owner;
		const char *key;
	} owners[] = {{PB_IO_OWNER_SUBMITTER, "submitter"},
		      {PB_IO_OWNER_DIRTIER, "dirtier"},
		      {PB_IO_OWNER_FLUSHER, "flusher"},
		      {PB_IO_OWNER_KERNEL, "kernel"},
		      {PB_IO_OWNER_NONE, "none"}};
	uint64_t ops[PB_ARRAY_SIZE(owners)] = {0}, bytes[PB_ARRAY_SIZE(owners)] = {0};
	uint64_t all = 0, known = 0, unknown;

	if (!t->book->attributes)
		return;
	for (uint32_t i = 0; i < t->book->n_lines; i++) {
		const struct pb_io_group *g = &t->book->lines[i].group;
		uint8_t owner = g->leaf.owner;

		if (!g->leaf.disk)
			continue;
		owner = owner < PB_ARRAY_SIZE(owners) ? owner : PB_IO_OWNER_NONE;
		add(&ops[owner], g->ops);
		add(&bytes[owner], g->bytes);
		add(&all, g->ops);
		if (g->leaf.ino || g->leaf.is_disk)
			add(&known, g->ops);
	}
	pb_json_object(&t->json, "attribution");
	for (size_t i = 0; i < PB_ARRAY_SIZE(owners); i++) {
		pb_json_flat_object(&t->json, owners[i].key);
		pb_json_uint(&t->json, "ops", ops[owners[i].owner]);
		pb_json_uint(&t->json, "bytes", bytes[owners[i].owner]);
		pb_json_end(&t->json, '}');
	}
	unknown = ops[PB_IO_OWNER_NONE];
	add(&unknown, ops[PB_IO_OWNER_KERNEL]);
	pb_json_uint(&t->json, "file_known_ops", known);
	pb_json_double(&t->json, "unattributed_pct", percent(unknown, all), 3);
	pb_json_end(&t->json, '}');
}

static void put_io(struct pb_io_teller *t)
{
	const struct pb_io_tally *tally = &t->book->tally;
	struct pb_json *j = &t->json;

	pb_json_object(j, "io");
	pb_json_string(j, "by", bys[t->book->by]);
	pb_json_bool(j, "queue_included", t->book->includes_queue);
	pb_json_bool(j, "per_disk", t->book->per_disk);
	pb_json_bool(j, "milliseconds", t->book->milliseconds);
	if (t->book->slower_ns == UINT64_MAX)
		pb_json_null(j, "slower_us");
	else
		pb_io_tell_us(j, "slower_us", t->book->slower_ns);
	pb_json_uint(j, "in_flight_at_end", t->book->in_flight);
#define MEMBER(name) pb_json_uint(j, #name, tally->name)
	MEMBER(unmatched);
	MEMBER(requeued);
	MEMBER(merged);
	MEMBER(partial);
	MEMBER(bio_events);
	MEMBER(slow_lost);
	MEMBER(dirtied);
	MEMBER(paths_lost);
#undef MEMBER
	pb_json_end(j, '}');
}

static int put_all(struct pb_io_teller *t, uint32_t top)
{
	int err;

	pb_json_object(&t->json, NULL);
	err = put_latency(t);
	err = err ? err : put_view(t, top);
	err = err ? err : put_calls(t, top);
	err = err ? err : put_slow(t);
	err = err ? err : put_patterns(t, top);
	if (!err) {
		put_attribution(t);
		put_io(t);
	}
	pb_json_end(&t->json, '}');
	return err;
}

int pb_io_book_json(const struct pb_io_book *book, const struct pb_profile *profile, uint32_t top,
		    char **out)
{
	struct pb_io_teller t = {.book = book, .p = profile};
	pb_auto(pb_idtable) struct pb_idtable *hasher = NULL;
	pb_autofree char *text = NULL;
	size_t size;
	FILE *mem;
	int err;

	if (pb_idtable_new(&hasher))
		return -ENOMEM;
	t.hasher = hasher;
	mem = open_memstream(&text, &size);
	if (!mem)
		return -ENOMEM;
	pb_json_init(&t.json, mem, true);
	err = put_all(&t, top);
	err = ferror(mem) ? -ENOMEM : err;
	err = fclose(mem) ? -ENOMEM : err;
	if (err)
		return err;
	*out = pb_take(text);
	return 0;
}
