/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The unwind table of an ELF file: finds the section and the code, and compiles. */
#ifndef PB_UNWIND_MODULE_H
#define PB_UNWIND_MODULE_H

#include "user/unwind/table.h"

struct pb_elf;

/**
 * pb_unwind_module() - compile .eh_frame, or .debug_frame where that is absent or empty.
 * @elf: borrowed for the call
 *
 * .eh_frame is found by its section, and in a file without section headers by PT_GNU_EH_FRAME, whose
 * first field points to it; it then ends with its segment or its terminator. Compressed sections
 * (SHF_COMPRESSED) are inflated.
 * Return: as pb_unwind_compile(); -ENODATA without unwind information; -EPROTO if malformed; -errno
 * of the file.
 * Source: LSB 5.0 sections 10.6.1 and 10.6.2.
 */
int pb_unwind_module(struct pb_unwind_table **out, const struct pb_elf *elf);

#endif
