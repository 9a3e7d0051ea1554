/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/report.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bpf/abi/loss.h"
#include "user/core/json.h"
#include "user/core/jsonvalue.h"
#include "user/core/opts.h"
#include "user/core/text.h"

#define NSEC_PER_SEC  UINT64_C(1000000000)
#define NSEC_PER_MSEC UINT64_C(1000000)

/* Beyond any rate, percentage or time that a run can have; a file that says more is broken. */
#define MEASURED_MAX 1e15

/* Of "allocsites/1". */
#define SCHEMA_NAME_MAX   32
#define SCHEMA_NUMBER_MAX 4

/* "2024-02-29T12:34:56.789Z" */
#define STARTED_LEN 24

static const struct {
	const char *id;
	const char *sentence;
} loss_causes[] = {
#define LOSS_CAUSE(id, name, sentence) {name, sentence},
	PB_LOSS_CAUSES(LOSS_CAUSE)
#undef LOSS_CAUSE
};

static void free_strings(char **strings)
{
	for (size_t i = 0; strings && strings[i]; i++)
		free(strings[i]);
	free(strings);
}

int pb_report_set(char **field, const char *text)
{
	char safe[PB_NAME_MAX + 1];
	char *copy;

	pb_text_safe(safe, sizeof(safe), text, strlen(text));
	copy = strdup(safe);
	if (!copy)
		return -ENOMEM;
	free(*field);
	*field = copy;
	return 0;
}

int pb_report_new(struct pb_report **out)
{
	pb_auto(pb_report) struct pb_report *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->tool = "";
	r->schema = "";
	if (pb_report_set(&r->scope, "") || pb_report_set(&r->comm, "") ||
	    pb_report_set(&r->host, "") || pb_report_set(&r->kernel, "") ||
	    pb_report_set(&r->event, "") || pb_report_set(&r->unwind, "") ||
	    pb_report_set(&r->extra, ""))
		return -ENOMEM;
	r->bpf_ns_per_event = -1;
	r->bpf_cpu_pct = -1;
	r->tool_cpu_s = -1;
	r->max_rss_bytes = -1;
	r->map_bytes = -1;
	r->asked_hz = -1;
	r->achieved_hz = -1;
	*out = pb_take(r);
	return 0;
}

void pb_report_free(struct pb_report *r)
{
	if (!r)
		return;
	free(r->tgids);
	free(r->scope);
	free(r->comm);
	free_strings(r->argv);
	free(r->host);
	free(r->kernel);
	free(r->event);
	free(r->unwind);
	free(r->extra);
	for (uint32_t i = 0; i < r->n_broken_by; i++)
		free(r->broken_by[i].module);
	free(r->broken_by);
	for (uint32_t i = 0; i < r->n_gaps; i++)
		free(r->gaps[i].module);
	free(r->gaps);
	for (uint32_t i = 0; i < r->n_owned; i++)
		free(r->owned[i]);
	free(r->owned);
	free(r);
}

const char *pb_report_sentence(const char *id)
{
	for (size_t i = 0; i < PB_ARRAY_SIZE(loss_causes); i++) {
		if (!strcmp(loss_causes[i].id, id))
			return loss_causes[i].sentence;
	}
	return "";
}

uint64_t pb_report_lost(const struct pb_report *r)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < r->n_lost; i++) {
		if (__builtin_add_overflow(sum, r->lost[i].events, &sum))
			return UINT64_MAX;
	}
	return sum;
}

/* Writing. Texts are made safe here as in reading, so that both ways give the same. */

static void write_text(struct pb_json *json, const char *key, const char *text)
{
	char safe[PB_NAME_MAX + 1];

	if (text)
		pb_text_safe(safe, sizeof(safe), text, strlen(text));
	pb_json_string(json, key, text ? safe : "");
}

static void write_measured(struct pb_json *json, const char *key, double value, int decimals)
{
	if (value >= 0)
		pb_json_double(json, key, value, decimals);
	else
		pb_json_null(json, key);
}

