/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* deep [DEPTH] [SECONDS]: all work at the end of DEPTH calls of down(). */
#include "tests/workload/workload.h"

VISIBLE static void bottom(void)
{
	sink = burn(STEPS_50US, sink);
}

VISIBLE static void down(int left)
{
	if (left > 1)
		down(left - 1);
	else
		bottom();
	KEEP_FRAME();
}

int main(int argc, char **argv)
{
	int depth = (int)arg(argc, argv, 1, 200);
	uint64_t deadline = in_seconds(arg(argc, argv, 2, 60));

	say_ready();
	while (now_ns() < deadline)
		down(depth);
	return 0;
}
