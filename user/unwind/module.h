/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The unwind table of an ELF file: finds the section and the code (section.h), and compiles. */
#ifndef PB_UNWIND_MODULE_H
#define PB_UNWIND_MODULE_H

#include "user/unwind/table.h"

struct pb_elf;

/**
 * pb_unwind_module() - compile .eh_frame, or .debug_frame where that is absent or empty.
 * @elf: borrowed for the call
 *
 * Return: as pb_unwind_compile() and pb_unwind_section(); -ENODATA without unwind information.
 */
int pb_unwind_module(struct pb_unwind_table **out, const struct pb_elf *elf);

#endif
