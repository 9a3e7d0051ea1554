/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/render/sample_profile.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/render/gunzip.h"
#include "user/render/pprof_fields.h"
#include "user/render/proto.h"
#include "user/render/tree.h"

static const struct pb_render_opts opts = {.top = 100, .value = 0, .columns = 120};

/* A profile that was read, and its report. */
struct saved {
	struct pb_profile *p;
	struct pb_report *r;
};

static void saved_drop(struct saved *s)
{
	pb_profile_free(s->p);
	pb_report_free(s->r);
}

#define AUTO_SAVED __attribute__((cleanup(saved_drop))) struct saved

static void file_drop(struct pb_proto_buf *b)
{
	pb_proto_drop(b);
}

#define AUTO_FILE __attribute__((cleanup(file_drop))) struct pb_proto_buf

static char *written(const struct pb_profile *p, const struct pb_report *r, size_t *len)
{
	return pb_sample_render(pb_render_pprof, p, r, &opts, len);
}

static char *sample(size_t *len)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();

	return written(p, r, len);
}

static void read_sample(struct saved *s)
{
	size_t len;
	pb_autofree char *bytes = sample(&len);

	assert_int_equal(pb_pprof_read(&s->p, &s->r, bytes, len), 0);
}

static int read_file(struct saved *s, const struct pb_proto_buf *file)
{
	assert_false(file->failed);
	return pb_pprof_read(&s->p, &s->r, file->bytes, file->len);
}

/* Round trips of our own */

static void what_is_written_again_is_the_same(void **state)
{
	AUTO_SAVED s = {0};
	size_t len, len2;
	pb_autofree char *first = sample(&len);
	pb_autofree char *second = NULL;

	(void)state;
	assert_int_equal(pb_pprof_read(&s.p, &s.r, first, len), 0);
	second = written(s.p, s.r, &len2);
	assert_int_equal(len, len2);
	assert_memory_equal(first, second, len);
}

static void every_format_shows_the_same_from_a_saved_profile(void **state)
{
	static pb_render_fn *const renders[] = {pb_render_text, pb_render_folded, pb_render_json,
						pb_render_speedscope};
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	AUTO_SAVED s = {0};

	(void)state;
	read_sample(&s);
	for (size_t i = 0; i < PB_ARRAY_SIZE(renders); i++) {
		pb_autofree char *live = pb_sample_render(renders[i], p, r, &opts, NULL);
		pb_autofree char *saved = pb_sample_render(renders[i], s.p, s.r, &opts, NULL);

		assert_string_equal(live, saved);
	}
}

static void sources_come_back_in_every_format(void **state)
{
	static pb_render_fn *const renders[] = {pb_render_text,       pb_render_folded,
						pb_render_json,       pb_render_html,
						pb_render_speedscope, pb_render_pprof};
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_source_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	struct pb_render_opts o = opts;
	AUTO_SAVED s = {0};
	size_t len, len2;
	pb_autofree char *bytes = written(p, r, &len);

	(void)state;
	assert_int_equal(pb_pprof_read(&s.p, &s.r, bytes, len), 0);
	for (size_t i = 0; i < 2 * PB_ARRAY_SIZE(renders); i++) {
		pb_autofree char *live = NULL, *saved = NULL;

		o.lines = i % 2;
		live = pb_sample_render(renders[i / 2], p, r, &o, &len);
		saved = pb_sample_render(renders[i / 2], s.p, s.r, &o, &len2);
		assert_int_equal(len, len2);
		assert_memory_equal(live, saved, len);
	}
}

