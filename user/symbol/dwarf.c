/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Debug information is as hostile as the file it is in. libdw checks what it reads; what it does not bound
 * is bounded here: chains of references, the depth of blocks, how many ranges there are, what inflates.
 *
 * A tree of debug entries is walked in the order in which they are stored, once: dwarf_siblingof() says
 * where a list of siblings ends, and behind that goes on what surrounds it. Asking for the sibling of each
 * parent instead would read its children again at every level, where a producer (clang) does not write
 * DW_AT_sibling.
 */
#include "user/symbol/dwarf.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <gelf.h>
#include <string.h>

#include "user/core/grow.h"

#define UNITS_MAX    (1u << 20)
#define RANGES_MAX   (8u << 20)   /* of all units and functions together */
#define CALLS_MAX    (1u << 20)   /* inlined into one function */
#define INFLATED_MAX (1ull << 30) /* bytes of all compressed sections together */
#define DEPTH_MAX    512          /* of blocks within blocks; gcc and clang stay below 100 */
#define HOPS_MAX     16 /* from an entry to the one it is an instance of, and on; 3 is usual */

/* A stretch of addresses that belongs to something: a unit, a function, an inlined call. */
struct span {
	uint64_t start, end;
	uint64_t
		reach; /* the largest end in the part of the search tree that has this at its root */
	uint32_t what;
};

/* Spans that may overlap: sorted, and a search tree whose roots are the middles. */
struct spans {
	struct span *a;
	uint32_t n, room;
};

/* An inlined call of the function at hand. */
struct call {
	void *die;
	uint32_t parent; /* the call that it is inlined into; NONE: the function itself */
	uint32_t depth;  /* 1: inlined into the function itself */
};

struct unit {
	Dwarf_Die die;
	const uint8_t *end; /* of its entries */
	bool is_ranged;     /* its ranges are in the table of units */
	bool has_functions; /* functions and spans were asked for */
	bool has_lines;     /* lines and files were asked for */
	uint8_t version;
	Dwarf_Lines *lines; /* sorted by address; may be NULL */
	Dwarf_Files *files; /* may be NULL */
	size_t n_lines;
	void **functions; /* entries with code */
	uint32_t n_functions, functions_room;
	struct spans spans; /* what: an index into functions */
};

/* .debug_info of a file. */
struct info {
	const uint8_t *start, *end;
};

/* Addresses around all executable sections. */
struct code {
	uint64_t start, end;
};

/* An ELF file whose debug information says nothing. */
struct nothing {
	Elf64_Ehdr ehdr;
	Elf64_Shdr shdrs[3]; /* none, .debug_frame, .shstrtab */
	char names[32];
	char contents[8];
};

struct pb_dwarf {
	Elf *elf, *alt_elf;
	Dwarf *dwarf, *alt;
	int alt_fd;
	struct nothing nothing; /* in place of an alternate file that is not there */
	struct info info, alt_info;
	struct code code;
	uint64_t n_ranges;
	struct unit *units;
	uint32_t n_units, units_room;
	struct spans by_addr; /* what: a unit */
	bool all_ranged;      /* units that do not say where their code is were looked through */
	/* The function at hand: neighbours are asked for one after the other. */
	void *function;
	struct call *calls; /* in the order of the debug information */
	uint32_t n_calls, calls_room;
	struct spans call_spans; /* what: a call */
};

#define NONE UINT32_MAX

/* ---- spans ---- */

static int add_span(struct spans *s, uint64_t start, uint64_t end, uint32_t what)
{
	int err = pb_grow(&s->a, &s->room, (uint64_t)s->n + 1, sizeof(*s->a));

	if (err)
		return err;
	s->a[s->n++] = (struct span){.start = start, .end = end, .what = what};
	return 0;
}

/* By start; what is found first in the file stays first. */
static int compare_spans(const void *pa, const void *pb)
{
	const struct span *a = pa, *b = pb;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->what < b->what ? -1 : a->what > b->what;
}

