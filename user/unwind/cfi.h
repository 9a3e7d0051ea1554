/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Call frame information: the entries of .eh_frame or .debug_frame, and the rows that their
 * programs make. A row is the rule from an address on.
 *
 *   section: CIE FDE FDE ... CIE FDE ...
 *
 *   FDE: code [start, end), its CIE, a program
 *   CIE: factors, encodings, the program that all its FDEs begin with
 *
 * What the programs of a section may cost is bounded in proportion to its size, however often its
 * FDEs share a CIE or are run again.
 */
#ifndef PB_UNWIND_CFI_H
#define PB_UNWIND_CFI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/core/own.h"

struct pb_cfi;
struct pb_unwind_rule;
struct pb_unwind_source;

/* Frame description entry: how to unwind out of [start, end). */
struct pb_fde {
	uint64_t start, end;
	size_t cie;                        /* offset of its CIE */
	size_t program_start, program_end; /* offsets */
	bool is_signal; /* the frame of a signal's handler returns there: may begin before the code */
};

/**
 * pb_cfi_new() - read a section.
 * @source: borrowed for the life of the object
 *
 * Return: 0; -ENOEXEC for another machine; -ENOMEM.
 */
int pb_cfi_new(struct pb_cfi **out, const struct pb_unwind_source *source);
void pb_cfi_free(struct pb_cfi *c);
PB_DEFINE_FREE(pb_cfi, pb_cfi_free);

enum pb_cfi_entry {
	PB_CFI_END,
	PB_CFI_FDE,
	PB_CFI_OTHER,     /* a CIE */
	PB_CFI_MALFORMED, /* an FDE that means nothing, or the rest of a section that is cut */
};

/* The entry at *@off; 0 is the first. Moves *@off to the next. The section ends with its bytes or
 * with a terminator. O(1), and once the length of a CIE that is new. */
enum pb_cfi_entry pb_cfi_next(struct pb_cfi *c, size_t *off, struct pb_fde *fde);

/* @rule holds from @addr on; borrowed for the call. */
typedef void pb_cfi_row(void *ctx, uint64_t addr, const struct pb_unwind_rule *rule);

/**
 * pb_cfi_run() - the rows of an FDE in [from, to), in order.
 * @from, @to: within the FDE, from < to; the first row is at @from
 *
 * What cannot be expressed by a rule is PB_CFA_UNSUPPORTED for as long as it holds, an instruction
 * that is not understood to the end. A frame pointer kept where a rule cannot say is
 * PB_FP_UNDEFINED, since the caller is found without. O(length of the program).
 * Return: 0; -EPROTO, without a row, if its CIE is malformed or the section has used up its budget.
 */
int pb_cfi_run(struct pb_cfi *c, const struct pb_fde *fde, uint64_t from, uint64_t to,
	       pb_cfi_row *row, void *ctx);

/* Whether something was left out because the budget is used up: then no program will run any more. */
bool pb_cfi_is_spent(const struct pb_cfi *c);

#endif
