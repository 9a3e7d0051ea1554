/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/oracle.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/bead/plan.h"
#include "user/bead/runner.h"
#include "user/core/log.h"

/* Every test runs in a directory of its own. */
static char dir[64];
static char *no_environment[] = {NULL};

static int setup(void **state)
{
	(void)state;
	pb_log_init("test", PB_LOG_ERROR);
	snprintf(dir, sizeof(dir), "/tmp/pb-test-oracle-XXXXXX");
	return !mkdtemp(dir) || chdir(dir) ? -1 : 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return chdir("/") || system(command);
}

static struct pb_plan_workload workload_of(enum pb_compare mode)
{
	return (struct pb_plan_workload){
		.name = (char *)"parse",
		.directory = dir,
		.environment = no_environment,
		.timeout_ns = 20000000000ull,
		.golden = {.stdout_mode = mode, .stderr_mode = PB_COMPARE_IGNORE},
	};
}

static struct pb_run run_of(const char *out)
{
	return (struct pb_run){
		.end = PB_RUN_EXITED,
		.out = (char *)out,
		.out_size = strlen(out),
		.err = (char *)"noise",
		.err_size = 5,
	};
}

static struct pb_oracle_difference difference;

/* Bless @expected and check @got: 0, or 1 with the difference. */
static int compare(const struct pb_plan_workload *w, const char *expected, const char *got)
{
	struct pb_run first = run_of(expected), second = run_of(got);

	memset(&difference, 0, sizeof(difference));
	assert_int_equal(pb_oracle_bless("golden", w, &first, &first, -1, &difference), 0);
	return pb_oracle_check("golden", w, &second, -1, &difference);
}

static void expect_normalized(const struct pb_plan_golden *golden, enum pb_compare mode,
			      const char *text, const char *expected)
{
	char *out = NULL;
	size_t size = 0;

	assert_int_equal(pb_oracle_normalize(&out, &size, golden, mode, text, strlen(text)), 0);
	assert_string_equal(out, expected);
	assert_int_equal(size, strlen(expected));
	free(out);
}

static void rules_replace_in_their_order(void **state)
{
	struct pb_plan_rule rules[] = {
		{(char *)"pid=([0-9]+)(x?)", (char *)"<\\1\\2\\\\>"},
		{(char *)"<1", (char *)"<one"},
		{(char *)"^a|z$", (char *)"-"},
	};
	struct pb_plan_golden golden = {.rules = rules, .n_rules = 3};

	(void)state;
	expect_normalized(&golden, PB_COMPARE_EXACT, "aa pid=12 pid=1x zz\nbaz\n\na",
			  "-a <one2\\> <onex\\> z-\nba-\n\n-");
}

static void an_empty_match_goes_on(void **state)
{
	struct pb_plan_rule rules[] = {{(char *)"x*", (char *)"."}};
	struct pb_plan_golden golden = {.rules = rules, .n_rules = 1};

	(void)state;
	expect_normalized(&golden, PB_COMPARE_EXACT, "abxxc\n", ".a.b..c.\n");
}

/* Matches across the windows in which it is searched, and many of them, in time. */
static void long_lines_are_normalized_too(void **state)
{
	struct pb_plan_rule rules[] = {{(char *)"[0-9]+", (char *)"N"},
				       {(char *)"\\<b", (char *)"B"}};
	struct pb_plan_golden golden = {.rules = rules, .n_rules = 2};
	const size_t size = 100000;
	char *text = malloc(size + 1), *out;
	size_t out_size, numbers = 0;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < size; i++)
		text[i] = i % 10 < 6 ? '7' : i % 10 == 6 ? 'a' : i % 10 == 7 ? 'b' : ' ';
	text[size] = '\0';
	assert_int_equal(
		pb_oracle_normalize(&out, &out_size, &golden, PB_COMPARE_EXACT, text, size), 0);
	assert_int_equal(out_size, size / 10 * 5);
	for (size_t i = 0; i < out_size; i += 5)
		numbers += !memcmp(out + i, "Nab  ", 5);
	assert_int_equal(numbers, size / 10);
	free(out);
	/* A number of 5,000 digits wherever it lies. */
	memset(text, ' ', size);
	memset(text + 7000, '1', 5000);
	memset(text + 30000, '2', 20);
	assert_int_equal(
		pb_oracle_normalize(&out, &out_size, &golden, PB_COMPARE_EXACT, text, 40000), 0);
	assert_int_equal(out_size, 40000 - 4999 - 19);
	free(out);
	free(text);
}

