/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Folded stacks: "comm;outer;inner 12\n", in the order of `LC_ALL=C sort`, each path once.
 *
 * Lines are not built and sorted as a whole: a million deep stacks would take gigabytes. Instead,
 * boxes are merged by what they print as, and below every node its lines are sorted by what follows
 * the common prefix: "label 12" where a stack ends in the child, "label;" for all that go through
 * it. A label holds no ';', so none of these is a prefix of a line that belongs elsewhere, and
 * their order is the order of the lines.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "user/core/idtable.h"
#include "user/core/profile.h"
#include "user/render/render.h"
#include "user/render/tree.h"
#include "user/render/trie.h"

/* One thing to print below a node: a finished line, or a way down. */
struct entry {
	uint32_t node; /* of the trie */
	const char *label;
	char tail[24]; /* " 12" or ";" */
};

struct folder {
	FILE *out;
	struct pb_tree *tree;

	struct pb_idtable *by_text;
	char **labels; /* by label id; NULL-terminated array of n_frames + 1 */
	uint32_t n_labels;
	uint32_t *label_of; /* by frame */

	struct pb_trie *trie; /* keys are labels */
	uint64_t *self;       /* by trie node */
	uint64_t *total;
	struct entry *entries;
	uint32_t *starts; /* of a node's entries; n + 1 of them */

	char *prefix; /* of the line being printed */
	size_t prefix_len, prefix_capacity;
};

static void folder_drop(struct folder *f)
{
	for (uint32_t i = 0; i < f->n_labels; i++)
		free(f->labels[i]);
	free(f->labels);
	free(f->label_of);
	pb_idtable_free(f->by_text);
	pb_trie_free(f->trie);
	free(f->self);
	free(f->total);
	free(f->entries);
	free(f->starts);
	free(f->prefix);
	pb_tree_free(f->tree);
}

static bool same_label(const void *rows, uint32_t id, const void *key)
{
	return !strcmp(((char *const *)rows)[id], key);
}

/* The name with the suffix that palettes know, and without the characters the format lives by. */
static char *make_label(const struct pb_frame *frame)
{
	const char *suffix = frame->kind == PB_FRAME_KERNEL    ? "_[k]"
			     : frame->kind == PB_FRAME_INLINED ? "_[i]"
			     : frame->kind == PB_FRAME_JIT     ? "_[j]"
							       : "";
	char *label = NULL;

	if (asprintf(&label, "%s%s", frame->label, suffix) < 0)
		return NULL;
	for (char *c = label; *c; c++) {
		if (*c == ';')
			*c = ':';
		else if (*c == '\n' || *c == '\r')
			*c = ' ';
	}
	return label;
}

static int make_labels(struct folder *f)
{
	f->labels = calloc((size_t)f->tree->n_frames + 1, sizeof(*f->labels));
	f->label_of = calloc((size_t)f->tree->n_frames + 1, sizeof(*f->label_of));
	if (!f->labels || !f->label_of || pb_idtable_new(&f->by_text))
		return -ENOMEM;
	for (uint32_t i = 0; i < f->tree->n_frames; i++) {
		pb_autofree char *label = make_label(&f->tree->frames[i]);
		uint64_t hash;
		uint32_t id;

		if (!label)
			return -ENOMEM;
		hash = pb_idtable_hash(f->by_text, label, strlen(label));
		id = pb_idtable_find(f->by_text, hash, same_label, f->labels, label);
		if (id == PB_IDTABLE_NONE) {
			id = f->n_labels;
			if (pb_idtable_add(f->by_text, hash, id))
				return -ENOMEM;
			f->labels[f->n_labels++] = pb_take(label);
		}
		f->label_of[i] = id;
	}
	return 0;
}

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static int merge(struct folder *f)
{
	const struct pb_tree *t = f->tree;
	pb_autofree uint32_t *place = calloc(t->n_nodes, sizeof(*place));

	if (!place || pb_trie_new(&f->trie, t->n_nodes))
		return -ENOMEM;
	for (uint32_t i = 1; i < t->n_nodes; i++) {
		const struct pb_tree_node *node = &t->nodes[i];

		place[i] = pb_trie_child(f->trie, place[node->parent], f->label_of[node->frame]);
		if (place[i] == PB_NONE)
			return f->trie->err;
	}
	f->self = calloc(f->trie->n, sizeof(*f->self));
	f->total = calloc(f->trie->n, sizeof(*f->total));
	if (!f->self || !f->total)
		return -ENOMEM;
	for (uint32_t i = 1; i < t->n_nodes; i++)
		f->self[place[i]] = add_saturating(f->self[place[i]], t->nodes[i].self);
	for (uint32_t i = f->trie->n; i-- > 1;) {
		uint32_t parent = f->trie->parent[i];

		f->total[i] = add_saturating(f->total[i], f->self[i]);
		f->total[parent] = add_saturating(f->total[parent], f->total[i]);
	}
	return 0;
}

