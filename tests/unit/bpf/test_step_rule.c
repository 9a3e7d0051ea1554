/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Each kind of rule, and the searches for one. Walks are watched from outside, by their records. */
#include "tests/hostbpf/tables.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <ucontext.h>

#include <cmocka.h>

#include "tests/hostbpf/expect.h"

#define MODULE      0x400000ull
#define MODULE_SIZE 0x50000ull
#define LEAF        SCENE_IP /* under the rule that is tested */
#define CALLER      0x402000ull
#define CALLER_FP   0x403000ull /* a caller that finds its frame by the frame pointer */
#define CALLER_R10  0x404000ull /* and one that finds it by a register */
#define OUTER       0x405000ull
#define CALLER_RBX  0x406000ull /* by one that callees may have saved and changed */
#define RA          (CALLER + 16)
#define RA_FP       (CALLER_FP + 16)
#define RA_R10      (CALLER_R10 + 16)
#define RA_OUTER    (OUTER + 16)
#define RA_RBX      (CALLER_RBX + 16)
#define RBX         3
#define R10         10

static struct scene s;
static struct tables t;

static int setup(void **state)
{
	(void)state;
	scene_open(&s, 4096, 65536);
	tables_open(&t);
	s.cfg.unwind = PB_UNWIND_EH;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_free();
	return 0;
}

/* The module, with @rule for its leaf. */
static void publish(const struct pb_unwind_rule *rule)
{
	const struct tables_code code[] = {
		{LEAF, *rule},
		{CALLER, RULE_SP(16)},
		{CALLER_FP, RULE_FP},
		{CALLER_R10, {.cfa = PB_CFA_REG, .reg = R10, .cfa_off = 8, .ra_off = -8}},
		{OUTER, RULE_KIND(PB_CFA_END)},
		{CALLER_RBX, {.cfa = PB_CFA_REG, .reg = RBX, .cfa_off = 8, .ra_off = -8}},
	};

	t = (struct tables){.n_rules = 1};
	tables_module(&t, MODULE, MODULE_SIZE, code, sizeof(code) / sizeof(code[0]));
	tables_process(SCENE_TGID, 0, 0, 1);
}

#define PUBLISH(...) publish(&(const struct pb_unwind_rule){__VA_ARGS__})

/* The frame of CALLER whose stack pointer is at word @slot: 16 bytes, the upper half returns to OUTER. */
static void put_caller(__u32 slot)
{
	s.stack[slot + 1] = RA_OUTER;
}

static void cfa_by_the_stack_pointer(void **state)
{
	(void)state;
	PUBLISH(.cfa = PB_CFA_SP, .cfa_off = 24, .ra_off = -8);
	s.stack[2] = RA;
	put_caller(3);
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA, RA_OUTER);
}

static void cfa_by_the_frame_pointer(void **state)
{
	(void)state;
	PUBLISH(.cfa = PB_CFA_FP, .fp = PB_FP_CFA, .cfa_off = 16, .fp_off = -16, .ra_off = -8);
	s.event.regs.fp = scene_addr(10);
	s.stack[10] = scene_addr(20);
	s.stack[11] = RA_FP;
	s.stack[20] = 0;
	s.stack[21] = RA_OUTER;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_FP, RA_OUTER);
}

static void cfa_by_every_other_register(void **state)
{
	__u32 reg;

	(void)state;
	s.stack[7] = RA;
	put_caller(8);
	for (reg = 0; reg < PB_GPRS; reg++) {
		if (reg == 6 || reg == 7)
			continue; /* rbp and rsp have kinds of their own */
		PUBLISH(.cfa = PB_CFA_REG, .reg = (__u8)reg, .cfa_off = 32, .ra_off = -8);
		memset(s.event.regs.gpr, 0, sizeof(s.event.regs.gpr));
		s.event.regs.gpr[reg] = scene_addr(4);
		EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA, RA_OUTER);
	}
}

static void registers_outlast_a_frame(void **state)
{
	(void)state;
	PUBLISH(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = -8);
	s.event.regs.gpr[R10] = scene_addr(9);
	s.stack[0] = RA_R10;
	s.stack[9] = RA_OUTER;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_R10, RA_OUTER);
}

/* A callee may have saved it and put something else there; where, the rules here do not tell. */
static void register_that_callees_save_is_not_known_in_a_caller(void **state)
{
	(void)state;
	PUBLISH(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = -8);
	s.event.regs.gpr[RBX] = scene_addr(9);
	s.stack[0] = RA_RBX;
	s.stack[9] = RA_OUTER;
	EXPECT_WALK(&s, PB_END_UNSUPPORTED, LEAF, RA_RBX);
	s.event.regs.ip = CALLER_RBX;
	EXPECT_WALK(&s, PB_END_OUTERMOST, CALLER_RBX, RA_OUTER);
}

