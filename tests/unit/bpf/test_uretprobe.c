/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Walks over stacks on which somebody's uretprobes are live. */
#include "tests/hostbpf/tables.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/hostbpf/expect.h"

#define MODULE     0x400000ull
#define LEAF       SCENE_IP
#define CALLER     0x402000ull
#define OUTER      0x403000ull
#define RA         (CALLER + 16)
#define RA2        (CALLER + 32)
#define RA_OUTER   (OUTER + 16)
#define TRAMPOLINE 0x7fffffffe000ull
#define SLOT       (TRAMPOLINE + 3 * PB_XOL_SLOT)
#define MANY       (PB_URETPROBE_NESTED + 4)

static struct scene s;
static struct tables t;
static struct xol_area area;
static struct uprobe_task utask;
static struct return_instance live[MANY];
static struct return_instance done; /* the last that has returned */

/* Every function has a frame of 16 bytes, so that return addresses are at words 1, 3, 5, ... */
static int setup(void **state)
{
	static const struct tables_code code[] = {
		{LEAF, RULE_SP(16)},
		{CALLER, RULE_SP(16)},
		{OUTER, RULE_KIND(PB_CFA_END)},
	};

	(void)state;
	scene_open(&s, 256, 65536);
	tables_open(&t);
	tables_module(&t, MODULE, 0x10000, code, 3);
	tables_process(SCENE_TGID, 0, 0, 1);
	s.cfg.unwind = PB_UNWIND_AUTO;
	area = (struct xol_area){TRAMPOLINE};
	utask = (struct uprobe_task){.vaddr = CALLER + 8};
	s.mm.uprobes_state.xol_area = &area;
	s.thread.utask = &utask;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_free();
	return 0;
}

/* The true return addresses of a stack of four frames. */
static void put_stack(void)
{
	s.stack[1] = RA;
	s.stack[3] = RA2;
	s.stack[5] = RA_OUTER;
}

/* Instance @i is that of the return address at word @slot. The list goes outwards with @i. */
static void put_instance(__u32 i, __u32 slot, __u64 original)
{
	live[i] = (struct return_instance){.stack = scene_addr(slot), .orig_ret_vaddr = original};
	if (i)
		live[i - 1].next = &live[i];
	else
		utask.return_instances = &live[0];
}

/* A uretprobe takes the return address at word @slot. */
static void probe(__u32 i, __u32 slot)
{
	put_instance(i, slot, s.stack[slot]);
	s.stack[slot] = TRAMPOLINE;
}

static void stack_without_uretprobes_is_as_ever(void **state)
{
	(void)state;
	put_stack();
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA, RA2, RA_OUTER);
	s.mm.uprobes_state.xol_area = NULL;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA, RA2, RA_OUTER);
	s.thread.utask = NULL;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA, RA2, RA_OUTER);
	host.fields_missing = true;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA, RA2, RA_OUTER);
}

static void live_uretprobe_gives_its_return_address_back(void **state)
{
	__u32 slot;

	(void)state;
	for (slot = 1; slot <= 5; slot += 2) {
		put_stack();
		probe(0, slot);
		EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA, RA2, RA_OUTER);
	}
}

/* Words 0, 2, 4 hold the frame pointers, each that of the next frame. */
static void uretprobes_are_resolved_where_frame_pointers_are_walked(void **state)
{
	(void)state;
	s.cfg.unwind = PB_UNWIND_FP;
	scene_frame(&s, 0, scene_addr(2), RA);
	scene_frame(&s, 2, scene_addr(4), RA2);
	scene_frame(&s, 4, 0, RA_OUTER);
	s.event.regs.fp = scene_addr(0);
	probe(0, 1);
	probe(1, 3);
	EXPECT_WALK(&s, PB_END_BOTTOM, LEAF, RA, RA2, RA_OUTER);
}

static void uretprobes_on_every_frame_are_resolved_in_one_pass(void **state)
{
	(void)state;
	put_stack();
	probe(0, 1);
	probe(1, 3);
	probe(2, 5);
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA, RA2, RA_OUTER);
}

