/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/jumps.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "user/core/elf.h"
#include "user/core/grow.h"

#define INSTRUCTION_MAX 15 /* bytes */
#define PIECE_RELAS     16384u
/* The largest programs have some million, of which a few thousand are for slots. */
#define RELAS_MAX       (16u << 20)
#define SLOTS_MAX       (1u << 20)

/* A word that the loader sets to the address of a symbol. */
struct slot {
	uint64_t addr;
	uint64_t symbol_off; /* of the symbol in the file */
};

struct pb_jumps {
	const struct pb_elf *e;
	bool have_slots;
	struct slot *slots; /* sorted by address */
	uint32_t n_slots, slots_size;
};

int pb_jumps_new(struct pb_jumps **out, const struct pb_elf *e)
{
	struct pb_jumps *j = calloc(1, sizeof(*j));

	if (!j)
		return -ENOMEM;
	j->e = e;
	*out = j;
	return 0;
}

void pb_jumps_free(struct pb_jumps *j)
{
	if (!j)
		return;
	free(j->slots);
	free(j);
}

uint64_t pb_jumps_code_at(const struct pb_elf *e, uint64_t addr, uint64_t *off)
{
	const Elf64_Phdr *loads;
	uint32_t n, i;

	loads = pb_elf_loads(e, &n);
	for (i = 0; i < n; i++) {
		const Elf64_Phdr *p = &loads[i];

		if (!(p->p_flags & PF_X) || addr < p->p_vaddr || addr - p->p_vaddr >= p->p_filesz)
			continue;
		if (p->p_offset > UINT64_MAX - (addr - p->p_vaddr))
			continue;
		*off = p->p_offset + (addr - p->p_vaddr);
		return p->p_filesz - (addr - p->p_vaddr);
	}
	return 0;
}

/* --- slots --- */

static int compare_slots(const void *pa, const void *pb)
{
	const struct slot *a = pa, *b = pb;

	return a->addr < b->addr ? -1 : a->addr > b->addr;
}

static int add_slot(struct pb_jumps *j, const Elf64_Rela *rela, const Elf64_Shdr *symbols)
{
	uint64_t type = ELF64_R_TYPE(rela->r_info), i = ELF64_R_SYM(rela->r_info);
	int err;

	if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT)
		return 0;
	if (i >= symbols->sh_size / sizeof(Elf64_Sym) || j->n_slots >= SLOTS_MAX ||
	    symbols->sh_offset > UINT64_MAX - symbols->sh_size)
		return 0;
	err = pb_grow(&j->slots, &j->slots_size, j->n_slots + 1ull, sizeof(*j->slots));
	if (err)
		return err;
	j->slots[j->n_slots++] =
		(struct slot){rela->r_offset, symbols->sh_offset + i * sizeof(Elf64_Sym)};
	return 0;
}

static int add_slots(struct pb_jumps *j, const Elf64_Shdr *relas, const Elf64_Shdr *symbols)
{
	uint64_t left = relas->sh_size / sizeof(Elf64_Rela), off = relas->sh_offset;
	int err = 0;

	if (left > RELAS_MAX)
		return 0;
	while (!err && left) {
		uint32_t n = left < PIECE_RELAS ? (uint32_t)left : PIECE_RELAS, i;
		pb_autofree void *piece = NULL;
		Elf64_Rela rela;

		err = pb_elf_read(j->e, off, n * sizeof(rela), &piece);
		for (i = 0; !err && i < n; i++) {
			memcpy(&rela, (char *)piece + i * sizeof(rela), sizeof(rela));
			err = add_slot(j, &rela, symbols);
		}
		left -= n;
		off += n * sizeof(rela);
	}
	return err;
}

