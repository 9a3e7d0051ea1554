/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* From stacks to spots and clues: see cpu_profile.h. */
#include "user/bead/cpu_profile.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/bead/finds.h"
#include "user/bead/share.h"
#include "user/core/own.h"

#define SPOTS_MAX     20
#define SPOT_MIN      0.01 /* of all samples */
#define SPOT_SAMPLES  5
#define CLUE_SAMPLES  10
#define PASSES_SELF   0.02 /* of its total: less, and it only passes on */
#define PASSES_CALLEE 0.95 /* of its total in one callee */
#define WRAPPER_MIN   0.5 /* of a library's function in the kernel's entry: a system call's wrapper */
/* What a function of the kernel has to spend itself, of its total and of all samples: nobody here can change it. */
#define LEAF_MIN      0.5
#define KERNEL_MIN    0.05
#define WORK_MIN      0.2
#define LOCK_MIN      0.1
#define PAYER_MAX     0.9 /* of a kind of work that one function further down has: it is told there */
#define OWN_SELF_MIN  0.5 /* of its total, for an algorithm */
#define OWN_SHARE_MIN 0.05
#define NONE          UINT32_MAX

struct finder {
	struct pb_cpu *c;
	double *below; /* of each function: samples as the callee of the one that is looked at, or as what pays */
	uint32_t *touched; /* those of which below is not 0 */
	uint32_t n_touched;
	uint32_t *candidates;
	uint32_t n;
	double cpu_per_wall;
};

/* Samples of a kind of work at or below a function. */
struct work {
	double samples[PB_WORK_KINDS];
	uint32_t most[PB_WORK_KINDS]; /* the function with most of it */
	double most_samples[PB_WORK_KINDS];
};

static bool is_workers(const struct pb_cpu_function *f)
{
	return f->code == PB_CODE_OWN && !f->glue && f->work == PB_WORK_OTHER;
}

static void add_below(struct finder *r, uint32_t function, double samples)
{
	if (r->below[function] == 0)
		r->touched[r->n_touched++] = function;
	r->below[function] += samples;
}

static void clear_below(struct finder *r)
{
	for (uint32_t i = 0; i < r->n_touched; i++)
		r->below[r->touched[i]] = 0;
	r->n_touched = 0;
}

/* Where @function stands first in a stack; NONE. */
static uint32_t find_in(const struct pb_cpu *c, const struct pb_cpu_stack *s, uint32_t function)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (c->frames[s->first + i] == function)
			return i;
	return NONE;
}

/* Its direct callees, into below. */
static void find_callees(struct finder *r, uint32_t function)
{
	const struct pb_cpu *c = r->c;

	clear_below(r);
	for (uint32_t i = 0; i < c->n_stacks; i++) {
		const struct pb_cpu_stack *s = &c->stacks[i];
		const uint32_t *frames = c->frames + s->first;
		uint32_t last = NONE; /* recursion: each callee once, in a row at least */

		for (uint32_t k = find_in(c, s, function); k != NONE && k + 1 < s->n; k++) {
			if (frames[k] != function || frames[k + 1] == function ||
			    frames[k + 1] == last)
				continue;
			last = frames[k + 1];
			add_below(r, last, s->samples);
		}
	}
}

/* Whether a function is one that time is looked for in. */
static bool is_candidate(struct finder *r, uint32_t function)
{
	const struct pb_cpu_function *f = &r->c->functions[function];
	double kernel = 0;

	if (f->glue || f->total < SPOT_SAMPLES)
		return false;
	if (f->code == PB_CODE_KERNEL)
		return f->self >= LEAF_MIN * f->total && f->self >= KERNEL_MIN * r->c->samples;
	if (f->total < SPOT_MIN * r->c->samples / 10)
		return true; /* too little to look closely */
	find_callees(r, function);
	for (uint32_t i = 0; i < r->n_touched; i++) {
		const struct pb_cpu_function *callee = &r->c->functions[r->touched[i]];
		double samples = r->below[r->touched[i]];

		if (callee->code == PB_CODE_KERNEL)
			kernel += samples;
		if (samples >= PASSES_CALLEE * f->total && f->self < PASSES_SELF * f->total &&
		    (!is_workers(f) || is_workers(callee)))
			return false;
	}
	return f->code != PB_CODE_LIBRARY || kernel < WRAPPER_MIN * f->total;
}