static void modes_forget_what_does_not_count(void **state)
{
	struct pb_plan_golden golden = {0};
	char *out = NULL;
	size_t size;

	(void)state;
	expect_normalized(&golden, PB_COMPARE_SET, "b\na\n\nb", "\na\nb\nb\n");
	expect_normalized(&golden, PB_COMPARE_SET, "", "");
	expect_normalized(&golden, PB_COMPARE_JSON, "{\"b\": [1, 2.50],\n \"a\": null}",
			  "{\n \"a\": null,\n \"b\": [\n  1,\n  2.5\n ]\n}\n");
	expect_normalized(&golden, PB_COMPARE_JSON, " 3 ", "3\n");
	assert_int_equal(pb_oracle_normalize(&out, &size, &golden, PB_COMPARE_JSON, "{,}", 3),
			 -EPROTO);
	assert_int_equal(
		pb_oracle_normalize(&out, &size, &golden, PB_COMPARE_JSON, "{\"a\":1,\"a\":2}", 13),
		-EPROTO);
	assert_null(out);
}

static void what_was_blessed_is_equal(void **state)
{
	struct pb_plan_workload w = workload_of(PB_COMPARE_EXACT);

	(void)state;
	assert_int_equal(compare(&w, "a\nb\n", "a\nb\n"), 0);
	assert_int_equal(compare(&w, "", ""), 0);
}

static void the_first_difference_is_told(void **state)
{
	static const struct {
		const char *expected, *got, *text;
	} cases[] = {
		{"a\nbcd\n", "a\nbxd\n", "line 2, column 2: got \"bxd\", expected \"bcd\""},
		{"a\nb\n", "a\n", "line 2, column 1: got the end, expected \"b\""},
		{"a\n", "a\nb\n", "line 2, column 1: got \"b\", expected the end"},
		{"a\n", "a", "line 1, column 2: got \"a\" and the end, expected \"a\""},
		{"", "x", "line 1, column 1: got \"x\", expected the end"},
		{"\x1b[31mred\n", "\x1b[32mred\n",
		 "line 1, column 4: got \"\\x1b[32mred\", expected \"\\x1b[31mred\""},
		{"012345678901234567890123456789x", "012345678901234567890123456789y",
		 "line 1, column 31: got ...\"01234567890123456789y\", expected "
		 "...\"01234567890123456789x\""},
	};
	struct pb_plan_workload w = workload_of(PB_COMPARE_EXACT);

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(cases); i++) {
		assert_int_equal(compare(&w, cases[i].expected, cases[i].got), 1);
		assert_string_equal(difference.output, "stdout");
		assert_string_equal(difference.text, cases[i].text);
	}
}

static void json_is_compared_by_value(void **state)
{
	struct pb_plan_workload w = workload_of(PB_COMPARE_JSON);

	(void)state;
	assert_int_equal(compare(&w, "{\"a\":1,\"b\":[2]}", "{\n\"b\": [ 2 ], \"a\": 1 }\n"), 0);
	assert_int_equal(compare(&w, "{\"a\":1,\"b\":2}", "{\"b\":3,\"a\":1}"), 1);
	assert_string_equal(difference.text,
			    "line 3, column 7: got \" \"b\": 3\", expected \" \"b\": 2\"");
	assert_int_equal(compare(&w, "[1,2]", "[2,1]"), 1);
	assert_int_equal(compare(&w, "1", "{\"a\": \x1b}"), 1);
	assert_string_equal(difference.text,
			    "line 1, column 7: this is no JSON: invalid token near '\\x1b'");
}

