/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Of the text of iolatency: who asked for I/O, system calls, the slowest ones, and the notes below them. */
#include "user/render/iosheet.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "user/core/own.h"
#include "user/core/text.h"
#include "user/render/member.h"

#define WHO_MIN      30
#define WHO_SIZE     512
#define FILE_MIN     14
#define COMM_MIN     8
#define CLOCK_AT     11 /* of "2026-11-22T14:15:03.123456Z": where the time of day begins, */
#define CLOCK_LENGTH 12 /* and how much of it is shown */
#define US_PER_S     1000000.0
#define MUCH_FASTER  2 /* so much faster than the device is a call that did not wait for it */

static const json_t *row_at(const json_t *rows, size_t i)
{
	return json_array_get(rows, i);
}

/* "sqlite3 (4211)", a path, or the frames of a call path. */
static int add_who(struct pb_grid *g, const json_t *row, bool is_stack)
{
	const char *who = pb_member_text(row, "who");
	uint64_t pid = pb_member_count(row, "pid");
	char text[WHO_SIZE];

	if (is_stack && json_array_size(json_object_get(row, "frames"))) {
		pb_autofree char *path = pb_iosheet_path(json_object_get(row, "frames"));

		if (!path)
			return -ENOMEM;
		pb_grid_add(g, path);
		return 0;
	}
	if (!pid) {
		pb_grid_add(g, who);
		return 0;
	}
	snprintf(text, sizeof(text), "%.480s (%" PRIu64 ")", who, pid);
	pb_grid_add(g, text);
	return 0;
}

/* The view */

/* What the name of a row is: of what @by says. */
static const char *noun_of(const char *by)
{
	static const char *const nouns[][2] = {
		{"process", "process"}, {"file", "file"},     {"stack", "call path"},
		{"cgroup", "cgroup"},   {"device", "device"},
	};

	for (size_t i = 0; i < PB_ARRAY_SIZE(nouns); i++) {
		if (!strcmp(nouns[i][0], by))
			return nouns[i][1];
	}
	return "who";
}

static int fill_view(const struct pb_iosheet *s, struct pb_grid *g, const json_t *rows,
		     const struct pb_iounit *unit, uint64_t per, bool is_stack)
{
	for (size_t i = 0; i < json_array_size(rows) && i < s->top; i++) {
		const json_t *row = row_at(rows, i);
		double bytes = pb_member_number(row, "bytes");

		pb_iosheet_percent(g, pb_member_number(row, "share_pct"));
		pb_iosheet_count(g, pb_member_count(row, "count"));
		pb_iosheet_number(g, bytes < 0 ? bytes : bytes / (double)per, per > 1 ? 2 : 0);
		pb_iosheet_time(g, unit, row, "p50_us");
		pb_iosheet_time(g, unit, row, "p99_us");
		pb_iosheet_time(g, unit, row, "max_us");
		pb_grid_add(g, pb_member_text(row, "op"));
		pb_grid_add(g, pb_member_text(row, "flags"));
		pb_grid_add(g, pb_member_text(row, "device"));
		if (add_who(g, row, is_stack))
			return -ENOMEM;
		if (!strcmp(pb_member_text(row, "who"), "others"))
			pb_grid_style(g, PB_SHEET_DIM);
	}
	pb_grid_hide_same(g, 7, true);
	pb_grid_drop_same(g, 8);
	return pb_grid_put(g, &s->sheet);
}

int pb_iosheet_view(const struct pb_iosheet *s)
{
	const json_t *view = json_object_get(s->extra, "view");
	const json_t *rows = json_object_get(view, "rows");
	const char *by = pb_member_text(view, "by"), *noun = noun_of(by);
	struct pb_iounit unit = pb_iosheet_unit(s, rows);
	struct pb_scale scale = pb_iosheet_bytes(rows, "bytes");
	const struct pb_grid_column columns[] = {
		{.head = "%"},
		{.head = "count"},
		{.head = scale.unit},
		{.head = "p50"},
		{.head = "p99"},
		{.head = "max", .drop = 3},
		{.head = "op", .is_text = true},
		{.head = "flags", .is_text = true, .min = 6, .drop = 5},
		{.head = "device", .is_text = true, .min = COMM_MIN, .drop = 4},
		{.head = noun, .is_text = true, .min = WHO_MIN, .keep_end = !strcmp(by, "file")},
	};
	pb_auto(pb_grid) struct pb_grid *g = NULL;
	int err;

	if (!json_array_size(rows))
		return 0;
	if (pb_grid_new(&g, columns, PB_ARRAY_SIZE(columns)) ||
	    pb_iosheet_caption(s, "I/O by %s, in %% of all time, times in %s", noun, unit.name))
		return -ENOMEM;
	err = fill_view(s, g, rows, &unit, scale.per, !strcmp(by, "stack"));
	pb_iosheet_rest(s, json_array_size(rows));
	fputc('\n', s->sheet.out);
	return err;
}

