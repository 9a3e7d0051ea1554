/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Writing an answer, address by address. Equal texts are kept once. */
#ifndef PB_SYMBOL_PARSE_ANSWER_H
#define PB_SYMBOL_PARSE_ANSWER_H

#include <stdint.h>

#include "user/core/own.h"
#include "user/symbol/shared/wire.h"

struct pb_answer_writer;

/* Texts of one frame; NULL or "" for what is not known. Copied. */
struct pb_frame_texts {
	const char *name;
	const char *system_name;
	const char *file;
	uint32_t line, start_line;
};

int pb_answer_writer_new(struct pb_answer_writer **out);
void pb_answer_writer_free(struct pb_answer_writer *w);
PB_DEFINE_FREE(pb_answer_writer, pb_answer_writer_free);

/*
 * The next address of the question, then its frames, the innermost first, at most PB_WIRE_INLINES_MAX. A
 * frame without a name gets its system name; one without either is left out. Errors are sticky, as with
 * ferror(): pb_answer_take() tells.
 */
void pb_answer_address(struct pb_answer_writer *w, uint64_t vaddr, uint64_t function);
void pb_answer_frame(struct pb_answer_writer *w, const struct pb_frame_texts *texts);

/* What was written, its state being PB_ANSWER_OK; the writer is empty again, after an error too.
 * Return: 0; -ENOMEM; -EFBIG beyond the wire's bounds; -EINVAL for a frame before the first address. */
int pb_answer_take(struct pb_answer_writer *w, struct pb_answer **out);

#endif
