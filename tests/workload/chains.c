/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * chains [SECONDS]: two threads, each by calls of its own to probed(), which both call all the time. A
 * stack is one of these, or begins like one; anything else cannot be:
 *
 *   left   thread_main > left_outer  > left_middle > left_inner                   > probed
 *   right  thread_main > right_outer > right_down (7 times) > right_inner > probed
 */
#include <pthread.h>

#include "tests/workload/workload.h"

#define DOWN 7

static uint64_t deadline;
static pthread_barrier_t named; /* ready is said once the threads are past their beginning */

VISIBLE static uint64_t probed(uint64_t x)
{
	return burn(200, x);
}

VISIBLE static void left_inner(void)
{
	uint64_t x = 0;

	for (int i = 0; i < 100; i++)
		x = probed(x);
	sink = x;
}

VISIBLE static void left_middle(void)
{
	char room[72];

	KEEP_ROOM(room);
	left_inner();
	KEEP_ROOM(room);
}

VISIBLE static void left_outer(void)
{
	left_middle();
	KEEP_FRAME();
}

VISIBLE static void right_inner(void)
{
	char room[1000];
	uint64_t x = 0;

	KEEP_ROOM(room);
	for (int i = 0; i < 100; i++)
		x = probed(x + 1);
	sink = x;
	KEEP_ROOM(room);
}

VISIBLE static void right_down(int left)
{
	if (left > 1)
		right_down(left - 1);
	else
		right_inner();
	KEEP_FRAME();
}

VISIBLE static void right_outer(void)
{
	right_down(DOWN);
	KEEP_FRAME();
}

static const struct side {
	const char *name;
	void (*outer)(void);
} sides[] = {
	{"left", left_outer},
	{"right", right_outer},
};

VISIBLE static void *thread_main(void *p)
{
	const struct side *side = p;

	pthread_setname_np(pthread_self(), side->name);
	pthread_barrier_wait(&named);
	while (now_ns() < deadline)
		side->outer();
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t[2];

	deadline = in_seconds(arg(argc, argv, 1, 60));
	pthread_barrier_init(&named, NULL, 3);
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, thread_main, (void *)&sides[i]);
	pthread_barrier_wait(&named);
	say_ready();
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	return 0;
}
