/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A tree of debug entries is walked in the order in which they are stored, once: dwarf_siblingof() says
 * where a list of siblings ends, and behind that goes on what surrounds it. Asking for the sibling of each
 * parent instead would read its children again at every level, where a producer (clang) does not write
 * DW_AT_sibling.
 */
#include "user/symbol/parse/dwarf_parts.h"

#include <dwarf.h>
#include <errno.h>
#include <string.h>

#define RANGES_MAX (8u << 20) /* of all units and functions together */

int pb_dwarf_entry_ranges(struct pb_dwarf *d, Dwarf_Die *die, struct pb_dwarf_spans *out,
			  uint32_t what)
{
	Dwarf_Addr base = 0, start, end;
	ptrdiff_t off = 0;
	int err = 0;

	while (!err && (off = dwarf_ranges(die, off, &base, &start, &end)) > 0) {
		if (d->n_ranges++ >= RANGES_MAX)
			return -E2BIG;
		if (start < end && pb_dwarf_is_code(d, start))
			err = pb_dwarf_span_add(out, start, end, what);
	}
	return err;
}

bool pb_dwarf_entry_next(const struct pb_dwarf_unit *u, Dwarf_Die *die, bool into, uint32_t *level)
{
	Dwarf_Die next = {0};
	const uint8_t *p;
	int rc;

	if (into && !dwarf_child(die, &next)) {
		*die = next;
		++*level;
		return true;
	}
	if (!*level)
		return false;
	rc = dwarf_siblingof(die, &next);
	if (!rc) {
		/* DW_AT_sibling may point anywhere. */
		if ((const uint8_t *)next.addr <= (const uint8_t *)die->addr ||
		    (const uint8_t *)next.addr >= u->end)
			return false;
		*die = next;
		return true;
	}
	if (rc < 0)
		return false;
	/* At the zero that ends this list; more of them end the lists around it. */
	for (p = next.addr; p && p < u->end && !*p; p++)
		if (!--*level)
			return false;
	if (!p || p >= u->end || p <= (const uint8_t *)die->addr)
		return false;
	*die = (Dwarf_Die){.addr = (void *)(uintptr_t)p, .cu = die->cu};
	return true;
}

const char *pb_dwarf_attr_string(const struct pb_dwarf *d, Dwarf_Attribute *attr)
{
	const uint8_t *p = attr->valp;
	const struct pb_dwarf_bytes *info = NULL;
	const char *s;

	if (dwarf_whatform(attr) == DW_FORM_string) {
		/* Stored in place: libdw does not look whether it ends. */
		if (p >= d->info.start && p < d->info.end)
			info = &d->info;
		else if (p >= d->alt_info.start && p < d->alt_info.end)
			info = &d->alt_info;
		if (!info || !memchr(p, 0, (size_t)(info->end - p)))
			return "";
	}
	s = dwarf_formstring(attr);
	return s ? s : "";
}

uint32_t pb_dwarf_attr_number(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	if (!dwarf_attr(die, name, &attr) || dwarf_formudata(&attr, &value) || value > UINT32_MAX)
		return 0;
	return (uint32_t)value;
}
