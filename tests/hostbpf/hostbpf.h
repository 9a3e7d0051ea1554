/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A kernel to measure, in one process: what the helpers of helpers.h answer is set here by a test,
 * and what programs have put into maps is read back. Include this first: it makes the headers of
 * bpf/lib plain C.
 *
 * One thread, so the only concurrency is an interrupt, and a test says where one strikes.
 */
#ifndef PB_TESTS_HOSTBPF_HOSTBPF_H
#define PB_TESTS_HOSTBPF_HOSTBPF_H

#ifndef PB_HOST_BPF
#define PB_HOST_BPF
#endif
/* The fake registers are x86-64's on every machine. */
#undef __TARGET_ARCH_arm64
#ifndef __TARGET_ARCH_x86
#define __TARGET_ARCH_x86
#endif

#include "tests/hostbpf/helpers.h"

/* As in the build for BPF: a callback takes what the helper gives, needed or not. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

#define HOST_CPUS 4

/* Where an interrupt can strike. */
enum host_moment {
	HOST_NEVER,
	HOST_IN_READ_USER, /* while user memory is read */
	HOST_IN_GET_STACK, /* while kernel frames are taken */
	HOST_IN_UPDATE,    /* between looking a key up and adding it */
	HOST_IN_LOOKUP,    /* behind looking an element of moment_map up */
	HOST_IN_SWAP,      /* behind comparing and swapping a word */
};

struct host_kernel {
	__u64 now_ns;
	unsigned int cpu;
	struct task_struct *current_task;
	char comm[16];
	struct pt_regs user_regs; /* as saved at the task's entry into the kernel */
	bool under_cgroup;
	__u64 cgroup_id;
	const void *unreadable;    /* kernel memory that cannot be read */
	bool fields_missing;       /* of the kernel's structs, those that not every kernel has */
	const char *field_missing; /* or this one alone, as bpf/lib spells it */

	const __u64 *kernel_frames;
	__u32 n_kernel_frames;
	long get_stack_error; /* if not 0, what bpf_get_stack() returns */

	long update_error; /* if not 0, what adding a new key to a hash returns */

	__u64 random; /* state of bpf_get_prandom_u32(); the same numbers at every run */
	struct vm_area_struct *vma; /* where bpf_find_vma() looks; NULL: no mapping is there */
	long find_vma_error;        /* if not 0, what it returns */

	/* Asked for user memory that host_map_user() does not know; true if it could be read. */
	bool (*user_memory)(__u64 addr, void *to, __u32 size);

	enum host_moment moment; /* of the next interrupt; then it is over */
	const void *moment_map;
	void (*interrupt)(void);
};

extern struct host_kernel host;

/* Forget all maps, memory and settings. For a cmocka setup. */
void host_reset(void);
void host_free(void);

void host_define_map(const void *map, int type, size_t key, size_t value, size_t entries);
/* @bytes of capacity; a record takes 8 more than it holds, as in the kernel. */
void host_define_ring(const void *map, size_t bytes);

/* Make a map of bpf/lib exist with the sizes it declares, or with @n entries. */
#define HOST_NUMBER(member) (sizeof(*(member)) / sizeof(int))
#define HOST_MAP_OF(map, n)                                                                        \
	host_define_map(&(map), (int)HOST_NUMBER((map).type), sizeof(*(map).key),                  \
			sizeof(*(map).value), n)
#define HOST_MAP(map) HOST_MAP_OF(map, HOST_NUMBER((map).max_entries))

/* A map of arrays; HOST_MAP() does not know them. Its elements are maps that are defined by themselves. */
void host_define_outer(const void *map, size_t entries);
#define HOST_OUTER(map) host_define_outer(&(map), HOST_NUMBER((map).max_entries))
void host_set_inner(const void *map, __u32 key, const void *inner);

/* What is kept for each task, of @max tasks at most. */
void host_define_storage(const void *map, size_t value, size_t max);
#define HOST_STORAGE(map, max) host_define_storage(&(map), sizeof(*(map).value), max)

/* Elements of a hash. */
size_t host_map_count(const void *map);
const void *host_map_key(const void *map, size_t i);
/* An element as the user half finds it; NULL if there is none. @cpu: per-CPU arrays only. */
void *host_map_value(const void *map, const void *key, unsigned int cpu);

/* Records that wait in a ring, and how the last one was sent. */
size_t host_ring_count(const void *ring);
const void *host_ring_record(const void *ring, size_t i, size_t *size);
__u64 host_ring_last_flags(const void *ring);
/* The reader takes all of them. */
void host_ring_consume(const void *ring);

/* Let @bytes be user memory at @addr; borrowed. All other user memory is not mapped. */
void host_map_user(__u64 addr, const void *bytes, size_t size);

#endif
