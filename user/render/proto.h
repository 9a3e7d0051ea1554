/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The wire format of protocol buffers: as much of it as pprof needs, in both directions.
 *
 *   message = field*;  field = varint(number << 3 | wire) value
 *
 * Source: https://protobuf.dev/programming-guides/encoding/
 */
#ifndef PB_RENDER_PROTO_H
#define PB_RENDER_PROTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pb_proto_wire {
	PB_PROTO_VARINT = 0,
	PB_PROTO_FIXED64 = 1,
	PB_PROTO_BYTES = 2,
	PB_PROTO_FIXED32 = 5,
};

/* Some bytes of a message, borrowed. */
struct pb_proto_span {
	const unsigned char *at;
	const unsigned char *end;
};

struct pb_proto_field {
	uint32_t number;
	enum pb_proto_wire wire;
	uint64_t value;             /* of VARINT and the fixed ones */
	struct pb_proto_span bytes; /* of BYTES; else empty */
};

/**
 * pb_proto_next() - take one field off the front of @message.
 *
 * Return: 1 with @field filled; 0 at the end; -EPROTO if the bytes are no field (cut off, a varint
 * beyond 64 bits, field number 0, a group), and @message stands where it was.
 */
int pb_proto_next(struct pb_proto_span *message, struct pb_proto_field *field);

/* One bare varint, as packed fields hold them. Return: as pb_proto_next(). */
int pb_proto_varint(struct pb_proto_span *bytes, uint64_t *value);

/* A message under construction. All zero is an empty one; pb_proto_drop() frees. */
struct pb_proto_buf {
	unsigned char *bytes;
	size_t len, capacity;
	bool failed; /* out of memory: later puts do nothing */
};

void pb_proto_drop(struct pb_proto_buf *b);
/* As if new, with the memory kept; a failure stays. */
void pb_proto_clear(struct pb_proto_buf *b);

void pb_proto_put_varint(struct pb_proto_buf *b, uint64_t value);
/* A varint field; 0 is the default and takes no bytes. */
void pb_proto_put_uint(struct pb_proto_buf *b, uint32_t number, uint64_t value);
void pb_proto_put_bytes(struct pb_proto_buf *b, uint32_t number, const void *bytes, size_t len);
/* A nested message, or packed varints, that was built in @part. Its failure is taken over. */
void pb_proto_put_part(struct pb_proto_buf *b, uint32_t number, const struct pb_proto_buf *part);

#endif
