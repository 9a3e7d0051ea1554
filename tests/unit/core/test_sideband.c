/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The rings here are memory that the test writes as the kernel does. */
#include "user/core/sideband.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define CPUS     3
#define SEEN_MAX 8192

static struct pb_sideband *s;

static struct {
	struct pb_sideband_event e;
	char path[64];
} seen[SEEN_MAX];
static size_t n_seen;

static int setup(void **state)
{
	uint32_t i;

	(void)state;
	n_seen = 0;
	s = calloc(1, sizeof(*s));
	s->page_bytes = 4096;
	s->n = CPUS;
	s->rings = calloc(CPUS, sizeof(*s->rings));
	s->fds = calloc(CPUS, sizeof(*s->fds));
	for (i = 0; i < CPUS; i++) {
		s->rings[i].fd = -1;
		s->rings[i].page = mmap(NULL, s->page_bytes + RING_DATA_BYTES,
					PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (s->rings[i].page == MAP_FAILED)
			return -1;
		s->rings[i].data = (uint8_t *)s->rings[i].page + s->page_bytes;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pb_sideband_free(s);
	return 0;
}

static void put_bytes(int cpu, const void *bytes, size_t size)
{
	struct ring *r = &s->rings[cpu];
	size_t i;

	for (i = 0; i < size; i++)
		r->data[r->page->data_head++ % RING_DATA_BYTES] = ((const uint8_t *)bytes)[i];
}

/* A record with @body behind its header, and its time at the end. */
static void put(int cpu, uint32_t type, uint16_t misc, const void *body, size_t size, uint64_t time)
{
	struct sample_id id = {.pid = 1, .tid = 1, .time = time};
	struct perf_event_header header = {.type = type, .misc = misc};

	header.size = (uint16_t)(sizeof(header) + size + sizeof(id));
	put_bytes(cpu, &header, sizeof(header));
	put_bytes(cpu, body, size);
	put_bytes(cpu, &id, sizeof(id));
}

static void put_task(int cpu, uint32_t type, const uint32_t ids[4], uint64_t time)
{
	struct task_record r = {.pid = ids[0], .ppid = ids[1], .tid = ids[2], .ptid = ids[3]};

	put(cpu, type, 0, (uint8_t *)&r + sizeof(r.header), sizeof(r) - sizeof(r.header), time);
}

static void put_fork(int cpu, uint32_t child, uint32_t parent, uint64_t time)
{
	const uint32_t ids[4] = {child, parent, child, parent};

	put_task(cpu, PERF_RECORD_FORK, ids, time);
}

/* struct mmap2_record with room for a name. */
struct map_with_path {
	struct {
		struct perf_event_header header;
		uint32_t pid, tid;
		uint64_t addr, len, pgoff;
		union {
			struct {
				uint8_t build_id_size, reserved[3], build_id[20];
			};
			struct {
				uint32_t major, minor;
				uint64_t ino, ino_generation;
			};
		};
		uint32_t prot, flags;
	} r;
	char path[64];
};
_Static_assert(offsetof(struct map_with_path, path) == offsetof(struct mmap2_record, filename),
	       "the name stands elsewhere");

static void put_map(int cpu, uint16_t misc, struct map_with_path *m, uint64_t time)
{
	put(cpu, PERF_RECORD_MMAP2, misc, (uint8_t *)m + sizeof(m->r.header),
	    sizeof(*m) - sizeof(m->r.header), time);
}

static void on_event(void *ctx, const struct pb_sideband_event *e)
{
	assert_ptr_equal(ctx, &n_seen);
	assert_true(n_seen < SEEN_MAX);
	seen[n_seen].e = *e;
	if (e->path)
		snprintf(seen[n_seen].path, sizeof(seen[n_seen].path), "%s", e->path);
	n_seen++;
}

static void drain(void)
{
	assert_int_equal(pb_sideband_drain(s, on_event, &n_seen), 0);
}

static void empty_rings_say_nothing(void **state)
{
	(void)state;
	drain();
	drain();
	assert_int_equal(n_seen, 0);
}

static void records_of_all_cpus_come_in_order_of_time(void **state)
{
	size_t i;

	(void)state;
	put_fork(0, 100, 1, 30);
	put_fork(0, 101, 1, 60);
	put_fork(1, 102, 1, 10);
	put_fork(1, 103, 1, 50);
	put_fork(2, 104, 1, 20);
	put_fork(2, 105, 1, 40);
	drain();
	assert_int_equal(n_seen, 6);
	for (i = 0; i < 6; i++)
		assert_int_equal(seen[i].e.time_ns, 10 * (i + 1));
	assert_int_equal(seen[0].e.tgid, 102);
	assert_int_equal(seen[0].e.parent_tgid, 1);
	drain();
	assert_int_equal(n_seen, 6);
}

static void records_of_one_nanosecond_keep_their_order(void **state)
{
	uint32_t i;

	(void)state;
	for (i = 0; i < 200; i++)
		put_fork(0, 100 + i, 1, 5);
	drain();
	for (i = 0; i < 200; i++)
		assert_int_equal(seen[i].e.tgid, 100 + i);
}

static void what_is_recorded_while_we_collect_waits(void **state)
{
	struct sample_id *id;

	(void)state;
	put_fork(0, 100, 1, UINT64_MAX);
	put_fork(1, 101, 1, 10);
	put_fork(2, 102, 1, UINT64_MAX - 1);
	drain();
	assert_int_equal(n_seen, 1);
	assert_int_equal(seen[0].e.tgid, 101);
	/* It is still there when its time has come, and in order. */
	put_fork(1, 103, 1, 20);
	drain();
	assert_int_equal(n_seen, 2);
	assert_int_equal(seen[1].e.tgid, 103);
	assert_int_equal(s->n_order, 2);
	id = (struct sample_id *)(s->records + s->records_used - sizeof(*id));
	id->time = 30;
	id = (struct sample_id *)((uint8_t *)id - s->records_used / 2);
	id->time = 40;
	drain();
	assert_int_equal(n_seen, 4);
	assert_int_equal(seen[2].e.tgid, 102);
	assert_int_equal(seen[3].e.tgid, 100);
	assert_int_equal(s->records_used, 0);
}

static void record_that_wraps_is_whole(void **state)
{
	struct map_with_path m = {.r = {.pid = 7, .addr = 0x1000, .len = 0x1000},
				  .path = "/usr/lib/a-name-that-is-cut-in-two.so"};
	size_t i, round;

	(void)state;
	for (round = 0; round < 3; round++) {
		n_seen = 0;
		for (i = 0; i < 600; i++)
			put_map(0, 0, &m, i + 1);
		drain();
		assert_int_equal(n_seen, 600);
		for (i = 0; i < 600; i++) {
			assert_int_equal(seen[i].e.time_ns, i + 1);
			assert_string_equal(seen[i].path, m.path);
		}
	}
	assert_true(s->rings[0].page->data_tail > 2 * RING_DATA_BYTES);
	assert_int_equal(s->rings[0].page->data_tail, s->rings[0].page->data_head);
}

static void mapping_with_a_build_id_gives_it(void **state)
{
	struct map_with_path m = {.r = {.pid = 7,
					.tid = 8,
					.addr = 0x7f0000001000,
					.len = 0x3000,
					.pgoff = 0x2000,
					.build_id_size = 20,
					.build_id = {1, 2, 3}},
				  .path = "/usr/lib/libx.so"};

	(void)state;
	put_map(0, PERF_RECORD_MISC_MMAP_BUILD_ID, &m, 5);
	drain();
	assert_int_equal(n_seen, 1);
	assert_int_equal(seen[0].e.kind, PB_SIDEBAND_MAP);
	assert_int_equal(seen[0].e.tgid, 7);
	assert_int_equal(seen[0].e.start, 0x7f0000001000);
	assert_int_equal(seen[0].e.end, 0x7f0000004000);
	assert_int_equal(seen[0].e.file_off, 0x2000);
	assert_int_equal(seen[0].e.build_id_len, 20);
	assert_memory_equal(seen[0].e.build_id, m.r.build_id, 20);
	assert_int_equal(seen[0].e.ino, 0);
	assert_int_equal(seen[0].e.dev, 0);
	assert_string_equal(seen[0].path, "/usr/lib/libx.so");
}

static void mapping_without_a_build_id_gives_its_inode(void **state)
{
	struct map_with_path m = {
		.r = {.pid = 7, .addr = 0x1000, .len = 0x1000, .major = 8, .minor = 1, .ino = 4711},
		.path = "/opt/app"};

	(void)state;
	put_map(0, 0, &m, 5);
	drain();
	assert_int_equal(n_seen, 1);
	assert_int_equal(seen[0].e.build_id_len, 0);
	assert_int_equal(seen[0].e.dev, 0x800000001);
	assert_int_equal(seen[0].e.ino, 4711);
}

static void nonsense_mappings_are_left_out(void **state)
{
	struct map_with_path m = {.r = {.pid = 7, .addr = 0x1000, .len = 0x1000}, .path = "/a"};

	(void)state;
	m.r.len = 0;
	put_map(0, 0, &m, 1);
	m.r.addr = UINT64_MAX - 1;
	m.r.len = 4096;
	put_map(0, 0, &m, 2);
	m.r.addr = 0x1000;
	memset(m.path, 'a', sizeof(m.path)); /* no end */
	put_map(0, 0, &m, 3);
	/* No room for a name. */
	put(0, PERF_RECORD_MMAP2, 0, (uint8_t *)&m + sizeof(m.r.header),
	    sizeof(m.r) - sizeof(m.r.header), 4);
	/* A build id that is longer than any. */
	m.path[1] = '\0';
	m.r.build_id_size = 21;
	put_map(0, PERF_RECORD_MISC_MMAP_BUILD_ID, &m, 5);
	drain();
	assert_int_equal(n_seen, 1);
	assert_int_equal(seen[0].e.time_ns, 5);
	assert_int_equal(seen[0].e.build_id_len, 0);
}

static void threads_are_no_processes(void **state)
{
	const uint32_t thread[4] = {100, 100, 101, 100}, process[4] = {100, 1, 100, 1};

	(void)state;
	put_task(0, PERF_RECORD_FORK, thread, 1);
	put_task(0, PERF_RECORD_EXIT, thread, 2);
	put_task(0, PERF_RECORD_EXIT, process, 3);
	drain();
	assert_int_equal(n_seen, 1);
	assert_int_equal(seen[0].e.kind, PB_SIDEBAND_EXIT);
	assert_int_equal(seen[0].e.tgid, 100);
}

static void only_exec_is_told_of_all_changes_of_name(void **state)
{
	struct {
		uint32_t pid, tid;
		char comm[16];
	} renamed = {100, 101, "worker"}, executed = {200, 200, "ls"};

	(void)state;
	put(0, PERF_RECORD_COMM, 0, &renamed, sizeof(renamed), 1);
	put(0, PERF_RECORD_COMM, PERF_RECORD_MISC_COMM_EXEC, &executed, sizeof(executed), 2);
	drain();
	assert_int_equal(n_seen, 1);
	assert_int_equal(seen[0].e.kind, PB_SIDEBAND_EXEC);
	assert_int_equal(seen[0].e.tgid, 200);
}

static void lost_records_are_told(void **state)
{
	const uint64_t id_and_count[2] = {1, 17};

	(void)state;
	put(0, PERF_RECORD_LOST, 0, id_and_count, sizeof(id_and_count), 9);
	put(0, PERF_RECORD_THROTTLE, 0, id_and_count, sizeof(id_and_count), 10);
	drain();
	assert_int_equal(n_seen, 1);
	assert_int_equal(seen[0].e.kind, PB_SIDEBAND_LOST);
}

static void ring_that_makes_no_sense_is_skipped_not_looped_over(void **state)
{
	const struct perf_event_header empty = {.type = PERF_RECORD_FORK, .size = 0};

	(void)state;
	put_bytes(0, &empty, sizeof(empty));
	put_fork(0, 100, 1, 1);
	put_fork(1, 101, 1, 2);
	drain();
	assert_int_equal(n_seen, 1);
	assert_int_equal(seen[0].e.tgid, 101);
	put_fork(0, 102, 1, 3);
	drain();
	assert_int_equal(n_seen, 2);
}

static void whole_machine_can_be_recorded(void **state)
{
	struct pb_sideband *real = NULL;
	struct pb_cpus cpus;
	uint32_t n;

	(void)state;
	assert_int_equal(pb_cpus_online(&cpus), 0);
	if (pb_sideband_open(&real, &cpus)) {
		free(cpus.ids);
		print_message("perf events are not permitted here\n");
		skip();
	}
	assert_non_null(pb_sideband_fds(real, &n));
	assert_true(n > 0 && n <= cpus.n);
	assert_int_equal(pb_sideband_bytes(real), n * (real->page_bytes + RING_DATA_BYTES));
	assert_int_equal(pb_sideband_drain(real, on_event, &n_seen), 0);
	pb_sideband_free(real);
	free(cpus.ids);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(empty_rings_say_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(records_of_all_cpus_come_in_order_of_time, setup,
						teardown),
		cmocka_unit_test_setup_teardown(records_of_one_nanosecond_keep_their_order, setup,
						teardown),
		cmocka_unit_test_setup_teardown(what_is_recorded_while_we_collect_waits, setup,
						teardown),
		cmocka_unit_test_setup_teardown(record_that_wraps_is_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(mapping_with_a_build_id_gives_it, setup, teardown),
		cmocka_unit_test_setup_teardown(mapping_without_a_build_id_gives_its_inode, setup,
						teardown),
		cmocka_unit_test_setup_teardown(nonsense_mappings_are_left_out, setup, teardown),
		cmocka_unit_test_setup_teardown(threads_are_no_processes, setup, teardown),
		cmocka_unit_test_setup_teardown(only_exec_is_told_of_all_changes_of_name, setup,
						teardown),
		cmocka_unit_test_setup_teardown(lost_records_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(ring_that_makes_no_sense_is_skipped_not_looped_over,
						setup, teardown),
		cmocka_unit_test_setup_teardown(whole_machine_can_be_recorded, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