static void functions_come_back_with_source_and_symbol(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_source_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_report();
	AUTO_SAVED s = {0};
	size_t len;
	pb_autofree char *bytes = written(p, r, &len);

	(void)state;
	assert_int_equal(pb_pprof_read(&s.p, &s.r, bytes, len), 0);
	assert_int_equal(s.p->n_functions, p->n_functions);
	for (uint32_t i = 0; i < p->n_functions; i++) {
		const struct pb_function *a = &p->functions[i], *b = &s.p->functions[i];

		assert_string_equal(pb_profile_text(s.p, b->name), pb_profile_text(p, a->name));
		assert_string_equal(pb_profile_text(s.p, b->system_name),
				    pb_profile_text(p, a->system_name));
		assert_string_equal(pb_profile_text(s.p, b->file), pb_profile_text(p, a->file));
		assert_int_equal(b->start_line, a->start_line);
	}
	assert_int_equal(s.p->n_locations, p->n_locations);
	for (uint32_t i = 0; i < p->n_locations; i++) {
		assert_int_equal(s.p->locations[i].n_lines, p->locations[i].n_lines);
		for (uint32_t k = 0; k < p->locations[i].n_lines; k++)
			assert_int_equal(s.p->lines[s.p->locations[i].first_line + k].line,
					 p->lines[p->locations[i].first_line + k].line);
	}
	/* the first mapping is the main program's */
	assert_true(s.p->modules[0].has_filenames && s.p->modules[0].has_lines &&
		    s.p->modules[0].has_inlines);
	assert_false(s.p->modules[1].has_filenames || s.p->modules[1].has_lines ||
		     s.p->modules[1].has_inlines);
}

static void the_model_comes_back(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_profile();
	AUTO_SAVED s = {0};

	(void)state;
	read_sample(&s);
	assert_int_equal(s.p->n_values, p->n_values);
	assert_int_equal(s.p->default_value, p->default_value);
	assert_int_equal(s.p->n_samples, p->n_samples);
	assert_int_equal(s.p->n_locations, p->n_locations);
	assert_int_equal(s.p->n_processes, p->n_processes);
	assert_int_equal(s.p->n_modules, p->n_modules);
	assert_int_equal(s.p->time_ns, p->time_ns);
	assert_int_equal(s.p->duration_ns, p->duration_ns);
	assert_int_equal(s.p->period, p->period);
	assert_string_equal(s.p->period_type.type, "cpu");
	assert_string_equal(s.p->value_types[1].unit, "nanoseconds");
	assert_string_equal(pb_profile_text(s.p, s.p->modules[0].path), "/opt/app/bin/app");
	assert_int_equal(s.p->modules[0].build_id_len, 2);
	assert_memory_equal(s.p->modules[0].build_id, "\xca\xfe", 2);
	assert_true(s.p->modules[0].has_inlines);
	assert_int_equal(s.p->modules[2].kind, PB_MODULE_KERNEL);
	assert_int_equal(s.p->modules[3].kind, PB_MODULE_ANON);
	assert_int_equal(s.p->modules[4].kind, PB_MODULE_VDSO);
	assert_int_equal(s.p->processes[3].tgid, 0);
	assert_string_equal(pb_profile_text(s.p, s.p->processes[3].comm), "swapper/0");
	assert_int_equal(s.p->samples[15].process, PB_NONE);
}

static void the_report_comes_back(void **state)
{
	AUTO_SAVED s = {0};

	(void)state;
	read_sample(&s);
	assert_int_equal(s.r->produced, PB_SAMPLE_TOTAL + 4);
	assert_int_equal(pb_report_lost(s.r), 4);
	assert_string_equal(s.r->lost[0].id, "ringbuf_full");
	assert_string_equal(s.r->host, "buildhost");
	assert_string_equal(s.r->schema, "cpuflame/1");
}

static void an_empty_profile_comes_back(void **state)
{
	pb_auto(pb_profile) struct pb_profile *p = pb_sample_empty_profile();
	pb_auto(pb_report) struct pb_report *r = pb_sample_empty_report();
	AUTO_SAVED s = {0};
	size_t len;
	pb_autofree char *bytes = written(p, r, &len);

	(void)state;
	assert_int_equal(pb_pprof_read(&s.p, &s.r, bytes, len), 0);
	assert_int_equal(s.p->n_samples, 0);
	assert_int_equal(s.p->n_values, 2);
}

/* Files of other programs, made by hand */

static uint64_t put_text(struct pb_proto_buf *file, uint64_t *n, const char *text)
{
	pb_proto_put_bytes(file, PPROF_STRING_TABLE, text, strlen(text));
	return (*n)++;
}

/* A message of up to four numbers, the fields 1 to 4. */
static void put_numbers(struct pb_proto_buf *to, uint32_t number, uint64_t a, uint64_t b,
			uint64_t c, uint64_t d)
{
	const uint64_t values[] = {a, b, c, d};
	struct pb_proto_buf m = {0};

	for (uint32_t i = 0; i < 4; i++)
		pb_proto_put_uint(&m, i + 1, values[i]);
	pb_proto_put_part(to, number, &m);
	pb_proto_drop(&m);
}

