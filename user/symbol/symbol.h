/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Give every location of a profile its name, after the capture, once per distinct address.
 *
 *   profile.locations --by module--> one sorted batch --> one table per module --> profile.lines
 *
 * A name is right or it is "module+0xoffset" (an ELF virtual address, what addr2line -e takes):
 * never the nearest symbol. Tables are built once per module and freed before the next is opened.
 */
#ifndef PB_SYMBOL_SYMBOL_H
#define PB_SYMBOL_SYMBOL_H

#include <stdint.h>

struct pb_profile;

/* Where the code of a module can be read. The capture implements it; tests give fakes. */
struct pb_symbol_source {
	/* A descriptor on the ELF file of a module, borrowed, position irrelevant; -1: none. */
	int (*module_fd)(void *ctx, uint32_t module);
	/* A descriptor on a process' perf map ("START SIZE name" lines), to be closed; -1: none. */
	int (*perf_map_fd)(void *ctx, uint32_t tgid);
	void *ctx;
};

struct pb_symbol_stats {
	uint64_t named;             /* locations with a name of their own */
	uint64_t unnamed;           /* shown as module+0xoffset */
	uint64_t build_id_mismatch; /* modules whose file is not what was mapped */
	uint32_t kallsyms_hidden;   /* 1: the kernel hid its symbols; the log says why */
};

/**
 * pb_symbolize() - name every location of @p that has no lines yet.
 * @source: callbacks; NULL: kernel and vdso only, the rest by offset
 * @stats: filled; may be NULL
 *
 * Bytes out of target files are hostile: bounded and checked. A file that cannot be read costs its
 * names, and a message at debug level. Return: 0; -ENOMEM.
 */
int pb_symbolize(struct pb_profile *p, const struct pb_symbol_source *source,
		 struct pb_symbol_stats *stats);

#endif
