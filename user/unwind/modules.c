/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/unwind/modules.h"

#include <errno.h>
#include <string.h>

#include "user/core/clock.h"
#include "user/core/elf.h"
#include "user/core/files.h"
#include "user/core/log.h"
#include "user/core/report.h"
#include "user/core/track.h"
#include "user/core/vdso.h"
#include "user/unwind/module.h"
#include "user/unwind/store.h"

/* A library that nobody maps any more may come again with the next run of a command. */
#define UNUSED_NS     60000000000ull
#define AGE_PERIOD_NS 1000000000ull
/* Of compiling between two ticks. A large module of a distribution takes 30 ms; a file that means harm, or one
 * file as large as there are, may take ten times that, once. */
#define COMPILE_NS    50000000ull

/* The vdso has no file. It comes first, files behind it by their ids. */
#define VDSO 0

enum state {
	NEW,
	TABLE,
	WITHOUT,
	REFUSED,
	LEAVING,
};

struct module {
	enum state state;
	uint32_t refs;
	bool had_table, was_refused; /* ever: for the report */
	bool is_shut;                /* it could not be opened so far */
	uint32_t rows;               /* of the table it has or had */
	struct pb_elf *elf;          /* with a table only */
	uint64_t base;               /* virtual address of the table's page 0 */
	struct pb_stored stored;
	uint64_t unused_ns; /* since when */
};

/* In a store: of what there may be too little. */
struct room {
	uint64_t bytes, rules;
};

struct pb_modules {
	const struct pb_files *files;
	struct pb_store *store;
	struct module *rows;
	uint32_t n;
	uint32_t n_unused, n_leaving, n_refused;
	struct room wanted;  /* for refused tables, each by what it lacked */
	struct room leaving; /* of tables that went since they were refused */
	uint64_t retry_ns;   /* when what went is free again; 0: nothing went */
	uint64_t now_ns, aged_ns;
	uint64_t compiling_ns; /* spent since the tick */
	uint64_t evicted;
	bool told_full;
};

int pb_modules_new(struct pb_modules **out, const struct pb_files *files, struct pb_store *store)
{
	struct pb_modules *m = calloc(1, sizeof(*m));

	if (!m)
		return -ENOMEM;
	m->files = files;
	m->store = store;
	*out = m;
	return 0;
}

void pb_modules_free(struct pb_modules *m)
{
	uint32_t i;

	if (!m)
		return;
	for (i = 0; i < m->n; i++) {
		pb_elf_free(m->rows[i].elf);
		pb_stored_free(&m->rows[i].stored);
	}
	free(m->rows);
	free(m);
}

static const char *name_of(const struct pb_modules *m, uint32_t module)
{
	return module == VDSO ? "[vdso]" : pb_files_path(m->files, module - 1);
}

/* For a person who wonders why stacks end in a module. */
static const char *reason(int err)
{
	switch (err) {
	case -ENODATA:
		return "it has no unwind information";
	case -EPROTO:
		return "its unwind information is malformed";
	case -ENOEXEC:
		return "it is not an ELF file of this machine";
	case -EFBIG:
		return "its table would be too large";
	case -EBADF:
		return "it cannot be opened";
	case -ENOSPC:
		return "there is no room for its table now";
	}
	return strerror(-err);
}

/* The row of a module, made at its first sight; NULL without memory. */
static struct module *find_row(struct pb_modules *m, uint32_t module)
{
	struct module *rows;
	uint32_t n;

	if (module >= m->n) {
		n = module + 1 + module / 2;
		rows = n > module ? reallocarray(m->rows, n, sizeof(*rows)) : NULL;
		if (!rows)
			return NULL;
		memset(&rows[m->n], 0, (n - m->n) * sizeof(*rows));
		m->rows = rows;
		m->n = n;
	}
	return &m->rows[module];
}

static int open_elf(struct pb_elf **out, const struct pb_modules *m, uint32_t module)
{
	int fd = module == VDSO ? -1 : pb_files_fd(m->files, module - 1);

	if (module == VDSO)
		return pb_vdso_open(out);
	return fd < 0 ? -EBADF : pb_elf_open(out, fd);
}