static void put_location(struct pb_proto_buf *to, uint64_t id, uint64_t mapping, uint64_t addr,
			 uint64_t function)
{
	struct pb_proto_buf m = {0};

	pb_proto_put_uint(&m, LOCATION_ID, id);
	pb_proto_put_uint(&m, LOCATION_MAPPING_ID, mapping);
	pb_proto_put_uint(&m, LOCATION_ADDRESS, addr);
	if (function)
		put_numbers(&m, LOCATION_LINE, function, 7, 0, 0);
	pb_proto_put_part(to, PPROF_LOCATION, &m);
	pb_proto_drop(&m);
}

/* A sample with two frames and one value, not packed. */
static void put_sample(struct pb_proto_buf *to, uint64_t leaf, uint64_t caller, uint64_t value)
{
	struct pb_proto_buf m = {0};

	pb_proto_put_uint(&m, SAMPLE_LOCATION_ID, leaf);
	pb_proto_put_uint(&m, SAMPLE_LOCATION_ID, caller);
	pb_proto_put_varint(&m, SAMPLE_VALUE << 3);
	pb_proto_put_varint(&m, value);
	pb_proto_put_part(to, PPROF_SAMPLE, &m);
	pb_proto_drop(&m);
}

/* As an interpreter's profiler writes: no mappings, no addresses, strings first, odd ids. */
static void make_foreign(struct pb_proto_buf *file)
{
	uint64_t n = 0, wall, us, outer, inner, path;

	put_text(file, &n, "");
	wall = put_text(file, &n, "wall");
	us = put_text(file, &n, "microseconds");
	outer = put_text(file, &n, "outer");
	inner = put_text(file, &n, "in;ner");
	path = put_text(file, &n, "/srv/x.py");
	put_numbers(file, PPROF_SAMPLE_TYPE, wall, us, 0, 0);
	put_numbers(file, PPROF_FUNCTION, 900, outer, 0, path);
	put_numbers(file, PPROF_FUNCTION, 17, inner, 0, path);
	put_location(file, UINT64_MAX, 0, 0, 900);
	put_location(file, 5, 0, 0, 17);
	pb_proto_put_bytes(file, 99, "whatever", 8); /* fields of the future */
	pb_proto_put_uint(file, 98, 1);
	put_sample(file, 5, UINT64_MAX, 40);
	put_sample(file, UINT64_MAX, 0, 2);
}

static void a_profile_without_mappings_or_addresses_is_shown(void **state)
{
	AUTO_SAVED s = {0};
	AUTO_FILE file = {0};
	pb_autofree char *text = NULL;

	(void)state;
	make_foreign(&file);
	assert_int_equal(read_file(&s, &file), 0);
	text = pb_sample_render(pb_render_folded, s.p, s.r, &opts, NULL);
	assert_string_equal(text, "outer 2\nouter;in:ner 40\n");
	assert_string_equal(s.p->value_types[0].type, "wall");
}

static void it_is_the_same_after_the_first_reading(void **state)
{
	AUTO_SAVED s = {0};
	AUTO_SAVED s2 = {0};
	AUTO_FILE file = {0};
	size_t len, len2;
	pb_autofree char *first = NULL, *second = NULL;

	(void)state;
	make_foreign(&file);
	assert_int_equal(read_file(&s, &file), 0);
	first = written(s.p, s.r, &len);
	assert_int_equal(pb_pprof_read(&s2.p, &s2.r, first, len), 0);
	second = written(s2.p, s2.r, &len2);
	assert_int_equal(len, len2);
	assert_memory_equal(first, second, len);
}

static void its_report_says_what_is_known(void **state)
{
	AUTO_SAVED s = {0};
	AUTO_FILE file = {0};

	(void)state;
	make_foreign(&file);
	pb_proto_put_uint(&file, PPROF_TIME_NANOS, 1700000000000000000);
	pb_proto_put_uint(&file, PPROF_DURATION_NANOS, 3000000000);
	assert_int_equal(read_file(&s, &file), 0);
	assert_int_equal(s.r->produced, 42);
	assert_int_equal(s.r->kept, 42);
	assert_int_equal(s.r->complete, 42);
	assert_int_equal(s.r->started_ns, 1700000000000000000);
	assert_int_equal(s.r->duration_ns, 3000000000);
	assert_true(s.r->bpf_ns_per_event < 0);
	assert_int_equal(s.r->max_rss_bytes, -1);
	assert_string_equal(s.r->tool, "");
	assert_string_equal(s.r->scope, "saved profile");
}