/* The task entered the kernel: the same, from the saved registers. */
static void uretprobe_is_resolved_for_an_event_in_the_kernel(void **state)
{
	(void)state;
	put_stack();
	probe(0, 3);
	s.event.in_kernel = true;
	host.user_regs = (struct pt_regs){.ip = LEAF, .sp = SCENE_STACK, .cs = 0x33};
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA, RA2, RA_OUTER);
}

/* Two probed functions, one of which has jumped to the other: both return from one place. */
static void chained_uretprobes_share_a_return_address(void **state)
{
	(void)state;
	put_stack();
	put_instance(0, 3, RA2);
	put_instance(1, 3, RA2);
	put_instance(2, 5, RA_OUTER);
	s.stack[3] = s.stack[5] = TRAMPOLINE;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA, RA2, RA_OUTER);
}

/* longjmp() has left their frames behind; the kernel takes them off its list only at the next return. */
static void instances_without_a_frame_are_passed_over(void **state)
{
	__u32 i;

	(void)state;
	s.event.regs.sp = scene_addr(100);
	s.stack[101] = RA;
	s.stack[103] = RA_OUTER;
	for (i = 0; i < PB_URETPROBE_NESTED - 1; i++)
		put_instance(i, 2 * i + 1, RA2);
	put_instance(i, 103, RA_OUTER);
	s.stack[103] = TRAMPOLINE;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA, RA_OUTER);
}

static void too_many_instances_without_a_frame_end_the_walk(void **state)
{
	__u32 i;

	(void)state;
	s.event.regs.sp = scene_addr(100);
	s.stack[101] = RA;
	s.stack[103] = TRAMPOLINE;
	for (i = 0; i < PB_URETPROBE_NESTED; i++)
		put_instance(i, 2 * i + 1, RA2);
	put_instance(i, 103, RA_OUTER);
	EXPECT_WALK(&s, PB_END_BAD_FRAME, LEAF, RA);
}

/* The stack has been changed already, the list not yet. */
static void trampoline_that_the_list_does_not_know_ends_the_walk(void **state)
{
	(void)state;
	put_stack();
	s.stack[3] = TRAMPOLINE;
	EXPECT_WALK(&s, PB_END_BAD_FRAME, LEAF, RA);
	put_instance(0, 5, RA_OUTER);
	EXPECT_WALK(&s, PB_END_BAD_FRAME, LEAF, RA);
	put_instance(0, 1, RA);
	EXPECT_WALK(&s, PB_END_BAD_FRAME, LEAF, RA);
}

static void list_that_does_not_know_this_trampoline_is_still_good_for_the_next(void **state)
{
	(void)state;
	put_stack();
	put_instance(0, 1, RA); /* not on the stack yet */
	probe(1, 3);
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA, RA2, RA_OUTER);
}

static void original_address_that_is_no_code_ends_the_walk(void **state)
{
	(void)state;
	put_stack();
	probe(0, 3);
	live[0].orig_ret_vaddr = 5;
	EXPECT_WALK(&s, PB_END_BAD_FRAME, LEAF, RA);
	put_stack();
	probe(0, 3);
	live[0].orig_ret_vaddr = 0;
	EXPECT_WALK(&s, PB_END_BAD_FRAME, LEAF, RA);
}

/* A list in a circle: nothing in the kernel makes one, and still it must end. */
static void circle_of_instances_ends(void **state)
{
	(void)state;
	put_stack();
	probe(0, 1);
	live[0].next = &live[0];
	s.stack[3] = TRAMPOLINE;
	EXPECT_WALK(&s, PB_END_BAD_FRAME, LEAF, RA);
}

