/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Markdown of a report, for a code host and for a terminal alike. Names out of programs are hostile: whatever they
 * hold, they stay text in one cell or one line, and are safe to show.
 */
#ifndef PB_BEAD_MARKDOWN_H
#define PB_BEAD_MARKDOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "user/core/own.h"

/* Bytes of others' text that are shown at most; what is longer ends in "...". */
#define PB_MD_TEXT_MAX 400

/* Text of others as text: what would be markup is escaped, and what pb_text_safe() does not let through is \xNN. NULL is
 * as "". Not for the beginning of a line. */
void pb_md_text(FILE *out, const char *text);

/* The same as code: between as many backticks as it takes; as escaped text where it holds a "|", which would end a cell.
 * "" is "-". @most: bytes of it, at most PB_MD_TEXT_MAX. */
void pb_md_code(FILE *out, const char *text, size_t most);

/* A word of a command for a shell, quoted if it has to be: ANSI-C quotes where it holds control bytes. One line, always. */
void pb_md_shell_word(FILE *out, const char *word);

struct pb_md_column {
	const char *title;
	bool right; /* numbers */
};

/* A table in the making; whoever declares one says pb_auto_md_table. */
struct pb_md_table {
	const struct pb_md_column *columns; /* borrowed */
	uint32_t n_columns;
	char **cells; /* row by row */
	uint32_t n_cells, room;
	bool failed;
};

void pb_md_table_drop(struct pb_md_table *t);
#define pb_auto_md_table __attribute__((cleanup(pb_md_table_drop)))

/* The next cell. The first takes Markdown of ours, the others text of others. */
void pb_md_cell(struct pb_md_table *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void pb_md_cell_text(struct pb_md_table *t, const char *text);
void pb_md_cell_code(struct pb_md_table *t, const char *text, size_t most);

/* With columns as wide as their cells, up to 44; the last one is not filled up. Nothing where there are no rows. Return: 0;
 * -ENOMEM, not logged, also where a cell could not be kept. */
int pb_md_table_print(const struct pb_md_table *t, FILE *out);

#endif
