/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What an address needs is built when the first one needs it: most modules have a symbol for each of
 * theirs, and neither linkage tables nor unwind information are read then.
 */
#include "user/symbol/parse/parser.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "user/core/elf.h"
#include "user/core/own.h"
#include "user/core/vdso.h"
#include "user/symbol/parse/answer.h"
#include "user/symbol/parse/debugdata.h"
#include "user/symbol/parse/debuglink.h"
#include "user/symbol/parse/demangled.h"
#include "user/symbol/parse/dwarf.h"
#include "user/symbol/parse/elfsyms.h"
#include "user/symbol/parse/jitdump.h"
#include "user/symbol/parse/perfmap.h"
#include "user/symbol/parse/plt.h"
#include "user/symbol/shared/buildid.h"
#include "user/symbol/shared/symtab.h"
#include "user/unwind/bounds.h"

/* A question under work. */
struct module {
	const struct pb_question *q;
	pb_wanted_open *open;
	void *ctx;
	struct pb_elf *elf;        /* NULL: JIT, or it cannot be read */
	struct pb_elf *debug;      /* of a separate file; NULL without */
	int debug_fd;              /* -1 without */
	struct pb_symtab *symbols; /* NULL: none */
	struct pb_dwarf *dwarf;
	struct pb_symtab *plt; /* these two for what has no name; NULL: none */
	struct pb_bounds *bounds;
	bool has_fallbacks; /* they were looked for */
	bool is_whole;      /* its own .symtab */
	struct pb_demangled *names;
	uint32_t state; /* enum pb_answer_state */
	bool left_out;  /* debug information that was asked for and cannot be read */
	struct pb_answer_writer *w;
};

static void free_module(struct module *m)
{
	pb_answer_writer_free(m->w);
	pb_demangled_free(m->names);
	pb_bounds_free(m->bounds);
	pb_symtab_free(m->plt);
	pb_dwarf_free(m->dwarf);
	pb_symtab_free(m->symbols);
	pb_elf_free(m->debug);
	if (m->debug_fd >= 0)
		close(m->debug_fd);
	pb_elf_free(m->elf);
}

static void set_state(struct module *m, uint32_t state)
{
	if (state > m->state)
		m->state = state;
}

/* An error costs names, not the answer; only memory is for the caller to know. */
static int forgive(struct module *m, int err)
{
	if (!err || err == -ENOMEM)
		return err;
	if (err == -EFBIG)
		set_state(m, PB_ANSWER_TOO_LARGE);
	else if (err != -ENOENT && err != -ENODATA)
		set_state(m, PB_ANSWER_UNREADABLE);
	return 0;
}

/* --- files --- */

/* Whether it has contents in this file. */
static bool has_section(const struct pb_elf *e, const char *name)
{
	struct pb_elf_section none;
	int err = pb_elf_section(e, name, 0, &none);

	if (!err)
		free(none.bytes);
	return err == -EFBIG;
}

static bool has_debug_info(const struct pb_elf *e)
{
	return has_section(e, ".debug_info") || has_section(e, ".zdebug_info");
}

/* An unknown id is that of any file. */
static bool is_build(const struct pb_elf *e, const uint8_t *id, uint32_t len)
{
	uint8_t own[PB_WIRE_ID_MAX];
	size_t own_len = pb_elf_build_id(e, own, sizeof(own));

	return !len || (own_len == len && !memcmp(own, id, len));
}

/* By its link, which has the build id too, so that a file that is here is found before a server is asked.
 * Return: as pb_wanted_open. */
static int open_debug_fd(const struct module *m)
{
	pb_autofree struct pb_wanted *wanted = calloc(1, sizeof(*wanted));

	if (!wanted)
		return -ENOMEM;
	if (!pb_debuglink_read(m->elf, wanted))
		return m->open(m->ctx, wanted);
	wanted->kind = PB_WANTED_BUILD_ID;
	wanted->build_id_len =
		(uint32_t)pb_elf_build_id(m->elf, wanted->build_id, sizeof(wanted->build_id));
	return wanted->build_id_len ? m->open(m->ctx, wanted) : -ENOENT;
}

/* Whether a separate file is that of the module. It was checked by the one who opened it; its build id once
 * more, since that is cheap. Return: 0; -ENOMEM. */