static void write_measured_int(struct pb_json *json, const char *key, int64_t value)
{
	if (value >= 0)
		pb_json_int(json, key, value);
	else
		pb_json_null(json, key);
}

static void write_target(const struct pb_report *r, struct pb_json *json)
{
	pb_json_object(json, "target");
	write_text(json, "scope", r->scope);
	pb_json_flat_array(json, "pids");
	for (uint32_t i = 0; i < r->n_tgids; i++)
		pb_json_uint(json, NULL, r->tgids[i]);
	pb_json_end(json, ']');
	write_text(json, "comm", r->comm);
	if (r->argv) {
		pb_json_flat_array(json, "argv");
		for (char **arg = r->argv; *arg; arg++)
			write_text(json, NULL, *arg);
		pb_json_end(json, ']');
	} else {
		pb_json_null(json, "argv");
	}
	if (r->has_exit)
		pb_json_int(json, "exit_status", r->exit_status);
	pb_json_end(json, '}');
}

/* RFC 3339 in UTC with milliseconds; the clock's range ends in 2554. */
static void write_started(const struct pb_report *r, struct pb_json *json)
{
	time_t seconds = (time_t)(r->started_ns / NSEC_PER_SEC);
	unsigned int ms = r->started_ns % NSEC_PER_SEC / NSEC_PER_MSEC;
	char date[32] = "", text[48];
	struct tm tm;

	if (gmtime_r(&seconds, &tm))
		strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, sizeof(text), "%s.%03uZ", date, ms);
	pb_json_string(json, "started", text);
}

static void write_capture(const struct pb_report *r, struct pb_json *json)
{
	pb_json_object(json, "capture");
	write_started(r, json);
	/* a double holds the nanoseconds of 52 days */
	pb_json_double(json, "duration_s", (double)r->duration_ns / NSEC_PER_SEC, 9);
	write_text(json, "host", r->host);
	write_text(json, "kernel", r->kernel);
	write_text(json, "event", r->event);
	write_text(json, "unwind", r->unwind);
	pb_json_end(json, '}');
}

static void write_events(const struct pb_report *r, struct pb_json *json)
{
	pb_json_object(json, "events");
	pb_json_uint(json, "produced", r->produced);
	pb_json_uint(json, "kept", r->kept);
	pb_json_uint(json, "lost", pb_report_lost(r));
	pb_json_flat_object(json, "lost_by");
	for (uint32_t i = 0; i < r->n_lost; i++)
		pb_json_uint(json, r->lost[i].id, r->lost[i].events);
	pb_json_end(json, '}');
	pb_json_end(json, '}');
}

static void write_unwind(const struct pb_report *r, struct pb_json *json)
{
	pb_json_flat_object(json, "unwind");
	pb_json_uint(json, "modules", r->unwind_modules);
	pb_json_uint(json, "without", r->unwind_without);
	pb_json_uint(json, "refused", r->unwind_refused);
	pb_json_uint(json, "evicted", r->unwind_evicted);
	pb_json_uint(json, "rows", r->unwind_rows);
	pb_json_uint(json, "misses", r->unwind_misses);
	pb_json_end(json, '}');
}

/* A member of broken_by or gaps; @unit: what is counted. */
static void write_cause(struct pb_json *json, const char *module, const char *cause,
			const char *unit, uint64_t n)
{
	pb_json_flat_object(json, NULL);
	write_text(json, "module", module);
	write_text(json, "cause", cause);
	pb_json_uint(json, unit, n);
	pb_json_end(json, '}');
}

