/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A message is a header, then as many bytes as it says. Descriptors come with its first byte; who
 * expects none reads in a way that makes the kernel close them.
 *
 *   header    type, n_fds, len
 *   QUESTION  struct question_head, addresses
 *   WANTED    struct wanted_head, bytes of the name without a NUL
 *   FOUND     struct found_head
 *   ANSWER    struct answer_head, addresses, frames, strings
 */
#include "user/symbol/shared/wire.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "user/core/clock.h"

enum message_type {
	MESSAGE_QUESTION = 1,
	MESSAGE_WANTED,
	MESSAGE_FOUND,
	MESSAGE_ANSWER,
};

struct header {
	uint32_t type; /* enum message_type */
	uint32_t n_fds;
	uint64_t len; /* bytes behind the header */
};

struct question_head {
	uint32_t kind, flags;
	uint32_t build_id_len;
	uint8_t build_id[PB_WIRE_ID_MAX];
	uint32_t n_addrs;
};

struct wanted_head {
	uint32_t kind, crc;
	uint32_t build_id_len;
	uint8_t build_id[PB_WIRE_ID_MAX];
	uint32_t name_len;
};

struct found_head {
	int32_t err; /* 0 with a descriptor, -errno without */
};

struct answer_head {
	uint32_t state, has_debug_info, left_out;
	uint32_t build_id_len;
	uint8_t build_id[PB_WIRE_ID_MAX];
	uint32_t n_addrs, n_frames, strings_len;
};

_Static_assert(sizeof(struct answer_head) == 48, "no padding goes through the socket");
_Static_assert(sizeof(struct pb_answer_addr) == 24, "no padding goes through the socket");
_Static_assert(sizeof(struct pb_answer_frame) == 20, "no padding goes through the socket");

/* Descriptors that came with a message; -1 where there is none. */
struct passed {
	int fds[PB_WIRE_FDS_MAX];
	uint32_t n;
};

/* Received data is given room for as much as has come already, or this. */
#define CHUNK_BYTES (256u << 10)

/* How long a wish to stop may go unseen. */
#define STOP_MS 100

static void close_passed(struct passed *p)
{
	for (uint32_t i = 0; i < p->n; i++)
		close(p->fds[i]);
	p->n = 0;
}

#define autopassed __attribute__((cleanup(close_passed)))

/* What is left until the deadline, as poll() wants it; -1: for ever; 0: it has passed. */
static int left_ms(const struct pb_wire *w)
{
	uint64_t now_ns, ms;

	if (!w->deadline_ns)
		return -1;
	now_ns = pb_clock_ns();
	if (now_ns >= w->deadline_ns)
		return 0;
	ms = (w->deadline_ns - now_ns + 999999) / 1000000;
	return ms < 3600000 ? (int)ms : 3600000;
}

/* Before each call that moves bytes: a peer that trickles must not get more time than one that hangs. */
static int check_time(const struct pb_wire *w)
{
	if (w->stop && w->stop(w->stop_ctx))
		return -ECANCELED;
	return left_ms(w) ? 0 : -ETIMEDOUT;
}

static int wait_for(const struct pb_wire *w, short events)
{
	struct pollfd p = {.fd = w->sock, .events = events};
	int ms = left_ms(w);

	/* A signal that comes just before poll() does not interrupt it. */
	if (w->stop && (ms < 0 || ms > STOP_MS))
		ms = STOP_MS;
	if (poll(&p, 1, ms) < 0 && errno != EINTR)
		return -errno;
	return 0;
}

/* After a call on the socket failed by errno: 0 to try again. */
static int retry(const struct pb_wire *w, short events)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return wait_for(w, events);
	if (errno == EINTR)
		return 0;
	return errno == ECONNRESET ? -EPIPE : -errno;
}

