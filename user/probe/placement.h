/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where in a function a uprobe is cheap.
 *
 * The kernel emulates a few instructions (push of a register, nop, jump); any other one it executes out of
 * line with a single step, and the trap behind that costs some 15 times as much in a virtual machine. So a
 * probe that is to be hit at each call goes to the first instruction that is emulated, if nothing that
 * matters has happened before it.
 */
#ifndef PB_PROBE_PLACEMENT_H
#define PB_PROBE_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PB_PLACEMENT_ARGS 3

struct pb_placement {
	uint32_t offset; /* from the function's beginning, bytes */
	bool emulated;   /* false: nothing cheap was found, and offset is 0 */
	bool moved;      /* arguments are not all where the calling convention puts them */
	/* DWARF numbers of the registers that hold them there, as many as were asked for. */
	uint8_t arg_regs[PB_PLACEMENT_ARGS];
	char instruction[32]; /* what is probed, for people: "push r12" */
};

/**
 * pb_placement_find() - the cheapest instruction to probe at every call of a function.
 * @out: set on success; untouched on failure
 * @machine: e_machine of the file
 * @code: the function's bytes, hostile
 * @size: of them; at most the first 4 KB are looked at
 * @addr: of the first one, in the file's own addresses; only @out->instruction shows it
 * @n_args: how many integer arguments have to be in registers there, 0 to PB_PLACEMENT_ARGS
 *
 * Looks along the straight line from the entry to the first instruction that the kernel emulates. The line ends
 * before that where the stack pointer changes, where an argument is in no register any more, at a jump, call or
 * return that is not emulated, and at any instruction that is not known to be harmless. It also ends at an
 * instruction that a jump or call in @code goes to: that one and those behind it may be hit more
 * than once per call, or without the entry. Jumps back to the entry itself count as calls; targets that stand
 * in no instruction (a switch's table) are not seen. Copies of arguments from register to register are followed.
 *
 * Emulated are, by every kernel since 6.1 (branch_setup_xol_ops() and push_setup_xol_ops() of
 * arch/x86/kernel/uprobes.c): push r64, nop (90), jmp and jcc with 8 or 32 bits, all without a prefix but the
 * REX.B (41) of push r8 to r15. The probe sits before the instruction, so a push or jump may end the line
 * itself. What is not taken, though kernels emulate it, and why:
 * - call: with a user shadow stack (6.6) the emulation put no return address there until after 6.18, and the
 *   target dies. Compilers align the stack before they call, so none stands on the line anyway.
 * - prefixes: a branch with 66 is refused when the probe is attached, before 6.2 a nop with 66, too; a nop with
 *   REX.B is an xchg, which kernels until 6.18 at least skip.
 * - nops of several bytes: only since 6.16 and in some encodings; and 6.18 replaces one of 5 bytes by a call,
 *   which writes below the stack pointer, where the middle of a leaf function may keep something.
 *
 * Time and memory are bounded: some 0.4 ms at 4 KB, 30 us at 200 bytes.
 * Return: 0, also where nothing cheap was found; -ENOTSUP for another machine; -EINVAL without code or
 * with too many arguments; -ENOMEM.
 * Source: x86-64 psABI, 3.2.3 (arguments), figure 3.36 (DWARF numbers).
 */
int pb_placement_find(struct pb_placement *out, uint16_t machine, const uint8_t *code, size_t size,
		      uint64_t addr, unsigned int n_args);

#endif
