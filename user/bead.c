/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* bead, the audit as scheduled work: its verbs and their options. What a verb does is in user/bead. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include "user/bead/schemas.h"
#include "user/bead/verbs.h"
#include "user/core/log.h"

static const struct pb_option common_options[] = {
	{.kind = PB_OPT_GROUP, .help = "Every verb"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, plan), .long_name = "plan", .arg = "FILE",
	 .complete = "file", .help = "the plan (default beads.yaml)"},
	{PB_OPT_FIELD(FLAG, struct pb_bead_args, quiet), .short_name = 'q', .long_name = "quiet",
	 .help = "say nothing but warnings and errors"},
	{PB_OPT_FIELD(FLAG, struct pb_bead_args, verbose), .short_name = 'v',
	 .long_name = "verbose", .help = "say more"},
	{PB_OPT_FIELD(ACTION, struct pb_bead_args, action), .short_name = 'h', .long_name = "help",
	 .action = PB_BEAD_HELP, .help = "print this help"},
	{.kind = PB_OPT_END},
};

static const struct pb_option json_options[] = {
	{.kind = PB_OPT_GROUP, .help = "Every verb but init and export"},
	{PB_OPT_FIELD(FLAG, struct pb_bead_args, json), .long_name = "json",
	 .help = "print JSON instead of text"},
	{.kind = PB_OPT_END},
};

static const struct pb_option init_options[] = {
	{.kind = PB_OPT_GROUP, .help = "init"},
	{PB_OPT_FIELD(LIST, struct pb_bead_args, workloads), .long_name = "workload",
	 .arg = "NAME[=CMD]",
	 .help = "a workload and its command, once for each; split at spaces, quoted as in sh, and "
		 "run without a shell; a name alone is for what stands behind --"},
	{.kind = PB_OPT_END},
};

static const struct pb_option run_options[] = {
	{.kind = PB_OPT_GROUP, .help = "run"},
	{PB_OPT_FIELD(FLAG, struct pb_bead_args, all), .long_name = "all",
	 .help = "every bead, in an order in which each comes behind what it needs"},
	{PB_OPT_FIELD(FLAG, struct pb_bead_args, ready), .long_name = "ready",
	 .help = "those that are not done and wait for nothing"},
	{PB_OPT_FIELD(FLAG, struct pb_bead_args, resume), .long_name = "resume",
	 .help = "go on where an earlier run was interrupted; what is done is left alone"},
	{.kind = PB_OPT_END},
};

static const struct pb_option time_options[] = {
	{.kind = PB_OPT_GROUP, .help = "run, ab, gate"},
	{PB_OPT_FIELD(DURATION, struct pb_bead_args, max_time_ns), .long_name = "max-time",
	 .arg = "TIME", .min = 1, .help = "begin no run after so long, as 90s or 10m"},
	{PB_OPT_FIELD(FLAG, struct pb_bead_args, noisy), .long_name = "noisy",
	 .help = "reject no run, however much others disturbed it"},
	{.kind = PB_OPT_END},
};

static const struct pb_option baseline_options[] = {
	{.kind = PB_OPT_GROUP, .help = "baseline"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, bead), .long_name = "bead", .arg = "ID",
	 .help = "the bead to save, where the plan has several baselines"},
	{.kind = PB_OPT_END},
};

static const struct pb_option judge_options[] = {
	{.kind = PB_OPT_GROUP, .help = "compare, ab"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, delta), .long_name = "delta", .arg = "PERCENT",
	 .help = "what is no difference yet (default 5% of compare, 2% of ab)"},
	{PB_OPT_FIELD(UINT, struct pb_bead_args, seed), .long_name = "seed", .arg = "N",
	 .help = "of the bootstrap (default 1): the same data give the same interval"},
	{.kind = PB_OPT_END},
};

