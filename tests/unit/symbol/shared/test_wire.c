/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Right conversations run between two threads, hostile ones against bytes that lie in the socket already.
 * The layout of messages is written down here once more: it is what a hostile peer would write.
 */
#include "user/symbol/shared/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/core/clock.h"
#include "user/symbol/parse/answer.h"

#define MS        1000000ull
#define LONG_TIME (60000 * MS)

enum { QUESTION = 1, WANTED, FOUND, ANSWER };

struct header {
	uint32_t type, n_fds;
	uint64_t len;
};

struct wanted_head {
	uint32_t kind, crc, build_id_len;
	uint8_t build_id[20];
	uint32_t name_len;
};

struct answer_head {
	uint32_t state, has_debug_info, left_out, build_id_len;
	uint8_t build_id[20];
	uint32_t n_addrs, n_frames, strings_len;
};

struct question_head {
	uint32_t kind, flags, build_id_len;
	uint8_t build_id[20];
	uint32_t n_addrs;
};

struct ends {
	int tool, parser;
};

static struct ends new_ends(void)
{
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	return (struct ends){fds[0], fds[1]};
}

static void close_ends(struct ends *e)
{
	if (e->tool >= 0)
		close(e->tool);
	if (e->parser >= 0)
		close(e->parser);
}

#define autoends __attribute__((cleanup(close_ends)))

/* Descriptors below 256 that are open. */
static int n_open(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int file_with(const char *text)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	return fd;
}

static bool file_has(int fd, const char *text)
{
	char bytes[64] = "";

	return pread(fd, bytes, sizeof(bytes) - 1, 0) == (ssize_t)strlen(text) &&
	       !strcmp(bytes, text) && fcntl(fd, F_GETFD) == FD_CLOEXEC;
}

static struct pb_wire wire(int sock)
{
	return (struct pb_wire){.sock = sock, .deadline_ns = pb_clock_ns() + LONG_TIME};
}

static struct pb_question vdso_question(const uint64_t *addrs, uint32_t n)
{
	return (struct pb_question){.kind = PB_ASK_VDSO, .n_addrs = n, .addrs = addrs};
}

/* ---- conversations ---- */

/* What the parser's thread does, and how it went: asserting is for the main thread. */
struct parser {
	pthread_t thread;
	int sock;
	int (*serve)(struct pb_wire *w, struct pb_question *q);
	int err;
};

static void *parser_thread(void *arg)
{
	struct parser *p = arg;
	struct pb_wire w = wire(p->sock);
	struct pb_question q;

	p->err = pb_wire_receive(&w, &q);
	if (p->err)
		return NULL;
	p->err = p->serve(&w, &q);
	pb_question_drop(&q);
	return NULL;
}

static void start(struct parser *p, int sock, int (*serve)(struct pb_wire *, struct pb_question *))
{
	p->sock = sock;
	p->serve = serve;
	assert_int_equal(pthread_create(&p->thread, NULL, parser_thread, p), 0);
}

static void finish(struct parser *p)
{
	assert_int_equal(pthread_join(p->thread, NULL), 0);
	assert_int_equal(p->err, 0);
}

/* Two frames for every address, with names that tell it. */
static int reply_all(const struct pb_wire *w, const struct pb_question *q)
{
	pb_auto(pb_answer_writer) struct pb_answer_writer *writer = NULL;
	pb_auto(pb_answer) struct pb_answer *a = NULL;
	int err = pb_answer_writer_new(&writer);

	for (uint32_t i = 0; !err && i < q->n_addrs; i++) {
		char name[32];

		snprintf(name, sizeof(name), "at %llx", (unsigned long long)q->addrs[i]);
		pb_answer_address(writer, q->addrs[i] + 1, 0);
		pb_answer_frame(writer, &(struct pb_frame_texts){.name = "inlined", .line = i});
		pb_answer_frame(writer, &(struct pb_frame_texts){.name = name, .file = "a.c"});
	}
	if (!err)
		err = pb_answer_take(writer, &a);
	if (err)
		return err;
	a->has_debug_info = 1;
	a->build_id_len = q->build_id_len;
	memcpy(a->build_id, q->build_id, sizeof(a->build_id));
	return pb_wire_reply(w, a);
}

static int check_elf_question(struct pb_wire *w, struct pb_question *q)
{
	if (q->kind != PB_ASK_ELF || q->flags != (PB_ASK_DEBUG_INFO | PB_ASK_FULL_NAMES) ||
	    q->n_fds != 1 || !file_has(q->fds[0], "the file") || q->fds[1] != -1 ||
	    q->build_id_len != 3 || memcmp(q->build_id, "\1\2\3", 3) || q->n_addrs != 3 ||
	    q->addrs[0] != 5 || q->addrs[2] != UINT64_MAX)
		return -EINVAL;
	return reply_all(w, q);
}