static void register_that_did_not_outlast_a_frame_leads_nowhere(void **state)
{
	(void)state;
	PUBLISH(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = -8);
	s.event.regs.gpr[R10] = scene_addr(9);
	s.stack[0] = RA_R10;
	s.stack[9] = 0x12345678; /* no code */
	EXPECT_WALK(&s, PB_END_BAD_FRAME, LEAF, RA_R10);
}

static void register_number_out_of_range_reads_no_other_memory(void **state)
{
	(void)state;
	PUBLISH(.cfa = PB_CFA_REG, .reg = 255, .ra_off = -8);
	s.event.regs.gpr[255 % PB_GPRS] = 3;
	EXPECT_WALK(&s, PB_END_BAD_FRAME, LEAF);
	PUBLISH(.cfa = PB_CFA_SP, .ra = PB_RA_REG, .reg = 200, .cfa_off = 8);
	s.event.regs.gpr[200 % PB_GPRS] = RA;
	put_caller(1);
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA, RA_OUTER);
}

static void cfa_in_memory_by_the_stack_pointer(void **state)
{
	(void)state;
	PUBLISH(.cfa = PB_CFA_DEREF_SP, .cfa_off = 16, .cfa_add = 8, .ra_off = -8);
	s.stack[2] = scene_addr(30);
	s.stack[30] = RA;
	put_caller(31);
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA, RA_OUTER);
	PUBLISH(.cfa = PB_CFA_DEREF_SP, .cfa_off = 16, .cfa_add = -8, .ra_off = -8);
	s.stack[2] = scene_addr(32);
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA, RA_OUTER);
}

static void cfa_in_memory_by_the_frame_pointer(void **state)
{
	(void)state;
	/* What gcc makes of a function that aligns its stack: *(rbp - 8), the frame pointer at *rbp. */
	PUBLISH(.cfa = PB_CFA_DEREF_FP, .fp = PB_FP_FP, .cfa_off = -8, .ra_off = -8);
	s.event.regs.fp = scene_addr(5);
	s.stack[4] = scene_addr(13);
	s.stack[5] = scene_addr(20);
	s.stack[12] = RA_FP;
	s.stack[21] = RA_OUTER;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_FP, RA_OUTER);
}

static void cfa_in_unreadable_memory_is_unreadable(void **state)
{
	(void)state;
	PUBLISH(.cfa = PB_CFA_DEREF_SP, .cfa_off = SCENE_SLOTS * 8, .ra_off = -8);
	EXPECT_WALK(&s, PB_END_UNREADABLE, LEAF);
	PUBLISH(.cfa = PB_CFA_DEREF_FP, .cfa_off = -8, .ra_off = -8);
	s.event.regs.fp = 8;
	EXPECT_WALK(&s, PB_END_UNREADABLE, LEAF);
	/* A frame pointer that is not known leads nowhere. */
	s.event.regs.fp = 0;
	EXPECT_WALK(&s, PB_END_BAD_FRAME, LEAF);
}

/* 16 bytes of code: "jmp *got; push n; jmp plt0". From byte N on one more word is pushed. */
static void plt_stub_has_pushed_from_its_nth_byte_on(void **state)
{
	__u32 n, byte, pushed;
	__u64 ip;

	(void)state;
	for (n = 9; n <= 11; n++) {
		PUBLISH(.cfa = PB_CFA_PLT, .cfa_off = 8, .cfa_add = (__s16)n, .ra_off = -8);
		for (byte = 0; byte < 16; byte++) {
			pushed = byte >= n;
			memset(s.stack, 0, sizeof(s.stack));
			s.stack[pushed] = RA;
			put_caller(pushed + 1);
			/* Of the first stub and of another. */
			for (ip = LEAF + byte; ip < LEAF + 64; ip += 48) {
				s.event.regs.ip = ip;
				EXPECT_WALK(&s, PB_END_OUTERMOST, ip, RA, RA_OUTER);
			}
		}
	}
}

static void outermost_frame_ends_the_walk(void **state)
{
	(void)state;
	PUBLISH(.cfa = PB_CFA_END);
	s.stack[0] = RA;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF);
}

static void unsupported_rule_and_unknown_kinds_end_the_walk(void **state)
{
	static const __u8 kinds[] = {PB_CFA_UNSUPPORTED, PB_CFA_UNSUPPORTED + 1, 128, 255};
	size_t i;

	(void)state;
	s.stack[0] = RA;
	for (i = 0; i < sizeof(kinds); i++) {
		PUBLISH(.cfa = kinds[i], .cfa_off = 8, .ra_off = -8);
		EXPECT_WALK(&s, PB_END_UNSUPPORTED, LEAF);
	}
}

static void frame_pointer_untouched_is_the_callers(void **state)
{
	(void)state;
	PUBLISH(.cfa = PB_CFA_SP, .fp = PB_FP_SAME, .cfa_off = 8, .ra_off = -8);
	s.event.regs.fp = scene_addr(10);
	s.stack[0] = RA_FP;
	s.stack[11] = RA_OUTER;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_FP, RA_OUTER);
}

