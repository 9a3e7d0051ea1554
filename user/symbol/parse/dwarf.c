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
#include "user/symbol/parse/dwarf.h"

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
#define LINES_MAX    (1ull << 29) /* bytes of line tables that are read by sequences */
#define DEPTH_MAX    512          /* of blocks within blocks; gcc and clang stay below 100 */
#define HOPS_MAX     16 /* from an entry to the one it is an instance of, and on; 3 is usual */
#define PATH_LEN_MAX 4096
#define NAME_LEN_MAX 4096        /* with its scopes */
#define AROUND_MAX   32          /* scopes around a function */
#define SCOPES_MAX   (2u << 20)  /* of all units together */
#define TEXTS_MAX    (64u << 20) /* bytes of paths and names that are made here */
#define BLOCK_BYTES  (64u << 10)

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

/* A row of a line table, as one that was read by sequences has them. */
struct row {
	uint64_t addr;
	uint32_t file, line;
	uint32_t order; /* in the table */
	bool ends;      /* the sequence; it says nothing about what follows */
};

/* What may hold functions, and functions themselves: a closure lies in one. */
struct scope {
	void *die;
	const char *text; /* its name, with those of what it lies in; NULL: not yet made */
	uint32_t parent;  /* NONE: the unit */
};

/* Those of a unit, as they are stored; of any unit that a name leads to. */
struct scopes {
	Dwarf_CU *cu;
	struct scope *a;
	uint32_t n, room;
};

/* Texts that are made here live as long as the object. */
struct block {
	struct block *next;
	size_t used, size;
	char bytes[];
};

struct unit {
	Dwarf_Die die;
	const uint8_t *end; /* of its entries */
	bool is_ranged;     /* its ranges are in the table of units */
	bool has_functions; /* functions and spans were asked for */
	bool has_lines;     /* lines and files were asked for */
	bool is_scoped;     /* its language has namespaces or classes */
	uint8_t version;
	Dwarf_Lines *lines; /* sorted by address; may be NULL */
	Dwarf_Files *files; /* may be NULL */
	const char **paths; /* by file, as they are asked for; may be NULL */
	size_t n_lines, n_files;
	struct row *rows; /* sorted by address: in place of lines, if is_sorted_out */
	uint32_t n_rows, rows_room;
	bool is_sorted_out;
	void **functions; /* entries with code */
	uint32_t n_functions, functions_room;
	struct spans spans; /* what: an index into functions */
};

/* .debug_info of a file, or .debug_line. */
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
	struct info info, alt_info, lines;
	uint64_t line_bytes; /* read by sequences so far */
	struct code code;
	uint64_t n_ranges;
	struct unit *units;
	uint32_t n_units, units_room;
	struct spans by_addr;  /* what: a unit */
	bool all_ranged;       /* units that do not say where their code is were looked through */
	struct scopes *scopes; /* by their units' addresses */
	uint32_t n_scopes, scopes_room;
	uint64_t n_scopes_kept;
	struct block *texts;
	uint64_t text_bytes;
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

/* ---- texts that are made here ---- */

/* Room for a text of @len bytes, ended; NULL where there is none. */
static char *new_text(struct pb_dwarf *d, size_t len)
{
	size_t size = len + 1 > BLOCK_BYTES ? len + 1 : BLOCK_BYTES;
	struct block *b = d->texts;
	char *text;

	if (!b || b->size - b->used < len + 1) {
		if (size > TEXTS_MAX - d->text_bytes)
			return NULL;
		b = malloc(sizeof(*b) + size);
		if (!b)
			return NULL;
		*b = (struct block){.next = d->texts, .size = size};
		d->texts = b;
		d->text_bytes += size;
	}
	text = b->bytes + b->used;
	b->used += len + 1;
	text[len] = '\0';
	return text;
}

static void free_texts(struct pb_dwarf *d)
{
	while (d->texts) {
		struct block *next = d->texts->next;

		free(d->texts);
		d->texts = next;
	}
}

/* ---- scopes ---- */

static bool is_scope(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_class_type ||
	       tag == DW_TAG_structure_type || tag == DW_TAG_union_type ||
	       tag == DW_TAG_enumeration_type || tag == DW_TAG_subprogram;
}

