/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A reader that cannot leave its bytes stands under everything here (reader.h): whether it is bad is
 * asked once per instruction or header.
 *
 * Only registers that a rule speaks of are followed: frame pointer, return address, stack pointer.
 */
#include "user/unwind/cfi.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "bpf/abi/unwind.h"
#include "user/unwind/reader.h"
#include "user/unwind/table.h"

/* Linkers leave one CIE per kind of object file; those met last are kept, by their offset. */
#define CIES_CACHED      64
/* Compilers nest two deep. */
#define REMEMBERED_MAX   32
/* Bytes of programs and CIEs that may be read, per byte of the section. Real sections need 1. */
#define BUDGET_FACTOR    2
#define BUDGET_MIN       4096
#define AUGMENTATION_MAX 16

/* Pointer encodings: a format, what it is relative to, a flag. Source: LSB 5.0 section 10.5.1. */
enum {
	EH_PE_ABSPTR = 0x00,
	EH_PE_ULEB128 = 0x01,
	EH_PE_UDATA2 = 0x02,
	EH_PE_UDATA4 = 0x03,
	EH_PE_UDATA8 = 0x04,
	EH_PE_SLEB128 = 0x09,
	EH_PE_SDATA2 = 0x0a,
	EH_PE_SDATA4 = 0x0b,
	EH_PE_SDATA8 = 0x0c,
	EH_PE_FORMAT = 0x0f,
	EH_PE_PCREL = 0x10,
	EH_PE_ALIGNED = 0x50,
	EH_PE_RELATIVE = 0x70,
	EH_PE_INDIRECT = 0x80,
	EH_PE_OMIT = 0xff,
};

/* Instructions. Source: DWARF 5 section 7.24; from 0x2c on LSB 5.0 section 10.6.3, AADWARF64. */
enum {
	CFA_ADVANCE_LOC = 0x1, /* of the two high bits; the other six are the operand */
	CFA_OFFSET = 0x2,
	CFA_RESTORE = 0x3,
	CFA_NOP = 0x00,
	CFA_SET_LOC = 0x01,
	CFA_ADVANCE_LOC1 = 0x02,
	CFA_ADVANCE_LOC2 = 0x03,
	CFA_ADVANCE_LOC4 = 0x04,
	CFA_OFFSET_EXTENDED = 0x05,
	CFA_RESTORE_EXTENDED = 0x06,
	CFA_UNDEFINED = 0x07,
	CFA_SAME_VALUE = 0x08,
	CFA_REGISTER = 0x09,
	CFA_REMEMBER_STATE = 0x0a,
	CFA_RESTORE_STATE = 0x0b,
	CFA_DEF_CFA = 0x0c,
	CFA_DEF_CFA_REGISTER = 0x0d,
	CFA_DEF_CFA_OFFSET = 0x0e,
	CFA_DEF_CFA_EXPRESSION = 0x0f,
	CFA_EXPRESSION = 0x10,
	CFA_OFFSET_EXTENDED_SF = 0x11,
	CFA_DEF_CFA_SF = 0x12,
	CFA_DEF_CFA_OFFSET_SF = 0x13,
	CFA_VAL_OFFSET = 0x14,
	CFA_VAL_OFFSET_SF = 0x15,
	CFA_VAL_EXPRESSION = 0x16,
	CFA_NEGATE_RA_STATE_WITH_PC = 0x2c,
	CFA_NEGATE_RA_STATE = 0x2d, /* GNU_window_save elsewhere: nothing that is followed */
	CFA_GNU_ARGS_SIZE = 0x2e,
	CFA_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f,
};

/* Operations of expressions. Source: DWARF 5 section 7.7.1. */
enum {
	OP_DEREF = 0x06,
	OP_CONST1U = 0x08,
	OP_CONST1S = 0x09,
	OP_CONST2U = 0x0a,
	OP_CONST2S = 0x0b,
	OP_CONST4U = 0x0c,
	OP_CONST4S = 0x0d,
	OP_CONSTU = 0x10,
	OP_CONSTS = 0x11,
	OP_AND = 0x1a,
	OP_MINUS = 0x1c,
	OP_PLUS = 0x22,
	OP_PLUS_UCONST = 0x23,
	OP_SHL = 0x24,
	OP_GE = 0x2a,
	OP_LIT0 = 0x30,
	OP_LIT31 = 0x4f,
	OP_BREG0 = 0x70,
	OP_BREG31 = 0x8f,
	OP_BREGX = 0x92,
	OP_NOP = 0x96,
};