static void frame_pointer_saved_away_from_the_return_address(void **state)
{
	(void)state;
	PUBLISH(.cfa = PB_CFA_SP, .fp = PB_FP_CFA, .cfa_off = 56, .fp_off = -56, .ra_off = -8);
	s.event.regs.fp = 12345;
	s.stack[0] = scene_addr(10);
	s.stack[6] = RA_FP;
	s.stack[11] = RA_OUTER;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_FP, RA_OUTER);
	/* A word above the return address, and not below, is another place to save it. */
	PUBLISH(.cfa = PB_CFA_SP, .fp = PB_FP_CFA, .cfa_off = 56, .fp_off = -8, .ra_off = -16);
	s.stack[5] = RA_FP;
	s.stack[6] = scene_addr(10);
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_FP, RA_OUTER);
}

static void return_address_away_from_the_cfa(void **state)
{
	(void)state;
	PUBLISH(.cfa = PB_CFA_SP, .fp = PB_FP_CFA, .cfa_off = 64, .fp_off = -64, .ra_off = -56);
	s.stack[0] = scene_addr(10);
	s.stack[1] = RA_FP;
	s.stack[11] = RA_OUTER;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_FP, RA_OUTER);
	PUBLISH(.cfa = PB_CFA_SP, .fp = PB_FP_CFA, .cfa_off = 64, .fp_off = -16, .ra_off = -56);
	s.stack[6] = scene_addr(10);
	s.stack[7] = RA;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_FP, RA_OUTER);
}

static void frame_pointer_that_is_gone_is_not_used(void **state)
{
	(void)state;
	PUBLISH(.cfa = PB_CFA_SP, .fp = PB_FP_UNDEFINED, .cfa_off = 8, .ra_off = -8);
	s.event.regs.fp = scene_addr(10);
	s.stack[0] = RA_FP;
	s.stack[11] = RA_OUTER;
	EXPECT_WALK(&s, PB_END_BAD_FRAME, LEAF, RA_FP);
}

/* As in vfork() of glibc: "pop %rdi", and the return address is nowhere else. */
static void return_address_in_a_register(void **state)
{
	(void)state;
	PUBLISH(.cfa = PB_CFA_SP, .ra = PB_RA_REG, .reg = 5, .cfa_off = 8);
	s.event.regs.gpr[5] = RA;
	put_caller(1);
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA, RA_OUTER);
	PUBLISH(.cfa = PB_CFA_SP, .ra = PB_RA_REG, .reg = 5, .cfa_off = 0);
	put_caller(0);
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA, RA_OUTER);
}

/* Otherwise it would be its own caller, again and again. */
static void return_address_in_a_register_is_no_endless_stack(void **state)
{
	(void)state;
	PUBLISH(.cfa = PB_CFA_SP, .ra = PB_RA_REG, .reg = 5, .cfa_off = 0);
	s.event.regs.gpr[5] = LEAF + 4;
	EXPECT_WALK(&s, PB_END_UNSUPPORTED, LEAF, LEAF + 4);
}

static void null_return_address_is_a_bottom(void **state)
{
	(void)state;
	PUBLISH(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = -8);
	EXPECT_WALK(&s, PB_END_BOTTOM, LEAF);
}

static void return_address_that_is_no_code_is_a_bad_frame(void **state)
{
	static const __u64 addrs[] = {1, 4095, 1ull << 56, 0xffffffff81000000, ~0ull};
	size_t i;

	(void)state;
	PUBLISH(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = -8);
	for (i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++) {
		s.stack[0] = addrs[i];
		EXPECT_WALK(&s, PB_END_BAD_FRAME, LEAF);
	}
}

static void cfa_must_lie_above_the_last(void **state)
{
	static const __s32 offsets[] = {0, -8, -4096, INT_MIN};
	size_t i;

	(void)state;
	s.event.regs.sp = scene_addr(100);
	for (i = 0; i < 200; i++)
		s.stack[i] = RA;
	for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		PUBLISH(.cfa = PB_CFA_SP, .cfa_off = offsets[i], .ra_off = -8);
		EXPECT_WALK(&s, PB_END_BAD_FRAME, LEAF);
	}
	PUBLISH(.cfa = PB_CFA_FP, .cfa_off = 16, .ra_off = -8);
	s.event.regs.fp = scene_addr(98);
	EXPECT_WALK(&s, PB_END_BAD_FRAME, LEAF);
	/* While one word more is a frame. */
	s.event.regs.fp = scene_addr(99);
	put_caller(101);
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA, RA_OUTER);
}

static void misaligned_cfa_is_a_bad_frame(void **state)
{
	__s32 off;

	(void)state;
	s.stack[0] = s.stack[1] = RA;
	for (off = 9; off < 16; off++) {
		PUBLISH(.cfa = PB_CFA_SP, .cfa_off = off, .ra_off = -8);
		EXPECT_WALK(&s, PB_END_BAD_FRAME, LEAF);
	}
}

