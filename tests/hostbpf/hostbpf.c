/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "tests/hostbpf/hostbpf.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAPS_MAX    32
#define REGIONS_MAX 16

/* Elements never move: programs hold pointers to them. Those of an array are made at their first use, each
 * by itself, so that ASan sees whoever leaves one. */
struct element {
	void *key;
	void *value; /* HOST_CPUS of them in a per-CPU array; of an outer map, another map, borrowed */
};

struct record {
	void *bytes;
	size_t size;
};

struct map {
	const void *address;
	int type;
	size_t key_size, value_size, max;
	struct element *elements;
	size_t n;
	struct record *records; /* of a ring */
	size_t n_records, used;
	__u64 last_flags;
};

struct region {
	__u64 addr;
	const uint8_t *bytes;
	size_t size;
};

struct host_kernel host;
static struct map maps[MAPS_MAX];
static size_t n_maps;
static struct region regions[REGIONS_MAX];
static size_t n_regions;

/* A mistake in a test, not a finding of it. */
static void must(bool true_, const char *what)
{
	if (true_)
		return;
	fprintf(stderr, "hostbpf: %s\n", what);
	abort();
}

static void *zeroed(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	must(p, "out of memory");
	return p;
}

static void free_elements(struct map *m)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		free(m->elements[i].key);
		if (m->type != BPF_MAP_TYPE_ARRAY_OF_MAPS)
			free(m->elements[i].value);
	}
	for (i = 0; i < m->n_records; i++)
		free(m->records[i].bytes);
	free(m->elements);
	free(m->records);
}

void host_free(void)
{
	size_t i;

	for (i = 0; i < n_maps; i++)
		free_elements(&maps[i]);
	n_maps = n_regions = 0;
}

void host_reset(void)
{
	host_free();
	memset(&host, 0, sizeof(host));
}

static struct map *find_map(const void *address)
{
	size_t i;

	for (i = 0; i < n_maps; i++) {
		if (maps[i].address == address)
			return &maps[i];
	}
	must(false, "a map was used that the test did not define");
	return NULL;
}

static void fill_element(struct map *m, struct element *e, const void *key)
{
	e->key = zeroed(1, m->key_size);
	e->value = zeroed(m->type == BPF_MAP_TYPE_PERCPU_ARRAY ? HOST_CPUS : 1, m->value_size);
	memcpy(e->key, key, m->key_size);
}

static struct element *add_element(struct map *m, const void *key)
{
	struct element *e = &m->elements[m->n++];

	fill_element(m, e, key);
	return e;
}

/* Storage of tasks is a hash of their addresses. */
static bool is_hash(int type)
{
	return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LRU_HASH ||
	       type == BPF_MAP_TYPE_TASK_STORAGE;
}

void host_define_map(const void *address, int type, size_t key, size_t value, size_t entries)
{
	struct map *m = &maps[n_maps];

	must(n_maps < MAPS_MAX, "too many maps");
	must(is_hash(type) || key == sizeof(__u32), "the key of an array is an index");
	n_maps++;
	*m = (struct map){.address = address,
			  .type = type,
			  .key_size = key,
			  .value_size = value,
			  .max = entries,
			  .n = is_hash(type) ? 0 : entries,
			  .elements = zeroed(entries, sizeof(struct element))};
}

void host_define_outer(const void *address, size_t entries)
{
	host_define_map(address, BPF_MAP_TYPE_ARRAY_OF_MAPS, sizeof(__u32), sizeof(__u32), entries);
}

void host_define_storage(const void *address, size_t value, size_t max)
{
	host_define_map(address, BPF_MAP_TYPE_TASK_STORAGE, sizeof(struct task_struct *), value,
			max);
}

void host_define_ring(const void *address, size_t bytes)
{
	must(n_maps < MAPS_MAX, "too many maps");
	maps[n_maps++] =
		(struct map){.address = address, .type = BPF_MAP_TYPE_RINGBUF, .max = bytes};
}

static struct element *find_in_array(struct map *m, const void *key)
{
	__u32 i = *(const __u32 *)key;

	if (i >= m->max)
		return NULL;
	if (!m->elements[i].key && m->type != BPF_MAP_TYPE_ARRAY_OF_MAPS)
		fill_element(m, &m->elements[i], key);
	return &m->elements[i];
}

void host_set_inner(const void *map, __u32 key, const void *inner)
{
	struct element *e = find_in_array(find_map(map), &key);

	must(e, "no such element");
	e->value = (void *)(uintptr_t)inner;
}

