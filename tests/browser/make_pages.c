/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Writes the pages that browser.mjs opens, through the real renderer: make_pages DIR.
 * The numbers in them are known: browser.mjs checks the page against them.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/heap/sample_heap.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/render/render.h"

enum kind { FILE_CODE, INLINED, KERNEL, JIT, MARKER };

/* A page in the making. */
struct made {
	struct pb_profile *p;
	struct pb_report *r;
	uint32_t file, kernel, jit, libc;
	uint32_t process;
	bool by_line;
	uint64_t next_addr;
	uint32_t seed;
};

static uint32_t text(struct made *m, const char *s)
{
	return pb_profile_string(m->p, s, strlen(s));
}

static uint32_t add_module(struct made *m, const char *path, enum pb_module_kind kind)
{
	struct pb_module module = {.path = text(m, path),
				   .kind = kind,
				   .start = kind == PB_MODULE_FILE ? 0x400000 : 0,
				   .limit = UINT64_MAX};

	return pb_profile_module(m->p, &module);
}

static int begin(struct made *m, const char *comm, const char *type, const char *unit)
{
	struct pb_value_type value = {type, unit};

	*m = (struct made){.next_addr = 0x401000, .seed = 1};
	if (pb_profile_new(&m->p, &value, 1) || pb_report_new(&m->r))
		return -ENOMEM;
	m->file = add_module(m, "/usr/bin/redis-server", PB_MODULE_FILE);
	m->libc = add_module(m, "/usr/lib/x86_64-linux-gnu/libc.so.6", PB_MODULE_FILE);
	m->kernel = add_module(m, "[kernel.kallsyms]", PB_MODULE_KERNEL);
	m->jit = add_module(m, "[anon]", PB_MODULE_ANON);
	m->process = pb_profile_process(m->p, 4211, text(m, comm));
	m->r->tool = "cpuflame";
	m->r->schema = "cpuflame/1";
	if (pb_report_set(&m->r->scope, "pid 4211") || pb_report_set(&m->r->comm, comm) ||
	    pb_report_set(&m->r->event, "cpu-clock") ||
	    pb_report_set(&m->r->host, "db-3.example") ||
	    pb_report_set(&m->r->kernel, "6.1.0-25-amd64"))
		return -ENOMEM;
	m->r->started_ns = 1790000000ull * 1000000000;
	m->r->duration_ns = 30ull * 1000000000;
	m->r->asked_hz = 99;
	m->r->achieved_hz = 98.7;
	m->r->bpf_ns_per_event = 2140;
	m->r->bpf_cpu_pct = 0.04;
	m->r->tool_cpu_s = 0.31;
	return 0;
}

static int finish(struct made *m, const char *dir, const char *name, uint64_t lost)
{
	struct pb_render_opts o = {.top = 20, .lines = m->by_line};
	uint64_t total = pb_profile_total(m->p, 0);
	pb_autofree char *path = NULL;
	FILE *out;
	int err;

	if (strcmp(m->p->value_types[0].unit, "count") != 0)
		total = m->p->n_samples;
	m->r->kept = total;
	m->r->produced = total + lost;
	m->r->complete = total - total / 50;
	m->r->truncated = total / 50;
	if (lost) {
		m->r->lost[0] = (struct pb_report_loss){
			"ringbuf_full", "the ring buffer was full; use --ring-size 16M", lost};
		m->r->n_lost = 1;
	}
	if (asprintf(&path, "%s/%s.html", dir, name) < 0)
		return -ENOMEM;
	out = fopen(path, "w");
	if (!out)
		return -errno;
	err = pb_render_html(out, m->p, m->r, &o);
	if (fclose(out) && !err)
		err = -EIO;
	if (pb_profile_error(m->p))
		err = -ENOMEM;
	pb_profile_free(m->p);
	pb_report_free(m->r);
	return err;
}

