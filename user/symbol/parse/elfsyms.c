/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Symbol tables are as hostile as the headers: see the top of user/core/elf.c. */
#include "user/symbol/parse/elfsyms.h"

#include <errno.h>
#include <string.h>

#include "user/core/elf.h"
#include "user/symbol/shared/symtab.h"

/* The longest function of size 0 that is believed. */
#define UNSIZED_MAX 4096

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
	bool is_dynamic; /* .dynsym */
	bool is_whole;   /* every function of the file is in it */
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

static Elf64_Sym widen_sym(const struct pb_elf *e, const uint8_t *table, uint32_t i)
{
	Elf64_Sym wide;
	Elf32_Sym s;

	if (pb_elf_is64(e)) {
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

static size_t sym_size(const struct pb_elf *e)
{
	return pb_elf_is64(e) ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
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
	    (s->st_value != pb_elf_entry(t->e) || ELF64_ST_BIND(s->st_info) == STB_LOCAL))
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

/* The section of a symbol that names code, or is a label in code that names nothing; or NULL. */
static const struct range *code_or_label(const struct table *t, const Elf64_Sym *s)
{
	if (s->st_shndx != SHN_UNDEF && s->st_shndx != SHN_ABS && s->st_shndx != SHN_COMMON &&
	    ELF64_ST_TYPE(s->st_info) == STT_NOTYPE)
		return find_code(t, s->st_value);
	return code_of(t, s);
}

/*
 * Where functions and labels start, sorted, and how far those that started up to there reach: what a
 * function that does not say where it ends may at most cover. A label may begin another function, in
 * assembly that gives no types.
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
		const struct range *code = code_or_label(t, &s);
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
	if (!t->is_whole)
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
	int err;

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
	version = t->is_dynamic ? NULL : memchr(name, '@', len);
	if (version && version > name)
		len = (size_t)(version - name);
	if (!len || is_mapping_symbol(name))
		return 0;
	if (!size) {
		err = unsized_size(t, s->st_value, code->end, &size);
		if (err || !size)
			return err;
		return pb_symtab_add_unsized(out, s->st_value, size, rank_of(s), name, len);
	}
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
	err = pb_elf_read(e, symtab->sh_offset, t->n_syms * sym_size(e), &bytes);
	if (err)
		return err;
	t->syms = bytes;
	err = pb_elf_read(e, strtab->sh_offset, strtab->sh_size, &bytes);
	if (err)
		return err;
	t->strings = bytes;
	t->strings_size = strtab->sh_size;
	return 0;
}

/* strip -x and ld -x leave out local names of code, which every whole program has: what begins behind a
 * function without a size is not known then. */
static bool has_local_code(const struct table *t)
{
	uint32_t i;

	for (i = 1; i < t->n_syms; i++) {
		Elf64_Sym s = widen_sym(t->e, t->syms, i);

		if (ELF64_ST_BIND(s.st_info) == STB_LOCAL && code_or_label(t, &s))
			return true;
	}
	return false;
}

static int add_symbols(struct table *t, struct pb_symtab *out)
{
	uint32_t i;
	int err = 0;

	t->is_whole = t->is_whole && has_local_code(t);
	for (i = 1; !err && i < t->n_syms; i++) {
		Elf64_Sym s = widen_sym(t->e, t->syms, i);

		err = add_symbol(t, &s, out);
	}
	return err;
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

/* The sections of a file that are looked at for its symbols. */
struct headers {
	Elf64_Shdr *sections;
	uint32_t n;
	struct range *code;
	uint32_t n_code;
};

static void free_headers(struct headers *h)
{
	free(h->sections);
	free(h->code);
}

static int read_headers(struct headers *h, const struct pb_elf *e)
{
	int err = pb_elf_sections(e, &h->sections, &h->n);

	return err ? err : code_ranges(h->sections, h->n, &h->code, &h->n_code);
}

/* Return: 0, and @t is to be freed in any case; -ENOENT without a table of this type. */
static int open_table(struct table *t, const struct headers *h, uint32_t type)
{
	uint32_t i;

	for (i = 0; i < h->n && h->sections[i].sh_type != type; i++)
		;
	if (i == h->n)
		return -ENOENT;
	if (h->sections[i].sh_link >= h->n)
		return -EPROTO;
	t->is_dynamic = type == SHT_DYNSYM;
	t->code = h->code;
	t->n_code = h->n_code;
	return read_table(t, &h->sections[i], &h->sections[h->sections[i].sh_link]);
}

int pb_elf_add_functions(struct pb_symtab *to, const struct pb_elf *e, uint32_t type, bool is_whole)
{
	struct headers h = {0};
	struct table t = {.e = e, .is_whole = is_whole};
	int err;

	err = read_headers(&h, e);
	if (!err)
		err = open_table(&t, &h, type);
	if (!err)
		err = add_symbols(&t, to);
	free_table(&t);
	free_headers(&h);
	return err;
}

/* --- what two tables, or two files, say --- */

/* Where the functions of a table start, sorted; the end is 0, for mark_known(). */
static int collect_starts(const struct table *t, struct range **out, uint32_t *n)
{
	struct range *starts = malloc(((size_t)t->n_syms + 1) * sizeof(*starts));
	uint32_t i;

	if (!starts)
		return -ENOMEM;
	for (*n = 0, i = 1; i < t->n_syms; i++) {
		Elf64_Sym s = widen_sym(t->e, t->syms, i);

		if (code_of(t, &s))
			starts[(*n)++] = (struct range){.start = s.st_value};
	}
	qsort(starts, *n, sizeof(*starts), compare_ranges);
	*out = starts;
	return 0;
}

/* Whether a function stands at each of them, and at the entry point if it is code. */
static bool knows_all(const struct table *t, struct range *starts, uint32_t n)
{
	uint64_t entry = pb_elf_entry(t->e);
	bool has_entry = !entry || !find_code(t, entry);
	uint32_t i, up_to;

	for (i = 1; i < t->n_syms; i++) {
		Elf64_Sym s = widen_sym(t->e, t->syms, i);

		if (!code_of(t, &s))
			continue;
		has_entry |= s.st_value == entry;
		up_to = count_up_to(starts, n, s.st_value);
		if (up_to && starts[up_to - 1].start == s.st_value)
			starts[up_to - 1].end = 1;
	}
	/* Of several that start together the last one is marked. */
	for (i = 0; i < n; i++)
		if (!starts[i].end && (i + 1 == n || starts[i + 1].start != starts[i].start))
			return false;
	return has_entry;
}

static int compare_tables(const struct table *t, const struct table *dynamic, bool *out)
{
	pb_autofree struct range *starts = NULL;
	uint32_t n = 0;
	int err;

	err = collect_starts(dynamic, &starts, &n);
	if (!err)
		*out = has_local_code(t) && knows_all(t, starts, n);
	return err;
}

int pb_elf_has_whole_symtab(const struct pb_elf *e, bool *out)
{
	struct headers h = {0};
	struct table t = {.e = e}, dynamic = {.e = e};
	bool is_whole = false;
	int err;

	err = read_headers(&h, e);
	if (!err)
		err = open_table(&t, &h, SHT_SYMTAB);
	if (!err) {
		err = open_table(&dynamic, &h, SHT_DYNSYM);
		if (!err || err == -ENOENT)
			err = compare_tables(&t, &dynamic, &is_whole);
	}
	free_table(&dynamic);
	free_table(&t);
	free_headers(&h);
	if (err && err != -ENOENT)
		return err;
	*out = is_whole;
	return 0;
}

/* The executable segments, as code_ranges(). */
static int code_segments(const struct pb_elf *e, struct range **out, uint32_t *out_n)
{
	const Elf64_Phdr *loads;
	struct range *code;
	uint32_t n, i;

	loads = pb_elf_loads(e, &n);
	code = calloc((size_t)n + 1, sizeof(*code));
	if (!code)
		return -ENOMEM;
	for (*out_n = 0, i = 0; i < n; i++)
		if (loads[i].p_flags & PF_X)
			code[(*out_n)++] = (struct range){loads[i].p_vaddr,
							  loads[i].p_vaddr + loads[i].p_memsz};
	qsort(code, *out_n, sizeof(*code), compare_ranges);
	*out = code;
	return 0;
}

static int compare_segments(const struct pb_elf *a, const struct pb_elf *b, bool *out)
{
	pb_autofree struct range *code_a = NULL, *code_b = NULL;
	uint32_t n_a = 0, n_b = 0;
	int err;

	err = code_segments(a, &code_a, &n_a);
	if (!err)
		err = code_segments(b, &code_b, &n_b);
	if (!err)
		*out = n_a && n_a == n_b && !memcmp(code_a, code_b, n_a * sizeof(*code_a));
	return err;
}

int pb_elf_has_same_code(const struct pb_elf *a, const struct pb_elf *b, bool *out)
{
	struct headers h_a = {0}, h_b = {0};
	bool is_same = false;
	int err;

	err = read_headers(&h_a, a);
	if (!err)
		err = read_headers(&h_b, b);
	if (!err && pb_elf_is64(a) == pb_elf_is64(b) && pb_elf_machine(a) == pb_elf_machine(b)) {
		if (!h_a.n_code || !h_b.n_code)
			err = compare_segments(a, b, &is_same);
		else
			is_same = h_a.n_code == h_b.n_code &&
				  !memcmp(h_a.code, h_b.code, h_a.n_code * sizeof(*h_a.code));
	}
	free_headers(&h_a);
	free_headers(&h_b);
	if (!err)
		*out = is_same;
	return err;
}

int pb_elf_functions(struct pb_symtab **out, const struct pb_elf *e)
{
	pb_auto(pb_symtab) struct pb_symtab *functions = NULL;
	int err;

	err = pb_symtab_new(&functions);
	if (err)
		return err;
	err = pb_elf_add_functions(functions, e, SHT_SYMTAB, true);
	if (err && err != -ENOENT)
		return err;
	if (!pb_symtab_count(functions))
		err = pb_elf_add_functions(functions, e, SHT_DYNSYM, false);
	if (err && err != -ENOENT)
		return err;
	err = pb_symtab_finish(functions, 0);
	if (err)
		return err;
	*out = pb_take(functions);
	return 0;
}
