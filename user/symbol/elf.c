/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A small ELF reader. Every byte of the file is hostile: a field is used only after it was checked
 * against the file's size and a bound of our own, and structures are copied out by pread(), so that
 * they are aligned and cannot change between the check and the use.
 *
 * Headers of both classes are widened to the 64-bit form at once; nothing else knows the class.
 */
#include "user/symbol/elf.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include "user/symbol/symtab.h"

/* The longest function of size 0 that is believed. */
#define UNSIZED_MAX       4096
/* .note segments hold a build id and a few properties. */
#define NOTE_SIZE_MAX     (64u << 10)
#define NOTE_SEGMENTS_MAX 16
#define BUILD_ID_SIZE     64
/* Real files have about ten; every look-up walks them. */
#define SEGMENTS_MAX      4096

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_DATA ELFDATA2LSB
#else
#define NATIVE_DATA ELFDATA2MSB
#endif

struct pb_elf {
	int fd; /* -1: an image in memory */
	const uint8_t *image;
	uint64_t size;
	bool is64;
	Elf64_Ehdr ehdr;
	Elf64_Phdr *loads;
	uint32_t n_loads;
	uint8_t build_id[BUILD_ID_SIZE];
	size_t build_id_len;
};

/* An executable section in virtual addresses. */
struct range {
	uint64_t start;
	uint64_t end;
};

/* One symbol table under work. */
struct table {
	const struct pb_elf *e;
	const struct range *code; /* sorted by start */
	uint32_t n_code;
	bool is_full; /* .symtab, not .dynsym */
	uint8_t *syms;
	uint32_t n_syms;
	char *strings;
	size_t strings_size;
	struct range *extents; /* see collect_extents(); only if a function has size 0 */
	uint32_t n_extents;
};

static void free_table(struct table *t)
{
	free(t->syms);
	free(t->strings);
	free(t->extents);
}

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

/* A copy of part of the file; never NULL on success. The caller bounded @len. */
static int read_new(const struct pb_elf *e, uint64_t off, size_t len, void **out)
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
	return (Elf64_Shdr){.sh_type = s.sh_type,
			    .sh_flags = s.sh_flags,
			    .sh_addr = s.sh_addr,
			    .sh_offset = s.sh_offset,
			    .sh_size = s.sh_size,
			    .sh_link = s.sh_link,
			    .sh_entsize = s.sh_entsize};
}

static Elf64_Sym widen_sym(const struct pb_elf *e, const uint8_t *table, uint32_t i)
{
	Elf64_Sym wide;
	Elf32_Sym s;

	if (e->is64) {
		memcpy(&wide, table + i * sizeof(wide), sizeof(wide));
		return wide;
	}
	memcpy(&s, table + i * sizeof(s), sizeof(s));
	return (Elf64_Sym){.st_name = s.st_name,
			   .st_info = s.st_info,
			   .st_other = s.st_other,
			   .st_shndx = s.st_shndx,
			   .st_value = s.st_value,
			   .st_size = s.st_size};
}

static size_t phdr_size(const struct pb_elf *e)
{
	return e->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
}

static size_t shdr_size(const struct pb_elf *e)
{
	return e->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
}

static size_t sym_size(const struct pb_elf *e)
{
	return e->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
}

static int read_ehdr32(struct pb_elf *e)
{
	Elf32_Ehdr h;
	int err = read_at(e, 0, &h, sizeof(h));

	if (err)
		return err;
	e->ehdr.e_type = h.e_type;
	e->ehdr.e_version = h.e_version;
	e->ehdr.e_entry = h.e_entry;
	e->ehdr.e_phoff = h.e_phoff;
	e->ehdr.e_shoff = h.e_shoff;
	e->ehdr.e_phentsize = h.e_phentsize;
	e->ehdr.e_phnum = h.e_phnum;
	e->ehdr.e_shentsize = h.e_shentsize;
	e->ehdr.e_shnum = h.e_shnum;
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

/* Notes are name and descriptor, each padded to the segment's alignment. */
static void find_build_id(struct pb_elf *e, const uint8_t *notes, uint64_t size, uint64_t align)
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
			return;
		if (n.n_type == NT_GNU_BUILD_ID && n.n_namesz == sizeof(ELF_NOTE_GNU) &&
		    !memcmp(notes + name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU))) {
			e->build_id_len = n.n_descsz < BUILD_ID_SIZE ? n.n_descsz : BUILD_ID_SIZE;
			memcpy(e->build_id, notes + desc, e->build_id_len);
			return;
		}
		if (next > size)
			return;
		off = next;
	}
}

