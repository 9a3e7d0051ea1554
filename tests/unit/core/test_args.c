/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/args.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "user/render/render.h"

static const struct pb_option *const tables[] = {pb_common_options, NULL};

static const struct pb_program program = {
	.name = "sample",
	.summary = "a sample",
	.usage = "[OPTION...]",
	.tables = tables,
	.has_command = true,
	.has_bare_duration = true,
};

static struct pb_args args;
static char log_text[4096];

static int parse_and_check(int argc, char **argv)
{
	struct pb_parsed parsed;
	int err;

	pb_args_init(&args);
	err = pb_opts_parse(&program, argc, argv, &args, &parsed);
	return err ? err : pb_args_check(&args, &parsed);
}

/* Split @line at its spaces, parse and check it with stderr in log_text. */
static int run(const char *line)
{
	static char copy[512];
	static char *words[64];
	char *rest = copy, *word;
	int memory = memfd_create("log", 0), saved = dup(STDERR_FILENO), argc = 1, err;
	ssize_t n;

	words[0] = (char *)"sample";
	snprintf(copy, sizeof(copy), "%s", line);
	while ((word = strsep(&rest, " "))) {
		if (*word)
			words[argc++] = word;
	}
	words[argc] = NULL;
	pb_opts_free(&program, &args);
	assert_true(memory >= 0 && saved >= 0);
	assert_true(dup2(memory, STDERR_FILENO) >= 0);
	err = parse_and_check(argc, words);
	fflush(stderr);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	n = pread(memory, log_text, sizeof(log_text) - 1, 0);
	log_text[n > 0 ? n : 0] = '\0';
	close(memory);
	close(saved);
	return err;
}

static void accepts(const char *line)
{
	int err = run(line);

	if (err)
		print_error("%s: %s", line, log_text);
	assert_int_equal(err, 0);
	assert_string_equal(log_text, "");
}

static void refuses(const char *line, const char *message)
{
	char expected[256];

	assert_int_equal(run(line), -EINVAL);
	snprintf(expected, sizeof(expected), ": %s\n", message);
	if (!strstr(log_text, expected) || strchr(log_text, '\n')[1])
		fail_msg("%s: \"%s\" is not \"%s\"", line, log_text, message);
}

static int clean(void **state)
{
	(void)state;
	pb_opts_free(&program, &args);
	return 0;
}

static const struct pb_option *option(const char *long_name)
{
	for (const struct pb_option *o = pb_common_options; o->kind != PB_OPT_END; o++) {
		if (o->long_name && !strcmp(o->long_name, long_name))
			return o;
	}
	fail_msg("no --%s", long_name);
	return NULL;
}

static void defaults_are_those_of_the_contract(void **state)
{
	(void)state;
	accepts("-a");
	assert_int_equal(args.max_depth, 127);
	assert_int_equal(args.max_stacks, 65536);
	assert_int_equal(args.ring_bytes, 4 << 20);
	assert_int_equal(args.table_bytes, 64 << 20);
	assert_int_equal(args.top, 20);
	assert_true(args.ready_fd == UINT64_MAX);
	assert_int_equal(args.duration_ns, 0);
	assert_int_equal(args.action, PB_ACTION_RUN);
	assert_int_equal(args.unwind, PB_UNWIND_AUTO);
	assert_int_equal(args.color, PB_COLOR_AUTO);
}

static void help_states_the_defaults_that_hold(void **state)
{
	(void)state;
	assert_non_null(strstr(option("max-depth")->help, "default 127"));
	assert_non_null(strstr(option("max-stacks")->help, "default 65536"));
	assert_non_null(strstr(option("ring-size")->help, "default 4M"));
	assert_non_null(strstr(option("table-size")->help, "default 64M"));
	assert_non_null(strstr(option("unwind")->help, "auto (the default)"));
	assert_non_null(strstr(option("top")->help, "default 20"));
}

static void choices_stand_in_the_order_of_their_enums(void **state)
{
	(void)state;
	accepts("-a --unwind fp --color never");
	assert_int_equal(args.unwind, PB_UNWIND_FP);
	assert_int_equal(args.color, PB_COLOR_NEVER);
	accepts("-a --unwind auto");
	assert_int_equal(args.unwind, PB_UNWIND_AUTO);
	accepts("-a --unwind eh --color always");
	assert_int_equal(args.unwind, PB_UNWIND_EH);
	assert_int_equal(args.color, PB_COLOR_ALWAYS);
}

