/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A line table is made of sequences, each of one stretch of code. Those of functions that the linker left
 * out begin at 0, and may reach to where code is (programs that can be loaded anywhere begin at 0x1000).
 * libdw sorts the rows of all, and then they cannot be told apart. So the table is read here once more, and
 * what begins where no code is is dropped. Source: DWARF 5, 6.2.4 (header), 6.2.5 (instructions).
 */
#include "user/symbol/parse/dwarf_parts.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/grow.h"

#define LINES_MAX (1ull << 29) /* bytes of line tables that are read here */

/* A row of a line table, as one that was read by sequences has them. */
struct pb_dwarf_row {
	uint64_t addr;
	uint32_t file, line;
	uint32_t order; /* in the table */
	bool ends;      /* the sequence; it says nothing about what follows */
};

struct cursor {
	const uint8_t *p, *end;
};

/* A line table's header, and its instructions. */
struct program {
	struct cursor code;
	uint8_t min_length, max_ops, line_range, opcode_base;
	int8_t line_base;
	const uint8_t *lengths; /* how many numbers follow the opcodes from 1 on */
};

/* The registers of the machine that makes rows of instructions. */
struct machine {
	struct pb_dwarf *d;
	struct pb_dwarf_unit *u;
	struct program p;
	uint64_t addr, op_index;
	uint32_t file, line;
	bool has_begun, is_kept; /* the sequence has a row; and it begins where code is */
};

static size_t left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}

/* A number of @n bytes, 8 at most; 0 and the end where there are not as many. */
static uint64_t take_bytes(struct cursor *c, size_t n)
{
	uint64_t value = 0;
	size_t i;

	if (left(c) < n) {
		c->p = c->end;
		return 0;
	}
	for (i = 0; i < n; i++)
		value |= (uint64_t)*c->p++ << 8 * i;
	return value;
}

static uint64_t take_leb(struct cursor *c, bool is_signed)
{
	uint64_t value = 0;
	uint32_t shift = 0;
	uint8_t byte = 0x80;

	while (left(c) && (byte & 0x80)) {
		byte = *c->p++;
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift = shift < 64 ? shift + 7 : shift;
	}
	if (is_signed && shift < 64 && (byte & 0x40))
		value |= UINT64_MAX << shift;
	return value;
}

/* The part that a length at the front of @c announces; @is_wide: as 64-bit DWARF. */
static bool take_part(struct cursor *c, bool is_wide, struct cursor *out)
{
	uint64_t n = take_bytes(c, is_wide ? 8 : 4);

	if (n > left(c))
		return false;
	*out = (struct cursor){c->p, c->p + n};
	return true;
}

static bool read_program(const struct pb_dwarf *d, struct pb_dwarf_unit *u, struct program *out)
{
	struct cursor c = {d->lines.start, d->lines.end}, header;
	Dwarf_Attribute attr;
	Dwarf_Word off;
	bool is_wide;
	uint64_t version;

	if (!dwarf_attr(&u->die, DW_AT_stmt_list, &attr) || dwarf_formudata(&attr, &off) ||
	    off >= left(&c) || left(&c) - off < 4)
		return false;
	c.p += off;
	is_wide = !memcmp(c.p, "\377\377\377\377", 4);
	c.p += is_wide ? 4 : 0;
	if (!take_part(&c, is_wide, &c))
		return false;
	version = take_bytes(&c, 2);
	if (version >= 5)
		take_bytes(&c, 2); /* sizes of addresses and selectors */
	if (version < 2 || version > 5 || !take_part(&c, is_wide, &header))
		return false;
	out->code = (struct cursor){header.end, c.end};
	out->min_length = (uint8_t)take_bytes(&header, 1);
	out->max_ops = version >= 4 ? (uint8_t)take_bytes(&header, 1) : 1;
	take_bytes(&header, 1); /* whether rows are statements unless told otherwise */
	out->line_base = (int8_t)take_bytes(&header, 1);
	out->line_range = (uint8_t)take_bytes(&header, 1);
	out->opcode_base = (uint8_t)take_bytes(&header, 1);
	out->lengths = header.p;
	return out->max_ops && out->line_range && out->opcode_base &&
	       left(&header) >= out->opcode_base - 1u;
}

static void begin_sequence(struct machine *m)
{
	m->addr = m->op_index = 0;
	m->file = m->line = 1;
	m->has_begun = false;
}

