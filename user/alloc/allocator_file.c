/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Symbols are gathered first, since what a name means depends on the others: malloc beside
 * mallctl is jemalloc's, free alone is no allocator's.
 *
 *   exported  in .dynsym: what others call, too, if no other file comes first; in a static program, all
 *   own       in .symtab only: the file was linked so that its own code alone calls it
 *   prefixed  whoever calls it means it
 *
 * The privileged tool does this itself: bytes of the file are read in small copies and only compared, nothing is
 * looked up by what they say but other bytes of the file, and the disassembler sees 4 KB of each function.
 */
#include "user/alloc/allocator_file.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "user/alloc/allocator_names.h"
#include "user/alloc/jumps.h"
#include "user/alloc/symbol_scan.h"
#include "user/core/elf.h"
#include "user/core/grow.h"
#include "user/core/log.h"
#include "user/core/own.h"

/* tcmalloc has 110. */
#define FOUND_MAX       1024u
#define CODE_MAX        4096u
/* Of a function that does not say how long it is. */
#define UNSIZED_BYTES   64u
#define HOPS_MAX        8
#define INTERPRETER_MAX 4096u

/* A symbol with one of the names. */
struct found {
	uint64_t addr, size;
	char name[PB_ALLOC_NAME_MAX + 1];
	const struct pb_alloc_name *row;
	enum pb_alloc_prefix prefix;
	bool exported;
	bool is_ifunc;
	bool is_jump; /* to another one */
};

struct file {
	const struct pb_elf *e;
	struct found *found;
	uint32_t n, size;
	bool in_dynsym;       /* the table that is being read */
	bool dynsym_offers;   /* .dynsym defines any function */
	bool is_alone;        /* a static program */
	unsigned int markers; /* 1 << enum pb_alloc_kind */
	enum pb_alloc_kind plain_kind;
	bool serves;
	bool has_ifunc;
};

/* --- gathering --- */

static bool is_plain(const struct found *f)
{
	return f->prefix == PB_PREFIX_NONE;
}

static int on_symbol(void *ctx, const Elf64_Sym *symbol, const char *name, size_t len)
{
	bool is_local = ELF64_ST_BIND(symbol->st_info) == STB_LOCAL;
	enum pb_alloc_prefix prefix = PB_PREFIX_NONE;
	const struct pb_alloc_name *row;
	struct file *file = ctx;
	struct found *f;
	uint64_t off;
	int err;

	if (file->in_dynsym)
		file->dynsym_offers = true;
	file->markers |= 1u << pb_alloc_marker_kind(name, len);
	row = pb_alloc_name_find(name, len, &prefix);
	if (!row || !pb_jumps_code_at(file->e, symbol->st_value, &off))
		return 0;
	if (file->n >= FOUND_MAX)
		return -EFBIG;
	err = pb_grow(&file->found, &file->size, file->n + 1ull, sizeof(*file->found));
	if (err)
		return err;
	f = &file->found[file->n++];
	*f = (struct found){
		.addr = symbol->st_value,
		.size = symbol->st_size,
		.row = row,
		.prefix = prefix,
		.exported = file->in_dynsym ? !is_local : file->is_alone,
		.is_ifunc = ELF64_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC,
	};
	memcpy(f->name, name, len);
	return 0;
}

