/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/run.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "user/core/clock.h"
#include "user/core/log.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/core/session.h"
#include "user/core/stacks.h"
#include "user/io/calls.h"
#include "user/io/collect.h"
#include "user/io/endio.h"
#include "user/io/interval.h"
#include "user/io/names.h"
#include "user/io/samples.h"
#include "user/io/slowlog.h"
#include "user/io/stream.h"
#include "user/io/tracepoints.h"
#include "user/render/render.h"

#define SLOW_FOR_TRACE 65536 /* events of a trace; the rest is counted */
/* Without stacks there is a group for each device, operation and flags; and few times. */
#define FEW_GROUPS     4096
#define FEW_BUCKETS    65536
#define MANY_BUCKETS   262144

struct pb_io_run {
	const struct pb_io_args *args;
	struct pb_io_object object;
	struct pb_io_names *names;
	struct ring_buffer *rings; /* slow ones and paths */
	struct pb_slowlog slow;
	struct pb_io_stream stream;
	bool streams;               /* slow ones are printed as they end */
	struct pb_io_counts counts; /* of the whole run, at its end */
	struct pb_io_interval interval;
	struct pb_io_book book;
	const struct pb_stacks *stacks;   /* of the session */
	const struct pb_profile *profile; /* of the session */
};

/* A program, the tracepoint it is for, and when it is wanted. */
struct hook {
	const char *program;
	const char *tracepoint;
	int arguments;
	bool wanted;
	bool optional; /* what it adds can be done without */
};

static bool is_one_target(const struct pb_args *a)
{
	return a->pids.n || a->tid || a->command;
}

bool pb_io_has_calls(const struct pb_io_args *args)
{
	return args->calls || (!args->no_calls && is_one_target(&args->common));
}

/* Formats that draw stacks. */
static bool draws_stacks(const struct pb_format *format)
{
	return format && format->render != pb_render_text && format->render != pb_render_json &&
	       format->render != pb_render_prom;
}

/* Is there an output that shows frames? */
static bool draws(const struct pb_args *a)
{
	uint32_t i;

	for (i = 0; i < a->outputs.n; i++) {
		if (draws_stacks(pb_format_by_path(a->outputs.items[i])))
			return true;
	}
	return a->folded || (a->format && draws_stacks(pb_format_by_name(a->format)));
}

bool pb_io_needs_owners(const struct pb_io_args *args)
{
	const struct pb_args *a = &args->common;

	return args->by != PB_IO_BY_DEVICE || args->slower_ns != UINT64_MAX || is_one_target(a) ||
	       a->cgroup || a->user_only || a->kernel_only || draws(a);
}

bool pb_io_needs_stacks(const struct pb_io_args *args)
{
	const struct pb_args *a = &args->common;

	if (args->by == PB_IO_BY_STACK || args->slower_ns != UINT64_MAX || a->user_only ||
	    a->kernel_only || draws(a))
		return true;
	/* A page, or a report with patterns. */
	return is_one_target(a) && (!a->interval_ns || a->outputs.n || a->json);
}

int pb_io_prepare(void *args)
{
	struct pb_io_args *a = args;
	pb_autofree char *disks = NULL;
	int err = pb_io_names_new(&a->names, "");

	if (err)
		return pb_err(-err, "read the names of disks");
	if (!a->disk)
		return 0;
	if (!pb_io_names_disk_of(a->names, a->disk, &a->disk_number, &a->part_number))
		return 0;
	disks = pb_io_names_disks(a->names);
	return pb_fail(ESRCH, "there is no disk %s; there are: %s", a->disk, disks ? disks : "");
}

uint32_t pb_io_value_types(const struct pb_io_args *args, struct pb_value_type *types)
{
	static const struct pb_value_type all[PB_IO_VALUES_WITH_CALLS] = {
		[PB_IO_VALUE_OPS] = {"operations", "count"},
		[PB_IO_VALUE_BYTES] = {"io_bytes", "bytes"},
		[PB_IO_VALUE_TIME] = {"io_time", "nanoseconds"},
		[PB_IO_VALUE_QUEUE] = {"queue_time", "nanoseconds"},
		[PB_IO_VALUE_CALLS] = {"calls", "count"},
		[PB_IO_VALUE_CALL_BYTES] = {"call_bytes", "bytes"},
		[PB_IO_VALUE_CALL_TIME] = {"call_time", "nanoseconds"},
		[PB_IO_VALUE_CALL_WAIT] = {"call_io_wait", "nanoseconds"},
		[PB_IO_VALUE_CALL_BLOCKED] = {"call_blocked", "nanoseconds"},
	};
	uint32_t n = pb_io_has_calls(args) ? PB_IO_VALUES_WITH_CALLS : PB_IO_VALUES;

	memcpy(types, all, n * sizeof(*types));
	return n;
}

