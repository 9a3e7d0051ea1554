/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The functions of an ELF file, by its symbol tables. */
#ifndef PB_SYMBOL_PARSE_ELFSYMS_H
#define PB_SYMBOL_PARSE_ELFSYMS_H

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
 * nothing. It is_unsized in the table: what the file knows otherwise may contradict it.
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

/**
 * pb_elf_has_whole_symtab() - whether .symtab seems to be all that the linker wrote.
 * @out: set on success; false without a .symtab
 *
 * Tools that keep a part of it (strip -x, strip -K) give themselves away: no local name of code is
 * left, which every whole program has from the C library's start files; or nothing stands at the
 * entry point; or .dynsym defines a function where .symtab has none. O(n log m) for n and m symbols.
 * Return: 0; else as above.
 */
int pb_elf_has_whole_symtab(const struct pb_elf *e, bool *out);

/**
 * pb_elf_has_same_code() - whether addresses of one file mean the same code in the other.
 * @out: set on success
 *
 * A build id does not say that: prelink and objcopy move sections and leave it alone. Class, machine,
 * and address and size of each executable section must be the same, which separate debug files repeat;
 * where one of the files has no such section, those of the executable segments.
 * Return: 0; -EPROTO; -ENOMEM; -errno of a file.
 */
int pb_elf_has_same_code(const struct pb_elf *a, const struct pb_elf *b, bool *out);

#endif
