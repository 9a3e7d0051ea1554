/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/heap/sample_heap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"

static void must(bool right)
{
	if (!right)
		abort();
}

#define SERVE "main;serve;"

/*
 * A path from the root; prefixes of a frame: "l:" libc, "i:callee|caller" inlined, "m:" marker, "n:" no name.
 * Bytes are allocs times size, less what is freed. Peak and most are given in objects.
 */
static const struct {
	const char *path;
	uint32_t process;
	uint64_t allocs, size, freed, temporary, leaked, peak, most,
		life_us; /* of each one freed */
	uint64_t moved, regrown, same_size, foreign;
	const char *freed_by;
	double free_share;
} rows[] = {
	[PB_HEAP_PARSE] = {SERVE "readQuery;parse;sdsnew;l:malloc", 0, 100000, 40, 99990, 400, 0,
			   12, 64, 20, 0, 0, 99000, 0, "release", 0.99},
	[PB_HEAP_GROW] = {SERVE "readQuery;growBuffer;l:realloc", 0, 8000, 3000, 7999, 0, 0, 4, 9,
			  150, 7600, 7500, 100, 0, "growBuffer", 0.94},
	[PB_HEAP_REPLY] = {SERVE "reply;format;l:malloc", 0, 60000, 512, 60000, 58000, 0, 0, 1, 3,
			   0, 0, 59990, 0, "reply", 1},
	[PB_HEAP_REPLY_2] = {"l:start_thread;worker;reply;format;l:malloc", 1, 16000, 512, 16000,
			     15000, 0, 0, 1, 3, 0, 0, 15000, 400, "reply", 1},
	[PB_HEAP_ENTRY] = {"main;loadTable;insert;newEntry;l:malloc", 0, 50000, 16, 0, 0, 0, 50000,
			   50000, 0, 0, 0, 50000, 0, NULL, 0},
	[PB_HEAP_FILE] = {"main;loadTable;readFile;l:operator new(unsigned long);l:malloc", 0, 40,
			  1 << 20, 8, 0, 2, 40, 40, 900000, 0, 0, 39, 0, "readFile", 0.6},
	[PB_HEAP_VECTOR] =
		{"main;loadTable;i:std::vector<int, std::allocator<int> >::push_back|index;"
		 "l:operator new(unsigned long);l:malloc",
		 0, 900, 4096, 880, 0, 0, 30, 64, 40000, 0, 0, 300, 0, "index", 0.5},
	[PB_HEAP_BROKEN] = {"m:[broken];decode;l:calloc", 0, 70, 100, 0, 0, 0, 70, 70, 0, 0, 0, 0,
			    0, NULL, 0},
	[PB_HEAP_NAMELESS] = {SERVE "n:;l:malloc", 1, 20, 64, 20, 0, 0, 0, 1, 50, 0, 0, 0, 20, NULL,
			      0},
	[PB_HEAP_EVIL] = {SERVE "evil\033[31m</script>;l:malloc", 0, 10, 64, 10, 10, 0, 0, 1, 1, 0,
			  0, 9, 0, "\033[2J", 0.7},
	[PB_HEAP_LEAK] = {"main;openLog;l:strdup;l:malloc", 0, 1, 64, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0,
			  NULL, 0},
};

/* A sample in the making. */
struct made {
	struct pb_profile *p;
	uint32_t app, libc;
};

static uint32_t string(struct pb_profile *p, const char *s)
{
	return pb_profile_string(p, s, strlen(s));
}

static uint32_t function(struct made *m, const char *name, size_t len, uint32_t line,
			 struct pb_line *out)
{
	struct pb_function f = {.name = pb_profile_string(m->p, name, len),
				.file = line ? string(m->p, "src/kvd.c") : 0,
				.start_line = line};

	out->function = pb_profile_function(m->p, &f);
	out->line = line ? line + 3 : 0;
	return out->function;
}

static uint32_t location(struct made *m, const char *name)
{
	char kind = name[0] && name[1] == ':' ? name[0] : 0;
	const char *bare = kind ? name + 2 : name, *bar = strchr(bare, '|');
	uint32_t module = kind == 'l' ? m->libc : m->app, id, hash = 7;
	struct pb_line lines[2];

	if (kind == 'm')
		return pb_profile_marker(m->p, bare);
	for (const char *c = name; *c; c++)
		hash = hash * 31 + (unsigned char)*c;
	id = pb_profile_location(m->p, module, 0x401000 + hash % 0xffff0,
				 strcmp(bare, "malloc") != 0);
	if (kind == 'n')
		return id;
	if (kind == 'i') {
		function(m, bare, (size_t)(bar - bare), 60, &lines[0]);
		function(m, bar + 1, strlen(bar + 1), 90, &lines[1]);
		pb_profile_set_lines(m->p, id, lines, 2);
		return id;
	}
	function(m, bare, strlen(bare), kind ? 0 : 1 + hash % 400, &lines[0]);
	pb_profile_set_lines(m->p, id, lines, 1);
	return id;
}

