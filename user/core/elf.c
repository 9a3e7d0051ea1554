/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Every byte of the file is hostile: a field is used only after it was checked against the file's
 * size and a bound of our own, and structures are copied out by pread(), so that they are aligned
 * and cannot change between the check and the use.
 *
 * Headers of both classes are widened to the 64-bit form at once; nothing else knows the class.
 */
#include "user/core/elf.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

/* .note segments hold a build id and a few properties. */
#define NOTE_SIZE_MAX     (64u << 10)
#define NOTE_SEGMENTS_MAX 16
#define BUILD_ID_SIZE     64
/* Real files have about ten; every look-up walks them. */
#define SEGMENTS_MAX      4096
/* Names of sections, all together. */
#define NAMES_SIZE_MAX    (4u << 20)
#define PLT_SIZE_MAX      (16u << 20)

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_DATA ELFDATA2LSB
#else
#define NATIVE_DATA ELFDATA2MSB
#endif

struct pb_elf {
	int fd; /* -1: an image in memory */
	const uint8_t *image;
	uint64_t size;
	uint64_t page_size;
	bool is64;
	Elf64_Ehdr ehdr;
	Elf64_Phdr *loads;
	uint32_t n_loads;
	Elf64_Phdr eh_frame_hdr; /* PT_NULL: none */
	Elf64_Phdr interp;       /* the same */
	uint8_t build_id[BUILD_ID_SIZE];
	size_t build_id_len;
};

static int read_at(const struct pb_elf *e, uint64_t off, void *buf, size_t len)
{
	size_t done = 0;

	if (off > e->size || len > e->size - off)
		return -EPROTO;
	if (e->fd < 0) {
		memcpy(buf, e->image + off, len);
		return 0;
	}
	while (done < len) {
		ssize_t got = pread(e->fd, (char *)buf + done, len - done, (off_t)(off + done));

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			return -EPROTO; /* cut since its size was asked for */
		done += (size_t)got;
	}
	return 0;
}

int pb_elf_read(const struct pb_elf *e, uint64_t off, size_t len, void **out)
{
	pb_autofree void *buf = NULL;
	int err;

	if (off > e->size || len > e->size - off)
		return -EPROTO;
	buf = malloc(len + 1);
	if (!buf)
		return -ENOMEM;
	err = read_at(e, off, buf, len);
	if (err)
		return err;
	*out = pb_take(buf);
	return 0;
}

static Elf64_Phdr widen_phdr(const struct pb_elf *e, const uint8_t *table, uint32_t i)
{
	Elf64_Phdr wide;
	Elf32_Phdr p;

	if (e->is64) {
		memcpy(&wide, table + i * sizeof(wide), sizeof(wide));
		return wide;
	}
	memcpy(&p, table + i * sizeof(p), sizeof(p));
	return (Elf64_Phdr){.p_type = p.p_type,
			    .p_flags = p.p_flags,
			    .p_offset = p.p_offset,
			    .p_vaddr = p.p_vaddr,
			    .p_filesz = p.p_filesz,
			    .p_memsz = p.p_memsz,
			    .p_align = p.p_align};
}

static Elf64_Shdr widen_shdr(const struct pb_elf *e, const uint8_t *table, uint32_t i)
{
	Elf64_Shdr wide;
	Elf32_Shdr s;

	if (e->is64) {
		memcpy(&wide, table + i * sizeof(wide), sizeof(wide));
		return wide;
	}
	memcpy(&s, table + i * sizeof(s), sizeof(s));
	return (Elf64_Shdr){.sh_name = s.sh_name,
			    .sh_type = s.sh_type,
			    .sh_flags = s.sh_flags,
			    .sh_addr = s.sh_addr,
			    .sh_offset = s.sh_offset,
			    .sh_size = s.sh_size,
			    .sh_link = s.sh_link,
			    .sh_entsize = s.sh_entsize};
}

static size_t phdr_size(const struct pb_elf *e)
{
	return e->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
}

static size_t shdr_size(const struct pb_elf *e)
{
	return e->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
}

