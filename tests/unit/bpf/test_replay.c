/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Real stacks: of a program built without frame pointers that knows its own, and of Debian's programs, as
 * recorded. Tables are compiled by user/unwind and walked by bpf/lib, as in a capture.
 */
#include "tests/unwind/replay_walk.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unwind/replay_truth.h"

#define RECORDED "tests/unwind/recorded"

static struct scene s;

/* A target in the middle of its scene. */
struct target {
	pid_t pid;
	struct replay_truth truth;
};

static struct target target;
/* What a test works on; freed behind it, also behind one that fails. */
static struct replay *taken, *again;
static FILE *file;

static int teardown(void **state)
{
	(void)state;
	/* A thread that is traced is a zombie of its own, and the process is none before it is gone. */
	if (target.pid > 0) {
		kill(target.pid, SIGKILL);
		while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
			;
	}
	target.pid = 0;
	replay_free(taken);
	replay_free(again);
	taken = again = NULL;
	if (file)
		fclose(file);
	file = NULL;
	host_free();
	return 0;
}

/* The target was built beside this program. */
static void target_path(char *out, size_t size)
{
	char self[PATH_MAX] = "";

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	assert_true((size_t)snprintf(out, size, "%s/../../unwind/replay_target", dirname(self)) <
		    size);
}

/* Start a scene and wait until it has stopped itself. */
static void start(const char *scene)
{
	char path[PATH_MAX], number[16], *at = (char *)&target.truth;
	size_t left = sizeof(target.truth);
	int fds[2], status;
	ssize_t n;

	target_path(path, sizeof(path));
	assert_int_equal(pipe(fds), 0);
	snprintf(number, sizeof(number), "%d", fds[1]);
	target.pid = fork();
	assert_true(target.pid >= 0);
	if (!target.pid) {
		execl(path, "replay_target", scene, number, NULL);
		_exit(127);
	}
	close(fds[1]);
	while (left && (n = read(fds[0], at, left)) > 0) {
		at += n;
		left -= (size_t)n;
	}
	close(fds[0]);
	assert_int_equal(left, 0);
	assert_int_equal(waitpid(target.pid, &status, WUNTRACED), target.pid);
	assert_true(WIFSTOPPED(status));
}

/* As a debugger; there are places where that is not allowed. */
static void seize(unsigned long options)
{
	int err = replay_seize((pid_t)target.truth.tid, options | PTRACE_O_EXITKILL);

	if (err == -EPERM || err == -ENOSYS) {
		print_message("ptrace is not permitted here\n");
		skip();
	}
	assert_int_equal(err, 0);
}

static struct replay *take(void)
{
	int err = replay_take(&taken, (pid_t)target.truth.tid);

	if (err == -ENOTSUP) {
		print_message("stacks of another machine than x86-64 are not taken\n");
		skip();
	}
	assert_int_equal(err, 0);
	return taken;
}

/* Where frame @from of libgcc's list, its first caller, is in ours: behind the system call's own frames. */
static __u32 align(const struct pb_stack_record *rec, __u64 wanted)
{
	__u32 i;

	for (i = 0; i < rec->n_user && i < 4; i++) {
		if (rec->frames[i] == wanted)
			return i;
	}
	fail_msg("%#llx is not among the first frames", wanted);
	return 0;
}

/* The functions' own return addresses, outermost first, are all there and in order. */
static void expect_calls(const struct pb_stack_record *rec, __u32 n_calls)
{
	const struct replay_truth *truth = &target.truth;
	__u32 i = rec->n_user, k;

	assert_int_equal(truth->n_calls, n_calls);
	for (k = 0; k < n_calls; k++) {
		while (i && rec->frames[i - 1] != truth->calls[k])
			i--;
		if (!i)
			fail_msg("call %u of %u is not in the stack", k + 1, n_calls);
		i--;
	}
}

