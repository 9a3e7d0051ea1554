/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where code leads that is nothing but a jump: "free" behind operator delete.
 *
 *   operator delete: jmp free@plt --> free@plt: jmp *slot --> slot: filled by a relocation for the symbol free
 *                                                            --> where this file defines it
 */
#ifndef PB_ALLOC_JUMPS_H
#define PB_ALLOC_JUMPS_H

#include <stdint.h>

#include "user/core/own.h"

struct pb_elf;
struct pb_jumps;

/* @e: of 64 bits; borrowed for the life of the object. Return: 0; -ENOMEM. */
int pb_jumps_new(struct pb_jumps **out, const struct pb_elf *e);
void pb_jumps_free(struct pb_jumps *j);
PB_DEFINE_FREE(pb_jumps, pb_jumps_free);

/**
 * pb_jumps_target() - where the jump at an address goes.
 * @target: set on success; an address of executable bytes in the file
 *
 * Direct jumps, and jumps through a slot that the loader fills by a symbol that the file defines itself: who serves
 * malloc serves it to itself. A landing pad before (endbr64) and a prefix (bnd) are understood. x86-64 only.
 * Return: 0; -ENOENT if there is another instruction, or it leads elsewhere; -ENOMEM; -errno of the file.
 * Source: Intel SDM volume 2, JMP; x86-64 psABI, "Procedure Linkage Table".
 */
int pb_jumps_target(struct pb_jumps *j, uint64_t addr, uint64_t *target);

/**
 * pb_jumps_code_at() - how the file holds the code at an address.
 * @off: set on success, to the offset in the file
 *
 * Return: bytes of code from there to the end of its segment; 0 if no executable segment holds it.
 */
uint64_t pb_jumps_code_at(const struct pb_elf *e, uint64_t addr, uint64_t *off);

#endif