/* Compile and store. What is not enough for the table stands in @lacks. */
static int make_table(struct pb_modules *m, uint32_t module, struct module *row, struct room *lacks)
{
	pb_auto(pb_unwind_table) struct pb_unwind_table *table = NULL;
	pb_auto(pb_elf) struct pb_elf *elf = NULL;
	int err = open_elf(&elf, m, module);

	if (!err)
		err = pb_unwind_module(&table, elf);
	if (err)
		return err;
	err = pb_store_put(m->store, table, &row->stored);
	if (err && pb_store_rules_free(m->store) < table->n_rules)
		lacks->rules = table->n_rules;
	else if (err)
		lacks->bytes = (uint64_t)table->n_rows * sizeof(*table->rows);
	if (err)
		return err == -EFBIG ? -E2BIG : err;
	row->elf = pb_take(elf);
	row->base = table->base;
	row->rows = table->n_rows;
	return 0;
}

static void leave(struct pb_modules *m, struct module *row)
{
	row->state = LEAVING;
	m->leaving.bytes += row->stored.bytes;
	m->leaving.rules += row->stored.n_rules;
	m->n_leaving++;
	m->n_unused--;
}

/* By what is lacking: a table that takes all the rules may be small. */
static bool is_larger(const struct pb_modules *m, const struct pb_stored *a,
		      const struct pb_stored *b)
{
	if (m->leaving.rules < m->wanted.rules)
		return a->n_rules > b->n_rules;
	return a->bytes > b->bytes;
}

/* Tables that make room are free only after their grace, so the one that needs it has to wait. */
static void make_room(struct pb_modules *m)
{
	struct module *row, *largest;
	uint32_t i;

	while (m->n_unused &&
	       (m->leaving.bytes < m->wanted.bytes || m->leaving.rules < m->wanted.rules)) {
		largest = NULL;
		for (i = 0; i < m->n; i++) {
			row = &m->rows[i];
			if (row->state == TABLE && !row->refs &&
			    (!largest || is_larger(m, &row->stored, &largest->stored)))
				largest = row;
		}
		if (!largest)
			return;
		leave(m, largest);
	}
}

static void refuse(struct pb_modules *m, struct module *row, const struct room *lacks)
{
	if (!m->told_full)
		pb_log(PB_LOG_WARN, "no room for more unwind tables: code that is new is walked by "
				    "frame pointers; a larger --table-size may help");
	m->told_full = true;
	row->state = REFUSED;
	m->n_refused++;
	m->wanted.bytes += lacks->bytes;
	m->wanted.rules += lacks->rules;
	make_room(m);
}

/* First sight of a module, or the first since its table went. */
static void compile(struct pb_modules *m, uint32_t module, struct module *row)
{
	bool was_shut = row->is_shut;
	uint64_t began_ns = pb_clock_ns();
	struct room lacks = {0};
	int err = make_table(m, module, row, &lacks);

	m->compiling_ns += pb_clock_ns() - began_ns;
	row->is_shut = err == -EBADF;
	if (was_shut && row->is_shut)
		return;
	if (!err) {
		row->state = TABLE;
		row->had_table = true;
		row->unused_ns = m->now_ns;
		m->n_unused++;
		return;
	}
	pb_log(PB_LOG_DEBUG, "no unwind table for %s: %s", name_of(m, module),
	       reason(err == -E2BIG ? -EFBIG : err));
	row->was_refused |= err == -ENOSPC || err == -ENOMEM || err == -E2BIG;
	if (err == -ENOSPC || err == -ENOMEM)
		refuse(m, row, &lacks);
	else if (!row->is_shut)
		row->state = WITHOUT;
}

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* A table that was about to go is used again before it went. */
static void keep(struct pb_modules *m, struct module *row)
{
	row->state = TABLE;
	m->n_leaving--;
	m->n_unused++;
	m->leaving.bytes -= min_u64(m->leaving.bytes, row->stored.bytes);
	m->leaving.rules -= min_u64(m->leaving.rules, row->stored.n_rules);
}

int pb_modules_use(struct pb_modules *m, const struct pb_place *place,
		   struct pb_unwind_mapping *out, uint32_t *module)
{
	struct module *row;
	uint64_t vaddr;
	uint32_t which;

