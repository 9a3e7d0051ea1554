/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * threads [SECONDS]: three threads, "red" in hot_red, "green" in hot_green, "blue" in hot_blue.
 * Before the line "ready", says "NAME TID" for each.
 */
#include <pthread.h>
#include <sys/syscall.h>

#include "tests/workload/workload.h"

static uint64_t deadline;
static pthread_barrier_t named;

VISIBLE static void hot_red(void)
{
	sink = burn(STEPS_50US, 1);
}

VISIBLE static void hot_green(void)
{
	sink = burn(STEPS_50US, 2);
}

VISIBLE static void hot_blue(void)
{
	sink = burn(STEPS_50US, 3);
}

static const struct colour {
	const char *name;
	void (*hot)(void);
} colours[] = {
	{"red", hot_red},
	{"green", hot_green},
	{"blue", hot_blue},
};

VISIBLE static void *thread_main(void *p)
{
	const struct colour *c = p;

	pthread_setname_np(pthread_self(), c->name);
	printf("%s %ld\n", c->name, syscall(SYS_gettid));
	pthread_barrier_wait(&named);
	while (now_ns() < deadline)
		c->hot();
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t[3];

	deadline = in_seconds(arg(argc, argv, 1, 60));
	pthread_barrier_init(&named, NULL, 4);
	for (int i = 0; i < 3; i++)
		pthread_create(&t[i], NULL, thread_main, (void *)&colours[i]);
	pthread_barrier_wait(&named);
	say_ready();
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	return 0;
}
