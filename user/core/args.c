/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The options that every profiler shares, their defaults, and what no table can say about them. */
#include "user/core/args.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "user/core/log.h"

#define MS            1000000ull
#define DURATION_MIN  (10 * MS)
#define DURATION_MAX  (365ull * 24 * 3600 * 1000 * MS)
#define COUNT_MAX     1000000000u
#define TID_MAX       4194304 /* PID_MAX_LIMIT, linux/threads.h */
#define READY_FD_NONE UINT64_MAX

/* Defaults that the help states too. */
#define MAX_DEPTH_DEFAULT  127
#define MAX_STACKS_DEFAULT 65536
#define RING_MB_DEFAULT    4
#define TABLE_MB_DEFAULT   64
#define TOP_DEFAULT        20
#define QUOTE_EXPANDED(x)  #x
#define QUOTE(x)           QUOTE_EXPANDED(x)

static const char *const unwind_modes[] = {"auto", "eh", "fp", NULL};
static const char *const demangle_modes[] = {"short", "full", NULL};
static const char *const color_modes[] = {"auto", "always", "never", NULL};
/* Only what completions offer: the renderers decide, and this half does not know them. */
static const char *const format_names[] = {"text",       "folded", "html", "json",  "pprof",
					   "speedscope", "dhat",   "prom", "trace", NULL};
static const char *const shells[] = {"bash", "zsh", "fish", NULL};

#define FIELD(kind, member) PB_OPT_FIELD(kind, struct pb_args, member)

