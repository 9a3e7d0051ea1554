/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Assembles .eh_frame and .debug_frame by hand, byte by byte. */
#ifndef PB_TESTS_UNIT_UNWIND_SECTION_H
#define PB_TESTS_UNIT_UNWIND_SECTION_H

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/unwind/table.h"

#define SECTION_ROOM  (4u << 20)
#define SECTION_VADDR 0x500000ull

struct section {
	uint8_t *bytes;
	size_t size;
	bool debug_frame;
	uint16_t machine;
};

/* The bytes of a program, and how many: for the last two arguments of put_cie() and put_fde(). */
#define PROGRAM(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})
#define EMPTY        (const uint8_t[]){0}, 0

/* Instructions. */
#define ADVANCE(n)     (0x40 | (n))
#define OFFSET(reg, n) (0x80 | (reg)), (n)
#define RESTORE(reg)   (0xc0 | (reg))
#define NOP            0x00
#define REMEMBER       0x0a
#define RECALL         0x0b
#define DEF_CFA        0x0c
#define DEF_CFA_REG    0x0d
#define DEF_CFA_OFF    0x0e
#define UNKNOWN        0x3c

/* DWARF numbers of x86-64. */
#define RAX 0
#define RBX 3
#define RBP 6
#define RSP 7
#define R10 10
#define RIP 16

static inline void put(struct section *s, const void *bytes, size_t len)
{
	if (len > SECTION_ROOM - s->size)
		abort();
	memcpy(s->bytes + s->size, bytes, len);
	s->size += len;
}

static inline void put_n(struct section *s, uint64_t v, size_t len)
{
	put(s, &v, len);
}

static inline void put_uleb(struct section *s, uint64_t v)
{
	do {
		put_n(s, (v & 0x7f) | (v > 0x7f ? 0x80 : 0), 1);
		v >>= 7;
	} while (v);
}

/* Room for the length of an entry. */
static inline size_t begin_entry(struct section *s)
{
	put_n(s, 0, 4);
	return s->size - 4;
}

static inline void end_entry(struct section *s, size_t entry)
{
	uint32_t len = (uint32_t)(s->size - entry - 4);

	memcpy(s->bytes + entry, &len, sizeof(len));
}

/* The id of a CIE, of 32 bits. */
static inline void put_cie_id(struct section *s)
{
	put_n(s, s->debug_frame ? UINT32_MAX : 0, 4);
}

static inline void put_cie_pointer(struct section *s, size_t cie)
{
	put_n(s, s->debug_frame ? cie : s->size - cie, 4);
}

/* Version 1, code by 1, data by -8, as all compilers write them. @encoding: of 'R', if that is
 * among them. */
static inline size_t put_cie_as(struct section *s, const char *letters, uint8_t encoding,
				const uint8_t *program, size_t len)
{
	size_t cie = begin_entry(s);

	put_cie_id(s);
	put_n(s, 1, 1);
	put(s, letters, strlen(letters) + 1);
	put_n(s, 1, 1);
	put_n(s, 0x78, 1);
	put_n(s, s->machine == EM_X86_64 ? RIP : 30, 1);
	if (*letters) {
		put_n(s, 1, 1);
		put_n(s, encoding, 1);
	}
	put(s, program, len);
	end_entry(s, cie);
	return cie;
}

/* pcrel sdata4. On x86-64: CFA is rsp + 8, return address at CFA - 8; on arm64: CFA is sp. */
static inline size_t put_cie(struct section *s)
{
	if (s->machine == EM_X86_64)
		return put_cie_as(s, "zR", 0x1b, PROGRAM(DEF_CFA, RSP, 8, OFFSET(RIP, 1)));
	return put_cie_as(s, "zR", 0x1b, PROGRAM(DEF_CFA, 31, 0));
}

/* An FDE of a CIE with "zR" and pcrel sdata4. */
static inline size_t put_fde(struct section *s, size_t cie, uint64_t start, uint32_t len,
			     const uint8_t *program, size_t program_len)
{
	size_t fde = begin_entry(s);

	put_cie_pointer(s, cie);
	put_n(s, start - (SECTION_VADDR + s->size), 4);
	put_n(s, len, 4);
	put_n(s, 0, 1);
	put(s, program, program_len);
	end_entry(s, fde);
	return fde;
}

static inline void init_section(struct section *s)
{
	*s = (struct section){.bytes = malloc(SECTION_ROOM), .machine = EM_X86_64};
	if (!s->bytes)
		abort();
}

static inline void free_section(struct section *s)
{
	free(s->bytes);
}

/* As the source of a table; @code is borrowed. The bytes end where ASan sees what goes over. */
static inline struct pb_unwind_source source_of(struct section *s,
						const struct pb_unwind_range *code, uint32_t n_code)
{
	uint8_t *exact = malloc(s->size ? s->size : 1);

	if (!exact)
		abort();
	memcpy(exact, s->bytes, s->size);
	free(s->bytes);
	s->bytes = exact;
	return (struct pb_unwind_source){.bytes = s->bytes,
					 .size = s->size,
					 .vaddr = SECTION_VADDR,
					 .debug_frame = s->debug_frame,
					 .machine = s->machine,
					 .code = code,
					 .n_code = n_code};
}

#endif
