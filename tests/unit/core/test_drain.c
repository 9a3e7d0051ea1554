/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The maps are arrays of this test, which answers for libbpf; stacks and tracker are counted only. */
#include "user/core/drain.c"
#include "user/core/mapread.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define CPUS       4
#define STACKS_MAX 40000
#define COUNTS_FD  11
#define TALLIES_FD 12
#define RING_FD    13

static struct pb_tally per_cpu[CPUS];
static struct pb_stack_count all_counts[STACKS_MAX];
static uint32_t n_counts;
static uint32_t bucket; /* how many elements come together or not at all */
static int batch_error; /* what reading counters returns, if not 0 */
static int n_batches;
static bool known[STACKS_MAX]; /* stacks whose frames have come */
static int keep_result;
static char order[16]; /* what was called: c(onsume) u(pdate) r(esolve) */

static ring_buffer_sample_fn ring_fn;
static void *ring_ctx;

/* libbpf */

int bpf_object__find_map_fd_by_name(const struct bpf_object *obj, const char *name)
{
	assert_ptr_equal(obj, order);
	return !strcmp(name, "counts")    ? COUNTS_FD
	       : !strcmp(name, "tallies") ? TALLIES_FD
	       : !strcmp(name, "stacks")  ? RING_FD
					  : -ENOENT;
}

struct bpf_map *bpf_object__find_map_by_name(const struct bpf_object *obj, const char *name)
{
	assert_ptr_equal(obj, order);
	assert_string_equal(name, "counts");
	return (struct bpf_map *)order;
}

__u32 bpf_map__value_size(const struct bpf_map *map)
{
	assert_ptr_equal(map, order);
	return sizeof(struct pb_stack_count);
}

int libbpf_num_possible_cpus(void)
{
	return CPUS;
}

struct ring_buffer *ring_buffer__new(int map_fd, ring_buffer_sample_fn sample_cb, void *ctx,
				     const struct ring_buffer_opts *opts)
{
	assert_int_equal(map_fd, RING_FD);
	assert_null(opts);
	ring_fn = sample_cb;
	ring_ctx = ctx;
	return (struct ring_buffer *)order;
}

void ring_buffer__free(struct ring_buffer *rb)
{
	(void)rb;
}

int ring_buffer__epoll_fd(const struct ring_buffer *rb)
{
	assert_ptr_equal(rb, order);
	return 99;
}

int ring_buffer__consume(struct ring_buffer *rb)
{
	assert_ptr_equal(rb, order);
	strcat(order, "c");
	return 0;
}

int bpf_map_lookup_elem(int fd, const void *key, void *value)
{
	assert_int_equal(fd, TALLIES_FD);
	assert_int_equal(*(const __u32 *)key, 0);
	memcpy(value, per_cpu, sizeof(per_cpu));
	return 0;
}

/* As the kernel does it: whole buckets only, -ENOSPC if not even one fits, -ENOENT with the last. */
int bpf_map_lookup_batch(int fd, void *in_batch, void *out_batch, void *keys, void *values,
			 __u32 *count, const struct bpf_map_batch_opts *opts)
{
	__u32 at = in_batch ? *(__u32 *)in_batch : 0, room = *count;
	struct pb_stack_key *key = keys;
	struct pb_stack_count *value = values;

	assert_int_equal(fd, COUNTS_FD);
	assert_null(opts);
	assert_true(n_batches++ < 1000);
	*count = 0;
	if (batch_error)
		return batch_error;
	while (at < n_counts) {
		__u32 n = n_counts - at < bucket ? n_counts - at : bucket, i;

		if (*count + n > room)
			break;
		for (i = 0; i < n; i++, at++) {
			key[*count] = (struct pb_stack_key){.stack_hash = at};
			value[(*count)++] = all_counts[at];
		}
	}
	*(__u32 *)out_batch = at;
	return at == n_counts ? -ENOENT : *count ? 0 : -ENOSPC;
}

/* The parts next door. */

int pb_stacks_keep(struct pb_stacks *s, const void *record, size_t size)
{
	assert_ptr_equal(s, known);
	assert_ptr_equal(record, per_cpu);
	assert_int_equal(size, 123);
	return keep_result;
}

