/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * From call frame information to tables that a walk can search: one row of 4 bytes where the rule
 * changes, sorted, in pages of 64 KB of code. Bytes in, tables out: no file, no BPF.
 *
 *   .eh_frame --> CIEs and FDEs, by address --> their programs run in order --> rows, rules --> pages
 *
 * The input is hostile. Memory is bounded by constants and not by its size, since a short program may
 * make many rows: 96 MB for 4 million functions while they are sorted, then 64 MB for 16 million rows,
 * twice as much while that grows. Time is bounded by a budget of instructions in proportion to its size:
 * where that ends, the table ends. What is not understood marks the rest of its function unsupported and
 * nothing else.
 *
 * Source: LSB 5.0 section 10.6 (.eh_frame), DWARF 5 section 6.4 (.debug_frame), System V ABI AMD64
 * supplement 1.0 figure 3.36 (register numbers), AADWARF64.
 */
#ifndef PB_UNWIND_TABLE_H
#define PB_UNWIND_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/abi/unwind.h"
#include "user/core/own.h"

/* Executable addresses of a module. */
struct pb_unwind_range {
	uint64_t start, end;
};
/* The one of @n ranges, sorted and apart, that holds @addr; NULL. O(log n). */
const struct pb_unwind_range *pb_unwind_range_at(const struct pb_unwind_range *ranges, uint32_t n,
						 uint64_t addr);

/* The bytes to compile, all borrowed for the call. */
struct pb_unwind_source {
	const uint8_t *bytes; /* a section's contents */
	size_t size;
	uint64_t vaddr;   /* where it is loaded: pointers in it are relative to themselves */
	bool debug_frame; /* .debug_frame: another way to mark a CIE, and to point at one */
	uint16_t machine; /* EM_X86_64 or EM_AARCH64 */
	const struct pb_unwind_range *code; /* sorted, apart; rows outside are dropped */
	uint32_t n_code;
	/* Where the program begins, 0 if it does not: 64 bytes from there on are the outermost frame
	 * unless something describes them. The first code of ld.so is assembly without any. */
	uint64_t entry;
};

/* Rows of one page. */
struct pb_unwind_span {
	uint32_t first, rows;
};

struct pb_unwind_table {
	uint64_t base; /* virtual address of page 0, a multiple of 64 KB */
	struct pb_unwind_span *pages;
	uint32_t n_pages;
	uint32_t *rows; /* address within its page << 16 | index into rules */
	uint32_t n_rows;
	struct pb_unwind_rule *rules; /* distinct; rule 0 is PB_CFA_NONE */
	uint32_t n_rules;
	uint32_t n_functions;   /* FDEs with at least one row */
	uint32_t n_unsupported; /* of those, with something that is not understood */
	uint32_t n_malformed; /* FDEs left out; what is cut, or beyond the budget, counts as one */
};

/**
 * pb_unwind_compile() - the table of one module.
 * @out: set on success, freed by pb_unwind_table_free(); untouched on failure
 *
 * Gaps between functions below 16 bytes (padding) take the rule before them, larger ones PB_CFA_NONE. Where
 * functions overlap, the later start wins, and the earlier one is in force again behind its end. Functions
 * more than 1 GB from the first executable byte are left out. O(n) in FDEs, O(1) per instruction.
 * Return: 0; -ENODATA without a single row; -EPROTO likewise, if something was malformed; -EFBIG beyond
 * 16 million rows, 65,535 of a page, 4 million functions or 256 MB of section; -ENOEXEC for another
 * machine; -ENOMEM.
 */
int pb_unwind_compile(struct pb_unwind_table **out, const struct pb_unwind_source *source);
void pb_unwind_table_free(struct pb_unwind_table *t);
PB_DEFINE_FREE(pb_unwind_table, pb_unwind_table_free);

/* The rule in force at a virtual address, as the walk would find it; rule 0 where there is none. */
const struct pb_unwind_rule *pb_unwind_lookup(const struct pb_unwind_table *t, uint64_t vaddr);

#endif
