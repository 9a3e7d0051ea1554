/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the tool asks about the addresses of one module, and what it is told: the types of a question and
 * of its answer, and their way through a socket.
 *
 *   tool                                              parser (sandbox)
 *     |--- question: kind, flags, addresses, file -------->|
 *     |<-- wanted: a debug file (name, build id) ----------|   up to PB_WIRE_WANTED_MAX times
 *     |--- found: a descriptor, or none ------------------>|
 *     |<-- answer: frames by address ----------------------|
 *
 * Integers are in native order: both ends are one program. The tool does not trust the parser, which has
 * read hostile files: every length and index of what comes from there is checked before it is used, and
 * memory is taken as bytes arrive. By the bounds below an answer has at most 672 MiB; one to a question
 * of n addresses 1304 n bytes beside its strings.
 */
#ifndef PB_SYMBOL_SHARED_WIRE_H
#define PB_SYMBOL_SHARED_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/core/own.h"

#define PB_WIRE_ADDRS_MAX   (4u << 20)  /* addresses of a question */
#define PB_WIRE_FRAMES_MAX  (16u << 20) /* frames of an answer */
#define PB_WIRE_INLINES_MAX 64          /* frames of one address, the function itself included */
#define PB_WIRE_STRINGS_MAX (256u << 20)
#define PB_WIRE_NAME_MAX    4096 /* bytes of a wanted file's name, with its NUL */
#define PB_WIRE_FDS_MAX     2
#define PB_WIRE_ID_MAX      20
#define PB_WIRE_WANTED_MAX  16          /* debug files per question */
#define PB_WIRE_MAP_MAX     (64u << 20) /* bytes of a perf map */

enum pb_question_kind {
	PB_ASK_ELF,  /* addresses are offsets in the file; descriptor 0 is the ELF file */
	PB_ASK_VDSO, /* offsets in the image; no descriptor */
	PB_ASK_JIT, /* addresses of a process; descriptors: its perf map, its jitdump, either or both */
};

enum pb_question_flag {
	PB_ASK_DEBUG_INFO = 1u << 0, /* inlined frames, files and lines too */
	PB_ASK_FULL_NAMES = 1u << 1, /* demangled names with their parameters */
	PB_ASK_FIRST_IS_DUMP =
		1u << 2, /* PB_ASK_JIT: descriptor 0 is a jitdump, there is no perf map */
	PB_ASK_RAW_NAMES = 1u << 3, /* nothing is demangled */
};

struct pb_question {
	uint32_t kind;                    /* enum pb_question_kind */
	uint32_t flags;                   /* enum pb_question_flag */
	uint8_t build_id[PB_WIRE_ID_MAX]; /* of what was mapped */
	uint32_t build_id_len;            /* 0: not known, and not compared */
	uint32_t n_addrs;
	const uint64_t *addrs; /* sorted, distinct */
	int fds[PB_WIRE_FDS_MAX];
	uint32_t n_fds;
};

/* Why a module gave no names, or fewer than it could have. One a module; the worst counts. */
enum pb_answer_state {
	PB_ANSWER_OK,
	PB_ANSWER_NO_SYMBOLS, /* there is neither a symbol table nor debug information */
	PB_ANSWER_MISMATCH,   /* its build id is not that of what was mapped */
	PB_ANSWER_UNREADABLE, /* no ELF file, malformed, or a file error */
	PB_ANSWER_TOO_LARGE,  /* beyond the bounds of a table, or of memory */
	/* The tool's own findings; never sent. */
	PB_ANSWER_NO_FILE,  /* it could not be opened */
	PB_ANSWER_GIVEN_UP, /* the parser crashed, ran out of memory, or took too long */
	PB_ANSWER_STATES,
};

/* A function at an address: the one that holds it, or one that was inlined there. Texts are offsets in
 * the answer's strings, 0 for none. */
struct pb_answer_frame {
	uint32_t name;        /* for people: demangled; never 0 */
	uint32_t system_name; /* as in the symbol table or the debug information */
	uint32_t file;        /* source file */
	uint32_t
		line; /* in it: of the address, of the call for a frame that others are inlined into */
	uint32_t start_line; /* where the function is declared */
};

