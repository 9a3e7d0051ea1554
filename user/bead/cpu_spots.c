/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* From stacks to spots: see cpu_profile.h. */
#include "user/bead/cpu_finder.h"

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
#define PASSES_SELF   0.02 /* of its total: less, and it only passes on */
#define PASSES_CALLEE 0.95 /* of its total in one callee */
#define WRAPPER_MIN   0.5 /* of a library's function in the kernel's entry: a system call's wrapper */
/* What a function of the kernel has to spend itself, of its total and of all samples: nobody here can change it. */
#define LEAF_MIN      0.5
#define KERNEL_MIN    0.05

bool pb_cpu_is_workers(const struct pb_cpu_function *f)
{
	return f->code == PB_CODE_OWN && !f->glue && !f->wrapper && f->work == PB_WORK_OTHER;
}

void pb_cpu_add_below(struct pb_cpu_finder *r, uint32_t function, double samples)
{
	if (r->below[function] == 0)
		r->touched[r->n_touched++] = function;
	r->below[function] += samples;
}

void pb_cpu_clear_below(struct pb_cpu_finder *r)
{
	for (uint32_t i = 0; i < r->n_touched; i++)
		r->below[r->touched[i]] = 0;
	r->n_touched = 0;
}

uint32_t pb_cpu_find_in(const struct pb_cpu *c, const struct pb_cpu_stack *s, uint32_t function)
{
	for (uint32_t i = 0; i < s->n; i++)
		if (c->frames[s->first + i] == function)
			return i;
	return PB_CPU_NONE;
}

/* Its direct callees, into below. */
static void find_callees(struct pb_cpu_finder *r, uint32_t function)
{
	const struct pb_cpu *c = r->c;

	pb_cpu_clear_below(r);
	for (uint32_t i = 0; i < c->n_stacks; i++) {
		const struct pb_cpu_stack *s = &c->stacks[i];
		const uint32_t *frames = c->frames + s->first;
		uint32_t last = PB_CPU_NONE; /* recursion: each callee once, in a row at least */

		for (uint32_t k = pb_cpu_find_in(c, s, function); k != PB_CPU_NONE && k + 1 < s->n;
		     k++) {
			if (frames[k] != function || frames[k + 1] == function ||
			    frames[k + 1] == last)
				continue;
			last = frames[k + 1];
			pb_cpu_add_below(r, last, s->samples);
		}
	}
}

/* Whether a function is one that time is looked for in. */
static bool is_candidate(struct pb_cpu_finder *r, uint32_t function)
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
		    (!pb_cpu_is_workers(f) || pb_cpu_is_workers(callee)))
			return false;
	}
	return (f->code != PB_CODE_LIBRARY && !f->wrapper) || kernel < WRAPPER_MIN * f->total;
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
static void cut(struct pb_cpu_finder *r)
{
	while (r->n > SPOTS_MAX) {
		uint32_t out = r->n - 1;

		for (uint32_t i = r->n; i-- > 0;) {
			if (!pb_cpu_is_workers(&r->c->functions[r->candidates[i]])) {
				out = i;
				break;
			}
		}
		memmove(&r->candidates[out], &r->candidates[out + 1],
			(r->n - out - 1) * sizeof(*r->candidates));
		r->n--;
	}
}

static void choose(struct pb_cpu_finder *r, uint32_t top)
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

/* Of several threads that run at once none can save more wall time than its share of their CPU time. */
static void set_ceiling(struct pb_spot *spot, double cpu_per_wall)
{
	/* Not fmin(), which would take NaN for no limit. */
	double factor = cpu_per_wall > 1 ? 1 : cpu_per_wall;

	spot->ceiling_pct = spot->total_pct * factor;
	spot->ceiling_low_pct = spot->low_pct * factor;
	spot->ceiling_high_pct = spot->high_pct * factor;
}

static int add_spot(struct pb_cpu_finder *r, uint32_t function, struct pb_finds *out)
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
	return pb_cpu_add_clues(r, function, find);
}

int pb_cpu_find(struct pb_cpu *c, double cpu_per_wall, uint32_t top, struct pb_finds *out)
{
	struct pb_cpu_finder r = {.c = c, .cpu_per_wall = cpu_per_wall};
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
