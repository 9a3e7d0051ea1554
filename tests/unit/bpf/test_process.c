/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Whose mappings a walk uses, how fork and exec change them, and what is reported as missing. */
#include "tests/hostbpf/tables.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "bpf/lib/filter.bpf.h"
#include "tests/hostbpf/expect.h"

static struct {
	struct pb_capture_cfg capture;
} cfg;

/* The programs, which the header makes external. */
int on_fork(struct task_struct *parent, struct task_struct *child);
int on_exec(struct task_struct *task);
int on_free(struct task_struct *task);
#include "bpf/lib/follow.bpf.h"

#define MODULE     0x400000ull
#define LEAF       SCENE_IP
#define OUTER      0x402000ull
#define RA_OUTER   (OUTER + 16)
#define ELSEWHERE  0x900000ull
#define CHILD_TGID 200
#define OTHER_TGID 300

static struct scene s;
static struct tables t;
static struct task_struct child;

static int setup(void **state)
{
	static const struct tables_code code[] = {
		{LEAF, RULE_SP(8)},
		{OUTER, RULE_KIND(PB_CFA_END)},
	};

	(void)state;
	scene_open(&s, 256, 65536);
	HOST_MAP(targets);
	tables_open(&t);
	tables_module(&t, MODULE, 0x10000, code, 2);
	tables_process(SCENE_TGID, 0, 0, 1);
	s.cfg.unwind = PB_UNWIND_AUTO;
	s.stack[0] = RA_OUTER;
	cfg.capture = s.cfg;
	child = s.leader;
	child.pid = child.tgid = CHILD_TGID;
	child.group_leader = &child;
	child.start_boottime = SCENE_NOW;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_free();
	return 0;
}

static struct pb_unwind_process *entry_of(__u32 tgid)
{
	return host_map_value(&processes, &tgid, 0);
}

static void first_event_makes_the_entry_its_processes(void **state)
{
	(void)state;
	assert_int_equal(entry_of(SCENE_TGID)->owner, 0);
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_OUTER);
	assert_int_equal(entry_of(SCENE_TGID)->owner, pb_unwind_owner(&s.leader, &s.leader));
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_OUTER);
	/* The user half carries the owner over when it replaces the run. */
	tables_process(SCENE_TGID, pb_unwind_owner(&s.leader, &s.leader), 0, 1);
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_OUTER);
}

static void owner_is_never_the_mark_of_an_unused_entry(void **state)
{
	(void)state;
	child.start_boottime = child.self_exec_id = 0;
	assert_int_not_equal(pb_unwind_owner(&child, &child), 0);
	child.self_exec_id = 1;
	child.start_boottime = 1ull << 48;
	assert_int_not_equal(pb_unwind_owner(&child, &child), 0);
}

static void threads_of_a_process_have_one_owner(void **state)
{
	(void)state;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_OUTER);
	host.current_task = &s.leader;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_OUTER);
}

static void unknown_process_ends_the_walk_at_its_leaf(void **state)
{
	__u32 tgid = SCENE_TGID;

	(void)state;
	bpf_map_delete_elem(&processes, &tgid);
	EXPECT_WALK(&s, PB_END_NO_PROCESS, LEAF);
	s.cfg.unwind = PB_UNWIND_EH;
	EXPECT_WALK(&s, PB_END_NO_PROCESS, LEAF);
	assert_int_equal(host_map_count(&processes), 0);
}

static void process_with_a_reused_pid_is_unknown(void **state)
{
	(void)state;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_OUTER);
	s.leader.start_boottime += 1000;
	EXPECT_WALK(&s, PB_END_NO_PROCESS, LEAF);
	/* And does not take the entry over. */
	assert_int_not_equal(entry_of(SCENE_TGID)->owner, pb_unwind_owner(&s.leader, &s.leader));
	s.leader.start_boottime -= 1000;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_OUTER);
}

static void process_that_is_another_program_now_is_unknown(void **state)
{
	(void)state;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_OUTER);
	s.thread.self_exec_id++;
	EXPECT_WALK(&s, PB_END_NO_PROCESS, LEAF);
	/* Published anew, it is known again. */
	tables_process(SCENE_TGID, 0, 0, 1);
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_OUTER);
}