static uint32_t stack(struct made *m, const char *path)
{
	pb_autofree char *copy = strdup(path);
	char *rest = copy, *name;
	uint32_t node = 0;

	while (copy && (name = strsep(&rest, ";")))
		node = pb_profile_node(m->p, node, location(m, name));
	return node;
}

static uint32_t add_module(struct pb_profile *p, const char *path)
{
	struct pb_module module = {.path = string(p, path),
				   .kind = PB_MODULE_FILE,
				   .start = 0x400000,
				   .limit = 0x800000,
				   .has_functions = true};

	return pb_profile_module(p, &module);
}

static int bucket(uint64_t n, int shift)
{
	int bits = n >> shift ? 64 - __builtin_clzll(n >> shift) : 0;

	return bits < PB_ALLOC_BUCKETS ? bits : PB_ALLOC_BUCKETS - 1;
}

static void fill_values(uint32_t i, uint64_t *v)
{
	v[PB_ALLOC_OBJECTS] = rows[i].allocs;
	v[PB_ALLOC_SPACE] = rows[i].allocs * rows[i].size;
	v[PB_INUSE_OBJECTS] = rows[i].allocs - rows[i].freed;
	v[PB_INUSE_SPACE] = v[PB_INUSE_OBJECTS] * rows[i].size;
	v[PB_TEMPORARY_OBJECTS] = rows[i].temporary;
	v[PB_LEAKED_OBJECTS] = rows[i].leaked;
	v[PB_LEAKED_SPACE] = rows[i].leaked * rows[i].size;
	v[PB_PEAK_OBJECTS] = rows[i].peak;
	v[PB_PEAK_SPACE] = rows[i].peak * rows[i].size;
	v[PB_MOST_OBJECTS] = rows[i].most;
	v[PB_MOST_SPACE] = rows[i].most * rows[i].size;
	v[PB_LIFETIME] = rows[i].freed * rows[i].life_us;
}

static void add_site(struct made *m, struct pb_heap_sample *s, uint32_t i,
		     const uint32_t *processes)
{
	struct pb_alloc_site *site = &s->book.sites[i];

	*site = (struct pb_alloc_site){
		.node = stack(m, rows[i].path),
		.process = processes[rows[i].process],
		.events = rows[i].allocs,
		.freed_objects = rows[i].freed,
		.freed_bytes = rows[i].freed * rows[i].size,
		.foreign_objects = rows[i].foreign,
		.moved_objects = rows[i].moved,
		.moved_bytes = rows[i].moved * rows[i].size / 2,
		.regrown_objects = rows[i].regrown,
		.same_size_objects = rows[i].same_size,
		.last_size = rows[i].size,
		.max_size = rows[i].size,
		.free_location = rows[i].freed_by ? location(m, rows[i].freed_by) : PB_NONE,
		.free_share = rows[i].free_share,
	};
	fill_values(i, site->values);
	site->sizes[bucket(rows[i].size, PB_ALLOC_SIZE_SHIFT)] = rows[i].allocs;
	if (rows[i].freed)
		site->lifetimes[bucket(rows[i].life_us * 1000, PB_ALLOC_LIFETIME_SHIFT)] =
			rows[i].freed;
	pb_profile_add(m->p, site->node, site->process, site->values);
}

