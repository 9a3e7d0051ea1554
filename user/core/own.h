/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Ownership by scope: a local declared with one of these is released when it goes out of
 * scope, and pb_take() moves what it owns to the caller. This replaces goto in the user half.
 */
#ifndef PB_CORE_OWN_H
#define PB_CORE_OWN_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/**
 * PB_DEFINE_FREE() - make `pb_auto_<name>` free a `struct <type> *` with @fn.
 *
 * Use: PB_DEFINE_FREE(pb_elf, pb_elf_free) once in the header that declares pb_elf_free(), then
 * `pb_auto(pb_elf) struct pb_elf *elf = NULL;` wherever one is owned.
 */
#define PB_DEFINE_FREE(name, fn)                                                                   \
	static inline void pb_auto_##name(struct name **p)                                         \
	{                                                                                          \
		if (*p)                                                                            \
			fn(*p);                                                                    \
	}                                                                                          \
	struct pb_auto_semicolon_##name

#define pb_auto(name) __attribute__((cleanup(pb_auto_##name)))

/* `pb_autofree char *s = strdup(...)`: freed by free(). */
#define pb_autofree   __attribute__((cleanup(pb_auto_mem)))
/* `pb_autoclose int fd = -1`: closed when it holds a descriptor. */
#define pb_autoclose  __attribute__((cleanup(pb_auto_fd)))
/* `pb_autofclose FILE *f = NULL`: closed; only for reading, writers check fclose(). */
#define pb_autofclose __attribute__((cleanup(pb_auto_file)))

static inline void pb_auto_mem(void *p)
{
	free(*(void **)p);
}

static inline void pb_auto_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void pb_auto_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

/* Move a pointer out of its owner, which is left NULL. */
#define pb_take(p)                                                                                 \
	({                                                                                         \
		__typeof__(p) t_ = p;                                                              \
		(p) = NULL;                                                                        \
		t_;                                                                                \
	})

/* Move a descriptor out of its owner, which is left -1. */
#define pb_take_fd(fd)                                                                             \
	({                                                                                         \
		int t_ = fd;                                                                       \
		(fd) = -1;                                                                         \
		t_;                                                                                \
	})

#define PB_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