static bool is_scoped(Dwarf_Die *unit)
{
	switch (attr_number(unit, DW_AT_language)) {
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
	case 0x2b: /* C++17 and C++20: not all headers know them */
	case 0x2c:
	case DW_LANG_ObjC_plus_plus:
	case DW_LANG_Rust:
		return true;
	default:
		return false;
	}
}

/* The unit of entries as next_entry() wants it; false for one outside of .debug_info. */
static bool bound_unit(const struct pb_dwarf *d, Dwarf_CU *cu, struct unit *out)
{
	Dwarf *dwarf = dwarf_cu_getdwarf(cu);
	const struct info *info = dwarf == d->alt ? &d->alt_info : &d->info;
	Dwarf_Off first, next;
	size_t header;

	*out = (struct unit){0};
	if (!dwarf_cu_die(cu, &out->die, NULL, NULL, NULL, NULL, NULL, NULL))
		return false;
	first = dwarf_dieoffset(&out->die);
	if (!info->start || first >= (size_t)(info->end - info->start) ||
	    info->start + first != out->die.addr ||
	    dwarf_nextcu(dwarf, first - dwarf_cuoffset(&out->die), &next, &header, NULL, NULL,
			 NULL) ||
	    next <= first || next > (size_t)(info->end - info->start))
		return false;
	out->end = info->start + next;
	return true;
}

static int add_scope(struct pb_dwarf *d, struct scopes *s, void *die, uint32_t parent)
{
	int err = pb_grow(&s->a, &s->room, (uint64_t)s->n + 1, sizeof(*s->a));

	if (err || d->n_scopes_kept >= SCOPES_MAX)
		return err ? err : -E2BIG;
	s->a[s->n++] = (struct scope){.die = die, .parent = parent};
	d->n_scopes_kept++;
	return 0;
}

/* One with too many scopes has none. A unit that does not tell its language (of dwz) has that of its user. */
static void read_scopes(struct pb_dwarf *d, struct scopes *s)
{
	uint32_t around[DEPTH_MAX + 2]; /* by level: the scope that entries there lie in */
	uint32_t level = 0;
	struct unit u;
	Dwarf_Die die;
	int err = 0;

	if (!bound_unit(d, s->cu, &u) ||
	    (dwarf_hasattr(&u.die, DW_AT_language) && !is_scoped(&u.die)))
		return;
	die = u.die;
	around[1] = NONE;
	while (!err && next_entry(&u, &die, level < DEPTH_MAX, &level)) {
		uint32_t scope = around[level];

		if (is_scope(dwarf_tag(&die))) {
			err = add_scope(d, s, die.addr, scope);
			scope = s->n - 1;
		}
		around[level + 1] = scope;
	}
	if (!err)
		return;
	d->n_scopes_kept -= s->n;
	free(s->a);
	*s = (struct scopes){.cu = s->cu};
}

/* Those of a unit; none without memory. The object's table may move, what is in one stays. */
static struct scopes scopes_of(struct pb_dwarf *d, Dwarf_CU *cu)
{
	uint32_t lo = 0, hi = d->n_scopes;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (d->scopes[mid].cu == cu)
			return d->scopes[mid];
		if ((uintptr_t)d->scopes[mid].cu < (uintptr_t)cu)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (pb_grow(&d->scopes, &d->scopes_room, (uint64_t)d->n_scopes + 1, sizeof(*d->scopes)))
		return (struct scopes){0};
	memmove(&d->scopes[lo + 1], &d->scopes[lo], (d->n_scopes++ - lo) * sizeof(*d->scopes));
	d->scopes[lo] = (struct scopes){.cu = cu};
	read_scopes(d, &d->scopes[lo]);
	return d->scopes[lo];
}

