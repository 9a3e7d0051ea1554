/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/drain.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "user/core/log.h"
#include "user/core/mapread.h"
#include "user/core/report.h"
#include "user/core/stacks.h"
#include "user/core/track.h"

struct pb_drain {
	struct ring_buffer *ring;
	int counts_fd, tallies_fd;
	size_t value_size; /* of the counts map */
	struct pb_stacks *stacks;
	struct pb_track *track;
	struct pb_tally *per_cpu;
	int n_cpus;
};

static const struct {
	const char *id;
	const char *sentence;
} losses[PB_LOSS_COUNT] = {
#define PB_LOSS_ROW(id, name, sentence) [PB_LOSS_##id] = {name, sentence},
	PB_LOSS_CAUSES(PB_LOSS_ROW)
#undef PB_LOSS_ROW
};

/* libbpf stops at an error; a record that cannot be kept is found missing by the ledger. */
static int on_record(void *ctx, void *data, size_t size)
{
	struct pb_drain *d = ctx;

	if (pb_stacks_keep(d->stacks, data, size))
		pb_log(PB_LOG_DEBUG, "a stack of %zu bytes could not be kept", size);
	return 0;
}

int pb_drain_new(struct pb_drain **out, struct bpf_object *object, struct pb_stacks *stacks,
		 struct pb_track *track)
{
	pb_auto(pb_drain) struct pb_drain *d = calloc(1, sizeof(*d));
	int ring_fd = bpf_object__find_map_fd_by_name(object, "stacks");

	if (!d)
		return -ENOMEM;
	d->counts_fd = bpf_object__find_map_fd_by_name(object, "counts");
	d->tallies_fd = bpf_object__find_map_fd_by_name(object, "tallies");
	d->n_cpus = libbpf_num_possible_cpus();
	if (ring_fd < 0 || d->counts_fd < 0 || d->tallies_fd < 0 || d->n_cpus < 1)
		return pb_fail(EINVAL, "the BPF object lacks the maps of the shared capture");
	d->value_size = bpf_map__value_size(bpf_object__find_map_by_name(object, "counts"));
	d->stacks = stacks;
	d->track = track;
	d->per_cpu = calloc((size_t)d->n_cpus, sizeof(*d->per_cpu));
	d->ring = ring_buffer__new(ring_fd, on_record, d, NULL);
	if (!d->per_cpu)
		return -ENOMEM;
	if (!d->ring)
		return pb_err(errno, "map the ring buffer");
	*out = pb_take(d);
	return 0;
}

void pb_drain_free(struct pb_drain *d)
{
	if (!d)
		return;
	ring_buffer__free(d->ring);
	free(d->per_cpu);
	free(d);
}

int pb_drain_fd(const struct pb_drain *d)
{
	return ring_buffer__epoll_fd(d->ring);
}

void pb_drain_stacks(struct pb_drain *d)
{
	int n = ring_buffer__consume(d->ring);

	if (n < 0)
		pb_log(PB_LOG_WARN, "reading the ring buffer: %s", strerror(-n));
	/* In this order: every mapping older than a stack is known before the stack is resolved. */
	n = pb_track_update(d->track);
	if (pb_stacks_resolve(d->stacks) || n)
		pb_log(PB_LOG_WARN, "out of memory: some stacks are lost");
}

int pb_drain_tally(const struct pb_drain *d, struct pb_tally *sum)
{
	__u32 zero = 0;
	int i, k;

	if (bpf_map_lookup_elem(d->tallies_fd, &zero, d->per_cpu))
		return -errno;
	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < d->n_cpus; i++) {
		if (sum->ticks < d->per_cpu[i].ticks)
			sum->ticks = d->per_cpu[i].ticks;
		sum->produced += d->per_cpu[i].produced;
		sum->children_missed += d->per_cpu[i].children_missed;
		for (k = 0; k < PB_LOSS_COUNT; k++)
			sum->lost[k] += d->per_cpu[i].lost[k];
	}
	return 0;
}

/* Where counters go. */
struct join {
	struct pb_drain *drain;
	struct pb_report *report;
	__u64 *lost;
};

/* Events of stacks whose frames never came, or could not be kept, are lost. */
static int join(void *ctx, const void *key, const void *value)
{
	const struct pb_stack_count *count = value;
	struct join *j = ctx;

	if (!pb_stacks_count(j->drain->stacks, key, count))
		j->report->kept += count->events;
	else
		j->lost[count->sent ? PB_LOSS_NO_MEMORY : PB_LOSS_RINGBUF_FULL] += count->events;
	return 0;
}

int pb_drain_ledger(struct pb_drain *d, struct pb_report *report)
{
	struct pb_tally sum = {0};
	int err, i;

	err = pb_drain_tally(d, &sum);
	if (err)
		return pb_err(-err, "read the tallies");
	err = pb_map_each(d->counts_fd, sizeof(struct pb_stack_key), d->value_size, join,
			  &(struct join){d, report, sum.lost});
	if (err)
		return pb_err(-err, "read the counters of stacks");
	report->produced = sum.produced;
	for (i = 0; i < PB_LOSS_COUNT; i++) {
		if (sum.lost[i])
			report->lost[report->n_lost++] = (struct pb_report_loss){
				losses[i].id, losses[i].sentence, sum.lost[i]};
	}
	if (sum.children_missed)
		pb_log(PB_LOG_WARN, "%llu child processes were not followed: too many at once",
		       (unsigned long long)sum.children_missed);
	return 0;
}
