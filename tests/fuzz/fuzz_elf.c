/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Any bytes as an ELF file: headers, notes, sections, symbol tables, unwind tables, look-ups.
 */
#include <stdint.h>

#include "user/core/elf.h"
#include "user/symbol/parse/elfsyms.h"
#include "user/symbol/shared/symtab.h"
#include "user/unwind/module.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pb_auto(pb_unwind_table) struct pb_unwind_table *unwind = NULL;
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	uint64_t off, vaddr;
	uint8_t id[20];

	if (pb_elf_open_memory(&e, data, size))
		return 0;
	pb_elf_build_id(e, id, sizeof(id));
	pb_unwind_module(&unwind, e);
	for (off = 0; off < size; off += 4096)
		if (!pb_elf_code_vaddr(e, off, &vaddr) && unwind)
			pb_unwind_lookup(unwind, vaddr);
	if (pb_elf_functions(&t, e))
		return 0;
	pb_symtab_find(t, pb_elf_entry(e));
	for (off = 0; off < size; off += 61)
		if (!pb_elf_vaddr(e, off, &vaddr))
			pb_symtab_find(t, vaddr);
	return 0;
}