static void cfa_beyond_user_memory_is_a_bad_frame(void **state)
{
	static const __u64 fps[] = {PB_USER_ADDR_LIMIT - 16, 0xffff888000000000, ~15ull, ~7ull};
	size_t i;

	(void)state;
	PUBLISH(.cfa = PB_CFA_FP, .fp = PB_FP_CFA, .cfa_off = 16, .fp_off = -16, .ra_off = -8);
	for (i = 0; i < sizeof(fps) / sizeof(fps[0]); i++) {
		s.event.regs.fp = fps[i];
		/* The last but one wraps around to 0, which stands for an unknown CFA. */
		EXPECT_WALK(&s, fps[i] == ~15ull ? PB_END_UNREADABLE : PB_END_BAD_FRAME, LEAF);
	}
}

static void offsets_at_their_limits_do_not_overflow(void **state)
{
	static const __s32 offsets[] = {INT_MIN, INT_MIN + 8, INT_MAX - 7, INT_MAX};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		PUBLISH(.cfa = PB_CFA_SP, .fp = PB_FP_CFA, .cfa_off = 16, .fp_off = offsets[i],
			.ra_off = -8);
		EXPECT_WALK(&s, PB_END_BOTTOM, LEAF);
		PUBLISH(.cfa = PB_CFA_SP, .fp = PB_FP_FP, .cfa_off = 16, .fp_off = offsets[i],
			.ra_off = -8);
		EXPECT_WALK(&s, PB_END_BOTTOM, LEAF);
	}
	PUBLISH(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = SHRT_MIN);
	EXPECT_WALK(&s, PB_END_UNREADABLE, LEAF);
	PUBLISH(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = SHRT_MAX);
	EXPECT_WALK(&s, PB_END_UNREADABLE, LEAF);
}

static void saved_registers_in_unreadable_memory_are_unreadable(void **state)
{
	(void)state;
	s.event.regs.sp = scene_addr(SCENE_SLOTS - 1);
	/* Both in one read, of which the upper half is not there. */
	PUBLISH(.cfa = PB_CFA_SP, .fp = PB_FP_CFA, .cfa_off = 16, .fp_off = -16, .ra_off = -8);
	EXPECT_WALK(&s, PB_END_UNREADABLE, LEAF);
	/* Each by itself. */
	PUBLISH(.cfa = PB_CFA_SP, .fp = PB_FP_CFA, .cfa_off = 24, .fp_off = -16, .ra_off = -24);
	s.stack[SCENE_SLOTS - 1] = RA;
	EXPECT_WALK(&s, PB_END_UNREADABLE, LEAF, RA); /* the frame pointer is not needed */
	PUBLISH(.cfa = PB_CFA_SP, .fp = PB_FP_CFA, .cfa_off = 24, .fp_off = -24, .ra_off = -8);
	EXPECT_WALK(&s, PB_END_UNREADABLE, LEAF);
	PUBLISH(.cfa = PB_CFA_SP, .fp = PB_FP_FP, .cfa_off = 8, .ra_off = -8);
	EXPECT_WALK(&s, PB_END_UNREADABLE, LEAF, RA);
	/* The last word of the stack can be one. */
	PUBLISH(.cfa = PB_CFA_SP, .cfa_off = 8, .ra_off = -8);
	s.stack[SCENE_SLOTS - 1] = RA_OUTER;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_OUTER);
}

/* A signal came when the program was at @ip with its stack at word @sp; the ucontext is at word @slot. */
static struct pb_sigcontext *put_signal_frame(__u32 slot, __u64 ip, __u32 sp)
{
	struct pb_sigcontext *c = (struct pb_sigcontext *)&s.stack[slot + PB_SIGCONTEXT_OFF / 8];

	*c = (struct pb_sigcontext){.ip = ip, .sp = scene_addr(sp)};
	return c;
}

/* LEAF is the handler, called by the frame of a signal that struck at @ip. */
static void publish_handler(__u64 ip, __u32 sp)
{
	const struct tables_code code[] = {
		{LEAF, RULE_SP(8)},
		/* The trampoline's rules begin one byte before it: nobody has called it. */
		{0x401fff, RULE_KIND(PB_CFA_SIGNAL)},
		{0x402009, RULE_KIND(PB_CFA_NONE)},
		{CALLER_FP, RULE_FP},
		{CALLER_R10, {.cfa = PB_CFA_REG, .reg = R10, .cfa_off = 8, .ra_off = -8}},
		{OUTER, RULE_KIND(PB_CFA_END)},
	};

	t = (struct tables){.n_rules = 1};
	tables_module(&t, MODULE, MODULE_SIZE, code, sizeof(code) / sizeof(code[0]));
	tables_process(SCENE_TGID, 0, 0, 1);
	s.stack[0] = 0x402000;
	put_signal_frame(1, ip, sp);
}

