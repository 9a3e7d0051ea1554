/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * both: a profiler for tests alone. Samples like cpuflame, takes a stack at each call of one function of a
 * file or at each execution of one instruction, and keeps a uretprobe on a function, each if it is asked to.
 *
 * Values: "events", all of them, and "cpu", 1,000,000,000 / HZ for each that is a sample.
 */
#include "tests/both/both.h"
#include "tests/both/both.skel.h"

#include <errno.h>
#include <unistd.h>

#include "user/core/args.h"
#include "user/core/log.h"
#include "user/core/perfevent.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/tool/tool.h"

struct both_args {
	struct pb_args common;
	uint64_t hz;
	const char *binary;
	const char *calls;
	uint64_t at;
	const char *returns;
};

static const struct pb_option options[] = {
	{.kind = PB_OPT_GROUP, .help = "Target"},
	{.kind = PB_OPT_GROUP, .help = "Capture"},
	{PB_OPT_FIELD(UINT, struct both_args, hz), .short_name = 'F', .long_name = "frequency",
	 .arg = "HZ", .max = 10000, .help = "samples per second and CPU (default 99); 0: none"},
	{PB_OPT_FIELD(STRING, struct both_args, binary), .long_name = "binary", .arg = "FILE",
	 .help = "the file that has the functions"},
	{PB_OPT_FIELD(STRING, struct both_args, calls), .long_name = "calls", .arg = "FUNCTION",
	 .help = "take a stack at each call"},
	{PB_OPT_FIELD(UINT, struct both_args, at), .long_name = "at", .arg = "OFFSET", .min = 1,
	 .max = UINT32_MAX,
	 .help = "take a stack each time the instruction there is executed: an offset in the file"},
	{PB_OPT_FIELD(STRING, struct both_args, returns), .long_name = "returns", .arg = "FUNCTION",
	 .help = "keep a uretprobe on it that does nothing"},
	{.kind = PB_OPT_END},
};

static const struct pb_option *const tables[] = {options, pb_common_options, NULL};

static const struct pb_program program = {
	.name = "both",
	.summary = "samples and uprobes over one capture",
	.usage = "-p PID [OPTION...] [SECONDS]",
	.tables = tables,
	.has_command = true,
	.has_bare_duration = true,
};

static void init(void *args)
{
	struct both_args *a = args;

	a->hz = 99;
}

static int check(void *args)
{
	const struct both_args *a = args;

	if ((a->calls || a->at || a->returns) && !a->binary)
		return pb_fail(EINVAL, "--calls, --at and --returns want --binary");
	return 0;
}

static int open_bpf(struct pb_bpf *bpf, const void *args)
{
	struct both_bpf *skel = both_bpf__open();

	(void)args;
	if (!skel)
		return -errno;
	bpf->skeleton = skel;
	bpf->object = skel->obj;
	bpf->capture = &skel->rodata->cfg.capture;
	return 0;
}

/* @function, or the instruction at @off where that is NULL. */
static int attach_probe(struct pb_session *s, struct bpf_program *prog, const char *binary,
			const char *function, uint64_t off, bool is_return)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .func_name = function, .retprobe = is_return);
	struct bpf_link *link = bpf_program__attach_uprobe_opts(prog, -1, binary, off, &opts);
	int err = pb_session_hold(s, link);

	return err ? pb_err(-err, "probe %s of %s", function ? function : "an instruction", binary)
		   : 0;
}

static int attach_samplers(struct pb_session *s, const struct both_bpf *skel, uint64_t hz)
{
	const struct pb_cpus *cpus = pb_session_cpus(s);
	struct bpf_link *link;
	uint32_t i;
	int fd, err;

	for (i = 0; i < cpus->n; i++) {
		fd = pb_perf_open_sampler(pb_perf_kinds, cpus->ids[i], hz);
		if (fd == -ENODEV)
			continue; /* went offline meanwhile */
		if (fd < 0)
			return fd;
		link = bpf_program__attach_perf_event(skel->progs.on_sample, fd);
		if (!link)
			close(fd); /* a link owns it */
		err = pb_session_hold(s, link);
		if (err)
			return pb_err(-err, "attach to CPU %d", cpus->ids[i]);
	}
	return 0;
}

static int attach(struct pb_session *s, struct pb_bpf *bpf, const void *args)
{
	const struct both_bpf *skel = bpf->skeleton;
	const struct both_args *a = args;
	int err = 0;

	if (a->hz)
		err = attach_samplers(s, skel, a->hz);
	if (!err && a->calls)
		err = attach_probe(s, skel->progs.on_call, a->binary, a->calls, 0, false);
	if (!err && a->at)
		err = attach_probe(s, skel->progs.on_call, a->binary, NULL, a->at, false);
	if (!err && a->returns)
		err = attach_probe(s, skel->progs.on_return, a->binary, a->returns, 0, true);
	return err;
}

static void destroy(struct pb_bpf *bpf)
{
	both_bpf__destroy(bpf->skeleton);
}

static const struct pb_probes probes = {
	.events = "events",
	.open = open_bpf,
	.attach = attach,
	.destroy = destroy,
};

static uint32_t values(const void *args, struct pb_value_type *types)
{
	(void)args;
	types[0] = (struct pb_value_type){"events", "count"};
	types[1] = (struct pb_value_type){"cpu", "nanoseconds"};
	return 2;
}

static int describe(const void *args, struct pb_profile *profile, struct pb_report *report)
{
	const struct both_args *a = args;

	(void)profile;
	report->asked_hz = (double)a->hz;
	return pb_report_set(&report->event, "cpu-clock and uprobe");
}

static void to_values(void *ctx, const struct pb_stack_total *total, uint64_t *v)
{
	(void)ctx;
	v[0] = total->count->events;
	v[1] = total->count->weight;
}

static const struct pb_tool tool = {
	.program = &program,
	.schema = "cpuflame/1", /* the ledger is that of a profiler, and is checked as such */
	.args_size = sizeof(struct both_args),
	.init = init,
	.check = check,
	.probes = &probes,
	.values = values,
	.describe = describe,
	.to_values = to_values,
	.nothing_measured = "nothing was measured",
};

int main(int argc, char **argv)
{
	return pb_tool_main(&tool, argc, argv);
}