static struct element *find_element(struct map *m, const void *key)
{
	size_t i;

	if (!is_hash(m->type))
		return find_in_array(m, key);
	for (i = 0; i < m->n; i++) {
		if (!memcmp(m->elements[i].key, key, m->key_size))
			return &m->elements[i];
	}
	return NULL;
}

size_t host_map_count(const void *map)
{
	return find_map(map)->n;
}

const void *host_map_key(const void *map, size_t i)
{
	const struct map *m = find_map(map);

	must(i < m->n, "no such element");
	return m->elements[i].key;
}

static void *value_of(const struct map *m, const struct element *e, unsigned int cpu)
{
	must(cpu < HOST_CPUS, "no such CPU");
	if (m->type != BPF_MAP_TYPE_PERCPU_ARRAY)
		return e->value;
	return (uint8_t *)e->value + cpu * m->value_size;
}

void *host_map_value(const void *map, const void *key, unsigned int cpu)
{
	struct map *m = find_map(map);
	struct element *e = find_element(m, key);

	return e ? value_of(m, e, cpu) : NULL;
}

/* The interrupt has its own current comm and so on only if the test's function sets them. */
static void strike(enum host_moment moment)
{
	if (host.moment != moment)
		return;
	host.moment = HOST_NEVER;
	host.interrupt();
}

void *bpf_map_lookup_elem(const void *map, const void *key)
{
	void *value = host_map_value(map, key, host.cpu);

	if (map == host.moment_map)
		strike(HOST_IN_LOOKUP);
	return value;
}

__u64 host_swap(__u64 *word, __u64 from, __u64 to)
{
	__u64 was = *word;

	if (was == from)
		*word = to;
	strike(HOST_IN_SWAP);
	return was;
}

static void drop_element(struct map *m, struct element *e)
{
	free(e->key);
	free(e->value);
	*e = m->elements[--m->n];
}

long bpf_map_update_elem(const void *map, const void *key, const void *value, __u64 flags)
{
	struct map *m = find_map(map);
	struct element *e;

	strike(HOST_IN_UPDATE);
	e = find_element(m, key);
	if (e && flags == BPF_NOEXIST)
		return -EEXIST;
	if (!e && host.update_error)
		return host.update_error;
	if (!e && m->n == m->max && m->type != BPF_MAP_TYPE_LRU_HASH)
		return -E2BIG;
	if (!e && m->n == m->max)
		drop_element(m, &m->elements[0]); /* whichever it is */
	if (!e)
		e = add_element(m, key);
	memcpy(value_of(m, e, host.cpu), value, m->value_size);
	return 0;
}

long bpf_map_delete_elem(const void *map, const void *key)
{
	struct map *m = find_map(map);
	struct element *e = find_element(m, key);

	if (!e)
		return -ENOENT;
	drop_element(m, e);
	return 0;
}

static size_t ring_room(size_t size)
{
	return BPF_RINGBUF_HDR_SZ + ((size + 7) & ~(size_t)7);
}

long bpf_ringbuf_output(const void *ring, const void *data, __u64 size, __u64 flags)
{
	struct map *m = find_map(ring);
	struct record *records;

	if (m->used + ring_room(size) > m->max)
		return -EAGAIN;
	records = realloc(m->records, (m->n_records + 1) * sizeof(*records));
	must(records, "out of memory");
	m->records = records;
	records[m->n_records] = (struct record){zeroed(1, size), size};
	memcpy(records[m->n_records++].bytes, data, size);
	m->used += ring_room(size);
	m->last_flags = flags;
	return 0;
}

__u64 bpf_ringbuf_query(const void *ring, __u64 what)
{
	const struct map *m = find_map(ring);

	return what == BPF_RB_AVAIL_DATA ? m->used : what == BPF_RB_RING_SIZE ? m->max : 0;
}

size_t host_ring_count(const void *ring)
{
	return find_map(ring)->n_records;
}

const void *host_ring_record(const void *ring, size_t i, size_t *size)
{
	const struct map *m = find_map(ring);

	must(i < m->n_records, "no such record");
	*size = m->records[i].size;
	return m->records[i].bytes;
}

__u64 host_ring_last_flags(const void *ring)
{
	return find_map(ring)->last_flags;
}

void host_ring_consume(const void *ring)
{
	struct map *m = find_map(ring);
	size_t i;

	for (i = 0; i < m->n_records; i++)
		free(m->records[i].bytes);
	m->n_records = 0;
	m->used = 0;
}

