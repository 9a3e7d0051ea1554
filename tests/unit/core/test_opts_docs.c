/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/opts.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

struct sample {
	bool force;
	bool quiet;
	uint64_t hz;
	uint64_t size;
	const char *format;
	const char *dir;
	uint32_t color;
	struct pb_list outputs;
	struct pb_pids pids;
	uint32_t action;
	const char *secret;
};

#define FIELD(kind, member) PB_OPT_FIELD(kind, struct sample, member)

static const char *const colors[] = {"auto", "always", "never", NULL};
static const char *const formats[] = {"html", "json", NULL};

/* "Target" comes first although its rows are in the second table; "Rate" joins both. */
static const struct pb_option own_options[] = {
	{.kind = PB_OPT_GROUP, .help = "Target"},
	{.kind = PB_OPT_GROUP, .help = "Rate"},
	{FIELD(UINT, hz), .short_name = 'F', .long_name = "frequency", .arg = "HZ", .min = 1,
	 .max = 1000, .help = "samples per second"},
	{.kind = PB_OPT_GROUP, .help = "Empty"},
	{.kind = PB_OPT_END},
};

static const struct pb_option shared_options[] = {
	{.kind = PB_OPT_GROUP, .help = "Target"},
	{FIELD(PIDS, pids), .short_name = 'p', .long_name = "pid", .arg = "PID[,PID...]",
	 .complete = "pid", .help = "these processes; --force for all"},
	{.kind = PB_OPT_COMMAND, .arg = "CMD [ARG...]", .help = "start CMD"},
	{.kind = PB_OPT_GROUP, .help = "Rate"},
	{FIELD(FLAG, force), .short_name = 'U', .help = "don't [ask]: use a \\ or a \"quote\""},
	{FIELD(SIZE, size), .long_name = "a-very-long-option-name", .arg = "SIZE", .min = 4096,
	 .help = "a text that is so long that it has to go on in a second line .hidden dots"},
	{.kind = PB_OPT_GROUP, .help = "Other"},
	{FIELD(LIST, outputs), .short_name = 'o', .long_name = "output", .arg = "FILE",
	 .complete = "file", .help = "write FILE. It may be repeated"},
	{FIELD(STRING, dir), .long_name = "dir", .arg = "DIR", .complete = "dir", .help = "where"},
	{FIELD(STRING, format), .long_name = "format", .arg = "NAME", .choices = formats,
	 .help = "by name"},
	{FIELD(CHOICE, color), .long_name = "color", .arg = "WHEN", .choices = colors,
	 .help = "colours"},
	{FIELD(FLAG, quiet), .short_name = 'q', .long_name = "quiet", .help = "errors only"},
	{FIELD(ACTION, action), .long_name = "help", .action = 7, .help = "print this help"},
	{FIELD(STRING, secret), .long_name = "secret", .hidden = true, .help = "hidden"},
	{.kind = PB_OPT_END},
};

static const struct pb_option *const tables[] = {own_options, shared_options, NULL};

static const struct pb_program program = {
	.name = "sample",
	.summary = "where does the time go",
	.usage = "[OPTION...] -p PID\n[OPTION...] -- CMD",
	.tables = tables,
	.examples = "  sample -p 1\n      one\n",
	.has_command = true,
	.has_bare_duration = true,
};

/* A program with verbs, of which one is as the above. */
static const struct pb_option stop_options[] = {
	{FIELD(FLAG, force), .long_name = "force", .help = "don't ask"},
	{.kind = PB_OPT_END},
};
static const struct pb_program go = {
	.name = "sample go",
	.summary = "it's: on",
	.usage = "",
	.tables = tables,
	.has_command = true,
};
static const struct pb_program stop = {
	.name = "sample stop",
	.summary = "off",
	.usage = "",
	.tables = (const struct pb_option *const[]){stop_options, NULL},
	.max_words = 2,
	.first_words = (const char *const[]){"now", "later", NULL},
};
static const struct pb_family family = {
	.name = "sample",
	.verbs = (const struct pb_program *const[]){&go, &stop, NULL},
};

