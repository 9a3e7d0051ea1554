/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/stacks.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "user/core/files.h"
#include "user/core/grow.h"
#include "user/core/idtable.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/core/track.h"

/* Causes of broken stacks, by how the walk ended. Stable ids for reports. */
static const char *const end_causes[PB_END_COUNT] = {
	[PB_END_NO_FP] = "no_frame_pointer",      [PB_END_BAD_FP] = "frame_pointer_lost",
	[PB_END_UNREADABLE] = "stack_unreadable", [PB_END_COMPAT] = "32_bit_task",
	[PB_END_NO_RULE] = "no_unwind_rule",      [PB_END_UNSUPPORTED] = "unsupported_rule",
	[PB_END_BAD_FRAME] = "bad_frame",         [PB_END_NO_MAPPING] = "unknown_code",
	[PB_END_NO_PROCESS] = "new_process",      [PB_END_INTERRUPTED] = "interrupted",
};

#define HOOK_FRAMES_MAX 4 /* that are looked through for those of a tracepoint */

struct stack {
	struct pb_stack_key key;
	uint64_t time_ns; /* of its first sight */
	uint32_t first;   /* into frames[]: location ids, outermost first */
	uint32_t n_user, n_kernel;
	uint32_t process; /* of the profile */
	uint32_t node;    /* of the profile; PB_NONE until it is built */
	uint8_t user_end;
	bool kernel_cut;
};

/* A module of the profile made for a mapping. */
struct made {
	uint32_t file; /* PB_NONE for vdso and anonymous code */
	enum pb_module_kind kind;
	uint32_t life; /* anonymous code only: what a pid has there after an exec is other code */
	uint64_t file_off;
	uint32_t module;
};

/* Where and when an address was seen. */
struct sight {
	uint32_t tgid;
	uint64_t time_ns;
	bool in_kernel; /* the event was there, so the first user address is where it was entered */
};

struct broken {
	uint32_t module;
	uint8_t end;
	uint64_t events;
};

struct pb_stacks {
	struct pb_stacks_parts with;
	struct stack *stacks;
	uint32_t n_stacks, stacks_size;
	uint8_t *counts; /* with.value_size bytes for each stack; NULL until there is one to join */
	uint32_t n_counts;
	struct pb_idtable *by_key;
	uint32_t *frames;
	uint32_t n_frames, frames_size;
	struct made *made;
	uint32_t n_made, made_size;
	struct pb_idtable *by_mapping;
	uint32_t kernel; /* module, PB_NONE until needed */
	uint8_t *kept;   /* records that wait to be resolved */
	size_t kept_used, kept_size;
};

int pb_stacks_new(struct pb_stacks **out, const struct pb_stacks_parts *parts)
{
	pb_auto(pb_stacks) struct pb_stacks *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->with = *parts;
	if (s->with.value_size < sizeof(struct pb_stack_count))
		return -EINVAL;
	s->kernel = PB_NONE;
	if (pb_idtable_new(&s->by_key) || pb_idtable_new(&s->by_mapping))
		return -ENOMEM;
	*out = pb_take(s);
	return 0;
}

void pb_stacks_free(struct pb_stacks *s)
{
	if (!s)
		return;
	pb_idtable_free(s->by_key);
	pb_idtable_free(s->by_mapping);
	free(s->stacks);
	free(s->counts);
	free(s->frames);
	free(s->made);
	free(s->kept);
	free(s);
}

int pb_stacks_keep(struct pb_stacks *s, const void *record, size_t size)
{
	const struct pb_stack_record *r = record;
	size_t want = s->kept_size ? s->kept_size : 65536, frames, used;
	uint8_t *p;

	if (size < PB_STACK_RECORD_HEADER)
		return -EPROTO;
	frames = (size_t)r->n_kernel + r->n_user;
	used = PB_STACK_RECORD_HEADER + frames * sizeof(r->frames[0]);
	if (frames > PB_FRAMES_MAX || used > size || r->user_end >= PB_END_COUNT)
		return -EPROTO;
	while (want - s->kept_used < used)
		want *= 2;
	if (want != s->kept_size) {
		p = realloc(s->kept, want);
		if (!p)
			return -ENOMEM;
		s->kept = p;
		s->kept_size = want;
	}
	memcpy(s->kept + s->kept_used, record, used);
	s->kept_used += used;
	return 0;
}

static bool same_mapping(const void *rows, uint32_t id, const void *key)
{
	const struct made *a = &((const struct pb_stacks *)rows)->made[id], *b = key;

	return a->file == b->file && a->kind == b->kind && a->life == b->life &&
	       a->file_off == b->file_off;
}

