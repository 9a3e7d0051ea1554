/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* One file's allocator, and lists of them as files are met in search order. */
#ifndef PB_ALLOC_ALLOCATOR_FILE_H
#define PB_ALLOC_ALLOCATOR_FILE_H

#include "user/alloc/allocators.h"

/* What stands before a file in the search order, and so serves malloc(). */
enum pb_alloc_shadow {
	PB_SHADOW_NONE,    /* nothing does */
	PB_SHADOW_KNOWN,   /* an allocator of a known kind, which calls no other one's malloc() */
	PB_SHADOW_UNKNOWN, /* one that may go on to the next, as an interposer does */
};

struct pb_allocator_role {
	bool serves;   /* it would serve malloc() if it came first */
	bool is_known; /* and is of a known kind */
	bool unseen;   /* it is shadowed, and its malloc() is left alone */
};

/**
 * pb_allocator_read() - the functions of allocators that a file defines, given what came before it.
 * @role: set in any case but for what is no ELF file of 64 bits
 *
 * As pb_allocators_of_file(). In a shadowed file those functions count that have a prefix, or that
 * the file does not offer to others but calls itself. What it offers without a prefix is called by nobody but who
 * looks it up, as one does that was opened by dlopen(): it counts if file and shadow are of known kinds, and the file is
 * no C library.
 */
int pb_allocator_read(struct pb_allocator *out, int fd, const char *path,
		      enum pb_alloc_shadow shadow, struct pb_allocator_role *role);

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
	struct pb_allocators *out;   /* borrowed; grows */
	enum pb_alloc_shadow shadow; /* in the namespace that is being read */
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