static struct scope *find_scope(const struct scopes *s, const void *die)
{
	uint32_t lo = 0, hi = s->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (s->a[mid].die == die)
			return &s->a[mid];
		if ((uintptr_t)s->a[mid].die < (uintptr_t)die)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

/* From an instance to what it is one of, as far as that goes. Return: the first name on the way, or "". */
static const char *follow(const struct pb_dwarf *d, Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	const char *name = "";
	uint32_t hops;

	for (hops = 0; hops < HOPS_MAX; hops++) {
		if (!*name && dwarf_attr(die, DW_AT_name, &attr))
			name = attr_string(d, &attr);
		if ((!dwarf_attr(die, DW_AT_abstract_origin, &attr) &&
		     !dwarf_attr(die, DW_AT_specification, &attr)) ||
		    !dwarf_formref_die(&attr, die))
			break;
	}
	return name;
}

/* A class without a name can be called in what follows it; that of a lambda. */
static bool is_closure(const struct pb_dwarf *d, const struct scopes *scopes, const struct scope *s)
{
	uint32_t self = (uint32_t)(s - scopes->a), i;

	for (i = self + 1; i < scopes->n; i++) {
		const struct scope *in = &scopes->a[i];
		Dwarf_Die die = {.addr = in->die, .cu = scopes->cu};

		if (in->parent == NONE || in->parent < self)
			return false;
		if (in->parent == self && !strncmp(follow(d, &die), "operator()", 10))
			return true;
	}
	return false;
}

/* What has no name is called as the demangler does. */
static const char *name_of_nameless(const struct pb_dwarf *d, const struct scopes *scopes,
				    const struct scope *s, int tag)
{
	switch (tag) {
	case DW_TAG_namespace:
		return "(anonymous namespace)";
	case DW_TAG_subprogram:
		return "";
	default:
		return is_closure(d, scopes, s) ? "{lambda}" : "{unnamed}";
	}
}

/* "AROUND::NAME"; gcc's "<lambda(int)>" becomes "{lambda(int)}". NULL: beyond bounds. */
static const char *join_names(struct pb_dwarf *d, const char *around, const char *name)
{
	size_t around_len = strlen(around), len = strlen(name);
	bool is_lambda = !strncmp(name, "<lambda", 7) && name[len - 1] == '>';
	size_t gap = around_len && len ? 2 : 0;
	char *text;

	if (!around_len && !is_lambda)
		return name;
	if (around_len + gap + len > NAME_LEN_MAX)
		return NULL;
	text = new_text(d, around_len + gap + len);
	if (!text)
		return NULL;
	memcpy(text, around, around_len);
	memcpy(text + around_len, "::", gap);
	memcpy(text + around_len + gap, name, len);
	if (is_lambda) {
		text[around_len + gap] = '{';
		text[around_len + gap + len - 1] = '}';
	}
	return text;
}

/* The name of a function or a scope, with those of what it lies in, kept where it is made. */
static const char *scoped_name(struct pb_dwarf *d, Dwarf_Die die, uint32_t depth)
{
	const char *name = follow(d, &die), *around = "";
	struct scopes scopes = scopes_of(d, die.cu);
	struct scope *s = find_scope(&scopes, die.addr);
	const char *text;

	if (!s)
		return name;
	if (s->text)
		return s->text;
	if (!*name)
		name = name_of_nameless(d, &scopes, s, dwarf_tag(&die));
	if (s->parent != NONE && depth < AROUND_MAX)
		around = scoped_name(d, (Dwarf_Die){.addr = scopes.a[s->parent].die, .cu = die.cu},
				     depth + 1);
	text = join_names(d, around, name);
	s->text = text ? text : name;
	return s->text;
}

/* ---- names ---- */

/*
 * What a function is called, by its entry and those that it is an instance of: an inlined call leads to the
 * abstract function, that one to its declaration in a class.
 */
static void read_own_names(const struct pb_dwarf *d, Dwarf_Die die, struct pb_dwarf_frame *frame)
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

/* A linkage name tells the scopes; where there is none, they are read. @u: where the code is. */
static void read_names(struct pb_dwarf *d, const struct unit *u, Dwarf_Die die,
		       struct pb_dwarf_frame *frame)
{
	const char *name;
	size_t len, own_len;

	read_own_names(d, die, frame);
	frame->scope_len = 0;
	if (!u->is_scoped || *frame->linkage_name || !*frame->name)
		return;
	name = scoped_name(d, die, 0);
	len = strlen(name);
	own_len = strlen(frame->name);
	if (len < own_len)
		return;
	frame->name = name;
	frame->scope_len = (uint32_t)(len - own_len);
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
	u->is_scoped = is_scoped(die);
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
	int err = 0;

