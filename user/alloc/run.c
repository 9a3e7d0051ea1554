/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/run.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "user/alloc/attach.h"
#include "user/alloc/collect.h"
#include "user/alloc/interval.h"
#include "user/alloc/overhead.h"
#include "user/alloc/watch.h"
#include "user/core/clock.h"
#include "user/core/launch.h"
#include "user/core/log.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/core/session.h"
#include "user/core/target.h"

#define MEASURE_NS       200000000 /* how long calls are counted before the capture */
#define MAX_LIVE_EXACT   (1 << 20)
#define MAX_LIVE_SAMPLED (1 << 16)
#define MAX_OVERHEAD_PCT 20
#define LEAK_SHARE       2 /* of the capture, by which a live block is old */

struct pb_alloc_run {
	const struct pb_alloc_args *args;
	struct pb_alloc_object object;
	struct pb_alloc_attach *attach; /* in growth mode for its list of processes only */
	enum pb_uprobe_way way;
	struct pb_overhead overhead;
	struct pb_alloc_book book;
	struct pb_alloc_collect *collect;
	const struct pb_heap *heap; /* mapped */
	uint64_t limit_pct;         /* 0: none */
	struct pb_alloc_watch watch;
	struct pb_interval interval;
};

static enum pb_alloc_mode mode_of(const struct pb_alloc_args *args)
{
	return args->growth ? PB_ALLOC_GROWTH : args->exact ? PB_ALLOC_EXACT : PB_ALLOC_SAMPLED;
}

static int set_program(struct pb_alloc_run *run, const char *name, uint32_t attach_type)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(run->object.object, name);
	int err = prog ? bpf_program__set_autoload(prog, true) : -ENOENT;

	if (!err && attach_type)
		err = bpf_program__set_expected_attach_type(prog,
							    (enum bpf_attach_type)attach_type);
	return err ? pb_err(-err, "choose the program %s", name) : 0;
}

static int choose_programs(struct pb_alloc_run *run)
{
	uint32_t session = pb_uprobe_attach_type(PB_UPROBE_SESSION);
	uint32_t ends = pb_uprobe_attach_type(run->way == PB_UPROBE_PERF ? PB_UPROBE_PERF
									 : PB_UPROBE_MULTI);
	int err;

	if (run->book.mode == PB_ALLOC_GROWTH) {
		err = set_program(run, "on_fault_user", 0);
		return err ? err : set_program(run, "on_fault_kernel", 0);
	}
	err = set_program(run, "on_enter", ends);
	err = err ? err : set_program(run, "on_nothing", ends);
	err = err ? err : set_program(run, "on_measure", ends);
	if (run->way == PB_UPROBE_SESSION)
		return err ? err : set_program(run, "on_session", session);
	return err ? err : set_program(run, "on_return", ends);
}

/* Does the kernel refuse memory that it may not have (vm.overcommit_memory 2)? */
static bool refuses_memory(void)
{
	pb_autofclose FILE *f = fopen("/proc/sys/vm/overcommit_memory", "re");

	return f && fgetc(f) == '2';
}

static int configure(struct pb_alloc_run *run)
{
	const struct pb_alloc_args *args = run->args;
	struct pb_allocsites_cfg *cfg = run->object.cfg;
	bool tracks = args->track_frees && run->book.mode != PB_ALLOC_GROWTH;
	struct bpf_map *blocks = bpf_object__find_map_by_name(run->object.object, "blocks");
	int err;

	cfg->mode = run->book.mode;
	cfg->track_frees = tracks;
	cfg->await_throwing = run->way == PB_UPROBE_SESSION && !refuses_memory();
	cfg->min_bytes = args->min_bytes;
	cfg->max_bytes = args->max_bytes;
	cfg->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	cfg->mean_ln2_bytes = pb_alloc_mean_ln2(args->sample_bytes);
	pb_alloc_tables_fill(run->object.tables, args->sample_bytes);
	run->book.max_live = !tracks          ? 1
			     : args->max_live ? args->max_live
			     : args->exact    ? MAX_LIVE_EXACT
					      : MAX_LIVE_SAMPLED;
	err = blocks ? bpf_map__set_max_entries(blocks, (uint32_t)run->book.max_live) : -ENOENT;
	return err ? pb_err(-err, "set --max-live") : 0;
}

