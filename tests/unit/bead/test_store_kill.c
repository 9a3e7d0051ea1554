/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Several processes at once, and processes that are killed at any moment. */
#include "user/bead/store.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "user/bead/stats.h"
#include "user/core/own.h"

#include "tests/unit/bead/store_fixture.h"

#define SAMPLES    200
#define OPENERS    6
#define KILLS      60
#define LIVES_US   25000 /* at most, until it is killed */
#define FRESH_FROM 40    /* from this round on each begins with no store */

/* What a writer tells before it is killed. */
struct told {
	uint32_t committed;
	int64_t id;
};

/* In a child: exit status 0 if all went well. */
static int take_samples(const char *bead, uint32_t n, volatile struct told *told)
{
	const struct pb_run run = run_of(1000);
	pb_auto(pb_store) struct pb_store *s = NULL;
	pb_autofree char *directory = NULL;
	int64_t id;

	if (pb_store_open(&s, where))
		return 1;
	if (pb_store_begin(s, bead, "digest", true, &id, &directory))
		return 2;
	if (told)
		told->id = id;
	for (uint32_t i = 0; i < n; i++) {
		if (pb_store_sample(s, id, "w", &run, NULL))
			return 3;
		if (told)
			told->committed++;
	}
	return pb_store_finish(s, id, PB_STATE_DONE, NULL) ? 4 : 0;
}

static pid_t start(const char *bead, uint32_t n, volatile struct told *told)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		_exit(take_samples(bead, n, told));
	return pid;
}

static void expect_success(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void two_that_write_at_once_lose_nothing(void **state)
{
	pid_t a = start("a", SAMPLES, NULL), b = start("b", SAMPLES, NULL);
	struct pb_store *s;
	int64_t id = 0;

	(void)state;
	expect_success(a);
	expect_success(b);
	s = open_store();
	for (int i = 0; i < 2; i++) {
		const char *bead = i ? "b" : "a";

		assert_int_equal(state_of_bead(s, bead), PB_STATE_DONE);
		assert_int_equal(pb_store_last(s, bead, &id), 0);
		assert_int_equal(count_samples(s, id, "w"), SAMPLES);
	}
	pb_store_close(s);
	assert_string_equal(sqlite("PRAGMA integrity_check"), "ok");
}

static void many_that_make_the_store_at_once_all_get_it(void **state)
{
	pid_t pids[OPENERS];
	char bead[] = "a";

	(void)state;
	for (int i = 0; i < OPENERS; i++, bead[0]++)
		pids[i] = start(bead, 1, NULL);
	for (int i = 0; i < OPENERS; i++)
		expect_success(pids[i]);
	assert_string_equal(sqlite("SELECT count(*) FROM samples"), "6");
}

/* One bead, and two who want it: one gets it. */
static void of_two_that_begin_a_bead_one_is_refused(void **state)
{
	int statuses[2], done = 0;
	pid_t pids[2];

	(void)state;
	said_begin();
	pids[0] = start("a", 50, NULL);
	pids[1] = start("a", 50, NULL);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(waitpid(pids[i], &statuses[i], 0), pids[i]);
		done += WEXITSTATUS(statuses[i]) == 0;
		assert_true(WEXITSTATUS(statuses[i]) == 0 || WEXITSTATUS(statuses[i]) == 2);
	}
	said_end();
	assert_true(done >= 1);
	/* Two where the first was through before the second began. */
	assert_int_equal(strcmp(sqlite("SELECT count(*) FROM samples"), done == 1 ? "50" : "100"),
			 0);
}

static void rest(uint64_t us)
{
	const struct timespec t = {.tv_nsec = (long)us * 1000};

	nanosleep(&t, NULL);
}

static void end_now(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void remove_store(void)
{
	assert_int_equal(nftw(where, fixture_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* After the kill: nothing that was committed is missing, and nothing is there that was not being written. */
static void check_what_is_left(volatile struct told *told)
{
	struct pb_store *s = open_store();
	uint32_t n;

	assert_int_equal(state_of_bead(s, "a"), PB_STATE_OPEN);
	if (told->id) {
		n = count_samples(s, told->id, "w");
		assert_in_range(n, told->committed, told->committed + 1);
		told->committed = n;
	}
	pb_store_close(s);
	assert_string_equal(sqlite("PRAGMA integrity_check"), "ok");
}

static void kill_at_any_moment_loses_the_run_in_hand_at_most(void **state)
{
	volatile struct told *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct pb_random random = {.state = 9};

	(void)state;
	assert_ptr_not_equal(told, MAP_FAILED);
	for (int round = 0; round < KILLS; round++) {
		uint32_t before = told->committed;
		int64_t id = told->id;
		pid_t pid;

		if (round >= FRESH_FROM && !access(where, F_OK)) {
			remove_store();
			*told = (struct told){0};
			before = 0;
			id = 0;
		}
		pid = start("a", UINT32_MAX, told);
		/* Every other time it is in the middle of its samples for sure; else in whatever it is by then. */
		for (int i = 0; round % 2 && told->committed == before && i < 100000; i++)
			rest(100);
		rest(pb_random_below(&random, LIVES_US));
		end_now(pid);
		check_what_is_left(told);
		if (round % 2)
			assert_true(told->committed > before);
		if (id)
			assert_int_equal(told->id, id); /* it was resumed */
	}
	munmap((void *)told, sizeof(*told));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		store_test(two_that_write_at_once_lose_nothing),
		store_test(many_that_make_the_store_at_once_all_get_it),
		store_test(of_two_that_begin_a_bead_one_is_refused),
		store_test(kill_at_any_moment_loses_the_run_in_hand_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
