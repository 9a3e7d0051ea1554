/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/hostbpf/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "bpf/lib/calls.bpf.h"
#include "tests/hostbpf/draw.h"

#define THREADS 3
#define SP      (SCENE_STACK + 0x100000) /* beyond the scene's own words */
#define SITE(n) (0x402000ull + 16 * (n))
#define BLOCK   0x10000ull
#define NESTS   PB_COOKIE_NESTS

static struct scene s;
static struct pb_allocsites_cfg cfg;
static struct pb_alloc_tables tables;
static struct task_struct tasks[THREADS];
static __u64 return_addr;
static struct signal_struct limits;

static bool stack_word(__u64 addr, void *to, __u32 size)
{
	(void)addr;
	if (size != sizeof(return_addr))
		return false;
	memcpy(to, &return_addr, size);
	return true;
}

static void open_with(size_t blocks_max)
{
	__u32 i;

	heap_open(&s, blocks_max);
	HOST_MAP(targets);
	HOST_STORAGE(threads, THREADS);
	((struct pb_control *)host_map_value(&control, &(__u32){0}, 0))->lease_until_ns = -1;
	bpf_map_update_elem(&targets, &(__u32){SCENE_TGID}, &(__u64){SCENE_START}, BPF_ANY);
	for (i = 0; i < THREADS; i++) {
		tasks[i] = s.leader;
		tasks[i].pid += (int)i;
		tasks[i].signal = &limits;
	}
	limits.rlim[PB_RLIMIT_AS].rlim_cur = ~0ul;
	host.current_task = &tasks[0];
	host.user_memory = stack_word;
	cfg = (struct pb_allocsites_cfg){.capture = s.cfg,
					 .max_bytes = PB_ALLOC_SIZE_MAX,
					 .mode = PB_ALLOC_EXACT,
					 .track_frees = 1,
					 .await_throwing = 1};
}

static int setup(void **state)
{
	(void)state;
	open_with(64);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_free();
	return 0;
}

/* What the next probe finds in the registers. */
static struct pt_regs regs;

static struct pb_call hit(__u64 cookie, __u64 ip, __u64 sp)
{
	regs = (struct pt_regs){.ip = ip, .sp = sp, .cs = 0x33};
	return (struct pb_call){.ctx = &regs,
				.cfg = &cfg,
				.tables = &tables,
				.task = host.current_task,
				.cookie = cookie};
}

/* A probe at a beginning, as on_session(). Return: the return is awaited. */
static bool enter_at(__u64 cookie, __u64 sp, __u64 site, __u64 a, __u64 b, __u64 c)
{
	struct pb_call call = hit(cookie, SCENE_IP, sp);

	return_addr = site;
	regs.di = a;
	regs.si = b;
	regs.dx = c;
	return pb_call_enter(&call) && !pb_record_early(&call);
}

static void leave_at(__u64 cookie, __u64 sp, __u64 site, __u64 result)
{
	struct pb_call call = hit(cookie, site, sp + 8);

	regs.ax = result;
	pb_call_return(&call);
}

static void call_of(__u64 cookie, __u64 site, __u64 a, __u64 b, __u64 c, __u64 result)
{
	if (enter_at(cookie, SP, site, a, b, c))
		leave_at(cookie, SP, site, result);
}

static void do_malloc(__u64 site, __u64 size, __u64 result)
{
	call_of(PB_CALL_SIZE_0, site, size, 0, 0, result);
}

static void do_free(__u64 addr)
{
	call_of(PB_CALL_FREE, SITE(99), addr, 0, 0, 0);
}

static void do_realloc(__u64 site, __u64 addr, __u64 size, __u64 result)
{
	call_of(PB_CALL_REALLOC | NESTS, site, addr, size, 0, result);
}

static const struct pb_block *block_at(__u64 addr)
{
	struct pb_block_key key = {.addr = addr,
				   .tgid = SCENE_TGID,
				   .exec_id = (__u16)host.current_task->self_exec_id};

	return host_map_value(&blocks, &key, 0);
}

