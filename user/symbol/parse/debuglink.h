/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a module says of its debug file: .gnu_debuglink. */
#ifndef PB_SYMBOL_PARSE_DEBUGLINK_H
#define PB_SYMBOL_PARSE_DEBUGLINK_H

#include "user/symbol/shared/wire.h"

struct pb_elf;

/**
 * pb_debuglink_read() - the .gnu_debuglink of a file, to be asked for.
 * @wanted: all of it is set on success; untouched on failure
 *
 * Return: 0; -ENOENT if it has none; -EPROTO if malformed; -ENOMEM; -errno of the file.
 * Source: gdb manual, "Debugging Information in Separate Files".
 */
int pb_debuglink_read(const struct pb_elf *e, struct pb_wanted *wanted);

#endif