static void sets_are_compared_by_line(void **state)
{
	struct pb_plan_workload w = workload_of(PB_COMPARE_SET);

	(void)state;
	assert_int_equal(compare(&w, "a\nb\nc\n", "c\na\nb"), 0);
	assert_int_equal(compare(&w, "a\nb\nc\n", "c\na\n"), 1);
	assert_string_equal(difference.text, "the line \"b\" is missing");
	assert_int_equal(compare(&w, "a\nb\n", "b\na\na\n"), 1);
	assert_string_equal(difference.text, "the line \"a\" is not expected");
	assert_int_equal(compare(&w, "a\n", "a\nz\n"), 1);
	assert_string_equal(difference.text, "the line \"z\" is not expected");
}

static void numbers_are_compared_within_the_tolerance(void **state)
{
	struct pb_plan_workload w = workload_of(PB_COMPARE_FLOAT);

	(void)state;
	w.golden.has_tolerance = true;
	w.golden.relative = 1e-6;
	assert_int_equal(compare(&w, "x 1.0000001 y", "x 1.0 y"), 0);
	assert_int_equal(compare(&w, "(1e3,-2.5)", "(1000.0001,-2.50)"), 0);
	assert_int_equal(compare(&w, "nan inf", "nan inf"), 0);
	assert_int_equal(compare(&w, "1.00001", "1.0"), 1);
	assert_string_equal(difference.text, "line 1, column 1: got \"1.0\", expected \"1.00001\"");
	assert_int_equal(compare(&w, "v1 2", "v2 2"), 1);
	assert_int_equal(compare(&w, "a 1 b", "a 1 c"), 1);
	assert_int_equal(compare(&w, "1 2", "1"), 1);
	assert_int_equal(compare(&w, "0", "0.0000001"), 1);
	w.golden.absolute = 1e-6;
	assert_int_equal(compare(&w, "0", "-0.0000001"), 0);
	assert_int_equal(compare(&w, "1e999", "1e999"), 0);
	assert_int_equal(compare(&w, "1e999", "-1e999"), 1);
}

static void how_it_ended_counts(void **state)
{
	struct pb_plan_workload w = workload_of(PB_COMPARE_EXACT);
	struct pb_run run = run_of("a\n");

	(void)state;
	assert_int_equal(compare(&w, "a\n", "a\n"), 0);
	run.status = 1;
	assert_int_equal(pb_oracle_check("golden", &w, &run, -1, &difference), 1);
	assert_string_equal(difference.output, "exit");
	assert_string_equal(difference.text, "it exited with 1, expected to exit with 0");
	run.end = PB_RUN_SIGNALLED;
	run.status = 11;
	assert_int_equal(pb_oracle_bless("golden", &w, &run, &run, -1, &difference), 1);
	assert_string_equal(difference.text,
			    "it was ended by signal 11 (SEGV), expected to exit with 0");
	/* The plan says another status than was blessed. */
	run = run_of("a\n");
	run.status = 3;
	w.golden.exit_status = 3;
	assert_int_equal(pb_oracle_check("golden", &w, &run, -1, &difference), 1);
	assert_string_equal(difference.text, "line 1, column 1: got \"3\", expected \"0\"");
}

static void two_runs_that_differ_are_not_blessed(void **state)
{
	struct pb_plan_workload w = workload_of(PB_COMPARE_EXACT);
	struct pb_run first = run_of("start\nid=1234 ok\nat 5\nend\n");
	struct pb_run second = run_of("start\nid=1899 ok\nat 6\nend\n");

	(void)state;
	assert_int_equal(pb_oracle_bless("golden", &w, &first, &second, -1, &difference), 1);
	assert_string_equal(difference.output, "stdout");
	assert_string_equal(
		difference.text,
		"line 2, columns 5 to 7: \"id=1234 ok\" in the first run, \"id=1899 ok\" in "
		"the second; 1 more line varies");
	assert_int_equal(access("golden", F_OK), -1);
	second.out = (char *)"start\n";
	second.out_size = 6;
	assert_int_equal(pb_oracle_bless("golden", &w, &first, &second, -1, &difference), 1);
	assert_string_equal(difference.text,
			    "line 2, column 1: \"id=1234 ok\" in the first run, the end in the "
			    "second; 2 more lines vary");
}

