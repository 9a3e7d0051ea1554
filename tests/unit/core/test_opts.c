/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/opts.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

struct sample {
	bool force;
	bool quiet;
	bool children;
	uint64_t hz;
	uint64_t size;
	uint64_t wait_ns;
	const char *format;
	uint32_t color;
	struct pb_list outputs;
	struct pb_pids pids;
	uint32_t action;
	const char *secret;
};

#define FIELD(kind, member) PB_OPT_FIELD(kind, struct sample, member)

static const char *const colors[] = {"auto", "always", "never", NULL};

static const struct pb_option own_options[] = {
	{.kind = PB_OPT_GROUP, .help = "Own"},
	{FIELD(FLAG, force), .short_name = 'f', .long_name = "force", .help = "force"},
	{FIELD(UINT, hz), .short_name = 'F', .long_name = "frequency", .arg = "HZ", .min = 1,
	 .max = 100000, .help = "rate"},
	{FIELD(SIZE, size), .long_name = "size", .arg = "SIZE", .min = 4096, .max = 256 << 20,
	 .help = "size"},
	{.kind = PB_OPT_END},
};

static const struct pb_option shared_options[] = {
	{.kind = PB_OPT_GROUP, .long_name = "group", .help = "Shared"},
	{.kind = PB_OPT_COMMAND, .arg = "CMD", .help = "run"},
	{FIELD(FLAG, quiet), .short_name = 'q', .long_name = "quiet", .help = "quiet"},
	{FIELD(FLAG, children), .long_name = "no-children", .action = 1, .help = "none"},
	{FIELD(DURATION, wait_ns), .short_name = 'd', .long_name = "duration", .arg = "S",
	 .min = 10000000, .help = "time"},
	{FIELD(STRING, format), .long_name = "format", .arg = "NAME", .help = "format"},
	{FIELD(CHOICE, color), .long_name = "color", .arg = "WHEN", .choices = colors,
	 .help = "color"},
	{FIELD(LIST, outputs), .short_name = 'o', .long_name = "output", .arg = "FILE",
	 .help = "output"},
	{FIELD(PIDS, pids), .short_name = 'p', .long_name = "pid", .arg = "PID", .help = "pid"},
	{FIELD(ACTION, action), .short_name = 'h', .long_name = "help", .action = 7,
	 .help = "help"},
	{FIELD(STRING, secret), .long_name = "quietest", .hidden = true, .help = "hidden"},
	{.kind = PB_OPT_END},
};

static const struct pb_option *const tables[] = {own_options, shared_options, NULL};

static const struct pb_program program = {
	.name = "sample",
	.summary = "a sample",
	.usage = "[OPTION...]",
	.tables = tables,
	.has_command = true,
	.has_bare_duration = true,
};

static struct sample args;
static struct pb_parsed parsed;
static char log_text[8192];

static int parse_argv(const struct pb_program *p, int argc, char **argv)
{
	int memory = memfd_create("log", 0), saved = dup(STDERR_FILENO), err;
	ssize_t n;

	assert_true(memory >= 0 && saved >= 0);
	assert_true(dup2(memory, STDERR_FILENO) >= 0);
	args = (struct sample){.children = true};
	err = pb_opts_parse(p, argc, argv, &args, &parsed);
	fflush(stderr);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	n = pread(memory, log_text, sizeof(log_text) - 1, 0);
	log_text[n > 0 ? n : 0] = '\0';
	close(memory);
	close(saved);
	return err;
}

/* Split @line at its spaces and parse it. "''" is an empty word. */
static int parse_for(const struct pb_program *p, const char *line)
{
	static char copy[512];
	static char *words[64];
	char *rest = copy, *word;
	int argc = 1;

	words[0] = (char *)"sample";
	snprintf(copy, sizeof(copy), "%s", line);
	while ((word = strsep(&rest, " "))) {
		if (*word)
			words[argc++] = strcmp(word, "''") ? word : word + 2;
	}
	words[argc] = NULL;
	return parse_argv(p, argc, words);
}

