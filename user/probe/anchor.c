/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/probe/anchor.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <unistd.h>

#include "user/core/own.h"

/* What they begin with is the point of them, so no compiler is to choose it. */
#if defined(__x86_64__)
__asm__(".pushsection .text\n"
	".globl pb_anchor_emulated\n.type pb_anchor_emulated, @function\npb_anchor_emulated:\n"
	"	push %rbx\n	pop %rbx\n	ret\n.size pb_anchor_emulated, . - pb_anchor_emulated\n"
	".globl pb_anchor_stepped\n.type pb_anchor_stepped, @function\npb_anchor_stepped:\n"
	"	test %rdi, %rdi\n	ret\n.size pb_anchor_stepped, . - pb_anchor_stepped\n"
	".popsection\n");
#elif defined(__aarch64__)
__asm__(".pushsection .text\n"
	".globl pb_anchor_emulated\n.type pb_anchor_emulated, %function\npb_anchor_emulated:\n"
	"	nop\n	ret\n.size pb_anchor_emulated, . - pb_anchor_emulated\n"
	".globl pb_anchor_stepped\n.type pb_anchor_stepped, %function\npb_anchor_stepped:\n"
	"	tst x0, x0\n	ret\n.size pb_anchor_stepped, . - pb_anchor_stepped\n"
	".popsection\n");
#endif

struct search {
	uintptr_t addr;
	uint64_t off;
	bool found;
};

/* The segment of the executable that holds the address. It comes first. */
static int look(struct dl_phdr_info *info, size_t size, void *ctx)
{
	struct search *s = ctx;
	int i;

	(void)size;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t start = info->dlpi_addr + p->p_vaddr;

		if (p->p_type != PT_LOAD || s->addr < start || s->addr - start >= p->p_filesz)
			continue;
		s->off = s->addr - start + p->p_offset;
		s->found = true;
	}
	return 1;
}

static int file_off(void (*function)(void), uint64_t *off)
{
	struct search s = {.addr = (uintptr_t)function};

	dl_iterate_phdr(look, &s);
	*off = s.off;
	return s.found ? 0 : -ENOENT;
}

int pb_anchor_open(struct pb_anchor *out)
{
	struct pb_anchor a = {.file_fd = -1};
	int err = file_off(pb_anchor_emulated, &a.emulated_off);

	err = err ? err : file_off(pb_anchor_stepped, &a.stepped_off);
	if (err)
		return err;
	a.file_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (a.file_fd < 0)
		return -errno;
	*out = a;
	return 0;
}

void pb_anchor_close(struct pb_anchor *a)
{
	if (a->file_fd >= 0)
		close(pb_take_fd(a->file_fd));
}
