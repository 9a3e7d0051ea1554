/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Locations without names are sorted by the table that can name them, then by address. Each run of one
 * table is a batch and, but for the kernel, one question to the parser. Copies of one file share a
 * table: fifty containers may map fifty of one library.
 */
#include "user/symbol/symbol.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/core/log.h"
#include "user/core/openfile.h"
#include "user/core/profile.h"
#include "user/symbol/debugfile.h"
#include "user/symbol/debuginfod.h"
#include "user/symbol/kallsyms.h"
#include "user/symbol/names.h"
#include "user/symbol/shared/symtab.h"

/* Of a module's base name in "base+0xoffset". */
#define BASE_MAX      1024
/* Bytes that are read in a run to find copies of files: what lies beyond is asked about once more each, by a
 * parser whose time is bounded. */
#define COMPARE_MAX   (1ll << 30)
#define COMPARE_CHUNK (1 << 20)
/* A file that more than one user can write. */
#define ANYONE        UINT32_MAX

/* A location to be named. */
struct item {
	uint64_t table; /* items of equal table are one batch */
	uint64_t addr;  /* what to ask for: of a return address, the byte before it */
	uint32_t location;
	uint32_t asked; /* index of addr in the question */
};

/* One run of pb_symbolize(). */
struct run {
	struct pb_profile *p;
	const struct pb_symbol_source *source; /* may be NULL */
	const struct pb_symbol_opts *opts;
	struct pb_symbol_stats *stats;
	struct pb_names *names;           /* NULL until the first question */
	bool no_sandbox;                  /* and so no questions */
	struct pb_debuginfod *debuginfod; /* NULL: not to be asked */
	struct pb_debugfile_sums sums;
};

/* Locations that one table can name. */
struct batch {
	struct run *run;
	struct item *items;
	size_t n;
	const struct pb_module *module; /* of the first item */
	uint32_t module_id;
	uint32_t state;   /* enum pb_answer_state */
	uint32_t unnamed; /* locations */
	bool left_out;    /* debug information that cannot be read */
};

/* A module, and what its file looks like from outside. */
struct look {
	const struct pb_module *m;
	uint32_t id;
	const char *name; /* base name */
	int fd;           /* borrowed; -1: there is no file */
	int64_t size;     /* bytes */
};

static struct look look_at(const struct run *run, uint32_t module)
{
	const struct pb_module *m = &run->p->modules[module];
	const char *path = pb_profile_text(run->p, m->path), *slash = strrchr(path, '/');
	struct look look = {.m = m, .id = module, .name = slash ? slash + 1 : path, .fd = -1};
	struct stat st;

	if (run->source && m->kind == PB_MODULE_FILE)
		look.fd = run->source->module_fd(run->source->ctx, module);
	if (look.fd >= 0 && !pb_stat_known(look.fd, &st))
		look.size = st.st_size;
	return look;
}

static int compare_looks(const struct look *a, const struct look *b)
{
	if (a->m->kind != b->m->kind)
		return a->m->kind < b->m->kind ? -1 : 1;
	if ((a->fd < 0) != (b->fd < 0))
		return a->fd < 0 ? -1 : 1;
	if (a->size != b->size)
		return a->size < b->size ? -1 : 1;
	if (a->m->build_id_len != b->m->build_id_len)
		return a->m->build_id_len < b->m->build_id_len ? -1 : 1;
	if (memcmp(a->m->build_id, b->m->build_id, a->m->build_id_len))
		return memcmp(a->m->build_id, b->m->build_id, a->m->build_id_len);
	return strcmp(a->name, b->name);
}

static int compare_looks_then_ids(const void *pa, const void *pb)
{
	const struct look *a = pa, *b = pb;
	int by_look = compare_looks(a, b);

	return by_look ? by_look : a->id < b->id ? -1 : a->id > b->id;
}

static bool are_equal_bytes(int a, int b, int64_t size)
{
	pb_autofree char *x = malloc(COMPARE_CHUNK), *y = malloc(COMPARE_CHUNK);
	int64_t off;
	ssize_t n;

	if (!x || !y)
		return false;
	for (off = 0; off < size; off += n) {
		n = pread(a, x, COMPARE_CHUNK, off);
		if (n <= 0 || pread(b, y, (size_t)n, off) != n || memcmp(x, y, (size_t)n))
			return false;
	}
	return true;
}

/*
 * A build id is what a file says of itself, and leaves out what may be stripped: two files with one may
 * differ in their symbols, by accident or because somebody wants them to. So they are compared.
 */