static void what_was_not_blessed_is_not_there(void **state)
{
	struct pb_plan_workload w = workload_of(PB_COMPARE_EXACT);
	struct pb_run run = run_of("a\n");

	(void)state;
	assert_int_equal(pb_oracle_check("golden", &w, &run, -1, &difference), -ENOENT);
	assert_int_equal(compare(&w, "a\n", "a\n"), 0);
	w.name = (char *)"pars";
	assert_int_equal(pb_oracle_check("golden", &w, &run, -1, &difference), -ENOENT);
	w.name = (char *)"parse";
	w.golden.stderr_mode = PB_COMPARE_EXACT;
	assert_int_equal(pb_oracle_check("golden", &w, &run, -1, &difference), 1);
	assert_string_equal(difference.output, "stderr");
	assert_string_equal(difference.text, "it was not blessed; look at it and bless again");
}

/* A declared file, as a run brings it. */
static void files_are_outputs_too(void **state)
{
	struct pb_plan_file files[] = {{(char *)"out/result.json", PB_COMPARE_JSON},
				       {(char *)"log", PB_COMPARE_EXACT}};
	struct pb_run_file got[] = {{0, (char *)"{\"a\":1}", 7}, {0, (char *)"x\0y", 3}};
	struct pb_run_file bad[] = {{0, (char *)"{\"a\":2}", 7}, {ENOENT, NULL, 0}};
	struct pb_plan_workload w = workload_of(PB_COMPARE_EXACT);
	struct pb_run run = run_of("");

	(void)state;
	w.golden.files = files;
	w.golden.n_files = 2;
	run.files = got;
	run.n_files = 2;
	assert_int_equal(pb_oracle_bless("golden", &w, &run, &run, -1, &difference), 0);
	assert_int_equal(access("golden/parse/files/out/result.json", F_OK), 0);
	assert_int_equal(pb_oracle_check("golden", &w, &run, -1, &difference), 0);
	run.files = bad;
	assert_int_equal(pb_oracle_check("golden", &w, &run, -1, &difference), 1);
	assert_string_equal(difference.output, "files/log");
	assert_string_equal(difference.text, "the run made no such file");
	bad[1] = got[1];
	assert_int_equal(pb_oracle_check("golden", &w, &run, -1, &difference), 1);
	assert_string_equal(difference.output, "files/out/result.json");
	bad[0].err = ESTALE;
	assert_int_equal(pb_oracle_check("golden", &w, &run, -1, &difference), 1);
	assert_non_null(strstr(difference.text, "left over from before"));
}

static void invariants_have_to_hold(void **state)
{
	char *holds[] = {(char *)"test", (char *)"-d", (char *)".", NULL};
	char *fails[] = {(char *)"sh", (char *)"-c", (char *)"echo broken >&2; exit 4", NULL};
	struct pb_plan_command commands[] = {{holds}, {fails}};
	struct pb_plan_workload w = workload_of(PB_COMPARE_EXACT);
	struct pb_run run = run_of("a\n");

	(void)state;
	w.golden.invariants = commands;
	w.golden.n_invariants = 1;
	assert_int_equal(compare(&w, "a\n", "a\n"), 0);
	w.golden.n_invariants = 2;
	assert_int_equal(pb_oracle_check("golden", &w, &run, -1, &difference), 1);
	assert_string_equal(difference.output, "invariant 2");
	assert_string_equal(difference.text, "sh -c echo broken >&2; exit 4: it exited with 4, and "
					     "said: broken");
	assert_int_equal(pb_oracle_bless("golden", &w, &run, &run, -1, &difference), 1);
}

static void an_invariant_that_is_stopped_says_nothing(void **state)
{
	char *waits[] = {(char *)"sleep", (char *)"100", NULL};
	struct pb_plan_command command = {waits};
	struct pb_plan_workload w = workload_of(PB_COMPARE_EXACT);
	struct pb_run run = run_of("a\n");
	int fds[2];

	(void)state;
	assert_int_equal(pb_oracle_bless("golden", &w, &run, &run, -1, &difference), 0);
	w.golden.invariants = &command;
	w.golden.n_invariants = 1;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(write(fds[1], "!", 1), 1);
	assert_int_equal(pb_oracle_check("golden", &w, &run, fds[0], &difference), -EINTR);
	assert_int_equal(pb_oracle_bless("golden", &w, &run, &run, fds[0], &difference), -EINTR);
	close(fds[0]);
	close(fds[1]);
}

