/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Any bytes as the code of a function. The first byte: how many arguments. What is chosen must be an
 * instruction that the kernel emulates, and must not depend on what lies behind it, jumps aside, or on
 * arguments that nobody asked for.
 */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/probe/placement.h"

#define ADDR 0x7ffffffff000ull

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* The kernel's way to see it: the opcode, and no prefix. */
static size_t emulated_length(const uint8_t *code, size_t size)
{
	uint8_t b = code[0];

	if (b == 0x90 || (b >= 0x50 && b <= 0x57))
		return 1;
	if (size > 1 && ((b >= 0x70 && b <= 0x7f) || b == 0xeb ||
			 (b == 0x41 && code[1] >= 0x50 && code[1] <= 0x57)))
		return 2;
	if (size > 4 && b == 0xe9)
		return 5;
	if (size > 5 && b == 0x0f && code[1] >= 0x80 && code[1] <= 0x8f)
		return 6;
	return 0;
}

static struct pb_placement place(const uint8_t *code, size_t size, unsigned int n_args)
{
	/* Of its own, so that a look past its end is seen. */
	uint8_t *copy = malloc(size);
	struct pb_placement p;

	require(copy);
	memcpy(copy, code, size);
	memset(&p, 0xa5, sizeof(p));
	require(pb_placement_find(&p, EM_X86_64, copy, size, ADDR, n_args) == 0);
	free(copy);
	return p;
}

static void check_args(const struct pb_placement *p, unsigned int n_args)
{
	static const uint8_t convention[] = {5, 4, 1};
	bool moved = false;
	unsigned int i, k;

	for (i = 0; i < n_args; i++) {
		require(p->arg_regs[i] < 16 && p->arg_regs[i] != 7);
		for (k = 0; k < i; k++)
			require(p->arg_regs[k] != p->arg_regs[i]);
		moved |= p->arg_regs[i] != convention[i];
	}
	require(p->moved == moved);
}

static void check_text(const char *text, size_t size)
{
	size_t len = strnlen(text, size), i;

	require(len && len < size);
	for (i = 0; i < len; i++)
		require(text[i] >= 0x20 && text[i] < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int n_args;
	struct pb_placement p, shorter;
	size_t len;

	if (size < 2)
		return 0;
	n_args = data[0] % (PB_PLACEMENT_ARGS + 1);
	data++;
	size--;
	p = place(data, size, n_args);
	check_args(&p, n_args);
	check_text(p.instruction, sizeof(p.instruction));
	if (!p.emulated) {
		require(p.offset == 0 && !p.moved);
		return 0;
	}
	require(p.offset < size && p.offset < 4096);
	len = emulated_length(data + p.offset, size - p.offset);
	require(len);
	shorter = place(data, p.offset + len, n_args);
	require(shorter.emulated && shorter.offset == p.offset &&
		!memcmp(shorter.arg_regs, p.arg_regs, n_args));
	shorter = place(data, size, 0);
	require(shorter.emulated && shorter.offset == p.offset);
	return 0;
}
