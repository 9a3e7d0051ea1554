/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where functions begin and end, by the unwind information: what tells stripped functions apart.
 * The one header of user/unwind/ that user/symbol/ may include; it knows nothing of BPF.
 */
#ifndef PB_UNWIND_BOUNDS_H
#define PB_UNWIND_BOUNDS_H

#include <stddef.h>
#include <stdint.h>

#include "user/core/own.h"

struct pb_bounds;
struct pb_elf;

/**
 * pb_bounds_new() - the code ranges of all FDEs of a file.
 * @e: borrowed for the call
 *
 * .eh_frame, or .debug_frame where that is absent or empty; at most 4 million. O(n log n).
 * Return: 0; -ENODATA without unwind information; -EPROTO if malformed; -EFBIG; -ENOEXEC for another
 * machine; -ENOMEM; -errno of the file.
 */
int pb_bounds_new(struct pb_bounds **out, const struct pb_elf *e);
void pb_bounds_free(struct pb_bounds *b);
PB_DEFINE_FREE(pb_bounds, pb_bounds_free);

/**
 * pb_bounds_find() - the narrowest range that holds a virtual address.
 *
 * A range that is no single function gives nothing: the linkage tables (pb_elf_plt()), whose one
 * FDE covers all stubs; nor does the return from a signal handler, whose FDE begins before it. O(log n).
 * Return: 0; -ENOENT.
 */
int pb_bounds_find(const struct pb_bounds *b, uint64_t vaddr, uint64_t *start, uint64_t *end);

#endif
