/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * How the tree is built, every step linear but for the sort of the frames:
 *
 *   1. each location becomes a run of frames, outermost first; frames are found by hash
 *   2. samples are grouped by process frame; within a group each node of the profile is entered
 *      into a trie of frames once
 *   3. frames are sorted and renumbered, so that comparing siblings is comparing numbers
 *   4. trie nodes are bucketed by frame and pushed onto their parents' lists from the highest down,
 *      which leaves every list sorted; a walk of the lists then numbers the nodes depth first
 *   5. totals are summed from the last node to the first
 */
#include "user/render/tree.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "user/core/idtable.h"
#include "user/core/profile.h"
#include "user/render/trie.h"

/* Names are interned in the profile: equal texts have equal ids, so ids are what is compared. */
struct frame_key {
	uint32_t name;   /* string; PB_NONE for a name made here */
	uint32_t module; /* string */
	uint32_t kind;
	uint32_t file; /* string; 0 unless frames go by line, as the next */
	uint32_t line;
	uint32_t pad;    /* zero: the key is hashed as bytes */
	uint64_t offset; /* tells made names apart; 0 for others */
};

struct builder {
	const struct pb_profile *p;
	const struct pb_tree_opts *o;
	struct pb_tree *tree;
	size_t label_bytes; /* of labels that were made */

	struct frame_key *keys; /* beside tree->frames */
	bool *file_varies;
	bool *line_varies;
	uint32_t frame_capacity;
	struct pb_idtable *by_key;

	uint32_t *run_start; /* of a location in runs[]; n_locations + 1 of them */
	uint32_t *runs;      /* frames, outermost first */

	struct pb_trie *trie; /* keys are frames */
	uint32_t *sample_at;  /* trie node of each sample */
};

static void builder_drop(struct builder *b)
{
	free(b->keys);
	free(b->file_varies);
	free(b->line_varies);
	pb_idtable_free(b->by_key);
	free(b->run_start);
	free(b->runs);
	pb_trie_free(b->trie);
	free(b->sample_at);
}