void host_map_user(__u64 addr, const void *bytes, size_t size)
{
	must(n_regions < REGIONS_MAX, "too many stretches of user memory");
	regions[n_regions++] = (struct region){addr, bytes, size};
}

/* As in the kernel, what cannot be read becomes zero. */
long bpf_probe_read_user(void *to, __u32 size, const void *from)
{
	__u64 addr = (__u64)(uintptr_t)from;
	size_t i;

	strike(HOST_IN_READ_USER);
	for (i = 0; i < n_regions; i++) {
		const struct region *r = &regions[i];

		if (addr < r->addr || addr - r->addr > r->size || size > r->size - (addr - r->addr))
			continue;
		memcpy(to, r->bytes + (addr - r->addr), size);
		return 0;
	}
	if (host.user_memory && host.user_memory(addr, to, size))
		return 0;
	memset(to, 0, size);
	return -EFAULT;
}

/* All of the kernel's memory is this program's. */
long bpf_probe_read_kernel(void *to, __u32 size, const void *from)
{
	memcpy(to, from, size);
	return 0;
}

/* Return: bytes with the NUL, which is always there. */
long bpf_probe_read_kernel_str(void *to, __u32 size, const void *from)
{
	size_t n;

	if (!size || !from || from == host.unreadable)
		return -EFAULT;
	n = strnlen(from, size - 1);
	memcpy(to, from, n);
	((char *)to)[n] = 0;
	return (long)n + 1;
}

long bpf_get_stack(void *ctx, void *frames, __u32 size, __u64 flags)
{
	__u64 bytes = (__u64)host.n_kernel_frames * sizeof(__u64);

	(void)ctx;
	must(!flags, "only kernel frames are known here");
	strike(HOST_IN_GET_STACK);
	if (host.get_stack_error)
		return host.get_stack_error;
	if (bytes > size)
		bytes = size;
	if (bytes)
		memcpy(frames, host.kernel_frames, bytes);
	return (long)bytes;
}

long bpf_loop(__u32 rounds, long (*round)(__u32, void *), void *ctx, __u64 flags)
{
	__u32 i;

	must(rounds <= 1 << 23 && !flags, "the kernel refuses such a loop");
	for (i = 0; i < rounds; i++) {
		if (round(i, ctx))
			return i + 1;
	}
	return i;
}

long bpf_get_current_comm(void *comm, __u32 size)
{
	must(size >= sizeof(host.comm), "comm is cut");
	memcpy(comm, host.comm, sizeof(host.comm));
	return 0;
}

long bpf_current_task_under_cgroup(const void *map, __u32 slot)
{
	must(find_map(map)->max > slot, "no such cgroup");
	return host.under_cgroup;
}

__u64 bpf_get_current_cgroup_id(void)
{
	return host.cgroup_id;
}

bool host_field_exists(const char *field)
{
	return !host.fields_missing && (!host.field_missing || strcmp(field, host.field_missing));
}

__u64 bpf_ktime_get_ns(void)
{
	return host.now_ns;
}

struct task_struct *bpf_get_current_task_btf(void)
{
	return host.current_task;
}

long bpf_task_pt_regs(struct task_struct *task)
{
	must(task == host.current_task, "user registers of another task");
	return (long)(uintptr_t)&host.user_regs;
}

/* xorshift64*; the state must not be 0. */
__u32 bpf_get_prandom_u32(void)
{
	if (!host.random)
		host.random = 0x243f6a8885a308d3ull;
	host.random ^= host.random >> 12;
	host.random ^= host.random << 25;
	host.random ^= host.random >> 27;
	return (__u32)(host.random * 0x2545f4914f6cdd1dull >> 32);
}

void *bpf_task_storage_get(const void *map, struct task_struct *task, void *value, __u64 flags)
{
	struct map *m = find_map(map);
	struct element *e = find_element(m, &task);

	must(m->type == BPF_MAP_TYPE_TASK_STORAGE && !value, "no such storage");
	if (!e && flags == BPF_LOCAL_STORAGE_GET_F_CREATE && m->n < m->max)
		e = add_element(m, &task);
	return e ? e->value : NULL;
}

long bpf_find_vma(struct task_struct *task, __u64 addr,
		  long (*look)(struct task_struct *task, struct vm_area_struct *vma, void *context),
		  void *context, __u64 flags)
{
	(void)addr;
	must(task == host.current_task && !flags, "mappings of another task");
	if (host.find_vma_error)
		return host.find_vma_error;
	return host.vma ? look(task, host.vma, context) : -ENOENT;
}