static void each_kind_of_call_has_its_size(void **state)
{
	static const struct {
		__u64 cookie, a, b, c, size;
	} calls[] = {
		{PB_CALL_SIZE_0, 5, 0, 0, 5},
		{PB_CALL_SIZE_1, 64, 6, 0, 6},
		{PB_CALL_PRODUCT, 7, 8, 0, 56},
		{PB_CALL_OUT | NESTS, 0x5000, 64, 9, 9},
		{PB_CALL_REALLOC | NESTS, 0, 10, 0, 10},
		{PB_CALL_REALLOCARRAY | NESTS, 0, 3, 4, 12},
	};
	__u64 addr, bytes = 0;
	__u32 i;

	(void)state;
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		addr = BLOCK + 64 * i;
		assert_true(
			enter_at(calls[i].cookie, SP, SITE(i), calls[i].a, calls[i].b, calls[i].c));
		return_addr = addr; /* where posix_memalign() has put it */
		leave_at(calls[i].cookie, SP, SITE(i),
			 PB_COOKIE_CALL(calls[i].cookie) == PB_CALL_OUT ? 0 : addr);
		assert_non_null(block_at(addr));
		assert_int_equal(block_at(addr)->size, calls[i].size);
		bytes += calls[i].size;
		assert_int_equal(heap_site(SITE(i))->count.weight, calls[i].size);
	}
	assert_int_equal(heap_tally()->calls, i);
	assert_int_equal(heap_tally()->bytes, bytes);
	assert_int_equal(pb_heap()->live_bytes, bytes);
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		do_free(BLOCK + 64 * i);
	assert_int_equal(heap_tally()->frees_known, i);
	assert_int_equal(pb_heap()->live_bytes, 0);
	assert_true(heap_traces_agree());
}

static void moved_registers_are_those_of_the_cookie(void **state)
{
	__u64 cookie = PB_CALL_PRODUCT | PB_COOKIE_MOVED | 12ull << PB_COOKIE_REG_SHIFT(0) |
		       13ull << PB_COOKIE_REG_SHIFT(1);
	struct pb_call call = hit(cookie, SCENE_IP, SP);

	(void)state;
	regs.r12 = 6;
	regs.r13 = 7;
	assert_true(pb_call_enter(&call));
	assert_int_equal(heap_tally()->bytes, 42);
	call.cookie |= 31ull << PB_COOKIE_REG_SHIFT(0);
	assert_int_equal(pb_call_arg(&call, 0), 0);
}

static void inner_calls_count_once(void **state)
{
	(void)state;
	/* operator new calls malloc; the next one jumps to it. */
	assert_true(enter_at(PB_CALL_SIZE_0 | NESTS, SP, SITE(0), 10, 0, 0));
	assert_false(enter_at(PB_CALL_SIZE_0, SP - 32, SITE(1), 10, 0, 0));
	leave_at(PB_CALL_SIZE_0, SP - 32, SITE(1), BLOCK); /* where both ends are always hit */
	leave_at(PB_CALL_SIZE_0 | NESTS, SP, SITE(0), BLOCK);
	assert_true(enter_at(PB_CALL_SIZE_0 | NESTS, SP, SITE(0), 20, 0, 0));
	assert_false(enter_at(PB_CALL_SIZE_0, SP, SITE(0), 20, 0, 0));
	leave_at(PB_CALL_SIZE_0, SP, SITE(0), BLOCK + 64);
	leave_at(PB_CALL_SIZE_0 | NESTS, SP, SITE(0), BLOCK + 64);
	assert_int_equal(heap_tally()->calls, 2);
	assert_int_equal(heap_tally()->bytes, 30);
	assert_int_equal(heap_tally()->others, 2);
	assert_int_equal(heap_site(SITE(0))->objects, 2);
	assert_null(heap_site(SITE(1)));
}

static void failed_realloc_restores_its_block(void **state)
{
	struct pb_block before;

	(void)state;
	do_malloc(SITE(0), 10, BLOCK);
	before = *block_at(BLOCK);
	host.now_ns++;
	do_realloc(SITE(1), BLOCK, 1000, 0);
	assert_memory_equal(block_at(BLOCK), &before, sizeof(before));
	assert_int_equal(heap_tally()->failed, 1);
	assert_null(heap_site(SITE(1)));
	assert_true(heap_traces_agree());
}

