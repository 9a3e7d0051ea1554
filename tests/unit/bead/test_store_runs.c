/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Runs of beads: states, resuming, baselines. */
#include "user/bead/store.h"

#include <errno.h>
#include <signal.h>

#include "tests/unit/bead/store_fixture.h"

static void states_have_names(void **state)
{
	(void)state;
	assert_string_equal(pb_bead_state_name(PB_STATE_OPEN), "open");
	assert_string_equal(pb_bead_state_name(PB_STATE_RUNNING), "running");
	assert_string_equal(pb_bead_state_name(PB_STATE_CANNOT), "cannot");
}

static void a_bead_goes_from_open_to_its_end(void **state)
{
	const enum pb_bead_state ends[] = {PB_STATE_DONE, PB_STATE_FAILED, PB_STATE_INCONCLUSIVE,
					   PB_STATE_CANNOT, PB_STATE_OPEN};
	struct pb_store *s = open_store();

	(void)state;
	assert_int_equal(state_of_bead(s, "b"), PB_STATE_OPEN);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		int64_t id = begin_bead(s, "b", false), last = -1;

		assert_int_equal(id, i + 1);
		assert_int_equal(state_of_bead(s, "b"), PB_STATE_RUNNING);
		assert_int_equal(pb_store_finish(s, id, ends[i], "why"), 0);
		assert_int_equal(state_of_bead(s, "b"), ends[i]);
		assert_int_equal(pb_store_last(s, "b", &last), 0);
		assert_int_equal(last, ends[i] == PB_STATE_OPEN ? id - 1 : id);
	}
	assert_int_equal(state_of_bead(s, "other"), PB_STATE_OPEN);
	pb_store_close(s);
}

static void another_plan_opens_the_bead_again(void **state)
{
	struct pb_store *s = open_store();
	enum pb_bead_state there;
	int64_t last = -1;

	(void)state;
	assert_int_equal(pb_store_finish(s, begin_bead(s, "b", false), PB_STATE_DONE, NULL), 0);
	assert_int_equal(pb_store_state(s, "b", "another digest", &there), 0);
	assert_int_equal(there, PB_STATE_OPEN);
	assert_int_equal(pb_store_last(s, "b", &last), 0);
	assert_int_equal(last, 1);
	assert_int_equal(pb_store_last(s, "other", &last), 0);
	assert_int_equal(last, 0);
	pb_store_close(s);
}

static void each_run_has_a_directory_whatever_the_beads_name(void **state)
{
	struct pb_store *s = open_store();
	char *directory = NULL, want[160];
	int64_t id;

	(void)state;
	assert_int_equal(pb_store_begin(s, "../../etc/x y", "digest", false, &id, &directory), 0);
	snprintf(want, sizeof(want), "%s/runs/1-.._.._etc_x_y", where);
	assert_string_equal(directory, want);
	assert_int_equal(access(want, W_OK), 0);
	free(directory);
	pb_store_close(s);
}

static void what_is_worked_on_is_not_begun_again(void **state)
{
	struct pb_store *s = open_store();
	char *directory = NULL, want[96];
	int64_t id = begin_bead(s, "b", false), other = 7;

	(void)state;
	said_begin();
	assert_int_equal(pb_store_begin(s, "b", "digest", true, &other, &directory), -EBUSY);
	snprintf(want, sizeof(want), "process %d works on the bead b", getpid());
	assert_non_null(strstr(said_end(), want));
	assert_int_equal(other, 7);
	assert_null(directory);
	/* Another bead is another matter. */
	begin_bead(s, "c", false);
	assert_int_equal(pb_store_finish(s, id, PB_STATE_DONE, NULL), 0);
	begin_bead(s, "b", false);
	pb_store_close(s);
}

static void a_reused_pid_or_another_boot_is_somebody_else(void **state)
{
	struct pb_store *s = open_store();
	int64_t id = begin_bead(s, "b", false);

	(void)state;
	sqlite("UPDATE bead_runs SET start_ticks = start_ticks + 1");
	assert_int_equal(state_of_bead(s, "b"), PB_STATE_OPEN);
	sqlite("UPDATE bead_runs SET start_ticks = start_ticks - 1");
	assert_int_equal(state_of_bead(s, "b"), PB_STATE_RUNNING);
	sqlite("UPDATE bead_runs SET boot = 'another one'");
	assert_int_equal(state_of_bead(s, "b"), PB_STATE_OPEN);
	/* It is not ours, so its result is not. */
	said_begin();
	assert_int_equal(pb_store_finish(s, id, PB_STATE_DONE, NULL), -ESTALE);
	assert_non_null(strstr(said_end(), "not worked on by this process"));
	assert_int_equal(begin_bead(s, "b", true), id);
	assert_int_equal(pb_store_finish(s, id, PB_STATE_DONE, NULL), 0);
	pb_store_close(s);
}

/* A process that works on bead b, took some samples, and does not end. */
static pid_t worker(uint32_t samples, int64_t *id)
{
	int ready[2];
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		const struct pb_run run = run_of(1);
		struct pb_store *s = NULL;
		char *directory;

		if (pb_store_open(&s, where) ||
		    pb_store_begin(s, "b", "digest", true, id, &directory))
			_exit(1);
		for (uint32_t i = 0; i < samples; i++)
			if (pb_store_sample(s, *id, "w", &run, NULL))
				_exit(1);
		if (write(ready[1], id, sizeof(*id)) == sizeof(*id))
			pause();
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], id, sizeof(*id)), sizeof(*id));
	close(ready[0]);
	return pid;
}

