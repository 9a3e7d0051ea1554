/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A saved profile is hostile input. What can be read must be shown by every format, and must come
 * back from being saved as it is: written, read and written again are the same bytes.
 *
 * Every refusal is logged, which is most of the time: run with -close_fd_mask=2 for speed.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/render/render.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Anything but these is a bug of ours. */
static void must(bool right)
{
	if (!right)
		abort();
}

static char *render(pb_render_fn *fn, const struct pb_profile *p, const struct pb_report *r,
		    size_t *len)
{
	const struct pb_render_opts o = {.top = 10, .value = p->default_value, .color = true};
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	must(out && fn(out, p, r, &o) == 0);
	must(fclose(out) == 0);
	return text;
}

static void round_trip(const struct pb_profile *p, const struct pb_report *r)
{
	pb_auto(pb_profile) struct pb_profile *p2 = NULL;
	pb_auto(pb_report) struct pb_report *r2 = NULL;
	pb_autofree char *second = NULL;
	size_t len, len2;
	pb_autofree char *first = render(pb_render_pprof, p, r, &len);

	must(pb_pprof_read(&p2, &r2, first, len) == 0);
	second = render(pb_render_pprof, p2, r2, &len2);
	must(len == len2 && !memcmp(first, second, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pb_auto(pb_profile) struct pb_profile *p = NULL;
	pb_auto(pb_report) struct pb_report *r = NULL;

	if (pb_pprof_read(&p, &r, data, size))
		return 0;
	for (const struct pb_format *f = pb_formats; f->name; f++) {
		size_t len;

		if (pb_format_fits(f, p->value_types, p->n_values))
			free(render(f->render, p, r, &len));
	}
	free(render(pb_render_heap, p, r, &(size_t){0}));
	round_trip(p, r);
	return 0;
}
