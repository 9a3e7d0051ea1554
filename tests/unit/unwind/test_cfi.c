/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/unwind/cfi.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "section.h"

#define START 0x401000ull
#define LEN   0x100u

#define ROWS_MAX 64

struct rows {
	struct {
		uint64_t addr;
		struct pb_unwind_rule rule;
	} row[ROWS_MAX];
	uint32_t n;
};

static void take_row(void *ctx, uint64_t addr, const struct pb_unwind_rule *rule)
{
	struct rows *rows = ctx;

	assert_true(rows->n < ROWS_MAX);
	if (rows->n)
		assert_true(addr > rows->row[rows->n - 1].addr);
	rows->row[rows->n].addr = addr;
	rows->row[rows->n++].rule = *rule;
}

/* Goes through the section; what it ends with is the last FDE. Return: FDEs. */
static uint32_t read_all(struct pb_cfi *c, struct pb_fde *last, uint32_t *n_malformed)
{
	enum pb_cfi_entry kind;
	struct pb_fde fde;
	uint32_t n = 0;
	size_t off = 0;

	*n_malformed = 0;
	while ((kind = pb_cfi_next(c, &off, &fde)) != PB_CFI_END) {
		if (kind == PB_CFI_MALFORMED)
			++*n_malformed;
		if (kind == PB_CFI_FDE) {
			*last = fde;
			n++;
		}
	}
	return n;
}

/* The rows of the last FDE of a section, which is freed. */
static struct rows rows_of(struct section *s)
{
	struct pb_unwind_source source = source_of(s, NULL, 0);
	pb_auto(pb_cfi) struct pb_cfi *c = NULL;
	struct rows rows = {.n = 0};
	uint32_t n_malformed;
	struct pb_fde fde;

	assert_int_equal(pb_cfi_new(&c, &source), 0);
	assert_true(read_all(c, &fde, &n_malformed) > 0);
	assert_int_equal(n_malformed, 0);
	assert_int_equal(pb_cfi_run(c, &fde, fde.start, fde.end, take_row, &rows), 0);
	free_section(s);
	assert_int_equal(rows.row[0].addr, fde.start);
	return rows;
}

/* The rows of a program on x86-64, which begins with CFA = rsp + 8. */
static struct rows rows_of_program(const uint8_t *program, size_t len)
{
	struct section s;

	init_section(&s);
	put_fde(&s, put_cie(&s), START, LEN, program, len);
	return rows_of(&s);
}

/* The rule that a program ends with. */
static struct pb_unwind_rule rule_of(const uint8_t *program, size_t len)
{
	struct rows rows = rows_of_program(program, len);

	assert_int_equal(rows.n, 1);
	return rows.row[0].rule;
}

static void assert_rule(struct pb_unwind_rule rule, struct pb_unwind_rule expected)
{
	if (memcmp(&rule, &expected, sizeof(rule)) != 0)
		fail_msg(
			"cfa %u fp %u ra %u reg %u: %d %d %d %d; expected %u %u %u %u: %d %d %d %d",
			rule.cfa, rule.fp, rule.ra, rule.reg, rule.cfa_off, rule.fp_off,
			rule.ra_off, rule.cfa_add, expected.cfa, expected.fp, expected.ra,
			expected.reg, expected.cfa_off, expected.fp_off, expected.ra_off,
			expected.cfa_add);
}

#define RULE(...)    ((struct pb_unwind_rule){__VA_ARGS__})
#define UNSUPPORTED  RULE(.cfa = PB_CFA_UNSUPPORTED)
#define SP_RULE(off) RULE(.cfa = PB_CFA_SP, .cfa_off = (off), .ra_off = -8)
#define FP_SAVED(o)  .fp = PB_FP_CFA, .fp_off = (o)

static void assert_row(const struct rows *rows, uint32_t i, uint64_t addr,
		       struct pb_unwind_rule expected)
{
	assert_true(i < rows->n);
	assert_int_equal(rows->row[i].addr, addr);
	assert_rule(rows->row[i].rule, expected);
}

static void a_function_with_a_frame_has_four_rules(void **state)
{
	struct rows rows = rows_of_program(
		PROGRAM(ADVANCE(1), DEF_CFA_OFF, 16, OFFSET(RBP, 2), ADVANCE(3), DEF_CFA_REG, RBP,
			0x02, 200, /* advance_loc1 */ DEF_CFA, RSP, 8, RESTORE(RBP), NOP, NOP));

	(void)state;
	assert_int_equal(rows.n, 4);
	assert_row(&rows, 0, START, SP_RULE(8));
	assert_row(&rows, 1, START + 1,
		   RULE(.cfa = PB_CFA_SP, .cfa_off = 16, .ra_off = -8, FP_SAVED(-16)));
	assert_row(&rows, 2, START + 4,
		   RULE(.cfa = PB_CFA_FP, .cfa_off = 16, .ra_off = -8, FP_SAVED(-16)));
	assert_row(&rows, 3, START + 204, SP_RULE(8));
}

static void all_ways_to_advance_are_known(void **state)
{
	struct section s;
	struct rows rows;
	size_t fde;

	(void)state;
	init_section(&s);
	fde = put_fde(&s, put_cie(&s), START, 0x200000,
		      PROGRAM(0x02, 0x10, DEF_CFA_OFF, 1, 0x03, 0x00, 0x01, DEF_CFA_OFF, 2, 0x04, 0,
			      0, 0x10, 0, DEF_CFA_OFF, 3, 0x01));
	put_n(&s, START + 0x180000 - (SECTION_VADDR + s.size), 4); /* of set_loc */
	put(&s, PROGRAM(DEF_CFA_OFF, 4));
	end_entry(&s, fde);
	rows = rows_of(&s);
	assert_int_equal(rows.n, 5);
	assert_row(&rows, 1, START + 0x10, SP_RULE(1));
	assert_row(&rows, 2, START + 0x110, SP_RULE(2));
	assert_row(&rows, 3, START + 0x100110, SP_RULE(3));
	assert_row(&rows, 4, START + 0x180000, SP_RULE(4));
}