/* A number that fits no field of a rule: what does not fit an int64_t either. */
#define UNFIT INT64_MAX

/* Where the caller's value of a register is. */
enum place {
	PLACE_UNSPECIFIED,
	PLACE_SAME,
	PLACE_UNDEFINED,
	PLACE_CFA, /* *(cfa + off) */
	PLACE_FP,  /* *(fp + off) */
	PLACE_REG, /* register off */
	PLACE_OTHER,
};

struct saved {
	enum place place;
	int64_t off;
};

/* The registers that are followed. */
enum followed {
	FP,
	RA,
	SP,
	N_FOLLOWED,
};

/* How the CFA is found. */
struct cfa {
	enum pb_cfa_rule kind; /* PB_CFA_NONE: register + off */
	uint64_t reg;
	int64_t off, add;
};

/*
 * Instructions that set the register or the offset alone find the other as it was before an
 * expression; an offset leaves an expression in force. That is not written anywhere, but what
 * libgcc does and what hand-written assembly relies on.
 */
struct state {
	struct cfa cfa, expression;
	bool is_expression; /* in force */
	struct saved saved[N_FOLLOWED];
};

/* Common information entry. */
struct cie {
	size_t off;
	bool is_cached, is_malformed;
	bool is_signal;
	bool has_augmentation; /* and so have its FDEs */
	uint8_t encoding;      /* of addresses in FDEs */
	uint8_t address_size, segment_size;
	uint64_t code_align;
	int64_t data_align;
	uint64_t ra_reg;
	bool is_understood; /* its program */
	struct state initial;
};

struct pb_cfi {
	const uint8_t *bytes;
	size_t size;
	uint64_t vaddr;
	bool debug_frame;
	uint64_t sp_reg, fp_reg, n_regs; /* DWARF numbers; general registers are below n_regs */
	bool is_x86;
	uint64_t budget; /* bytes that may still be read */
	bool is_spent;   /* and were not enough */
	struct cie cies[CIES_CACHED];
};

/* A program under way. */
struct run {
	struct pb_cfi *c;
	const struct cie *cie;
	struct reader r;
	struct state s;
	struct state remembered[REMEMBERED_MAX];
	uint32_t n_remembered;
	uint64_t loc, from, to;
	bool is_changed; /* since rule was made of s */
	struct pb_unwind_rule rule;
	pb_cfi_row *row; /* NULL: the program of a CIE, which has no addresses */
	void *ctx;
};

static int64_t as_offset(uint64_t v)
{
	return v < (uint64_t)UNFIT ? (int64_t)v : UNFIT;
}

static int64_t times(int64_t a, int64_t b)
{
	int64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UNFIT : product;
}

static int64_t plus(int64_t a, int64_t b)
{
	int64_t sum;

	return a == UNFIT || b == UNFIT || __builtin_add_overflow(a, b, &sum) ? UNFIT : sum;
}

/* An encoded value as it stands there, relative to nothing. */
static uint64_t read_format(struct reader *r, uint8_t encoding, uint8_t address_size)
{
	switch (encoding & EH_PE_FORMAT) {
	case EH_PE_ABSPTR:
		return read_fixed(r, address_size);
	case EH_PE_ULEB128:
		return read_uleb(r);
	case EH_PE_UDATA2:
		return read_fixed(r, 2);
	case EH_PE_UDATA4:
		return read_fixed(r, 4);
	case EH_PE_UDATA8:
	case EH_PE_SDATA8:
		return read_fixed(r, 8);
	case EH_PE_SLEB128:
		return (uint64_t)read_sleb(r);
	case EH_PE_SDATA2:
		return (uint64_t)sign_extend(read_fixed(r, 2), 16);
	case EH_PE_SDATA4:
		return (uint64_t)sign_extend(read_fixed(r, 4), 32);
	default:
		r->bad = true;
		return 0;
	}
}

/* An address of code. Bases other than its own place are for data, and an indirect one is not in
 * this section: no address then. */