	while (!err && !dwarf_nextcu(dwarf, off, &next, &header, NULL, NULL, NULL)) {
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
		/* Of one whose functions lie in a .dwo file its ranges and lines are here. */
		if (keep)
			err = add_unit(d, &die, (uint8_t)version, next - first);
	}
	/* A section that holds something has a unit. */
	return err ? err : info->start ? 0 : -EPROTO;
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

/* ---- paths ---- */

/* Path components behind what @out has; ".." takes one away. False: too long. */
static bool append_path(char *out, size_t *len, const char *path)
{
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && !strncmp(path, "..", 2)) {
			while (*len && out[--*len] != '/')
				;
		} else if (n && !(n == 1 && *path == '.')) {
			if (*len + 1 + n >= PATH_LEN_MAX)
				return false;
			out[(*len)++] = '/';
			memcpy(out + *len, path, n);
			*len += n;
		}
		path += n;
		path += *path == '/';
	}
	out[*len] = '\0';
	return true;
}

/* The directory that a unit was compiled in; NULL if that is not known. Version 5 has it as the first one. */
static const char *compile_dir(const struct pb_dwarf *d, struct unit *u)
{
	const char *const *dirs;
	Dwarf_Attribute attr;
	const char *dir = "";
	size_t n;

	if (!dwarf_getsrcdirs(u->files, &dirs, &n) && n && dirs[0])
		dir = dirs[0];
	if (*dir != '/' && dwarf_attr(&u->die, DW_AT_comp_dir, &attr))
		dir = attr_string(d, &attr);
	return *dir == '/' ? dir : NULL;
}

/* libdw puts the directory in front of some relative names itself. @name: without it, or NULL if it is
 * absolute. */
static const char *without_dir(const char *name, const char *dir)
{
	size_t len = strlen(dir);

	if (*name != '/')
		return name;
	while (len && dir[len - 1] == '/')
		len--;
	return !strncmp(name, dir, len) && name[len] == '/' ? name + len + 1 : NULL;
}

static const char *make_path(struct pb_dwarf *d, struct unit *u, const char *name)
{
	const char *slash = strrchr(name, '/'), *last = slash ? slash + 1 : name;
	const char *dir = compile_dir(d, u), *relative;
	char path[PATH_LEN_MAX], *text;
	size_t len = 0;

	/* "<built-in>", "<artificial>" */
	if (*last == '<' && last[strlen(last) - 1] == '>')
		return last;
	relative = dir ? without_dir(name, dir) : NULL;
	if (!relative || !append_path(path, &len, dir) || !append_path(path, &len, relative) ||
	    !len || !strcmp(path, name))
		return name;
	text = new_text(d, len);
	if (!text)
		return name;
	memcpy(text, path, len);
	return text;
}

/* The path of a unit's file; "" if there is none. */
static const char *path_of(struct pb_dwarf *d, struct unit *u, size_t file)
{
	const char *name = u->files ? dwarf_filesrc(u->files, file, NULL, NULL) : NULL;

	if (!name || !*name)
		return "";
	if (!u->paths)
		u->paths = calloc(u->n_files, sizeof(*u->paths));
	if (!u->paths || file >= u->n_files)
		return name;
	if (!u->paths[file])
		u->paths[file] = make_path(d, u, name);
	return u->paths[file];
}

/* ---- lines by sequences ---- */

/*
 * A line table is made of sequences, each of one stretch of code. Those of functions that the linker left
 * out begin at 0, and may reach to where code is (programs that can be loaded anywhere begin at 0x1000).
 * libdw sorts the rows of all, and then they cannot be told apart. So the table is read here once more, and
 * what begins where no code is is dropped. Source: DWARF 5, 6.2.4 (header), 6.2.5 (instructions).
 */

struct cursor {
	const uint8_t *p, *end;
};

/* A line table's header, and its instructions. */
struct program {
	struct cursor code;
	uint8_t min_length, max_ops, line_range, opcode_base;
	int8_t line_base;
	const uint8_t *lengths; /* how many numbers follow the opcodes from 1 on */
};

/* The registers of the machine that makes rows of instructions. */
struct machine {
	struct pb_dwarf *d;
	struct unit *u;
	struct program p;
	uint64_t addr, op_index;
	uint32_t file, line;
	bool has_begun, is_kept; /* the sequence has a row; and it begins where code is */
};

static size_t left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}

