/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Source: CommonMark 0.31 2.4 (backslash escapes), 6.1 (code spans); GitHub Flavored Markdown 4.10 (tables). */
#include "user/bead/markdown.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "user/core/grow.h"
#include "user/core/text.h"

#define WIDTH_MAX 44

/* Whether a character would be markup where it stands. "_" is none inside a word. */
static bool is_markup(const char *text, const char *at)
{
	if (*at == '_')
		return at == text || !isalnum((unsigned char)at[-1]) ||
		       !isalnum((unsigned char)at[1]);
	if (at == text && strchr("#+->=", *at))
		return true;
	return *at && strchr("\\`*[]<>~&$", *at);
}

static void put_text(FILE *out, const char *text)
{
	for (const char *p = text; *p; p++) {
		if (*p == '|') {
			/* Not by a backslash: whether that escapes in a cell depends on what is before. */
			fputs("&#124;", out);
			continue;
		}
		if (is_markup(text, p))
			fputc('\\', out);
		fputc(*p, out);
	}
}

void pb_md_text(FILE *out, const char *text)
{
	char safe[PB_MD_TEXT_MAX + 1];

	if (!text)
		return;
	pb_text_safe(safe, sizeof(safe), text, strlen(text));
	put_text(out, safe);
}

/* The longest run of backticks. */
static size_t longest_ticks(const char *text)
{
	size_t longest = 0, n;

	for (const char *p = text; *p; p += n ? n : 1) {
		n = strspn(p, "`");
		longest = n > longest ? n : longest;
	}
	return longest;
}

static void put_ticks(FILE *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fputc('`', out);
}

void pb_md_code(FILE *out, const char *text, size_t most)
{
	char safe[PB_MD_TEXT_MAX + 1];
	size_t ticks;
	bool pad;

	if (most > PB_MD_TEXT_MAX)
		most = PB_MD_TEXT_MAX;
	if (!text || !*text) {
		fputc('-', out);
		return;
	}
	pb_text_safe(safe, most + 1, text, strlen(text));
	if (strchr(safe, '|')) {
		put_text(out, safe);
		return;
	}
	ticks = longest_ticks(safe) + 1;
	/* A space on each side belongs to the fence, if there is one on both. */
	pad = safe[0] == '`' || safe[strlen(safe) - 1] == '`' || safe[0] == ' ';
	put_ticks(out, ticks);
	fprintf(out, "%s%s%s", pad ? " " : "", safe, pad ? " " : "");
	put_ticks(out, ticks);
}

static bool is_plain(const char *word)
{
	return *word && !word[strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					   "0123456789._-/:=,+@%")];
}

void pb_md_shell_word(FILE *out, const char *word)
{
	size_t len = strlen(word);
	bool raw = false;
	uint32_t c = 0;

	if (is_plain(word)) {
		fputs(word, out);
		return;
	}
	for (size_t i = 0, n; i < len; i += n) {
		n = pb_text_decode(word + i, len - i, &c);
		raw = raw || !n || !pb_text_prints(c);
		n = n ? n : 1;
	}
	fputs(raw ? "$'" : "'", out);
	for (size_t i = 0, n; i < len; i += n) {
		n = pb_text_decode(word + i, len - i, &c);
		if (!n || !pb_text_prints(c)) {
			n = n ? n : 1;
			for (size_t k = 0; k < n; k++)
				fprintf(out, "\\x%02x", (unsigned char)word[i + k]);
		} else if (c == '\'') {
			fputs(raw ? "\\'" : "'\\''", out);
		} else if (c == '\\' && raw) {
			fputs("\\\\", out);
		} else {
			fwrite(word + i, 1, n, out);
		}
	}
	fputc('\'', out);
}

void pb_md_table_drop(struct pb_md_table *t)
{
	for (uint32_t i = 0; i < t->n_cells; i++)
		free(t->cells[i]);
	free(t->cells);
	t->cells = NULL;
	t->n_cells = t->room = 0;
}

/* Takes @cell. */
static void add_cell(struct pb_md_table *t, char *cell)
{
	if (!cell || pb_grow(&t->cells, &t->room, t->n_cells + 1, sizeof(*t->cells))) {
		free(cell);
		t->failed = true;
		return;
	}
	t->cells[t->n_cells++] = cell;
}

void pb_md_cell(struct pb_md_table *t, const char *format, ...)
{
	char *cell = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&cell, format, ap) < 0)
		cell = NULL;
	va_end(ap);
	add_cell(t, cell);
}

/* @most: as code, of so many bytes; 0: as text. */
static void add_foreign(struct pb_md_table *t, const char *text, size_t most)
{
	char *cell = NULL;
	size_t size;
	FILE *out = open_memstream(&cell, &size);

	if (out && most)
		pb_md_code(out, text, most);
	else if (out)
		pb_md_text(out, text);
	if (!out || fclose(out)) {
		free(cell);
		cell = NULL;
	}
	add_cell(t, cell);
}

void pb_md_cell_text(struct pb_md_table *t, const char *text)
{
	add_foreign(t, text, 0);
}

void pb_md_cell_code(struct pb_md_table *t, const char *text, size_t most)
{
	add_foreign(t, text, most);
}

static int width_of(const struct pb_md_table *t, uint32_t column)
{
	int widest = pb_text_columns(t->columns[column].title);

	for (uint32_t i = column; i < t->n_cells; i += t->n_columns) {
		int width = pb_text_columns(t->cells[i]);

		widest = width > widest ? width : widest;
	}
	/* A rule has three dashes at least. */
	return widest < 3 ? 3 : widest > WIDTH_MAX ? WIDTH_MAX : widest;
}

static void put_spaces(FILE *out, int n)
{
	for (int i = 0; i < n; i++)
		fputc(' ', out);
}

/* One cell behind its "|"; the last of a row is not filled up. */
static void put_cell(FILE *out, const char *cell, int width, bool right, bool last)
{
	int spare = width - pb_text_columns(cell);

	fputs("| ", out);
	if (right)
		put_spaces(out, spare);
	fputs(cell, out);
	if (!right && !last)
		put_spaces(out, spare);
	fputs(last ? " |\n" : " ", out);
}

static void put_rule(FILE *out, const struct pb_md_table *t, const int *widths)
{
	for (uint32_t i = 0; i < t->n_columns; i++) {
		fputs("| ", out);
		for (int k = 1; k < widths[i]; k++)
			fputc('-', out);
		fputs(t->columns[i].right ? ": " : "- ", out);
	}
	fputs("|\n", out);
}

int pb_md_table_print(const struct pb_md_table *t, FILE *out)
{
	pb_autofree int *widths = calloc(t->n_columns, sizeof(*widths));
	uint32_t last = t->n_columns - 1;

	if (!widths || t->failed)
		return -ENOMEM;
	if (!t->n_cells)
		return 0;
	for (uint32_t i = 0; i < t->n_columns; i++)
		widths[i] = width_of(t, i);
	if (!t->columns[last].right)
		widths[last] = pb_text_columns(t->columns[last].title);
	for (uint32_t i = 0; i < t->n_columns; i++)
		put_cell(out, t->columns[i].title, widths[i], t->columns[i].right, i == last);
	put_rule(out, t, widths);
	for (uint32_t i = 0; i < t->n_cells; i++) {
		uint32_t column = i % t->n_columns;

		put_cell(out, t->cells[i], widths[column], t->columns[column].right,
			 column == last);
	}
	return 0;
}