static uint64_t set_reach(struct spans *s, uint32_t lo, uint32_t hi)
{
	uint32_t mid = lo + (hi - lo) / 2;
	uint64_t reach, below;

	if (lo == hi)
		return 0;
	reach = s->a[mid].end;
	below = set_reach(s, lo, mid);
	reach = below > reach ? below : reach;
	below = set_reach(s, mid + 1, hi);
	reach = below > reach ? below : reach;
	s->a[mid].reach = reach;
	return reach;
}

static void sort_spans(struct spans *s)
{
	if (s->n > 1)
		qsort(s->a, s->n, sizeof(*s->a), compare_spans);
	set_reach(s, 0, s->n);
}

typedef void visit_span(void *ctx, const struct span *span);

/* All of the spans @lo to @hi that hold @addr, in their order. */
static void visit_some(const struct spans *s, uint32_t lo, uint32_t hi, uint64_t addr,
		       visit_span *visit, void *ctx)
{
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const struct span *at = &s->a[mid];

		if (at->reach <= addr)
			return;
		visit_some(s, lo, mid, addr, visit, ctx);
		if (at->start > addr)
			return;
		if (at->end > addr)
			visit(ctx, at);
		lo = mid + 1;
	}
}

static void visit_spans(const struct spans *s, uint64_t addr, visit_span *visit, void *ctx)
{
	visit_some(s, 0, s->n, addr, visit, ctx);
}

/* ---- entries ---- */

static bool is_code(const struct pb_dwarf *d, uint64_t addr)
{
	return addr >= d->code.start && addr < d->code.end;
}

/*
 * The ranges of an entry as spans. What a linker left out has addresses that no code has (0, 1, -1): they
 * must not cover the code that is there. Return: 0; -E2BIG; -ENOMEM.
 */
static int add_ranges(struct pb_dwarf *d, Dwarf_Die *die, struct spans *out, uint32_t what)
{
	Dwarf_Addr base = 0, start, end;
	ptrdiff_t off = 0;
	int err = 0;

	while (!err && (off = dwarf_ranges(die, off, &base, &start, &end)) > 0) {
		if (d->n_ranges++ >= RANGES_MAX)
			return -E2BIG;
		if (start < end && is_code(d, start))
			err = add_span(out, start, end, what);
	}
	return err;
}

static bool has_code(Dwarf_Die *die)
{
	return dwarf_hasattr(die, DW_AT_low_pc) || dwarf_hasattr(die, DW_AT_ranges);
}

/*
 * The entry that is stored next. @into: the children of this one too. @level: how deep it lies below where
 * the walk began. Return: false at the end of what lies below there.
 */
static bool next_entry(const struct unit *u, Dwarf_Die *die, bool into, uint32_t *level)
{
	Dwarf_Die next = {0};
	const uint8_t *p;
	int rc;

	if (into && !dwarf_child(die, &next)) {
		*die = next;
		++*level;
		return true;
	}
	if (!*level)
		return false;
	rc = dwarf_siblingof(die, &next);
	if (!rc) {
		/* DW_AT_sibling may point anywhere. */
		if ((const uint8_t *)next.addr <= (const uint8_t *)die->addr ||
		    (const uint8_t *)next.addr >= u->end)
			return false;
		*die = next;
		return true;
	}
	if (rc < 0)
		return false;
	/* At the zero that ends this list; more of them end the lists around it. */
	for (p = next.addr; p && p < u->end && !*p; p++)
		if (!--*level)
			return false;
	if (!p || p >= u->end || p <= (const uint8_t *)die->addr)
		return false;
	*die = (Dwarf_Die){.addr = (void *)(uintptr_t)p, .cu = die->cu};
	return true;
}

static const char *attr_string(const struct pb_dwarf *d, Dwarf_Attribute *attr)
{
	const uint8_t *p = attr->valp;
	const struct info *info = NULL;
	const char *s;

	if (dwarf_whatform(attr) == DW_FORM_string) {
		/* Stored in place: libdw does not look whether it ends. */
		if (p >= d->info.start && p < d->info.end)
			info = &d->info;
		else if (p >= d->alt_info.start && p < d->alt_info.end)
			info = &d->alt_info;
		if (!info || !memchr(p, 0, (size_t)(info->end - p)))
			return "";
	}
	s = dwarf_formstring(attr);
	return s ? s : "";
}