static void rows_outside_of_what_is_asked_for_are_not_given(void **state)
{
	pb_auto(pb_cfi) struct pb_cfi *c = NULL;
	struct pb_unwind_source source;
	struct rows rows = {.n = 0};
	uint32_t n_malformed;
	struct pb_fde fde;
	struct section s;

	(void)state;
	init_section(&s);
	put_fde(&s, put_cie(&s), START, LEN,
		PROGRAM(ADVANCE(8), DEF_CFA_OFF, 16, ADVANCE(8), DEF_CFA_OFF, 24, ADVANCE(8),
			DEF_CFA_OFF, 32));
	source = source_of(&s, NULL, 0);
	assert_int_equal(pb_cfi_new(&c, &source), 0);
	assert_int_equal(read_all(c, &fde, &n_malformed), 1);
	assert_int_equal(pb_cfi_run(c, &fde, START + 9, START + 17, take_row, &rows), 0);
	assert_int_equal(rows.n, 2);
	assert_row(&rows, 0, START + 9, SP_RULE(16));
	assert_row(&rows, 1, START + 16, SP_RULE(24));
	rows.n = 0;
	assert_int_equal(pb_cfi_run(c, &fde, START + 0x80, START + 0x81, take_row, &rows), 0);
	assert_int_equal(rows.n, 1);
	assert_row(&rows, 0, START + 0x80, SP_RULE(32));
	free_section(&s);
}

/* A CFA expression of at most 127 bytes. */
#define CFA_EXPR(...) 0x0f, sizeof((const uint8_t[]){__VA_ARGS__}), __VA_ARGS__

static void cfa_expressions_become_rules(void **state)
{
	(void)state;
	assert_rule(rule_of(PROGRAM(CFA_EXPR(0x76, 0x78, 0x06))), /* breg6 -8, deref */
		    RULE(.cfa = PB_CFA_DEREF_FP, .cfa_off = -8, .ra_off = -8));
	assert_rule(rule_of(PROGRAM(CFA_EXPR(0x77, 0x38, 0x06, 0x23, 8))), /* plus_uconst 8 */
		    RULE(.cfa = PB_CFA_DEREF_SP, .cfa_off = 56, .cfa_add = 8, .ra_off = -8));
	assert_rule(rule_of(PROGRAM(CFA_EXPR(0x77, 0x08, 0x38, 0x22, 0x06, 0x38, 0x1c))),
		    RULE(.cfa = PB_CFA_DEREF_SP, .cfa_off = 16, .cfa_add = -8, .ra_off = -8));
	assert_rule(rule_of(PROGRAM(CFA_EXPR(0x77, 0x10))), SP_RULE(16)); /* breg7 16 */
	assert_rule(rule_of(PROGRAM(CFA_EXPR(0x92, RSP, 0x10, 0x96))),
		    SP_RULE(16)); /* bregx, nop */
	assert_rule(rule_of(PROGRAM(CFA_EXPR(0x70, 0x10, 0x0a, 0x00, 0x01, 0x22))),
		    RULE(.cfa = PB_CFA_REG, .reg = RAX, .cfa_off = 0x110, .ra_off = -8));
	/* An expression that a rule cannot say, and what is no expression. */
	assert_rule(rule_of(PROGRAM(CFA_EXPR(0x70, 0x00, 0x06))), UNSUPPORTED);
	assert_rule(rule_of(PROGRAM(CFA_EXPR(0x77, 0, 0x79, 0, 0x38, 0x1e, 0x22, 0x06))),
		    UNSUPPORTED);
	assert_rule(rule_of(PROGRAM(CFA_EXPR(0x77, 0, 0x06, 0x06))), UNSUPPORTED);
	assert_rule(rule_of(PROGRAM(CFA_EXPR(0x77))), UNSUPPORTED);
	assert_rule(rule_of(PROGRAM(CFA_EXPR(0x77, 0, 0x23))), UNSUPPORTED);
	assert_rule(rule_of(PROGRAM(CFA_EXPR(0x77, 0, 0x38))), UNSUPPORTED);
	assert_rule(rule_of(PROGRAM(0x0f, 0)), UNSUPPORTED);
}

static void what_was_before_an_expression_is_kept_behind_it(void **state)
{
	(void)state;
	assert_rule(rule_of(PROGRAM(CFA_EXPR(0x76, 0x78, 0x06), DEF_CFA, RSP, 16)), SP_RULE(16));
	/* Epilogues of libgcrypt: the offset is the one of the prologue. */
	assert_rule(rule_of(PROGRAM(DEF_CFA_OFF, 56, DEF_CFA_REG, RAX, CFA_EXPR(0x77, 8, 0x06),
				    DEF_CFA_REG, RSP)),
		    SP_RULE(56));
	assert_rule(rule_of(PROGRAM(CFA_EXPR(0x76, 0x78, 0x06), DEF_CFA_OFF, 16)),
		    RULE(.cfa = PB_CFA_DEREF_FP, .cfa_off = -8, .ra_off = -8));
	assert_rule(rule_of(PROGRAM(CFA_EXPR(0x76, 0x78, 0x06), DEF_CFA_OFF, 16, DEF_CFA_REG, RSP)),
		    SP_RULE(16));
	assert_rule(rule_of(PROGRAM(REMEMBER, CFA_EXPR(0x76, 0x78, 0x06), RECALL)), SP_RULE(8));
}

#define PLT(n) CFA_EXPR(0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x30 + (n), 0x2a, 0x33, 0x24, 0x22)

static void plt_expressions_keep_their_number(void **state)
{
	(void)state;
	assert_rule(rule_of(PROGRAM(PLT(11))),
		    RULE(.cfa = PB_CFA_PLT, .cfa_off = 8, .cfa_add = 11, .ra_off = -8));
	assert_rule(rule_of(PROGRAM(PLT(9))),
		    RULE(.cfa = PB_CFA_PLT, .cfa_off = 8, .cfa_add = 9, .ra_off = -8));
	assert_rule(rule_of(PROGRAM(PLT(16))), UNSUPPORTED);
	assert_rule(
		rule_of(PROGRAM(CFA_EXPR(0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24))),
		UNSUPPORTED);
}

