/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Readable forms of symbols, kept: the addresses of one question share functions. */
#ifndef PB_SYMBOL_PARSE_DEMANGLED_H
#define PB_SYMBOL_PARSE_DEMANGLED_H

#include <stdbool.h>

#include "user/core/own.h"

struct pb_demangled;

/* @full: see pb_demangle(). Return: 0; -ENOMEM. */
int pb_demangled_new(struct pb_demangled **out, bool full);
void pb_demangled_free(struct pb_demangled *d);
PB_DEFINE_FREE(pb_demangled, pb_demangled_free);

/**
 * pb_demangled_find() - the readable form of a symbol, or the symbol itself where there is none.
 *
 * Of "NAME@plt" NAME is demangled. Up to 32,768 symbols are kept: a new one takes the place of another. At
 * 64 MB of texts all are forgotten at once. Return: valid until the next call, and no longer than @symbol.
 */
const char *pb_demangled_find(struct pb_demangled *d, const char *symbol);

#endif