/* System calls */

static double share(double part, double whole)
{
	return part < 0 || whole <= 0 ? PB_MEMBER_NONE : 100 * part / whole;
}

static int fill_calls(const struct pb_iosheet *s, struct pb_grid *g, const json_t *rows,
		      const struct pb_iounit *unit)
{
	static const char *const times[] = {"p50_us", "p95_us", "p99_us", "max_us"};
	static const char *const parts[] = {"io_wait_us", "blocked_us", "cpu_us"};

	for (size_t i = 0; i < json_array_size(rows) && i < s->top; i++) {
		const json_t *row = row_at(rows, i);
		double whole = 0, part;

		pb_iosheet_percent(g, pb_member_number(row, "share_pct"));
		pb_grid_add(g, pb_member_text(row, "call"));
		pb_iosheet_count(g, pb_member_count(row, "count"));
		for (size_t k = 0; k < PB_ARRAY_SIZE(times); k++)
			pb_iosheet_time(g, unit, row, times[k]);
		for (size_t k = 0; k < PB_ARRAY_SIZE(parts); k++) {
			part = pb_member_number(row, parts[k]);
			whole += part > 0 ? part : 0;
		}
		for (size_t k = 0; k < PB_ARRAY_SIZE(parts); k++)
			pb_iosheet_percent(g, share(pb_member_number(row, parts[k]), whole));
		if (add_who(g, row, true))
			return -ENOMEM;
		if (pb_member_count(row, "errors"))
			pb_grid_style(g, PB_SHEET_RED);
		else if (!strcmp(pb_member_text(row, "who"), "others"))
			pb_grid_style(g, PB_SHEET_DIM);
	}
	pb_grid_hide_same(g, 10, true);
	return pb_grid_put(g, &s->sheet);
}

/* "read", "pread" and "io_uring read" are of the family "read". */
static bool is_of(const char *call, const char *family)
{
	return strstr(call, family) != NULL;
}

/* The median of the row with most I/O of this operation. */
static double device_p50(const struct pb_iosheet *s, const char *op)
{
	const json_t *rows = json_object_get(s->extra, "latency");
	uint64_t most = 0;
	double p50 = PB_MEMBER_NONE;

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = row_at(rows, i);
		uint64_t n = pb_member_count(row, "count");

		if (!strcmp(pb_member_text(row, "op"), op) && n > most) {
			most = n;
			p50 = pb_member_number(row, "p50_us");
		}
	}
	return p50;
}

/* Why a call can be faster than the device it writes to or reads from. */
static int put_cached(const struct pb_iosheet *s, const json_t *rows, const char *family,
		      const char *said)
{
	char n_text[PB_SHEET_NUMBER_SIZE], waited_text[PB_SHEET_NUMBER_SIZE];
	uint64_t n = 0, waited = 0, most = 0;
	double p50 = PB_MEMBER_NONE, device = device_p50(s, family);

	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = row_at(rows, i);
		uint64_t count = pb_member_count(row, "count");

		if (!is_of(pb_member_text(row, "call"), family))
			continue;
		n = pb_sum(n, count);
		waited = pb_sum(waited, pb_member_count(row, "waited"));
		if (count > most) {
			most = count;
			p50 = pb_member_number(row, "p50_us");
		}
	}
	if (p50 < 0 || device <= p50 * MUCH_FASTER || waited >= n - n / 2)
		return 0;
	pb_sheet_digits(n_text, n);
	pb_sheet_digits(waited_text, waited);
	return pb_iosheet_caption(s, "%s: %s of %s calls waited for the device.", said, waited_text,
				  n_text);
}

int pb_iosheet_calls(const struct pb_iosheet *s)
{
	const char *by = pb_member_text(s->io, "by");
	const struct pb_grid_column columns[] = {
		{.head = "%"},
		{.head = "call", .is_text = true},
		{.head = "count"},
		{.head = "p50"},
		{.head = "p95", .drop = 2},
		{.head = "p99"},
		{.head = "max", .drop = 1},
		{.head = "I/O%"},
		{.head = "block%"},
		{.head = "CPU%"},
		{.head = noun_of(by),
		 .is_text = true,
		 .min = FILE_MIN,
		 .keep_end = !strcmp(by, "file")},
	};
	const json_t *rows = json_object_get(s->extra, "calls");
	struct pb_iounit unit = pb_iosheet_unit(s, rows);
	pb_auto(pb_grid) struct pb_grid *g = NULL;
	int err;

	if (!json_array_size(rows))
		return 0;
	if (pb_grid_new(&g, columns, PB_ARRAY_SIZE(columns)))
		return -ENOMEM;
	if (pb_iosheet_caption(s,
			       "System calls in %s; of their time, waiting for I/O, blocked "
			       "otherwise, on a CPU",
			       unit.name))
		return -ENOMEM;
	err = fill_calls(s, g, rows, &unit);
	pb_iosheet_rest(s, json_array_size(rows));
	err = err ? err : put_cached(s, rows, "write", "Most writes end in the page cache");
	err = err ? err
		  : put_cached(s, rows, "read", "Most reads are answered from the page cache");
	fputc('\n', s->sheet.out);
	return err;
}