static int read_ehdr32(struct pb_elf *e)
{
	Elf32_Ehdr h;
	int err = read_at(e, 0, &h, sizeof(h));

	if (err)
		return err;
	e->ehdr.e_type = h.e_type;
	e->ehdr.e_machine = h.e_machine;
	e->ehdr.e_version = h.e_version;
	e->ehdr.e_entry = h.e_entry;
	e->ehdr.e_phoff = h.e_phoff;
	e->ehdr.e_shoff = h.e_shoff;
	e->ehdr.e_phentsize = h.e_phentsize;
	e->ehdr.e_phnum = h.e_phnum;
	e->ehdr.e_shentsize = h.e_shentsize;
	e->ehdr.e_shnum = h.e_shnum;
	e->ehdr.e_shstrndx = h.e_shstrndx;
	return 0;
}

static int read_ehdr(struct pb_elf *e)
{
	uint8_t ident[EI_NIDENT];
	int err = read_at(e, 0, ident, sizeof(ident));

	if (err)
		return err;
	if (memcmp(ident, ELFMAG, SELFMAG) || ident[EI_DATA] != NATIVE_DATA ||
	    ident[EI_VERSION] != EV_CURRENT)
		return -ENOEXEC;
	if (ident[EI_CLASS] != ELFCLASS64 && ident[EI_CLASS] != ELFCLASS32)
		return -ENOEXEC;
	e->is64 = ident[EI_CLASS] == ELFCLASS64;
	err = e->is64 ? read_at(e, 0, &e->ehdr, sizeof(e->ehdr)) : read_ehdr32(e);
	if (err)
		return err;
	if ((e->ehdr.e_type != ET_EXEC && e->ehdr.e_type != ET_DYN) ||
	    e->ehdr.e_version != EV_CURRENT)
		return -ENOEXEC;
	return 0;
}

static uint64_t align_up(uint64_t n, uint64_t align)
{
	return (n + align - 1) & ~(align - 1);
}

size_t pb_elf_build_id_note(const uint8_t *notes, size_t size, uint64_t align, const uint8_t **id)
{
	uint64_t off = 0;

	while (size - off >= sizeof(Elf64_Nhdr)) {
		uint64_t name, desc, next;
		Elf64_Nhdr n;

		memcpy(&n, notes + off, sizeof(n));
		name = off + sizeof(n);
		desc = align_up(name + n.n_namesz, align);
		next = align_up(desc + n.n_descsz, align);
		if (desc > size || n.n_descsz > size - desc)
			return 0;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == sizeof(ELF_NOTE_GNU) &&
		    !memcmp(notes + name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU))) {
			*id = notes + desc;
			return n.n_descsz;
		}
		if (next > size)
			return 0;
		off = next;
	}
	return 0;
}

/* A note that cannot be read is no note; the rest of the file may still be of use. */
static int read_notes(struct pb_elf *e, const Elf64_Phdr *p)
{
	pb_autofree void *notes = NULL;
	const uint8_t *id = NULL;
	size_t len;
	int err;

	if (e->build_id_len || p->p_filesz > NOTE_SIZE_MAX)
		return 0;
	err = pb_elf_read(e, p->p_offset, p->p_filesz, &notes);
	if (err)
		return err == -ENOMEM ? err : 0;
	len = pb_elf_build_id_note(notes, p->p_filesz, p->p_align == 8 ? 8 : 4, &id);
	e->build_id_len = len < BUILD_ID_SIZE ? len : BUILD_ID_SIZE;
	if (len)
		memcpy(e->build_id, id, e->build_id_len);
	return 0;
}

static int read_segments(struct pb_elf *e)
{
	pb_autofree void *table = NULL;
	uint32_t n = e->ehdr.e_phnum, n_notes = 0, i;
	int err;

	if (!n)
		return 0;
	if (n > SEGMENTS_MAX || e->ehdr.e_phentsize != phdr_size(e))
		return -ENOEXEC;
	err = pb_elf_read(e, e->ehdr.e_phoff, n * phdr_size(e), &table);
	if (err)
		return err;
	e->loads = calloc(n, sizeof(*e->loads));
	if (!e->loads)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		Elf64_Phdr p = widen_phdr(e, table, i);

		if (p.p_type == PT_LOAD)
			e->loads[e->n_loads++] = p;
		if (p.p_type == PT_GNU_EH_FRAME)
			e->eh_frame_hdr = p;
		if (p.p_type == PT_INTERP)
			e->interp = p;
		if (p.p_type != PT_NOTE || n_notes++ >= NOTE_SEGMENTS_MAX)
			continue;
		err = read_notes(e, &p);
		if (err)
			return err;
	}
	return 0;
}

