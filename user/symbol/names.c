/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/names.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "user/core/clock.h"
#include "user/core/log.h"
#include "user/symbol/parse/parser.h"

struct pb_names {
	struct pb_names_bounds bounds;
	struct pb_sandbox *parser; /* NULL: none runs */
	uint64_t peak_bytes;
	bool (*stop)(void *ctx); /* may be NULL */
	void *stop_ctx;
};

/* How a parser ended. */
struct end {
	char words[64]; /* for the log */
	bool crashed;
	bool stuck;   /* and so would be the next one */
	bool stopped; /* by us, on demand */
};

int pb_names_new_bounded(struct pb_names **out, const struct pb_names_bounds *bounds)
{
	struct pb_names *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->bounds = *bounds;
	*out = n;
	return 0;
}

int pb_names_new(struct pb_names **out)
{
	const struct pb_names_bounds bounds = {
		.memory_bytes = PB_NAMES_MEMORY_MAX,
		.time_ns = PB_NAMES_TIME_MAX,
		.cpu_s = PB_NAMES_CPU_MAX,
		.serve = pb_parser_serve,
	};

	return pb_names_new_bounded(out, &bounds);
}

void pb_names_stop_when(struct pb_names *n, bool (*stop)(void *ctx), void *ctx)
{
	n->stop = stop;
	n->stop_ctx = ctx;
}

/* @how: set if not NULL. */
static void end_parser(struct pb_names *n, struct end *how)
{
	uint64_t peak_bytes = 0;
	const char *words;

	if (!n->parser)
		return;
	words = pb_sandbox_end(n->parser, &peak_bytes);
	if (how) {
		*how = (struct end){.crashed = pb_sandbox_crashed(n->parser),
				    .stuck = pb_sandbox_stuck(n->parser)};
		snprintf(how->words, sizeof(how->words), "%s", words);
	}
	if (peak_bytes > n->peak_bytes)
		n->peak_bytes = peak_bytes;
	pb_sandbox_free(pb_take(n->parser));
}

void pb_names_stop(struct pb_names *n)
{
	end_parser(n, NULL);
}

void pb_names_free(struct pb_names *n)
{
	if (!n)
		return;
	pb_names_stop(n);
	free(n);
}

uint64_t pb_names_peak_bytes(const struct pb_names *n)
{
	return n->peak_bytes;
}

/*
 * A parser that is fit to be asked. One that has gone since its last answer, or has sent more than
 * that, would spoil the next: its bytes would be taken for the answer.
 */
static int have_parser(struct pb_names *n)
{
	const struct pb_sandbox_limits limits = {
		.memory_bytes = n->bounds.memory_bytes,
		.cpu_s = n->bounds.cpu_s,
	};
	struct end how = {0};
	ssize_t more;
	char byte;
	int err;

	if (n->parser) {
		more = recv(pb_sandbox_socket(n->parser), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
		if (more < 0 && (errno == EAGAIN || errno == EINTR))
			return 0;
		end_parser(n, &how);
		if (more > 0)
			how = (struct end){.words = "it said more than it was asked"};
		pb_log(PB_LOG_DEBUG, "the symbol parser is started anew: %s", how.words);
	}
	err = pb_sandbox_start(&n->parser, "pb-symbols", &limits, n->bounds.serve,
			       n->bounds.serve_ctx);
	/* fork() fails by that where the kernel is short, or a control group: our heap is not concerned. */
	return err == -ENOMEM ? -EAGAIN : err;
}

/*
 * One conversation. A parser that it did not go well with is ended, as nobody knows what it would say
 * next.
 * Return: 0; 1 if it did not, and @how says why; -ENOMEM of our own; -errno if there can be no parser.
 */
static int ask_once(struct pb_names *n, const struct pb_question *q, pb_wanted_open *open,
		    void *ctx, struct pb_answer **out, struct end *how)
{
	struct pb_wire wire;
	int err;

	if (n->stop && n->stop(n->stop_ctx)) {
		*how = (struct end){.stopped = true};
		return 1;
	}
	err = have_parser(n);
	if (err)
		return err;
	wire = (struct pb_wire){
		.sock = pb_sandbox_socket(n->parser),
		.deadline_ns = pb_clock_ns() + n->bounds.time_ns,
		.stop = n->stop,
		.stop_ctx = n->stop_ctx,
	};
	err = pb_wire_ask(&wire, q, open, ctx, out);
	if (!err)
		return 0;
	end_parser(n, how);
	if (err == -ENOMEM)
		return err;
	if (err == -ECANCELED)
		*how = (struct end){.stopped = true};
	else if (err == -EPROTO)
		*how = (struct end){.words = "it gave an answer that cannot be"};
	else if (err != -EPIPE && err != -ETIMEDOUT)
		snprintf(how->words, sizeof(how->words), "cannot ask it: %s", strerror(-err));
	return 1;
}

static int give_up(struct pb_answer **out)
{
	struct pb_answer *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->strings = calloc(1, 1);
	if (!a->strings) {
		pb_answer_free(a);
		return -ENOMEM;
	}
	a->strings_len = 1;
	a->state = PB_ANSWER_GIVEN_UP;
	*out = a;
	return 0;
}

int pb_names_ask(struct pb_names *n, const char *what, const struct pb_question *q,
		 pb_wanted_open *open, void *ctx, struct pb_answer **out)
{
	struct pb_question less = *q;
	struct end how = {0};
	int rc;

	rc = ask_once(n, q, open, ctx, out, &how);
	if (rc <= 0)
		return rc;
	if (!how.stopped && !how.stuck && q->flags & PB_ASK_DEBUG_INFO) {
		pb_log(PB_LOG_WARN,
		       "%s: no inlined functions and lines, as the symbol parser was stopped: %s",
		       what, how.words);
		less.flags &= ~(uint32_t)PB_ASK_DEBUG_INFO;
		rc = ask_once(n, &less, open, ctx, out, &how);
		if (!rc)
			(*out)->left_out = 1;
		if (rc <= 0)
			return rc;
	}
	if (how.crashed) {
		struct end before = how;

		less.flags |= PB_ASK_RAW_NAMES;
		rc = ask_once(n, &less, open, ctx, out, &how);
		if (!rc)
			pb_log(PB_LOG_WARN,
			       "%s: names are not demangled, as the symbol parser was stopped: %s",
			       what, before.words);
		if (!rc)
			(*out)->left_out = !!(q->flags & PB_ASK_DEBUG_INFO);
		if (rc <= 0)
			return rc;
	}
	if (!how.stopped)
		pb_log(PB_LOG_WARN, "%s: no names, as the symbol parser was stopped: %s", what,
		       how.words);
	return give_up(out);
}