static void the_frame_pointer_is_found_or_given_up(void **state)
{
	(void)state;
	/* As gcc saves it when it realigns the stack: expression, breg6 0. */
	assert_rule(rule_of(PROGRAM(0x10, RBP, 2, 0x76, 0)),
		    RULE(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = -8, .fp = PB_FP_FP));
	assert_rule(
		rule_of(PROGRAM(0x10, RBP, 2, 0x76, 0x70)),
		RULE(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = -8, .fp = PB_FP_FP, .fp_off = -16));
	assert_rule(rule_of(PROGRAM(OFFSET(RBP, 2), 0x08, RBP)), SP_RULE(8)); /* same_value */
	assert_rule(rule_of(PROGRAM(OFFSET(RBP, 2), 0x09, RBP, RBP)), SP_RULE(8));
	assert_rule(rule_of(PROGRAM(0x07, RBP)), /* undefined */
		    RULE(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = -8, .fp = PB_FP_UNDEFINED));
	assert_rule(rule_of(PROGRAM(0x09, RBP, RAX)), /* in another register */
		    RULE(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = -8, .fp = PB_FP_UNDEFINED));
	assert_rule(rule_of(PROGRAM(0x10, RBP, 2, 0x77, 0)), /* *(rsp + 0) */
		    RULE(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = -8, .fp = PB_FP_UNDEFINED));
	assert_rule(rule_of(PROGRAM(0x14, RBP, 2)), /* val_offset */
		    RULE(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = -8, .fp = PB_FP_UNDEFINED));
	assert_rule(rule_of(PROGRAM(0x16, RBP, 2, 0x76, 0)), /* val_expression */
		    RULE(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = -8, .fp = PB_FP_UNDEFINED));
}

static void the_return_address_is_in_memory_in_a_register_or_nowhere(void **state)
{
	(void)state;
	assert_rule(rule_of(PROGRAM(0x07, RIP)), RULE(.cfa = PB_CFA_END));
	assert_rule(rule_of(PROGRAM(0x09, RIP, 5)), /* vfork */
		    RULE(.cfa = PB_CFA_SP, .cfa_off = 8, .ra = PB_RA_REG, .reg = 5));
	assert_rule(rule_of(PROGRAM(OFFSET(RIP, 3))),
		    RULE(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = -24));
	/* Two registers in one rule: only if they are the same. */
	assert_rule(rule_of(PROGRAM(DEF_CFA, R10, 0, 0x09, RIP, 5)), UNSUPPORTED);
	assert_rule(rule_of(PROGRAM(DEF_CFA, R10, 0, 0x09, RIP, R10)),
		    RULE(.cfa = PB_CFA_REG, .ra = PB_RA_REG, .reg = R10));
	/* rip has no register of its own that could still hold the caller's. */
	assert_rule(rule_of(PROGRAM(0x08, RIP)), UNSUPPORTED);
	assert_rule(rule_of(PROGRAM(0x09, RIP, 16)), UNSUPPORTED);
	assert_rule(rule_of(PROGRAM(0x10, RIP, 2, 0x77, 0)), UNSUPPORTED);
	assert_rule(rule_of(PROGRAM(0x14, RIP, 1)), UNSUPPORTED);
}

static void a_stack_pointer_that_is_not_the_cfa_is_unsupported(void **state)
{
	(void)state;
	assert_rule(rule_of(PROGRAM(0x09, RSP, 8)), UNSUPPORTED); /* longjmp */
	assert_rule(rule_of(PROGRAM(OFFSET(RSP, 3))), UNSUPPORTED);
	assert_rule(rule_of(PROGRAM(OFFSET(RSP, 3), RESTORE(RSP))), SP_RULE(8));
}

static void any_register_may_hold_the_cfa(void **state)
{
	(void)state;
	assert_rule(rule_of(PROGRAM(DEF_CFA, R10, 0)),
		    RULE(.cfa = PB_CFA_REG, .reg = R10, .ra_off = -8));
	assert_rule(rule_of(PROGRAM(DEF_CFA, 15, 0)),
		    RULE(.cfa = PB_CFA_REG, .reg = 15, .ra_off = -8));
	assert_rule(rule_of(PROGRAM(DEF_CFA, RIP, 0)), UNSUPPORTED);
	assert_rule(rule_of(PROGRAM(DEF_CFA, 0xff, 0xff, 0xff, 0xff, 0x0f, 0)), UNSUPPORTED);
}

static void signed_and_negative_forms_count_as_they_should(void **state)
{
	(void)state;
	assert_rule(rule_of(PROGRAM(0x12, RBP, 0x7e)), /* def_cfa_sf, -2 * -8 */
		    RULE(.cfa = PB_CFA_FP, .cfa_off = 16, .ra_off = -8));
	assert_rule(rule_of(PROGRAM(0x13, 0x7d)), SP_RULE(24));
	assert_rule(rule_of(PROGRAM(0x11, RBP, 0x7e)), /* offset_extended_sf */
		    RULE(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = -8, FP_SAVED(16)));
	assert_rule(rule_of(PROGRAM(0x05, RBP, 3)), /* offset_extended */
		    RULE(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = -8, FP_SAVED(-24)));
	assert_rule(rule_of(PROGRAM(0x2f, RBP, 3)), /* GNU_negative_offset_extended */
		    RULE(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = -8, FP_SAVED(24)));
	assert_rule(rule_of(PROGRAM(0x05, RBP, 3, 0x06, RBP)), SP_RULE(8)); /* restore_extended */
	/* Pushed arguments, register windows, signed return addresses: nothing that is followed. */
	assert_rule(rule_of(PROGRAM(0x2e, 0x90, 0x01, 0x2d, 0x2c, 0x15, RBX, 0x7e, 0x09, RBX, RAX)),
		    SP_RULE(8));
}

