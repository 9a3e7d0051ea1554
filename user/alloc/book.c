/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/book.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/alloc/hints.h"
#include "user/alloc/pathnames.h"
#include "user/core/json.h"
#include "user/core/profile.h"

#define NS_PER_S    1e9
/* Of a hint: enough to find the place; the site has the whole path. */
#define HINT_FRAMES 6

static const char *const modes[] = {
	[PB_ALLOC_SAMPLED] = "sampled",
	[PB_ALLOC_EXACT] = "exact",
	[PB_ALLOC_GROWTH] = "growth",
};

/* What is written, and in which order: places of the book's sites in the JSON list. */
struct writer {
	struct pb_json json;
	const struct pb_alloc_book *book;
	const struct pb_profile *p;
	struct pb_hint *hints;
	uint32_t n_hints;
	uint32_t *order; /* of sites: those that are told come first */
	uint32_t *place; /* by site: where it stands in @order */
	uint32_t n_told;
};

void pb_alloc_book_drop(struct pb_alloc_book *book)
{
	for (uint32_t i = 0; i < book->n_allocators; i++)
		free(book->allocators[i]);
	free(book->allocators);
	free(book->sites);
	free(book->points);
	*book = (struct pb_alloc_book){0};
}

/* A negative number was not measured. */
static void put_measured(struct pb_json *j, const char *key, double value)
{
	if (value >= 0)
		pb_json_real(j, key, value);
	else
		pb_json_null(j, key);
}

static void put_time(struct pb_json *j, const char *key, uint64_t ns)
{
	pb_json_real(j, key, (double)ns / NS_PER_S);
}

static void add(uint64_t *sum, uint64_t value)
{
	if (__builtin_add_overflow(*sum, value, sum))
		*sum = UINT64_MAX;
}

static void put_totals(struct pb_json *j, const struct pb_alloc_book *book)
{
	uint64_t v[PB_ALLOC_VALUES] = {0}, frees = 0, freed_bytes = 0, foreign = 0, moved = 0;

	for (uint32_t i = 0; i < book->n_sites; i++) {
		const struct pb_alloc_site *s = &book->sites[i];

		for (int k = 0; k < PB_ALLOC_VALUES; k++)
			add(&v[k], s->values[k]);
		add(&frees, s->freed_objects);
		add(&freed_bytes, s->freed_bytes);
		add(&foreign, s->foreign_objects);
		add(&moved, s->moved_objects);
	}
	pb_json_uint(j, "allocs", v[PB_ALLOC_OBJECTS]);
	pb_json_uint(j, "bytes", v[PB_ALLOC_SPACE]);
	pb_json_uint(j, "frees", frees);
	pb_json_uint(j, "freed_bytes", freed_bytes);
	pb_json_uint(j, "live_allocs", v[PB_INUSE_OBJECTS]);
	pb_json_uint(j, "live_bytes", v[PB_INUSE_SPACE]);
	pb_json_uint(j, "leaked_allocs", v[PB_LEAKED_OBJECTS]);
	pb_json_uint(j, "leaked_bytes", v[PB_LEAKED_SPACE]);
	pb_json_uint(j, "peak_bytes", book->peak_bytes);
	put_time(j, "peak_s", book->peak_ns);
	pb_json_uint(j, "temporary", v[PB_TEMPORARY_OBJECTS]);
	pb_json_uint(j, "foreign_frees", foreign);
	pb_json_uint(j, "moved", moved);
}

static void put_tally(struct pb_json *j, const struct pb_alloc_tally *t)
{
	pb_json_uint(j, "calls", t->calls);
	pb_json_uint(j, "called_bytes", t->bytes);
	pb_json_uint(j, "failed", t->failed);
	pb_json_uint(j, "left_out", t->left_out);
	pb_json_uint(j, "free_calls", t->frees);
	pb_json_uint(j, "frees_unknown", t->frees > t->frees_known ? t->frees - t->frees_known : 0);
	pb_json_uint(j, "overwritten", t->overwritten);
	pb_json_uint(j, "untracked", t->untracked);
	pb_json_uint(j, "stateless", t->stateless);
	pb_json_uint(j, "missed", t->missed);
}

static void put_cost(struct pb_json *j, const struct pb_alloc_book *book)
{
	pb_json_flat_object(j, "cost");
	pb_json_string(j, "attached_by", book->attached_by ? book->attached_by : "");
	pb_json_uint(j, "entries", PB_ALLOC_ENTRIES(&book->tally));
	pb_json_uint(j, "returns", book->tally.returns);
	put_measured(j, "entry_ns", book->entry_ns);
	put_measured(j, "return_ns", book->return_ns);
	put_measured(j, "expected_pct", book->expected_pct);
	put_measured(j, "actual_pct", book->actual_pct);
	pb_json_end(j, '}');
}