static void a_question_arrives_and_its_answer_comes_back(void **state)
{
	static const uint64_t addrs[] = {5, 6, UINT64_MAX};
	int open_before = n_open();
	struct ends e = new_ends();
	struct pb_wire w = wire(e.tool);
	struct pb_question q = {
		.kind = PB_ASK_ELF,
		.flags = PB_ASK_DEBUG_INFO | PB_ASK_FULL_NAMES,
		.build_id = {1, 2, 3},
		.build_id_len = 3,
		.n_addrs = 3,
		.addrs = addrs,
		.fds = {file_with("the file"), -1},
		.n_fds = 1,
	};
	struct pb_answer *a = NULL;
	struct parser p;

	(void)state;
	start(&p, e.parser, check_elf_question);
	assert_int_equal(pb_wire_ask(&w, &q, NULL, NULL, &a), 0);
	finish(&p);
	assert_int_equal(a->state, PB_ANSWER_OK);
	assert_int_equal(a->has_debug_info, 1);
	assert_int_equal(a->build_id_len, 3);
	assert_memory_equal(a->build_id, "\1\2\3", 3);
	assert_int_equal(a->n_addrs, 3);
	assert_int_equal(a->n_frames, 6);
	assert_int_equal(a->addrs[1].vaddr, 7);
	assert_int_equal(a->addrs[1].first, 2);
	assert_int_equal(a->addrs[1].n_frames, 2);
	assert_string_equal(pb_answer_text(a, a->frames[2].name), "inlined");
	assert_int_equal(a->frames[2].line, 1);
	assert_string_equal(pb_answer_text(a, a->frames[3].name), "at 6");
	assert_string_equal(pb_answer_text(a, a->frames[3].file), "a.c");
	assert_string_equal(pb_answer_text(a, a->frames[3].system_name), "");
	pb_answer_free(a);
	close(q.fds[0]);
	close_ends(&e);
	assert_int_equal(n_open(), open_before);
}

static int check_both_files(struct pb_wire *w, struct pb_question *q)
{
	if (q->n_fds != 2 || !file_has(q->fds[0], "map") || !file_has(q->fds[1], "dump"))
		return -EINVAL;
	return reply_all(w, q);
}

static void both_files_of_a_process_arrive_in_order(void **state)
{
	static const uint64_t addrs[] = {1};
	autoends struct ends e = new_ends();
	struct pb_wire w = wire(e.tool);
	struct pb_question q = {
		.kind = PB_ASK_JIT,
		.n_addrs = 1,
		.addrs = addrs,
		.fds = {file_with("map"), file_with("dump")},
		.n_fds = 2,
	};
	pb_auto(pb_answer) struct pb_answer *a = NULL;
	struct parser p;

	(void)state;
	start(&p, e.parser, check_both_files);
	assert_int_equal(pb_wire_ask(&w, &q, NULL, NULL, &a), 0);
	finish(&p);
	close(q.fds[0]);
	close(q.fds[1]);
}

/* More than a socket holds, both ways, on sockets that do not block by themselves. */
static void large_messages_pass_in_pieces(void **state)
{
	const uint32_t n = 300000;
	pb_autofree uint64_t *addrs = calloc(n, sizeof(*addrs));
	autoends struct ends e = new_ends();
	struct pb_wire w = wire(e.tool);
	struct pb_question q = vdso_question(addrs, n);
	pb_auto(pb_answer) struct pb_answer *a = NULL;
	struct parser p;
	char name[32];

	(void)state;
	assert_non_null(addrs);
	for (uint32_t i = 0; i < n; i++)
		addrs[i] = i * 3ull;
	assert_int_equal(fcntl(e.tool, F_SETFL, O_NONBLOCK), 0);
	start(&p, e.parser, (int (*)(struct pb_wire *, struct pb_question *))reply_all);
	assert_int_equal(pb_wire_ask(&w, &q, NULL, NULL, &a), 0);
	finish(&p);
	assert_int_equal(a->n_addrs, n);
	for (uint32_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "at %x", i * 3);
		assert_string_equal(pb_answer_text(a, a->frames[a->addrs[i].first + 1].name), name);
	}
}

static void a_question_may_have_no_addresses(void **state)
{
	autoends struct ends e = new_ends();
	struct pb_wire w = wire(e.tool);
	struct pb_question q = vdso_question(NULL, 0);
	pb_auto(pb_answer) struct pb_answer *a = NULL;
	struct parser p;

	(void)state;
	start(&p, e.parser, (int (*)(struct pb_wire *, struct pb_question *))reply_all);
	assert_int_equal(pb_wire_ask(&w, &q, NULL, NULL, &a), 0);
	finish(&p);
	assert_int_equal(a->n_addrs, 0);
	assert_int_equal(a->strings_len, 1);
}

