/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/patterns.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/grow.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/io/names.h"
#include "user/io/rows.h"
#include "user/io/tell.h"
#include "user/render/sheet.h"

/* Below 30 a share of 80 % may as well be one of 60 %: its 95 % interval reaches that far. */
#define OPS_MIN        30
/* Of all operations, bytes or time: whatever becomes of less, nobody will see it. */
#define SHARE_MIN      0.01
/* "Small": up to 16 KiB a flash disk takes as long as for 4, so half of what is asked for is had for nothing. */
#define SMALL_BYTES    16384
/* Bucket 6 begins at 16 KiB, the size of a page of many databases; the mean tells what is really above it. */
#define SMALL_BUCKETS  7
/* Nearly all, so that one stack that does two things is not taken for one that does either. */
#define SMALL_SHARE    0.8
#define SEQUENTIAL_MIN 0.8
/* The opposite: chance and neighbours in a tree put some of truly random ones behind each other. */
#define SEQUENTIAL_MAX 0.2
/* Every other read had been read not long before: a cache would halve them. */
#define REPEATED_MIN   0.5
/* A sync for four writes or fewer: a group commit of five would save four of five waits. */
#define SYNC_MIN       0.25
/* A buffered write sleeps for I/O now and then, when too much is dirty; nearly all do only if they are to. */
#define WAITED_MIN     0.8
/* An item in a file of its own takes a read or two, one for its header and one that meets the end. */
#define PER_FILE_MAX   4.0

/* Sums over all requests, or over all calls. */
struct whole {
	uint64_t ops, bytes, time_ns;
};

struct finder {
	const struct pb_io_teller *t;
	struct whole requests, calls;
	struct pb_io_rows files;  /* by stack, process, operation, disk and file's name */
	struct pb_io_rows stacks; /* the same but for the file; key.who counts files */
	struct pb_io_rows
		syncs; /* by process and file, or disk; key.op tells syncs and writes apart */
	struct pb_io_pattern *found;
	uint32_t n, room;
};

static const char *const names[PB_IO_PATTERN_KINDS] = {
	[PB_IO_SMALL_SEQUENTIAL] = "small_sequential",
	[PB_IO_REPEATED_READS] = "repeated_reads",
	[PB_IO_FSYNC_PER_WRITE] = "fsync_per_write",
	[PB_IO_RANDOM_READS] = "random_reads",
	[PB_IO_N_PLUS_ONE] = "n_plus_one",
};

const char *pb_io_pattern_name(enum pb_io_pattern_kind kind)
{
	return names[kind];
}

static double share(uint64_t part, uint64_t whole)
{
	double s = whole ? (double)part / (double)whole : 0;

	return s > 1 ? 1 : s;
}

/* What an operation is */

static bool is_read(uint32_t op)
{
	switch (op) {
	case PB_IO_READ:
	case PB_IO_CALL_READ:
	case PB_IO_CALL_PREAD:
	case PB_IO_CALL_READV:
	case PB_IO_CALL_PREADV:
	case PB_IO_CALL_URING_READ:
		return true;
	default:
		return false;
	}
}

static bool is_write(uint32_t op)
{
	switch (op) {
	case PB_IO_WRITE:
	case PB_IO_CALL_WRITE:
	case PB_IO_CALL_PWRITE:
	case PB_IO_CALL_WRITEV:
	case PB_IO_CALL_PWRITEV:
	case PB_IO_CALL_URING_WRITE:
		return true;
	default:
		return false;
	}
}

static bool is_sync(uint32_t op)
{
	return op == PB_IO_CALL_FSYNC || op == PB_IO_CALL_FDATASYNC ||
	       op == PB_IO_CALL_URING_FSYNC || op == PB_IO_FLUSH;
}

/* "pread calls", "reads" */
struct words {
	char text[40];
};

static struct words words_of(const struct pb_io_row *row)
{
	const char *op = pb_io_op_name(row->key.op);
	struct words w = {0};

	if (!row->key.disk)
		snprintf(w.text, sizeof(w.text), "%s calls", op);
	else
		snprintf(w.text, sizeof(w.text), "%ss", op);
	return w;
}

/* Texts */

struct digits {
	char text[PB_SHEET_NUMBER_SIZE];
};

static struct digits digits(uint64_t n)
{
	struct digits d = {0};

	pb_sheet_digits(d.text, n);
	return d;
}

/* "1.2 ms": of all of them, or of one */
static struct words time_words(double ns)
{
	struct words w = {0};

