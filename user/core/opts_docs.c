/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The documents that a program's option tables generate: help, manual, shell completions. */
#include "user/core/opts.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "user/core/log.h"

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

/* Called for each visible row in document order, headings (PB_OPT_GROUP) included. */
typedef void row_fn(const struct pb_option *o, void *ctx);

static bool is_visible(const struct pb_program *program, const struct pb_option *o)
{
	return !o->hidden && (o->kind != PB_OPT_COMMAND || program->has_command);
}

static bool same_heading(const struct pb_option *a, const struct pb_option *b)
{
	return a == b || (a && b && !strcmp(a->help, b->help));
}

/* The rows of all tables under @heading (NULL: before any), behind the heading itself. */
static void visit_group(const struct pb_program *program, const struct pb_option *heading,
			row_fn *row, void *ctx)
{
	bool shown = !heading;

	for (const struct pb_option *const *t = program->tables; *t; t++) {
		const struct pb_option *current = NULL;

		for (const struct pb_option *o = *t; o->kind != PB_OPT_END; o++) {
			if (o->kind == PB_OPT_GROUP) {
				current = o;
				continue;
			}
			if (!same_heading(current, heading) || !is_visible(program, o))
				continue;
			if (!shown)
				row(heading, ctx);
			shown = true;
			row(o, ctx);
		}
	}
}

/* True if no heading before @heading says the same. */
static bool is_first_heading(const struct pb_program *program, const struct pb_option *heading)
{
	for (const struct pb_option *const *t = program->tables; *t; t++) {
		for (const struct pb_option *o = *t; o->kind != PB_OPT_END; o++) {
			if (o->kind == PB_OPT_GROUP && same_heading(o, heading))
				return o == heading;
		}
	}
	return true;
}

static void visit_rows(const struct pb_program *program, row_fn *row, void *ctx)
{
	visit_group(program, NULL, row, ctx);
	for (const struct pb_option *const *t = program->tables; *t; t++) {
		for (const struct pb_option *o = *t; o->kind != PB_OPT_END; o++) {
			if (o->kind == PB_OPT_GROUP && is_first_heading(program, o))
				visit_group(program, o, row, ctx);
		}
	}
}

static bool takes_value(const struct pb_option *o)
{
	return o->kind != PB_OPT_FLAG && o->kind != PB_OPT_ACTION;
}

static bool is_repeatable(const struct pb_option *o)
{
	return o->kind == PB_OPT_LIST || o->kind == PB_OPT_PIDS;
}

static bool has_hint(const struct pb_option *o, const char *hint)
{
	return o->complete && !strcmp(o->complete, hint);
}

static const char *value_name(const struct pb_option *o)
{
	return o->arg ? o->arg : "VALUE";
}

/* Length of the help up to its first semicolon: what fits beside a completion. */
static int brief(const struct pb_option *o)
{
	return (int)strcspn(o->help, ";");
}

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
		n = snprintf(text, sizeof(text), "      -- %s", value_name(o));
	else
		n = snprintf(text, sizeof(text), "  %c%c%s%s%s%s%s", o->short_name ? '-' : ' ',
			     o->short_name ? o->short_name : ' ',
			     !o->long_name   ? ""
			     : o->short_name ? ", "
					     : "  ",
			     o->long_name ? "--" : "", o->long_name ? o->long_name : "",
			     takes_value(o) ? " " : "", takes_value(o) ? value_name(o) : "");
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
	visit_rows(program, measure_row, &h);
	visit_rows(program, help_row, &h);
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
	if (takes_value(o)) {
		fputs(" Ar", out);
		man_argument(out, value_name(o));
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

	visit_rows(program, man_row, &m);
	if (m.open)
		fputs(".El\n", out);
}

/* Completions. Nothing of the tables is run by a shell: words are quoted. */

/* Print a template in which every @ is the program's name. */
static void print_template(FILE *out, const char *name, const char *text)
{
	for (; *text; text++) {
		if (*text == '@')
			fputs(name, out);
		else
			fputc(*text, out);
	}
}

/* @len bytes of @text inside single quotes; @special get a backslash before the shell's quoting. */
static void print_quoted(FILE *out, const char *text, int len, const char *special,
			 const char *apostrophe)
{
	for (int i = 0; i < len && text[i]; i++) {
		if (text[i] == '\'') {
			fputs(apostrophe, out);
			continue;
		}
		if (strchr(special, text[i]))
			fputc('\\', out);
		fputc(text[i], out);
	}
}

