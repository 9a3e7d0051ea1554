/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Every adder has the same shape: find the row by its key; else make room in the array, enter the
 * id into the hash index, and only then write the row and count it. So a failure in between leaves
 * the profile as it was, but for the sticky error.
 */
#include "user/core/profile.h"

#include <errno.h>
#include <string.h>

#include "user/core/idtable.h"
#include "user/core/text.h"

#define CHUNK_BYTES (64 * 1024u)
_Static_assert(CHUNK_BYTES > PB_NAME_MAX, "a chunk holds the longest name");

/* Strings are never moved, so that pb_profile_text() stays valid: chunks are only ever added. */
struct chunk {
	struct chunk *next;
	size_t used;
	char bytes[CHUNK_BYTES];
};

struct text {
	const char *s;
	size_t len;
};

struct pb_profile_index {
	int err;
	struct chunk *chunks; /* the one with room first */
	struct text *texts;
	uint32_t n_texts;

	/* allocated rows of each array */
	uint32_t cap_texts, cap_modules, cap_locations, cap_lines, cap_functions, cap_nodes;
	uint32_t cap_processes, cap_samples, cap_values;

	struct pb_idtable *by_text, *by_location, *by_marker, *by_function, *by_node;
	struct pb_idtable *by_process, *by_sample;
};

static uint32_t fail(struct pb_profile *p, int err)
{
	if (!p->index->err)
		p->index->err = err;
	return PB_NONE;
}

static bool failed(const struct pb_profile *p)
{
	return p->index->err != 0;
}

/*
 * Room for row @n of an array of @cap rows of @size bytes. Returns where the array is now; NULL
 * with the sticky error set, and the array as it was, if there is no memory or no id left.
 */
static void *with_room(struct pb_profile *p, void *array, uint32_t *cap, uint32_t n, size_t size)
{
	uint32_t rows = *cap ? *cap : 8;
	size_t bytes;
	void *bigger;

	if (n < *cap)
		return array;
	if (n == PB_NONE) {
		fail(p, -ENOMEM);
		return NULL;
	}
	while (rows <= n)
		rows = rows > PB_NONE / 2 ? PB_NONE : 2 * rows;
	if (__builtin_mul_overflow((size_t)rows, size, &bytes)) {
		fail(p, -ENOMEM);
		return NULL;
	}
	bigger = realloc(array, bytes);
	if (!bigger) {
		fail(p, -ENOMEM);
		return NULL;
	}
	*cap = rows;
	return bigger;
}

static int index_new(struct pb_profile_index *ix)
{
	struct pb_idtable **tables[] = {&ix->by_text,     &ix->by_location, &ix->by_marker,
					&ix->by_function, &ix->by_node,     &ix->by_process,
					&ix->by_sample};
	int err;

	for (size_t i = 0; i < PB_ARRAY_SIZE(tables); i++) {
		err = pb_idtable_new(tables[i]);
		if (err)
			return err;
	}
	return 0;
}

static void index_free(struct pb_profile_index *ix)
{
	if (!ix)
		return;
	while (ix->chunks) {
		struct chunk *next = ix->chunks->next;

		free(ix->chunks);
		ix->chunks = next;
	}
	free(ix->texts);
	pb_idtable_free(ix->by_text);
	pb_idtable_free(ix->by_location);
	pb_idtable_free(ix->by_marker);
	pb_idtable_free(ix->by_function);
	pb_idtable_free(ix->by_node);
	pb_idtable_free(ix->by_process);
	pb_idtable_free(ix->by_sample);
	free(ix);
}

static const char *intern(struct pb_profile *p, const char *s)
{
	return pb_profile_text(p, pb_profile_string(p, s, strlen(s)));
}

int pb_profile_new(struct pb_profile **out, const struct pb_value_type *types, uint32_t n)
{
	pb_auto(pb_profile) struct pb_profile *p = NULL;
	int err;

	if (!n || n > PB_VALUES_MAX)
		return -EINVAL;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->index = calloc(1, sizeof(*p->index));
	if (!p->index)
		return -ENOMEM;
	err = index_new(p->index);
	if (err)
		return err;
	pb_profile_string(p, "", 0);
	p->nodes = with_room(p, NULL, &p->index->cap_nodes, 0, sizeof(*p->nodes));
	if (!p->nodes)
		return -ENOMEM;
	p->nodes[0] = (struct pb_node){.parent = 0, .location = PB_NONE};
	p->n_nodes = 1;
	for (uint32_t i = 0; i < n; i++) {
		p->value_types[i].type = intern(p, types[i].type);
		p->value_types[i].unit = intern(p, types[i].unit);
	}
	p->n_values = n;
	p->period_type = (struct pb_value_type){"", ""};
	if (failed(p))
		return pb_profile_error(p);
	*out = pb_take(p);
	return 0;
}