	if (ns < 1e6)
		snprintf(w.text, sizeof(w.text), "%.1f us", ns / 1e3);
	else if (ns < 1e9)
		snprintf(w.text, sizeof(w.text), "%.1f ms", ns / 1e6);
	else
		snprintf(w.text, sizeof(w.text), "%.2f s", ns / 1e9);
	return w;
}

static double mean(uint64_t sum, uint64_t n)
{
	return n ? (double)sum / (double)n : 0;
}

static struct words size_words(const struct pb_io_group *s)
{
	double bytes = mean(s->bytes, s->ops);
	struct words w = {0};

	if (bytes < 10240)
		snprintf(w.text, sizeof(w.text), "%s bytes", digits((uint64_t)(bytes + 0.5)).text);
	else
		snprintf(w.text, sizeof(w.text), "%.1f KiB", bytes / 1024);
	return w;
}

static const struct whole *whole_of(const struct finder *f, const struct pb_io_row *row)
{
	return row->key.disk ? &f->requests : &f->calls;
}

/* Whatever a pattern says, this stands behind it. */
static struct words share_words(const struct finder *f, const struct pb_io_row *row)
{
	struct words w = {0};

	snprintf(w.text, sizeof(w.text), "%.1f %% of the time of all %s",
		 100 * share(row->sum.time_ns, whole_of(f, row)->time_ns),
		 row->key.disk ? "I/O" : "calls");
	return w;
}

static int find(struct finder *f, enum pb_io_pattern_kind kind, const struct pb_io_row *row,
		const char *form, ...) __attribute__((format(printf, 4, 5)));

static int find(struct finder *f, enum pb_io_pattern_kind kind, const struct pb_io_row *row,
		const char *form, ...)
{
	struct pb_io_pattern *p;
	va_list args;

	if (pb_grow(&f->found, &f->room, (uint64_t)f->n + 1, sizeof(*f->found)))
		return -ENOMEM;
	p = &f->found[f->n++];
	*p = (struct pb_io_pattern){
		.kind = kind,
		.line = row->line,
		.ops = row->sum.ops,
		.bytes = row->sum.bytes,
		.time_ns = row->sum.time_ns,
		.share_pct = 100 * share(row->sum.time_ns, whole_of(f, row)->time_ns),
	};
	va_start(args, form);
	vsnprintf(p->evidence, sizeof(p->evidence), form, args);
	va_end(args);
	return 0;
}

static bool is_evident(const struct finder *f, const struct pb_io_row *row)
{
	const struct whole *w = whole_of(f, row);

	return row->sum.ops >= OPS_MIN && (share(row->sum.ops, w->ops) >= SHARE_MIN ||
					   share(row->sum.bytes, w->bytes) >= SHARE_MIN ||
					   share(row->sum.time_ns, w->time_ns) >= SHARE_MIN);
}

static bool is_small(const struct pb_io_group *s)
{
	uint64_t small = 0;

	for (int i = 0; i < SMALL_BUCKETS; i++)
		small += s->sizes[i];
	return mean(s->bytes, s->ops) <= SMALL_BYTES && share(small, s->ops) >= SMALL_SHARE;
}

/* The kinds */

static int find_small_sequential(struct finder *f, const struct pb_io_row *row)
{
	const struct pb_io_group *s = &row->sum;

	if (!(is_read(row->key.op) || is_write(row->key.op)) || !is_small(s) ||
	    share(s->sequential, s->ops) < SEQUENTIAL_MIN)
		return 0;
	return find(f, PB_IO_SMALL_SEQUENTIAL, row,
		    "%.0f %% of %s %s began where the one before had ended, with %s on average; "
		    "together they took %s, %s",
		    100 * share(s->sequential, s->ops), digits(s->ops).text, words_of(row).text,
		    size_words(s).text, time_words((double)s->time_ns).text,
		    share_words(f, row).text);
}

static int find_repeated(struct finder *f, const struct pb_io_row *row)
{
	const struct pb_io_group *s = &row->sum;

	if (!is_read(row->key.op) || share(s->repeated, s->ops) < REPEATED_MIN)
		return 0;
	return find(f, PB_IO_REPEATED_READS, row,
		    "%s of %s %s (%.0f %%) were of blocks that had been read not long before; "
		    "together they took %s, %s",
		    digits(s->repeated).text, digits(s->ops).text, words_of(row).text,
		    100 * share(s->repeated, s->ops), time_words((double)s->time_ns).text,
		    share_words(f, row).text);
}

static int find_random(struct finder *f, const struct pb_io_row *row)
{
	const struct pb_io_group *s = &row->sum;

	if (row->key.op != PB_IO_READ || !is_small(s) ||
	    share(s->sequential, s->ops) >= SEQUENTIAL_MAX)
		return 0;
	return find(f, PB_IO_RANDOM_READS, row,
		    "only %.0f %% of %s reads began where the one before had ended, with %s on "
		    "average; each took %s, together %s",
		    100 * share(s->sequential, s->ops), digits(s->ops).text, size_words(s).text,
		    time_words(mean(s->time_ns, s->ops)).text, share_words(f, row).text);
}

