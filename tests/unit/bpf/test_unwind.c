/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Walks are watched from outside, by the records they end up in. */
#include "tests/hostbpf/scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
