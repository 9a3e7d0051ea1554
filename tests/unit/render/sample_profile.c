/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/unit/render/sample_profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "user/core/profile.h"
#include "user/core/report.h"

#define PATH_MAX_DEPTH 8
#define END            PB_NONE

/* Ids of the modules, in the order they are added. */
enum module { LIBC, APP, KERNEL, JIT, VDSO, HOSTILE, OTHER_LIBC };

static const struct {
	const char *path;
	enum pb_module_kind kind;
	uint64_t start, limit, file_off;
	const char *build_id;
} modules[] = {
	[LIBC] = {"/usr/lib/x86_64-linux-gnu/libc.so.6", PB_MODULE_FILE, 0x7f0000028000,
		  0x7f0000180000, 0x28000, "\x01\x23\x45\x67\x89\xab\xcd\xef"},
	[APP] = {"/opt/app/bin/app", PB_MODULE_FILE, 0x401000, 0x480000, 0x1000, "\xca\xfe"},
	[KERNEL] = {"[kernel.kallsyms]", PB_MODULE_KERNEL, 0, UINT64_MAX, 0, ""},
	[JIT] = {"[anon]", PB_MODULE_ANON, 0, UINT64_MAX, 0, ""},
	[VDSO] = {"[vdso]", PB_MODULE_VDSO, 0x7fff00001000, 0x7fff00002000, 0, ""},
	[HOSTILE] = {"/tmp/evil;\n</script>\"\033[31m.so", PB_MODULE_FILE, 0x10000, 0x20000, 0, ""},
	[OTHER_LIBC] = {"/opt/app/lib/libc.so.6", PB_MODULE_FILE, 0x7f1000000000, 0x7f1000100000, 0,
			"\xbe\xef"},
};

/* Places in code, innermost function first. */
enum location {
	START,
	MAIN,
	COMPUTE_SQUARE,
	COMPUTE,
	FIB,
	FIB_CALL,
	WRITE,
	WRITE_LEAF,
	ENTRY_SYSCALL,
	DO_SYSCALL,
	VFS_WRITE,
	APP_UNKNOWN,
	LIBC_UNNAMED,
	EVIL,
	JITTED,
	GETTIMEOFDAY,
	CPU_IDLE,
	OTHER_WRITE,
	UTF8,
	ZERO,
	N_LOCATIONS,
	TRUNCATED = N_LOCATIONS,
	BROKEN,
};

#define COMPUTE_C "/src/app/compute.c"

static const struct {
	enum module module;
	uint64_t addr;
	bool is_return;
	struct {
		const char *name, *file;
		uint32_t line;
	} lines[2];
} locations[] = {
	[START] = {APP, 0x401021, true, {{"_start", "", 0}}},
	[MAIN] = {APP, 0x401135, true, {{"main", "/src/app/main.c", 12}}},
	[COMPUTE_SQUARE] = {APP,
			    0x401200,
			    false,
			    {{"square", COMPUTE_C, 4}, {"compute", COMPUTE_C, 21}}},
	[COMPUTE] = {APP, 0x401240, false, {{"compute", COMPUTE_C, 23}}},
	[FIB] = {APP, 0x401300, false, {{"fib", COMPUTE_C, 31}}},
	[FIB_CALL] = {APP, 0x401310, true, {{"fib", COMPUTE_C, 31}}},
	[WRITE] = {LIBC, 0x7f0000040010, true, {{"write", "", 0}}},
	[WRITE_LEAF] = {LIBC, 0x7f0000040004, false, {{"write", "", 0}}},
	[ENTRY_SYSCALL] = {KERNEL, 0xffffffff81a00079, true, {{"entry_SYSCALL_64", "", 0}}},
	[DO_SYSCALL] = {KERNEL, 0xffffffff81900040, true, {{"do_syscall_64", "", 0}}},
	[VFS_WRITE] = {KERNEL, 0xffffffff81300000, false, {{"vfs_write", "", 0}}},
	[APP_UNKNOWN] = {APP, 0x401999, false, {{"app+0x1999", "", 0}}},
	[LIBC_UNNAMED] = {LIBC, 0x7f0000030000, false, {{NULL, NULL, 0}}},
	[EVIL] = {HOSTILE,
		  0x10010,
		  false,
		  {{"evil\033]0;owned\007\n</script><b>\"&'\\ 7", "/tmp/evil\n.c", 1}}},
	[JITTED] = {JIT,
		    0x3f0000001000,
		    false,
		    {{"Function:~handler;(request) /srv/a b.js", "", 0}}},
	[GETTIMEOFDAY] = {VDSO, 0x7fff00001a00, false, {{"__vdso_gettimeofday", "", 0}}},
	[CPU_IDLE] = {KERNEL, 0xffffffff81000100, false, {{"cpu_startup_entry", "", 0}}},
	[OTHER_WRITE] = {OTHER_LIBC, 0x7f1000000100, false, {{"write", "", 0}}},
	[UTF8] = {APP, 0x402000, false, {{"größe::naïve<T>", "", 0}}},
	[ZERO] = {APP, 0x402100, false, {{"zero", "", 0}}},
};