static uint32_t attr_number(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	if (!dwarf_attr(die, name, &attr) || dwarf_formudata(&attr, &value) || value > UINT32_MAX)
		return 0;
	return (uint32_t)value;
}

/*
 * What a function is called, by its entry and those that it is an instance of: an inlined call leads to the
 * abstract function, that one to its declaration in a class.
 */
static void read_names(const struct pb_dwarf *d, Dwarf_Die die, struct pb_dwarf_frame *frame)
{
	Dwarf_Attribute attr;
	uint32_t hops;

	frame->linkage_name = frame->name = "";
	frame->start_line = 0;
	for (hops = 0; hops < HOPS_MAX; hops++) {
		if (!*frame->linkage_name && (dwarf_attr(&die, DW_AT_linkage_name, &attr) ||
					      dwarf_attr(&die, DW_AT_MIPS_linkage_name, &attr)))
			frame->linkage_name = attr_string(d, &attr);
		if (!*frame->name && dwarf_attr(&die, DW_AT_name, &attr))
			frame->name = attr_string(d, &attr);
		if (!frame->start_line)
			frame->start_line = attr_number(&die, DW_AT_decl_line);
		if (!dwarf_attr(&die, DW_AT_abstract_origin, &attr) &&
		    !dwarf_attr(&die, DW_AT_specification, &attr))
			return;
		if (!dwarf_formref_die(&attr, &die))
			return;
	}
}

/* ---- units ---- */

static int add_unit(struct pb_dwarf *d, Dwarf_Die *die, uint8_t version, uint64_t size)
{
	struct unit *u;
	uint32_t before = d->by_addr.n;
	int err;

	/* Units that dwz made, and those of types, have no code. */
	if (!has_code(die) && dwarf_tag(die) != DW_TAG_compile_unit)
		return 0;
	if (d->n_units >= UNITS_MAX)
		return -E2BIG;
	err = pb_grow(&d->units, &d->units_room, (uint64_t)d->n_units + 1, sizeof(*d->units));
	if (err)
		return err;
	u = &d->units[d->n_units];
	*u = (struct unit){.die = *die, .version = version};
	u->end = (const uint8_t *)die->addr + size;
	err = add_ranges(d, die, &d->by_addr, d->n_units);
	u->is_ranged = d->by_addr.n > before;
	/* One that has code, none of which was kept, is of no use any more. */
	if (!err && (u->is_ranged || !dwarf_hasattr(die, DW_AT_ranges)))
		d->n_units++;
	return err;
}

/* Where the entries of a file begin and end; of the file itself its units too. */
static int read_units(struct pb_dwarf *d, Dwarf *dwarf, struct info *info, bool keep)
{
	Dwarf_Off off = 0, next, first;
	size_t header;
	Dwarf_Half version;
	uint8_t type;
	Dwarf_Die die;
	int rc, err = 0;

	while (!err && !(rc = dwarf_nextcu(dwarf, off, &next, &header, NULL, NULL, NULL))) {
		first = off + header;
		if (next <= off || first >= next)
			return -EPROTO;
		off = next;
		if (!dwarf_offdie(dwarf, first, &die) ||
		    dwarf_cu_info(die.cu, &version, &type, NULL, NULL, NULL, NULL, NULL))
			continue;
		if (!info->start)
			info->start = (const uint8_t *)die.addr - first;
		info->end = info->start + next;
		/* What lies in a .dwo file is not looked for. */
		if (keep && type != DW_UT_skeleton)
			err = add_unit(d, &die, (uint8_t)version, next - first);
	}
	if (!err && !info->start)
		err = rc < 0 ? -EPROTO : -ENODATA;
	return err;
}

static int add_function(struct pb_dwarf *d, struct unit *u, Dwarf_Die *die)
{
	uint32_t before = u->spans.n;
	int err;

	if (!has_code(die))
		return 0;
	err = pb_grow(&u->functions, &u->functions_room, (uint64_t)u->n_functions + 1,
		      sizeof(*u->functions));
	if (!err)
		err = add_ranges(d, die, &u->spans, u->n_functions);
	if (!err && u->spans.n > before)
		u->functions[u->n_functions++] = die->addr;
	return err;
}

