/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* iolatency, user half: the options, values and hooks that are its own. */
#include "bpf/abi/iolatency.h"
#include "bpf/iolatency.skel.h"

#include <errno.h>

#include "user/core/args.h"
#include "user/core/log.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/io/run.h"
#include "user/render/render.h"
#include "user/tool/tool.h"

#define MAX_INFLIGHT     131072
#define MAX_NOBODIES     16
#define RING_OF_NOBODIES 4096

static const char *const by_names[] = {"device", "process", "file", "stack", "cgroup", NULL};

#define FIELD(kind, member) PB_OPT_FIELD(kind, struct pb_io_args, member)

static const struct pb_option options[] = {
	{.kind = PB_OPT_GROUP, .help = "Target"},
	{FIELD(STRING, disk), .long_name = "disk", .arg = "NAME",
	 .help = "only this disk or partition: vda, nvme0n1p2"},
	{.kind = PB_OPT_GROUP, .help = "Capture"},
	{FIELD(CHOICE, by), .long_name = "by", .arg = "WHAT", .choices = by_names,
	 .help = "also split by who asked: device (the default: no more than that), process, "
		 "file, stack, cgroup"},
	{FIELD(FLAG, calls), .long_name = "syscalls",
	 .help = "time read, write, fsync and their kin as well: the default with -p, -t and CMD"},
	{FIELD(FLAG, no_calls), .long_name = "no-syscalls", .help = "leave system calls out"},
	{FIELD(DURATION, slower_ns), .long_name = "slower", .arg = "TIME",
	 .help = "show each I/O that took so long, as it ends (10ms), and keep the slowest; 0 for "
		 "all of them"},
	{FIELD(FLAG, queued), .short_name = 'Q', .long_name = "queued",
	 .help = "count the time in the scheduler's queue as part of the latency"},
	{FIELD(UINT, max_inflight), .long_name = "max-inflight", .arg = "N", .min = 16,
	 .max = 1 << 24, .help = "I/O under way at once, more is counted as lost; default 131072"},
	{.kind = PB_OPT_GROUP, .help = "Output"},
	{FIELD(FLAG, flags), .short_name = 'F', .long_name = "flags",
	 .help = "a row for each set of flags: sync, meta, readahead, fua, background"},
	{FIELD(FLAG, per_disk), .short_name = 'D', .long_name = "per-disk",
	 .help = "a histogram for each disk"},
	{FIELD(FLAG, milliseconds), .short_name = 'm', .long_name = "milliseconds",
	 .help = "all times in milliseconds"},
	{FIELD(FLAG, timestamp), .short_name = 'T', .long_name = "timestamp",
	 .help = "the time of day before each interval"},
	{.kind = PB_OPT_END},
};

static const struct pb_option *const tables[] = {options, pb_common_options, NULL};

static const struct pb_program program = {
	.name = "iolatency",
	.summary = "how long I/O takes, and who asked for it, by eBPF",
	.usage = "[OPTION...] [INTERVAL [COUNT]]\n[OPTION...] -p PID [INTERVAL [COUNT]]\n"
		 "[OPTION...] -- CMD [ARG...]\n--from FILE [OPTION...]",
	.tables = tables,
	.examples = "  sudo iolatency 5\n"
		    "      percentiles of every disk, each five seconds\n"
		    "  sudo iolatency -p 1234 -d 10\n"
		    "      one process, from its system calls down to the device\n"
		    "  sudo iolatency --by file -d 10\n"
		    "      which files the machine reads and writes, and how long that takes\n"
		    "  sudo iolatency --slower 10ms\n"
		    "      each I/O that takes longer than 10 ms, and who asked for it\n",
	.has_command = true,
	.has_interval = true,
};

static void init(void *args)
{
	struct pb_io_args *a = args;

	a->slower_ns = UINT64_MAX;
	a->max_inflight = MAX_INFLIGHT;
}