static void print_choices(FILE *out, const struct pb_option *o)
{
	for (int i = 0; o->choices[i]; i++)
		fprintf(out, "%s%s", i ? " " : "", o->choices[i]);
}

static const char bash_head[] =
	"# bash completion for @\n"
	"_@()\n"
	"{\n"
	"	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	"	COMPREPLY=()\n";
static const char bash_command[] =
	"	local i\n"
	"	for ((i = 1; i < COMP_CWORD; i++)); do\n"
	"		[[ ${COMP_WORDS[i]} == -- ]] || continue\n"
	"		local kind=-f\n"
	"		((i == COMP_CWORD - 1)) && kind=-c\n"
	"		compopt -o filenames 2>/dev/null\n"
	"		mapfile -t COMPREPLY < <(compgen $kind -- \"$cur\")\n"
	"		return\n"
	"	done\n";
static const char bash_case[] = "	# readline splits --option=value at the equals sign\n"
				"	if [[ $cur == = ]]; then\n"
				"		cur=\n"
				"	elif [[ $prev == = ]]; then\n"
				"		prev=${COMP_WORDS[COMP_CWORD-2]}\n"
				"	fi\n"
				"	case $prev in\n";

static void bash_value(const struct pb_option *o, void *ctx)
{
	FILE *out = ctx;

	if (o->kind == PB_OPT_GROUP || o->kind == PB_OPT_COMMAND || !takes_value(o))
		return;
	fputs("	", out);
	if (o->short_name)
		fprintf(out, "-%c%s", o->short_name, o->long_name ? " | " : "");
	if (o->long_name)
		fprintf(out, "--%s", o->long_name);
	fputs(")\n", out);
	if (o->choices) {
		fputs("		mapfile -t COMPREPLY < <(compgen -W '", out);
		print_choices(out, o);
		fputs("' -- \"$cur\")\n", out);
	} else if (has_hint(o, "file") || has_hint(o, "dir")) {
		fprintf(out,
			"		compopt -o filenames 2>/dev/null\n"
			"		mapfile -t COMPREPLY < <(compgen %s -- \"$cur\")\n",
			has_hint(o, "file") ? "-f" : "-d");
	} else if (has_hint(o, "pid")) {
		/* "12,3": complete the last, keep what is before it. */
		fputs("		mapfile -t COMPREPLY < <(cd /proc && compgen "
		      "-P \"${cur%\"${cur##*,}\"}\" -W \"$(echo [0-9]*)\" -- \"${cur##*,}\")\n",
		      out);
	}
	fputs("		return\n		;;\n", out);
}

static void bash_name(const struct pb_option *o, void *ctx)
{
	FILE *out = ctx;

	if (o->kind == PB_OPT_GROUP || o->kind == PB_OPT_COMMAND)
		return;
	if (o->long_name)
		fprintf(out, " --%s", o->long_name);
	else
		fprintf(out, " -%c", o->short_name);
}

static void print_bash(const struct pb_program *program, FILE *out)
{
	print_template(out, program->name, bash_head);
	if (program->has_command)
		fputs(bash_command, out);
	fputs(bash_case, out);
	visit_rows(program, bash_value, out);
	fputs("	esac\n	mapfile -t COMPREPLY < <(compgen -W '", out);
	visit_rows(program, bash_name, out);
	fprintf(out, "%s' -- \"$cur\")\n}\n", program->has_command ? " --" : "");
	print_template(out, program->name, "complete -F _@ @\n");
}

static const char zsh_command[] = "local -i dashes=${words[(i)--]}\n"
				  "if (( dashes < CURRENT )); then\n"
				  "	shift $dashes words\n"
				  "	(( CURRENT -= dashes ))\n"
				  "	_normal\n"
				  "	return\n"
				  "fi\n";

static void zsh_action(const struct pb_option *o, FILE *out)
{
	fputc(':', out);
	print_quoted(out, value_name(o), (int)strlen(value_name(o)), ":\\", "'\\''");
	fputc(':', out);
	if (o->choices) {
		fputc('(', out);
		print_choices(out, o);
		fputc(')', out);
	} else if (has_hint(o, "file")) {
		fputs("_files", out);
	} else if (has_hint(o, "dir")) {
		fputs("_files -/", out);
	} else if (has_hint(o, "pid")) {
		fputs(o->kind == PB_OPT_PIDS ? "_sequence _pids" : "_pids", out);
	} else {
		fputc(' ', out);
	}
}