static void realloc_moves_from_site_to_site(void **state)
{
	(void)state;
	do_malloc(SITE(0), 10, BLOCK);
	do_realloc(SITE(1), BLOCK, 20, BLOCK + 64);
	do_realloc(SITE(1), BLOCK + 64, 30, BLOCK + 64);
	assert_int_equal(heap_site(SITE(0))->freed_bytes, 10);
	assert_int_equal(heap_site(SITE(1))->moved_objects, 2);
	assert_int_equal(heap_site(SITE(1))->moved_bytes, 30);
	assert_int_equal(heap_site(SITE(1))->regrown_objects, 1);
	assert_int_equal(heap_site(SITE(0))->temporary_objects, 0);
	assert_int_equal(pb_heap()->live_bytes, 30);
	assert_null(block_at(BLOCK));
}

static void realloc_to_nothing_frees(void **state)
{
	(void)state;
	do_malloc(SITE(0), 10, BLOCK);
	assert_true(enter_at(PB_CALL_REALLOC | NESTS, SP, SITE(1), BLOCK, 0, 0));
	assert_false(enter_at(PB_CALL_FREE, SP - 32, SITE(2), BLOCK, 0, 0)); /* inside */
	leave_at(PB_CALL_REALLOC | NESTS, SP, SITE(1), 0);
	assert_int_equal(heap_tally()->frees, 1);
	assert_int_equal(heap_tally()->frees_known, 1);
	assert_int_equal(heap_tally()->calls, 1);
	assert_int_equal(heap_tally()->failed, 0);
	assert_int_equal(heap_site(SITE(0))->free_ip, SITE(1));
}

/* jemalloc by its options, mimalloc. */
static void realloc_to_nothing_may_give_a_block(void **state)
{
	(void)state;
	do_malloc(SITE(0), 10, BLOCK);
	do_realloc(SITE(1), BLOCK, 0, BLOCK + 64);
	assert_int_equal(heap_tally()->frees_known, 1);
	assert_int_equal(heap_tally()->calls, 2);
	assert_int_equal(heap_site(SITE(1))->objects, 1);
	assert_int_equal(heap_site(SITE(1))->moved_objects, 0);
	assert_non_null(block_at(BLOCK + 64));
}

static void failures_are_counted(void **state)
{
	(void)state;
	call_of(PB_CALL_OUT | NESTS, SITE(0), 0x5000, 64, 10, 12 /* ENOMEM */);
	do_malloc(SITE(0), 10, 0);
	do_malloc(SITE(0), UINT64_MAX, 0);
	call_of(PB_CALL_PRODUCT, SITE(0), 1ull << 32, 1ull << 32, 0, 0);
	call_of(PB_CALL_PRODUCT, SITE(0), 1ull << 24, 1ull << 24, 0, 0);
	assert_int_equal(heap_tally()->calls, 5);
	assert_int_equal(heap_tally()->failed, 5);
	assert_int_equal(heap_tally()->bytes, 20);
	assert_int_equal(host_map_count(&counts), 0);
}

static void call_that_never_returned_is_forgotten(void **state)
{
	(void)state;
	assert_true(enter_at(PB_CALL_SIZE_0 | NESTS, SP, SITE(0), 10, 0, 0));
	assert_true(enter_at(PB_CALL_SIZE_0, SP + 16, SITE(1), 20, 0, 0));
	leave_at(PB_CALL_SIZE_0, SP + 16, SITE(1), BLOCK);
	assert_int_equal(block_at(BLOCK)->size, 20);
	assert_true(enter_at(PB_CALL_SIZE_0 | NESTS, SP, SITE(0), 10, 0, 0));
	assert_true(enter_at(PB_CALL_SIZE_0, SP - PB_ALLOC_FRAMES_MAX, SITE(1), 30, 0, 0));
}

static void sizes_out_of_range_are_left_out(void **state)
{
	(void)state;
	cfg.min_bytes = 10;
	cfg.max_bytes = 20;
	do_malloc(SITE(0), 9, BLOCK);
	do_malloc(SITE(0), 10, BLOCK + 64);
	do_malloc(SITE(0), 20, BLOCK + 128);
	do_malloc(SITE(0), 21, BLOCK + 192);
	assert_int_equal(heap_tally()->left_out, 2);
	assert_int_equal(heap_site(SITE(0))->count.weight, 30);
	/* Out of the range by realloc: gone for us. */
	do_realloc(SITE(1), BLOCK + 64, 100, BLOCK + 256);
	assert_int_equal(pb_heap()->live_bytes, 20);
	assert_null(block_at(BLOCK + 256));
}

