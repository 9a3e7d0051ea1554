/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Shell completions from option tables. Nothing of the tables is run by a shell: words are quoted. */
#include "user/core/opts_inside.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "user/core/log.h"

static bool is_repeatable(const struct pb_option *o)
{
	return o->kind == PB_OPT_LIST || o->kind == PB_OPT_PIDS;
}

static bool has_hint(const struct pb_option *o, const char *hint)
{
	return o->complete && !strcmp(o->complete, hint);
}

/* Length of the help up to its first semicolon: what fits beside a completion. */
static int brief(const struct pb_option *o)
{
	return (int)strcspn(o->help, ";");
}

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

static void print_words(FILE *out, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		fprintf(out, "%s%s", i ? " " : "", words[i]);
}

/* "run" of "bead run". */
static const char *verb_name(const struct pb_program *verb)
{
	const char *space = strrchr(verb->name, ' ');

	return space ? space + 1 : verb->name;
}

static const char bash_head[] =
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

	if (o->kind == PB_OPT_GROUP || o->kind == PB_OPT_COMMAND || !pb_opts_takes_value(o))
		return;
	fputs("	", out);
	if (o->short_name)
		fprintf(out, "-%c%s", o->short_name, o->long_name ? " | " : "");
	if (o->long_name)
		fprintf(out, "--%s", o->long_name);
	fputs(")\n", out);
	if (o->choices) {
		fputs("		mapfile -t COMPREPLY < <(compgen -W '", out);
		print_words(out, o->choices);
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

/* The function that completes the words of one program. @name: of a verb, "bead_run". */
static void print_bash_function(const struct pb_program *program, const char *name, FILE *out)
{
	print_template(out, name, bash_head);
	if (program->has_command)
		fputs(bash_command, out);
	fputs(bash_case, out);
	pb_opts_visit(program, bash_value, out);
	fputs("	esac\n", out);
	if (program->first_words) {
		fputs("	local first=\n	((COMP_CWORD == 2)) && first='", out);
		print_words(out, program->first_words);
		fputs("'\n", out);
	}
	fprintf(out, "	mapfile -t COMPREPLY < <(compgen -W %s'",
		program->first_words ? "\"$first\"" : "");
	pb_opts_visit(program, bash_name, out);
	fprintf(out, "%s' -- \"$cur\")\n}\n", program->has_command ? " --" : "");
}

static void print_bash(const struct pb_program *program, FILE *out)
{
	print_template(out, program->name, "# bash completion for @\n");
	print_bash_function(program, program->name, out);
	print_template(out, program->name, "complete -F _@ @\n");
}

static const char bash_verb[] =
	"	if ((COMP_CWORD > 1)); then\n"
	"		declare -F \"_@_${COMP_WORDS[1]}\" >/dev/null && \"_@_${COMP_WORDS[1]}\"\n"
	"		return 0\n"
	"	fi\n";

static void print_family_bash(const struct pb_family *family, FILE *out)
{
	char name[64];

	print_template(out, family->name, "# bash completion for @\n");
	for (const struct pb_program *const *v = family->verbs; *v; v++) {
		snprintf(name, sizeof(name), "%s_%s", family->name, verb_name(*v));
		print_bash_function(*v, name, out);
	}
	print_template(out, family->name, bash_head);
	print_template(out, family->name, bash_verb);
	fputs("	mapfile -t COMPREPLY < <(compgen -W '", out);
	for (const struct pb_program *const *v = family->verbs; *v; v++)
		fprintf(out, "%s ", verb_name(*v));
	fputs("--help --version' -- \"$cur\")\n}\n", out);
	print_template(out, family->name, "complete -F _@ @\n");
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
	print_quoted(out, pb_opts_value_name(o), (int)strlen(pb_opts_value_name(o)), ":\\",
		     "'\\''");
	fputc(':', out);
	if (o->choices) {
		fputc('(', out);
		print_words(out, o->choices);
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
		fprintf(out, "-%c%s", o->short_name, pb_opts_takes_value(o) ? "+" : "");
	if (both)
		fputc(',', out);
	if (o->long_name)
		fprintf(out, "--%s%s", o->long_name, pb_opts_takes_value(o) ? "=" : "");
	fputs(both ? "}'[" : "[", out);
	print_quoted(out, o->help, brief(o), "[]\\", "'\\''");
	fputc(']', out);
	if (pb_opts_takes_value(o))
		zsh_action(o, out);
	fputc('\'', out);
}

static void print_zsh_body(const struct pb_program *program, FILE *out)
{
	if (program->has_command)
		fputs(zsh_command, out);
	fputs("_arguments -s -S :", out);
	pb_opts_visit(program, zsh_row, out);
	if (program->first_words) {
		fputs(" \\\n	'1:what:(", out);
		print_words(out, program->first_words);
		fputs(")'", out);
	}
	fputc('\n', out);
}

static void print_zsh(const struct pb_program *program, FILE *out)
{
	print_template(out, program->name, "#compdef @\n");
	print_zsh_body(program, out);
}

static const char zsh_verb[] = ")\n"
			       "if (( CURRENT == 2 )); then\n"
			       "	_describe -t verbs verb verbs\n"
			       "	return\n"
			       "fi\n"
			       "shift words\n"
			       "(( CURRENT -= 1 ))\n"
			       "case $words[1] in\n";

static void print_family_zsh(const struct pb_family *family, FILE *out)
{
	print_template(out, family->name, "#compdef @\nlocal -a verbs\nverbs=(\n");
	for (const struct pb_program *const *v = family->verbs; *v; v++) {
		fprintf(out, "	'%s:", verb_name(*v));
		print_quoted(out, (*v)->summary, (int)strlen((*v)->summary), ":\\", "'\\''");
		fputs("'\n", out);
	}
	fputs(zsh_verb, out);
	for (const struct pb_program *const *v = family->verbs; *v; v++) {
		fprintf(out, "%s)\n", verb_name(*v));
		print_zsh_body(*v, out);
		fputs(";;\n", out);
	}
	fputs("esac\n", out);
}

static const char fish_command[] =
	"function __@_command\n"
	"	set -l words (commandline -opc) (commandline -ct)\n"
	"	set -l at (math (contains -i -- -- $words) + 1)\n"
	"	complete -C (string join -- ' ' (string escape -- $words[$at..-2]) $words[-1])\n"
	"end\n"
	"complete -c @ -n 'contains -- -- (commandline -opc)' -x -a '(__@_command)'\n";
/* Is the verb this one? "": there is none yet. */
static const char fish_verb[] = "function __@_at\n"
				"	set -l words (commandline -opc)\n"
				"	test \"$words[2]\" = \"$argv[1]\"\n"
				"end\n";

static void fish_value(const struct pb_option *o, FILE *out)
{
	if (o->choices) {
		fputs(" -x -a '", out);
		print_words(out, o->choices);
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

/* The program's name stands before each row, and of a verb, when it holds: so a row carries all of them. */
struct fish {
	FILE *out;
	const char *name, *verb; /* verb NULL: the program has none */
};

static void fish_begin(const struct fish *f)
{
	fprintf(f->out, "complete -c %s", f->name);
	if (f->verb)
		fprintf(f->out, " -n '__%s_at %s'", f->name, *f->verb ? f->verb : "\"\"");
}

static void fish_row(const struct pb_option *o, void *ctx)
{
	const struct fish *f = ctx;

	if (o->kind == PB_OPT_GROUP || o->kind == PB_OPT_COMMAND)
		return;
	fish_begin(f);
	if (o->short_name)
		fprintf(f->out, " -s %c", o->short_name);
	if (o->long_name)
		fprintf(f->out, " -l %s", o->long_name);
	if (pb_opts_takes_value(o))
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
	pb_opts_visit(program, fish_row, &f);
}

static void print_family_fish(const struct pb_family *family, FILE *out)
{
	struct fish f = {.out = out, .name = family->name};
	bool has_command = false;

	print_template(out, family->name, "# fish completion for @\ncomplete -c @ -f\n");
	print_template(out, family->name, fish_verb);
	for (const struct pb_program *const *v = family->verbs; *v; v++)
		has_command = has_command || (*v)->has_command;
	if (has_command)
		print_template(out, family->name, fish_command);
	for (const struct pb_program *const *v = family->verbs; *v; v++) {
		f.verb = "";
		fish_begin(&f);
		fprintf(out, " -a %s -d '", verb_name(*v));
		print_quoted(out, (*v)->summary, (int)strlen((*v)->summary), "\\", "\\'");
		fputs("'\n", out);
		f.verb = verb_name(*v);
		if ((*v)->first_words) {
			fprintf(out,
				"complete -c %s -n '__%s_at %s; and "
				"test (count (commandline -opc)) -eq 2' -a '",
				f.name, f.name, f.verb);
			print_words(out, (*v)->first_words);
			fputs("'\n", out);
		}
		pb_opts_visit(*v, fish_row, &f);
	}
}

static int refuse_shell(const char *shell)
{
	return pb_fail(EINVAL, "no completions for \"%s\"; there are bash, zsh and fish", shell);
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
		return refuse_shell(shell);
	return 0;
}

int pb_opts_family_completion(const struct pb_family *family, const char *shell, FILE *out)
{
	if (!strcmp(shell, "bash"))
		print_family_bash(family, out);
	else if (!strcmp(shell, "zsh"))
		print_family_zsh(family, out);
	else if (!strcmp(shell, "fish"))
		print_family_fish(family, out);
	else
		return refuse_shell(shell);
	return 0;
}