/* Whether anything is to be printed below a node, beyond the line that ends in it. */
static bool goes_on(const struct folder *f, uint32_t node)
{
	return f->total[node] > f->self[node] ||
	       (f->total[node] == UINT64_MAX && f->self[node] == UINT64_MAX);
}

/* Compare what two entries print, as if their two parts were one string. */
static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	const char *s = x->label, *t = y->label;
	bool s_in_tail = false, t_in_tail = false;

	for (;; s++, t++) {
		if (!*s && !s_in_tail) {
			s = x->tail;
			s_in_tail = true;
		}
		if (!*t && !t_in_tail) {
			t = y->tail;
			t_in_tail = true;
		}
		if (*s != *t)
			return (unsigned char)*s < (unsigned char)*t ? -1 : 1;
		if (!*s)
			return 0;
	}
}

static int make_entries(struct folder *f)
{
	const struct pb_trie *trie = f->trie;
	uint32_t at = 0;

	f->starts = calloc((size_t)trie->n + 1, sizeof(*f->starts));
	if (!f->starts)
		return -ENOMEM;
	for (uint32_t i = 1; i < trie->n; i++)
		f->starts[trie->parent[i]] += (f->self[i] > 0) + goes_on(f, i);
	for (uint32_t i = 0; i <= trie->n; i++) {
		uint32_t count = f->starts[i];

		f->starts[i] = at;
		at += count;
	}
	f->entries = calloc((size_t)at + 1, sizeof(*f->entries));
	if (!f->entries)
		return -ENOMEM;
	for (uint32_t i = 1; i < trie->n; i++) {
		uint32_t *end = &f->starts[trie->parent[i]];
		struct entry e = {.node = i, .label = f->labels[trie->key[i]]};

		if (f->self[i]) {
			snprintf(e.tail, sizeof(e.tail), " %" PRIu64, f->self[i]);
			f->entries[(*end)++] = e;
		}
		if (goes_on(f, i)) {
			snprintf(e.tail, sizeof(e.tail), ";");
			f->entries[(*end)++] = e;
		}
	}
	/* the starts have moved to the ends, which are the starts of the next */
	memmove(f->starts + 1, f->starts, trie->n * sizeof(*f->starts));
	f->starts[0] = 0;
	for (uint32_t i = 0; i < trie->n; i++) {
		uint32_t n = f->starts[i + 1] - f->starts[i];

		if (n > 1)
			qsort(f->entries + f->starts[i], n, sizeof(*f->entries), compare_entries);
	}
	return 0;
}

static int prefix_push(struct folder *f, const char *label)
{
	size_t len = strlen(label);
	size_t need = f->prefix_len + len + 1;

	if (need > f->prefix_capacity) {
		size_t capacity = need > SIZE_MAX / 2 ? need : 2 * need;
		char *bigger = realloc(f->prefix, capacity);

		if (!bigger)
			return -ENOMEM;
		f->prefix = bigger;
		f->prefix_capacity = capacity;
	}
	memcpy(f->prefix + f->prefix_len, label, len);
	f->prefix[f->prefix_len + len] = ';';
	f->prefix_len = need;
	return 0;
}

/* Depth first over the entries; @next holds how far each node on the way is printed. */
static int print_lines(struct folder *f)
{
	const struct pb_trie *trie = f->trie;
	pb_autofree uint32_t *next = calloc(trie->n, sizeof(*next));
	uint32_t at = 0;

	if (!next)
		return -ENOMEM;
	memcpy(next, f->starts, trie->n * sizeof(*next));
	for (;;) {
		const struct entry *e = &f->entries[next[at]];

		if (next[at] == f->starts[at + 1]) {
			if (!at)
				return 0;
			f->prefix_len -= strlen(f->labels[trie->key[at]]) + 1;
			at = trie->parent[at];
			continue;
		}
		next[at]++;
		if (*e->tail == ';') {
			if (prefix_push(f, e->label))
				return -ENOMEM;
			at = e->node;
			continue;
		}
		if (f->prefix_len)
			fwrite(f->prefix, 1, f->prefix_len, f->out);
		fputs(e->label, f->out);
		fputs(e->tail, f->out);
		if (fputc('\n', f->out) == EOF)
			return -EIO;
	}
}

int pb_render_folded(FILE *out, const struct pb_profile *p, const struct pb_report *r,
		     const struct pb_render_opts *o)
{
	const struct pb_tree_opts by = {.value = o->value, .lines = o->lines};
	struct folder f = {.out = out};
	int err = pb_tree_build(&f.tree, p, &by);

	(void)r; /* the format has no room for it */
	if (!err)
		err = make_labels(&f);
	if (!err)
		err = merge(&f);
	if (!err)
		err = make_entries(&f);
	if (!err)
		err = print_lines(&f);
	folder_drop(&f);
	if (!err && ferror(out))
		err = -EIO;
	return err;
}
