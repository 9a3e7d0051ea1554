/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/hostbpf/scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/hostbpf/draw.h"

#define RING  65536
#define ROOMY 64

static struct scene s;
static const __u64 in_kernel[] = {0xffffffff81000010, 0xffffffff81000020, 0xffffffff81000030};

static int setup(void **state)
{
	(void)state;
	scene_open(&s, ROOMY, RING);
	scene_chain(&s, 2, 0x402000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_free();
	return 0;
}

/* The event hits the kernel, which the task entered where the user registers say. */
static void enter_kernel(const __u64 *frames, __u32 n)
{
	host.kernel_frames = frames;
	host.n_kernel_frames = n;
	host.user_regs = (struct pt_regs){
		.ip = s.event.regs.ip, .sp = s.event.regs.sp, .bp = s.event.regs.fp, .cs = 0x33};
	s.event.regs = (struct pb_regs){0};
	s.event.in_kernel = true;
}

static void a_stack_is_sent_once(void **state)
{
	const struct pb_stack_record *r;

	(void)state;
	scene_take(&s);
	scene_take(&s);
	scene_take(&s);
	assert_int_equal(host_ring_count(&stacks), 1);
	r = scene_record(0, 3);
	assert_non_null(r);
	assert_int_equal(scene_count(&r->key)->events, 3);
	assert_int_equal(scene_count(&r->key)->weight, 30);
	assert_int_equal(scene_count(&r->key)->sent, 1);
	assert_int_equal(scene_tally()->produced, 3);
	assert_int_equal(scene_lost(), 0);
}

static void a_record_tells_who_and_when(void **state)
{
	static const uint8_t zeros[4];
	const struct pb_stack_record *r;

	(void)state;
	s.thread.self_exec_id = 0x100010002ull;
	scene_take(&s);
	r = scene_record(0, 3);
	assert_non_null(r);
	assert_int_equal(r->key.tgid, SCENE_TGID);
	assert_int_equal(r->key.start_ns, SCENE_START);
	assert_int_equal(r->key.exec_id, 2);
	assert_int_equal(r->tid, SCENE_TID);
	assert_int_equal(r->time_ns, SCENE_NOW);
	assert_string_equal(r->comm, "worker");
	assert_int_equal(r->n_user, 3);
	assert_int_equal(r->n_kernel, 0);
	assert_int_equal(r->user_end, PB_END_BOTTOM);
	assert_int_equal(r->in_kernel, 0);
	assert_int_equal(r->kernel_cut, 0);
	assert_int_equal(r->at_return, 0);
	assert_memory_equal(r->pad, zeros, sizeof(zeros));
	assert_int_equal(r->frames[0], SCENE_IP);
	assert_int_equal(r->frames[1], 0x402000);
	assert_int_equal(r->frames[2], 0x402010);
}

static void kernel_frames_come_before_user_frames(void **state)
{
	const struct pb_stack_record *r;

	(void)state;
	enter_kernel(in_kernel, 3);
	scene_take(&s);
	r = scene_record(0, 6);
	assert_non_null(r);
	assert_int_equal(r->n_kernel, 3);
	assert_int_equal(r->n_user, 3);
	assert_int_equal(r->in_kernel, 1);
	assert_int_equal(r->kernel_cut, 0);
	assert_memory_equal(r->frames, in_kernel, sizeof(in_kernel));
	assert_int_equal(r->frames[3], SCENE_IP);
	assert_int_equal(r->frames[5], 0x402010);
}

static void event_in_user_code_has_no_kernel_frames(void **state)
{
	(void)state;
	host.kernel_frames = in_kernel;
	host.n_kernel_frames = 3;
	scene_take(&s);
	assert_non_null(scene_record(0, 3));
	assert_int_equal(scene_record(0, 3)->n_kernel, 0);
}

static void kernel_stack_as_deep_as_the_limit_counts_as_cut(void **state)
{
	static __u64 deep[PB_KERNEL_FRAMES_MAX + 20];
	const struct pb_stack_record *r;
	__u32 i;

	(void)state;
	for (i = 0; i < PB_KERNEL_FRAMES_MAX + 20; i++)
		deep[i] = 0xffffffff81000000 + i;
	enter_kernel(deep, PB_KERNEL_FRAMES_MAX + 20);
	scene_take(&s);
	r = scene_record(0, PB_KERNEL_FRAMES_MAX + 3);
	assert_non_null(r);
	assert_int_equal(r->n_kernel, PB_KERNEL_FRAMES_MAX);
	assert_int_equal(r->kernel_cut, 1);
	assert_int_equal(r->frames[PB_KERNEL_FRAMES_MAX], SCENE_IP);

	host.n_kernel_frames = PB_KERNEL_FRAMES_MAX - 1;
	scene_take(&s);
	r = scene_record(1, PB_KERNEL_FRAMES_MAX - 1 + 3);
	assert_non_null(r);
	assert_int_equal(r->kernel_cut, 0);
}

static void unreadable_kernel_stack_loses_frames_but_no_event(void **state)
{
	const struct pb_stack_record *r;

	(void)state;
	enter_kernel(in_kernel, 3);
	host.get_stack_error = -EFAULT;
	scene_take(&s);
	r = scene_record(0, 3);
	assert_non_null(r);
	assert_int_equal(r->n_kernel, 0);
	assert_int_equal(scene_lost(), 0);
}

static void stacks_that_are_switched_off_are_not_taken(void **state)
{
	const struct pb_stack_record *r;

	(void)state;
	enter_kernel(in_kernel, 3);
	s.cfg.user_stacks = 0;
	scene_take(&s);
	r = scene_record(0, 3);
	assert_non_null(r);
	assert_int_equal(r->n_kernel, 3);
	assert_int_equal(r->user_end, PB_END_NOT_WALKED);

	s.cfg.user_stacks = 1;
	s.cfg.kernel_stacks = 0;
	scene_take(&s);
	r = scene_record(1, 3);
	assert_non_null(r);
	assert_int_equal(r->n_user, 3);
	assert_int_equal(r->in_kernel, 1);
}

static void what_differs_in_one_thing_is_another_stack(void **state)
{
	(void)state;
	scene_take(&s);
	s.event.regs.ip++;
	scene_take(&s);
	assert_int_equal(host_map_count(&counts), 2);
	strcpy(host.comm, "other");
	scene_take(&s);
	assert_int_equal(host_map_count(&counts), 3);
	s.thread.self_exec_id++; /* execve() */
	scene_take(&s);
	assert_int_equal(host_map_count(&counts), 4);
	s.leader.start_boottime++; /* the pid is somebody else's now */
	scene_take(&s);
	assert_int_equal(host_map_count(&counts), 5);
	scene_frame(&s, 2, scene_addr(1), 0x402010); /* same frames, another end */
	scene_take(&s);
	assert_int_equal(host_map_count(&counts), 6);
	assert_int_equal(host_ring_count(&stacks), 6);
	s.cfg.hash_seed++;
	scene_take(&s);
	assert_int_equal(host_map_count(&counts), 7);
}

/* The user half counts up when code appears where other code was. */
static void stack_over_code_mapped_anew_is_another_stack(void **state)
{
	__u32 tgid = SCENE_TGID, other = SCENE_TGID + 1;
	const struct pb_stack_record *r;
	__u64 layout = 0x30001;

	(void)state;
	scene_take(&s);
	assert_int_equal(bpf_map_update_elem(&layouts, &other, &layout, BPF_ANY), 0);
	scene_take(&s);
	assert_int_equal(host_ring_count(&stacks), 1);
	assert_int_equal(bpf_map_update_elem(&layouts, &tgid, &layout, BPF_ANY), 0);
	scene_take(&s);
	assert_int_equal(host_ring_count(&stacks), 2);
	r = scene_record(1, 3);
	assert_non_null(r);
	assert_int_equal(r->key.layout, 1);
	assert_int_equal(scene_record(0, 3)->key.layout, 0);
}

static void two_threads_of_one_name_share_a_stack(void **state)
{
	(void)state;
	scene_take(&s);
	host.current_task = &s.leader;
	scene_take(&s);
	assert_int_equal(host_map_count(&counts), 1);
}

static void full_map_is_counted_as_loss(void **state)
{
	int i;

	(void)state;
	scene_open(&s, 2, RING);
	for (i = 0; i < 5; i++) {
		s.event.regs.ip = SCENE_IP + (__u64)i;
		scene_take(&s);
	}
	assert_int_equal(host_map_count(&counts), 2);
	assert_int_equal(scene_tally()->produced, 5);
	assert_int_equal(scene_tally()->lost[PB_LOSS_MAP_FULL], 3);
	assert_int_equal(scene_lost(), 3);
	assert_int_equal(host_ring_count(&stacks), 2);
	/* Those that are in still add up. */
	s.event.regs.ip = SCENE_IP;
	scene_take(&s);
	assert_int_equal(scene_lost(), 3);
}

static void locked_map_is_a_loss_of_its_own(void **state)
{
	(void)state;
	host.update_error = -EBUSY;
	scene_take(&s);
	assert_int_equal(scene_tally()->lost[PB_LOSS_MAP_BUSY], 1);
	assert_int_equal(scene_lost(), 1);
	assert_int_equal(host_ring_count(&stacks), 0);
}

static void full_ring_offers_the_stack_again(void **state)
{
	const struct pb_stack_record *r;
	struct pb_stack_key key;

	(void)state;
	/* Room for one record of one frame. */
	scene_open(&s, ROOMY, BPF_RINGBUF_HDR_SZ + PB_STACK_RECORD_HEADER + 8);
	scene_take(&s);
	assert_int_equal(host_ring_count(&stacks), 1);
	s.event.regs.ip++;
	scene_take(&s);
	scene_take(&s);
	assert_int_equal(host_ring_count(&stacks), 1);
	assert_int_equal(scene_lost(), 0);

	host_ring_consume(&stacks);
	scene_take(&s);
	r = scene_record(0, 1);
	assert_non_null(r);
	assert_int_equal(r->frames[0], SCENE_IP + 1);
	key = r->key;
	assert_int_equal(scene_count(&key)->events, 3);
	host_ring_consume(&stacks);
	scene_take(&s);
	assert_int_equal(host_ring_count(&stacks), 0);
	assert_int_equal(scene_count(&key)->events, 4);
}

static void reader_is_woken_when_a_quarter_of_the_ring_is_used(void **state)
{
	int i;

	(void)state;
	scene_open(&s, ROOMY, 8 * (BPF_RINGBUF_HDR_SZ + PB_STACK_RECORD_HEADER + 8));
	for (i = 0; i < 4; i++) {
		s.event.regs.ip++;
		scene_take(&s);
		assert_int_equal(host_ring_last_flags(&stacks),
				 i < 2 ? BPF_RB_NO_WAKEUP : BPF_RB_FORCE_WAKEUP);
	}
	assert_int_equal(host_ring_count(&stacks), 4);
}

static void interrupt_in_slot(enum pb_scratch_slot slot)
{
	struct pb_event event = s.event;

	s.event.regs.ip = 0x500000;
	s.event.regs.fp = 0;
	strcpy(host.comm, "irq");
	scene_take_in(&s, slot);
	strcpy(host.comm, "worker");
	s.event = event;
}

static void interrupt_same_slot(void)
{
	interrupt_in_slot(PB_SCRATCH_TASK);
}

static void interrupt_other_slot(void)
{
	interrupt_in_slot(PB_SCRATCH_INTERRUPT);
}

/* All but the first @n scratches of programs in task context are busy, on this CPU. */
static void leave_scratches(__u32 n)
{
	__u32 slot;

	for (slot = PB_SCRATCH_TASK + n; slot < PB_SCRATCH_COUNT; slot++)
		((struct pb_scratch *)host_map_value(&scratch, &slot, 0))->busy = 1;
}

static void preempted_capture_and_the_next_one_are_both_kept(void **state)
{
	const struct pb_stack_record *r;

	(void)state;
	leave_scratches(2);
	host.moment = HOST_IN_READ_USER;
	host.interrupt = interrupt_same_slot;
	scene_take_in(&s, PB_SCRATCH_TASK);
	assert_int_equal(host_ring_count(&stacks), 2);
	r = scene_record(0, 1);
	assert_non_null(r);
	assert_string_equal(r->comm, "irq");
	r = scene_record(1, 3);
	assert_non_null(r);
	assert_int_equal(r->frames[0], SCENE_IP);
	assert_int_equal(r->frames[2], 0x402010);
	assert_string_equal(r->comm, "worker");
	assert_int_equal(scene_lost(), 0);
}

static void nested_capture_is_counted_not_mixed(void **state)
{
	const struct pb_stack_record *r;

	(void)state;
	leave_scratches(1);
	host.moment = HOST_IN_READ_USER;
	host.interrupt = interrupt_same_slot;
	scene_take_in(&s, PB_SCRATCH_TASK);
	assert_int_equal(host_ring_count(&stacks), 1);
	r = scene_record(0, 3);
	assert_non_null(r);
	assert_int_equal(r->frames[0], SCENE_IP);
	assert_int_equal(r->frames[2], 0x402010);
	assert_string_equal(r->comm, "worker");
	assert_int_equal(scene_tally()->produced, 2);
	assert_int_equal(scene_tally()->lost[PB_LOSS_SCRATCH_BUSY], 1);
	assert_int_equal(scene_lost(), 1);
	/* And the scratch is free again. */
	scene_take_in(&s, PB_SCRATCH_TASK);
	assert_int_equal(scene_lost(), 1);
}

static void sample_that_interrupts_a_probe_keeps_both_stacks(void **state)
{
	const struct pb_stack_record *r;

	(void)state;
	host.moment = HOST_IN_GET_STACK;
	host.interrupt = interrupt_other_slot;
	enter_kernel(in_kernel, 3);
	scene_take_in(&s, PB_SCRATCH_TASK);
	assert_int_equal(host_ring_count(&stacks), 2);
	r = scene_record(0, 6);
	assert_non_null(r);
	assert_string_equal(r->comm, "irq");
	r = scene_record(1, 6);
	assert_non_null(r);
	assert_memory_equal(r->frames, in_kernel, sizeof(in_kernel));
	assert_string_equal(r->comm, "worker");
	assert_int_equal(scene_lost(), 0);
}

static void take_same_stack(void)
{
	scene_take_in(&s, PB_SCRATCH_INTERRUPT);
}

static void stack_that_an_interrupt_adds_meanwhile_is_no_loss(void **state)
{
	const struct pb_stack_record *r;

	(void)state;
	host.moment = HOST_IN_UPDATE;
	host.interrupt = take_same_stack;
	scene_take_in(&s, PB_SCRATCH_TASK);
	assert_int_equal(host_map_count(&counts), 1);
	assert_int_equal(host_ring_count(&stacks), 1);
	r = scene_record(0, 3);
	assert_non_null(r);
	assert_int_equal(scene_count(&r->key)->events, 2);
	assert_int_equal(scene_lost(), 0);
}

static void each_cpu_has_scratch_of_its_own(void **state)
{
	__u32 slot = PB_SCRATCH_INTERRUPT;

	(void)state;
	((struct pb_scratch *)host_map_value(&scratch, &slot, 1))->busy = 1;
	scene_take(&s);
	assert_int_equal(scene_lost(), 0);
	host.cpu = 1;
	scene_take(&s);
	assert_int_equal(pb_tally()->lost[PB_LOSS_SCRATCH_BUSY], 1);
	assert_int_equal(pb_tally()->produced, 1);
}

static void deepest_stacks_of_both_halves_fit_together(void **state)
{
	static __u64 deep[PB_KERNEL_FRAMES_MAX];
	const struct pb_stack_record *r;
	__u32 i;

	(void)state;
	for (i = 0; i < PB_KERNEL_FRAMES_MAX; i++)
		deep[i] = 0xffffffff81000000 + i;
	scene_chain(&s, PB_USER_FRAMES_MAX + 10, 0x402000);
	enter_kernel(deep, PB_KERNEL_FRAMES_MAX);
	s.cfg.max_user_frames = PB_USER_FRAMES_MAX;
	scene_take(&s);
	r = scene_record(0, PB_FRAMES_MAX);
	assert_non_null(r);
	assert_int_equal(r->n_user, PB_USER_FRAMES_MAX);
	assert_int_equal(r->user_end, PB_END_DEPTH);
	assert_int_equal(r->frames[PB_FRAMES_MAX - 1], 0x402000 + 16 * (PB_USER_FRAMES_MAX - 2));
}

static __u64 n_interrupts, n_wanted;

static void storm_interrupt(void)
{
	struct pb_event event = s.event;

	n_interrupts++;
	n_wanted++;
	s.event.regs.ip = 0x600000 + draw(4);
	s.event.weight = draw(1000);
	scene_take_in(&s, draw(2) ? PB_SCRATCH_INTERRUPT : PB_SCRATCH_TASK);
	s.event = event;
}

/* One event of a random kind. */
static void storm_event(void)
{
	__u32 zero = 0;
	struct pb_control *c = host_map_value(&control, &zero, 0);

	host.cpu = draw(HOST_CPUS);
	host.now_ns++;
	c->lease_until_ns = draw(20) ? host.now_ns + 1 : host.now_ns;
	host.current_task = draw(2) ? &s.thread : &s.leader;
	host.comm[0] = (char)('a' + draw(2));
	host.update_error = draw(30) ? 0 : -EBUSY;
	host.moment = draw(10) ? HOST_NEVER : 1 + draw(3);
	host.interrupt = storm_interrupt;
	s.event = (struct pb_event){.regs = {.ip = SCENE_IP + draw(8), .sp = SCENE_STACK},
				    .weight = draw(1000)};
	scene_chain(&s, draw(5), 0x402000);
	if (draw(2))
		enter_kernel(in_kernel, draw(4));
	n_wanted++;
	scene_take_in(&s, draw(2) ? PB_SCRATCH_INTERRUPT : PB_SCRATCH_TASK);
	host.moment = HOST_NEVER;
	if (!draw(50))
		host_ring_consume(&stacks);
}

/* What the user half does at the end: produced = sum of counts + lost, over all CPUs. */
static void close_ledger(void)
{
	__u64 produced = 0, lost = 0, kept = 0;
	__u32 zero = 0, cpu;
	size_t i;
	int k;

	for (cpu = 0; cpu < HOST_CPUS; cpu++) {
		const struct pb_tally *t = host_map_value(&tallies, &zero, cpu);

		produced += t->produced;
		for (k = 0; k < PB_LOSS_COUNT; k++)
			lost += t->lost[k];
		/* Frames that did not get through are no loss yet: their events are in counts. */
		assert_int_equal(t->lost[PB_LOSS_RINGBUF_FULL], 0);
	}
	for (i = 0; i < host_map_count(&counts); i++)
		kept += scene_count(host_map_key(&counts, i))->events;
	assert_int_equal(produced, n_wanted);
	assert_int_equal(produced, kept + lost);
	assert_true(kept > 0);
}

static void ledger_closes_after_a_storm_over_tiny_maps(void **state)
{
	static const size_t sizes[] = {1, 3, 7, 20, 1000};
	size_t round, i;

	(void)state;
	draw_from(0);
	n_interrupts = 0;
	for (round = 0; round < sizeof(sizes) / sizeof(sizes[0]); round++) {
		scene_open(&s, sizes[round], 100 * sizes[round]);
		n_wanted = 0;
		for (i = 0; i < 4000; i++)
			storm_event();
		close_ledger();
	}
	/* Otherwise it was no storm. */
	assert_true(n_interrupts > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_stack_is_sent_once, setup, teardown),
		cmocka_unit_test_setup_teardown(a_record_tells_who_and_when, setup, teardown),
		cmocka_unit_test_setup_teardown(kernel_frames_come_before_user_frames, setup,
						teardown),
		cmocka_unit_test_setup_teardown(event_in_user_code_has_no_kernel_frames, setup,
						teardown),
		cmocka_unit_test_setup_teardown(kernel_stack_as_deep_as_the_limit_counts_as_cut,
						setup, teardown),
		cmocka_unit_test_setup_teardown(unreadable_kernel_stack_loses_frames_but_no_event,
						setup, teardown),
		cmocka_unit_test_setup_teardown(stacks_that_are_switched_off_are_not_taken, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_differs_in_one_thing_is_another_stack, setup,
						teardown),
		cmocka_unit_test_setup_teardown(stack_over_code_mapped_anew_is_another_stack, setup,
						teardown),
		cmocka_unit_test_setup_teardown(two_threads_of_one_name_share_a_stack, setup,
						teardown),
		cmocka_unit_test_setup_teardown(full_map_is_counted_as_loss, setup, teardown),
		cmocka_unit_test_setup_teardown(locked_map_is_a_loss_of_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(full_ring_offers_the_stack_again, setup, teardown),
		cmocka_unit_test_setup_teardown(reader_is_woken_when_a_quarter_of_the_ring_is_used,
						setup, teardown),
		cmocka_unit_test_setup_teardown(preempted_capture_and_the_next_one_are_both_kept,
						setup, teardown),
		cmocka_unit_test_setup_teardown(nested_capture_is_counted_not_mixed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(sample_that_interrupts_a_probe_keeps_both_stacks,
						setup, teardown),
		cmocka_unit_test_setup_teardown(stack_that_an_interrupt_adds_meanwhile_is_no_loss,
						setup, teardown),
		cmocka_unit_test_setup_teardown(each_cpu_has_scratch_of_its_own, setup, teardown),
		cmocka_unit_test_setup_teardown(deepest_stacks_of_both_halves_fit_together, setup,
						teardown),
		cmocka_unit_test_setup_teardown(ledger_closes_after_a_storm_over_tiny_maps, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