/* From the tables that the loader reads, once, when the first jump through a slot is met. */
static int read_slots(struct pb_jumps *j)
{
	pb_autofree Elf64_Shdr *sections = NULL;
	uint32_t n, i;
	int err;

	if (j->have_slots)
		return 0;
	j->have_slots = true;
	err = pb_elf_sections(j->e, &sections, &n);
	for (i = 0; !err && i < n; i++) {
		const Elf64_Shdr *s = &sections[i];

		if (s->sh_type != SHT_RELA || s->sh_entsize != sizeof(Elf64_Rela) ||
		    s->sh_link >= n || sections[s->sh_link].sh_type != SHT_DYNSYM)
			continue;
		err = add_slots(j, s, &sections[s->sh_link]);
	}
	if (j->n_slots)
		qsort(j->slots, j->n_slots, sizeof(*j->slots), compare_slots);
	/* Tables that lie cost us a jump that is not seen through. */
	return err == -EPROTO ? 0 : err;
}

static int slot_target(struct pb_jumps *j, uint64_t addr, uint64_t *target)
{
	const struct slot key = {.addr = addr}, *slot;
	pb_autofree void *bytes = NULL;
	Elf64_Sym symbol;
	int err;

	err = read_slots(j);
	if (err)
		return err;
	slot = j->n_slots ? bsearch(&key, j->slots, j->n_slots, sizeof(key), compare_slots) : NULL;
	if (!slot)
		return -ENOENT;
	err = pb_elf_read(j->e, slot->symbol_off, sizeof(symbol), &bytes);
	if (err)
		return err == -EPROTO ? -ENOENT : err;
	memcpy(&symbol, bytes, sizeof(symbol));
	if (symbol.st_shndx == SHN_UNDEF || ELF64_ST_TYPE(symbol.st_info) != STT_FUNC)
		return -ENOENT;
	*target = symbol.st_value;
	return 0;
}

/* --- instructions --- */

static uint64_t displacement(const uint8_t *bytes)
{
	int32_t d;

	memcpy(&d, bytes, sizeof(d));
	return (uint64_t)(int64_t)d;
}

/*
 * Of @n bytes at @addr: the address that a jump there goes to, or takes its target from (@is_slot). Addresses
 * wrap, as in the machine. Return: whether it is a jump.
 */
static bool decode(const uint8_t *code, size_t n, uint64_t addr, uint64_t *to, bool *is_slot)
{
	static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
	size_t i = 0;

	if (n >= sizeof(endbr64) && !memcmp(code, endbr64, sizeof(endbr64)))
		i = sizeof(endbr64);
	if (i < n && code[i] == 0xf2) /* bnd */
		i++;
	*is_slot = false;
	if (n - i >= 5 && code[i] == 0xe9) {
		*to = addr + i + 5 + displacement(code + i + 1);
		return true;
	}
	if (n - i >= 2 && code[i] == 0xeb) {
		*to = addr + i + 2 + (uint64_t)(int64_t)(int8_t)code[i + 1];
		return true;
	}
	if (n - i >= 6 && code[i] == 0xff && code[i + 1] == 0x25) {
		*is_slot = true;
		*to = addr + i + 6 + displacement(code + i + 2);
		return true;
	}
	return false;
}

int pb_jumps_target(struct pb_jumps *j, uint64_t addr, uint64_t *target)
{
	pb_autofree void *code = NULL;
	uint64_t off, to, n;
	bool is_slot;
	int err;

	n = pb_elf_machine(j->e) == EM_X86_64 ? pb_jumps_code_at(j->e, addr, &off) : 0;
	if (!n)
		return -ENOENT;
	if (n > INSTRUCTION_MAX)
		n = INSTRUCTION_MAX;
	err = pb_elf_read(j->e, off, n, &code);
	if (err)
		return err == -EPROTO ? -ENOENT : err;
	if (!decode(code, n, addr, &to, &is_slot))
		return -ENOENT;
	if (is_slot) {
		err = slot_target(j, to, &to);
		if (err)
			return err;
	}
	if (!pb_jumps_code_at(j->e, to, &off))
		return -ENOENT;
	*target = to;
	return 0;
}
