/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What speaks for a lever at a function: work of a known kind below it, or its own. */
#include "user/bead/cpu_finder.h"

#include <stdio.h>
#include <string.h>

#include "user/bead/finds.h"
#include "user/bead/syscalls.h"
#include "user/core/own.h"

#define CLUE_SAMPLES  10
#define WORK_MIN      0.2
#define LOCK_MIN      0.1
#define PAYER_MAX     0.9 /* of a kind of work that one function further down has: it is told there */
#define OWN_SELF_MIN  0.5 /* of its total, for an algorithm */
#define OWN_SHARE_MIN 0.05
#define HANDS_MIN     0.05 /* of its total, to be told beside its own */
#define CALL_FRAMES   6    /* of the kernel: the system call is one of the first */
#define CALLS_MAX     8    /* of a kind, told apart at a function */

/* Work in a stack. */
struct found {
	uint32_t at; /* the frame that does it */
	enum pb_work work;
	const struct pb_syscall *call; /* NULL: none */
};

/* Samples of a kind of work at or below a function. */
struct work {
	double samples[PB_WORK_KINDS];
	const char *most[PB_WORK_KINDS]; /* the function, or the system call, with most of it */
	double most_samples[PB_WORK_KINDS];
	struct {
		const struct pb_syscall *call;
		double samples;
	} calls[CALLS_MAX];
	uint32_t n_calls;
};

static void add_call(struct work *w, const struct found *found, double samples)
{
	uint32_t i = 0;

	while (i < w->n_calls && w->calls[i].call != found->call)
		i++;
	if (i == CALLS_MAX)
		return;
	w->calls[i].call = found->call;
	w->calls[i].samples += samples;
	w->n_calls += i == w->n_calls;
}

static const struct pb_cpu_function *at(const struct pb_cpu *c, const struct pb_cpu_stack *s,
					uint32_t frame)
{
	return &c->functions[c->frames[s->first + frame]];
}

/* The first frame of the kernel at or below @from, if its caller is none; PB_CPU_NONE. */
static uint32_t find_entry(const struct pb_cpu *c, const struct pb_cpu_stack *s, uint32_t from)
{
	for (uint32_t i = from; i < s->n; i++)
		if (at(c, s, i)->code == PB_CODE_KERNEL)
			return i && at(c, s, i - 1)->code == PB_CODE_KERNEL ? PB_CPU_NONE : i;
	return PB_CPU_NONE;
}

/* The system call for I/O that a stack is in from @entry on. NULL: none, or it waits for a lock, or copies. */
static const struct pb_syscall *find_call(const struct pb_cpu *c, const struct pb_cpu_stack *s,
					  uint32_t entry)
{
	const struct pb_syscall *call = NULL;

	if (!pb_syscall_is_entry(at(c, s, entry)->name) ||
	    pb_syscall_is_copy(at(c, s, s->n - 1)->name))
		return NULL;
	for (uint32_t i = entry; i < s->n; i++) {
		if (at(c, s, i)->work == PB_WORK_LOCK)
			return NULL;
		if (!call && i < entry + CALL_FRAMES)
			call = pb_syscall_of_kernel(at(c, s, i)->name);
	}
	return call || !entry ? call : pb_syscall_of_wrapper(at(c, s, entry - 1)->name);
}

/* In a stack, at or below @from: the outermost frame of a known kind of work. A system call for I/O counts as one, and
 * before that what formats what is written. */
static bool find_work(const struct pb_cpu *c, const struct pb_cpu_stack *s, uint32_t from,
		      struct found *out)
{
	uint32_t entry = find_entry(c, s, from), i = from;
	const struct pb_syscall *call = entry == PB_CPU_NONE ? NULL : find_call(c, s, entry);

	while (i < s->n && at(c, s, i)->work == PB_WORK_OTHER)
		i++;
	if (call && (i >= entry || at(c, s, i)->work == PB_WORK_FORMAT))
		*out = (struct found){entry, call->work, call};
	else if (i == s->n)
		return false;
	else
		*out = (struct found){i, at(c, s, i)->work, NULL};
	return true;
}