void pb_profile_free(struct pb_profile *p)
{
	if (!p)
		return;
	free(p->modules);
	free(p->locations);
	free(p->lines);
	free(p->functions);
	free(p->nodes);
	free(p->processes);
	free(p->samples);
	free(p->values);
	index_free(p->index);
	free(p);
}

int pb_profile_error(const struct pb_profile *p)
{
	return p->index->err;
}

/* A copy of @len bytes, at most PB_NAME_MAX, that lives as long as the profile; NULL: no memory. */
static const char *keep(struct pb_profile_index *ix, const char *s, size_t len)
{
	struct chunk *c = ix->chunks;
	char *copy;

	if (!c || len >= CHUNK_BYTES - c->used) {
		c = malloc(sizeof(*c));
		if (!c)
			return NULL;
		c->used = 0;
		c->next = ix->chunks;
		ix->chunks = c;
	}
	copy = c->bytes + c->used;
	memcpy(copy, s, len);
	copy[len] = '\0';
	c->used += len + 1;
	return copy;
}

static bool same_text(const void *rows, uint32_t id, const void *key)
{
	const struct text *row = &((const struct text *)rows)[id];
	const struct text *want = key;

	return row->len == want->len && !memcmp(row->s, want->s, want->len);
}

uint32_t pb_profile_string(struct pb_profile *p, const char *s, size_t len)
{
	struct pb_profile_index *ix = p->index;
	char safe[PB_NAME_MAX + 1];
	struct text text = {.s = safe};
	struct text *texts;
	uint64_t hash;
	uint32_t id;

	if (failed(p))
		return 0;
	text.len = pb_text_safe(safe, sizeof(safe), s, len);
	hash = pb_idtable_hash(ix->by_text, safe, text.len);
	id = pb_idtable_find(ix->by_text, hash, same_text, ix->texts, &text);
	if (id != PB_NONE)
		return id;
	texts = with_room(p, ix->texts, &ix->cap_texts, ix->n_texts, sizeof(*texts));
	if (!texts)
		return 0;
	ix->texts = texts;
	text.s = keep(ix, safe, text.len);
	if (!text.s || pb_idtable_add(ix->by_text, hash, ix->n_texts)) {
		fail(p, -ENOMEM);
		return 0;
	}
	texts[ix->n_texts] = text;
	return ix->n_texts++;
}

const char *pb_profile_text(const struct pb_profile *p, uint32_t id)
{
	return id < p->index->n_texts ? p->index->texts[id].s : "";
}

uint32_t pb_profile_module(struct pb_profile *p, const struct pb_module *m)
{
	struct pb_module *modules;

	if (failed(p))
		return PB_NONE;
	if (m->build_id_len > PB_BUILD_ID_MAX)
		return fail(p, -EINVAL);
	modules = with_room(p, p->modules, &p->index->cap_modules, p->n_modules, sizeof(*m));
	if (!modules)
		return PB_NONE;
	p->modules = modules;
	modules[p->n_modules] = *m;
	return p->n_modules++;
}

static bool same_process(const void *rows, uint32_t id, const void *key)
{
	const struct pb_process *row = &((const struct pb_process *)rows)[id];
	const struct pb_process *want = key;

	return row->tgid == want->tgid && row->comm == want->comm;
}

uint32_t pb_profile_process(struct pb_profile *p, uint32_t tgid, uint32_t comm)
{
	const struct pb_process want = {.tgid = tgid, .comm = comm};
	struct pb_profile_index *ix = p->index;
	struct pb_process *rows;
	uint64_t hash;
	uint32_t id;

	if (failed(p))
		return PB_NONE;
	hash = pb_idtable_hash(ix->by_process, &want, sizeof(want));
	id = pb_idtable_find(ix->by_process, hash, same_process, p->processes, &want);
	if (id != PB_NONE)
		return id;
	rows = with_room(p, p->processes, &ix->cap_processes, p->n_processes, sizeof(want));
	if (!rows)
		return PB_NONE;
	p->processes = rows;
	if (pb_idtable_add(ix->by_process, hash, p->n_processes))
		return fail(p, -ENOMEM);
	rows[p->n_processes] = want;
	return p->n_processes++;
}

