/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/hostbpf/hostbpf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/lib/filter.bpf.h"

#define START 5000000000ull

static struct pb_capture_cfg cfg;

/* Processes A and B; A has a second thread. */
static struct task_struct a, a2, b;

static struct task_struct process(int tgid, __u64 start)
{
	return (struct task_struct){.pid = tgid, .tgid = tgid, .start_boottime = start};
}

static void define_targets(size_t n)
{
	host_reset();
	HOST_MAP(tallies);
	HOST_MAP_OF(targets, n);
	host_define_map(&cgroups, BPF_MAP_TYPE_CGROUP_ARRAY, sizeof(__u32), sizeof(__u32), 1);
}

static int setup(void **state)
{
	(void)state;
	define_targets(8);
	a = process(10, START);
	a.group_leader = &a;
	a2 = a;
	a2.pid = 11;
	a2.start_boottime = START + 100;
	b = process(20, START + 200);
	b.group_leader = &b;
	cfg = (struct pb_capture_cfg){.scope = PB_SCOPE_PROCESS};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_free();
	return 0;
}

/* As the user half does it: whoever has this id now. */
static void ask_for(__u32 id)
{
	__u64 unknown = 0;

	assert_int_equal(bpf_map_update_elem(&targets, &id, &unknown, BPF_ANY), 0);
}

static bool known(__u32 id)
{
	return host_map_value(&targets, &id, 0);
}

static __u64 start_of(__u32 id)
{
	assert_true(known(id));
	return *(__u64 *)host_map_value(&targets, &id, 0);
}

static void all_threads_of_a_target_count(void **state)
{
	(void)state;
	ask_for(10);
	assert_true(pb_filter(&cfg, &a2));
	assert_true(pb_filter(&cfg, &a));
	assert_false(pb_filter(&cfg, &b));
}

static void first_event_fills_the_start_of_the_process_in(void **state)
{
	(void)state;
	ask_for(10);
	assert_true(pb_filter(&cfg, &a2));
	assert_int_equal(start_of(10), START);
}

static void reused_pid_is_somebody_else(void **state)
{
	struct task_struct later = process(10, START + 999);

	(void)state;
	later.group_leader = &later;
	ask_for(10);
	assert_true(pb_filter(&cfg, &a));
	assert_false(pb_filter(&cfg, &later));
	assert_true(pb_filter(&cfg, &a));
}

static void thread_scope_is_that_thread_alone(void **state)
{
	struct task_struct later = a2;

	(void)state;
	cfg.scope = PB_SCOPE_THREAD;
	ask_for(11);
	assert_true(pb_filter(&cfg, &a2));
	assert_false(pb_filter(&cfg, &a));
	assert_int_equal(start_of(11), START + 100);
	later.start_boottime++;
	assert_false(pb_filter(&cfg, &later));
}

static void whole_machine_is_all_but_the_idle_task_and_the_tool(void **state)
{
	struct task_struct idle = process(0, 0);

	(void)state;
	cfg.scope = PB_SCOPE_ALL;
	cfg.self_tgid = 20;
	assert_true(pb_filter(&cfg, &a));
	assert_true(pb_filter(&cfg, &a2));
	assert_false(pb_filter(&cfg, &b));
	assert_false(pb_filter(&cfg, &idle));
}

static void cgroup_scope_asks_the_kernel(void **state)
{
	struct task_struct idle = process(0, 0);

	(void)state;
	cfg.scope = PB_SCOPE_CGROUP;
	assert_false(pb_filter(&cfg, &a));
	host.under_cgroup = true;
	assert_true(pb_filter(&cfg, &a));
	assert_false(pb_filter(&cfg, &idle));
}

static void unknown_scope_counts_nobody(void **state)
{
	(void)state;
	cfg.scope = 99;
	ask_for(10);
	assert_false(pb_filter(&cfg, &a));
}

static void command_counts_from_its_exec_on(void **state)
{
	__u64 until_exec = PB_TARGET_UNTIL_EXEC;
	__u32 id = 10;

	(void)state;
	assert_int_equal(bpf_map_update_elem(&targets, &id, &until_exec, BPF_ANY), 0);
	/* At the gate it still is the tool's own code. */
	assert_false(pb_filter(&cfg, &a));
	pb_start_at_exec(&b);
	assert_false(pb_filter(&cfg, &a));
	assert_false(known(20));
	assert_int_equal(pb_start_at_exec(&a), 0);
	assert_int_equal(start_of(10), START);
	assert_true(pb_filter(&cfg, &a));
}

static void later_exec_changes_nothing(void **state)
{
	struct task_struct later = process(10, START + 999);

	(void)state;
	later.group_leader = &later;
	ask_for(10);
	pb_start_at_exec(&a);
	assert_true(pb_filter(&cfg, &a));
	pb_start_at_exec(&a);
	pb_start_at_exec(&later);
	assert_int_equal(start_of(10), START);
}

static void command_that_ends_at_its_gate_is_forgotten(void **state)
{
	__u64 until_exec = PB_TARGET_UNTIL_EXEC;
	__u32 id = 10;

	(void)state;
	assert_int_equal(bpf_map_update_elem(&targets, &id, &until_exec, BPF_ANY), 0);
	pb_forget(&cfg, &a);
	assert_false(known(10));
}

static void child_is_followed_before_its_first_instruction(void **state)
{
	(void)state;
	ask_for(10);
	assert_false(pb_filter(&cfg, &b));
	assert_int_equal(pb_follow_fork(&a2, &b), 0);
	assert_int_equal(start_of(20), START + 200);
	assert_true(pb_filter(&cfg, &b));
}

