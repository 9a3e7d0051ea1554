/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Every function symbol of an ELF file, as its tables list them.
 *
 * user/symbol makes tables in which addresses can be looked up, in a sandbox, and keeps one name of an address. Here
 * all names are wanted and none is kept, in the tool itself and before the target runs: so tables of any size
 * are read in pieces, and little memory is needed.
 */
#ifndef PB_ALLOC_SYMBOL_SCAN_H
#define PB_ALLOC_SYMBOL_SCAN_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>

struct pb_elf;

/* @name: of @len bytes without its version ("@@GLIBC_2.2.5"); valid during the call. Return: 0, or -errno, which
 * ends the scan. */
typedef int pb_symbol_fn(void *ctx, const Elf64_Sym *symbol, const char *name, size_t len);

/**
 * pb_symbol_scan() - hand each defined function of a symbol table to @on_symbol.
 * @e: of 64 bits
 * @type: SHT_DYNSYM or SHT_SYMTAB
 * @name_max: bytes; symbols with longer names are left out, and such without one
 *
 * STT_FUNC and STT_GNU_IFUNC, in the file's order, repetitions too; st_value may be any number.
 * Return: 0; -ENOENT without such a table; -EPROTO if it is malformed; -EFBIG if it is beyond what is read;
 * -ENOMEM; -errno of the file; what @on_symbol gave.
 * Source: gABI, chapter "Symbol Table".
 */
int pb_symbol_scan(const struct pb_elf *e, uint32_t type, size_t name_max, pb_symbol_fn *on_symbol,
		   void *ctx);

#endif