static void frees_of_unknown_blocks_and_of_null_change_nothing(void **state)
{
	(void)state;
	do_free(0);
	do_free(BLOCK);
	do_malloc(SITE(0), 1, BLOCK + 64);
	do_free(BLOCK + 64);
	do_free(BLOCK + 64);
	assert_int_equal(heap_tally()->frees_known, 1);
	assert_int_equal(heap_site(SITE(0))->freed_objects, 1);
	assert_true(heap_traces_agree());
}

static void frees_tell_temporary_from_foreign(void **state)
{
	(void)state;
	do_malloc(SITE(0), 1, BLOCK);
	do_free(BLOCK);
	do_malloc(SITE(1), 1, BLOCK);
	do_malloc(SITE(2), 1, BLOCK + 64);
	do_free(BLOCK);
	host.current_task = &tasks[1];
	do_free(BLOCK + 64);
	assert_int_equal(heap_site(SITE(0))->temporary_objects, 1);
	assert_int_equal(heap_site(SITE(1))->temporary_objects, 0);
	assert_int_equal(heap_site(SITE(2))->foreign_objects, 1);
	assert_int_equal(heap_site(SITE(2))->temporary_objects, 0);
}

static void block_where_one_was_live_ends_that_one(void **state)
{
	(void)state;
	do_malloc(SITE(0), 10, BLOCK);
	do_malloc(SITE(1), 20, BLOCK);
	assert_int_equal(heap_tally()->overwritten, 1);
	assert_int_equal(heap_site(SITE(0))->freed_bytes, 10);
	assert_int_equal(pb_heap()->live_bytes, 20);
	assert_true(heap_traces_agree());
}

static void another_program_has_blocks_of_its_own(void **state)
{
	(void)state;
	do_malloc(SITE(0), 10, BLOCK);
	tasks[0].self_exec_id++;
	do_free(BLOCK);
	assert_int_equal(heap_tally()->frees_known, 0);
	do_malloc(SITE(0), 10, BLOCK);
	assert_int_equal(heap_tally()->overwritten, 0);
	assert_int_equal(host_map_count(&blocks), 2);
}

static void expired_lease_is_noticed_within_its_hits(void **state)
{
	__u64 calls;
	int i;

	(void)state;
	do_malloc(SITE(0), 10, BLOCK);
	((struct pb_control *)host_map_value(&control, &(__u32){0}, 0))->lease_until_ns = 0;
	for (i = 0; i < PB_ALLOC_LEASE_HITS; i++)
		do_malloc(SITE(0), 10, BLOCK + 64);
	calls = heap_tally()->calls;
	do_malloc(SITE(0), 10, BLOCK + 64);
	do_free(BLOCK);
	assert_int_equal(heap_tally()->calls, calls);
	assert_int_equal(heap_tally()->frees, 0);
	assert_non_null(block_at(BLOCK));
}

static void nothing_counts_behind_the_end(void **state)
{
	struct pb_control *c = host_map_value(&control, &(__u32){0}, 0);
	struct pb_alloc_tally before;

	(void)state;
	do_malloc(SITE(0), 10, BLOCK);
	before = *heap_tally();
	c->has_ended = 1;
	do_malloc(SITE(0), 10, BLOCK + 64);
	do_free(BLOCK);
	assert_memory_equal(heap_tally(), &before, sizeof(before));
	assert_non_null(block_at(BLOCK));
	assert_null(block_at(BLOCK + 64));
	c->has_ended = 0;
}

static void thread_without_a_state_is_counted(void **state)
{
	struct task_struct more = tasks[0], stranger = tasks[0];
	int i;

	(void)state;
	for (i = 0; i < THREADS; i++) {
		host.current_task = &tasks[i];
		do_malloc(SITE(0), 1, BLOCK + 64 * (__u64)i);
	}
	host.current_task = &more;
	do_malloc(SITE(0), 1, BLOCK + 1024);
	assert_int_equal(heap_tally()->stateless, 1);
	stranger.tgid++;
	host.current_task = &stranger;
	do_malloc(SITE(0), 1, BLOCK + 1024);
	assert_int_equal(heap_tally()->stateless, 1);
	assert_int_equal(heap_tally()->calls, THREADS);
}

