/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* allocsites, user half: the options, values and hooks that are its own. */
#include "bpf/abi/allocsites.h"
#include "bpf/allocsites.skel.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "user/alloc/prepare.h"
#include "user/alloc/run.h"
#include "user/core/args.h"
#include "user/core/log.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/render/render.h"
#include "user/tool/tool.h"

static const char *const by_names[] = {"allocated", "live",  "peak", "temporary",
				       "leaked",    "count", NULL};
static const char *const ways[] = {"best", "session", "multi", "perf", NULL};
static const char *const by_values[] = {"alloc_space",       "inuse_space",  "peak_space",
					"temporary_objects", "leaked_space", "alloc_objects"};
#define BY_NOT_GIVEN UINT32_MAX

static const struct pb_option options[] = {
	{.kind = PB_OPT_GROUP, .help = "Target"},
	{.kind = PB_OPT_GROUP, .help = "Capture"},
	{PB_OPT_FIELD(SIZE, struct pb_alloc_args, sample_bytes), .long_name = "sample-bytes",
	 .arg = "SIZE", .min = PB_ALLOC_MEAN_MIN, .max = PB_ALLOC_MEAN_MAX,
	 .help = "take one stack every so many allocated bytes, on the average (default 512k)"},
	{PB_OPT_FIELD(FLAG, struct pb_alloc_args, exact), .long_name = "exact",
	 .help = "count every call: exact numbers, at several times the cost"},
	{PB_OPT_FIELD(FLAG, struct pb_alloc_args, growth), .long_name = "growth",
	 .help = "watch first touches of new pages instead of an allocator: next to no cost, for "
		 "any program"},
	{PB_OPT_FIELD(FLAG, struct pb_alloc_args, track_frees), .long_name = "no-free",
	 .action = true,
	 .help = "leave frees alone: what is allocated, not what is kept, at half the cost"},
	{PB_OPT_FIELD(SIZE, struct pb_alloc_args, min_bytes), .short_name = 'z',
	 .long_name = "min-size", .arg = "SIZE", .max = PB_ALLOC_SIZE_MAX,
	 .help = "leave smaller allocations out"},
	{PB_OPT_FIELD(SIZE, struct pb_alloc_args, max_bytes), .short_name = 'Z',
	 .long_name = "max-size", .arg = "SIZE", .max = PB_ALLOC_SIZE_MAX,
	 .help = "leave larger allocations out"},
	{PB_OPT_FIELD(UINT, struct pb_alloc_args, max_live), .long_name = "max-live", .arg = "N",
	 .min = 16, .max = 1 << 26,
	 .help = "live blocks to keep track of at most, about 150 bytes of kernel memory each "
		 "(default 1048576 with --exact, else 65536)"},
	{PB_OPT_FIELD(UINT, struct pb_alloc_args, max_overhead), .long_name = "max-overhead",
	 .arg = "PERCENT", .max = 100000,
	 .help = "of one CPU; do not start above it, and stop when it is passed (default 20 with -p, "
		 "unless --exact or --growth is given; 0: no limit)"},
	/* What older kernels have, for tests. */
	{PB_OPT_FIELD(CHOICE, struct pb_alloc_args, probes), .long_name = "probes", .arg = "WAY",
	 .choices = ways, .help = "how to attach", .hidden = true},
	{.kind = PB_OPT_GROUP, .help = "Output"},
	{PB_OPT_FIELD(CHOICE, struct pb_alloc_args, by), .long_name = "by", .arg = "MEASURE",
	 .choices = by_names,
	 .help = "what to rank and draw by: allocated (bytes, the default), live, peak, temporary, "
		 "leaked, count"},
	{PB_OPT_FIELD(DURATION, struct pb_alloc_args, interval_ns), .short_name = 'i',
	 .long_name = "interval", .arg = "SECONDS",
	 .help = "meanwhile, print so often how the heap does (rates, live and resident memory, cost) "
		 "and the table as it is then"},
	{PB_OPT_FIELD(UINT, struct pb_alloc_args, common.top), .short_name = 'T', .arg = "N",
	 .min = 1, .max = 10000, .help = "as --top"},
	{PB_OPT_FIELD(DURATION, struct pb_alloc_args, older_ns), .long_name = "older",
	 .arg = "SECONDS",
	 .help = "leaked is what is live and at least so old (default: half of the capture), or "
		 "was live when its process ended"},
	{.kind = PB_OPT_END},
};

static const struct pb_option *const tables[] = {options, pb_common_options, NULL};

static const struct pb_program program = {
	.name = "allocsites",
	.summary = "which call paths allocate, keep and churn memory, by eBPF",
	.usage =
		"-p PID [OPTION...] [SECONDS]\n[OPTION...] -- CMD [ARG...]\n--from FILE [OPTION...]",
	.tables = tables,
	.examples = "  sudo allocsites -p 1234 10\n"
		    "      ten seconds of process 1234: who allocates, sampled\n"
		    "  sudo allocsites --exact --by leaked -- ./program\n"
		    "      every call of a command, and what it never freed\n"
		    "  sudo allocsites --growth -p 1234 -d 1m -o growth.html\n"
		    "      who makes a process grow, at next to no cost\n"
		    "  allocsites --from heap.pb.gz --by live\n"
		    "      a saved profile by another measure; no root needed\n",
	.has_command = true,
	.has_bare_duration = true,
};

static void init(void *args)
{
	struct pb_alloc_args *a = args;

	a->sample_bytes = 512 << 10;
	a->track_frees = true;
	a->max_bytes = PB_ALLOC_SIZE_MAX;
	a->max_overhead = UINT64_MAX;
	a->older_ns = UINT64_MAX;
	a->by = BY_NOT_GIVEN;
}

