/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/render.h"

#include <string.h>

const struct pb_format pb_formats[] = {
	{"html", ".html", pb_render_html, false,
	 "interactive flame graph, one self-contained page"},
	{"folded", ".folded", pb_render_folded, false,
	 "one line per stack: frames, then the value"},
	{"text", ".txt", pb_render_text, false, "table of the hottest functions"},
	{"json", ".json", pb_render_json, false, "report for programs, with a schema"},
	{"pprof", ".pb.gz", pb_render_pprof, true, "the whole profile; what --from reads"},
	{"speedscope", ".speedscope.json", pb_render_speedscope, false, "for speedscope.app"},
	{0},
};

const struct pb_format *pb_format_by_name(const char *name)
{
	for (const struct pb_format *f = pb_formats; f->name; f++) {
		if (!strcmp(name, f->name) || !strcmp(name, f->suffix + 1))
			return f;
	}
	return NULL;
}

const struct pb_format *pb_format_by_path(const char *path)
{
	const struct pb_format *best = NULL;
	size_t len = strlen(path);

	for (const struct pb_format *f = pb_formats; f->name; f++) {
		size_t suffix = strlen(f->suffix);

		if (suffix > len || strcmp(path + len - suffix, f->suffix) != 0)
			continue;
		if (!best || suffix > strlen(best->suffix))
			best = f;
	}
	return best;
}
