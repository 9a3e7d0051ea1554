/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Any bytes as /proc/kallsyms. What is found must cover the address that was asked for.
 */
#include <stdint.h>
#include <string.h>

#include "user/symbol/kallsyms.h"
#include "user/symbol/shared/symtab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t wanted[] = {0,
					  0x1000,
					  0x1000,
					  0xffffffff81000000,
					  0xffffffff81000180,
					  0xffffffffc0200010,
					  0xffffffffc0600010,
					  UINT64_MAX};
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;
	pb_autofree char *text = malloc(size + !size);
	size_t i;

	if (!text || pb_symtab_new(&t))
		return 0;
	memcpy(text, data, size);
	if (pb_kallsyms_parse(t, text, size, wanted, PB_ARRAY_SIZE(wanted)) ||
	    pb_symtab_finish(t, 0))
		return 0;
	for (i = 0; i < PB_ARRAY_SIZE(wanted); i++) {
		const struct pb_symbol *s = pb_symtab_find(t, wanted[i]);

		if (s && (wanted[i] < s->addr || wanted[i] - s->addr >= s->size || !s->name[0]))
			__builtin_trap();
	}
	return 0;
}