static void without_frees_the_caller_is_taken_at_the_beginning(void **state)
{
	(void)state;
	cfg.track_frees = 0;
	assert_false(enter_at(PB_CALL_SIZE_0, SP, SITE(3), 10, 0, 0));
	assert_int_equal(heap_site(SITE(3))->count.weight, 10);
	assert_int_equal(host_map_count(&blocks), 0);
	/* What nests is awaited. */
	assert_true(enter_at(PB_CALL_REALLOC | NESTS, SP, SITE(4), 0, 10, 0));
}

static void full_table_is_counted_and_no_part_of_the_heap(void **state)
{
	const struct pb_site *site;
	__u64 i;

	(void)state;
	open_with(2);
	for (i = 0; i < 5; i++)
		do_malloc(SITE(0), 10, BLOCK + 64 * i);
	site = heap_site(SITE(0));
	assert_int_equal(heap_tally()->untracked, 3);
	assert_int_equal(site->objects, 5);
	assert_int_equal(site->untracked_objects, 3);
	assert_int_equal(site->most_bytes, 20);
	assert_int_equal(site->most_objects, 2);
	assert_int_equal(pb_heap()->live_bytes, 20);
	assert_int_equal(pb_heap()->live_objects, 2);
	assert_int_equal(pb_heap()->peak_bytes, 20);
	for (i = 0; i < 5; i++)
		do_free(BLOCK + 64 * i);
	assert_int_equal(pb_heap()->live_bytes, 0);
	assert_true(heap_traces_agree());
}

static void block_that_comes_back_by_another_thread_is_freed_again(void **state)
{
	(void)state;
	do_malloc(SITE(0), 10, BLOCK);
	do_free(BLOCK);
	host.current_task = &tasks[1];
	do_malloc(SITE(1), 20, BLOCK);
	host.current_task = &tasks[0];
	do_free(BLOCK);
	assert_int_equal(heap_tally()->frees_known, 2);
	assert_int_equal(heap_site(SITE(1))->foreign_objects, 1);
	assert_int_equal(pb_heap()->live_bytes, 0);
}

/* The allocator and the books of a model, in exact mode: every thread has at most one call under way. */
#define PLACES 24
static struct {
	__u64 size[PLACES], site[PLACES], taken[PLACES]; /* 1: live; 2: a realloc has it */
	__u64 calls, bytes, frees, failed, objects[6], weight[6], live[6];
	struct {
		__u64 cookie, site, size, old;
		bool pending;
	} call[THREADS];
} m;

static __u64 place(__u32 i)
{
	return BLOCK + 64 * (__u64)i;
}

static __u32 draw_place(__u64 taken)
{
	__u32 i = draw(PLACES), k;

	for (k = 0; k < PLACES; k++, i = (i + 1) % PLACES) {
		if (m.taken[i] == taken)
			return i;
	}
	return PLACES;
}

static void begin_call(__u32 t)
{
	__u64 site = draw(6), size = draw(500) + 1;
	__u32 old = draw(2) ? draw_place(1) : PLACES;

	m.call[t].cookie = PB_CALL_REALLOC | NESTS;
	m.call[t].site = site;
	m.call[t].size = size;
	m.call[t].old = old;
	m.call[t].pending = true;
	if (old < PLACES)
		m.taken[old] = 2;
	m.calls++;
	m.bytes += size;
	assert_true(
		enter_at(m.call[t].cookie, SP, SITE(site), old < PLACES ? place(old) : 0, size, 0));
}

static void end_call(__u32 t)
{
	__u64 site = m.call[t].site, old = m.call[t].old, size = m.call[t].size;
	__u32 at = draw(8) ? draw_place(0) : PLACES;

	m.call[t].pending = false;
	if (at < PLACES && old < PLACES && draw(2))
		at = (__u32)old; /* in its place */
	leave_at(m.call[t].cookie, SP, SITE(site), at < PLACES ? place(at) : 0);
	if (at == PLACES) {
		m.failed++;
		if (old < PLACES)
			m.taken[old] = 1;
		return;
	}
	if (old < PLACES) {
		m.live[m.site[old]] -= m.size[old];
		m.taken[old] = 0;
	}
	m.taken[at] = 1;
	m.site[at] = site;
	m.size[at] = size;
	m.objects[site]++;
	m.weight[site] += size;
	m.live[site] += size;
}

