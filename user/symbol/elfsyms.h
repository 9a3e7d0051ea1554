/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The functions of an ELF file, by its symbol tables. */
#ifndef PB_SYMBOL_ELFSYMS_H
#define PB_SYMBOL_ELFSYMS_H

#include <stdbool.h>
#include <stdint.h>

struct pb_elf;
struct pb_symtab;

/**
 * pb_elf_functions() - the finished table of its functions: .symtab, else .dynsym.
 *
 * STT_FUNC and STT_GNU_IFUNC, sized STT_NOTYPE, and whatever global stands at the entry point, all
 * in executable sections only; addresses are virtual. A function of size 0 (assembly) reaches to
 * the next one in its section, or to a label there, if that is at most 4096 bytes away, and only in
 * .symtab, where the next one is known, unless that was stripped of local names; otherwise it covers
 * nothing.
 * Return: 0, perhaps with an empty table; -EPROTO if the tables are malformed; -EFBIG beyond the
 * bounds of a table; -ENOMEM.
 * Source: gABI, chapter "Symbol Table".
 */
int pb_elf_functions(struct pb_symtab **out, const struct pb_elf *e);

/**
 * pb_elf_add_functions() - the same, of one symbol table, into a table that is yet to be finished.
 * @type: SHT_SYMTAB or SHT_DYNSYM
 * @is_whole: every function of the file is in it, so that those of size 0 reach to the next one
 *
 * Return: 0; -ENOENT without such a table; else as above, and then some may have been added.
 */
int pb_elf_add_functions(struct pb_symtab *to, const struct pb_elf *e, uint32_t type,
			 bool is_whole);

#endif