static const struct pb_option ab_options[] = {
	{.kind = PB_OPT_GROUP, .help = "ab"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, a_ref), .long_name = "a-ref", .arg = "REV",
	 .help = "the old build: a git revision, built by the plan's build command in a copy; "
		 "every workload is compared"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, b_ref), .long_name = "b-ref", .arg = "REV",
	 .help = "the new build (default: the working tree as it is)"},
	{PB_OPT_FIELD(UINT, struct pb_bead_args, change), .long_name = "change", .arg = "N",
	 .min = 1, .help = "note the verdict in change N, and compare with where that began"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, a), .long_name = "a", .arg = "CMD",
	 .help = "the old command; it is split at spaces, quoted as in sh, and run without a shell"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, b), .long_name = "b", .arg = "CMD",
	 .help = "the new command"},
	{PB_OPT_FIELD(UINT, struct pb_bead_args, pairs), .long_name = "pairs", .arg = "N", .min = 3,
	 .max = 100000,
	 .help = "at most so many (default 60); a difference needs 20, as it has to show twice"},
	{.kind = PB_OPT_END},
};

static const struct pb_option matrix_options[] = {
	{.kind = PB_OPT_GROUP, .help = "matrix"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, effort), .long_name = "effort",
	 .arg = "HOTSPOT=N", .help = "what it takes, 1 to 5, in place of what is assumed"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, accept), .long_name = "accept", .arg = "HOTSPOT",
	 .help = "it stays as it is, and no longer keeps the audit open"},
	{.kind = PB_OPT_END},
};

static const struct pb_option why_options[] = {
	{.kind = PB_OPT_GROUP, .help = "matrix, change"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, why), .long_name = "why", .arg = "TEXT",
	 .help = "the reason why a hotspot is accepted, a change abandoned, or one closed whose "
		 "verdict is inconclusive"},
	{.kind = PB_OPT_END},
};

static const struct pb_option change_options[] = {
	{.kind = PB_OPT_GROUP, .help = "change open"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, hotspot), .long_name = "hotspot",
	 .arg = "HOTSPOT", .help = "the hotspot that it is about, as bead matrix calls it"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, lever), .long_name = "lever", .arg = "LEVER",
	 .help = "the one lever, as bead matrix calls it"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, hypothesis), .long_name = "hypothesis",
	 .arg = "TEXT", .help = "why that should help"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, expect), .long_name = "expect", .arg = "PERCENT",
	 .help = "of the workload's time that it should save"},
	{.kind = PB_OPT_GROUP, .help = "change prove"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, sketch), .long_name = "sketch", .arg = "TEXT",
	 .help = "why the result is the same for every input, not only for those that were run"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, ordering), .long_name = "ordering",
	 .arg = "TEXT", .help = "why the order of results stays (default: checked by the outputs)"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, ties), .long_name = "ties", .arg = "TEXT",
	 .help = "why ties are broken as before (default: checked by the outputs)"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, floating), .long_name = "floating-point",
	 .arg = "TEXT", .help = "why sums are rounded as before (default: checked by the outputs)"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, seeds), .long_name = "seeds", .arg = "TEXT",
	 .help = "why random numbers are drawn as before (default: checked by the outputs)"},
	{.kind = PB_OPT_END},
};

static const struct pb_option gate_options[] = {
	{.kind = PB_OPT_GROUP, .help = "gate"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, base), .long_name = "base", .arg = "NAME",
	 .help = "the saved baseline to compare with (default: the one saved last)"},
	{PB_OPT_FIELD(FLAG, struct pb_bead_args, ci), .long_name = "ci",
	 .help = "measure nothing; print a job for a CI system that runs this gate"},
	{PB_OPT_FIELD(FLAG, struct pb_bead_args, rules), .long_name = "rules",
	 .help = "measure nothing; print Prometheus alert rules for the plan's limits"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, metrics), .long_name = "metrics", .arg = "FILE",
	 .complete = "file",
	 .help = "write what was measured for node_exporter's textfile collector, as those "
		 "rules want it"},
	{.kind = PB_OPT_END},
};