static void numbers_that_fit_no_rule_are_unsupported(void **state)
{
	(void)state;
	assert_rule(rule_of(PROGRAM(DEF_CFA_OFF, 0xff, 0xff, 0xff, 0xff, 0x07)),
		    SP_RULE(INT32_MAX));
	assert_rule(rule_of(PROGRAM(DEF_CFA_OFF, 0x80, 0x80, 0x80, 0x80, 0x08)), UNSUPPORTED);
	assert_rule(
		rule_of(PROGRAM(0x13, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f)),
		UNSUPPORTED);
	assert_rule(rule_of(PROGRAM(OFFSET(RIP, 0x80), 0x20)),
		    RULE(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = INT16_MIN));
	assert_rule(rule_of(PROGRAM(OFFSET(RIP, 0x81), 0x20)), UNSUPPORTED);
	assert_rule(rule_of(PROGRAM(OFFSET(RBP, 0x81), 0x80, 0x80, 0x80, 0x01)), UNSUPPORTED);
	assert_rule(rule_of(PROGRAM(CFA_EXPR(0x77, 0, 0x06, 0x23, 0xff, 0xff, 0x01))),
		    RULE(.cfa = PB_CFA_DEREF_SP, .cfa_add = INT16_MAX, .ra_off = -8));
	assert_rule(rule_of(PROGRAM(CFA_EXPR(0x77, 0, 0x06, 0x23, 0x80, 0x80, 0x02))), UNSUPPORTED);
	/* Sums over the edge of 64 bits. */
	assert_rule(rule_of(PROGRAM(CFA_EXPR(0x77, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					     0xff, 0x00, 0x23, 0x7f))),
		    UNSUPPORTED);
	/* More than 64 bits. */
	assert_rule(rule_of(PROGRAM(DEF_CFA_OFF, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
				    0x80, 0x80, 0x00)),
		    UNSUPPORTED);
}

static void an_unknown_instruction_spoils_the_rest_of_its_function_only(void **state)
{
	struct rows rows = rows_of_program(PROGRAM(ADVANCE(4), DEF_CFA_OFF, 16, ADVANCE(4), UNKNOWN,
						   DEF_CFA_OFF, 24, ADVANCE(4), DEF_CFA_OFF, 32));

	(void)state;
	assert_int_equal(rows.n, 3);
	assert_row(&rows, 1, START + 4, SP_RULE(16));
	assert_row(&rows, 2, START + 8, UNSUPPORTED);
	/* An undefined return address before it does not make it the outermost frame. */
	assert_rule(rule_of(PROGRAM(0x07, RIP, UNKNOWN)), UNSUPPORTED);
}

static void an_instruction_that_is_cut_spoils_its_row(void **state)
{
	static const uint8_t cut[][4] = {{0x0c, RSP}, {0x0e, 0x80}, {0x03, 1}, {0x0f, 9},
					 {0x10, 6},   {0x86, 0x80}, {0x16, 6}, {0x05, 0x80},
					 {0x09, RIP}, {0x01, 1}};
	struct rows rows;
	size_t i;

	(void)state;
	for (i = 0; i < PB_ARRAY_SIZE(cut); i++) {
		const uint8_t program[] = {ADVANCE(4), cut[i][0], cut[i][1]};

		rows = rows_of_program(program, sizeof(program));
		assert_int_equal(rows.n, 2);
		assert_row(&rows, 0, START, SP_RULE(8));
		assert_row(&rows, 1, START + 4, UNSUPPORTED);
	}
}

static void states_are_remembered_and_restored(void **state)
{
	struct rows rows = rows_of_program(
		PROGRAM(DEF_CFA_OFF, 16, OFFSET(RBP, 2), REMEMBER, ADVANCE(1), DEF_CFA_REG, RBP,
			REMEMBER, ADVANCE(1), 0x07, RIP, ADVANCE(1), RECALL, ADVANCE(1), RECALL));
	const struct pb_unwind_rule sp =
		RULE(.cfa = PB_CFA_SP, .cfa_off = 16, .ra_off = -8, FP_SAVED(-16));
	const struct pb_unwind_rule fp =
		RULE(.cfa = PB_CFA_FP, .cfa_off = 16, .ra_off = -8, FP_SAVED(-16));

	(void)state;
	assert_int_equal(rows.n, 5);
	assert_row(&rows, 0, START, sp);
	assert_row(&rows, 1, START + 1, fp);
	assert_row(&rows, 2, START + 2, RULE(.cfa = PB_CFA_END));
	assert_row(&rows, 3, START + 3, fp);
	assert_row(&rows, 4, START + 4, sp);
}

static void too_many_states_and_too_few_are_unsupported(void **state)
{
	uint8_t program[34];

	(void)state;
	assert_rule(rule_of(PROGRAM(RECALL)), UNSUPPORTED);
	assert_rule(rule_of(PROGRAM(REMEMBER, RECALL, RECALL)), UNSUPPORTED);
	memset(program, REMEMBER, sizeof(program));
	assert_rule(rule_of(program, 32), SP_RULE(8));
	assert_rule(rule_of(program, 33), UNSUPPORTED);
}

static void restore_goes_back_to_the_rule_of_the_cie(void **state)
{
	struct section s;
	struct rows rows;
	size_t cie;

	(void)state;
	init_section(&s);
	cie = put_cie_as(&s, "zR", 0x1b,
			 PROGRAM(DEF_CFA, RSP, 8, OFFSET(RIP, 1), OFFSET(RBP, 5), RESTORE(RBX)));
	put_fde(&s, cie, START, LEN,
		PROGRAM(OFFSET(RBP, 2), OFFSET(RIP, 9), ADVANCE(1), RESTORE(RBP),
			RESTORE(RIP & 63)));
	rows = rows_of(&s);
	assert_int_equal(rows.n, 2);
	assert_row(&rows, 1, START + 1,
		   RULE(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = -8, FP_SAVED(-40)));
}

