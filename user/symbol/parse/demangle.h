/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Names of C++ (Itanium ABI) and Rust (legacy and v0) as people write them, by libiberty. */
#ifndef PB_SYMBOL_PARSE_DEMANGLE_H
#define PB_SYMBOL_PARSE_DEMANGLE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * pb_demangle() - the readable form of a symbol.
 * @full: with parameters and return types; otherwise names alone: "std::vector<int>::push_back"
 *
 * Rust loses its hash, and any symbol the one that LLVM appends (".llvm.123"), which differs from build to
 * build: of a symbol that is not mangled the rest is given. Other suffixes that compilers add
 * (".constprop.0", ".cold") stay, in the form they have. The functions around a local one keep their
 * parameters in short names too. Only for the parser: the library under it has crashed on hostile names
 * before. Needs a stack of 8 MB and a little, or pb_demangle_bound().
 * Return: a string to free(), of at most 80 KB; NULL if @symbol is neither mangled nor has such a hash, is
 * longer than PB_DEMANGLE_MAX bytes or comes out beyond bounds, or there is no memory: show it as it is.
 * Source: Itanium C++ ABI 5.1; Rust RFC 2603.
 */
#define PB_DEMANGLE_MAX 16384
char *pb_demangle(const char *symbol, bool full);

/**
 * pb_demangle_bound() - from now on only symbols whose reading fits on a stack; in this process.
 * @stack_bytes: all there is; 0: no symbol at all is read
 *
 * The others are given back as if they were not mangled. At first none is left out.
 */
void pb_demangle_bound(uint64_t stack_bytes);

#endif