/* A number of @n bytes, 8 at most; 0 and the end where there are not as many. */
static uint64_t take_bytes(struct cursor *c, size_t n)
{
	uint64_t value = 0;
	size_t i;

	if (left(c) < n) {
		c->p = c->end;
		return 0;
	}
	for (i = 0; i < n; i++)
		value |= (uint64_t)*c->p++ << 8 * i;
	return value;
}

static uint64_t take_leb(struct cursor *c, bool is_signed)
{
	uint64_t value = 0;
	uint32_t shift = 0;
	uint8_t byte = 0x80;

	while (left(c) && (byte & 0x80)) {
		byte = *c->p++;
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift = shift < 64 ? shift + 7 : shift;
	}
	if (is_signed && shift < 64 && (byte & 0x40))
		value |= UINT64_MAX << shift;
	return value;
}

/* The part that a length at the front of @c announces; @is_wide: as 64-bit DWARF. */
static bool take_part(struct cursor *c, bool is_wide, struct cursor *out)
{
	uint64_t n = take_bytes(c, is_wide ? 8 : 4);

	if (n > left(c))
		return false;
	*out = (struct cursor){c->p, c->p + n};
	return true;
}

static bool read_program(const struct pb_dwarf *d, struct unit *u, struct program *out)
{
	struct cursor c = {d->lines.start, d->lines.end}, header;
	Dwarf_Attribute attr;
	Dwarf_Word off;
	bool is_wide;
	uint64_t version;

	if (!dwarf_attr(&u->die, DW_AT_stmt_list, &attr) || dwarf_formudata(&attr, &off) ||
	    off >= left(&c) || left(&c) - off < 4)
		return false;
	c.p += off;
	is_wide = !memcmp(c.p, "\377\377\377\377", 4);
	c.p += is_wide ? 4 : 0;
	if (!take_part(&c, is_wide, &c))
		return false;
	version = take_bytes(&c, 2);
	if (version >= 5)
		take_bytes(&c, 2); /* sizes of addresses and selectors */
	if (version < 2 || version > 5 || !take_part(&c, is_wide, &header))
		return false;
	out->code = (struct cursor){header.end, c.end};
	out->min_length = (uint8_t)take_bytes(&header, 1);
	out->max_ops = version >= 4 ? (uint8_t)take_bytes(&header, 1) : 1;
	take_bytes(&header, 1); /* whether rows are statements unless told otherwise */
	out->line_base = (int8_t)take_bytes(&header, 1);
	out->line_range = (uint8_t)take_bytes(&header, 1);
	out->opcode_base = (uint8_t)take_bytes(&header, 1);
	out->lengths = header.p;
	return out->max_ops && out->line_range && out->opcode_base &&
	       left(&header) >= out->opcode_base - 1u;
}

static void begin_sequence(struct machine *m)
{
	m->addr = m->op_index = 0;
	m->file = m->line = 1;
	m->has_begun = false;
}

static int add_row(struct machine *m, bool ends)
{
	struct unit *u = m->u;
	int err;

	if (!m->has_begun)
		m->is_kept = is_code(m->d, m->addr);
	m->has_begun = true;
	if (!m->is_kept)
		return 0;
	err = pb_grow(&u->rows, &u->rows_room, (uint64_t)u->n_rows + 1, sizeof(*u->rows));
	if (err)
		return err;
	u->rows[u->n_rows] = (struct row){.addr = m->addr,
					  .file = m->file,
					  .line = m->line,
					  .order = u->n_rows,
					  .ends = ends};
	u->n_rows++;
	return 0;
}

static void advance(struct machine *m, uint64_t ops)
{
	m->op_index += ops;
	m->addr += m->p.min_length * (m->op_index / m->p.max_ops);
	m->op_index %= m->p.max_ops;
}

static int run_extended(struct machine *m)
{
	uint64_t len = take_leb(&m->p.code, false);
	struct cursor c = {m->p.code.p, m->p.code.p};
	int err = 0;

	if (!len || len > left(&m->p.code))
		return -EPROTO;
	c.end += len;
	m->p.code.p = c.end;
	switch (take_bytes(&c, 1)) {
	case DW_LNE_end_sequence:
		err = add_row(m, true);
		begin_sequence(m);
		break;
	case DW_LNE_set_address:
		m->addr = take_bytes(&c, left(&c) < 8 ? left(&c) : 8);
		m->op_index = 0;
		break;
	default:
		break;
	}
	return err;
}