static int open_wanted(void *ctx, const struct pb_wanted *wanted)
{
	int *n = ctx;

	switch ((*n)++) {
	case 0:
		assert_int_equal(wanted->kind, PB_WANTED_LINK);
		assert_int_equal(wanted->crc, 0x12345678);
		assert_int_equal(wanted->build_id_len, 0);
		assert_string_equal(wanted->name, "libx.debug");
		return file_with("debug");
	case 1:
		assert_int_equal(wanted->kind, PB_WANTED_BUILD_ID);
		assert_int_equal(wanted->build_id_len, 20);
		assert_memory_equal(wanted->build_id, "abcdefghijklmnopqrst", 20);
		assert_string_equal(wanted->name, "");
		return -ENOENT;
	default:
		return -EACCES;
	}
}

static int want_three(struct pb_wire *w, struct pb_question *q)
{
	struct pb_wanted link = {
		.kind = PB_WANTED_LINK,
		.crc = 0x12345678,
		.name = "libx.debug",
	};
	struct pb_wanted id = {.kind = PB_WANTED_BUILD_ID, .build_id_len = 20};
	struct pb_wanted alt = {.kind = PB_WANTED_ALT};
	int fd;

	memcpy(id.build_id, "abcdefghijklmnopqrst", 20);
	memset(alt.name, 'x', sizeof(alt.name) - 1);
	fd = pb_wire_want(w, &link);
	if (fd < 0 || !file_has(fd, "debug"))
		return -EINVAL;
	close(fd);
	if (pb_wire_want(w, &id) != -ENOENT || pb_wire_want(w, &alt) != -EACCES)
		return -EINVAL;
	alt.name[sizeof(alt.name) - 1] = 'x';
	id.build_id_len = 21;
	if (pb_wire_want(w, &alt) != -EINVAL || pb_wire_want(w, &id) != -EINVAL)
		return -EINVAL;
	return reply_all(w, q);
}

static void wanted_files_are_found_or_not(void **state)
{
	static const uint64_t addrs[] = {1};
	int open_before = n_open();
	struct ends e = new_ends();
	struct pb_wire w = wire(e.tool);
	struct pb_question q = vdso_question(addrs, 1);
	struct pb_answer *a = NULL;
	struct parser p;
	int n = 0;

	(void)state;
	start(&p, e.parser, want_three);
	assert_int_equal(pb_wire_ask(&w, &q, open_wanted, &n, &a), 0);
	finish(&p);
	assert_int_equal(n, 3);
	pb_answer_free(a);
	close_ends(&e);
	assert_int_equal(n_open(), open_before);
}

static int want_one(struct pb_wire *w, struct pb_question *q)
{
	const struct pb_wanted wanted = {.kind = PB_WANTED_BUILD_ID};

	return pb_wire_want(w, &wanted) == -ENOENT ? reply_all(w, q) : -EINVAL;
}

static void without_a_way_to_open_nothing_is_found(void **state)
{
	static const uint64_t addrs[] = {1};
	autoends struct ends e = new_ends();
	struct pb_wire w = wire(e.tool);
	struct pb_question q = vdso_question(addrs, 1);
	pb_auto(pb_answer) struct pb_answer *a = NULL;
	struct parser p;

	(void)state;
	start(&p, e.parser, want_one);
	assert_int_equal(pb_wire_ask(&w, &q, NULL, NULL, &a), 0);
	finish(&p);
}

/* ---- hostile parsers ---- */

static void lie_down(int sock, const void *bytes, size_t n)
{
	assert_int_equal(send(sock, bytes, n, MSG_DONTWAIT), (ssize_t)n);
}

/* A message of @n bytes behind a header. */
static void lie_message(int sock, uint32_t type, uint64_t len, const void *bytes, size_t n)
{
	const struct header h = {.type = type, .len = len};

	lie_down(sock, &h, sizeof(h));
	lie_down(sock, bytes, n);
}

/* An answer to two addresses that a test spoils. */
struct lie {
	struct answer_head head;
	struct pb_answer_addr addrs[2];
	struct pb_answer_frame frames[2];
	char strings[8];
} __attribute__((packed));

static const struct lie right_answer = {
	.head = {.n_addrs = 2, .n_frames = 2, .strings_len = 8},
	.addrs = {{.first = 0, .n_frames = 1}, {.first = 0, .n_frames = 2}},
	.frames = {{.name = 1, .system_name = 3, .file = 0}, {.name = 6}},
	.strings = "\0a\0bb\0c",
};