/* On one file. */
static int find_scattered_calls(struct finder *f, const struct pb_io_row *row)
{
	const struct pb_io_group *s = &row->sum;

	if (row->key.disk || !is_read(row->key.op) || !is_small(s) ||
	    share(s->sequential, s->ops) >= SEQUENTIAL_MAX)
		return 0;
	return find(f, PB_IO_N_PLUS_ONE, row,
		    "%s %s of one call path on one file, with %s on average, %.0f %% of them where "
		    "the one before had ended; each took %s, together %s",
		    digits(s->ops).text, words_of(row).text, size_words(s).text,
		    100 * share(s->sequential, s->ops), time_words(mean(s->time_ns, s->ops)).text,
		    share_words(f, row).text);
}

/* A file per item. */
static int find_file_per_item(struct finder *f, const struct pb_io_row *row)
{
	const struct pb_io_group *s = &row->sum;
	uint64_t files = row->key.who;

	if (row->key.disk || !is_read(row->key.op) || !is_small(s) || files < OPS_MIN ||
	    mean(s->ops, files) > PER_FILE_MAX)
		return 0;
	return find(f, PB_IO_N_PLUS_ONE, row,
		    "%s %s of one call path on %s files, %.1f each, with %s on average; each took "
		    "%s, together %s",
		    digits(s->ops).text, words_of(row).text, digits(files).text,
		    mean(s->ops, files), size_words(s).text,
		    time_words(mean(s->time_ns, s->ops)).text, share_words(f, row).text);
}

/* @row: the syncs of a process on a file, or flushes of a disk for it. */
static int find_syncs(struct finder *f, const struct pb_io_row *row)
{
	struct pb_io_row_key key = row->key;
	const struct pb_io_row *writes;
	uint64_t n;

	if (key.op != PB_IO_FLUSH)
		return 0;
	key.op = PB_IO_WRITE;
	writes = pb_io_rows_find(&f->syncs, &key);
	n = writes ? writes->sum.ops : 0;
	if (!n || (double)row->sum.ops < SYNC_MIN * (double)n)
		return 0;
	return find(f, PB_IO_FSYNC_PER_WRITE, row,
		    "%s %s for %s %s, one for each %.1f; each took %s, together %s",
		    digits(row->sum.ops).text,
		    key.disk ? "flushes or writes through the device's cache"
			     : "calls of fsync or fdatasync",
		    digits(n).text, key.disk ? "writes to the device" : "write calls on the file",
		    mean(n, row->sum.ops), time_words(mean(row->sum.time_ns, row->sum.ops)).text,
		    share_words(f, row).text);
}

/* Opened so that each write waits: O_SYNC, O_DSYNC, or past the page cache. */
static int find_waiting_writes(struct finder *f, const struct pb_io_row *row)
{
	const struct pb_io_group *s = &row->sum;

	if (row->key.disk || !is_write(row->key.op) || !is_small(s) ||
	    share(s->queued, s->ops) < WAITED_MIN)
		return 0;
	return find(f, PB_IO_FSYNC_PER_WRITE, row,
		    "%.0f %% of %s %s slept for I/O before they returned, with %s on average; each "
		    "took %s, together %s",
		    100 * share(s->queued, s->ops), digits(s->ops).text, words_of(row).text,
		    size_words(s).text, time_words(mean(s->time_ns, s->ops)).text,
		    share_words(f, row).text);
}

/* What belongs together */

/* What the kernel does of its own accord is nobody's to change. */
static bool is_asked_for(const struct pb_io_line *l)
{
	return l->group.leaf.owner != PB_IO_OWNER_KERNEL;
}

static int file_key(void *ctx, uint32_t line, struct pb_io_row_key *key)
{
	const struct finder *f = ctx;
	const struct pb_io_line *l = &f->t->book->lines[line];

	/* without a stack there is no place to look at, and all of a device would be one */
	if (!is_asked_for(l) || l->node == PB_NONE || !l->node)
		return 0;
	key->node = l->node;
	key->process = pb_io_tgid_of(f->t, line);
	key->disk = l->group.leaf.disk;
	key->op = l->group.leaf.op;
	return pb_io_who_hash(f->t, PB_IO_BY_FILE, line, &key->who) ? -ENOMEM : 1;
}

static int stack_key(void *ctx, uint32_t line, struct pb_io_row_key *key)
{
	int is_in = file_key(ctx, line, key);

	key->who = 0;
	return is_in;
}