static void a_cie_that_is_not_understood_spoils_its_functions(void **state)
{
	struct section s;
	struct rows rows;

	(void)state;
	init_section(&s);
	put_fde(&s, put_cie_as(&s, "zR", 0x1b, PROGRAM(DEF_CFA, RSP, 8, OFFSET(RIP, 1), UNKNOWN)),
		START, LEN, PROGRAM(ADVANCE(4), DEF_CFA_OFF, 16));
	rows = rows_of(&s);
	assert_int_equal(rows.n, 1);
	assert_rule(rows.row[0].rule, UNSUPPORTED);
}

static void a_signal_frame_is_one_rule(void **state)
{
	struct section s;
	struct rows rows;

	(void)state;
	init_section(&s);
	put_fde(&s, put_cie_as(&s, "zRS", 0x1b, PROGRAM(DEF_CFA, RSP, 8)), START, LEN,
		PROGRAM(CFA_EXPR(0x77, 0xa0, 0x01, 0x06), ADVANCE(4), UNKNOWN));
	rows = rows_of(&s);
	assert_int_equal(rows.n, 1);
	assert_rule(rows.row[0].rule, RULE(.cfa = PB_CFA_SIGNAL));
}

static void on_arm64_the_return_address_begins_in_the_link_register(void **state)
{
	struct section s;
	struct rows rows;

	(void)state;
	init_section(&s);
	s.machine = EM_AARCH64;
	/* stp x29, x30, [sp, -32]!; mov x29, sp; paciasp before; code comes by 4. */
	put_fde(&s, put_cie(&s), START, LEN,
		PROGRAM(ADVANCE(4), 0x2d, ADVANCE(4), DEF_CFA_OFF, 32, OFFSET(29, 4), OFFSET(30, 3),
			ADVANCE(4), DEF_CFA_REG, 29, ADVANCE(40), DEF_CFA, 31, 0, RESTORE(29),
			RESTORE(30), ADVANCE(4), 0x07, 30));
	rows = rows_of(&s);
	assert_int_equal(rows.n, 6);
	assert_row(&rows, 0, START, RULE(.cfa = PB_CFA_SP, .ra = PB_RA_REG, .reg = 30));
	assert_row(&rows, 1, START + 4, RULE(.cfa = PB_CFA_SP, .ra = PB_RA_REG, .reg = 30));
	assert_row(&rows, 2, START + 8,
		   RULE(.cfa = PB_CFA_SP, .cfa_off = 32, .ra_off = -24, FP_SAVED(-32)));
	assert_row(&rows, 3, START + 12,
		   RULE(.cfa = PB_CFA_FP, .cfa_off = 32, .ra_off = -24, FP_SAVED(-32)));
	assert_row(&rows, 4, START + 52, RULE(.cfa = PB_CFA_SP, .ra = PB_RA_REG, .reg = 30));
	assert_row(&rows, 5, START + 56, RULE(.cfa = PB_CFA_END));
}

static void the_plt_of_x86_means_nothing_on_arm64(void **state)
{
	struct section s;
	struct rows rows;

	(void)state;
	init_section(&s);
	s.machine = EM_AARCH64;
	put_fde(&s, put_cie(&s), START, LEN, PROGRAM(PLT(11)));
	rows = rows_of(&s);
	assert_rule(rows.row[0].rule, UNSUPPORTED);
}

static void another_machine_is_refused(void **state)
{
	struct pb_unwind_source source = {.machine = EM_S390};
	struct pb_cfi *c = NULL;

	(void)state;
	assert_int_equal(pb_cfi_new(&c, &source), -ENOEXEC);
	assert_null(c);
}

/* --- headers --- */

/* Reads a section and frees it. Return: FDEs; the last is in @fde. */
static uint32_t fdes_of(struct section *s, struct pb_fde *fde, uint32_t *n_malformed)
{
	struct pb_unwind_source source = source_of(s, NULL, 0);
	pb_auto(pb_cfi) struct pb_cfi *c = NULL;
	uint32_t n;

	assert_int_equal(pb_cfi_new(&c, &source), 0);
	n = read_all(c, fde, n_malformed);
	free_section(s);
	return n;
}

/* An FDE whose address and length are @field, encoded by @encoding. Return: whether it is one. */
static bool is_encoded(uint8_t encoding, const void *field, size_t size, struct pb_fde *fde)
{
	uint32_t n, n_malformed;
	struct section s;
	size_t cie, entry;

	init_section(&s);
	cie = put_cie_as(&s, "zR", encoding, EMPTY);
	entry = begin_entry(&s);
	put_cie_pointer(&s, cie);
	put(&s, field, size);
	put_n(&s, 0, 1);
	end_entry(&s, entry);
	n = fdes_of(&s, fde, &n_malformed);
	assert_int_equal(n + n_malformed, 1);
	return n;
}

#define FIELD(...) (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})

static void addresses_are_read_in_every_encoding(void **state)
{
	const uint64_t here =
		SECTION_VADDR + 17 + 8; /* behind a CIE of 17 bytes and an FDE's head */
	struct pb_fde f;

	(void)state;
	assert_true(is_encoded(0x00, FIELD(1, 2, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0), &f));
	assert_int_equal(f.start, 0x201);
	assert_int_equal(f.end, 0x211);
	assert_true(is_encoded(0x01, FIELD(0x81, 0x04, 16), &f));
	assert_int_equal(f.start, 0x201);
	assert_true(is_encoded(0x02, FIELD(1, 2, 16, 0), &f));
	assert_int_equal(f.start, 0x201);
	assert_true(is_encoded(0x03, FIELD(1, 2, 0, 0x80, 16, 0, 0, 0), &f));
	assert_int_equal(f.start, 0x80000201);
	assert_true(is_encoded(0x04, FIELD(1, 2, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0), &f));
	assert_int_equal(f.start, 0x201);
	assert_true(is_encoded(0x19, FIELD(0x7f, 0x10), &f));
	assert_int_equal(f.start, here - 1);
	assert_int_equal(f.end, here + 15);
	assert_true(is_encoded(0x1a, FIELD(0xff, 0xff, 16, 0), &f));
	assert_int_equal(f.start, here - 1);
	assert_true(is_encoded(0x1b, FIELD(0xff, 0xff, 0xff, 0xff, 16, 0, 0, 0), &f));
	assert_int_equal(f.start, here - 1);
	assert_true(is_encoded(0x1c, FIELD(1, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0), &f));
	assert_int_equal(f.start, here + 1);
}

