/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/parse/dwarf_parts.h"

#include <stdlib.h>

#define TEXTS_MAX   (64u << 20) /* bytes of paths and names that are made here */
#define BLOCK_BYTES (64u << 10)

/* Texts that are made here live as long as the object. */
struct pb_dwarf_block {
	struct pb_dwarf_block *next;
	size_t used, size;
	char bytes[];
};

char *pb_dwarf_text_new(struct pb_dwarf *d, size_t len)
{
	size_t size = len + 1 > BLOCK_BYTES ? len + 1 : BLOCK_BYTES;
	struct pb_dwarf_block *b = d->texts;
	char *text;

	if (!b || b->size - b->used < len + 1) {
		if (size > TEXTS_MAX - d->text_bytes)
			return NULL;
		b = malloc(sizeof(*b) + size);
		if (!b)
			return NULL;
		*b = (struct pb_dwarf_block){.next = d->texts, .size = size};
		d->texts = b;
		d->text_bytes += size;
	}
	text = b->bytes + b->used;
	b->used += len + 1;
	text[len] = '\0';
	return text;
}

void pb_dwarf_text_free_all(struct pb_dwarf *d)
{
	while (d->texts) {
		struct pb_dwarf_block *next = d->texts->next;

		free(d->texts);
		d->texts = next;
	}
}
