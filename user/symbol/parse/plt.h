/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Linkage tables: stubs through which a file calls functions of others. No symbol covers them; their
 * code says where they jump to.
 *
 *   stub in .plt ... --(its indirect jump)--> slot of the GOT --(relocation)--> symbol: "malloc@plt"
 */
#ifndef PB_SYMBOL_PARSE_PLT_H
#define PB_SYMBOL_PARSE_PLT_H

struct pb_elf;
struct pb_symtab;

/**
 * pb_plt_functions() - the finished table of the stubs in all sections of pb_elf_plt().
 *
 * x86-64 and arm64. A stub whose slot no relocation fills by a symbol has no name; entries are never
 * counted. O(n log n) in relocations.
 * Return: 0, perhaps with an empty table; -EPROTO if the tables are malformed; -EFBIG; -ENOMEM; -errno of
 * the file.
 * Source: System V ABI AMD64 supplement 1.0, sections 4.4.1 and 5.2; AAELF64, "Dynamic linking".
 */
int pb_plt_functions(struct pb_symtab **out, const struct pb_elf *e);

#endif
