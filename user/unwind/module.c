/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/unwind/module.h"

#include <errno.h>

#include "user/core/elf.h"
#include "user/unwind/section.h"

/* Return: -ENODATA if the section is missing, or has nothing in it. */
static int compile(struct pb_unwind_table **out, const struct pb_elf *e,
		   const struct pb_unwind_range *code, uint32_t n_code, bool debug_frame)
{
	struct pb_unwind_source source = {.machine = pb_elf_machine(e),
					  .debug_frame = debug_frame,
					  .code = code,
					  .n_code = n_code,
					  .entry = pb_elf_entry(e)};
	struct pb_elf_section section = {0};
	int err;

	err = pb_unwind_section(e, debug_frame, &section);
	if (err)
		return err;
	source.bytes = section.bytes;
	source.size = section.size;
	source.vaddr = section.vaddr;
	err = pb_unwind_compile(out, &source);
	free(section.bytes);
	return err;
}

int pb_unwind_module(struct pb_unwind_table **out, const struct pb_elf *elf)
{
	pb_autofree struct pb_unwind_range *code = NULL;
	uint32_t n_code;
	int err;

	if (!pb_elf_is64(elf))
		return -ENOEXEC;
	err = pb_unwind_code(elf, &code, &n_code);
	if (err)
		return err;
	err = compile(out, elf, code, n_code, false);
	if (err == -ENODATA)
		err = compile(out, elf, code, n_code, true);
	return err;
}
