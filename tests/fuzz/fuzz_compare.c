/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Two outputs of a program, behind a byte for the mode and the rules, with the byte 0xfe between them. Each equals
 * itself; where they differ, what is said may be printed, and is said both ways round.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/bead/compare.h"
#include "user/bead/oracle.h"
#include "user/core/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As a message of ours: what is not safe would come out otherwise. */
static bool compare(const struct pb_comparison *c)
{
	char text[512] = "", safe[2048];
	bool equal = pb_compare_texts(c, text, sizeof(text));

	pb_text_safe_line(safe, sizeof(safe), text, strlen(text));
	if (strcmp(safe, text) != 0 || (!equal && !text[0]))
		__builtin_trap();
	return equal;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pb_plan_rule rules[] = {{(char *)"[0-9]+(\\.x)?|^", (char *)"<\\1>"},
				       {(char *)"\\<a*b|c$", (char *)"\\\\"}};
	struct pb_plan_golden golden = {.rules = rules, .absolute = 0.5, .relative = 1e-3};
	struct pb_comparison c = {.golden = &golden}, back;
	const char *text = (const char *)data + 1, *middle;
	char *a = NULL, *b = NULL;
	size_t a_size = 0, b_size = 0;

	if (!size || !(middle = memchr(text, 0xfe, size - 1)))
		return 0;
	c.mode = (enum pb_compare)(data[0] % 4);
	c.of_two_runs = data[0] & 4;
	golden.n_rules = data[0] >> 3 & 1 ? 2 : 0;
	if (!pb_oracle_normalize(&a, &a_size, &golden, (int)c.mode, text,
				 (size_t)(middle - text)) &&
	    !pb_oracle_normalize(&b, &b_size, &golden, (int)c.mode, middle + 1,
				 size - 2 - (size_t)(middle - text))) {
		c.a = (struct pb_compare_text){a, a_size};
		c.b = (struct pb_compare_text){b, b_size};
		back = c;
		back.a = c.b;
		back.b = c.a;
		if (compare(&c) != compare(&back))
			__builtin_trap();
		back.b = back.a;
		if (!compare(&back))
			__builtin_trap();
	}
	free(a);
	free(b);
	return 0;
}