static bool is_copy(const struct look *a, const struct look *b, int64_t *budget)
{
	struct stat x, y;

	if (a->m->kind != PB_MODULE_FILE || a->fd < 0 || !a->m->build_id_len || compare_looks(a, b))
		return false;
	if (pb_stat_known(a->fd, &x) || pb_stat_known(b->fd, &y))
		return false;
	if (x.st_dev == y.st_dev && x.st_ino == y.st_ino)
		return true;
	if (a->size > *budget)
		return false;
	*budget -= a->size;
	return are_equal_bytes(a->fd, b->fd, a->size);
}

/* For each module, the first one whose file holds the same; itself if there is none. */
static uint32_t *representatives(const struct run *run)
{
	const struct pb_profile *p = run->p;
	pb_autofree struct look *looks = calloc((size_t)p->n_modules + 1, sizeof(*looks));
	uint32_t *first = calloc((size_t)p->n_modules + 1, sizeof(*first));
	int64_t budget = COMPARE_MAX;
	uint32_t i, head = 0;

	if (!looks || !first) {
		free(first);
		return NULL;
	}
	for (i = 0; i < p->n_modules; i++)
		looks[i] = look_at(run, i);
	qsort(looks, p->n_modules, sizeof(*looks), compare_looks_then_ids);
	for (i = 0; i < p->n_modules; i++) {
		if (!i || !is_copy(&looks[i], &looks[head], &budget))
			head = i;
		first[looks[i].id] = looks[head].id;
	}
	return first;
}

