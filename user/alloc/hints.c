/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/hints.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/alloc/pathnames.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/text.h"
#include "user/render/sheet.h"

/* Below 30 events a share of 90 % may as well be one of 75 %: its 95 % interval reaches that far. */
#define EVENTS_MIN 30
/* Of all objects, or of all bytes: whatever becomes of a smaller site, nobody will see it. */
#define SHARE_MIN  0.01

/* "Nearly all": what does not fit a pool or a buffer has to go elsewhere, and costs code that keeps both. */
#define NEARLY_ALL    0.9
/* By majority vote the share is a lower bound, so less of it is asked for. */
#define FREED_BY_MIN  0.8
/* Lives that end within a request or a frame: pools and arenas are emptied at such moments. 2^21 ns. */
#define SHORT_BUCKETS 11
/* Freed before the thread allocates again: one buffer would have served them all. */
#define TEMPORARY_MIN 0.8
/* Of the same size as the one before: that buffer would rarely have to grow. */
#define SAME_SIZE_MIN 0.8
/* A buffer that doubles from 64 bytes to 4 KB moves six times; if a quarter of the calls are such moves,
 * buffers grow at least once for every three that are made. */
#define REGROWN_MIN   0.25
/* Below 32 bytes malloc's own 8 to 16 a block are a third of the memory, or more. */
#define TINY_BUCKETS  3
/* So many live at once waste 160 KB, and fill the caches with what is not data. */
#define TINY_LIVE_MIN 10000

struct whole {
	uint64_t objects, bytes;
};

static const char *const names[PB_HINT_KINDS] = {
	[PB_HINT_POOL] = "arena_or_pool",
	[PB_HINT_REUSE] = "buffer_reuse",
	[PB_HINT_RESERVE] = "reserve",
	[PB_HINT_TINY] = "many_tiny_blocks",
};

const char *pb_hint_name(enum pb_hint_kind kind)
{
	return names[kind];
}

static double share(uint64_t part, uint64_t whole)
{
	double s = whole ? (double)part / (double)whole : 0;

	return s > 1 ? 1 : s; /* estimates of one thing can differ */
}

static uint64_t sum(const uint64_t *buckets, uint32_t n)
{
	uint64_t s = 0;

	for (uint32_t i = 0; i < n; i++)
		s += buckets[i];
	return s;
}

static uint32_t largest(const uint64_t *buckets)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < PB_ALLOC_BUCKETS; i++) {
		if (buckets[i] > buckets[best])
			best = i;
	}
	return best;
}

/* The first bucket up to which nearly all are counted. */
static uint32_t nearly_all_up_to(const uint64_t *buckets)
{
	uint64_t all = sum(buckets, PB_ALLOC_BUCKETS);
	uint32_t i = 0;

	while (i < PB_ALLOC_BUCKETS - 1 && share(sum(buckets, i + 1), all) < NEARLY_ALL)
		i++;
	return i;
}

/* Texts */

/* Names are short by now, so that the numbers have room. */
__attribute__((format(printf, 2, 3))) static void say(struct pb_hint *hint, const char *form, ...)
{
	va_list args;

	va_start(args, form);
	vsnprintf(hint->evidence, sizeof(hint->evidence), form, args);
	va_end(args);
}

struct digits {
	char text[PB_SHEET_NUMBER_SIZE];
};

static struct digits digits(uint64_t n)
{
	struct digits d = {0};

	pb_sheet_digits(d.text, n);
	return d;
}

#define SIZE_TEXT (2 * PB_SHEET_NUMBER_SIZE + 16)

/* "32 to 63 bytes", "below 8 bytes" */
static void size_text(char *out, size_t size, uint32_t bucket)
{
	uint64_t low = bucket ? UINT64_C(1) << (bucket - 1 + PB_ALLOC_SIZE_SHIFT) : 0;

	if (bucket == PB_ALLOC_BUCKETS - 1)
		snprintf(out, size, "%s bytes and more", digits(low).text);
	else if (!bucket)
		snprintf(out, size, "below %d bytes", 1 << PB_ALLOC_SIZE_SHIFT);
	else
		snprintf(out, size, "%s to %s bytes", digits(low).text, digits(2 * low - 1).text);
}

static void time_text(char *out, size_t size, uint32_t bucket)
{
	double us = (double)(UINT64_C(1) << (bucket + PB_ALLOC_LIFETIME_SHIFT)) / 1000;

	if (us < 1000)
		snprintf(out, size, "%.0f us", us);
	else
		snprintf(out, size, "%.1f ms", us / 1000);
}

/* The kinds: each gives the objects that it is about, 0 for none, and fills in the evidence. */

static uint64_t find_pool(const struct pb_alloc_site *s, const struct pb_profile *p,
			  struct pb_hint *hint)
{
	uint64_t objects = s->values[PB_ALLOC_OBJECTS];
	uint32_t size = largest(s->sizes), life = nearly_all_up_to(s->lifetimes);
	pb_autofree char *function = NULL;
	char size_words[SIZE_TEXT], life_words[32], by[64];

	if (share(s->sizes[size], objects) < NEARLY_ALL || size == PB_ALLOC_BUCKETS - 1 ||
	    share(s->freed_objects, objects) < NEARLY_ALL || life > SHORT_BUCKETS ||
	    s->free_location == PB_NONE || s->free_share < FREED_BY_MIN)
		return 0;
	function = pb_function_at(p, s->free_location);
	pb_text_safe(by, sizeof(by), function ? function : "?", strlen(function ? function : "?"));
	size_text(size_words, sizeof(size_words), size);
	time_text(life_words, sizeof(life_words), life);
	say(hint,
	    "%.0f %% of %s blocks have %s, %.0f %% of those freed lived less than %s, and at "
	    "least %.0f %% were freed by %s",
	    100 * share(s->sizes[size], objects), digits(objects).text, size_words,
	    100 * share(sum(s->lifetimes, life + 1), sum(s->lifetimes, PB_ALLOC_BUCKETS)),
	    life_words, 100 * s->free_share, by);
	return objects;
}