static int open_headers(struct pb_elf **out, int fd, const void *image, uint64_t size)
{
	pb_auto(pb_elf) struct pb_elf *e = calloc(1, sizeof(*e));
	int err;

	if (!e)
		return -ENOMEM;
	e->fd = fd;
	e->image = image;
	e->size = size;
	e->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	err = read_ehdr(e);
	if (!err)
		err = read_segments(e);
	if (err)
		return err == -EPROTO ? -ENOEXEC : err;
	*out = pb_take(e);
	return 0;
}

int pb_elf_open(struct pb_elf **out, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOEXEC;
	return open_headers(out, fd, NULL, (uint64_t)st.st_size);
}

int pb_elf_open_memory(struct pb_elf **out, const void *image, size_t size)
{
	return open_headers(out, -1, image, size);
}

void pb_elf_free(struct pb_elf *e)
{
	if (!e)
		return;
	free(e->loads);
	free(e);
}

bool pb_elf_is64(const struct pb_elf *e)
{
	return e->is64;
}

uint16_t pb_elf_machine(const struct pb_elf *e)
{
	return e->ehdr.e_machine;
}

size_t pb_elf_build_id(const struct pb_elf *e, uint8_t *id, size_t size)
{
	size_t len = e->build_id_len < size ? e->build_id_len : size;

	memcpy(id, e->build_id, len);
	return len;
}

uint64_t pb_elf_entry(const struct pb_elf *e)
{
	return e->ehdr.e_entry;
}

const Elf64_Phdr *pb_elf_loads(const struct pb_elf *e, uint32_t *n)
{
	*n = e->n_loads;
	return e->loads;
}

const Elf64_Phdr *pb_elf_eh_frame_hdr(const struct pb_elf *e)
{
	return e->eh_frame_hdr.p_type == PT_GNU_EH_FRAME ? &e->eh_frame_hdr : NULL;
}

const Elf64_Phdr *pb_elf_interp(const struct pb_elf *e)
{
	return e->interp.p_type == PT_INTERP ? &e->interp : NULL;
}

int pb_elf_vaddr(const struct pb_elf *e, uint64_t file_off, uint64_t *vaddr)
{
	const Elf64_Phdr *found = NULL;
	bool doubtful = false;
	uint32_t i;

	/* Segments may share bytes of the file; code is what is asked for. */
	for (i = 0; i < e->n_loads; i++) {
		const Elf64_Phdr *p = &e->loads[i];

		if (file_off < p->p_offset || file_off - p->p_offset >= p->p_filesz)
			continue;
		if (found && (p->p_flags & found->p_flags & PF_X) &&
		    p->p_vaddr - p->p_offset != found->p_vaddr - found->p_offset)
			doubtful = true;
		if (!found || ((p->p_flags & PF_X) && !(found->p_flags & PF_X)))
			found = p;
	}
	if (!found || doubtful)
		return -ENOENT;
	*vaddr = file_off - found->p_offset + found->p_vaddr;
	return 0;
}

int pb_elf_code_vaddr(const struct pb_elf *e, uint64_t file_off, uint64_t *vaddr)
{
	const Elf64_Phdr *found = NULL;
	uint32_t i;

	for (i = 0; i < e->n_loads; i++) {
		const Elf64_Phdr *p = &e->loads[i];
		uint64_t first = p->p_offset & ~(e->page_size - 1);

		if (!(p->p_flags & PF_X) || !p->p_filesz || file_off < first ||
		    (file_off >= p->p_offset && file_off - p->p_offset >= p->p_filesz))
			continue;
		/* Segments that share a page of the file: the one that begins there was mapped from
		 * there. */
		if (!found || first == file_off)
			found = p;
	}
	if (!found)
		return -ENOENT;
	*vaddr = file_off - found->p_offset + found->p_vaddr;
	return 0;
}