static void formats_offered_are_those_that_exist(void **state)
{
	const struct pb_option *o = option("format");
	size_t n = 0;

	(void)state;
	for (const struct pb_format *f = pb_formats; f->name; f++, n++) {
		size_t i = 0;

		while (o->choices[i] && strcmp(o->choices[i], f->name))
			i++;
		if (!o->choices[i] || !strstr(o->help, f->name))
			fail_msg("--format does not offer %s", f->name);
		if (!strstr(option("output")->help, f->suffix))
			fail_msg("--output does not name %s", f->suffix);
	}
	if (o->choices[n])
		fail_msg("--format offers %s, which does not exist", o->choices[n]);
}

static void every_target_is_taken_alone(void **state)
{
	(void)state;
	accepts("-p 1,2");
	assert_int_equal(args.pids.n, 2);
	accepts("-t 12");
	assert_int_equal(args.tid, 12);
	accepts("--cgroup /sys/fs/cgroup/x");
	assert_string_equal(args.cgroup, "/sys/fs/cgroup/x");
	accepts("-- true -a");
	assert_string_equal(args.command[0], "true");
	assert_false(args.all);
	accepts("--from x.pb.gz");
	assert_string_equal(args.from, "x.pb.gz");
}

static void names_are_short_and_by_function_unless_asked_for(void **state)
{
	(void)state;
	accepts("-a");
	assert_false(args.lines || args.debuginfod);
	assert_int_equal(args.demangle, PB_DEMANGLE_SHORT);
	accepts("-a --lines --demangle full --debuginfod");
	assert_true(args.lines && args.debuginfod);
	assert_int_equal(args.demangle, PB_DEMANGLE_FULL);
	accepts("-a --demangle short");
	assert_int_equal(args.demangle, PB_DEMANGLE_SHORT);
}

static void a_saved_profile_keeps_the_names_it_has(void **state)
{
	(void)state;
	refuses("--from x --demangle full",
		"--from shows the names that were saved: leave out --demangle, and give it when "
		"capturing");
	refuses("--from x --debuginfod",
		"--from shows the names that were saved: leave out --debuginfod, and give it when "
		"capturing");
	accepts("--from x --lines");
	assert_true(args.lines);
}

static void no_target_is_told_what_to_type(void **state)
{
	(void)state;
	refuses("", "say what to profile: -p PID, -a, --cgroup PATH or -- CMD");
	refuses("10 -U", "say what to profile: -p PID, -a, --cgroup PATH or -- CMD");
	refuses("--no-children", "say what to profile: -p PID, -a, --cgroup PATH or -- CMD");
}

static void two_targets_are_refused(void **state)
{
	(void)state;
	refuses("-p 1 -a", "-p and -a are two targets: give one");
	refuses("-t 1 --cgroup x", "-t and --cgroup are two targets: give one");
	refuses("-a -- true", "-a and -- CMD are two targets: give one");
}

static void a_saved_profile_has_no_target_and_no_capture(void **state)
{
	static const struct {
		const char *line, *name;
	} cases[] = {
		{"-p 1", "-p"},
		{"-t 1", "-t"},
		{"-a", "-a"},
		{"--cgroup x", "--cgroup"},
		{"-- true", "-- CMD"},
		{"-d 5", "-d"},
		{"5", "-d"},
		{"-U", "-U"},
		{"-K", "-K"},
		{"--unwind fp", "--unwind"},
		{"--max-depth 5", "--max-depth"},
		{"--max-stacks 16", "--max-stacks"},
		{"--ring-size 4k", "--ring-size"},
		{"--table-size 1M", "--table-size"},
		{"--no-children", "--no-children"},
		{"--ready-fd 2", "--ready-fd"},
	};
	char line[64], message[128];

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(cases); i++) {
		snprintf(line, sizeof(line), "--from x %s", cases[i].line);
		snprintf(message, sizeof(message),
			 "--from shows a saved profile and measures nothing: leave out %s",
			 cases[i].name);
		refuses(line, message);
	}
	accepts("--from x -f --top 5 -q -v --color never --lines");
	accepts("--from x -o - --format json");
}

