/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Opens nothing by itself: what libdw would go and look for is put in its way. */
#include "user/symbol/parse/dwarf_parts.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INFLATED_MAX (1ull << 30) /* bytes of all compressed sections together */

static void widen_code(struct pb_dwarf_code *code, const GElf_Shdr *sh)
{
	if (!(sh->sh_flags & SHF_ALLOC) || !(sh->sh_flags & SHF_EXECINSTR) || !sh->sh_size ||
	    sh->sh_size > UINT64_MAX - sh->sh_addr)
		return;
	if (!code->end || sh->sh_addr < code->start)
		code->start = sh->sh_addr;
	if (sh->sh_addr + sh->sh_size > code->end)
		code->end = sh->sh_addr + sh->sh_size;
}

/* Bytes that all compressed sections take so far, with this one. */
static int add_inflated(Elf_Scn *scn, const GElf_Shdr *sh, uint64_t *bytes)
{
	GElf_Chdr ch;

	if (!(sh->sh_flags & SHF_COMPRESSED) || sh->sh_type == SHT_NOBITS)
		return 0;
	if (!gelf_getchdr(scn, &ch))
		return -EPROTO;
	if (ch.ch_size > INFLATED_MAX - *bytes)
		return -EFBIG;
	*bytes += ch.ch_size;
	return 0;
}

/* Where the code of a file is, if that is asked for, and whether it is worth opening. */
static int read_sections(Elf *elf, struct pb_dwarf_code *code)
{
	uint64_t inflated = 0;
	bool has_info = false;
	Elf_Scn *scn = NULL;
	const char *name;
	GElf_Ehdr ehdr;
	GElf_Shdr sh;
	size_t names, n;
	int err;

	if (!gelf_getehdr(elf, &ehdr) || elf_getshdrnum(elf, &n) ||
	    elf_getshdrstrndx(elf, &names) || (ehdr.e_shoff && !n))
		return -EPROTO;
	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &sh))
			return -EPROTO;
		if (code)
			widen_code(code, &sh);
		err = add_inflated(scn, &sh, &inflated);
		if (err)
			return err;
		name = elf_strptr(elf, names, sh.sh_name);
		if (name && sh.sh_type != SHT_NOBITS && sh.sh_size &&
		    (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info")))
			has_info = true;
	}
	return has_info ? 0 : -ENODATA;
}

/*
 * Done here, since libdw goes on without a section that it finds no memory for. What is damaged is left to
 * libdw. Return: 0; -ENOMEM.
 */
static int inflate_sections(Elf *elf)
{
	Elf_Scn *scn = NULL;
	const char *name;
	GElf_Shdr sh;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return 0;
	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &sh) || !(sh.sh_flags & SHF_COMPRESSED))
			continue;
		name = elf_strptr(elf, names, sh.sh_name);
		errno = 0;
		if (name && !strncmp(name, ".debug_", 7) && elf_compress(scn, 0, 0) < 0 &&
		    errno == ENOMEM)
			return -ENOMEM;
	}
	return 0;
}

static void init_nothing(struct pb_dwarf_nothing *n)
{
	static const char names[] = "\0.debug_frame\0.shstrtab";

	memcpy(n->names, names, sizeof(names));
	memcpy(n->ehdr.e_ident, ELFMAG, SELFMAG);
	n->ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	n->ehdr.e_ident[EI_DATA] =
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	n->ehdr.e_ident[EI_VERSION] = EV_CURRENT;
	n->ehdr.e_type = ET_DYN;
	n->ehdr.e_version = EV_CURRENT;
	n->ehdr.e_ehsize = sizeof(n->ehdr);
	n->ehdr.e_shoff = offsetof(struct pb_dwarf_nothing, shdrs);
	n->ehdr.e_shentsize = sizeof(*n->shdrs);
	n->ehdr.e_shnum = PB_ARRAY_SIZE(n->shdrs);
	n->ehdr.e_shstrndx = 2;
	n->shdrs[1] = (Elf64_Shdr){.sh_name = 1,
				   .sh_type = SHT_PROGBITS,
				   .sh_offset = offsetof(struct pb_dwarf_nothing, contents),
				   .sh_size = sizeof(n->contents),
				   .sh_addralign = 1};
	n->shdrs[2] = (Elf64_Shdr){.sh_name = sizeof(".debug_frame") + 1,
				   .sh_type = SHT_STRTAB,
				   .sh_offset = offsetof(struct pb_dwarf_nothing, names),
				   .sh_size = sizeof(n->names),
				   .sh_addralign = 1};
}