static int check_debug_file(const struct module *m, bool *is_ours)
{
	uint8_t id[PB_WIRE_ID_MAX];
	uint32_t len = (uint32_t)pb_build_id_of(m->debug_fd, id, sizeof(id));
	int err;

	*is_ours = false;
	if (len && !is_build(m->elf, id, len))
		return 0;
	err = pb_elf_has_same_code(m->elf, m->debug, is_ours);
	return err == -ENOMEM ? err : 0;
}

/* The separate file, where there is something to be had from it. */
static int open_debug_file(struct module *m)
{
	bool wants_debug_info = m->q->flags & PB_ASK_DEBUG_INFO;
	bool is_ours;
	int fd, err;

	if (!m->open || (m->is_whole && (!wants_debug_info || has_debug_info(m->elf))))
		return 0;
	fd = open_debug_fd(m);
	if (fd < 0)
		return fd == -ENOMEM ? fd : 0;
	m->debug_fd = fd;
	err = pb_elf_open(&m->debug, fd);
	if (err == -ENOMEM)
		return err;
	m->left_out = err && wants_debug_info;
	if (err)
		return 0;
	err = check_debug_file(m, &is_ours);
	if (!is_ours)
		pb_elf_free(pb_take(m->debug));
	return err;
}

/* --- functions --- */

/* What .gnu_debugdata has of the .symtab of a stripped program. */
static int add_debugdata(struct module *m, struct pb_symtab *to)
{
	pb_auto(pb_elf) struct pb_elf *inner = NULL;
	pb_autofree uint8_t *bytes = NULL;
	size_t size = 0;
	int err;

	err = pb_debugdata_read(m->elf, &bytes, &size);
	if (!err)
		err = pb_elf_open_memory(&inner, bytes, size);
	if (!err)
		err = pb_elf_add_functions(to, inner, SHT_SYMTAB, false);
	return forgive(m, err);
}

/* What a .symtab that is not whole lacks. A name that several tables have is the same in all of them. */
static int add_other_tables(struct module *m, struct pb_symtab *to)
{
	int err = 0;

	if (m->debug)
		err = forgive(m, pb_elf_add_functions(to, m->debug, SHT_SYMTAB, true));
	if (!err)
		err = add_debugdata(m, to);
	if (!err)
		err = forgive(m, pb_elf_add_functions(to, m->elf, SHT_DYNSYM, false));
	return err;
}

static int read_functions(struct module *m)
{
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;
	int err;

	err = pb_symtab_new(&t);
	if (!err)
		err = forgive(m, pb_elf_add_functions(t, m->elf, SHT_SYMTAB, m->is_whole));
	if (!err && !m->is_whole)
		err = add_other_tables(m, t);
	if (!err)
		err = pb_symtab_finish(t, 0);
	if (!err && pb_symtab_count(t))
		m->symbols = pb_take(t);
	return err;
}

/* What cannot be read is told, and is the state of the module only if symbols do not name it either. */
static int read_debug_info(struct module *m)
{
	int fd = m->debug_fd, err;

	if (!(m->q->flags & PB_ASK_DEBUG_INFO))
		return 0;
	/* The vdso has no descriptor, and no debug information. */
	if (m->q->kind == PB_ASK_ELF && has_debug_info(m->elf))
		fd = m->q->fds[0];
	else if (!m->debug || !has_debug_info(m->debug))
		return 0;
	err = pb_dwarf_new(&m->dwarf, fd, m->open, m->ctx);
	m->left_out = err && err != -ENODATA;
	if (!err || err == -ENOMEM)
		return err;
	return m->symbols ? 0 : forgive(m, err);
}

static int read_elf(struct module *m)
{
	int err;

	if (!is_build(m->elf, m->q->build_id, m->q->build_id_len)) {
		set_state(m, PB_ANSWER_MISMATCH);
		return 0;
	}
	/* One that is malformed is told when its functions are read. */
	err = pb_elf_has_whole_symtab(m->elf, &m->is_whole);
	if (err == -ENOMEM)
		return err;
	err = m->q->kind == PB_ASK_ELF ? open_debug_file(m) : 0;
	if (!err)
		err = read_functions(m);
	if (!err)
		err = read_debug_info(m);
	if (!m->symbols && !m->dwarf)
		set_state(m, PB_ANSWER_NO_SYMBOLS);
	return err;
}