static uint32_t add_module(struct pb_stacks *s, const struct made *m, uint32_t tgid,
			   const struct pb_place *place)
{
	struct pb_profile *p = s->with.profile;
	struct pb_module module = {.kind = m->kind};
	const char *path = m->kind == PB_MODULE_VDSO ? "[vdso]" : "[anon]";
	const uint8_t *build_id;
	uint32_t len;

	if (m->kind == PB_MODULE_FILE && m->file == PB_NONE) {
		path = "[unknown]";
	} else if (m->kind == PB_MODULE_FILE) {
		path = pb_files_path(s->with.files, m->file);
		build_id = pb_files_build_id(s->with.files, m->file, &len);
		memcpy(module.build_id, build_id, len);
		module.build_id_len = (uint8_t)len;
	}
	if (m->kind == PB_MODULE_ANON) {
		module.tgid = tgid;
	} else {
		module.start = place->start;
		module.limit = place->end;
		module.file_off = place->file_off;
	}
	module.path = pb_profile_string(p, path, strlen(path));
	return pb_profile_module(p, &module);
}

/* The module for a mapping: one per file and offset, wherever processes have it. */
static uint32_t module_for(struct pb_stacks *s, const struct sight *from,
			   const struct pb_place *place)
{
	struct pb_life life = {.tgid = from->tgid};
	struct made m;
	uint64_t hash;
	uint32_t id;

	memset(&m, 0, sizeof(m)); /* it is hashed: no stray bytes */
	m.file = place->file;
	m.kind = place->kind;
	m.module = PB_NONE;
	if (m.kind == PB_MODULE_ANON)
		m.life = pb_track_life(s->with.track, from->tgid, from->time_ns, &life) ? 0
											: life.id;
	else if (m.kind == PB_MODULE_FILE)
		m.file_off = place->file_off;
	hash = pb_idtable_hash(s->by_mapping, &m, sizeof(m));
	id = pb_idtable_find(s->by_mapping, hash, same_mapping, s, &m);
	if (id != PB_IDTABLE_NONE) {
		struct pb_module *seen = &s->with.profile->modules[s->made[id].module];

		if (m.kind == PB_MODULE_FILE &&
		    seen->limit - seen->start < place->end - place->start)
			seen->limit = seen->start + (place->end - place->start);
		return s->made[id].module;
	}
	if (pb_grow(&s->made, &s->made_size, s->n_made + 1ull, sizeof(m)))
		return PB_NONE;
	m.module = add_module(s, &m, from->tgid, place);
	if (m.module == PB_NONE || pb_idtable_add(s->by_mapping, hash, s->n_made))
		return PB_NONE;
	s->made[s->n_made++] = m;
	if (m.kind == PB_MODULE_ANON && s->with.on_anonymous)
		s->with.on_anonymous(s->with.ctx, &life);
	return m.module;
}

uint32_t pb_stacks_file(const struct pb_stacks *s, uint32_t module)
{
	uint32_t i;

	for (i = 0; i < s->n_made; i++) {
		if (s->made[i].module == module)
			return s->made[i].file;
	}
	return PB_NONE;
}

uint32_t pb_stacks_life(const struct pb_stacks *s, uint32_t module)
{
	uint32_t i;

	for (i = 0; i < s->n_made; i++) {
		if (s->made[i].module == module)
			return s->made[i].life;
	}
	return 0;
}

static uint32_t kernel_location(struct pb_stacks *s, uint64_t addr, bool is_return)
{
	struct pb_module module = {.kind = PB_MODULE_KERNEL};
	struct pb_profile *p = s->with.profile;

	if (s->kernel == PB_NONE) {
		module.path = pb_profile_string(p, "[kernel.kallsyms]", 17);
		s->kernel = pb_profile_module(p, &module);
	}
	return pb_profile_location(p, s->kernel, addr, is_return);
}

/*
 * Return: 0; -ENOENT for a return address that lies in no code, since then the walk has gone astray,
 * and for where a system call was made if that lies in none: the task is in the middle of an exec.
 */