/* One per address of the question, in its order. */
struct pb_answer_addr {
	uint64_t
		vaddr; /* its virtual address, for "module+0x..."; the address itself without one */
	uint64_t
		function; /* without frames: where its function starts, by unwind information; else 0 */
	uint32_t first; /* into frames; the innermost inlined one first, the function itself last */
	uint32_t n_frames; /* 0: no name is known */
};

struct pb_answer {
	uint32_t state;          /* enum pb_answer_state */
	uint32_t has_debug_info; /* 1: lines and inlined frames were looked for */
	uint32_t left_out;       /* 1: they were asked for, but debug information cannot be read */
	uint32_t n_addrs, n_frames;
	struct pb_answer_addr *addrs;
	struct pb_answer_frame *frames;
	char *strings; /* @strings_len bytes of texts that end in NUL; the first is empty */
	uint32_t strings_len;
	uint8_t build_id[PB_WIRE_ID_MAX]; /* of the file that was read */
	uint32_t build_id_len;
};

void pb_answer_free(struct pb_answer *a);
PB_DEFINE_FREE(pb_answer, pb_answer_free);
/* The text at an offset of a checked answer; "" for 0. */
const char *pb_answer_text(const struct pb_answer *a, uint32_t text);

/* How a separate debug file is to be found. */
enum pb_wanted_kind {
	PB_WANTED_BUILD_ID, /* the debug file of a build id */
	PB_WANTED_LINK, /* .gnu_debuglink: a file name, and the build id that it must have, or the CRC */
	PB_WANTED_ALT, /* .gnu_debugaltlink: a path and a build id, what dwz moved out */
};

struct pb_wanted {
	uint32_t kind; /* enum pb_wanted_kind */
	uint32_t crc;  /* LINK: of the whole file, IEEE 802.3; counts if build_id_len is 0 */
	uint32_t build_id_len;
	uint8_t build_id[PB_WIRE_ID_MAX];
	char name[PB_WIRE_NAME_MAX]; /* LINK and ALT; hostile */
};

/* Get at a debug file. Return: a descriptor that the caller closes; -ENOENT if there is none; -errno. */
typedef int pb_wanted_open(void *ctx, const struct pb_wanted *wanted);

/* A peer of a conversation. */
struct pb_wire {
	int sock;             /* SOCK_STREAM, borrowed; either mode: what blocks is waited for */
	uint64_t deadline_ns; /* CLOCK_MONOTONIC; 0: none */
	/* Asked often, also while the peer is waited for: true to leave it at that. May be NULL. */
	bool (*stop)(void *ctx);
	void *stop_ctx;
};

/*
 * The tool's side. pb_wire_ask() sends a question, serves what is wanted meanwhile by @open (may be NULL:
 * nothing is found), and checks the answer. Descriptors that come with it are closed. The time that @open
 * takes does not count: it is added to the deadline.
 * Return: 0; -ETIMEDOUT; -ECANCELED by the wire's @stop; -EPIPE if the peer is gone; -EPROTO if what it
 * sent cannot be; -EINVAL if @q is beyond the bounds, not sorted, or has not the descriptors of its kind;
 * -ENOMEM; -errno. After an error the socket is of no further use.
 */
int pb_wire_ask(const struct pb_wire *w, const struct pb_question *q, pb_wanted_open *open,
		void *ctx, struct pb_answer **out);

/*
 * The parser's side. A question's addresses and descriptors belong to the caller: pb_question_drop().
 * pb_wire_want() has the type of pb_wanted_open, @wire being a struct pb_wire *.
 * Return: 0; -EPIPE if the peer is gone; -EPROTO; -ENOMEM; -errno.
 */
int pb_wire_receive(const struct pb_wire *w, struct pb_question *q);
void pb_question_drop(struct pb_question *q);
int pb_wire_want(void *wire, const struct pb_wanted *wanted);
int pb_wire_reply(const struct pb_wire *w, const struct pb_answer *a);

#endif