static const struct pb_option report_options[] = {
	{.kind = PB_OPT_GROUP, .help = "report"},
	{PB_OPT_FIELD(UINT, struct pb_bead_args, budget), .long_name = "budget", .arg = "N",
	 .min = 200, .max = 1000000,
	 .help = "at most about so many tokens (4 bytes each), the least important left out first"},
	{.kind = PB_OPT_END},
};

static const struct pb_option output_options[] = {
	{.kind = PB_OPT_GROUP, .help = "report, export"},
	{PB_OPT_FIELD(STRING, struct pb_bead_args, output), .short_name = 'o',
	 .long_name = "output", .arg = "FILE", .complete = "file",
	 .help = "report: write FILE (default PERFORMANCE_ANALYSIS.md beside the plan; - is "
		 "stdout); export: the graph (default stdout)"},
	{.kind = PB_OPT_END},
};

static const struct pb_option export_options[] = {
	{.kind = PB_OPT_GROUP, .help = "export"},
	{PB_OPT_FIELD(FLAG, struct pb_bead_args, bd), .long_name = "bd",
	 .help = "for the issue tracker bd: a graph, and the commands that take it in"},
	{.kind = PB_OPT_END},
};

#define WORDS(...)  ((const char *const[]){__VA_ARGS__, NULL})
#define TABLES(...) ((const struct pb_option *const[]){__VA_ARGS__, common_options, NULL})

static const char exit_status[] =
	"  0    ok\n"
	"  1    a finding: a regression, wrong output, beads that are open\n"
	"  2    usage, or the plan\n"
	"  3    inconclusive\n"
	"  4    cannot be measured here: privilege, kernel, a tool that is missing\n"
	"  5    the data are worse than the plan allows\n"
	"  130  interrupted; run --resume goes on\n";

#define PROGRAM(verb) .name = "bead " verb, .exit_status = exit_status

