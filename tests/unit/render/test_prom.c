/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "tests/io/sample_io.h"
#include "tests/unit/render/sample_profile.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"

static int setup(void **state)
{
	struct pb_io_sample *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	pb_io_sample_init(s);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	pb_io_sample_drop(*state);
	free(*state);
	return 0;
}

static const struct pb_render_opts no_opts = {.top = 20};

static char *metrics(const struct pb_io_sample *s)
{
	return pb_sample_render(pb_render_prom, s->profile, s->report, &no_opts, NULL);
}

static char *metrics_of(struct pb_io_sample *s, const char *extra)
{
	assert_int_equal(pb_report_set_extra(s->report, extra), 0);
	return metrics(s);
}

static void expect(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void the_file_is_as_expected(void **state)
{
	pb_autofree char *text = metrics(*state);

	pb_sample_golden("io.prom", text);
}

static void a_bucket_across_a_step_is_taken_in_proportion(void **state)
{
	pb_autofree char *text = metrics_of(
		*state,
		"{\"latency\": [{\"device\": \"vda\", \"op\": \"read\", \"count\": 108, "
		"\"mean_us\": 2.5, \"histogram\": [[0.5, 1, 3], [1.5, 2.5, 100], [4, 5, 4]]}]}");

	expect(text, "_bucket{device=\"vda\",op=\"read\",le=\"1e-06\"} 3\n");
	expect(text, "le=\"2e-06\"} 53\n");
	expect(text, "le=\"5e-06\"} 107\n");
	expect(text, "le=\"10\"} 107\n");
	expect(text, "le=\"+Inf\"} 108\n"); /* one was not binned */
	expect(text, "_sum{device=\"vda\",op=\"read\"} 0.000270000\n");
	expect(text, "_count{device=\"vda\",op=\"read\"} 108\n");
}

static void rows_with_equal_labels_are_one_series(void **state)
{
	pb_autofree char *text = metrics_of(
		*state,
		"{\"latency\": [], \"calls\": [{\"call\": \"read\", \"who\": \"a\", \"count\": "
		"2, \"histogram\": [[1, 2, 2]]}, {\"call\": \"fsync\", \"count\": 1}, {\"call\": "
		"\"read\", \"who\": \"b\", \"count\": 3, \"histogram\": [[3, 4, 3]]}]}");

	expect(text, "iolatency_call_seconds_bucket{call=\"read\",le=\"2e-06\"} 2\n");
	expect(text, "iolatency_call_seconds_bucket{call=\"read\",le=\"5e-06\"} 5\n");
	expect(text, "iolatency_call_seconds_count{call=\"read\"} 5\n");
	expect(text, "iolatency_call_seconds_count{call=\"fsync\"} 1\n");
}

static void labels_are_escaped(void **state)
{
	pb_autofree char *text = metrics_of(
		*state, "{\"latency\": [{\"device\": \"a\\\"b\\\\c\\nd\\u001b\", \"op\": "
			"\"read\", \"flags\": \"sync,meta\", \"count\": 1, \"errors\": 1}]}");

	expect(text, "iolatency_errors_total{device=\"a\\\"b\\\\c\\\\x0ad\\\\x1b\",op=\"read\","
		     "flags=\"sync,meta\"} 1\n");
}

static void without_latencies_it_is_refused(void **state)
{
	struct pb_io_sample *s = *state;
	FILE *out = fopen("/dev/null", "we");

	assert_non_null(out);
	assert_int_equal(pb_report_set_extra(s->report, "{\"latency\": 7}"), 0);
	assert_int_equal(pb_render_prom(out, s->profile, s->report, &no_opts), -EINVAL);
	assert_int_equal(pb_report_set_extra(s->report, ""), 0);
	assert_int_equal(pb_render_prom(out, s->profile, s->report, &no_opts), -EINVAL);
	fclose(out);
}

static void profiles_without_io_do_not_fit(void **state)
{
	static const struct pb_value_type cpu[] = {{"samples", "count"}, {"cpu", "nanoseconds"}};
	const struct pb_io_sample *s = *state;

	assert_false(pb_format_fits(pb_format_by_name("prom"), cpu, 2));
	assert_true(pb_format_fits(pb_format_by_name("prom"), s->profile->value_types,
				   s->profile->n_values));
	assert_ptr_equal(pb_format_by_path("/var/lib/node_exporter/io.prom"),
			 pb_format_by_name("prom"));
}

/* Prometheus' own judge. */
static void promtool_has_no_objection(void **state)
{
	static const char tool[] = "command -v promtool >/dev/null";
	pb_autofree char *text = NULL;
	FILE *pipe;

	if (system(tool)) {
		print_message("promtool is not installed (Debian: prometheus)\n");
		skip();
	}
	text = metrics(*state);
	pipe = popen("promtool check metrics 2>&1", "w");
	assert_non_null(pipe);
	fputs(text, pipe);
	assert_int_equal(pclose(pipe), 0);
}

/* Every line is a comment, or a name, labels and a number; each family has its head, and once. */
static void the_grammar_is_kept(void **state)
{
	pb_autofree char *text = metrics(*state);
	pb_autofree char *families = strdup(" ");
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char name[64] = " ", type[32], *end;

		if (!strncmp(line, "# HELP ", 7))
			continue;
		if (sscanf(line, "# TYPE %60s %31s", name + 1, type) == 2) {
			pb_autofree char *before = families;

			assert_true(!strcmp(type, "histogram") || !strcmp(type, "counter") ||
				    !strcmp(type, "gauge") || !strcmp(type, "summary"));
			strcat(name, " ");
			assert_null(strstr(before, name));
			families = NULL;
			assert_true(asprintf(&families, "%s%s", before, name) > 0);
			continue;
		}
		end = line + strcspn(line, "{ ");
		assert_true(end > line && !strncmp(line, "iolatency_", 10));
		end = strrchr(line, ' ');
		assert_non_null(end);
		assert_int_equal(end[1 + strspn(end + 1, "0123456789.")], '\0');
		assert_true(end[-1] == '}' || !strchr(line, '{'));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_file_is_as_expected),
		TEST(a_bucket_across_a_step_is_taken_in_proportion),
		TEST(rows_with_equal_labels_are_one_series),
		TEST(labels_are_escaped),
		TEST(without_latencies_it_is_refused),
		TEST(profiles_without_io_do_not_fit),
		TEST(promtool_has_no_objection),
		TEST(the_grammar_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