static uint64_t find_reuse(const struct pb_alloc_site *s, const struct pb_profile *p,
			   struct pb_hint *hint)
{
	uint64_t objects = s->values[PB_ALLOC_OBJECTS];
	uint64_t temporary = s->values[PB_TEMPORARY_OBJECTS];

	(void)p;
	/* the first block of a site has none before it */
	if (share(temporary, objects) < TEMPORARY_MIN ||
	    share(s->same_size_objects + 1, objects) < SAME_SIZE_MIN)
		return 0;
	say(hint,
	    "%s of %s blocks were freed before their thread allocated again, and %.0f %% have "
	    "the size of the one before; the last has %s bytes, the largest %s",
	    digits(temporary).text, digits(objects).text,
	    100 * share(s->same_size_objects, objects), digits(s->last_size).text,
	    digits(s->max_size).text);
	return temporary;
}

static uint64_t find_reserve(const struct pb_alloc_site *s, const struct pb_profile *p,
			     struct pb_hint *hint)
{
	uint64_t objects = s->values[PB_ALLOC_OBJECTS];

	(void)p;
	if (share(s->regrown_objects, objects) < REGROWN_MIN)
		return 0;
	say(hint,
	    "%s of %s calls made a block of this place larger, %s bytes had to be kept in all; "
	    "the last has %s bytes, the largest %s",
	    digits(s->regrown_objects).text, digits(objects).text, digits(s->moved_bytes).text,
	    digits(s->last_size).text, digits(s->max_size).text);
	return s->regrown_objects;
}

static uint64_t find_tiny(const struct pb_alloc_site *s, const struct pb_profile *p,
			  struct pb_hint *hint)
{
	uint64_t objects = s->values[PB_ALLOC_OBJECTS], most = s->values[PB_MOST_OBJECTS];
	uint64_t tiny = sum(s->sizes, TINY_BUCKETS);

	(void)p;
	if (share(tiny, objects) < NEARLY_ALL || most < TINY_LIVE_MIN)
		return 0;
	say(hint,
	    "%.0f %% of %s blocks have less than %d bytes, %.0f on average, and up to %s lived at "
	    "once",
	    100 * share(tiny, objects), digits(objects).text,
	    1 << (TINY_BUCKETS - 1 + PB_ALLOC_SIZE_SHIFT),
	    (double)s->values[PB_ALLOC_SPACE] / (double)objects, digits(most).text);
	return most;
}

static bool is_evident(const struct pb_alloc_site *s, const struct whole *whole)
{
	return s->events >= EVENTS_MIN && s->values[PB_ALLOC_OBJECTS] &&
	       (share(s->values[PB_ALLOC_OBJECTS], whole->objects) >= SHARE_MIN ||
		share(s->values[PB_ALLOC_SPACE], whole->bytes) >= SHARE_MIN);
}

/* What a buffer can do needs no pool: that one comes last, and only alone. Returns how many were found. */
static uint32_t find_at(const struct pb_alloc_site *s, const struct pb_profile *p, uint32_t site,
			struct pb_hint *out)
{
	static const struct {
		uint64_t (*find)(const struct pb_alloc_site *s, const struct pb_profile *p,
				 struct pb_hint *hint);
		enum pb_hint_kind kind;
		bool alone;
	} kinds[] = {
		{find_reuse, PB_HINT_REUSE, false},
		{find_reserve, PB_HINT_RESERVE, false},
		{find_tiny, PB_HINT_TINY, false},
		{find_pool, PB_HINT_POOL, true},
	};
	uint32_t n = 0;

	for (size_t i = 0; i < PB_ARRAY_SIZE(kinds); i++) {
		struct pb_hint hint = {.kind = kinds[i].kind, .site = site};

		if (kinds[i].alone && n)
			continue;
		hint.weight = kinds[i].find(s, p, &hint);
		if (hint.weight)
			out[n++] = hint;
	}
	return n;
}

static int compare(const void *a, const void *b)
{
	const struct pb_hint *x = a, *y = b;

	if (x->weight != y->weight)
		return x->weight < y->weight ? 1 : -1;
	if (x->site != y->site)
		return x->site < y->site ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

int pb_hints_find(const struct pb_alloc_book *book, const struct pb_profile *profile, uint32_t max,
		  struct pb_hint **out, uint32_t *n)
{
	pb_autofree struct pb_hint *hints =
		calloc((size_t)book->n_sites * PB_HINT_KINDS + 1, sizeof(*hints));
	struct whole whole = {0};
	uint32_t found = 0;

	if (!hints)
		return -ENOMEM;
	for (uint32_t i = 0; i < book->n_sites; i++) {
		whole.objects += book->sites[i].values[PB_ALLOC_OBJECTS];
		whole.bytes += book->sites[i].values[PB_ALLOC_SPACE];
	}
	for (uint32_t i = 0; i < book->n_sites; i++) {
		if (is_evident(&book->sites[i], &whole))
			found += find_at(&book->sites[i], profile, i, &hints[found]);
	}
	qsort(hints, found, sizeof(*hints), compare);
	*out = pb_take(hints);
	*n = found < max ? found : max;
	return 0;
}