static void put_alloc(struct writer *w)
{
	const struct pb_alloc_book *book = w->book;
	struct pb_json *j = &w->json;

	pb_json_object(j, "alloc");
	pb_json_string(j, "mode", modes[book->mode]);
	pb_json_uint(j, "sample_bytes", book->sample_bytes);
	pb_json_bool(j, "track_frees", book->track_frees);
	put_time(j, "older_s", book->older_ns);
	put_totals(j, book);
	put_tally(j, &book->tally);
	pb_json_uint(j, "max_live", book->max_live);
	put_cost(j, book);
	if (book->detached)
		put_time(j, "detached_s", book->detached_ns);
	else
		pb_json_null(j, "detached_s");
	pb_json_end(j, '}');
	pb_json_flat_array(j, "allocators");
	for (uint32_t i = 0; i < book->n_allocators; i++)
		pb_json_string(j, NULL, book->allocators[i]);
	pb_json_end(j, ']');
}

/* Columns: rows would repeat each key up to two thousand times. */
static void put_series(struct writer *w)
{
	const struct pb_alloc_point *points = w->book->points;
	struct pb_json *j = &w->json;
	uint32_t n = w->book->n_points;

	pb_json_object(j, "series");
	pb_json_flat_array(j, "time_s");
	for (uint32_t i = 0; i < n; i++)
		put_time(j, NULL, points[i].time_ns);
	pb_json_end(j, ']');
#define COLUMN(member)                                                                             \
	pb_json_flat_array(j, #member);                                                            \
	for (uint32_t i = 0; i < n; i++)                                                           \
		pb_json_uint(j, NULL, points[i].member);                                           \
	pb_json_end(j, ']')
	COLUMN(live_bytes);
	COLUMN(live_objects);
	COLUMN(rss_bytes);
	COLUMN(calls);
	COLUMN(bytes);
#undef COLUMN
	pb_json_end(j, '}');
}

/* Buckets with something in them. The last one has no upper end. */
static void put_histogram(struct pb_json *j, const char *key, const char *up_to, int shift,
			  const uint64_t *buckets)
{
	pb_json_flat_array(j, key);
	for (int i = 0; i < PB_ALLOC_BUCKETS; i++) {
		if (!buckets[i])
			continue;
		pb_json_flat_object(j, NULL);
		if (i < PB_ALLOC_BUCKETS - 1)
			pb_json_uint(j, up_to, (UINT64_C(1) << (i + shift)) - 1);
		else
			pb_json_null(j, up_to);
		pb_json_uint(j, "objects", buckets[i]);
		pb_json_end(j, '}');
	}
	pb_json_end(j, ']');
}

static int put_freed_by(struct writer *w, const struct pb_alloc_site *s)
{
	pb_autofree char *function = NULL;
	struct pb_json *j = &w->json;

	if (s->free_location == PB_NONE) {
		pb_json_null(j, "freed_by");
		return 0;
	}
	function = pb_function_at(w->p, s->free_location);
	if (!function)
		return -ENOMEM;
	pb_json_flat_object(j, "freed_by");
	pb_json_string(j, "function", function);
	pb_json_real(j, "share", s->free_share);
	pb_json_end(j, '}');
	return 0;
}

static void put_numbers(struct pb_json *j, const struct pb_alloc_site *s)
{
	pb_json_uint(j, "events", s->events);
	pb_json_flat_array(j, "values");
	for (int i = 0; i < PB_ALLOC_VALUES; i++)
		pb_json_uint(j, NULL, s->values[i]);
	pb_json_end(j, ']');
	pb_json_uint(j, "freed_objects", s->freed_objects);
	pb_json_uint(j, "freed_bytes", s->freed_bytes);
	pb_json_uint(j, "foreign_objects", s->foreign_objects);
	pb_json_uint(j, "moved_objects", s->moved_objects);
	pb_json_uint(j, "moved_bytes", s->moved_bytes);
	pb_json_uint(j, "regrown_objects", s->regrown_objects);
	pb_json_uint(j, "untracked_objects", s->untracked_objects);
	pb_json_uint(j, "untracked_bytes", s->untracked_bytes);
	pb_json_uint(j, "same_size_objects", s->same_size_objects);
	pb_json_uint(j, "last_size", s->last_size);
	pb_json_uint(j, "max_size", s->max_size);
}

static int put_site(struct writer *w, const struct pb_alloc_site *s)
{
	const struct pb_process *process =
		s->process == PB_NONE ? NULL : &w->p->processes[s->process];
	struct pb_json *j = &w->json;
	struct pb_path_names path;
	int err = pb_path_names(&path, w->p, s->node);

	if (err)
		return err;
	pb_json_flat_object(j, NULL);
	if (process)
		pb_json_uint(j, "pid", process->tgid);
	else
		pb_json_null(j, "pid");
	pb_json_string(j, "comm", process ? pb_profile_text(w->p, process->comm) : "");
	pb_json_flat_array(j, "frames");
	for (uint32_t i = path.n; i-- > 0;)
		pb_json_string(j, NULL, path.names[i]);
	pb_json_end(j, ']');
	pb_path_names_drop(&path);
	put_numbers(j, s);
	put_histogram(j, "sizes", "up_to_bytes", PB_ALLOC_SIZE_SHIFT, s->sizes);
	put_histogram(j, "lifetimes", "up_to_ns", PB_ALLOC_LIFETIME_SHIFT, s->lifetimes);
	err = put_freed_by(w, s);
	pb_json_end(j, '}');
	return err;
}

static int put_sites(struct writer *w)
{
	int err = 0;

	pb_json_array(&w->json, "sites");
	for (uint32_t i = 0; i < w->n_told && !err; i++)
		err = put_site(w, &w->book->sites[w->order[i]]);
	pb_json_end(&w->json, ']');
	return err;
}

/* The allocator's own functions at the leaf tell nothing here: a hint begins with what called it. */
static int put_hint(struct writer *w, const struct pb_hint *hint)
{
	const struct pb_alloc_site *s = &w->book->sites[hint->site];
	struct pb_json *j = &w->json;
	struct pb_path_names path;
	uint32_t first;
	int err = pb_path_names(&path, w->p, s->node);

	if (err)
		return err;
	first = pb_path_names_site(&path);
	pb_json_flat_object(j, NULL);
	pb_json_string(j, "kind", pb_hint_name(hint->kind));
	pb_json_uint(j, "site", w->place[hint->site]);
	pb_json_flat_array(j, "frames");
	for (uint32_t i = first; i < path.n && i < first + HINT_FRAMES; i++)
		pb_json_string(j, NULL, path.names[i]);
	pb_json_end(j, ']');
	pb_path_names_drop(&path);
	pb_json_uint(j, "objects", hint->weight);
	pb_json_string(j, "evidence", hint->evidence);
	pb_json_end(j, '}');
	return 0;
}

static int put_hints(struct writer *w)
{
	int err = 0;

	pb_json_array(&w->json, "hints");
	for (uint32_t i = 0; i < w->n_hints && !err; i++)
		err = put_hint(w, &w->hints[i]);
	pb_json_end(&w->json, ']');
	return err;
}

/* Which sites are told */

struct by_value {
	const struct pb_alloc_site *sites;
	uint32_t value;
};

static int compare_sites(const void *a, const void *b, void *arg)
{
	const struct by_value *by = arg;
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	uint64_t x = by->sites[i].values[by->value], y = by->sites[k].values[by->value];

	if (x != y)
		return x < y ? 1 : -1;
	return (i > k) - (i < k);
}

/* The largest, and behind them those that hints are about. */
static int choose_sites(struct writer *w, uint32_t top, uint32_t value)
{
	const struct pb_alloc_book *book = w->book;
	struct by_value by = {book->sites, value};

	w->order = calloc((size_t)book->n_sites + 1, sizeof(*w->order));
	w->place = calloc((size_t)book->n_sites + 1, sizeof(*w->place));
	if (!w->order || !w->place)
		return -ENOMEM;
	for (uint32_t i = 0; i < book->n_sites; i++)
		w->order[i] = i;
	qsort_r(w->order, book->n_sites, sizeof(*w->order), compare_sites, &by);
	for (uint32_t i = 0; i < book->n_sites; i++)
		w->place[w->order[i]] = i;
	w->n_told = top < book->n_sites ? top : book->n_sites;
	for (uint32_t i = 0; i < w->n_hints; i++) {
		uint32_t site = w->hints[i].site, was = w->place[site], other = w->order[w->n_told];

		if (was < w->n_told)
			continue;
		w->order[was] = other;
		w->place[other] = was;
		w->order[w->n_told] = site;
		w->place[site] = w->n_told++;
	}
	return 0;
}

static int put_all(struct writer *w)
{
	int err;

	pb_json_object(&w->json, NULL);
	put_alloc(w);
	put_series(w);
	err = put_sites(w);
	err = err ? err : put_hints(w);
	pb_json_end(&w->json, '}');
	return err;
}

static void writer_drop(struct writer *w)
{
	free(w->hints);
	free(w->order);
	free(w->place);
}

int pb_alloc_book_json(const struct pb_alloc_book *book, const struct pb_profile *profile,
		       uint32_t top, uint32_t value, char **out)
{
	struct writer w = {.book = book, .p = profile};
	pb_autofree char *text = NULL;
	size_t size;
	int err = pb_hints_find(book, profile, top, &w.hints, &w.n_hints);
	FILE *mem;

	err = err ? err : choose_sites(&w, top, value);
	mem = err ? NULL : open_memstream(&text, &size);
	if (mem) {
		pb_json_init(&w.json, mem, true);
		err = put_all(&w);
		err = ferror(mem) ? -ENOMEM : err;
		err = fclose(mem) ? -ENOMEM : err;
	} else if (!err) {
		err = -ENOMEM;
	}
	writer_drop(&w);
	if (err)
		return err;
	*out = pb_take(text);
	return 0;
}