/* The function has returned, into the trampoline: its caller runs on from there in a moment. */
static void leaf_in_the_trampoline_is_the_caller_that_is_returned_to(void **state)
{
	(void)state;
	put_stack();
	probe(0, 1);
	probe(1, 3);
	s.event.regs.ip = TRAMPOLINE;
	s.event.regs.sp = scene_addr(2); /* behind the return */
	EXPECT_WALK(&s, PB_END_OUTERMOST, RA, RA2, RA_OUTER);
	/* On kernels whose trampoline is more than one byte, it has pushed something. */
	s.event.regs.ip = TRAMPOLINE + 5;
	s.event.regs.sp = scene_addr(0);
	EXPECT_WALK(&s, PB_END_OUTERMOST, RA, RA2, RA_OUTER);
	/* Within its system call the kernel shows the stack pointer of before. */
	s.event.regs.ip = TRAMPOLINE + 0x0d;
	s.event.regs.sp = scene_addr(2);
	EXPECT_WALK(&s, PB_END_OUTERMOST, RA, RA2, RA_OUTER);
}

/* Behind its system call the trampoline pops two registers and returns; the list knows nothing of it. */
static void leaf_behind_the_trampolines_system_call_reads_the_stack(void **state)
{
	(void)state;
	put_stack();
	/* The caller's, so close that its instance could be taken for the one that is gone. */
	probe(0, 3);
	s.event.regs.ip = TRAMPOLINE + 0x10;
	s.event.regs.sp = scene_addr(1);
	EXPECT_WALK(&s, PB_END_OUTERMOST, RA, RA2, RA_OUTER);
	s.event.regs.ip = TRAMPOLINE + 0x0f;
	s.event.regs.sp = scene_addr(0);
	EXPECT_WALK(&s, PB_END_OUTERMOST, RA, RA2, RA_OUTER);
}

/* Where the system call returns to is also where it stands while it runs: before, and after its work. */
static void leaf_within_the_trampolines_system_call_goes_by_the_list_as_long_as_it_can(void **state)
{
	int dealt_with;

	(void)state;
	for (dealt_with = 0; dealt_with < 2; dealt_with++) {
		s.stack[4] = RA;
		s.stack[6] = RA2;
		s.stack[8] = RA_OUTER;
		utask.return_instances = NULL;
		if (!dealt_with)
			probe(0, 4);
		probe(!dealt_with, 6);
		s.event.regs.ip = TRAMPOLINE + 0x0d;
		s.event.regs.sp = scene_addr(2); /* three words are pushed */
		EXPECT_WALK(&s, PB_END_OUTERMOST, RA, RA2, RA_OUTER);
	}
}

/*
 * The system call of a trampoline that has returned from a function with its return address at word 4, on a
 * kernel that keeps instances for reuse or does not: three words pushed, the list already without it.
 */
static void put_call(__u64 ip, bool kept)
{
	s.stack[2] = 0;     /* r11 */
	s.stack[3] = 0;     /* rcx */
	s.stack[4] = OUTER; /* rax, which happens to look like code */
	s.stack[6] = RA2;
	s.stack[8] = RA_OUTER;
	s.event.in_kernel = true;
	host.user_regs = (struct pt_regs){.ip = ip, .sp = scene_addr(2), .cs = 0x33, .ax = OUTER};
	host.field_missing = kept ? NULL : "utask->ri_pool";
	done = (struct return_instance){.stack = scene_addr(4), .orig_ret_vaddr = RA};
	utask.ri_pool = &done;
}

/* Its ip is the caller's, its sp no more: the word that looks like the return address is 0. */
static void leaf_whose_stack_pointer_the_system_call_has_moved_is_put_right(void **state)
{
	(void)state;
	put_call(RA, true);
	EXPECT_WALK(&s, PB_END_OUTERMOST, RA, RA2, RA_OUTER);
	/* The caller is under a uretprobe too. */
	probe(0, 6);
	EXPECT_WALK(&s, PB_END_OUTERMOST, RA, RA2, RA_OUTER);
}