/* What the walk has of an earlier one, in the same scratch, is not used for the next process. */
static void mappings_of_the_last_walk_are_forgotten(void **state)
{
	(void)state;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_OUTER);
	host.current_task = &child;
	EXPECT_WALK(&s, PB_END_NO_PROCESS, LEAF);
	tables_process(CHILD_TGID, 0, 0, 0);
	EXPECT_WALK(&s, PB_END_NO_PROCESS, LEAF);
	tables_process(CHILD_TGID, 0, 1, 1);
	EXPECT_WALK(&s, PB_END_NO_MAPPING, LEAF);
}

/* Its place in memory serves another process now. */
static void replace_by_others(void)
{
	*entry_of(SCENE_TGID) = (struct pb_unwind_process){
		.owner = pb_unwind_owner(&child, &child), .first = 7, .n = 9};
}

static void entry_that_is_replaced_behind_its_lookup_is_not_used(void **state)
{
	(void)state;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_OUTER);
	host.moment = HOST_IN_LOOKUP;
	host.moment_map = &processes;
	host.interrupt = replace_by_others;
	EXPECT_WALK(&s, PB_END_NO_PROCESS, LEAF);
	assert_int_equal(host.moment, HOST_NEVER);
}

static void entry_that_is_replaced_behind_its_owner_is_not_used(void **state)
{
	struct pb_unwind_process out;

	(void)state;
	host.moment = HOST_IN_SWAP;
	host.interrupt = replace_by_others;
	assert_false(pb_find_process(&s.thread, &out));
	assert_int_equal(host.moment, HOST_NEVER);
	assert_int_equal(entry_of(SCENE_TGID)->owner, pb_unwind_owner(&child, &child));
}

/* A program on another CPU was first. */
static void claim_for_others(void)
{
	entry_of(SCENE_TGID)->owner = pb_unwind_owner(&child, &child);
}

static void entry_that_another_process_claims_first_is_not_used(void **state)
{
	(void)state;
	host.moment = HOST_IN_LOOKUP;
	host.moment_map = &processes;
	host.interrupt = claim_for_others;
	EXPECT_WALK(&s, PB_END_NO_PROCESS, LEAF);
	assert_int_equal(entry_of(SCENE_TGID)->owner, pb_unwind_owner(&child, &child));
}

/* The user half has written a new run of the same process meanwhile: either one will do. */
static void move_run(void)
{
	*TABLES_AT(mappings, 5) = *TABLES_AT(mappings, 0);
	*entry_of(SCENE_TGID) = (struct pb_unwind_process){
		.owner = pb_unwind_owner(&s.leader, &s.leader), .first = 5, .n = 1};
}

static void entry_that_is_replaced_by_a_new_one_of_its_process_is_used(void **state)
{
	(void)state;
	host.moment = HOST_IN_SWAP;
	host.interrupt = move_run;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_OUTER);
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_OUTER);
}

static void child_begins_with_the_run_of_its_parent(void **state)
{
	(void)state;
	assert_int_equal(on_fork(&s.thread, &child), 0);
	assert_non_null(entry_of(CHILD_TGID));
	assert_int_equal(entry_of(CHILD_TGID)->owner, pb_unwind_owner(&child, &child));
	assert_int_equal(entry_of(CHILD_TGID)->first, 0);
	assert_int_equal(entry_of(CHILD_TGID)->n, 1);
	assert_int_equal(entry_of(SCENE_TGID)->owner, pb_unwind_owner(&s.leader, &s.leader));
	host.current_task = &child;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_OUTER);
}

static void thread_is_no_child(void **state)
{
	(void)state;
	child.tgid = SCENE_TGID;
	child.group_leader = &s.leader;
	assert_int_equal(on_fork(&s.thread, &child), 0);
	assert_int_equal(host_map_count(&processes), 1);
	assert_int_equal(entry_of(SCENE_TGID)->owner, 0);
}

static void child_of_an_unknown_process_is_unknown(void **state)
{
	(void)state;
	s.leader.tgid = s.thread.tgid = OTHER_TGID;
	assert_int_equal(on_fork(&s.thread, &child), 0);
	assert_null(entry_of(CHILD_TGID));
	/* Also if there is an entry, of whoever had the pid before. */
	tables_process(OTHER_TGID, 12345, 0, 1);
	assert_int_equal(on_fork(&s.thread, &child), 0);
	assert_null(entry_of(CHILD_TGID));
}

