/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/report.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "user/core/grow.h"
#include "user/core/own.h"

#define BEGIN    "<!-- bead:begin"
#define END      "<!-- bead:end"
#define NAME_MAX 32 /* of a block, with its NUL */

/* A line with what ends it; at the end of a file that may be nothing. */
struct line {
	const char *text;
	size_t size;
};

enum marker {
	MARKER_NONE,
	MARKER_BEGIN,
	MARKER_END,
	MARKER_BROKEN, /* it begins as one, and is none */
};

/* A block in the file, by its lines, from 1; and the bytes between its markers. */
struct place {
	char name[NAME_MAX];
	uint32_t begins, ends; /* 0: not yet */
	size_t from, to;
	bool crlf;
};

struct places {
	struct place *all;
	uint32_t n, room;
	char *message;
	size_t message_size;
};

static struct line line_at(const char *text, size_t size)
{
	const char *newline = memchr(text, '\n', size);

	return (struct line){text, newline ? (size_t)(newline + 1 - text) : size};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool begins_with(const struct line *l, const char *word)
{
	return l->size >= strlen(word) && !memcmp(l->text, word, strlen(word));
}

/* The name between @word and " -->", which end the line. */
static bool read_name(struct line l, const char *word, char name[NAME_MAX])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz-";
	size_t n = 0;

	l.text += strlen(word);
	l.size -= strlen(word);
	if (!l.size || *l.text++ != ' ')
		return false;
	l.size--;
	while (n < l.size && n + 1 < NAME_MAX && l.text[n] != ' ' && l.text[n] &&
	       strchr(letters, l.text[n]))
		n++;
	if (!n || l.size - n != strlen(" -->") || memcmp(l.text + n, " -->", 4) != 0)
		return false;
	memcpy(name, l.text, n);
	name[n] = '\0';
	return true;
}

static enum marker read_marker(struct line l, char name[NAME_MAX])
{
	while (l.size && is_blank(l.text[l.size - 1]))
		l.size--;
	while (l.size && is_blank(*l.text)) {
		l.text++;
		l.size--;
	}
	if (begins_with(&l, BEGIN))
		return read_name(l, BEGIN, name) ? MARKER_BEGIN : MARKER_BROKEN;
	if (begins_with(&l, END))
		return read_name(l, END, name) ? MARKER_END : MARKER_BROKEN;
	return MARKER_NONE;
}

static struct place *find_place(const struct places *p, const char *name)
{
	for (uint32_t i = 0; i < p->n; i++)
		if (!strcmp(p->all[i].name, name))
			return &p->all[i];
	return NULL;
}

static int begin_place(struct places *p, const char *name, uint32_t number, size_t from, bool crlf)
{
	const struct place *open = p->n && !p->all[p->n - 1].ends ? &p->all[p->n - 1] : NULL;
	const struct place *twice = find_place(p, name);

	if (open) {
		snprintf(p->message, p->message_size,
			 "line %u: the block \"%s\" begins inside the block \"%s\" of line %u, "
			 "which has not ended",
			 number, name, open->name, open->begins);
		return -EINVAL;
	}
	if (twice) {
		snprintf(p->message, p->message_size,
			 "line %u: the block \"%s\" is there already, in line %u", number, name,
			 twice->begins);
		return -EINVAL;
	}
	if (pb_grow(&p->all, &p->room, (uint64_t)p->n + 1, sizeof(*p->all)))
		return -ENOMEM;
	p->all[p->n] = (struct place){.begins = number, .from = from, .crlf = crlf};
	snprintf(p->all[p->n++].name, NAME_MAX, "%s", name);
	return 0;
}

static int end_place(struct places *p, const char *name, uint32_t number, size_t to)
{
	struct place *open = p->n && !p->all[p->n - 1].ends ? &p->all[p->n - 1] : NULL;

	if (!open || strcmp(open->name, name) != 0) {
		snprintf(p->message, p->message_size,
			 "line %u: the block \"%s\" ends, and has not begun", number, name);
		return -EINVAL;
	}
	open->ends = number;
	open->to = to;
	return 0;
}

static bool ends_in_crlf(const struct line *l)
{
	return l->size >= 2 && l->text[l->size - 2] == '\r' && l->text[l->size - 1] == '\n';
}

