/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* All that is read here is hostile: see the top of user/core/elf.c. */
#include "user/symbol/parse/plt.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "user/core/elf.h"
#include "user/core/grow.h"
#include "user/core/own.h"
#include "user/symbol/shared/symtab.h"

/* Bounds, of all together; the largest program seen has 30 MB of relocations. */
#define RELAS_MAX   (256u << 20)
#define SYMBOLS_MAX (PB_SYMTAB_MAX * sizeof(Elf64_Sym))

#define SUFFIX "@plt"

/* A slot of the GOT that is filled with the address of a symbol. */
struct slot {
	uint64_t addr;
	uint32_t symbol;
};

struct tables {
	const struct pb_elf *e;
	struct slot *slots; /* sorted by addr */
	uint32_t n_slots, slots_room;
	uint64_t rela_bytes; /* read so far: sections may lie over each other */
	uint8_t *syms;       /* .dynsym */
	uint32_t n_syms;
	char *strings;
	size_t strings_size;
	struct pb_symtab *out;
};

/* A stub as its code tells it. */
struct stub {
	uint64_t start, size, slot;
};

static void free_tables(struct tables *t)
{
	free(t->slots);
	free(t->syms);
	free(t->strings);
	pb_symtab_free(t->out);
}

/* --- slots --- */

static bool fills_by_symbol(const struct tables *t, uint64_t info)
{
	uint32_t type = ELF64_R_TYPE(info);

	if (!ELF64_R_SYM(info))
		return false;
	if (pb_elf_machine(t->e) == EM_X86_64)
		return type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT;
	return type == R_AARCH64_JUMP_SLOT || type == R_AARCH64_GLOB_DAT;
}

static int add_relocations(struct tables *t, const Elf64_Shdr *section)
{
	pb_autofree void *bytes = NULL;
	uint64_t n = section->sh_size / sizeof(Elf64_Rela), i;
	int err;

	if (section->sh_entsize != sizeof(Elf64_Rela))
		return -EPROTO;
	if (section->sh_size > RELAS_MAX - t->rela_bytes)
		return -EFBIG;
	t->rela_bytes += section->sh_size;
	err = pb_elf_read(t->e, section->sh_offset, section->sh_size, &bytes);
	if (err)
		return err;
	for (i = 0; i < n; i++) {
		Elf64_Rela r;

		memcpy(&r, (const uint8_t *)bytes + i * sizeof(r), sizeof(r));
		/* With an addend it is some place behind the function. */
		if (!fills_by_symbol(t, r.r_info) || r.r_addend)
			continue;
		if (pb_grow(&t->slots, &t->slots_room, t->n_slots + 1ull, sizeof(*t->slots)))
			return -ENOMEM;
		t->slots[t->n_slots++] = (struct slot){r.r_offset, (uint32_t)ELF64_R_SYM(r.r_info)};
	}
	return 0;
}

static int read_symbols(struct tables *t, const Elf64_Shdr *dynsym, const Elf64_Shdr *strtab)
{
	void *bytes;
	int err;

	if (dynsym->sh_entsize != sizeof(Elf64_Sym) || strtab->sh_type != SHT_STRTAB)
		return -EPROTO;
	if (dynsym->sh_size > SYMBOLS_MAX || strtab->sh_size > PB_SYMTAB_NAME_BYTES_MAX)
		return -EFBIG;
	err = pb_elf_read(t->e, dynsym->sh_offset, dynsym->sh_size, &bytes);
	if (err)
		return err;
	t->syms = bytes;
	t->n_syms = (uint32_t)(dynsym->sh_size / sizeof(Elf64_Sym));
	err = pb_elf_read(t->e, strtab->sh_offset, strtab->sh_size, &bytes);
	if (err)
		return err;
	t->strings = bytes;
	t->strings_size = strtab->sh_size;
	return 0;
}

static int compare_slots(const void *pa, const void *pb)
{
	const struct slot *a = pa, *b = pb;

	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	return a->symbol < b->symbol ? -1 : a->symbol > b->symbol;
}

