/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/target.h"

#include <errno.h>
#include <linux/magic.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "user/core/args.h"
#include "user/core/launch.h"
#include "user/core/log.h"
#include "user/core/report.h"

static struct pb_target *target;
static struct pb_report *report;
static struct pb_args args;
static uint32_t ids[4];

static int setup(void **state)
{
	(void)state;
	pb_log_init("test", PB_LOG_ERROR);
	memset(&args, 0, sizeof(args));
	args.pids.ids = ids;
	target = NULL;
	return pb_report_new(&report);
}

static int teardown(void **state)
{
	(void)state;
	pb_target_free(target);
	pb_report_free(report);
	return 0;
}

static pid_t start_sleeper(const char *comm)
{
	char byte;
	int up[2];
	pid_t pid;

	assert_int_equal(pipe(up), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_NAME, comm);
		if (write(up[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	assert_true(pid > 0);
	assert_int_equal(read(up[0], &byte, 1), 1);
	close(up[0]);
	close(up[1]);
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void ask_for(uint32_t id)
{
	ids[args.pids.n++] = id;
}

static void process_is_its_id_and_a_handle(void **state)
{
	pid_t pid = start_sleeper("sleeper");

	(void)state;
	ask_for((uint32_t)pid);
	assert_int_equal(pb_target_new(&target, &args), 0);
	assert_int_equal(target->scope, PB_SCOPE_PROCESS);
	assert_int_equal(target->n, 1);
	assert_int_equal(target->tgids[0], pid);
	assert_true(target->pidfds[0] >= 0);
	assert_true(target->children);
	assert_int_equal(target->cgroup_fd, -1);
	assert_null(target->launch);
	assert_false(pb_target_ended(target));
	stop(pid);
	assert_true(pb_target_ended(target));
}

static void several_processes_end_with_the_last(void **state)
{
	pid_t a = start_sleeper("a"), b = start_sleeper("b");

	(void)state;
	ask_for((uint32_t)a);
	ask_for((uint32_t)b);
	args.no_children = true;
	assert_int_equal(pb_target_new(&target, &args), 0);
	assert_int_equal(target->n, 2);
	assert_false(target->children);
	stop(a);
	assert_false(pb_target_ended(target));
	stop(b);
	assert_true(pb_target_ended(target));
}

static void missing_process_is_refused(void **state)
{
	pid_t pid = start_sleeper("gone");

	(void)state;
	stop(pid);
	ask_for((uint32_t)pid);
	assert_int_equal(pb_target_new(&target, &args), -ESRCH);
	assert_null(target);
	ids[0] = UINT32_MAX;
	assert_int_equal(pb_target_new(&target, &args), -ESRCH);
}

static void one_missing_process_of_several_is_refused(void **state)
{
	pid_t pid = start_sleeper("gone");

	(void)state;
	stop(pid);
	ask_for((uint32_t)getpid());
	ask_for((uint32_t)pid);
	assert_int_equal(pb_target_new(&target, &args), -ESRCH);
	assert_null(target);
}

/* A second thread, which says its id and ends when told. */
static int tid_pipe[2], end_pipe[2];

static void *thread_main(void *unused)
{
	uint32_t tid = (uint32_t)syscall(SYS_gettid);
	char byte;

	assert_int_equal(write(tid_pipe[1], &tid, sizeof(tid)), sizeof(tid));
	assert_int_equal(read(end_pipe[0], &byte, 1), 1);
	return unused;
}

static uint32_t start_thread(pthread_t *thread)
{
	uint32_t tid;

	assert_int_equal(pipe(tid_pipe), 0);
	assert_int_equal(pipe(end_pipe), 0);
	assert_int_equal(pthread_create(thread, NULL, thread_main, NULL), 0);
	assert_int_equal(read(tid_pipe[0], &tid, sizeof(tid)), sizeof(tid));
	return tid;
}

static void end_thread(pthread_t thread, uint32_t tid)
{
	char path[64];
	int i;

	assert_int_equal(write(end_pipe[1], "", 1), 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	for (i = 0; i < 2; i++) {
		close(tid_pipe[i]);
		close(end_pipe[i]);
	}
	/* Joined is a little before gone. */
	snprintf(path, sizeof(path), "/proc/self/task/%u", tid);
	while (!access(path, F_OK))
		usleep(1000);
}

static void thread_id_given_as_pid_is_refused(void **state)
{
	pthread_t thread;
	uint32_t tid = start_thread(&thread);

	(void)state;
	ask_for(tid);
	assert_int_equal(pb_target_new(&target, &args), -EDOM);
	assert_null(target);
	end_thread(thread, tid);
}

static void thread_is_found_with_its_process(void **state)
{
	pthread_t thread;
	uint32_t tid = start_thread(&thread);

	(void)state;
	args.tid = tid;
	assert_int_equal(pb_target_new(&target, &args), 0);
	assert_int_equal(target->scope, PB_SCOPE_THREAD);
	assert_int_equal(target->tid, tid);
	assert_int_equal(target->n, 1);
	assert_int_equal(target->tgids[0], getpid());
	assert_false(target->children);
	assert_false(pb_target_ended(target));
	end_thread(thread, tid);
	assert_true(pb_target_ended(target));
}

static void missing_thread_is_refused(void **state)
{
	pthread_t thread;
	uint32_t tid = start_thread(&thread);

	(void)state;
	end_thread(thread, tid);
	args.tid = tid;
	assert_int_equal(pb_target_new(&target, &args), -ESRCH);
}

static void whole_machine_never_ends(void **state)
{
	(void)state;
	args.all = true;
	assert_int_equal(pb_target_new(&target, &args), 0);
	assert_int_equal(target->scope, PB_SCOPE_ALL);
	assert_int_equal(target->n, 0);
	assert_false(pb_target_ended(target));
	assert_int_equal(pb_target_describe(target, &args, report), 0);
	assert_string_equal(report->scope, "whole machine");
	assert_string_equal(report->comm, "");
	assert_int_equal(report->n_tgids, 0);
	assert_null(report->argv);
}

/* Where cgroup v2 is mounted, or NULL. */
static const char *cgroup2_root(void)
{
	static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	struct statfs fs;
	size_t i;

	for (i = 0; i < PB_ARRAY_SIZE(roots); i++) {
		if (!statfs(roots[i], &fs) && fs.f_type == CGROUP2_SUPER_MAGIC)
			return roots[i];
	}
	return NULL;
}

static bool is_cgroup2(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC;
}

static void cgroup_is_found_by_each_of_its_names(void **state)
{
	const char *root = cgroup2_root();
	char whole[128] = "";
	const char *const names[] = {whole, "/"};
	size_t i;

	(void)state;
	if (!root) {
		print_message("no cgroup v2 is mounted\n");
		skip();
	}
	snprintf(whole, sizeof(whole), "%s", root);
	for (i = 0; i < PB_ARRAY_SIZE(names); i++) {
		args.cgroup = names[i];
		assert_int_equal(pb_target_new(&target, &args), 0);
		assert_int_equal(target->scope, PB_SCOPE_CGROUP);
		assert_true(is_cgroup2(target->cgroup_fd));
		assert_false(pb_target_ended(target));
		pb_target_free(target);
		target = NULL;
	}
}

static void cgroup_below_the_root_is_found_by_its_short_name(void **state)
{
	const char *root = cgroup2_root();
	char path[160], name[64];
	const char *const names[] = {path, name, name + 1};
	size_t i;
	int err;

	(void)state;
	if (!root)
		skip();
	snprintf(name, sizeof(name), "/pb-test-target-%d", (int)getpid());
	snprintf(path, sizeof(path), "%s%s", root, name);
	if (mkdir(path, 0755)) {
		print_message("cannot make a cgroup: %s\n", strerror(errno));
		skip();
	}
	for (i = 0; i < PB_ARRAY_SIZE(names); i++) {
		args.cgroup = names[i];
		err = pb_target_new(&target, &args);
		if (!err && !i)
			pb_target_describe(target, &args, report);
		pb_target_free(target);
		target = NULL;
		if (err)
			break;
	}
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(i, PB_ARRAY_SIZE(names));
	assert_non_null(strstr(report->scope, name));
}

static void directory_that_is_no_cgroup_is_refused(void **state)
{
	static const char *const names[] = {"/tmp", "/proc/self", "/nowhere", "no-such-cgroup",
					    "/dev/null"};
	size_t i;

	(void)state;
	for (i = 0; i < PB_ARRAY_SIZE(names); i++) {
		args.cgroup = names[i];
		assert_int_equal(pb_target_new(&target, &args), -ESRCH);
		assert_null(target);
	}
}

static void command_is_a_process_at_its_gate(void **state)
{
	char path[] = "/bin/sleep", seconds[] = "1000", *argv[] = {path, seconds, NULL};

	(void)state;
	args.command = argv;
	assert_int_equal(pb_target_new(&target, &args), 0);
	assert_non_null(target->launch);
	assert_int_equal(target->n, 1);
	assert_int_equal(target->tgids[0], pb_launch_pid(target->launch));
	assert_true(target->children);
	assert_false(pb_target_ended(target));
	assert_int_equal(pb_target_describe(target, &args, report), 0);
	assert_string_equal(report->comm, "sleep");
	assert_string_equal(report->argv[0], "/bin/sleep");
	assert_string_equal(report->argv[1], "1000");
	assert_null(report->argv[2]);
	kill(pb_launch_pid(target->launch), SIGKILL);
	pb_launch_status(target->launch, true);
	assert_true(pb_target_ended(target));
}

static void report_names_the_process(void **state)
{
	pid_t pid = start_sleeper("sleeper");
	char scope[32];

	(void)state;
	ask_for((uint32_t)pid);
	assert_int_equal(pb_target_new(&target, &args), 0);
	assert_int_equal(pb_target_describe(target, &args, report), 0);
	stop(pid);
	snprintf(scope, sizeof(scope), "pid %d", (int)pid);
	assert_string_equal(report->scope, scope);
	assert_string_equal(report->comm, "sleeper");
	assert_int_equal(report->n_tgids, 1);
	assert_int_equal(report->tgids[0], pid);
}

static void hostile_process_name_is_shown_whole_and_safe(void **state)
{
	pid_t pid = start_sleeper("a\nb\033[31mc");

	(void)state;
	ask_for((uint32_t)pid);
	assert_int_equal(pb_target_new(&target, &args), 0);
	assert_int_equal(pb_target_describe(target, &args, report), 0);
	stop(pid);
	assert_non_null(strchr(report->comm, 'b'));
	assert_non_null(strchr(report->comm, 'c'));
	assert_null(strchr(report->comm, '\n'));
	assert_null(strchr(report->comm, '\033'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(process_is_its_id_and_a_handle, setup, teardown),
		cmocka_unit_test_setup_teardown(several_processes_end_with_the_last, setup,
						teardown),
		cmocka_unit_test_setup_teardown(missing_process_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(one_missing_process_of_several_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(thread_id_given_as_pid_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(thread_is_found_with_its_process, setup, teardown),
		cmocka_unit_test_setup_teardown(missing_thread_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(whole_machine_never_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(cgroup_is_found_by_each_of_its_names, setup,
						teardown),
		cmocka_unit_test_setup_teardown(cgroup_below_the_root_is_found_by_its_short_name,
						setup, teardown),
		cmocka_unit_test_setup_teardown(directory_that_is_no_cgroup_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(command_is_a_process_at_its_gate, setup, teardown),
		cmocka_unit_test_setup_teardown(report_names_the_process, setup, teardown),
		cmocka_unit_test_setup_teardown(hostile_process_name_is_shown_whole_and_safe, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