static bool same_location(const void *rows, uint32_t id, const void *key)
{
	const struct pb_location *row = &((const struct pb_location *)rows)[id];
	const struct pb_location *want = key;

	return row->addr == want->addr && row->module == want->module &&
	       row->is_return == want->is_return;
}

/* Append @row, entered into @table under @hash. */
static uint32_t add_location(struct pb_profile *p, struct pb_idtable *table, uint64_t hash,
			     const struct pb_location *row)
{
	struct pb_location *rows =
		with_room(p, p->locations, &p->index->cap_locations, p->n_locations, sizeof(*row));

	if (!rows)
		return PB_NONE;
	p->locations = rows;
	if (pb_idtable_add(table, hash, p->n_locations))
		return fail(p, -ENOMEM);
	rows[p->n_locations] = *row;
	return p->n_locations++;
}

uint32_t pb_profile_location(struct pb_profile *p, uint32_t module, uint64_t addr, bool is_return)
{
	const struct pb_location want = {
		.addr = addr,
		.module = module,
		.first_line = PB_NONE,
		.is_return = is_return,
	};
	const uint64_t key[] = {addr, (uint64_t)module << 1 | is_return};
	struct pb_idtable *table = p->index->by_location;
	uint64_t hash;
	uint32_t id;

	if (failed(p))
		return PB_NONE;
	if (module != PB_NONE && module >= p->n_modules)
		return fail(p, -EINVAL);
	hash = pb_idtable_hash(table, key, sizeof(key));
	id = pb_idtable_find(table, hash, same_location, p->locations, &want);
	return id != PB_NONE ? id : add_location(p, table, hash, &want);
}

static bool same_function(const void *rows, uint32_t id, const void *key)
{
	const struct pb_function *row = &((const struct pb_function *)rows)[id];
	const struct pb_function *want = key;

	return row->name == want->name && row->system_name == want->system_name &&
	       row->file == want->file && row->start_line == want->start_line;
}

uint32_t pb_profile_function(struct pb_profile *p, const struct pb_function *f)
{
	struct pb_profile_index *ix = p->index;
	struct pb_function *rows;
	uint64_t hash;
	uint32_t id;

	if (failed(p))
		return PB_NONE;
	hash = pb_idtable_hash(ix->by_function, f, sizeof(*f));
	id = pb_idtable_find(ix->by_function, hash, same_function, p->functions, f);
	if (id != PB_NONE)
		return id;
	rows = with_room(p, p->functions, &ix->cap_functions, p->n_functions, sizeof(*f));
	if (!rows)
		return PB_NONE;
	p->functions = rows;
	if (pb_idtable_add(ix->by_function, hash, p->n_functions))
		return fail(p, -ENOMEM);
	rows[p->n_functions] = *f;
	return p->n_functions++;
}

static bool same_node(const void *rows, uint32_t id, const void *key)
{
	const struct pb_node *row = &((const struct pb_node *)rows)[id];
	const struct pb_node *want = key;

	return row->parent == want->parent && row->location == want->location;
}

uint32_t pb_profile_node(struct pb_profile *p, uint32_t parent, uint32_t location)
{
	const struct pb_node want = {.parent = parent, .location = location};
	struct pb_profile_index *ix = p->index;
	struct pb_node *rows;
	uint64_t hash;
	uint32_t id;

	if (failed(p))
		return PB_NONE;
	if (parent >= p->n_nodes || location >= p->n_locations)
		return fail(p, -EINVAL);
	hash = pb_idtable_hash(ix->by_node, &want, sizeof(want));
	id = pb_idtable_find(ix->by_node, hash, same_node, p->nodes, &want);
	if (id != PB_NONE)
		return id;
	rows = with_room(p, p->nodes, &ix->cap_nodes, p->n_nodes, sizeof(want));
	if (!rows)
		return PB_NONE;
	p->nodes = rows;
	if (pb_idtable_add(ix->by_node, hash, p->n_nodes))
		return fail(p, -ENOMEM);
	rows[p->n_nodes] = want;
	return p->n_nodes++;
}

/* A marker is a location whose name is its identity; one that was renamed is another marker. */
static bool same_marker(const void *rows, uint32_t id, const void *key)
{
	const struct pb_profile *p = rows;
	const struct pb_location *row = &p->locations[id];
	const uint32_t *name = key;

	return row->n_lines && p->functions[p->lines[row->first_line].function].name == *name;
}