static void write_stacks(const struct pb_report *r, struct pb_json *json)
{
	pb_json_object(json, "stacks");
	pb_json_uint(json, "unique", r->unique_stacks);
	pb_json_uint(json, "complete", r->complete);
	pb_json_uint(json, "truncated", r->truncated);
	pb_json_uint(json, "broken", r->broken);
	pb_json_array(json, "broken_by");
	for (uint32_t i = 0; i < r->n_broken_by; i++)
		write_cause(json, r->broken_by[i].module, r->broken_by[i].cause, "events",
			    r->broken_by[i].events);
	pb_json_end(json, ']');
	pb_json_uint(json, "cut_processes", r->cut_processes);
	write_unwind(r, json);
	pb_json_end(json, '}');
}

static void write_symbols(const struct pb_report *r, struct pb_json *json)
{
	pb_json_object(json, "symbols");
	pb_json_uint(json, "locations", r->symbol_locations);
	pb_json_uint(json, "named", r->symbol_named);
	pb_json_uint(json, "inlined_frames", r->symbol_inlined);
	pb_json_uint(json, "modules_with_debug_info", r->symbol_debug_modules);
	pb_json_array(json, "gaps");
	for (uint32_t i = 0; i < r->n_gaps; i++)
		write_cause(json, r->gaps[i].module, r->gaps[i].cause, "locations",
			    r->gaps[i].locations);
	pb_json_end(json, ']');
	pb_json_end(json, '}');
}

static void write_overhead(const struct pb_report *r, struct pb_json *json)
{
	pb_json_object(json, "overhead");
	write_measured(json, "bpf_ns_per_event", r->bpf_ns_per_event, 1);
	write_measured(json, "bpf_cpu_pct", r->bpf_cpu_pct, 4);
	write_measured(json, "tool_cpu_s", r->tool_cpu_s, 6);
	write_measured_int(json, "max_rss_bytes", r->max_rss_bytes);
	write_measured_int(json, "map_bytes", r->map_bytes);
	write_measured(json, "asked_hz", r->asked_hz, 3);
	write_measured(json, "achieved_hz", r->achieved_hz, 3);
	pb_json_end(json, '}');
}

/* The names that a report has without it, here and in json_report.c. */
static bool is_common(const char *name)
{
	static const char *const common[] = {"schema", "tool",   "target",   "capture",
					     "events", "stacks", "symbols",  "overhead",
					     "values", "totals", "hotspots", "stacks_top"};

	for (size_t i = 0; i < PB_ARRAY_SIZE(common); i++) {
		if (!strcmp(common[i], name))
			return true;
	}
	return false;
}

static void write_members(json_t *object, struct pb_json *json)
{
	const char *name;
	json_t *value;

	json_object_foreach(object, name, value)
	{
		if (!is_common(name))
			pb_json_value(json, name, value);
	}
}

static void write_extra(const struct pb_report *r, struct pb_json *json)
{
	pb_autojson json_t *object = NULL;

	if (!*r->extra)
		return;
	object = json_loads(r->extra, 0, NULL);
	if (object)
		write_members(object, json);
}

/* The members of @object that are not common, as text. */
static int set_extra(struct pb_report *r, json_t *object)
{
	pb_autofree char *text = NULL;
	struct pb_json json;
	size_t size = 0;
	bool bad;
	FILE *out;

	if (!json_is_object(object) || pb_json_depth(object, PB_REPORT_EXTRA_DEPTH) < 0)
		return -EPROTO;
	out = open_memstream(&text, &size);
	if (!out)
		return -ENOMEM;
	pb_json_init(&json, out, true);
	pb_json_object(&json, NULL);
	write_members(object, &json);
	pb_json_end(&json, '}');
	bad = ferror(out);
	if (fclose(out) || bad)
		return -ENOMEM;
	if (size > PB_REPORT_EXTRA_MAX)
		return -EFBIG;
	if (!strcmp(text, "{}"))
		*text = '\0';
	free(r->extra);
	r->extra = pb_take(text);
	return 0;
}

