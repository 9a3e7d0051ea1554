/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Names of C++ and Rust for places that are too narrow for them. */
#ifndef PB_RENDER_SHORTEN_H
#define PB_RENDER_SHORTEN_H

/**
 * pb_shorten() - a name without its template arguments: "Map<String, Vec<u8>>::get" is "Map<…>::get".
 *
 * Rust's "<alloc::vec::Vec<u8> as core::fmt::Write>::write_str" is "<Vec<u8> as Write>::write_str".
 * Only whole pairs of brackets, never those of operators, nor what is behind the "(" of the function's own
 * parameters: "(anonymous namespace)::" and the parameters of a function around it do not end the name. O(n).
 * Return: a string to free(); NULL if there is nothing to leave out, and without memory.
 */
char *pb_shorten(const char *name);

#endif
