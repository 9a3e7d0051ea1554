/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A peer that sends any bytes. The first chooses the side and how many addresses were asked for; the rest
 * lies in the socket before the conversation begins. A side must come to an end, at the latest by its
 * deadline; what it accepts must hold what the header promises, and pass once more as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "user/core/clock.h"
#include "user/core/own.h"
#include "user/symbol/shared/wire.h"

#define MS 1000000ull

/* Of the first byte. */
#define N_ADDRS    0x07
#define KEEPS_OPEN 0x10
#define IS_TOOL    0x20

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool right)
{
	if (!right)
		__builtin_trap();
}

static int open_null(void *ctx, const struct pb_wanted *wanted)
{
	uint32_t *n = ctx;

	must(++*n <= PB_WIRE_WANTED_MAX);
	must(wanted->kind <= PB_WANTED_ALT && wanted->build_id_len <= PB_WIRE_ID_MAX);
	must(strnlen(wanted->name, sizeof(wanted->name)) < sizeof(wanted->name));
	return wanted->kind ? open("/dev/null", O_RDONLY | O_CLOEXEC) : -ENOENT;
}

static void check_answer(const struct pb_answer *a, uint32_t n_addrs)
{
	must(a->n_addrs == n_addrs && a->state < PB_ANSWER_NO_FILE);
	must(a->build_id_len <= PB_WIRE_ID_MAX);
	must(!*pb_answer_text(a, 0));
	for (uint32_t i = 0; i < a->n_addrs; i++) {
		must(a->addrs[i].n_frames <= PB_WIRE_INLINES_MAX);
		for (uint32_t k = 0; k < a->addrs[i].n_frames; k++) {
			const struct pb_answer_frame *f = &a->frames[a->addrs[i].first + k];
			size_t len = strlen(pb_answer_text(a, f->name));

			must(len && f->name + len < a->strings_len);
			must(strlen(pb_answer_text(a, f->system_name)) < a->strings_len);
			must(strlen(pb_answer_text(a, f->file)) < a->strings_len);
		}
	}
}

static struct pb_answer *ask(int sock, uint32_t n_addrs, uint64_t deadline_ns)
{
	static const uint64_t addrs[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	const struct pb_wire w = {sock, deadline_ns};
	const struct pb_question q = {.kind = PB_ASK_VDSO, .n_addrs = n_addrs, .addrs = addrs};
	struct pb_answer *a = NULL;
	uint32_t wanted = 0;
	int err = pb_wire_ask(&w, &q, open_null, &wanted, &a);

	must(!err == !!a);
	if (a)
		check_answer(a, n_addrs);
	return a;
}

static void pass_again(const struct pb_answer *a)
{
	pb_auto(pb_answer) struct pb_answer *b = NULL;
	int fds[2];

	must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	must(!pb_wire_reply(&(struct pb_wire){.sock = fds[1]}, a));
	b = ask(fds[0], a->n_addrs, 0);
	must(b != NULL);
	must(a->n_frames == b->n_frames && a->strings_len == b->strings_len);
	must(!memcmp(a->strings, b->strings, a->strings_len));
	must(!a->n_addrs || !memcmp(a->addrs, b->addrs, a->n_addrs * sizeof(*a->addrs)));
	must(!a->n_frames || !memcmp(a->frames, b->frames, a->n_frames * sizeof(*a->frames)));
	close(fds[0]);
	close(fds[1]);
}

static void receive(int sock, uint64_t deadline_ns)
{
	struct pb_wire w = {sock, deadline_ns};
	const struct pb_wanted wanted = {.kind = PB_WANTED_ALT};
	struct pb_question q;

	while (!pb_wire_receive(&w, &q)) {
		int fd = pb_wire_want(&w, &wanted);

		/* No descriptor was ever sent. */
		must(fd < 0);
		must(q.kind == PB_ASK_VDSO && !q.n_fds && q.n_addrs <= PB_WIRE_ADDRS_MAX);
		for (uint32_t i = 1; i < q.n_addrs; i++)
			must(q.addrs[i - 1] < q.addrs[i]);
		pb_question_drop(&q);
		if (fd != -ENOENT)
			return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pb_auto(pb_answer) struct pb_answer *a = NULL;
	uint64_t deadline_ns;
	int fds[2];

	/* More would not fit into the socket at once. */
	if (!size || size > 65536)
		return 0;
	must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	must(send(fds[1], data + 1, size - 1, MSG_DONTWAIT) == (ssize_t)size - 1);
	/* A peer that leaves its end open is waited for: briefly, so that there are many inputs a second.
	 * One that does not must need no deadline. */
	if (data[0] & KEEPS_OPEN)
		deadline_ns = pb_clock_ns() + 2 * MS;
	else
		deadline_ns = shutdown(fds[1], SHUT_WR) ? 1 : 0;
	if (data[0] & IS_TOOL)
		receive(fds[0], deadline_ns);
	else
		a = ask(fds[0], data[0] & N_ADDRS, deadline_ns);
	if (a)
		pass_again(a);
	close(fds[0]);
	close(fds[1]);
	return 0;
}