static void grandchild_is_followed_too(void **state)
{
	struct task_struct c = process(30, START + 300);

	(void)state;
	c.group_leader = &c;
	ask_for(10);
	pb_follow_fork(&a, &b);
	pb_follow_fork(&b, &c);
	assert_true(pb_filter(&cfg, &c));
}

static void thread_fork_is_not_a_process(void **state)
{
	(void)state;
	ask_for(10);
	pb_follow_fork(&a, &a2);
	assert_int_equal(host_map_count(&targets), 1);
	assert_false(known(11));
	/* Nor does it change who the process is. */
	assert_true(pb_filter(&cfg, &a));
	pb_follow_fork(&a, &a2);
	assert_true(pb_filter(&cfg, &a));
}

static void child_of_a_stranger_is_not_followed(void **state)
{
	struct task_struct c = process(30, START + 300);

	(void)state;
	ask_for(10);
	pb_follow_fork(&b, &c);
	assert_int_equal(host_map_count(&targets), 1);
}

static void child_of_a_reused_pid_is_not_followed(void **state)
{
	struct task_struct later = process(10, START + 999);

	(void)state;
	later.group_leader = &later;
	ask_for(10);
	assert_true(pb_filter(&cfg, &a));
	pb_follow_fork(&later, &b);
	assert_false(known(20));
}

static void child_takes_over_a_pid_that_was_not_freed_yet(void **state)
{
	struct task_struct later = process(20, START + 999);

	(void)state;
	later.group_leader = &later;
	ask_for(10);
	pb_follow_fork(&a, &b);
	pb_follow_fork(&a, &later);
	assert_true(pb_filter(&cfg, &later));
	assert_false(pb_filter(&cfg, &b));
}

static void child_without_room_is_counted_as_missed(void **state)
{
	(void)state;
	define_targets(1);
	ask_for(10);
	pb_follow_fork(&a, &b);
	assert_false(known(20));
	assert_int_equal(pb_tally()->children_missed, 1);
	pb_follow_fork(&a, &a2);
	assert_int_equal(pb_tally()->children_missed, 1);
}

static void freed_leader_is_forgotten(void **state)
{
	(void)state;
	ask_for(10);
	assert_true(pb_filter(&cfg, &a));
	assert_int_equal(pb_forget(&cfg, &a), 0);
	assert_false(known(10));
}

static void leader_that_was_never_seen_is_forgotten(void **state)
{
	(void)state;
	ask_for(10);
	pb_forget(&cfg, &a);
	assert_false(known(10));
}

static void freed_thread_takes_no_process_along(void **state)
{
	/* A thread whose id is that of a target, in a process that is none. */
	struct task_struct t = b;

	(void)state;
	t.pid = 10;
	ask_for(10);
	pb_forget(&cfg, &a2);
	pb_forget(&cfg, &t);
	assert_true(known(10));
}

static void late_free_does_not_touch_the_next_owner_of_the_pid(void **state)
{
	struct task_struct later = process(10, START + 999);

	(void)state;
	ask_for(10);
	assert_true(pb_filter(&cfg, &a));
	pb_forget(&cfg, &later);
	assert_true(known(10));
	pb_forget(&cfg, &b);
	assert_true(known(10));
}

static void freed_thread_is_forgotten_where_threads_are_asked_for(void **state)
{
	(void)state;
	cfg.scope = PB_SCOPE_THREAD;
	ask_for(11);
	assert_true(pb_filter(&cfg, &a2));
	pb_forget(&cfg, &a);
	assert_true(known(11));
	pb_forget(&cfg, &a2);
	assert_false(known(11));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_threads_of_a_target_count, setup, teardown),
		cmocka_unit_test_setup_teardown(first_event_fills_the_start_of_the_process_in,
						setup, teardown),
		cmocka_unit_test_setup_teardown(reused_pid_is_somebody_else, setup, teardown),
		cmocka_unit_test_setup_teardown(thread_scope_is_that_thread_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(whole_machine_is_all_but_the_idle_task_and_the_tool,
						setup, teardown),
		cmocka_unit_test_setup_teardown(cgroup_scope_asks_the_kernel, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_scope_counts_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(command_counts_from_its_exec_on, setup, teardown),
		cmocka_unit_test_setup_teardown(later_exec_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(command_that_ends_at_its_gate_is_forgotten, setup,
						teardown),
		cmocka_unit_test_setup_teardown(child_is_followed_before_its_first_instruction,
						setup, teardown),
		cmocka_unit_test_setup_teardown(grandchild_is_followed_too, setup, teardown),
		cmocka_unit_test_setup_teardown(thread_fork_is_not_a_process, setup, teardown),
		cmocka_unit_test_setup_teardown(child_of_a_stranger_is_not_followed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(child_of_a_reused_pid_is_not_followed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(child_takes_over_a_pid_that_was_not_freed_yet,
						setup, teardown),
		cmocka_unit_test_setup_teardown(child_without_room_is_counted_as_missed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(freed_leader_is_forgotten, setup, teardown),
		cmocka_unit_test_setup_teardown(leader_that_was_never_seen_is_forgotten, setup,
						teardown),
		cmocka_unit_test_setup_teardown(freed_thread_takes_no_process_along, setup,
						teardown),
		cmocka_unit_test_setup_teardown(late_free_does_not_touch_the_next_owner_of_the_pid,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			freed_thread_is_forgotten_where_threads_are_asked_for, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
