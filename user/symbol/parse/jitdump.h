/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Jitdump files: records that a JIT compiler appends to jit-PID.dump for the functions it makes and moves.
 * Source: linux tools/perf/Documentation/jitdump-specification.txt, version 1.
 */
#ifndef PB_SYMBOL_PARSE_JITDUMP_H
#define PB_SYMBOL_PARSE_JITDUMP_H

#define PB_JITDUMP_SIZE_MAX (1024u << 20)

struct pb_symtab;

/**
 * pb_jitdump_read() - add the functions of a dump to a table, to be finished by later_wins.
 *
 * Functions loaded, and moved, in the order of the records; a last record that is not finished is
 * skipped. The code itself is not read. Return: 0; -EPROTO if it is no jitdump of this machine's byte
 * order; -EFBIG; -ENOMEM; -errno of the file.
 *
 * The pid of its header only tells its own records from those of other processes that write to the file;
 * it is not compared with that of the target. That the target has mapped the file as code is what ties the
 * two together, and a forked child has its parent's dump mapped, with its parent's pid, and its code.
 */
int pb_jitdump_read(struct pb_symtab *t, int fd);

#endif
