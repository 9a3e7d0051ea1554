/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * hostile [SECONDS]: a thread name and symbols made to break a terminal, a page or a folded line. The
 * symbols get their names from rules.mk, by objcopy; the path is up to the test, which copies it.
 */
#include <sys/prctl.h>

#include "tests/workload/workload.h"

/* 15 bytes: ESC, newline, ";", markup. */
static const char evil_comm[] = "\033[31m\n;</b>\"' 7";

VISIBLE void evil_escape(void);
VISIBLE void evil_markup(void);
VISIBLE void evil_folded(void);

void evil_escape(void)
{
	sink = burn(STEPS_50US, 1);
}

void evil_markup(void)
{
	sink = burn(STEPS_50US, 2);
}

void evil_folded(void)
{
	sink = burn(STEPS_50US, 3);
}

int main(int argc, char **argv)
{
	uint64_t deadline = in_seconds(arg(argc, argv, 1, 60));

	prctl(PR_SET_NAME, evil_comm);
	say_ready();
	while (now_ns() < deadline) {
		evil_escape();
		evil_markup();
		evil_folded();
	}
	return 0;
}
