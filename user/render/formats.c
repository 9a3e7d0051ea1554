/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/render.h"

#include <string.h>

#include "user/core/profile.h"

const struct pb_format pb_formats[] = {
	{"html", ".html", pb_render_html, false, NULL, NULL,
	 "interactive flame graph, one self-contained page"},
	{"folded", ".folded", pb_render_folded, false, NULL, NULL,
	 "one line per stack: frames, then the value"},
	{"text", ".txt", pb_render_text, false, NULL, NULL, "table of the hottest functions"},
	{"json", ".json", pb_render_json, false, NULL, NULL, "report for programs, with a schema"},
	{"pprof", ".pb.gz", pb_render_pprof, true, NULL, NULL,
	 "the whole profile; what --from reads"},
	{"speedscope", ".speedscope.json", pb_render_speedscope, false, NULL, NULL,
	 "for speedscope.app"},
	{"dhat", ".dhat.json", pb_render_dhat, false, "alloc_space", NULL,
	 "heap profile for valgrind's dh_view.html and Firefox Profiler"},
	{"prom", ".prom", pb_render_prom, false, "operations", "no latencies of I/O",
	 "histograms of I/O for Prometheus, by node_exporter's textfile collector"},
	{"trace", ".trace.json", pb_render_trace, false, "operations",
	 "no slow I/O: they are kept with --slower",
	 "slow I/O in time, for Perfetto and chrome://tracing"},
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

bool pb_format_fits(const struct pb_format *format, const struct pb_value_type *types, uint32_t n)
{
	if (!format->needs)
		return true;
	for (uint32_t i = 0; i < n; i++) {
		if (!strcmp(types[i].type, format->needs))
			return true;
	}
	return false;
}
