/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The vdso: an ELF image that the kernel maps into every process, the same for all of one class. */
#ifndef PB_CORE_VDSO_H
#define PB_CORE_VDSO_H

struct pb_elf;

/**
 * pb_vdso_open() - our own vdso, which is that of every process of our word size.
 *
 * Return: 0; -ENOENT if we have none; -ENOEXEC if it is not what the kernel should give; -ENOMEM.
 */
int pb_vdso_open(struct pb_elf **out);

#endif
