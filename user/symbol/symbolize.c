/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Locations without names are sorted by the table that can name them, then by address. Each run of
 * one table is a batch: the table is built, the batch walks it in order of address, the table is
 * freed. What a module has to say beyond its symbol table (lines, inlined calls) is asked for per
 * batch as well, in name_one_table().
 */
#include "user/symbol/symbol.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "user/core/elf.h"
#include "user/core/log.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/vdso.h"
#include "user/symbol/elfsyms.h"
#include "user/symbol/kallsyms.h"
#include "user/symbol/perfmap.h"
#include "user/symbol/symtab.h"

/* Of a module's base name in "base+0xoffset". */
#define BASE_MAX 1024

/* A location to be named. */
struct item {
	uint64_t table; /* items of equal table are one batch */
	uint64_t addr;  /* where to look: of a return address, the byte before it */
	uint32_t location;
};

/* One table, and those who want names of it. */
struct batch {
	struct pb_profile *p;
	const struct pb_symbol_source *source; /* may be NULL */
	struct pb_symbol_stats *stats;
	const struct item *items;
	size_t n;
	struct pb_module module;   /* of the first item; they differ for anonymous code only */
	struct pb_elf *elf;        /* NULL: none, or not needed */
	struct pb_symtab *symbols; /* NULL: none can be had */
};

/* JIT code of one process is described by one perf map, wherever it lies. */
static uint64_t table_of(const struct pb_profile *p, uint32_t module)
{
	const struct pb_module *m = &p->modules[module];

	return m->kind == PB_MODULE_ANON ? (uint64_t)1 << 32 | m->tgid : module;
}

static int compare_items(const void *pa, const void *pb)
{
	const struct item *a = pa, *b = pb;

	if (a->table != b->table)
		return a->table < b->table ? -1 : 1;
	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	return a->location < b->location ? -1 : a->location > b->location;
}

static int collect(const struct pb_profile *p, struct item **out, size_t *out_n)
{
	struct item *items = calloc((size_t)p->n_locations + 1, sizeof(*items));
	size_t n = 0;
	uint32_t i;

	if (!items)
		return -ENOMEM;
	for (i = 0; i < p->n_locations; i++) {
		const struct pb_location *l = &p->locations[i];

		if (l->module == PB_NONE || l->n_lines)
			continue;
		items[n].table = table_of(p, l->module);
		items[n].addr = l->addr - (l->is_return && l->addr);
		items[n++].location = i;
	}
	qsort(items, n, sizeof(*items), compare_items);
	*out = items;
	*out_n = n;
	return 0;
}

/* A debug message about a module whose names cannot be had. */
static void log_no_names(const struct batch *b, const char *why)
{
	pb_log(PB_LOG_DEBUG, "no names from %s: %s", pb_profile_text(b->p, b->module.path), why);
}

/* Anything but -ENOMEM costs names, not the run. */
static int forgive(const struct batch *b, int err)
{
	if (err && err != -ENOMEM) {
		log_no_names(b, strerror(-err));
		return 0;
	}
	return err;
}

static uint64_t file_offset(const struct batch *b, uint64_t addr)
{
	return addr - b->module.start + b->module.file_off;
}

/* From the profile's address space to that of the table. Return: 0; -ENOENT. */
static int table_addr(const struct batch *b, uint64_t addr, uint64_t *out)
{
	*out = addr;
	switch (b->module.kind) {
	case PB_MODULE_FILE:
	case PB_MODULE_VDSO:
		return b->elf ? pb_elf_vaddr(b->elf, file_offset(b, addr), out) : -ENOENT;
	default:
		return 0;
	}
}

/* What "+0x" shows: the virtual address, or where there is none the offset in the file. */
static uint64_t shown_offset(const struct batch *b, uint64_t addr)
{
	uint64_t shown;

	if (!table_addr(b, addr, &shown))
		return shown;
	/* A call may be the last thing in a segment; it returns to the first byte behind. */
	if (!table_addr(b, addr - 1, &shown))
		return shown + 1;
	return file_offset(b, addr);
}

static const char *base_of(const struct batch *b)
{
	const char *path = pb_profile_text(b->p, b->module.path);
	const char *slash;

	switch (b->module.kind) {
	case PB_MODULE_KERNEL:
		return "[kernel]";
	case PB_MODULE_VDSO:
		return "[vdso]";
	case PB_MODULE_ANON:
		return "[anon]";
	default:
		slash = strrchr(path, '/');
		if (slash && slash[1])
			return slash + 1;
		return path[0] ? path : "[unknown]";
	}
}

static void set_line(struct pb_profile *p, uint32_t location, const struct pb_function *function)
{
	struct pb_line line = {.function = pb_profile_function(p, function)};

	pb_profile_set_lines(p, location, &line, 1);
}

static void set_unknown(const struct batch *b, uint32_t location)
{
	char name[BASE_MAX + 32];
	struct pb_function function = {0};
	int len;

	len = snprintf(name, sizeof(name), "%.*s+0x%" PRIx64, BASE_MAX, base_of(b),
		       shown_offset(b, b->p->locations[location].addr));
	function.name = pb_profile_string(b->p, name, (size_t)len);
	set_line(b->p, location, &function);
	b->stats->unnamed++;
}

