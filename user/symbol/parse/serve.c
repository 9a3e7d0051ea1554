/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/parse/parser.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "user/core/sandbox.h"
#include "user/symbol/parse/demangle.h"

/* Answer one question. Return: 0; -errno if the conversation is over. */
static int serve_one(struct pb_wire *wire)
{
	pb_auto(pb_answer) struct pb_answer *answer = NULL;
	struct pb_question q;
	int err = pb_wire_receive(wire, &q);

	if (err)
		return err;
	pb_demangle_bound(q.flags & PB_ASK_RAW_NAMES ? 0 : pb_sandbox_stack_bytes());
	err = pb_parse(&q, pb_wire_want, wire, &answer);
	pb_question_drop(&q);
	return err ? err : pb_wire_reply(wire, answer);
}

void pb_parser_serve(int sock, void *unused)
{
	struct pb_wire wire = {.sock = sock};
	int err;

	(void)unused;
	/* Its being set makes libdw go to the network by itself, which takes time even where it fails. */
	unsetenv("DEBUGINFOD_URLS");
	do
		err = serve_one(&wire);
	while (!err);
	/* The tool asks again for less, in a new process: this one's heap has been filled. */
	if (err == -ENOMEM)
		_exit(PB_SANDBOX_NO_MEMORY);
}