static uint64_t add_saturating(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

const char *pb_module_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static uint64_t offset_of(const struct pb_profile *p, uint32_t module, uint64_t addr)
{
	const struct pb_module *m;

	if (module == PB_NONE)
		return addr;
	m = &p->modules[module];
	if (m->kind == PB_MODULE_KERNEL || m->kind == PB_MODULE_ANON)
		return addr;
	return addr - m->start + m->file_off;
}

char *pb_address_name(const struct pb_profile *p, uint32_t module, uint64_t addr)
{
	const char *path = "";
	char *name = NULL;
	int len;

	if (module != PB_NONE)
		path = pb_module_base(pb_profile_text(p, p->modules[module].path));
	len = asprintf(&name, "%s%s0x%" PRIx64, path, *path ? "+" : "", offset_of(p, module, addr));
	return len < 0 ? NULL : name;
}

char *pb_location_name(const struct pb_profile *p, uint32_t location)
{
	const struct pb_location *l = &p->locations[location];

	return pb_address_name(p, l->module, l->addr - l->is_return);
}

void pb_hotspot_id(const struct pb_frame *frame, char out[17])
{
	uint64_t hash = 0xcbf29ce484222325ull;
	const char *parts[] = {frame->name, pb_module_base(frame->module)};

	for (size_t i = 0; i < PB_ARRAY_SIZE(parts); i++) {
		/* the NUL between the parts is hashed, the one behind the last is not */
		size_t len = strlen(parts[i]) + (i == 0);

		for (size_t k = 0; k < len; k++)
			hash = (hash ^ (unsigned char)parts[i][k]) * 0x100000001b3ull;
	}
	snprintf(out, 17, "%016" PRIx64, hash);
}

/* Frames */

static bool same_frame(const void *rows, uint32_t id, const void *key)
{
	return !memcmp((const struct frame_key *)rows + id, key, sizeof(struct frame_key));
}

/* As reallocarray(), but on failure @array comes back as it was and @err is set. */
static void *bigger(void *array, size_t n, size_t size, int *err)
{
	void *moved = reallocarray(array, n, size);

	if (!moved)
		*err = -ENOMEM;
	return moved ? moved : array;
}

static int grow_frames(struct builder *b)
{
	uint32_t capacity = b->frame_capacity ? 2 * b->frame_capacity : 256;
	struct pb_tree *t = b->tree;
	int err = 0;

	if (capacity > PB_TRIE_NODES_MAX)
		return -EFBIG;
	b->keys = bigger(b->keys, capacity, sizeof(*b->keys), &err);
	b->file_varies = bigger(b->file_varies, capacity, sizeof(*b->file_varies), &err);
	b->line_varies = bigger(b->line_varies, capacity, sizeof(*b->line_varies), &err);
	t->frames = bigger(t->frames, capacity, sizeof(*t->frames), &err);
	if (!err)
		b->frame_capacity = capacity;
	return err;
}

/* Keep a made name for the life of the tree. Takes @name, which may be NULL. */
static const char *own_name(struct builder *b, char *name)
{
	struct pb_tree *t = b->tree;
	size_t capacity = t->n_own_names ? 2 * (size_t)t->n_own_names : 1;
	int err = 0;

	if (!name)
		return NULL;
	if ((t->n_own_names & (t->n_own_names - 1)) == 0) /* as good as a capacity: powers of 2 */
		t->own_names = bigger(t->own_names, capacity, sizeof(*t->own_names), &err);
	if (err) {
		free(name);
		return NULL;
	}
	t->own_names[t->n_own_names++] = name;
	return name;
}

/* "name:line" for a frame that goes by its line, else the name. */
static int set_label(struct builder *b, struct pb_frame *f)
{
	char *label = NULL;
	int len;

	f->label = f->name;
	if (!b->o->lines || !f->line)
		return 0;
	len = asprintf(&label, "%s:%" PRIu32, f->name, f->line);
	if (len < 0)
		return -ENOMEM;
	b->label_bytes += (size_t)len + 1;
	f->label = own_name(b, label);
	if (!f->label)
		return -ENOMEM;
	return b->label_bytes > PB_TREE_LABELS_MAX ? -EFBIG : 0;
}

/* Find or add. A frame of PB_NONE comes back with an empty name to be filled in by the caller. */
static int frame_get(struct builder *b, const struct frame_key *k, uint32_t *out)
{
	uint64_t hash = pb_idtable_hash(b->by_key, k, sizeof(*k));
	struct pb_tree *t = b->tree;
	struct pb_frame *f;
	int err = 0;

	*out = pb_idtable_find(b->by_key, hash, same_frame, b->keys, k);
	if (*out != PB_NONE)
		return 0;
	if (t->n_frames == b->frame_capacity)
		err = grow_frames(b);
	if (!err)
		err = pb_idtable_add(b->by_key, hash, t->n_frames);
	if (err)
		return err;
	f = &t->frames[t->n_frames];
	b->keys[t->n_frames] = *k;
	b->file_varies[t->n_frames] = false;
	b->line_varies[t->n_frames] = false;
	*f = (struct pb_frame){
		.name = k->name == PB_NONE ? "" : pb_profile_text(b->p, k->name),
		.module = pb_profile_text(b->p, k->module),
		.file = pb_profile_text(b->p, k->file),
		.line = k->line,
		.kind = k->kind,
	};
	*out = t->n_frames++;
	return set_label(b, f);
}

/* As frame_get() for a name that is made here. Takes @name, which may be NULL: no memory. */
static int frame_get_made(struct builder *b, const struct frame_key *k, char *name, uint32_t *out)
{
	int err = frame_get(b, k, out);
	struct pb_frame *f;

	if (err || *b->tree->frames[*out].name) {
		free(name);
		return err;
	}
	f = &b->tree->frames[*out];
	f->name = f->label = own_name(b, name);
	return f->name ? 0 : -ENOMEM;
}

/* File and line of a frame are what all its places agree on. */
static void note_source(struct builder *b, uint32_t frame, const struct pb_line *line)
{
	const struct pb_function *fn = &b->p->functions[line->function];
	const char *file = pb_profile_text(b->p, fn->file);
	/* a frame by line that has none must not get the line of another one, its start */
	uint32_t number = b->o->lines ? 0 : fn->start_line ? fn->start_line : line->line;
	struct pb_frame *f = &b->tree->frames[frame];

	if (*file && !b->file_varies[frame]) {
		if (*f->file && strcmp(f->file, file) != 0) {
			b->file_varies[frame] = true;
			b->line_varies[frame] = true;
			f->file = "";
			f->line = 0;
		} else {
			f->file = file;
		}
	}
	if (number && !b->line_varies[frame]) {
		b->line_varies[frame] = f->line && f->line != number;
		f->line = b->line_varies[frame] ? 0 : number;
	}
}

/* Of a location without code: "[broken]" tells of the stack, all else of what it acted upon. */
static bool is_marker(const struct pb_profile *p, const struct pb_location *l)
{
	return !l->n_lines ||
	       *pb_profile_text(p, p->functions[p->lines[l->first_line].function].name) == '[';
}

static enum pb_frame_kind kind_of(const struct pb_profile *p, const struct pb_location *l,
				  bool inlined)
{
	if (l->module == PB_NONE)
		return is_marker(p, l) ? PB_FRAME_MARKER : PB_FRAME_TARGET;
	if (p->modules[l->module].kind == PB_MODULE_KERNEL)
		return PB_FRAME_KERNEL;
	if (inlined)
		return PB_FRAME_INLINED;
	return p->modules[l->module].kind == PB_MODULE_ANON ? PB_FRAME_JIT : PB_FRAME_USER;
}

static int location_frames(struct builder *b, uint32_t location, uint32_t *run)
{
	const struct pb_location *l = &b->p->locations[location];
	struct frame_key k = {.kind = kind_of(b->p, l, false)};
	int err;

	if (l->module != PB_NONE)
		k.module = b->p->modules[l->module].path;
	if (!l->n_lines) {
		k.name = PB_NONE;
		k.offset = offset_of(b->p, l->module, l->addr - l->is_return);
		return frame_get_made(b, &k, pb_location_name(b->p, location), run);
	}
	for (uint32_t i = l->n_lines; i-- > 0; run++) {
		const struct pb_line *line = &b->p->lines[l->first_line + i];

		k.kind = kind_of(b->p, l, i + 1 < l->n_lines);
		k.name = b->p->functions[line->function].name;
		k.line = b->o->lines ? line->line : 0;
		k.file = k.line ? b->p->functions[line->function].file : 0;
		err = frame_get(b, &k, run);
		if (err)
			return err;
		note_source(b, *run, line);
	}
	return 0;
}

static int make_runs(struct builder *b)
{
	uint64_t total = 0;

	b->run_start = calloc((size_t)b->p->n_locations + 1, sizeof(*b->run_start));
	if (!b->run_start)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->p->n_locations; i++) {
		b->run_start[i] = (uint32_t)total;
		total += b->p->locations[i].n_lines ? b->p->locations[i].n_lines : 1;
		if (total >= PB_NONE)
			return -EFBIG;
	}
	b->run_start[b->p->n_locations] = (uint32_t)total;
	b->runs = calloc(total + 1, sizeof(*b->runs));
	if (!b->runs)
		return -ENOMEM;
	for (uint32_t i = 0; i < b->p->n_locations; i++) {
		int err = location_frames(b, i, b->runs + b->run_start[i]);

		if (err)
			return err;
	}
	return 0;
}

