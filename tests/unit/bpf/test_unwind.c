/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Walks are watched from outside, by the records they end up in. */
#include "tests/hostbpf/tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/hostbpf/draw.h"
#include "tests/hostbpf/expect.h"

#define RING 65536
#define RA   0x402000ull

static struct scene s;

static int setup(void **state)
{
	(void)state;
	scene_open(&s, 64, RING);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_free();
	return 0;
}

/* Take an event and see @n frames that end so. */
static const struct pb_stack_record *walk(__u32 n, enum pb_walk_end end)
{
	const struct pb_stack_record *r;

	host_ring_consume(&stacks);
	scene_take(&s);
	assert_int_equal(host_ring_count(&stacks), 1);
	r = scene_record(0, n);
	assert_non_null(r);
	assert_int_equal(r->n_user, n);
	assert_int_equal(r->user_end, end);
	if (n)
		assert_int_equal(r->frames[0], SCENE_IP);
	return r;
}

static void chain_ending_in_null_is_bottom(void **state)
{
	const struct pb_stack_record *r;

	(void)state;
	/* The last frame pointer is null. */
	scene_frame(&s, 0, scene_addr(4), RA);
	scene_frame(&s, 4, 0, RA + 16);
	s.event.regs.fp = scene_addr(0);
	r = walk(3, PB_END_BOTTOM);
	assert_int_equal(r->frames[1], RA);
	assert_int_equal(r->frames[2], RA + 16);
}

static void null_return_address_is_bottom(void **state)
{
	(void)state;
	scene_frame(&s, 0, scene_addr(4), RA);
	scene_frame(&s, 4, scene_addr(8), 0);
	s.event.regs.fp = scene_addr(0);
	walk(2, PB_END_BOTTOM);
}

static void misaligned_first_pointer_is_no_frame_pointer(void **state)
{
	(void)state;
	scene_chain(&s, 3, RA);
	s.event.regs.fp += 4;
	walk(1, PB_END_NO_FP);
}

static void register_that_holds_a_number_is_no_frame_pointer(void **state)
{
	static const __u64 numbers[] = {0, 1, 8, SCENE_STACK - 8, 1ull << 56, ~7ull};
	size_t i;

	(void)state;
	scene_chain(&s, 3, RA);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		s.event.regs.fp = numbers[i];
		s.event.regs.ip = SCENE_IP;
		s.thread.self_exec_id++; /* so that it is sent again */
		walk(1, PB_END_NO_FP);
	}
}

static void first_pointer_to_unmapped_memory_is_no_frame_pointer(void **state)
{
	(void)state;
	s.event.regs.fp = scene_addr(SCENE_SLOTS) + 4096;
	walk(1, PB_END_NO_FP);
}

static void first_return_address_in_no_code_is_no_frame_pointer(void **state)
{
	(void)state;
	scene_frame(&s, 0, scene_addr(4), 4095);
	s.event.regs.fp = scene_addr(0);
	walk(1, PB_END_NO_FP);
	scene_frame(&s, 0, scene_addr(4), 0xffffffff81000000);
	s.thread.self_exec_id++;
	walk(1, PB_END_NO_FP);
}

static void backwards_pointer_ends_the_walk(void **state)
{
	(void)state;
	scene_frame(&s, 8, scene_addr(12), RA);
	scene_frame(&s, 12, scene_addr(4), RA + 16);
	s.event.regs.fp = scene_addr(8);
	walk(3, PB_END_BAD_FP);
}

static void frame_that_points_to_itself_ends_the_walk(void **state)
{
	(void)state;
	scene_frame(&s, 0, scene_addr(4), RA);
	scene_frame(&s, 4, scene_addr(4), RA + 16);
	s.event.regs.fp = scene_addr(0);
	walk(3, PB_END_BAD_FP);
}

static void frames_that_overlap_end_the_walk(void **state)
{
	(void)state;
	scene_frame(&s, 0, scene_addr(1), RA);
	s.event.regs.fp = scene_addr(0);
	walk(2, PB_END_BAD_FP);
	/* While the tightest frames that are possible are walked. */
	scene_frame(&s, 0, scene_addr(2), RA);
	scene_frame(&s, 2, 0, RA);
	walk(3, PB_END_BOTTOM);
}