/* By address; of one address, the name first that is to be shown. */
static int compare_found(const void *pa, const void *pb)
{
	const struct found *a = pa, *b = pb;

	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	if (a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	if (a->exported != b->exported)
		return a->exported ? -1 : 1;
	if (a->row != b->row)
		return a->row < b->row ? -1 : 1;
	return strcmp(a->name, b->name);
}

/* What is exported stands in both tables. Sorted, .dynsym's comes first. */
static void join_tables(struct file *file)
{
	uint32_t i;

	for (i = 1; i < file->n; i++) {
		const struct found *before = &file->found[i - 1];
		struct found *f = &file->found[i];

		if (f->addr == before->addr && f->prefix == before->prefix)
			f->exported |= before->exported;
	}
}

static int gather(struct file *file)
{
	int err;

	file->in_dynsym = true;
	err = pb_symbol_scan(file->e, SHT_DYNSYM, PB_ALLOC_NAME_MAX, on_symbol, file);
	if (err && err != -ENOENT)
		return err;
	file->in_dynsym = false;
	file->is_alone = !file->dynsym_offers && !pb_elf_interp(file->e);
	err = pb_symbol_scan(file->e, SHT_SYMTAB, PB_ALLOC_NAME_MAX, on_symbol, file);
	if (err && err != -ENOENT)
		return err;
	if (file->n)
		qsort(file->found, file->n, sizeof(*file->found), compare_found);
	join_tables(file);
	return 0;
}

/* --- what it all means --- */

/* Whether some plain function is also known by a name with @prefix. */
static bool is_alias(const struct file *file, enum pb_alloc_prefix prefix, const char *name)
{
	const struct found *plain = NULL;
	uint32_t i;

	for (i = 0; i < file->n; i++) {
		const struct found *f = &file->found[i];

		if (is_plain(f) && !strcmp(f->row->name, name))
			plain = f;
		if (f->prefix == prefix && plain && f->addr == plain->addr)
			return true;
	}
	return false;
}

static bool has_plain(const struct file *file, const char *name, bool exported)
{
	uint32_t i;

	for (i = 0; i < file->n; i++)
		if (is_plain(&file->found[i]) && !strcmp(file->found[i].row->name, name) &&
		    (file->found[i].exported || !exported))
			return true;
	return false;
}

/*
 * Whose the functions without prefix are. In a static program several allocators may lie side by side: jemalloc
 * that has no prefix gives mallctl none either; the others give one function both names.
 */
static enum pb_alloc_kind find_plain_kind(const struct file *file)
{
	if (file->markers & 1u << PB_KIND_JEMALLOC)
		return PB_KIND_JEMALLOC;
	if ((file->markers & 1u << PB_KIND_MIMALLOC) && is_alias(file, PB_PREFIX_MI, "malloc"))
		return PB_KIND_MIMALLOC;
	if (file->markers & 1u << PB_KIND_TCMALLOC)
		return PB_KIND_TCMALLOC;
	if (file->markers & 1u << PB_KIND_MUSL)
		return PB_KIND_MUSL;
	if ((file->markers & 1u << PB_KIND_GLIBC) || is_alias(file, PB_PREFIX_LIBC, "malloc"))
		return PB_KIND_GLIBC;
	return PB_KIND_UNKNOWN;
}

static enum pb_alloc_kind kind_of(const struct file *file, const struct found *f)
{
	return is_plain(f) || f->prefix == PB_PREFIX_LIBC ? file->plain_kind
							  : pb_alloc_prefix_kind(f->prefix);
}

static bool is_libc(const struct file *file)
{
	return file->plain_kind == PB_KIND_GLIBC || file->plain_kind == PB_KIND_MUSL;
}

/* Behind another one: may somebody look its malloc() up, and is a call of it not one of that other's? */
static bool is_looked_up(const struct file *file, enum pb_alloc_shadow shadow)
{
	return shadow == PB_SHADOW_KNOWN && file->serves && file->plain_kind != PB_KIND_UNKNOWN &&
	       !is_libc(file);
}

/* Whether anybody calls it, and calls nothing else that is probed. */
static bool is_wanted(const struct file *file, const struct found *f, enum pb_alloc_shadow shadow)
{
	bool shadowed = shadow != PB_SHADOW_NONE;

	if (f->prefix == PB_PREFIX_LIBC)
		return !shadowed && file->serves;
	if (!is_plain(f))
		return true;
	if (shadowed && f->exported)
		return is_looked_up(file, shadow);
	/* The C libraries' programs have these from libstdc++, where they call malloc and free. */
	if (f->row->is_cxx)
		return file->serves && !shadowed && !is_libc(file);
	/* A function of a program that happens to be called valloc makes no allocator. */
	return f->exported ? file->serves
			   : has_plain(file, "malloc", false) && has_plain(file, "free", false);
}

/* Keep those that are wanted, and one name of each address. */
static void sift(struct file *file, enum pb_alloc_shadow shadow)
{
	uint32_t i, n = 0;

	file->serves = has_plain(file, "malloc", true);
	file->plain_kind = find_plain_kind(file);
	for (i = 0; i < file->n; i++) {
		struct found f = file->found[i];

		if (!is_wanted(file, &f, shadow))
			continue;
		/* Its address is that of the function that chooses. */
		if (f.is_ifunc) {
			file->has_ifunc = true;
			continue;
		}
		if (n && file->found[n - 1].addr == f.addr) {
			if (file->found[n - 1].size < f.size)
				file->found[n - 1].size = f.size;
			continue;
		}
		file->found[n++] = f;
	}
	file->n = n;
}

static bool is_found(const struct file *file, uint64_t addr)
{
	uint32_t lo = 0, hi = file->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (file->found[mid].addr == addr)
			return true;
		if (file->found[mid].addr < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return false;
}

static int mark_jumps(struct file *file)
{
	pb_auto(pb_jumps) struct pb_jumps *jumps = NULL;
	int err = pb_jumps_new(&jumps, file->e), hops;
	uint32_t i;

	for (i = 0; !err && i < file->n; i++) {
		struct found *f = &file->found[i];
		uint64_t addr = f->addr;

		for (hops = 0; !err && hops < HOPS_MAX && !f->is_jump; hops++) {
			err = pb_jumps_target(jumps, addr, &addr);
			f->is_jump = !err && addr != f->addr && is_found(file, addr);
		}
		if (err == -ENOENT)
			err = 0;
	}
	return err;
}

/* --- what is handed out --- */

static int place(const struct file *file, const struct found *f, struct pb_alloc_function *to)
{
	uint64_t size = f->size ? f->size : UNSIZED_BYTES, room;
	pb_autofree void *code = NULL;
	int err;

	room = pb_jumps_code_at(file->e, f->addr, &to->file_off);
	if (size > room)
		size = room;
	if (size > CODE_MAX)
		size = CODE_MAX;
	err = pb_elf_read(file->e, to->file_off, size, &code);
	if (err)
		return err;
	err = pb_placement_find(&to->placement, pb_elf_machine(file->e), code, size, f->addr,
				pb_alloc_call_args(f->row->call));
	/* Where code is not understood the function's first byte does. */
	return err == -ENOTSUP ? 0 : err;
}

/*
 * Aligned operator new goes on to another function that is probed, and its own return cannot always be awaited, since
 * it may throw: the other one serves for both.
 *
 * glibc's and musl's reallocarray() does nothing but multiply and go on to realloc(), which is probed:
 * where a probe on it would be dear, there is none.
 */
static bool is_spared(const struct file *file, const struct found *f,
		      const struct pb_alloc_function *to)
{
	enum pb_alloc_kind kind = kind_of(file, f);

	if (to->throws && to->nests && strstr(f->row->name, "align"))
		return true;
	return to->call == PB_CALL_REALLOCARRAY && !to->placement.emulated &&
	       (kind == PB_KIND_GLIBC || kind == PB_KIND_MUSL);
}

static int add_function(struct pb_allocator *a, const struct file *file, const struct found *f)
{
	struct pb_alloc_function *to = &a->functions[a->n];
	int err;

	*to = (struct pb_alloc_function){
		.call = f->row->call,
		.nests = f->row->nests & 1u << kind_of(file, f),
		.throws = pb_alloc_name_throws(f->row),
		.addr = f->addr,
	};
	err = place(file, f, to);
	if (err || is_spared(file, f, to))
		return err;
	to->name = strdup(f->name);
	if (!to->name)
		return -ENOMEM;
	a->n++;
	return 0;
}

/* The file's kind is that of what it serves, else of the first function that it has. */
static enum pb_alloc_kind kind_of_file(const struct file *file)
{
	uint32_t i;

	for (i = 0; i < file->n; i++)
		if (is_plain(&file->found[i]))
			return file->plain_kind;
	return file->n ? kind_of(file, &file->found[0]) : PB_KIND_UNKNOWN;
}

static int fill(struct pb_allocator *a, const struct file *file, int fd, const char *path)
{
	bool allocates = false;
	struct stat st;
	uint32_t i;
	int err = 0;

	if (fstat(fd, &st))
		return -errno;
	a->dev = st.st_dev;
	a->ino = st.st_ino;
	a->kind = strdup(pb_alloc_kind_name(kind_of_file(file)));
	a->path = strdup(path);
	a->functions = calloc((size_t)file->n + 1, sizeof(*a->functions));
	if (!a->kind || !a->path || !a->functions)
		return -ENOMEM;
	for (i = 0; !err && i < file->n; i++) {
		const struct found *f = &file->found[i];

		if (f->is_jump)
			continue;
		allocates |= f->row->call != PB_CALL_FREE;
		err = add_function(a, file, f);
	}
	if (err || !allocates)
		return err ? err : -ENOENT;
	a->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return a->fd < 0 ? -errno : 0;
}

int pb_allocator_read(struct pb_allocator *out, int fd, const char *path,
		      enum pb_alloc_shadow shadow, struct pb_allocator_role *role)
{
	struct pb_allocator a = {.fd = -1};
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	struct file file = {.n = 0};
	int err = pb_elf_open(&e, fd);

	if (err)
		return err;
	if (!pb_elf_is64(e))
		return -ENOTSUP;
	file.e = e;
	err = gather(&file);
	if (!err) {
		sift(&file, shadow);
		err = mark_jumps(&file);
	}
	if (!err)
		err = fill(&a, &file, fd, path);
	free(file.found);
	*role = (struct pb_allocator_role){
		.serves = file.serves,
		.is_known = file.plain_kind != PB_KIND_UNKNOWN,
		.unseen = file.serves && shadow != PB_SHADOW_NONE && !is_libc(&file) &&
			  !is_looked_up(&file, shadow),
	};
	a.serves_malloc = file.serves && shadow == PB_SHADOW_NONE;
	a.has_ifunc = file.has_ifunc;
	if (err)
		pb_allocator_drop(&a);
	else
		*out = a;
	return err;
}

/* --- executables --- */

static bool has_section(const struct pb_elf *e, const char *name)
{
	struct pb_elf_section none = {.bytes = NULL};
	int err = pb_elf_section(e, name, 0, &none); /* what is larger than nothing is there */

	free(none.bytes);
	return !err || err == -EFBIG;
}

static int read_interpreter(struct pb_executable *x, const struct pb_elf *e)
{
	const Elf64_Phdr *interp = pb_elf_interp(e);
	pb_autofree void *text = NULL;
	int err;

	x->is_static = !interp;
	if (!interp)
		return 0;
	if (!interp->p_filesz || interp->p_filesz > INTERPRETER_MAX)
		return -ENOEXEC;
	err = pb_elf_read(e, interp->p_offset, interp->p_filesz, &text);
	if (err)
		return err == -EPROTO ? -ENOEXEC : err;
	x->interpreter = strndup(text, interp->p_filesz);
	return x->interpreter ? 0 : -ENOMEM;
}

int pb_executable_read(struct pb_executable *out, int fd)
{
	struct pb_executable x = {.interpreter = NULL};
	pb_auto(pb_elf) struct pb_elf *e = NULL;
	int err = pb_elf_open(&e, fd);

	if (!err)
		err = read_interpreter(&x, e);
	if (err)
		return err;
	x.is_32bit = !pb_elf_is64(e);
	x.is_go = has_section(e, ".go.buildinfo") || has_section(e, ".gopclntab") ||
		  has_section(e, ".note.go.buildid");
	*out = x;
	return 0;
}

/* --- lists --- */

static int see(struct pb_allocator_list *l, int fd, bool *is_new)
{
	struct stat st;
	uint32_t i;
	int err;

	*is_new = false;
	if (fstat(fd, &st))
		return 0;
	for (i = 0; i < l->n_seen; i++)
		if (l->seen[i].dev == st.st_dev && l->seen[i].ino == st.st_ino)
			return 0;
	err = pb_grow(&l->seen, &l->seen_size, l->n_seen + 1ull, sizeof(*l->seen));
	if (err)
		return err;
	l->seen[l->n_seen++] = (struct pb_seen_file){st.st_dev, st.st_ino};
	*is_new = true;
	return 0;
}

/* To be told: somebody may call it, and that is not seen. */
static int add_unseen(struct pb_allocators *all, const char *path)
{
	int err = pb_grow(&all->unseen, &all->unseen_size, all->n_unseen + 1ull,
			  sizeof(*all->unseen));

	if (err)
		return err;
	all->unseen[all->n_unseen] = strdup(path);
	if (!all->unseen[all->n_unseen])
		return -ENOMEM;
	all->n_unseen++;
	return 0;
}

int pb_allocator_list_add(struct pb_allocator_list *l, int fd, const char *path)
{
	struct pb_allocators *all = l->out;
	struct pb_allocator_role role = {.serves = false};
	bool is_new;
	int err = see(l, fd, &is_new);

	if (err || !is_new)
		return err;
	all->objects++;
	err = pb_grow(&all->items, &l->items_size, all->n + 1ull, sizeof(*all->items));
	if (err)
		return err;
	err = pb_allocator_read(&all->items[all->n], fd, path, l->shadow, &role);
	if (role.serves && l->shadow == PB_SHADOW_NONE)
		l->shadow = role.is_known ? PB_SHADOW_KNOWN : PB_SHADOW_UNKNOWN;
	if (!err)
		all->n++;
	else if (err != -ENOENT && err != -ENOMEM)
		pb_log(PB_LOG_DEBUG, "%s: no allocator is looked for: %s", path, strerror(-err));
	if (role.unseen && err != -ENOMEM)
		err = add_unseen(all, path);
	return err == -ENOMEM ? err : 0;
}

void pb_allocator_list_end(struct pb_allocator_list *l)
{
	free(l->seen);
	*l = (struct pb_allocator_list){.out = l->out};
}