static void accepts(const char *line)
{
	int err = parse_for(&program, line);

	if (err)
		print_error("%s: %s", line, log_text);
	assert_int_equal(err, 0);
	assert_string_equal(log_text, "");
}

static void refuses_for(const struct pb_program *p, const char *line, const char *message)
{
	char expected[256];

	assert_int_equal(parse_for(p, line), -EINVAL);
	/* The whole rest of the line, so that nothing is said twice. */
	snprintf(expected, sizeof(expected), ": %s\n", message);
	if (!strstr(log_text, expected) || strchr(log_text, '\n')[1])
		fail_msg("%s: \"%s\" is not \"%s\"", line, log_text, message);
	assert_null(args.outputs.items);
	assert_null(args.pids.ids);
}

static void refuses(const char *line, const char *message)
{
	refuses_for(&program, line, message);
}

static int clean(void **state)
{
	(void)state;
	pb_opts_free(&program, &args);
	return 0;
}

static void uint_is_digits_within_bounds(void **state)
{
	static const char *const bad[] = {"", " 1", "1 ", "+1", "-1", "0x10", "1e3", "1k", "1.0"};
	uint64_t value = 77;

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(bad); i++)
		assert_int_equal(pb_parse_uint(bad[i], 0, UINT64_MAX, &value), -EINVAL);
	assert_int_equal(pb_parse_uint("4", 5, 9, &value), -ERANGE);
	assert_int_equal(pb_parse_uint("10", 5, 9, &value), -ERANGE);
	assert_int_equal(pb_parse_uint("18446744073709551616", 0, UINT64_MAX, &value), -ERANGE);
	assert_int_equal(pb_parse_uint("99999999999999999999999", 0, UINT64_MAX, &value), -ERANGE);
	assert_int_equal(pb_parse_uint("99999999999999999999999x", 0, UINT64_MAX, &value), -EINVAL);
	assert_int_equal(value, 77);
	assert_int_equal(pb_parse_uint("18446744073709551615", 0, UINT64_MAX, &value), 0);
	assert_true(value == UINT64_MAX);
	assert_int_equal(pb_parse_uint("0000000000000000000000007", 5, 9, &value), 0);
	assert_int_equal(value, 7);
}

static void size_counts_in_powers_of_1024(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{"0", 0},           {"4096", 4096},       {"4096B", 4096},
		{"64k", 65536},     {"64K", 65536},       {"64kb", 65536},
		{"64KiB", 65536},   {"1M", 1 << 20},      {"1m", 1 << 20},
		{"2g", 2ull << 30}, {"2GIB", 2ull << 30}, {"17179869183G", 17179869183ull << 30},
	};
	static const char *const bad[] = {"",    "k",   "4kk",  "4ki", "4iB",  "4 k",
					  "-4k", "+4k", "1.5M", "4T",  "4kB ", "4kiBs"};
	uint64_t value = 77;

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(bad); i++) {
		if (pb_parse_size(bad[i], &value) != -EINVAL)
			fail_msg("%s is taken", bad[i]);
	}
	assert_int_equal(pb_parse_size("17179869184G", &value), -ERANGE);
	assert_int_equal(pb_parse_size("18446744073709551616", &value), -ERANGE);
	assert_int_equal(value, 77);
	for (size_t i = 0; i < PB_ARRAY_SIZE(good); i++) {
		assert_int_equal(pb_parse_size(good[i].text, &value), 0);
		assert_true(value == good[i].bytes);
	}
}