/* Calls tell it best. Where they are not timed, flushes and the writes past the cache do. */
static int sync_key(void *ctx, uint32_t line, struct pb_io_row_key *key)
{
	const struct finder *f = ctx;
	const struct pb_io_line *l = &f->t->book->lines[line];
	const struct pb_io_leaf *leaf = &l->group.leaf;
	bool syncs = is_sync(leaf->op) || (leaf->op == PB_IO_WRITE && leaf->flags & PB_IO_FUA);

	if ((leaf->disk && f->t->book->has_calls) || !(syncs || is_write(leaf->op)) ||
	    !is_asked_for(l))
		return 0;
	key->process = pb_io_tgid_of(f->t, line);
	key->disk = leaf->disk;
	key->op = syncs ? PB_IO_FLUSH : PB_IO_WRITE;
	if (leaf->disk)
		return 1;
	/* a file that nobody knows may be any */
	if (!leaf->ino && !leaf->is_disk)
		return 0;
	return pb_io_who_hash(f->t, PB_IO_BY_FILE, line, &key->who) ? -ENOMEM : 1;
}

static void count_files(struct finder *f)
{
	pb_autofree uint64_t *files = calloc((size_t)f->stacks.n + 1, sizeof(*files));

	for (uint32_t i = 0; files && i < f->files.n; i++) {
		struct pb_io_row_key key = f->files.rows[i].key;
		const struct pb_io_row *row;

		key.who = 0;
		row = pb_io_rows_find(&f->stacks, &key);
		if (row)
			files[row - f->stacks.rows]++;
	}
	/* the keys are not looked for from here on */
	for (uint32_t i = 0; files && i < f->stacks.n; i++)
		f->stacks.rows[i].key.who = files[i];
}

static void add(uint64_t *sum, uint64_t value)
{
	if (__builtin_add_overflow(*sum, value, sum))
		*sum = UINT64_MAX;
}

static void add_up(struct finder *f)
{
	for (uint32_t i = 0; i < f->t->book->n_lines; i++) {
		const struct pb_io_group *g = &f->t->book->lines[i].group;
		struct whole *w = g->leaf.disk ? &f->requests : &f->calls;

		add(&w->ops, g->ops);
		add(&w->bytes, g->bytes);
		add(&w->time_ns, g->time_ns);
	}
}

typedef int (*find_fn)(struct finder *f, const struct pb_io_row *row);

static int find_in(struct finder *f, const struct pb_io_rows *rows, const find_fn *kinds)
{
	int err = 0;

	for (uint32_t i = 0; i < rows->n && !err; i++) {
		if (!is_evident(f, &rows->rows[i]))
			continue;
		for (const find_fn *kind = kinds; *kind && !err; kind++)
			err = (*kind)(f, &rows->rows[i]);
	}
	return err;
}

static int find_all(struct finder *f)
{
	static const find_fn of_files[] = {find_small_sequential, find_repeated,
					   find_scattered_calls, find_waiting_writes, NULL};
	static const find_fn of_stacks[] = {find_random, find_file_per_item, NULL};
	static const find_fn of_syncs[] = {find_syncs, NULL};
	const struct pb_io_book *book = f->t->book;
	int err = pb_io_rows_build(&f->files, book, file_key, f);

	err = err ? err : pb_io_rows_build(&f->stacks, book, stack_key, f);
	err = err ? err : pb_io_rows_build(&f->syncs, book, sync_key, f);
	if (err)
		return err;
	count_files(f);
	add_up(f);
	err = find_in(f, &f->files, of_files);
	err = err ? err : find_in(f, &f->stacks, of_stacks);
	return err ? err : find_in(f, &f->syncs, of_syncs);
}

static int compare(const void *a, const void *b)
{
	const struct pb_io_pattern *x = a, *y = b;

	if (x->share_pct != y->share_pct)
		return x->share_pct < y->share_pct ? 1 : -1;
	if (x->ops != y->ops)
		return x->ops < y->ops ? 1 : -1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

int pb_io_patterns_find(const struct pb_io_teller *t, uint32_t max, struct pb_io_pattern **out,
			uint32_t *n)
{
	struct finder f = {.t = t};
	int err = find_all(&f);

	pb_io_rows_drop(&f.files);
	pb_io_rows_drop(&f.stacks);
	pb_io_rows_drop(&f.syncs);
	if (err) {
		free(f.found);
		return err;
	}
	if (f.n)
		qsort(f.found, f.n, sizeof(*f.found), compare);
	*out = f.found;
	*n = f.n < max ? f.n : max;
	return 0;
}