static uint64_t read_address(const struct pb_cfi *c, struct reader *r, const struct cie *cie)
{
	uint64_t here = c->vaddr + (uint64_t)(r->p - c->bytes);
	uint64_t v = read_format(r, cie->encoding, cie->address_size);

	switch (cie->encoding & (EH_PE_RELATIVE | EH_PE_INDIRECT)) {
	case EH_PE_ABSPTR:
		return v;
	case EH_PE_PCREL:
		return v + here;
	default:
		r->bad = true;
		return 0;
	}
}

/* The personality routine is of no use here. */
static void skip_pointer(const struct pb_cfi *c, struct reader *r, uint8_t encoding)
{
	uint64_t here = c->vaddr + (uint64_t)(r->p - c->bytes);

	if (encoding == EH_PE_OMIT)
		return;
	if ((encoding & EH_PE_RELATIVE) == EH_PE_ALIGNED)
		skip(r, (-here & 7) + 8);
	else
		read_format(r, encoding, 8);
}

int pb_cfi_new(struct pb_cfi **out, const struct pb_unwind_source *source)
{
	struct pb_cfi *c;

	if (source->machine != EM_X86_64 && source->machine != EM_AARCH64)
		return -ENOEXEC;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->bytes = source->bytes;
	c->size = source->size;
	c->vaddr = source->vaddr;
	c->debug_frame = source->debug_frame;
	c->is_x86 = source->machine == EM_X86_64;
	c->sp_reg = c->is_x86 ? 7 : 31;
	c->fp_reg = c->is_x86 ? 6 : 29;
	c->n_regs = c->is_x86 ? 16 : 32;
	c->budget = (uint64_t)c->size * BUDGET_FACTOR + BUDGET_MIN;
	*out = c;
	return 0;
}

void pb_cfi_free(struct pb_cfi *c)
{
	free(c);
}

static bool spend(struct pb_cfi *c, size_t bytes)
{
	/* Not even for what is smaller: a section that needs so much is not worth the rest. */
	if (c->is_spent || c->budget < bytes) {
		c->is_spent = true;
		return false;
	}
	c->budget -= bytes;
	return true;
}

bool pb_cfi_is_spent(const struct pb_cfi *c)
{
	return c->is_spent;
}

/* --- expressions --- */

static int64_t read_constant(struct reader *e, uint8_t op)
{
	if (op >= OP_LIT0 && op <= OP_LIT31)
		return op - OP_LIT0;
	switch (op) {
	case OP_CONST1U:
		return read_u8(e);
	case OP_CONST1S:
		return sign_extend(read_u8(e), 8);
	case OP_CONST2U:
		return (int64_t)read_fixed(e, 2);
	case OP_CONST2S:
		return sign_extend(read_fixed(e, 2), 16);
	case OP_CONST4U:
		return (int64_t)read_fixed(e, 4);
	case OP_CONST4S:
		return sign_extend(read_fixed(e, 4), 32);
	case OP_CONSTU:
		return as_offset(read_uleb(e));
	case OP_CONSTS:
		return read_sleb(e);
	default:
		e->bad = true;
		return 0;
	}
}

/* What is added to the value so far, by one operation or two. */
static int64_t read_addend(struct reader *e, uint8_t op)
{
	int64_t n;

	if (op == OP_NOP)
		return 0;
	if (op == OP_PLUS_UCONST)
		return as_offset(read_uleb(e));
	n = read_constant(e, op);
	switch (read_u8(e)) {
	case OP_PLUS:
		return n;
	case OP_MINUS:
		return times(n, -1);
	default:
		e->bad = true;
		return 0;
	}
}

/*
 * Stubs of a PLT push one word when lazy binding enters them in the middle; linkers describe all of
 * them at once: sp + off + ((ip & 15) >= n) << 3, with n by the kind of stub.
 */