static void misaligned_later_pointer_is_a_lost_one(void **state)
{
	(void)state;
	scene_frame(&s, 0, scene_addr(4) + 1, RA);
	s.event.regs.fp = scene_addr(0);
	walk(2, PB_END_BAD_FP);
}

static void pointer_beyond_user_addresses_is_a_lost_one(void **state)
{
	(void)state;
	scene_frame(&s, 0, 0xffff888000000000, RA);
	s.event.regs.fp = scene_addr(0);
	walk(2, PB_END_BAD_FP);
}

static void return_address_in_no_code_ends_the_walk(void **state)
{
	(void)state;
	scene_frame(&s, 0, scene_addr(4), RA);
	scene_frame(&s, 4, scene_addr(8), 17);
	s.event.regs.fp = scene_addr(0);
	walk(2, PB_END_BAD_FP);
	scene_frame(&s, 4, scene_addr(8), 0xffffffff81000000);
	s.thread.self_exec_id++;
	walk(2, PB_END_BAD_FP);
}

static void stack_that_is_paged_out_is_unreadable(void **state)
{
	(void)state;
	scene_frame(&s, 0, scene_addr(SCENE_SLOTS), RA);
	s.event.regs.fp = scene_addr(0);
	walk(2, PB_END_UNREADABLE);
	/* Half of a frame does not do. */
	scene_frame(&s, 0, scene_addr(SCENE_SLOTS - 1), RA);
	s.thread.self_exec_id++;
	walk(2, PB_END_UNREADABLE);
}

static void depth_limit_is_truncation(void **state)
{
	const struct pb_stack_record *r;

	(void)state;
	scene_chain(&s, 100, RA);
	s.cfg.max_user_frames = 10;
	r = walk(10, PB_END_DEPTH);
	assert_int_equal(r->frames[9], RA + 8 * 16);
	s.cfg.max_user_frames = 1;
	walk(1, PB_END_DEPTH);
	s.cfg.max_user_frames = PB_USER_FRAMES_MAX;
	walk(101, PB_END_BOTTOM);
}

static void chain_as_long_as_the_limit_is_whole(void **state)
{
	(void)state;
	scene_chain(&s, 9, RA);
	s.cfg.max_user_frames = 10;
	walk(10, PB_END_BOTTOM);
	s.cfg.max_user_frames = 9;
	walk(9, PB_END_DEPTH);
}

static void longest_walk_reaches_its_limit(void **state)
{
	(void)state;
	scene_chain(&s, PB_USER_FRAMES_MAX - 1, RA);
	s.cfg.max_user_frames = PB_USER_FRAMES_MAX;
	walk(PB_USER_FRAMES_MAX, PB_END_BOTTOM);
	scene_chain(&s, PB_USER_FRAMES_MAX, RA);
	walk(PB_USER_FRAMES_MAX, PB_END_DEPTH);
}

static void kernel_thread_has_no_user_stack(void **state)
{
	(void)state;
	scene_chain(&s, 3, RA);
	s.thread.flags = PB_PF_KTHREAD;
	walk(0, PB_END_NO_USER);
}

static void task_without_memory_has_no_user_stack(void **state)
{
	(void)state;
	scene_chain(&s, 3, RA);
	s.thread.mm = NULL;
	walk(0, PB_END_NO_USER);
}

static void compat_task_is_left_alone(void **state)
{
	(void)state;
	scene_chain(&s, 3, RA);
	s.event.compat = true;
	walk(0, PB_END_COMPAT);
	/* And if the event hit the kernel, the saved registers tell. */
	s.event.compat = false;
	s.event.in_kernel = true;
	host.user_regs = (struct pt_regs){
		.ip = SCENE_IP, .sp = SCENE_STACK, .bp = scene_addr(0), .cs = 0x10023};
	s.thread.self_exec_id++;
	walk(0, PB_END_COMPAT);
}

static void walk_of_a_task_in_the_kernel_starts_where_it_entered(void **state)
{
	const struct pb_stack_record *r;

	(void)state;
	scene_chain(&s, 3, RA);
	s.event.in_kernel = true;
	s.event.regs = (struct pb_regs){.ip = 0xffffffff81000000, .sp = 1, .fp = 2};
	host.user_regs = (struct pt_regs){
		.ip = SCENE_IP, .sp = SCENE_STACK, .bp = scene_addr(0), .cs = 0x33};
	r = walk(4, PB_END_BOTTOM);
	assert_int_equal(r->frames[3], RA + 32);
}

