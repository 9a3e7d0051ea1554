/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What bpf/lib sees in place of the kernel's types and libbpf's headers when its headers are
 * compiled as plain C: as much of both as bpf/lib touches. The bodies are in hostbpf.c.
 *
 * A map keeps libbpf's spelling, in which a number N is a pointer to an array of N ints, so that the
 * sizes can be read back out of the variable; see HOST_MAP() in hostbpf.h.
 */
#ifndef PB_TESTS_HOSTBPF_HELPERS_H
#define PB_TESTS_HOSTBPF_HELPERS_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define __uint(name, value)  int(*name)[value]
#define __type(name, value)  __typeof__(value) *name
#define __array(name, value) __typeof__(value) *name[]
#define SEC(name)
#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* A program that a test calls by its name. */
#define BPF_PROG(name, ...) name(__VA_ARGS__)

/* As in the kernel, what is read through NULL is 0. */
#define HOST_READ(value, from, field)                                                              \
	({                                                                                         \
		__typeof__(from) value = (from);                                                   \
		value ? value->field : (__typeof__(value->field))0;                                \
	})
#define HOST_READ_1(from, a)                       HOST_READ(first_, from, a)
#define HOST_READ_2(from, a, b)                    HOST_READ(second_, HOST_READ_1(from, a), b)
#define HOST_READ_3(from, a, b, c)                 HOST_READ(third_, HOST_READ_2(from, a, b), c)
#define HOST_READ_OF(a, b, c, n, ...)              HOST_READ_##n
#define BPF_CORE_READ(from, ...)                   HOST_READ_OF(__VA_ARGS__, 3, 2, 1)(from, __VA_ARGS__)
#define BPF_CORE_READ_BITFIELD_PROBED(from, field) ((from)->field)

#define bpf_core_field_offset(type, field) offsetof(type, field)
#define bpf_core_enum_value(type, value)   ((type)(value))

/* All optional members exist but those that host.fields_missing and host.field_missing say. */
#define bpf_core_field_exists(field) (sizeof(field) && host_field_exists(#field))
bool host_field_exists(const char *field);

/* An interrupt can strike between a word that is swapped and what is read behind it. */
#define __sync_val_compare_and_swap(word, from, to) host_swap(word, from, to)
__u64 host_swap(__u64 *word, __u64 from, __u64 to);

/* Of the kernel's structs, what bpf/lib reads; vmlinux/task.h tells what is what. */
struct xol_area {
	unsigned long vaddr;
};

struct uprobes_state {
	struct xol_area *xol_area;
};

struct mm_struct {
	struct uprobes_state uprobes_state;
};

struct return_instance {
	unsigned long stack;
	unsigned long orig_ret_vaddr;
	struct return_instance *next;
};

struct uprobe_task {
	unsigned long vaddr;
	struct return_instance *return_instances;
	struct return_instance *ri_pool;
};

/* Of disks and files, what the build for BPF sees, too. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#include "vmlinux/block.h"
#pragma GCC diagnostic pop

struct vm_area_struct {
	unsigned long vm_start, vm_end;
	struct file *vm_file;
};

struct rlimit {
	unsigned long rlim_cur;
};

struct signal_struct {
	struct rlimit rlim[16];
};

struct task_struct {
	struct signal_struct *signal;
	unsigned int flags;
	int pid;
	int tgid;
	__u64 start_boottime;
	__u64 self_exec_id;
	struct task_struct *group_leader;
	struct mm_struct *mm;
	struct uprobe_task *utask;
	struct files_struct *files;
	unsigned int in_iowait : 1;
};

/* The kernel's own register file of x86-64, whatever the machine the test runs on. */
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
};

void *bpf_map_lookup_elem(const void *map, const void *key);
long bpf_map_update_elem(const void *map, const void *key, const void *value, __u64 flags);
long bpf_map_delete_elem(const void *map, const void *key);
long bpf_ringbuf_output(const void *ring, const void *data, __u64 size, __u64 flags);
__u64 bpf_ringbuf_query(const void *ring, __u64 what);
long bpf_probe_read_user(void *to, __u32 size, const void *from);
long bpf_probe_read_kernel(void *to, __u32 size, const void *from);
long bpf_probe_read_kernel_str(void *to, __u32 size, const void *from);
long bpf_get_stack(void *ctx, void *frames, __u32 size, __u64 flags);
long bpf_loop(__u32 rounds, long (*round)(__u32, void *), void *ctx, __u64 flags);
long bpf_get_current_comm(void *comm, __u32 size);
long bpf_current_task_under_cgroup(const void *map, __u32 slot);
__u64 bpf_get_current_cgroup_id(void);
__u64 bpf_ktime_get_ns(void);
struct task_struct *bpf_get_current_task_btf(void);
long bpf_task_pt_regs(struct task_struct *task);
__u32 bpf_get_prandom_u32(void);
void *bpf_task_storage_get(const void *map, struct task_struct *task, void *value, __u64 flags);
long bpf_find_vma(struct task_struct *task, __u64 addr,
		  long (*look)(struct task_struct *task, struct vm_area_struct *vma, void *context),
		  void *context, __u64 flags);

#endif