static void signal_frame_brings_all_registers_back(void **state)
{
	struct pb_sigcontext *c;

	(void)state;
	publish_handler(CALLER_R10, 1000);
	c = put_signal_frame(1, CALLER_R10, 1000);
	c->r10 = scene_addr(1010);
	c->bp = scene_addr(1020);
	s.event.regs.gpr[R10] = s.event.regs.fp = scene_addr(3);
	s.stack[1010] = RA_FP;
	s.stack[1021] = RA_OUTER;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, 0x402000, CALLER_R10 | PB_FRAME_INTERRUPTED, RA_FP,
		    RA_OUTER);
}

static void sigcontext_is_laid_out_as_the_kernel_has_it(void **state)
{
	(void)state;
#if defined(__x86_64__)
	assert_int_equal(PB_SIGCONTEXT_OFF, offsetof(ucontext_t, uc_mcontext));
	assert_int_equal(offsetof(struct pb_sigcontext, r8), REG_R8 * 8);
	assert_int_equal(offsetof(struct pb_sigcontext, r10), REG_R10 * 8);
	assert_int_equal(offsetof(struct pb_sigcontext, r15), REG_R15 * 8);
	assert_int_equal(offsetof(struct pb_sigcontext, di), REG_RDI * 8);
	assert_int_equal(offsetof(struct pb_sigcontext, bp), REG_RBP * 8);
	assert_int_equal(offsetof(struct pb_sigcontext, bx), REG_RBX * 8);
	assert_int_equal(offsetof(struct pb_sigcontext, cx), REG_RCX * 8);
	assert_int_equal(offsetof(struct pb_sigcontext, sp), REG_RSP * 8);
	assert_int_equal(offsetof(struct pb_sigcontext, ip), REG_RIP * 8);
#else
	skip();
#endif
}

/* The instruction that a signal interrupts may be the first of its function. */
static void address_below_a_signal_frame_is_looked_up_as_it_is(void **state)
{
	(void)state;
	publish_handler(OUTER, 1000);
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, 0x402000, OUTER | PB_FRAME_INTERRUPTED);
	/* One byte before, it is another function's. */
	publish_handler(OUTER - 1, 1000);
	put_signal_frame(1, OUTER - 1, 1000);
	EXPECT_WALK(&s, PB_END_BAD_FRAME, LEAF, 0x402000, (OUTER - 1) | PB_FRAME_INTERRUPTED);
}

/* With sigaltstack() the interrupted stack may lie anywhere. */
static void stack_below_a_signal_frame_may_be_another(void **state)
{
	static __u64 other[4] = {0, RA_OUTER};
	struct pb_sigcontext *c;

	(void)state;
	publish_handler(CALLER_FP + 4, 0);
	c = put_signal_frame(1, CALLER_FP + 4, 0);
	c->sp = c->bp = SCENE_STACK - 0x100000;
	host_map_user(SCENE_STACK - 0x100000, other, sizeof(other));
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, 0x402000, (CALLER_FP + 4) | PB_FRAME_INTERRUPTED,
		    RA_OUTER);
}

static void signal_frame_that_lies_ends_the_walk(void **state)
{
	(void)state;
	publish_handler(17, 1000);
	EXPECT_WALK(&s, PB_END_BAD_FRAME, LEAF, 0x402000);
	publish_handler(0xffffffff81000000, 1000);
	EXPECT_WALK(&s, PB_END_BAD_FRAME, LEAF, 0x402000);
	publish_handler(0, 1000);
	EXPECT_WALK(&s, PB_END_BAD_FRAME, LEAF, 0x402000);
	/* Half of it is on the stack. */
	s.event.regs.sp = scene_addr(SCENE_SLOTS - 10);
	s.stack[SCENE_SLOTS - 10] = 0x402000;
	EXPECT_WALK(&s, PB_END_UNREADABLE, LEAF, 0x402000);
}

/* It interrupts itself, and no CFA needs to grow: the depth limit is what ends it. */
static void circle_of_signal_frames_ends_at_the_depth_limit(void **state)
{
	const struct pb_stack_record *r;
	struct pb_sigcontext *c;

	(void)state;
	publish_handler(LEAF, 0);
	c = put_signal_frame(1, LEAF, 0);
	c->sp = scene_addr(0);
	r = scene_walk(&s);
	assert_non_null(r);
	assert_int_equal(r->n_user, 127);
	assert_int_equal(r->user_end, PB_END_DEPTH);
}