int pb_stacks_resolve(struct pb_stacks *s)
{
	assert_ptr_equal(s, known);
	strcat(order, "r");
	return 0;
}

int pb_stacks_count(struct pb_stacks *s, const struct pb_stack_key *key,
		    const struct pb_stack_count *count)
{
	assert_ptr_equal(s, known);
	assert_int_equal(count->events, all_counts[key->stack_hash].events);
	return known[key->stack_hash] ? 0 : -ENOENT;
}

int pb_track_update(struct pb_track *t)
{
	assert_ptr_equal(t, per_cpu);
	strcat(order, "u");
	return 0;
}

static struct pb_drain *drain;
static struct pb_report *report;

static int setup(void **state)
{
	(void)state;
	memset(per_cpu, 0, sizeof(per_cpu));
	memset(all_counts, 0, sizeof(all_counts));
	memset(known, 0, sizeof(known));
	memset(order, 0, sizeof(order));
	n_counts = 0;
	n_batches = batch_error = keep_result = 0;
	bucket = 1;
	pb_log_init("test", PB_LOG_ERROR);
	if (pb_drain_new(&drain, (struct bpf_object *)order, (struct pb_stacks *)known,
			 (struct pb_track *)per_cpu))
		return -1;
	return pb_report_new(&report);
}

static int teardown(void **state)
{
	(void)state;
	pb_drain_free(drain);
	pb_report_free(report);
	return 0;
}

/* Add a counter; the ledger of the kernel half goes with it. */
static void add(uint64_t events, bool frames_came, bool sent)
{
	assert_true(n_counts < STACKS_MAX);
	all_counts[n_counts] = (struct pb_stack_count){.events = events, .sent = sent};
	known[n_counts++] = frames_came;
	per_cpu[n_counts % CPUS].produced += events;
}

static void lose(int cpu, enum pb_loss cause, uint64_t events)
{
	per_cpu[cpu].lost[cause] += events;
	per_cpu[cpu].produced += events;
}

static void close_ledger(void)
{
	assert_int_equal(pb_drain_ledger(drain, report), 0);
	assert_int_equal(report->produced, report->kept + pb_report_lost(report));
}

static uint64_t lost_by(const char *id)
{
	uint32_t i;

	for (i = 0; i < report->n_lost; i++) {
		if (!strcmp(report->lost[i].id, id))
			return report->lost[i].events;
	}
	return 0;
}

static void run_without_events_has_an_empty_ledger(void **state)
{
	(void)state;
	close_ledger();
	assert_int_equal(report->produced, 0);
	assert_int_equal(report->n_lost, 0);
}

static void counters_of_many_batches_are_all_joined(void **state)
{
	uint64_t sum = 0;
	int i;

	(void)state;
	bucket = 3;
	for (i = 1; i <= 5 * BATCH; i++) {
		add((uint64_t)i, true, true);
		sum += (uint64_t)i;
	}
	close_ledger();
	assert_int_equal(report->kept, sum);
	assert_int_equal(report->n_lost, 0);
	assert_true(n_batches > 4);
}

static void counters_that_fill_their_batches_exactly_are_joined_once(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 2 * BATCH; i++)
		add(1, true, true);
	close_ledger();
	assert_int_equal(report->kept, 2 * BATCH);
}

static void bucket_that_does_not_fit_gets_more_room(void **state)
{
	int i;

	(void)state;
	bucket = 3 * BATCH;
	for (i = 0; i < 8 * BATCH; i++)
		add(2, i % 2, true);
	close_ledger();
	assert_int_equal(report->kept, 8 * BATCH);
	assert_int_equal(lost_by("no_memory"), 8 * BATCH);
}

static void frames_that_never_came_are_a_full_ring(void **state)
{
	(void)state;
	add(5, true, true);
	add(7, false, false);
	add(11, false, false);
	close_ledger();
	assert_int_equal(report->kept, 5);
	assert_int_equal(lost_by("ringbuf_full"), 18);
	assert_int_equal(report->n_lost, 1);
}