/* Two modules of compiled code with a JIT's memory between them, and one that has no rules at all. */
#define MODULE      0x400000ull
#define MODULE_SIZE 0x20000ull
#define LIBRARY     0x500000ull
#define JIT         0x600000ull
#define STRIPPED    0x700000ull
#define CALLER      0x402000ull
#define OUTER       0x403000ull
#define HOLE        0x404000ull
#define LIB_CALLER  0x502000ull

static struct tables t;

static int setup_tables(void **state)
{
	static const struct tables_code module[] = {
		{SCENE_IP, RULE_SP(16)},
		{CALLER, RULE_SP(16)},
		{OUTER, RULE_KIND(PB_CFA_END)},
		{HOLE, RULE_KIND(PB_CFA_NONE)},
	};
	static const struct tables_code library[] = {{LIB_CALLER, RULE_SP(32)}};

	(void)state;
	scene_open(&s, 4096, RING);
	tables_open(&t);
	tables_module(&t, MODULE, MODULE_SIZE, module, 4);
	tables_module(&t, LIBRARY, MODULE_SIZE, library, 1);
	tables_module(&t, JIT, MODULE_SIZE, NULL, 0);
	tables_module(&t, STRIPPED, MODULE_SIZE, NULL, 0);
	tables_process(SCENE_TGID, 0, 0, t.n_mappings);
	s.cfg.unwind = PB_UNWIND_AUTO;
	return 0;
}

static void rules_are_followed_from_module_to_module(void **state)
{
	(void)state;
	s.stack[1] = LIB_CALLER + 4;
	s.stack[2 + 3] = CALLER + 4;
	s.stack[6 + 1] = OUTER + 4;
	EXPECT_WALK(&s, PB_END_OUTERMOST, SCENE_IP, LIB_CALLER + 4, CALLER + 4, OUTER + 4);
	s.cfg.unwind = PB_UNWIND_EH;
	EXPECT_WALK(&s, PB_END_OUTERMOST, SCENE_IP, LIB_CALLER + 4, CALLER + 4, OUTER + 4);
}

static __u64 asleep_ns;

static void sleep_in_the_walk(void)
{
	host.now_ns += asleep_ns;
}

/* In task context a walk may be preempted, and go on when its tables are another module's. */
static void walk_that_outlived_its_tables_keeps_the_leaf_alone(void **state)
{
	(void)state;
	s.stack[1] = LIB_CALLER + 4;
	s.stack[2 + 3] = CALLER + 4;
	s.stack[6 + 1] = OUTER + 4;
	s.slot = PB_SCRATCH_TASK;
	host.interrupt = sleep_in_the_walk;
	host.moment = HOST_IN_READ_USER;
	asleep_ns = PB_UNWIND_WALK_MAX_NS;
	EXPECT_WALK(&s, PB_END_OUTERMOST, SCENE_IP, LIB_CALLER + 4, CALLER + 4, OUTER + 4);
	host.now_ns = SCENE_NOW;
	host.moment = HOST_IN_READ_USER;
	asleep_ns++;
	EXPECT_WALK(&s, PB_END_INTERRUPTED, SCENE_IP);
	/* A sample cannot be preempted, and does not ask for the time. */
	s.slot = PB_SCRATCH_INTERRUPT;
	host.now_ns = SCENE_NOW;
	host.moment = HOST_IN_READ_USER;
	EXPECT_WALK(&s, PB_END_OUTERMOST, SCENE_IP, LIB_CALLER + 4, CALLER + 4, OUTER + 4);
	/* A walk by frame pointers looks nothing up. */
	s.slot = PB_SCRATCH_TASK;
	scene_chain(&s, 1, CALLER + 4);
	host.now_ns = SCENE_NOW;
	host.moment = HOST_IN_READ_USER;
	s.cfg.unwind = PB_UNWIND_FP;
	EXPECT_WALK(&s, PB_END_BOTTOM, SCENE_IP, CALLER + 4);
}

/* A stack of compiled code below JIT code with frame pointers, below compiled code. */
static void put_mixed_stack(void)
{
	s.event.regs.fp = scene_addr(10);
	s.stack[1] = LIB_CALLER + 4; /* SCENE_IP's frame: words 0 and 1 */
	s.stack[5] = JIT + 16;       /* LIB_CALLER's: words 2 to 5 */
	scene_frame(&s, 10, scene_addr(20), JIT + 32);
	scene_frame(&s, 20, 777, CALLER + 4); /* what the JIT was called with is no frame pointer */
	s.stack[23] = OUTER + 4;              /* CALLER's: words 22 and 23 */
}

