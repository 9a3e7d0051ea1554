/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Whether bead itself was stopped, as by Ctrl-Z: a command that is in a session of its own went on meanwhile. */
#ifndef PB_BEAD_HALT_H
#define PB_BEAD_HALT_H

#include <signal.h>
#include <stdbool.h>

struct pb_halt {
	sigset_t before; /* the mask to go back to */
};

/* From here on SIGCONT stays pending, which does not keep it from doing its work. Source: POSIX.1-2017, 2.4.3. */
void pb_halt_begin(struct pb_halt *halt);

/* Return: SIGCONT came since then. It is taken away, and the mask is as before. */
bool pb_halt_end(const struct pb_halt *halt);

#endif