/* What pb_wire_ask() makes of bytes in the socket; the parser ends behind them. */
static int ask_liar(struct ends *e, uint64_t deadline_ns)
{
	static const uint64_t addrs[] = {1, 2};
	struct pb_wire w = {.sock = e->tool, .deadline_ns = deadline_ns};
	struct pb_question q = vdso_question(addrs, 2);
	struct pb_answer *a = NULL;
	int err;

	err = pb_wire_ask(&w, &q, NULL, NULL, &a);
	assert_true(!err == !!a);
	pb_answer_free(a);
	return err;
}

static int ask_answer(const struct lie *l, uint64_t len)
{
	autoends struct ends e = new_ends();

	lie_message(e.parser, ANSWER, len, l, sizeof(*l));
	assert_int_equal(shutdown(e.parser, SHUT_WR), 0);
	return ask_liar(&e, pb_clock_ns() + LONG_TIME);
}

static void answers_that_cannot_be_are_refused(void **state)
{
	const uint64_t len = sizeof(struct lie);
	struct lie l;

	(void)state;
	assert_int_equal(ask_answer(&right_answer, len), 0);
	assert_int_equal(ask_answer(&right_answer, len - 1), -EPROTO);
	assert_int_equal(ask_answer(&right_answer, len + 1), -EPROTO);
	assert_int_equal(ask_answer(&right_answer, 0), -EPROTO);
	assert_int_equal(ask_answer(&right_answer, UINT64_MAX), -EPROTO);

#define REFUSED(field, value)                                                                      \
	do {                                                                                       \
		l = right_answer;                                                                  \
		l.field = (value);                                                                 \
		assert_int_equal(ask_answer(&l, len), -EPROTO);                                    \
	} while (0)
	REFUSED(head.state, PB_ANSWER_NO_FILE);
	REFUSED(head.state, UINT32_MAX);
	REFUSED(head.has_debug_info, 2);
	REFUSED(head.left_out, 2);
	REFUSED(head.build_id_len, 21);
	REFUSED(head.n_addrs, 1);
	REFUSED(head.n_addrs, 3);
	REFUSED(head.n_frames, 1);
	REFUSED(head.strings_len, 0);
	REFUSED(head.strings_len, 9);
	REFUSED(addrs[0].first, 2);
	REFUSED(addrs[0].first, UINT32_MAX);
	REFUSED(addrs[0].n_frames, 3);
	REFUSED(addrs[0].n_frames, UINT32_MAX);
	REFUSED(addrs[1].first, 1);
	REFUSED(frames[0].name, 0);
	REFUSED(frames[0].name, 2);
	REFUSED(frames[0].name, 8);
	REFUSED(frames[1].name, UINT32_MAX);
	REFUSED(frames[1].system_name, 8);
	REFUSED(frames[1].file, 8);
	REFUSED(strings[0], 'x');
	REFUSED(strings[7], 'x');
#undef REFUSED
	/* Debug information was read, or it was not. */
	l = right_answer;
	l.head.left_out = 1;
	assert_int_equal(ask_answer(&l, len), 0);
	l.head.has_debug_info = 1;
	assert_int_equal(ask_answer(&l, len), -EPROTO);
	/* The same length by other numbers: more frames than addresses may have. */
	l = right_answer;
	l.head.n_frames = 2 * PB_WIRE_INLINES_MAX + 1;
	assert_int_equal(ask_answer(&l, len + (l.head.n_frames - 2) * 20), -EPROTO);
	l = right_answer;
	l.head.strings_len = PB_WIRE_STRINGS_MAX + 1;
	assert_int_equal(ask_answer(&l, len - 8 + l.head.strings_len), -EPROTO);
}

static void one_address_has_a_bound_of_frames(void **state)
{
	static const uint64_t addrs[] = {1, 2};
	autoends struct ends e = new_ends();
	struct pb_answer_frame frames[PB_WIRE_INLINES_MAX + 1];
	struct answer_head head = {
		.n_addrs = 2, .n_frames = PB_ARRAY_SIZE(frames), .strings_len = 3};
	struct pb_answer_addr out[2] = {{.n_frames = PB_ARRAY_SIZE(frames)}};
	struct pb_wire w = wire(e.tool);
	struct pb_question q = vdso_question(addrs, 2);
	struct pb_answer *a = NULL;

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(frames); i++)
		frames[i] = (struct pb_answer_frame){.name = 1};
	lie_message(e.parser, ANSWER, sizeof(head) + sizeof(out) + sizeof(frames) + 3, &head,
		    sizeof(head));
	lie_down(e.parser, out, sizeof(out));
	lie_down(e.parser, frames, sizeof(frames));
	lie_down(e.parser, "\0a", 3);
	assert_int_equal(pb_wire_ask(&w, &q, NULL, NULL, &a), -EPROTO);
}

/* A line of /proc/self/status, in kB. */
static long status_kb(const char *key)
{
	pb_autofclose FILE *f = fopen("/proc/self/status", "re");
	char line[256];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, strlen(key)))
			return strtol(line + strlen(key), NULL, 10);
	}
	fail();
	return 0;
}

