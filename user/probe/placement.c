/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What is decoded by whom: capstone says how long an instruction is and which registers it writes; what the
 * kernel emulates and where jumps go is read from the bytes, as the kernel and the processor do it.
 *
 * Instructions that may be passed over are listed one by one. All of them write nothing but their first
 * operand, so that this does not rest on capstone's tables of what is written silently.
 */
#include "user/probe/placement.h"

#include <capstone/capstone.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/core/own.h"

#define LOOKED_AT 4096u
#define N_REGS    16
#define REG_RSP   7

/* By DWARF number: all names by which an instruction writes to a register; the whole of it first. */
static const uint16_t reg_names[N_REGS][5] = {
	{X86_REG_RAX, X86_REG_EAX, X86_REG_AX, X86_REG_AL, X86_REG_AH},
	{X86_REG_RDX, X86_REG_EDX, X86_REG_DX, X86_REG_DL, X86_REG_DH},
	{X86_REG_RCX, X86_REG_ECX, X86_REG_CX, X86_REG_CL, X86_REG_CH},
	{X86_REG_RBX, X86_REG_EBX, X86_REG_BX, X86_REG_BL, X86_REG_BH},
	{X86_REG_RSI, X86_REG_ESI, X86_REG_SI, X86_REG_SIL},
	{X86_REG_RDI, X86_REG_EDI, X86_REG_DI, X86_REG_DIL},
	{X86_REG_RBP, X86_REG_EBP, X86_REG_BP, X86_REG_BPL},
	{X86_REG_RSP, X86_REG_ESP, X86_REG_SP, X86_REG_SPL},
	{X86_REG_R8, X86_REG_R8D, X86_REG_R8W, X86_REG_R8B},
	{X86_REG_R9, X86_REG_R9D, X86_REG_R9W, X86_REG_R9B},
	{X86_REG_R10, X86_REG_R10D, X86_REG_R10W, X86_REG_R10B},
	{X86_REG_R11, X86_REG_R11D, X86_REG_R11W, X86_REG_R11B},
	{X86_REG_R12, X86_REG_R12D, X86_REG_R12W, X86_REG_R12B},
	{X86_REG_R13, X86_REG_R13D, X86_REG_R13W, X86_REG_R13B},
	{X86_REG_R14, X86_REG_R14D, X86_REG_R14W, X86_REG_R14B},
	{X86_REG_R15, X86_REG_R15D, X86_REG_R15W, X86_REG_R15B},
};

/* Where arguments are at the entry: rdi, rsi, rdx. */
static const uint8_t convention[PB_PLACEMENT_ARGS] = {5, 4, 1};

/* These write nothing. */
static const uint16_t readers[] = {X86_INS_CMP, X86_INS_TEST, X86_INS_BT, X86_INS_NOP,
				   X86_INS_ENDBR64};

/* These write their first operand and flags, and fall through to the next instruction. */
static const uint16_t writers[] = {
	X86_INS_MOV,    X86_INS_MOVABS, X86_INS_LEA,    X86_INS_MOVZX,  X86_INS_MOVSX,
	X86_INS_MOVSXD, X86_INS_ADD,    X86_INS_SUB,    X86_INS_ADC,    X86_INS_SBB,
	X86_INS_AND,    X86_INS_OR,     X86_INS_XOR,    X86_INS_SHL,    X86_INS_SHR,
	X86_INS_SAR,    X86_INS_ROL,    X86_INS_ROR,    X86_INS_INC,    X86_INS_DEC,
	X86_INS_NEG,    X86_INS_NOT,    X86_INS_BSF,    X86_INS_BSR,    X86_INS_TZCNT,
	X86_INS_LZCNT,  X86_INS_POPCNT, X86_INS_BSWAP,  X86_INS_CMOVA,  X86_INS_CMOVAE,
	X86_INS_CMOVB,  X86_INS_CMOVBE, X86_INS_CMOVE,  X86_INS_CMOVNE, X86_INS_CMOVG,
	X86_INS_CMOVGE, X86_INS_CMOVL,  X86_INS_CMOVLE, X86_INS_CMOVS,  X86_INS_CMOVNS,
	X86_INS_SETA,   X86_INS_SETAE,  X86_INS_SETB,   X86_INS_SETBE,  X86_INS_SETE,
	X86_INS_SETNE,  X86_INS_SETG,   X86_INS_SETGE,  X86_INS_SETL,   X86_INS_SETLE,
	X86_INS_SETS,   X86_INS_SETNS,  X86_INS_MOVD,   X86_INS_MOVQ,   X86_INS_MOVAPS,
	X86_INS_MOVUPS, X86_INS_MOVDQA, X86_INS_MOVDQU, X86_INS_PXOR,   X86_INS_XORPS,
};