/* The innermost function of own code above a frame; PB_CPU_NONE. */
static uint32_t find_payer(const struct pb_cpu *c, const struct pb_cpu_stack *s, uint32_t frame)
{
	for (uint32_t i = frame; i-- > 0;)
		if (pb_cpu_is_workers(&c->functions[c->frames[s->first + i]]))
			return c->frames[s->first + i];
	return PB_CPU_NONE;
}

/* Samples by kind of work at or below a function, and by what function, or what system call, does it. */
static void sum_work(struct pb_cpu_finder *r, uint32_t function, struct work *out)
{
	const struct pb_cpu *c = r->c;
	struct found found;

	*out = (struct work){0};
	pb_cpu_clear_below(r);
	for (uint32_t i = 0; i < c->n_stacks; i++) {
		const struct pb_cpu_stack *s = &c->stacks[i];
		uint32_t from = pb_cpu_find_in(c, s, function);

		if (from == PB_CPU_NONE || !find_work(c, s, from, &found))
			continue;
		out->samples[found.work] += s->samples;
		if (found.call)
			add_call(out, &found, s->samples);
		else
			pb_cpu_add_below(r, c->frames[s->first + found.at], s->samples);
	}
	for (uint32_t i = 0; i < r->n_touched; i++) {
		const struct pb_cpu_function *f = &c->functions[r->touched[i]];

		if (r->below[r->touched[i]] > out->most_samples[f->work]) {
			out->most_samples[f->work] = r->below[r->touched[i]];
			out->most[f->work] = f->name;
		}
	}
	for (uint32_t i = 0; i < out->n_calls; i++) {
		enum pb_work work = out->calls[i].call->work;

		if (out->calls[i].samples > out->most_samples[work]) {
			out->most_samples[work] = out->calls[i].samples;
			out->most[work] = out->calls[i].call->name;
		}
	}
}

/* Whether that kind of work below @function is to be told of another one: nearly all of it is that one's, further
 * down; or, where @function is no own code, it has any that is. */