/* The descriptors go with the first byte; n is not 0 if there are any. */
static int send_bytes(const struct pb_wire *w, const void *bytes, size_t n, const int *fds,
		      uint32_t n_fds)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(PB_WIRE_FDS_MAX * sizeof(int))];
	} control = {0};
	const char *from = bytes;
	int err = 0;

	while (n && !err) {
		struct iovec iov = {(void *)from, n};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t sent;

		if (n_fds) {
			msg.msg_control = control.bytes;
			msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
			control.align.cmsg_level = SOL_SOCKET;
			control.align.cmsg_type = SCM_RIGHTS;
			control.align.cmsg_len = CMSG_LEN(n_fds * sizeof(int));
			memcpy(CMSG_DATA(&control.align), fds, n_fds * sizeof(int));
		}
		err = check_time(w);
		if (err)
			return err;
		sent = sendmsg(w->sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0) {
			err = retry(w, POLLOUT);
			continue;
		}
		from += sent;
		n -= (size_t)sent;
		if (sent)
			n_fds = 0;
	}
	return err;
}

/* A header and the fixed part behind it in one piece, so that the peer wakes up once. */
static int send_head(const struct pb_wire *w, const struct header *h, const void *head,
		     size_t head_len, const int *fds)
{
	char bytes[sizeof(*h) + sizeof(struct answer_head)];

	memcpy(bytes, h, sizeof(*h));
	memcpy(bytes + sizeof(*h), head, head_len);
	return send_bytes(w, bytes, sizeof(*h) + head_len, fds, h->n_fds);
}

/* Take what came; more than there is room for is closed. */
static void take_passed(struct msghdr *msg, struct passed *p)
{
	struct cmsghdr *c;

	for (c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
		    c->cmsg_len < CMSG_LEN(0))
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (p->n < PB_WIRE_FDS_MAX)
				p->fds[p->n++] = fd;
			else
				close(fd);
		}
	}
}

/* @passed: NULL where none are expected: without room for them the kernel gives none. */
static int receive_bytes(const struct pb_wire *w, void *bytes, size_t n, struct passed *passed)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(PB_WIRE_FDS_MAX * sizeof(int))];
	} control;
	char *to = bytes;

	while (n) {
		struct iovec iov = {to, n};
		struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
		ssize_t got;
		int err;

		if (passed) {
			msg.msg_control = control.bytes;
			msg.msg_controllen = sizeof(control.bytes);
		}
		err = check_time(w);
		if (err)
			return err;
		got = recvmsg(w->sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
		if (!got)
			return -EPIPE;
		if (got < 0) {
			err = retry(w, POLLIN);
			if (err)
				return err;
			continue;
		}
		if (passed)
			take_passed(&msg, passed);
		to += got;
		n -= (size_t)got;
	}
	return 0;
}

/*
 * @n bytes into memory of their own, which grows as they come: a length that is a lie costs nothing.
 * NULL for none.
 */
static int receive_array(const struct pb_wire *w, size_t n, void *out)
{
	pb_autofree char *bytes = NULL;
	size_t room = 0, len = 0;

	while (len < n) {
		size_t want = room < CHUNK_BYTES ? CHUNK_BYTES : 2 * room;
		char *grown;
		int err;

		want = want < n ? want : n;
		grown = realloc(bytes, want);
		if (!grown)
			return -ENOMEM;
		bytes = grown;
		room = want;
		err = receive_bytes(w, bytes + len, room - len, NULL);
		if (err)
			return err;
		len = room;
	}
	memcpy(out, &bytes, sizeof(bytes));
	bytes = NULL;
	return 0;
}

/* ---- answers ---- */

void pb_answer_free(struct pb_answer *a)
{
	if (!a)
		return;
	free(a->addrs);
	free(a->frames);
	free(a->strings);
	free(a);
}

const char *pb_answer_text(const struct pb_answer *a, uint32_t text)
{
	return text ? a->strings + text : "";
}

/* Every text that a frame refers to ends, since the strings as a whole do. */
static bool frame_is_right(const struct pb_answer *a, const struct pb_answer_frame *f)
{
	return f->name && f->name < a->strings_len && a->strings[f->name] &&
	       f->system_name < a->strings_len && f->file < a->strings_len;
}