/* The relocations that go with .dynsym, and what they name. Return: -ENOENT without. */
static int read_slots(struct tables *t)
{
	pb_autofree Elf64_Shdr *sections = NULL;
	uint32_t n, dynsym, i;
	int err;

	err = pb_elf_sections(t->e, &sections, &n);
	if (err)
		return err;
	for (dynsym = 0; dynsym < n && sections[dynsym].sh_type != SHT_DYNSYM; dynsym++)
		;
	if (dynsym == n)
		return -ENOENT;
	if (sections[dynsym].sh_link >= n)
		return -EPROTO;
	for (i = 0; !err && i < n; i++)
		if (sections[i].sh_type == SHT_RELA && (sections[i].sh_flags & SHF_ALLOC) &&
		    sections[i].sh_link == dynsym)
			err = add_relocations(t, &sections[i]);
	if (err)
		return err;
	if (!t->n_slots)
		return -ENOENT;
	qsort(t->slots, t->n_slots, sizeof(*t->slots), compare_slots);
	return read_symbols(t, &sections[dynsym], &sections[sections[dynsym].sh_link]);
}

/* The one symbol that a slot is filled with, or NULL. */
static const char *name_of_slot(const struct tables *t, uint64_t addr, size_t *len)
{
	uint32_t lo = 0, hi = t->n_slots;
	Elf64_Sym s;
	size_t room;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->slots[mid].addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == t->n_slots || t->slots[lo].addr != addr || t->slots[lo].symbol >= t->n_syms)
		return NULL;
	if (lo + 1 < t->n_slots && t->slots[lo + 1].addr == addr &&
	    t->slots[lo + 1].symbol != t->slots[lo].symbol)
		return NULL;
	memcpy(&s, t->syms + t->slots[lo].symbol * sizeof(s), sizeof(s));
	if (s.st_name >= t->strings_size)
		return NULL;
	room = t->strings_size - s.st_name;
	*len = strnlen(t->strings + s.st_name, room);
	return *len && *len < room ? t->strings + s.st_name : NULL;
}

/* --- stubs --- */

static int add_stub(struct tables *t, const struct stub *stub)
{
	pb_autofree char *text = NULL;
	const char *name;
	size_t len;

	name = name_of_slot(t, stub->slot, &len);
	if (!name || len > PB_SYMTAB_NAME_MAX - sizeof(SUFFIX))
		return 0;
	text = malloc(len + sizeof(SUFFIX));
	if (!text)
		return -ENOMEM;
	memcpy(text, name, len);
	memcpy(text + len, SUFFIX, sizeof(SUFFIX));
	return pb_symtab_add(t->out, stub->start, stub->size, PB_SYMBOL_LOCAL, text,
			     len + sizeof(SUFFIX) - 1);
}

/*
 * Stubs begin at multiples of 8 or 16 bytes: [endbr64] [bnd] jmp *slot(%rip). What follows in a stub of 16
 * is for its first call. Stubs that only push a number and jump to the first one name no slot.
 */
static bool decode_x86(const struct pb_elf_section *s, size_t off, struct stub *out)
{
	static const uint8_t landing[] = {0xf3, 0x0f, 0x1e, 0xfa};
	size_t at = off;
	int32_t relative;

	if (s->size - at >= sizeof(landing) && !memcmp(s->bytes + at, landing, sizeof(landing)))
		at += sizeof(landing);
	if (at < s->size && s->bytes[at] == 0xf2)
		at++;
	if (s->size - at < 6 || s->bytes[at] != 0xff || s->bytes[at + 1] != 0x25)
		return false;
	memcpy(&relative, s->bytes + at + 2, sizeof(relative));
	at += 6;
	out->start = s->vaddr + off;
	out->size = at - off;
	out->slot = s->vaddr + at + (uint64_t)(int64_t)relative;
	return true;
}

