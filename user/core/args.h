/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a person may ask of every profiler alike, and the table that parses it. A profiler's own
 * args struct begins with struct pb_args, so that one offset serves both tables.
 */
#ifndef PB_CORE_ARGS_H
#define PB_CORE_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi/unwind.h"
#include "user/core/opts.h"

enum pb_action {
	PB_ACTION_RUN,
	PB_ACTION_HELP,
	PB_ACTION_VERSION,
	PB_ACTION_JSON_SCHEMA,
	PB_ACTION_MAN,        /* hidden: --man prints the mdoc OPTIONS list, for the build */
	PB_ACTION_COMPLETION, /* hidden: --completion SHELL, for the build */
};

enum pb_color {
	PB_COLOR_AUTO,
	PB_COLOR_ALWAYS,
	PB_COLOR_NEVER,
};

enum pb_demangling {
	PB_DEMANGLE_SHORT, /* names alone: "std::vector<int>::push_back" */
	PB_DEMANGLE_FULL,  /* with parameters and return types */
};

struct pb_args {
	/* target: exactly one of these, or a command behind "--" */
	struct pb_pids pids; /* -p, --pid */
	uint64_t tid;        /* -t, --tid; 0: not given */
	bool all;            /* -a, --all */
	const char *cgroup;  /* --cgroup PATH */
	bool no_children;    /* --no-children */

	/* capture */
	uint64_t duration_ns; /* -d, --duration; 0: until Ctrl-C or the target's end */
	bool user_only;       /* -U */
	bool kernel_only;     /* -K */
	uint32_t unwind;      /* --unwind, enum pb_unwind_mode */
	uint64_t max_depth;   /* --max-depth, user frames, 1 to 1024; default 127 */
	uint64_t max_stacks;  /* --max-stacks, default 65536, 16 to 1048576 */
	uint64_t ring_bytes;  /* --ring-size, default 4M, 4k to 256M, a power of two */
	uint64_t table_bytes; /* --table-size, default 64M, 1M to 256M */

	/* output */
	struct pb_list outputs; /* -o, --output FILE, repeatable */
	const char *format;     /* --format NAME: for -o names that do not tell; stdout if no -o */
	bool folded;            /* -f, --folded: folded stacks to stdout */
	bool json;              /* --json: the JSON report to stdout */
	const char *from;       /* --from FILE */
	uint64_t top;           /* --top N, default 20, 1 to 10000 */
	bool lines;             /* --lines: tell frames apart by source line */

	/* names */
	uint32_t demangle; /* --demangle, enum pb_demangling */
	bool debuginfod;   /* --debuginfod: ask the servers of DEBUGINFOD_URLS */

	/* talk */
	bool quiet;        /* -q, --quiet: no live line, no table, errors only */
	bool verbose;      /* -v, --verbose */
	bool no_progress;  /* --no-progress: no live line */
	uint32_t color;    /* --color WHEN, enum pb_color */
	uint64_t ready_fd; /* --ready-fd N; UINT64_MAX: not given */

	uint32_t action;        /* --help, --version, --json-schema; enum pb_action */
	const char *completion; /* hidden: --completion SHELL */

	bool no_stacks; /* set by a tool's own check: nothing of what is asked for shows a frame */

	/* set by pb_args_check() from what stands beside the options */
	uint64_t interval_ns; /* of programs that take INTERVAL [COUNT]; 0: not given */
	uint64_t count;       /* 0: not given */
	char **command;       /* -- CMD ARG..., NULL-terminated; NULL: none */
};

/* The shared table: groups Target, Capture, Output, Names, Other. Ends with PB_OPT_END. */
extern const struct pb_option pb_common_options[];

/* Defaults, to be called before pb_opts_parse(). */
void pb_args_init(struct pb_args *args);

/**
 * pb_args_check() - what a table cannot say: one target, a duration given once, -U without -K.
 *
 * Takes the bare number as duration and the command, and turns --completion into its action: look
 * at args->action only after this. Where it is not PB_ACTION_RUN, nothing is checked. Each fault is
 * logged in one sentence with the way out.
 *
 * Return: 0; -EINVAL.
 */
int pb_args_check(struct pb_args *args, const struct pb_parsed *parsed);

#endif