/* Maps say what was; what they leave out was never named. A dump knows more, and comes last. */
static int read_jit(struct module *m)
{
	bool has_map = !(m->q->flags & PB_ASK_FIRST_IS_DUMP);
	pb_auto(pb_symtab) struct pb_symtab *t = NULL;
	uint32_t i;
	int err;

	err = pb_symtab_new(&t);
	if (!err && has_map && m->q->n_fds)
		err = forgive(m, pb_perfmap_read(t, m->q->fds[0]));
	for (i = has_map; !err && i < m->q->n_fds && i <= (uint32_t)has_map; i++)
		err = forgive(m, pb_jitdump_read(t, m->q->fds[i]));
	if (!err)
		err = pb_symtab_finish(t, 1);
	if (err)
		return err;
	if (pb_symtab_count(t))
		m->symbols = pb_take(t);
	else
		set_state(m, PB_ANSWER_NO_SYMBOLS);
	return 0;
}

static int read_module(struct module *m)
{
	int err = -ENOEXEC;

	if (m->q->kind == PB_ASK_JIT)
		return read_jit(m);
	if (m->q->kind == PB_ASK_VDSO)
		err = pb_vdso_open(&m->elf);
	else if (m->q->kind == PB_ASK_ELF && m->q->n_fds)
		err = pb_elf_open(&m->elf, m->q->fds[0]);
	if (!err)
		return read_elf(m);
	set_state(m, PB_ANSWER_UNREADABLE);
	return err == -ENOMEM ? err : 0;
}

/* --- names --- */

/* The symbol that begins at @addr, or NULL. */
static const struct pb_symbol *symbol_from(const struct module *m, uint64_t addr)
{
	const struct pb_symbol *s = m->symbols ? pb_symtab_find(m->symbols, addr) : NULL;

	return s && s->addr == addr ? s : NULL;
}

/* Linkage tables and bounds add to what there is; what is wrong with them is no finding. */
static int read_fallbacks(struct module *m)
{
	int err;

	if (m->has_fallbacks)
		return 0;
	m->has_fallbacks = true;
	err = pb_plt_functions(&m->plt, m->elf);
	if (err == -ENOMEM)
		return err;
	err = pb_bounds_new(&m->bounds, m->elf);
	return err == -ENOMEM ? err : 0;
}

/* Whether unwind information has another function begin behind a symbol and up to an address, which its name
 * was stripped of. At most as many steps as an unsized symbol has bytes. */
static bool is_cut_off(const struct module *m, const struct pb_symbol *s, uint64_t vaddr)
{
	uint64_t at = s->addr, start, end;

	while (at <= vaddr) {
		if (pb_bounds_find(m->bounds, at, &start, &end)) {
			at++;
			continue;
		}
		if (start > s->addr)
			return true;
		at = end;
	}
	return false;
}

/* The symbol at an address, *out NULL without one. Return: 0; -ENOMEM. */
static int find_symbol(struct module *m, uint64_t vaddr, const struct pb_symbol **out)
{
	const struct pb_symbol *s = m->symbols ? pb_symtab_find(m->symbols, vaddr) : NULL;
	int err = 0;

	if (s && s->is_unsized) {
		err = read_fallbacks(m);
		if (!err && m->bounds && is_cut_off(m, s, vaddr))
			s = NULL;
	}
	*out = s;
	return err;
}

/* A frame by its symbol, and by what debug information says about it, if anything. */
static void put_frame(struct module *m, const char *symbol, const struct pb_dwarf_frame *f)
{
	struct pb_frame_texts texts = {.name = pb_demangled_find(m->names, symbol),
				       .system_name = symbol};

	if (f) {
		texts.file = f->file;
		texts.line = f->line;
		texts.start_line = f->start_line;
	}
	pb_answer_frame(m->w, &texts);
}

static const char *dwarf_name(const struct pb_dwarf_frame *f)
{
	return f->linkage_name && f->linkage_name[0] ? f->linkage_name : f->name ? f->name : "";
}

/* By debug information; @symbol is the one at the address, or NULL. Return: false, and nothing is written, if
 * the function itself has no name. */