static const char help_golden[] =
	"Usage: sample [OPTION...] -p PID\n"
	"       sample [OPTION...] -- CMD\n"
	"\n"
	"Where does the time go.\n"
	"\n"
	"Target:\n"
	"  -p, --pid PID[,PID...]  these processes; --force for all\n"
	"      -- CMD [ARG...]     start CMD\n"
	"\n"
	"Rate:\n"
	"  -F, --frequency HZ      samples per second\n"
	"  -U                      don't [ask]: use a \\ or a \"quote\"\n"
	"      --a-very-long-option-name SIZE\n"
	"                          a text that is so long that it has to go on in a\n"
	"                          second line .hidden dots\n"
	"\n"
	"Other:\n"
	"  -o, --output FILE       write FILE. It may be repeated\n"
	"      --dir DIR           where\n"
	"      --format NAME       by name\n"
	"      --color WHEN        colours\n"
	"  -q, --quiet             errors only\n"
	"      --help              print this help\n"
	"\n"
	"Examples:\n"
	"  sample -p 1\n"
	"      one\n"
	"\n"
	"Exit status:\n"
	"  0  ok\n"
	"  1  failed\n"
	"  2  usage\n"
	"  3  not permitted, or the kernel lacks something\n"
	"  4  the target does not exist, or nothing was measured\n"
	"  5  the output could not be written\n"
	"  With -- CMD it is the command's own, 128+N if signal N ended it; 125 if the\n"
	"  tool itself failed, 126 if CMD cannot be run, 127 if it is not found.\n";

static const char man_golden[] =
	".Ss Target\n"
	".Bl -tag -width Ds\n"
	".It Fl p , Fl \\-pid Ar PID[,PID...]\n"
	"These processes; \\-\\-force for all.\n"
	".It Fl \\- Ar \"CMD [ARG...]\"\n"
	"Start CMD.\n"
	".El\n"
	".Ss Rate\n"
	".Bl -tag -width Ds\n"
	".It Fl F , Fl \\-frequency Ar \\&HZ\n"
	"Samples per second.\n"
	"Allowed: 1 to 1000.\n"
	".It Fl U\n"
	"Don't [ask]: use a \\e or a \"quote\".\n"
	".It Fl \\-a-very-long-option-name Ar SIZE\n"
	"A text that is so long that it has to go on in a second line .hidden dots.\n"
	"Allowed: at least 4k.\n"
	".El\n"
	".Ss Other\n"
	".Bl -tag -width Ds\n"
	".It Fl o , Fl \\-output Ar FILE\n"
	"Write FILE.\n"
	"It may be repeated.\n"
	".It Fl \\-dir Ar \\&DIR\n"
	"Where.\n"
	".It Fl \\-format Ar NAME\n"
	"By name.\n"
	".It Fl \\-color Ar WHEN\n"
	"Colours.\n"
	".It Fl q , Fl \\-quiet\n"
	"Errors only.\n"
	".It Fl \\-help\n"
	"Print this help.\n"
	".El\n";

typedef void document_fn(const struct pb_program *p, FILE *out);