static void rules_and_frame_pointers_take_turns(void **state)
{
	(void)state;
	put_mixed_stack();
	EXPECT_WALK(&s, PB_END_OUTERMOST, SCENE_IP, LIB_CALLER + 4, JIT + 16, JIT + 32, CALLER + 4,
		    OUTER + 4);
}

static void rules_only_end_where_there_is_none(void **state)
{
	(void)state;
	put_mixed_stack();
	s.cfg.unwind = PB_UNWIND_EH;
	EXPECT_WALK(&s, PB_END_NO_RULE, SCENE_IP, LIB_CALLER + 4, JIT + 16);
}

static void frame_pointers_only_look_nothing_up(void **state)
{
	(void)state;
	put_mixed_stack();
	s.cfg.unwind = PB_UNWIND_FP;
	EXPECT_WALK(&s, PB_END_BAD_FP, SCENE_IP, JIT + 32, CALLER + 4);
	assert_int_equal(TABLES_AT(mappings, 0)->start, MODULE);
	host.current_task = &s.leader;
	EXPECT_WALK(&s, PB_END_BAD_FP, SCENE_IP, JIT + 32, CALLER + 4);
}

/* Hand-written code between functions that have rules may keep frame pointers. */
static void hole_in_the_rules_is_walked_by_frame_pointers(void **state)
{
	(void)state;
	s.event.regs.ip = HOLE + 16;
	scene_frame(&s, 0, scene_addr(8), CALLER + 4);
	s.event.regs.fp = scene_addr(0);
	s.stack[3] = OUTER + 4;
	EXPECT_WALK(&s, PB_END_OUTERMOST, HOLE + 16, CALLER + 4, OUTER + 4);
}

static void module_without_rules_or_frame_pointers_says_so(void **state)
{
	(void)state;
	s.event.regs.ip = STRIPPED + 16;
	s.event.regs.fp = 3;
	EXPECT_WALK(&s, PB_END_NO_FP, STRIPPED + 16);
	/* Its register holds the frame of a function far below: what that leads to is no code. */
	s.event.regs.fp = scene_addr(4);
	scene_frame(&s, 4, scene_addr(8), 0xaaaa0000);
	EXPECT_WALK(&s, PB_END_NO_FP, STRIPPED + 16);
}

/* As in a JIT's frames: those by rules between them do not make a bad pointer the second one. */
static void first_frame_pointer_behind_rules_is_a_first_one(void **state)
{
	(void)state;
	s.stack[1] = JIT + 16;
	s.event.regs.fp = 3;
	EXPECT_WALK(&s, PB_END_NO_FP, SCENE_IP, JIT + 16);
	put_mixed_stack();
	s.stack[23] = JIT + 64; /* 777 is still in the register */
	EXPECT_WALK(&s, PB_END_NO_FP, SCENE_IP, LIB_CALLER + 4, JIT + 16, JIT + 32, CALLER + 4,
		    JIT + 64);
}

static void chain_of_a_jit_that_begins_in_null_is_a_bottom(void **state)
{
	(void)state;
	s.event.regs.ip = JIT + 16;
	s.event.regs.fp = scene_addr(0);
	scene_frame(&s, 0, 0, JIT + 32);
	EXPECT_WALK(&s, PB_END_BOTTOM, JIT + 16, JIT + 32);
	/* At the first frame, null is only a register that is used for something else. */
	s.event.regs.fp = 0;
	EXPECT_WALK(&s, PB_END_NO_FP, JIT + 16);
}

static void walk_by_rules_of_a_task_in_the_kernel_starts_where_it_entered(void **state)
{
	(void)state;
	put_mixed_stack();
	host.user_regs = (struct pt_regs){
		.ip = SCENE_IP, .sp = SCENE_STACK, .bp = s.event.regs.fp, .cs = 0x33};
	s.event.regs = (struct pb_regs){.ip = 0xffffffff81000000};
	s.event.in_kernel = true;
	/* Its address is no return address: the function may begin there. */
	EXPECT_WALK(&s, PB_END_OUTERMOST, SCENE_IP, LIB_CALLER + 4, JIT + 16, JIT + 32, CALLER + 4,
		    OUTER + 4);
}

