/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/bead/disturb.h"
#include "user/bead/plan.h"
#include "user/core/clock.h"
#include "user/core/log.h"
#include "user/core/procstat.h"

/* Every test runs in a directory of its own. */
static char dir[64];
static char *no_environment[] = {NULL};
static const struct pb_run_options plain = {.stop_fd = -1};

static int setup(void **state)
{
	(void)state;
	pb_log_init("test", PB_LOG_ERROR);
	signal(SIGPIPE, SIG_IGN); /* as a tool does */
	snprintf(dir, sizeof(dir), "/tmp/pb-test-runner-XXXXXX");
	return !mkdtemp(dir) || chdir(dir) ? -1 : 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return chdir("/") || system(command);
}

/* Words behind each other, up to a NULL. */
static struct pb_plan_workload workload_of(char **argv)
{
	return (struct pb_plan_workload){
		.name = (char *)"test",
		.argv = argv,
		.directory = dir,
		.environment = no_environment,
		.timeout_ns = 20000000000ull,
	};
}

static struct pb_run run_words(char **argv)
{
	struct pb_plan_workload w = workload_of(argv);
	struct pb_run run;

	assert_int_equal(pb_run_once(&run, &w, &plain), 0);
	return run;
}

#define WORDS(...)                                                                                 \
	(char *[])                                                                                 \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}
#define SHELL(script) WORDS((char *)"sh", (char *)"-c", (char *)(script))

static void exit_status_and_output_arrive(void **state)
{
	struct pb_run run = run_words(SHELL("echo out; echo err >&2; printf 'a\\000b'; exit 42"));
	char buf[128];

	(void)state;
	assert_int_equal(run.end, PB_RUN_EXITED);
	assert_int_equal(run.status, 42);
	assert_string_equal(pb_run_ending(&run, buf, sizeof(buf)), "exited with 42");
	assert_int_equal(run.out_size, 7);
	assert_memory_equal(run.out, "out\na\0b", 8);
	assert_string_equal(run.err, "err\n");
	assert_false(run.left_children);
	assert_int_equal(run.counts.syscalls, UINT64_MAX);
	pb_run_drop(&run);
}

static void a_signal_is_told_as_one(void **state)
{
	struct pb_run run = run_words(SHELL("kill -SEGV $$"));
	char buf[128];

	(void)state;
	assert_int_equal(run.end, PB_RUN_SIGNALLED);
	assert_int_equal(run.status, SIGSEGV);
	assert_string_equal(pb_run_rejects(&run, NULL, buf, sizeof(buf)),
			    "it was ended by signal 11 (SEGV)");
	pb_run_drop(&run);
}