/*
 * Name the batch from what was found. Neighbours often share a function: its strings are looked up
 * once.
 */
static void name_one_table(const struct batch *b)
{
	const struct pb_symbol *last = NULL;
	struct pb_function function = {0};
	size_t i;

	for (i = 0; i < b->n; i++) {
		const struct item *item = &b->items[i];
		const struct pb_symbol *symbol = NULL;
		uint64_t addr;

		if (b->symbols) {
			uint32_t module = b->p->locations[item->location].module;

			b->p->modules[module].has_functions = true;
			if (!table_addr(b, item->addr, &addr))
				symbol = pb_symtab_find(b->symbols, addr);
		}
		if (!symbol) {
			set_unknown(b, item->location);
			continue;
		}
		if (symbol != last) {
			function.name = pb_profile_string(b->p, symbol->name, strlen(symbol->name));
			function.system_name = function.name;
			last = symbol;
		}
		set_line(b->p, item->location, &function);
		b->stats->named++;
	}
}

/* Compare; a module whose build id nobody has told yet takes that of its file, which was pinned when
 * it was mapped. */
static bool has_build_id_of(struct batch *b, const struct pb_elf *elf)
{
	struct pb_module *m = &b->p->modules[b->p->locations[b->items->location].module];
	uint8_t id[PB_BUILD_ID_MAX];
	size_t len = pb_elf_build_id(elf, id, sizeof(id));

	if (!m->build_id_len) {
		memcpy(m->build_id, id, len);
		m->build_id_len = (uint8_t)len;
	}
	return len == m->build_id_len && !memcmp(id, m->build_id, len);
}

/* Take @elf's functions if it is what was mapped. An ELF file of another build is not kept. */
static int open_functions(struct batch *b, struct pb_elf *elf)
{
	if (!has_build_id_of(b, elf)) {
		pb_elf_free(elf);
		b->stats->build_id_mismatch++;
		log_no_names(b, "its build id is not that of what was mapped");
		return 0;
	}
	b->elf = elf;
	return forgive(b, pb_elf_functions(&b->symbols, elf));
}

static int open_file(struct batch *b)
{
	uint32_t module = b->p->locations[b->items->location].module;
	struct pb_elf *elf = NULL;
	int fd = -1;
	int err;

	if (b->source)
		fd = b->source->module_fd(b->source->ctx, module);
	if (fd < 0) {
		log_no_names(b, "its file could not be opened");
		return 0;
	}
	err = pb_elf_open(&elf, fd);
	return err ? forgive(b, err) : open_functions(b, elf);
}

static int open_vdso(struct batch *b)
{
	struct pb_elf *elf = NULL;
	int err = pb_vdso_open(&elf);

	return err ? forgive(b, err) : open_functions(b, elf);
}

static int open_perfmap(struct batch *b)
{
	pb_autoclose int fd = -1;

	if (b->source)
		fd = b->source->perf_map_fd(b->source->ctx, b->module.tgid);
	return fd < 0 ? 0 : forgive(b, pb_perfmap_read(&b->symbols, fd));
}

static int open_kernel(struct batch *b)
{
	pb_autofree uint64_t *wanted = calloc(b->n, sizeof(*wanted));
	size_t i;
	int err;

	if (!wanted)
		return -ENOMEM;
	for (i = 0; i < b->n; i++)
		wanted[i] = b->items[i].addr;
	err = pb_kallsyms_read(&b->symbols, wanted, b->n);
	if (err == -EACCES)
		b->stats->kallsyms_hidden = 1;
	return err == -ENOMEM ? err : 0;
}

static int open_table(struct batch *b)
{
	switch (b->module.kind) {
	case PB_MODULE_FILE:
		return open_file(b);
	case PB_MODULE_VDSO:
		return open_vdso(b);
	case PB_MODULE_KERNEL:
		return open_kernel(b);
	case PB_MODULE_ANON:
		return open_perfmap(b);
	}
	return 0;
}

static int run_batch(struct batch *b)
{
	int err;

	b->module = b->p->modules[b->p->locations[b->items->location].module];
	err = open_table(b);
	if (!err)
		name_one_table(b);
	pb_symtab_free(b->symbols);
	pb_elf_free(b->elf);
	return err;
}

int pb_symbolize(struct pb_profile *p, const struct pb_symbol_source *source,
		 struct pb_symbol_stats *stats)
{
	struct pb_symbol_stats unused;
	pb_autofree struct item *items = NULL;
	size_t n, first, end;
	int err;

	if (!stats)
		stats = &unused;
	memset(stats, 0, sizeof(*stats));
	err = collect(p, &items, &n);
	if (err)
		return err;
	for (first = 0; first < n; first = end) {
		struct batch b = {.p = p, .source = source, .stats = stats, .items = &items[first]};

		for (end = first + 1; end < n && items[end].table == items[first].table; end++)
			;
		b.n = end - first;
		err = run_batch(&b);
		if (err)
			return err;
	}
	return pb_profile_error(p);
}