struct decoder {
	csh cs;
	cs_insn *insn;
};

static void decoder_close(struct decoder *d)
{
	if (d->insn)
		cs_free(d->insn, 1);
	if (d->cs)
		cs_close(&d->cs);
}

static int decoder_open(struct decoder *d)
{
	cs_err err = cs_open(CS_ARCH_X86, CS_MODE_64, &d->cs);

	if (err)
		return err == CS_ERR_MEM ? -ENOMEM : -ENOTSUP;
	if (cs_option(d->cs, CS_OPT_DETAIL, CS_OPT_ON))
		return -ENOMEM;
	d->insn = cs_malloc(d->cs);
	return d->insn ? 0 : -ENOMEM;
}

/* The length of the instruction at the beginning of the bytes, which d->insn then tells about; 0 if it is none. */
static uint32_t decode(struct decoder *d, const uint8_t *code, size_t size, uint64_t addr)
{
	return cs_disasm_iter(d->cs, &code, &size, &addr, d->insn) ? d->insn->size : 0;
}

/* See the header for what is missing here, and why. */
static bool is_emulated(const uint8_t *b, uint32_t len)
{
	switch (len) {
	case 1: /* nop; push rax to rdi */
		return b[0] == 0x90 || (b[0] & 0xf8) == 0x50;
	case 2: /* push r8 to r15; jmp rel8; jcc rel8 */
		return (b[0] == 0x41 && (b[1] & 0xf8) == 0x50) || b[0] == 0xeb ||
		       (b[0] & 0xf0) == 0x70;
	case 5: /* jmp rel32 */
		return b[0] == 0xe9;
	case 6: /* jcc rel32 */
		return b[0] == 0x0f && (b[1] & 0xf0) == 0x80;
	default:
		return false;
	}
}

static bool is_prefix(uint8_t b)
{
	static const uint8_t legacy[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
					 0x66, 0x67, 0xf0, 0xf2, 0xf3};

	return (b & 0xf0) == 0x40 || memchr(legacy, b, sizeof(legacy));
}

/* jmp, jcc, loop and jrcxz with 8 bits: their opcode is the last byte but one, behind prefixes only. */
static bool is_short_jump(const uint8_t *b, uint32_t len)
{
	uint32_t i;

	if (len < 2 ||
	    (b[len - 2] != 0xeb && (b[len - 2] & 0xf0) != 0x70 && (b[len - 2] & 0xfc) != 0xe0))
		return false;
	for (i = 0; i < len - 2; i++)
		if (!is_prefix(b[i]))
			return false;
	return true;
}

/* The length of a jump or call with 32 bits, prefixes aside; 0 if it is none. */
static uint32_t near_jump(const uint8_t *b, size_t size)
{
	if (size >= 5 && (b[0] == 0xe8 || b[0] == 0xe9))
		return 5;
	if (size >= 6 && ((b[0] == 0x0f && (b[1] & 0xf0) == 0x80) || /* jcc */
			  (b[0] == 0xc7 && b[1] == 0xf8)))           /* xbegin */
		return 6;
	return 0;
}

static int64_t signed32(const uint8_t *b)
{
	return (int32_t)(b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24);
}

/*
 * The lowest offset behind the entry that something jumps to; UINT32_MAX if nothing does.
 *
 * Short jumps are found along the instructions: only those near the entry matter, and there nothing has put the
 * decoder out of step yet. Near ones come from anywhere, also from behind data, so each byte may begin
 * one: that four chance bytes lead to the entry's neighbourhood is unlikely, and would only cost speed.
 */
static uint32_t first_target(struct decoder *d, const uint8_t *code, uint32_t size, uint64_t addr)
{
	uint32_t first = UINT32_MAX, off, len;
	int64_t target;

	for (off = 0; off < size; off += len) {
		len = decode(d, code + off, size - off, addr + off);
		if (!len) {
			len = 1;
		} else if (is_short_jump(code + off, len)) {
			target = (int64_t)off + len + (int8_t)code[off + len - 1];
			if (target > 0 && target < first)
				first = target;
		}
	}
	for (off = 0; off < size; off++) {
		len = near_jump(code + off, size - off);
		if (!len)
			continue;
		target = (int64_t)off + len + signed32(code + off + len - 4);
		if (target > 0 && target < first)
			first = target;
	}
	return first;
}