/* What is put in front of a sample of two frames, location 1 calling location 2. */
static void make_code(struct pb_proto_buf *file, const char *path, uint64_t function)
{
	uint64_t n = 0, type, unit, name, mapping;

	put_text(file, &n, "");
	type = put_text(file, &n, "samples");
	unit = put_text(file, &n, "count");
	mapping = put_text(file, &n, path);
	name = put_text(file, &n, "caller");
	put_numbers(file, PPROF_SAMPLE_TYPE, type, unit, 0, 0);
	{
		struct pb_proto_buf m = {0};

		pb_proto_put_uint(&m, MAPPING_ID, 1);
		pb_proto_put_uint(&m, MAPPING_MEMORY_START, 0x400000);
		pb_proto_put_uint(&m, MAPPING_MEMORY_LIMIT, 0x500000);
		pb_proto_put_uint(&m, MAPPING_FILE_OFFSET, 0x1000);
		pb_proto_put_uint(&m, MAPPING_FILENAME, mapping);
		pb_proto_put_part(file, PPROF_MAPPING, &m);
		pb_proto_drop(&m);
	}
	put_numbers(file, PPROF_FUNCTION, 1, name, 0, 0);
	put_location(file, 1, 1, 0x400010, 1);
	put_location(file, 2, 1, 0x400123, function);
	put_sample(file, 2, 1, 1);
}

static void code_without_a_function_is_called_by_its_offset(void **state)
{
	AUTO_SAVED s = {0}, t = {0};
	AUTO_FILE file = {0}, file2 = {0};
	pb_autofree char *text = NULL, *text2 = NULL;

	(void)state;
	make_code(&file, "/usr/bin/thing", 0);
	assert_int_equal(read_file(&s, &file), 0);
	text = pb_sample_render(pb_render_folded, s.p, s.r, &opts, NULL);
	assert_string_equal(text, "caller;thing+0x1123 1\n");
	make_code(&file2, "/usr/bin/thing", 77); /* a function that is not there */
	assert_int_equal(read_file(&t, &file2), 0);
	text2 = pb_sample_render(pb_render_folded, t.p, t.r, &opts, NULL);
	assert_string_equal(text, text2);
}

static void kinds_of_code_are_known_by_their_mappings(void **state)
{
	static const struct {
		const char *path, *folded;
	} kinds[] = {
		{"/usr/bin/thing", "caller;caller 1\n"},
		{"[kernel.kallsyms]", "caller_[k];caller_[k] 1\n"},
		{"[kernel.kallsyms]_text", "caller_[k];caller_[k] 1\n"},
		{"[vdso]", "caller;caller 1\n"},
		{"[anon]", "caller_[j];caller_[j] 1\n"},
		{"//anon", "caller_[j];caller_[j] 1\n"},
		{"/tmp/perf-12.map", "caller_[j];caller_[j] 1\n"},
		{"", "caller;caller 1\n"},
	};

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(kinds); i++) {
		AUTO_SAVED s = {0};
		AUTO_FILE file = {0};
		pb_autofree char *text = NULL;

		make_code(&file, kinds[i].path, 1);
		assert_int_equal(read_file(&s, &file), 0);
		text = pb_sample_render(pb_render_folded, s.p, s.r, &opts, NULL);
		assert_string_equal(text, kinds[i].folded);
	}
}

static void twins_at_one_address_stay_apart_if_their_lines_differ(void **state)
{
	AUTO_SAVED s = {0};
	AUTO_FILE file = {0};

	(void)state;
	make_code(&file, "/usr/bin/thing", 1);
	put_location(&file, 3, 1, 0x400010, 1); /* as location 1 */
	put_location(&file, 4, 1, 0x400010, 0); /* no name, and so another */
	assert_int_equal(read_file(&s, &file), 0);
	assert_int_equal(s.p->n_locations, 3);
}

static void negative_values_count_as_nothing(void **state)
{
	AUTO_SAVED s = {0};
	AUTO_FILE file = {0};

	(void)state;
	make_foreign(&file);
	put_sample(&file, 5, UINT64_MAX, (uint64_t)-7);
	assert_int_equal(read_file(&s, &file), 0);
	assert_int_equal(pb_profile_total(s.p, 0), 42);
}