/* Any other event in the kernel, in a program of which a uretprobe has fired before. */
static void leaf_that_the_last_instance_does_not_fit_is_as_any(void **state)
{
	(void)state;
	put_call(RA, true);
	s.stack[3] = RA2;
	s.stack[5] = RA_OUTER;
	done.stack = scene_addr(6);
	EXPECT_WALK(&s, PB_END_OUTERMOST, RA, RA2, RA_OUTER);
	done.stack = scene_addr(4);
	done.orig_ret_vaddr = RA2;
	EXPECT_WALK(&s, PB_END_OUTERMOST, RA, RA2, RA_OUTER);
	utask.ri_pool = NULL;
	EXPECT_WALK(&s, PB_END_OUTERMOST, RA, RA2, RA_OUTER);
	/* What fits is by chance, since user code makes no system call: the registers are as they are. */
	put_call(RA, true);
	s.stack[3] = RA2;
	s.event.in_kernel = false;
	s.event.regs.ip = RA;
	s.event.regs.sp = scene_addr(2);
	EXPECT_WALK(&s, PB_END_OUTERMOST, RA, RA2, RA_OUTER);
}

/* Where the instance is gone for good, only the pushed words tell, and not for sure. */
static void leaf_that_may_be_within_the_system_call_is_never_a_bottom(void **state)
{
	(void)state;
	put_call(RA, false);
	EXPECT_WALK(&s, PB_END_BAD_FRAME, RA);
	s.cfg.unwind = PB_UNWIND_FP;
	scene_frame(&s, 10, 0, RA_OUTER);
	host.user_regs.bp = scene_addr(10);
	EXPECT_WALK(&s, PB_END_BOTTOM, RA, RA_OUTER);
}

static void leaf_whose_stack_is_not_the_pushed_words_is_as_any(void **state)
{
	unsigned long *registers[] = {&host.user_regs.r11, &host.user_regs.cx, &host.user_regs.ax};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
		put_call(RA, false);
		s.stack[3] = RA2;
		s.stack[5] = RA_OUTER;
		host.user_regs.cx = RA2;
		*registers[i] ^= 1;
		EXPECT_WALK(&s, PB_END_OUTERMOST, RA, RA2, RA_OUTER);
	}
	host.user_regs.sp = scene_addr(SCENE_SLOTS - 2);
	EXPECT_WALK(&s, PB_END_BOTTOM, RA);
}

/* The list knows it no more, and the stack does not know it yet: rax is no return address. */
static void leaf_between_the_list_and_the_stack_is_told_by_the_last_instance(void **state)
{
	(void)state;
	put_call(TRAMPOLINE + 0x0d, true);
	EXPECT_WALK(&s, PB_END_OUTERMOST, RA, RA2, RA_OUTER);
	done.stack = scene_addr(6);
	EXPECT_WALK(&s, PB_END_NO_MAPPING, TRAMPOLINE + 0x0d);
	put_call(TRAMPOLINE + 0x0d, false);
	EXPECT_WALK(&s, PB_END_NO_MAPPING, TRAMPOLINE + 0x0d);
	/* Now it is there. */
	s.stack[4] = RA;
	EXPECT_WALK(&s, PB_END_OUTERMOST, RA, RA2, RA_OUTER);
}

/* As a return address: the call is the last instruction of CALLER. */
static void leaf_in_the_trampoline_is_looked_up_as_a_return_address(void **state)
{
	(void)state;
	s.stack[1] = OUTER;
	s.stack[3] = RA_OUTER;
	probe(0, 1);
	s.event.regs.ip = TRAMPOLINE;
	s.event.regs.sp = scene_addr(2);
	EXPECT_WALK(&s, PB_END_OUTERMOST, OUTER, RA_OUTER);
}

static void leaf_in_the_trampoline_of_chained_uretprobes(void **state)
{
	(void)state;
	put_stack();
	put_instance(0, 1, RA);
	put_instance(1, 1, RA);
	put_instance(2, 3, RA2);
	s.stack[1] = s.stack[3] = TRAMPOLINE;
	s.event.regs.ip = TRAMPOLINE;
	s.event.regs.sp = scene_addr(2);
	EXPECT_WALK(&s, PB_END_OUTERMOST, RA, RA2, RA_OUTER);
}

