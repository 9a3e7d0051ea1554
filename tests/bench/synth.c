/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * synth STACKS DEPTH: a pprof file on stdout with STACKS distinct stacks of DEPTH frames, over 2,000
 * functions in 20 modules. The same bytes at every run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/render/render.h"

#define N_FUNCTIONS 2000
#define N_MODULES   20

static uint32_t text(struct pb_profile *p, const char *fmt, unsigned int n)
{
	char buf[96];
	int len = snprintf(buf, sizeof(buf), fmt, n);

	return pb_profile_string(p, buf, (size_t)len);
}

/* One location per function is enough: a tree merges by function anyway. */
static void add_functions(struct pb_profile *p, uint32_t *locations)
{
	uint32_t modules[N_MODULES];

	for (unsigned int i = 0; i < N_MODULES; i++) {
		struct pb_module m = {
			.kind = PB_MODULE_FILE,
			.path = text(p, "/usr/lib/synthetic/libmodule_%u.so.1", i),
			.start = 0x400000,
			.limit = 0x800000,
			.has_functions = true,
		};

		modules[i] = pb_profile_module(p, &m);
	}
	for (unsigned int i = 0; i < N_FUNCTIONS; i++) {
		uint32_t name = text(p, "synthetic_namespace_handle_request_%u", i);
		struct pb_function f = {.name = name, .system_name = name};
		struct pb_line line = {.function = pb_profile_function(p, &f)};

		locations[i] =
			pb_profile_location(p, modules[i % N_MODULES], 0x400000 + i * 64ull, true);
		pb_profile_set_lines(p, locations[i], &line, 1);
	}
}

/* Paths share their first frames, as calls do, and part more and more often. */
static void add_stack(struct pb_profile *p, const uint32_t *locations, uint32_t stack,
		      uint32_t depth, uint32_t process)
{
	uint64_t values[2] = {1 + stack % 7, (1 + stack % 7) * 10101010ull};
	uint32_t node = 0;

	for (uint32_t level = 0; level < depth; level++) {
		uint32_t common = level < 8 ? stack >> (2 * (8 - level)) : stack;
		uint64_t h = (common + 1) * 0x9e3779b97f4a7c15ull + level * 0xc2b2ae3d27d4eb4full;

		node = pb_profile_node(p, node, locations[(h >> 33) % N_FUNCTIONS]);
	}
	pb_profile_add(p, node, process, values);
}

int main(int argc, char **argv)
{
	static const struct pb_value_type types[] = {{"samples", "count"}, {"cpu", "nanoseconds"}};
	static uint32_t locations[N_FUNCTIONS];
	pb_auto(pb_profile) struct pb_profile *p = NULL;
	pb_auto(pb_report) struct pb_report *r = NULL;
	uint32_t stacks, depth, process;

	if (argc != 3 || !(stacks = (uint32_t)atoi(argv[1])) ||
	    !(depth = (uint32_t)atoi(argv[2]))) {
		fputs("usage: synth STACKS DEPTH\n", stderr);
		return 2;
	}
	if (pb_profile_new(&p, types, 2) || pb_report_new(&r))
		return 1;
	p->period_type = types[1];
	p->period = 10101010;
	p->duration_ns = 3000000000ull;
	r->tool = "cpuflame";
	r->schema = "cpuflame/1";
	add_functions(p, locations);
	process = pb_profile_process(p, 1, text(p, "synthetic", 0));
	for (uint32_t i = 0; i < stacks; i++)
		add_stack(p, locations, i, depth, process);
	r->produced = r->kept = r->complete = pb_profile_total(p, 0);
	r->unique_stacks = stacks;
	if (pb_profile_error(p) ||
	    pb_render_pprof(stdout, p, r, &(struct pb_render_opts){.top = 20}))
		return 1;
	return fflush(stdout) ? 1 : 0;
}