static void duration_comes_by_option_or_bare_but_once(void **state)
{
	(void)state;
	accepts("-a -d 2.5");
	assert_int_equal(args.duration_ns, 2500000000);
	accepts("-a 500ms");
	assert_int_equal(args.duration_ns, 500000000);
	refuses("-a -d 1 2", "-d and the bare 2 both give a duration: leave out one");
	refuses("-a 0", "a duration of 0 is out of range, 10ms to 8760h");
	refuses("-a -d 0", "-d: 0 is out of range, 10ms to 8760h");
	refuses("-a 9000h", "a duration of 9000h is out of range, 10ms to 8760h");
	refuses("-a 99999999999999999999",
		"a duration of 99999999999999999999 is out of range, 10ms to 8760h");
}

static void user_only_and_kernel_only_exclude_each_other(void **state)
{
	(void)state;
	accepts("-aU");
	assert_true(args.user_only);
	accepts("-aK");
	assert_true(args.kernel_only);
	refuses("-aUK", "-U and -K exclude each other: without both, both are kept");
}

static void ring_size_is_a_power_of_two(void **state)
{
	(void)state;
	accepts("-a --ring-size 4096");
	accepts("-a --ring-size 256M");
	assert_int_equal(args.ring_bytes, 256 << 20);
	refuses("-a --ring-size 5k", "--ring-size: 5120 is not a power of two: take 4096 or 8192");
	refuses("-a --ring-size 2k", "--ring-size: 2k is out of range, 4k to 256M");
	refuses("-a --ring-size 512M", "--ring-size: 512M is out of range, 4k to 256M");
}

static void bounds_are_those_of_the_contract(void **state)
{
	(void)state;
	accepts("-a --table-size 1M");
	assert_int_equal(args.table_bytes, 1 << 20);
	accepts("-a --table-size 256M");
	assert_int_equal(args.table_bytes, 256 << 20);
	refuses("-a --table-size 1023k", "--table-size: 1023k is out of range, 1M to 256M");
	refuses("-a --table-size 257M", "--table-size: 257M is out of range, 1M to 256M");
	accepts("-a --max-depth 1 --max-stacks 16 --top 1");
	accepts("-a --max-depth 1024 --max-stacks 1048576 --top 10000");
	refuses("-a --max-depth 1025", "--max-depth: 1025 is out of range, 1 to 1024");
	refuses("-a --max-depth 0", "--max-depth: 0 is out of range, 1 to 1024");
	refuses("-a --max-stacks 15", "--max-stacks: 15 is out of range, 16 to 1048576");
	refuses("-a --top 0", "--top: 0 is out of range, 1 to 10000");
	refuses("-t 0", "-t: 0 is out of range, 1 to 4194304");
}

static void children_are_left_out_only_where_there_are_some(void **state)
{
	(void)state;
	accepts("-p 1 --no-children");
	assert_true(args.no_children);
	accepts("--no-children -- true");
	refuses("-a --no-children",
		"--no-children goes with -p or -- CMD: -a has none to leave out");
	refuses("-t 1 --no-children",
		"--no-children goes with -p or -- CMD: -t has none to leave out");
	refuses("--cgroup x --no-children",
		"--no-children goes with -p or -- CMD: --cgroup has none to leave out");
}

static void ready_descriptor_must_be_open_for_writing(void **state)
{
	char line[64], message[128];
	int read_only = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(read_only >= 0 && fd >= 0);
	snprintf(line, sizeof(line), "-a --ready-fd %d", fd);
	accepts(line);
	assert_int_equal(args.ready_fd, fd);
	snprintf(line, sizeof(line), "-a --ready-fd %d", read_only);
	snprintf(message, sizeof(message), "--ready-fd: descriptor %d is not open for writing",
		 read_only);
	refuses(line, message);
	close(read_only);
	close(fd);
	refuses("-a --ready-fd 1000000", "--ready-fd: descriptor 1000000 is not open");
	refuses("-a --ready-fd 4294967297",
		"--ready-fd: 4294967297 is out of range, at most 2147483647");
}

