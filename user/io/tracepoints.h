/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which tracepoints this kernel has, and whether they are what our programs take. Asked of its BTF: their
 * arguments have changed in stable releases, so that a version tells nothing (5.10.137 took block_rq_issue() of
 * 5.11).
 */
#ifndef PB_IO_TRACEPOINTS_H
#define PB_IO_TRACEPOINTS_H

#include <stdbool.h>
#include <stdint.h>

struct btf;

/* Return: how many arguments a tracepoint has; -1 if there is no such tracepoint. */
int pb_tracepoint_arguments(const struct btf *kernel, const char *name);

#endif