/*
 * The largest answer that the bounds allow for two addresses is announced, and never comes. Runs first, so
 * that nothing else has taken as much.
 */
static void announced_bytes_cost_no_memory(void **state)
{
	const long most_kb = PB_WIRE_STRINGS_MAX / 1024 / 8;
	const struct answer_head head = {.n_addrs = 2, .strings_len = PB_WIRE_STRINGS_MAX};
	const struct pb_answer_addr addrs[2] = {{0}};
	autoends struct ends e = new_ends();
	long before_kb = status_kb("VmSize:");

	(void)state;
	assert_true(status_kb("VmPeak:") - before_kb < most_kb);
	lie_message(e.parser, ANSWER, sizeof(head) + sizeof(addrs) + head.strings_len, &head,
		    sizeof(head));
	lie_down(e.parser, addrs, sizeof(addrs));
	assert_int_equal(shutdown(e.parser, SHUT_WR), 0);
	assert_int_equal(ask_liar(&e, 0), -EPIPE);
	assert_true(status_kb("VmPeak:") - before_kb < most_kb);
}

static void other_messages_are_refused(void **state)
{
	static const uint32_t types[] = {0, QUESTION, FOUND, ANSWER + 1, UINT32_MAX};
	const struct header with_fds[] = {{.type = ANSWER, .n_fds = 1, .len = sizeof(struct lie)},
					  {.type = WANTED, .n_fds = 1, .len = 64}};

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(types); i++) {
		autoends struct ends e = new_ends();

		lie_message(e.parser, types[i], 16, "0123456789abcdef", 16);
		assert_int_equal(ask_liar(&e, 0), -EPROTO);
	}
	for (size_t i = 0; i < PB_ARRAY_SIZE(with_fds); i++) {
		autoends struct ends e = new_ends();

		lie_down(e.parser, &with_fds[i], sizeof(with_fds[i]));
		assert_int_equal(ask_liar(&e, 0), -EPROTO);
	}
}

static int ask_wanted(const struct wanted_head *head, uint64_t len, const char *name, size_t n)
{
	autoends struct ends e = new_ends();

	lie_message(e.parser, WANTED, len, head, sizeof(*head));
	lie_down(e.parser, name, n);
	lie_message(e.parser, ANSWER, sizeof(right_answer), &right_answer, sizeof(right_answer));
	return ask_liar(&e, pb_clock_ns() + LONG_TIME);
}

static void wanted_files_that_cannot_be_are_refused(void **state)
{
	const struct wanted_head right = {.kind = PB_WANTED_LINK, .name_len = 4};
	const uint64_t len = sizeof(right) + 4;
	struct wanted_head w;

	(void)state;
	assert_int_equal(ask_wanted(&right, len, "name", 4), 0);
	assert_int_equal(ask_wanted(&right, len, "n\0me", 4), -EPROTO);
	assert_int_equal(ask_wanted(&right, len, "nam\0", 4), -EPROTO);
	assert_int_equal(ask_wanted(&right, len - 1, "name", 4), -EPROTO);
	assert_int_equal(ask_wanted(&right, 4, "name", 4), -EPROTO);
	w = right;
	w.kind = PB_WANTED_ALT + 1;
	assert_int_equal(ask_wanted(&w, len, "name", 4), -EPROTO);
	w = right;
	w.build_id_len = 21;
	assert_int_equal(ask_wanted(&w, len, "name", 4), -EPROTO);
	w = right;
	w.name_len = PB_WIRE_NAME_MAX;
	assert_int_equal(ask_wanted(&w, sizeof(w) + w.name_len, "name", 4), -EPROTO);
	w.name_len = UINT32_MAX;
	assert_int_equal(ask_wanted(&w, sizeof(w) + (uint64_t)w.name_len, "name", 4), -EPROTO);
}

static int count_and_refuse(void *ctx, const struct pb_wanted *wanted)
{
	(void)wanted;
	++*(uint32_t *)ctx;
	return -ENOENT;
}

static void wanted_files_have_a_bound(void **state)
{
	static const uint64_t addrs[] = {1};
	const struct wanted_head head = {.kind = PB_WANTED_BUILD_ID};
	autoends struct ends e = new_ends();
	struct pb_wire w = wire(e.tool);
	struct pb_question q = vdso_question(addrs, 1);
	struct pb_answer *a = NULL;
	uint32_t n = 0;

	(void)state;
	for (uint32_t i = 0; i < PB_WIRE_WANTED_MAX + 4; i++)
		lie_message(e.parser, WANTED, sizeof(head), &head, sizeof(head));
	assert_int_equal(pb_wire_ask(&w, &q, count_and_refuse, &n, &a), -EPROTO);
	assert_int_equal(n, PB_WIRE_WANTED_MAX);
}