/* @n frames of one recursive function above the leaf, then the outermost. */
static void put_recursion(__u32 n)
{
	__u32 i;

	for (i = 0; i < n; i++)
		s.stack[2 * i + 1] = CALLER + 4;
	s.stack[2 * n + 1] = OUTER + 4;
}

static void recursion_is_counted_to_the_frame(void **state)
{
	static const __u32 limits[] = {127, PB_USER_FRAMES_MAX};
	const struct pb_stack_record *r;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		s.cfg.max_user_frames = limits[i];
		put_recursion(limits[i] - 2);
		r = scene_walk(&s);
		assert_int_equal(r->n_user, limits[i]);
		assert_int_equal(r->user_end, PB_END_OUTERMOST);
		assert_int_equal(r->frames[limits[i] - 1], OUTER + 4);
		put_recursion(limits[i] - 1);
		r = scene_walk(&s);
		assert_int_equal(r->n_user, limits[i]);
		assert_int_equal(r->user_end, PB_END_DEPTH);
		assert_int_equal(r->frames[limits[i] - 1], CALLER + 4);
	}
}

static void deepest_stacks_by_rules_fit_below_those_of_the_kernel(void **state)
{
	static __u64 deep[PB_KERNEL_FRAMES_MAX];
	const struct pb_stack_record *r;

	(void)state;
	host.kernel_frames = deep;
	host.n_kernel_frames = PB_KERNEL_FRAMES_MAX;
	host.user_regs = (struct pt_regs){.ip = SCENE_IP, .sp = SCENE_STACK, .cs = 0x33};
	s.event.in_kernel = true;
	s.cfg.max_user_frames = PB_USER_FRAMES_MAX;
	put_recursion(PB_USER_FRAMES_MAX + 10);
	r = scene_walk(&s);
	assert_int_equal(r->n_kernel, PB_KERNEL_FRAMES_MAX);
	assert_int_equal(r->n_user, PB_USER_FRAMES_MAX);
	assert_int_equal(r->user_end, PB_END_DEPTH);
	assert_int_equal(r->frames[PB_FRAMES_MAX - 1], CALLER + 4);
}

/* A word that a stack, a register or a table may hold: an address, nearly one, or anything. */
static __u64 draw_word(void)
{
	static const __u64 edges[] = {0,
				      1,
				      4095,
				      4096,
				      PB_USER_ADDR_LIMIT - 8,
				      PB_USER_ADDR_LIMIT,
				      0xffffffff81000000,
				      ~0ull,
				      ~7ull};

	switch (draw(16)) {
	case 0:
		return draw64();
	case 1:
		return edges[draw(sizeof(edges) / sizeof(edges[0]))];
	case 2:
		return scene_addr(draw(SCENE_SLOTS + 4)) + draw(9);
	case 3:
	case 4:
		return scene_addr(draw(300));
	default:
		return MODULE + draw(MODULE_SIZE);
	}
}

static struct pb_unwind_rule draw_rule(void)
{
	struct pb_unwind_rule r = {.cfa = PB_CFA_SP, .cfa_off = 8 * draw(8), .ra_off = -8};

	switch (draw(4)) {
	case 0:
		return r;
	case 1:
		r.cfa = draw(PB_CFA_UNSUPPORTED + 2);
		r.fp = draw(PB_FP_UNDEFINED + 1);
		r.ra = draw(PB_RA_REG + 1);
		r.reg = draw(PB_GPRS);
		r.fp_off = -16;
		return r;
	case 2:
		r.cfa = draw(PB_CFA_PLT + 1);
		r.cfa_off = (__s32)draw(64) - 16;
		return r;
	default:
		return (struct pb_unwind_rule){draw(256),       draw(256),       draw(256),
					       draw(256),       (__s32)draw64(), (__s32)draw64(),
					       (__s16)draw64(), (__s16)draw64()};
	}
}

#define FEW 32 /* elements of each map, so that indices leave them often */

