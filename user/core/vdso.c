/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/vdso.h"

#include <errno.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

#include "user/core/elf.h"

/* The image comes from our own kernel: its headers tell how far it reaches. */
static size_t image_size(const ElfW(Ehdr) * ehdr)
{
	const uint8_t *image = (const uint8_t *)ehdr;
	size_t size = ehdr->e_shoff + (size_t)ehdr->e_shnum * ehdr->e_shentsize;
	unsigned int i;

	for (i = 0; i < ehdr->e_phnum; i++) {
		ElfW(Phdr) p;

		memcpy(&p, image + ehdr->e_phoff + i * sizeof(p), sizeof(p));
		if (p.p_type == PT_LOAD && p.p_offset + p.p_filesz > size)
			size = p.p_offset + p.p_filesz;
	}
	return size;
}

int pb_vdso_open(struct pb_elf **out)
{
	/* An address that the kernel handed us as a number. */
	const ElfW(Ehdr) *ehdr = (const ElfW(Ehdr) *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);

	if (!ehdr)
		return -ENOENT;
	if (memcmp(ehdr->e_ident, ELFMAG, SELFMAG) || ehdr->e_phentsize != sizeof(ElfW(Phdr)))
		return -ENOEXEC;
	return pb_elf_open_memory(out, ehdr, image_size(ehdr));
}