static int choose(struct pb_io_run *run, const struct hook *hook, const struct btf *kernel)
{
	struct bpf_program *prog =
		bpf_object__find_program_by_name(run->object.object, hook->program);
	int arguments;

	if (!prog)
		return pb_fail(EINVAL, "the BPF object lacks %s", hook->program);
	if (!hook->wanted)
		return bpf_program__set_autoload(prog, false);
	arguments = pb_tracepoint_arguments(kernel, hook->tracepoint);
	if (arguments == hook->arguments)
		return bpf_program__set_autoload(prog, true);
	if (hook->optional) {
		pb_log(PB_LOG_DEBUG, "this kernel has no tracepoint %s that we know",
		       hook->tracepoint);
		return bpf_program__set_autoload(prog, false);
	}
	if (arguments < 0)
		return pb_fail(EOPNOTSUPP,
			       "this kernel has no tracepoint %s: 6.1 or newer is needed",
			       hook->tracepoint);
	return pb_fail(EOPNOTSUPP,
		       "tracepoint %s of this kernel has %d arguments, and %d are known: 6.1 or "
		       "newer is needed",
		       hook->tracepoint, arguments, hook->arguments);
}

static int choose_programs(struct pb_io_run *run)
{
	bool attribute = run->object.cfg->attribute, calls = run->object.cfg->calls;
	const struct hook hooks[] = {
		{"on_getrq", "block_getrq", 1, attribute, false},
		{"on_rq_insert", "block_rq_insert", 1, true, false},
		{"on_rq_issue", "block_rq_issue", 1, true, false},
		{"on_rq_requeue", "block_rq_requeue", 1, true, false},
		{"on_rq_merge", "block_rq_merge", 1, true, true},
		{"on_rq_complete", "block_rq_complete", 3, true, false},
		{"on_bio_queue", "block_bio_queue", 1, true, false},
		{"on_bio_complete", "block_bio_complete", 2, true, false},
		{"on_dirty", "writeback_dirty_folio", 2, attribute, true},
		{"on_sys_enter", "sys_enter", 2, calls, false},
		{"on_sys_exit", "sys_exit", 2, calls, false},
		/* Its fourth argument came with 5.18 (fa2c3254d7cf); we take the first three. */
		{"on_switch", "sched_switch", 4, calls, false},
		{"on_uring_submit", "io_uring_submit_req", 1, calls, true},
		{"on_uring_submit_sqe", "io_uring_submit_sqe", 2, calls, true},
		{"on_uring_complete", "io_uring_complete", 3, calls, true},
		{"on_uring_complete_parts", "io_uring_complete", 7, calls, true},
	};
	struct btf *kernel = btf__load_vmlinux_btf();
	size_t i;
	int err = 0;

	if (!kernel)
		return pb_err(errno, "read the kernel's types");
	for (i = 0; i < PB_ARRAY_SIZE(hooks) && !err; i++)
		err = choose(run, &hooks[i], kernel);
	btf__free(kernel);
	return err;
}

static int size_maps(struct pb_io_run *run)
{
	const struct pb_io_args *args = run->args;
	bool attribute = run->object.cfg->attribute;
	struct {
		const char *name;
		uint64_t n;
	} sizes[] = {
		{"starts", args->max_inflight},
		{"groups", attribute ? args->common.max_stacks : FEW_GROUPS},
		{"buckets", attribute ? MANY_BUCKETS : FEW_BUCKETS},
		/* What is not used needs no memory. */
		{"dirtiers", attribute ? 0 : 1},
		{"recent", attribute ? 0 : 1},
		{"files", attribute ? 0 : 1},
		{"slow", args->slower_ns == UINT64_MAX ? 4096 : 0},
		{"paths", attribute ? 0 : 4096},
	};
	struct bpf_map *map;
	size_t i;
	int err = 0;

	for (i = 0; i < PB_ARRAY_SIZE(sizes) && !err; i++) {
		map = bpf_object__find_map_by_name(run->object.object, sizes[i].name);
		err = map ? 0 : -ENOENT;
		if (map && sizes[i].n)
			err = bpf_map__set_max_entries(map, (uint32_t)sizes[i].n);
	}
	return err ? pb_err(-err, "size the tables of I/O") : 0;
}