/* To be freed. */
static char *document(const struct pb_program *p, document_fn *print)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	print(p, out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void print_bash(const struct pb_program *p, FILE *out)
{
	assert_int_equal(pb_opts_completion(p, "bash", out), 0);
}

static void print_zsh(const struct pb_program *p, FILE *out)
{
	assert_int_equal(pb_opts_completion(p, "zsh", out), 0);
}

static void print_fish(const struct pb_program *p, FILE *out)
{
	assert_int_equal(pb_opts_completion(p, "fish", out), 0);
}

static void print_family_bash(const struct pb_program *p, FILE *out)
{
	(void)p;
	assert_int_equal(pb_opts_family_completion(&family, "bash", out), 0);
}

static void print_family_zsh(const struct pb_program *p, FILE *out)
{
	(void)p;
	assert_int_equal(pb_opts_family_completion(&family, "zsh", out), 0);
}

static void print_family_fish(const struct pb_program *p, FILE *out)
{
	(void)p;
	assert_int_equal(pb_opts_family_completion(&family, "fish", out), 0);
}

/* Is there such a program? If not, say so and skip. */
static void needs(const char *name)
{
	char command[64];

	snprintf(command, sizeof(command), "command -v %s >/dev/null 2>&1", name);
	if (system(command)) {
		print_message("skipped: %s is not installed\n", name);
		skip();
	}
}

/*
 * Write a document into a file, run @command with its name as $1 in a shell, and give what that
 * prints (to be freed), with the exit status in @status.
 */
static char *run_on(const char *head, document_fn *print, const char *command, int *status)
{
	char path[] = "/tmp/test_opts_docs.XXXXXX";
	int fd = mkstemp(path);
	pb_autofree char *line = NULL;
	char *text = calloc(1, 65536);
	FILE *file, *pipe;

	assert_true(fd >= 0 && text);
	file = fdopen(fd, "w");
	assert_non_null(file);
	fputs(head, file);
	print(&program, file);
	assert_int_equal(fclose(file), 0);
	assert_true(asprintf(&line, "set -- %s; (%s) 2>&1", path, command) > 0);
	pipe = popen(line, "r");
	assert_non_null(pipe);
	text[fread(text, 1, 65535, pipe)] = '\0';
	*status = pclose(pipe);
	unlink(path);
	return text;
}

static void help_is_grouped_aligned_and_wrapped(void **state)
{
	pb_autofree char *text = document(&program, pb_opts_help);

	(void)state;
	assert_string_equal(text, help_golden);
}

static void help_without_command_does_not_speak_of_one(void **state)
{
	struct pb_program plain = program;
	pb_autofree char *text = NULL;

	(void)state;
	plain.has_command = false;
	plain.examples = NULL;
	plain.usage = "[OPTION...]";
	text = document(&plain, pb_opts_help);
	assert_null(strstr(text, "CMD"));
	assert_null(strstr(text, "Examples"));
	assert_non_null(strstr(text, "5  the output could not be written\n"));
}

static void rows_before_any_heading_come_first(void **state)
{
	static const struct pb_option rows[] = {
		{FIELD(FLAG, quiet), .short_name = 'q', .help = "errors only"},
		{.kind = PB_OPT_END},
	};
	static const struct pb_option *const list[] = {rows, NULL};
	struct pb_program plain = {.name = "x", .summary = "y", .usage = "", .tables = list};
	pb_autofree char *help = document(&plain, pb_opts_help);
	pb_autofree char *man = document(&plain, pb_opts_man);

	(void)state;
	assert_ptr_equal(strstr(help, "Usage: x\n\nY.\n  -q  errors only\n\nExit"), help);
	assert_string_equal(man, ".Bl -tag -width Ds\n.It Fl q\nErrors only.\n.El\n");
}

static void man_page_escapes_what_roff_would_read(void **state)
{
	pb_autofree char *text = document(&program, pb_opts_man);

	(void)state;
	assert_string_equal(text, man_golden);
}

static void no_line_of_the_man_page_starts_with_a_dot_of_the_text(void **state)
{
	static const struct pb_option rows[] = {
		{FIELD(FLAG, quiet), .short_name = 'q',
		 .help = ".first 'second. 'third and so many words that the next one has to "
			 "wrap at last in this line .html"},
		{FIELD(STRING, dir), .long_name = "dir", .arg = "a \"b\\", .help = "e"},
		{.kind = PB_OPT_END},
	};
	static const struct pb_option *const list[] = {rows, NULL};
	struct pb_program plain = {.name = "x", .summary = "y", .usage = "", .tables = list};
	pb_autofree char *man = document(&plain, pb_opts_man);

	(void)state;
	assert_string_equal(man,
			    ".Bl -tag -width Ds\n.It Fl q\n\\&.first 'second.\n\\&'third and so "
			    "many words that the next one has to wrap at last in this line\n"
			    "\\&.html.\n.It Fl \\-dir Ar \"a \\(dqb\\e\"\nE.\n.El\n");
}

static void mandoc_finds_nothing_to_complain_about(void **state)
{
	pb_autofree char *text = NULL;
	int status;

	(void)state;
	needs("mandoc");
	text = run_on(".Dd January 1, 2025\n.Dt SAMPLE 1\n.Os\n.Sh NAME\n.Nm sample\n.Nd a sample\n"
		      ".Sh OPTIONS\n",
		      pb_opts_man, "mandoc -T lint -W warning < $1", &status);
	assert_string_equal(text, "");
	assert_int_equal(status, 0);
}

static void unknown_shell_is_refused(void **state)
{
	char buf[64] = "";
	FILE *out = fmemopen(buf, sizeof(buf), "w");

	(void)state;
	assert_non_null(out);
	assert_int_equal(pb_opts_completion(&program, "csh", out), -EINVAL);
	assert_int_equal(pb_opts_family_completion(&family, "csh", out), -EINVAL);
	fclose(out);
	assert_string_equal(buf, "");
}

/* Complete the last of @words, which are shell words, and give one reply per line. */
static void bash_completes_by(document_fn *print, const char *words, const char *expected)
{
	pb_autofree char *command = NULL, *text = NULL;
	int status;

	assert_true(asprintf(&command,
			     "bash --norc --noprofile -c 'set -u; . \"$1\"; cd /usr; shift; "
			     "COMP_WORDS=(sample \"$@\"); COMP_CWORD=$#; _sample; "
			     "((${#COMPREPLY[@]})) && printf \"%%s\\n\" \"${COMPREPLY[@]}\"; true' "
			     "bash $1 %s",
			     words) > 0);
	text = run_on("", print, command, &status);
	if (strcmp(text, expected))
		fail_msg("%s: \"%s\" is not \"%s\"", words, text, expected);
	assert_int_equal(status, 0);
}

static void bash_completes(const char *words, const char *expected)
{
	bash_completes_by(print_bash, words, expected);
}

static void bash_completes_names_and_values(void **state)
{
	(void)state;
	needs("bash");
	bash_completes("--f", "--frequency\n--format\n");
	bash_completes("-U --q", "--quiet\n");
	bash_completes("--sec", "");
	bash_completes("-", "--pid\n--frequency\n-U\n--a-very-long-option-name\n--output\n--dir\n"
			    "--format\n--color\n--quiet\n--help\n--\n");
	bash_completes("--color a", "auto\nalways\n");
	bash_completes("--format = h", "html\n");
	bash_completes("--format =", "html\njson\n");
	bash_completes("--frequency 1", "");
	bash_completes("-o shar", "share\n");
	bash_completes("--output = ./shar", "./share\n");
	bash_completes("--dir shar", "share\n");
}

static void bash_completes_processes_behind_a_comma(void **state)
{
	char word[64], expected[64];

	(void)state;
	needs("bash");
	/* This test's own id is complete; it only has to be found, alone or among longer ones. */
	snprintf(word, sizeof(word), "-p 1,%d | grep -x 1,%d", getpid(), getpid());
	snprintf(expected, sizeof(expected), "1,%d\n", getpid());
	bash_completes(word, expected);
}

static void bash_completes_the_command_behind_two_dashes(void **state)
{
	(void)state;
	needs("bash");
	bash_completes("-q -- mkfif | sort -u", "mkfifo\n");
	bash_completes("-q -- ls shar", "share\n");
	bash_completes("-q -- ls --f", "");
}

static void bash_completes_verbs_and_their_options(void **state)
{
	(void)state;
	needs("bash");
	bash_completes_by(print_family_bash, "''", "go\nstop\n--help\n--version\n");
	bash_completes_by(print_family_bash, "s", "stop\n");
	bash_completes_by(print_family_bash, "go --f", "--frequency\n--format\n");
	bash_completes_by(print_family_bash, "go --format = h", "html\n");
	bash_completes_by(print_family_bash, "go -q -- ls shar", "share\n");
	bash_completes_by(print_family_bash, "stop ''", "now\nlater\n--force\n");
	bash_completes_by(print_family_bash, "stop l", "later\n");
	bash_completes_by(print_family_bash, "stop later ''", "--force\n");
	bash_completes_by(print_family_bash, "none --f", "");
}

static void shells_accept_the_syntax(void **state)
{
	static const struct {
		const char *name, *command;
		document_fn *print;
	} shells[] = {
		{"bash", "bash -n $1", print_bash},
		{"zsh", "zsh -f -n $1", print_zsh},
		{"fish", "fish --no-config -n $1", print_fish},
		{"bash", "bash -n $1", print_family_bash},
		{"zsh", "zsh -f -n $1", print_family_zsh},
		{"fish", "fish --no-config -n $1", print_family_fish},
	};
	size_t i = (size_t)(uintptr_t)*state;
	pb_autofree char *text = NULL;
	int status;

	needs(shells[i].name);
	text = run_on("", shells[i].print, shells[i].command, &status);
	assert_string_equal(text, "");
	assert_int_equal(status, 0);
}

/* What fish offers for the command line @line, without the descriptions. */
static void fish_completes_by(document_fn *print, const char *line, const char *expected)
{
	pb_autofree char *command = NULL, *text = NULL;
	int status;

	assert_true(
		asprintf(
			&command,
			"HOME=/nonexistent fish --no-config -c 'cd /usr; source $argv[1]; complete -C \"%s\"' $1 "
			"2>/dev/null | cut -f1",
			line) > 0);
	text = run_on("", print, command, &status);
	if (strcmp(text, expected))
		fail_msg("%s: \"%s\" is not \"%s\"", line, text, expected);
}

static void fish_completes(const char *line, const char *expected)
{
	fish_completes_by(print_fish, line, expected);
}

static void fish_completes_verbs_and_their_options(void **state)
{
	(void)state;
	needs("fish");
	fish_completes_by(print_family_fish, "sample ", "go\nstop\n");
	fish_completes_by(print_family_fish, "sample go --f", "--format\n--frequency\n");
	fish_completes_by(print_family_fish, "sample go --color a", "always\nauto\n");
	fish_completes_by(print_family_fish, "sample go -q -- mkfif", "mkfifo\n");
	fish_completes_by(print_family_fish, "sample stop ", "later\nnow\n");
	fish_completes_by(print_family_fish, "sample stop later ", "");
	fish_completes_by(print_family_fish, "sample stop --f", "--force\n");
	fish_completes_by(print_family_fish, "sample none --f", "");
}

static void fish_completes_names_and_values(void **state)
{
	(void)state;
	needs("fish");
	fish_completes("sample --f", "--format\n--frequency\n");
	fish_completes("sample --color a", "always\nauto\n");
	fish_completes("sample --format=h", "--format=html\n");
	fish_completes("sample -o shar", "share/\n");
	fish_completes("sample --dir shar", "share/\n");
	fish_completes("sample shar", "");
	fish_completes("sample -q -- mkfif", "mkfifo\n");
	fish_completes("sample -q -- ls shar", "share/\n");
}

static void zsh_specs_quote_the_help(void **state)
{
	pb_autofree char *text = document(&program, print_zsh);

	(void)state;
	assert_non_null(strstr(text, "\t'-U[don'\\''t \\[ask\\]: use a \\\\ or a \"quote\"]'"));
	assert_non_null(strstr(text, "\t'*'{-p+,--pid=}'[these processes]:PID[,PID...]:"
				     "_sequence _pids'"));
	assert_non_null(strstr(text, "\t'--color=[colours]:WHEN:(auto always never)'"));
	assert_non_null(strstr(text, "\t'(- *)--help[print this help]'"));
	assert_null(strstr(text, "secret"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(help_is_grouped_aligned_and_wrapped),
		cmocka_unit_test(help_without_command_does_not_speak_of_one),
		cmocka_unit_test(rows_before_any_heading_come_first),
		cmocka_unit_test(man_page_escapes_what_roff_would_read),
		cmocka_unit_test(no_line_of_the_man_page_starts_with_a_dot_of_the_text),
		cmocka_unit_test(mandoc_finds_nothing_to_complain_about),
		cmocka_unit_test(unknown_shell_is_refused),
		cmocka_unit_test(bash_completes_names_and_values),
		cmocka_unit_test(bash_completes_processes_behind_a_comma),
		cmocka_unit_test(bash_completes_the_command_behind_two_dashes),
		cmocka_unit_test(bash_completes_verbs_and_their_options),
		cmocka_unit_test_prestate(shells_accept_the_syntax, (void *)0),
		cmocka_unit_test_prestate(shells_accept_the_syntax, (void *)1),
		cmocka_unit_test_prestate(shells_accept_the_syntax, (void *)2),
		cmocka_unit_test_prestate(shells_accept_the_syntax, (void *)3),
		cmocka_unit_test_prestate(shells_accept_the_syntax, (void *)4),
		cmocka_unit_test_prestate(shells_accept_the_syntax, (void *)5),
		cmocka_unit_test(fish_completes_names_and_values),
		cmocka_unit_test(fish_completes_verbs_and_their_options),
		cmocka_unit_test(zsh_specs_quote_the_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