/* Frame by frame what libgcc's unwinder said. @skipped: of its frames, those that have returned since. */
static void expect_truth(const struct pb_stack_record *rec, __u32 skipped)
{
	const struct replay_truth *truth = &target.truth;
	__u32 from, i;

	assert_in_range(truth->n_frames, skipped + 2, REPLAY_FRAMES_MAX);
	from = align(rec, truth->frames[skipped]);
	for (i = skipped; i < truth->n_frames; i++) {
		assert_in_range(from + i - skipped, 0, rec->n_user - 1);
		assert_int_equal(rec->frames[from + i - skipped], truth->frames[i]);
	}
	assert_int_equal(rec->n_user, from + truth->n_frames - skipped);
}

static void expect_scene(const char *scene, __u32 n_calls, enum pb_walk_end end)
{
	struct replay *r;
	const struct pb_stack_record *rec;

	start(scene);
	seize(0);
	r = take();
	rec = replay_walk(&s, r, PB_UNWIND_AUTO, PB_USER_FRAMES_MAX);
	assert_non_null(rec);
	expect_calls(rec, n_calls);
	expect_truth(rec, 1);
	assert_int_equal(rec->user_end, end);
	/* No frame pointer was needed. */
	rec = replay_walk(&s, r, PB_UNWIND_EH, PB_USER_FRAMES_MAX);
	assert_non_null(rec);
	expect_truth(rec, 1);
	assert_int_equal(rec->user_end, end);
}

static void nested_calls_reach_start(void **state)
{
	(void)state;
	expect_scene("nested", 4, PB_END_OUTERMOST);
}

static void callback_of_the_c_library_reaches_start(void **state)
{
	(void)state;
	expect_scene("qsort", 3, PB_END_OUTERMOST);
}

static void signal_handler_reaches_start_over_what_it_interrupted(void **state)
{
	(void)state;
	expect_scene("signal", 5, PB_END_OUTERMOST);
}

static void signal_handler_on_a_stack_of_its_own_reaches_start(void **state)
{
	(void)state;
	expect_scene("sigaltstack", 5, PB_END_OUTERMOST);
}

static void frame_of_unknown_size_is_left_by_its_frame_pointer(void **state)
{
	(void)state;
	expect_scene("alloca", 2, PB_END_OUTERMOST);
}

static void frame_that_is_aligned_is_left_by_a_saved_register(void **state)
{
	(void)state;
	expect_scene("aligned", 3, PB_END_OUTERMOST);
}

static void recursion_of_400_calls_is_counted_exactly(void **state)
{
	(void)state;
	expect_scene("deep", 401, PB_END_OUTERMOST);
}

static void thread_reaches_its_start(void **state)
{
	(void)state;
	expect_scene("thread", 5, PB_END_OUTERMOST);
}

static void coroutine_ends_at_its_null_return_address(void **state)
{
	(void)state;
	expect_scene("coroutine", 5, PB_END_BOTTOM);
}

/*
 * Where a coroutine returns to is the first byte of a function that nothing called, so the byte before is
 * another's: libgcc finds no FDE there and ends. We have a rule for padding, and may read what the
 * context is linked to as one frame more, but never as the end of a whole stack.
 */
static void coroutine_that_is_linked_to_another_is_right_up_to_its_start(void **state)
{
	struct replay *r;
	const struct replay_truth *truth = &target.truth;
	const struct pb_stack_record *rec;
	__u32 from;

	(void)state;
	start("linked");
	seize(0);
	r = take();
	rec = replay_walk(&s, r, PB_UNWIND_AUTO, PB_USER_FRAMES_MAX);
	assert_non_null(rec);
	expect_calls(rec, 5);
	from = align(rec, truth->frames[1]);
	assert_in_range(rec->n_user - from, truth->n_frames - 1, truth->n_frames);
	assert_memory_equal(&rec->frames[from], &truth->frames[1],
			    (truth->n_frames - 1) * sizeof(__u64));
	assert_int_not_equal(rec->user_end, PB_END_OUTERMOST);
	assert_int_not_equal(rec->user_end, PB_END_BOTTOM);
}