/* The last instruction of a function may be a call of one that never returns. */
static void return_address_belongs_to_the_call_before_it(void **state)
{
	static const struct tables_code code[] = {
		{LEAF, RULE_SP(8)},
		{CALLER, RULE_SP(16)},
		{CALLER + 0x100, RULE_SP(64)},
		{OUTER, RULE_KIND(PB_CFA_END)},
	};

	(void)state;
	tables_module(&t, MODULE, MODULE_SIZE, code, 4);
	tables_process(SCENE_TGID, 0, 0, 1);
	s.stack[0] = CALLER + 0x100;
	s.stack[2] = RA_OUTER;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, CALLER + 0x100, RA_OUTER);
	/* An event hits what it hits. */
	s.event.regs.ip = CALLER + 0x100;
	s.stack[0] = 0;
	s.stack[7] = RA_OUTER;
	EXPECT_WALK(&s, PB_END_OUTERMOST, CALLER + 0x100, RA_OUTER);
}

static void return_address_behind_its_mapping_still_belongs_to_it(void **state)
{
	static const struct tables_code code[] = {
		{LEAF, RULE_SP(8)},
		{OUTER, RULE_KIND(PB_CFA_END)},
	};

	(void)state;
	tables_module(&t, MODULE, MODULE_SIZE, code, 2);
	tables_process(SCENE_TGID, 0, 0, 1);
	s.stack[0] = MODULE + MODULE_SIZE;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, MODULE + MODULE_SIZE);
	s.event.regs.ip = MODULE + MODULE_SIZE;
	EXPECT_WALK(&s, PB_END_NO_MAPPING, MODULE + MODULE_SIZE);
}

/* Pages of the table begin where 64 KB of the module's own addresses do. */
static void rule_goes_on_over_pages_without_rows_of_their_own(void **state)
{
	static const struct tables_code code[] = {
		{LEAF, RULE_SP(8)},
		{CALLER, RULE_SP(16)},
		{0x43f000, RULE_KIND(PB_CFA_END)},
	};
	const __u64 border = MODULE - TABLES_VADDR + (2u << PB_UNWIND_PAGE_SHIFT);
	const __u64 ras[] = {border - 1, border, border + 1, border + 0xffff, border + 0x10000};
	size_t i;

	(void)state;
	tables_module(&t, MODULE, MODULE_SIZE, code, 3);
	tables_process(SCENE_TGID, 0, 0, 1);
	for (i = 0; i < sizeof(ras) / sizeof(ras[0]); i++) {
		s.stack[0] = ras[i];
		s.stack[2] = 0x43f010;
		EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, ras[i], 0x43f010);
	}
}

static void rule_that_begins_with_a_page_is_found_on_both_sides(void **state)
{
	const __u64 border = MODULE - TABLES_VADDR + (2u << PB_UNWIND_PAGE_SHIFT);
	const struct tables_code code[] = {
		{LEAF, RULE_SP(8)},
		{border - 4, RULE_SP(16)},
		{border, RULE_KIND(PB_CFA_END)},
	};

	(void)state;
	tables_module(&t, MODULE, MODULE_SIZE, code, 3);
	tables_process(SCENE_TGID, 0, 0, 1);
	s.stack[0] = border; /* behind a call that ends the page before */
	s.stack[2] = border + 1;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, border, border + 1);
	s.event.regs.ip = border;
	EXPECT_WALK(&s, PB_END_OUTERMOST, border);
	s.event.regs.ip = border - 1;
	s.stack[0] = 0;
	s.stack[1] = border + 1;
	EXPECT_WALK(&s, PB_END_OUTERMOST, border - 1, border + 1);
}

static void code_between_functions_has_no_rule(void **state)
{
	static const struct tables_code code[] = {
		{LEAF, RULE_SP(8)},
		{LEAF + 32, RULE_KIND(PB_CFA_NONE)},
		{CALLER, RULE_KIND(PB_CFA_END)},
	};

	(void)state;
	tables_module(&t, MODULE, MODULE_SIZE, code, 3);
	tables_process(SCENE_TGID, 0, 0, 1);
	s.event.regs.ip = LEAF - 1;
	EXPECT_WALK(&s, PB_END_NO_RULE, LEAF - 1);
	s.event.regs.ip = LEAF + 32;
	EXPECT_WALK(&s, PB_END_NO_RULE, LEAF + 32);
	s.event.regs.ip = CALLER;
	EXPECT_WALK(&s, PB_END_OUTERMOST, CALLER);
}

/* A walk's own searches, against all that could be asked of them. */
static struct pb_walk walk;

static void search_run(__u32 first, __u32 n)
{
	walk.process = (struct pb_unwind_process){.owner = 1, .first = first, .n = n};
	walk.mapping.size = 0;
}

static bool finds(__u64 addr, __u64 start)
{
	return pb_find_mapping(&walk, addr) && walk.mapping.start == start;
}

