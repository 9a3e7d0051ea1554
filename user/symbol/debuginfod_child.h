/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The process that libdebuginfod runs in. Private to user/symbol/debuginfod.c. */
#ifndef PB_SYMBOL_DEBUGINFOD_CHILD_H
#define PB_SYMBOL_DEBUGINFOD_CHILD_H

#include <stdint.h>

#include "user/symbol/debuginfod.h"
#include "user/symbol/shared/wire.h"

/* Packets on a SOCK_SEQPACKET socket, in native order. */
struct pb_debuginfod_ask {
	uint32_t build_id_len;
	uint8_t build_id[PB_WIRE_ID_MAX];
};

enum pb_debuginfod_tell_kind {
	PB_TELL_READY,    /* once; by err, whether the library is there */
	PB_TELL_PROGRESS, /* any number of times per question */
	PB_TELL_DONE,     /* by err; with a descriptor if that is 0 */
};

struct pb_debuginfod_tell {
	uint32_t kind; /* enum pb_debuginfod_tell_kind */
	int32_t err;   /* 0 or -errno */
	uint64_t bytes;
	uint64_t total; /* 0: not known */
};

struct pb_debuginfod_child {
	int sock;
	int parent; /* its pid */
	const char *urls;
	const char *cache;
	struct pb_debuginfod_limits limits;
};

/* Serve until the parent is gone; to be called after fork(). */
__attribute__((noreturn)) void pb_debuginfod_serve(const struct pb_debuginfod_child *c);

#endif