static bool is_told_elsewhere(struct pb_cpu_finder *r, uint32_t function, enum pb_work work,
			      double all)
{
	const struct pb_cpu *c = r->c;
	bool own = pb_cpu_is_workers(&c->functions[function]);
	double paid = 0;

	pb_cpu_clear_below(r);
	for (uint32_t i = 0; i < c->n_stacks; i++) {
		const struct pb_cpu_stack *s = &c->stacks[i];
		uint32_t from = pb_cpu_find_in(c, s, function), payer;
		struct found found;

		if (from == PB_CPU_NONE || !find_work(c, s, from, &found) || found.work != work)
			continue;
		payer = find_payer(c, s, found.at);
		if (payer == PB_CPU_NONE)
			continue;
		paid += s->samples;
		if (payer != function)
			pb_cpu_add_below(r, payer, s->samples);
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

static int tell_work(struct pb_find *find, enum pb_work kind, const struct work *work, double total)
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
	const struct pb_lever *lever = pb_lever_of_work(kind);
	double pct = 100 * work->samples[kind] / total;
	bool others = work->most_samples[kind] < work->samples[kind];

	if (kind == PB_WORK_CALL)
		return pb_find_clue(find, lever, pct,
				    "%.0f %% of its time is in %s()%s: fewer and larger ones would "
				    "save the entry",
				    pct, work->most[kind], others ? " and the like" : "");
	if (kind == PB_WORK_FLUSH)
		return pb_find_clue(find, lever, pct,
				    "%.0f %% of its time is in %s()%s: one for many items would "
				    "save the others",
				    pct, work->most[kind], others ? " and the like" : "");
	return pb_find_clue(find, lever, pct, "%.0f %% of its time is %s, most in %.120s (%.0f %%)",
			    pct, places[kind], work->most[kind],
			    100 * work->most_samples[kind] / total);
}

static int add_work_clues(struct pb_cpu_finder *r, uint32_t function, struct pb_find *find)
{
	const struct pb_cpu_function *f = &r->c->functions[function];
	struct work work;
	int err = 0;

	sum_work(r, function, &work);
	for (int i = PB_WORK_OTHER + 1; i < PB_WORK_KINDS && !err; i++) {
		double least = i == PB_WORK_LOCK ? LOCK_MIN : WORK_MIN;

		if (work.samples[i] >= CLUE_SAMPLES && work.samples[i] >= least * f->total &&
		    !is_told_elsewhere(r, function, (enum pb_work)i, work.samples[i]))
			err = tell_work(find, (enum pb_work)i, &work, f->total);
	}
	return err;
}

/* Whether a function of another library works for who calls it, and for nobody else: pow() of libm. The loader works
 * for the program, and of OpenMP a profile shows what waits. */
static bool is_hand(const struct pb_cpu_function *f)
{
	const char *module = pb_code_file_name(f->module);

	return f->code == PB_CODE_LIBRARY && f->work == PB_WORK_OTHER && !f->glue &&
	       strncmp(module, "libgomp", 7) != 0 && strncmp(module, "ld-", 3) != 0;
}

/* Samples in functions of no class that a function calls and that end there, into below by the function called. */
static double sum_hands(struct pb_cpu_finder *r, uint32_t function)
{
	const struct pb_cpu *c = r->c;
	double all = 0;

	pb_cpu_clear_below(r);
	for (uint32_t i = 0; i < c->n_stacks; i++) {
		const struct pb_cpu_stack *s = &c->stacks[i];
		uint32_t k = s->n;

		while (k && is_hand(at(c, s, k - 1)))
			k--;
		if (!k || k == s->n || c->frames[s->first + k - 1] != function)
			continue;
		all += s->samples;
		pb_cpu_add_below(r, c->frames[s->first + k], s->samples);
	}
	return all;
}

/* "itself and in pow() of libm.so.6". */
static void tell_hands(char *buf, size_t size, const struct pb_cpu_finder *r, double all)
{
	const struct pb_cpu_function *most = NULL;
	double samples = 0;

	for (uint32_t i = 0; i < r->n_touched; i++) {
		if (r->below[r->touched[i]] <= samples)
			continue;
		samples = r->below[r->touched[i]];
		most = &r->c->functions[r->touched[i]];
	}
	if (most)
		snprintf(buf, size, "itself and in %.120s%s of %.60s%s", most->name,
			 strchr(most->name, '(') ? "" : "()", pb_code_file_name(most->module),
			 samples < all ? " and the like" : "");
}

static int add_algorithm_clue(struct pb_cpu_finder *r, uint32_t function, struct pb_find *find)
{
	const struct pb_cpu_function *f = &r->c->functions[function];
	char place[256] = "itself, not in what it calls";
	double hands = pb_cpu_is_workers(f) ? sum_hands(r, function) : 0, samples, share;

	if (hands < HANDS_MIN * f->total)
		hands = 0;
	samples = f->self + hands;
	share = samples / f->total;
	if (!pb_cpu_is_workers(f) || samples < CLUE_SAMPLES || share < OWN_SELF_MIN ||
	    samples < OWN_SHARE_MIN * r->c->samples)
		return 0;
	if (hands > 0)
		tell_hands(place, sizeof(place), r, hands);
	return pb_find_clue(find, pb_lever_find("algorithm"), 100 * share,
			    "%.0f %% of its time is in the function %s; "
			    "whether it grows faster than the input a profile cannot say",
			    100 * share, place);
}

int pb_cpu_add_clues(struct pb_cpu_finder *r, uint32_t function, struct pb_find *find)
{
	int err = add_work_clues(r, function, find);

	return err ? err : add_algorithm_clue(r, function, find);
}