static void without_a_default_the_last_value_is_shown_first(void **state)
{
	AUTO_SAVED s = {0};
	AUTO_FILE file = {0};
	uint64_t n = 0;

	(void)state;
	put_text(&file, &n, "");
	put_text(&file, &n, "x");
	for (int i = 0; i < 3; i++)
		put_numbers(&file, PPROF_SAMPLE_TYPE, 1, 1, 0, 0);
	assert_int_equal(read_file(&s, &file), 0);
	assert_int_equal(s.p->default_value, 2);
	/* and types are told apart, since totals go by their names */
	assert_string_equal(s.p->value_types[0].type, "x");
	assert_string_equal(s.p->value_types[1].type, "x#2");
	assert_string_equal(s.p->value_types[2].type, "x#3");
}

static void values_beyond_those_that_fit_are_left_out(void **state)
{
	AUTO_SAVED s = {0};
	AUTO_FILE file = {0};
	struct pb_proto_buf m = {0};
	uint64_t n = 0;

	(void)state;
	put_text(&file, &n, "");
	for (uint64_t i = 1; i <= PB_VALUES_MAX + 2; i++) {
		char name[8];

		snprintf(name, sizeof(name), "v%d", (int)i);
		put_numbers(&file, PPROF_SAMPLE_TYPE, put_text(&file, &n, name), 0, 0, 0);
		pb_proto_put_uint(&m, SAMPLE_VALUE, i);
	}
	pb_proto_put_part(&file, PPROF_SAMPLE, &m);
	pb_proto_drop(&m);
	assert_int_equal(read_file(&s, &file), 0);
	assert_int_equal(s.p->n_values, PB_VALUES_MAX);
	assert_int_equal(s.p->values[PB_VALUES_MAX - 1], PB_VALUES_MAX);
}

static void hostile_names_are_made_safe(void **state)
{
	AUTO_SAVED s = {0};
	AUTO_FILE file = {0};
	pb_autofree char *text = NULL;

	(void)state;
	make_code(&file, "/bin/\033[2J\n\xff", 0);
	assert_int_equal(read_file(&s, &file), 0);
	text = pb_sample_render(pb_render_text, s.p, s.r, &opts, NULL);
	assert_null(strchr(text, '\033'));
	assert_null(strchr(text, '\xff'));
	assert_non_null(strstr(text, "\\x1b[2J\\x0a\\xff+0x1123"));
}

static void a_broken_report_inside_does_not_break_the_profile(void **state)
{
	AUTO_SAVED s = {0};
	AUTO_FILE file = {0};
	uint64_t n = 6;

	(void)state;
	make_foreign(&file);
	pb_proto_put_uint(&file, PPROF_COMMENT, put_text(&file, &n, "perfbeads-report: {\"a\":"));
	assert_int_equal(read_file(&s, &file), 0);
	assert_int_equal(s.r->kept, 42);
}

/* What cannot be read */

static void refused(void (*spoil)(struct pb_proto_buf *file))
{
	struct pb_profile *p = (struct pb_profile *)&opts;
	struct pb_report *r = (struct pb_report *)&opts;
	AUTO_FILE file = {0};

	make_foreign(&file);
	spoil(&file);
	assert_false(file.failed);
	assert_int_equal(pb_pprof_read(&p, &r, file.bytes, file.len), -EPROTO);
	assert_ptr_equal(p, &opts); /* untouched */
	assert_ptr_equal(r, &opts);
}

static void name_a_missing_location(struct pb_proto_buf *file)
{
	put_sample(file, 6, 5, 1);
}

static void leave_out_a_value(struct pb_proto_buf *file)
{
	pb_proto_put_bytes(file, PPROF_SAMPLE, "\x08\x05", 2);
}

static void give_a_value_too_many(struct pb_proto_buf *file)
{
	pb_proto_put_bytes(file, PPROF_SAMPLE, "\x12\x02\x01\x01", 4);
}

static void name_a_missing_string(struct pb_proto_buf *file)
{
	put_numbers(file, PPROF_FUNCTION, 18, 6, 0, 0);
}

static void name_a_negative_string(struct pb_proto_buf *file)
{
	put_numbers(file, PPROF_FUNCTION, 18, UINT64_MAX, 0, 0);
}