int pb_report_set_extra(struct pb_report *r, const char *text)
{
	pb_autojson json_t *object = NULL;
	json_error_t error;

	if (!*text)
		return pb_report_set(&r->extra, "");
	if (strlen(text) > PB_REPORT_EXTRA_MAX)
		return -EFBIG;
	object = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!object)
		return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EPROTO;
	return set_extra(r, object);
}

void pb_report_write(const struct pb_report *r, struct pb_json *json)
{
	write_target(r, json);
	write_capture(r, json);
	write_events(r, json);
	write_stacks(r, json);
	write_symbols(r, json);
	write_overhead(r, json);
	write_extra(r, json);
}

/* Reading. Each gives 0; -EPROTO if the value is missing, of another type or out of range. */

/* An integer, or a string of digits where it is beyond what JSON's readers agree on. */
static int uint_of(const json_t *value, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t n;

	if (json_is_string(value)) {
		if (pb_parse_uint(json_string_value(value), min, max, out))
			return -EPROTO;
		return 0;
	}
	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return -EPROTO;
	n = (uint64_t)json_integer_value(value);
	if (n < min || n > max)
		return -EPROTO;
	*out = n;
	return 0;
}

static int read_uint(const json_t *object, const char *key, uint64_t *out)
{
	return uint_of(json_object_get(object, key), 0, UINT64_MAX, out);
}

static int text_of(const json_t *value, char **out)
{
	if (!json_is_string(value))
		return -EPROTO;
	return pb_report_set(out, json_string_value(value));
}

static int read_text(const json_t *object, const char *key, char **out)
{
	return text_of(json_object_get(object, key), out);
}

/* null or nothing: not measured, so *out stays. */
static int read_measured(const json_t *object, const char *key, double *out)
{
	const json_t *value = json_object_get(object, key);
	double number;

	if (!value || json_is_null(value))
		return 0;
	number = json_number_value(value);
	if (!json_is_number(value) || !(number >= 0 && number <= MEASURED_MAX))
		return -EPROTO;
	*out = number;
	return 0;
}

static int read_measured_int(const json_t *object, const char *key, int64_t *out)
{
	const json_t *value = json_object_get(object, key);
	uint64_t number;

	if (!value || json_is_null(value))
		return 0;
	if (uint_of(value, 0, INT64_MAX, &number))
		return -EPROTO;
	*out = (int64_t)number;
	return 0;
}

static int read_pids(const json_t *array, struct pb_report *r)
{
	size_t n = json_array_size(array);
	uint64_t tgid;

	if (!json_is_array(array) || n > UINT32_MAX)
		return -EPROTO;
	r->tgids = calloc(n ? n : 1, sizeof(*r->tgids));
	if (!r->tgids)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (uint_of(json_array_get(array, i), 1, INT32_MAX, &tgid))
			return -EPROTO;
		r->tgids[r->n_tgids++] = (uint32_t)tgid;
	}
	return 0;
}

static int read_argv(const json_t *array, struct pb_report *r)
{
	size_t n = json_array_size(array);
	int err;

	if (json_is_null(array))
		return 0;
	if (!json_is_array(array))
		return -EPROTO;
	r->argv = calloc(n + 1, sizeof(*r->argv));
	if (!r->argv)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		err = text_of(json_array_get(array, i), &r->argv[i]);
		if (err)
			return err;
	}
	return 0;
}

static int read_target(const json_t *target, struct pb_report *r)
{
	const json_t *status = json_object_get(target, "exit_status");
	uint64_t number;
	int err;

	if (status) {
		if (uint_of(status, 0, 255, &number))
			return -EPROTO;
		r->has_exit = true;
		r->exit_status = (int)number;
	}
	err = read_text(target, "scope", &r->scope);
	if (!err)
		err = read_pids(json_object_get(target, "pids"), r);
	if (!err)
		err = read_text(target, "comm", &r->comm);
	if (!err)
		err = read_argv(json_object_get(target, "argv"), r);
	return err;
}

/* @n digits as a number; -1 if one of them is none. */
static int digits(const char *s, int n)
{
	int number = 0;

	for (int i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		number = 10 * number + (s[i] - '0');
	}
	return number;
}