static bool answer_is_right(const struct pb_answer *a)
{
	if (a->strings[0] || a->strings[a->strings_len - 1])
		return false;
	for (uint32_t i = 0; i < a->n_frames; i++) {
		if (!frame_is_right(a, &a->frames[i]))
			return false;
	}
	for (uint32_t i = 0; i < a->n_addrs; i++) {
		const struct pb_answer_addr *addr = &a->addrs[i];

		if (addr->n_frames > PB_WIRE_INLINES_MAX || addr->n_frames > a->n_frames ||
		    addr->first > a->n_frames - addr->n_frames)
			return false;
	}
	return true;
}

static uint64_t answer_len(const struct answer_head *head)
{
	return sizeof(*head) + (uint64_t)head->n_addrs * sizeof(struct pb_answer_addr) +
	       (uint64_t)head->n_frames * sizeof(struct pb_answer_frame) + head->strings_len;
}

static bool answer_head_is_right(const struct answer_head *head, uint32_t n_addrs)
{
	return head->state < PB_ANSWER_NO_FILE && head->has_debug_info <= 1 &&
	       head->left_out <= 1 && !(head->has_debug_info && head->left_out) &&
	       head->build_id_len <= PB_WIRE_ID_MAX && head->n_addrs == n_addrs &&
	       head->n_frames <= PB_WIRE_FRAMES_MAX &&
	       head->n_frames <= (uint64_t)n_addrs * PB_WIRE_INLINES_MAX && head->strings_len &&
	       head->strings_len <= PB_WIRE_STRINGS_MAX;
}

static int receive_answer(const struct pb_wire *w, const struct header *h,
			  const struct pb_question *q, struct pb_answer **out)
{
	pb_auto(pb_answer) struct pb_answer *a = calloc(1, sizeof(*a));
	struct answer_head head;
	int err;

	if (!a)
		return -ENOMEM;
	if (h->len < sizeof(head))
		return -EPROTO;
	err = receive_bytes(w, &head, sizeof(head), NULL);
	if (err)
		return err;
	if (!answer_head_is_right(&head, q->n_addrs) || answer_len(&head) != h->len)
		return -EPROTO;
	a->state = head.state;
	a->has_debug_info = head.has_debug_info;
	a->left_out = head.left_out;
	a->build_id_len = head.build_id_len;
	memcpy(a->build_id, head.build_id, sizeof(a->build_id));
	a->n_addrs = head.n_addrs;
	a->n_frames = head.n_frames;
	a->strings_len = head.strings_len;
	err = receive_array(w, a->n_addrs * sizeof(*a->addrs), &a->addrs);
	if (!err)
		err = receive_array(w, a->n_frames * sizeof(*a->frames), &a->frames);
	if (!err)
		err = receive_array(w, a->strings_len, &a->strings);
	if (err)
		return err;
	if (!answer_is_right(a))
		return -EPROTO;
	*out = pb_take(a);
	return 0;
}

int pb_wire_reply(const struct pb_wire *w, const struct pb_answer *a)
{
	struct answer_head head = {
		.state = a->state,
		.has_debug_info = a->has_debug_info,
		.left_out = a->left_out,
		.build_id_len = a->build_id_len,
		.n_addrs = a->n_addrs,
		.n_frames = a->n_frames,
		.strings_len = a->strings_len,
	};
	struct header h = {.type = MESSAGE_ANSWER, .len = answer_len(&head)};
	int err;

	/* What the tool would refuse for sure; the rest it sees for itself. */
	if (!answer_head_is_right(&head, a->n_addrs))
		return -EPROTO;
	memcpy(head.build_id, a->build_id, a->build_id_len);
	err = send_head(w, &h, &head, sizeof(head), NULL);
	if (!err)
		err = send_bytes(w, a->addrs, a->n_addrs * sizeof(*a->addrs), NULL, 0);
	if (!err)
		err = send_bytes(w, a->frames, a->n_frames * sizeof(*a->frames), NULL, 0);
	if (!err)
		err = send_bytes(w, a->strings, a->strings_len, NULL, 0);
	return err;
}

/* ---- questions ---- */