static void a_dead_process_leaves_its_bead_open_to_be_resumed(void **state)
{
	struct pb_store *s = open_store();
	int64_t id = 0, again, fresh;
	char *directory = NULL;
	pid_t pid = worker(3, &id);

	(void)state;
	assert_int_equal(state_of_bead(s, "b"), PB_STATE_RUNNING);
	said_begin();
	assert_int_equal(pb_store_begin(s, "b", "digest", false, &again, &directory), -EBUSY);
	said_end();
	kill(pid, SIGKILL);
	/* Dead, and nobody has waited for it yet. */
	assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
	assert_int_equal(state_of_bead(s, "b"), PB_STATE_OPEN);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(state_of_bead(s, "b"), PB_STATE_OPEN);
	again = begin_bead(s, "b", true);
	assert_int_equal(again, id);
	assert_int_equal(count_samples(s, again, "w"), 3);
	assert_int_equal(pb_store_finish(s, again, PB_STATE_OPEN, "stopped by a signal"), 0);
	/* Without resuming it begins anew, and then that one is the last. */
	fresh = begin_bead(s, "b", false);
	assert_true(fresh > id);
	assert_int_equal(count_samples(s, fresh, "w"), 0);
	assert_int_equal(pb_store_finish(s, fresh, PB_STATE_DONE, NULL), 0);
	assert_true(begin_bead(s, "b", true) > fresh);
	pb_store_close(s);
}

static void only_the_same_plan_is_resumed(void **state)
{
	struct pb_store *s = open_store();
	int64_t id = begin_bead(s, "b", false), other = 0;
	char *directory = NULL;

	(void)state;
	assert_int_equal(pb_store_finish(s, id, PB_STATE_OPEN, NULL), 0);
	assert_int_equal(pb_store_begin(s, "b", "changed", true, &other, &directory), 0);
	assert_true(other > id);
	free(directory);
	pb_store_close(s);
}

static void a_baseline_is_a_name_for_a_run(void **state)
{
	struct pb_store *s = open_store();
	int64_t first = begin_bead(s, "a", false), second = begin_bead(s, "b", false), id = 7;

	(void)state;
	said_begin();
	assert_int_equal(pb_store_baseline(s, "main", &id), -ENOENT);
	assert_string_equal(said_end(), "");
	assert_int_equal(id, 7);
	assert_int_equal(pb_store_save_baseline(s, "main", first), 0);
	assert_int_equal(pb_store_save_baseline(s, "old", first), 0);
	assert_int_equal(pb_store_save_baseline(s, "main", second), 0);
	assert_int_equal(pb_store_baseline(s, "main", &id), 0);
	assert_int_equal(id, second);
	assert_int_equal(pb_store_baseline(s, "old", &id), 0);
	assert_int_equal(id, first);
	said_begin();
	assert_int_equal(pb_store_save_baseline(s, "none", 99), -EINVAL);
	assert_non_null(strstr(said_end(), "cannot save the baseline"));
	pb_store_close(s);
}

static void the_last_run_that_is_done_is_found_under_its_plan(void **state)
{
	struct pb_store *s = open_store();
	int64_t id = -1;

	(void)state;
	assert_int_equal(pb_store_last_done(s, "b", "digest", &id), 0);
	assert_int_equal(id, 0);
	assert_int_equal(pb_store_finish(s, begin_bead(s, "b", false), PB_STATE_DONE, NULL), 0);
	assert_int_equal(pb_store_finish(s, begin_bead(s, "b", false), PB_STATE_FAILED, NULL), 0);
	assert_int_equal(pb_store_last_done(s, "b", "digest", &id), 0);
	assert_int_equal(id, 1);
	assert_int_equal(pb_store_last_done(s, "b", "another digest", &id), 0);
	assert_int_equal(id, 0);
	pb_store_close(s);
}

static int append_baseline(void *ctx, const struct pb_baseline *b)
{
	size_t len = strlen(ctx);

	assert_int_equal(strlen(b->saved), strlen("2026-11-29T22:21:20.123Z"));
	snprintf((char *)ctx + len, 128 - len, "%s=%s:%lld ", b->name, b->bead, (long long)b->id);
	return !strcmp(b->name, "stop") ? -ECANCELED : 0;
}

static void baselines_are_told_by_name(void **state)
{
	struct pb_store *s = open_store();
	int64_t first = begin_bead(s, "a", false), second = begin_bead(s, "b", false);
	char told[128] = "";

	(void)state;
	assert_int_equal(pb_store_baselines(s, append_baseline, told), 0);
	assert_string_equal(told, "");
	assert_int_equal(pb_store_save_baseline(s, "new", second), 0);
	assert_int_equal(pb_store_save_baseline(s, "base", first), 0);
	assert_int_equal(pb_store_baselines(s, append_baseline, told), 0);
	assert_string_equal(told, "base=a:1 new=b:2 ");
	told[0] = '\0';
	assert_int_equal(pb_store_save_baseline(s, "stop", first), 0);
	assert_int_equal(pb_store_save_baseline(s, "zero", first), 0);
	assert_int_equal(pb_store_baselines(s, append_baseline, told), -ECANCELED);
	assert_string_equal(told, "base=a:1 new=b:2 stop=a:1 ");
	pb_store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(states_have_names),
		store_test(a_bead_goes_from_open_to_its_end),
		store_test(another_plan_opens_the_bead_again),
		store_test(each_run_has_a_directory_whatever_the_beads_name),
		store_test(what_is_worked_on_is_not_begun_again),
		store_test(a_reused_pid_or_another_boot_is_somebody_else),
		store_test(a_dead_process_leaves_its_bead_open_to_be_resumed),
		store_test(only_the_same_plan_is_resumed),
		store_test(a_baseline_is_a_name_for_a_run),
		store_test(the_last_run_that_is_done_is_found_under_its_plan),
		store_test(baselines_are_told_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
