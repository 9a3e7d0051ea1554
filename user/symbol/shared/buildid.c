/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/shared/buildid.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "user/core/elf.h"
#include "user/core/own.h"

#define SECTIONS_MAX  65536
#define NOTES_MAX     16
#define NOTE_SIZE_MAX (64u << 10)

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_DATA ELFDATA2LSB
#else
#define NATIVE_DATA ELFDATA2MSB
#endif

/* Where the section headers are. */
struct sections {
	uint64_t off;
	uint32_t n;
	bool is64;
};

static bool read_at(int fd, uint64_t off, void *buf, size_t len)
{
	size_t done = 0;

	if (off > INT64_MAX - len)
		return false;
	while (done < len) {
		ssize_t got = pread(fd, (char *)buf + done, len - done, (off_t)(off + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		done += (size_t)got;
	}
	return true;
}

static bool read_header(int fd, struct sections *s)
{
	uint8_t ident[EI_NIDENT];
	uint16_t entry_size;
	Elf64_Ehdr h64;
	Elf32_Ehdr h32;

	if (!read_at(fd, 0, ident, sizeof(ident)) || memcmp(ident, ELFMAG, SELFMAG) ||
	    ident[EI_DATA] != NATIVE_DATA)
		return false;
	s->is64 = ident[EI_CLASS] == ELFCLASS64;
	if (s->is64) {
		if (!read_at(fd, 0, &h64, sizeof(h64)))
			return false;
		s->off = h64.e_shoff;
		s->n = h64.e_shnum;
		entry_size = h64.e_shentsize;
	} else {
		if (ident[EI_CLASS] != ELFCLASS32 || !read_at(fd, 0, &h32, sizeof(h32)))
			return false;
		s->off = h32.e_shoff;
		s->n = h32.e_shnum;
		entry_size = h32.e_shentsize;
	}
	return entry_size == (s->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr));
}

/* What is needed of a section header, of either class. */
static Elf64_Shdr section_at(const struct sections *s, const uint8_t *table, uint32_t i)
{
	Elf64_Shdr wide = {0};
	Elf32_Shdr narrow;

	if (s->is64) {
		memcpy(&wide, table + i * sizeof(wide), sizeof(wide));
		return wide;
	}
	memcpy(&narrow, table + i * sizeof(narrow), sizeof(narrow));
	wide.sh_type = narrow.sh_type;
	wide.sh_offset = narrow.sh_offset;
	wide.sh_size = narrow.sh_size;
	wide.sh_addralign = narrow.sh_addralign;
	return wide;
}

static size_t read_note(int fd, const Elf64_Shdr *s, uint8_t *id, size_t size)
{
	pb_autofree uint8_t *notes = NULL;
	const uint8_t *found = NULL;
	size_t len;

	if (s->sh_size > NOTE_SIZE_MAX)
		return 0;
	notes = malloc(s->sh_size + 1);
	if (!notes || !read_at(fd, s->sh_offset, notes, s->sh_size))
		return 0;
	len = pb_elf_build_id_note(notes, s->sh_size, s->sh_addralign == 8 ? 8 : 4, &found);
	if (!len || len > size)
		return 0;
	memcpy(id, found, len);
	return len;
}

size_t pb_build_id_of(int fd, uint8_t *id, size_t size)
{
	pb_autofree uint8_t *table = NULL;
	uint32_t i, notes = 0;
	struct sections s;
	size_t len = 0, entry;

	if (!read_header(fd, &s) || !s.n || s.n > SECTIONS_MAX)
		return 0;
	entry = s.is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	table = malloc(s.n * entry);
	if (!table || !read_at(fd, s.off, table, s.n * entry))
		return 0;
	for (i = 0; i < s.n && !len && notes < NOTES_MAX; i++) {
		Elf64_Shdr section = section_at(&s, table, i);

		if (section.sh_type != SHT_NOTE)
			continue;
		notes++;
		len = read_note(fd, &section, id, size);
	}
	return len;
}