static bool parse_plt(const struct pb_cfi *c, struct reader e, struct cfa *out)
{
	static const uint8_t tail[] = {OP_GE, OP_LIT0 + 3, OP_SHL, OP_PLUS};
	static const uint8_t middle[] = {OP_BREG0 + 16, 0, OP_LIT0 + 15, OP_AND};
	int64_t off;
	uint8_t n;

	if (!c->is_x86 || read_u8(&e) != OP_BREG0 + c->sp_reg)
		return false;
	off = read_sleb(&e);
	if (e.bad || left(&e) != sizeof(middle) + 1 + sizeof(tail) ||
	    memcmp(e.p, middle, sizeof(middle)) != 0 ||
	    memcmp(e.p + sizeof(middle) + 1, tail, sizeof(tail)) != 0)
		return false;
	n = e.p[sizeof(middle)];
	if (n < OP_LIT0 || n > OP_LIT0 + 15)
		return false;
	*out = (struct cfa){.kind = PB_CFA_PLT, .off = off, .add = n - OP_LIT0};
	return true;
}

/* register + off, or *(register + off) + add. */
static bool parse_expression(struct reader e, uint64_t *reg, int64_t *off, bool *is_deref,
			     int64_t *add)
{
	uint8_t op = read_u8(&e);

	if (op >= OP_BREG0 && op <= OP_BREG31)
		*reg = op - OP_BREG0;
	else if (op == OP_BREGX)
		*reg = read_uleb(&e);
	else
		return false;
	*off = read_sleb(&e);
	*is_deref = false;
	*add = 0;
	while (!e.bad && left(&e)) {
		int64_t *sum = *is_deref ? add : off;

		op = read_u8(&e);
		if (op != OP_DEREF)
			*sum = plus(*sum, read_addend(&e, op));
		else if (*is_deref)
			return false;
		else
			*is_deref = true;
	}
	return !e.bad;
}

static struct cfa cfa_of_expression(const struct pb_cfi *c, struct reader e)
{
	struct cfa cfa = {0};
	bool is_deref;

	if (parse_plt(c, e, &cfa))
		return cfa;
	if (!parse_expression(e, &cfa.reg, &cfa.off, &is_deref, &cfa.add))
		return (struct cfa){.kind = PB_CFA_UNSUPPORTED};
	if (!is_deref)
		return cfa;
	if (cfa.reg == c->sp_reg)
		cfa.kind = PB_CFA_DEREF_SP;
	else if (cfa.reg == c->fp_reg)
		cfa.kind = PB_CFA_DEREF_FP;
	else
		cfa.kind = PB_CFA_UNSUPPORTED;
	return cfa;
}

static struct saved saved_by_expression(const struct pb_cfi *c, struct reader e)
{
	int64_t off, add;
	uint64_t reg;
	bool is_deref;

	if (parse_expression(e, &reg, &off, &is_deref, &add) && !is_deref && reg == c->fp_reg)
		return (struct saved){PLACE_FP, off};
	return (struct saved){.place = PLACE_OTHER};
}

/* --- from a state to a rule --- */

static bool fits_s32(int64_t v)
{
	return v >= INT32_MIN && v <= INT32_MAX;
}

static bool fits_s16(int64_t v)
{
	return v >= INT16_MIN && v <= INT16_MAX;
}

static bool set_cfa(const struct pb_cfi *c, const struct cfa *cfa, struct pb_unwind_rule *rule)
{
	if (!fits_s32(cfa->off) || !fits_s16(cfa->add))
		return false;
	rule->cfa_off = (int32_t)cfa->off;
	rule->cfa_add = (int16_t)cfa->add;
	if (cfa->kind) {
		rule->cfa = cfa->kind;
	} else if (cfa->reg == c->sp_reg) {
		rule->cfa = PB_CFA_SP;
	} else if (cfa->reg == c->fp_reg) {
		rule->cfa = PB_CFA_FP;
	} else if (cfa->reg < c->n_regs) {
		rule->cfa = PB_CFA_REG;
		rule->reg = (uint8_t)cfa->reg;
	} else {
		return false;
	}
	return rule->cfa != PB_CFA_UNSUPPORTED;
}

static bool set_fp(const struct pb_cfi *c, const struct saved *fp, struct pb_unwind_rule *rule)
{
	switch (fp->place) {
	case PLACE_UNSPECIFIED:
	case PLACE_SAME:
		rule->fp = PB_FP_SAME;
		return true;
	case PLACE_CFA:
	case PLACE_FP:
		rule->fp = fp->place == PLACE_CFA ? PB_FP_CFA : PB_FP_FP;
		rule->fp_off = (int32_t)fp->off;
		return fits_s32(fp->off);
	case PLACE_REG:
		rule->fp = (uint64_t)fp->off == c->fp_reg ? PB_FP_SAME : PB_FP_UNDEFINED;
		return true;
	default:
		rule->fp = PB_FP_UNDEFINED;
		return true;
	}
}

