/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * syscalls: two threads that hand a byte to and fro, each blocked in read() while the other one runs, and
 * two that make system calls as fast as they can. Nearly all samples are taken in the kernel.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "tests/workload/workload.h"

#define SECONDS_MAX 300

struct pair {
	int from, to;
};

VISIBLE static void *hand_over(void *ctx)
{
	const struct pair *pair = ctx;
	char byte;

	while (read(pair->from, &byte, 1) == 1 && write(pair->to, &byte, 1) == 1)
		KEEP_FRAME();
	return NULL;
}

VISIBLE static void *read_zeros(void *ctx)
{
	static char buf[65536];
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	(void)ctx;
	while (read(fd, buf, sizeof(buf)) > 0)
		KEEP_FRAME();
	return NULL;
}

VISIBLE static void *ask_for_files(void *ctx)
{
	struct stat st;

	(void)ctx;
	while (!stat("/proc/self/exe", &st))
		KEEP_FRAME();
	return NULL;
}

int main(void)
{
	int there[2], back[2];
	pthread_t thread;

	if (pipe(there) || pipe(back) || write(there[1], "x", 1) != 1)
		return 1;
	struct pair a = {there[0], back[1]}, b = {back[0], there[1]};

	if (pthread_create(&thread, NULL, hand_over, &a) ||
	    pthread_create(&thread, NULL, hand_over, &b) ||
	    pthread_create(&thread, NULL, read_zeros, NULL) ||
	    pthread_create(&thread, NULL, ask_for_files, NULL))
		return 1;
	say_ready();
	sleep(SECONDS_MAX);
	return 0;
}
