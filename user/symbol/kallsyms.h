/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Names of kernel code: "address type name [module]" lines without sizes. The addresses that are
 * asked for are known beforehand, so that one pass keeps a handful of symbols out of 120,000.
 */
#ifndef PB_SYMBOL_KALLSYMS_H
#define PB_SYMBOL_KALLSYMS_H

#include <stddef.h>
#include <stdint.h>

struct pb_symtab;

/**
 * pb_kallsyms_read() - the functions of the running kernel that cover some addresses.
 * @out: a finished table, set on success
 * @wanted: @n addresses, sorted
 *
 * Modules, BPF programs and trampolines are included, by their plain names.
 * Return: 0; -EACCES if the kernel shows zeros instead of addresses; -EPROTO if there are no
 * functions in it; -errno of the file; -ENOMEM. All but the last are logged as a warning, the first
 * with its remedy.
 */
int pb_kallsyms_read(struct pb_symtab **out, const uint64_t *wanted, size_t n);

/**
 * pb_kallsyms_parse() - the same from text, unlogged, into a table that is not finished yet.
 * @text: @len bytes, modified
 *
 * Functions only (types t, T, w, W). One reaches to the next in order of address, at most 1 MiB;
 * where the next belongs to another module, at most 4096 bytes, rounded up to a page boundary (BPF
 * programs excepted). O(lines * log n). Return: 0; -EACCES; -EPROTO; -ENOMEM; -EFBIG.
 */
int pb_kallsyms_parse(struct pb_symtab *t, char *text, size_t len, const uint64_t *wanted,
		      size_t n);

#endif