static bool set_ra(const struct pb_cfi *c, uint64_t ra_reg, const struct saved *ra,
		   struct pb_unwind_rule *rule)
{
	uint64_t reg = ra_reg; /* where it still is what it was at the call: a link register */

	if (ra->place == PLACE_CFA) {
		rule->ra = PB_RA_CFA;
		rule->ra_off = (int16_t)ra->off;
		return fits_s16(ra->off);
	}
	if (ra->place == PLACE_REG)
		reg = (uint64_t)ra->off;
	else if (ra->place != PLACE_UNSPECIFIED && ra->place != PLACE_SAME)
		return false;
	if (reg >= c->n_regs || (rule->cfa == PB_CFA_REG && rule->reg != reg))
		return false;
	rule->ra = PB_RA_REG;
	rule->reg = (uint8_t)reg;
	return true;
}

static void make_rule(const struct run *r, struct pb_unwind_rule *rule)
{
	const struct pb_cfi *c = r->c;

	memset(rule, 0, sizeof(*rule));
	/* Registers that play two parts at once are followed as one of them only. */
	if (r->cie->ra_reg == c->fp_reg || r->cie->ra_reg == c->sp_reg) {
		rule->cfa = PB_CFA_UNSUPPORTED;
		return;
	}
	if (r->s.saved[RA].place == PLACE_UNDEFINED) {
		rule->cfa = PB_CFA_END;
		return;
	}
	/* The caller's stack pointer is the CFA, in every rule that we have. */
	if (r->s.saved[SP].place == PLACE_UNSPECIFIED &&
	    set_cfa(c, r->s.is_expression ? &r->s.expression : &r->s.cfa, rule) &&
	    set_fp(c, &r->s.saved[FP], rule) && set_ra(c, r->cie->ra_reg, &r->s.saved[RA], rule))
		return;
	*rule = (struct pb_unwind_rule){.cfa = PB_CFA_UNSUPPORTED};
}

/* --- programs --- */

/* The state so far holds up to @next. */
static void advance_to(struct run *r, uint64_t next)
{
	uint64_t start = r->loc > r->from ? r->loc : r->from;
	uint64_t end = next < r->to ? next : r->to;

	if (!r->row)
		return;
	r->loc = next;
	if (start >= end)
		return;
	if (r->is_changed) {
		make_rule(r, &r->rule);
		r->is_changed = false;
	}
	r->row(r->ctx, start, &r->rule);
}

static void advance(struct run *r, uint64_t delta)
{
	uint64_t bytes, next;

	if (!delta)
		return;
	if (__builtin_mul_overflow(delta, r->cie->code_align, &bytes) ||
	    __builtin_add_overflow(r->loc, bytes, &next))
		next = UINT64_MAX;
	advance_to(r, next);
}

/* Return: N_FOLLOWED if it is not followed. */
static enum followed followed_of(const struct run *r, uint64_t reg)
{
	if (reg == r->cie->ra_reg)
		return RA;
	if (reg == r->c->fp_reg)
		return FP;
	return reg == r->c->sp_reg ? SP : N_FOLLOWED;
}

static void save(struct run *r, uint64_t reg, enum place place, int64_t off)
{
	enum followed f = followed_of(r, reg);

	if (f == N_FOLLOWED)
		return;
	r->s.saved[f] = (struct saved){place, off};
	r->is_changed = true;
}

static void restore(struct run *r, uint64_t reg)
{
	enum followed f = followed_of(r, reg);

	if (f == N_FOLLOWED)
		return;
	/* Within the program of a CIE there is nothing to go back to yet. */
	r->s.saved[f] = r->row ? r->cie->initial.saved[f] : (struct saved){0};
	r->is_changed = true;
}

/* Return: false if there is no state to remember or restore. */
static bool remember(struct run *r, bool is_restore)
{
	if (is_restore) {
		if (!r->n_remembered)
			return false;
		r->s = r->remembered[--r->n_remembered];
		r->is_changed = true;
		return true;
	}
	if (r->n_remembered == REMEMBERED_MAX)
		return false;
	r->remembered[r->n_remembered++] = r->s;
	return true;
}

