/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/hostbpf/heap.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "bpf/lib/fault.bpf.h"

#define ADDR 0x10000ull

static struct scene s;
static struct pb_allocsites_cfg cfg;
static struct vm_area_struct vma;
static struct pt_regs regs;

static int setup(void **state)
{
	(void)state;
	heap_open(&s, 1);
	HOST_MAP(targets);
	HOST_MAP(anonymous);
	bpf_map_update_elem(&targets, &(__u32){SCENE_TGID}, &(__u64){SCENE_START}, BPF_ANY);
	cfg = (struct pb_allocsites_cfg){
		.capture = s.cfg, .page_bytes = 4096, .mode = PB_ALLOC_GROWTH};
	regs = (struct pt_regs){.ip = SCENE_IP, .sp = SCENE_STACK, .cs = 0x33};
	vma = (struct vm_area_struct){.vm_start = ADDR & ~0xffful,
				      .vm_end = (ADDR & ~0xffful) + 65536};
	host.vma = &vma;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_free();
	return 0;
}

static void first_touch_of_a_page_counts(void **state)
{
	(void)state;
	pb_handle_fault(NULL, &cfg, ADDR, 4 | 2 /* user, write */, &regs);
	pb_handle_fault(NULL, &cfg, ADDR, 4, &regs);
	assert_int_equal(heap_site(SCENE_IP)->count.events, 2);
	assert_int_equal(heap_site(SCENE_IP)->count.weight, 8192);
	assert_int_equal(heap_site(SCENE_IP)->objects, 2);
	assert_int_equal(scene_tally()->produced, 2);
	assert_int_equal(scene_lost(), 0);
}

static void other_faults_do_not_count(void **state)
{
	(void)state;
	pb_handle_fault(NULL, &cfg, ADDR, PB_FAULT_PRESENT, &regs);
	pb_handle_fault(NULL, &cfg, PB_USER_ADDR_LIMIT, 0, &regs);
	vma.vm_file = (struct file *)&vma;
	pb_handle_fault(NULL, &cfg, ADDR, 0, &regs);
	vma.vm_file = NULL;
	host.vma = NULL;
	pb_handle_fault(NULL, &cfg, ADDR, 0, &regs);
	host.vma = &vma;
	s.leader.start_boottime++; /* no target */
	pb_handle_fault(NULL, &cfg, ADDR, 0, &regs);
	assert_int_equal(scene_tally()->produced, 0);
	assert_int_equal(host_map_count(&counts), 0);
}

static void fault_whose_mappings_are_locked_is_lost(void **state)
{
	(void)state;
	host.find_vma_error = -EBUSY;
	pb_handle_fault(NULL, &cfg, ADDR, 0, &regs);
	assert_int_equal(scene_tally()->produced, 1);
	assert_int_equal(scene_tally()->lost[PB_LOSS_MAPPINGS_BUSY], 1);
	assert_int_equal(scene_lost(), 1);
}

static void fault_in_the_kernel_belongs_to_who_called_it(void **state)
{
	const struct pb_stack_record *r;

	(void)state;
	host.user_regs = regs;
	pb_handle_fault(NULL, &cfg, ADDR, 2, NULL);
	r = scene_record(0, 1);
	assert_non_null(r);
	assert_int_equal(r->frames[0], SCENE_IP);
	assert_int_equal(r->in_kernel, 1);
	assert_int_equal(heap_site(SCENE_IP)->count.weight, 4096);
}

static void memory_without_a_file_is_remembered_for_a_while(void **state)
{
	__u32 i;

	(void)state;
	pb_handle_fault(NULL, &cfg, ADDR, 0, &regs);
	vma.vm_file = (struct file *)&vma; /* a file is mapped over it */
	for (i = 0; i < 2 * PB_ANONYMOUS_FAULTS; i++)
		pb_handle_fault(NULL, &cfg, ADDR, 0, &regs);
	assert_int_equal(scene_tally()->produced, 1 + PB_ANONYMOUS_FAULTS);
	/* Of this process alone, and within that memory. */
	vma.vm_file = NULL;
	pb_handle_fault(NULL, &cfg, ADDR, 0, &regs);
	vma.vm_file = (struct file *)&vma;
	pb_handle_fault(NULL, &cfg, vma.vm_end, 0, &regs);
	assert_int_equal(scene_tally()->produced, 2 + PB_ANONYMOUS_FAULTS);
}

static void a_stack_grows_by_faults_where_nothing_is_mapped(void **state)
{
	(void)state;
	host.vma = NULL;
	pb_handle_fault(NULL, &cfg, SCENE_STACK - 4096, 0, &regs);
	assert_int_equal(scene_tally()->produced, 1);
	pb_handle_fault(NULL, &cfg, SCENE_STACK - 2 * PB_FAULT_STACK_MAX, 0, &regs);
	assert_int_equal(scene_tally()->produced, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(first_touch_of_a_page_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(other_faults_do_not_count, setup, teardown),
		cmocka_unit_test_setup_teardown(fault_whose_mappings_are_locked_is_lost, setup,
						teardown),
		cmocka_unit_test_setup_teardown(memory_without_a_file_is_remembered_for_a_while,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_stack_grows_by_faults_where_nothing_is_mapped,
						setup, teardown),
		cmocka_unit_test_setup_teardown(fault_in_the_kernel_belongs_to_who_called_it, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