static void configure(struct pb_io_run *run)
{
	const struct pb_io_args *args = run->args;
	struct pb_iolatency_cfg *cfg = run->object.cfg;

	cfg->slower_ns = args->slower_ns;
	cfg->disk = args->disk_number;
	cfg->part = args->part_number;
	cfg->attribute = args->owners;
	cfg->by_cgroup = args->by == PB_IO_BY_CGROUP;
	cfg->calls = pb_io_has_calls(args);
	cfg->queued = args->queued;
	if (cfg->attribute)
		pb_io_find_end_io(cfg, "/proc/kallsyms");
	if (cfg->calls)
		pb_io_fill_calls(cfg->call);
}

/* A trace needs more than a person reads. */
static uint32_t count_slow(const struct pb_args *args)
{
	const struct pb_format *format;
	uint32_t i;

	if (args->format && !strcmp(args->format, "trace"))
		return SLOW_FOR_TRACE;
	for (i = 0; i < args->outputs.n; i++) {
		format = pb_format_by_path(args->outputs.items[i]);
		if (format && !strcmp(format->name, "trace"))
			return SLOW_FOR_TRACE;
	}
	return (uint32_t)args->top;
}

/* Does stdout belong to an output? */
static bool writes_stdout(const struct pb_args *args)
{
	uint32_t i;

	for (i = 0; i < args->outputs.n; i++) {
		if (!strcmp(args->outputs.items[i], "-"))
			return true;
	}
	return args->json || args->folded || (args->format && !args->outputs.n);
}

int pb_io_run_new(struct pb_io_run **out, const struct pb_io_object *object,
		  const struct pb_io_args *args)
{
	struct pb_io_run *run = calloc(1, sizeof(*run));
	int err;

	if (!run)
		return -ENOMEM;
	run->args = args;
	run->object = *object;
	run->names = args->names;
	((struct pb_io_args *)args)->names = NULL;
	run->slow.keep = count_slow(&args->common);
	run->streams = args->slower_ns != UINT64_MAX && !args->common.quiet &&
		       !writes_stdout(&args->common);
	run->interval.every_ns = args->common.interval_ns;
	run->interval.timestamp = args->timestamp;
	configure(run);
	run->book = (struct pb_io_book){
		.by = (enum pb_io_by)args->by,
		.split_flags = args->flags,
		.has_calls = object->cfg->calls,
		.attributes = object->cfg->attribute,
		.includes_queue = args->queued,
		.per_disk = args->per_disk,
		.milliseconds = args->milliseconds,
		.slower_ns = args->slower_ns,
		.names = run->names,
	};
	err = choose_programs(run);
	err = err ? err : size_maps(run);
	if (err) {
		run->object.destroy = NULL; /* the caller has it still */
		pb_io_run_free(run);
		return err;
	}
	*out = run;
	return 0;
}

void pb_io_run_free(struct pb_io_run *run)
{
	if (!run)
		return;
	ring_buffer__free(run->rings);
	pb_slowlog_drop(&run->slow);
	pb_io_stream_drop(&run->stream);
	pb_io_interval_drop(&run->interval);
	run->book.lines = NULL; /* of counts */
	run->book.n_lines = 0;
	pb_io_book_drop(&run->book);
	pb_io_counts_drop(&run->counts);
	pb_io_names_free(run->names);
	if (run->object.destroy)
		run->object.destroy(run->object.skeleton);
	free(run);
}

static int on_slow(void *ctx, void *data, size_t size)
{
	struct pb_io_run *run = ctx;

	if (size < sizeof(struct pb_io_slow))
		return 0;
	if (pb_slowlog_add(&run->slow, data) ||
	    (run->streams && pb_io_stream_add(&run->stream, data)))
		pb_log(PB_LOG_DEBUG, "a slow I/O could not be kept");
	return 0;
}

static int on_path(void *ctx, void *data, size_t size)
{
	struct pb_io_run *run = ctx;

	if (pb_io_names_path(run->names, data, size))
		pb_log(PB_LOG_DEBUG, "the path of a file could not be kept");
	return 0;
}

static int open_rings(struct pb_io_run *run)
{
	int slow = bpf_object__find_map_fd_by_name(run->object.object, "slow");
	int paths = bpf_object__find_map_fd_by_name(run->object.object, "paths");

	run->rings = ring_buffer__new(slow, on_slow, run, NULL);
	if (!run->rings)
		return pb_err(errno, "map the ring buffer of slow I/O");
	if (ring_buffer__add(run->rings, paths, on_path, run))
		return pb_err(errno, "map the ring buffer of paths");
	return 0;
}