static void sha256sum_reads_the_store(void **state)
{
	struct pb_plan_file files[] = {{(char *)"out/a b", PB_COMPARE_EXACT}};
	struct pb_run_file got[] = {{0, (char *)"\xff\0\n", 3}};
	struct pb_plan_workload w = workload_of(PB_COMPARE_SET);
	struct pb_run run = run_of("b\na\n");

	(void)state;
	assert_int_equal(compare(&w, "b\na\n", "a\nb\n"), 0);
	w.name = (char *)"other";
	w.golden.files = files;
	w.golden.n_files = 1;
	run.files = got;
	run.n_files = 1;
	assert_int_equal(pb_oracle_bless("golden", &w, &run, &run, -1, &difference), 0);
	assert_int_equal(system("cd golden && sha256sum --strict --status -c SHA256SUMS"), 0);
	assert_int_equal(system("test $(wc -l < golden/SHA256SUMS) = 5"), 0);
	assert_int_equal(system("test $(ls -A | wc -l) = 1"), 0);
	/* Once more: nothing is added. */
	assert_int_equal(pb_oracle_bless("golden", &w, &run, &run, -1, &difference), 0);
	assert_int_equal(system("test $(wc -l < golden/SHA256SUMS) = 5"), 0);
	assert_int_equal(system("cd golden && sha256sum --strict --status -c SHA256SUMS"), 0);
}

static void what_others_keep_in_the_store_stays(void **state)
{
	struct pb_plan_workload w = workload_of(PB_COMPARE_EXACT);

	(void)state;
	assert_int_equal(compare(&w, "a\n", "a\n"), 0);
	assert_int_equal(system("echo hello > golden/README && mkdir -p golden/x/y && "
				"ln -s /etc/passwd golden/x/link && echo z > golden/x/y/z && "
				"echo old > golden/parse/old"),
			 0);
	assert_int_equal(compare(&w, "b\n", "b\n"), 0);
	assert_int_equal(system("test \"$(cat golden/README golden/x/y/z)\" = 'hello\nz' && "
				"test -L golden/x/link && test ! -e golden/parse/old"),
			 0);
}

static char said[8192];