static int add_x86_stubs(struct tables *t, const struct pb_elf_section *s)
{
	size_t off = 0;
	int err = 0;

	while (!err && off < s->size) {
		struct stub stub;
		size_t len = 8;

		if (decode_x86(s, off, &stub)) {
			size_t end = off + 16;

			/* push $index; jmp to the first stub: what lazy binding goes on with. */
			if (stub.size == 6 && end <= s->size && s->bytes[off + 6] == 0x68 &&
			    s->bytes[off + 11] == 0xe9)
				stub.size = 16;
			len = stub.size > 8 ? 16 : 8;
			err = add_stub(t, &stub);
		}
		off += len;
	}
	return err;
}

static uint32_t insn_at(const struct pb_elf_section *s, size_t off)
{
	uint32_t insn = 0;

	if (off <= s->size && s->size - off >= sizeof(insn))
		memcpy(&insn, s->bytes + off, sizeof(insn));
	return insn;
}

/* [bti c] adrp x16, page; ldr x17, [x16, #off]; add x16, x16, #off; [autia1716] br x17 */
static bool decode_arm64(const struct pb_elf_section *s, size_t off, struct stub *out)
{
	const uint32_t bti_c = 0xd503245f, autia1716 = 0xd503219f, br_x17 = 0xd61f0220;
	size_t at = off + (insn_at(s, off) == bti_c ? 4 : 0);
	uint32_t adrp = insn_at(s, at), ldr = insn_at(s, at + 4), add = insn_at(s, at + 8);
	uint64_t page = (s->vaddr + at) & ~0xfffull;
	int64_t pages;

	if ((adrp & 0x9f00001f) != 0x90000010 || (ldr & 0xffc003ff) != 0xf9400211 ||
	    (add & 0xff8003ff) != 0x91000210)
		return false;
	at += 12;
	if (insn_at(s, at) == autia1716)
		at += 4;
	if (insn_at(s, at) != br_x17)
		return false;
	/* 21 bits, signed: two low ones at bit 29, the rest from bit 5. */
	pages = (int64_t)((adrp >> 29 & 3) | (adrp >> 5 & 0x7ffff) << 2);
	pages -= (pages & 0x100000) << 1;
	out->start = s->vaddr + off;
	out->size = at + 4 - off;
	out->slot = page + (uint64_t)pages * 4096 + (ldr >> 10 & 0xfff) * 8;
	return true;
}

static int add_arm64_stubs(struct tables *t, const struct pb_elf_section *s)
{
	size_t off = 0;
	int err = 0;

	while (!err && off < s->size) {
		struct stub stub = {.size = 4};

		if (decode_arm64(s, off, &stub))
			err = add_stub(t, &stub);
		off += stub.size;
	}
	return err;
}

static int add_section(struct tables *t, uint32_t plt)
{
	struct pb_elf_section s;
	int err;

	err = pb_elf_plt(t->e, plt, &s);
	if (err)
		return err == -ENOENT ? 0 : err;
	if (s.size > UINT64_MAX - s.vaddr)
		err = -EPROTO;
	else if (pb_elf_machine(t->e) == EM_X86_64)
		err = add_x86_stubs(t, &s);
	else
		err = add_arm64_stubs(t, &s);
	free(s.bytes);
	return err;
}

static int build(struct tables *t)
{
	uint16_t machine = pb_elf_machine(t->e);
	uint32_t i;
	int err;

	err = pb_symtab_new(&t->out);
	if (err || !pb_elf_is64(t->e) || (machine != EM_X86_64 && machine != EM_AARCH64))
		return err;
	err = read_slots(t);
	for (i = 0; !err && i < PB_ELF_PLTS; i++)
		err = add_section(t, i);
	if (err == -ENOENT)
		err = 0;
	return err ? err : pb_symtab_finish(t->out, 0);
}

int pb_plt_functions(struct pb_symtab **out, const struct pb_elf *e)
{
	struct tables t = {.e = e};
	int err = build(&t);

	if (!err)
		*out = pb_take(t.out);
	free_tables(&t);
	return err;
}