static const struct {
	uint32_t tgid;
	const char *comm;
} processes[] = {{1234, "app"}, {1234, "worker"}, {5678, "ba;d\033[31m\n"}, {0, "swapper/0"}};

static const struct {
	uint32_t process;
	uint32_t samples;
	uint32_t path[PATH_MAX_DEPTH]; /* outermost first */
} stacks[] = {
	{0, 42, {START, MAIN, COMPUTE_SQUARE, END}},
	{0, 5, {START, MAIN, COMPUTE, END}},
	{0, 10, {START, MAIN, FIB_CALL, FIB_CALL, FIB, END}},
	{0, 7, {START, MAIN, WRITE, ENTRY_SYSCALL, DO_SYSCALL, VFS_WRITE, END}},
	{0, 1, {START, MAIN, WRITE_LEAF, END}},
	{0, 1, {START, MAIN, OTHER_WRITE, END}},
	{0, 6, {START, MAIN, JITTED, END}},
	{0, 2, {START, MAIN, GETTIMEOFDAY, END}},
	{0, 1, {START, MAIN, UTF8, END}},
	{0, 0, {START, MAIN, ZERO, END}},
	{1, 3, {TRUNCATED, FIB_CALL, FIB, END}},
	{1, 2, {BROKEN, APP_UNKNOWN, END}},
	{1, 1, {LIBC_UNNAMED, END}},
	{2, 4, {START, EVIL, END}},
	{3, 8, {CPU_IDLE, END}},
	{PB_NONE, 0, {MAIN, END}},
};

static uint32_t string(struct pb_profile *p, const char *s)
{
	return pb_profile_string(p, s, strlen(s));
}

static void add_module(struct pb_profile *p, enum module i)
{
	struct pb_module m = {
		.path = string(p, modules[i].path),
		.kind = modules[i].kind,
		.start = modules[i].start,
		.limit = modules[i].limit,
		.file_off = modules[i].file_off,
		.tgid = i == JIT ? 1234 : 0,
		.build_id_len = (uint8_t)strlen(modules[i].build_id),
		.has_functions = i != HOSTILE,
		.has_filenames = i == APP,
		.has_lines = i == APP,
		.has_inlines = i == APP,
	};

	memcpy(m.build_id, modules[i].build_id, m.build_id_len);
	assert_int_equal(pb_profile_module(p, &m), i);
}

