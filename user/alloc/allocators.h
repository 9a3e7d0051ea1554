/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which functions hand out memory in a process, and where a probe on each goes.
 *
 *   process: search order of its objects (executable, preloads, libraries) --> who serves malloc
 *   file: symbols --> functions of allocators --> placement --> probes
 */
#ifndef PB_ALLOC_ALLOCATORS_H
#define PB_ALLOC_ALLOCATORS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bpf/abi/allocsites.h"
#include "user/core/own.h"
#include "user/probe/placement.h"

/* One function to probe. Aliases at one address are one. */
struct pb_alloc_function {
	char *name; /* "malloc", "je_free" */
	enum pb_alloc_call call;
	bool throws;       /* an exception may leave it */
	bool nests;        /* may call another one of these: its return has to be awaited */
	uint64_t addr;     /* in the file's own addresses */
	uint64_t file_off; /* of the function's first byte */
	struct pb_placement placement;
};

/* One file that holds an allocator. */
struct pb_allocator {
	char *kind; /* "glibc", "jemalloc", "tcmalloc", "mimalloc", "musl", "unknown" */
	char *path; /* for people, as the process sees it */
	int fd;     /* owned; the file that is mapped */
	dev_t dev;
	ino_t ino;
	bool serves_malloc; /* malloc() of the process is this file's; false: only prefixed forms, or its own */
	bool has_ifunc; /* it chooses some functions as it is loaded (STT_GNU_IFUNC): those are not among these */
	struct pb_alloc_function *functions;
	uint32_t n;
};

struct pb_allocators {
	struct pb_allocator *items;
	uint32_t n;
	/* Paths of files that have a malloc() behind the one that serves, which only who looks it up calls, and which is
	 * not among the above, since nobody knows what it calls itself. */
	char **unseen;
	uint32_t n_unseen, unseen_size;
	uint32_t objects; /* files that were looked at */
	bool is_static;   /* no loader loads libraries for the executable */
	bool is_go;       /* a Go program: its stacks move, so returns must not be probed */
	bool is_32bit;    /* nothing is looked for in it */
};

/**
 * pb_allocators_of_file() - the functions of allocators that a file defines.
 * @fd: borrowed (what is kept is a duplicate); hostile
 * @path: for messages, and to tell a kind by
 * @out: set on success, to be dropped by pb_allocator_drop()
 *
 * Function symbols of .dynsym, and of .symtab, by their names: malloc, calloc, realloc, reallocarray,
 * posix_memalign, aligned_alloc, memalign, valloc, pvalloc, free, cfree, free_sized, free_aligned_sized, mallocx,
 * rallocx, dallocx, sdallocx, with the prefixes je_, _rjem_, __rjem_, tc_, mi_, __libc_; of mimalloc's own forms those
 * with the arguments of one of these (mi_malloc_aligned, mi_zalloc, ...); C++ operator new and
 * delete only in files that serve malloc themselves, where they do not come from libstdc++. A
 * function that only jumps to another one of them is left out, since the other is hit as well (x86-64 only).
 * malloc and free that a file defines for itself alone (in .symtab, not in .dynsym) count, too.
 * Kinds by what else is there: mallctl (jemalloc), mi_version (mimalloc), tc_version or MallocExtension (tcmalloc),
 * gnu_get_libc_version (glibc).
 * Symbol tables are read in pieces: an unstripped program of some GB takes seconds and 20 MB.
 *
 * Return: 0; -ENOENT if there is none; -ENOEXEC; -ENOTSUP for 32-bit files; -ENOMEM; -errno of the file.
 */
int pb_allocators_of_file(struct pb_allocator *out, int fd, const char *path);
void pb_allocator_drop(struct pb_allocator *a);

/**
 * pb_allocators_of_process() - all that a running process has.
 * @out: set on success
 *
 * The search order is read from the process' own link map (DT_DEBUG, struct r_debug), and where that cannot be had,
 * is that of its mappings. Of files that define malloc without a prefix the first one serves it; of the
 * others, C libraries are left out, and those that are known count all the same: some are opened by dlopen(), and called
 * by who asks dlsym(). Such as are not known are named in @out->unseen. Those of a second namespace (dlmopen)
 * serve that. Files are opened by /proc/PID/map_files, else by path in its root.
 *
 * Return: 0, also if none was found; -ESRCH if it is gone; -EPERM; -ENOMEM.
 */
int pb_allocators_of_process(struct pb_allocators **out, pid_t tgid);

/**
 * pb_allocators_of_command() - the same for a program that has not been started.
 * @path: of the executable or script, found already
 * @env: of the command: LD_PRELOAD and LD_LIBRARY_PATH count
 *
 * Asks the program's own interpreter to list what it would load (ld.so --list), in a child that is given 5 s. Of an
 * executable without an interpreter only itself is looked at; of a script, its interpreter ("#!/usr/bin/env x": env,
 * not what env then becomes); of another text, /bin/sh. LD_PRELOAD is ignored for a program that takes on
 * another user's or group's rights (setuid), as its loader does.
 * Return: as above; -ENOENT if the file is none that can be run.
 */
int pb_allocators_of_command(struct pb_allocators **out, const char *path, char *const env[]);

void pb_allocators_free(struct pb_allocators *a);
PB_DEFINE_FREE(pb_allocators, pb_allocators_free);

#endif