static void encodings_that_are_no_address_of_code_are_malformed(void **state)
{
	static const uint8_t bad[] = {0x20, 0x30, 0x3b, 0x40, 0x50, 0x80, 0x9b, 0x05, 0x0d, 0xff};
	struct pb_fde f;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad); i++)
		assert_false(is_encoded(bad[i],
					FIELD(0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0), &f));
	/* Code that reaches around the end of all addresses. */
	assert_false(is_encoded(0x0b, FIELD(0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0), &f));
	assert_false(is_encoded(0x0b, FIELD(0, 0, 0, 0x10, 0, 0, 0, 0xf0), &f) && f.end < f.start);
}

/* A CIE with any augmentation, and one FDE with pcrel sdata4 addresses. Return: whether that is
 * one. */
static bool is_read_with(const char *letters, const uint8_t *data, size_t size)
{
	uint32_t n, n_malformed;
	struct pb_fde fde;
	struct section s;
	size_t cie;

	init_section(&s);
	cie = begin_entry(&s);
	put_cie_id(&s);
	put_n(&s, 1, 1);
	put(&s, letters, strlen(letters) + 1);
	put(&s, FIELD(1, 0x78, RIP));
	put(&s, data, size);
	end_entry(&s, cie);
	put_fde(&s, cie, START, LEN, EMPTY);
	n = fdes_of(&s, &fde, &n_malformed);
	assert_int_equal(n + n_malformed, 1);
	return n && fde.start == START;
}

static void augmentations_are_read_as_far_as_they_are_known(void **state)
{
	(void)state;
	assert_true(is_read_with("zR", FIELD(1, 0x1b)));
	assert_true(is_read_with("zPLR", FIELD(7, 0x9b, 1, 2, 3, 4, 0x1b, 0x1b)));
	assert_true(is_read_with("zPLR", FIELD(11, 0x00, 1, 2, 3, 4, 5, 6, 7, 8, 0x1b, 0x1b)));
	assert_true(is_read_with("zPR", FIELD(2, 0xff, 0x1b)));
	assert_true(is_read_with("zRB", FIELD(1, 0x1b)));
	assert_true(is_read_with("zRSG", FIELD(1, 0x1b)));
	/* The pointer begins at the 18th byte, and is aligned to 8. */
	assert_true(is_read_with("zPR",
				 FIELD(16, 0x50, 1, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0x1b)));
	/* An unknown letter is skipped by the length that z tells, with all behind it. */
	assert_true(is_read_with("zRX", FIELD(4, 0x1b, 1, 2, 3)));
	/* Longer than what is used of it. */
	assert_true(is_read_with("zR", FIELD(3, 0x1b, 0xee, 0xee)));
}

static void absurd_augmentations_are_malformed(void **state)
{
	(void)state;
	assert_false(is_read_with("R", FIELD(1, 0x1b)));
	assert_false(is_read_with("eh", FIELD(0, 0, 0, 0, 0, 0, 0, 0)));
	assert_false(is_read_with("zR", FIELD(0)));
	assert_false(is_read_with("zR", FIELD(2, 0x1b)));
	assert_false(is_read_with(
		"zR", FIELD(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x1b)));
	assert_false(is_read_with("zPR", FIELD(2, 0x04, 0x1b)));
	assert_false(is_read_with("zPR", FIELD(2, 0x0f, 0x1b)));
	assert_false(is_read_with("zRRRRRRRRRRRRRRRRRRRRR", FIELD(1, 0x1b)));
	assert_false(is_read_with("\xff\x80%n%s", FIELD(1, 0x1b)));
}

static void pointers_to_what_is_no_cie_are_malformed(void **state)
{
	uint32_t n_malformed, i;
	struct pb_fde fde;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct section s;
		size_t cie, good;

		init_section(&s);
		s.debug_frame = i;
		cie = put_cie(&s);
		good = put_fde(&s, cie, START, LEN, EMPTY);
		put_fde(&s, s.size, START + LEN, LEN, EMPTY); /* itself */
		put_fde(&s, good, START + LEN, LEN, EMPTY);
		put_fde(&s, s.size + 0x100, START + LEN, LEN, EMPTY); /* behind the end, or wraps */
		put_fde(&s, (size_t)-0x1000, START + LEN, LEN, EMPTY);
		put_fde(&s, cie + 1, START + LEN, LEN, EMPTY);
		assert_int_equal(fdes_of(&s, &fde, &n_malformed), 1);
		assert_int_equal(fde.start, START);
		assert_int_equal(n_malformed, 5);
	}
}

static void a_section_that_is_cut_keeps_what_is_before(void **state)
{
	struct pb_unwind_source source;
	uint32_t n_malformed;
	struct pb_fde fde;
	struct section s;
	size_t whole, cut;

	(void)state;
	init_section(&s);
	put_fde(&s, put_cie(&s), START, LEN, EMPTY);
	whole = s.size;
	put_fde(&s, 0, START + LEN, LEN, PROGRAM(ADVANCE(1), DEF_CFA_OFF, 16));
	for (cut = whole + 1; cut < s.size; cut++) {
		struct pb_cfi *c = NULL;

		source = source_of(&s, NULL, 0);
		source.size = cut;
		assert_int_equal(pb_cfi_new(&c, &source), 0);
		assert_int_equal(read_all(c, &fde, &n_malformed), 1);
		assert_int_equal(n_malformed, 1);
		pb_cfi_free(c);
	}
	free_section(&s);
}

static void a_terminator_ends_the_section(void **state)
{
	uint32_t n_malformed;
	struct pb_fde fde;
	struct section s;

	(void)state;
	init_section(&s);
	put_fde(&s, put_cie(&s), START, LEN, EMPTY);
	put_n(&s, 0, 4);
	put_n(&s, UINT64_MAX, 8);
	assert_int_equal(fdes_of(&s, &fde, &n_malformed), 1);
	assert_int_equal(n_malformed, 0);
}