/* Tables that nobody would publish, but near to such. */
static void draw_tables(void)
{
	__u32 i, *rows;

	scene_open(&s, 64, RING);
	tables_open_sized(&t, FEW, FEW, FEW);
	for (i = 0; i < FEW; i++) {
		*TABLES_AT(rules, i) = draw_rule();
		*TABLES_AT(mappings, i) = (struct pb_unwind_mapping){
			.start = draw(4) ? MODULE + draw(MODULE_SIZE) : draw64(),
			.size = draw(4) ? draw(MODULE_SIZE) : draw64(),
			.bias = draw(4) ? MODULE : draw64(),
			.first_page = draw(4) ? draw(FEW) : draw(~0u),
			.n_pages = draw(4) ? draw(4) : draw(~0u)};
		*TABLES_AT(pages, i) =
			(struct pb_unwind_page){.first = draw(4) ? draw(256) : draw(~0u),
						.segment = draw(4) ? draw(2) : draw(0xffff),
						.rows = draw(4) ? draw(256) : draw(0xffff)};
	}
	for (i = 0; i < 2; i++) {
		rows = tables_rows(i);
		rows[draw(PB_UNWIND_SEGMENT_ROWS)] = rows[PB_UNWIND_SEGMENT_ROWS - 1] = ~0u;
		for (rows += 512; rows > tables_rows(i); rows--)
			rows[-1] = (__u32)draw(0x10000) << 16 | draw(FEW + 2);
	}
	if (!draw(4)) {
		tables_process(SCENE_TGID, 0, draw(4) ? 0 : draw(~0u),
			       draw(4) ? draw(5) : draw(~0u));
		return;
	}
	/* Most are one module that is whole, and rows out of order. */
	*TABLES_AT(mappings, 0) = (struct pb_unwind_mapping){
		.start = MODULE, .size = MODULE_SIZE, .bias = MODULE, .n_pages = 2};
	*TABLES_AT(pages, 0) = *TABLES_AT(pages, 1) = (struct pb_unwind_page){.rows = 256};
	tables_process(SCENE_TGID, 0, 0, 1);
}

static struct xol_area area;
static struct uprobe_task utask;
static struct return_instance live[4];

static void draw_event(void)
{
	static __u64 seed;
	__u32 i;

	for (i = 0; i < 300; i++)
		s.stack[i] = draw_word();
	for (i = 0; i < PB_GPRS; i++)
		s.event.regs.gpr[i] = draw_word();
	s.event.regs.ip = draw(4) ? MODULE + draw(MODULE_SIZE) : draw_word();
	s.event.regs.sp = draw(4) ? scene_addr(draw(100)) : draw_word();
	s.event.regs.fp = draw_word();
	s.cfg.unwind = draw(4) ? PB_UNWIND_AUTO : PB_UNWIND_EH;
	s.cfg.max_user_frames = draw(4) ? 127 : 1 + draw(draw(2) ? 4 : PB_USER_FRAMES_MAX);
	s.cfg.hash_seed = ++seed * 0x9e3779b97f4a7c15ull;
	area.vaddr = draw_word() & ~4095ull;
	utask = (struct uprobe_task){.vaddr = draw_word(),
				     .return_instances = &live[draw(4)],
				     .ri_pool = draw(2) ? &live[draw(4)] : NULL};
	for (i = 0; i < 4; i++)
		live[i] = (struct return_instance){.stack = draw_word(),
						   .orig_ret_vaddr = draw_word(),
						   .next = draw(3) ? &live[draw(4)] : NULL};
	s.mm.uprobes_state.xol_area = draw(2) ? &area : NULL;
	s.thread.utask = draw(2) ? &utask : NULL;
	s.event.in_kernel = !draw(4);
	s.slot = draw(2) ? PB_SCRATCH_TASK : PB_SCRATCH_INTERRUPT;
	host.user_regs = (struct pt_regs){.ip = s.event.regs.ip, .sp = s.event.regs.sp, .cs = 0x33};
	host.field_missing = draw(2) ? "utask->ri_pool" : NULL;
	host.interrupt = sleep_in_the_walk;
	host.moment = draw(64) ? HOST_NEVER : HOST_IN_READ_USER;
	host.now_ns = SCENE_NOW;
	asleep_ns = 2 * PB_UNWIND_WALK_MAX_NS;
}

