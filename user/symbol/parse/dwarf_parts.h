/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the files behind dwarf.h share; for them alone.
 *
 *   dwarf_open.c     the files, and what dwz moved out of them
 *   dwarf_units.c    units, and their functions, by address
 *   dwarf_entries.c  debug entries: the way through them, their attributes, where their code is
 *   dwarf_names.c    what functions are called, and what they lie in
 *   dwarf_lines.c    lines and paths
 *   dwarf_rows.c     line tables that libdw does not tell apart
 *   dwarf_spans.c    stretches of addresses that may overlap
 *   dwarf_texts.c    texts that live as long as the object
 *   dwarf.c          the answer: inlined calls and the function around them
 *
 * Debug information is as hostile as the file it is in. libdw checks what it reads; what it does not bound
 * is bounded by us, where it is read: chains of references, the depth of blocks, how many ranges there are,
 * what inflates.
 */
#ifndef PB_SYMBOL_PARSE_DWARF_PARTS_H
#define PB_SYMBOL_PARSE_DWARF_PARTS_H

#include <elfutils/libdw.h>
#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/symbol/parse/dwarf.h"

#define PB_DWARF_NONE      UINT32_MAX
#define PB_DWARF_DEPTH_MAX 512 /* of blocks within blocks; gcc and clang stay below 100 */

struct pb_dwarf_block;
struct pb_dwarf_call;
struct pb_dwarf_row;
struct pb_dwarf_scopes;

/* A stretch of addresses that belongs to something: a unit, a function, an inlined call. */
struct pb_dwarf_span {
	uint64_t start, end;
	uint64_t
		reach; /* the largest end in the part of the search tree that has this at its root */
	uint32_t what;
};

/* Spans that may overlap: sorted, and a search tree whose roots are the middles. */
struct pb_dwarf_spans {
	struct pb_dwarf_span *a;
	uint32_t n, room;
};

/* A unit, and what was asked of it so far. */
struct pb_dwarf_unit {
	Dwarf_Die die;
	const uint8_t *end; /* of its entries */
	bool is_ranged;     /* its ranges are in the table of units */
	bool has_functions; /* functions and spans were asked for */
	bool has_lines;     /* lines and files were asked for */
	bool is_scoped;     /* its language has namespaces or classes */
	uint8_t version;
	Dwarf_Lines *lines; /* sorted by address; may be NULL */
	Dwarf_Files *files; /* may be NULL */
	const char **paths; /* by file, as they are asked for; may be NULL */
	size_t n_lines, n_files;
	struct pb_dwarf_row *rows; /* sorted by address: in place of lines, if is_sorted_out */
	uint32_t n_rows, rows_room;
	bool is_sorted_out;
	void **functions; /* entries with code */
	uint32_t n_functions, functions_room;
	struct pb_dwarf_spans spans; /* what: an index into functions */
};

/* .debug_info of a file, or .debug_line. */
struct pb_dwarf_bytes {
	const uint8_t *start, *end;
};

/* Addresses around all executable sections. */
struct pb_dwarf_code {
	uint64_t start, end;
};

/* An ELF file whose debug information says nothing. */
struct pb_dwarf_nothing {
	Elf64_Ehdr ehdr;
	Elf64_Shdr shdrs[3]; /* none, .debug_frame, .shstrtab */
	char names[32];
	char contents[8];
};

struct pb_dwarf {
	Elf *elf, *alt_elf;
	Dwarf *dwarf, *alt;
	int alt_fd;
	struct pb_dwarf_nothing nothing; /* in place of an alternate file that is not there */
	struct pb_dwarf_bytes info, alt_info, lines;
	uint64_t line_bytes; /* read by sequences so far */
	struct pb_dwarf_code code;
	uint64_t n_ranges;
	struct pb_dwarf_unit *units;
	uint32_t n_units, units_room;
	struct pb_dwarf_spans by_addr; /* what: a unit */
	bool all_ranged; /* units that do not say where their code is were looked through */
	struct pb_dwarf_scopes *scopes; /* by their units' addresses */
	uint32_t n_scopes, scopes_room;
	uint64_t n_scopes_kept;
	struct pb_dwarf_block *texts;
	uint64_t text_bytes;
	/* The function at hand: neighbours are asked for one after the other. */
	void *function;
	struct pb_dwarf_call *calls; /* in the order of the debug information */
	uint32_t n_calls, calls_room;
	struct pb_dwarf_spans call_spans; /* what: a call */
};

