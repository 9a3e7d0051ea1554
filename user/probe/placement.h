/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Where in a function a uprobe is cheap.
 *
 * The kernel emulates a few instructions (push of a register, nop, jump, call); any other one it executes out of
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
	uint8_t arg_regs[PB_PLACEMENT_ARGS]; /* DWARF numbers of the registers that hold them there */
	char instruction[32]; /* what is probed, for people: "push r12" */
};

/**
 * pb_placement_find() - the cheapest instruction to probe at every call of a function.
 * @machine: e_machine of the file
 * @code: the function's bytes, hostile
 * @size: of them; at most the first 4 KB are looked at
 * @addr: of the first one, in the file's own addresses
 * @n_args: how many integer arguments have to be in registers there, 0 to PB_PLACEMENT_ARGS
 *
 * Looks along the straight line from the entry, through conditional jumps that are not taken. It ends where
 * the stack pointer changes, where an argument is in no register any more, at a call, return, or jump, and
 * at an instruction that is not understood. An instruction that anything in @code jumps to is passed
 * over: it would be hit more often than once per call. Copies of arguments from register to register
 * are followed.
 *
 * An instruction is eligible if the kernel emulates it (branch_setup_xol_ops() and push_setup_xol_ops() of
 * arch/x86/kernel/uprobes.c, as of 6.1). The probe sits before it executes, so an eligible push, call or jump
 * may end the line itself.
 *
 * Return: 0, also where nothing cheap was found; -ENOTSUP for another machine; -EINVAL without code;
 * -ENOMEM.
 */
int pb_placement_find(struct pb_placement *out, uint16_t machine, const uint8_t *code, size_t size,
		      uint64_t addr, unsigned int n_args);

#endif