static uint32_t add_location(struct pb_profile *p, uint32_t i)
{
	uint32_t id = pb_profile_location(p, locations[i].module, locations[i].addr,
					  locations[i].is_return);
	struct pb_line lines[2];
	uint32_t n = 0;

	for (; n < 2 && locations[i].lines[n].name; n++) {
		struct pb_function f = {
			.name = string(p, locations[i].lines[n].name),
			.file = string(p, locations[i].lines[n].file),
		};

		lines[n].function = pb_profile_function(p, &f);
		lines[n].line = locations[i].lines[n].line;
	}
	if (n)
		pb_profile_set_lines(p, id, lines, n);
	return id;
}

struct pb_profile *pb_sample_empty_profile(void)
{
	const struct pb_value_type types[] = {{"samples", "count"}, {"cpu", "nanoseconds"}};
	struct pb_profile *p = NULL;

	assert_int_equal(pb_profile_new(&p, types, PB_ARRAY_SIZE(types)), 0);
	p->period_type = types[1];
	p->period = PB_SAMPLE_NS;
	p->default_value = 1;
	p->time_ns = 1700000000123456789;
	p->duration_ns = 10012345678;
	return p;
}

struct pb_profile *pb_sample_profile(void)
{
	struct pb_profile *p = pb_sample_empty_profile();
	uint32_t process[PB_ARRAY_SIZE(processes)], location[BROKEN + 1];

	for (uint32_t i = 0; i < PB_ARRAY_SIZE(modules); i++)
		add_module(p, i);
	for (uint32_t i = 0; i < PB_ARRAY_SIZE(processes); i++)
		process[i] = pb_profile_process(p, processes[i].tgid, string(p, processes[i].comm));
	for (uint32_t i = 0; i < N_LOCATIONS; i++)
		location[i] = add_location(p, i);
	location[TRUNCATED] = pb_profile_marker(p, "[truncated]");
	location[BROKEN] = pb_profile_marker(p, "[broken]");
	for (uint32_t i = 0; i < PB_ARRAY_SIZE(stacks); i++) {
		const uint64_t values[] = {stacks[i].samples, stacks[i].samples * PB_SAMPLE_NS};
		uint32_t node = 0;

		for (uint32_t k = 0; stacks[i].path[k] != END; k++)
			node = pb_profile_node(p, node, location[stacks[i].path[k]]);
		pb_profile_add(p, node,
			       stacks[i].process == PB_NONE ? PB_NONE : process[stacks[i].process],
			       values);
	}
	assert_int_equal(pb_profile_error(p), 0);
	assert_int_equal(p->n_samples, PB_SAMPLE_STACKS);
	assert_int_equal(pb_profile_total(p, 0), PB_SAMPLE_TOTAL);
	return p;
}

/* The profile with sources */

enum source_function { SRC_MAIN, HANDLE_INT, HANDLE_DOUBLE, FIND, LOWER_BOUND, DROP, PLAIN };

static const struct {
	const char *name, *system_name, *file;
	uint32_t start_line;
} source_functions[] = {
	[SRC_MAIN] = {"main", "main", "/src/server/main.cc", 40},
	[HANDLE_INT] = {"app::Server::handle", "_ZN3app6Server6handleEi", "/src/server/server.cc",
			100},
	[HANDLE_DOUBLE] = {"app::Server::handle", "_ZN3app6Server6handleEd",
			   "/src/server/server.cc", 140},
	[FIND] = {"std::map<int, std::string>::find", "_ZNSt3mapIiSsE4findERKi",
		  "/usr/include/c++/12/bits/stl_map.h", 1217},
	[LOWER_BOUND] = {"std::_Rb_tree<int>::_M_lower_bound",
			 "_ZNSt8_Rb_treeIiE14_M_lower_boundEv",
			 "/usr/include/c++/12/bits/stl_tree.h", 1950},
	[DROP] = {"<alloc::vec::Vec<T> as core::ops::drop::Drop>::drop",
		  "_ZN70_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..ops..drop..Drop$GT$4drop17h"
		  "0123456789abcdefE",
		  "/rustc/90c5418/library/alloc/src/vec/mod.rs", 3016},
	[PLAIN] = {"plain", "", "", 0},
};