/* The frame @name under @node. A prefix gives its kind: "k:", "j:", "i:", "l:" (libc), "m:". */
static uint32_t enter(struct made *m, uint32_t node, const char *name)
{
	struct pb_function f = {.file = 0};
	struct pb_line line[2];
	uint32_t module = m->file;
	uint32_t location;
	uint64_t addr = 0x401000;
	char kind = name[0] && name[1] == ':' && name[2] != ':' ? name[0] : 0;

	if (kind)
		name += 2;
	if (kind == 'm')
		return pb_profile_node(m->p, node, pb_profile_marker(m->p, name));
	if (kind == 'k')
		module = m->kernel;
	else if (kind == 'j')
		module = m->jit;
	else if (kind == 'l')
		module = m->libc;
	/* the address only has to be the name's own */
	for (const char *s = name; *s; s++)
		addr = addr * 31 + (unsigned char)*s;
	location = pb_profile_location(m->p, module, 0x401000 + (addr & 0xffffffff), false);
	if (m->p->locations[location].n_lines)
		return pb_profile_node(m->p, node, location);
	f.name = text(m, name);
	f.file = module == m->file ? text(m, "src/server.c") : 0;
	f.start_line = f.file ? 1 + (uint32_t)(addr % 4000) : 0;
	line[0] = (struct pb_line){pb_profile_function(m->p, &f), f.start_line};
	if (kind == 'i') { /* "i:callee|caller": one address, two lines */
		const char *bar = strchr(name, '|');

		f.name = pb_profile_string(m->p, name, (size_t)(bar - name));
		line[0].function = pb_profile_function(m->p, &f);
		f.name = text(m, bar + 1);
		line[1] = (struct pb_line){pb_profile_function(m->p, &f), 7};
		pb_profile_set_lines(m->p, location, line, 2);
	} else {
		pb_profile_set_lines(m->p, location, line, 1);
	}
	return pb_profile_node(m->p, node, location);
}

/* One stack as "root;...;leaf" with its weight. */
static void stack(struct made *m, const char *frames, uint64_t weight)
{
	pb_autofree char *copy = strdup(frames);
	char *rest = copy, *name;
	uint32_t node = 0;

	while (copy && (name = strsep(&rest, ";")))
		node = enter(m, node, name);
	pb_profile_add(m->p, node, m->process, &weight);
}

static uint32_t random_below(struct made *m, uint32_t n)
{
	m->seed = m->seed * 1664525 + 1013904223;
	return (m->seed >> 8) % n;
}

/* 10,000 samples: dictFind is in 2,600 of them, 100 of those below another dictFind. */
static int make_server(const char *dir)
{
#define LOOP "l:__libc_start_main;main;aeMain;aeProcessEvents;"
#define READ LOOP "readQueryFromClient;processInputBuffer;"
#define CMD  READ "processCommand;call;"
#define TX   "k:entry_SYSCALL_64_after_hwframe;k:do_syscall_64;"
	static const struct {
		const char *frames;
		uint64_t weight;
	} stacks[] = {
		{CMD "getCommand;lookupKeyReadWithFlags;dictFind", 1100},
		{CMD "getCommand;lookupKeyReadWithFlags;dictFind;siphash", 700},
		{CMD "getCommand;lookupKeyReadWithFlags;dictFind;i:dictKeyIndex|dictFindSlow", 120},
		{CMD "getCommand;lookupKeyReadWithFlags;dictFind;dictRehash;dictFind", 100},
		{CMD "getCommand;addReplyBulk;_addReplyToBuffer;l:__memcpy_avx_unaligned_erms",
		 420},
		{CMD "setCommand;setGenericCommand;dictFind", 580},
		{CMD "setCommand;setGenericCommand;dbAdd;sdsdup;zmalloc;l:malloc", 390},
		{CMD "setCommand;setGenericCommand;dbAdd;sdsdup;zmalloc;l:malloc;l:_int_malloc",
		 510},
		{CMD "evalCommand;luaCall;j:LUA_TRACE_17", 230},
		{CMD "evalCommand;luaCall;j:LUA_TRACE_17;j:LUA_TRACE_22", 180},
		{CMD "i:lookupCommand|lookupCommandOrOriginal;l:strcasecmp", 260},
		{READ "processMultibulkBuffer;l:memchr", 370},
		{READ "processMultibulkBuffer;sdsnewlen;zmalloc;l:malloc", 290},
		{LOOP "readQueryFromClient;connSocketRead;l:read;" TX
		      "k:ksys_read;k:vfs_read;k:sock_read_iter;k:inet_recvmsg;k:tcp_recvmsg;"
		      "k:tcp_recvmsg_locked;k:skb_copy_datagram_iter",
		 640},
		{LOOP "readQueryFromClient;connSocketRead;l:read;" TX
		      "k:ksys_read;k:vfs_read;k:sock_read_iter;k:inet_recvmsg;k:tcp_recvmsg",
		 190},
		{LOOP "beforeSleep;handleClientsWithPendingWrites;writeToClient;l:write;" TX
		      "k:ksys_write;k:vfs_write;k:sock_write_iter;k:tcp_sendmsg;"
		      "k:tcp_sendmsg_locked;k:__tcp_push_pending_frames;k:tcp_write_xmit;"
		      "k:__tcp_transmit_skb;k:ip_queue_xmit;k:ip_output;k:dev_queue_xmit",
		 1210},
		{LOOP "beforeSleep;handleClientsWithPendingWrites;writeToClient;l:write;" TX
		      "k:ksys_write;k:vfs_write;k:sock_write_iter;k:tcp_sendmsg;"
		      "k:tcp_sendmsg_locked;k:skb_page_frag_refill",
		 330},
		{LOOP "aeApiPoll;l:epoll_wait;" TX "k:do_epoll_wait;k:ep_poll", 560},
		{LOOP "aeApiPoll;l:epoll_wait;" TX "k:do_epoll_wait;k:ep_send_events", 410},
		{LOOP "processTimeEvents;serverCron;databasesCron;activeExpireCycle", 470},
		{LOOP "processTimeEvents;serverCron;clientsCron", 210},
		{"m:[truncated];luaH_get;luaV_execute", 270},
		{"m:[broken];0x7f31aa", 140},
		{LOOP "processTimeEvents;serverCron;l:clock_gettime", 320},
	};
	struct made m;
	int err = begin(&m, "redis-server", "samples", "count");

	if (err)
		return err;
	for (size_t i = 0; i < PB_ARRAY_SIZE(stacks); i++)
		stack(&m, stacks[i].frames, stacks[i].weight);
	return finish(&m, dir, "server", 12);
}

