/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What stands in the way of a capture, asked before anything is loaded, each in one sentence. */
#ifndef PB_CORE_PREFLIGHT_H
#define PB_CORE_PREFLIGHT_H

#include <stdbool.h>
#include <stdint.h>

/**
 * pb_preflight() - capabilities, BTF, lockdown, pid namespace.
 * @program: for the setcap remedy
 *
 * Return: 0; -EPERM, -EOPNOTSUPP, logged with the remedy.
 */
int pb_preflight(const char *program);

/* Raise the limit of open descriptors to what is allowed: every mapped file is held open. */
void pb_preflight_raise_limits(void);

/* Is this a kernel before 6.1? Asked of the kernel itself, since versions lie. */
bool pb_preflight_is_old(void);

/**
 * pb_preflight_explain_load() - say why the kernel refused to load.
 * @err: positive errno; @map_bytes: what the maps need
 *
 * Return: -EPERM, -ENOMEM, or -EOPNOTSUPP.
 */
int pb_preflight_explain_load(int err, uint64_t map_bytes);

#endif