/* Only the one form that write_started() writes. */
static int read_started(const json_t *value, uint64_t *out)
{
	static const char form[] = "dddd-dd-ddTdd:dd:dd.dddZ";
	const char *s = json_string_value(value);
	struct tm tm = {0}, again;
	uint64_t ns;
	time_t t;

	_Static_assert(sizeof(form) == STARTED_LEN + 1, "the form is as long as the text");
	if (!s || strlen(s) != STARTED_LEN)
		return -EPROTO;
	for (int i = 0; i < STARTED_LEN; i++) {
		if (form[i] == 'd' ? digits(s + i, 1) < 0 : s[i] != form[i])
			return -EPROTO;
	}
	tm.tm_year = digits(s, 4) - 1900;
	tm.tm_mon = digits(s + 5, 2) - 1;
	tm.tm_mday = digits(s + 8, 2);
	tm.tm_hour = digits(s + 11, 2);
	tm.tm_min = digits(s + 14, 2);
	tm.tm_sec = digits(s + 17, 2);
	again = tm;
	t = timegm(&again);
	/* timegm() turns 30 February into 1 March; no such date was ever written */
	if (t < 0 || again.tm_mon != tm.tm_mon || again.tm_mday != tm.tm_mday ||
	    again.tm_hour != tm.tm_hour || again.tm_min != tm.tm_min || again.tm_sec != tm.tm_sec)
		return -EPROTO;
	if (__builtin_mul_overflow((uint64_t)t, NSEC_PER_SEC, &ns) ||
	    __builtin_add_overflow(ns, (uint64_t)digits(s + 20, 3) * NSEC_PER_MSEC, &ns))
		return -EPROTO;
	*out = ns;
	return 0;
}

static int read_capture(const json_t *capture, struct pb_report *r)
{
	const json_t *duration = json_object_get(capture, "duration_s");
	double ns = json_number_value(duration) * (double)NSEC_PER_SEC;
	int err;

	if (!json_is_number(duration) || !(ns >= 0 && ns < (double)UINT64_MAX))
		return -EPROTO;
	r->duration_ns = (uint64_t)(ns + 0.5);
	err = read_started(json_object_get(capture, "started"), &r->started_ns);
	if (!err)
		err = read_text(capture, "host", &r->host);
	if (!err)
		err = read_text(capture, "kernel", &r->kernel);
	if (!err)
		err = read_text(capture, "event", &r->event);
	if (!err)
		err = read_text(capture, "unwind", &r->unwind);
	return err;
}

/* A copy of @text that lives as long as the report; NULL without memory. */
static const char *own(struct pb_report *r, const char *text)
{
	pb_autofree char *copy = NULL;
	char **owned;

	if (pb_report_set(&copy, text))
		return NULL;
	if (!(r->n_owned & (r->n_owned - 1))) { /* 0 or a power of two: full */
		size_t room = r->n_owned ? 2 * (size_t)r->n_owned : 1;

		owned = reallocarray(r->owned, room, sizeof(*owned));
		if (!owned)
			return NULL;
		r->owned = owned;
	}
	r->owned[r->n_owned] = copy;
	r->n_owned++;
	return pb_take(copy);
}

static int read_lost(json_t *lost_by, struct pb_report *r)
{
	struct pb_report_loss *loss;
	const char *id;
	json_t *value;

	if (!json_is_object(lost_by) || json_object_size(lost_by) > PB_REPORT_CAUSES_MAX)
		return -EPROTO;
	json_object_foreach(lost_by, id, value)
	{
		loss = &r->lost[r->n_lost];
		if (uint_of(value, 0, UINT64_MAX, &loss->events))
			return -EPROTO;
		loss->id = own(r, id);
		if (!loss->id)
			return -ENOMEM;
		loss->sentence = pb_report_sentence(loss->id);
		r->n_lost++;
	}
	return 0;
}

