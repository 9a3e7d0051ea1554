/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Which units a file has is read as it is opened; the functions of one, as an address first falls into it.
 */
#include "user/symbol/parse/dwarf_parts.h"

#include <dwarf.h>
#include <errno.h>

#include "user/core/grow.h"

#define UNITS_MAX (1u << 20)

static bool has_code(Dwarf_Die *die)
{
	return dwarf_hasattr(die, DW_AT_low_pc) || dwarf_hasattr(die, DW_AT_ranges);
}

static int add_unit(struct pb_dwarf *d, Dwarf_Die *die, uint8_t version, uint64_t size)
{
	struct pb_dwarf_unit *u;
	uint32_t before = d->by_addr.n;
	int err;

	/* Units that dwz made, and those of types, have no code. */
	if (!has_code(die) && dwarf_tag(die) != DW_TAG_compile_unit)
		return 0;
	if (d->n_units >= UNITS_MAX)
		return -E2BIG;
	err = pb_grow(&d->units, &d->units_room, (uint64_t)d->n_units + 1, sizeof(*d->units));
	if (err)
		return err;
	u = &d->units[d->n_units];
	*u = (struct pb_dwarf_unit){.die = *die, .version = version};
	u->end = (const uint8_t *)die->addr + size;
	err = pb_dwarf_entry_ranges(d, die, &d->by_addr, d->n_units);
	u->is_ranged = d->by_addr.n > before;
	u->is_scoped = pb_dwarf_name_is_scoped(die);
	/* One that has code, none of which was kept, is of no use any more. */
	if (!err && (u->is_ranged || !dwarf_hasattr(die, DW_AT_ranges)))
		d->n_units++;
	return err;
}

int pb_dwarf_unit_read_all(struct pb_dwarf *d, Dwarf *dwarf, struct pb_dwarf_bytes *info, bool keep)
{
	Dwarf_Off off = 0, next, first;
	size_t header;
	Dwarf_Half version;
	uint8_t type;
	Dwarf_Die die;
	int err = 0;

	while (!err && !dwarf_nextcu(dwarf, off, &next, &header, NULL, NULL, NULL)) {
		first = off + header;
		if (next <= off || first >= next)
			return -EPROTO;
		off = next;
		if (!dwarf_offdie(dwarf, first, &die) ||
		    dwarf_cu_info(die.cu, &version, &type, NULL, NULL, NULL, NULL, NULL))
			continue;
		if (!info->start)
			info->start = (const uint8_t *)die.addr - first;
		info->end = info->start + next;
		/* Of one whose functions lie in a .dwo file its ranges and lines are here. */
		if (keep)
			err = add_unit(d, &die, (uint8_t)version, next - first);
	}
	/* A section that holds something has a unit. */
	return err ? err : info->start ? 0 : -EPROTO;
}

static int add_function(struct pb_dwarf *d, struct pb_dwarf_unit *u, Dwarf_Die *die)
{
	uint32_t before = u->spans.n;
	int err;

	if (!has_code(die))
		return 0;
	err = pb_grow(&u->functions, &u->functions_room, (uint64_t)u->n_functions + 1,
		      sizeof(*u->functions));
	if (!err)
		err = pb_dwarf_entry_ranges(d, die, &u->spans, u->n_functions);
	if (!err && u->spans.n > before)
		u->functions[u->n_functions++] = die->addr;
	return err;
}

static void forget_functions(struct pb_dwarf *d, struct pb_dwarf_unit *u)
{
	d->n_ranges -= u->spans.n < d->n_ranges ? u->spans.n : d->n_ranges;
	u->n_functions = 0;
	u->spans.n = 0;
}

void pb_dwarf_unit_read(struct pb_dwarf *d, struct pb_dwarf_unit *u)
{
	Dwarf_Die die = u->die;
	uint32_t level = 0;
	int err = 0;

	if (u->has_functions)
		return;
	u->has_functions = true;
	/* They may lie in namespaces, classes, and blocks of other functions. */
	while (!err && pb_dwarf_entry_next(u, &die, level < PB_DWARF_DEPTH_MAX, &level))
		if (dwarf_tag(&die) == DW_TAG_subprogram)
			err = add_function(d, u, &die);
	if (err)
		forget_functions(d, u);
	pb_dwarf_span_sort(&u->spans);
}

void pb_dwarf_unit_range_all(struct pb_dwarf *d)
{
	uint32_t i, k, before = d->by_addr.n;
	int err = 0;

	for (i = 0; i < d->n_units && !err; i++) {
		struct pb_dwarf_unit *u = &d->units[i];

		if (u->is_ranged)
			continue;
		pb_dwarf_unit_read(d, u);
		for (k = 0; k < u->spans.n && !err; k++)
			err = pb_dwarf_span_add(&d->by_addr, u->spans.a[k].start, u->spans.a[k].end,
						i);
	}
	if (d->by_addr.n > before)
		pb_dwarf_span_sort(&d->by_addr);
	d->all_ranged = true;
}