/* Samples into the trie */

static int process_frame(struct builder *b, uint32_t process, uint32_t *out)
{
	const struct pb_process *proc = &b->p->processes[process];
	struct frame_key k = {.name = proc->comm, .kind = PB_FRAME_PROCESS};
	char *name = NULL;

	if (proc->comm)
		return frame_get(b, &k, out);
	k.name = PB_NONE;
	k.offset = proc->tgid;
	if (asprintf(&name, "pid %" PRIu32, proc->tgid) < 0)
		return -ENOMEM;
	return frame_get_made(b, &k, name, out);
}

/* A sample that has neither a process nor a stack would be weight without a box. */
static int no_stack_frame(struct builder *b, uint32_t *out)
{
	struct frame_key k = {.name = PB_NONE, .kind = PB_FRAME_MARKER, .offset = UINT64_MAX};

	return frame_get_made(b, &k, strdup("[no stack]"), out);
}

/* What a group of samples with one process frame shares while they enter the trie. */
struct group {
	uint32_t stamp;    /* number of the group, from 1 */
	uint32_t base;     /* trie node under which its stacks hang */
	uint32_t *stamps;  /* last group that entered each node of the profile */
	uint32_t *entered; /* trie node of it, where the stamp is this group's */
	uint32_t *path;    /* scratch */
};