static uint64_t limit_of(const struct pb_alloc_args *args)
{
	if (args->max_overhead != UINT64_MAX)
		return args->max_overhead;
	/* Whoever asks for every call, or starts the program himself, has decided; and growth costs little. */
	return args->exact || args->growth || args->common.command ? 0 : MAX_OVERHEAD_PCT;
}

int pb_alloc_run_new(struct pb_alloc_run **out, const struct pb_alloc_object *object,
		     const struct pb_alloc_args *args)
{
	struct pb_alloc_run *run = calloc(1, sizeof(*run));
	int err = 0;

	if (!run)
		return -ENOMEM;
	run->args = args;
	run->object = *object;
	run->limit_pct = limit_of(args);
	run->interval.every_ns = args->interval_ns;
	/* Of the whole machine the copy that makes them would be a part. */
	run->interval.with_tables = !args->common.all && !args->common.cgroup;
	/* The lines are what is live. */
	if (args->interval_ns)
		pb_live_enable(false);
	run->book.mode = mode_of(args);
	run->book.track_frees = args->track_frees && !args->growth;
	run->book.sample_bytes = run->book.mode == PB_ALLOC_SAMPLED ? args->sample_bytes : 0;
	run->book.attached_by = "";
	run->book.entry_ns = run->book.return_ns = -1;
	run->book.expected_pct = run->book.actual_pct = -1;
	pb_overhead_init(&run->overhead, object->object);
	if (run->book.mode == PB_ALLOC_GROWTH) {
		err = pb_alloc_attach_new(&run->attach);
	} else {
		run->attach = args->found;
		((struct pb_alloc_args *)args)->found = NULL;
		if (args->probes)
			run->way = (enum pb_uprobe_way)(args->probes - 1);
		else
			err = pb_uprobe_best_way(&run->way);
		run->book.attached_by = pb_uprobe_way_name(run->way);
	}
	err = err ? err : choose_programs(run);
	err = err ? err : configure(run);
	if (err) {
		run->object.destroy = NULL; /* the caller has it still */
		pb_alloc_run_free(run);
		return err;
	}
	*out = run;
	return 0;
}

void pb_alloc_run_free(struct pb_alloc_run *run)
{
	if (!run)
		return;
	pb_overhead_drop(&run->overhead);
	pb_alloc_attach_free(run->attach);
	pb_alloc_collect_free(run->collect);
	pb_alloc_book_drop(&run->book);
	if (run->heap)
		munmap((void *)run->heap, sizeof(*run->heap));
	if (run->object.destroy)
		run->object.destroy(run->object.skeleton);
	free(run);
}

static int program_fd(const struct pb_alloc_run *run, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(run->object.object, name));
}

