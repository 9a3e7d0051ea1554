/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Any bytes as a perf map. What is found must cover the address that was asked for.
 */
#include <stdint.h>

#include "user/symbol/parse/perfmap.h"
#include "user/symbol/shared/symtab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;
	uint64_t addr;

	if (pb_symtab_new(&t) || pb_perfmap_parse(t, (const char *)data, size) ||
	    pb_symtab_finish(t, 1))
		return 0;
	for (addr = 1; addr; addr = addr << 1 | (addr >> 5 & 1)) {
		const struct pb_symbol *s = pb_symtab_find(t, addr);

		if (s && (addr < s->addr || addr - s->addr >= s->size || !s->name[0]))
			__builtin_trap();
		if (addr >> 63)
			break;
	}
	return 0;
}