static uint32_t enter_stack(struct builder *b, const struct group *g, uint32_t node)
{
	uint32_t depth = 0, at;

	while (node && g->stamps[node] != g->stamp) {
		g->path[depth++] = node;
		node = b->p->nodes[node].parent;
	}
	at = node ? g->entered[node] : g->base;
	while (depth) {
		uint32_t location;

		node = g->path[--depth];
		location = b->p->nodes[node].location;
		for (uint32_t i = b->run_start[location]; i < b->run_start[location + 1]; i++) {
			at = pb_trie_child(b->trie, at, b->runs[i]);
			if (at == PB_NONE)
				return PB_NONE;
		}
		g->stamps[node] = g->stamp;
		g->entered[node] = at;
	}
	return at;
}

/* @order: samples, those of one process frame together; @frame_of: by sample, PB_NONE for none */
static int enter_samples(struct builder *b, const uint32_t *order, const uint32_t *frame_of)
{
	const struct pb_profile *p = b->p;
	size_t n = (size_t)p->n_nodes + 1;
	pb_autofree uint32_t *stamps = calloc(n, sizeof(*stamps));
	pb_autofree uint32_t *entered = calloc(n, sizeof(*entered));
	pb_autofree uint32_t *path = calloc(n, sizeof(*path));
	struct group g = {.stamps = stamps, .entered = entered, .path = path};
	uint32_t last = 0;
	int err;

	if (!stamps || !entered || !path)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->n_samples; i++) {
		uint32_t frame = frame_of[order[i]];
		uint32_t node = p->samples[order[i]].node;

		if (!g.stamp || frame != last) {
			g.stamp++;
			g.base = frame == PB_NONE ? 0 : pb_trie_child(b->trie, 0, frame);
			if (g.base == PB_NONE)
				return b->trie->err;
			last = frame;
		}
		b->sample_at[order[i]] = enter_stack(b, &g, node);
		if (b->sample_at[order[i]] == PB_NONE)
			return b->trie->err;
		if (!node && frame == PB_NONE) {
			err = no_stack_frame(b, &frame);
			if (err)
				return err;
			b->sample_at[order[i]] = pb_trie_child(b->trie, 0, frame);
			if (b->sample_at[order[i]] == PB_NONE)
				return b->trie->err;
		}
	}
	return 0;
}

static int place_samples(struct builder *b)
{
	const struct pb_profile *p = b->p;
	pb_autofree uint32_t *by_process = calloc((size_t)p->n_processes + 1, sizeof(uint32_t));
	pb_autofree uint32_t *frame_of = calloc((size_t)p->n_samples + 1, sizeof(uint32_t));
	pb_autofree uint32_t *order = calloc((size_t)p->n_samples + 1, sizeof(uint32_t));
	pb_autofree uint32_t *starts = NULL;
	uint32_t n_groups, at = 0;

	if (!by_process || !frame_of || !order)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->n_processes; i++) {
		int err = process_frame(b, i, &by_process[i]);

		if (err)
			return err;
	}
	/* a counting sort by frame; the last bucket is for samples without a process */
	n_groups = b->tree->n_frames + 1;
	starts = calloc((size_t)n_groups + 1, sizeof(*starts));
	b->sample_at = calloc((size_t)p->n_samples + 1, sizeof(*b->sample_at));
	if (!starts || !b->sample_at)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->n_samples; i++) {
		uint32_t process = p->samples[i].process;

		frame_of[i] = process == PB_NONE ? PB_NONE : by_process[process];
		starts[frame_of[i] == PB_NONE ? n_groups - 1 : frame_of[i]]++;
	}
	for (uint32_t i = 0; i < n_groups; i++) {
		uint32_t count = starts[i];

		starts[i] = at;
		at += count;
	}
	for (uint32_t i = 0; i < p->n_samples; i++)
		order[starts[frame_of[i] == PB_NONE ? n_groups - 1 : frame_of[i]]++] = i;
	return enter_samples(b, order, frame_of);
}