static void duration_is_exact_to_the_nanosecond(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{"0", 0},
		{"10", 10000000000},
		{"2.5s", 2500000000},
		{".5", 500000000},
		{"100ns", 100},
		{"1.9ns", 1},
		{"0.3us", 300},
		{"10ms", 10000000},
		{"0.000000001s", 1},
		{"0.0000000019s", 1},
		{"1m", 60000000000},
		{"1.5h", 5400000000000},
		{"0.999999999h", 3599999996400},
		{"18446744073.709551615", UINT64_MAX},
		{"5124095h", 5124095ull * 3600 * 1000000000},
	};
	uint64_t value;

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(good); i++) {
		assert_int_equal(pb_parse_duration(good[i].text, &value), 0);
		if (value != good[i].ns)
			fail_msg("%s gives %ju", good[i].text, (uintmax_t)value);
	}
}

static void malformed_durations_are_refused(void **state)
{
	static const char *const bad[] = {"",     "s",   ".",     "1.",  "1.s", "-1",
					  "+1",   " 1",  "1 s",   "1x",  "1S",  "1sec",
					  "1.5.", "1e3", "1m30s", "inf", "ns"};
	uint64_t value = 77;

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(bad); i++) {
		if (pb_parse_duration(bad[i], &value) != -EINVAL)
			fail_msg("%s is taken", bad[i]);
	}
	assert_int_equal(pb_parse_duration("18446744073.709551616", &value), -ERANGE);
	assert_int_equal(pb_parse_duration("5124096h", &value), -ERANGE);
	assert_int_equal(pb_parse_duration("18446744073709551616ns", &value), -ERANGE);
	assert_int_equal(value, 77);
}

static void defaults_stay_where_nothing_is_given(void **state)
{
	(void)state;
	accepts("");
	assert_true(args.children);
	assert_false(args.force);
	assert_null(parsed.command);
	assert_null(parsed.bare);
}

static void every_kind_of_value_arrives(void **state)
{
	(void)state;
	accepts("--force -F 99 --size=64k --duration 1.5 --format html --color never "
		"-o a --output=b -ocd -p 12,13 --pid=14 --no-children");
	assert_true(args.force);
	assert_false(args.children);
	assert_int_equal(args.hz, 99);
	assert_int_equal(args.size, 65536);
	assert_int_equal(args.wait_ns, 1500000000);
	assert_string_equal(args.format, "html");
	assert_int_equal(args.color, 2);
	assert_int_equal(args.outputs.n, 3);
	assert_string_equal(args.outputs.items[0], "a");
	assert_string_equal(args.outputs.items[1], "b");
	assert_string_equal(args.outputs.items[2], "cd");
	assert_int_equal(args.pids.n, 3);
	assert_int_equal(args.pids.ids[0], 12);
	assert_int_equal(args.pids.ids[1], 13);
	assert_int_equal(args.pids.ids[2], 14);
}

static void lists_can_be_freed_twice(void **state)
{
	(void)state;
	accepts("-o a -p 1");
	pb_opts_free(&program, &args);
	assert_null(args.outputs.items);
	assert_int_equal(args.pids.n, 0);
	pb_opts_free(&program, &args);
}

static void short_flags_may_be_bundled(void **state)
{
	(void)state;
	accepts("-fqp1,2");
	assert_true(args.force && args.quiet);
	assert_int_equal(args.pids.n, 2);
	pb_opts_free(&program, &args);
	accepts("-qF 50");
	assert_true(args.quiet);
	assert_int_equal(args.hz, 50);
	refuses("-qx", "unknown option -x (--help lists all)");
	refuses("-fqF", "-F needs a value");
}

static void long_names_may_be_abbreviated_where_unique(void **state)
{
	(void)state;
	accepts("--forc --dur=2 --no");
	assert_true(args.force);
	assert_false(args.children);
	assert_int_equal(args.wait_ns, 2000000000);
	refuses("--fo", "--fo is ambiguous: --force, --format");
	refuses("--f=1", "--f is ambiguous: --force, --frequency");
}

static void hidden_names_are_found_only_in_full(void **state)
{
	(void)state;
	accepts("--qui");
	assert_true(args.quiet);
	accepts("--quietest=x");
	assert_string_equal(args.secret, "x");
	refuses("--quietes", "unknown option --quietes (did you mean --quiet?)");
	refuses("--group", "unknown option --group (--help lists all)");
}

