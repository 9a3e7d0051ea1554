/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Writes the made-up heap as a saved profile to stdout: make_heap TYPE, the value that leads. */
#include <stdio.h>

#include "tests/heap/sample_heap.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/render/render.h"

int main(int argc, char **argv)
{
	const struct pb_render_opts o = {.top = 20, .value = PB_ALLOC_SPACE};
	pb_autofree char *extra = NULL;
	struct pb_heap_sample s;
	uint32_t value;
	int err;

	pb_heap_sample_init(&s);
	value = pb_profile_value(s.profile, argc == 2 ? argv[1] : "");
	if (value == PB_NONE) {
		printf("usage: make_heap TYPE\n");
		pb_heap_sample_drop(&s);
		return 2;
	}
	s.profile->default_value = value;
	err = pb_alloc_book_json(&s.book, s.profile, 20, value, &extra);
	err = err ? err : pb_report_set_extra(s.report, extra);
	err = err ? err : pb_render_pprof(stdout, s.profile, s.report, &o);
	pb_heap_sample_drop(&s);
	return err ? 1 : 0;
}
