/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Everything a run says about itself: what it measured, what it cost and what it missed. Travels
 * with the profile into every output, and inside a saved profile, so that --from can show it again.
 */
#ifndef PB_CORE_REPORT_H
#define PB_CORE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/own.h"

struct pb_json;

#define PB_REPORT_CAUSES_MAX 24

/* A way events were lost: a stable id, a sentence with the remedy, and how many. */
struct pb_report_loss {
	const char *id;
	const char *sentence;
	uint64_t events;
};

/* A module in which stacks broke off, why, and how many events that touched. */
struct pb_report_broken {
	char *module;
	const char *cause; /* stable id, such as "no_frame_pointer" */
	uint64_t events;
};

/* A module with places that got no name, or whose debug information had to be left out, and why. */
struct pb_report_gap {
	char *module;
	const char *cause; /* stable id, such as "no_symbols" */
	uint64_t locations;
};

struct pb_report {
	/* "cpuflame" and "cpuflame/1": set by the program, borrowed for ever, "" at first; read with a report. */
	const char *tool;
	const char *schema;

	/* target */
	uint32_t *tgids; /* the processes asked for; empty for --all and --cgroup */
	uint32_t n_tgids;
	char *scope;   /* for people: "pid 1234", "whole machine", "cgroup /x" */
	char *comm;    /* name of the first process; "" if there is none */
	char **argv;   /* NULL-terminated, with -- CMD only; else NULL */
	bool has_exit; /* with -- CMD: it ended, and exit_status is the shell's view of how */
	int exit_status;

	/* capture */
	uint64_t started_ns;  /* nanoseconds since 1970 */
	uint64_t duration_ns; /* by the monotonic clock */
	char *host;
	char *kernel;
	char *event;  /* "cpu-clock", "cycles" */
	char *unwind; /* "fp", "eh", "auto" */

	/* events: produced = kept + the sum of lost, always */
	uint64_t produced;
	uint64_t kept;
	struct pb_report_loss lost[PB_REPORT_CAUSES_MAX];
	uint32_t n_lost; /* causes with events > 0 only */

	/* stacks, counted in events: kept = complete + truncated + broken */
	uint64_t unique_stacks;
	uint64_t complete;
	uint64_t truncated;
	uint64_t broken;
	struct pb_report_broken *broken_by; /* most events first */
	uint32_t n_broken_by;
	uint64_t cut_processes; /* with more code mappings than are kept: the rest is unknown */

	/* unwind tables; all 0 where stacks were walked by frame pointers only */
	uint64_t unwind_modules; /* that got a table */
	uint64_t unwind_without; /* that have no unwind information, or none that could be used */
	uint64_t unwind_refused; /* that found no room: walked by frame pointers */
	uint64_t unwind_evicted; /* unused ones that made room */
	uint64_t unwind_rows;    /* in all tables together */
	uint64_t unwind_misses;  /* reports of walks that met unknown memory or processes */

	/* names, counted in locations: distinct places in code, each once however often it was met */
	uint64_t symbol_locations;
	uint64_t symbol_named;         /* of them, with a name; the others are module+0xoffset */
	uint64_t symbol_inlined;       /* frames of inlined functions, beyond one per location */
	uint64_t symbol_debug_modules; /* modules that had debug information */
	struct pb_report_gap *gaps;    /* most locations first */
	uint32_t n_gaps;

	/* overhead; a negative number means not measured */
	double bpf_ns_per_event;
	double bpf_cpu_pct; /* of one CPU */
	double tool_cpu_s;
	int64_t max_rss_bytes;
	int64_t map_bytes;
	double asked_hz;
	double achieved_hz;

	/*
	 * What the tool itself adds: "", or the text of one JSON object, whose members stand in the report as
	 * they are. Set by pb_report_set_extra() only.
	 */
	char *extra;

	/* private: ids and causes that pb_report_read() found and that are nobody's literals */
	char **owned;
	uint32_t n_owned;
};

/*
 * A report of nothing: the char * are "" (allocated; replace them by pb_report_set()), what is
 * measured is negative. Return: 0; -ENOMEM.
 */
int pb_report_new(struct pb_report **out);
void pb_report_free(struct pb_report *r);
PB_DEFINE_FREE(pb_report, pb_report_free);

/**
 * pb_report_set() - replace one of the report's char * by a copy of @text, made safe to show.
 *
 * Use: pb_report_set(&r->host, uts.nodename). Return: 0; -ENOMEM, and *@field is as before.
 */
int pb_report_set(char **field, const char *text);

/**
 * pb_report_set_extra() - replace the tool's own members.
 * @text: one JSON object, or ""; hostile
 *
 * Members with the name of a common one ("schema" to "stacks_top") are left out. Numbers keep nine decimals.
 * Return: 0; -EPROTO if it is no such object, or nests deeper than PB_REPORT_EXTRA_DEPTH; -EFBIG beyond
 * PB_REPORT_EXTRA_MAX bytes; -ENOMEM. On failure r->extra is as before. Not logged.
 */
#define PB_REPORT_EXTRA_DEPTH 12
#define PB_REPORT_EXTRA_MAX   (32u << 20)
int pb_report_set_extra(struct pb_report *r, const char *text);

/* The sentence for a person that belongs to a cause of loss; "" for an unknown id. */
const char *pb_report_sentence(const char *id);

/* Sum of lost[], UINT64_MAX if it overflows. */
uint64_t pb_report_lost(const struct pb_report *r);

/*
 * Write the members target, capture, events, stacks, symbols, overhead and those of r->extra into an open
 * JSON object. What was not measured is null, times have nanoseconds ("duration_s") or milliseconds ("started"), texts
 * pass pb_text_safe().
 */
void pb_report_write(const struct pb_report *r, struct pb_json *json);

/**
 * pb_report_read() - the inverse of pb_report_write(), from one JSON object as text.
 * @text: hostile; members of other names go into extra, if pb_report_set_extra() takes them
 *
 * What it gives writes the same JSON again. All texts are safe to show.
 *
 * Return: 0; -EPROTO if it is not such an object, a number is out of range, produced is not
 * kept + lost, or more locations are named than there are; -ENOMEM. Not logged.
 */
int pb_report_read(struct pb_report **out, const char *text);

/**
 * pb_report_ledger() - the one honest line: kept of produced, lost by cause, completeness, cost.
 *
 * Return: a string to free(), or NULL without memory. No newline.
 */
char *pb_report_ledger(const struct pb_report *r);

#endif
