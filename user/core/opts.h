/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One table of options is the parser, --help, the OPTIONS section of the man page and the shell
 * completions. A program gives its own rows; pb_common_options[] gives those that all share.
 */
#ifndef PB_CORE_OPTS_H
#define PB_CORE_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "user/core/own.h"

enum pb_opt_kind {
	PB_OPT_END,      /* ends a table */
	PB_OPT_GROUP,    /* a heading, in documents only */
	PB_OPT_COMMAND,  /* what "-- CMD" does, in documents of programs with has_command only */
	PB_OPT_FLAG,     /* bool */
	PB_OPT_UINT,     /* uint64_t within [min, max] */
	PB_OPT_SIZE,     /* uint64_t in bytes: 4096, 4k, 1M, 2G (powers of 1024) */
	PB_OPT_DURATION, /* uint64_t in nanoseconds: 10ms, 2.5s, 1m; a bare number is seconds */
	PB_OPT_STRING,   /* const char *, borrowed from argv */
	PB_OPT_CHOICE,   /* uint32_t: index into choices */
	PB_OPT_LIST,     /* struct pb_list: repeatable, in order */
	PB_OPT_PIDS,     /* struct pb_pids: 1[,2...], repeatable */
	PB_OPT_ACTION,   /* uint32_t is set to .action and parsing ends: --help, --version */
};

struct pb_list {
	const char **items;
	uint32_t n;
};

struct pb_pids {
	uint32_t *ids;
	uint32_t n;
};

/*
 * One option. @kind and @offset, which says where its value goes in the program's args struct, are
 * set by PB_OPT_FIELD(), which checks the member's type against the kind at compile time.
 *
 * Documents show the groups in the order of their headings over all tables. Equal headings are one
 * group, so a program puts a row into a common group, or fixes the order, by repeating a heading.
 */
struct pb_option {
	enum pb_opt_kind kind;
	char short_name; /* 0: none */
	const char *long_name;
	const char *arg;  /* "PID[,PID...]" in help; NULL for flags */
	const char *help; /* one sentence or two, no full stop at the end; heading for GROUP */
	size_t offset;
	uint64_t min, max;          /* UINT, SIZE, DURATION; a max of 0: no upper bound */
	const char *const *choices; /* NULL-terminated; for STRING and LIST only completions */
	uint32_t action;            /* ACTION; for FLAG: true sets false (a --no-x option) */
	bool hidden;                /* parsed, in no document */
	const char *complete;       /* hint for completions: "file", "dir", "pid"; NULL: none */
};

#define PB_WORDS_MAX 2

/* What a program is, for its documents. */
struct pb_program {
	const char *name;
	const char *summary;                   /* one line, lower case, no full stop */
	const char *usage;                     /* after the name; lines split by \n */
	const struct pb_option *const *tables; /* NULL-terminated list of tables, common one last */
	const char *examples;    /* "  command\n      what it does\n" ... for --help; or NULL */
	bool has_command;        /* takes -- CMD ARGS */
	bool has_bare_duration;  /* takes a bare number, as -d */
	bool has_interval;       /* takes INTERVAL [COUNT] instead */
	uint32_t max_words;      /* bare words of any kind instead, up to PB_WORDS_MAX */
	const char *exit_status; /* for --help; NULL: those of the profilers */
	const char *const *first_words; /* of a verb: what its first word may be, NULL-terminated,
					   for completions; NULL: anything */
};

/* A program whose first word is a verb, each with options of its own, for its completions. */
struct pb_family {
	const char *name;
	const struct pb_program *const *verbs; /* NULL-terminated; named "bead run" */
};

/* Where parsing stopped being about options. */
struct pb_parsed {
	char **command;    /* behind "--"; NULL if there is none */
	const char *bare;  /* the bare positional word; NULL if there is none */
	bool has_interval; /* they are INTERVAL and COUNT */
	const char *count; /* the second one, with has_interval; NULL if there is none */
	const char *words[PB_WORDS_MAX]; /* with max_words; NULL behind the last */
	uint32_t n_words;
};