static void a_command_that_is_missing_is_127(void **state)
{
	struct pb_run run = run_words(WORDS((char *)"no-such-command-here"));

	(void)state;
	assert_int_equal(run.end, PB_RUN_NOT_RUN);
	assert_int_equal(run.status, 127);
	assert_string_equal(run.err,
			    "no-such-command-here: cannot be run: No such file or directory\n");
	pb_run_drop(&run);
	run = run_words(WORDS((char *)"./none"));
	assert_int_equal(run.status, 127);
	pb_run_drop(&run);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void a_command_that_is_not_executable_is_126(void **state)
{
	struct pb_run run;

	(void)state;
	write_file("text", "hello\n", 0644);
	write_file("junk", "hello\n", 0755);
	run = run_words(WORDS((char *)"./text"));
	assert_int_equal(run.end, PB_RUN_NOT_RUN);
	assert_int_equal(run.status, 126);
	pb_run_drop(&run);
	run = run_words(WORDS((char *)"/tmp"));
	assert_int_equal(run.status, 126);
	pb_run_drop(&run);
	/* No shell takes what the kernel does not know. */
	run = run_words(WORDS((char *)"./junk"));
	assert_int_equal(run.status, 126);
	assert_non_null(strstr(run.err, "Exec format error"));
	pb_run_drop(&run);
}

static void the_environment_is_what_is_said(void **state)
{
	char *own[] = {(char *)"TZ=Asia/Tokyo", (char *)"A=b c", NULL};
	struct pb_plan_workload w = workload_of(WORDS((char *)"/usr/bin/env"));
	struct pb_run run;
	char expected[4096];

	(void)state;
	w.environment = own;
	setenv("SECRET", "x", 1);
	assert_int_equal(pb_run_once(&run, &w, &plain), 0);
	snprintf(expected, sizeof(expected),
		 "PATH=%s\nHOME=%s\nLANG=C.UTF-8\nTZ=Asia/Tokyo\nA=b c\n", getenv("PATH"),
		 getenv("HOME"));
	assert_string_equal(run.out, expected);
	pb_run_drop(&run);
}

static void the_path_of_the_plan_is_searched(void **state)
{
	char *own[] = {(char *)"PATH=/none:bin", NULL};
	struct pb_plan_workload w = workload_of(WORDS((char *)"tool"));
	struct pb_run run;

	(void)state;
	assert_int_equal(mkdir("bin", 0755), 0);
	write_file("bin/tool", "#!/bin/sh\necho found\n", 0755);
	w.environment = own;
	assert_int_equal(pb_run_once(&run, &w, &plain), 0);
	assert_string_equal(run.out, "found\n");
	pb_run_drop(&run);
}

static void the_directory_and_the_input_are_the_plans(void **state)
{
	struct pb_plan_workload w = workload_of(SHELL("pwd; cat"));
	struct pb_run run;
	char path[128], input[128], expected[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/sub", dir);
	snprintf(input, sizeof(input), "%s/input", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	write_file(input, "some input\n", 0644);
	w.directory = path;
	assert_int_equal(pb_run_once(&run, &w, &plain), 0);
	snprintf(expected, sizeof(expected), "%s\n", path);
	assert_string_equal(run.out, expected);
	pb_run_drop(&run);
	w.stdin_path = input;
	assert_int_equal(pb_run_once(&run, &w, &plain), 0);
	snprintf(expected, sizeof(expected), "%s\nsome input\n", path);
	assert_string_equal(run.out, expected);
	pb_run_drop(&run);
}

static char said[8192];

/* pb_run_once() with what it logs in said[]. */
static int run_and_listen(struct pb_run *run, const struct pb_plan_workload *w,
			  const struct pb_run_options *options)
{
	int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	int fd = memfd_create("stderr", MFD_CLOEXEC), err;
	ssize_t n;

	dup2(fd, STDERR_FILENO);
	err = pb_run_once(run, w, options);
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = pread(fd, said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = '\0';
	close(fd);
	return err;
}

static void what_cannot_be_tried_is_an_error(void **state)
{
	struct pb_plan_workload w = workload_of(WORDS((char *)"true"));
	struct pb_run run;

	(void)state;
	w.stdin_path = (char *)"/nowhere/input";
	assert_int_equal(run_and_listen(&run, &w, &plain), -ENOENT);
	assert_non_null(strstr(said, "open /nowhere/input, the input of the command"));
	assert_int_equal(mkfifo("fifo", 0600), 0);
	w.stdin_path = (char *)"fifo";
	assert_int_equal(run_and_listen(&run, &w, &plain), -EINVAL);
	w.stdin_path = NULL;
	w.directory = (char *)"/nowhere";
	assert_int_equal(run_and_listen(&run, &w, &plain), -ENOENT);
	assert_non_null(strstr(said, "enter /nowhere, the directory of workload \"test\""));
}

static void prepare_runs_before_and_may_fail(void **state)
{
	struct pb_plan_workload w = workload_of(WORDS((char *)"cat", (char *)"made"));
	struct pb_run run;

	(void)state;
	w.prepare = SHELL("sleep 0.5; echo x >> made");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pb_run_once(&run, &w, &plain), 0);
		assert_string_equal(run.out, i ? "x\nx\n" : "x\n");
		assert_true(run.wall_ns < 500000000); /* without the sleep */
		pb_run_drop(&run);
	}
	w.prepare = SHELL("echo first >&2; printf 'no \\033 space\\n' >&2; exit 3");
	assert_int_equal(run_and_listen(&run, &w, &plain), -ECANCELED);
	assert_string_equal(said,
			    "test: the command that prepares workload \"test\" exited with 3, "
			    "and said: no \\x1b space\n");
	w.prepare = WORDS((char *)"./none");
	assert_int_equal(run_and_listen(&run, &w, &plain), -ECANCELED);
	assert_non_null(strstr(said, "could not be run (there is no such program"));
}

/* @name holds a pid: wait until that process is there, or gone. */
static pid_t read_pid(const char *name)
{
	char text[32] = "";
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return (pid_t)strtol(text, NULL, 10);
}

static void expect_gone(const char *name)
{
	struct pb_procstat stat;

	assert_int_equal(pb_procstat_read((uint32_t)read_pid(name), &stat), -ESRCH);
}

#define DAEMON                                                                                             \
	"(setsid sh -c '(echo $$ > middle; exec setsid sh -c \"echo \\$\\$ > daemon; exec sleep 100\") & " \
	"sleep 0.3; exit' &) ; "

static void a_timeout_kills_all_its_descendants(void **state)
{
	struct pb_plan_workload w = workload_of(SHELL(DAEMON "sleep 100 & echo $! > child; wait"));
	uint64_t begin_ns = pb_clock_ns();
	struct pb_run run;
	char buf[128];

	(void)state;
	w.timeout_ns = 1500000000;
	assert_int_equal(pb_run_once(&run, &w, &plain), 0);
	assert_int_equal(run.end, PB_RUN_TIMEOUT);
	assert_true(run.wall_ns >= 1500000000);
	assert_true(pb_clock_ns() - begin_ns < 5000000000ull);
	expect_gone("daemon");
	expect_gone("child");
	pb_run_rejects(&run, NULL, buf, sizeof(buf));
	assert_memory_equal(buf, "it was killed at its time limit, after 1.", 41);
	pb_run_drop(&run);
}

static void children_that_are_left_are_killed_and_noted(void **state)
{
	struct pb_run run = run_words(SHELL(DAEMON "sleep 1; echo done"));

	(void)state;
	assert_int_equal(run.end, PB_RUN_EXITED);
	assert_string_equal(run.out, "done\n");
	assert_true(run.left_children);
	expect_gone("daemon");
	/* All were ours, and are reaped. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	pb_run_drop(&run);
}

static void children_of_the_caller_are_left_alone(void **state)
{
	pid_t own = fork();
	struct pb_procstat stat;
	struct pb_run run;
	int subreaper = 1;

	(void)state;
	if (!own) {
		pause();
		_exit(0);
	}
	run = run_words(SHELL("sleep 100 & echo $! > child"));
	assert_true(run.left_children);
	expect_gone("child");
	pb_run_drop(&run);
	assert_int_equal(pb_procstat_read((uint32_t)own, &stat), 0);
	assert_false(stat.has_ended);
	assert_int_equal(prctl(PR_GET_CHILD_SUBREAPER, &subreaper), 0);
	assert_int_equal(subreaper, 0);
	kill(own, SIGKILL);
	assert_int_equal(waitpid(own, NULL, 0), own);
}

static void children_that_ended_are_no_left_ones(void **state)
{
	/* A zombie whose parent did not wait for it. */
	struct pb_run run = run_words(SHELL("(exec true) & exec sleep 0.2"));

	(void)state;
	assert_false(run.left_children);
	pb_run_drop(&run);
}

/*
 * This program as a workload that is hard to end: its first process ends once the others are on their way.
 *   hop       each forks, and ends: a number is gone before it can be used
 *   sessions  the same, each in a session of its own
 *   bomb      each forks twice until there were 300, then each goes on as hop does
 * Should it be ended by nobody, it ends by itself after ten seconds.
 */
static int be_hard_to_end(const char *how)
{
	uint64_t until_ns = pb_clock_ns() + 10000000000ull;
	bool is_bomb = !strcmp(how, "bomb"), has_sessions = !strcmp(how, "sessions");
	uint32_t *births = mmap(NULL, sizeof(*births), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (births == MAP_FAILED || fork()) {
		usleep(100000);
		return births == MAP_FAILED;
	}
	while (pb_clock_ns() < until_ns) {
		if (has_sessions)
			setsid();
		if (is_bomb && __atomic_add_fetch(births, 1, __ATOMIC_RELAXED) < 300)
			fork();
		else if (fork() > 0) /* where there can be no more, it goes on itself */
			_exit(0);
	}
	return 0;
}

static void what_is_hard_to_end_is_ended(void **state)
{
	struct pb_run run = run_words(WORDS((char *)"/proc/self/exe", (char *)*state));

	assert_int_equal(run.end, PB_RUN_EXITED);
	assert_int_equal(run.status, 0);
	assert_true(run.left_children);
	/* What is left descends from a child of ours, as long as anything is left. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
	assert_int_equal(errno, ECHILD);
	pb_run_drop(&run);
}

static void what_is_hard_to_end_is_ended_at_its_time_limit(void **state)
{
	struct pb_plan_workload w =
		workload_of(SHELL("trap '' TERM INT HUP QUIT; (trap '' TERM HUP; kill -STOP $$; "
				  "while :; do sleep 100; done) & while :; do sleep 100; done"));
	struct pb_run run;

	(void)state;
	w.timeout_ns = 300000000;
	assert_int_equal(pb_run_once(&run, &w, &plain), 0);
	assert_int_equal(run.end, PB_RUN_TIMEOUT);
	assert_int_equal(waitpid(-1, NULL, WNOHANG | __WALL), -1);
	assert_int_equal(errno, ECHILD);
	pb_run_drop(&run);
}

static void ten_gigabytes_are_stopped_at_the_bound(void **state)
{
	struct pb_run run = run_words(WORDS((char *)"dd", (char *)"if=/dev/zero", (char *)"bs=1M",
					    (char *)"count=10240"));
	struct rusage own;
	char buf[128];

	(void)state;
	assert_int_equal(run.end, PB_RUN_OUTPUT);
	assert_int_equal(run.out_size, PB_RUN_OUTPUT_MAX);
	assert_string_equal(pb_run_rejects(&run, NULL, buf, sizeof(buf)),
			    "it was killed because it wrote more than 64 MiB");
	pb_run_drop(&run);
	getrusage(RUSAGE_SELF, &own);
	assert_true(own.ru_maxrss < 300 * 1024);
	run = run_words(SHELL("yes >&2"));
	assert_int_equal(run.end, PB_RUN_OUTPUT);
	pb_run_drop(&run);
}

static void a_terminal_is_not_to_be_had(void **state)
{
	struct pb_run run = run_words(SHELL("read line </dev/tty && exit 0; tty; exit 7"));

	(void)state;
	assert_int_equal(run.end, PB_RUN_EXITED);
	assert_int_equal(run.status, 7);
	assert_string_equal(run.out, "not a tty\n");
	pb_run_drop(&run);
}

static void a_readable_descriptor_stops_it(void **state)
{
	struct pb_plan_workload w = workload_of(SHELL("sleep 100 & sleep 100"));
	struct pb_run_options options = {0};
	struct pb_run run;
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	options.stop_fd = fds[0];
	assert_int_equal(write(fds[1], "!", 1), 1);
	assert_int_equal(pb_run_once(&run, &w, &options), 0);
	assert_int_equal(run.end, PB_RUN_STOPPED);
	pb_run_drop(&run);
	w.prepare = SHELL("sleep 100");
	assert_int_equal(pb_run_once(&run, &w, &options), 0);
	assert_int_equal(run.end, PB_RUN_STOPPED);
	pb_run_drop(&run);
	close(fds[0]);
	close(fds[1]);
}

static void a_wrapper_stands_before_the_command(void **state)
{
	struct pb_plan_workload w = workload_of(WORDS((char *)"echo", (char *)"a b"));
	struct pb_run_options options = {.stop_fd = -1};
	struct pb_run run;

	(void)state;
	options.wrapper = WORDS((char *)"env", (char *)"X=1");
	assert_int_equal(pb_run_once(&run, &w, &options), 0);
	assert_string_equal(run.out, "a b\n");
	pb_run_drop(&run);
}

static void no_descriptor_of_ours_gets_in(void **state)
{
	int fd = open("/dev/null", O_RDONLY); /* not O_CLOEXEC */
	struct pb_run run = run_words(SHELL("ls /proc/self/fd | wc -l; "
					    "grep -c '^SigIgn:.*0000$' /proc/self/status"));

	(void)state;
	/* 0, 1, 2 and the directory itself; and SIGPIPE is not ignored. */
	assert_string_equal(run.out, "4\n1\n");
	close(fd);
	pb_run_drop(&run);
}

static void times_and_memory_are_plausible(void **state)
{
	struct pb_run run = run_words(SHELL("sleep 0.2"));

	(void)state;
	assert_in_range(run.wall_ns, 200000000, 2000000000);
	assert_true(run.user_ns + run.system_ns < 150000000);
	assert_true(run.counts.minor_faults > 20);
	assert_true(run.counts.voluntary_switches >= 1);
	pb_run_drop(&run);
	/* 100 MB that are touched. */
	run = run_words(WORDS((char *)"dd", (char *)"if=/dev/zero", (char *)"of=/dev/null",
			      (char *)"bs=100M", (char *)"count=3"));
	assert_in_range(run.max_rss_bytes, 100 << 20, 140 << 20);
	assert_true(run.user_ns + run.system_ns > 5000000);
	assert_true(run.user_ns + run.system_ns < 2 * run.wall_ns);
	pb_run_drop(&run);
}

static struct pb_run run_dd(char *bs)
{
	return run_words(WORDS((char *)"dd", (char *)"if=/dev/zero", (char *)"of=/dev/null", bs,
			       (char *)"count=1"));
}

static void what_we_hold_is_not_its_memory(void **state)
{
	struct pb_run big = run_words(SHELL("head -c 60000000 /dev/zero")), run;

	(void)state;
	assert_int_equal(big.out_size, 60000000);
	run = run_dd((char *)"bs=8M");
	pb_run_drop(&big);
	/* Were what was captured in bead's copy it would not be known. */
	assert_in_range(run.max_rss_bytes, 8 << 20, 20 << 20);
	pb_run_drop(&run);
}

/* The peak of a command that needs little is that of bead's copy before the exec, and says what bead holds then. */
static void what_it_shares_with_us_is_nobodys(void **state)
{
	size_t size = 60 << 20;
	char *held = malloc(size);
	struct pb_run run;

	(void)state;
	assert_non_null(held);
	memset(held, 1, size);
	run = run_dd((char *)"bs=8M");
	assert_true(run.max_rss_bytes == UINT64_MAX);
	pb_run_drop(&run);
	run = run_dd((char *)"bs=100M");
	assert_in_range(run.max_rss_bytes, 100 << 20, 140 << 20);
	pb_run_drop(&run);
	free(held);
}

static void a_peak_that_may_be_ours_is_not_known(void **state)
{
	uint64_t mib = 1 << 20;

	(void)state;
	assert_true(pb_run_memory_bytes(mib, mib) == UINT64_MAX);
	assert_true(pb_run_memory_bytes(mib + mib / 10 + PB_RUN_MEMORY_SLACK, mib) == UINT64_MAX);
	assert_true(pb_run_memory_bytes(mib + mib / 10 + PB_RUN_MEMORY_SLACK + 1, mib) ==
		    mib + mib / 10 + PB_RUN_MEMORY_SLACK + 1);
	assert_true(pb_run_memory_bytes(5 * mib, 0) == 5 * mib);
}

static void our_own_cost_is_small(void **state)
{
	uint64_t own_ns[21], middle_ns = 0;

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(own_ns); i++) {
		struct pb_run run = run_words(SHELL("echo x"));

		own_ns[i] = run.own_ns;
		pb_run_drop(&run);
	}
	for (size_t i = 0; i < PB_ARRAY_SIZE(own_ns); i++) {
		size_t below = 0;

		for (size_t j = 0; j < PB_ARRAY_SIZE(own_ns); j++)
			below += own_ns[j] < own_ns[i];
		if (below <= 10)
			middle_ns = own_ns[i] > middle_ns ? own_ns[i] : middle_ns;
	}
	print_message("own cost, median of 21 runs: %.3f ms\n", (double)middle_ns / 1e6);
	assert_true(middle_ns < 50000000);
}

/* The same program makes the same calls, whoever runs beside it. */
static void system_calls_are_counted_exactly(void **state)
{
	struct pb_plan_workload w =
		workload_of(WORDS((char *)"dd", (char *)"if=/dev/zero", (char *)"of=/dev/null",
				  (char *)"bs=1", (char *)"count=1000", (char *)"status=none"));
	struct pb_run_options options = {.count_syscalls = true, .stop_fd = -1};
	uint64_t first = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct pb_run run;

		assert_int_equal(pb_run_once(&run, &w, &options), 0);
		if (run.counts.syscalls == UINT64_MAX) {
			print_message("skipped: %s\n", run.syscalls_why);
			assert_true(run.syscalls_why[0]);
			pb_run_drop(&run);
			skip();
		}
		assert_string_equal(run.syscalls_why, "");
		if (!i)
			first = run.counts.syscalls;
		assert_int_equal(run.counts.syscalls, first);
		pb_run_drop(&run);
	}
	print_message("system calls of dd: %llu in each of 20 runs\n", (unsigned long long)first);
	assert_in_range(first, 2000, 2200);
}

static void system_calls_of_children_count(void **state)
{
	struct pb_plan_workload w = workload_of(
		SHELL("dd if=/dev/zero of=/dev/null bs=1 count=1000 status=none & "
		      "dd if=/dev/zero of=/dev/null bs=1 count=1000 status=none; wait"));
	struct pb_run_options options = {.count_syscalls = true, .stop_fd = -1};
	struct pb_run run;

	(void)state;
	assert_int_equal(pb_run_once(&run, &w, &options), 0);
	if (run.counts.syscalls == UINT64_MAX) {
		pb_run_drop(&run);
		skip();
	}
	assert_in_range(run.counts.syscalls, 4000, 4600);
	pb_run_drop(&run);
}

static void who_may_not_count_is_told_why(void **state)
{
	struct pb_plan_workload w = workload_of(WORDS((char *)"true"));
	struct pb_run_options options = {.count_syscalls = true, .stop_fd = -1};
	int status;
	pid_t pid;

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(chmod(dir, 0755), 0);
	pid = fork();
	if (!pid) {
		struct pb_run run = {0};
		int ok =
			!setgid(65534) && !setuid(65534) && !pb_run_once(&run, &w, &options) &&
			run.end == PB_RUN_EXITED && !run.status &&
			run.counts.syscalls == UINT64_MAX &&
			!strcmp(run.syscalls_why, "system calls are counted by a tracepoint, which "
						  "needs root");

		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void declared_files_come_with_the_run(void **state)
{
	struct pb_plan_file files[] = {{(char *)"out/made", 0},   {(char *)"missing", 0},
				       {(char *)"stale", 0},      {(char *)"out/outside", 0},
				       {(char *)"out/inside", 0}, {(char *)"out", 0},
				       {(char *)"again", 0}};
	struct pb_plan_workload w =
		workload_of(SHELL("mkdir out; printf 'a\\000b' > out/made; echo old > again; "
				  "ln -s /etc/passwd out/outside; ln -s made out/inside"));
	const int expected[] = {0, ENOENT, ESTALE, EXDEV, 0, EINVAL, 0};
	struct pb_run run;

	(void)state;
	write_file("stale", "old\n", 0644);
	write_file("again", "old\n", 0644);
	usleep(200000);
	w.golden.files = files;
	w.golden.n_files = PB_ARRAY_SIZE(files);
	assert_int_equal(pb_run_once(&run, &w, &plain), 0);
	assert_int_equal(run.n_files, PB_ARRAY_SIZE(files));
	for (size_t i = 0; i < PB_ARRAY_SIZE(files); i++)
		assert_int_equal(run.files[i].err, expected[i]);
	assert_int_equal(run.files[0].size, 3);
	assert_memory_equal(run.files[0].text, "a\0b", 4);
	assert_memory_equal(run.files[4].text, "a\0b", 4);
	pb_run_drop(&run);
}

#define IN_DIR(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#define HARD(how)                                                                                  \
	{                                                                                          \
		.name = "what_is_hard_to_end_is_ended: " how,                                      \
		.test_func = what_is_hard_to_end_is_ended, .setup_func = setup,                    \
		.teardown_func = teardown, .initial_state = (void *)(uintptr_t)(how),              \
	}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		IN_DIR(exit_status_and_output_arrive),
		IN_DIR(a_signal_is_told_as_one),
		IN_DIR(a_command_that_is_missing_is_127),
		IN_DIR(a_command_that_is_not_executable_is_126),
		IN_DIR(the_environment_is_what_is_said),
		IN_DIR(the_path_of_the_plan_is_searched),
		IN_DIR(the_directory_and_the_input_are_the_plans),
		IN_DIR(what_cannot_be_tried_is_an_error),
		IN_DIR(prepare_runs_before_and_may_fail),
		IN_DIR(a_timeout_kills_all_its_descendants),
		IN_DIR(children_that_are_left_are_killed_and_noted),
		IN_DIR(children_of_the_caller_are_left_alone),
		IN_DIR(children_that_ended_are_no_left_ones),
		HARD("hop"),
		HARD("sessions"),
		HARD("bomb"),
		IN_DIR(what_is_hard_to_end_is_ended_at_its_time_limit),
		IN_DIR(ten_gigabytes_are_stopped_at_the_bound),
		IN_DIR(a_terminal_is_not_to_be_had),
		IN_DIR(a_readable_descriptor_stops_it),
		IN_DIR(a_wrapper_stands_before_the_command),
		IN_DIR(no_descriptor_of_ours_gets_in),
		IN_DIR(times_and_memory_are_plausible),
		IN_DIR(what_we_hold_is_not_its_memory),
		IN_DIR(what_it_shares_with_us_is_nobodys),
		cmocka_unit_test(a_peak_that_may_be_ours_is_not_known),
		IN_DIR(our_own_cost_is_small),
		IN_DIR(system_calls_are_counted_exactly),
		IN_DIR(system_calls_of_children_count),
		IN_DIR(who_may_not_count_is_told_why),
		IN_DIR(declared_files_come_with_the_run),
	};

	if (argc > 1)
		return be_hard_to_end(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
