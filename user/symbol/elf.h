/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What naming needs of an ELF file: its functions, its segments, its build id. */
#ifndef PB_SYMBOL_ELF_H
#define PB_SYMBOL_ELF_H

#include <stddef.h>
#include <stdint.h>

#include "user/core/own.h"

struct pb_elf;
struct pb_symtab;

/**
 * pb_elf_open() - read the headers of an ELF file.
 * @fd: a regular file, borrowed for the life of the object; its position is not used or moved
 *
 * Executables and shared objects of this machine's byte order, 32 or 64 bits. What is needed is
 * read into memory, never mapped: a file that is cut meanwhile gives an error, not SIGBUS.
 * Return: 0; -ENOEXEC if it is not an ELF file this can read; -ENOMEM; -errno of the file.
 */
int pb_elf_open(struct pb_elf **out, int fd);
/* The same for an image in memory, borrowed: the vdso. */
int pb_elf_open_memory(struct pb_elf **out, const void *image, size_t size);
void pb_elf_free(struct pb_elf *e);
PB_DEFINE_FREE(pb_elf, pb_elf_free);

/* Bytes of the NT_GNU_BUILD_ID note into @id (up to @size); 0 if there is none. */
size_t pb_elf_build_id(const struct pb_elf *e, uint8_t *id, size_t size);
/* e_entry, or 0. A virtual address. */
uint64_t pb_elf_entry(const struct pb_elf *e);
/* File offset to virtual address by the PT_LOAD that holds it. Return: 0; -ENOENT. */
int pb_elf_vaddr(const struct pb_elf *e, uint64_t file_off, uint64_t *vaddr);

/**
 * pb_elf_functions() - the finished table of its functions: .symtab, else .dynsym.
 *
 * STT_FUNC and STT_GNU_IFUNC, sized STT_NOTYPE, and whatever global stands at the entry point, all
 * in executable sections only; addresses are virtual. A function of size 0 (assembly) reaches to
 * the next one in its section if that is at most 4096 bytes away, and only in .symtab, where the
 * next one is known; otherwise it covers nothing.
 * Return: 0, perhaps with an empty table; -EPROTO if the tables are malformed; -EFBIG beyond the
 * bounds of a table; -ENOMEM.
 * Source: gABI, chapter "Symbol Table".
 */
int pb_elf_functions(struct pb_symtab **out, const struct pb_elf *e);

#endif