static inline bool pb_dwarf_is_code(const struct pb_dwarf *d, uint64_t addr)
{
	return addr >= d->code.start && addr < d->code.end;
}

/* ---- spans ---- */

/* Return: 0; -ENOMEM. */
int pb_dwarf_span_add(struct pb_dwarf_spans *s, uint64_t start, uint64_t end, uint32_t what);
/* To be done before they are visited. Of equal starts the lower @what comes first. O(n log n). */
void pb_dwarf_span_sort(struct pb_dwarf_spans *s);

typedef void pb_dwarf_visit(void *ctx, const struct pb_dwarf_span *span);

/* All spans that hold @addr, in their order. O(log n) for each. */
void pb_dwarf_span_visit(const struct pb_dwarf_spans *s, uint64_t addr, pb_dwarf_visit *visit,
			 void *ctx);

/* ---- entries ---- */

/*
 * The ranges of an entry as spans. What a linker left out has addresses that no code has (0, 1, -1): they
 * must not cover the code that is there. Return: 0; -E2BIG; -ENOMEM.
 */
int pb_dwarf_entry_ranges(struct pb_dwarf *d, Dwarf_Die *die, struct pb_dwarf_spans *out,
			  uint32_t what);

/*
 * The entry that is stored next. @into: the children of this one too. @level: how deep it lies below where
 * the walk began. Return: false at the end of what lies below there.
 */
bool pb_dwarf_entry_next(const struct pb_dwarf_unit *u, Dwarf_Die *die, bool into, uint32_t *level);

/* "" if it is none, or malformed. */
const char *pb_dwarf_attr_string(const struct pb_dwarf *d, Dwarf_Attribute *attr);
/* 0 if there is none, or it is beyond 32 bits. */
uint32_t pb_dwarf_attr_number(Dwarf_Die *die, unsigned int name);

/* ---- texts ---- */

/* Room for a text of @len bytes, ended; NULL where there is none. */
char *pb_dwarf_text_new(struct pb_dwarf *d, size_t len);
void pb_dwarf_text_free_all(struct pb_dwarf *d);

/* ---- names ---- */

/* Whether the language of a unit has namespaces or classes. */
bool pb_dwarf_name_is_scoped(Dwarf_Die *unit);
/* A linkage name tells the scopes; where there is none, they are read. @u: where the code is. */
void pb_dwarf_name_read(struct pb_dwarf *d, const struct pb_dwarf_unit *u, Dwarf_Die die,
			struct pb_dwarf_frame *frame);
void pb_dwarf_name_free_scopes(struct pb_dwarf *d);

/* ---- units ---- */

/* Where the entries of a file begin and end; of the file itself (@keep) its units too. Return: 0; -EPROTO;
 * -E2BIG; -ENOMEM. */
int pb_dwarf_unit_read_all(struct pb_dwarf *d, Dwarf *dwarf, struct pb_dwarf_bytes *info,
			   bool keep);
/* The functions of a unit, once. One with too many for us, or for our memory, has none. */
void pb_dwarf_unit_read(struct pb_dwarf *d, struct pb_dwarf_unit *u);
/* Units that do not say where their code is get the ranges of their functions. */
void pb_dwarf_unit_range_all(struct pb_dwarf *d);

/* ---- lines ---- */

/* The lines and files of a unit, once. */
void pb_dwarf_line_read(struct pb_dwarf *d, struct pb_dwarf_unit *u);
/* File and line of an address into @frame; "" and 0 if they are not known. */
void pb_dwarf_line_find(struct pb_dwarf *d, struct pb_dwarf_unit *u, uint64_t vaddr,
			struct pb_dwarf_frame *frame);
/* Where an inlined call stands in the function that it was inlined into. */
void pb_dwarf_line_of_call(struct pb_dwarf *d, struct pb_dwarf_unit *u, Dwarf_Die *call,
			   struct pb_dwarf_frame *frame);
/* The path of a unit's file; "" if there is none. */
const char *pb_dwarf_line_path(struct pb_dwarf *d, struct pb_dwarf_unit *u, size_t file);

/* The rows of a unit without those of sequences that begin where no code is; none if it is malformed. */
void pb_dwarf_row_read(struct pb_dwarf *d, struct pb_dwarf_unit *u);
/* As pb_dwarf_line_find(), by those rows. */
void pb_dwarf_row_find(struct pb_dwarf *d, struct pb_dwarf_unit *u, uint64_t vaddr,
		       struct pb_dwarf_frame *frame);

#endif
