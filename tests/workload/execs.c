/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * execs SECONDS CMD ARGS: works in before_exec(), then becomes CMD. Nothing of before_exec() may be
 * seen under CMD's name, and the other way round.
 */
#include "tests/workload/workload.h"

VISIBLE static void before_exec(uint64_t deadline)
{
	while (now_ns() < deadline)
		sink = burn(STEPS_50US, sink);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fputs("usage: execs SECONDS CMD ARGS\n", stderr);
		return 2;
	}
	say_ready();
	before_exec(in_seconds(arg(argc, argv, 1, 1)));
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