static int user_location(struct pb_stacks *s, const struct sight *from, uint64_t addr,
			 bool is_return, uint32_t *location)
{
	/* A call at the very end of a mapping returns to the first byte behind it. */
	uint64_t inside = is_return ? addr - 1 : addr;
	struct pb_place place;
	uint32_t module;

	if (pb_track_find(s->with.track, from->tgid, from->time_ns, inside, &place)) {
		if (is_return || from->in_kernel)
			return -ENOENT;
		place = (struct pb_place){.file = PB_NONE, .kind = PB_MODULE_FILE};
	}
	module = module_for(s, from, &place);
	if (place.kind != PB_MODULE_ANON && module != PB_NONE)
		addr = addr - place.start + s->with.profile->modules[module].start;
	*location = pb_profile_location(s->with.profile, module, addr, is_return);
	return 0;
}

/*
 * How a walk ended whose frame @i, the event's own at 0, lies in no code. By frame pointers that takes code
 * without them: the walk followed whatever the register held. By rules it is no frame that a rule led
 * to. Where a walk by rules went on by frame pointers, its end tells.
 */
static enum pb_walk_end end_astray(const struct pb_stacks *s, const struct pb_stack_record *r,
				   uint32_t i)
{
	bool by_fp = s->with.unwind == PB_UNWIND_FP || r->user_end == PB_END_NO_FP ||
		     r->user_end == PB_END_BAD_FP;

	if (i > 0)
		return !by_fp ? PB_END_BAD_FRAME : i == 1 ? PB_END_NO_FP : PB_END_BAD_FP;
	/* The walk may have known better than we, who find a task in the middle of an exec. */
	return r->user_end == PB_END_NO_PROCESS || r->user_end == PB_END_NO_MAPPING
		       ? r->user_end
		       : PB_END_UNREADABLE;
}

/* What lies in no code is not shown: the stack ends at the last frame that can be true. */
static void resolve_user(struct pb_stacks *s, const struct pb_stack_record *r, struct stack *stack)
{
	const struct sight from = {r->key.tgid, r->time_ns, r->in_kernel};
	uint32_t *frames = s->frames + s->n_frames, i, swap;

	for (i = 0; i < r->n_user; i++) {
		uint64_t frame = r->frames[r->n_kernel + i];
		bool is_return = (i > 0 || r->at_return) && !(frame & PB_FRAME_INTERRUPTED);

		frame &= ~PB_FRAME_INTERRUPTED;
		if (user_location(s, &from, frame, is_return, &frames[i])) {
			stack->user_end = (uint8_t)end_astray(s, r, i);
			break;
		}
	}
	stack->n_user = i;
	s->n_frames += i;
	for (i = 0; i < stack->n_user / 2; i++) { /* outermost first */
		swap = frames[i];
		frames[i] = frames[stack->n_user - 1 - i];
		frames[stack->n_user - 1 - i] = swap;
	}
}

static bool same_key(const void *rows, uint32_t id, const void *key)
{
	const struct pb_stacks *s = rows;

	return !memcmp(&s->stacks[id].key, key, sizeof(struct pb_stack_key));
}

static uint32_t find_stack(const struct pb_stacks *s, const struct pb_stack_key *key,
			   uint64_t *hash)
{
	*hash = pb_idtable_hash(s->by_key, key, sizeof(*key));
	return pb_idtable_find(s->by_key, *hash, same_key, s, key);
}

static int resolve_record(struct pb_stacks *s, const struct pb_stack_record *r)
{
	uint32_t n = (uint32_t)r->n_kernel + r->n_user, i;
	struct stack *stack;
	uint64_t hash;

	if (find_stack(s, &r->key, &hash) != PB_IDTABLE_NONE)
		return 0; /* two CPUs saw it first at the same time */
	if (pb_grow(&s->stacks, &s->stacks_size, s->n_stacks + 1ull, sizeof(*stack)) ||
	    pb_grow(&s->frames, &s->frames_size, (uint64_t)s->n_frames + n, sizeof(*s->frames)))
		return -ENOMEM;
	stack = &s->stacks[s->n_stacks];
	*stack = (struct stack){.key = r->key,
				.time_ns = r->time_ns,
				.first = s->n_frames,
				.node = PB_NONE,
				.n_kernel = r->n_kernel,
				.user_end = r->user_end,
				.kernel_cut = r->kernel_cut};
	stack->process = pb_profile_process(
		s->with.profile, r->key.tgid,
		pb_profile_string(s->with.profile, r->comm, strnlen(r->comm, sizeof(r->comm))));
	resolve_user(s, r, stack);
	for (i = r->n_kernel; i-- > 0;)
		s->frames[s->n_frames++] = kernel_location(s, r->frames[i], i > 0);
	if (pb_profile_error(s->with.profile) || pb_idtable_add(s->by_key, hash, s->n_stacks)) {
		s->n_frames = stack->first;
		return -ENOMEM;
	}
	s->n_stacks++;
	return 0;
}