static int run_instruction(struct machine *m)
{
	struct program *p = &m->p;
	uint8_t opcode = (uint8_t)take_bytes(&p->code, 1), i;

	if (opcode >= p->opcode_base) {
		opcode = (uint8_t)(opcode - p->opcode_base);
		advance(m, opcode / p->line_range);
		m->line += (uint32_t)(p->line_base + opcode % p->line_range);
		return add_row(m, false);
	}
	switch (opcode) {
	case 0:
		return run_extended(m);
	case DW_LNS_copy:
		return add_row(m, false);
	case DW_LNS_advance_pc:
		advance(m, take_leb(&p->code, false));
		return 0;
	case DW_LNS_advance_line:
		m->line += (uint32_t)take_leb(&p->code, true);
		return 0;
	case DW_LNS_set_file:
		m->file = (uint32_t)take_leb(&p->code, false);
		return 0;
	case DW_LNS_const_add_pc:
		advance(m, (255u - p->opcode_base) / p->line_range);
		return 0;
	case DW_LNS_fixed_advance_pc:
		m->addr += take_bytes(&p->code, 2);
		m->op_index = 0;
		return 0;
	default:
		for (i = 0; i < p->lengths[opcode - 1]; i++)
			take_leb(&p->code, false);
		return 0;
	}
}