static void only_one_output_goes_to_stdout(void **state)
{
	(void)state;
	accepts("-a -f -o x.html -o y.json");
	assert_int_equal(args.outputs.n, 2);
	accepts("-a -o - --format folded");
	accepts("-a --format json");
	refuses("-a -f --json", "-f and --json both write to stdout: give one a file with -o FILE");
	refuses("-a --json -o -",
		"--json and -o - both write to stdout: give one a file with -o FILE");
	refuses("-a -f --format json",
		"-f and --format both write to stdout: give one a file with -o FILE");
	refuses("-a -o - -o /dev/stdout",
		"-o - and -o - both write to stdout: give one a file with -o FILE");
}

static void a_file_is_not_written_twice(void **state)
{
	(void)state;
	refuses("-a -o x.html -o y -o x.html", "-o x.html is given twice");
}

static void documents_need_no_target(void **state)
{
	(void)state;
	accepts("--help");
	assert_int_equal(args.action, PB_ACTION_HELP);
	accepts("-h");
	assert_int_equal(args.action, PB_ACTION_HELP);
	accepts("--version");
	assert_int_equal(args.action, PB_ACTION_VERSION);
	accepts("--json-schema");
	assert_int_equal(args.action, PB_ACTION_JSON_SCHEMA);
	accepts("--man");
	assert_int_equal(args.action, PB_ACTION_MAN);
	accepts("--completion fish");
	assert_int_equal(args.action, PB_ACTION_COMPLETION);
	assert_string_equal(args.completion, "fish");
}

static void no_name_is_used_twice(void **state)
{
	(void)state;
	for (const struct pb_option *a = pb_common_options; a->kind != PB_OPT_END; a++) {
		for (const struct pb_option *b = pb_common_options; b < a; b++) {
			if (a->short_name && a->short_name == b->short_name)
				fail_msg("-%c is there twice", a->short_name);
			if (a->long_name && b->long_name && !strcmp(a->long_name, b->long_name))
				fail_msg("--%s is there twice", a->long_name);
		}
	}
}

static void help_fits_80_columns(void **state)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	pb_opts_help(&program, out);
	assert_int_equal(fclose(out), 0);
	for (const char *line = text; *line; line += strcspn(line, "\n") + 1) {
		if (strcspn(line, "\n") > 80)
			fail_msg("too wide: %.*s", (int)strcspn(line, "\n"), line);
	}
	assert_non_null(strstr(text, "\nTarget:\n"));
	assert_non_null(strstr(text, "\nOther:\n"));
	assert_null(strstr(text, "--completion"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(defaults_are_those_of_the_contract, clean),
		cmocka_unit_test(help_states_the_defaults_that_hold),
		cmocka_unit_test_teardown(choices_stand_in_the_order_of_their_enums, clean),
		cmocka_unit_test(formats_offered_are_those_that_exist),
		cmocka_unit_test_teardown(every_target_is_taken_alone, clean),
		cmocka_unit_test_teardown(names_are_short_and_by_function_unless_asked_for, clean),
		cmocka_unit_test_teardown(a_saved_profile_keeps_the_names_it_has, clean),
		cmocka_unit_test_teardown(no_target_is_told_what_to_type, clean),
		cmocka_unit_test_teardown(two_targets_are_refused, clean),
		cmocka_unit_test_teardown(a_saved_profile_has_no_target_and_no_capture, clean),
		cmocka_unit_test_teardown(duration_comes_by_option_or_bare_but_once, clean),
		cmocka_unit_test_teardown(user_only_and_kernel_only_exclude_each_other, clean),
		cmocka_unit_test_teardown(ring_size_is_a_power_of_two, clean),
		cmocka_unit_test_teardown(bounds_are_those_of_the_contract, clean),
		cmocka_unit_test_teardown(children_are_left_out_only_where_there_are_some, clean),
		cmocka_unit_test_teardown(ready_descriptor_must_be_open_for_writing, clean),
		cmocka_unit_test_teardown(only_one_output_goes_to_stdout, clean),
		cmocka_unit_test_teardown(a_file_is_not_written_twice, clean),
		cmocka_unit_test_teardown(documents_need_no_target, clean),
		cmocka_unit_test(no_name_is_used_twice),
		cmocka_unit_test(help_fits_80_columns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