static void frames_that_were_sent_and_not_kept_are_our_memory(void **state)
{
	(void)state;
	add(3, false, true);
	close_ledger();
	assert_int_equal(lost_by("no_memory"), 3);
	assert_int_equal(lost_by("ringbuf_full"), 0);
}

static void losses_of_all_cpus_add_up_by_cause(void **state)
{
	(void)state;
	add(1, true, true);
	add(4, false, false);
	lose(0, PB_LOSS_MAP_FULL, 10);
	lose(3, PB_LOSS_MAP_FULL, 20);
	lose(2, PB_LOSS_LEASE_EXPIRED, 7);
	close_ledger();
	assert_int_equal(report->n_lost, 3);
	assert_int_equal(lost_by("ringbuf_full"), 4);
	assert_int_equal(lost_by("map_full"), 30);
	assert_int_equal(lost_by("lease_expired"), 7);
	assert_string_equal(report->lost[1].sentence, pb_report_sentence("map_full"));
}

static void ledger_that_does_not_close_is_shown_as_it_is(void **state)
{
	(void)state;
	/* produced is counted by itself: nothing is made up to fit. */
	add(4, true, true);
	per_cpu[0].produced += 1;
	assert_int_equal(pb_drain_ledger(drain, report), 0);
	assert_int_equal(report->produced, 5);
	assert_int_equal(report->kept, 4);
}

static void counters_that_cannot_be_read_fail_the_ledger(void **state)
{
	(void)state;
	add(4, true, true);
	batch_error = -EFAULT;
	assert_int_equal(pb_drain_ledger(drain, report), -EFAULT);
}

static void ticks_are_those_of_the_busiest_cpu(void **state)
{
	struct pb_tally sum;

	(void)state;
	per_cpu[0].ticks = 10;
	per_cpu[1].ticks = 99;
	per_cpu[2].children_missed = 2;
	per_cpu[3].children_missed = 3;
	per_cpu[3].ticks = 50;
	assert_int_equal(pb_drain_tally(drain, &sum), 0);
	assert_int_equal(sum.ticks, 99);
	assert_int_equal(sum.children_missed, 5);
	assert_int_equal(sum.produced, 0);
}

static void mappings_are_taken_in_between_stacks_and_their_names(void **state)
{
	(void)state;
	pb_drain_stacks(drain);
	assert_string_equal(order, "cur");
	assert_int_equal(pb_drain_fd(drain), 99);
}

static void record_that_cannot_be_kept_does_not_stop_the_ring(void **state)
{
	(void)state;
	keep_result = -ENOMEM;
	assert_int_equal(ring_fn(ring_ctx, per_cpu, 123), 0);
	keep_result = 0;
	assert_int_equal(ring_fn(ring_ctx, per_cpu, 123), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(run_without_events_has_an_empty_ledger, setup,
						teardown),
		cmocka_unit_test_setup_teardown(counters_of_many_batches_are_all_joined, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			counters_that_fill_their_batches_exactly_are_joined_once, setup, teardown),
		cmocka_unit_test_setup_teardown(bucket_that_does_not_fit_gets_more_room, setup,
						teardown),
		cmocka_unit_test_setup_teardown(frames_that_never_came_are_a_full_ring, setup,
						teardown),
		cmocka_unit_test_setup_teardown(frames_that_were_sent_and_not_kept_are_our_memory,
						setup, teardown),
		cmocka_unit_test_setup_teardown(losses_of_all_cpus_add_up_by_cause, setup,
						teardown),
		cmocka_unit_test_setup_teardown(ledger_that_does_not_close_is_shown_as_it_is, setup,
						teardown),
		cmocka_unit_test_setup_teardown(counters_that_cannot_be_read_fail_the_ledger, setup,
						teardown),
		cmocka_unit_test_setup_teardown(ticks_are_those_of_the_busiest_cpu, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			mappings_are_taken_in_between_stacks_and_their_names, setup, teardown),
		cmocka_unit_test_setup_teardown(record_that_cannot_be_kept_does_not_stop_the_ring,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