/* Instructions that define the CFA. Return: false if @op is none. */
static bool run_cfa(struct run *r, uint8_t op)
{
	struct cfa *cfa = &r->s.cfa;

	switch (op) {
	case CFA_DEF_CFA:
		cfa->reg = read_uleb(&r->r);
		cfa->off = as_offset(read_uleb(&r->r));
		r->s.is_expression = false;
		break;
	case CFA_DEF_CFA_SF:
		cfa->reg = read_uleb(&r->r);
		cfa->off = times(read_sleb(&r->r), r->cie->data_align);
		r->s.is_expression = false;
		break;
	case CFA_DEF_CFA_REGISTER:
		cfa->reg = read_uleb(&r->r);
		r->s.is_expression = false;
		break;
	case CFA_DEF_CFA_OFFSET:
		cfa->off = as_offset(read_uleb(&r->r));
		break;
	case CFA_DEF_CFA_OFFSET_SF:
		cfa->off = times(read_sleb(&r->r), r->cie->data_align);
		break;
	case CFA_DEF_CFA_EXPRESSION:
		r->s.expression = cfa_of_expression(r->c, read_block(&r->r));
		r->s.is_expression = true;
		break;
	default:
		return false;
	}
	r->is_changed = true;
	return true;
}

static int64_t factored(struct run *r, uint64_t offset)
{
	return times(as_offset(offset), r->cie->data_align);
}

/* Instructions that say where a register is. Return: false if @op is none. */
static bool run_register(struct run *r, uint8_t op)
{
	struct reader *in = &r->r;
	uint64_t reg = read_uleb(in);

	switch (op) {
	case CFA_OFFSET_EXTENDED:
		save(r, reg, PLACE_CFA, factored(r, read_uleb(in)));
		return true;
	case CFA_OFFSET_EXTENDED_SF:
		save(r, reg, PLACE_CFA, times(read_sleb(in), r->cie->data_align));
		return true;
	case CFA_GNU_NEGATIVE_OFFSET_EXTENDED:
		save(r, reg, PLACE_CFA, times(factored(r, read_uleb(in)), -1));
		return true;
	case CFA_RESTORE_EXTENDED:
		restore(r, reg);
		return true;
	case CFA_UNDEFINED:
		save(r, reg, PLACE_UNDEFINED, 0);
		return true;
	case CFA_SAME_VALUE:
		save(r, reg, PLACE_SAME, 0);
		return true;
	case CFA_REGISTER:
		save(r, reg, PLACE_REG, as_offset(read_uleb(in)));
		return true;
	case CFA_VAL_OFFSET:
	case CFA_VAL_OFFSET_SF:
		read_uleb(in);
		save(r, reg, PLACE_OTHER, 0);
		return true;
	case CFA_EXPRESSION: {
		struct saved saved = saved_by_expression(r->c, read_block(in));

		save(r, reg, saved.place, saved.off);
		return true;
	}
	case CFA_VAL_EXPRESSION:
		read_block(in);
		save(r, reg, PLACE_OTHER, 0);
		return true;
	default:
		return false;
	}
}

/* Addresses only grow. */
static bool set_loc(struct run *r)
{
	uint64_t next = read_address(r->c, &r->r, r->cie);

	if (r->r.bad || next < r->loc)
		return false;
	advance_to(r, next);
	return true;
}