static void lengths_of_64_bits_are_read(void **state)
{
	uint32_t n_malformed, i;
	struct pb_fde fde;

	(void)state;
	for (i = 0; i < 2; i++) {
		struct section s;

		init_section(&s);
		s.debug_frame = i;
		put_n(&s, UINT32_MAX, 4);
		put_n(&s, i ? 8 + 7 : 4 + 7, 8);
		put_n(&s, i ? UINT64_MAX : 0, i ? 8 : 4); /* only .debug_frame has longer ids */
		put(&s, FIELD(3, 0, 1, 0x78, RIP, NOP, NOP));
		put_n(&s, UINT32_MAX, 4);
		put_n(&s, (i ? 8 : 4) + 16, 8);
		put_n(&s, i ? 0 : s.size, i ? 8 : 4);
		put_n(&s, START, 8);
		put_n(&s, LEN, 8);
		assert_int_equal(fdes_of(&s, &fde, &n_malformed), 1);
		assert_int_equal(fde.start, START);
		assert_int_equal(fde.end, START + LEN);
		/* Lengths that no file has. */
		init_section(&s);
		s.debug_frame = i;
		put_n(&s, UINT32_MAX, 4);
		put_n(&s, UINT64_MAX, 8);
		put_n(&s, 0, 8);
		assert_int_equal(fdes_of(&s, &fde, &n_malformed), 0);
		assert_int_equal(n_malformed, 1);
	}
}

/* .debug_frame of version 4 with these sizes. Return: whether its FDE is read. */
static bool is_version_4_read(uint8_t address_size, uint8_t segment_size)
{
	uint32_t n, n_malformed;
	struct pb_fde fde;
	struct section s;
	size_t entry;

	init_section(&s);
	s.debug_frame = true;
	entry = begin_entry(&s);
	put_cie_id(&s);
	put(&s, FIELD(4, 0));
	put_n(&s, address_size, 1);
	put_n(&s, segment_size, 1);
	put(&s, FIELD(1, 0x78, RIP));
	end_entry(&s, entry);
	entry = begin_entry(&s);
	put_cie_pointer(&s, 0);
	put_n(&s, UINT64_MAX, segment_size & 7);
	put_n(&s, START, address_size & 15);
	put_n(&s, LEN, address_size & 15);
	end_entry(&s, entry);
	n = fdes_of(&s, &fde, &n_malformed);
	return n && fde.start == START && fde.end == START + LEN;
}

static void debug_frame_of_version_4_tells_its_sizes(void **state)
{
	(void)state;
	assert_true(is_version_4_read(8, 0));
	assert_true(is_version_4_read(4, 0));
	assert_true(is_version_4_read(8, 4));
	assert_false(is_version_4_read(2, 0));
	assert_false(is_version_4_read(0, 0));
	assert_false(is_version_4_read(8, 255));
}

static void other_versions_are_malformed(void **state)
{
	static const uint8_t versions[] = {0, 2, 5, 255};
	uint32_t n_malformed;
	struct pb_fde fde;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(versions); i++) {
		struct section s;

		init_section(&s);
		put_fde(&s, put_cie(&s), START, LEN, EMPTY);
		s.bytes[8] = versions[i];
		assert_int_equal(fdes_of(&s, &fde, &n_malformed), 0);
		assert_int_equal(n_malformed, 1);
	}
}

static void a_return_column_that_is_another_register_is_unsupported(void **state)
{
	static const uint8_t columns[] = {RBP, RSP, 99};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(columns); i++) {
		struct section s;
		struct rows rows;

		init_section(&s);
		put_fde(&s, put_cie(&s), START, LEN, EMPTY);
		s.bytes[14] = columns[i];
		rows = rows_of(&s);
		assert_rule(rows.row[0].rule, UNSUPPORTED);
	}
}

static void locations_never_go_back(void **state)
{
	struct section s;
	struct rows rows;
	size_t fde, cie;

	(void)state;
	init_section(&s);
	fde = put_fde(&s, put_cie(&s), START, LEN, PROGRAM(ADVANCE(8), DEF_CFA_OFF, 16, 0x01));
	put_n(&s, START - (SECTION_VADDR + s.size), 4);
	end_entry(&s, fde);
	rows = rows_of(&s);
	assert_int_equal(rows.n, 2);
	assert_row(&rows, 1, START + 8, UNSUPPORTED);
	/* Past the end by far: code comes by 2^63. */
	init_section(&s);
	cie = begin_entry(&s);
	put_cie_id(&s);
	put(&s, FIELD(1, 'z', 'R', 0));
	put_uleb(&s, 1ull << 63);
	put(&s, FIELD(0x78, RIP, 1, 0x1b, DEF_CFA, RSP, 8, OFFSET(RIP, 1)));
	end_entry(&s, cie);
	put_fde(&s, cie, START, LEN,
		PROGRAM(ADVANCE(1), DEF_CFA_OFF, 16, ADVANCE(2), DEF_CFA_OFF, 24));
	rows = rows_of(&s);
	assert_int_equal(rows.n, 1);
}

static void many_large_cies_cannot_be_read_for_each_function(void **state)
{
	enum { CIES = 128, FDES = 20000 };
	pb_auto(pb_cfi) struct pb_cfi *c = NULL;
	uint32_t i, n_fdes, n_malformed;
	static const uint8_t program[8000];
	struct pb_unwind_source source;
	struct pb_fde fde;
	struct section s;
	size_t cies[CIES];

	(void)state;
	init_section(&s);
	for (i = 0; i < CIES; i++)
		cies[i] = put_cie_as(&s, "zR", 0x1b, program, sizeof(program));
	for (i = 0; i < FDES; i++)
		put_fde(&s, cies[i % CIES], START + 16 * i, 16, EMPTY);
	source = source_of(&s, NULL, 0);
	assert_int_equal(pb_cfi_new(&c, &source), 0);
	/* Fewer than there are CIEs are kept, so that nearly each FDE means to read one. */
	n_fdes = read_all(c, &fde, &n_malformed);
	assert_int_equal(n_fdes + n_malformed, FDES);
	assert_true(n_fdes >= CIES);
	assert_true(n_malformed > FDES / 2);
	free_section(&s);
}

