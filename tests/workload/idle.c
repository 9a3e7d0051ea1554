/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* idle [SECONDS]: sleeps. There is nothing to measure. */
#include "tests/workload/workload.h"

int main(int argc, char **argv)
{
	double seconds = arg(argc, argv, 1, 60);

	say_ready();
	usleep((useconds_t)(seconds * 1e6));
	return 0;
}