	out->bias = out->first_page = out->n_pages = 0;
	if (place->kind != PB_MODULE_VDSO &&
	    (place->kind != PB_MODULE_FILE || place->file == PB_NONE))
		return 0;
	which = place->kind == PB_MODULE_VDSO ? VDSO : place->file + 1;
	row = find_row(m, which);
	if (!row)
		return 0;
	if (row->state == NEW && m->compiling_ns >= COMPILE_NS)
		return -EAGAIN;
	if (row->state == NEW)
		compile(m, which, row);
	else if (row->state == LEAVING)
		keep(m, row);
	if (row->state != TABLE)
		return row->state == REFUSED ? -ENOSPC : 0;
	if (pb_elf_code_vaddr(row->elf, place->file_off, &vaddr))
		return 0;
	if (!row->refs++)
		m->n_unused--;
	/* Modulo 2^64: what lies below the first page is far above the last one, and has no rule. */
	out->bias = place->start - vaddr + row->base;
	out->first_page = row->stored.first_page;
	out->n_pages = row->stored.n_pages;
	*module = which;
	return 1;
}

void pb_modules_release(struct pb_modules *m, uint32_t module)
{
	struct module *row = &m->rows[module];

	if (--row->refs)
		return;
	row->unused_ns = m->now_ns;
	m->n_unused++;
}

/* What left before this tick was seen by no walk since, but may be in the middle of one that is older. */
static void drop_leaving(struct pb_modules *m)
{
	struct module *row;
	uint32_t i;

	for (i = 0; i < m->n && m->n_leaving; i++) {
		row = &m->rows[i];
		if (row->state != LEAVING)
			continue;
		pb_log(PB_LOG_DEBUG, "the unwind table of %s goes: nothing maps it", name_of(m, i));
		pb_store_drop(m->store, &row->stored, m->now_ns + PB_UNWIND_GRACE_NS);
		pb_elf_free(pb_take(row->elf));
		row->state = NEW;
		m->n_leaving--;
		m->evicted++;
		m->retry_ns = m->now_ns + PB_UNWIND_GRACE_NS;
	}
}

static void age(struct pb_modules *m)
{
	struct module *row;
	uint32_t i;

	if (!m->n_unused || m->now_ns - m->aged_ns < AGE_PERIOD_NS)
		return;
	m->aged_ns = m->now_ns;
	for (i = 0; i < m->n; i++) {
		row = &m->rows[i];
		if (row->state != TABLE || row->refs || m->now_ns - row->unused_ns <= UNUSED_NS)
			continue;
		leave(m, row);
	}
}

/* Forget who was refused: whoever is still mapped is compiled anew. */
static void forgive(struct pb_modules *m)
{
	uint32_t i;

	for (i = 0; i < m->n; i++) {
		if (m->rows[i].state == REFUSED)
			m->rows[i].state = NEW;
	}
	m->n_refused = 0;
	m->wanted = m->leaving = (struct room){0};
	m->retry_ns = 0;
}

bool pb_modules_tick(struct pb_modules *m, uint64_t now_ns)
{
	m->now_ns = now_ns;
	m->compiling_ns = 0;
	drop_leaving(m);
	pb_store_settle(m->store, now_ns);
	if (!m->n_refused && now_ns > m->retry_ns) {
		m->leaving = (struct room){0}; /* free since, and for whoever comes next */
		m->retry_ns = 0;
	}
	age(m);
	make_room(m);
	if (!m->n_refused || !m->retry_ns || now_ns <= m->retry_ns)
		return false;
	forgive(m);
	return true;
}

void pb_modules_describe(const struct pb_modules *m, struct pb_report *report)
{
	const struct module *row;
	uint32_t i;

	report->unwind_modules = report->unwind_refused = 0;
	report->unwind_without = report->unwind_rows = 0;
	report->unwind_evicted = m->evicted;
	for (i = 0; i < m->n; i++) {
		row = &m->rows[i];
		report->unwind_modules += row->had_table;
		report->unwind_refused += row->was_refused;
		report->unwind_without +=
			(row->state == WITHOUT || row->is_shut) && !row->was_refused;
		report->unwind_rows += row->had_table ? row->rows : 0;
	}
}