/* Names that would do harm if they reached the page as markup, and times as the value. */
static int make_hostile(const char *dir)
{
	static const char *const names[] = {
		"</script><script>window.pwned=1</script>",
		"<img src=x onerror=window.pwned=1>",
		"\"'><svg onload=window.pwned=1>",
		"quote\" onmouseover=\"window.pwned=1",
		"esc\x1b[31mred",
		"line\xe2\x80\xa8separator",
		"bidi\xe2\x80\xaegnp.exe",
		"-->{{js}}<!--",
		"__proto__",
		"constructor",
		"&#60b onclick&#62",
		"",
		"&amp",
		"not utf8 \xff\xfe",
	};
	struct made m;
	int err = begin(&m, "<b onclick=a>'\"", "cpu", "nanoseconds");

	if (err)
		return err;
	for (size_t i = 0; i < PB_ARRAY_SIZE(names); i++)
		stack(&m, names[i], (i + 1) * 12345678);
	free(m.r->scope); /* raw: the page must not rely on others to have made it safe */
	m.r->scope = strdup("cgroup /</title><script>window.pwned=1</script>");
	return finish(&m, dir, "hostile", 0);
}

static int make_empty(const char *dir)
{
	struct made m;
	int err = begin(&m, "idle", "samples", "count");

	return err ? err : finish(&m, dir, "empty", 0);
}

static int make_single(const char *dir)
{
	struct made m;
	int err = begin(&m, "spin", "bytes", "bytes");

	if (err)
		return err;
	stack(&m, "main", 5 << 20);
	return finish(&m, dir, "single", 0);
}

static int make_deep(const char *dir)
{
	struct made m;
	uint32_t node;
	uint64_t one = 1, ten = 10;
	int err = begin(&m, "recursion", "samples", "count");

	if (err)
		return err;
	node = enter(&m, 0, "main");
	for (int i = 0; i < 1000; i++) {
		node = enter(&m, node, "visit(Tree const&, unsigned long)");
		if (i % 10 == 0)
			pb_profile_add(m.p, node, m.process, &one);
	}
	pb_profile_add(m.p, enter(&m, node, "leaf"), m.process, &ten);
	return finish(&m, dir, "deep", 0);
}