/* A spec of _arguments: '(exclusions)'{-o+,--output=}'[help]:FILE:_files'. */
static void zsh_row(const struct pb_option *o, void *ctx)
{
	FILE *out = ctx;
	bool both = o->short_name && o->long_name;

	if (o->kind == PB_OPT_GROUP || o->kind == PB_OPT_COMMAND)
		return;
	fputs(" \\\n	'", out);
	if (is_repeatable(o))
		fputc('*', out);
	else if (o->kind == PB_OPT_ACTION)
		fputs("(- *)", out);
	else if (both)
		fprintf(out, "(-%c --%s)", o->short_name, o->long_name);
	if (both)
		fputs("'{", out);
	if (o->short_name)
		fprintf(out, "-%c%s", o->short_name, takes_value(o) ? "+" : "");
	if (both)
		fputc(',', out);
	if (o->long_name)
		fprintf(out, "--%s%s", o->long_name, takes_value(o) ? "=" : "");
	fputs(both ? "}'[" : "[", out);
	print_quoted(out, o->help, brief(o), "[]\\", "'\\''");
	fputc(']', out);
	if (takes_value(o))
		zsh_action(o, out);
	fputc('\'', out);
}

static void print_zsh(const struct pb_program *program, FILE *out)
{
	print_template(out, program->name, "#compdef @\n");
	if (program->has_command)
		fputs(zsh_command, out);
	fputs("_arguments -s -S :", out);
	visit_rows(program, zsh_row, out);
	fputc('\n', out);
}

static const char fish_command[] =
	"function __@_command\n"
	"	set -l words (commandline -opc) (commandline -ct)\n"
	"	set -l at (math (contains -i -- -- $words) + 1)\n"
	"	complete -C (string join -- ' ' (string escape -- $words[$at..-2]) $words[-1])\n"
	"end\n"
	"complete -c @ -n 'contains -- -- (commandline -opc)' -x -a '(__@_command)'\n";

static void fish_value(const struct pb_option *o, FILE *out)
{
	if (o->choices) {
		fputs(" -x -a '", out);
		print_choices(out, o);
		fputc('\'', out);
	} else if (has_hint(o, "file")) {
		fputs(" -r -F", out);
	} else if (has_hint(o, "dir")) {
		fputs(" -x -a '(__fish_complete_directories)'", out);
	} else if (has_hint(o, "pid")) {
		fputs(o->kind == PB_OPT_PIDS
			      ? " -x -a '(__fish_complete_list , __fish_complete_pids)'"
			      : " -x -a '(__fish_complete_pids)'",
		      out);
	} else {
		fputs(" -x", out);
	}
}

/* The program's name stands before each row, so a row carries both. */
struct fish {
	FILE *out;
	const char *name;
};

static void fish_row(const struct pb_option *o, void *ctx)
{
	const struct fish *f = ctx;

	if (o->kind == PB_OPT_GROUP || o->kind == PB_OPT_COMMAND)
		return;
	fprintf(f->out, "complete -c %s", f->name);
	if (o->short_name)
		fprintf(f->out, " -s %c", o->short_name);
	if (o->long_name)
		fprintf(f->out, " -l %s", o->long_name);
	if (takes_value(o))
		fish_value(o, f->out);
	fputs(" -d '", f->out);
	print_quoted(f->out, o->help, brief(o), "\\", "\\'");
	fputs("'\n", f->out);
}

static void print_fish(const struct pb_program *program, FILE *out)
{
	struct fish f = {.out = out, .name = program->name};

	print_template(out, program->name, "# fish completion for @\ncomplete -c @ -f\n");
	if (program->has_command)
		print_template(out, program->name, fish_command);
	visit_rows(program, fish_row, &f);
}

int pb_opts_completion(const struct pb_program *program, const char *shell, FILE *out)
{
	if (!strcmp(shell, "bash"))
		print_bash(program, out);
	else if (!strcmp(shell, "zsh"))
		print_zsh(program, out);
	else if (!strcmp(shell, "fish"))
		print_fish(program, out);
	else
		return pb_fail(EINVAL, "no completions for \"%s\"; there are bash, zsh and fish",
			       shell);
	return 0;
}