/* The DWARF number of the register that this is, or is a part of; -1 if it is no general one. */
static int dwarf_number(unsigned int reg, bool *whole)
{
	int i;
	size_t k;

	for (i = 0; reg != X86_REG_INVALID && i < N_REGS; i++)
		for (k = 0; k < PB_ARRAY_SIZE(reg_names[i]); k++)
			if (reg_names[i][k] == reg) {
				*whole = k == 0;
				return i;
			}
	return -1;
}

static bool is_one_of(const uint16_t *list, size_t n, unsigned int id)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (list[i] == id)
			return true;
	return false;
}

/* @held: which arguments each register holds, by DWARF number, a bit each. False: the line ends. */
static bool pass_over(const struct decoder *d, uint8_t *held)
{
	const cs_x86 *x86 = &d->insn->detail->x86;
	const cs_x86_op *to = &x86->operands[0], *from = &x86->operands[1];
	bool to_whole = false, from_whole = false;
	uint8_t copied = 0;
	int reg;

	if (is_one_of(readers, PB_ARRAY_SIZE(readers), d->insn->id))
		return true;
	/* lock and rep mean nothing that is expected here. */
	if (!is_one_of(writers, PB_ARRAY_SIZE(writers), d->insn->id) || x86->prefix[0] ||
	    !x86->op_count)
		return false;
	if (to->type != X86_OP_REG)
		return to->type == X86_OP_MEM;
	reg = dwarf_number(to->reg, &to_whole);
	if (reg == REG_RSP)
		return false;
	if (reg < 0) /* a vector register, for example */
		return true;
	if (d->insn->id == X86_INS_MOV && to_whole && x86->op_count == 2 &&
	    from->type == X86_OP_REG) {
		int source = dwarf_number(from->reg, &from_whole);

		if (source >= 0 && from_whole)
			copied = held[source];
	}
	held[reg] = copied;
	return true;
}

/* Where the arguments are now. False: one is lost. */
static bool locate(struct pb_placement *p, const uint8_t *held, unsigned int n_args)
{
	unsigned int i;

	p->moved = false;
	for (i = 0; i < n_args; i++) {
		uint8_t reg = convention[i];

		if (!(held[reg] & 1u << i)) {
			p->moved = true;
			for (reg = 0; reg < N_REGS && !(held[reg] & 1u << i);)
				reg++;
		}
		if (reg == N_REGS)
			return false;
		p->arg_regs[i] = reg;
	}
	return true;
}

static void describe(struct pb_placement *p, const cs_insn *insn)
{
	int len = snprintf(p->instruction, sizeof(p->instruction), "%s%s%s", insn->mnemonic,
			   insn->op_str[0] ? " " : "", insn->op_str);

	if (len >= (int)sizeof(p->instruction))
		memcpy(p->instruction + sizeof(p->instruction) - 3, "..", 3);
}

/* The entry, as it is without anything cheap. */
static struct pb_placement at_entry(struct decoder *d, const uint8_t *code, uint32_t size,
				    uint64_t addr)
{
	struct pb_placement p = {.instruction = "(not an instruction)"};

	memcpy(p.arg_regs, convention, sizeof(p.arg_regs));
	if (decode(d, code, size, addr))
		describe(&p, d->insn);
	return p;
}

static struct pb_placement search(struct decoder *d, const uint8_t *code, uint32_t size,
				  uint64_t addr, unsigned int n_args)
{
	uint32_t end = first_target(d, code, size, addr), off, len;
	struct pb_placement p = at_entry(d, code, size, addr), entry = p;
	uint8_t held[N_REGS] = {0};
	unsigned int i;

	for (i = 0; i < n_args; i++)
		held[convention[i]] |= 1u << i;
	for (off = 0; off < size && off < end && locate(&p, held, n_args); off += len) {
		len = decode(d, code + off, size - off, addr + off);
		if (len && is_emulated(code + off, len)) {
			p.offset = off;
			p.emulated = true;
			describe(&p, d->insn);
			return p;
		}
		if (!len || !pass_over(d, held))
			break;
	}
	return entry;
}

int pb_placement_find(struct pb_placement *out, uint16_t machine, const uint8_t *code, size_t size,
		      uint64_t addr, unsigned int n_args)
{
	struct decoder d = {0};
	int err;

	if (machine != EM_X86_64)
		return -ENOTSUP;
	if (!code || !size || n_args > PB_PLACEMENT_ARGS)
		return -EINVAL;
	err = decoder_open(&d);
	if (!err)
		*out = search(&d, code, size < LOOKED_AT ? size : LOOKED_AT, addr, n_args);
	decoder_close(&d);
	return err;
}