/* ASan and UBSan watch what is read: each element of a map is memory of its own. */
static void random_stacks_over_random_tables_end_in_bounds(void **state)
{
	__u32 sets, i, n_ends = 0, seen[PB_END_COUNT] = {0};
	const struct pb_stack_record *r;
	__u64 frames = 0;
	size_t size;

	(void)state;
	draw_from(1);
	for (sets = 0; sets < 500; sets++) {
		draw_tables();
		for (i = 0; i < 20; i++) {
			draw_event();
			host_ring_consume(&stacks);
			scene_take(&s);
			assert_int_equal(host_ring_count(&stacks), 1);
			r = host_ring_record(&stacks, 0, &size);
			assert_in_range(r->n_user, 1, s.cfg.max_user_frames);
			assert_in_range(r->user_end, PB_END_BOTTOM, PB_END_COUNT - 1);
			if (r->user_end == PB_END_DEPTH)
				assert_int_equal(r->n_user, s.cfg.max_user_frames);
			seen[r->user_end]++;
			frames += r->n_user;
		}
	}
	/* Otherwise they were not random. */
	for (i = 0; i < PB_END_COUNT; i++)
		n_ends += seen[i] > 0;
	assert_int_equal(n_ends, PB_END_COUNT - 3); /* NOT_WALKED, NO_USER, COMPAT */
	assert_true(frames > 10000);
}

#define TABLES_TEST(name) cmocka_unit_test_setup_teardown(name, setup_tables, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(chain_ending_in_null_is_bottom, setup, teardown),
		cmocka_unit_test_setup_teardown(null_return_address_is_bottom, setup, teardown),
		cmocka_unit_test_setup_teardown(misaligned_first_pointer_is_no_frame_pointer, setup,
						teardown),
		cmocka_unit_test_setup_teardown(register_that_holds_a_number_is_no_frame_pointer,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			first_pointer_to_unmapped_memory_is_no_frame_pointer, setup, teardown),
		cmocka_unit_test_setup_teardown(first_return_address_in_no_code_is_no_frame_pointer,
						setup, teardown),
		cmocka_unit_test_setup_teardown(backwards_pointer_ends_the_walk, setup, teardown),
		cmocka_unit_test_setup_teardown(frame_that_points_to_itself_ends_the_walk, setup,
						teardown),
		cmocka_unit_test_setup_teardown(frames_that_overlap_end_the_walk, setup, teardown),
		cmocka_unit_test_setup_teardown(misaligned_later_pointer_is_a_lost_one, setup,
						teardown),
		cmocka_unit_test_setup_teardown(pointer_beyond_user_addresses_is_a_lost_one, setup,
						teardown),
		cmocka_unit_test_setup_teardown(return_address_in_no_code_ends_the_walk, setup,
						teardown),
		cmocka_unit_test_setup_teardown(stack_that_is_paged_out_is_unreadable, setup,
						teardown),
		cmocka_unit_test_setup_teardown(depth_limit_is_truncation, setup, teardown),
		cmocka_unit_test_setup_teardown(chain_as_long_as_the_limit_is_whole, setup,
						teardown),
		cmocka_unit_test_setup_teardown(longest_walk_reaches_its_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(kernel_thread_has_no_user_stack, setup, teardown),
		cmocka_unit_test_setup_teardown(task_without_memory_has_no_user_stack, setup,
						teardown),
		cmocka_unit_test_setup_teardown(compat_task_is_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(
			walk_of_a_task_in_the_kernel_starts_where_it_entered, setup, teardown),
		TABLES_TEST(rules_are_followed_from_module_to_module),
		TABLES_TEST(walk_that_outlived_its_tables_keeps_the_leaf_alone),
		TABLES_TEST(rules_and_frame_pointers_take_turns),
		TABLES_TEST(rules_only_end_where_there_is_none),
		TABLES_TEST(frame_pointers_only_look_nothing_up),
		TABLES_TEST(hole_in_the_rules_is_walked_by_frame_pointers),
		TABLES_TEST(module_without_rules_or_frame_pointers_says_so),
		TABLES_TEST(first_frame_pointer_behind_rules_is_a_first_one),
		TABLES_TEST(chain_of_a_jit_that_begins_in_null_is_a_bottom),
		TABLES_TEST(walk_by_rules_of_a_task_in_the_kernel_starts_where_it_entered),
		TABLES_TEST(recursion_is_counted_to_the_frame),
		TABLES_TEST(deepest_stacks_by_rules_fit_below_those_of_the_kernel),
		TABLES_TEST(random_stacks_over_random_tables_end_in_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
