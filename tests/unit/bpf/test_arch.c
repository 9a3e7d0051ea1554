/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/hostbpf/hostbpf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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
	struct pb_event at = {0};

	(void)state;
	pb_read_context(&at, &ctx);
	assert_int_equal(at.regs.ip, 0x401000);
	assert_int_equal(at.regs.sp, 0x7ffd0000);
	assert_int_equal(at.regs.fp, 0x7ffd0010);
	assert_int_equal(at.weight, 7);
	assert_false(at.in_kernel);
	assert_false(at.compat);
}

/* Each register with the number that DWARF gives it (AMD64 supplement, figure 3.36). */
static void general_registers_are_numbered_as_dwarf_does(void **state)
{
	const struct pb_perf_ctx ctx = {.ax = 100,
					.dx = 101,
					.cx = 102,
					.bx = 103,
					.si = 104,
					.di = 105,
					.r8 = 108,
					.r9 = 109,
					.r10 = 110,
					.r11 = 111,
					.r12 = 112,
					.r13 = 113,
					.r14 = 114,
					.r15 = 115,
					.cs = 0x33};
	struct pb_perf_ctx hit = ctx;
	struct task_struct task = {.pid = 1};
	struct pb_event event = {0};
	struct pb_regs regs = {0};
	__u32 i;

	(void)state;
	pb_read_context(&event, &hit);
	host.current_task = &task;
	/* The kernel's own struct begins with the same registers. */
	memcpy(&host.user_regs, &ctx, offsetof(struct pb_perf_ctx, sample_period));
	assert_true(pb_read_user_regs(&regs, &task));
	for (i = 0; i < PB_GPRS; i++) {
		if (i == 6 || i == 7)
			continue; /* rbp and rsp are fp and sp */
		assert_int_equal(event.regs.gpr[i], 100 + i);
		assert_int_equal(regs.gpr[i], 100 + i);
	}
	pb_read_pt_regs(&event, &host.user_regs);
	assert_memory_equal(event.regs.gpr, regs.gpr, sizeof(regs.gpr));
}

static void probe_of_user_code_gives_its_registers(void **state)
{
	struct pt_regs hit = {.ip = 0x401000, .sp = 0x7ffd0000, .bp = 0x7ffd0010, .cs = 0x33};
	struct pb_event event = {.weight = 5, .in_kernel = true};

	(void)state;
	pb_read_pt_regs(&event, &hit);
	assert_int_equal(event.regs.ip, 0x401000);
	assert_int_equal(event.regs.sp, 0x7ffd0000);
	assert_int_equal(event.regs.fp, 0x7ffd0010);
	assert_int_equal(event.weight, 5);
	assert_false(event.in_kernel);
	assert_false(event.compat);
	hit.cs = 0xabcd0023;
	pb_read_pt_regs(&event, &hit);
	assert_true(event.compat);
}

static void code_segment_tells_the_kernel_from_32_bit_code(void **state)
{
	struct pb_perf_ctx ctx = {.cs = 0x10};
	struct pb_event at = {0};

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
		cmocka_unit_test_setup_teardown(general_registers_are_numbered_as_dwarf_does, setup,
						teardown),
		cmocka_unit_test_setup_teardown(probe_of_user_code_gives_its_registers, setup,
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