/* With descriptors on every byte of it. */
static void send_fds(int sock, const void *bytes, size_t n, uint32_t n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(16 * sizeof(int))];
	} control = {0};

	for (size_t i = 0; i < n; i++) {
		struct iovec iov = {(char *)bytes + i, 1};
		struct msghdr msg = {.msg_iov = &iov,
				     .msg_iovlen = 1,
				     .msg_control = control.bytes,
				     .msg_controllen = CMSG_SPACE(n_fds * sizeof(int))};

		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		for (uint32_t k = 0; k < n_fds; k++)
			memcpy(CMSG_DATA(&control.align) + k * sizeof(int), &sock, sizeof(sock));
		assert_int_equal(sendmsg(sock, &msg, MSG_DONTWAIT), 1);
	}
}

static void descriptors_from_the_parser_are_closed(void **state)
{
	const struct header h = {.type = ANSWER, .len = sizeof(right_answer)};
	int open_before = n_open();
	struct ends e = new_ends();

	(void)state;
	send_fds(e.parser, &h, sizeof(h), 3);
	send_fds(e.parser, &right_answer, sizeof(right_answer), 1);
	assert_int_equal(ask_liar(&e, pb_clock_ns() + LONG_TIME), 0);
	assert_int_equal(n_open(), open_before + 2);
	close_ends(&e);
}

static void surplus_descriptors_of_a_question_are_closed(void **state)
{
	const struct question_head head = {.kind = PB_ASK_ELF};
	int open_before = n_open();

	(void)state;
	/* Said and sent: more than said, less, more than there may be, and what is right; then with the
	 * second byte, too. */
	for (uint32_t said = 0; said < 4; said++) {
		for (uint32_t i = 0; i < 8; i++) {
			uint32_t sent = i / 2 + 1, bytes = i % 2 + 1;
			struct header h = {QUESTION, said, sizeof(head)};
			struct ends e = new_ends();
			struct pb_wire w = wire(e.parser);
			struct pb_question q;
			int err;

			send_fds(e.tool, &h, bytes, sent);
			lie_down(e.tool, (char *)&h + bytes, sizeof(h) - bytes);
			lie_down(e.tool, &head, sizeof(head));
			err = pb_wire_receive(&w, &q);
			assert_int_equal(err, said == 1 && sent * bytes == 1 ? 0 : -EPROTO);
			if (!err)
				pb_question_drop(&q);
			close_ends(&e);
			assert_int_equal(n_open(), open_before);
		}
	}
}

/* ---- time, and peers that are gone ---- */

static void a_silent_parser_is_given_up_at_the_deadline(void **state)
{
	autoends struct ends e = new_ends();
	uint64_t deadline_ns = pb_clock_ns() + 20 * MS;

	(void)state;
	assert_int_equal(ask_liar(&e, deadline_ns), -ETIMEDOUT);
	assert_true(pb_clock_ns() >= deadline_ns);
	/* In the midst of an answer, too. */
	lie_message(e.parser, ANSWER, sizeof(right_answer), &right_answer, 50);
	assert_int_equal(ask_liar(&e, pb_clock_ns() + 20 * MS), -ETIMEDOUT);
}

static int open_slowly(void *ctx, const struct pb_wanted *wanted)
{
	const struct pb_wire *w = ctx;

	(void)wanted;
	/* Behind the deadline that there was when the question was asked. */
	while (pb_clock_ns() <= w->deadline_ns)
		usleep(1000);
	return -ENOENT;
}

/* All that the parser says lies in the socket already. */
static void time_for_opening_does_not_count(void **state)
{
	static const uint64_t addrs[] = {1, 2};
	const struct wanted_head head = {.kind = PB_WANTED_BUILD_ID};
	autoends struct ends e = new_ends();
	struct pb_question q = vdso_question(addrs, 2);
	pb_auto(pb_answer) struct pb_answer *a = NULL;
	struct pb_wire w = {.sock = e.tool};

	(void)state;
	lie_message(e.parser, WANTED, sizeof(head), &head, sizeof(head));
	lie_message(e.parser, ANSWER, sizeof(right_answer), &right_answer, sizeof(right_answer));
	w.deadline_ns = pb_clock_ns() + 500 * MS;
	assert_int_equal(pb_wire_ask(&w, &q, open_slowly, &w, &a), 0);
}

static bool is_late(void *ctx)
{
	return pb_clock_ns() >= *(uint64_t *)ctx;
}

