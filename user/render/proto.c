/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/proto.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VARINT_MAX       10 /* bytes of 64 bits at 7 each */
#define FIELD_NUMBER_MAX ((1u << 29) - 1)

int pb_proto_varint(struct pb_proto_span *bytes, uint64_t *value)
{
	const unsigned char *at = bytes->at;
	uint64_t v = 0;

	if (at == bytes->end)
		return 0;
	for (int i = 0; i < VARINT_MAX && at < bytes->end; i++, at++) {
		if (i == VARINT_MAX - 1 && *at > 1)
			return -EPROTO;
		v |= (uint64_t)(*at & 0x7f) << (7 * i);
		if (!(*at & 0x80)) {
			bytes->at = at + 1;
			*value = v;
			return 1;
		}
	}
	return -EPROTO;
}

static int take_fixed(struct pb_proto_span *m, size_t len, uint64_t *value)
{
	uint64_t v = 0;

	if ((size_t)(m->end - m->at) < len)
		return -EPROTO;
	for (size_t i = 0; i < len; i++)
		v |= (uint64_t)m->at[i] << (8 * i);
	m->at += len;
	*value = v;
	return 1;
}

static int take_value(struct pb_proto_span *m, struct pb_proto_field *f)
{
	uint64_t len;

	switch (f->wire) {
	case PB_PROTO_VARINT:
		return pb_proto_varint(m, &f->value);
	case PB_PROTO_FIXED64:
		return take_fixed(m, 8, &f->value);
	case PB_PROTO_FIXED32:
		return take_fixed(m, 4, &f->value);
	case PB_PROTO_BYTES:
		if (pb_proto_varint(m, &len) != 1 || len > (uint64_t)(m->end - m->at))
			return -EPROTO;
		f->bytes = (struct pb_proto_span){m->at, m->at + len};
		m->at += len;
		return 1;
	}
	return -EPROTO;
}

int pb_proto_next(struct pb_proto_span *message, struct pb_proto_field *field)
{
	struct pb_proto_span m = *message;
	struct pb_proto_field f = {0};
	uint64_t tag;
	int got = pb_proto_varint(&m, &tag);

	if (got != 1)
		return got;
	if (tag >> 3 == 0 || tag >> 3 > FIELD_NUMBER_MAX)
		return -EPROTO;
	f.number = (uint32_t)(tag >> 3);
	f.wire = (enum pb_proto_wire)(tag & 7);
	if (take_value(&m, &f) != 1)
		return -EPROTO;
	*message = m;
	*field = f;
	return 1;
}

void pb_proto_drop(struct pb_proto_buf *b)
{
	free(b->bytes);
	*b = (struct pb_proto_buf){0};
}

void pb_proto_clear(struct pb_proto_buf *b)
{
	b->len = 0;
}

static bool reserve(struct pb_proto_buf *b, size_t more)
{
	size_t need, capacity;
	unsigned char *bigger;

	if (b->failed || __builtin_add_overflow(b->len, more, &need)) {
		b->failed = true;
		return false;
	}
	if (need <= b->capacity)
		return true;
	capacity = need > SIZE_MAX / 2 ? need : 2 * need;
	bigger = realloc(b->bytes, capacity);
	if (!bigger) {
		b->failed = true;
		return false;
	}
	b->bytes = bigger;
	b->capacity = capacity;
	return true;
}

void pb_proto_put_varint(struct pb_proto_buf *b, uint64_t value)
{
	if (!reserve(b, VARINT_MAX))
		return;
	while (value >= 0x80) {
		b->bytes[b->len++] = (unsigned char)(value | 0x80);
		value >>= 7;
	}
	b->bytes[b->len++] = (unsigned char)value;
}

void pb_proto_put_uint(struct pb_proto_buf *b, uint32_t number, uint64_t value)
{
	if (!value)
		return;
	pb_proto_put_varint(b, (uint64_t)number << 3 | PB_PROTO_VARINT);
	pb_proto_put_varint(b, value);
}

void pb_proto_put_bytes(struct pb_proto_buf *b, uint32_t number, const void *bytes, size_t len)
{
	pb_proto_put_varint(b, (uint64_t)number << 3 | PB_PROTO_BYTES);
	pb_proto_put_varint(b, len);
	if (!len || !reserve(b, len))
		return;
	memcpy(b->bytes + b->len, bytes, len);
	b->len += len;
}

void pb_proto_put_part(struct pb_proto_buf *b, uint32_t number, const struct pb_proto_buf *part)
{
	if (part->failed)
		b->failed = true;
	pb_proto_put_bytes(b, number, part->bytes, part->len);
}
