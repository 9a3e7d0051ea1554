/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * shape [SECONDS]: CPU time split 6 : 3 : 1 over hot_a, hot_b and hot_c, by step counts.
 *
 *   main > serve > handle > parse > hot_a 60 %
 *                         > query > hot_b 30 %
 *                         > reply > hot_c 10 %
 *
 * Built with frame pointers (shape) and without (shape-nofp).
 */
#include "tests/workload/workload.h"

VISIBLE static void hot_a(uint64_t n)
{
	sink = burn(n, sink);
}

VISIBLE static void hot_b(uint64_t n)
{
	sink = burn(n, sink + 1);
}

VISIBLE static void hot_c(uint64_t n)
{
	sink = burn(n, sink + 2);
}

VISIBLE static void parse(void)
{
	hot_a(6 * STEPS_50US);
	KEEP_FRAME();
}

VISIBLE static void query(void)
{
	hot_b(3 * STEPS_50US);
	KEEP_FRAME();
}

VISIBLE static void reply(void)
{
	hot_c(1 * STEPS_50US);
	KEEP_FRAME();
}

VISIBLE static void handle(void)
{
	parse();
	query();
	reply();
	KEEP_FRAME();
}

VISIBLE static void serve(uint64_t deadline)
{
	while (now_ns() < deadline)
		handle();
}

int main(int argc, char **argv)
{
	say_ready();
	serve(in_seconds(arg(argc, argv, 1, 60)));
	return 0;
}
