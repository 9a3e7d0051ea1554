/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One module's names: everything that reads bytes of a target's files, behind one function. It opens no
 * file and keeps nothing between questions, so that it runs in a sandbox (user/symbol/names.h), and as it
 * is in tests and under a fuzzer.
 *
 *   file --> functions: .symtab; if that is not whole (pb_elf_has_whole_symtab()), also that of the debug
 *            file, .gnu_debugdata and .dynsym, as one table
 *        --> debug information: inlined frames, files, lines
 *        --> unwind information: where functions without a name begin, and where one without a size ends
 *
 * The name of a function is that of its symbol if one begins where it does, so that it is the same with
 * and without debug information; debug information names what has no symbol, and what was inlined.
 * An address that nothing covers has no name: never that of a neighbour.
 */
#ifndef PB_SYMBOL_PARSE_PARSER_H
#define PB_SYMBOL_PARSE_PARSER_H

#include "user/symbol/shared/wire.h"

/**
 * pb_parse() - answer a question.
 * @open: for separate debug files; NULL: there are none
 *
 * A module that cannot be read is an answer too, by its state. Memory is given back before it returns.
 * Return: 0; -ENOMEM; an error of @open other than -ENOENT is none.
 */
int pb_parse(const struct pb_question *q, pb_wanted_open *open, void *ctx, struct pb_answer **out);

/* pb_sandbox_serve: answer questions until the peer is gone. */
void pb_parser_serve(int sock, void *unused);

#endif