static bool fds_are_right(uint32_t kind, uint32_t flags, uint32_t n_fds)
{
	if (kind == PB_ASK_ELF)
		return n_fds == 1;
	if (kind == PB_ASK_VDSO)
		return n_fds == 0;
	return n_fds == 1 || (n_fds == 2 && !(flags & PB_ASK_FIRST_IS_DUMP));
}

static bool question_is_right(const struct question_head *head, uint32_t n_fds)
{
	const uint32_t known =
		PB_ASK_DEBUG_INFO | PB_ASK_FULL_NAMES | PB_ASK_FIRST_IS_DUMP | PB_ASK_RAW_NAMES;

	return head->kind <= PB_ASK_JIT && !(head->flags & ~known) &&
	       head->build_id_len <= PB_WIRE_ID_MAX && head->n_addrs <= PB_WIRE_ADDRS_MAX &&
	       fds_are_right(head->kind, head->flags, n_fds);
}

static bool is_sorted(const uint64_t *addrs, uint32_t n)
{
	for (uint32_t i = 1; i < n; i++) {
		if (addrs[i - 1] >= addrs[i])
			return false;
	}
	return true;
}

static int send_question(const struct pb_wire *w, const struct pb_question *q)
{
	struct question_head head = {
		.kind = q->kind,
		.flags = q->flags,
		.build_id_len = q->build_id_len,
		.n_addrs = q->n_addrs,
	};
	struct header h = {.type = MESSAGE_QUESTION, .n_fds = q->n_fds};
	int err;

	if (!question_is_right(&head, q->n_fds) || !is_sorted(q->addrs, q->n_addrs))
		return -EINVAL;
	memcpy(head.build_id, q->build_id, q->build_id_len);
	h.len = sizeof(head) + q->n_addrs * sizeof(*q->addrs);
	err = send_head(w, &h, &head, sizeof(head), q->fds);
	return err ? err : send_bytes(w, q->addrs, q->n_addrs * sizeof(*q->addrs), NULL, 0);
}

int pb_wire_receive(const struct pb_wire *w, struct pb_question *q)
{
	autopassed struct passed passed = {0};
	pb_autofree uint64_t *addrs = NULL;
	struct question_head head;
	struct header h;
	int err;

	err = receive_bytes(w, &h, sizeof(h), &passed);
	if (err)
		return err;
	if (h.type != MESSAGE_QUESTION || h.len < sizeof(head) || h.n_fds != passed.n)
		return -EPROTO;
	err = receive_bytes(w, &head, sizeof(head), NULL);
	if (err)
		return err;
	if (!question_is_right(&head, passed.n) ||
	    h.len != sizeof(head) + head.n_addrs * sizeof(*addrs))
		return -EPROTO;
	err = receive_array(w, head.n_addrs * sizeof(*addrs), &addrs);
	if (err)
		return err;
	if (!is_sorted(addrs, head.n_addrs))
		return -EPROTO;
	*q = (struct pb_question){
		.kind = head.kind,
		.flags = head.flags,
		.build_id_len = head.build_id_len,
		.n_addrs = head.n_addrs,
		.addrs = pb_take(addrs),
		.n_fds = passed.n,
	};
	memcpy(q->build_id, head.build_id, sizeof(q->build_id));
	for (uint32_t i = 0; i < PB_WIRE_FDS_MAX; i++)
		q->fds[i] = i < passed.n ? passed.fds[i] : -1;
	passed.n = 0;
	return 0;
}

void pb_question_drop(struct pb_question *q)
{
	free((void *)q->addrs);
	for (uint32_t i = 0; i < q->n_fds; i++)
		close(q->fds[i]);
	*q = (struct pb_question){.fds = {-1, -1}};
}

/* ---- debug files ---- */