/* From the trie to the tree */

static int compare_frames(const void *a, const void *b, void *frames)
{
	uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
	const struct pb_frame *x = (const struct pb_frame *)frames + i;
	const struct pb_frame *y = (const struct pb_frame *)frames + k;
	int order = strcmp(x->name, y->name);

	if (!order)
		order = strcmp(x->module, y->module);
	if (!order)
		order = (x->kind > y->kind) - (x->kind < y->kind);
	if (!order)
		order = (x->line > y->line) - (x->line < y->line);
	if (!order)
		order = strcmp(x->file, y->file);
	return order ? order : (i > k) - (i < k);
}

/* Sort the frames and put the new numbers into the trie, which is not asked for children again. */
static int sort_frames(struct builder *b)
{
	struct pb_tree *t = b->tree;
	pb_autofree uint32_t *order = calloc((size_t)t->n_frames + 1, sizeof(*order));
	pb_autofree uint32_t *rank = calloc((size_t)t->n_frames + 1, sizeof(*rank));
	struct pb_frame *sorted = calloc((size_t)t->n_frames + 1, sizeof(*sorted));

	if (!order || !rank || !sorted) {
		free(sorted);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < t->n_frames; i++)
		order[i] = i;
	if (t->n_frames)
		qsort_r(order, t->n_frames, sizeof(*order), compare_frames, t->frames);
	for (uint32_t i = 0; i < t->n_frames; i++) {
		sorted[i] = t->frames[order[i]];
		rank[order[i]] = i;
	}
	free(t->frames);
	t->frames = sorted;
	for (uint32_t i = 1; i < b->trie->n; i++)
		b->trie->key[i] = rank[b->trie->key[i]];
	return 0;
}

/* Sibling lists in frame order: bucket by frame, then push in front from the highest down. */
static int link_children(const struct builder *b, uint32_t *first, uint32_t *next)
{
	const struct pb_trie *trie = b->trie;
	pb_autofree uint32_t *starts = calloc((size_t)b->tree->n_frames + 1, sizeof(*starts));
	pb_autofree uint32_t *order = calloc(trie->n, sizeof(*order));
	uint32_t at = 0;

	if (!starts || !order)
		return -ENOMEM;
	for (uint32_t i = 1; i < trie->n; i++)
		starts[trie->key[i]]++;
	for (uint32_t i = 0; i < b->tree->n_frames; i++) {
		uint32_t count = starts[i];

		starts[i] = at;
		at += count;
	}
	for (uint32_t i = 1; i < trie->n; i++)
		order[starts[trie->key[i]]++] = i;
	for (uint32_t i = 0; i < trie->n; i++)
		first[i] = next[i] = PB_NONE;
	while (at) {
		uint32_t node = order[--at];

		next[node] = first[trie->parent[node]];
		first[trie->parent[node]] = node;
	}
	return 0;
}

/* Number the nodes depth first; @place tells where each trie node went. */
static void number_nodes(struct builder *b, const uint32_t *first, const uint32_t *next,
			 uint32_t *place)
{
	const struct pb_trie *trie = b->trie;
	struct pb_tree *t = b->tree;
	uint32_t at = 0;

	for (;;) {
		uint32_t id = t->n_nodes++;

		place[at] = id;
		t->nodes[id] = (struct pb_tree_node){
			.parent = place[trie->parent[at]],
			.frame = trie->key[at],
			.first_child = first[at] == PB_NONE ? PB_NONE : id + 1,
			.next_sibling = PB_NONE,
		};
		if (first[at] != PB_NONE) {
			at = first[at];
			continue;
		}
		while (at && next[at] == PB_NONE)
			at = trie->parent[at];
		if (!at)
			return;
		t->nodes[place[at]].next_sibling = t->n_nodes;
		at = next[at];
	}
}