/* In the middle of vfork() its return address is in a register, and its frame has no room at all. */
static void vfork_reaches_start(void **state)
{
	struct replay *r;
	const struct pb_stack_record *rec;
	int status = 0, i;
	unsigned long child = 0;

	(void)state;
	start("vfork");
	seize(PTRACE_O_TRACEVFORK);
	kill(target.pid, SIGCONT);
	for (i = 0; i < 10 && status >> 8 != (SIGTRAP | PTRACE_EVENT_VFORK << 8); i++) {
		assert_int_equal(ptrace(PTRACE_CONT, target.pid, 0, 0), 0);
		assert_int_equal(waitpid(target.pid, &status, __WALL), target.pid);
		assert_true(WIFSTOPPED(status));
	}
	assert_int_equal(status >> 8, SIGTRAP | PTRACE_EVENT_VFORK << 8);
	assert_int_equal(ptrace(PTRACE_GETEVENTMSG, target.pid, 0, &child), 0);
	r = take();
	rec = replay_walk(&s, r, PB_UNWIND_EH, PB_USER_FRAMES_MAX);
	kill((pid_t)child, SIGKILL);
	waitpid((pid_t)child, NULL, __WALL);
	assert_non_null(rec);
	expect_calls(rec, 1);
	expect_truth(rec, 1);
	assert_int_equal(rec->user_end, PB_END_OUTERMOST);
}

static void depth_limit_cuts_a_real_stack(void **state)
{
	struct replay *r;
	const struct pb_stack_record *rec;

	(void)state;
	start("deep");
	seize(0);
	r = take();
	rec = replay_walk(&s, r, PB_UNWIND_AUTO, 127);
	assert_non_null(rec);
	assert_int_equal(rec->n_user, 127);
	assert_int_equal(rec->user_end, PB_END_DEPTH);
}

/* So that the tests above are of something. */
static void frame_pointers_alone_do_not_reach_start(void **state)
{
	struct replay *r;
	const struct pb_stack_record *rec;

	(void)state;
	start("nested");
	seize(0);
	r = take();
	rec = replay_walk(&s, r, PB_UNWIND_FP, 127);
	assert_non_null(rec);
	assert_true(rec->n_user < target.truth.n_frames);
	assert_int_not_equal(rec->user_end, PB_END_OUTERMOST);
}

static struct replay *read_recording(void)
{
	unsigned int line;

	assert_non_null(file);
	if (replay_read(&again, file, &line))
		fail_msg("line %u is not one of a recording", line);
	return again;
}

static void expect_recorded(struct replay *r)
{
	const struct pb_stack_record *rec = replay_walk(&s, r, PB_UNWIND_AUTO, PB_USER_FRAMES_MAX);

	assert_non_null(rec);
	assert_int_equal(rec->n_user, r->frames.n);
	assert_memory_equal(rec->frames, r->frames.items, r->frames.n * sizeof(__u64));
	assert_int_equal(rec->user_end, r->end);
}

static void recording_gives_the_stack_it_was_taken_from(void **state)
{
	struct replay *r;
	const struct pb_stack_record *rec;
	__u32 i;

	(void)state;
	start("aligned");
	seize(0);
	r = take();
	rec = replay_walk(&s, r, PB_UNWIND_AUTO, PB_USER_FRAMES_MAX);
	assert_non_null(rec);
	r->end = rec->user_end;
	for (i = 0; i < rec->n_user; i++)
		*(__u64 *)replay_add(&r->frames, sizeof(__u64)) = rec->frames[i];
	file = tmpfile();
	assert_non_null(file);
	assert_int_equal(replay_write(file, r, "aligned"), 0);
	/* Only what is needed. */
	assert_in_range(ftell(file), 1, 16384);
	rewind(file);
	r = read_recording();
	assert_true(r->frames.n >= 6);
	expect_recorded(r);
}