/* pb_oracle_check() with what it logs in said[]. */
static int check_and_listen(const char *store, const struct pb_plan_workload *w,
			    const struct pb_run *run, bool bless)
{
	int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	int fd = memfd_create("stderr", MFD_CLOEXEC), err;
	ssize_t n;

	dup2(fd, STDERR_FILENO);
	err = bless ? pb_oracle_bless(store, w, run, run, -1, &difference)
		    : pb_oracle_check(store, w, run, -1, &difference);
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = pread(fd, said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = '\0';
	close(fd);
	return err;
}

static void a_damaged_store_is_told(void **state)
{
	struct pb_plan_workload w = workload_of(PB_COMPARE_EXACT);
	struct pb_run run = run_of("b\n");

	(void)state;
	assert_int_equal(compare(&w, "a\n", "a\n"), 0);
	assert_int_equal(system("echo c > golden/parse/stdout"), 0);
	assert_int_equal(check_and_listen("golden", &w, &run, false), -EPROTO);
	assert_non_null(strstr(said, "golden/parse/stdout is not what SHA256SUMS says"));
	assert_int_equal(system("echo 'junk \033' > golden/SHA256SUMS"), 0);
	assert_int_equal(check_and_listen("golden", &w, &run, false), -EPROTO);
	assert_non_null(strstr(said, "\"junk \\x1b\" is no line of sha256sum"));
}

static void no_link_is_followed(void **state)
{
	struct pb_plan_workload w = workload_of(PB_COMPARE_EXACT);
	struct pb_run run = run_of("b\n");

	(void)state;
	assert_int_equal(mkdir("elsewhere", 0755), 0);
	assert_int_equal(symlink("elsewhere", "golden"), 0);
	assert_int_equal(check_and_listen("golden", &w, &run, true), -ENOTDIR);
	assert_int_equal(system("test -z \"$(ls -A elsewhere)\" && test -L golden"), 0);
	assert_int_equal(unlink("golden"), 0);
	/* A link where a workload's directory or text is: neither read through nor written through. */
	assert_int_equal(compare(&w, "a\n", "a\n"), 0);
	assert_int_equal(system("cp -r golden/parse/. elsewhere && rm -r golden/parse && "
				"ln -s ../elsewhere golden/parse"),
			 0);
	assert_int_equal(check_and_listen("golden", &w, &run, false), -ELOOP);
	assert_int_equal(check_and_listen("golden", &w, &run, true), 0);
	assert_int_equal(system("test ! -L golden/parse && test \"$(cat elsewhere/stdout)\" = a"),
			 0);
	/* Names that lead out of it. */
	assert_int_equal(system("sed 's,parse/stdout,parse/../../secret,' golden/SHA256SUMS > s && "
				"mv s golden/SHA256SUMS && echo b > secret"),
			 0);
	assert_int_equal(pb_oracle_check("golden", &w, &run, -1, &difference), 1);
	w.name = (char *)"../x";
	assert_int_equal(check_and_listen("golden", &w, &run, true), -EINVAL);
}

/* Whenever it is killed, the store is whole and checks out: as it was, or as it will be. */
static void a_killed_bless_leaves_the_store_whole(void **state)
{
	struct pb_plan_workload w = workload_of(PB_COMPARE_EXACT);
	struct pb_run a = run_of("a\n"), b = run_of("b\n");

	(void)state;
	assert_int_equal(compare(&w, "a\n", "a\n"), 0);
	for (useconds_t i = 0; i < 60; i++) {
		pid_t pid = fork();

		if (!pid) {
			for (;;) {
				pb_oracle_bless("golden", &w, &a, &a, -1, &difference);
				pb_oracle_bless("golden", &w, &b, &b, -1, &difference);
			}
		}
		usleep(2000 + i * 137);
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		assert_int_equal(system("cd golden && sha256sum --strict --status -c SHA256SUMS"),
				 0);
		assert_true(!pb_oracle_check("golden", &w, &a, -1, &difference) ||
			    !pb_oracle_check("golden", &w, &b, -1, &difference));
	}
	assert_int_equal(compare(&w, "a\n", "a\n"), 0);
	assert_int_equal(system("test $(ls -A | wc -l) = 1"), 0);
}

/* Blesses of several workloads at a time: none is lost. */
static void blesses_beside_each_other_lose_nothing(void **state)
{
	struct pb_plan_workload w = workload_of(PB_COMPARE_EXACT);
	struct pb_run run = run_of("a\n");
	char name[16];

	(void)state;
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "w%d", i);
		if (!fork()) {
			w.name = name;
			_exit(pb_oracle_bless("golden", &w, &run, &run, -1, &difference) ? 1 : 0);
		}
	}
	for (int i = 0; i < 8; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(system("cd golden && sha256sum --strict --status -c SHA256SUMS && "
				"test $(wc -l < SHA256SUMS) = 16"),
			 0);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(rules_replace_in_their_order),
		IN_DIR(an_empty_match_goes_on),
		IN_DIR(long_lines_are_normalized_too),
		IN_DIR(modes_forget_what_does_not_count),
		IN_DIR(what_was_blessed_is_equal),
		IN_DIR(the_first_difference_is_told),
		IN_DIR(json_is_compared_by_value),
		IN_DIR(sets_are_compared_by_line),
		IN_DIR(numbers_are_compared_within_the_tolerance),
		IN_DIR(how_it_ended_counts),
		IN_DIR(two_runs_that_differ_are_not_blessed),
		IN_DIR(what_was_not_blessed_is_not_there),
		IN_DIR(files_are_outputs_too),
		IN_DIR(invariants_have_to_hold),
		IN_DIR(an_invariant_that_is_stopped_says_nothing),
		IN_DIR(sha256sum_reads_the_store),
		IN_DIR(what_others_keep_in_the_store_stays),
		IN_DIR(a_damaged_store_is_told),
		IN_DIR(no_link_is_followed),
		IN_DIR(a_killed_bless_leaves_the_store_whole),
		IN_DIR(blesses_beside_each_other_lose_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