/* What dwz moved out. Without it libdw would go and look for it itself. */
static int open_alt(struct pb_dwarf *d, pb_wanted_open *open, void *ctx)
{
	struct pb_wanted wanted = {.kind = PB_WANTED_ALT};
	const char *name;
	const void *id;
	ssize_t id_len = dwelf_dwarf_gnu_debugaltlink(d->dwarf, &name, &id);

	if (id_len <= 0)
		return 0;
	if (open && id_len <= PB_WIRE_ID_MAX && strlen(name) < sizeof(wanted.name)) {
		memcpy(wanted.name, name, strlen(name) + 1);
		memcpy(wanted.build_id, id, (size_t)id_len);
		wanted.build_id_len = (uint32_t)id_len;
		d->alt_fd = open(ctx, &wanted);
	}
	if (d->alt_fd >= 0)
		d->alt_elf = elf_begin(d->alt_fd, ELF_C_READ_MMAP, NULL);
	if (d->alt_elf && !read_sections(d->alt_elf, NULL))
		d->alt = dwarf_begin_elf(d->alt_elf, DWARF_C_READ, NULL);
	if (d->alt && pb_dwarf_unit_read_all(d, d->alt, &d->alt_info, false)) {
		dwarf_end(d->alt);
		d->alt = NULL;
	}
	if (!d->alt) {
		elf_end(d->alt_elf);
		init_nothing(&d->nothing);
		d->alt_elf = elf_memory((char *)&d->nothing, sizeof(d->nothing));
		d->alt = d->alt_elf ? dwarf_begin_elf(d->alt_elf, DWARF_C_READ, NULL) : NULL;
	}
	if (!d->alt)
		return -ENOMEM;
	dwarf_setalt(d->dwarf, d->alt);
	return 0;
}

/* Where libdw, which has inflated it, found the lines. */
static void find_lines(struct pb_dwarf *d)
{
	Elf_Scn *scn = NULL;
	Elf_Data *data;
	const char *name;
	GElf_Shdr sh;
	size_t names;

	if (elf_getshdrstrndx(d->elf, &names))
		return;
	while (!d->lines.start && (scn = elf_nextscn(d->elf, scn))) {
		name = gelf_getshdr(scn, &sh) ? elf_strptr(d->elf, names, sh.sh_name) : NULL;
		if (!name || sh.sh_type == SHT_NOBITS ||
		    (strcmp(name, ".debug_line") && strcmp(name, ".zdebug_line")))
			continue;
		data = elf_rawdata(scn, NULL);
		if (data && data->d_buf)
			d->lines = (struct pb_dwarf_bytes){
				data->d_buf, (const uint8_t *)data->d_buf + data->d_size};
	}
}

/* libelf and libdw tell no want of memory from damage. Return: @err, or -ENOMEM by errno. */
static int blame_memory(int err)
{
	return errno == ENOMEM ? -ENOMEM : err;
}

int pb_dwarf_new(struct pb_dwarf **out, int fd, pb_wanted_open *open, void *ctx)
{
	pb_auto(pb_dwarf) struct pb_dwarf *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->alt_fd = -1;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return -EPROTO;
	errno = 0;
	d->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!d->elf || elf_kind(d->elf) != ELF_K_ELF)
		return blame_memory(-EPROTO);
	err = read_sections(d->elf, &d->code);
	if (err)
		return blame_memory(err);
	err = inflate_sections(d->elf);
	if (err)
		return err;
	errno = 0;
	d->dwarf = dwarf_begin_elf(d->elf, DWARF_C_READ, NULL);
	if (!d->dwarf)
		return blame_memory(-EPROTO);
	find_lines(d);
	err = open_alt(d, open, ctx);
	if (!err)
		err = pb_dwarf_unit_read_all(d, d->dwarf, &d->info, true);
	if (err)
		return err == -E2BIG ? -EFBIG : err;
	pb_dwarf_span_sort(&d->by_addr);
	*out = pb_take(d);
	return 0;
}

void pb_dwarf_free(struct pb_dwarf *d)
{
	uint32_t i;

	if (!d)
		return;
	for (i = 0; i < d->n_units; i++) {
		free(d->units[i].functions);
		free(d->units[i].spans.a);
		free(d->units[i].rows);
		free(d->units[i].paths);
	}
	pb_dwarf_name_free_scopes(d);
	pb_dwarf_text_free_all(d);
	/* An alternate belongs to whoever set it. */
	dwarf_end(d->dwarf);
	dwarf_end(d->alt);
	elf_end(d->alt_elf);
	elf_end(d->elf);
	if (d->alt_fd >= 0)
		close(d->alt_fd);
	free(d->units);
	free(d->by_addr.a);
	free(d->calls);
	free(d->call_spans.a);
	free(d);
}