/* One instruction. Return: false if it is not understood, or cut. */
static bool step(struct run *r)
{
	uint8_t op = read_u8(&r->r), low = op & 0x3f;

	switch (op >> 6) {
	case CFA_ADVANCE_LOC:
		advance(r, low);
		return true;
	case CFA_OFFSET:
		save(r, low, PLACE_CFA, factored(r, read_uleb(&r->r)));
		return !r->r.bad;
	case CFA_RESTORE:
		restore(r, low);
		return true;
	default:
		break;
	}
	switch (op) {
	case CFA_NOP:
	case CFA_NEGATE_RA_STATE:
	case CFA_NEGATE_RA_STATE_WITH_PC:
		return true;
	case CFA_SET_LOC:
		return set_loc(r);
	case CFA_ADVANCE_LOC1:
		advance(r, read_u8(&r->r));
		break;
	case CFA_ADVANCE_LOC2:
		advance(r, read_fixed(&r->r, 2));
		break;
	case CFA_ADVANCE_LOC4:
		advance(r, read_fixed(&r->r, 4));
		break;
	case CFA_REMEMBER_STATE:
	case CFA_RESTORE_STATE:
		return remember(r, op == CFA_RESTORE_STATE);
	case CFA_GNU_ARGS_SIZE:
		read_uleb(&r->r);
		break;
	default:
		if (!run_cfa(r, op) && !run_register(r, op))
			return false;
		break;
	}
	return !r->r.bad;
}

/* --- entries --- */

/* One entry of the section, without what its kind adds. */
struct entry {
	struct reader body; /* behind the id */
	size_t id_off;
	size_t next;
	uint64_t id;
	bool is_cie, is_fde;
};

/* Return: PB_CFI_END, _OTHER (read @e), _MALFORMED (go on at e->next). */
static enum pb_cfi_entry read_entry(const struct pb_cfi *c, size_t off, struct entry *e)
{
	struct reader r = {.p = c->bytes + off, .end = c->bytes + c->size};
	uint64_t len;
	size_t id_len = 4;

	e->next = c->size;
	e->is_cie = false;
	e->is_fde = false;
	if (!left(&r))
		return PB_CFI_END;
	len = read_fixed(&r, 4);
	if (len == UINT32_MAX) {
		len = read_fixed(&r, 8);
		/* .eh_frame keeps its ids short. */
		id_len = c->debug_frame ? 8 : 4;
	}
	if (r.bad || len > left(&r))
		return PB_CFI_MALFORMED;
	r.end = r.p + len;
	e->next = (size_t)(r.end - c->bytes);
	/* A terminator: what lies behind is nobody's. */
	if (!len)
		return PB_CFI_END;
	e->id_off = (size_t)(r.p - c->bytes);
	e->id = read_fixed(&r, id_len);
	if (c->debug_frame)
		e->is_cie = e->id == (id_len == 8 ? UINT64_MAX : UINT32_MAX);
	else
		e->is_cie = !e->id;
	e->is_fde = !e->is_cie;
	e->body = r;
	return r.bad ? PB_CFI_MALFORMED : PB_CFI_OTHER;
}

/* What the augmentation's letters bring along. Return: false if the entry cannot be read. */
static bool read_augmentation(const struct pb_cfi *c, struct reader *r, const char *letters,
			      struct cie *cie)
{
	struct reader data;

	cie->encoding = EH_PE_ABSPTR;
	if (!*letters)
		return true;
	/* Without z nobody knows how long the data of the others is. */
	if (*letters++ != 'z')
		return false;
	cie->has_augmentation = true;
	data = read_block(r);
	for (; *letters; letters++) {
		switch (*letters) {
		case 'R':
			cie->encoding = read_u8(&data);
			break;
		case 'P':
			skip_pointer(c, &data, read_u8(&data));
			break;
		case 'L':
			read_u8(&data);
			break;
		case 'S':
			cie->is_signal = true;
			break;
		case 'B': /* which key signs return addresses */
		case 'G': /* memory tagging */
			break;
		default: /* the rest is for others, and of a length that z told */
			return !data.bad;
		}
	}
	return !data.bad;
}

static bool read_cie_header(const struct pb_cfi *c, struct reader *r, struct cie *cie)
{
	char letters[AUGMENTATION_MAX];
	uint8_t version = read_u8(r);
	size_t len = strnlen((const char *)r->p, left(r));

	if ((version != 1 && version != 3 && version != 4) || len >= sizeof(letters) ||
	    len == left(r))
		return false;
	memcpy(letters, r->p, len + 1);
	skip(r, len + 1);
	cie->address_size = 8;
	if (version == 4) {
		cie->address_size = read_u8(r);
		cie->segment_size = read_u8(r);
		if ((cie->address_size != 4 && cie->address_size != 8) || cie->segment_size > 8)
			return false;
	}
	cie->code_align = read_uleb(r);
	cie->data_align = read_sleb(r);
	cie->ra_reg = version == 1 ? read_u8(r) : read_uleb(r);
	return read_augmentation(c, r, letters, cie) && !r->bad;
}