static void mapping_is_found_among_any_number(void **state)
{
	static const __u32 numbers[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 100, 1023, 1024, 1025};
	__u32 k, i, n, first;

	(void)state;
	for (k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++) {
		n = numbers[k];
		first = k * 3; /* those of others lie around */
		for (i = 0; i < n; i++)
			*TABLES_AT(mappings, first + i) =
				(struct pb_unwind_mapping){.start = 0x10000 + 0x3000ull * i,
							   .size = 0x1000 + 0x1000 * (i % 3)};
		for (i = 0; i < n; i++) {
			const struct pb_unwind_mapping *m = TABLES_AT(mappings, first + i);

			/* Each search from nothing, and with what the one before has left. */
			search_run(first, n);
			assert_true(finds(m->start, m->start));
			assert_true(finds(m->start + m->size - 1, m->start));
			search_run(first, n);
			assert_true(finds(m->start + m->size - 1, m->start));
			/* Every third touches the next. */
			if (i % 3 != 2 || i == n - 1)
				assert_false(pb_find_mapping(&walk, m->start + m->size));
		}
		search_run(first, n);
		assert_false(pb_find_mapping(&walk, 0x10000 - 1));
		assert_false(pb_find_mapping(&walk, 0));
		assert_false(pb_find_mapping(&walk, 0x10000 + 0x3000ull * n + 0x3000));
		assert_false(pb_find_mapping(&walk, ~0ull));
	}
}

static void longest_run_of_mappings_is_searched_whole(void **state)
{
	__u32 i, first = PB_UNWIND_MAPPINGS_MAX - PB_UNWIND_RUN_MAX;

	(void)state;
	for (i = 0; i < PB_UNWIND_RUN_MAX; i++)
		*TABLES_AT(mappings, first + i) =
			(struct pb_unwind_mapping){.start = 0x2000ull * (i + 1), .size = 0x1000};
	search_run(first, PB_UNWIND_RUN_MAX);
	for (i = 0; i < PB_UNWIND_RUN_MAX; i++) {
		assert_true(finds(0x2000ull * (i + 1) + 5, 0x2000ull * (i + 1)));
		assert_false(pb_find_mapping(&walk, 0x2000ull * (i + 1) + 0x1000));
	}
}

static void run_that_leaves_its_map_finds_nothing_there(void **state)
{
	(void)state;
	*TABLES_AT(mappings, PB_UNWIND_MAPPINGS_MAX - 1) =
		(struct pb_unwind_mapping){.start = 0x1000, .size = 0x1000};
	search_run(PB_UNWIND_MAPPINGS_MAX - 1, 3);
	assert_false(pb_find_mapping(&walk, 0x1800));
	search_run(PB_UNWIND_MAPPINGS_MAX, 1);
	assert_false(pb_find_mapping(&walk, 0x1800));
	search_run(~0u, ~0u);
	assert_false(pb_find_mapping(&walk, 0x1800));
	/* Longer than any run, and all of it zeros. */
	search_run(0, PB_UNWIND_MAPPINGS_MAX);
	assert_false(pb_find_mapping(&walk, 0x1800));
}

/* A page of @n rows at every 65536/n-th byte, each with a rule number of its own. */
static void row_is_found_among_any_number(void **state)
{
	static const __u32 numbers[] = {
		1, 2, 3, 4, 5, 15, 16, 17, 1000, 32767, PB_UNWIND_PAGE_ROWS_MAX};
	__u32 *rows = tables_rows(0), k, i, n, addr, in_force;

	(void)state;
	walk.mapping = (struct pb_unwind_mapping){.bias = 0x10000, .first_page = 4, .n_pages = 1};
	/* The next page is another module's. */
	rows[70] = 0xabc;
	*TABLES_AT(pages, 5) = (struct pb_unwind_page){.first = 70, .rows = 1};
	for (k = 0; k < sizeof(numbers) / sizeof(numbers[0]); k++) {
		n = numbers[k];
		*TABLES_AT(pages, 4) = (struct pb_unwind_page){.first = 77, .rows = (__u16)n};
		for (i = 0; i < n; i++)
			rows[77 + i] = (i * (65536 / n)) << 16 | (i + 1);
		rows[77 + n] = 0xffff; /* not ours */
		for (addr = 0; addr<65536; addr += n> 1000 ? 1 : 7) {
			in_force = addr / (65536 / n) + 1;
			if (in_force > n)
				in_force = n;
			assert_int_equal(pb_find_row(&walk, 0x10000 + addr), in_force);
		}
		assert_int_equal(pb_find_row(&walk, 0x10000 - 1), 0);
		assert_int_equal(pb_find_row(&walk, 0x20000), 0);
	}
}