static void random_step(void)
{
	__u32 t = draw(THREADS), at;

	host.current_task = &tasks[t];
	host.now_ns++;
	if (m.call[t].pending && draw(2)) { /* something inside of it */
		assert_false(enter_at(draw(2) ? PB_CALL_SIZE_0 : PB_CALL_FREE, SP - 8 * draw(100),
				      SITE(7), place(draw(PLACES)), 0, 0));
		leave_at(PB_CALL_SIZE_0, SP - 8 - 8 * draw(100), SITE(7), place(draw(PLACES)));
	} else if (m.call[t].pending) {
		end_call(t);
	} else if (draw(3)) {
		begin_call(t);
	} else {
		at = draw_place(1);
		if (at == PLACES)
			return;
		m.taken[at] = 0;
		m.live[m.site[at]] -= m.size[at];
		m.frees++;
		do_free(place(at));
	}
}

static void books_agree_with_a_model_at_the_end_of_any_run(void **state)
{
	__u64 live = 0;
	__u32 run, i, t;

	draw_from(1);
	for (run = 0; run < 50; run++) {
		teardown(state);
		open_with(64);
		memset(&m, 0, sizeof(m));
		for (i = 0; i < 500; i++)
			random_step();
		for (t = 0; t < THREADS; t++) {
			host.current_task = &tasks[t];
			if (m.call[t].pending)
				end_call(t);
		}
		assert_int_equal(heap_tally()->calls, m.calls);
		assert_int_equal(heap_tally()->bytes, m.bytes);
		assert_int_equal(heap_tally()->failed, m.failed);
		assert_int_equal(heap_tally()->frees_known, m.frees);
		assert_int_equal(heap_tally()->overwritten, 0);
		for (i = 0, live = 0; i < 6; i++) {
			const struct pb_site *site = heap_site(SITE(i));

			live += m.live[i];
			assert_non_null(site);
			assert_int_equal(site->objects, m.objects[i]);
			assert_int_equal(site->count.weight, m.weight[i]);
			assert_int_equal(heap_live_bytes(site), m.live[i]);
		}
		assert_int_equal(pb_heap()->live_bytes, live);
		assert_true(heap_traces_agree());
	}
}

/* operator new that throws leaves its function without a return. */
static void a_call_that_throws_hides_no_more_than_a_few(void **state)
{
	int i;

	(void)state;
	assert_true(enter_at(PB_CALL_SIZE_0 | NESTS, SP, SITE(0), 8, 0, 0));
	for (i = 0; i < PB_ALLOC_INNER_MAX; i++)
		assert_false(enter_at(PB_CALL_SIZE_0, SP - 256, SITE(1), 8, 0, 0));
	assert_true(enter_at(PB_CALL_SIZE_0, SP - 256, SITE(1), 8, 0, 0));
	leave_at(PB_CALL_SIZE_0, SP - 256, SITE(1), BLOCK);
	assert_int_equal(heap_site(SITE(1))->objects, 1);
}

static void a_realloc_that_never_returns_leaves_nothing_live(void **state)
{
	(void)state;
	do_malloc(SITE(0), 100, BLOCK);
	assert_true(enter_at(PB_CALL_REALLOC | NESTS, SP, SITE(1), BLOCK, 200, 0));
	/* From above: the realloc is over. */
	assert_true(enter_at(PB_CALL_SIZE_0, SP + 64, SITE(2), 8, 0, 0));
	leave_at(PB_CALL_SIZE_0, SP + 64, SITE(2), BLOCK + 512);
	assert_int_equal(heap_live_bytes(heap_site(SITE(0))), 0);
	assert_int_equal(pb_heap()->live_bytes, 8);
}

static void a_call_without_a_lease_is_a_loss_and_missed(void **state)
{
	(void)state;
	((struct pb_control *)host_map_value(&control, &(__u32){0}, 0))->lease_until_ns = 0;
	do_malloc(SITE(0), 100, BLOCK);
	do_free(BLOCK);
	assert_int_equal(heap_tally()->calls, 0);
	assert_int_equal(heap_tally()->missed, 2);
	assert_int_equal(scene_tally()->produced, 1);
	assert_int_equal(scene_tally()->lost[PB_LOSS_LEASE_EXPIRED], 1);
}