static void unknown_options_name_the_nearest(void **state)
{
	(void)state;
	refuses("--foce", "unknown option --foce (did you mean --force?)");
	refuses("--fromat=html", "unknown option --fromat (did you mean --format?)");
	refuses("--ouptut x", "unknown option --ouptut (did you mean --output?)");
	refuses("--zzz", "unknown option --zzz (--help lists all)");
	refuses("-x", "unknown option -x (--help lists all)");
	refuses("-frequency", "unknown option -frequency (did you mean --frequency?)");
	refuses("--=1", "unknown option -- (--help lists all)");
	refuses("-5", "unknown option -5 (--help lists all)");
	refuses("--averyveryveryveryveryverylongname-that-is-no-option-at-all",
		"unknown option --averyveryveryveryveryverylongname-that-is-no-option-at-all "
		"(--help lists all)");
}

static void missing_and_unwanted_values_are_named(void **state)
{
	(void)state;
	refuses("--format", "--format needs a value");
	refuses("--format=", "--format needs a value");
	refuses("--format ''", "--format needs a value");
	refuses("--form -- ls", "--format needs a value");
	refuses("-o", "-o needs a value");
	refuses("--quiet=1", "--quiet takes no value");
	refuses("--help=1", "--help takes no value");
}

static void a_forgotten_value_does_not_eat_the_next_option(void **state)
{
	(void)state;
	refuses("-o --quiet",
		"-o needs a value, and --quiet looks like an option (-o--quiet if it is meant)");
	refuses("--format -q",
		"--format needs a value, and -q looks like an option (--format=-q if it is meant)");
	accepts("--format=-q -o-f -o -");
	assert_string_equal(args.format, "-q");
	assert_string_equal(args.outputs.items[0], "-f");
	assert_string_equal(args.outputs.items[1], "-");
}

static void bad_values_are_named_with_their_option(void **state)
{
	(void)state;
	refuses("--pid foo", "--pid: \"foo\" is not a process id");
	refuses("-p 1,,2", "-p: \"\" is not a process id");
	refuses("-p 1,", "-p: \"\" is not a process id");
	refuses("-p 0", "-p: \"0\" is not a process id");
	refuses("-p 4194305", "-p: \"4194305\" is not a process id");
	refuses("-o a -p -1", "-p: \"-1\" is not a process id");
	refuses("-F 0", "-F: 0 is out of range, 1 to 100000");
	refuses("-F 100001", "-F: 100001 is out of range, 1 to 100000");
	refuses("-F 99999999999999999999", "-F: 99999999999999999999 is out of range, 1 to 100000");
	refuses("--freq 9x", "--frequency: \"9x\" is not a number");
	refuses("--size 1G", "--size: 1G is out of range, 4k to 256M");
	refuses("--size big", "--size: \"big\" is not a size (like 4096, 64k, 2M)");
	refuses("-d 1ms", "-d: 1ms is out of range, at least 10ms");
	refuses("-d -5", "-d: \"-5\" is not a duration (like 10, 2.5s, 100ms, 5m)");
	refuses("--color=red", "--color: \"red\" is not one of: auto, always, never");
}

static void a_process_given_twice_counts_once(void **state)
{
	(void)state;
	accepts("-p 5,6,5 -p 6,7");
	assert_int_equal(args.pids.n, 3);
	assert_int_equal(args.pids.ids[2], 7);
}

static void more_than_4096_processes_are_refused(void **state)
{
	static char words[4097][8];
	static char *argv[4097 * 2 + 2];
	int argc = 0;

	(void)state;
	argv[argc++] = (char *)"sample";
	for (int i = 0; i < 4097; i++) {
		snprintf(words[i], sizeof(words[i]), "%d", i + 1);
		argv[argc++] = (char *)"-p";
		argv[argc++] = words[i];
	}
	assert_int_equal(parse_argv(&program, argc, argv), -EINVAL);
	assert_non_null(strstr(log_text, "-p: more than 4096 processes; use -a or --cgroup"));
	assert_int_equal(parse_argv(&program, argc - 2, argv), 0);
	assert_int_equal(args.pids.n, 4096);
}

