/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* exits [MS] [STATUS]: uses MS milliseconds of CPU in short_work() and exits with STATUS. */
#include "tests/workload/workload.h"

static uint64_t used_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

VISIBLE static void short_work(uint64_t until)
{
	while (used_ns() < until)
		sink = burn(STEPS_50US, sink);
}

int main(int argc, char **argv)
{
	say_ready();
	short_work((uint64_t)(arg(argc, argv, 1, 1000) * 1e6));
	return (int)arg(argc, argv, 2, 0);
}
