/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * fuzz: seconds 15
 *
 * What a workload wrote as the times of its operations, behind a byte for the unit. Numbers that are taken are times, one
 * for each line; what is refused is refused with a line that may be printed.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/bead/latencies.h"
#include "user/core/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char why[192] = "", safe[1024], *text;
	double *ns = NULL;
	uint32_t n = 0, lines = 0;
	int err;

	if (!size)
		return 0;
	/* As a captured file is: with a NUL behind it. */
	text = calloc(1, size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	err = pb_latencies_parse(&ns, &n, text, size - 1, (enum pb_plan_unit)(data[0] % 4), why,
				 sizeof(why));
	for (size_t i = 0; i + 1 < size; i++)
		lines += text[i] == '\n' || i + 2 == size;
	if (!err && (n != lines || !n))
		__builtin_trap();
	for (uint32_t i = 0; i < n; i++)
		if (!(ns[i] >= 0 && ns[i] <= 1e18))
			__builtin_trap();
	pb_text_safe_line(safe, sizeof(safe), why, strlen(why));
	if (err && (err != -EPROTO || !why[0] || ns || strcmp(safe, why) != 0))
		__builtin_trap();
	free(ns);
	free(text);
	return 0;
}