uint32_t pb_profile_marker(struct pb_profile *p, const char *name)
{
	const struct pb_location row = {.module = PB_NONE, .first_line = PB_NONE};
	struct pb_idtable *table = p->index->by_marker;
	uint32_t text = pb_profile_string(p, name, strlen(name));
	const struct pb_function f = {.name = text};
	struct pb_line line = {0};
	uint64_t hash;
	uint32_t id;

	if (failed(p))
		return PB_NONE;
	hash = pb_idtable_hash(table, &text, sizeof(text));
	id = pb_idtable_find(table, hash, same_marker, p, &text);
	if (id != PB_NONE)
		return id;
	line.function = pb_profile_function(p, &f);
	if (failed(p))
		return PB_NONE;
	id = add_location(p, table, hash, &row);
	if (id != PB_NONE)
		pb_profile_set_lines(p, id, &line, 1);
	return failed(p) ? PB_NONE : id;
}

void pb_profile_set_lines(struct pb_profile *p, uint32_t location, const struct pb_line *lines,
			  uint32_t n)
{
	struct pb_location *row;
	struct pb_line *rows;
	uint32_t limit;

	if (failed(p))
		return;
	if (location >= p->n_locations) {
		fail(p, -EINVAL);
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (lines[i].function >= p->n_functions) {
			fail(p, -EINVAL);
			return;
		}
	}
	row = &p->locations[location];
	if (n > row->n_lines) {
		if (__builtin_add_overflow(p->n_lines, n, &limit)) {
			fail(p, -ENOMEM);
			return;
		}
		rows = with_room(p, p->lines, &p->index->cap_lines, limit - 1, sizeof(*rows));
		if (!rows)
			return;
		p->lines = rows;
		row->first_line = p->n_lines;
		p->n_lines = limit;
	}
	row->n_lines = n;
	if (n)
		memcpy(&p->lines[row->first_line], lines, n * sizeof(*lines));
	else
		row->first_line = PB_NONE;
}

static bool same_sample(const void *rows, uint32_t id, const void *key)
{
	const struct pb_sample *row = &((const struct pb_sample *)rows)[id];
	const struct pb_sample *want = key;

	return row->node == want->node && row->process == want->process;
}

/* The sample of @want, made with zeros if it is new. */
static uint32_t find_sample(struct pb_profile *p, const struct pb_sample *want)
{
	struct pb_profile_index *ix = p->index;
	size_t row_bytes = p->n_values * sizeof(*p->values);
	struct pb_sample *samples;
	uint64_t *values;
	uint64_t hash = pb_idtable_hash(ix->by_sample, want, sizeof(*want));
	uint32_t id = pb_idtable_find(ix->by_sample, hash, same_sample, p->samples, want);

	if (id != PB_NONE)
		return id;
	samples = with_room(p, p->samples, &ix->cap_samples, p->n_samples, sizeof(*want));
	if (!samples)
		return PB_NONE;
	p->samples = samples;
	values = with_room(p, p->values, &ix->cap_values, p->n_samples, row_bytes);
	if (!values)
		return PB_NONE;
	p->values = values;
	if (pb_idtable_add(ix->by_sample, hash, p->n_samples))
		return fail(p, -ENOMEM);
	samples[p->n_samples] = *want;
	memset(&values[(size_t)p->n_samples * p->n_values], 0, row_bytes);
	return p->n_samples++;
}

void pb_profile_add(struct pb_profile *p, uint32_t node, uint32_t process, const uint64_t *values)
{
	const struct pb_sample want = {.node = node, .process = process};
	uint64_t *sums;
	uint32_t id;

	if (failed(p))
		return;
	if (node >= p->n_nodes || (process != PB_NONE && process >= p->n_processes)) {
		fail(p, -EINVAL);
		return;
	}
	id = find_sample(p, &want);
	if (id == PB_NONE)
		return;
	sums = &p->values[(size_t)id * p->n_values];
	for (uint32_t i = 0; i < p->n_values; i++) {
		if (__builtin_add_overflow(sums[i], values[i], &sums[i]))
			sums[i] = UINT64_MAX;
	}
}

uint32_t pb_profile_value(const struct pb_profile *p, const char *type)
{
	for (uint32_t i = 0; i < p->n_values; i++) {
		if (!strcmp(p->value_types[i].type, type))
			return i;
	}
	return PB_NONE;
}

uint64_t pb_profile_total(const struct pb_profile *p, uint32_t i)
{
	uint64_t sum = 0;

	if (i >= p->n_values)
		return 0;
	for (uint32_t s = 0; s < p->n_samples; s++) {
		if (__builtin_add_overflow(sum, p->values[(size_t)s * p->n_values + i], &sum))
			return UINT64_MAX;
	}
	return sum;
}
