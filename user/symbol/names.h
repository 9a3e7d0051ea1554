/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The parser in its sandbox, as a function: one question, one answer, whatever happens to the process
 * behind it. A file that makes it crash, swell or hang costs the names of that module: first those
 * of its debug information, then all. A new parser is started for the next question.
 */
#ifndef PB_SYMBOL_NAMES_H
#define PB_SYMBOL_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "user/core/own.h"
#include "user/core/sandbox.h"
#include "user/symbol/shared/wire.h"

/* For one module, debug information included. */
#define PB_NAMES_MEMORY_MAX (2ull << 30) /* bytes of address space: heap and mapped files */
#define PB_NAMES_TIME_MAX   (20ull * 1000 * 1000 * 1000) /* ns by the clock, then once more without */
/* For all modules of one parser: seconds that no honest set of files takes. */
#define PB_NAMES_CPU_MAX    600

struct pb_names;

/* What a parser may take, and what it runs. */
struct pb_names_bounds {
	uint64_t memory_bytes;
	uint64_t time_ns; /* for one question; what @open of pb_names_ask() takes does not count */
	uint32_t cpu_s;
	pb_sandbox_serve *serve;
	void *serve_ctx; /* borrowed for the life of the object */
};

/* Starts nothing yet. Return: 0; -ENOMEM. */
int pb_names_new(struct pb_names **out);
/* The same with other bounds than those above and another parser than ours: for tests. */
int pb_names_new_bounded(struct pb_names **out, const struct pb_names_bounds *bounds);
/*
 * Ask @stop often, also while the parser is waited for: from when it is true, no answer is waited for any
 * more, and none is asked for. NULL: never.
 */
void pb_names_stop_when(struct pb_names *n, bool (*stop)(void *ctx), void *ctx);
void pb_names_free(struct pb_names *n);
PB_DEFINE_FREE(pb_names, pb_names_free);

/**
 * pb_names_ask() - ask the parser, starting it if there is none.
 * @what: the module, for the log
 * @open, @ctx: see pb_wire_ask()
 *
 * A module whose debug information the parser does not survive, or has no memory for, is asked for
 * once more without it: the answer then has left_out 1. If it crashes on that too, it is asked for
 * names as they stand in the symbol table: the demangler may have been the one. A warning says each, and
 * how the parser ended; another one if all fails. What was stopped is given up without a word.
 * Return: 0, with an answer whose state may be PB_ANSWER_GIVEN_UP and which then has no addresses;
 * -ENOMEM of our own heap; another -errno if there can be no sandbox, also for want of memory: nothing is
 * parsed without one.
 */
int pb_names_ask(struct pb_names *n, const char *what, const struct pb_question *q,
		 pb_wanted_open *open, void *ctx, struct pb_answer **out);

/* End the parser, if there is one, and give its memory back; the next question starts another. */
void pb_names_stop(struct pb_names *n);

/*
 * The largest resident set of any parser so far, bytes, as pb_sandbox_end() has it; one that still
 * runs is not included: pb_names_stop() first.
 */
uint64_t pb_names_peak_bytes(const struct pb_names *n);

#endif
