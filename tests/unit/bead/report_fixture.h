/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Reports of profilers, written by hand. */
#ifndef PB_TESTS_BEAD_REPORT_FIXTURE_H
#define PB_TESTS_BEAD_REPORT_FIXTURE_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "user/bead/finds.h"
#include "user/bead/levers.h"
#include "user/core/jsonvalue.h"

/* JSON with ' for ". */
static inline json_t *report_of(const char *text)
{
	char *copy = strdup(text);
	json_error_t error;
	json_t *report;

	for (char *p = copy; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	report = json_loads(copy, 0, &error);
	if (!report)
		print_error("%s, at %d\n", error.text, error.position);
	assert_non_null(report);
	free(copy);
	return report;
}

static inline const struct pb_find *find_named(const struct pb_finds *finds, const char *name)
{
	for (uint32_t i = 0; i < finds->n; i++)
		if (!strcmp(finds->rows[i].spot.name, name))
			return &finds->rows[i];
	return NULL;
}

static inline const struct pb_find_clue *clue_for(const struct pb_find *find, const char *lever)
{
	for (uint32_t i = 0; find && i < find->n_clues; i++)
		if (!strcmp(find->clues[i].lever->name, lever))
			return &find->clues[i];
	return NULL;
}

static inline int is_near(double a, double b)
{
	return fabs(a - b) < 1e-6 * fmax(1, fabs(b));
}

#endif