static int read_events(const json_t *events, struct pb_report *r)
{
	uint64_t lost, sum = 0;
	int err;

	err = read_uint(events, "produced", &r->produced);
	if (!err)
		err = read_uint(events, "kept", &r->kept);
	if (!err)
		err = read_uint(events, "lost", &lost);
	if (!err)
		err = read_lost(json_object_get(events, "lost_by"), r);
	if (err)
		return err;
	for (uint32_t i = 0; i < r->n_lost; i++) {
		if (__builtin_add_overflow(sum, r->lost[i].events, &sum))
			return -EPROTO;
	}
	if (sum != lost || __builtin_add_overflow(sum, r->kept, &sum) || sum != r->produced)
		return -EPROTO;
	return 0;
}

/* As write_cause() wrote it. @cause will belong to the report. */
static int read_cause(const json_t *row, struct pb_report *r, char **module, const char **cause,
		      const char *unit, uint64_t *n)
{
	const char *text = json_string_value(json_object_get(row, "cause"));

	if (!text || read_uint(row, unit, n))
		return -EPROTO;
	*cause = own(r, text);
	return *cause ? read_text(row, "module", module) : -ENOMEM;
}

/* Files of before there were tables have no such object: all 0. */
static int read_unwind(const json_t *unwind, struct pb_report *r)
{
	if (!unwind)
		return 0;
	if (read_uint(unwind, "modules", &r->unwind_modules) ||
	    read_uint(unwind, "without", &r->unwind_without) ||
	    read_uint(unwind, "refused", &r->unwind_refused) ||
	    read_uint(unwind, "evicted", &r->unwind_evicted) ||
	    read_uint(unwind, "rows", &r->unwind_rows) ||
	    read_uint(unwind, "misses", &r->unwind_misses))
		return -EPROTO;
	return 0;
}

static int read_stacks(const json_t *stacks, struct pb_report *r)
{
	const json_t *rows = json_object_get(stacks, "broken_by");
	size_t n = json_array_size(rows);
	uint64_t sum;
	int err;

	if (read_uint(stacks, "unique", &r->unique_stacks) ||
	    read_uint(stacks, "complete", &r->complete) ||
	    read_uint(stacks, "truncated", &r->truncated) ||
	    read_uint(stacks, "broken", &r->broken))
		return -EPROTO;
	if (__builtin_add_overflow(r->complete, r->truncated, &sum) ||
	    __builtin_add_overflow(sum, r->broken, &sum))
		return -EPROTO;
	if (!json_is_array(rows) || n > UINT32_MAX)
		return -EPROTO;
	r->broken_by = calloc(n ? n : 1, sizeof(*r->broken_by));
	if (!r->broken_by)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct pb_report_broken *row = &r->broken_by[i];

		err = read_cause(json_array_get(rows, i), r, &row->module, &row->cause, "events",
				 &row->events);
		if (err)
			return err;
		r->n_broken_by++;
	}
	/* It came later than the rest, and with it what follows. */
	if (json_object_get(stacks, "cut_processes") &&
	    read_uint(stacks, "cut_processes", &r->cut_processes))
		return -EPROTO;
	return read_unwind(json_object_get(stacks, "unwind"), r);
}

/* Files of before names were counted have no such object: all 0. */
static int read_symbols(const json_t *symbols, struct pb_report *r)
{
	const json_t *rows = json_object_get(symbols, "gaps");
	size_t n = json_array_size(rows);
	int err;

	if (!symbols)
		return 0;
	if (read_uint(symbols, "locations", &r->symbol_locations) ||
	    read_uint(symbols, "named", &r->symbol_named) ||
	    read_uint(symbols, "inlined_frames", &r->symbol_inlined) ||
	    read_uint(symbols, "modules_with_debug_info", &r->symbol_debug_modules))
		return -EPROTO;
	if (r->symbol_named > r->symbol_locations || !json_is_array(rows) || n > UINT32_MAX)
		return -EPROTO;
	r->gaps = calloc(n ? n : 1, sizeof(*r->gaps));
	if (!r->gaps)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct pb_report_gap *row = &r->gaps[i];

		err = read_cause(json_array_get(rows, i), r, &row->module, &row->cause, "locations",
				 &row->locations);
		if (err)
			return err;
		r->n_gaps++;
	}
	return 0;
}

