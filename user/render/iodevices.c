/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Of the text of iolatency: how long devices took, how long I/O waited before that, and histograms. */
#include "user/render/iosheet.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "user/core/jsonvalue.h"
#include "user/core/own.h"
#include "user/core/text.h"
#include "user/render/member.h"

#define OCTAVES         64
#define BOUND_SIZE      16
#define BAR_MAX         50
#define HISTOGRAMS      64 /* distinct ones, so that a hostile file cannot ask for a million */
#define MAIN_HISTOGRAMS 2  /* of operations, where disks are not told apart */
#define KEY_SIZE        128
#define EIGHTHS         8
#define NS_PER_US       1000.0
#define DEVICE_MIN      8

static const char *const percentiles[] = {"p50_us", "p90_us",  "p95_us",
					  "p99_us", "p999_us", "max_us"};

static const json_t *row_at(const json_t *rows, size_t i)
{
	return json_array_get(rows, i);
}

static int fill_devices(const struct pb_iosheet *s, struct pb_grid *g, const json_t *rows,
			const struct pb_iounit *unit, uint64_t per)
{
	for (size_t i = 0; i < json_array_size(rows) && i < s->top; i++) {
		const json_t *row = row_at(rows, i);
		double iops = pb_member_number(row, "iops");
		double bytes = pb_member_number(row, "bytes_per_s");
		uint64_t errors = pb_member_count(row, "errors");
		uint64_t n = pb_member_count(row, "count");

		if (!n) /* of an interval in which the device had nothing to do */
			continue;
		pb_grid_add(g, pb_member_text(row, "device"));
		pb_grid_add(g, pb_member_text(row, "op"));
		pb_grid_add(g, pb_member_text(row, "flags"));
		pb_iosheet_count(g, n);
		pb_iosheet_number(g, iops, iops < 10 ? 1 : 0);
		pb_iosheet_number(g, bytes < 0 ? bytes : bytes / (double)per, per > 1 ? 2 : 0);
		for (size_t k = 0; k < PB_ARRAY_SIZE(percentiles); k++)
			pb_iosheet_time(g, unit, row, percentiles[k]);
		if (errors)
			pb_iosheet_count(g, errors);
		else
			pb_grid_add(g, "");
		if (errors)
			pb_grid_style(g, PB_SHEET_RED);
	}
	pb_grid_hide_same(g, 2, true);
	pb_grid_hide_same(g, 12, true);
	return pb_grid_put(g, &s->sheet);
}

static int put_devices(const struct pb_iosheet *s, const json_t *rows)
{
	struct pb_scale scale = pb_iosheet_bytes(rows, "bytes_per_s");
	struct pb_iounit unit = pb_iosheet_unit(s, rows);
	char rate[16];
	const struct pb_grid_column columns[] = {
		{.head = "device", .is_text = true, .min = DEVICE_MIN},
		{.head = "op", .is_text = true},
		{.head = "flags", .is_text = true, .min = 6},
		{.head = "count"},
		{.head = "IOPS", .drop = 4},
		{.head = rate, .drop = 3},
		{.head = "p50"},
		{.head = "p90", .drop = 6},
		{.head = "p95", .drop = 2},
		{.head = "p99"},
		{.head = "p99.9", .drop = 1},
		{.head = "max"},
		{.head = "errors", .drop = 5},
	};
	pb_auto(pb_grid) struct pb_grid *g = NULL;
	bool queued = json_is_true(json_object_get(s->io, "queue_included"));

	snprintf(rate, sizeof(rate), "%.7s/s", scale.unit);
	if (pb_iosheet_caption(s, "Time%s in %s, from %s to completion",
			       queued ? "" : " in the device", unit.name,
			       queued ? "insertion into the queue" : "issue") ||
	    pb_grid_new(&g, columns, PB_ARRAY_SIZE(columns)))
		return -ENOMEM;
	return fill_devices(s, g, rows, &unit, scale.per);
}

/* What "queue" is of all rows; borrowed ones. NULL without memory. */
static json_t *queues_of(const json_t *rows)
{
	json_t *queues = json_array();

	for (size_t i = 0; queues && i < json_array_size(rows); i++) {
		json_t *queue = json_object_get(row_at(rows, i), "queue_us");

		if (json_array_append(queues, json_is_object(queue) ? queue : json_null())) {
			json_decref(queues);
			return NULL;
		}
	}
	return queues;
}

