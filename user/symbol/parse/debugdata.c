/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/parse/debugdata.h"

#include <errno.h>
#include <lzma.h>
#include <stdlib.h>

#include "user/core/elf.h"
#include "user/core/own.h"

#define PACKED_MAX  (64u << 20)
/* The dictionary of xz -9 takes 65 MB. */
#define DECODER_MAX (80u << 20)
#define FIRST_BYTES (64u << 10)

/* What has been inflated so far. */
struct plain {
	uint8_t *bytes;
	size_t size, room;
};

static int grow(struct plain *p)
{
	size_t room = p->room ? p->room * 2 : FIRST_BYTES;
	uint8_t *bytes;

	if (p->room == PB_DEBUGDATA_MAX)
		return -EFBIG;
	if (room > PB_DEBUGDATA_MAX)
		room = PB_DEBUGDATA_MAX;
	bytes = realloc(p->bytes, room);
	if (!bytes)
		return -ENOMEM;
	p->bytes = bytes;
	p->room = room;
	return 0;
}

static int error_of(lzma_ret ret)
{
	switch (ret) {
	case LZMA_MEM_ERROR:
		return -ENOMEM;
	case LZMA_MEMLIMIT_ERROR:
		return -EFBIG;
	default:
		return -EPROTO;
	}
}

/* On failure, what @p holds is the caller's to free all the same. */
static int inflate_all(lzma_stream *xz, struct plain *p)
{
	lzma_ret ret = LZMA_OK;

	while (ret == LZMA_OK) {
		if (p->size == p->room) {
			int err = grow(p);

			if (err)
				return err;
		}
		xz->next_out = p->bytes + p->size;
		xz->avail_out = p->room - p->size;
		/* All of the input is there: what is missing at its end is an error at once. */
		ret = lzma_code(xz, LZMA_FINISH);
		p->size = p->room - xz->avail_out;
	}
	return ret == LZMA_STREAM_END ? 0 : error_of(ret);
}

static int unpack(const uint8_t *packed, size_t size, struct plain *p)
{
	lzma_stream xz = LZMA_STREAM_INIT;
	lzma_ret ret = lzma_stream_decoder(&xz, DECODER_MAX, 0);
	int err;

	if (ret != LZMA_OK)
		return error_of(ret);
	xz.next_in = packed;
	xz.avail_in = size;
	err = inflate_all(&xz, p);
	lzma_end(&xz);
	return err;
}

int pb_debugdata_read(const struct pb_elf *e, uint8_t **out, size_t *size)
{
	struct pb_elf_section section;
	struct plain plain = {0};
	int err;

	err = pb_elf_section(e, ".gnu_debugdata", PACKED_MAX, &section);
	if (err)
		return err == -ENOTSUP ? -EPROTO : err;
	err = unpack(section.bytes, section.size, &plain);
	free(section.bytes);
	if (err) {
		free(plain.bytes);
		return err;
	}
	*out = plain.bytes;
	*size = plain.size;
	return 0;
}
