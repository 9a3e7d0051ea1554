/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The documents that a program's option tables generate for people: help and manual. */
#include "user/core/opts_inside.h"

#include <ctype.h>
#include <string.h>

#define HELP_WIDTH    80
#define HELP_LEFT_MAX 27 /* a longer option stands on a line of its own, above its text */
#define MAN_WIDTH     78

static const char exit_status[] = "  0  ok\n"
				  "  1  failed\n"
				  "  2  usage\n"
				  "  3  not permitted, or the kernel lacks something\n"
				  "  4  the target does not exist, or nothing was measured\n"
				  "  5  the output could not be written\n";
static const char exit_status_command[] =
	"  With -- CMD it is the command's own, 128+N if signal N ended it; 125 if the\n"
	"  tool itself failed, 126 if CMD cannot be run, 127 if it is not found.\n";

/* --help */

struct help {
	FILE *out;
	int left; /* columns of the widest option that is not too wide */
};

/* "  -p, --pid PID"; columns needed, and printed if @out is not NULL. */
static int print_left(const struct pb_option *o, FILE *out)
{
	char text[128];
	int n;

	if (o->kind == PB_OPT_COMMAND)
		n = snprintf(text, sizeof(text), "      -- %s", pb_opts_value_name(o));
	else
		n = snprintf(text, sizeof(text), "  %c%c%s%s%s%s%s", o->short_name ? '-' : ' ',
			     o->short_name ? o->short_name : ' ',
			     !o->long_name   ? ""
			     : o->short_name ? ", "
					     : "  ",
			     o->long_name ? "--" : "", o->long_name ? o->long_name : "",
			     pb_opts_takes_value(o) ? " " : "",
			     pb_opts_takes_value(o) ? pb_opts_value_name(o) : "");
	if (out)
		fputs(text, out);
	return n < (int)sizeof(text) ? n : (int)sizeof(text) - 1;
}

static void measure_row(const struct pb_option *o, void *ctx)
{
	struct help *h = ctx;
	int n = o->kind == PB_OPT_GROUP ? 0 : print_left(o, NULL);

	if (n > h->left && n <= HELP_LEFT_MAX)
		h->left = n;
}

/* Print @text in words from @column on, later lines indented to @indent. */
static void print_wrapped(FILE *out, const char *text, int column, int indent)
{
	bool first = true;

	while (*text) {
		int len = (int)strcspn(text, " ");

		if (!first && column + 1 + len > HELP_WIDTH) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		} else if (!first) {
			fputc(' ', out);
			column++;
		}
		fprintf(out, "%.*s", len, text);
		column += len;
		first = false;
		text += len + strspn(text + len, " ");
	}
	fputc('\n', out);
}

static void help_row(const struct pb_option *o, void *ctx)
{
	struct help *h = ctx;
	int indent = h->left + 2, n;

	if (o->kind == PB_OPT_GROUP) {
		fprintf(h->out, "\n%s:\n", o->help);
		return;
	}
	n = print_left(o, h->out);
	if (n > h->left) {
		fputc('\n', h->out);
		n = 0;
	}
	fprintf(h->out, "%*s", indent - n, "");
	print_wrapped(h->out, o->help, indent, indent);
}

void pb_opts_help(const struct pb_program *program, FILE *out)
{
	struct help h = {.out = out};
	const char *line = program->usage;

	do {
		int len = (int)strcspn(line, "\n");

		fprintf(out, "%s %s%s%.*s\n", line == program->usage ? "Usage:" : "      ",
			program->name, len ? " " : "", len, line);
		line += len + (line[len] == '\n');
	} while (*line);
	fprintf(out, "\n%c%s.\n", toupper((unsigned char)program->summary[0]),
		program->summary + 1);
	pb_opts_visit(program, measure_row, &h);
	pb_opts_visit(program, help_row, &h);
	if (program->examples)
		fprintf(out, "\nExamples:\n%s", program->examples);
	if (program->exit_status)
		fprintf(out, "\nExit status:\n%s", program->exit_status);
	else
		fprintf(out, "\nExit status:\n%s%s", exit_status,
			program->has_command ? exit_status_command : "");
}

/* mdoc */

struct man {
	FILE *out;
	bool open; /* inside .Bl */
};

/* One argument of a macro. */
static void man_argument(FILE *out, const char *text)
{
	bool quote = strpbrk(text, " \t\"") != NULL;

	fputs(quote ? " \"" : " ", out);
	/* Short words may be names of macros, or punctuation: \& makes them text. */
	if (strlen(text) <= 3)
		fputs("\\&", out);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '"')
			fputs("\\(dq", out);
		else
			fputc(*text, out);
	}
	if (quote)
		fputc('"', out);
}

/* One word of text. @in_option: its dashes are minus signs, to be found and pasted. */
static void man_word(FILE *out, const char *word, int len)
{
	bool in_option = word[0] == '-';

	for (int i = 0; i < len; i++) {
		if (word[i] == '\\')
			fputs("\\e", out);
		else if (word[i] == '-' && in_option)
			fputs("\\-", out);
		else
			fputc(word[i], out);
	}
}

/* Text as lines that start with no control character, each sentence on a line of its own. */
static void man_text(FILE *out, const char *text)
{
	int column = 0;

	for (bool first = true; *text; first = false) {
		int len = (int)strcspn(text, " ");

		if (column && column + 1 + len > MAN_WIDTH) {
			fputc('\n', out);
			column = 0;
		}
		if (column)
			fputc(' ', out);
		else if (*text == '.' || *text == '\'')
			fputs("\\&", out);
		if (first && islower((unsigned char)text[0])) {
			fputc(toupper((unsigned char)text[0]), out);
			man_word(out, text + 1, len - 1);
		} else {
			man_word(out, text, len);
		}
		column += len + 1;
		text += len;
		if (*text && text[-1] == '.') {
			fputc('\n', out);
			column = 0;
		}
		text += strspn(text, " ");
	}
	fputs(".\n", out);
}

static void man_head(FILE *out, const struct pb_option *o)
{
	fputs(".It", out);
	if (o->kind == PB_OPT_COMMAND)
		fputs(" Fl \\-", out);
	if (o->short_name)
		fprintf(out, " Fl %c", o->short_name);
	if (o->short_name && o->long_name)
		fputs(" ,", out);
	if (o->long_name)
		fprintf(out, " Fl \\-%s", o->long_name);
	if (pb_opts_takes_value(o)) {
		fputs(" Ar", out);
		man_argument(out, pb_opts_value_name(o));
	}
	fputc('\n', out);
}

static void man_row(const struct pb_option *o, void *ctx)
{
	struct man *m = ctx;
	char range[64] = "", sentence[80];

	if (o->kind == PB_OPT_GROUP) {
		if (m->open)
			fputs(".El\n", m->out);
		m->open = false;
		fputs(".Ss", m->out);
		man_argument(m->out, o->help);
		fputc('\n', m->out);
		return;
	}
	if (!m->open)
		fputs(".Bl -tag -width Ds\n", m->out);
	m->open = true;
	man_head(m->out, o);
	man_text(m->out, o->help);
	if (o->kind == PB_OPT_UINT || o->kind == PB_OPT_SIZE || o->kind == PB_OPT_DURATION)
		pb_opts_range(range, sizeof(range), o);
	if (*range) {
		snprintf(sentence, sizeof(sentence), "Allowed: %s", range);
		man_text(m->out, sentence);
	}
}

void pb_opts_man(const struct pb_program *program, FILE *out)
{
	struct man m = {.out = out};

	pb_opts_visit(program, man_row, &m);
	if (m.open)
		fputs(".El\n", out);
}
