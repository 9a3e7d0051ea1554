/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * beads.yaml: what is measured, what has to be equal, what is too much. Read by libyaml and a strict walker: an
 * unknown key, a wrong type, an id given twice, a cycle, a workload that is missing are errors with line and column.
 *
 *   version: 1
 *   project: shop
 *   limits: {hotspot_pct: 5, min_complete_pct: 90, max_overhead_pct: 20, score: 2.0}
 *   build: [make, -s]                             of a copy of a revision, in the plan's directory of it; or a list
 *                                                 of commands: [[./configure], [make, -s]]
 *   workloads:
 *     parse:
 *       command: [./bin/parse, data/in.json]      no shell; a text is split at spaces, quotes as in sh
 *       directory: .                              relative to the plan
 *       environment: {LC_ALL: C}                  added to a small fixed one
 *       stdin: data/input.txt                     relative to directory; default /dev/null
 *       warmup: 2
 *       runs: 30
 *       timeout: 60s
 *       prepare: [rm, -rf, out]                   before each run, not timed
 *       operations: 1000                          of one run: throughput is operations per second
 *       latencies: {file: out/latencies.txt, unit: us}    that each run writes: a number a line for each operation, in
 *                                                 ns, us, ms or s; relative to directory
 *       golden:
 *         stdout: exact | json | set | float | ignore
 *         stderr: ignore
 *         exit: 0
 *         files: [out/result.json]                relative to directory; {path:, mode:}
 *         normalize: [{match: "pid=[0-9]+", replace: "pid=N"}]       extended regular expressions
 *         tolerance: {absolute: 0, relative: 1e-9}                   of mode float, must be declared
 *         invariants: [[./check, out/result.json]]                   commands that must exit 0
 *   beads:
 *     - {id: shop.baseline, kind: baseline}
 *     - {id: shop.oracle, kind: oracle}
 *     - {id: shop.cpu, kind: cpu-flame, needs: [shop.baseline, shop.oracle], top: 5}
 *     - {id: shop.alloc, kind: alloc-sites, needs: [...]}
 *     - {id: shop.io, kind: io-latency, needs: [...]}
 *     - {id: shop.gate, kind: gate, needs: [...], limits: {wall_p50_pct: 3, allocations_pct: 0.5}}
 */
#ifndef PB_BEAD_PLAN_H
#define PB_BEAD_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/core/own.h"

#define PB_PLAN_BYTES_MAX (1u << 20) /* of the file */
#define PB_PLAN_DEPTH_MAX 12
#define PB_PLAN_ITEMS_MAX 256 /* workloads, beads, words of a command, and so on, each */
#define PB_PLAN_PATH_MAX  240 /* bytes of a file's path, below the workload's directory */
#define PB_PLAN_REGEX_MAX 1000
/* What holds where the plan says nothing. */
#define PB_PLAN_WARMUP    2
#define PB_PLAN_RUNS      30
#define PB_PLAN_TIMEOUT_S 60
#define PB_PLAN_TOP       5

/* How an output is compared. */
enum pb_compare {
	PB_COMPARE_EXACT,
	PB_COMPARE_JSON,  /* the order of keys does not count, nor does space */
	PB_COMPARE_SET,   /* the order of lines does not count */
	PB_COMPARE_FLOAT, /* numbers in the text within the tolerance, all else exact */
	PB_COMPARE_IGNORE,
};

struct pb_plan_rule {
	char *match;   /* POSIX extended regular expression, checked when the plan is read */
	char *replace; /* \1 to \9 */
};

struct pb_plan_file {
	char *path;
	enum pb_compare mode;
};

/* A command and its arguments, NULL-terminated. */
struct pb_plan_command {
	char **argv;
};

struct pb_plan_golden {
	enum pb_compare stdout_mode, stderr_mode;
	int exit_status;
	struct pb_plan_file *files;
	uint32_t n_files;
	struct pb_plan_rule *rules;
	uint32_t n_rules;
	double absolute, relative;
	bool has_tolerance;
	struct pb_plan_command *invariants;
	uint32_t n_invariants;
};

enum pb_plan_unit {
	PB_UNIT_NS,
	PB_UNIT_US,
	PB_UNIT_MS,
	PB_UNIT_S,
};

/* Where a run writes how long each of its operations took. */
struct pb_plan_latencies {
	char *path; /* NULL: nowhere */
	enum pb_plan_unit unit;
};