static void forget_functions(struct pb_dwarf *d, struct unit *u)
{
	d->n_ranges -= u->spans.n < d->n_ranges ? u->spans.n : d->n_ranges;
	u->n_functions = 0;
	u->spans.n = 0;
}

/* The functions of a unit. One with too many for us, or for our memory, has none. */
static void read_functions(struct pb_dwarf *d, struct unit *u)
{
	Dwarf_Die die = u->die;
	uint32_t level = 0;
	int err = 0;

	if (u->has_functions)
		return;
	u->has_functions = true;
	/* They may lie in namespaces, classes, and blocks of other functions. */
	while (!err && next_entry(u, &die, level < DEPTH_MAX, &level))
		if (dwarf_tag(&die) == DW_TAG_subprogram)
			err = add_function(d, u, &die);
	if (err)
		forget_functions(d, u);
	sort_spans(&u->spans);
}

/* Units that do not say where their code is get the ranges of their functions. */
static void range_all(struct pb_dwarf *d)
{
	uint32_t i, k, before = d->by_addr.n;
	int err = 0;

	for (i = 0; i < d->n_units && !err; i++) {
		struct unit *u = &d->units[i];

		if (u->is_ranged)
			continue;
		read_functions(d, u);
		for (k = 0; k < u->spans.n && !err; k++)
			err = add_span(&d->by_addr, u->spans.a[k].start, u->spans.a[k].end, i);
	}
	if (d->by_addr.n > before)
		sort_spans(&d->by_addr);
	d->all_ranged = true;
}

/* ---- lines ---- */

static void read_lines(struct unit *u)
{
	size_t n;

	if (u->has_lines)
		return;
	u->has_lines = true;
	if (dwarf_getsrclines(&u->die, &u->lines, &u->n_lines))
		u->lines = NULL;
	if (dwarf_getsrcfiles(&u->die, &u->files, &n))
		u->files = NULL;
}