int pb_io_run_attach(struct pb_io_run *run, struct pb_session *s)
{
	/* The ends first: what begins is to be seen to end. */
	static const char *const names[] = {"on_rq_complete",    "on_bio_complete",
					    "on_rq_requeue",     "on_rq_merge",
					    "on_sys_exit",       "on_switch",
					    "on_dirty",          "on_sys_enter",
					    "on_bio_queue",      "on_rq_issue",
					    "on_rq_insert",      "on_getrq",
					    "on_uring_complete", "on_uring_complete_parts",
					    "on_uring_submit",   "on_uring_submit_sqe"};
	struct bpf_program *prog;
	size_t i;
	int err = open_rings(run);

	for (i = 0; i < PB_ARRAY_SIZE(names) && !err; i++) {
		prog = bpf_object__find_program_by_name(run->object.object, names[i]);
		if (!prog || bpf_program__fd(prog) < 0)
			continue;
		err = pb_session_hold(s, bpf_program__attach(prog));
		if (err)
			return pb_err(-err, "attach %s", names[i]);
	}
	run->stacks = pb_session_stacks(s);
	run->profile = pb_session_profile(s);
	return err;
}

/* @all: also what has just come. Return: whether somebody reads on. */
static bool print_slow(struct pb_io_run *run, bool all)
{
	const struct pb_io_stream_sources from = {
		.object = run->object.object,
		.names = run->names,
		.profile = run->profile,
		.stacks = run->stacks,
		.to_real_ns = (int64_t)(pb_clock_read_ns(CLOCK_REALTIME) - pb_clock_ns()),
	};

	return !run->streams || !pb_io_stream_print(&run->stream, stdout, &from, all);
}

static int print_interval(struct pb_io_run *run, struct pb_session *s, uint64_t now_ns)
{
	return pb_io_interval_print(&run->interval, run->object.object, &run->book, run->profile,
				    run->stacks, &run->args->common, pb_session_ready_ns(s),
				    now_ns);
}

void pb_io_run_tick(struct pb_session *s, void *state, uint64_t now_ns)
{
	struct pb_io_run *run = state;

	ring_buffer__consume(run->rings);
	if (!print_slow(run, false))
		pb_session_end(s);
	if (pb_io_interval_due(&run->interval, pb_session_ready_ns(s), now_ns) &&
	    print_interval(run, s, now_ns))
		pb_session_end(s);
	if (run->args->common.count && run->interval.printed >= run->args->common.count)
		pb_session_end(s);
}

int pb_io_run_collect(struct pb_session *s, void *state, struct pb_report *report)
{
	struct pb_io_run *run = state;
	struct pb_io_book *book = &run->book;
	int err;

	ring_buffer__consume(run->rings);
	print_slow(run, true);
	/* The last one may be cut short. */
	if (run->interval.every_ns &&
	    (!run->args->common.count || run->interval.printed < run->args->common.count))
		print_interval(run, s, pb_session_ready_ns(s) + report->duration_ns);
	book->duration_ns = report->duration_ns;
	book->ready_ns = pb_session_ready_ns(s);
	book->started_ns = report->started_ns;
	book->in_flight = pb_io_in_flight(run->object.object);
	err = pb_io_tally_read(&book->tally, run->object.object);
	err = err ? err : pb_io_counts_read(&run->counts, run->object.object);
	return err ? pb_err(-err, "read what I/O added up to") : 0;
}

/* The slowest, joined to their lines. */
static int take_slow(struct pb_io_run *run)
{
	struct pb_io_book *book = &run->book;
	uint32_t i;

	pb_slowlog_sort(&run->slow);
	book->slow = calloc(run->slow.n + 1ull, sizeof(*book->slow));
	if (!book->slow)
		return -ENOMEM;
	for (i = 0; i < run->slow.n; i++) {
		book->slow[i].slow = run->slow.rows[i];
		book->slow[i].line = pb_io_counts_find(&run->counts, run->slow.rows[i].group);
	}
	book->n_slow = run->slow.n;
	book->n_slower = run->slow.n_slow;
	return 0;
}

int pb_io_run_finish(void *state, const void *args, struct pb_profile *profile,
		     struct pb_report *report)
{
	const struct pb_args *common = args;
	struct pb_io_run *run = state;
	pb_autofree char *text = NULL;
	int err;

	run->book.lines = run->counts.lines;
	run->book.n_lines = run->counts.n;
	pb_io_place(run->counts.lines, run->counts.n, run->stacks);
	err = pb_io_samples(profile, run->counts.lines, run->counts.n, run->names);
	err = err ? err : take_slow(run);
	err = err ? err : pb_io_book_json(&run->book, profile, (uint32_t)common->top, &text);
	err = err ? err : pb_report_set_extra(report, text);
	return err ? pb_err(-err, "write down what I/O added up to") : 0;
}