static void use_an_id_twice(struct pb_proto_buf *file)
{
	put_location(file, 5, 0, 0, 17);
}

static void use_id_0(struct pb_proto_buf *file)
{
	put_location(file, 0, 0, 0, 17);
}

static void end_in_the_middle(struct pb_proto_buf *file)
{
	file->len--;
}

static void make_a_message_a_number(struct pb_proto_buf *file)
{
	pb_proto_put_uint(file, PPROF_SAMPLE, 1);
}

static void put_a_broken_number(struct pb_proto_buf *file)
{
	pb_proto_put_bytes(file, PPROF_SAMPLE, "\x0a\x01\xff\x10\x01", 5);
}

static void comment_on_a_missing_string(struct pb_proto_buf *file)
{
	pb_proto_put_uint(file, PPROF_COMMENT, 1000);
}

static void files_that_contradict_themselves_are_refused(void **state)
{
	(void)state;
	refused(name_a_missing_location);
	refused(leave_out_a_value);
	refused(give_a_value_too_many);
	refused(name_a_missing_string);
	refused(name_a_negative_string);
	refused(use_an_id_twice);
	refused(use_id_0);
	refused(end_in_the_middle);
	refused(make_a_message_a_number);
	refused(put_a_broken_number);
	refused(comment_on_a_missing_string);
}

static void what_is_no_profile_is_refused(void **state)
{
	static const char *const texts[] = {
		"",           "\x1f",
		"\x1f\x8b",   "\x1f\x8b\x08",
		"\177ELF",    "{\"json\": 1}",
		"a;b;c 12\n", "\x0a\x00",
		"\x32\x00",   "\x0a\x00\x32\x01x",
	};

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(texts); i++) {
		AUTO_SAVED s = {0};

		assert_int_equal(pb_pprof_read(&s.p, &s.r, texts[i], strlen(texts[i])), -EPROTO);
	}
}

/* Cut or flipped anywhere, the sample is read or refused, and what is read can be shown. */
static void damage_anywhere_is_survived(void **state)
{
	pb_autofree unsigned char *plain = NULL;
	size_t len, plain_len;
	pb_autofree char *bytes = sample(&len);

	(void)state;
	assert_int_equal(pb_gunzip(&plain, &plain_len, bytes, len, 1 << 20), 0);
	for (size_t i = 0; i < 2 * plain_len; i++) {
		size_t at = i / 2, cut = i % 2 ? plain_len : at;
		AUTO_SAVED s = {0};
		int err;

		plain[at] ^= 0x81;
		err = pb_pprof_read(&s.p, &s.r, plain, cut);
		plain[at] ^= 0x81;
		assert_true(!err || err == -EPROTO);
		if (!err && i % 16 == 1) {
			pb_autofree char *text =
				pb_sample_render(pb_render_folded, s.p, s.r, &opts, NULL);

			assert_non_null(text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_again_is_the_same),
		cmocka_unit_test(every_format_shows_the_same_from_a_saved_profile),
		cmocka_unit_test(sources_come_back_in_every_format),
		cmocka_unit_test(functions_come_back_with_source_and_symbol),
		cmocka_unit_test(the_model_comes_back),
		cmocka_unit_test(the_report_comes_back),
		cmocka_unit_test(an_empty_profile_comes_back),
		cmocka_unit_test(a_profile_without_mappings_or_addresses_is_shown),
		cmocka_unit_test(it_is_the_same_after_the_first_reading),
		cmocka_unit_test(its_report_says_what_is_known),
		cmocka_unit_test(code_without_a_function_is_called_by_its_offset),
		cmocka_unit_test(kinds_of_code_are_known_by_their_mappings),
		cmocka_unit_test(twins_at_one_address_stay_apart_if_their_lines_differ),
		cmocka_unit_test(negative_values_count_as_nothing),
		cmocka_unit_test(without_a_default_the_last_value_is_shown_first),
		cmocka_unit_test(values_beyond_those_that_fit_are_left_out),
		cmocka_unit_test(hostile_names_are_made_safe),
		cmocka_unit_test(a_broken_report_inside_does_not_break_the_profile),
		cmocka_unit_test(files_that_contradict_themselves_are_refused),
		cmocka_unit_test(what_is_no_profile_is_refused),
		cmocka_unit_test(damage_anywhere_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