int pb_stacks_resolve(struct pb_stacks *s)
{
	const struct pb_stack_record *r;
	size_t at = 0;
	int err = 0;

	while (at < s->kept_used && !err) {
		r = (const void *)(s->kept + at);
		err = resolve_record(s, r);
		at += PB_STACK_RECORD_HEADER +
		      ((size_t)r->n_kernel + r->n_user) * sizeof(r->frames[0]);
	}
	s->kept_used = 0;
	return err;
}

static struct pb_stack_count *count_of(const struct pb_stacks *s, uint32_t id)
{
	return (void *)(s->counts + (size_t)id * s->with.value_size);
}

int pb_stacks_count(struct pb_stacks *s, const struct pb_stack_key *key,
		    const struct pb_stack_count *count)
{
	uint64_t hash;
	uint32_t id = find_stack(s, key, &hash);
	uint8_t *counts;

	if (id == PB_IDTABLE_NONE)
		return -ENOENT;
	if (s->n_counts < s->n_stacks) {
		counts = reallocarray(s->counts, s->n_stacks, s->with.value_size);
		if (!counts)
			return -ENOMEM;
		memset(counts + s->n_counts * s->with.value_size, 0,
		       (s->n_stacks - s->n_counts) * s->with.value_size);
		s->counts = counts;
		s->n_counts = s->n_stacks;
	}
	memcpy(count_of(s, id), count, s->with.value_size);
	return 0;
}

uint32_t pb_stacks_n(const struct pb_stacks *s)
{
	return s->n_stacks;
}

void pb_stacks_total(const struct pb_stacks *s, uint32_t id, struct pb_stack_total *out)
{
	static const max_align_t none[64]; /* larger than any tool's counts */

	*out = (struct pb_stack_total){
		.id = id,
		.key = &s->stacks[id].key,
		.count = id < s->n_counts ? count_of(s, id) : (const void *)none,
		.node = s->stacks[id].node,
		.process = s->stacks[id].process,
	};
}

uint32_t pb_stacks_find(const struct pb_stacks *s, const struct pb_stack_key *key)
{
	uint64_t hash;
	uint32_t id = find_stack(s, key, &hash);

	return id == PB_IDTABLE_NONE ? PB_NONE : id;
}

uint32_t pb_stacks_locate(struct pb_stacks *s, uint32_t id, uint64_t addr, bool is_return)
{
	const struct sight from = {s->stacks[id].key.tgid, s->stacks[id].time_ns, true};
	uint32_t location;

	return user_location(s, &from, addr, is_return, &location) ? PB_NONE : location;
}

/* The name of a location's outermost line; "" if it has none. */
static const char *name_of(const struct pb_profile *p, uint32_t location)
{
	const struct pb_location *l;

	if (location == PB_NONE)
		return "";
	l = &p->locations[location];
	if (l->first_line == PB_NONE || !l->n_lines)
		return "";
	return pb_profile_text(
		p, p->functions[p->lines[l->first_line + l->n_lines - 1].function].name);
}

enum quality { COMPLETE, TRUNCATED, BROKEN };

/*
 * Ends that may be the bottom all the same. Frame pointers often end one frame early: the C library's code
 * around main() and thread starts keeps none, so what main() saved is no frame pointer.
 */
static bool may_be_bottom(uint8_t end)
{
	return end == PB_END_NO_FP || end == PB_END_BAD_FP || end == PB_END_NO_RULE;
}

/* A rule tells of the outermost frame, whatever its name; without rules it is the names that tell. */
static enum quality judge(const struct pb_stacks *s, const struct stack *stack,
			  bool (*is_bottom)(const char *))
{
	const uint32_t *frames = s->frames + stack->first;
	uint32_t i;

	if (stack->user_end == PB_END_DEPTH || stack->kernel_cut)
		return TRUNCATED;
	if (stack->user_end < PB_END_COUNT && !end_causes[stack->user_end])
		return COMPLETE;
	for (i = 0; i < 2 && i < stack->n_user && may_be_bottom(stack->user_end); i++) {
		if (is_bottom(name_of(s->with.profile, frames[i])))
			return COMPLETE;
	}
	return BROKEN;
}