/* What is published is never like this; what is read must be memory of the map all the same. */
static void tables_that_contradict_themselves_have_no_rule(void **state)
{
	struct pb_unwind_page *page;

	(void)state;
	PUBLISH(.cfa = PB_CFA_END);
	page = TABLES_AT(pages, 0);
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF);
	page->rows = 0;
	page->first = 1; /* the row that was met before */
	EXPECT_WALK(&s, PB_END_NO_RULE, LEAF);
	page->first = 0;
	page->rows = 2;
	page->segment = TABLES_SEGMENTS; /* not made yet */
	EXPECT_WALK(&s, PB_END_NO_RULE, LEAF);
	page->segment = PB_UNWIND_SEGMENTS_MAX;
	EXPECT_WALK(&s, PB_END_NO_RULE, LEAF);
	page->segment = 0xffff;
	EXPECT_WALK(&s, PB_END_NO_RULE, LEAF);
	/* A module whose pages lie outside. */
	PUBLISH(.cfa = PB_CFA_END);
	TABLES_AT(mappings, 0)->first_page = PB_UNWIND_PAGES_MAX;
	EXPECT_WALK(&s, PB_END_NO_RULE, LEAF);
	TABLES_AT(mappings, 0)->first_page = ~0u;
	TABLES_AT(mappings, 0)->n_pages = ~0u;
	EXPECT_WALK(&s, PB_END_NO_RULE, LEAF);
	TABLES_AT(mappings, 0)->bias -= 1u << PB_UNWIND_PAGE_SHIFT;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF); /* page ~0 + 1 is page 0 */
	TABLES_AT(mappings, 0)->bias = LEAF + 1; /* the code lies before the module's first byte */
	EXPECT_WALK(&s, PB_END_NO_RULE, LEAF);
	/* Rules that are not there. */
	PUBLISH(.cfa = PB_CFA_END);
	tables_rows(0)[1] = tables_rows(0)[1] | 0xffff;
	EXPECT_WALK(&s, PB_END_NO_RULE, LEAF);
}

static void rows_beyond_their_segment_are_read_within_it(void **state)
{
	static const __u32 firsts[] = {PB_UNWIND_SEGMENT_ROWS - 1, PB_UNWIND_SEGMENT_ROWS,
				       0x80000000, 0xfffffff0, 0xffffffff};
	size_t i;
	__u32 addr;

	(void)state;
	PUBLISH(.cfa = PB_CFA_END);
	walk.mapping = *TABLES_AT(mappings, 0);
	for (i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++) {
		*TABLES_AT(pages, 0) = (struct pb_unwind_page){.first = firsts[i], .rows = 0xffff};
		/* ASan watches where these read. */
		for (addr = 0; addr < 0x8000; addr += 0xff)
			assert_in_range(pb_find_row(&walk, MODULE + addr), 0, 0xffff);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(cfa_by_the_stack_pointer),
		TEST(cfa_by_the_frame_pointer),
		TEST(cfa_by_every_other_register),
		TEST(registers_outlast_a_frame),
		TEST(register_that_callees_save_is_not_known_in_a_caller),
		TEST(register_that_did_not_outlast_a_frame_leads_nowhere),
		TEST(register_number_out_of_range_reads_no_other_memory),
		TEST(cfa_in_memory_by_the_stack_pointer),
		TEST(cfa_in_memory_by_the_frame_pointer),
		TEST(cfa_in_unreadable_memory_is_unreadable),
		TEST(plt_stub_has_pushed_from_its_nth_byte_on),
		TEST(outermost_frame_ends_the_walk),
		TEST(unsupported_rule_and_unknown_kinds_end_the_walk),
		TEST(frame_pointer_untouched_is_the_callers),
		TEST(frame_pointer_saved_away_from_the_return_address),
		TEST(return_address_away_from_the_cfa),
		TEST(frame_pointer_that_is_gone_is_not_used),
		TEST(return_address_in_a_register),
		TEST(return_address_in_a_register_is_no_endless_stack),
		TEST(null_return_address_is_a_bottom),
		TEST(return_address_that_is_no_code_is_a_bad_frame),
		TEST(cfa_must_lie_above_the_last),
		TEST(misaligned_cfa_is_a_bad_frame),
		TEST(cfa_beyond_user_memory_is_a_bad_frame),
		TEST(offsets_at_their_limits_do_not_overflow),
		TEST(saved_registers_in_unreadable_memory_are_unreadable),
		TEST(signal_frame_brings_all_registers_back),
		TEST(sigcontext_is_laid_out_as_the_kernel_has_it),
		TEST(address_below_a_signal_frame_is_looked_up_as_it_is),
		TEST(stack_below_a_signal_frame_may_be_another),
		TEST(signal_frame_that_lies_ends_the_walk),
		TEST(circle_of_signal_frames_ends_at_the_depth_limit),
		TEST(return_address_belongs_to_the_call_before_it),
		TEST(return_address_behind_its_mapping_still_belongs_to_it),
		TEST(rule_goes_on_over_pages_without_rows_of_their_own),
		TEST(rule_that_begins_with_a_page_is_found_on_both_sides),
		TEST(code_between_functions_has_no_rule),
		TEST(mapping_is_found_among_any_number),
		TEST(longest_run_of_mappings_is_searched_whole),
		TEST(run_that_leaves_its_map_finds_nothing_there),
		TEST(row_is_found_among_any_number),
		TEST(tables_that_contradict_themselves_have_no_rule),
		TEST(rows_beyond_their_segment_are_read_within_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
