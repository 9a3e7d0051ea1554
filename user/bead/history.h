/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bars for a history. */
#ifndef PB_BEAD_HISTORY_H
#define PB_BEAD_HISTORY_H

#include <stdbool.h>

#define PB_HISTORY_BAR 128 /* bytes of a bar, which has at most 40 columns */

/* A bar from 0 to @value, in eighths of a column, filled up with spaces: @most has @columns. All spaces where there is
 * nothing to draw. Gives @buf. */
const char *pb_history_bar(char buf[PB_HISTORY_BAR], double value, double most, int columns);

/* Whether stdout is a terminal that shows UTF-8. */
bool pb_history_can_draw(void);

#endif