struct pb_plan_workload {
	char *name; /* [a-z0-9][a-z0-9._-]*, at most 64 */
	char **argv;
	char *directory;    /* absolute after reading */
	char **environment; /* "NAME=value", NULL-terminated */
	char *stdin_path;   /* absolute; NULL: /dev/null */
	char **prepare;     /* NULL: none */
	uint32_t warmup, runs;
	uint64_t timeout_ns;
	uint64_t operations; /* 0: not given */
	struct pb_plan_latencies latencies;
	struct pb_plan_golden golden;
	uint32_t line; /* of the plan */
};

enum pb_bead_kind {
	PB_BEAD_BASELINE,
	PB_BEAD_ORACLE,
	PB_BEAD_CPU_FLAME,
	PB_BEAD_ALLOC_SITES,
	PB_BEAD_IO_LATENCY,
	PB_BEAD_GATE,
	PB_BEAD_KINDS
};
/* "baseline" and so on; NULL behind the last. */
const char *pb_bead_kind_name(enum pb_bead_kind kind);

/* Limits of the gate, in percent of the baseline; negative: not given. */
enum pb_limit {
	PB_LIMIT_WALL_P50,
	PB_LIMIT_WALL_P95,
	PB_LIMIT_P99, /* of operations */
	PB_LIMIT_CPU,
	PB_LIMIT_MEMORY,
	PB_LIMIT_ALLOCATIONS,
	PB_LIMIT_SYSCALLS,
	PB_LIMIT_BLOCK_IOS,
	PB_LIMIT_FAULTS,
	PB_LIMITS
};
/* "wall_p50_pct" and so on: the key in the plan. */
const char *pb_limit_name(enum pb_limit limit);

struct pb_plan_bead {
	char *id;
	enum pb_bead_kind kind;
	uint32_t *workloads; /* indices; all of the plan where the key is missing */
	uint32_t n_workloads;
	uint32_t *needs; /* indices of beads */
	uint32_t n_needs;
	uint32_t top;
	double limits[PB_LIMITS]; /* of kind gate */
	uint32_t line, column;
};

struct pb_plan {
	char *path;      /* absolute */
	char *directory; /* that it is in */
	char *project;
	double hotspot_pct, min_complete_pct, score;
	double max_overhead_pct; /* of one CPU, by the kernel's clock, that taking samples of CPU time may cost */
	struct pb_plan_command *build; /* one after the other */
	uint32_t n_build;              /* 0: a copy is run as it is checked out */
	struct pb_plan_workload *workloads;
	uint32_t n_workloads;
	struct pb_plan_bead *beads; /* in an order in which each comes behind what it needs */
	uint32_t n_beads;
	char digest[65]; /* sha256 of the file, hexadecimal */
};

/**
 * pb_plan_read() - a plan from a file.
 *
 * The rules that no plan may break are checked: cpu-flame, alloc-sites and io-latency need, directly or not, a
 * baseline and an oracle of each of their workloads. Return: 0; -EINVAL, logged as "beads.yaml:12:5: ..."; -ENOENT
 * and others, logged.
 */
int pb_plan_read(struct pb_plan **out, const char *path);

/**
 * pb_plan_parse() - the same from memory, with the message in @message and nothing logged.
 * @path: absolute; what it is called in the message is its last part
 */
int pb_plan_parse(struct pb_plan **out, const char *path, const char *text, size_t size,
		  char *message, size_t message_size);
void pb_plan_free(struct pb_plan *plan);
PB_DEFINE_FREE(pb_plan, pb_plan_free);

/* A path as seen from the plan's directory where it is below that, else as it is: a part of @path. */
const char *pb_plan_relative(const struct pb_plan *plan, const char *path);

/* Index of a workload or bead by name; UINT32_MAX. */
uint32_t pb_plan_workload(const struct pb_plan *plan, const char *name);
uint32_t pb_plan_bead(const struct pb_plan *plan, const char *id);

/**
 * pb_plan_template() - a commented plan with the standard beads, as `bead init` writes it.
 * @names, @commands: @n workloads; NULL-terminated argvs
 *
 * What it writes, pb_plan_read() takes: @project and @names are names of beads and workloads as the plan has them, and
 * words are UTF-8 without control characters. Return: a string to free; NULL with errno ENOMEM, EINVAL or EILSEQ.
 */
char *pb_plan_template(const char *project, const char *const *names, char *const *const *commands,
		       uint32_t n);

#endif