static int read_overhead(const json_t *overhead, struct pb_report *r)
{
	if (!json_is_object(overhead) ||
	    read_measured(overhead, "bpf_ns_per_event", &r->bpf_ns_per_event) ||
	    read_measured(overhead, "bpf_cpu_pct", &r->bpf_cpu_pct) ||
	    read_measured(overhead, "tool_cpu_s", &r->tool_cpu_s) ||
	    read_measured_int(overhead, "max_rss_bytes", &r->max_rss_bytes) ||
	    read_measured_int(overhead, "map_bytes", &r->map_bytes) ||
	    read_measured(overhead, "asked_hz", &r->asked_hz) ||
	    read_measured(overhead, "achieved_hz", &r->achieved_hz))
		return -EPROTO;
	return 0;
}

/* "allocsites/1": who measured, and the form of what it says. Anything else is left out. */
static int read_schema(const json_t *value, struct pb_report *r)
{
	const char *text = json_string_value(value);
	size_t name = text ? strspn(text, "abcdefghijklmnopqrstuvwxyz") : 0;
	size_t number = name && text[name] == '/' ? strspn(text + name + 1, "0123456789") : 0;
	pb_autofree char *tool = NULL;

	if (!number || name > SCHEMA_NAME_MAX || number > SCHEMA_NUMBER_MAX ||
	    text[name + 1 + number])
		return 0;
	tool = strndup(text, name);
	if (!tool)
		return -ENOMEM;
	r->schema = own(r, text);
	r->tool = own(r, tool);
	return r->schema && r->tool ? 0 : -ENOMEM;
}

/* All that is not ours to read. What cannot be kept is left out: the rest of the report is good. */
static int read_extra(json_t *json, struct pb_report *r)
{
	int err = set_extra(r, json);

	return err == -ENOMEM ? err : 0;
}

int pb_report_read(struct pb_report **out, const char *text)
{
	pb_autojson json_t *json = NULL;
	pb_auto(pb_report) struct pb_report *r = NULL;
	json_error_t error;
	int err;

	err = pb_report_new(&r);
	if (err)
		return err;
	json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EPROTO;
	/* json_object_get() gives NULL for what is not an object, and NULL is refused below */
	err = read_target(json_object_get(json, "target"), r);
	if (!err)
		err = read_capture(json_object_get(json, "capture"), r);
	if (!err)
		err = read_events(json_object_get(json, "events"), r);
	if (!err)
		err = read_stacks(json_object_get(json, "stacks"), r);
	if (!err)
		err = read_symbols(json_object_get(json, "symbols"), r);
	if (!err)
		err = read_overhead(json_object_get(json, "overhead"), r);
	if (!err)
		err = read_schema(json_object_get(json, "schema"), r);
	if (!err)
		err = read_extra(json, r);
	if (err)
		return err;
	*out = pb_take(r);
	return 0;
}

/* The one line. */

static void put_count(FILE *out, uint64_t count)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%" PRIu64, count);

	for (int i = 0; i < len; i++)
		fprintf(out, "%s%c", i && (len - i) % 3 == 0 ? "," : "", text[i]);
}

/* Never "100.0 %" for less than all, nor "0.0 %" for more than nothing. */
static void put_share(FILE *out, uint64_t part, uint64_t whole)
{
	double pct = 100.0 * (double)part / (double)whole;

	if (part && pct < 0.1)
		fputs("<0.1 %", out);
	else if (part < whole && pct > 99.9)
		fputs(">99.9 %", out);
	else
		fprintf(out, "%.1f %%", pct);
}

