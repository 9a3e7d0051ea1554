/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * forks [N] [MS]: N children one after another, two at a time, each MS milliseconds of work in
 * child_work(); the parent itself does nothing.
 */
#include <sys/wait.h>

#include "tests/workload/workload.h"

VISIBLE static void child_work(double ms)
{
	for (int i = 0; i < ms * 20; i++)
		sink = burn(STEPS_50US, sink);
}

int main(int argc, char **argv)
{
	int n = (int)arg(argc, argv, 1, 500);
	double ms = arg(argc, argv, 2, 5);
	int running = 0;

	say_ready();
	for (int i = 0; i < n; i++) {
		if (running == 2 && wait(NULL) > 0)
			running--;
		switch (fork()) {
		case -1:
			perror("fork");
			return 1;
		case 0:
			child_work(ms);
			_exit(0);
		}
		running++;
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