static void child_takes_over_what_is_left_of_its_pid(void **state)
{
	(void)state;
	tables_process(CHILD_TGID, 12345, 99, 3);
	assert_int_equal(on_fork(&s.thread, &child), 0);
	assert_int_equal(entry_of(CHILD_TGID)->owner, pb_unwind_owner(&child, &child));
	assert_int_equal(entry_of(CHILD_TGID)->first, 0);
}

static void child_without_room_is_a_miss_and_no_error(void **state)
{
	(void)state;
	host.update_error = -ENOMEM;
	assert_int_equal(on_fork(&s.thread, &child), 0);
	assert_null(entry_of(CHILD_TGID));
	host.update_error = 0;
	host.current_task = &child;
	EXPECT_WALK(&s, PB_END_NO_PROCESS, LEAF);
	assert_int_equal(host_ring_count(&misses), 1);
}

static void process_begins_with_nothing_known_at_exec(void **state)
{
	(void)state;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_OUTER);
	s.thread.self_exec_id++;
	assert_int_equal(on_exec(&s.thread), 0);
	assert_non_null(entry_of(SCENE_TGID));
	assert_int_equal(entry_of(SCENE_TGID)->owner, pb_unwind_owner(&s.thread, &s.leader));
	assert_int_equal(entry_of(SCENE_TGID)->n, 0);
	EXPECT_WALK(&s, PB_END_NO_PROCESS, LEAF);
	assert_int_equal(host_ring_count(&misses), 1);
}

/* Of a process that nobody follows there is no entry, before and after. */
static void exec_of_a_stranger_leaves_no_entry(void **state)
{
	(void)state;
	s.leader.tgid = s.thread.tgid = OTHER_TGID;
	on_exec(&s.thread);
	assert_null(entry_of(OTHER_TGID));
	cfg.capture.scope = PB_SCOPE_ALL;
	on_exec(&s.thread);
	assert_non_null(entry_of(OTHER_TGID));
}

/* So that what the user half finds out later cannot be given to another program that the child becomes. */
static void child_that_is_followed_has_an_owner_from_the_beginning(void **state)
{
	__u32 tgid = SCENE_TGID;

	(void)state;
	bpf_map_delete_elem(&processes, &tgid);
	cfg.capture.scope = PB_SCOPE_ALL;
	on_fork(&s.thread, &child);
	assert_non_null(entry_of(CHILD_TGID));
	assert_int_equal(entry_of(CHILD_TGID)->owner, pb_unwind_owner(&child, &child));
	assert_int_equal(entry_of(CHILD_TGID)->n, 0);
}

static void entry_goes_with_its_process(void **state)
{
	(void)state;
	cfg.capture.scope = PB_SCOPE_ALL;
	on_fork(&s.thread, &child);
	/* Not with a thread, and not with whoever had the pid before. */
	s.thread.tgid = CHILD_TGID;
	on_free(&s.thread);
	assert_non_null(entry_of(CHILD_TGID));
	child.start_boottime++;
	on_free(&child);
	assert_non_null(entry_of(CHILD_TGID));
	child.start_boottime--;
	on_free(&child);
	assert_null(entry_of(CHILD_TGID));
	/* One that was never claimed goes too. */
	on_free(&s.leader);
	assert_null(entry_of(SCENE_TGID));
}

/* Where nothing is looked up, there is nothing to keep true. */
static void fork_and_exec_without_tables_touch_none(void **state)
{
	(void)state;
	cfg.capture.unwind = PB_UNWIND_FP;
	on_fork(&s.thread, &child);
	on_exec(&s.thread);
	assert_null(entry_of(CHILD_TGID));
	assert_non_null(entry_of(SCENE_TGID));
	cfg.capture.unwind = PB_UNWIND_EH;
	cfg.capture.user_stacks = 0;
	on_fork(&s.thread, &child);
	on_exec(&s.thread);
	assert_null(entry_of(CHILD_TGID));
	assert_non_null(entry_of(SCENE_TGID));
}