static int check(void *args)
{
	struct pb_io_args *a = args;

	if (a->calls && a->no_calls)
		return pb_fail(EINVAL, "--syscalls and --no-syscalls exclude each other");
	if (a->common.from)
		return 0;
	if (a->timestamp && !a->common.interval_ns)
		return pb_fail(EINVAL,
			       "-T stands before each interval: give one, as in iolatency -T 1");
	if (a->by == PB_IO_BY_STACK && a->common.interval_ns)
		return pb_fail(EINVAL, "--by stack gets its names when a run ends: leave out the "
				       "interval, or take --by process or file");
	a->owners = pb_io_needs_owners(a);
	a->common.no_stacks = !pb_io_needs_stacks(a);
	/* Nobody's stack is one, and empty. */
	if (!a->owners) {
		a->common.max_stacks = MAX_NOBODIES;
		a->common.ring_bytes = RING_OF_NOBODIES;
	}
	return 0;
}

static int open_bpf(struct pb_bpf *bpf, const void *args)
{
	struct iolatency_bpf *skel = iolatency_bpf__open();
	struct pb_io_object object;
	int err;

	if (!skel)
		return -errno;
	object = (struct pb_io_object){
		.skeleton = skel,
		.destroy = (void (*)(void *))iolatency_bpf__destroy,
		.object = skel->obj,
		.cfg = &skel->rodata->cfg,
	};
	bpf->object = skel->obj;
	bpf->capture = &skel->rodata->cfg.capture;
	err = pb_io_run_new((struct pb_io_run **)&bpf->skeleton, &object, args);
	if (err)
		iolatency_bpf__destroy(skel);
	return err;
}

static int attach(struct pb_session *s, struct pb_bpf *bpf, const void *args)
{
	(void)args;
	return pb_io_run_attach(bpf->skeleton, s);
}

static void destroy(struct pb_bpf *bpf)
{
	pb_io_run_free(bpf->skeleton);
}

static const struct pb_probes probes = {
	.events = "I/Os",
	.at_tracepoints = true,
	.open = open_bpf,
	.attach = attach,
	.destroy = destroy,
	.tick = pb_io_run_tick,
	.collect = pb_io_run_collect,
};

static uint32_t values(const void *args, struct pb_value_type *types)
{
	return pb_io_value_types(args, types);
}

static int describe(const void *args, struct pb_profile *profile, struct pb_report *report)
{
	const struct pb_io_args *a = args;

	profile->default_value =
		pb_io_has_calls(a) ? (uint32_t)PB_IO_VALUE_CALL_TIME : (uint32_t)PB_IO_VALUE_TIME;
	profile->period_type = (struct pb_value_type){"operations", "count"};
	profile->period = 1;
	return pb_report_set(&report->event, "block");
}

/* Each interval has been printed; and a page of devices alone would show nothing. */
static uint32_t default_outputs(const void *args)
{
	const struct pb_io_args *a = args;

	if (a->common.from)
		return PB_DEFAULT_TEXT | PB_DEFAULT_PAGE;
	if (a->common.interval_ns)
		return 0;
	return a->common.no_stacks ? PB_DEFAULT_TEXT : PB_DEFAULT_TEXT | PB_DEFAULT_PAGE;
}

static const struct pb_tool tool = {
	.program = &program,
	.measures_all = true,
	.schema = "iolatency/1",
	.args_size = sizeof(struct pb_io_args),
	.init = init,
	.check = check,
	.prepare = pb_io_prepare,
	.probes = &probes,
	.values = values,
	.describe = describe,
	.finish = pb_io_run_finish,
	.default_outputs = default_outputs,
	.text = pb_render_latency,
	.nothing_measured =
		"nothing was measured: no I/O ended while it was watched; what the page cache "
		"answers never reaches a device, and --syscalls shows that",
};

int main(int argc, char **argv)
{
	return pb_tool_main(&tool, argc, argv);
}
