/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A small ELF reader: headers, segments, sections, build id. */
#ifndef PB_CORE_ELF_H
#define PB_CORE_ELF_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/core/own.h"

struct pb_elf;

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

bool pb_elf_is64(const struct pb_elf *e);
/* e_machine: EM_X86_64, ... */
uint16_t pb_elf_machine(const struct pb_elf *e);
/* Bytes of the NT_GNU_BUILD_ID note into @id (up to @size); 0 if there is none. */
size_t pb_elf_build_id(const struct pb_elf *e, uint8_t *id, size_t size);
/* The same among @size bytes of notes; hostile. Name and contents of each are padded to @align. @id: into
 * @notes. Return: its length; 0 if there is none before the first malformed one. */
size_t pb_elf_build_id_note(const uint8_t *notes, size_t size, uint64_t align, const uint8_t **id);
/* e_entry, or 0. A virtual address. */
uint64_t pb_elf_entry(const struct pb_elf *e);

/* Headers of both classes are given in the 64-bit form. The PT_LOADs, in the file's order;
 * borrowed. */
const Elf64_Phdr *pb_elf_loads(const struct pb_elf *e, uint32_t *n);
/* PT_GNU_EH_FRAME, borrowed; NULL without. */
const Elf64_Phdr *pb_elf_eh_frame_hdr(const struct pb_elf *e);
/* PT_INTERP, the same: names the program that loads it and its libraries. */
const Elf64_Phdr *pb_elf_interp(const struct pb_elf *e);
/* File offset to virtual address by the PT_LOAD that holds it. Return: 0; -ENOENT, also if several segments
 * of code hold it at different addresses: the offset does not say which of them was meant. */
int pb_elf_vaddr(const struct pb_elf *e, uint64_t file_off, uint64_t *vaddr);

/**
 * pb_elf_code_vaddr() - where a mapping of the file's code begins in the file's own addresses.
 * @file_off: of the mapping's start, a multiple of the page size
 *
 * By the executable PT_LOAD whose pages hold it. A mapping begins with the page its segment begins
 * in, so
 * @file_off may lie before p_offset. The bias of the mapping is its start minus @vaddr.
 * Return: 0; -ENOENT.
 */
int pb_elf_code_vaddr(const struct pb_elf *e, uint64_t file_off, uint64_t *vaddr);

/**
 * pb_elf_read() - a copy of part of the file.
 * @len: bounded by the caller; the copy is made before it is known whether all of it is there
 * @out: set on success, to be freed; never NULL then, and one byte longer than asked
 *
 * Return: 0; -EPROTO if it reaches over the end; -ENOMEM; -errno of the file.
 */
int pb_elf_read(const struct pb_elf *e, uint64_t off, size_t len, void **out);

/* All section headers, or none; to be freed. Return: 0; -EPROTO; -ENOMEM; -errno of the file. */
int pb_elf_sections(const struct pb_elf *e, Elf64_Shdr **out, uint32_t *n);

/* A section's contents. */
struct pb_elf_section {
	uint8_t *bytes; /* to be freed */
	size_t size;
	uint64_t vaddr; /* sh_addr */
};

/**
 * pb_elf_section() - the contents of the first section of a name.
 * @max: bytes, also once inflated
 * @out: set on success
 *
 * SHF_COMPRESSED is inflated where that is by zlib.
 * Return: 0; -ENOENT if there is none, or it has no contents in this file; -EFBIG beyond @max;
 * -ENOTSUP for another compression; -EPROTO if malformed; -ENOMEM; -errno of the file.
 * Source: gABI, chapter "Sections".
 */
int pb_elf_section(const struct pb_elf *e, const char *name, size_t max,
		   struct pb_elf_section *out);

/**
 * pb_elf_plt() - one of the sections that hold linkage tables: .plt, .plt.sec, .plt.got, .iplt.
 * @i: below PB_ELF_PLTS
 *
 * Return: as pb_elf_section(), within a bound of 16 MB; the largest program seen has 2 MB.
 */
#define PB_ELF_PLTS 4
int pb_elf_plt(const struct pb_elf *e, uint32_t i, struct pb_elf_section *out);

#endif