/* Add @events to the row of (module, end). Few rows, so a scan will do. */
static int blame(struct broken **rows, uint32_t *n, uint32_t *size, uint32_t module, uint8_t end,
		 uint64_t events)
{
	uint32_t i;

	for (i = 0; i < *n; i++) {
		if ((*rows)[i].module == module && (*rows)[i].end == end) {
			(*rows)[i].events += events;
			return 0;
		}
	}
	if (pb_grow(rows, size, *n + 1ull, sizeof(**rows)))
		return -ENOMEM;
	(*rows)[(*n)++] = (struct broken){module, end, events};
	return 0;
}

static int by_events(const void *a, const void *b)
{
	const struct broken *x = a, *y = b;

	if (x->events != y->events)
		return x->events > y->events ? -1 : 1;
	return x->module < y->module ? -1 : x->module > y->module;
}

static int report_broken(const struct pb_stacks *s, struct pb_report *report, struct broken *rows,
			 uint32_t n)
{
	const struct pb_profile *p = s->with.profile;
	uint32_t i;

	if (n)
		qsort(rows, n, sizeof(*rows), by_events);
	report->broken_by = calloc(n + 1, sizeof(*report->broken_by));
	if (!report->broken_by)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		const char *path = rows[i].module == PB_NONE
					   ? "[unknown]"
					   : pb_profile_text(p, p->modules[rows[i].module].path);

		report->broken_by[i].module = strdup(path);
		if (!report->broken_by[i].module)
			return -ENOMEM;
		report->broken_by[i].cause = end_causes[rows[i].end];
		report->broken_by[i].events = rows[i].events;
		report->n_broken_by = i + 1;
	}
	return 0;
}

/*
 * How many of a stack's innermost kernel frames are those of the tracepoint that took it: the program, what ran it
 * (bpf_trace_run1() and so on, kernel/trace/bpf_trace.c), and what called that, where the kernel has no static call.
 */
static uint32_t count_hook_frames(const struct pb_stacks *s, const struct stack *stack)
{
	const uint32_t *leaf = s->frames + stack->first + stack->n_user + stack->n_kernel;
	const char *name;
	uint32_t i, n = 0;

	for (i = 1; i <= stack->n_kernel && i <= HOOK_FRAMES_MAX; i++) {
		name = name_of(s->with.profile, leaf[-(int)i]);
		if (!strncmp(name, "bpf_trace_run", 13) ||
		    (n && !strncmp(name, "__traceiter_", 12)))
			n = i;
	}
	return n;
}

/* The node of one stack. */
static uint32_t add_nodes(struct pb_stacks *s, const struct stack *stack, enum quality quality)
{
	struct pb_profile *p = s->with.profile;
	uint32_t node = 0, n = stack->n_user + stack->n_kernel, i;

	if (s->with.at_tracepoints)
		n -= count_hook_frames(s, stack);
	if (quality != COMPLETE)
		node = pb_profile_node(
			p, node,
			pb_profile_marker(p, quality == TRUNCATED ? "[truncated]" : "[broken]"));
	for (i = 0; i < n; i++)
		node = pb_profile_node(p, node, s->frames[stack->first + i]);
	return node;
}

int pb_stacks_build(struct pb_stacks *s, struct pb_report *report, bool (*is_bottom)(const char *),
		    pb_to_values to_values, void *ctx)
{
	pb_autofree struct broken *rows = NULL;
	uint32_t n_rows = 0, rows_size = 0, i, outermost;
	uint64_t values[PB_VALUES_MAX] = {0}, events;
	struct pb_stack_total total;

	for (i = 0; i < s->n_counts; i++) {
		struct stack *stack = &s->stacks[i];
		enum quality quality = judge(s, stack, is_bottom);

		events = count_of(s, i)->events;
		if (!events)
			continue;
		report->unique_stacks++;
		if (quality == COMPLETE) {
			report->complete += events;
		} else if (quality == TRUNCATED) {
			report->truncated += events;
		} else {
			report->broken += events;
			outermost = stack->n_user ? s->frames[stack->first] : PB_NONE;
			if (outermost != PB_NONE)
				outermost = s->with.profile->locations[outermost].module;
			if (blame(&rows, &n_rows, &rows_size, outermost, stack->user_end, events))
				return -ENOMEM;
		}
		stack->node = add_nodes(s, stack, quality);
		if (!to_values)
			continue;
		pb_stacks_total(s, i, &total);
		to_values(ctx, &total, values);
		pb_profile_add(s->with.profile, stack->node, stack->process, values);
	}
	if (pb_profile_error(s->with.profile))
		return -ENOMEM;
	return report_broken(s, report, rows, n_rows);
}