static int by_total(const void *a, const void *b, void *ctx)
{
	const struct pb_cpu *c = ctx;
	const struct pb_cpu_function *x = &c->functions[*(const uint32_t *)a];
	const struct pb_cpu_function *y = &c->functions[*(const uint32_t *)b];

	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	if (x->self != y->self)
		return x->self > y->self ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* What is not own code gives way, least first. */
static void cut(struct finder *r)
{
	while (r->n > SPOTS_MAX) {
		uint32_t out = r->n - 1;

		for (uint32_t i = r->n; i-- > 0;) {
			if (!is_workers(&r->c->functions[r->candidates[i]])) {
				out = i;
				break;
			}
		}
		memmove(&r->candidates[out], &r->candidates[out + 1],
			(r->n - out - 1) * sizeof(*r->candidates));
		r->n--;
	}
}

static void choose(struct finder *r, uint32_t top)
{
	struct pb_cpu *c = r->c;
	uint32_t n = 0;

	for (uint32_t i = 0; i < c->n_functions; i++)
		if (is_candidate(r, i))
			r->candidates[r->n++] = i;
	qsort_r(r->candidates, r->n, sizeof(*r->candidates), by_total, c);
	while (n < r->n &&
	       (n < top || c->functions[r->candidates[n]].total >= SPOT_MIN * c->samples))
		n++;
	r->n = n;
	cut(r);
}

/* In a stack, at or below @from: the outermost frame of a known kind of work; NONE. */
static uint32_t find_work(const struct pb_cpu *c, const struct pb_cpu_stack *s, uint32_t from)
{
	for (uint32_t i = from; i < s->n; i++)
		if (c->functions[c->frames[s->first + i]].work != PB_WORK_OTHER)
			return i;
	return NONE;
}

/* The innermost function of own code above a frame; NONE. */
static uint32_t find_payer(const struct pb_cpu *c, const struct pb_cpu_stack *s, uint32_t frame)
{
	for (uint32_t i = frame; i-- > 0;)
		if (is_workers(&c->functions[c->frames[s->first + i]]))
			return c->frames[s->first + i];
	return NONE;
}

/* Samples by kind of work at or below a function, and by what function does it. */
static void sum_work(struct finder *r, uint32_t function, struct work *out)
{
	const struct pb_cpu *c = r->c;

	*out = (struct work){0};
	clear_below(r);
	for (uint32_t i = 0; i < c->n_stacks; i++) {
		const struct pb_cpu_stack *s = &c->stacks[i];
		uint32_t at = find_in(c, s, function), worker;

		at = at == NONE ? NONE : find_work(c, s, at);
		if (at == NONE)
			continue;
		worker = c->frames[s->first + at];
		out->samples[c->functions[worker].work] += s->samples;
		add_below(r, worker, s->samples);
	}
	for (uint32_t i = 0; i < r->n_touched; i++) {
		enum pb_work work = c->functions[r->touched[i]].work;

		if (r->below[r->touched[i]] > out->most_samples[work]) {
			out->most_samples[work] = r->below[r->touched[i]];
			out->most[work] = r->touched[i];
		}
	}
}

/* Whether that kind of work below @function is to be told of another one: nearly all of it is that one's, further
 * down; or, where @function is no own code, it has any that is. */
static bool is_told_elsewhere(struct finder *r, uint32_t function, enum pb_work work, double all)
{
	const struct pb_cpu *c = r->c;
	bool own = is_workers(&c->functions[function]);
	double paid = 0;

	clear_below(r);
	for (uint32_t i = 0; i < c->n_stacks; i++) {
		const struct pb_cpu_stack *s = &c->stacks[i];
		uint32_t at = find_in(c, s, function), payer;

		at = at == NONE ? NONE : find_work(c, s, at);
		if (at == NONE || c->functions[c->frames[s->first + at]].work != work)
			continue;
		payer = find_payer(c, s, at);
		if (payer == NONE)
			continue;
		paid += s->samples;
		if (payer != function)
			add_below(r, payer, s->samples);
	}
	if (!own)
		return paid >= all / 2;
	for (uint32_t i = 0; i < r->n_touched; i++) {
		if (r->below[r->touched[i]] < PAYER_MAX * all)
			continue;
		for (uint32_t k = 0; k < r->n; k++)
			if (r->candidates[k] == r->touched[i])
				return true;
	}
	return false;
}

static int add_work_clues(struct finder *r, uint32_t function, struct pb_find *find)
{
	static const char *const places[PB_WORK_KINDS] = {
		[PB_WORK_COPY] = "in memcpy() and its kin",
		[PB_WORK_SCAN] = "in functions that look at bytes one after the other",
		[PB_WORK_ALLOCATE] = "in the allocator",
		[PB_WORK_CLEAR] = "in memset() and the like, which fresh memory needs",
		[PB_WORK_FORMAT] = "in making text of values, or values of text",
		[PB_WORK_LOCK] =
			"in locks, of which a profile cannot say how many threads want them",
	};
	const struct pb_cpu_function *f = &r->c->functions[function];
	struct work work;
	int err = 0;

	sum_work(r, function, &work);
	for (int i = PB_WORK_OTHER + 1; i < PB_WORK_KINDS && !err; i++) {
		double share = work.samples[i] / f->total;

		if (work.samples[i] < CLUE_SAMPLES ||
		    share < (i == PB_WORK_LOCK ? LOCK_MIN : WORK_MIN) ||
		    is_told_elsewhere(r, function, (enum pb_work)i, work.samples[i]))
			continue;
		err = pb_find_clue(find, pb_lever_of_work((enum pb_work)i), 100 * share,
				   "%.0f %% of its time is %s, most in %.120s (%.0f %%)",
				   100 * share, places[i], r->c->functions[work.most[i]].name,
				   100 * work.most_samples[i] / f->total);
	}
	return err;
}

static int add_algorithm_clue(struct finder *r, uint32_t function, struct pb_find *find)
{
	const struct pb_cpu_function *f = &r->c->functions[function];
	double share = f->self / f->total;

	if (!is_workers(f) || f->self < CLUE_SAMPLES || share < OWN_SELF_MIN ||
	    f->self < OWN_SHARE_MIN * r->c->samples)
		return 0;
	return pb_find_clue(find, pb_lever_find("algorithm"), 100 * share,
			    "%.0f %% of its time is in the function itself, not in what it calls; "
			    "whether it grows faster than the input a profile cannot say",
			    100 * share);
}

/* Of several threads that run at once none can save more wall time than its share of their CPU time. */
static void set_ceiling(struct pb_spot *spot, double cpu_per_wall)
{
	/* Not fmin(), which would take NaN for no limit. */
	double factor = cpu_per_wall > 1 ? 1 : cpu_per_wall;

	spot->ceiling_pct = spot->total_pct * factor;
	spot->ceiling_low_pct = spot->low_pct * factor;
	spot->ceiling_high_pct = spot->high_pct * factor;
}

static int add_spot(struct finder *r, uint32_t function, struct pb_finds *out)
{
	const struct pb_cpu *c = r->c;
	const struct pb_cpu_function *f = &c->functions[function];
	pb_autofree char *chain = NULL;
	struct pb_find *find;
	struct pb_share share;
	struct pb_spot spot = {
		.kind = PB_SPOT_CPU,
		.name = f->name,
		.module = f->module,
		.file = f->file,
		.line = f->line,
		.unit = "ns",
		.self_pct = 100 * f->self / c->samples,
		.amount = c->cpu_ns / c->runs * f->total / c->samples,
		.events = (uint64_t)f->total,
	};
	int err;

	pb_share_of_samples(&share, f->total_of, c->samples_of, c->runs);
	spot.total_pct = share.pct;
	spot.low_pct = share.low_pct;
	spot.high_pct = share.high_pct;
	spot.spread_pct = share.spread_pct;
	set_ceiling(&spot, r->cpu_per_wall);
	if (asprintf(&chain, "%s\n%s", f->name, pb_code_file_name(f->module)) < 0) {
		chain = NULL;
		return -ENOMEM;
	}
	find = pb_finds_add(out, &spot, chain);
	if (!find)
		return -ENOMEM;
	err = add_work_clues(r, function, find);
	return err ? err : add_algorithm_clue(r, function, find);
}

int pb_cpu_find(struct pb_cpu *c, double cpu_per_wall, uint32_t top, struct pb_finds *out)
{
	struct finder r = {.c = c, .cpu_per_wall = cpu_per_wall};
	pb_autofree double *below = calloc((size_t)c->n_functions + 1, sizeof(*below));
	pb_autofree uint32_t *touched = calloc((size_t)c->n_functions + 1, sizeof(*touched));
	pb_autofree uint32_t *candidates = calloc((size_t)c->n_functions + 1, sizeof(*candidates));
	int err = 0;

	if (!below || !touched || !candidates)
		return -ENOMEM;
	if (c->samples < PB_CPU_SAMPLES_MIN)
		return 0;
	r.below = below;
	r.touched = touched;
	r.candidates = candidates;
	choose(&r, top);
	for (uint32_t i = 0; i < r.n && !err; i++)
		err = add_spot(&r, r.candidates[i], out);
	return err;
}
