/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the loader of a process says that it has loaded, in the order in which it searches for symbols.
 *
 *   /proc/PID/auxv: program headers --> dynamic section: DT_DEBUG --> r_debug --> link_map --> link_map ...
 *                                                                      | r_next: the next namespace
 *
 * Everything is read from memory that the process can write.
 */
#ifndef PB_ALLOC_LINKMAP_H
#define PB_ALLOC_LINKMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pb_linkmap_object {
	uint64_t
		dynamic; /* address of its dynamic section: the mapping that holds it is the file's */
	uint32_t scope; /* 0: the program's; others are namespaces of dlmopen()'s */
};

struct pb_linkmap {
	struct pb_linkmap_object *objects; /* to be freed */
	uint32_t n;
	uint64_t program; /* an address in the executable; 0 if not even that is known */
};

/* Copies @len bytes at @addr of the process. Return: 0; -errno, -EIO if some are not there. */
typedef int pb_linkmap_read_fn(void *ctx, uint64_t addr, void *to, size_t len);

/**
 * pb_linkmap_parse() - the objects of a process of 64 bits.
 * @auxv: of @size bytes, as the kernel keeps it
 * @out: set in any case, perhaps to nothing: by then, what could be read
 *
 * A list is followed as long as each element points back to the one that led there, so that none is met twice; at
 * most 16384 elements in 16 namespaces.
 * Return: 0; -ENODATA if there is no list, or it breaks off; -ENOMEM.
 * Source: glibc, elf/link.h and "Debugger interface" in elf/rtld-debugger-interface.txt; musl's is the same
 * without namespaces.
 */
int pb_linkmap_parse(struct pb_linkmap *out, const void *auxv, size_t size,
		     pb_linkmap_read_fn *read, void *ctx);

/* The same of a running process, or a thread that has its memory. Return: as above; -errno of /proc. */
int pb_linkmap_read(struct pb_linkmap *out, uint32_t tid);

#endif