static void targets_are_followed_whatever_is_known_of_their_memory(void **state)
{
	__u64 start = SCENE_START, gate = PB_TARGET_UNTIL_EXEC;
	__u32 tgid = SCENE_TGID, child_tgid = CHILD_TGID;

	(void)state;
	host_map_count(&targets);
	bpf_map_delete_elem(&processes, &tgid);
	bpf_map_update_elem(&targets, &tgid, &start, BPF_ANY);
	on_fork(&s.thread, &child);
	assert_non_null(host_map_value(&targets, &child_tgid, 0));
	on_free(&child);
	assert_null(host_map_value(&targets, &child_tgid, 0));
	bpf_map_update_elem(&targets, &child_tgid, &gate, BPF_ANY);
	on_exec(&child);
	assert_int_equal(*(__u64 *)host_map_value(&targets, &child_tgid, 0), child.start_boottime);
	/* Only the process' own scope has a map of processes. */
	cfg.capture.scope = PB_SCOPE_ALL;
	bpf_map_delete_elem(&targets, &child_tgid);
	on_fork(&s.thread, &child);
	assert_null(host_map_value(&targets, &child_tgid, 0));
}

/* The one report that waits, then none. */
static void expect_miss(__u32 tgid, __u64 addr)
{
	const struct pb_unwind_miss *miss;
	size_t size;

	assert_int_equal(host_ring_count(&misses), 1);
	miss = host_ring_record(&misses, 0, &size);
	assert_int_equal(size, sizeof(*miss));
	assert_int_equal(miss->tgid, tgid);
	assert_int_equal(miss->addr, addr);
	assert_int_equal(miss->pad, 0);
	host_ring_consume(&misses);
}

static void unknown_process_is_reported(void **state)
{
	__u32 tgid = SCENE_TGID;

	(void)state;
	bpf_map_delete_elem(&processes, &tgid);
	EXPECT_WALK(&s, PB_END_NO_PROCESS, LEAF);
	expect_miss(SCENE_TGID, LEAF);
}

static void leaf_in_unknown_memory_is_reported(void **state)
{
	(void)state;
	s.event.regs.ip = ELSEWHERE;
	EXPECT_WALK(&s, PB_END_NO_MAPPING, ELSEWHERE);
	expect_miss(SCENE_TGID, ELSEWHERE);
}

static void caller_in_unknown_memory_is_reported(void **state)
{
	(void)state;
	s.stack[0] = ELSEWHERE;
	EXPECT_WALK(&s, PB_END_NO_MAPPING, LEAF, ELSEWHERE);
	expect_miss(SCENE_TGID, ELSEWHERE);
}

static void stack_that_is_complete_is_no_miss(void **state)
{
	(void)state;
	EXPECT_WALK(&s, PB_END_OUTERMOST, LEAF, RA_OUTER);
	s.stack[0] = 17;
	EXPECT_WALK(&s, PB_END_BAD_FRAME, LEAF);
	s.event.regs.ip = OUTER - 1;
	s.event.regs.sp = 0;
	EXPECT_WALK(&s, PB_END_UNREADABLE, OUTER - 1);
	assert_int_equal(host_ring_count(&misses), 0);
}

/* Code without frame pointers, walked by them: where that leads is nobody's memory. */
static void address_that_a_bad_frame_pointer_led_to_is_no_miss(void **state)
{
	(void)state;
	tables_map(&t, &(struct pb_unwind_mapping){.start = ELSEWHERE, .size = 0x10000});
	tables_process(SCENE_TGID, 0, 0, 2);
	s.event.regs.ip = ELSEWHERE + 16;
	s.event.regs.fp = scene_addr(2);
	scene_frame(&s, 2, scene_addr(4), 0xdddd0000);
	EXPECT_WALK(&s, PB_END_NO_FP, ELSEWHERE + 16);
	scene_frame(&s, 2, scene_addr(4), ELSEWHERE + 32);
	scene_frame(&s, 4, scene_addr(6), 0xdddd0000);
	EXPECT_WALK(&s, PB_END_BAD_FP, ELSEWHERE + 16, ELSEWHERE + 32);
	assert_int_equal(host_ring_count(&misses), 0);
}

static void walk_by_frame_pointers_misses_nothing(void **state)
{
	(void)state;
	s.cfg.unwind = PB_UNWIND_FP;
	s.event.regs.ip = ELSEWHERE;
	EXPECT_WALK(&s, PB_END_NO_FP, ELSEWHERE);
	scene_chain(&s, 2, ELSEWHERE);
	EXPECT_WALK(&s, PB_END_BOTTOM, ELSEWHERE, ELSEWHERE, ELSEWHERE + 16);
	assert_int_equal(host_ring_count(&misses), 0);
}