static void a_silent_parser_is_left_at_once_by_a_wish_to_stop(void **state)
{
	static const uint64_t addrs[] = {1};
	const struct pb_question q = {.kind = PB_ASK_VDSO, .addrs = addrs, .n_addrs = 1};
	autoends struct ends e = new_ends();
	uint64_t from = pb_clock_ns(), at = from + 300000000ull;
	struct pb_wire w = {.sock = e.tool, .stop = is_late, .stop_ctx = &at};
	struct pb_answer *a = NULL;

	(void)state;
	assert_int_equal(pb_wire_ask(&w, &q, NULL, NULL, &a), -ECANCELED);
	assert_null(a);
	assert_in_range(pb_clock_ns() - from, 300000000ull, 5000000000ull);
}

static void nothing_is_said_behind_the_deadline(void **state)
{
	autoends struct ends e = new_ends();
	char byte;

	(void)state;
	lie_message(e.parser, ANSWER, sizeof(right_answer), &right_answer, sizeof(right_answer));
	assert_int_equal(ask_liar(&e, pb_clock_ns() - 1), -ETIMEDOUT);
	assert_int_equal(recv(e.parser, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static void *trickle(void *arg)
{
	const struct answer_head head = {.n_addrs = 2, .strings_len = PB_WIRE_STRINGS_MAX};
	const struct header h = {ANSWER, 0, sizeof(head) + 48 + PB_WIRE_STRINGS_MAX};
	int sock = *(int *)arg;

	send(sock, &h, sizeof(h), MSG_NOSIGNAL);
	send(sock, &head, sizeof(head), MSG_NOSIGNAL);
	/* Until the other end is closed. */
	while (send(sock, "", 1, MSG_NOSIGNAL) == 1)
		usleep(100);
	return NULL;
}

static void a_parser_that_trickles_is_given_up_at_the_deadline(void **state)
{
	struct ends e = new_ends();
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, trickle, &e.parser), 0);
	assert_int_equal(ask_liar(&e, pb_clock_ns() + 30 * MS), -ETIMEDOUT);
	close(e.tool);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(e.parser);
}

static void a_parser_that_does_not_listen_is_given_up(void **state)
{
	const uint32_t n = 1u << 20;
	pb_autofree uint64_t *addrs = calloc(n, sizeof(*addrs));
	autoends struct ends e = new_ends();
	struct pb_wire w = {.sock = e.tool, .deadline_ns = pb_clock_ns() + 20 * MS};
	struct pb_question q = vdso_question(addrs, n);
	struct pb_answer *a = NULL;

	(void)state;
	assert_non_null(addrs);
	for (uint32_t i = 0; i < n; i++)
		addrs[i] = i;
	assert_int_equal(pb_wire_ask(&w, &q, NULL, NULL, &a), -ETIMEDOUT);
}

static void a_peer_that_is_gone_is_told(void **state)
{
	const struct pb_wanted wanted = {.kind = PB_WANTED_ALT};
	const struct pb_answer empty = {.strings = (char *)"", .strings_len = 1};
	struct pb_question q;
	struct pb_wire w;

	(void)state;
	for (size_t cut = 0; cut < sizeof(right_answer); cut += 4) {
		autoends struct ends e = new_ends();

		lie_message(e.parser, ANSWER, sizeof(right_answer), &right_answer, cut);
		assert_int_equal(shutdown(e.parser, SHUT_WR), 0);
		assert_int_equal(ask_liar(&e, 0), -EPIPE);
	}
	for (int i = 0; i < 5; i++) {
		autoends struct ends e = new_ends();

		/* What it has not read makes the end a reset. */
		if (i == 4)
			lie_down(e.tool, "unread", 6);
		close(e.parser);
		e.parser = -1;
		w = wire(e.tool);
		if (i == 0)
			assert_int_equal(ask_liar(&e, 0), -EPIPE);
		else if (i == 1)
			assert_int_equal(pb_wire_want(&w, &wanted), -EPIPE);
		else if (i == 2)
			assert_int_equal(pb_wire_reply(&w, &empty), -EPIPE);
		else
			assert_int_equal(pb_wire_receive(&w, &q), -EPIPE);
	}
}

/* ---- what a tool may not ask, or answer ---- */

static void wrong_questions_are_not_sent(void **state)
{
	static const uint64_t unsorted[] = {2, 1}, twice[] = {1, 1}, sorted[] = {1, 2};
	const struct pb_question wrong[] = {
		{.kind = PB_ASK_VDSO, .n_addrs = 2, .addrs = unsorted},
		{.kind = PB_ASK_VDSO, .n_addrs = 2, .addrs = twice},
		{.kind = PB_ASK_VDSO, .n_addrs = PB_WIRE_ADDRS_MAX + 1, .addrs = sorted},
		{.kind = PB_ASK_VDSO, .n_fds = 1},
		{.kind = PB_ASK_VDSO, .build_id_len = 21},
		{.kind = PB_ASK_VDSO, .flags = 1u << 31},
		{.kind = PB_ASK_ELF},
		{.kind = PB_ASK_ELF, .n_fds = 2},
		{.kind = PB_ASK_JIT},
		{.kind = PB_ASK_JIT, .n_fds = 3},
		{.kind = PB_ASK_JIT, .n_fds = 2, .flags = PB_ASK_FIRST_IS_DUMP},
		{.kind = PB_ASK_JIT + 1},
	};
	autoends struct ends e = new_ends();
	struct pb_wire w = wire(e.tool);
	struct pb_answer *a = NULL;
	char byte;

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(wrong); i++)
		assert_int_equal(pb_wire_ask(&w, &wrong[i], NULL, NULL, &a), -EINVAL);
	assert_int_equal(recv(e.parser, &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, EAGAIN);
}

static void wrong_questions_are_not_taken(void **state)
{
	const uint64_t unsorted[] = {2, 1};
	struct question_head head = {.kind = PB_ASK_VDSO, .n_addrs = 2};
	const uint64_t len = sizeof(head) + sizeof(unsorted);
	struct pb_question q = {.kind = 99};

	(void)state;
	for (int i = 0; i < 6; i++) {
		autoends struct ends e = new_ends();
		struct pb_wire w = wire(e.parser);
		struct question_head h = head;

		h.kind = i == 1 ? PB_ASK_ELF : i == 2 ? 77 : h.kind;
		h.n_addrs = i == 3 ? UINT32_MAX : i == 4 ? 1 : 2;
		h.build_id_len = i == 5 ? 21 : 0;
		lie_message(e.tool, QUESTION, len, &h, sizeof(h));
		lie_down(e.tool, unsorted, sizeof(unsorted));
		assert_int_equal(pb_wire_receive(&w, &q), -EPROTO);
		assert_int_equal(q.kind, 99);
	}
}

static void wrong_replies_to_a_wish_are_refused(void **state)
{
	static const int32_t errors[] = {1, 0, -4096, INT32_MIN};
	const struct pb_wanted wanted = {.kind = PB_WANTED_BUILD_ID};

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(errors); i++) {
		autoends struct ends e = new_ends();
		struct pb_wire w = wire(e.parser);

		lie_message(e.tool, FOUND, 4, &errors[i], 4);
		assert_int_equal(pb_wire_want(&w, &wanted), -EPROTO);
	}
}