/* Slow ones */

/* The time of day, or else seconds since the start. */
static void add_clock(struct pb_grid *g, const json_t *row)
{
	const char *at = pb_member_text(row, "at");
	double us = pb_member_number(row, "since_start_us");
	char text[PB_GRID_CELL_SIZE];

	if (strlen(at) < CLOCK_AT + CLOCK_LENGTH || at[CLOCK_AT - 1] != 'T') {
		pb_iosheet_number(g, us < 0 ? us : us / US_PER_S, 3);
		return;
	}
	snprintf(text, sizeof(text), "%.*s", CLOCK_LENGTH, at + CLOCK_AT);
	pb_grid_add(g, text);
}

static void add_file(struct pb_grid *g, const json_t *row)
{
	const char *file = pb_member_text(row, "file"), *error = pb_member_text(row, "error");
	char text[WHO_SIZE];
	size_t len = strlen(file);

	if (!*error) {
		pb_grid_add(g, file);
		return;
	}
	snprintf(text, sizeof(text), "%s%s%s", file + (len > 400 ? len - 400 : 0),
		 *file ? ": " : "", error);
	pb_grid_add(g, text);
}

static int fill_slow(const struct pb_iosheet *s, struct pb_grid *g, const json_t *rows)
{
	for (size_t i = 0; i < json_array_size(rows) && i < s->top; i++) {
		const json_t *row = row_at(rows, i);
		double us = pb_member_number(row, "time_us");
		double bytes = pb_member_number(row, "bytes");
		bool is_call = !json_is_string(json_object_get(row, "device"));

		add_clock(g, row);
		pb_iosheet_number(g, us < 0 ? us : us / 1000, 2);
		us = pb_member_number(row, "queue_us");
		pb_iosheet_number(g, us < 0 || is_call ? PB_MEMBER_NONE : us / 1000, 2);
		pb_grid_add(g, pb_member_text(row, "op"));
		pb_grid_add(g, pb_member_text(row, "flags"));
		pb_grid_add(g, is_call ? "-" : pb_member_text(row, "device"));
		if (bytes > 0 && json_is_number(json_object_get(row, "sector")))
			pb_iosheet_count(g, pb_member_count(row, "sector"));
		else
			pb_grid_add(g, "-");
		pb_iosheet_number(g, bytes > 0 ? bytes / 1024 : PB_MEMBER_NONE, 1);
		if (is_call)
			pb_grid_add(g, "-");
		else
			pb_iosheet_count(g, pb_member_count(row, "depth"));
		pb_grid_add(g, pb_member_text(row, "comm"));
		add_file(g, row);
		if (*pb_member_text(row, "error"))
			pb_grid_style(g, PB_SHEET_RED);
	}
	pb_grid_hide_same(g, 4, true);
	pb_grid_hide_same(g, 2, true);
	pb_grid_drop_same(g, 5);
	return pb_grid_put(g, &s->sheet);
}

static int put_slow_caption(const struct pb_iosheet *s, size_t shown)
{
	double slower = pb_member_number(s->io, "slower_us");
	uint64_t all = pb_member_count(s->extra, "slow_total");
	char of[PB_GRID_CELL_SIZE + 4] = "", than[PB_GRID_CELL_SIZE + 32] = "";
	char text[PB_GRID_CELL_SIZE];

	if (all > shown) {
		pb_cell_count(text, all);
		snprintf(of, sizeof(of), " of %s", text);
	}
	if (slower >= 0) {
		pb_cell_number(text, slower / 1000, 3);
		snprintf(than, sizeof(than), " that took %s ms or more", text);
	}
	pb_cell_count(text, shown);
	return pb_iosheet_caption(s, "The slowest %s%s%s, times in ms, and when they ended (UTC)",
				  text, of, than);
}

