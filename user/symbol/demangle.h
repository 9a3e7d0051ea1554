/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Names of C++ (Itanium ABI) and Rust (legacy and v0) as people write them, by libiberty. */
#ifndef PB_SYMBOL_DEMANGLE_H
#define PB_SYMBOL_DEMANGLE_H

#include <stdbool.h>

/**
 * pb_demangle() - the readable form of a symbol.
 * @full: with parameters and return types; otherwise names alone: "std::vector<int>::push_back"
 *
 * Rust loses its hash. Suffixes that compilers add (".constprop.0", ".cold", ".llvm.123") stay, in the
 * form they have. Only for the parser: the library under it has crashed on hostile names before.
 * Needs a stack of 8 MB. The functions around a local one keep their parameters in short names too.
 * Return: a string to free(), of at most 80 KB; NULL if @symbol is not mangled, is longer than
 * PB_DEMANGLE_MAX bytes or comes out beyond bounds, or there is no memory: show it as it is.
 * Source: Itanium C++ ABI 5.1; Rust RFC 2603.
 */
#define PB_DEMANGLE_MAX 16384
char *pb_demangle(const char *symbol, bool full);

#endif