const struct pb_option pb_common_options[] = {
	{.kind = PB_OPT_GROUP, .help = "Target"},
	{FIELD(PIDS, pids), .short_name = 'p', .long_name = "pid", .arg = "PID[,PID...]",
	 .complete = "pid", .help = "these processes, and the children they start"},
	{FIELD(UINT, tid), .short_name = 't', .long_name = "tid", .arg = "TID", .min = 1,
	 .max = TID_MAX, .complete = "pid", .help = "one thread"},
	{FIELD(FLAG, all), .short_name = 'a', .long_name = "all", .help = "the whole machine"},
	{FIELD(STRING, cgroup), .long_name = "cgroup", .arg = "PATH", .complete = "dir",
	 .help = "every process in this cgroup v2 directory and those below it"},
	{.kind = PB_OPT_COMMAND,
	 .arg = "CMD [ARG...]",
	 .help = "start CMD, follow its children, stop when it ends"},
	{FIELD(FLAG, no_children), .long_name = "no-children",
	 .help = "with -p or CMD: leave out the children they start"},

	{.kind = PB_OPT_GROUP, .help = "Capture"},
	{FIELD(DURATION, duration_ns), .short_name = 'd', .long_name = "duration", .arg = "SECONDS",
	 .min = DURATION_MIN, .max = DURATION_MAX,
	 .help = "stop after this long (10, 500ms, 5m), also as a bare number; without it, at "
		 "Ctrl-C or the target's end"},
	{FIELD(FLAG, user_only), .short_name = 'U', .help = "user stacks only"},
	{FIELD(FLAG, kernel_only), .short_name = 'K', .help = "kernel stacks only"},
	{FIELD(CHOICE, unwind), .long_name = "unwind", .arg = "auto|eh|fp", .choices = unwind_modes,
	 .help = "how user stacks are walked: auto (the default), by .eh_frame rules, and by "
		 "frame pointers in code that has none, such as JIT code; eh, by rules only; "
		 "fp, by frame pointers only"},
	{FIELD(UINT, max_depth), .long_name = "max-depth", .arg = "N", .min = 1, .max = 1024,
	 .help = "user frames kept per stack; default " QUOTE(MAX_DEPTH_DEFAULT)},
	{FIELD(UINT, max_stacks), .long_name = "max-stacks", .arg = "N", .min = 16, .max = 1048576,
	 .help = "distinct stacks kept, more are counted as lost; default " QUOTE(
		 MAX_STACKS_DEFAULT)},
	{FIELD(SIZE, ring_bytes), .long_name = "ring-size", .arg = "SIZE", .min = 4096,
	 .max = 256 << 20,
	 .help = "buffer for stacks on their way out of the kernel, a power of two; default " QUOTE(
		 RING_MB_DEFAULT) "M"},
	{FIELD(SIZE, table_bytes), .long_name = "table-size", .arg = "SIZE", .min = 1 << 20,
	 .max = 256 << 20,
	 .help = "memory for unwind tables in the kernel, used as needed; default " QUOTE(
		 TABLE_MB_DEFAULT) "M"},

	{.kind = PB_OPT_GROUP, .help = "Output"},
	{FIELD(LIST, outputs), .short_name = 'o', .long_name = "output", .arg = "FILE",
	 .complete = "file",
	 .help = "write FILE, in the format its name ends in: .html .folded .txt .json .pb.gz "
		 ".speedscope.json .dhat.json .prom .trace.json; - is stdout; repeatable"},
	{FIELD(STRING, format), .long_name = "format", .arg = "NAME", .choices = format_names,
	 .help = "for names that do not tell, and for stdout: text, folded, html, json, pprof, "
		 "speedscope, dhat, prom, trace"},
	{FIELD(FLAG, folded), .short_name = 'f', .long_name = "folded",
	 .help = "folded stacks to stdout"},
	{FIELD(FLAG, json), .long_name = "json", .help = "the JSON report to stdout"},
	{FIELD(STRING, from), .long_name = "from", .arg = "FILE", .complete = "file",
	 .help = "show a saved profile (.pb.gz) instead of capturing"},
	{FIELD(UINT, top), .long_name = "top", .arg = "N", .min = 1, .max = 10000,
	 .help = "functions in the table and in JSON; default " QUOTE(TOP_DEFAULT)},
	{FIELD(FLAG, lines), .long_name = "lines",
	 .help = "tell frames apart by source line, function:LINE, in all formats but pprof, "
		 "which has lines always"},

	{.kind = PB_OPT_GROUP, .help = "Names"},
	{FIELD(CHOICE, demangle), .long_name = "demangle", .arg = "HOW", .choices = demangle_modes,
	 .help = "names of C++ and Rust: short (the default), without their parameters, or full"},
	{FIELD(FLAG, debuginfod), .long_name = "debuginfod",
	 .help = "get debug information that is not here from the servers of DEBUGINFOD_URLS; "
		 "without this, no network is used"},

	{.kind = PB_OPT_GROUP, .help = "Other"},
	{FIELD(FLAG, quiet), .short_name = 'q', .long_name = "quiet",
	 .help = "no live line, no table, errors only"},
	{FIELD(FLAG, verbose), .short_name = 'v', .long_name = "verbose",
	 .help = "say what is being done, and why names are missing"},
	{FIELD(FLAG, no_progress), .long_name = "no-progress", .help = "no live line"},
	{FIELD(CHOICE, color), .long_name = "color", .arg = "WHEN", .choices = color_modes,
	 .help = "colours in the table: auto (on a terminal), always, never"},
	{FIELD(UINT, ready_fd), .long_name = "ready-fd", .arg = "N", .max = INT_MAX,
	 .help = "write one byte to this descriptor when everything is attached"},
	{FIELD(ACTION, action), .long_name = "json-schema", .action = PB_ACTION_JSON_SCHEMA,
	 .help = "print the JSON Schema of the JSON report"},
	{FIELD(ACTION, action), .long_name = "version", .action = PB_ACTION_VERSION,
	 .help = "print the version"},
	{FIELD(ACTION, action), .short_name = 'h', .long_name = "help", .action = PB_ACTION_HELP,
	 .help = "print this help"},
	{FIELD(ACTION, action), .long_name = "man", .action = PB_ACTION_MAN, .hidden = true,
	 .help = "print the OPTIONS of the man page"},
	{FIELD(STRING, completion), .long_name = "completion", .arg = "SHELL", .choices = shells,
	 .hidden = true, .help = "print the completions of a shell"},
	{.kind = PB_OPT_END},
};

