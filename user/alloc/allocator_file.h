/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One file's allocator, and lists of them as files are met in search order. */
#ifndef PB_ALLOC_ALLOCATOR_FILE_H
#define PB_ALLOC_ALLOCATOR_FILE_H

#include "user/alloc/allocators.h"

/**
 * pb_allocator_read() - the functions of allocators that a file defines, given what came before it.
 * @shadowed: another file serves malloc() already
 * @serves: set on success and for -ENOENT: whether it would serve malloc() if it came first
 *
 * As pb_allocators_of_file(). In a shadowed file only those functions count that have a prefix, or that
 * the file does not offer to others but calls itself.
 */
int pb_allocator_read(struct pb_allocator *out, int fd, const char *path, bool shadowed,
		      bool *serves);

/* What an executable is. */
struct pb_executable {
	bool is_static; /* no interpreter loads libraries for it */
	bool is_go;
	bool is_32bit;
	char *interpreter; /* NULL if is_static; to be freed */
};

/* Return: 0; -ENOEXEC; -ENOMEM; -errno of the file. */
int pb_executable_read(struct pb_executable *out, int fd);

/* Files in the order in which symbols are searched. Zeroed to begin with, but for @out. */
struct pb_allocator_list {
	struct pb_allocators *out; /* borrowed; grows */
	bool served;               /* of the namespace that is being read */
	struct pb_seen_file {
		dev_t dev;
		ino_t ino;
	} * seen;
	uint32_t n_seen, seen_size, items_size;
};

/**
 * pb_allocator_list_add() - the next file of the search order.
 * @fd: borrowed
 *
 * One that was there before adds nothing, and neither does one that cannot be read.
 * Return: 0; -ENOMEM.
 */
int pb_allocator_list_add(struct pb_allocator_list *l, int fd, const char *path);
/* Frees what the list needed; not its @out. */
void pb_allocator_list_end(struct pb_allocator_list *l);

#endif
