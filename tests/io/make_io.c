/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Writes the made-up run of iolatency to stdout: make_io FORMAT, "latency" for its own text. */
#include <stdio.h>
#include <string.h>

#include "tests/io/sample_io.h"
#include "user/core/profile.h"
#include "user/render/render.h"

int main(int argc, char **argv)
{
	bool is_text = argc == 2 && !strcmp(argv[1], "latency");
	const struct pb_format *format = argc == 2 ? pb_format_by_name(argv[1]) : NULL;
	struct pb_render_opts o = {.top = 20};
	struct pb_io_sample s;
	int err;

	if (!format && !is_text) {
		printf("usage: make_io FORMAT\n");
		return 2;
	}
	pb_io_sample_init(&s);
	o.value = s.profile->default_value;
	err = (is_text ? pb_render_latency : format->render)(stdout, s.profile, s.report, &o);
	pb_io_sample_drop(&s);
	return err ? 1 : 0;
}
