/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Debug information of one file: which functions were inlined at an address, and the lines.
 *
 *   units by address --> of a unit, once asked for: its functions by address, its lines
 *       --> of a function: the inlined calls that hold the address, from the outside in
 *
 * Reads by libdw, but never by its look-ups per address, which scan, and which find nothing where
 * .debug_aranges is missing (clang, rustc). Ranges of units and of functions may overlap: all that hold
 * an address are tried, and the narrowest function wins. Nothing here opens a file: libdw is kept from
 * looking for others. What -gsplit-dwarf put into .dwo files is not read: of such units only the lines are
 * known. Of a line table only those sequences count that begin where code is: what a linker left out begins
 * at 0, and may reach into the code that is there.
 *
 * Functions of C++ and Rust that were inlined everywhere have no linkage name: theirs is made of the names of
 * what they lie in, "std::sort<...>", "main::{lambda(int)}::operator()". A path is put behind the directory
 * that its unit was compiled in, and freed of "." and "..", by its text alone; an absolute one stays.
 *
 * Source: DWARF 5, sections 3.3 (subprograms, inlined calls), 2.17 (ranges), 6.2 (lines).
 */
#ifndef PB_SYMBOL_PARSE_DWARF_H
#define PB_SYMBOL_PARSE_DWARF_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/own.h"
#include "user/symbol/shared/wire.h"

struct pb_dwarf;

/* A function at an address. Texts are borrowed from the object, "" if not known. */
struct pb_dwarf_frame {
	const char *linkage_name; /* mangled, where the language mangles */
	const char *name;         /* DW_AT_name, behind its scopes if nothing else tells them */
	uint32_t scope_len;       /* bytes of that before DW_AT_name: "std::" */
	const char *file;         /* absolute, if it is known where it was compiled */
	uint32_t
		line; /* of the address; of the call, in a frame that another is inlined into; or 0 */
	uint32_t start_line; /* DW_AT_decl_line, or 0 */
};

/**
 * pb_dwarf_new() - open the debug information of a file.
 * @fd: an ELF file that holds .debug_info; borrowed for the life of the object
 * @open, @ctx: asked for what dwz moved out (PB_WANTED_ALT); may be NULL
 *
 * What a damaged file tells before the damage is used. Compressed sections are inflated here, 1 GB at
 * most; where one finds no memory, nothing is opened. Without what dwz moved out, names that lie there are
 * missing.
 * O(units). Return: 0; -ENODATA without .debug_info; -EPROTO if malformed; -EFBIG; -ENOMEM.
 */
int pb_dwarf_new(struct pb_dwarf **out, int fd, pb_wanted_open *open, void *ctx);
void pb_dwarf_free(struct pb_dwarf *d);
PB_DEFINE_FREE(pb_dwarf, pb_dwarf_free);

/**
 * pb_dwarf_find() - the functions at a virtual address, the innermost inlined one first.
 * @frames: of @max
 * @start: set if anything is found: where the stretch of the function itself begins that holds the
 * address; UINT64_MAX, where no function begins, if only the line is known
 *
 * Neighbours should be asked for one after the other: what a unit needs is built at its first address, and
 * the inlined calls of one function are kept at a time. More than @max frames: the innermost are left out.
 * An inlined call without a name is left out too. The function itself is not: without a name it is a frame
 * for its line, and so is code that no function covers but a line table does (assembly, functions that gcc
 * folded into an equal one): their names are for the symbol table to tell.
 * O(log n) and the inlined calls that hold the address, once built.
 * Return: how many frames, the function itself being the last; 0: nothing covers the address.
 */
uint32_t pb_dwarf_find(struct pb_dwarf *d, uint64_t vaddr, struct pb_dwarf_frame *frames,
		       uint32_t max, uint64_t *start);

#endif