static void leaf_in_a_trampoline_of_nobody_is_unknown_code(void **state)
{
	(void)state;
	s.event.regs.ip = TRAMPOLINE;
	EXPECT_WALK(&s, PB_END_NO_MAPPING, TRAMPOLINE);
}

/* A probed instruction is executed on that page: the event hit the one in the program. */
static void leaf_in_a_slot_is_the_probed_instruction(void **state)
{
	(void)state;
	put_stack();
	probe(0, 3);
	s.event.regs.ip = SLOT;
	EXPECT_WALK(&s, PB_END_OUTERMOST, CALLER + 8, RA, RA2, RA_OUTER);
	/* It may be the first of its function, and is no return address. */
	utask.vaddr = CALLER;
	s.event.regs.ip = TRAMPOLINE + PB_XOL_PAGE - PB_XOL_SLOT;
	EXPECT_WALK(&s, PB_END_OUTERMOST, CALLER, RA, RA2, RA_OUTER);
	/* It is done, but not yet back in its place: the next one is what comes. */
	s.event.regs.ip = SLOT + 4;
	EXPECT_WALK(&s, PB_END_OUTERMOST, CALLER + 4, RA, RA2, RA_OUTER);
}

static void address_behind_the_page_is_none_of_it(void **state)
{
	(void)state;
	put_stack();
	probe(0, 1);
	s.event.regs.ip = TRAMPOLINE + PB_XOL_PAGE;
	EXPECT_WALK(&s, PB_END_NO_MAPPING, TRAMPOLINE + PB_XOL_PAGE);
	s.event.regs.ip = TRAMPOLINE - 1;
	EXPECT_WALK(&s, PB_END_NO_MAPPING, TRAMPOLINE - 1);
}

/* What a walk has learnt of one task is nothing to the next. */
static void walk_of_another_task_forgets_the_list(void **state)
{
	(void)state;
	put_stack();
	probe(0, 3);
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA, RA2, RA_OUTER);
	s.thread.utask = NULL;
	EXPECT_WALK(&s, PB_END_NO_MAPPING, LEAF, RA, TRAMPOLINE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stack_without_uretprobes_is_as_ever),
		TEST(live_uretprobe_gives_its_return_address_back),
		TEST(uretprobes_are_resolved_where_frame_pointers_are_walked),
		TEST(uretprobes_on_every_frame_are_resolved_in_one_pass),
		TEST(uretprobe_is_resolved_for_an_event_in_the_kernel),
		TEST(chained_uretprobes_share_a_return_address),
		TEST(instances_without_a_frame_are_passed_over),
		TEST(too_many_instances_without_a_frame_end_the_walk),
		TEST(trampoline_that_the_list_does_not_know_ends_the_walk),
		TEST(list_that_does_not_know_this_trampoline_is_still_good_for_the_next),
		TEST(original_address_that_is_no_code_ends_the_walk),
		TEST(circle_of_instances_ends),
		TEST(leaf_in_the_trampoline_is_the_caller_that_is_returned_to),
		TEST(leaf_behind_the_trampolines_system_call_reads_the_stack),
		TEST(leaf_within_the_trampolines_system_call_goes_by_the_list_as_long_as_it_can),
		TEST(leaf_whose_stack_pointer_the_system_call_has_moved_is_put_right),
		TEST(leaf_that_the_last_instance_does_not_fit_is_as_any),
		TEST(leaf_that_may_be_within_the_system_call_is_never_a_bottom),
		TEST(leaf_whose_stack_is_not_the_pushed_words_is_as_any),
		TEST(leaf_between_the_list_and_the_stack_is_told_by_the_last_instance),
		TEST(leaf_in_the_trampoline_is_looked_up_as_a_return_address),
		TEST(leaf_in_the_trampoline_of_chained_uretprobes),
		TEST(leaf_in_a_trampoline_of_nobody_is_unknown_code),
		TEST(leaf_in_a_slot_is_the_probed_instruction),
		TEST(address_behind_the_page_is_none_of_it),
		TEST(walk_of_another_task_forgets_the_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
