/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/unwind/section.h"

#include <errno.h>
#include <string.h>

#include "user/core/elf.h"
#include "user/unwind/table.h"

/* Of a section; the largest seen is 30 MB. */
#define SECTION_MAX (32u << 20)

/* First bytes of .eh_frame_hdr: version, encodings of the pointer to .eh_frame and of two more
 * fields. */
#define HDR_LEAST      8
#define HDR_VERSION    1
#define PCREL_SDATA4   0x1b
#define DATAREL_SDATA4 0x3b
#define ABSPTR         0x00

static int compare_ranges(const void *pa, const void *pb)
{
	const struct pb_unwind_range *a = pa, *b = pb;

	return a->start < b->start ? -1 : a->start > b->start;
}

int pb_unwind_code(const struct pb_elf *e, struct pb_unwind_range **out, uint32_t *out_n)
{
	uint32_t n_loads, n = 0, kept = 0, i;
	const Elf64_Phdr *loads = pb_elf_loads(e, &n_loads);
	struct pb_unwind_range *r = calloc((size_t)n_loads + 1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	for (i = 0; i < n_loads; i++) {
		const Elf64_Phdr *p = &loads[i];

		if ((p->p_flags & PF_X) && p->p_memsz && p->p_memsz <= UINT64_MAX - p->p_vaddr)
			r[n++] = (struct pb_unwind_range){p->p_vaddr, p->p_vaddr + p->p_memsz};
	}
	qsort(r, n, sizeof(*r), compare_ranges);
	for (i = 0; i < n; i++) {
		if (!kept || r[i].start > r[kept - 1].end)
			r[kept++] = r[i];
		else if (r[i].end > r[kept - 1].end)
			r[kept - 1].end = r[i].end;
	}
	*out = r;
	*out_n = kept;
	return 0;
}

uint64_t pb_unwind_in_file(const struct pb_elf *e, uint64_t vaddr, uint64_t *off)
{
	uint32_t n, i;
	const Elf64_Phdr *loads = pb_elf_loads(e, &n);

	for (i = 0; i < n; i++) {
		if (vaddr < loads[i].p_vaddr || vaddr - loads[i].p_vaddr >= loads[i].p_filesz)
			continue;
		*off = loads[i].p_offset + (vaddr - loads[i].p_vaddr);
		return loads[i].p_filesz - (vaddr - loads[i].p_vaddr);
	}
	return 0;
}

/* Where .eh_frame_hdr says that .eh_frame is. */
static int read_hdr(const struct pb_elf *e, const Elf64_Phdr *p, uint64_t *vaddr)
{
	pb_autofree void *bytes = NULL;
	uint8_t hdr[12] = {0};
	uint64_t absolute;
	int32_t relative;
	int err;

	if (p->p_filesz < HDR_LEAST)
		return -EPROTO;
	err = pb_elf_read(e, p->p_offset, p->p_filesz < sizeof(hdr) ? HDR_LEAST : sizeof(hdr),
			  &bytes);
	if (err)
		return err;
	memcpy(hdr, bytes, p->p_filesz < sizeof(hdr) ? HDR_LEAST : sizeof(hdr));
	if (hdr[0] != HDR_VERSION)
		return -EPROTO;
	memcpy(&relative, hdr + 4, sizeof(relative));
	memcpy(&absolute, hdr + 4, sizeof(absolute));
	switch (hdr[1]) {
	case PCREL_SDATA4:
		*vaddr = p->p_vaddr + 4 + (uint64_t)(int64_t)relative;
		return 0;
	case DATAREL_SDATA4:
		*vaddr = p->p_vaddr + (uint64_t)(int64_t)relative;
		return 0;
	case ABSPTR:
		*vaddr = absolute;
		return 0;
	default:
		return -EPROTO;
	}
}

/* For a file without section headers. */
static int find_by_segment(const struct pb_elf *e, struct pb_elf_section *out)
{
	const Elf64_Phdr *p = pb_elf_eh_frame_hdr(e);
	uint64_t vaddr = 0, off = 0, size;
	void *bytes;
	int err;

	if (!p)
		return -ENOENT;
	err = read_hdr(e, p, &vaddr);
	if (err)
		return err;
	size = pb_unwind_in_file(e, vaddr, &off);
	if (!size)
		return -EPROTO;
	/* Other sections follow, behind a terminator. */
	size = size < SECTION_MAX ? size : SECTION_MAX;
	err = pb_elf_read(e, off, size, &bytes);
	if (err)
		return err;
	*out = (struct pb_elf_section){bytes, size, vaddr};
	return 0;
}

int pb_unwind_section(const struct pb_elf *e, bool debug_frame, struct pb_elf_section *out)
{
	int err = pb_elf_section(e, debug_frame ? ".debug_frame" : ".eh_frame", SECTION_MAX, out);

	if (err == -ENOENT && !debug_frame)
		err = find_by_segment(e, out);
	return err == -ENOENT ? -ENODATA : err;
}