static const struct {
	enum module module; /* LIBC has no debug information here */
	uint64_t addr;
	uint32_t samples; /* of the stack from main() to here */
	struct {
		enum source_function function;
		uint32_t line;
	} lines[3]; /* ends with line 0 beyond the first */
} source_places[] = {
	{APP, 0x401210, 5, {{LOWER_BOUND, 1955}, {FIND, 1220}, {HANDLE_INT, 105}}},
	{APP, 0x401218, 3, {{LOWER_BOUND, 1957}, {FIND, 1220}, {HANDLE_INT, 105}}},
	{APP, 0x401230, 2, {{HANDLE_INT, 112}}},
	{APP, 0x401234, 2, {{HANDLE_INT, 112}}},
	{APP, 0x401238, 1, {{HANDLE_INT, 0}}},
	{APP, 0x401310, 1, {{HANDLE_DOUBLE, 150}}},
	{APP, 0x401400, 4, {{DROP, 3020}}},
	{LIBC, 0x7f0000030000, 3, {{PLAIN, 0}}},
};

static uint32_t source_function(struct pb_profile *p, enum source_function i)
{
	const struct pb_function f = {
		.name = string(p, source_functions[i].name),
		.system_name = string(p, source_functions[i].system_name),
		.file = string(p, source_functions[i].file),
		.start_line = source_functions[i].start_line,
	};

	return pb_profile_function(p, &f);
}

struct pb_profile *pb_sample_source_profile(void)
{
	struct pb_profile *p = pb_sample_empty_profile();
	uint32_t process = pb_profile_process(p, 1234, string(p, "app"));
	struct pb_line lines[3] = {{source_function(p, SRC_MAIN), 44}};
	uint32_t main_place;

	add_module(p, LIBC);
	add_module(p, APP);
	main_place = pb_profile_location(p, APP, 0x401135, true);
	pb_profile_set_lines(p, main_place, lines, 1);
	for (size_t i = 0; i < PB_ARRAY_SIZE(source_places); i++) {
		const uint64_t n = source_places[i].samples, values[] = {n, n * PB_SAMPLE_NS};
		uint32_t place = pb_profile_location(p, source_places[i].module,
						     source_places[i].addr, false);
		uint32_t k = 0;

		do {
			lines[k].function = source_function(p, source_places[i].lines[k].function);
			lines[k].line = source_places[i].lines[k].line;
		} while (++k < PB_ARRAY_SIZE(lines) && source_places[i].lines[k].line);
		pb_profile_set_lines(p, place, lines, k);
		pb_profile_add(p, pb_profile_node(p, pb_profile_node(p, 0, main_place), place),
			       process, values);
	}
	assert_int_equal(pb_profile_error(p), 0);
	assert_int_equal(pb_profile_total(p, 0), PB_SOURCE_TOTAL);
	return p;
}

struct pb_report *pb_sample_empty_report(void)
{
	struct pb_report *r = NULL;

	assert_int_equal(pb_report_new(&r), 0);
	r->tool = "cpuflame";
	r->schema = "cpuflame/1";
	r->tgids = calloc(1, sizeof(*r->tgids));
	assert_non_null(r->tgids);
	r->tgids[0] = 1234;
	r->n_tgids = 1;
	r->started_ns = 1700000000123000000;
	r->duration_ns = 10012345678;
	assert_int_equal(pb_report_set(&r->scope, "pid 1234"), 0);
	assert_int_equal(pb_report_set(&r->comm, "app"), 0);
	assert_int_equal(pb_report_set(&r->host, "buildhost"), 0);
	assert_int_equal(pb_report_set(&r->kernel, "6.1.0-42-amd64"), 0);
	assert_int_equal(pb_report_set(&r->event, "cpu-clock"), 0);
	assert_int_equal(pb_report_set(&r->unwind, "auto"), 0);
	return r;
}