static void fill_book(struct pb_alloc_book *book)
{
	static const char *const allocators[] = {"glibc (/usr/lib/x86_64-linux-gnu/libc.so.6)",
						 "not seen: jemalloc, tcmalloc, mimalloc"};

	book->mode = PB_ALLOC_EXACT;
	book->track_frees = true;
	book->older_ns = 1000000000;
	book->peak_bytes = 45000000;
	book->peak_ns = 6200000000;
	book->max_live = 1 << 20;
	book->tally = (struct pb_alloc_tally){.others = 420000 - (PB_HEAP_ALLOCATIONS + 2) - 185007,
					      .returns = 236000,
					      .calls = PB_HEAP_ALLOCATIONS + 2,
					      .bytes = PB_HEAP_BYTES,
					      .failed = 2,
					      .frees = 185007,
					      .frees_known = 184907};
	book->allocators = calloc(PB_ARRAY_SIZE(allocators), sizeof(*book->allocators));
	must(book->allocators);
	for (size_t i = 0; i < PB_ARRAY_SIZE(allocators); i++)
		book->allocators[book->n_allocators++] = strdup(allocators[i]);
	book->n_points = 4;
	book->points = calloc(book->n_points, sizeof(*book->points));
	must(book->points);
	for (uint32_t i = 0; i < book->n_points; i++)
		book->points[i] = (struct pb_alloc_point){.time_ns = i * 2500000000ull,
							  .live_bytes = i * 15000000,
							  .live_objects = i * 17000,
							  .rss_bytes = 20000000 + i * 16000000,
							  .calls = i * 78000,
							  .bytes = i * 40000000};
	book->entry_ns = 921.4;
	book->return_ns = 640;
	book->expected_pct = 4.2;
	book->actual_pct = 5.38;
	book->attached_by = "uprobe session";
}

static void fill_report(struct pb_report *r, const struct pb_profile *p)
{
	r->tool = "allocsites";
	r->schema = "allocsites/1";
	r->tgids = calloc(1, sizeof(*r->tgids));
	must(r->tgids);
	r->tgids[r->n_tgids++] = 4211;
	must(!pb_report_set(&r->scope, "pid 4211") && !pb_report_set(&r->comm, "kvd") &&
	     !pb_report_set(&r->host, "db-3.example") &&
	     !pb_report_set(&r->kernel, "6.1.0-42-amd64") && !pb_report_set(&r->event, "malloc") &&
	     !pb_report_set(&r->unwind, "auto"));
	r->started_ns = 1790000000123000000;
	r->duration_ns = 10012345678;
	r->produced = r->kept = PB_HEAP_ALLOCATIONS;
	r->broken = 70;
	r->complete = r->kept - r->broken;
	r->unique_stacks = p->n_samples;
	r->tool_cpu_s = 0.25;
	r->map_bytes = 9 << 20;
}

void pb_heap_sample_init(struct pb_heap_sample *s)
{
	static const struct pb_value_type types[] = {
		{"alloc_objects", "count"},     {"alloc_space", "bytes"},
		{"inuse_objects", "count"},     {"inuse_space", "bytes"},
		{"temporary_objects", "count"}, {"leaked_objects", "count"},
		{"leaked_space", "bytes"},      {"peak_objects", "count"},
		{"peak_space", "bytes"},        {"most_objects", "count"},
		{"most_space", "bytes"},        {"lifetime", "microseconds"},
	};
	uint32_t processes[2];
	struct made m;

	_Static_assert(PB_ARRAY_SIZE(types) == PB_ALLOC_VALUES, "a type for each value");
	_Static_assert(PB_ARRAY_SIZE(rows) == PB_HEAP_SITES, "as the header says");
	*s = (struct pb_heap_sample){0};
	must(!pb_profile_new(&s->profile, types, PB_ALLOC_VALUES));
	must(!pb_report_new(&s->report));
	m.p = s->profile;
	m.app = add_module(m.p, "/usr/bin/kvd");
	m.libc = add_module(m.p, "/usr/lib/x86_64-linux-gnu/libc.so.6");
	processes[0] = pb_profile_process(m.p, 4211, string(m.p, "kvd"));
	processes[1] = pb_profile_process(m.p, 4211, string(m.p, "kvd-worker"));
	s->book.sites = calloc(PB_HEAP_SITES, sizeof(*s->book.sites));
	must(s->book.sites);
	s->book.n_sites = PB_HEAP_SITES;
	for (uint32_t i = 0; i < PB_HEAP_SITES; i++)
		add_site(&m, s, i, processes);
	must(!pb_profile_error(m.p));
	m.p->default_value = PB_ALLOC_SPACE;
	m.p->period_type = (struct pb_value_type){"space", "bytes"};
	m.p->period = 1;
	m.p->time_ns = 1790000000123000000;
	m.p->duration_ns = 10012345678;
	must(pb_profile_total(m.p, PB_ALLOC_OBJECTS) == PB_HEAP_ALLOCATIONS);
	must(pb_profile_total(m.p, PB_ALLOC_SPACE) == PB_HEAP_BYTES);
	fill_book(&s->book);
	fill_report(s->report, m.p);
}

void pb_heap_sample_drop(struct pb_heap_sample *s)
{
	pb_alloc_book_drop(&s->book);
	pb_profile_free(s->profile);
	pb_report_free(s->report);
}
