/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * mainexit [SECONDS]: the main thread exits at once and leaves a zombie leader; a thread named "rest"
 * goes on in after_main().
 */
#include <pthread.h>

#include "tests/workload/workload.h"

static uint64_t deadline;

VISIBLE static void after_main(void)
{
	sink = burn(STEPS_50US, sink);
}

static int leader_is_gone(void)
{
	char line[256] = "";
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)getpid());
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (!fgets(line, sizeof(line), f))
		line[0] = 0;
	fclose(f);
	for (char *p = line; *p; p++)
		if (p[0] == ')')
			return p[1] && p[2] == 'Z';
	return 0;
}

static void *rest(void *unused)
{
	(void)unused;
	pthread_setname_np(pthread_self(), "rest");
	while (!leader_is_gone())
		usleep(1000);
	say_ready();
	while (now_ns() < deadline)
		after_main();
	exit(0);
}

int main(int argc, char **argv)
{
	pthread_t t;

	deadline = in_seconds(arg(argc, argv, 1, 60));
	pthread_create(&t, NULL, rest, NULL);
	pthread_exit(NULL);
}