int pb_wire_want(void *wire, const struct pb_wanted *wanted)
{
	const struct pb_wire *w = wire;
	size_t name_len = strnlen(wanted->name, sizeof(wanted->name));
	struct wanted_head head = {
		.kind = wanted->kind,
		.crc = wanted->crc,
		.build_id_len = wanted->build_id_len,
		.name_len = (uint32_t)name_len,
	};
	struct header h = {.type = MESSAGE_WANTED, .len = sizeof(head) + name_len};
	autopassed struct passed passed = {0};
	struct found_head found;
	int err;

	if (name_len == sizeof(wanted->name) || head.build_id_len > PB_WIRE_ID_MAX)
		return -EINVAL;
	memcpy(head.build_id, wanted->build_id, head.build_id_len);
	err = send_head(w, &h, &head, sizeof(head), NULL);
	if (!err)
		err = send_bytes(w, wanted->name, name_len, NULL, 0);
	if (!err)
		err = receive_bytes(w, &h, sizeof(h), &passed);
	if (err)
		return err;
	if (h.type != MESSAGE_FOUND || h.len != sizeof(found) || h.n_fds != passed.n ||
	    passed.n > 1)
		return -EPROTO;
	err = receive_bytes(w, &found, sizeof(found), NULL);
	if (err)
		return err;
	if (found.err > 0 || found.err < -4095 || passed.n != (found.err ? 0 : 1))
		return -EPROTO;
	if (found.err)
		return found.err;
	passed.n = 0;
	return passed.fds[0];
}

static int receive_wanted(const struct pb_wire *w, const struct header *h, struct pb_wanted *wanted)
{
	struct wanted_head head;
	int err;

	if (h->len < sizeof(head))
		return -EPROTO;
	err = receive_bytes(w, &head, sizeof(head), NULL);
	if (err)
		return err;
	if (head.kind > PB_WANTED_ALT || head.build_id_len > PB_WIRE_ID_MAX ||
	    head.name_len >= PB_WIRE_NAME_MAX || h->len != sizeof(head) + head.name_len)
		return -EPROTO;
	*wanted = (struct pb_wanted){
		.kind = head.kind,
		.crc = head.crc,
		.build_id_len = head.build_id_len,
	};
	memcpy(wanted->build_id, head.build_id, sizeof(wanted->build_id));
	err = receive_bytes(w, wanted->name, head.name_len, NULL);
	if (err)
		return err;
	return strlen(wanted->name) == head.name_len ? 0 : -EPROTO;
}

/* The time that @open takes is the tool's own, and not counted against the parser. */
static int serve_wanted(struct pb_wire *w, const struct header *h, pb_wanted_open *open, void *ctx)
{
	struct header reply = {.type = MESSAGE_FOUND, .len = sizeof(struct found_head)};
	struct found_head found = {.err = -ENOENT};
	pb_autofree struct pb_wanted *wanted = malloc(sizeof(*wanted));
	pb_autoclose int fd = -1;
	uint64_t before_ns;
	int err;

	if (!wanted)
		return -ENOMEM;
	err = receive_wanted(w, h, wanted);
	if (err)
		return err;
	err = check_time(w);
	if (err)
		return err;
	before_ns = pb_clock_ns();
	if (open)
		fd = open(ctx, wanted);
	if (w->deadline_ns)
		w->deadline_ns += pb_clock_ns() - before_ns;
	if (fd >= 0)
		found.err = 0;
	else if (open)
		found.err = fd < -4095 ? -EIO : fd;
	reply.n_fds = fd >= 0;
	return send_head(w, &reply, &found, sizeof(found), &fd);
}

int pb_wire_ask(const struct pb_wire *w, const struct pb_question *q, pb_wanted_open *open,
		void *ctx, struct pb_answer **out)
{
	struct pb_wire mine = *w;
	uint32_t wanted = 0;
	int err;

	err = send_question(&mine, q);
	while (!err) {
		struct header h;

		err = receive_bytes(&mine, &h, sizeof(h), NULL);
		if (err)
			break;
		if (h.type == MESSAGE_ANSWER && !h.n_fds)
			return receive_answer(&mine, &h, q, out);
		if (h.type != MESSAGE_WANTED || h.n_fds || ++wanted > PB_WIRE_WANTED_MAX)
			return -EPROTO;
		err = serve_wanted(&mine, &h, open, ctx);
	}
	return err;
}