/* Whether a result for programs goes to stdout, where the lines of --interval go. */
static bool feeds_stdout(const struct pb_args *args)
{
	bool is_text = args->format && !strcmp(args->format, "text");

	for (uint32_t i = 0; i < args->outputs.n; i++) {
		if (!strcmp(args->outputs.items[i], "-") && !is_text)
			return true;
	}
	return args->json || args->folded || (args->format && !args->outputs.n && !is_text);
}

static int check(void *args)
{
	struct pb_alloc_args *a = args;

	if (a->interval_ns && feeds_stdout(&a->common))
		return pb_fail(EINVAL, "--interval writes to stdout, too: give the result a file "
				       "with -o FILE");

	if (a->exact + a->growth > 1)
		return pb_fail(EINVAL, "--exact and --growth are two ways to look: give one");
	if (a->growth && !a->track_frees)
		return pb_fail(EINVAL, "--no-free says nothing to --growth, which sees no frees");
	if (a->min_bytes > a->max_bytes)
		return pb_fail(EINVAL, "no size is at least --min-size and at most --max-size");
	if (a->common.tid)
		return pb_fail(EINVAL, "what one thread allocates another may free: take the whole "
				       "process, -p PID");
	if (a->common.kernel_only)
		return pb_fail(EINVAL, "allocations have user stacks only; leave -K out");
	if ((a->common.all || a->common.cgroup) && !a->growth)
		return pb_fail(EINVAL, "probes on an allocator slow every process that has it, so "
				       "they are set for single ones: -p PID; or --growth, which "
				       "needs none");
	/* User stacks are all there is. */
	a->common.user_only = true;
	return 0;
}

/* What the run needs of the object; everything else is in user/alloc/run.c. */
static int open_bpf(struct pb_bpf *bpf, const void *args)
{
	struct allocsites_bpf *skel = allocsites_bpf__open();
	struct pb_alloc_object object;
	int err;

	if (!skel)
		return -errno;
	object = (struct pb_alloc_object){
		.skeleton = skel,
		.destroy = (void (*)(void *))allocsites_bpf__destroy,
		.object = skel->obj,
		.cfg = &skel->rodata->cfg,
		.tables = &skel->rodata->tables,
	};
	bpf->object = skel->obj;
	bpf->capture = &skel->rodata->cfg.capture;
	err = pb_alloc_run_new((struct pb_alloc_run **)&bpf->skeleton, &object, args);
	if (err)
		allocsites_bpf__destroy(skel);
	return err;
}

static int attach(struct pb_session *s, struct pb_bpf *bpf, const void *args)
{
	(void)args;
	return pb_alloc_run_attach(bpf->skeleton, s);
}

static void destroy(struct pb_bpf *bpf)
{
	pb_alloc_run_free(bpf->skeleton);
}

static const struct pb_probes probes = {
	.events = "allocations",
	.knows_cost = true,
	.open = open_bpf,
	.attach = attach,
	.destroy = destroy,
	.tick = pb_alloc_run_tick,
	.loaded = pb_alloc_run_loaded,
	.detach = pb_alloc_run_detach,
	.collect = pb_alloc_run_collect,
	.events_of_processes = &pb_alloc_run_events,
};

static uint32_t values(const void *args, struct pb_value_type *types)
{
	return pb_alloc_value_types(args, types);
}

static int describe(const void *args, struct pb_profile *profile, struct pb_report *report)
{
	const struct pb_alloc_args *a = args;

	profile->default_value = a->growth ? (uint32_t)PB_GROWTH_SPACE : (uint32_t)PB_ALLOC_SPACE;
	profile->period_type = (struct pb_value_type){"space", "bytes"};
	profile->period = a->exact || a->growth ? 1 : a->sample_bytes;
	return pb_report_set(&report->event, a->growth ? "page-faults" : "malloc");
}

/* A saved profile may be anyone's, and growth has none of these. */
static int choose_value(const void *args, struct pb_profile *profile)
{
	const struct pb_alloc_args *a = args;
	uint32_t value;

	if (a->by == BY_NOT_GIVEN)
		return 0;
	value = pb_profile_value(profile, by_values[a->by]);
	if (value != PB_NONE) {
		profile->default_value = value;
		return 0;
	}
	return pb_fail(EINVAL, "--by %s: this profile does not say; leave --by out",
		       by_names[a->by]);
}

static const char *why_nothing(const void *args)
{
	const struct pb_alloc_args *a = args;

	if (a->growth)
		return "nothing was measured: the target touched no new page while it was watched";
	if (a->min_bytes || a->max_bytes != PB_ALLOC_SIZE_MAX)
		return "nothing was measured: the target allocated nothing of the sizes that -z and "
		       "-Z leave while it was watched";
	if (a->exact)
		return "nothing was measured: the target allocated nothing while it was watched";
	return NULL;
}

static const struct pb_tool tool = {
	.program = &program,
	.schema = "allocsites/1",
	.args_size = sizeof(struct pb_alloc_args),
	.init = init,
	.check = check,
	.prepare = pb_alloc_prepare,
	.probes = &probes,
	.values = values,
	.describe = describe,
	.to_values = pb_alloc_run_values,
	.finish = pb_alloc_run_finish,
	.choose_value = choose_value,
	.text = pb_render_heap,
	.nothing_measured =
		"nothing was measured: the target allocated nothing while it was watched, or "
		"too little for a sample; --exact counts every call",
	.why_nothing = why_nothing,
};

int main(int argc, char **argv)
{
	return pb_tool_main(&tool, argc, argv);
}
