/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/core/own.h"

const char *pb_history_bar(char buf[PB_HISTORY_BAR], double value, double most, int columns)
{
	/* U+2588 is a whole block, U+2589 seven eighths, down to U+258F. */
	static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	int n = value > 0 && most > 0 ? (int)(value / most * columns * 8 + 0.5) : 0, used = 0, i;

	n = n > columns * 8 ? columns * 8 : n;
	for (i = 0; i < n / 8; i++)
		used += snprintf(buf + used, (size_t)(PB_HISTORY_BAR - used), "█");
	if (n % 8) {
		used += snprintf(buf + used, (size_t)(PB_HISTORY_BAR - used), "%s", eighths[n % 8]);
		i++;
	}
	snprintf(buf + used, (size_t)(PB_HISTORY_BAR - used), "%*s", columns - i, "");
	return buf;
}

bool pb_history_can_draw(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	/* As setlocale(3): the first that is set decides. */
	for (size_t i = 0; i < PB_ARRAY_SIZE(names); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return isatty(STDOUT_FILENO) &&
			       (strcasestr(value, "utf-8") || strcasestr(value, "utf8"));
	}
	return false;
}
