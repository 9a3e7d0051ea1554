/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* From a living process to what a replay needs. */
#include "tests/unwind/replay.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/core/elf.h"
#include "user/core/procmaps.h"
#include "user/unwind/module.h"

#define VDSO_MAX (1 << 20)

/* What is known of a process while its mappings are read. */
struct taking {
	struct replay *r;
	pid_t tid;
	int err;
	/* The module of the mapping before: most files have one mapping with code, some two or three. */
	char path[4096];
	__u32 first_page, n_pages;
	__u64 base;
};

#if defined(__x86_64__)
static int take_regs(struct pb_regs *regs, pid_t tid)
{
	struct user_regs_struct u;
	struct iovec io = {&u, sizeof(u)};

	if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &io))
		return -errno;
	*regs = (struct pb_regs){
		.ip = u.rip,
		.sp = u.rsp,
		.fp = u.rbp,
		.gpr = {u.rax, u.rdx, u.rcx, u.rbx, u.rsi, u.rdi, 0, 0, u.r8, u.r9, u.r10, u.r11,
			u.r12, u.r13, u.r14, u.r15},
	};
	return 0;
}
#else
static int take_regs(struct pb_regs *regs, pid_t tid)
{
	return -ENOTSUP;
}
#endif

/* The number in @r of a rule, which is added if it is new. Return: UINT32_MAX without memory. */
static __u32 global_rule(struct replay *r, const struct pb_unwind_rule *rule)
{
	struct pb_unwind_rule *rules = r->rules.items, *added;
	__u32 i;

	for (i = 0; i < r->rules.n; i++) {
		if (!memcmp(&rules[i], rule, sizeof(*rule)))
			return i;
	}
	added = replay_add(&r->rules, sizeof(*added));
	if (!added)
		return UINT32_MAX;
	*added = *rule;
	return i;
}

static int add_page(struct replay *r, const __u32 *rows, __u32 n, const __u32 *numbers)
{
	struct pb_unwind_page *page = replay_add(&r->pages, sizeof(*page));
	__u32 i, *row;

	if (!page)
		return -ENOMEM;
	*page = (struct pb_unwind_page){.first = (__u32)r->rows.n, .rows = (__u16)n};
	for (i = 0; i < n; i++) {
		row = replay_add(&r->rows, sizeof(*row));
		if (!row)
			return -ENOMEM;
		*row = (rows[i] & 0xffff0000) | numbers[rows[i] & 0xffff];
	}
	return 0;
}

/* One more module's table. Its rules are numbered anew. */
static int add_table(struct taking *t, const struct pb_unwind_table *table)
{
	pb_autofree __u32 *numbers = calloc(table->n_rules, sizeof(*numbers));
	__u32 i;
	int err = 0;

	if (!numbers)
		return -ENOMEM;
	for (i = 0; i < table->n_rules; i++) {
		numbers[i] = global_rule(t->r, &table->rules[i]);
		if (numbers[i] > 0xffff)
			return -ENOMEM;
	}
	t->base = table->base;
	t->first_page = (__u32)t->r->pages.n;
	t->n_pages = table->n_pages;
	for (i = 0; i < table->n_pages && !err; i++)
		err = add_page(t->r, table->rows + table->pages[i].first, table->pages[i].rows,
			       numbers);
	return err;
}

/* The kernel's own code in the process; not a file. */
static int open_vdso(struct pb_elf **out, void **image, const struct taking *t,
		     const struct pb_procmap *map)
{
	size_t size = map->end - map->start;

	if (size > VDSO_MAX)
		return -EFBIG;
	*image = malloc(size);
	if (!*image)
		return -ENOMEM;
	if (pread(t->r->memory, *image, size, (off_t)map->start) != (ssize_t)size)
		return -EIO;
	return pb_elf_open_memory(out, *image, size);
}

/* Where @map lies in its module's pages. No table is fine: the mapping has no pages then. */
static int find_pages(struct taking *t, const struct pb_procmap *map, struct replay_mapping *m)
{
	pb_autofree void *image = NULL;
	pb_autoclose int fd = -1;
	pb_auto(pb_elf) struct pb_elf *elf = NULL;
	pb_auto(pb_unwind_table) struct pb_unwind_table *table = NULL;
	uint64_t vaddr;
	int err;

	if (!strcmp(map->path, "[vdso]")) {
		err = open_vdso(&elf, &image, t, map);
	} else if (map->path[0] == '/') {
		fd = open(map->path, O_RDONLY | O_CLOEXEC);
		err = fd < 0 ? -errno : pb_elf_open(&elf, fd);
	} else {
		return 0;
	}
	if (err)
		return err == -ENOMEM ? err : 0;
	if (strcmp(map->path, t->path)) {
		snprintf(t->path, sizeof(t->path), "%s", map->path);
		t->n_pages = 0;
		err = pb_unwind_module(&table, elf);
		if (!err)
			err = add_table(t, table);
		if (err == -ENOMEM)
			return err;
	}
	if (!t->n_pages || pb_elf_code_vaddr(elf, map->file_off, &vaddr))
		return 0;
	m->at.bias = map->start - vaddr + t->base;
	m->at.first_page = t->first_page;
	m->at.n_pages = t->n_pages;
	return 0;
}

static void on_map(void *ctx, const struct pb_procmap *map)
{
	struct taking *t = ctx;
	const char *name = strrchr(map->path, '/');
	struct replay_mapping *m;

	if (t->err)
		return;
	m = replay_add(&t->r->mappings, sizeof(*m));
	if (!m) {
		t->err = -ENOMEM;
		return;
	}
	m->at.start = map->start;
	m->at.size = map->end - map->start;
	snprintf(m->name, sizeof(m->name), "%s", name ? name + 1 : map->path);
	t->err = find_pages(t, map, m);
}

int replay_seize(pid_t tid, unsigned long options)
{
	int status;

	if (ptrace(PTRACE_SEIZE, tid, 0, options))
		return -errno;
	if (ptrace(PTRACE_INTERRUPT, tid, 0, 0))
		return -errno;
	if (waitpid(tid, &status, __WALL) != tid)
		return -errno;
	return WIFSTOPPED(status) ? 0 : -ESRCH;
}

int replay_take(struct replay **out, pid_t tid)
{
	struct taking t = {.tid = tid};
	pb_auto(replay) struct replay *r = NULL;
	char path[64];
	int err = replay_new(&r);

	if (err)
		return err;
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)tid);
	r->memory = open(path, O_RDONLY | O_CLOEXEC);
	if (r->memory < 0)
		return -errno;
	err = take_regs(&r->regs, tid);
	if (err)
		return err;
	t.r = r;
	err = pb_procmaps_read((uint32_t)tid, on_map, &t);
	if (err || t.err)
		return err ?: t.err;
	*out = pb_take(r);
	return 0;
}