/* A note that cannot be read is no note; the rest of the file may still be of use. */
static int read_notes(struct pb_elf *e, const Elf64_Phdr *p)
{
	pb_autofree void *notes = NULL;
	int err;

	if (e->build_id_len || p->p_filesz > NOTE_SIZE_MAX)
		return 0;
	err = read_new(e, p->p_offset, p->p_filesz, &notes);
	if (err)
		return err == -ENOMEM ? err : 0;
	find_build_id(e, notes, p->p_filesz, p->p_align == 8 ? 8 : 4);
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
	err = read_new(e, e->ehdr.e_phoff, n * phdr_size(e), &table);
	if (err)
		return err;
	e->loads = calloc(n, sizeof(*e->loads));
	if (!e->loads)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		Elf64_Phdr p = widen_phdr(e, table, i);

		if (p.p_type == PT_LOAD)
			e->loads[e->n_loads++] = p;
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

int pb_elf_vaddr(const struct pb_elf *e, uint64_t file_off, uint64_t *vaddr)
{
	const Elf64_Phdr *found = NULL;
	uint32_t i;

	/* Segments may share bytes of the file; code is what is asked for. */
	for (i = 0; i < e->n_loads; i++) {
		const Elf64_Phdr *p = &e->loads[i];

		if (file_off < p->p_offset || file_off - p->p_offset >= p->p_filesz)
			continue;
		if (!found || ((p->p_flags & PF_X) && !(found->p_flags & PF_X)))
			found = p;
	}
	if (!found)
		return -ENOENT;
	*vaddr = file_off - found->p_offset + found->p_vaddr;
	return 0;
}

static int compare_ranges(const void *pa, const void *pb)
{
	const struct range *a = pa, *b = pb;

	return a->start < b->start ? -1 : a->start > b->start;
}

/* Of @n ranges sorted by start, how many start at @addr or before. */
static uint32_t count_up_to(const struct range *ranges, uint32_t n, uint64_t addr)
{
	uint32_t lo = 0, hi = n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (ranges[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The executable section that holds @addr, or NULL. */
static const struct range *find_code(const struct table *t, uint64_t addr)
{
	uint32_t n = count_up_to(t->code, t->n_code, addr);

	return n && t->code[n - 1].end > addr ? &t->code[n - 1] : NULL;
}

/* The section of a symbol that names code, or NULL. */
static const struct range *code_of(const struct table *t, const Elf64_Sym *s)
{
	unsigned int type = ELF64_ST_TYPE(s->st_info);

	if (s->st_shndx == SHN_UNDEF || s->st_shndx == SHN_ABS || s->st_shndx == SHN_COMMON)
		return NULL;
	/* An entry point written in assembly is often not typed. */
	if (type == STT_NOTYPE && !s->st_size &&
	    (s->st_value != t->e->ehdr.e_entry || ELF64_ST_BIND(s->st_info) == STB_LOCAL))
		return NULL;
	if (type != STT_NOTYPE && type != STT_FUNC && type != STT_GNU_IFUNC)
		return NULL;
	return find_code(t, s->st_value);
}

static uint32_t rank_of(const Elf64_Sym *s)
{
	switch (ELF64_ST_BIND(s->st_info)) {
	case STB_GLOBAL:
	case STB_GNU_UNIQUE:
		return PB_SYMBOL_GLOBAL;
	case STB_WEAK:
		return PB_SYMBOL_WEAK;
	default:
		return PB_SYMBOL_LOCAL;
	}
}

/* Names of ARM and RISC-V that mark where code and data begin: "$x", "$d.12". */
static bool is_mapping_symbol(const char *name)
{
	return name[0] == '$' && name[1] && strchr("adtx", name[1]) && (!name[2] || name[2] == '.');
}

/*
 * Where functions start, sorted, and how far those that started up to there reach: what a function
 * that does not say where it ends may at most cover.
 */
static int collect_extents(struct table *t)
{
	uint64_t reach = 0;
	uint32_t i;

	t->extents = malloc(((size_t)t->n_syms + 1) * sizeof(*t->extents));
	if (!t->extents)
		return -ENOMEM;
	for (i = 1; i < t->n_syms; i++) {
		Elf64_Sym s = widen_sym(t->e, t->syms, i);
		const struct range *code = code_of(t, &s);
		uint64_t end;

		if (!code)
			continue;
		end = s.st_size < code->end - s.st_value ? s.st_value + s.st_size : code->end;
		t->extents[t->n_extents++] = (struct range){s.st_value, end};
	}
	qsort(t->extents, t->n_extents, sizeof(*t->extents), compare_ranges);
	for (i = 0; i < t->n_extents; i++) {
		if (t->extents[i].end > reach)
			reach = t->extents[i].end;
		t->extents[i].end = reach;
	}
	return 0;
}

/* Bytes that a function of size 0 covers; 0 if that cannot be told, or others cover its start. */
static int unsized_size(struct table *t, uint64_t addr, uint64_t section_end, uint64_t *size)
{
	uint64_t end = section_end;
	uint32_t n;
	int err;

	*size = 0;
	if (!t->is_full)
		return 0;
	err = t->extents ? 0 : collect_extents(t);
	if (err)
		return err;
	n = count_up_to(t->extents, t->n_extents, addr);
	if (n && t->extents[n - 1].end > addr)
		return 0;
	if (n < t->n_extents && t->extents[n].start < end)
		end = t->extents[n].start;
	if (end - addr <= UNSIZED_MAX)
		*size = end - addr;
	return 0;
}

static int add_symbol(struct table *t, const Elf64_Sym *s, struct pb_symtab *out)
{
	const struct range *code = code_of(t, s);
	uint64_t size = s->st_size;
	const char *name, *version;
	size_t len, room;
	int err = 0;

	if (!code)
		return 0;
	if (s->st_name >= t->strings_size)
		return -EPROTO;
	name = t->strings + s->st_name;
	room = t->strings_size - s->st_name;
	len = strnlen(name, room < PB_SYMTAB_NAME_MAX ? room : PB_SYMTAB_NAME_MAX);
	if (len == room)
		return -EPROTO; /* runs out of its string table */
	/* Linkers write "memcpy@@GLIBC_2.14" into .symtab; .dynsym has versions of its own. */
	version = t->is_full ? memchr(name, '@', len) : NULL;
	if (version && version > name)
		len = (size_t)(version - name);
	if (!len || is_mapping_symbol(name))
		return 0;
	if (!size)
		err = unsized_size(t, s->st_value, code->end, &size);
	if (err)
		return err;
	if (size > code->end - s->st_value)
		size = code->end - s->st_value;
	return pb_symtab_add(out, s->st_value, size, rank_of(s), name, len);
}

static int read_table(struct table *t, const Elf64_Shdr *symtab, const Elf64_Shdr *strtab)
{
	const struct pb_elf *e = t->e;
	void *bytes;
	int err;

	if (symtab->sh_entsize != sym_size(e) || strtab->sh_type != SHT_STRTAB)
		return -EPROTO;
	if (symtab->sh_size / sym_size(e) > PB_SYMTAB_MAX ||
	    strtab->sh_size > PB_SYMTAB_NAME_BYTES_MAX)
		return -EFBIG;
	t->n_syms = (uint32_t)(symtab->sh_size / sym_size(e));
	err = read_new(e, symtab->sh_offset, t->n_syms * sym_size(e), &bytes);
	if (err)
		return err;
	t->syms = bytes;
	err = read_new(e, strtab->sh_offset, strtab->sh_size, &bytes);
	if (err)
		return err;
	t->strings = bytes;
	t->strings_size = strtab->sh_size;
	return 0;
}

static int load_table(struct pb_symtab **out, struct table *t, const Elf64_Shdr *symtab,
		      const Elf64_Shdr *strtab)
{
	pb_auto(pb_symtab) struct pb_symtab *functions = NULL;
	uint32_t i;
	int err;

	err = read_table(t, symtab, strtab);
	if (err)
		return err;
	err = pb_symtab_new(&functions);
	if (err)
		return err;
	for (i = 1; i < t->n_syms; i++) {
		Elf64_Sym s = widen_sym(t->e, t->syms, i);

		err = add_symbol(t, &s, functions);
		if (err)
			return err;
	}
	err = pb_symtab_finish(functions, 0);
	if (err)
		return err;
	*out = pb_take(functions);
	return 0;
}

static int read_sections(const struct pb_elf *e, Elf64_Shdr **out, uint32_t *out_n)
{
	pb_autofree Elf64_Shdr *sections = NULL;
	pb_autofree void *table = NULL;
	uint32_t n = e->ehdr.e_shnum, i;
	int err;

	if (n && e->ehdr.e_shentsize != shdr_size(e))
		return -EPROTO;
	err = read_new(e, n ? e->ehdr.e_shoff : 0, n * shdr_size(e), &table);
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

static int code_ranges(const Elf64_Shdr *sections, uint32_t n, struct range **out, uint32_t *out_n)
{
	struct range *code = calloc((size_t)n + 1, sizeof(*code));
	uint32_t n_code = 0, i;

	if (!code)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		const Elf64_Shdr *s = &sections[i];

		if (!(s->sh_flags & SHF_ALLOC) || !(s->sh_flags & SHF_EXECINSTR) || !s->sh_size ||
		    s->sh_size > UINT64_MAX - s->sh_addr)
			continue;
		code[n_code++] = (struct range){s->sh_addr, s->sh_addr + s->sh_size};
	}
	qsort(code, n_code, sizeof(*code), compare_ranges);
	*out = code;
	*out_n = n_code;
	return 0;
}

/* The table of section type @type; an empty one if there is no such section. */
static int functions_of_type(struct pb_symtab **out, const struct pb_elf *e,
			     const Elf64_Shdr *sections, uint32_t n, uint32_t type)
{
	pb_autofree struct range *code = NULL;
	struct table t = {.e = e, .is_full = type == SHT_SYMTAB};
	uint32_t i;
	int err;

	for (i = 0; i < n && sections[i].sh_type != type; i++)
		;
	if (i == n)
		return pb_symtab_new(out);
	if (sections[i].sh_link >= n)
		return -EPROTO;
	err = code_ranges(sections, n, &code, &t.n_code);
	if (err)
		return err;
	t.code = code;
	err = load_table(out, &t, &sections[i], &sections[sections[i].sh_link]);
	free_table(&t);
	return err;
}

int pb_elf_functions(struct pb_symtab **out, const struct pb_elf *e)
{
	pb_auto(pb_symtab) struct pb_symtab *functions = NULL;
	pb_autofree Elf64_Shdr *sections = NULL;
	uint32_t n;
	int err;

	err = read_sections(e, &sections, &n);
	if (err)
		return err;
	err = functions_of_type(&functions, e, sections, n, SHT_SYMTAB);
	if (err)
		return err;
	if (!pb_symtab_count(functions)) {
		pb_symtab_free(pb_take(functions));
		err = functions_of_type(&functions, e, sections, n, SHT_DYNSYM);
		if (err)
			return err;
	}
	*out = pb_take(functions);
	return 0;
}