static int make_nodes(struct builder *b)
{
	const struct pb_profile *p = b->p;
	struct pb_tree *t = b->tree;
	pb_autofree uint32_t *first = calloc(b->trie->n, sizeof(*first));
	pb_autofree uint32_t *next = calloc(b->trie->n, sizeof(*next));
	pb_autofree uint32_t *place = calloc(b->trie->n, sizeof(*place));
	int err;

	t->nodes = calloc(b->trie->n, sizeof(*t->nodes));
	if (!t->nodes || !first || !next || !place)
		return -ENOMEM;
	err = link_children(b, first, next);
	if (err)
		return err;
	number_nodes(b, first, next, place);
	for (uint32_t i = 0; i < p->n_samples; i++) {
		struct pb_tree_node *node = &t->nodes[place[b->sample_at[i]]];

		node->self = add_saturating(node->self,
					    p->values[(size_t)i * p->n_values + b->o->value]);
	}
	for (uint32_t i = t->n_nodes; i-- > 0;) {
		struct pb_tree_node *node = &t->nodes[i];

		node->total = add_saturating(node->total, node->self);
		if (i)
			t->nodes[node->parent].total =
				add_saturating(t->nodes[node->parent].total, node->total);
	}
	return 0;
}

static int compare_hotspots(const void *a, const void *b)
{
	const struct pb_hotspot *x = a, *y = b;

	if (x->self != y->self)
		return x->self < y->self ? 1 : -1;
	if (x->total != y->total)
		return x->total < y->total ? 1 : -1;
	return (x->frame > y->frame) - (x->frame < y->frame);
}

/*
 * Sums per frame. A frame counts in total where it is not already on the way to the root, so that
 * recursion counts once.
 */
static int make_hotspots(struct pb_tree *t)
{
	pb_autofree uint32_t *on_path = calloc((size_t)t->n_frames + 1, sizeof(*on_path));
	uint32_t at = 0;

	t->hotspots = calloc((size_t)t->n_frames + 1, sizeof(*t->hotspots));
	if (!on_path || !t->hotspots)
		return -ENOMEM;
	for (uint32_t i = 1; i < t->n_nodes; i++) {
		const struct pb_tree_node *node = &t->nodes[i];
		struct pb_hotspot *h = &t->hotspots[node->frame];

		for (; at != node->parent; at = t->nodes[at].parent)
			on_path[t->nodes[at].frame]--;
		at = i;
		h->self = add_saturating(h->self, node->self);
		if (!on_path[node->frame]++)
			h->total = add_saturating(h->total, node->total);
	}
	for (uint32_t i = 0; i < t->n_frames; i++) {
		if (pb_frame_is_no_code(&t->frames[i]))
			continue;
		t->hotspots[t->n_hotspots] = t->hotspots[i];
		t->hotspots[t->n_hotspots++].frame = i;
	}
	if (t->n_hotspots)
		qsort(t->hotspots, t->n_hotspots, sizeof(*t->hotspots), compare_hotspots);
	return 0;
}

static int build(struct builder *b)
{
	int err = pb_trie_new(&b->trie, b->p->n_nodes);

	if (!err)
		err = pb_idtable_new(&b->by_key);
	if (!err)
		err = make_runs(b);
	if (!err)
		err = place_samples(b);
	if (!err)
		err = sort_frames(b);
	if (!err)
		err = make_nodes(b);
	if (!err)
		err = make_hotspots(b->tree);
	return err;
}

int pb_tree_build(struct pb_tree **out, const struct pb_profile *p, const struct pb_tree_opts *o)
{
	pb_auto(pb_tree) struct pb_tree *t = calloc(1, sizeof(*t));
	struct builder b = {.p = p, .o = o, .tree = t};
	int err;

	if (!t)
		return -ENOMEM;
	err = build(&b);
	builder_drop(&b);
	if (err)
		return err;
	*out = pb_take(t);
	return 0;
}

void pb_tree_free(struct pb_tree *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->n_own_names; i++)
		free(t->own_names[i]);
	free(t->own_names);
	free(t->frames);
	free(t->nodes);
	free(t->hotspots);
	free(t);
}