static bool put_dwarf_frames(struct module *m, uint64_t vaddr, const struct pb_symbol *symbol)
{
	struct pb_dwarf_frame frames[PB_WIRE_INLINES_MAX];
	const struct pb_symbol *first;
	uint64_t start = UINT64_MAX;
	const char *name;
	uint32_t n, i;

	n = m->dwarf ? pb_dwarf_find(m->dwarf, vaddr, frames, PB_WIRE_INLINES_MAX, &start) : 0;
	if (!n)
		return false;
	first = symbol_from(m, start);
	name = first ? first->name : dwarf_name(&frames[n - 1]);
	if (!name[0] && symbol)
		name = symbol->name;
	if (!name[0])
		return false;
	pb_answer_address(m->w, vaddr, 0);
	/* What was inlined and has no name is part of the function around it. */
	for (i = 0; i + 1 < n; i++)
		if (dwarf_name(&frames[i])[0])
			put_frame(m, dwarf_name(&frames[i]), &frames[i]);
	put_frame(m, name, &frames[n - 1]);
	return true;
}

/* Where the function at @vaddr starts, 0 if that is not known: also where a symbol begins with the range of
 * unwind information and ends before it does, so that there must be more than one function in it. */
static uint64_t function_start(const struct module *m, uint64_t vaddr)
{
	uint64_t start, end;

	if (!m->bounds || pb_bounds_find(m->bounds, vaddr, &start, &end) || symbol_from(m, start))
		return 0;
	return start;
}

/* An address of a file that is what was mapped. Return: 0; -ENOMEM. */
static int put_vaddr(struct module *m, uint64_t vaddr)
{
	const struct pb_symbol *symbol;
	int err;

	err = find_symbol(m, vaddr, &symbol);
	if (err || put_dwarf_frames(m, vaddr, symbol))
		return err;
	if (!symbol) {
		err = read_fallbacks(m);
		if (err)
			return err;
		symbol = m->plt ? pb_symtab_find(m->plt, vaddr) : NULL;
	}
	pb_answer_address(m->w, vaddr, symbol ? 0 : function_start(m, vaddr));
	if (symbol)
		put_frame(m, symbol->name, NULL);
	return 0;
}

static int put_address(struct module *m, uint64_t addr)
{
	const struct pb_symbol *symbol = NULL;
	uint64_t vaddr;

	/* The segments of another build say nothing about this address. */
	if (m->elf && m->state != PB_ANSWER_MISMATCH && !pb_elf_vaddr(m->elf, addr, &vaddr))
		return put_vaddr(m, vaddr);
	if (m->q->kind == PB_ASK_JIT && m->symbols)
		symbol = pb_symtab_find(m->symbols, addr);
	pb_answer_address(m->w, addr, 0);
	if (symbol)
		put_frame(m, symbol->name, NULL);
	return 0;
}

/* An answer without a single name, of a size that always fits. */
static int take_bare(struct module *m, struct pb_answer **out)
{
	uint32_t i;
	int err;

	set_state(m, PB_ANSWER_TOO_LARGE);
	pb_answer_writer_free(pb_take(m->w));
	err = pb_answer_writer_new(&m->w);
	for (i = 0; !err && i < m->q->n_addrs; i++) {
		uint64_t vaddr = m->q->addrs[i];

		if (m->elf)
			pb_elf_vaddr(m->elf, m->q->addrs[i], &vaddr);
		pb_answer_address(m->w, vaddr, 0);
	}
	return err ? err : pb_answer_take(m->w, out);
}

static int answer(struct module *m, struct pb_answer **out)
{
	struct pb_answer *a = NULL;
	uint32_t i;
	int err;

	err = pb_answer_writer_new(&m->w);
	if (!err)
		err = pb_demangled_new(&m->names, m->q->flags & PB_ASK_FULL_NAMES);
	if (!err)
		err = read_module(m);
	for (i = 0; !err && i < m->q->n_addrs; i++)
		err = put_address(m, m->q->addrs[i]);
	if (!err)
		err = pb_answer_take(m->w, &a);
	if (err == -EFBIG)
		err = take_bare(m, &a);
	if (err)
		return err;
	a->state = m->state;
	a->has_debug_info = m->dwarf != NULL;
	a->left_out = m->left_out;
	if (m->elf)
		a->build_id_len =
			(uint32_t)pb_elf_build_id(m->elf, a->build_id, sizeof(a->build_id));
	*out = a;
	return 0;
}

int pb_parse(const struct pb_question *q, pb_wanted_open *open, void *ctx, struct pb_answer **out)
{
	struct module m = {.q = q, .open = open, .ctx = ctx, .debug_fd = -1};
	int err = answer(&m, out);

	free_module(&m);
	return err;
}
