/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* cpuflame, user half: the options, values and hooks that are its own. */
#include "bpf/abi/cpuflame.h"
#include "bpf/cpuflame.skel.h"

#include <errno.h>
#include <string.h>

#include "user/core/args.h"
#include "user/core/log.h"
#include "user/core/perfevent.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/tool/tool.h"

#define HZ_DEFAULT       99
#define HZ_WITHOUT_FORCE 999
#define HZ_MAX           100000

struct cpuflame_args {
	struct pb_args common;
	uint64_t hz;
	bool force;
	const char *event;
};

static const char *const events[] = {
	"cpu-clock",   "cycles", "instructions", "cache-misses", "branch-misses",
	"page-faults", NULL};

static const struct pb_option options[] = {
	{.kind = PB_OPT_GROUP, .help = "Target"},
	{.kind = PB_OPT_GROUP, .help = "Capture"},
	{PB_OPT_FIELD(UINT, struct cpuflame_args, hz), .short_name = 'F', .long_name = "frequency",
	 .arg = "HZ", .min = 1, .max = HZ_MAX,
	 .help = "samples per second and CPU (default 99); above 999 only with --force"},
	{PB_OPT_FIELD(FLAG, struct cpuflame_args, force), .long_name = "force",
	 .help = "allow rates that slow the target down noticeably"},
	{PB_OPT_FIELD(STRING, struct cpuflame_args, event), .long_name = "event", .arg = "NAME",
	 .choices = events,
	 .help = "what to sample on (default cpu-clock, which works everywhere): cycles, "
		 "instructions, cache-misses, branch-misses where there is a PMU; page-faults"},
	{.kind = PB_OPT_END},
};

static const struct pb_option *const tables[] = {options, pb_common_options, NULL};

static const struct pb_program program = {
	.name = "cpuflame",
	.summary = "where does the CPU time go: flame graphs of live processes, by eBPF",
	.usage =
		"-p PID [OPTION...] [SECONDS]\n-a [OPTION...] [SECONDS]\n[OPTION...] -- CMD [ARG...]\n"
		"--from FILE [OPTION...]",
	.tables = tables,
	.examples = "  sudo cpuflame -p 1234 10\n"
		    "      ten seconds of process 1234 and the children it starts\n"
		    "  sudo cpuflame -a -d 30s -o machine.html\n"
		    "      the whole machine, half a minute, as a flame graph\n"
		    "  sudo cpuflame -o a.pb.gz -o a.html -- ./bench --size 10\n"
		    "      a command from its first instruction on; its exit status is kept\n"
		    "  cpuflame --from a.pb.gz -f | flamegraph.pl > a.svg\n"
		    "      a saved profile in another format; no root needed\n",
	.has_command = true,
	.has_bare_duration = true,
};

static void init(void *args)
{
	struct cpuflame_args *a = args;

	a->hz = HZ_DEFAULT;
	a->event = "cpu-clock";
}

static const struct pb_perf_kind *find_event(const char *name)
{
	const struct pb_perf_kind *kind = pb_perf_kinds;

	while (kind->name && strcmp(kind->name, name))
		kind++;
	return kind->name ? kind : NULL;
}

static int check(void *args)
{
	const struct cpuflame_args *a = args;

	if (a->hz > HZ_WITHOUT_FORCE && !a->force)
		return pb_fail(EINVAL,
			       "-F %llu is above %d Hz and would slow the target down; --force if "
			       "you mean it",
			       (unsigned long long)a->hz, HZ_WITHOUT_FORCE);
	if (!find_event(a->event))
		return pb_fail(EINVAL,
			       "unknown event %s; --event takes cpu-clock, cycles, instructions, "
			       "cache-misses, branch-misses or page-faults",
			       a->event);
	return 0;
}

static int open_bpf(struct pb_bpf *bpf, const void *args)
{
	struct cpuflame_bpf *skel = cpuflame_bpf__open();

	(void)args;
	if (!skel)
		return -errno;
	bpf->skeleton = skel;
	bpf->object = skel->obj;
	bpf->capture = &skel->rodata->cfg.capture;
	return 0;
}

/* One sampling event per CPU, each with the program. */
static int attach(struct pb_session *s, struct pb_bpf *bpf, const void *args)
{
	const struct cpuflame_bpf *skel = bpf->skeleton;
	const struct pb_perf_kind *kind = find_event(((const struct cpuflame_args *)args)->event);
	const struct pb_cpus *cpus = pb_session_cpus(s);
	uint32_t i;
	struct bpf_link *link;
	int fd, err;

	for (i = 0; i < cpus->n; i++) {
		fd = pb_perf_open_sampler(kind, cpus->ids[i],
					  ((const struct cpuflame_args *)args)->hz);
		if (fd == -ENODEV)
			continue; /* went offline meanwhile */
		if (fd < 0)
			return fd;
		link = bpf_program__attach_perf_event(skel->progs.on_sample, fd);
		if (!link)
			close(fd); /* a link owns it */
		err = pb_session_hold(s, link);
		if (err) {
			return pb_err(-err, "attach to CPU %d", cpus->ids[i]);
		}
	}
	return 0;
}

static void destroy(struct pb_bpf *bpf)
{
	cpuflame_bpf__destroy(bpf->skeleton);
}

static const struct pb_probes probes = {
	.events = "samples",
	.open = open_bpf,
	.attach = attach,
	.destroy = destroy,
};

static uint32_t values(const void *args, struct pb_value_type *types)
{
	const struct pb_perf_kind *kind = find_event(((const struct cpuflame_args *)args)->event);

	types[0] = (struct pb_value_type){"samples", "count"};
	types[1] = (struct pb_value_type){kind->value_type, kind->value_unit};
	return 2;
}

static int describe(const void *args, struct pb_profile *profile, struct pb_report *report)
{
	const struct cpuflame_args *a = args;

	profile->period_type = profile->value_types[1];
	profile->period = find_event(a->event) == pb_perf_kinds ? 1000000000ull / a->hz : 0;
	report->asked_hz = (double)a->hz;
	return pb_report_set(&report->event, a->event);
}

static void to_values(void *ctx, const struct pb_stack_total *total, uint64_t *v)
{
	(void)ctx;
	v[0] = total->count->events;
	v[1] = total->count->weight;
}

static const struct pb_tool tool = {
	.program = &program,
	.schema = "cpuflame/1",
	.args_size = sizeof(struct cpuflame_args),
	.init = init,
	.check = check,
	.probes = &probes,
	.values = values,
	.describe = describe,
	.to_values = to_values,
	.nothing_measured =
		"nothing was measured: the target used no CPU time while it was watched",
};

int main(int argc, char **argv)
{
	return pb_tool_main(&tool, argc, argv);
}