static int map_heap(struct pb_alloc_run *run)
{
	int fd = bpf_object__find_map_fd_by_name(run->object.object, "heap");
	void *p = mmap(NULL, sizeof(*run->heap), PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return pb_err(errno, "map the books of the heap");
	run->heap = p;
	return 0;
}

static int attach_growth(struct pb_alloc_run *run, struct pb_session *s)
{
	static const char *const names[] = {"on_fault_user", "on_fault_kernel"};
	const struct pb_target *target = pb_session_target(s);
	struct bpf_program *prog;
	size_t i;
	int err = 0;

	/* Whose resident memory is looked at. */
	for (i = 0; i < target->n && !err; i++)
		err = pb_alloc_attach_start(run->attach, (pid_t)target->tgids[i]);

	for (i = 0; i < PB_ARRAY_SIZE(names) && !err; i++) {
		prog = bpf_object__find_program_by_name(run->object.object, names[i]);
		err = pb_session_hold(s, bpf_program__attach(prog));
	}
	return err ? pb_err(-err, "attach to page faults") : 0;
}

/* Calls per second before anything else is attached. */
static int measure_calls(struct pb_alloc_run *run, struct pb_overhead_rates *rates)
{
	struct timespec pause = {.tv_nsec = MEASURE_NS};
	struct pb_alloc_tally tally;
	uint64_t began_ns;
	double s;
	int err = pb_alloc_attach_measure(run->attach);

	if (err)
		return err;
	began_ns = pb_clock_ns();
	nanosleep(&pause, NULL);
	s = (double)(pb_clock_ns() - began_ns) / 1e9;
	pb_alloc_attach_none(run->attach);
	err = pb_alloc_read_tally(run->object.object, &tally);
	if (err)
		return pb_err(-err, "read the tallies of calls");
	*rates = (struct pb_overhead_rates){
		.allocs = (double)tally.measured / s,
		.frees = (double)tally.measured_frees / s,
		.stepped = (double)tally.measured_stepped / s,
		.both_ends = run->way != PB_UPROBE_SESSION,
	};
	return 0;
}

/* Say what it is going to cost, and stop where that is too much. */
static int foretell(struct pb_alloc_run *run)
{
	struct pb_overhead_rates rates = {0};
	int err = measure_calls(run, &rates);

	if (err)
		return err;
	run->book.expected_pct = pb_overhead_expect(&run->overhead, run->book.mode, &rates);
	pb_log(PB_LOG_INFO,
	       "%'.0f allocations and %'.0f frees a second: expect to cost %.1f %% of one CPU",
	       rates.allocs, rates.frees, run->book.expected_pct);
	if (!run->limit_pct || run->book.expected_pct <= (double)run->limit_pct)
		return 0;
	return pb_fail(EDQUOT,
		       "that is more than the %llu %% allowed: --growth costs next to nothing, "
		       "--no-free half of it; or raise --max-overhead (0: no limit)",
		       (unsigned long long)run->limit_pct);
}

static void warn_of_steps(struct pb_alloc_run *run)
{
	const char *example = NULL;
	uint32_t n = pb_alloc_attach_stepped(run->attach, &example);

	pb_alloc_attach_log(run->attach, run->overhead.entry_ns, run->overhead.step_ns);
	if (n)
		pb_log(PB_LOG_WARN,
		       "%u functions (%s) have no instruction early on that the kernel emulates: a "
		       "call costs %.1f us instead of %.1f",
		       n, example, run->overhead.step_ns / 1e3, run->overhead.entry_ns / 1e3);
}

static int attach_allocators(struct pb_alloc_run *run, struct pb_session *s)
{
	const struct pb_target *target = pb_session_target(s);
	bool is_session = run->way == PB_UPROBE_SESSION;
	const struct pb_alloc_programs programs = {
		.session = is_session ? program_fd(run, "on_session") : -1,
		.enter = program_fd(run, "on_enter"),
		.leave = is_session ? -1 : program_fd(run, "on_return"),
		.measure = program_fd(run, "on_measure"),
	};
	enum pb_uprobe_way ends = is_session ? PB_UPROBE_MULTI : run->way;
	int err;

	pb_alloc_attach_use(run->attach, run->way, run->book.track_frees, &programs);
	if (pb_uprobe_calibrate(ends, program_fd(run, "on_nothing"), &run->overhead.entry_ns,
				&run->overhead.return_ns, &run->overhead.step_ns))
		pb_log(PB_LOG_DEBUG, "the cost of a probe could not be calibrated");
	warn_of_steps(run);
	if (target->launch) {
		err = pb_alloc_attach_start(run->attach, pb_launch_pid(target->launch));
		if (err)
			return err;
	} else {
		err = foretell(run);
		if (err)
			return err;
	}
	return pb_alloc_attach_all(run->attach);
}

int pb_alloc_run_attach(struct pb_alloc_run *run, struct pb_session *s)
{
	int err = map_heap(run);

	if (err)
		return err;
	if (run->book.mode == PB_ALLOC_GROWTH)
		err = attach_growth(run, s);
	else
		err = attach_allocators(run, s);
	pb_overhead_tick(&run->overhead, 0);
	return err;
}

static struct pb_alloc_point point_of(const struct pb_alloc_run *run, uint64_t time_ns,
				      const struct pb_alloc_tally *tally)
{
	int64_t live = (int64_t)__atomic_load_n(&run->heap->live_bytes, __ATOMIC_RELAXED);
	int64_t objects = (int64_t)__atomic_load_n(&run->heap->live_objects, __ATOMIC_RELAXED);

	if (run->book.sample_bytes)
		objects >>= PB_ALLOC_OBJECT_SHIFT;
	return (struct pb_alloc_point){
		.time_ns = time_ns,
		.live_bytes = live > 0 ? (uint64_t)live : 0,
		.live_objects = objects > 0 ? (uint64_t)objects : 0,
		.rss_bytes = pb_alloc_attach_rss(run->attach),
		.calls = tally->calls,
		.bytes = tally->bytes,
	};
}

static void stop_at_limit(struct pb_alloc_run *run, struct pb_session *s, double pct,
			  uint64_t now_ns)
{
	if (!run->limit_pct || run->book.detached || pct <= (double)run->limit_pct)
		return;
	run->book.detached = true;
	run->book.detached_ns = now_ns - pb_session_ready_ns(s);
	pb_session_end(s);
	pb_alloc_run_detach(run);
	pb_log(PB_LOG_WARN,
	       "stopped after %.1f s: the probes cost %.0f %% of one CPU, and %llu are allowed; see "
	       "--max-overhead%s",
	       (double)run->book.detached_ns / 1e9, pct, (unsigned long long)run->limit_pct,
	       run->book.mode == PB_ALLOC_GROWTH ? "" : ", --no-free, --growth");
}

void pb_alloc_run_tick(struct pb_session *s, void *state, uint64_t now_ns)
{
	struct pb_alloc_run *run = state;
	uint64_t time_ns = now_ns - pb_session_ready_ns(s), faults = 0;
	bool is_due = pb_interval_is_due(&run->interval, time_ns), is_shown;
	struct pb_alloc_tally tally;
	struct pb_alloc_point now;
	double pct;

	if (run->book.mode == PB_ALLOC_GROWTH && pb_alloc_read_events(run->object.object, &faults))
		return;
	pb_overhead_tick(&run->overhead, faults);
	pb_alloc_attach_update(run->attach, now_ns);
	if (pb_alloc_read_tally(run->object.object, &tally))
		return;
	pct = pb_alloc_watch_tick(&run->watch, &run->overhead, &tally, now_ns);
	stop_at_limit(run, s, pct, now_ns);
	/* It reads a file of each process. */
	if (!is_due && !pb_alloc_watch_wants_point(&run->watch))
		return;
	now = point_of(run, time_ns, &tally);
	if (pb_alloc_watch_wants_point(&run->watch))
		pb_alloc_watch_add_point(&run->watch, &run->book, &now);
	is_shown = pb_interval_tick(&run->interval, stdout, &now, tally.frees, pct);
	if (is_shown && run->interval.with_tables && !run->book.detached)
		pb_session_show_so_far(s);
}

void pb_alloc_run_loaded(void *state)
{
	struct pb_alloc_run *run = state;

	/* Its dynamic linker has decided by now who serves malloc, which we could only guess. */
	pb_alloc_attach_update(run->attach, pb_clock_ns());
}

void pb_alloc_run_detach(void *state)
{
	struct pb_alloc_run *run = state;

	pb_alloc_attach_none(run->attach);
}

static void on_mapped(void *ctx, uint32_t tgid)
{
	struct pb_alloc_run *run = ctx;

	pb_alloc_attach_mapped(run->attach, (pid_t)tgid);
}

static void on_fork(void *ctx, uint32_t parent_tgid, uint32_t tgid)
{
	struct pb_alloc_run *run = ctx;

	pb_alloc_attach_forked(run->attach, (pid_t)parent_tgid, (pid_t)tgid);
}

static void on_gone(void *ctx, uint32_t tgid)
{
	struct pb_alloc_run *run = ctx;

	pb_alloc_attach_gone(run->attach, (pid_t)tgid);
}

static void on_exec(void *ctx, uint32_t tgid)
{
	struct pb_alloc_run *run = ctx;

	pb_alloc_attach_execed(run->attach, (pid_t)tgid);
}

/* At once: until it has probes, what a new program allocates is not seen. */
static void on_updated(void *ctx, uint64_t now_ns)
{
	struct pb_alloc_run *run = ctx;

	pb_alloc_attach_update(run->attach, now_ns);
}

const struct pb_track_listener pb_alloc_run_events = {
	.on_mapped = on_mapped,
	.on_fork = on_fork,
	.on_gone = on_gone,
	.on_exec = on_exec,
	.on_updated = on_updated,
};

int pb_alloc_run_collect(struct pb_session *s, void *state, struct pb_report *report)
{
	struct pb_alloc_run *run = state;
	struct pb_alloc_book *book = &run->book;
	static const struct pb_alloc_tally none;
	const struct pb_alloc_sources from = {
		.object = run->object.object,
		.stacks = pb_session_stacks(s),
		.book = book,
		.ready_ns = pb_session_ready_ns(s),
		.end_ns = pb_session_ready_ns(s) + report->duration_ns,
	};
	double spent_ns;
	int err;

	if (book->mode == PB_ALLOC_GROWTH)
		run->overhead.faults = report->produced;
	pb_overhead_drop(&run->overhead);
	book->older_ns = run->args->older_ns == UINT64_MAX ? report->duration_ns / LEAK_SHARE
							   : run->args->older_ns;
	err = pb_alloc_collect_new(&run->collect, &from);
	if (err)
		return err;
	book->entry_ns = run->overhead.entry_ns;
	book->return_ns = run->overhead.return_ns;
	spent_ns = pb_overhead_spent_ns(&run->overhead, &none, &book->tally,
					book->mode == PB_ALLOC_GROWTH ? report->produced : 0);
	book->actual_pct = 100.0 * spent_ns / (double)report->duration_ns;
	report->bpf_cpu_pct = book->actual_pct;
	/* A sample is paid for by all the calls that are none. */
	if (report->produced && book->mode != PB_ALLOC_SAMPLED)
		report->bpf_ns_per_event = spent_ns / (double)report->produced;
	return pb_alloc_attach_describe(run->attach, &book->allocators, &book->n_allocators);
}

void pb_alloc_run_values(void *state, const struct pb_stack_total *total, uint64_t *values)
{
	struct pb_alloc_run *run = state;

	if (run->book.mode == PB_ALLOC_GROWTH) {
		values[PB_GROWTH_FAULTS] = total->count->events;
		values[PB_GROWTH_SPACE] = total->count->weight;
		return;
	}
	pb_alloc_collect_values(run->collect, total, values);
}

int pb_alloc_run_finish(void *state, const void *args, struct pb_profile *profile,
			struct pb_report *report)
{
	const struct pb_args *common = args;
	struct pb_alloc_run *run = state;
	pb_autofree char *text = NULL;
	int err = pb_alloc_book_json(&run->book, profile, (uint32_t)common->top,
				     profile->default_value, &text);

	err = err ? err : pb_report_set_extra(report, text);
	return err ? pb_err(-err, "write the books of the heap") : 0;
}