/* Each verb: its name, what it takes, and the function. */
static const struct verb {
	const char *name;
	struct pb_program program;
	int (*run)(const struct pb_bead_args *args);
} verbs[] = {
	{"init",
	 {PROGRAM("init"), .summary = "write a commented plan with the standard beads",
	  .usage =
		  "[--workload NAME] -- CMD [ARG...]\n--workload NAME=CMD [--workload NAME=CMD...]\n[OPTION...]",
	  .tables = TABLES(init_options), .has_command = true},
	 pb_bead_init},
	{"list",
	 {PROGRAM("list"), .summary = "all beads, their states, and what they wait for",
	  .usage = "[OPTION...]", .tables = TABLES(json_options)},
	 pb_bead_list},
	{"ready",
	 {PROGRAM("ready"), .summary = "beads that are not done and wait for nothing",
	  .usage = "[OPTION...]", .tables = TABLES(json_options)},
	 pb_bead_ready},
	{"show",
	 {PROGRAM("show"), .summary = "one bead with its figures", .usage = "ID [OPTION...]",
	  .tables = TABLES(json_options), .max_words = 1},
	 pb_bead_show},
	{"status",
	 {PROGRAM("status"), .summary = "whether all beads of the plan are done",
	  .usage = "[OPTION...]", .tables = TABLES(json_options)},
	 pb_bead_status},
	{"bless",
	 {PROGRAM("bless"), .summary = "record what two runs that agree give as right",
	  .usage = "[WORKLOAD] [OPTION...]", .tables = TABLES(json_options), .max_words = 1},
	 pb_bead_bless},
	{"run",
	 {PROGRAM("run"), .summary = "work on beads",
	  .usage = "ID|--all|--ready [--resume] [OPTION...]",
	  .tables = TABLES(run_options, time_options, json_options), .max_words = 1},
	 pb_bead_run},
	{"baseline",
	 {PROGRAM("baseline"), .summary = "give what was measured last a name, or list the names",
	  .usage = "save NAME [OPTION...]\nlist [OPTION...]",
	  .tables = TABLES(baseline_options, json_options), .max_words = 2,
	  .first_words = WORDS("save", "list")},
	 pb_bead_baseline},
	{"compare",
	 {PROGRAM("compare"), .summary = "two saved baselines, workload by workload",
	  .usage = "BASE NEW [OPTION...]", .tables = TABLES(judge_options, json_options),
	  .max_words = 2},
	 pb_bead_compare},
	{"ab",
	 {PROGRAM("ab"), .summary = "two commands or revisions in turns: which one takes longer",
	  .usage = "--a CMD --b CMD [OPTION...]\n--a-ref REV [--b-ref REV] [OPTION...]\n"
		   "--change N [OPTION...]",
	  .tables = TABLES(ab_options, judge_options, time_options, json_options)},
	 pb_bead_ab},
	{"matrix",
	 {PROGRAM("matrix"), .summary = "what is worth doing: hotspots, their levers and scores",
	  .usage = "[--effort HOTSPOT=N] [OPTION...]\n--accept HOTSPOT --why TEXT",
	  .tables = TABLES(matrix_options, why_options, json_options)},
	 pb_bead_matrix},
	{"change",
	 {PROGRAM("change"), .summary = "one lever at one hotspot, from hypothesis to proof",
	  .usage = "open TITLE --hotspot HOTSPOT --lever LEVER --hypothesis TEXT\n"
		   "prove N --sketch TEXT [OPTION...]\n"
		   "close N [--why TEXT]\n"
		   "abandon N --why TEXT\n"
		   "list\n"
		   "show N",
	  .tables = TABLES(change_options, why_options, json_options), .max_words = 2,
	  .first_words = WORDS("open", "prove", "close", "abandon", "list", "show")},
	 pb_bead_change},
	{"gate",
	 {PROGRAM("gate"), .summary = "measure anew, and compare with a saved baseline",
	  .usage = "[ID] [--base NAME] [OPTION...]\n[ID] --ci\n[ID] --rules",
	  .tables = TABLES(gate_options, time_options, json_options), .max_words = 1},
	 pb_bead_gate},
	{"report",
	 {PROGRAM("report"), .summary = "write PERFORMANCE_ANALYSIS.md", .usage = "[OPTION...]",
	  .tables = TABLES(report_options, output_options, json_options)},
	 pb_bead_report},
	{"doctor",
	 {PROGRAM("doctor"), .summary = "what can be measured here, and how noisy it is",
	  .usage = "[OPTION...]", .tables = TABLES(json_options)},
	 pb_bead_doctor},
	{"history",
	 {PROGRAM("history"), .summary = "a figure of a workload over all runs",
	  .usage = "[WORKLOAD [FIGURE]] [OPTION...]", .tables = TABLES(json_options),
	  .max_words = 2},
	 pb_bead_history},
	{"export",
	 {PROGRAM("export"), .summary = "the beads for an issue tracker", .usage = "--bd [-o FILE]",
	  .tables = TABLES(export_options, output_options)},
	 pb_bead_export},
};

/* All options, for the man page. */
static const struct pb_program family = {
	.name = "bead",
	.tables = (const struct pb_option *const[]){init_options, run_options, time_options,
						    baseline_options, judge_options, ab_options,
						    matrix_options, change_options, why_options,
						    gate_options, report_options, output_options,
						    export_options, json_options, common_options,
						    NULL},
};

static void print_help(void)
{
	puts("Usage: bead VERB [OPTION...]\n\n"
	     "The performance audit as scheduled work, by a plan.\n\nVerbs:");
	for (size_t i = 0; i < PB_ARRAY_SIZE(verbs); i++)
		printf("  %-10s %s\n", verbs[i].name, verbs[i].program.summary);
	printf("\nbead VERB --help tells the options of one.\n"
	       "bead --json-schema [NAME] prints the JSON Schema of what one prints with --json;\n"
	       "without a name, the names.\n\nExit status:\n%s",
	       exit_status);
}