/* By address, an end in front of what begins there. */
static int compare_rows(const void *pa, const void *pb)
{
	const struct row *a = pa, *b = pb;

	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	if (a->ends != b->ends)
		return a->ends ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* The rows of a unit without those of sequences that begin where no code is; none if it is malformed. */
static void sort_out(struct pb_dwarf *d, struct unit *u)
{
	struct machine m = {.d = d, .u = u};
	int err = 0;

	u->is_sorted_out = true;
	if (!read_program(d, u, &m.p) || left(&m.p.code) > LINES_MAX - d->line_bytes)
		return;
	d->line_bytes += left(&m.p.code);
	begin_sequence(&m);
	while (!err && left(&m.p.code))
		err = run_instruction(&m);
	if (err)
		u->n_rows = 0;
	if (u->n_rows > 1)
		qsort(u->rows, u->n_rows, sizeof(*u->rows), compare_rows);
}

static void find_row(struct pb_dwarf *d, struct unit *u, uint64_t vaddr,
		     struct pb_dwarf_frame *frame)
{
	uint32_t lo = 0, hi = u->n_rows;
	const struct row *row;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (u->rows[mid].addr <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	row = lo ? &u->rows[lo - 1] : NULL;
	if (!row || row->ends)
		return;
	frame->file = path_of(d, u, row->file);
	frame->line = row->line <= INT32_MAX ? row->line : 0;
}

/* ---- lines ---- */

static void read_lines(struct pb_dwarf *d, struct unit *u)
{
	Dwarf_Line *first;
	Dwarf_Addr addr;

	if (u->has_lines)
		return;
	u->has_lines = true;
	if (dwarf_getsrclines(&u->die, &u->lines, &u->n_lines))
		u->lines = NULL;
	if (dwarf_getsrcfiles(&u->die, &u->files, &u->n_files))
		u->files = NULL;
	first = u->lines ? dwarf_onesrcline(u->lines, 0) : NULL;
	if (first && !dwarf_lineaddr(first, &addr) && addr < d->code.start)
		sort_out(d, u);
}

static void find_line(struct pb_dwarf *d, struct unit *u, uint64_t vaddr,
		      struct pb_dwarf_frame *frame)
{
	size_t lo = 0, hi = u->n_lines, file;
	Dwarf_Files *files;
	Dwarf_Line *line;
	Dwarf_Addr addr;
	bool ends;
	int number;

	frame->file = "";
	frame->line = 0;
	if (u->is_sorted_out) {
		find_row(d, u, vaddr, frame);
		return;
	}
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
	if (!dwarf_line_file(line, &files, &file) && files == u->files)
		frame->file = path_of(d, u, file);
	frame->line = !dwarf_lineno(line, &number) && number > 0 ? (uint32_t)number : 0;
}

/* Where an inlined call stands in the function that it was inlined into. */
static void find_call_site(struct pb_dwarf *d, struct unit *u, Dwarf_Die *call,
			   struct pb_dwarf_frame *frame)
{
	uint32_t file = attr_number(call, DW_AT_call_file);

	/* Before version 5 files are counted from 1. */
	frame->file = "";
	if (dwarf_hasattr(call, DW_AT_call_file) && (file || u->version >= 5))
		frame->file = path_of(d, u, file);
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

	read_lines(d, u);
	read_calls(d, u, function.addr);
	s.calls = d->calls;
	visit_spans(&d->call_spans, found->vaddr, visit_call, &s);
	find_line(d, u, found->vaddr, &frame);
	for (call = s.best ? s.best->what : NONE; call != NONE; call = d->calls[call].parent) {
		Dwarf_Die die = {.addr = d->calls[call].die, .cu = u->die.cu};

		read_names(d, u, die, &frame);
		if (*frame.name || *frame.linkage_name)
			n = push_frame(frames, n, max, &frame);
		find_call_site(d, u, &die, &frame);
	}
	read_names(d, u, function, &frame);
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
	read_lines(s->d, u);
	find_line(s->d, u, s->vaddr, &s->frame);
}

static uint32_t find_line_only(struct pb_dwarf *d, uint64_t vaddr, struct pb_dwarf_frame *out)
{
	struct line_search s = {.d = d, .vaddr = vaddr};

	visit_spans(&d->by_addr, vaddr, visit_lines, &s);
	if (!s.frame.line)
		return 0;
	s.frame.name = s.frame.linkage_name = "";
	s.frame.scope_len = 0;
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
	*start = s.best ? s.best->start : UINT64_MAX;
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

/*
 * Done here, since libdw goes on without a section that it finds no memory for. What is damaged is left to
 * libdw. Return: 0; -ENOMEM.
 */
static int inflate_sections(Elf *elf)
{
	Elf_Scn *scn = NULL;
	const char *name;
	GElf_Shdr sh;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return 0;
	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &sh) || !(sh.sh_flags & SHF_COMPRESSED))
			continue;
		name = elf_strptr(elf, names, sh.sh_name);
		errno = 0;
		if (name && !strncmp(name, ".debug_", 7) && elf_compress(scn, 0, 0) < 0 &&
		    errno == ENOMEM)
			return -ENOMEM;
	}
	return 0;
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

/* Where libdw, which has inflated it, found the lines. */
static void find_lines(struct pb_dwarf *d)
{
	Elf_Scn *scn = NULL;
	Elf_Data *data;
	const char *name;
	GElf_Shdr sh;
	size_t names;

	if (elf_getshdrstrndx(d->elf, &names))
		return;
	while (!d->lines.start && (scn = elf_nextscn(d->elf, scn))) {
		name = gelf_getshdr(scn, &sh) ? elf_strptr(d->elf, names, sh.sh_name) : NULL;
		if (!name || sh.sh_type == SHT_NOBITS ||
		    (strcmp(name, ".debug_line") && strcmp(name, ".zdebug_line")))
			continue;
		data = elf_rawdata(scn, NULL);
		if (data && data->d_buf)
			d->lines = (struct info){data->d_buf,
						 (const uint8_t *)data->d_buf + data->d_size};
	}
}

/* libelf and libdw tell no want of memory from damage. Return: @err, or -ENOMEM by errno. */
static int blame_memory(int err)
{
	return errno == ENOMEM ? -ENOMEM : err;
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
	errno = 0;
	d->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!d->elf || elf_kind(d->elf) != ELF_K_ELF)
		return blame_memory(-EPROTO);
	err = read_sections(d->elf, &d->code);
	if (err)
		return blame_memory(err);
	err = inflate_sections(d->elf);
	if (err)
		return err;
	errno = 0;
	d->dwarf = dwarf_begin_elf(d->elf, DWARF_C_READ, NULL);
	if (!d->dwarf)
		return blame_memory(-EPROTO);
	find_lines(d);
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
		free(d->units[i].rows);
		free(d->units[i].paths);
	}
	for (i = 0; i < d->n_scopes; i++)
		free(d->scopes[i].a);
	free(d->scopes);
	free_texts(d);
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