/* An exception would meet the kernel's return address. Of the block only its beginning is known. */
static void a_call_that_might_throw_is_not_awaited(void **state)
{
	const __u64 cookie = PB_CALL_SIZE_0 | NESTS | PB_COOKIE_THROWS;

	(void)state;
	assert_true(enter_at(cookie, SP, SITE(0), 64, 0, 0));
	leave_at(cookie, SP, SITE(0), BLOCK);
	assert_int_equal(heap_live_bytes(heap_site(SITE(0))), 64);

	assert_false(enter_at(cookie, SP, SITE(1), PB_ALLOC_SURE_BYTES, 0, 0));
	limits.rlim[PB_RLIMIT_AS].rlim_cur = 1 << 30;
	assert_false(enter_at(cookie, SP, SITE(2), 64, 0, 0));
	limits.rlim[PB_RLIMIT_AS].rlim_cur = ~0ul;
	cfg.await_throwing = 0;
	assert_false(enter_at(cookie, SP, SITE(3), 64, 0, 0));
	assert_int_equal(heap_site(SITE(1))->count.weight, PB_ALLOC_SURE_BYTES);
	assert_int_equal(heap_site(SITE(2))->untracked_bytes, 64);
	assert_int_equal(heap_site(SITE(3))->untracked_objects, 1);
	assert_int_equal(pb_heap()->live_bytes, 64);
	assert_int_equal(heap_tally()->untracked, 3);
	/* The next call is not taken for one within it. */
	do_malloc(SITE(4), 8, BLOCK + 64);
	assert_int_equal(heap_site(SITE(4))->objects, 1);
}

static void without_frees_realloc_to_nothing_is_no_allocation(void **state)
{
	(void)state;
	cfg.track_frees = 0;
	assert_false(enter_at(PB_CALL_REALLOC, SP, SITE(0), BLOCK, 0, 0));
	assert_int_equal(scene_tally()->produced, 0);
	/* And it hides nothing behind it. */
	do_malloc(SITE(1), 8, BLOCK);
	assert_int_equal(heap_site(SITE(1))->objects, 1);
}

static void a_stack_that_cannot_be_read_is_no_lost_allocation(void **state)
{
	(void)state;
	cfg.track_frees = 0;
	do_malloc(0, 8, BLOCK); /* no return address is found */
	assert_int_equal(scene_tally()->produced, 1);
	assert_int_equal(scene_lost(), 0);
	assert_int_equal(heap_site(SCENE_IP)->objects, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(a_call_without_a_lease_is_a_loss_and_missed),
		cmocka_unit_test_setup_teardown(a_realloc_that_never_returns_leaves_nothing_live,
						setup, teardown),
		TEST(a_call_that_throws_hides_no_more_than_a_few),
		TEST(a_call_that_might_throw_is_not_awaited),
		TEST(without_frees_realloc_to_nothing_is_no_allocation),
		TEST(a_stack_that_cannot_be_read_is_no_lost_allocation),
		TEST(each_kind_of_call_has_its_size),
		TEST(moved_registers_are_those_of_the_cookie),
		TEST(inner_calls_count_once),
		TEST(failed_realloc_restores_its_block),
		TEST(realloc_moves_from_site_to_site),
		TEST(realloc_to_nothing_frees),
		TEST(realloc_to_nothing_may_give_a_block),
		TEST(failures_are_counted),
		TEST(call_that_never_returned_is_forgotten),
		TEST(sizes_out_of_range_are_left_out),
		TEST(frees_of_unknown_blocks_and_of_null_change_nothing),
		TEST(frees_tell_temporary_from_foreign),
		TEST(block_where_one_was_live_ends_that_one),
		TEST(another_program_has_blocks_of_its_own),
		TEST(expired_lease_is_noticed_within_its_hits),
		TEST(nothing_counts_behind_the_end),
		TEST(thread_without_a_state_is_counted),
		TEST(without_frees_the_caller_is_taken_at_the_beginning),
		TEST(full_table_is_counted_and_no_part_of_the_heap),
		TEST(block_that_comes_back_by_another_thread_is_freed_again),
		TEST(books_agree_with_a_model_at_the_end_of_any_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