struct pb_report *pb_sample_report(void)
{
	struct pb_report *r = pb_sample_empty_report();

	r->kept = PB_SAMPLE_TOTAL;
	r->produced = r->kept + 4;
	r->n_lost = 2;
	r->lost[0].id = "ringbuf_full";
	r->lost[0].events = 3;
	r->lost[1].id = "map_full";
	r->lost[1].events = 1;
	for (uint32_t i = 0; i < r->n_lost; i++)
		r->lost[i].sentence = pb_report_sentence(r->lost[i].id);
	r->unique_stacks = PB_SAMPLE_STACKS;
	r->truncated = 3;
	r->broken = 2;
	r->complete = r->kept - r->truncated - r->broken;
	r->broken_by = calloc(1, sizeof(*r->broken_by));
	assert_non_null(r->broken_by);
	r->n_broken_by = 1;
	r->broken_by[0].cause = "no_frame_pointer";
	r->broken_by[0].events = 2;
	assert_int_equal(pb_report_set(&r->broken_by[0].module, "/opt/app/bin/app"), 0);
	r->unwind_modules = 5;
	r->unwind_without = 2;
	r->unwind_rows = 26000;
	r->unwind_misses = 1;
	r->symbol_locations = 20;
	r->symbol_named = 18;
	r->symbol_inlined = 1;
	r->symbol_debug_modules = 1;
	r->gaps = calloc(1, sizeof(*r->gaps));
	assert_non_null(r->gaps);
	r->n_gaps = 1;
	r->gaps[0].cause = "no_symbols";
	r->gaps[0].locations = 2;
	assert_int_equal(pb_report_set(&r->gaps[0].module, "/opt/app/bin/app"), 0);
	r->bpf_ns_per_event = 2345.6;
	r->bpf_cpu_pct = 0.0123;
	r->tool_cpu_s = 0.045;
	r->max_rss_bytes = 12 << 20;
	r->map_bytes = 4 << 20;
	r->asked_hz = 100;
	r->achieved_hz = 97.5;
	return r;
}

char *pb_sample_render(pb_render_fn *render, const struct pb_profile *p, const struct pb_report *r,
		       const struct pb_render_opts *o, size_t *len)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(render(out, p, r, o), 0);
	assert_int_equal(fclose(out), 0);
	if (len)
		*len = size;
	return text;
}

/* @text with every PB_VERSION replaced, so that a release changes no golden file. */
static char *without_version(const char *text)
{
	char *plain = NULL;
	size_t size;
	FILE *out = open_memstream(&plain, &size);

	assert_non_null(out);
	while (*text) {
		if (!strncmp(text, PB_VERSION, strlen(PB_VERSION))) {
			fputs("VERSION", out);
			text += strlen(PB_VERSION);
		} else {
			fputc(*text++, out);
		}
	}
	assert_int_equal(fclose(out), 0);
	return plain;
}

static char *read_file(const char *path)
{
	char *text = NULL;
	size_t size;
	FILE *in = fopen(path, "re");
	FILE *out = open_memstream(&text, &size);
	int c;

	if (!in)
		fail_msg("%s is not there; run in the root of the sources, UPDATE=1 makes it",
			 path);
	assert_non_null(out);
	while ((c = fgetc(in)) != EOF)
		fputc(c, out);
	fclose(in);
	assert_int_equal(fclose(out), 0);
	return text;
}

void pb_sample_golden(const char *name, const char *text)
{
	pb_autofree char *plain = without_version(text);
	pb_autofree char *expected = NULL;
	const char *update = getenv("UPDATE");
	char path[256];

	snprintf(path, sizeof(path), "tests/golden/%s", name);
	if (update && *update) {
		FILE *out = fopen(path, "we");

		assert_non_null(out);
		fputs(plain, out);
		assert_int_equal(fclose(out), 0);
		return;
	}
	expected = read_file(path);
	assert_string_equal(plain, expected);
}