static void find_line(struct unit *u, uint64_t vaddr, struct pb_dwarf_frame *frame)
{
	size_t lo = 0, hi = u->n_lines;
	Dwarf_Line *line;
	Dwarf_Addr addr;
	const char *file;
	bool ends;
	int number;

	frame->file = "";
	frame->line = 0;
	while (u->lines && lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		line = dwarf_onesrcline(u->lines, mid);
		if (!line || dwarf_lineaddr(line, &addr))
			return;
		if (addr <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	line = u->lines && lo ? dwarf_onesrcline(u->lines, lo - 1) : NULL;
	if (!line || dwarf_lineendsequence(line, &ends) || ends)
		return;
	file = dwarf_linesrc(line, NULL, NULL);
	frame->file = file ? file : "";
	frame->line = !dwarf_lineno(line, &number) && number > 0 ? (uint32_t)number : 0;
}

/* Where an inlined call stands in the function that it was inlined into. */
static void find_call_site(const struct unit *u, Dwarf_Die *call, struct pb_dwarf_frame *frame)
{
	uint32_t file = attr_number(call, DW_AT_call_file);
	const char *name = NULL;

	/* Before version 5 files are counted from 1. */
	if (u->files && dwarf_hasattr(call, DW_AT_call_file) && (file || u->version >= 5))
		name = dwarf_filesrc(u->files, file, NULL, NULL);
	frame->file = name ? name : "";
	frame->line = attr_number(call, DW_AT_call_line);
}

/* ---- inlined calls ---- */

/* What may lie between a function and what is inlined there. */
static bool holds_calls(int tag)
{
	switch (tag) {
	case DW_TAG_inlined_subroutine:
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt:
	case DW_TAG_call_site:
	case DW_TAG_GNU_call_site:
		return true;
	default:
		return false;
	}
}

static int add_call(struct pb_dwarf *d, Dwarf_Die *die, uint32_t parent)
{
	int err = pb_grow(&d->calls, &d->calls_room, (uint64_t)d->n_calls + 1, sizeof(*d->calls));

	if (err || d->n_calls >= CALLS_MAX)
		return err ? err : -E2BIG;
	d->calls[d->n_calls] =
		(struct call){.die = die->addr,
			      .parent = parent,
			      .depth = parent == NONE ? 1 : d->calls[parent].depth + 1};
	return add_ranges(d, die, &d->call_spans, d->n_calls++);
}

/* All inlined calls of a function. One with too many is shown without. */
static void read_calls(struct pb_dwarf *d, const struct unit *u, void *function)
{
	Dwarf_Die die = {.addr = function, .cu = u->die.cu};
	uint32_t around[DEPTH_MAX + 1]; /* by level: the call that entries there lie in */
	uint64_t n_ranges = d->n_ranges;
	bool into = true;
	uint32_t level = 0;
	int err = 0;

	if (d->function == function)
		return;
	d->function = function;
	d->n_calls = d->call_spans.n = 0;
	around[1] = NONE;
	while (!err && next_entry(u, &die, into, &level)) {
		int tag = dwarf_tag(&die);
		uint32_t call = around[level];

		if (tag == DW_TAG_inlined_subroutine) {
			err = add_call(d, &die, call);
			call = d->n_calls - 1;
		}
		into = level < DEPTH_MAX && holds_calls(tag);
		if (into)
			around[level + 1] = call;
	}
	if (err)
		d->n_calls = d->call_spans.n = 0;
	d->n_ranges = n_ranges;
	sort_spans(&d->call_spans);
}

/* ---- look-up ---- */

/* The narrowest function that holds an address. */
struct search {
	struct pb_dwarf *d;
	uint64_t vaddr;
	struct unit *unit; /* of the span that is being visited */
	struct unit *best_unit;
	const struct span *best; /* NULL: none yet */
};

static void visit_function(void *ctx, const struct span *span)
{
	struct search *s = ctx;

	if (s->best && span->end - span->start >= s->best->end - s->best->start)
		return;
	s->best = span;
	s->best_unit = s->unit;
}

static void visit_unit(void *ctx, const struct span *span)
{
	struct search *s = ctx;

	s->unit = &s->d->units[span->what];
	read_functions(s->d, s->unit);
	visit_spans(&s->unit->spans, s->vaddr, visit_function, s);
}

/* The deepest call that holds an address; of two, the narrower one. */
struct call_search {
	const struct call *calls;
	const struct span *best;
};

static void visit_call(void *ctx, const struct span *span)
{
	struct call_search *s = ctx;
	uint32_t depth = s->calls[span->what].depth;

	if (s->best) {
		uint32_t best = s->calls[s->best->what].depth;

		if (depth < best ||
		    (depth == best && span->end - span->start >= s->best->end - s->best->start))
			return;
	}
	s->best = span;
}

/* Writing frames from the inside out, where there may be room for the outer ones only. */
static uint32_t push_frame(struct pb_dwarf_frame *frames, uint32_t n, uint32_t max,
			   const struct pb_dwarf_frame *frame)
{
	if (n == max)
		memmove(frames, frames + 1, --n * sizeof(*frames));
	frames[n] = *frame;
	return n + 1;
}

static uint32_t fill_frames(struct pb_dwarf *d, const struct search *found,
			    struct pb_dwarf_frame *frames, uint32_t max)
{
	struct unit *u = found->best_unit;
	Dwarf_Die function = {.addr = u->functions[found->best->what], .cu = u->die.cu};
	struct call_search s = {0};
	struct pb_dwarf_frame frame;
	uint32_t n = 0, call;

	read_lines(u);
	read_calls(d, u, function.addr);
	s.calls = d->calls;
	visit_spans(&d->call_spans, found->vaddr, visit_call, &s);
	find_line(u, found->vaddr, &frame);
	for (call = s.best ? s.best->what : NONE; call != NONE; call = d->calls[call].parent) {
		Dwarf_Die die = {.addr = d->calls[call].die, .cu = u->die.cu};

		read_names(d, die, &frame);
		if (*frame.name || *frame.linkage_name)
			n = push_frame(frames, n, max, &frame);
		find_call_site(u, &die, &frame);
	}
	read_names(d, function, &frame);
	return push_frame(frames, n, max, &frame);
}

/* Code of a unit that no function covers: assembly, and what gcc folded into an equal function. */
struct line_search {
	struct pb_dwarf *d;
	uint64_t vaddr;
	struct pb_dwarf_frame frame;
};

static void visit_lines(void *ctx, const struct span *span)
{
	struct line_search *s = ctx;
	struct unit *u = &s->d->units[span->what];

	if (s->frame.line)
		return;
	read_lines(u);
	find_line(u, s->vaddr, &s->frame);
}

static uint32_t find_line_only(struct pb_dwarf *d, uint64_t vaddr, struct pb_dwarf_frame *out)
{
	struct line_search s = {.d = d, .vaddr = vaddr};

	visit_spans(&d->by_addr, vaddr, visit_lines, &s);
	if (!s.frame.line)
		return 0;
	s.frame.name = s.frame.linkage_name = "";
	*out = s.frame;
	return 1;
}

uint32_t pb_dwarf_find(struct pb_dwarf *d, uint64_t vaddr, struct pb_dwarf_frame *frames,
		       uint32_t max, uint64_t *start)
{
	struct search s = {.d = d, .vaddr = vaddr};

	if (!max || !is_code(d, vaddr))
		return 0;
	visit_spans(&d->by_addr, vaddr, visit_unit, &s);
	if (!s.best && !d->all_ranged) {
		range_all(d);
		visit_spans(&d->by_addr, vaddr, visit_unit, &s);
	}
	*start = s.best ? s.best->start : 0;
	return s.best ? fill_frames(d, &s, frames, max) : find_line_only(d, vaddr, frames);
}

/* ---- opening ---- */

static void widen_code(struct code *code, const GElf_Shdr *sh)
{
	if (!(sh->sh_flags & SHF_ALLOC) || !(sh->sh_flags & SHF_EXECINSTR) || !sh->sh_size ||
	    sh->sh_size > UINT64_MAX - sh->sh_addr)
		return;
	if (!code->end || sh->sh_addr < code->start)
		code->start = sh->sh_addr;
	if (sh->sh_addr + sh->sh_size > code->end)
		code->end = sh->sh_addr + sh->sh_size;
}

/* Bytes that all compressed sections take so far, with this one. */
static int add_inflated(Elf_Scn *scn, const GElf_Shdr *sh, uint64_t *bytes)
{
	GElf_Chdr ch;

	if (!(sh->sh_flags & SHF_COMPRESSED) || sh->sh_type == SHT_NOBITS)
		return 0;
	if (!gelf_getchdr(scn, &ch))
		return -EPROTO;
	if (ch.ch_size > INFLATED_MAX - *bytes)
		return -EFBIG;
	*bytes += ch.ch_size;
	return 0;
}

/* Where the code of a file is, if that is asked for, and whether it is worth opening. */
static int read_sections(Elf *elf, struct code *code)
{
	uint64_t inflated = 0;
	bool has_info = false;
	Elf_Scn *scn = NULL;
	const char *name;
	GElf_Ehdr ehdr;
	GElf_Shdr sh;
	size_t names, n;
	int err;

	if (!gelf_getehdr(elf, &ehdr) || elf_getshdrnum(elf, &n) ||
	    elf_getshdrstrndx(elf, &names) || (ehdr.e_shoff && !n))
		return -EPROTO;
	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &sh))
			return -EPROTO;
		if (code)
			widen_code(code, &sh);
		err = add_inflated(scn, &sh, &inflated);
		if (err)
			return err;
		name = elf_strptr(elf, names, sh.sh_name);
		if (name && sh.sh_type != SHT_NOBITS && sh.sh_size &&
		    (!strcmp(name, ".debug_info") || !strcmp(name, ".zdebug_info")))
			has_info = true;
	}
	return has_info ? 0 : -ENODATA;
}