static void put_lost(FILE *out, const struct pb_report *r)
{
	uint64_t lost = pb_report_lost(r);

	if (!lost) {
		fputs("none lost", out);
		return;
	}
	put_count(out, lost);
	fputs(" lost (", out);
	for (uint32_t i = 0, n = 0; i < r->n_lost; i++) {
		if (!r->lost[i].events)
			continue;
		fputs(n++ ? ", " : "", out);
		for (const char *p = r->lost[i].id; *p; p++)
			fputc(*p == '_' ? ' ' : *p, out);
		fputc(' ', out);
		put_count(out, r->lost[i].events);
	}
	fputc(')', out);
}

static void put_stacks(FILE *out, const struct pb_report *r)
{
	double sum = (double)r->complete + (double)r->truncated + (double)r->broken;

	if (!r->kept || sum <= 0)
		return;
	fputs("; stacks ", out);
	put_share(out, r->complete, r->kept);
	fputs(" complete, ", out);
	put_share(out, r->truncated, r->kept);
	fputs(" truncated, ", out);
	put_share(out, r->broken, r->kept);
	fputs(" broken", out);
}

/* Of which some code is unknown, and nothing else says so. */
static void put_cut(FILE *out, const struct pb_report *r)
{
	if (!r->cut_processes)
		return;
	fputs("; ", out);
	put_count(out, r->cut_processes);
	fprintf(out, " process%s with more code mappings than are kept",
		r->cut_processes == 1 ? "" : "es");
}

static void put_rate(FILE *out, const struct pb_report *r)
{
	if (r->achieved_hz < 0)
		return;
	fprintf(out, "; %.1f ", r->achieved_hz);
	if (r->asked_hz >= 0)
		fprintf(out, "of %g ", r->asked_hz);
	fputs("Hz", out);
}

static void put_cost(FILE *out, const struct pb_report *r, const char *noun)
{
	const char *separator = "; cost ";

	if (r->bpf_ns_per_event >= 0) {
		double us = r->bpf_ns_per_event / 1000;

		fprintf(out, "%s%.*f us/%s", separator, us < 1 ? 2 : 1, us, noun);
		separator = ", ";
	}
	if (r->bpf_cpu_pct >= 0) {
		bool tiny = r->bpf_cpu_pct > 0 && r->bpf_cpu_pct < 0.01;

		fprintf(out, "%s%s%.2f %% of a CPU", separator, tiny ? "<" : "",
			tiny ? 0.01 : r->bpf_cpu_pct);
		separator = ", ";
	}
	if (r->tool_cpu_s >= 0) {
		fprintf(out, "%stool %.2f CPU s", separator, r->tool_cpu_s);
		separator = ", ";
	}
	if (r->max_rss_bytes >= 0) {
		fprintf(out, "%s%.1f MB", separator, (double)r->max_rss_bytes / 1e6);
		separator = ", ";
	}
	if (r->map_bytes >= 0)
		fprintf(out, "%smaps %.1f MB", separator, (double)r->map_bytes / 1e6);
}

char *pb_report_ledger(const struct pb_report *r)
{
	/* what comes at a rate is a sample of something; what does not is the thing itself */
	const char *noun = r->asked_hz >= 0 || r->achieved_hz >= 0 ? "sample" : "event";
	pb_autofree char *text = NULL;
	size_t size;
	bool bad;
	FILE *out;

	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	put_count(out, r->produced);
	fprintf(out, " %s%s: ", noun, r->produced == 1 ? "" : "s");
	put_count(out, r->kept);
	fputs(" kept, ", out);
	put_lost(out, r);
	put_stacks(out, r);
	put_cut(out, r);
	put_rate(out, r);
	put_cost(out, r, noun);
	bad = ferror(out);
	if (fclose(out) || bad)
		return NULL;
	return pb_take(text);
}