/* A C++ server: names of 200 characters, templates, operators, Rust and Java among them. */
static int make_names(const char *dir)
{
	static const char *const parts[] = {
		"std::__detail::_Hashtable_alloc<std::allocator<std::__detail::_Hash_node<std::pair<"
		"std::__cxx11::basic_string<char, std::char_traits<char>, std::allocator<char> > "
		"const, std::shared_ptr<rocksdb::ColumnFamilyData> >, true> > >::_M_allocate_node("
		"std::pair<std::string const, int>&&)",
		"rocksdb::BlockBasedTable::Get(rocksdb::ReadOptions const&, rocksdb::Slice const&, "
		"rocksdb::GetContext*, rocksdb::SliceTransform const*, bool)",
		"void boost::asio::detail::executor_function::complete<boost::asio::detail::work_"
		"dispatcher<boost::asio::detail::composed_op<http::read_op, void> >, "
		"std::allocator<void> >(boost::asio::detail::executor_function::impl_base*, bool)",
		"(anonymous namespace)::Compactor::operator()(rocksdb::Slice const&) const",
		"<alloc::vec::Vec<T,A> as core::ops::drop::Drop>::drop",
		"std::ostream& operator<< <std::char_traits<char> >(std::ostream&, char const*)",
		"folly::Function<void (folly::Executor::KeepAlive<folly::Executor>&&)>::operator()",
		"bool std::operator< <char>(std::string const&, std::string const&)",
		"zstd::Compressor::\xc3\xa9t\xc3\xa9_\xe6\xb5\x8b\xe8\xaf\x95_\xf0\x9f\x94\xa5(int)",
		"Lcom/example/Service;::handle",
		"operator new(unsigned long)",
	};
	struct made m;
	int err = begin(&m, "rocksdb:low", "cpu", "nanoseconds");

	if (err)
		return err;
	for (int i = 0; i < 400; i++) {
		uint32_t node = enter(&m, 0, "l:clone3");
		uint32_t depth = 2 + random_below(&m, 14);
		uint64_t weight = 10101010ull * (1 + random_below(&m, 9));

		for (uint32_t k = 0; k < depth; k++)
			node = enter(&m, node,
				     parts[random_below(&m, k < 4 ? 3 : PB_ARRAY_SIZE(parts))]);
		pb_profile_add(m.p, node, m.process, &weight);
	}
	return finish(&m, dir, "names", 0);
}

/* A function of the page with sources, and a line of it. */
struct source_line {
	const char *name, *file;
	uint32_t start_line, line;
};

#define TREE_H "/usr/include/c++/12/bits/stl_tree.h"
#define LONG_FILE                                                                                  \
	"/home/build/agent-7/workspace/storage-engine-release/third_party/folly/folly/container/"  \
	"detail/F14Table.h"
#define LONG_NAME                                                                                  \
	"folly::f14::detail::F14Table<folly::f14::detail::ValueContainerPolicy<std::__cxx11::"     \
	"basic_string<char, std::char_traits<char>, std::allocator<char> >, std::shared_ptr<"      \
	"storage::ColumnFamilyData>, folly::hasher<std::__cxx11::basic_string<char, std::"         \
	"char_traits<char>, std::allocator<char> >, void>, std::equal_to<void>, std::allocator<"   \
	"std::pair<std::string const, int> > > >::findImpl"

/* One node: a place in code with all functions that lie there, the innermost first. */
static uint32_t enter_lines(struct made *m, uint32_t node, const struct source_line *from,
			    uint32_t n)
{
	uint32_t location = pb_profile_location(m->p, m->file, m->next_addr++, false);
	struct pb_line lines[4];

	for (uint32_t i = 0; i < n && i < PB_ARRAY_SIZE(lines); i++) {
		const struct pb_function f = {
			.name = text(m, from[i].name),
			.file = text(m, from[i].file),
			.start_line = from[i].start_line,
		};

		lines[i] = (struct pb_line){pb_profile_function(m->p, &f), from[i].line};
	}
	pb_profile_set_lines(m->p, location, lines, n);
	return pb_profile_node(m->p, node, location);
}

