/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The end of a program that cannot go on. */
#ifndef SHOP_DIE_H
#define SHOP_DIE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define die(...)        (fprintf(stderr, "shop: " __VA_ARGS__), fputc('\n', stderr), exit(1))
#define die_errno(what) die("%s: %s", what, strerror(errno))

#endif
