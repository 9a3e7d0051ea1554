/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What of an ELF file unwinding is made from: the section with the entries, and where code is. */
#ifndef PB_UNWIND_SECTION_H
#define PB_UNWIND_SECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pb_elf;
struct pb_elf_section;
struct pb_unwind_range;

/**
 * pb_unwind_section() - the contents of .eh_frame or .debug_frame, at most 32 MB.
 * @out: set on success; its bytes are to be freed
 *
 * .eh_frame is found by its section, and in a file without section headers by PT_GNU_EH_FRAME, whose
 * first field points to it; it then ends with its segment or its terminator. Compressed sections
 * (SHF_COMPRESSED) are inflated.
 * Return: 0; -ENODATA if the file has none; -EFBIG; -EPROTO if malformed; -ENOMEM; -errno of the file.
 * Source: LSB 5.0 sections 10.6.1 and 10.6.2.
 */
int pb_unwind_section(const struct pb_elf *e, bool debug_frame, struct pb_elf_section *out);

/* The executable segments, sorted; those that overlap or touch are made one. To be freed. Return: 0;
 * -ENOMEM. */
int pb_unwind_code(const struct pb_elf *e, struct pb_unwind_range **out, uint32_t *n);

/* Bytes of the file from @vaddr to the end of its segment; 0 if it is in none. @off: of the first. */
uint64_t pb_unwind_in_file(const struct pb_elf *e, uint64_t vaddr, uint64_t *off);

#endif