static int add_row(struct machine *m, bool ends)
{
	struct pb_dwarf_unit *u = m->u;
	int err;

	if (!m->has_begun)
		m->is_kept = pb_dwarf_is_code(m->d, m->addr);
	m->has_begun = true;
	if (!m->is_kept)
		return 0;
	err = pb_grow(&u->rows, &u->rows_room, (uint64_t)u->n_rows + 1, sizeof(*u->rows));
	if (err)
		return err;
	u->rows[u->n_rows] = (struct pb_dwarf_row){.addr = m->addr,
						   .file = m->file,
						   .line = m->line,
						   .order = u->n_rows,
						   .ends = ends};
	u->n_rows++;
	return 0;
}

static void advance(struct machine *m, uint64_t ops)
{
	m->op_index += ops;
	m->addr += m->p.min_length * (m->op_index / m->p.max_ops);
	m->op_index %= m->p.max_ops;
}

static int run_extended(struct machine *m)
{
	uint64_t len = take_leb(&m->p.code, false);
	struct cursor c = {m->p.code.p, m->p.code.p};
	int err = 0;

	if (!len || len > left(&m->p.code))
		return -EPROTO;
	c.end += len;
	m->p.code.p = c.end;
	switch (take_bytes(&c, 1)) {
	case DW_LNE_end_sequence:
		err = add_row(m, true);
		begin_sequence(m);
		break;
	case DW_LNE_set_address:
		m->addr = take_bytes(&c, left(&c) < 8 ? left(&c) : 8);
		m->op_index = 0;
		break;
	default:
		break;
	}
	return err;
}

static int run_instruction(struct machine *m)
{
	struct program *p = &m->p;
	uint8_t opcode = (uint8_t)take_bytes(&p->code, 1), i;

	if (opcode >= p->opcode_base) {
		opcode = (uint8_t)(opcode - p->opcode_base);
		advance(m, opcode / p->line_range);
		m->line += (uint32_t)(p->line_base + opcode % p->line_range);
		return add_row(m, false);
	}
	switch (opcode) {
	case 0:
		return run_extended(m);
	case DW_LNS_copy:
		return add_row(m, false);
	case DW_LNS_advance_pc:
		advance(m, take_leb(&p->code, false));
		return 0;
	case DW_LNS_advance_line:
		m->line += (uint32_t)take_leb(&p->code, true);
		return 0;
	case DW_LNS_set_file:
		m->file = (uint32_t)take_leb(&p->code, false);
		return 0;
	case DW_LNS_const_add_pc:
		advance(m, (255u - p->opcode_base) / p->line_range);
		return 0;
	case DW_LNS_fixed_advance_pc:
		m->addr += take_bytes(&p->code, 2);
		m->op_index = 0;
		return 0;
	default:
		for (i = 0; i < p->lengths[opcode - 1]; i++)
			take_leb(&p->code, false);
		return 0;
	}
}

/* By address, an end in front of what begins there. */
static int compare_rows(const void *pa, const void *pb)
{
	const struct pb_dwarf_row *a = pa, *b = pb;

	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	if (a->ends != b->ends)
		return a->ends ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

void pb_dwarf_row_read(struct pb_dwarf *d, struct pb_dwarf_unit *u)
{
	struct machine m = {.d = d, .u = u};
	int err = 0;

	u->is_sorted_out = true;
	if (!read_program(d, u, &m.p) || left(&m.p.code) > LINES_MAX - d->line_bytes)
		return;
	d->line_bytes += left(&m.p.code);
	begin_sequence(&m);
	while (!err && left(&m.p.code))
		err = run_instruction(&m);
	if (err)
		u->n_rows = 0;
	if (u->n_rows > 1)
		qsort(u->rows, u->n_rows, sizeof(*u->rows), compare_rows);
}

void pb_dwarf_row_find(struct pb_dwarf *d, struct pb_dwarf_unit *u, uint64_t vaddr,
		       struct pb_dwarf_frame *frame)
{
	uint32_t lo = 0, hi = u->n_rows;
	const struct pb_dwarf_row *row;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (u->rows[mid].addr <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	row = lo ? &u->rows[lo - 1] : NULL;
	if (!row || row->ends)
		return;
	frame->file = pb_dwarf_line_path(d, u, row->file);
	frame->line = row->line <= INT32_MAX ? row->line : 0;
}
