/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where stacks really begin. */
#ifndef PB_SYMBOL_BOTTOM_H
#define PB_SYMBOL_BOTTOM_H

#include <stdbool.h>

/**
 * pb_symbol_is_bottom() - whether a function is a real outermost frame.
 *
 * The start of a program or of a thread, in glibc, musl and Go, `main` (below it is only what
 * started it), and the start of a kernel thread or of a CPU. By name only: a stack that was cut and
 * happens to end in such a function is whole for its reader all the same. O(log of the table).
 */
bool pb_symbol_is_bottom(const char *function_name);

#endif