void pb_args_init(struct pb_args *args)
{
	*args = (struct pb_args){
		.max_depth = MAX_DEPTH_DEFAULT,
		.max_stacks = MAX_STACKS_DEFAULT,
		.ring_bytes = RING_MB_DEFAULT << 20,
		.table_bytes = TABLE_MB_DEFAULT << 20,
		.top = TOP_DEFAULT,
		.ready_fd = READY_FD_NONE,
	};
}

/* An option that was given, by the name to use in a message. */
struct given {
	bool given;
	const char *name;
};

static int check_target(const struct pb_args *args)
{
	const struct given targets[] = {
		{args->pids.n > 0, "-p"},
		{args->tid != 0, "-t"},
		{args->all, "-a"},
		{args->cgroup != NULL, "--cgroup"},
		{args->command != NULL, "-- CMD"},
	};
	const char *first = NULL;

	for (size_t i = 0; i < PB_ARRAY_SIZE(targets); i++) {
		if (!targets[i].given)
			continue;
		if (args->from)
			return pb_fail(
				EINVAL,
				"--from shows a saved profile and measures nothing: leave out %s",
				targets[i].name);
		if (first)
			return pb_fail(EINVAL, "%s and %s are two targets: give one", first,
				       targets[i].name);
		first = targets[i].name;
	}
	if (!first && !args->from)
		return pb_fail(EINVAL, "say what to profile: -p PID, -a, --cgroup PATH or -- CMD");
	if (args->no_children && !args->from && !args->pids.n && !args->command)
		return pb_fail(EINVAL,
			       "--no-children goes with -p or -- CMD: %s has none to leave out",
			       first);
	return 0;
}

/*
 * Options of capturing and naming beside --from. One that repeats its default cannot be told from one that was not
 * given, and changes nothing.
 */
static int check_from(const struct pb_args *args)
{
	struct pb_args defaults;

	pb_args_init(&defaults);
	const struct given capture[] = {
		{args->no_children, "--no-children"},
		{args->duration_ns != 0, "-d"},
		{args->user_only, "-U"},
		{args->kernel_only, "-K"},
		{args->unwind != defaults.unwind, "--unwind"},
		{args->max_depth != defaults.max_depth, "--max-depth"},
		{args->max_stacks != defaults.max_stacks, "--max-stacks"},
		{args->ring_bytes != defaults.ring_bytes, "--ring-size"},
		{args->table_bytes != defaults.table_bytes, "--table-size"},
		{args->ready_fd != defaults.ready_fd, "--ready-fd"},
	};
	const struct given naming[] = {
		{args->demangle != defaults.demangle, "--demangle"},
		{args->debuginfod, "--debuginfod"},
	};
	for (size_t i = 0; args->from && i < PB_ARRAY_SIZE(naming); i++) {
		if (naming[i].given)
			return pb_fail(EINVAL,
				       "--from shows the names that were saved: leave out %s, and "
				       "give it when capturing",
				       naming[i].name);
	}
	for (size_t i = 0; args->from && i < PB_ARRAY_SIZE(capture); i++) {
		if (capture[i].given)
			return pb_fail(
				EINVAL,
				"--from shows a saved profile and measures nothing: leave out %s",
				capture[i].name);
	}
	return 0;
}

static int take_duration(const char *word, const char *what, uint64_t *out)
{
	const struct pb_option bounds = {
		.kind = PB_OPT_DURATION,
		.min = DURATION_MIN,
		.max = DURATION_MAX,
	};
	char range[64];
	uint64_t ns;
	int err = pb_parse_duration(word, &ns);

	if (err == -EINVAL)
		return pb_fail(EINVAL, "unexpected \"%s\"", word);
	if (err || ns < DURATION_MIN || ns > DURATION_MAX) {
		pb_opts_range(range, sizeof(range), &bounds);
		return pb_fail(EINVAL, "%s of %s is out of range, %s", what, word, range);
	}
	*out = ns;
	return 0;
}