/* One changed word, of all that a recording keeps, and the stack is another. */
static void expect_nothing_to_spare(struct replay *r)
{
	struct replay_word *words = r->words.items;
	const struct pb_stack_record *rec;
	size_t i, changed = 0;

	for (i = 0; i < r->words.n; i++) {
		words[i].value ^= 0x5550000000ull;
		rec = replay_walk(&s, r, PB_UNWIND_AUTO, PB_USER_FRAMES_MAX);
		words[i].value ^= 0x5550000000ull;
		assert_non_null(rec);
		changed += rec->n_user != r->frames.n ||
			   memcmp(rec->frames, r->frames.items, r->frames.n * sizeof(__u64)) != 0;
	}
	/* But for frame pointers that nobody needs, which are read beside the return addresses. */
	assert_true(changed >= r->frames.n - 1);
}

static void expect_file(const char *name)
{
	char path[PATH_MAX];
	struct replay *r;

	print_message("%s\n", name);
	snprintf(path, sizeof(path), RECORDED "/%s", name);
	file = fopen(path, "re");
	r = read_recording();
	assert_true(r->frames.n > 3);
	expect_recorded(r);
	assert_int_equal(r->end, PB_END_OUTERMOST);
	expect_nothing_to_spare(r);
	fclose(file);
	file = NULL;
	replay_free(again);
	again = NULL;
}

static void recorded_stacks_of_real_programs_are_walked_to_their_ends(void **state)
{
	struct dirent **names = NULL;
	int i, n = scandir(RECORDED, &names, NULL, alphasort), seen = 0;

	(void)state;
	if (n < 0) {
		print_message("run at the top of the sources, where " RECORDED " is\n");
		skip();
	}
	for (i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.') {
			expect_file(names[i]->d_name);
			seen++;
		}
		free(names[i]);
	}
	free(names);
	assert_true(seen >= 3);
}

static void text_that_is_no_recording_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"something else\n",
		"perfbeads-stack 2\nend 8\n",
		"perfbeads-stack 1\n",
		"perfbeads-stack 1\nend 99\n",
		"perfbeads-stack 1\nend x\n",
		"perfbeads-stack 1\nnoise\nend 8\n",
		"perfbeads-stack 1\nreg 99 1\nend 8\n",
		"perfbeads-stack 1\npage 0\nend 8\n",
		"perfbeads-stack 1\nrow 0 0\nend 8\n",
		"perfbeads-stack 1\nmap 0 1 0 1 x\nrow 0 0\nend 8\n",
		"perfbeads-stack 1\nmap 0 1 0 1 x\npage 1\nend 8\n",
		"perfbeads-stack 1\nmap 0 1 0 1 x\npage 0\nrow 0 1\nend 8\n",
		"perfbeads-stack 1\nmap 0 1 0 1 x\npage 0\nrow 65536 0\nend 8\n",
		"perfbeads-stack 1\nmap 0 1 0 99999999 x\nend 8\n",
		"perfbeads-stack 1\nmap 0 1 0 -1 x\nend 8\n",
		"perfbeads-stack 1\nword 1\nend 8\n",
	};
	unsigned int line;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		file = tmpfile();
		assert_non_null(file);
		fputs(texts[i], file);
		rewind(file);
		assert_int_equal(replay_read(&again, file, &line), -EPROTO);
		assert_null(again);
		fclose(file);
		file = NULL;
	}
}

#define TEST(name) cmocka_unit_test_teardown(name, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nested_calls_reach_start),
		TEST(callback_of_the_c_library_reaches_start),
		TEST(signal_handler_reaches_start_over_what_it_interrupted),
		TEST(signal_handler_on_a_stack_of_its_own_reaches_start),
		TEST(frame_of_unknown_size_is_left_by_its_frame_pointer),
		TEST(frame_that_is_aligned_is_left_by_a_saved_register),
		TEST(recursion_of_400_calls_is_counted_exactly),
		TEST(thread_reaches_its_start),
		TEST(coroutine_ends_at_its_null_return_address),
		TEST(coroutine_that_is_linked_to_another_is_right_up_to_its_start),
		TEST(vfork_reaches_start),
		TEST(depth_limit_cuts_a_real_stack),
		TEST(frame_pointers_alone_do_not_reach_start),
		TEST(recording_gives_the_stack_it_was_taken_from),
		TEST(recorded_stacks_of_real_programs_are_walked_to_their_ends),
		TEST(text_that_is_no_recording_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