static int fill_queues(const struct pb_iosheet *s, struct pb_grid *g, const json_t *rows,
		       const json_t *queues, const struct pb_iounit *unit)
{
	for (size_t i = 0; i < json_array_size(rows) && i < s->top; i++) {
		const json_t *row = row_at(rows, i), *queue = row_at(queues, i);
		uint64_t n = pb_member_count(queue, "count");

		if (!n)
			continue;
		pb_grid_add(g, pb_member_text(row, "device"));
		pb_grid_add(g, pb_member_text(row, "op"));
		pb_grid_add(g, pb_member_text(row, "flags"));
		pb_iosheet_count(g, n);
		for (size_t k = 0; k < PB_ARRAY_SIZE(percentiles); k++)
			pb_iosheet_time(g, unit, queue, percentiles[k]);
	}
	pb_grid_hide_same(g, 2, true);
	return pb_grid_put(g, &s->sheet);
}

static int put_queues(const struct pb_iosheet *s, const json_t *rows)
{
	static const struct pb_grid_column columns[] = {
		{.head = "device", .is_text = true, .min = DEVICE_MIN},
		{.head = "op", .is_text = true},
		{.head = "flags", .is_text = true, .min = 6},
		{.head = "queued"},
		{.head = "p50"},
		{.head = "p90", .drop = 3},
		{.head = "p95", .drop = 2},
		{.head = "p99"},
		{.head = "p99.9", .drop = 1},
		{.head = "max"},
	};
	pb_autojson json_t *queues = queues_of(rows);
	pb_auto(pb_grid) struct pb_grid *g = NULL;
	struct pb_iounit unit;
	uint64_t n = 0;

	if (!queues || pb_grid_new(&g, columns, PB_ARRAY_SIZE(columns)))
		return -ENOMEM;
	for (size_t i = 0; i < json_array_size(queues) && i < s->top; i++)
		n = pb_sum(n, pb_member_count(row_at(queues, i), "count"));
	if (!n)
		return 0;
	unit = pb_iosheet_unit(s, queues);
	fputc('\n', s->sheet.out);
	if (pb_iosheet_caption(s, "Time in the queue in %s, from insertion to issue", unit.name))
		return -ENOMEM;
	return fill_queues(s, g, rows, queues, &unit);
}

int pb_iosheet_devices(const struct pb_iosheet *s)
{
	const json_t *rows = json_object_get(s->extra, "latency");
	int err;

	if (!pb_iosheet_total(s, "count"))
		return 0;
	err = put_devices(s, rows);
	pb_iosheet_rest(s, json_array_size(rows));
	err = err ? err : put_queues(s, rows);
	fputc('\n', s->sheet.out);
	return err;
}

/* Histograms: by octave of nanoseconds, which buckets never straddle. */

struct histogram {
	char key[KEY_SIZE]; /* "read", or "vda read" */
	uint64_t octaves[OCTAVES];
	uint64_t count;
};

struct histograms {
	struct histogram *all;
	uint32_t n;
};

static struct histogram *find(struct histograms *h, const json_t *row, bool per_disk)
{
	char key[KEY_SIZE], safe[KEY_SIZE];

	snprintf(key, sizeof(key), "%.60s%s%.30s", per_disk ? pb_member_text(row, "device") : "",
		 per_disk ? " " : "", pb_member_text(row, "op"));
	pb_text_safe(safe, sizeof(safe), key, strlen(key));
	for (uint32_t i = 0; i < h->n; i++) {
		if (!strcmp(h->all[i].key, safe))
			return &h->all[i];
	}
	if (h->n == HISTOGRAMS)
		return NULL;
	snprintf(h->all[h->n].key, KEY_SIZE, "%s", safe);
	return &h->all[h->n++];
}

static void add_buckets(struct histogram *h, const json_t *buckets)
{
	for (size_t i = 0; i < json_array_size(buckets); i++) {
		const json_t *bucket = row_at(buckets, i);
		double from_us = pb_value_number(json_array_get(bucket, 0));
		uint64_t n = pb_value_count(json_array_get(bucket, 2)), ns;

		if (from_us < 0 || !n)
			continue;
		ns = from_us < PB_MEMBER_MAX / NS_PER_US ? (uint64_t)(from_us * NS_PER_US + 0.5)
							 : (uint64_t)PB_MEMBER_MAX;
		h->octaves[ns ? 63 - __builtin_clzll(ns) : 0] =
			pb_sum(h->octaves[ns ? 63 - __builtin_clzll(ns) : 0], n);
		h->count = pb_sum(h->count, n);
	}
}

