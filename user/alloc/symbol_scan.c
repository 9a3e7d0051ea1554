/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Symbols come in pieces, and so do their names: linkers write the names of .symtab in the order of the
 * symbols, so that a window over them moves forward; those of .dynsym have no order but are few, and fit into one.
 */
#include "user/alloc/symbol_scan.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/elf.h"
#include "user/core/own.h"

#define PIECE_SYMBOLS 16384u
#define WINDOW_BYTES  (16u << 20)
/* The largest programs (browsers with all their symbols) have some 10 million symbols with 1 GB of names. */
#define SYMBOLS_MAX   (32u << 20)
#define READ_MAX      (4ull << 30) /* of names, those that are read again counted again */

struct scan {
	const struct pb_elf *e;
	const Elf64_Shdr *strings;
	size_t name_max;
	char *window;
	uint64_t window_off, window_size; /* in strings */
	uint64_t read_bytes;
	pb_symbol_fn *on_symbol;
	void *ctx;
};

/* Have the bytes of strings from @off to @end in the window. */
static int move_window(struct scan *s, uint64_t off, uint64_t end)
{
	void *bytes;
	int err;

	if (s->window && off >= s->window_off && end <= s->window_off + s->window_size)
		return 0;
	/* All of it, where that is possible. */
	if (s->strings->sh_size <= WINDOW_BYTES)
		off = 0;
	free(s->window);
	s->window = NULL;
	s->window_off = off;
	s->window_size = s->strings->sh_size - off;
	if (s->window_size > WINDOW_BYTES)
		s->window_size = WINDOW_BYTES;
	if (s->window_size > READ_MAX - s->read_bytes)
		return -EFBIG;
	s->read_bytes += s->window_size;
	if (s->strings->sh_offset > UINT64_MAX - off)
		return -EPROTO;
	err = pb_elf_read(s->e, s->strings->sh_offset + off, s->window_size, &bytes);
	if (err)
		return err;
	s->window = bytes;
	return 0;
}

static int offer(struct scan *s, const Elf64_Sym *symbol)
{
	unsigned int type = ELF64_ST_TYPE(symbol->st_info);
	uint64_t off = symbol->st_name, room;
	const char *name, *version;
	size_t len;
	int err;

	if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol->st_shndx == SHN_UNDEF ||
	    symbol->st_shndx == SHN_ABS || symbol->st_shndx == SHN_COMMON || !symbol->st_value)
		return 0;
	if (off >= s->strings->sh_size)
		return -EPROTO;
	/* The name and its version, and what ends them. */
	room = s->strings->sh_size - off;
	if (room > 2 * s->name_max + 1)
		room = 2 * s->name_max + 1;
	err = move_window(s, off, off + room);
	if (err)
		return err;
	name = s->window + (off - s->window_off);
	len = strnlen(name, room);
	version = memchr(name, '@', len);
	if (version)
		len = (size_t)(version - name);
	if (!len || len > s->name_max || len == room)
		return 0;
	return s->on_symbol(s->ctx, symbol, name, len);
}

static int scan_table(struct scan *s, const Elf64_Shdr *table)
{
	uint64_t left = table->sh_size / sizeof(Elf64_Sym), off = table->sh_offset;
	int err = 0;

	if (left > SYMBOLS_MAX)
		return -EFBIG;
	while (!err && left) {
		uint32_t n = left < PIECE_SYMBOLS ? (uint32_t)left : PIECE_SYMBOLS, i;
		pb_autofree void *piece = NULL;
		Elf64_Sym symbol;

		err = pb_elf_read(s->e, off, n * sizeof(symbol), &piece);
		for (i = 0; !err && i < n; i++) {
			memcpy(&symbol, (char *)piece + i * sizeof(symbol), sizeof(symbol));
			err = offer(s, &symbol);
		}
		left -= n;
		off += n * sizeof(symbol); /* cannot wrap: what was read lies in the file */
	}
	return err;
}

int pb_symbol_scan(const struct pb_elf *e, uint32_t type, size_t name_max, pb_symbol_fn *on_symbol,
		   void *ctx)
{
	pb_autofree Elf64_Shdr *sections = NULL;
	struct scan s = {.e = e, .name_max = name_max, .on_symbol = on_symbol, .ctx = ctx};
	const Elf64_Shdr *table = NULL;
	uint32_t n, i;
	int err;

	if (!pb_elf_is64(e))
		return -EPROTO;
	err = pb_elf_sections(e, &sections, &n);
	if (err)
		return err;
	for (i = 0; i < n && !table; i++)
		if (sections[i].sh_type == type)
			table = &sections[i];
	if (!table)
		return -ENOENT;
	if (table->sh_entsize != sizeof(Elf64_Sym) || table->sh_link >= n ||
	    sections[table->sh_link].sh_type != SHT_STRTAB)
		return -EPROTO;
	s.strings = &sections[table->sh_link];
	err = scan_table(&s, table);
	free(s.window);
	return err;
}
