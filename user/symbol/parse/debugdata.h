/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* .gnu_debugdata: a symbol table that distributions leave in stripped programs, an ELF file within xz. */
#ifndef PB_SYMBOL_PARSE_DEBUGDATA_H
#define PB_SYMBOL_PARSE_DEBUGDATA_H

#include <stddef.h>
#include <stdint.h>

struct pb_elf;

#define PB_DEBUGDATA_MAX (256u << 20) /* bytes, inflated */

/**
 * pb_debugdata_read() - the file within, inflated.
 * @out: to be freed; for pb_elf_open_memory()
 *
 * Return: 0; -ENOENT if there is none; -EFBIG; -EPROTO if malformed; -ENOMEM; -errno of the file.
 * Source: gdb manual, "MiniDebugInfo".
 */
int pb_debugdata_read(const struct pb_elf *e, uint8_t **out, size_t *size);

#endif