static int compare(const void *a, const void *b)
{
	const struct histogram *x = a, *y = b;

	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return strcmp(x->key, y->key);
}

/* "65.5 us": where an octave begins. */
static void bound(char out[BOUND_SIZE], int octave)
{
	static const char *const units[] = {"ns", "\u00b5s", "ms", "s"};
	double n = octave ? (double)(UINT64_C(1) << octave) : 0;
	char text[PB_GRID_CELL_SIZE];
	int unit = 0;

	for (; n >= 1000 && unit < 3; n /= 1000)
		unit++;
	pb_cell_number(text, n, unit ? 2 : 0);
	snprintf(out, BOUND_SIZE, "%.10s %s", text, units[unit]);
}

static void put_bar(const struct pb_sheet *s, uint64_t n, uint64_t most, int columns)
{
	static const char *const parts[] = {"",       "\u258f", "\u258e", "\u258d",
					    "\u258c", "\u258b", "\u258a", "\u2589"};
	int eighths = (int)((double)n / (double)most * columns * EIGHTHS + 0.5);

	if (!n)
		return;
	pb_sheet_gap(s);
	pb_sheet_style(s, PB_SHEET_CYAN);
	eighths = pb_max(1, pb_min(eighths, columns * EIGHTHS));
	for (int i = 0; i < eighths / EIGHTHS; i++)
		fputs("\u2588", s->out);
	fputs(parts[eighths % EIGHTHS], s->out);
	pb_sheet_style(s, PB_SHEET_PLAIN);
}

/* A text on the right of its columns. */
static void put_right(FILE *out, const char *text, int columns)
{
	fprintf(out, "%*s%s", pb_max(columns - pb_text_columns(text), 0), "", text);
}

static void put_histogram(const struct pb_sheet *s, const struct histogram *h)
{
	int first = 0, last = OCTAVES - 1, digits = (int)strlen("count"), bar;
	char text[PB_SHEET_NUMBER_SIZE], low[BOUND_SIZE], high[BOUND_SIZE];
	uint64_t most = 0;

	while (first < last && !h->octaves[first])
		first++;
	while (last > first && !h->octaves[last])
		last--;
	for (int i = first; i <= last; i++) {
		most = h->octaves[i] > most ? h->octaves[i] : most;
		digits = pb_max(digits, pb_sheet_digits(text, h->octaves[i]));
	}
	bar = pb_min(BAR_MAX, s->columns - 19 - 2 * PB_SHEET_GAP - digits);
	pb_sheet_style(s, PB_SHEET_BOLD);
	pb_text_print(s->out, h->key, 19, 0);
	fprintf(s->out, "%*s", digits + PB_SHEET_GAP, "count");
	pb_sheet_style(s, PB_SHEET_PLAIN);
	fputc('\n', s->out);
	for (int i = first; i <= last; i++) {
		bound(low, i);
		bound(high, i + 1 < OCTAVES ? i + 1 : i);
		put_right(s->out, low, 8);
		fputs(" - ", s->out);
		put_right(s->out, high, 8);
		pb_sheet_digits(text, h->octaves[i]);
		fprintf(s->out, "%*s", digits + PB_SHEET_GAP, text);
		put_bar(s, h->octaves[i], most, bar);
		fputc('\n', s->out);
	}
	fputc('\n', s->out);
}

int pb_iosheet_histograms(const struct pb_iosheet *s, bool per_disk)
{
	const json_t *rows = json_object_get(s->extra, "latency");
	pb_autofree struct histogram *all = calloc(HISTOGRAMS, sizeof(*all));
	struct histograms h = {.all = all};
	uint32_t shown;

	if (!all)
		return -ENOMEM;
	for (size_t i = 0; i < json_array_size(rows); i++) {
		struct histogram *one = find(&h, row_at(rows, i), per_disk);

		if (one)
			add_buckets(one, json_object_get(row_at(rows, i), "histogram"));
	}
	qsort(all, h.n, sizeof(*all), compare);
	shown = per_disk ? s->top : MAIN_HISTOGRAMS;
	for (uint32_t i = 0; i < h.n && i < shown && all[i].count; i++)
		put_histogram(&s->sheet, &all[i]);
	return 0;
}