static void the_last_of_two_values_counts(void **state)
{
	(void)state;
	accepts("-F 1 --frequency 2 --format a --format b");
	assert_int_equal(args.hz, 2);
	assert_string_equal(args.format, "b");
}

static void an_action_ends_parsing(void **state)
{
	(void)state;
	accepts("-q --help --nonsense -- ls");
	assert_int_equal(args.action, 7);
	assert_true(args.quiet);
	assert_null(parsed.command);
	accepts("-qhx");
	assert_int_equal(args.action, 7);
	refuses("--nonsense --help", "unknown option --nonsense (--help lists all)");
}

static void what_follows_two_dashes_is_the_command(void **state)
{
	(void)state;
	accepts("-q -- ls -l --force");
	assert_true(args.quiet);
	assert_false(args.force);
	assert_string_equal(parsed.command[0], "ls");
	assert_string_equal(parsed.command[2], "--force");
	assert_null(parsed.command[3]);
	accepts("-- -- --");
	assert_string_equal(parsed.command[0], "--");
	refuses("-o a --", "-- needs a command behind it");
}

static void one_bare_duration_is_handed_over(void **state)
{
	(void)state;
	accepts("-q 10 -f");
	assert_string_equal(parsed.bare, "10");
	assert_true(args.force);
	accepts("2.5s -- ls");
	assert_string_equal(parsed.bare, "2.5s");
	refuses("10 20", "unexpected \"20\": the duration is already 10");
}

static void other_bare_words_are_refused(void **state)
{
	struct pb_program plain = program;

	(void)state;
	refuses("ls -l", "unexpected \"ls\" (a command to run goes behind --)");
	refuses("-", "unexpected \"-\" (a command to run goes behind --)");
	refuses("''", "unexpected \"\" (a command to run goes behind --)");
	plain.has_bare_duration = false;
	refuses_for(&plain, "10", "unexpected \"10\" (a command to run goes behind --)");
	plain.has_command = false;
	refuses_for(&plain, "10", "unexpected \"10\"");
	refuses_for(&plain, "-o a -- ls", "unexpected \"ls\": sample runs no command");
	assert_int_equal(parse_for(&plain, "-q --"), 0);
	assert_null(parsed.command);
}

static void hostile_words_do_not_reach_the_terminal_raw(void **state)
{
	(void)state;
	assert_int_equal(parse_for(&program, "--\033[2J"), -EINVAL);
	assert_null(strchr(log_text, '\033'));
	assert_int_equal(parse_for(&program, "-\377"), -EINVAL);
	assert_null(strchr(log_text, '\377'));
}

static void ranges_are_written_as_a_person_types_them(void **state)
{
	static const struct {
		struct pb_option o;
		const char *text;
	} cases[] = {
		{{.kind = PB_OPT_UINT, .min = 1, .max = 1024}, "1 to 1024"},
		{{.kind = PB_OPT_UINT, .max = 9}, "at most 9"},
		{{.kind = PB_OPT_UINT, .min = 9}, "at least 9"},
		{{.kind = PB_OPT_UINT}, ""},
		{{.kind = PB_OPT_SIZE, .min = 4097, .max = 3 << 20}, "4097 to 3M"},
		{{.kind = PB_OPT_SIZE, .max = 5ull << 30}, "at most 5G"},
		{{.kind = PB_OPT_DURATION, .min = 1500000000, .max = 7200000000000},
		 "1500ms to 2h"},
		{{.kind = PB_OPT_DURATION, .min = 1, .max = 60000000000}, "1ns to 1m"},
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(cases); i++) {
		pb_opts_range(text, sizeof(text), &cases[i].o);
		assert_string_equal(text, cases[i].text);
	}
}