/* What the table goes by: the offset in the file, or the address where there is no file. */
static uint64_t table_addr(const struct pb_module *m, uint64_t addr)
{
	return m->kind == PB_MODULE_FILE || m->kind == PB_MODULE_VDSO
		       ? addr - m->start + m->file_off
		       : addr;
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

static int collect(const struct run *run, struct item **out, size_t *out_n)
{
	const struct pb_profile *p = run->p;
	pb_autofree uint32_t *first = representatives(run);
	struct item *items = first ? calloc((size_t)p->n_locations + 1, sizeof(*items)) : NULL;
	size_t n = 0;
	uint32_t i;

	if (!items)
		return -ENOMEM;
	for (i = 0; i < p->n_locations; i++) {
		const struct pb_location *l = &p->locations[i];

		if (l->module == PB_NONE || l->n_lines)
			continue;
		items[n].table = first[l->module];
		items[n].addr =
			table_addr(&p->modules[l->module], l->addr - (l->is_return && l->addr));
		items[n++].location = i;
	}
	qsort(items, n, sizeof(*items), compare_items);
	*out = items;
	*out_n = n;
	return 0;
}

static const struct pb_location *location_of(const struct batch *b, const struct item *item)
{
	return &b->run->p->locations[item->location];
}

static const char *base_of(const struct pb_profile *p, const struct pb_module *m)
{
	const char *path = pb_profile_text(p, m->path);
	const char *slash;

	switch (m->kind) {
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

/* "module+0xoffset": of the function if its start is known, so that a function is one box. */
static void set_unknown(struct batch *b, const struct item *item,
			const struct pb_answer_addr *found)
{
	struct pb_profile *p = b->run->p;
	const struct pb_location *l = location_of(b, item);
	const struct pb_module *m = &p->modules[l->module];
	uint64_t shown = (found ? found->vaddr : item->addr) + (l->is_return && l->addr);
	char name[BASE_MAX + 32];
	struct pb_line line = {0};
	int len;

	if (found && found->function)
		shown = found->function;
	len = snprintf(name, sizeof(name), "%.*s+0x%" PRIx64, BASE_MAX, base_of(p, m), shown);
	line.function = pb_profile_function(
		p, &(struct pb_function){.name = pb_profile_string(p, name, (size_t)len)});
	pb_profile_set_lines(p, item->location, &line, 1);
	b->unnamed++;
	b->run->stats->unnamed++;
}

static uint32_t intern(struct pb_profile *p, const char *text)
{
	return pb_profile_string(p, text, strlen(text));
}

static void set_frames(struct batch *b, const struct item *item, const struct pb_answer *a,
		       const struct pb_answer_addr *found)
{
	struct pb_line lines[PB_WIRE_INLINES_MAX];
	struct pb_profile *p = b->run->p;
	uint32_t n = found->n_frames < PB_WIRE_INLINES_MAX ? found->n_frames : PB_WIRE_INLINES_MAX;
	uint32_t i;

	for (i = 0; i < n; i++) {
		/* If there are too many, the function itself is worth more than the innermost ones. */
		const struct pb_answer_frame *f =
			&a->frames[found->first + found->n_frames - n + i];
		struct pb_function function = {
			.name = intern(p, pb_answer_text(a, f->name)),
			.system_name = intern(p, pb_answer_text(a, f->system_name)),
			.file = intern(p, pb_answer_text(a, f->file)),
			.start_line = f->start_line,
		};

		lines[i].function = pb_profile_function(p, &function);
		lines[i].line = f->line;
	}
	pb_profile_set_lines(p, item->location, lines, n);
	b->run->stats->named++;
	b->run->stats->inlined += n - 1;
}

/* Whatever is not in the answer has no name. */
static void take_answer(struct batch *b, const struct pb_answer *a)
{
	bool was_read = a->state == PB_ANSWER_OK || a->state == PB_ANSWER_NO_SYMBOLS;
	size_t i;

	b->state = a->state;
	b->left_out = a->left_out;
	for (i = 0; i < b->n; i++) {
		const struct item *item = &b->items[i];
		struct pb_module *m = &b->run->p->modules[location_of(b, item)->module];
		const struct pb_answer_addr *found =
			item->asked < a->n_addrs ? &a->addrs[item->asked] : NULL;

		m->has_functions |= was_read;
		m->has_filenames |= a->has_debug_info;
		m->has_lines |= a->has_debug_info;
		m->has_inlines |= a->has_debug_info;
		/* Its file was pinned when it was mapped. */
		if (!m->build_id_len && was_read && m->kind != PB_MODULE_ANON) {
			memcpy(m->build_id, a->build_id, a->build_id_len);
			m->build_id_len = (uint8_t)a->build_id_len;
		}
		if (found && found->n_frames)
			set_frames(b, item, a, found);
		else
			set_unknown(b, item, found);
	}
	b->run->stats->with_debug_info += a->has_debug_info;
	b->run->stats->build_id_mismatch += a->state == PB_ANSWER_MISMATCH;
}

static void take_nothing(struct batch *b, uint32_t state)
{
	struct pb_answer none = {.state = state};

	take_answer(b, &none);
}

/* The distinct addresses of a batch; its items learn which is theirs. */
static int fill_question(struct batch *b, struct pb_question *q, uint64_t **addrs)
{
	uint64_t *distinct = calloc(b->n, sizeof(*distinct));
	uint32_t n = 0;
	size_t i;

	if (!distinct)
		return -ENOMEM;
	for (i = 0; i < b->n; i++) {
		if (!n || distinct[n - 1] != b->items[i].addr) {
			/* What is beyond the bound of a question is left without a name. */
			if (n == PB_WIRE_ADDRS_MAX)
				break;
			distinct[n++] = b->items[i].addr;
		}
		b->items[i].asked = n - 1;
	}
	for (; i < b->n; i++)
		b->items[i].asked = UINT32_MAX;
	q->addrs = *addrs = distinct;
	q->n_addrs = n;
	q->flags |= PB_ASK_DEBUG_INFO;
	if (b->run->opts->full_names)
		q->flags |= PB_ASK_FULL_NAMES;
	memcpy(q->build_id, b->module->build_id, b->module->build_id_len);
	q->build_id_len = b->module->build_id_len;
	return 0;
}

/* The user who may have written a file. */
static uint32_t writer_of(int fd)
{
	struct stat st;

	if (pb_stat_known(fd, &st) || (st.st_mode & 022))
		return ANYONE;
	return st.st_uid;
}

/*
 * What anyone but root has written may take over its parser, which must not speak for other modules then:
 * it has a parser of its own.
 */
static bool is_suspect(const struct pb_question *q)
{
	return q->kind == PB_ASK_JIT || (q->kind == PB_ASK_ELF && writer_of(q->fds[0]));
}

/* Ask, and name the batch by the answer. */
static int ask(struct batch *b, struct pb_question *q, struct pb_debugfile *debugfile)
{
	pb_auto(pb_answer) struct pb_answer *answer = NULL;
	const char *what = pb_profile_text(b->run->p, b->module->path);
	pb_autofree uint64_t *addrs = NULL;
	struct run *run = b->run;
	int err = fill_question(b, q, &addrs);

	if (!err && !run->names && !run->no_sandbox)
		err = pb_names_new(&run->names);
	if (err)
		return err;
	if (run->names)
		pb_names_stop_when(run->names, run->opts->stop, run->opts->stop_ctx);
	if (!run->no_sandbox) {
		bool suspect = is_suspect(q);

		if (suspect)
			pb_names_stop(run->names);
		err = pb_names_ask(run->names, what, q, debugfile ? pb_debugfile_open : NULL,
				   debugfile, &answer);
		if (suspect || (debugfile && debugfile->suspect))
			pb_names_stop(run->names);
	}
	if (err == -ENOMEM)
		return err;
	if (err) {
		/* Addresses are better than no profile. */
		pb_log(PB_LOG_WARN,
		       "files of targets are only read in a sandbox: no names without one");
		run->no_sandbox = true;
	}
	if (answer)
		take_answer(b, answer);
	else
		take_nothing(b, PB_ANSWER_GIVEN_UP);
	return 0;
}

/* The first module of a batch whose file is at hand. */
static int open_any(const struct batch *b, uint32_t *module)
{
	const struct pb_symbol_source *source = b->run->source;
	uint32_t last = PB_NONE;
	size_t i;
	int fd;

	for (i = 0; source && i < b->n; i++) {
		*module = location_of(b, &b->items[i])->module;
		if (*module == last)
			continue;
		last = *module;
		fd = source->module_fd(source->ctx, *module);
		if (fd >= 0)
			return fd;
	}
	*module = b->module_id;
	return -1;
}

static int name_file(struct batch *b)
{
	const struct pb_symbol_source *source = b->run->source;
	struct pb_question q = {.kind = PB_ASK_ELF, .n_fds = 1};
	struct pb_debugfile debugfile = {.debuginfod = b->run->debuginfod, .sums = &b->run->sums};
	uint32_t module, writer;

	q.fds[0] = open_any(b, &module);
	if (q.fds[0] < 0) {
		take_nothing(b, PB_ANSWER_NO_FILE);
		return 0;
	}
	writer = writer_of(q.fds[0]);
	debugfile.owner = writer == ANYONE ? 0 : writer;
	debugfile.path = pb_profile_text(b->run->p, b->run->p->modules[module].path);
	if (source->module_process)
		debugfile.tgid = source->module_process(source->ctx, module);
	return ask(b, &q, &debugfile);
}

static int name_vdso(struct batch *b)
{
	struct pb_question q = {.kind = PB_ASK_VDSO};

	return ask(b, &q, NULL);
}

static int name_jit(struct batch *b)
{
	const struct pb_symbol_source *source = b->run->source;
	struct pb_question q = {.kind = PB_ASK_JIT};
	pb_autoclose int map = -1;
	pb_autoclose int dump = -1;

	if (source)
		map = source->perf_map_fd(source->ctx, b->module_id);
	if (source && source->jitdump_fd)
		dump = source->jitdump_fd(source->ctx, b->module_id);
	if (map >= 0)
		q.fds[q.n_fds++] = map;
	else
		q.flags |= PB_ASK_FIRST_IS_DUMP;
	if (dump >= 0)
		q.fds[q.n_fds++] = dump;
	if (!q.n_fds) {
		take_nothing(b, PB_ANSWER_NO_FILE);
		return 0;
	}
	return ask(b, &q, NULL);
}

/* The kernel's own symbols are no hostile input. */
static int name_kernel(struct batch *b)
{
	pb_autofree uint64_t *wanted = calloc(b->n, sizeof(*wanted));
	pb_auto(pb_symtab) struct pb_symtab *symbols = NULL;
	struct run *run = b->run;
	size_t i;
	int err;

	if (!wanted)
		return -ENOMEM;
	for (i = 0; i < b->n; i++)
		wanted[i] = b->items[i].addr;
	err = pb_kallsyms_read(&symbols, wanted, b->n);
	if (err == -ENOMEM)
		return err;
	if (err == -EACCES)
		run->stats->kallsyms_hidden = 1;
	if (err)
		b->state = PB_ANSWER_NO_SYMBOLS;
	for (i = 0; i < b->n; i++) {
		const struct item *item = &b->items[i];
		const struct pb_symbol *symbol =
			symbols ? pb_symtab_find(symbols, item->addr) : NULL;
		struct pb_line line = {0};
		uint32_t name;

		run->p->modules[location_of(b, item)->module].has_functions |= !err;
		if (!symbol) {
			set_unknown(b, item, NULL);
			continue;
		}
		name = intern(run->p, symbol->name);
		line.function = pb_profile_function(
			run->p, &(struct pb_function){.name = name, .system_name = name});
		pb_profile_set_lines(run->p, item->location, &line, 1);
		run->stats->named++;
	}
	return 0;
}

static int name_batch(struct batch *b)
{
	switch (b->module->kind) {
	case PB_MODULE_FILE:
		return name_file(b);
	case PB_MODULE_VDSO:
		return name_vdso(b);
	case PB_MODULE_KERNEL:
		return name_kernel(b);
	case PB_MODULE_ANON:
		return name_jit(b);
	}
	return 0;
}

/* What has no name, and why, is for the report. */
static int note_gap(const struct batch *b)
{
	struct pb_symbol_stats *stats = b->run->stats;
	struct pb_symbol_gap *gaps;

	if (!b->unnamed && !b->left_out && b->state != PB_ANSWER_GIVEN_UP)
		return 0;
	gaps = reallocarray(stats->gaps, (size_t)stats->n_gaps + 1, sizeof(*gaps));
	if (!gaps)
		return -ENOMEM;
	stats->gaps = gaps;
	gaps[stats->n_gaps++] = (struct pb_symbol_gap){b->module_id, b->state, b->unnamed};
	return 0;
}

static int compare_gaps(const void *pa, const void *pb)
{
	const struct pb_symbol_gap *a = pa, *b = pb;

	if (a->locations != b->locations)
		return a->locations > b->locations ? -1 : 1;
	return a->module < b->module ? -1 : a->module > b->module;
}

static uint32_t count_batches(const struct item *items, size_t n)
{
	uint32_t batches = 0;
	size_t i;

	for (i = 0; i < n; i++)
		batches += !i || items[i].table != items[i - 1].table;
	return batches;
}

static int run_batches(struct run *run, struct item *items, size_t n)
{
	uint32_t batches = count_batches(items, n), done = 0;
	size_t first, end;

	for (first = 0; first < n; first = end) {
		struct batch b = {.run = run, .items = &items[first]};
		int err = 0;

		for (end = first + 1; end < n && items[end].table == items[first].table; end++)
			;
		b.n = end - first;
		b.module_id = run->p->locations[items[first].location].module;
		b.module = &run->p->modules[b.module_id];
		if (run->opts->progress)
			run->opts->progress(run->opts->progress_ctx, done, batches,
					    pb_profile_text(run->p, b.module->path));
		if (run->opts->stop && run->opts->stop(run->opts->stop_ctx))
			take_nothing(&b, PB_ANSWER_GIVEN_UP);
		else
			err = name_batch(&b);
		err = err ? err : note_gap(&b);
		if (err)
			return err;
		done++;
	}
	return 0;
}

int pb_symbolize(struct pb_profile *p, const struct pb_symbol_source *source,
		 const struct pb_symbol_opts *opts, struct pb_symbol_stats *stats)
{
	static const struct pb_symbol_opts none;
	struct pb_symbol_stats unused = {0};
	pb_autofree struct item *items = NULL;
	struct run run = {.p = p, .source = source, .opts = opts ? opts : &none};
	size_t n;
	int err;

	run.stats = stats ? stats : &unused;
	memset(run.stats, 0, sizeof(*run.stats));
	err = collect(&run, &items, &n);
	/* Without servers the rest is named all the same; what is missing has been said. */
	if (!err && run.opts->debuginfod && pb_debuginfod_new(&run.debuginfod, NULL) == -ENOMEM)
		err = -ENOMEM;
	if (run.debuginfod)
		pb_debuginfod_stop_when(run.debuginfod, run.opts->stop, run.opts->stop_ctx);
	err = err ? err : run_batches(&run, items, n);
	if (run.names) {
		pb_names_stop(run.names);
		run.stats->peak_bytes = pb_names_peak_bytes(run.names);
	}
	pb_names_free(run.names);
	pb_debuginfod_free(run.debuginfod);
	if (run.stats->n_gaps)
		qsort(run.stats->gaps, run.stats->n_gaps, sizeof(*run.stats->gaps), compare_gaps);
	if (!stats)
		pb_symbol_stats_drop(&unused);
	return err ? err : pb_profile_error(p);
}

void pb_symbol_stats_drop(struct pb_symbol_stats *stats)
{
	free(stats->gaps);
	stats->gaps = NULL;
	stats->n_gaps = 0;
}
