/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Perf maps: "START SIZE name" lines, in hex, that a JIT compiler appends to a file for the functions it
 * makes. Each of its lines is checked.
 * Source: linux tools/perf/Documentation/jit-interface.txt.
 */
#ifndef PB_SYMBOL_PARSE_PERFMAP_H
#define PB_SYMBOL_PARSE_PERFMAP_H

#include <stddef.h>

struct pb_symtab;

/**
 * pb_perfmap_read() - add the entries of a map to a table, which is to be finished by later_wins.
 * @fd: read from its start, also when it is handed over once more
 *
 * Return: 0; -EFBIG, also of a file with more than PB_WIRE_MAP_MAX bytes; -ENOMEM; -errno of the file.
 */
int pb_perfmap_read(struct pb_symtab *t, int fd);

/**
 * pb_perfmap_parse() - the same from a text.
 *
 * Numbers with and without 0x. Lines that are malformed, cover nothing or wrap around the address
 * space, and a last line that is not finished, are skipped. Return: 0; -EFBIG; -ENOMEM.
 */
int pb_perfmap_parse(struct pb_symtab *t, const char *text, size_t len);

#endif
