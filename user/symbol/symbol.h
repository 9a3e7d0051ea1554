/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Give every location of a profile its name, after the capture, once per distinct address.
 *
 *   profile.locations --by module--> one sorted batch --> one question to the parser --> profile.lines
 *
 * A name is right or it is "module+0xoffset" (an ELF virtual address, what addr2line -e takes): that of
 * its function's first byte where unwind information tells it, its own otherwise; never the nearest symbol.
 * A location has one line per function at its address, the innermost inlined one first.
 */
#ifndef PB_SYMBOL_SYMBOL_H
#define PB_SYMBOL_SYMBOL_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/own.h"

struct pb_profile;

/* Where the code of a module can be read. The capture implements it; tests give fakes. */
struct pb_symbol_source {
	/* A descriptor on the ELF file of a module, borrowed, position irrelevant; -1: none. */
	int (*module_fd)(void *ctx, uint32_t module);
	/* A process that maps it, in whose root its debug file may lie; 0: not known. May be NULL. */
	uint32_t (*module_process)(void *ctx, uint32_t module);
	/* A descriptor on a process' perf map ("START SIZE name" lines), to be closed; -1: none. */
	int (*perf_map_fd)(void *ctx, uint32_t tgid);
	/* The same for its jitdump. May be NULL. */
	int (*jitdump_fd)(void *ctx, uint32_t tgid);
	void *ctx;
};

struct pb_symbol_opts {
	bool full_names; /* C++ and Rust with their parameters */
	bool debuginfod; /* ask the servers of DEBUGINFOD_URLS for what is not here */
	/* Called before each module, if not NULL. @name: its path or kind. */
	void (*progress)(void *ctx, uint32_t done, uint32_t modules, const char *name);
	void *progress_ctx;
	/* Asked often, if not NULL: from when it is true, what has no name yet is given up. */
	bool (*stop)(void *ctx);
	void *stop_ctx;
};

/* A module with locations that have no name, or whose debug information had to be left out. */
struct pb_symbol_gap {
	uint32_t module;    /* of the profile; the first of those that were named together */
	uint32_t state;     /* enum pb_answer_state */
	uint32_t locations; /* without a name */
};

struct pb_symbol_stats {
	uint64_t named;             /* locations with a name of their own */
	uint64_t unnamed;           /* shown as module+0xoffset */
	uint64_t inlined;           /* frames beyond one per location */
	uint64_t with_debug_info;   /* modules */
	uint64_t build_id_mismatch; /* modules whose file is not what was mapped */
	uint32_t kallsyms_hidden;   /* 1: the kernel hid its symbols; the log says why */
	uint64_t peak_bytes;        /* largest resident set of the parser */
	struct pb_symbol_gap *gaps; /* most locations first; freed by pb_symbol_stats_drop() */
	uint32_t n_gaps;
};

/**
 * pb_symbolize() - name every location of @p that has no lines yet.
 * @source: callbacks; NULL: kernel and vdso only, the rest by offset
 * @opts: NULL: none of them
 * @stats: filled; may be NULL
 *
 * Bytes out of target files are read in a sandbox (user/symbol/names.h). A file that cannot be read costs
 * its names, and a message: at debug level if that is ordinary, a warning if the parser had to be stopped.
 * Without a sandbox, whatever it lacks, nothing is read: all but the kernel is shown by offset, and said so.
 * Return: 0; -ENOMEM of our own heap.
 */
int pb_symbolize(struct pb_profile *p, const struct pb_symbol_source *source,
		 const struct pb_symbol_opts *opts, struct pb_symbol_stats *stats);
void pb_symbol_stats_drop(struct pb_symbol_stats *stats);

#endif
