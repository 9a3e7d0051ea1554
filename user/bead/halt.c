/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/halt.h"

#include <stddef.h>
#include <time.h>

static sigset_t just_cont(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCONT);
	return set;
}

static bool take(void)
{
	const struct timespec now = {0};
	sigset_t cont = just_cont();

	return sigtimedwait(&cont, NULL, &now) == SIGCONT;
}

void pb_halt_begin(struct pb_halt *halt)
{
	sigset_t cont = just_cont();

	sigprocmask(SIG_BLOCK, &cont, &halt->before);
	take(); /* of before */
}

bool pb_halt_end(const struct pb_halt *halt)
{
	bool came = take();

	sigprocmask(SIG_SETMASK, &halt->before, NULL);
	return came;
}