static int take_bare_duration(struct pb_args *args, const char *bare)
{
	if (bare && args->duration_ns)
		return pb_fail(EINVAL, "-d and the bare %s both give a duration: leave out one",
			       bare);
	return bare ? take_duration(bare, "a duration", &args->duration_ns) : 0;
}

static int take_interval(struct pb_args *args, const struct pb_parsed *parsed)
{
	int err = parsed->bare ? take_duration(parsed->bare, "an interval", &args->interval_ns) : 0;

	if (!err && parsed->count && pb_parse_uint(parsed->count, 1, COUNT_MAX, &args->count))
		err = pb_fail(EINVAL, "a count of \"%s\" intervals: 1 to %u", parsed->count,
			      COUNT_MAX);
	return err;
}

static int check_capture(const struct pb_args *args)
{
	uint64_t below = 1;

	if (args->user_only && args->kernel_only)
		return pb_fail(EINVAL, "-U and -K exclude each other: without both, both are kept");
	if (args->ring_bytes & (args->ring_bytes - 1)) {
		while (below * 2 < args->ring_bytes)
			below *= 2;
		return pb_fail(EINVAL,
			       "--ring-size: %" PRIu64 " is not a power of two: take %" PRIu64
			       " or %" PRIu64,
			       args->ring_bytes, below, below * 2);
	}
	return 0;
}

static int check_ready_fd(const struct pb_args *args)
{
	int flags;

	if (args->ready_fd == READY_FD_NONE)
		return 0;
	flags = fcntl((int)args->ready_fd, F_GETFL);
	if (flags < 0)
		return pb_fail(EINVAL, "--ready-fd: descriptor %" PRIu64 " is not open",
			       args->ready_fd);
	if ((flags & O_ACCMODE) == O_RDONLY)
		return pb_fail(EINVAL, "--ready-fd: descriptor %" PRIu64 " is not open for writing",
			       args->ready_fd);
	return 0;
}

static bool is_stdout(const char *path)
{
	return !strcmp(path, "-") || !strcmp(path, "/dev/stdout");
}

/* Two reports in one stream, or one file written twice, are of use to nobody. */
static int check_outputs(const struct pb_args *args)
{
	const struct given shortcuts[] = {
		{args->folded, "-f"},
		{args->json, "--json"},
		{args->format && !args->outputs.n, "--format"},
	};
	const char *first = NULL, *name;

	for (size_t i = 0; i < PB_ARRAY_SIZE(shortcuts) + args->outputs.n; i++) {
		if (i < PB_ARRAY_SIZE(shortcuts)) {
			name = shortcuts[i].given ? shortcuts[i].name : NULL;
		} else {
			const char *path = args->outputs.items[i - PB_ARRAY_SIZE(shortcuts)];

			name = is_stdout(path) ? "-o -" : NULL;
		}
		if (name && first)
			return pb_fail(
				EINVAL,
				"%s and %s both write to stdout: give one a file with -o FILE",
				first, name);
		if (name)
			first = name;
	}
	for (uint32_t i = 0; i < args->outputs.n; i++) {
		for (uint32_t j = 0; j < i; j++) {
			if (!strcmp(args->outputs.items[i], args->outputs.items[j]))
				return pb_fail(EINVAL, "-o %s is given twice",
					       args->outputs.items[i]);
		}
	}
	return 0;
}

int pb_args_check(struct pb_args *args, const struct pb_parsed *parsed)
{
	int err;

	if (args->completion && args->action == PB_ACTION_RUN)
		args->action = PB_ACTION_COMPLETION;
	if (args->action != PB_ACTION_RUN)
		return 0;
	args->command = parsed->command;
	err = parsed->has_interval ? take_interval(args, parsed)
				   : take_bare_duration(args, parsed->bare);
	if (!err)
		err = check_target(args);
	if (!err)
		err = check_from(args);
	if (!err)
		err = check_capture(args);
	if (!err)
		err = check_ready_fd(args);
	if (!err)
		err = check_outputs(args);
	return err;
}