static void run_cie(struct pb_cfi *c, struct cie *cie, struct reader program)
{
	struct run r;

	/* What is remembered is written before it is read. */
	memset(&r, 0, offsetof(struct run, remembered));
	r.n_remembered = 0;
	r.c = c;
	r.cie = cie;
	r.r = program;
	r.row = NULL;
	r.loc = 0;
	cie->is_understood = true;
	while (left(&r.r) && cie->is_understood)
		cie->is_understood = step(&r);
	cie->initial = r.s;
}

/* The CIE at @off; NULL if there is none that can be read. */
static const struct cie *find_cie(struct pb_cfi *c, size_t off)
{
	struct cie *cie = &c->cies[(off ^ off >> 6 ^ off >> 12) % CIES_CACHED];
	struct entry e;

	if (cie->is_cached && cie->off == off)
		return cie->is_malformed ? NULL : cie;
	*cie = (struct cie){.off = off, .is_cached = true, .is_malformed = true};
	if (read_entry(c, off, &e) != PB_CFI_OTHER || !e.is_cie || !spend(c, e.next - off) ||
	    !read_cie_header(c, &e.body, cie))
		return NULL;
	cie->is_malformed = false;
	run_cie(c, cie, e.body);
	return cie;
}

static bool read_fde(struct pb_cfi *c, struct entry *e, struct pb_fde *fde)
{
	struct reader *r = &e->body;
	const struct cie *cie;
	uint64_t len;

	/* .eh_frame says how far back, and wraps around if that is too far; .debug_frame where. */
	fde->cie = c->debug_frame ? e->id : e->id_off - e->id;
	if (fde->cie >= c->size)
		return false;
	cie = find_cie(c, fde->cie);
	if (!cie)
		return false;
	skip(r, cie->segment_size);
	fde->start = read_address(c, r, cie);
	len = read_format(r, cie->encoding, cie->address_size);
	if (cie->has_augmentation)
		read_block(r);
	fde->program_start = (size_t)(r->p - c->bytes);
	fde->program_end = e->next;
	fde->is_signal = cie->is_signal;
	return !r->bad && !__builtin_add_overflow(fde->start, len, &fde->end);
}

enum pb_cfi_entry pb_cfi_next(struct pb_cfi *c, size_t *off, struct pb_fde *fde)
{
	struct entry e;
	enum pb_cfi_entry kind = *off < c->size ? read_entry(c, *off, &e) : PB_CFI_END;

	if (kind == PB_CFI_END)
		return kind;
	*off = e.next;
	if (kind == PB_CFI_MALFORMED || !e.is_fde)
		return kind;
	return read_fde(c, &e, fde) ? PB_CFI_FDE : PB_CFI_MALFORMED;
}

static void end_unsupported(struct run *r)
{
	r->s.expression.kind = PB_CFA_UNSUPPORTED;
	r->s.is_expression = true;
	r->s.saved[RA].place = PLACE_OTHER;
	r->is_changed = true;
}

int pb_cfi_run(struct pb_cfi *c, const struct pb_fde *fde, uint64_t from, uint64_t to,
	       pb_cfi_row *row, void *ctx)
{
	const struct cie *cie = find_cie(c, fde->cie);
	struct run r;

	if (!cie || !spend(c, fde->program_end - fde->program_start + 1))
		return -EPROTO;
	if (cie->is_signal) {
		row(ctx, from, &(struct pb_unwind_rule){.cfa = PB_CFA_SIGNAL});
		return 0;
	}
	r.c = c;
	r.cie = cie;
	r.r = (struct reader){c->bytes + fde->program_start, c->bytes + fde->program_end, false};
	r.s = cie->initial;
	r.n_remembered = 0;
	r.loc = fde->start;
	r.from = from;
	r.to = to;
	r.is_changed = true;
	r.row = row;
	r.ctx = ctx;
	if (!cie->is_understood)
		end_unsupported(&r);
	while (cie->is_understood && left(&r.r) && r.loc < to) {
		if (step(&r))
			continue;
		end_unsupported(&r);
		break;
	}
	advance_to(&r, to);
	return 0;
}