static void answers_beyond_the_bounds_are_not_sent(void **state)
{
	const struct pb_answer wrong[] = {
		{.state = PB_ANSWER_GIVEN_UP, .strings_len = 1},
		{.strings_len = 0},
		{.strings_len = PB_WIRE_STRINGS_MAX + 1},
		{.strings_len = 1, .n_frames = PB_WIRE_FRAMES_MAX + 1, .n_addrs = UINT32_MAX},
		{.strings_len = 1, .build_id_len = 21},
	};
	autoends struct ends e = new_ends();
	struct pb_wire w = wire(e.parser);

	(void)state;
	for (size_t i = 0; i < PB_ARRAY_SIZE(wrong); i++)
		assert_int_equal(pb_wire_reply(&w, &wrong[i]), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(announced_bytes_cost_no_memory),
		cmocka_unit_test(a_question_arrives_and_its_answer_comes_back),
		cmocka_unit_test(both_files_of_a_process_arrive_in_order),
		cmocka_unit_test(large_messages_pass_in_pieces),
		cmocka_unit_test(a_question_may_have_no_addresses),
		cmocka_unit_test(wanted_files_are_found_or_not),
		cmocka_unit_test(without_a_way_to_open_nothing_is_found),
		cmocka_unit_test(time_for_opening_does_not_count),
		cmocka_unit_test(answers_that_cannot_be_are_refused),
		cmocka_unit_test(one_address_has_a_bound_of_frames),
		cmocka_unit_test(other_messages_are_refused),
		cmocka_unit_test(wanted_files_that_cannot_be_are_refused),
		cmocka_unit_test(wanted_files_have_a_bound),
		cmocka_unit_test(descriptors_from_the_parser_are_closed),
		cmocka_unit_test(surplus_descriptors_of_a_question_are_closed),
		cmocka_unit_test(a_silent_parser_is_given_up_at_the_deadline),
		cmocka_unit_test(a_silent_parser_is_left_at_once_by_a_wish_to_stop),
		cmocka_unit_test(nothing_is_said_behind_the_deadline),
		cmocka_unit_test(a_parser_that_trickles_is_given_up_at_the_deadline),
		cmocka_unit_test(a_parser_that_does_not_listen_is_given_up),
		cmocka_unit_test(a_peer_that_is_gone_is_told),
		cmocka_unit_test(wrong_questions_are_not_sent),
		cmocka_unit_test(wrong_questions_are_not_taken),
		cmocka_unit_test(wrong_replies_to_a_wish_are_refused),
		cmocka_unit_test(answers_beyond_the_bounds_are_not_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