static void init_nothing(struct nothing *n)
{
	static const char names[] = "\0.debug_frame\0.shstrtab";

	memcpy(n->names, names, sizeof(names));
	memcpy(n->ehdr.e_ident, ELFMAG, SELFMAG);
	n->ehdr.e_ident[EI_CLASS] = ELFCLASS64;
	n->ehdr.e_ident[EI_DATA] =
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	n->ehdr.e_ident[EI_VERSION] = EV_CURRENT;
	n->ehdr.e_type = ET_DYN;
	n->ehdr.e_version = EV_CURRENT;
	n->ehdr.e_ehsize = sizeof(n->ehdr);
	n->ehdr.e_shoff = offsetof(struct nothing, shdrs);
	n->ehdr.e_shentsize = sizeof(*n->shdrs);
	n->ehdr.e_shnum = PB_ARRAY_SIZE(n->shdrs);
	n->ehdr.e_shstrndx = 2;
	n->shdrs[1] = (Elf64_Shdr){.sh_name = 1,
				   .sh_type = SHT_PROGBITS,
				   .sh_offset = offsetof(struct nothing, contents),
				   .sh_size = sizeof(n->contents),
				   .sh_addralign = 1};
	n->shdrs[2] = (Elf64_Shdr){.sh_name = sizeof(".debug_frame") + 1,
				   .sh_type = SHT_STRTAB,
				   .sh_offset = offsetof(struct nothing, names),
				   .sh_size = sizeof(n->names),
				   .sh_addralign = 1};
}