static void real_numbers_are_decimal(void **state)
{
	const char *const bad[] = {"",    "-",  ".",  "1e",  "1e+", "0x10",  "inf",
				   "nan", " 1", "1 ", "1,5", "--1", "1.5.2", "e5"};
	double value = 7;

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(bad); i++)
		assert_int_equal(pb_parse_real(bad[i], &value), -EINVAL);
	assert_int_equal(pb_parse_real("1e999", &value), -ERANGE);
	assert_true(value == 7);
	assert_int_equal(pb_parse_real("-1.5e-3", &value), 0);
	assert_true(value == -1.5e-3);
	assert_int_equal(pb_parse_real(".5", &value), 0);
	assert_true(value == 0.5);
	assert_int_equal(pb_parse_real_prefix("0x10", &value), 1);
	assert_true(value == 0);
	assert_int_equal(pb_parse_real_prefix("2.5em", &value), 3);
	assert_true(value == 2.5);
}

static void programs_may_take_words_of_any_kind(void **state)
{
	const struct pb_program verbal = {.name = "verbal", .tables = tables, .max_words = 2};
	char *argv[] = {(char[]){"verbal"}, (char[]){"save"}, (char[]){"-f"},
			(char[]){"10"},     (char[]){"more"}, NULL};
	struct sample into = {0};
	struct pb_parsed where;

	(void)state;
	assert_int_equal(pb_opts_parse(&verbal, 4, argv, &into, &where), 0);
	assert_int_equal(where.n_words, 2);
	assert_string_equal(where.words[0], "save");
	assert_string_equal(where.words[1], "10");
	assert_true(into.force);
	assert_null(where.bare);
	assert_int_equal(pb_opts_parse(&verbal, 5, argv, &into, &where), -EINVAL);
	assert_int_equal(pb_opts_parse(&verbal, 2, argv, &into, &where), 0);
	assert_null(where.words[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uint_is_digits_within_bounds),
		cmocka_unit_test(size_counts_in_powers_of_1024),
		cmocka_unit_test(duration_is_exact_to_the_nanosecond),
		cmocka_unit_test(malformed_durations_are_refused),
		cmocka_unit_test(real_numbers_are_decimal),
		cmocka_unit_test_teardown(defaults_stay_where_nothing_is_given, clean),
		cmocka_unit_test_teardown(every_kind_of_value_arrives, clean),
		cmocka_unit_test_teardown(lists_can_be_freed_twice, clean),
		cmocka_unit_test_teardown(short_flags_may_be_bundled, clean),
		cmocka_unit_test_teardown(long_names_may_be_abbreviated_where_unique, clean),
		cmocka_unit_test_teardown(hidden_names_are_found_only_in_full, clean),
		cmocka_unit_test_teardown(unknown_options_name_the_nearest, clean),
		cmocka_unit_test_teardown(missing_and_unwanted_values_are_named, clean),
		cmocka_unit_test_teardown(a_forgotten_value_does_not_eat_the_next_option, clean),
		cmocka_unit_test_teardown(bad_values_are_named_with_their_option, clean),
		cmocka_unit_test_teardown(a_process_given_twice_counts_once, clean),
		cmocka_unit_test_teardown(more_than_4096_processes_are_refused, clean),
		cmocka_unit_test_teardown(the_last_of_two_values_counts, clean),
		cmocka_unit_test_teardown(an_action_ends_parsing, clean),
		cmocka_unit_test_teardown(what_follows_two_dashes_is_the_command, clean),
		cmocka_unit_test_teardown(one_bare_duration_is_handed_over, clean),
		cmocka_unit_test_teardown(other_bare_words_are_refused, clean),
		cmocka_unit_test_teardown(programs_may_take_words_of_any_kind, clean),
		cmocka_unit_test_teardown(hostile_words_do_not_reach_the_terminal_raw, clean),
		cmocka_unit_test(ranges_are_written_as_a_person_types_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