/**
 * pb_opts_parse() - fill @args from @argv.
 * @args: holds the defaults; members whose option is not given stay as they are
 * @parsed: set whatever happens; borrows from @argv
 *
 * Options may stand in any order, and beside the bare word. Long names may be abbreviated where
 * unique; short flags may be bundled; "--" ends the options, and what follows is the command. Where
 * an option that is not repeatable is given twice, the last one counts. A value that stands in a
 * word of its own and looks like an option is refused for STRING and LIST: "-o --json" is a file
 * name forgotten. Every error is logged and names the bad word, and the nearest name for an unknown
 * option. Lists in @args are freed by pb_opts_free(), and here on failure.
 *
 * Return: 0; -EINVAL; -ENOMEM.
 */
int pb_opts_parse(const struct pb_program *program, int argc, char **argv, void *args,
		  struct pb_parsed *parsed);
/* Free and empty the lists in @args. May be called again. */
void pb_opts_free(const struct pb_program *program, void *args);

/*
 * The same table as documents. Errors stay in the stream, for who closes it.
 */
/* At most 80 columns. Usage, summary, options by group, examples, exit status. */
void pb_opts_help(const struct pb_program *program, FILE *out);
/* The body of OPTIONS in mdoc: .Bl -tag, one per group under its .Ss. Source: mdoc(7). */
void pb_opts_man(const struct pb_program *program, FILE *out);
/* @shell: "bash", "zsh", "fish". Return: 0; -EINVAL for another, logged. */
int pb_opts_completion(const struct pb_program *program, const char *shell, FILE *out);
/* The same of a program with verbs: these, then the options of each. */
int pb_opts_family_completion(const struct pb_family *family, const char *shell, FILE *out);

/* What a number may be, as text: "1 to 1024", "at least 4k", "at most 10s"; "" without bounds. */
void pb_opts_range(char *buf, size_t size, const struct pb_option *o);

/*
 * The checked parsers, for words that are not options. No sign, no space, nothing behind.
 *
 * Return: 0; -EINVAL if it is not one at all; -ERANGE if it does not fit. Not logged; the result is
 * untouched on failure.
 */
int pb_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *out);
/* "4096", "64k", "1M", "2GiB": k, M, G in either case, then perhaps B or iB. Powers of 1024. */
int pb_parse_size(const char *text, uint64_t *out_bytes);
/* "10" (seconds), "2.5s", "100us": ns us ms s m h. What is below a nanosecond is cut off. */
int pb_parse_duration(const char *text, uint64_t *out_ns);
/* "-1.5e-3": decimal, a sign is allowed; neither hexadecimal nor "inf" nor "nan". */
int pb_parse_real(const char *text, double *out);
/* The number that @text begins with: its length in bytes; 0 if there is none, or one of 512 and more. May
 * give infinity. */
size_t pb_parse_real_prefix(const char *text, double *out);

/* The type of the member behind each kind. */
#define PB_OPT_TYPE_FLAG     bool
#define PB_OPT_TYPE_UINT     uint64_t
#define PB_OPT_TYPE_SIZE     uint64_t
#define PB_OPT_TYPE_DURATION uint64_t
#define PB_OPT_TYPE_STRING   const char *
#define PB_OPT_TYPE_CHOICE   uint32_t
#define PB_OPT_TYPE_LIST     struct pb_list
#define PB_OPT_TYPE_PIDS     struct pb_pids
#define PB_OPT_TYPE_ACTION   uint32_t

/**
 * PB_OPT_FIELD() - .kind and .offset of a row: PB_OPT_FIELD(UINT, struct pb_args, top).
 *
 * Does not compile where the member's type is not the one that the kind writes.
 */
#define PB_OPT_FIELD(what, args, member)                                                           \
	.kind = PB_OPT_##what,                                                                     \
	.offset = offsetof(args, member) +                                                         \
		  0 * sizeof(struct {                                                              \
			  _Static_assert(                                                          \
				  __builtin_types_compatible_p(__typeof__(((args *)0)->member),    \
							       PB_OPT_TYPE_##what),                \
				  "the type of " #member " is not that of PB_OPT_" #what);         \
			  char c;                                                                  \
		  })

#endif