static void running_one_program_again_and_again_ends(void **state)
{
	pb_auto(pb_cfi) struct pb_cfi *c = NULL;
	uint32_t i, n_malformed, n_run = 0;
	struct pb_unwind_source source;
	uint8_t program[1000] = {NOP};
	struct rows rows = {.n = 0};
	struct pb_fde fde;
	struct section s;

	(void)state;
	init_section(&s);
	put_fde(&s, put_cie(&s), START, LEN, program, sizeof(program));
	source = source_of(&s, NULL, 0);
	assert_int_equal(pb_cfi_new(&c, &source), 0);
	assert_int_equal(read_all(c, &fde, &n_malformed), 1);
	for (i = 0; i < 1000; i++) {
		rows.n = 0;
		if (!pb_cfi_run(c, &fde, START, START + 1, take_row, &rows))
			n_run++;
		else
			assert_int_equal(rows.n, 0);
		assert_true(pb_cfi_is_spent(c) == (n_run < i + 1));
	}
	assert_in_range(n_run, 2, 6);
	/* Not a byte is left, whatever the length. */
	fde.program_end = fde.program_start + 1;
	assert_int_equal(pb_cfi_run(c, &fde, START, START + 1, take_row, &rows), -EPROTO);
	free_section(&s);
}

/* Any outcome is right that ASan and UBSan have nothing to say about. */
static void survive(struct pb_unwind_source source)
{
	pb_auto(pb_cfi) struct pb_cfi *c = NULL;
	enum pb_cfi_entry kind;
	struct pb_fde fde;
	size_t off = 0;

	assert_int_equal(pb_cfi_new(&c, &source), 0);
	while ((kind = pb_cfi_next(c, &off, &fde)) != PB_CFI_END) {
		struct rows rows = {.n = 0};

		if (kind == PB_CFI_FDE && fde.end > fde.start)
			pb_cfi_run(c, &fde, fde.start, fde.end, take_row, &rows);
	}
}

static void every_cut_and_every_changed_byte_is_survived(void **state)
{
	struct pb_unwind_source source;
	struct section s;
	size_t i;

	(void)state;
	init_section(&s);
	put_cie_as(&s, "zPLRS", 0x1b, PROGRAM(DEF_CFA, RSP, 8, OFFSET(RIP, 1)));
	put_fde(&s, put_cie(&s), START, LEN,
		PROGRAM(ADVANCE(1), DEF_CFA_OFF, 16, OFFSET(RBP, 2), REMEMBER, 0x02, 4, PLT(11),
			0x03, 1, 0, 0x10, RBP, 2, 0x76, 0, RECALL, 0x01, 1, 2, 3, 0, 0x2e, 8));
	source = source_of(&s, NULL, 0);
	for (i = 0; i < s.size; i++) {
		static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
		uint8_t *bytes = s.bytes, saved = bytes[i];
		size_t v;

		source.size = i;
		survive(source);
		source.size = s.size;
		for (v = 0; v < sizeof(values); v++) {
			bytes[i] = values[v];
			source.debug_frame = v & 1;
			survive(source);
		}
		bytes[i] = saved;
	}
	free_section(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_function_with_a_frame_has_four_rules),
		cmocka_unit_test(all_ways_to_advance_are_known),
		cmocka_unit_test(rows_outside_of_what_is_asked_for_are_not_given),
		cmocka_unit_test(cfa_expressions_become_rules),
		cmocka_unit_test(what_was_before_an_expression_is_kept_behind_it),
		cmocka_unit_test(plt_expressions_keep_their_number),
		cmocka_unit_test(the_frame_pointer_is_found_or_given_up),
		cmocka_unit_test(the_return_address_is_in_memory_in_a_register_or_nowhere),
		cmocka_unit_test(a_stack_pointer_that_is_not_the_cfa_is_unsupported),
		cmocka_unit_test(any_register_may_hold_the_cfa),
		cmocka_unit_test(signed_and_negative_forms_count_as_they_should),
		cmocka_unit_test(numbers_that_fit_no_rule_are_unsupported),
		cmocka_unit_test(an_unknown_instruction_spoils_the_rest_of_its_function_only),
		cmocka_unit_test(an_instruction_that_is_cut_spoils_its_row),
		cmocka_unit_test(states_are_remembered_and_restored),
		cmocka_unit_test(too_many_states_and_too_few_are_unsupported),
		cmocka_unit_test(restore_goes_back_to_the_rule_of_the_cie),
		cmocka_unit_test(a_cie_that_is_not_understood_spoils_its_functions),
		cmocka_unit_test(a_signal_frame_is_one_rule),
		cmocka_unit_test(on_arm64_the_return_address_begins_in_the_link_register),
		cmocka_unit_test(the_plt_of_x86_means_nothing_on_arm64),
		cmocka_unit_test(another_machine_is_refused),
		cmocka_unit_test(addresses_are_read_in_every_encoding),
		cmocka_unit_test(encodings_that_are_no_address_of_code_are_malformed),
		cmocka_unit_test(augmentations_are_read_as_far_as_they_are_known),
		cmocka_unit_test(absurd_augmentations_are_malformed),
		cmocka_unit_test(pointers_to_what_is_no_cie_are_malformed),
		cmocka_unit_test(a_section_that_is_cut_keeps_what_is_before),
		cmocka_unit_test(a_terminator_ends_the_section),
		cmocka_unit_test(lengths_of_64_bits_are_read),
		cmocka_unit_test(debug_frame_of_version_4_tells_its_sizes),
		cmocka_unit_test(other_versions_are_malformed),
		cmocka_unit_test(a_return_column_that_is_another_register_is_unsupported),
		cmocka_unit_test(locations_never_go_back),
		cmocka_unit_test(many_large_cies_cannot_be_read_for_each_function),
		cmocka_unit_test(running_one_program_again_and_again_ends),
		cmocka_unit_test(every_cut_and_every_changed_byte_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