/* What dwz moved out. Without it libdw would go and look for it itself. */
static int open_alt(struct pb_dwarf *d, pb_wanted_open *open, void *ctx)
{
	struct pb_wanted wanted = {.kind = PB_WANTED_ALT};
	const char *name;
	const void *id;
	ssize_t id_len = dwelf_dwarf_gnu_debugaltlink(d->dwarf, &name, &id);

	if (id_len <= 0)
		return 0;
	if (open && id_len <= PB_WIRE_ID_MAX && strlen(name) < sizeof(wanted.name)) {
		memcpy(wanted.name, name, strlen(name) + 1);
		memcpy(wanted.build_id, id, (size_t)id_len);
		wanted.build_id_len = (uint32_t)id_len;
		d->alt_fd = open(ctx, &wanted);
	}
	if (d->alt_fd >= 0)
		d->alt_elf = elf_begin(d->alt_fd, ELF_C_READ_MMAP, NULL);
	if (d->alt_elf && !read_sections(d->alt_elf, NULL))
		d->alt = dwarf_begin_elf(d->alt_elf, DWARF_C_READ, NULL);
	if (d->alt && read_units(d, d->alt, &d->alt_info, false)) {
		dwarf_end(d->alt);
		d->alt = NULL;
	}
	if (!d->alt) {
		elf_end(d->alt_elf);
		init_nothing(&d->nothing);
		d->alt_elf = elf_memory((char *)&d->nothing, sizeof(d->nothing));
		d->alt = d->alt_elf ? dwarf_begin_elf(d->alt_elf, DWARF_C_READ, NULL) : NULL;
	}
	if (!d->alt)
		return -ENOMEM;
	dwarf_setalt(d->dwarf, d->alt);
	return 0;
}

int pb_dwarf_new(struct pb_dwarf **out, int fd, pb_wanted_open *open, void *ctx)
{
	pb_auto(pb_dwarf) struct pb_dwarf *d = calloc(1, sizeof(*d));
	int err;

	if (!d)
		return -ENOMEM;
	d->alt_fd = -1;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return -EPROTO;
	d->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!d->elf || elf_kind(d->elf) != ELF_K_ELF)
		return -EPROTO;
	err = read_sections(d->elf, &d->code);
	if (err)
		return err;
	d->dwarf = dwarf_begin_elf(d->elf, DWARF_C_READ, NULL);
	if (!d->dwarf)
		return -EPROTO;
	err = open_alt(d, open, ctx);
	if (!err)
		err = read_units(d, d->dwarf, &d->info, true);
	if (err)
		return err == -E2BIG ? -EFBIG : err;
	sort_spans(&d->by_addr);
	*out = pb_take(d);
	return 0;
}

void pb_dwarf_free(struct pb_dwarf *d)
{
	uint32_t i;

	if (!d)
		return;
	for (i = 0; i < d->n_units; i++) {
		free(d->units[i].functions);
		free(d->units[i].spans.a);
	}
	/* An alternate belongs to whoever set it. */
	dwarf_end(d->dwarf);
	dwarf_end(d->alt);
	elf_end(d->alt_elf);
	elf_end(d->elf);
	if (d->alt_fd >= 0)
		close(d->alt_fd);
	free(d->units);
	free(d->by_addr.a);
	free(d->calls);
	free(d->call_spans.a);
	free(d);
}