static void process_that_misses_much_reports_now_and_then(void **state)
{
	__u32 i, reports = 0;

	(void)state;
	s.event.regs.ip = ELSEWHERE;
	for (i = 0; i < 100; i++) {
		EXPECT_WALK(&s, PB_END_NO_MAPPING, ELSEWHERE);
		reports += host_ring_count(&misses);
		host_ring_consume(&misses);
		host.now_ns += PB_UNWIND_MISS_INTERVAL_NS / 10;
		((struct pb_control *)host_map_value(&control, &(__u32){0}, 0))->lease_until_ns =
			host.now_ns + 1;
	}
	assert_int_equal(reports, 10);
}

static void two_processes_that_miss_are_both_reported(void **state)
{
	(void)state;
	s.event.regs.ip = ELSEWHERE;
	EXPECT_WALK(&s, PB_END_NO_MAPPING, ELSEWHERE);
	expect_miss(SCENE_TGID, ELSEWHERE);
	host.current_task = &child;
	EXPECT_WALK(&s, PB_END_NO_PROCESS, ELSEWHERE);
	expect_miss(CHILD_TGID, ELSEWHERE);
	/* Pids that share their low bits share the pause; the next one is heard. */
	child.tgid = SCENE_TGID + PB_UNWIND_MISS_SLOTS;
	EXPECT_WALK(&s, PB_END_NO_PROCESS, ELSEWHERE);
	assert_int_equal(host_ring_count(&misses), 0);
	host.now_ns += PB_UNWIND_MISS_INTERVAL_NS;
	((struct pb_control *)host_map_value(&control, &(__u32){0}, 0))->lease_until_ns =
		host.now_ns + 1;
	EXPECT_WALK(&s, PB_END_NO_PROCESS, ELSEWHERE);
	expect_miss(SCENE_TGID + PB_UNWIND_MISS_SLOTS, ELSEWHERE);
}

static void full_ring_of_misses_loses_no_event(void **state)
{
	__u32 i;

	(void)state;
	host.current_task = &child;
	for (i = 0; i < 1000; i++) {
		child.tgid = (int)(CHILD_TGID + i % PB_UNWIND_MISS_SLOTS);
		host.now_ns += PB_UNWIND_MISS_INTERVAL_NS;
		((struct pb_control *)host_map_value(&control, &(__u32){0}, 0))->lease_until_ns =
			host.now_ns + 1;
		scene_take(&s);
	}
	assert_true(host_ring_count(&misses) < 1000);
	assert_int_equal(scene_tally()->produced, 1000);
	assert_int_equal(scene_lost(), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_event_makes_the_entry_its_processes),
		TEST(owner_is_never_the_mark_of_an_unused_entry),
		TEST(threads_of_a_process_have_one_owner),
		TEST(unknown_process_ends_the_walk_at_its_leaf),
		TEST(process_with_a_reused_pid_is_unknown),
		TEST(process_that_is_another_program_now_is_unknown),
		TEST(mappings_of_the_last_walk_are_forgotten),
		TEST(entry_that_is_replaced_behind_its_lookup_is_not_used),
		TEST(entry_that_is_replaced_behind_its_owner_is_not_used),
		TEST(entry_that_another_process_claims_first_is_not_used),
		TEST(entry_that_is_replaced_by_a_new_one_of_its_process_is_used),
		TEST(child_begins_with_the_run_of_its_parent),
		TEST(thread_is_no_child),
		TEST(child_of_an_unknown_process_is_unknown),
		TEST(child_takes_over_what_is_left_of_its_pid),
		TEST(child_without_room_is_a_miss_and_no_error),
		TEST(process_begins_with_nothing_known_at_exec),
		TEST(exec_of_a_stranger_leaves_no_entry),
		TEST(child_that_is_followed_has_an_owner_from_the_beginning),
		TEST(entry_goes_with_its_process),
		TEST(fork_and_exec_without_tables_touch_none),
		TEST(targets_are_followed_whatever_is_known_of_their_memory),
		TEST(unknown_process_is_reported),
		TEST(leaf_in_unknown_memory_is_reported),
		TEST(caller_in_unknown_memory_is_reported),
		TEST(stack_that_is_complete_is_no_miss),
		TEST(address_that_a_bad_frame_pointer_led_to_is_no_miss),
		TEST(walk_by_frame_pointers_misses_nothing),
		TEST(process_that_misses_much_reports_now_and_then),
		TEST(two_processes_that_miss_are_both_reported),
		TEST(full_ring_of_misses_loses_no_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
