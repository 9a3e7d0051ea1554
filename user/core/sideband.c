/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A ring is one page of control data and a power of two of data pages. The kernel writes at
 * data_head, we read up to it and store data_tail; a record may wrap around the end, so it is
 * copied out first. The records of all CPUs are collected, sorted by time, and handed over.
 */
#include "user/core/sideband.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "user/core/clock.h"
#include "user/core/log.h"

#define RING_DATA_BYTES (128u << 10)
#define ROUNDS_MAX      4 /* of a drain: a storm of records must not keep us here */

struct ring {
	int fd;
	struct perf_event_mmap_page *page;
	uint8_t *data;
};

struct pb_sideband {
	struct ring *rings;
	int *fds;
	uint32_t n;
	size_t page_bytes;
	uint8_t *records; /* copies of records, one behind the other, 8-byte aligned */
	size_t records_used, records_size;
	uint64_t *order; /* offsets into records, to be sorted */
	size_t n_order, order_size;
};

/* Fixed parts of the records this event can produce; struct sample_id stands at their end. */
struct sample_id {
	uint32_t pid, tid;
	uint64_t time;
};

struct mmap2_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t addr, len, pgoff;
	union {
		struct { /* with PERF_RECORD_MISC_MMAP_BUILD_ID */
			uint8_t build_id_size;
			uint8_t reserved[3];
			uint8_t build_id[20];
		};
		struct {
			uint32_t major, minor;
			uint64_t ino, ino_generation;
		};
	};
	uint32_t prot, flags;
	char filename[];
};

struct task_record { /* fork and exit */
	struct perf_event_header header;
	uint32_t pid, ppid, tid, ptid;
	uint64_t time;
};

struct comm_record {
	struct perf_event_header header;
	uint32_t pid, tid;
	char comm[];
};

static void close_rings(struct pb_sideband *s)
{
	uint32_t i;

	for (i = 0; i < s->n; i++) {
		if (s->rings[i].page)
			munmap(s->rings[i].page, s->page_bytes + RING_DATA_BYTES);
		close(s->rings[i].fd);
	}
}

void pb_sideband_free(struct pb_sideband *s)
{
	if (!s)
		return;
	close_rings(s);
	free(s->rings);
	free(s->fds);
	free(s->records);
	free(s->order);
	free(s);
}

static int open_ring(struct pb_sideband *s, int cpu)
{
	struct ring *ring = &s->rings[s->n];
	void *memory;
	int fd = pb_perf_open_sideband(cpu);

	if (fd == -ENODEV)
		return 0; /* went offline meanwhile */
	if (fd < 0)
		return fd;
	ring->fd = fd;
	s->fds[s->n++] = fd;
	memory = mmap(NULL, s->page_bytes + RING_DATA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		      0);
	if (memory == MAP_FAILED)
		return pb_err(errno,
			      "map a perf ring of %u kB (kernel.perf_event_mlock_kb, ulimit -l)",
			      RING_DATA_BYTES >> 10);
	ring->page = memory;
	ring->data = (uint8_t *)memory + s->page_bytes;
	return 0;
}

int pb_sideband_open(struct pb_sideband **out, const struct pb_cpus *cpus)
{
	pb_auto(pb_sideband) struct pb_sideband *s = calloc(1, sizeof(*s));
	uint32_t i;
	int err;

	if (!s)
		return -ENOMEM;
	s->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	s->rings = calloc(cpus->n, sizeof(*s->rings));
	s->fds = calloc(cpus->n, sizeof(*s->fds));
	if (!s->rings || !s->fds)
		return -ENOMEM;
	for (i = 0; i < cpus->n; i++) {
		err = open_ring(s, cpus->ids[i]);
		if (err)
			return err;
	}
	*out = pb_take(s);
	return 0;
}

const int *pb_sideband_fds(const struct pb_sideband *s, uint32_t *n)
{
	*n = s->n;
	return s->fds;
}

uint64_t pb_sideband_bytes(const struct pb_sideband *s)
{
	return s->n * (s->page_bytes + RING_DATA_BYTES);
}

/* Room for @bytes more records and one more entry in the order. */
static int reserve(struct pb_sideband *s, size_t bytes)
{
	size_t size = s->records_size ? s->records_size : 4096;
	size_t count = s->order_size ? s->order_size : 64;
	void *p;

	while (size - s->records_used < bytes)
		size *= 2;
	if (size != s->records_size) {
		p = realloc(s->records, size);
		if (!p)
			return -ENOMEM;
		s->records = p;
		s->records_size = size;
	}
	if (s->n_order == count)
		count *= 2;
	if (count != s->order_size) {
		p = realloc(s->order, count * sizeof(*s->order));
		if (!p)
			return -ENOMEM;
		s->order = p;
		s->order_size = count;
	}
	return 0;
}

static void copy_wrapped(void *to, const struct ring *ring, uint64_t at, size_t bytes)
{
	size_t start = at & (RING_DATA_BYTES - 1);
	size_t first = RING_DATA_BYTES - start;

	if (first > bytes)
		first = bytes;
	memcpy(to, ring->data + start, first);
	memcpy((uint8_t *)to + first, ring->data, bytes - first);
}

static int collect(struct pb_sideband *s, struct ring *ring)
{
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->page->data_tail;
	struct perf_event_header header;
	int err = 0;

	while (tail < head) {
		copy_wrapped(&header, ring, tail, sizeof(header));
		/* Sizes are multiples of 8 and at least a header, or the ring is not what we think. */
		if (header.size < sizeof(header) || header.size & 7) {
			tail = head;
			break;
		}
		err = reserve(s, header.size);
		if (err)
			break;
		copy_wrapped(s->records + s->records_used, ring, tail, header.size);
		s->order[s->n_order++] = s->records_used;
		s->records_used += header.size;
		tail += header.size;
	}
	__atomic_store_n(&ring->page->data_tail, tail, __ATOMIC_RELEASE);
	return err;
}