/* SIGINT, SIGTERM, and SIGHUP but under nohup(1) become readable, and stay so, for all who wait for a run. */
static int open_stop_fd(void)
{
	struct sigaction hangup;
	sigset_t stops;
	int fd;

	sigemptyset(&stops);
	sigaddset(&stops, SIGINT);
	sigaddset(&stops, SIGTERM);
	if (!sigaction(SIGHUP, NULL, &hangup) && hangup.sa_handler != SIG_IGN)
		sigaddset(&stops, SIGHUP);
	sigprocmask(SIG_BLOCK, &stops, NULL);
	fd = signalfd(-1, &stops, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? pb_err(errno, "wait for signals") : fd;
}

/* Does it watch args->stop_fd? Of others signals do what they do everywhere. */
static bool watches(const struct verb *verb)
{
	return verb->run == pb_bead_bless || verb->run == pb_bead_run || verb->run == pb_bead_ab ||
	       verb->run == pb_bead_change || verb->run == pb_bead_gate ||
	       verb->run == pb_bead_doctor;
}

static int run_verb(const struct verb *verb, int argc, char **argv)
{
	struct pb_bead_args args = {.plan = "beads.yaml", .pairs = 60, .seed = 1, .stop_fd = -1};
	struct pb_parsed parsed;
	pb_autoclose int stop_fd = -1;
	int result = pb_opts_parse(&verb->program, argc, argv, &args, &parsed);

	if (result)
		return pb_bead_exit_of(result);
	if (args.action == PB_BEAD_HELP) {
		pb_opts_help(&verb->program, stdout);
		return PB_BEAD_OK;
	}
	pb_log_init("bead", args.quiet ? PB_LOG_WARN : args.verbose ? PB_LOG_DEBUG : PB_LOG_INFO);
	pb_live_enable(!args.quiet);
	memcpy(args.words, parsed.words, sizeof(args.words));
	args.command = parsed.command;
	if (watches(verb)) {
		stop_fd = open_stop_fd();
		if (stop_fd < 0)
			return PB_BEAD_CANNOT;
		args.stop_fd = stop_fd;
	}
	result = verb->run(&args);
	pb_opts_free(&verb->program, &args);
	return pb_bead_exit_of(result);
}

static int print_completion(const char *shell)
{
	const struct pb_program *programs[PB_ARRAY_SIZE(verbs) + 1] = {NULL};
	const struct pb_family bead = {.name = "bead", .verbs = programs};

	for (size_t i = 0; i < PB_ARRAY_SIZE(verbs); i++)
		programs[i] = &verbs[i].program;
	return pb_opts_family_completion(&bead, shell, stdout);
}

/* What is printed without a plan. Return: 0; -EINVAL, logged. */
static int print_document(const char *option, const char *word)
{
	if (!strcmp(option, "--help") || !strcmp(option, "-h") || !strcmp(option, "help"))
		print_help();
	else if (!strcmp(option, "--version"))
		printf("bead %s\n", PB_VERSION);
	else if (!strcmp(option, "--man"))
		pb_opts_man(&family, stdout);
	else if (!strcmp(option, "--json-schema"))
		return pb_schemas_print(word, stdout);
	else if (!strcmp(option, "--completion") && word)
		return print_completion(word);
	else if (*option)
		return pb_fail(EINVAL, "there is no verb \"%s\"; see bead --help", option);
	else
		return pb_fail(EINVAL, "a verb is missing; see bead --help");
	return 0;
}

static int dispatch(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	for (size_t i = 0; i < PB_ARRAY_SIZE(verbs); i++)
		if (!strcmp(word, verbs[i].name))
			return run_verb(&verbs[i], argc - 1, argv + 1);
	return pb_bead_exit_of(print_document(word, argc > 2 ? argv[2] : NULL));
}

int main(int argc, char **argv)
{
	int status;

	pb_log_init("bead", PB_LOG_INFO);
	status = dispatch(argc, argv);
	if (fflush(stdout) || ferror(stdout)) {
		pb_err(errno, "write to stdout");
		return PB_BEAD_CANNOT;
	}
	return status;
}
