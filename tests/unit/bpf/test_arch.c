/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/hostbpf/hostbpf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bpf/lib/arch.bpf.h"

static int setup(void **state)
{
	(void)state;
	host_reset();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_free();
	return 0;
}

static void sample_of_user_code_gives_its_registers(void **state)
{
	struct pb_perf_ctx ctx = {
		.ip = 0x401000, .sp = 0x7ffd0000, .bp = 0x7ffd0010, .cs = 0x33, .sample_period = 7};
	struct pb_interrupted at = {0};

	(void)state;
	pb_read_context(&at, &ctx);
	assert_int_equal(at.regs.ip, 0x401000);
	assert_int_equal(at.regs.sp, 0x7ffd0000);
	assert_int_equal(at.regs.fp, 0x7ffd0010);
	assert_int_equal(at.period, 7);
	assert_false(at.in_kernel);
	assert_false(at.compat);
}

static void code_segment_tells_the_kernel_from_32_bit_code(void **state)
{
	struct pb_perf_ctx ctx = {.cs = 0x10};
	struct pb_interrupted at = {0};

	(void)state;
	pb_read_context(&at, &ctx);
	assert_true(at.in_kernel);
	assert_false(at.compat);
	ctx.cs = 0x23;
	pb_read_context(&at, &ctx);
	assert_false(at.in_kernel);
	assert_true(at.compat);
}

static void context_is_laid_out_as_the_kernel_has_it(void **state)
{
	(void)state;
	/* struct bpf_perf_event_data of linux/bpf_perf_event.h on x86-64 */
	assert_int_equal(offsetof(struct pb_perf_ctx, bp), 4 * 8);
	assert_int_equal(offsetof(struct pb_perf_ctx, ip), 16 * 8);
	assert_int_equal(offsetof(struct pb_perf_ctx, cs), 17 * 8);
	assert_int_equal(offsetof(struct pb_perf_ctx, sp), 19 * 8);
	assert_int_equal(offsetof(struct pb_perf_ctx, sample_period), 21 * 8);
	assert_int_equal(sizeof(struct pb_perf_ctx), 23 * 8);
}

static void saved_registers_are_read_whatever_stands_above_cs(void **state)
{
	struct task_struct task = {.pid = 1};
	struct pb_regs regs = {0};

	(void)state;
	host.current_task = &task;
	host.user_regs = (struct pt_regs){.ip = 1, .sp = 2, .bp = 3, .cs = 0xabcd0033};
	assert_true(pb_read_user_regs(&regs, &task));
	assert_int_equal(regs.ip, 1);
	assert_int_equal(regs.sp, 2);
	assert_int_equal(regs.fp, 3);
}

static void saved_registers_of_a_32_bit_task_are_refused(void **state)
{
	struct task_struct task = {.pid = 1};
	struct pb_regs regs = {0};

	(void)state;
	host.current_task = &task;
	/* FRED keeps its own bits above the selector. */
	host.user_regs = (struct pt_regs){.ip = 1, .cs = 0x40023};
	assert_false(pb_read_user_regs(&regs, &task));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sample_of_user_code_gives_its_registers, setup,
						teardown),
		cmocka_unit_test_setup_teardown(code_segment_tells_the_kernel_from_32_bit_code,
						setup, teardown),
		cmocka_unit_test_setup_teardown(context_is_laid_out_as_the_kernel_has_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(saved_registers_are_read_whatever_stands_above_cs,
						setup, teardown),
		cmocka_unit_test_setup_teardown(saved_registers_of_a_32_bit_task_are_refused, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