/* Optimised C++ and Rust with debug information: most of it is inlined. 1,000 samples. */
static int make_source(const char *dir, const char *page, bool by_line)
{
	static const struct source_line main_line = {"main", "src/main.cc", 12, 30};
	static const struct source_line serve = {"storage::Server::serve", "src/server.cc", 88, 97};
	static const struct {
		uint64_t weight;
		uint32_t n;
		struct source_line lines[4];
	} places[] = {
		{310,
		 3,
		 {{"std::less<int>::operator()", "/usr/include/c++/12/bits/stl_function.h", 406,
		   408},
		  {"std::_Rb_tree<int, std::pair<int const, std::string> >::_M_lower_bound", TREE_H,
		   1950, 1955},
		  {"storage::Index::lookup", "src/index.cc", 51, 60}}},
		{120,
		 2,
		 {{"std::_Rb_tree<int, std::pair<int const, std::string> >::_M_lower_bound", TREE_H,
		   1950, 1957},
		  {"storage::Index::lookup", "src/index.cc", 51, 60}}},
		{90, 1, {{"storage::Index::lookup", "src/index.cc", 51, 71}}},
		{200,
		 2,
		 {{LONG_NAME, LONG_FILE, 1402, 1420},
		  {"storage::Cache::get(std::string const&)", "src/cache.cc", 9, 14}}},
		{60, 1, {{LONG_NAME, LONG_FILE, 1402, 1450}}},
		{130,
		 3,
		 {{"core::slice::<impl [T]>::iter",
		   "/rustc/90c541806f23a127002de5b4038be731ba1458ca/library/core/src/slice/mod.rs",
		   736, 738},
		  {"<alloc::vec::Vec<T,A> as core::iter::IntoIterator>::into_iter",
		   "/rustc/90c541806f23a127002de5b4038be731ba1458ca/library/alloc/src/vec/mod.rs",
		   2900, 2910},
		  {"kv::wal::Segment::<R>::replay::{{closure}}", "src/wal.rs", 210, 233}}},
		{60,
		 1,
		 {{"<kv::wal::Segment as core::ops::drop::Drop>::drop", "src/wal.rs", 300, 305}}},
	};
	struct made m;
	int err = begin(&m, "storaged", "samples", "count");

	if (err)
		return err;
	m.by_line = by_line;
	for (size_t i = 0; i < PB_ARRAY_SIZE(places); i++) {
		uint32_t node = enter_lines(&m, 0, &main_line, 1);

		node = enter_lines(&m, node, &serve, 1);
		node = enter_lines(&m, node, places[i].lines, places[i].n);
		pb_profile_add(m.p, node, m.process, &places[i].weight);
	}
	stack(&m, "main;k:entry_SYSCALL_64_after_hwframe;k:do_syscall_64;k:ksys_read", 20);
	stack(&m, "main;j:LUA_TRACE_17", 10);
	return finish(&m, dir, page, 0);
}

/* @stacks stacks of @depth frames of @functions functions, sharing less and less upwards. */
static int make_large(const char *dir, const char *name, uint32_t stacks, uint32_t depth,
		      uint32_t functions, uint32_t shared)
{
	struct made m;
	int err = begin(&m, "large", "samples", "count");
	char frame[96];

	if (err)
		return err;
	for (uint32_t i = 0; i < stacks; i++) {
		uint64_t weight = 1 + random_below(&m, 9);
		uint32_t node = 0;

		for (uint32_t k = 0; k < depth; k++) {
			uint32_t f = k < shared ? i % (k + 1) : random_below(&m, functions);

			snprintf(frame, sizeof(frame), "%sservice::module_%u::function_%u(int)",
				 f % 11 ? "" : "k:", f % 37, f);
			node = enter(&m, node, frame);
		}
		pb_profile_add(m.p, node, m.process, &weight);
	}
	return finish(&m, dir, name, 0);
}

/* A heap of twelve values; it begins with what was allocated. */
static int make_heap(const char *dir)
{
	const struct pb_render_opts o = {.top = 20, .value = PB_ALLOC_SPACE};
	pb_autofree char *path = NULL;
	struct pb_heap_sample s;
	FILE *out;
	int err;

	if (asprintf(&path, "%s/heap.html", dir) < 0)
		return -ENOMEM;
	out = fopen(path, "w");
	if (!out)
		return -errno;
	pb_heap_sample_init(&s);
	err = pb_render_html(out, s.profile, s.report, &o);
	pb_heap_sample_drop(&s);
	return fclose(out) ? -EIO : err;
}

int main(int argc, char **argv)
{
	const char *dir = argc == 2 ? argv[1] : NULL;

	if (!dir) {
		printf("usage: make_pages DIR\n");
		return 2;
	}
	if (make_heap(dir) || make_server(dir) || make_hostile(dir) || make_empty(dir) ||
	    make_single(dir) || make_deep(dir) || make_names(dir) ||
	    make_source(dir, "source", false) || make_source(dir, "lines", true) ||
	    make_large(dir, "wide", 20000, 24, 3000, 4) ||
	    make_large(dir, "tall", 2000, 200, 2000, 2)) {
		printf("make_pages: no pages in %s\n", dir);
		return 1;
	}
	return 0;
}