int pb_iosheet_slow(const struct pb_iosheet *s)
{
	static const struct pb_grid_column columns[] = {
		{.head = "end", .is_text = true},
		{.head = "ms"},
		{.head = "queued", .drop = 4},
		{.head = "op", .is_text = true},
		{.head = "flags", .is_text = true, .min = 6, .drop = 5},
		{.head = "device", .is_text = true, .min = COMM_MIN, .drop = 1},
		{.head = "sector", .drop = 3},
		{.head = "KiB"},
		{.head = "depth", .drop = 2},
		{.head = "process", .is_text = true, .min = COMM_MIN},
		{.head = "file", .is_text = true, .min = FILE_MIN, .keep_end = true},
	};
	const json_t *rows = json_object_get(s->extra, "slow");
	pb_auto(pb_grid) struct pb_grid *g = NULL;
	size_t n = json_array_size(rows);
	int err;

	if (!n)
		return 0;
	if (pb_grid_new(&g, columns, PB_ARRAY_SIZE(columns)) ||
	    put_slow_caption(s, n < s->top ? n : s->top))
		return -ENOMEM;
	err = fill_slow(s, g, rows);
	fputc('\n', s->sheet.out);
	return err;
}

/* Notes */

static uint64_t attributed(const json_t *attribution, const char *key)
{
	return pb_member_count(json_object_get(attribution, key), "ops");
}

static double percent(uint64_t part, uint64_t whole)
{
	return part < whole ? 100 * (double)part / (double)whole : 100;
}

/* "Charged to whoever handed it to the device 71.0 %, dirtied the file 20.0 %; to nobody 9.0 %." */
static void put_attribution(FILE *out, const json_t *attribution)
{
	static const struct {
		const char *key, *said;
	} owners[] = {{"submitter", "handed it to the device"},
		      {"dirtier", "dirtied the file"},
		      {"flusher", "asked for a flush"}};
	double missing = pb_member_number(attribution, "unattributed_pct");
	uint64_t known = pb_member_count(attribution, "file_known_ops"), charged = 0, all;

	for (size_t i = 0; i < PB_ARRAY_SIZE(owners); i++)
		charged = pb_sum(charged, attributed(attribution, owners[i].key));
	all = pb_sum(charged, attributed(attribution, "kernel"));
	all = pb_sum(all, attributed(attribution, "none"));
	if (!all || missing < 0)
		return;
	fputs(charged ? "Charged to whoever" : "Charged", out);
	for (size_t i = 0; i < PB_ARRAY_SIZE(owners); i++) {
		uint64_t n = attributed(attribution, owners[i].key);

		if (!n)
			continue;
		fprintf(out, " %s %.1f %%%s", owners[i].said, percent(n, all),
			(charged -= n < charged ? n : charged) ? "," : ";");
	}
	fprintf(out, " to nobody %.1f %%.", missing < 100 ? missing : 100);
	if (known)
		fprintf(out, " The file is known of %.1f %%.", percent(known, all));
}

static void put_count(FILE *out, const char **separator, uint64_t n, const char *one,
		      const char *many)
{
	char text[PB_SHEET_NUMBER_SIZE];

	if (!n)
		return;
	pb_sheet_digits(text, n);
	fprintf(out, "%s%s %s", *separator, text, n == 1 ? one : many);
	*separator = "; ";
}

/* What bends the numbers. */
static void put_caveats(FILE *out, const struct pb_iosheet *s)
{
	static const struct {
		const char *key, *one, *many;
	} rows[] = {
		{"in_flight_at_end", "was in flight at the end", "were in flight at the end"},
		{"unmatched", "ended whose begin was not seen", "ended whose begin was not seen"},
		{"requeued", "was put back into the queue by the device",
		 "were put back into the queue by the device"},
		{"slow_lost", "slow one found no room in its ring and is not listed",
		 "slow ones found no room in their ring and are not listed"},
		{"paths_lost", "file found no room in the ring of paths and has no name",
		 "files found no room in the ring of paths and have no names"},
	};
	const json_t *latency = json_object_get(s->extra, "latency");
	const char *separator = " I/O: ";
	uint64_t unbinned = 0;

	for (size_t i = 0; i < PB_ARRAY_SIZE(rows); i++)
		put_count(out, &separator, pb_member_count(s->io, rows[i].key), rows[i].one,
			  rows[i].many);
	for (size_t i = 0; i < json_array_size(latency); i++)
		unbinned = pb_sum(unbinned, pb_member_count(row_at(latency, i), "unbinned"));
	put_count(out, &separator, unbinned, "is in no percentile, for want of room",
		  "are in no percentile, for want of room");
	if (*separator == ';')
		fputs(".", out);
}

int pb_iosheet_notes(const struct pb_iosheet *s)
{
	pb_autofree char *text = NULL;
	const char *from;
	size_t size;
	FILE *mem = open_memstream(&text, &size);

	if (!mem)
		return -ENOMEM;
	put_attribution(mem, json_object_get(s->extra, "attribution"));
	put_caveats(mem, s);
	if (fclose(mem))
		return -ENOMEM;
	from = text + strspn(text, " ");
	if (!*from)
		return 0;
	pb_sheet_wrapped(&s->sheet, from, 0);
	fputs("\n\n", s->sheet.out);
	return 0;
}
