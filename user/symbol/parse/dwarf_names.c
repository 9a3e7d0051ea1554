/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The name of a function stands in its entry, or in one that it is an instance of. What it lies in is told by
 * its linkage name; where there is none, by the entries around it: those of a unit that may be a scope are
 * found in one walk, and named as they are asked for.
 */
#include "user/symbol/parse/dwarf_parts.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/grow.h"

#define HOPS_MAX     16   /* from an entry to the one it is an instance of, and on; 3 is usual */
#define NAME_LEN_MAX 4096 /* with its scopes */
#define AROUND_MAX   32   /* scopes around a function */
#define SCOPES_MAX   (2u << 20) /* of all units together */

/* What may hold functions, and functions themselves: a closure lies in one. */
struct scope {
	void *die;
	const char *text; /* its name, with those of what it lies in; NULL: not yet made */
	uint32_t parent;  /* PB_DWARF_NONE: the unit */
};

/* Those of a unit, as they are stored; of any unit that a name leads to. */
struct pb_dwarf_scopes {
	Dwarf_CU *cu;
	struct scope *a;
	uint32_t n, room;
};

/* ---- scopes ---- */

static bool is_scope(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_class_type ||
	       tag == DW_TAG_structure_type || tag == DW_TAG_union_type ||
	       tag == DW_TAG_enumeration_type || tag == DW_TAG_subprogram;
}

bool pb_dwarf_name_is_scoped(Dwarf_Die *unit)
{
	switch (pb_dwarf_attr_number(unit, DW_AT_language)) {
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

/* The unit of entries as pb_dwarf_entry_next() wants it; false for one outside of .debug_info. */
static bool bound_unit(const struct pb_dwarf *d, Dwarf_CU *cu, struct pb_dwarf_unit *out)
{
	Dwarf *dwarf = dwarf_cu_getdwarf(cu);
	const struct pb_dwarf_bytes *info = dwarf == d->alt ? &d->alt_info : &d->info;
	Dwarf_Off first, next;
	size_t header;

	*out = (struct pb_dwarf_unit){0};
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

static int add_scope(struct pb_dwarf *d, struct pb_dwarf_scopes *s, void *die, uint32_t parent)
{
	int err = pb_grow(&s->a, &s->room, (uint64_t)s->n + 1, sizeof(*s->a));

	if (err || d->n_scopes_kept >= SCOPES_MAX)
		return err ? err : -E2BIG;
	s->a[s->n++] = (struct scope){.die = die, .parent = parent};
	d->n_scopes_kept++;
	return 0;
}

/* One with too many scopes has none. A unit that does not tell its language (of dwz) has that of its user. */
static void read_scopes(struct pb_dwarf *d, struct pb_dwarf_scopes *s)
{
	uint32_t around[PB_DWARF_DEPTH_MAX + 2]; /* by level: the scope that entries there lie in */
	uint32_t level = 0;
	struct pb_dwarf_unit u;
	Dwarf_Die die;
	int err = 0;

	if (!bound_unit(d, s->cu, &u) ||
	    (dwarf_hasattr(&u.die, DW_AT_language) && !pb_dwarf_name_is_scoped(&u.die)))
		return;
	die = u.die;
	around[1] = PB_DWARF_NONE;
	while (!err && pb_dwarf_entry_next(&u, &die, level < PB_DWARF_DEPTH_MAX, &level)) {
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
	*s = (struct pb_dwarf_scopes){.cu = s->cu};
}

/* Those of a unit; none without memory. The object's table may move, what is in one stays. */
static struct pb_dwarf_scopes scopes_of(struct pb_dwarf *d, Dwarf_CU *cu)
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
		return (struct pb_dwarf_scopes){0};
	memmove(&d->scopes[lo + 1], &d->scopes[lo], (d->n_scopes++ - lo) * sizeof(*d->scopes));
	d->scopes[lo] = (struct pb_dwarf_scopes){.cu = cu};
	read_scopes(d, &d->scopes[lo]);
	return d->scopes[lo];
}

static struct scope *find_scope(const struct pb_dwarf_scopes *s, const void *die)
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
			name = pb_dwarf_attr_string(d, &attr);
		if ((!dwarf_attr(die, DW_AT_abstract_origin, &attr) &&
		     !dwarf_attr(die, DW_AT_specification, &attr)) ||
		    !dwarf_formref_die(&attr, die))
			break;
	}
	return name;
}

/* A class without a name can be called in what follows it; that of a lambda. */
static bool is_closure(const struct pb_dwarf *d, const struct pb_dwarf_scopes *scopes,
		       const struct scope *s)
{
	uint32_t self = (uint32_t)(s - scopes->a), i;

	for (i = self + 1; i < scopes->n; i++) {
		const struct scope *in = &scopes->a[i];
		Dwarf_Die die = {.addr = in->die, .cu = scopes->cu};

		if (in->parent == PB_DWARF_NONE || in->parent < self)
			return false;
		if (in->parent == self && !strncmp(follow(d, &die), "operator()", 10))
			return true;
	}
	return false;
}

/* What has no name is called as the demangler does. */
static const char *name_of_nameless(const struct pb_dwarf *d, const struct pb_dwarf_scopes *scopes,
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
	text = pb_dwarf_text_new(d, around_len + gap + len);
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
	struct pb_dwarf_scopes scopes = scopes_of(d, die.cu);
	struct scope *s = scopes.a ? find_scope(&scopes, die.addr) : NULL;
	const char *text;

	if (!s)
		return name;
	if (s->text)
		return s->text;
	if (!*name)
		name = name_of_nameless(d, &scopes, s, dwarf_tag(&die));
	if (s->parent != PB_DWARF_NONE && depth < AROUND_MAX)
		around = scoped_name(d, (Dwarf_Die){.addr = scopes.a[s->parent].die, .cu = die.cu},
				     depth + 1);
	text = join_names(d, around, name);
	s->text = text ? text : name;
	return s->text;
}

void pb_dwarf_name_free_scopes(struct pb_dwarf *d)
{
	uint32_t i;

	for (i = 0; i < d->n_scopes; i++)
		free(d->scopes[i].a);
	free(d->scopes);
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
			frame->linkage_name = pb_dwarf_attr_string(d, &attr);
		if (!*frame->name && dwarf_attr(&die, DW_AT_name, &attr))
			frame->name = pb_dwarf_attr_string(d, &attr);
		if (!frame->start_line)
			frame->start_line = pb_dwarf_attr_number(&die, DW_AT_decl_line);
		if (!dwarf_attr(&die, DW_AT_abstract_origin, &attr) &&
		    !dwarf_attr(&die, DW_AT_specification, &attr))
			return;
		if (!dwarf_formref_die(&attr, &die))
			return;
	}
}

void pb_dwarf_name_read(struct pb_dwarf *d, const struct pb_dwarf_unit *u, Dwarf_Die die,
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