static const struct perf_event_header *record_at(const struct pb_sideband *s, uint64_t off)
{
	return (const struct perf_event_header *)(s->records + off);
}

static uint64_t record_time(const struct perf_event_header *header)
{
	struct sample_id id;

	if (header->size < sizeof(*header) + sizeof(id))
		return 0;
	memcpy(&id, (const uint8_t *)header + header->size - sizeof(id), sizeof(id));
	return id.time;
}

static int by_time(const void *a, const void *b, void *ctx)
{
	uint64_t off_a = *(const uint64_t *)a, off_b = *(const uint64_t *)b;
	uint64_t time_a = record_time(record_at(ctx, off_a));
	uint64_t time_b = record_time(record_at(ctx, off_b));

	if (time_a != time_b)
		return time_a < time_b ? -1 : 1;
	return off_a < off_b ? -1 : off_a > off_b;
}

/* Return: false if it is a record of no interest here. */
static bool decode_map(struct pb_sideband_event *e, const struct perf_event_header *header)
{
	const struct mmap2_record *r = (const void *)header;
	size_t room = header->size - sizeof(struct sample_id);

	if (room <= sizeof(*r) || !memchr(r->filename, '\0', room - sizeof(*r)))
		return false;
	e->kind = PB_SIDEBAND_MAP;
	e->tgid = r->pid;
	e->start = r->addr;
	e->end = r->addr + r->len;
	e->file_off = r->pgoff;
	e->path = r->filename;
	if (!(header->misc & PERF_RECORD_MISC_MMAP_BUILD_ID)) {
		e->dev = (uint64_t)r->major << 32 | r->minor;
		e->ino = r->ino;
	} else if (r->build_id_size <= sizeof(e->build_id)) {
		e->build_id_len = r->build_id_size;
		memcpy(e->build_id, r->build_id, r->build_id_size);
	}
	return r->len > 0 && e->end > e->start;
}

static bool decode(struct pb_sideband_event *e, const struct perf_event_header *header)
{
	const struct comm_record *comm = (const void *)header;
	const struct task_record *task = (const void *)header;

	*e = (struct pb_sideband_event){.time_ns = record_time(header)};
	if (header->type == PERF_RECORD_LOST) {
		e->kind = PB_SIDEBAND_LOST;
		return true;
	}
	if (header->size < sizeof(*task) + sizeof(struct sample_id) &&
	    header->type != PERF_RECORD_COMM)
		return false;
	switch (header->type) {
	case PERF_RECORD_MMAP2:
		return decode_map(e, header);
	case PERF_RECORD_COMM:
		e->kind = PB_SIDEBAND_EXEC;
		e->tgid = comm->pid;
		return header->misc & PERF_RECORD_MISC_COMM_EXEC;
	case PERF_RECORD_FORK:
		e->kind = PB_SIDEBAND_FORK;
		e->tgid = task->pid;
		e->parent_tgid = task->ppid;
		return task->pid != task->ppid;
	case PERF_RECORD_EXIT:
		e->kind = PB_SIDEBAND_EXIT;
		e->tgid = task->pid;
		return task->pid == task->tid;
	}
	return false;
}

static int by_offset(const void *a, const void *b)
{
	uint64_t off_a = *(const uint64_t *)a, off_b = *(const uint64_t *)b;

	return off_a < off_b ? -1 : off_a > off_b;
}

/* Drop the first @n records in order; those behind them wait for the next round. */
static void drop_records(struct pb_sideband *s, size_t n)
{
	size_t k, bytes;

	s->n_order -= n;
	s->records_used = 0;
	if (!s->n_order)
		return;
	memmove(s->order, s->order + n, s->n_order * sizeof(*s->order));
	qsort(s->order, s->n_order, sizeof(*s->order), by_offset);
	for (k = 0; k < s->n_order; k++) {
		bytes = record_at(s, s->order[k])->size;
		memmove(s->records + s->records_used, s->records + s->order[k], bytes);
		s->order[k] = s->records_used;
		s->records_used += bytes;
	}
}

/*
 * What is recorded while we collect waits: a ring that was read early may by then hold an older record
 * than one that was read late, say the fork of a child whose exec we have seen.
 */
static int drain_round(struct pb_sideband *s,
		       void (*on_event)(void *, const struct pb_sideband_event *), void *ctx)
{
	struct pb_sideband_event event;
	uint64_t until_ns = pb_clock_ns();
	uint32_t i;
	size_t k;

	for (i = 0; i < s->n; i++) {
		if (collect(s, &s->rings[i]))
			return -ENOMEM;
	}
	if (s->n_order)
		qsort_r(s->order, s->n_order, sizeof(*s->order), by_time, s);
	for (k = 0; k < s->n_order; k++) {
		if (record_time(record_at(s, s->order[k])) > until_ns)
			break;
		if (decode(&event, record_at(s, s->order[k])))
			on_event(ctx, &event);
	}
	drop_records(s, k);
	return 0;
}

/* What had to wait is out of its ring, so no descriptor would become readable for its sake. */
int pb_sideband_drain(struct pb_sideband *s,
		      void (*on_event)(void *, const struct pb_sideband_event *), void *ctx)
{
	int rounds = 0, err;

	do
		err = drain_round(s, on_event, ctx);
	while (!err && s->n_order && ++rounds < ROUNDS_MAX);
	return err;
}
