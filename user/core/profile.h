/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The one model that every tool fills, every renderer draws and every saved profile holds.
 *
 *   sample --> node --> node --> ... --> root      a stack is a path in a prefix tree
 *     |          |
 *   values    location --> lines --> function      one line, or several where inlined
 *     |          |
 *  process     module                              file, kernel, vdso, or anonymous code
 *
 * All parts are plain arrays, and an id is an index into its array; id 0 of strings is "", node 0
 * is the root; modules, locations, functions and processes start at 0 and use PB_NONE for "none".
 * Readers may walk the arrays directly; only the functions below write them.
 *
 * Out of memory is sticky: an adder that fails returns PB_NONE (or 0 for strings), later adders do
 * nothing, and pb_profile_error() tells. Callers check once, after a batch, as with ferror().
 */
#ifndef PB_CORE_PROFILE_H
#define PB_CORE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/core/own.h"

#define PB_NONE         UINT32_MAX
#define PB_VALUES_MAX   12
#define PB_BUILD_ID_MAX 20

enum pb_module_kind {
	PB_MODULE_FILE,   /* an ELF file mapped by the target */
	PB_MODULE_KERNEL, /* the kernel and its modules; addr is the kernel's own */
	PB_MODULE_VDSO,
	PB_MODULE_ANON, /* code in memory without a file: JIT */
};

/*
 * A stretch of code that was mapped together. Locations of one module use one canonical address
 * space even if processes mapped it at different places: addr - start + file_off is the offset in
 * the file. For KERNEL and ANON, addr is the address itself and start, file_off are 0.
 */
struct pb_module {
	uint32_t path; /* string; "[kernel.kallsyms]", "[vdso]", "[anon]" for the others */
	enum pb_module_kind kind;
	uint64_t start;    /* canonical address of the first byte */
	uint64_t limit;    /* first byte behind it */
	uint64_t file_off; /* offset in the file of start, bytes */
	uint32_t tgid;     /* ANON: the process it belongs to; else 0 */
	uint8_t build_id[PB_BUILD_ID_MAX];
	uint8_t build_id_len; /* 0 if unknown */
	bool has_functions;   /* every location of it was offered to a symbol table */
	bool has_filenames;
	bool has_lines;
	bool has_inlines;
};

struct pb_function {
	uint32_t name;        /* string, for people; "module+0xoffset" if not known */
	uint32_t system_name; /* string, as in the symbol table; 0 if not known */
	uint32_t file;        /* string, source file; 0 if not known */
	uint32_t start_line;  /* 0 if not known */
};

struct pb_line {
	uint32_t function;
	uint32_t line; /* 0 if not known */
};

struct pb_location {
	uint64_t addr;       /* in the module's canonical space; see struct pb_module */
	uint32_t module;     /* or PB_NONE: a marker such as "[truncated]" */
	uint32_t first_line; /* into lines[], innermost inlined callee first; PB_NONE if unnamed */
	uint32_t n_lines;
	bool is_return; /* a return address: the call lies before addr. False for leaves */
};

struct pb_node {
	uint32_t parent;   /* always less than the node's own id; node 0 is the root */
	uint32_t location; /* PB_NONE for node 0 only */
};

struct pb_process {
	uint32_t tgid;
	uint32_t comm; /* string: the thread's name, as the scheduler shows it */
};

struct pb_sample {
	uint32_t node;
	uint32_t process; /* or PB_NONE */
};

/*
 * What the numbers mean: {"samples", "count"}, {"cpu", "nanoseconds"}. In a profile the strings
 * belong to it: for period_type, use literals or pb_profile_text(p, pb_profile_string(p, ...)).
 */
struct pb_value_type {
	const char *type;
	const char *unit;
};

struct pb_profile {
	struct pb_value_type value_types[PB_VALUES_MAX];
	uint32_t n_values;
	uint32_t default_value; /* index of the value a viewer shows first */
	struct pb_value_type period_type;
	uint64_t period;  /* in period_type units; 0 if it does not apply */
	uint64_t time_ns; /* start, nanoseconds since 1970 */
	uint64_t duration_ns;

	struct pb_module *modules;
	uint32_t n_modules;
	struct pb_location *locations;
	uint32_t n_locations;
	struct pb_line *lines;
	uint32_t n_lines;
	struct pb_function *functions;
	uint32_t n_functions;
	struct pb_node *nodes;
	uint32_t n_nodes;
	struct pb_process *processes;
	uint32_t n_processes;
	struct pb_sample *samples;
	uint64_t *values; /* values[sample * n_values + i] */
	uint32_t n_samples;

	struct pb_profile_index *index; /* private: strings, and hash tables for the adders */
};

/**
 * pb_profile_new() - an empty profile.
 * @types: @n value types (1 to PB_VALUES_MAX); copied, their strings interned
 *
 * Return: 0; -EINVAL; -ENOMEM.
 */
int pb_profile_new(struct pb_profile **out, const struct pb_value_type *types, uint32_t n);
void pb_profile_free(struct pb_profile *p);
PB_DEFINE_FREE(pb_profile, pb_profile_free);

/*
 * 0, or why an adder has failed since pb_profile_new(): -ENOMEM, or -EINVAL for an id that was not
 * there (readers of saved profiles check ids first; anything else is a bug in the caller).
 */
int pb_profile_error(const struct pb_profile *p);

/* Intern @len bytes; they are made safe by pb_text_safe() first. Equal texts get equal ids. */
uint32_t pb_profile_string(struct pb_profile *p, const char *s, size_t len);
/* The text of a string id; never NULL, owned by the profile, valid until it is freed. */
const char *pb_profile_text(const struct pb_profile *p, uint32_t id);

/* Always a new module: the caller knows which mappings are one. Copied. */
uint32_t pb_profile_module(struct pb_profile *p, const struct pb_module *m);
/* Find or add. Amortised O(1), as all below. */
uint32_t pb_profile_process(struct pb_profile *p, uint32_t tgid, uint32_t comm);
uint32_t pb_profile_location(struct pb_profile *p, uint32_t module, uint64_t addr, bool is_return);
uint32_t pb_profile_function(struct pb_profile *p, const struct pb_function *f);
uint32_t pb_profile_node(struct pb_profile *p, uint32_t parent, uint32_t location);

/* A location with a name and no code behind it: "[truncated]", "[broken]". Find or add. */
uint32_t pb_profile_marker(struct pb_profile *p, const char *name);

/* Name a location: @n lines, innermost inlined callee first. Replaces what was there. */
void pb_profile_set_lines(struct pb_profile *p, uint32_t location, const struct pb_line *lines,
			  uint32_t n);

/*
 * Add @values (n_values of them) to the sample of this stack and process, creating it at first.
 * @process may be PB_NONE. A sum that would overflow stays at UINT64_MAX.
 */
void pb_profile_add(struct pb_profile *p, uint32_t node, uint32_t process, const uint64_t *values);

/* Which value is of this type; PB_NONE if none is. */
uint32_t pb_profile_value(const struct pb_profile *p, const char *type);

/* Sum of value @i over all samples, UINT64_MAX if it overflows. O(n_samples). */
uint64_t pb_profile_total(const struct pb_profile *p, uint32_t i);

#endif
