/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Any bytes as .eh_frame or .debug_frame. The first byte: 1 .debug_frame, 2 arm64, 4 code in two
 * ranges, 8 an entry point. What comes out must be a table that a search can trust.
 */
#include <elf.h>
#include <stdint.h>
#include <stdlib.h>

#include "user/unwind/table.h"

#define VADDR     0x500000ull
#define LOOKED_UP 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* Every field that a rule does not use is 0, since equal rules are to be stored once. */
static void check_rule(const struct pb_unwind_rule *rule, uint16_t machine)
{
	require(rule->cfa <= PB_CFA_UNSUPPORTED && rule->fp <= PB_FP_UNDEFINED &&
		rule->ra <= PB_RA_REG);
	require(rule->reg < (machine == EM_X86_64 ? 16 : 32));
	if (rule->cfa == PB_CFA_NONE || rule->cfa >= PB_CFA_SIGNAL)
		require(!rule->fp && !rule->ra && !rule->reg && !rule->cfa_off && !rule->fp_off &&
			!rule->ra_off && !rule->cfa_add);
	if (rule->cfa != PB_CFA_REG && rule->ra != PB_RA_REG)
		require(!rule->reg);
	if (rule->fp != PB_FP_CFA && rule->fp != PB_FP_FP)
		require(!rule->fp_off);
	if (rule->ra == PB_RA_REG)
		require(!rule->ra_off);
}

static bool is_code(const struct pb_unwind_source *s, uint64_t addr)
{
	uint32_t i;

	for (i = 0; i < s->n_code; i++)
		if (addr >= s->code[i].start && addr < s->code[i].end)
			return true;
	return false;
}

/* One page: sorted, with its first row at its first byte, and no rule twice in a row. */
static void check_page(const struct pb_unwind_table *t, const struct pb_unwind_source *s,
		       uint32_t p)
{
	const struct pb_unwind_span *page = &t->pages[p];
	uint32_t i;

	if (!page->rows)
		return;
	require(page->first < t->n_rows && page->rows <= t->n_rows - page->first);
	require(page->rows <= PB_UNWIND_PAGE_ROWS_MAX);
	require(t->rows[page->first] >> 16 == 0);
	for (i = page->first; i < page->first + page->rows; i++) {
		uint64_t addr =
			t->base + ((uint64_t)p << PB_UNWIND_PAGE_SHIFT) + (t->rows[i] >> 16);
		uint32_t rule = t->rows[i] & UINT16_MAX;

		require(rule < t->n_rules);
		if (i > page->first) {
			require(t->rows[i - 1] >> 16 < t->rows[i] >> 16);
			require((t->rows[i - 1] & UINT16_MAX) != rule);
			/* Rules begin in code; one that goes on from the page before may be
			 * padding. */
			require(!rule || is_code(s, addr));
		}
		if (i - page->first < LOOKED_UP)
			require(pb_unwind_lookup(t, addr) == &t->rules[rule]);
	}
}

static void check(const struct pb_unwind_table *t, const struct pb_unwind_source *s)
{
	uint64_t rows = 0;
	uint32_t i;

	require(t->n_pages > 0 && t->n_pages <= 16384 && t->n_rows > 0 && t->n_rules > 1);
	require(t->base % (1u << PB_UNWIND_PAGE_SHIFT) == 0 && t->n_rules <= 4096);
	require(t->pages[0].rows && t->pages[t->n_pages - 1].rows);
	require(t->n_unsupported <= t->n_functions);
	for (i = 0; i < t->n_rules; i++)
		check_rule(&t->rules[i], s->machine);
	require(t->rules[0].cfa == PB_CFA_NONE);
	for (i = 0; i < t->n_pages; i++) {
		check_page(t, s, i);
		rows += t->pages[i].rows;
	}
	require(rows == t->n_rows);
	require(pb_unwind_lookup(t, t->base - 1) == &t->rules[0]);
	require(pb_unwind_lookup(t, UINT64_MAX) == &t->rules[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct pb_unwind_range code[] = {{0x1000, 0x40000}, {0x400000, 0x600000}};
	struct pb_unwind_source source = {.vaddr = VADDR, .machine = EM_X86_64, .code = code};
	pb_auto(pb_unwind_table) struct pb_unwind_table *t = NULL;

	if (!size)
		return 0;
	source.bytes = data + 1;
	source.size = size - 1;
	source.debug_frame = data[0] & 1;
	source.machine = data[0] & 2 ? EM_AARCH64 : EM_X86_64;
	source.n_code = data[0] & 4 ? 2 : 1;
	source.entry = data[0] & 8 ? 0x400ff0 : 0;
	/* With one range, that is where FDEs of pcrel addresses are. */
	if (source.n_code == 1)
		source.code++;
	if (!pb_unwind_compile(&t, &source))
		check(t, &source);
	return 0;
}