int pb_elf_sections(const struct pb_elf *e, Elf64_Shdr **out, uint32_t *out_n)
{
	pb_autofree Elf64_Shdr *sections = NULL;
	pb_autofree void *table = NULL;
	uint32_t n = e->ehdr.e_shnum, i;
	int err;

	if (n && e->ehdr.e_shentsize != shdr_size(e))
		return -EPROTO;
	err = pb_elf_read(e, n ? e->ehdr.e_shoff : 0, n * shdr_size(e), &table);
	if (err)
		return err;
	sections = calloc((size_t)n + 1, sizeof(*sections));
	if (!sections)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		sections[i] = widen_shdr(e, table, i);
	*out = pb_take(sections);
	*out_n = n;
	return 0;
}

/* Put the inflated contents in the place of the compressed ones. */
static int inflate_section(const struct pb_elf *e, struct pb_elf_section *section, size_t max)
{
	size_t header = e->is64 ? sizeof(Elf64_Chdr) : sizeof(Elf32_Chdr);
	pb_autofree uint8_t *plain = NULL;
	Elf64_Chdr c = {0};
	Elf32_Chdr c32;
	uLongf plain_size;

	if (section->size < header)
		return -EPROTO;
	if (e->is64) {
		memcpy(&c, section->bytes, sizeof(c));
	} else {
		memcpy(&c32, section->bytes, sizeof(c32));
		c.ch_type = c32.ch_type;
		c.ch_size = c32.ch_size;
	}
	if (c.ch_type != ELFCOMPRESS_ZLIB)
		return -ENOTSUP;
	if (c.ch_size > max)
		return -EFBIG;
	plain = malloc(c.ch_size + 1);
	if (!plain)
		return -ENOMEM;
	plain_size = c.ch_size;
	if (uncompress(plain, &plain_size, section->bytes + header, section->size - header) !=
		    Z_OK ||
	    plain_size != c.ch_size)
		return -EPROTO;
	free(section->bytes);
	section->bytes = pb_take(plain);
	section->size = plain_size;
	return 0;
}

static int read_section(const struct pb_elf *e, const Elf64_Shdr *s, size_t max,
			struct pb_elf_section *out)
{
	struct pb_elf_section section = {.vaddr = s->sh_addr};
	void *bytes;
	int err;

	/* What a debug file was stripped of keeps its header only. */
	if (s->sh_type == SHT_NOBITS)
		return -ENOENT;
	if (s->sh_size > max)
		return -EFBIG;
	err = pb_elf_read(e, s->sh_offset, s->sh_size, &bytes);
	if (err)
		return err;
	section.bytes = bytes;
	section.size = s->sh_size;
	if (s->sh_flags & SHF_COMPRESSED)
		err = inflate_section(e, &section, max);
	if (err)
		free(section.bytes);
	else
		*out = section;
	return err;
}

int pb_elf_section(const struct pb_elf *e, const char *name, size_t max, struct pb_elf_section *out)
{
	pb_autofree Elf64_Shdr *sections = NULL;
	pb_autofree void *bytes = NULL;
	size_t len = strlen(name) + 1, size;
	const char *names;
	uint32_t n, i;
	int err;

	err = pb_elf_sections(e, &sections, &n);
	if (err)
		return err;
	if (e->ehdr.e_shstrndx >= n)
		return n ? -EPROTO : -ENOENT;
	size = sections[e->ehdr.e_shstrndx].sh_size;
	if (size > NAMES_SIZE_MAX)
		return -EFBIG;
	err = pb_elf_read(e, sections[e->ehdr.e_shstrndx].sh_offset, size, &bytes);
	if (err)
		return err;
	names = bytes;
	for (i = 1; i < n; i++) {
		if (sections[i].sh_name < size && size - sections[i].sh_name >= len &&
		    !memcmp(names + sections[i].sh_name, name, len))
			return read_section(e, &sections[i], max, out);
	}
	return -ENOENT;
}

int pb_elf_plt(const struct pb_elf *e, uint32_t i, struct pb_elf_section *out)
{
	static const char *const names[PB_ELF_PLTS] = {".plt", ".plt.sec", ".plt.got", ".iplt"};

	return pb_elf_section(e, names[i], PLT_SIZE_MAX, out);
}