static int read_line(struct places *p, const struct line *l, uint32_t number, size_t offset)
{
	char name[NAME_MAX];

	switch (read_marker(*l, name)) {
	case MARKER_BEGIN:
		return begin_place(p, name, number, offset + l->size, ends_in_crlf(l));
	case MARKER_END:
		return end_place(p, name, number, offset);
	case MARKER_BROKEN:
		snprintf(p->message, p->message_size,
			 "line %u: this is no marker; it would be \"" BEGIN " NAME -->\" or "
			 "\"" END " NAME -->\"",
			 number);
		return -EINVAL;
	default:
		return 0;
	}
}

static int find_places(struct places *p, const char *old, size_t size)
{
	uint32_t number = 0;
	int err;

	for (size_t at = 0; at < size;) {
		struct line l = line_at(old + at, size - at);

		err = read_line(p, &l, ++number, at);
		if (err)
			return err;
		at += l.size;
	}
	if (!p->n || p->all[p->n - 1].ends)
		return 0;
	snprintf(p->message, p->message_size, "line %u: the block \"%s\" begins, and does not end",
		 p->all[p->n - 1].begins, p->all[p->n - 1].name);
	return -EINVAL;
}

static void put(FILE *out, const char *text, size_t size, bool crlf)
{
	for (size_t at = 0; crlf && at < size;) {
		struct line l = line_at(text + at, size - at);
		bool whole = l.text[l.size - 1] == '\n';

		fwrite(l.text, 1, l.size - whole, out);
		fputs(whole ? "\r\n" : "", out);
		at += l.size;
	}
	if (!crlf)
		fwrite(text, 1, size, out);
}

static const struct pb_report_block *find_block(const struct pb_report_block *blocks, size_t n,
						const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(blocks[i].name, name))
			return &blocks[i];
	return NULL;
}

/* Behind what is there, an empty line before each. */
static void append(FILE *out, const struct pb_report_block *block, bool crlf)
{
	const char *newline = crlf ? "\r\n" : "\n";

	fprintf(out, "%s" BEGIN " %s -->%s", newline, block->name, newline);
	put(out, block->text, block->size, crlf);
	fprintf(out, END " %s -->%s", block->name, newline);
}

static void write_merged(FILE *out, const struct places *p, const char *old, size_t old_size,
			 const struct pb_report_block *blocks, size_t n)
{
	struct line first = line_at(old, old_size);
	bool crlf = ends_in_crlf(&first);
	bool unended = old_size && old[old_size - 1] != '\n';
	size_t at = 0;

	for (uint32_t i = 0; i < p->n; i++) {
		const struct place *place = &p->all[i];
		const struct pb_report_block *block = find_block(blocks, n, place->name);

		if (!block)
			continue;
		fwrite(old + at, 1, place->from - at, out);
		put(out, block->text, block->size, place->crlf);
		at = place->to;
	}
	fwrite(old + at, 1, old_size - at, out);
	for (size_t i = 0; i < n; i++) {
		if (find_place(p, blocks[i].name))
			continue;
		if (unended)
			fputs(crlf ? "\r\n" : "\n", out);
		unended = false;
		append(out, &blocks[i], crlf);
	}
}

/* What we write has to be read again. */
static bool holds_marker(const struct pb_report_block *block)
{
	char name[NAME_MAX];

	for (size_t at = 0; at < block->size;) {
		struct line l = line_at(block->text + at, block->size - at);

		if (read_marker(l, name) != MARKER_NONE)
			return true;
		at += l.size;
	}
	return false;
}

int pb_report_merge(char **out, size_t *out_size, const char *old, size_t old_size,
		    const struct pb_report_block *blocks, size_t n, char *message,
		    size_t message_size)
{
	struct places p = {.message = message, .message_size = message_size};
	pb_autofree char *merged = NULL;
	size_t size = 0;
	FILE *stream;
	int err = find_places(&p, old, old_size);

	for (size_t i = 0; i < n && !err; i++) {
		if (!holds_marker(&blocks[i]))
			continue;
		snprintf(message, message_size, "the new block \"%s\" holds a marker",
			 blocks[i].name);
		err = -EINVAL;
	}
	stream = err ? NULL : open_memstream(&merged, &size);
	if (!err && !stream)
		err = -ENOMEM;
	if (!err) {
		write_merged(stream, &p, old, old_size, blocks, n);
		err = fclose(stream) ? -ENOMEM : 0;
	}
	free(p.all);
	if (err)
		return err;
	*out = pb_take(merged);
	*out_size = size;
	return 0;
}
