/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/cpu_profile.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/bead/share.h"
#include "user/bead/syscalls.h"
#include "user/core/grow.h"
#include "user/core/jsonvalue.h"
#include "user/core/own.h"

#define NONE       UINT32_MAX
#define FRAMES_MAX 1024

void pb_cpu_drop(struct pb_cpu *c)
{
	for (uint32_t i = 0; i < c->n_functions; i++) {
		free(c->functions[i].name);
		free(c->functions[i].module);
		free(c->functions[i].file);
	}
	free(c->functions);
	free(c->stacks);
	free(c->frames);
	json_decref(c->by_identity);
	json_decref(c->by_name);
	*c = (struct pb_cpu){0};
}

static uint32_t look_up(const json_t *index, const char *key)
{
	const json_t *at = json_object_get(index, key);

	return at ? (uint32_t)json_integer_value(at) : NONE;
}

static int note(json_t *index, const char *key, uint32_t at)
{
	return json_object_set_new(index, key, json_integer(at)) ? -ENOMEM : 0;
}

static int new_function(struct pb_cpu *c, const char *name, const char *module, uint32_t *out)
{
	struct pb_cpu_function f = {
		.name = strdup(name),
		.module = strdup(module),
		.file = strdup(""),
		.next = look_up(c->by_name, name),
		.code = pb_code_of(module),
		.work = pb_work_of(name, module),
		.glue = pb_code_is_glue(name),
		.seen = NONE,
	};

	if (!f.name || !f.module || !f.file ||
	    pb_grow(&c->functions, &c->room_functions, (uint64_t)c->n_functions + 1,
		    sizeof(*c->functions)) ||
	    note(c->by_name, name, c->n_functions)) {
		free(f.name);
		free(f.module);
		free(f.file);
		return -ENOMEM;
	}
	*out = c->n_functions;
	c->functions[c->n_functions++] = f;
	return 0;
}

/* Find or add. */
static int function_of(struct pb_cpu *c, const char *name, const char *module, uint32_t *out)
{
	pb_autofree char *key = NULL;
	int err;

	if (asprintf(&key, "%s\n%s", name, pb_code_file_name(module)) < 0) {
		key = NULL;
		return -ENOMEM;
	}
	*out = look_up(c->by_identity, key);
	if (*out != NONE)
		return 0;
	err = new_function(c, name, module, out);
	return err ? err : note(c->by_identity, key, *out);
}

static int add_hotspot(struct pb_cpu *c, const json_t *row)
{
	const char *file = pb_code_text(row, "file");
	struct pb_cpu_function *f;
	char *copy;
	uint32_t at;
	int err = function_of(c, pb_code_text(row, "function"), pb_code_text(row, "module"), &at);

	if (err)
		return err;
	f = &c->functions[at];
	if (*f->file || !*file)
		return 0;
	copy = strdup(file);
	if (!copy)
		return -ENOMEM;
	free(f->file);
	f->file = copy;
	f->line = (uint32_t)json_integer_value(json_object_get(row, "line"));
	return 0;
}

/* The function of a frame whose name is of one module only, and NONE else. */
static uint32_t only_one(const struct pb_cpu *c, const json_t *frame)
{
	uint32_t at = look_up(c->by_name, json_string_value(frame));

	return at != NONE && c->functions[at].next == NONE ? at : NONE;
}

/* Of those with the name of @at the one in @module. NULL or NONE: there is none. */
static uint32_t in_module(const struct pb_cpu *c, uint32_t at, const char *module)
{
	for (; at != NONE && module; at = c->functions[at].next)
		if (!strcmp(pb_code_file_name(c->functions[at].module), pb_code_file_name(module)))
			return at;
	return NONE;
}

static uint32_t of_code(const struct pb_cpu *c, uint32_t at, bool kernel)
{
	for (; at != NONE; at = c->functions[at].next)
		if ((c->functions[at].code == PB_CODE_KERNEL) == kernel)
			return at;
	return NONE;
}

/* A name that several modules have. @before: the function that called it, or NONE. */
static uint32_t guess(const struct pb_cpu *c, const json_t *frames, size_t i, uint32_t before)
{
	uint32_t first = look_up(c->by_name, json_string_value(json_array_get(frames, i)));
	uint32_t at = NONE;

	if (before != NONE && c->functions[before].code == PB_CODE_KERNEL) {
		at = of_code(c, first, true);
		return at == NONE ? first : at;
	}
	for (size_t k = i + 1; k < json_array_size(frames) && at == NONE; k++) {
		uint32_t other = only_one(c, json_array_get(frames, k));

		if (other != NONE)
			at = in_module(c, first, c->functions[other].module);
	}
	if (at == NONE && before != NONE)
		at = in_module(c, first, c->functions[before].module);
	if (at == NONE) /* the thread's name, often that of its program */
		at = in_module(c, first, json_string_value(json_array_get(frames, 0)));
	if (at == NONE)
		at = of_code(c, first, false);
	return at == NONE ? first : at;
}

static int frame_of(struct pb_cpu *c, const json_t *frames, size_t i, uint32_t before,
		    uint32_t *out)
{
	const json_t *frame = json_array_get(frames, i);

	*out = only_one(c, frame);
	if (*out != NONE)
		return 0;
	if (look_up(c->by_name, json_string_value(frame)) == NONE) /* behind the last hotspot */
		return function_of(c, json_string_value(frame), "", out);
	*out = guess(c, frames, i, before);
	return 0;
}

/* Self, total and run's total of the functions of the last stack. */
static void count_stack(struct pb_cpu *c)
{
	const struct pb_cpu_stack *s = &c->stacks[c->n_stacks - 1];

	for (uint32_t i = 0; i < s->n; i++) {
		struct pb_cpu_function *f = &c->functions[c->frames[s->first + i]];

		if (i == s->n - 1)
			f->self += s->samples;
		if (f->seen == c->n_stacks)
			continue;
		f->seen = c->n_stacks;
		f->total += s->samples;
		f->total_of[s->run] += s->samples;
	}
}

/* Of a program that is linked statically libc's read() is one of its own functions: known by the kernel's entry right
 * below it. */
static void note_wrapper(struct pb_cpu *c, uint32_t before, uint32_t at)
{
	struct pb_cpu_function *caller = before == NONE ? NULL : &c->functions[before];

	if (caller && caller->code == PB_CODE_OWN && c->functions[at].code == PB_CODE_KERNEL &&
	    pb_syscall_is_entry(c->functions[at].name) && pb_syscall_of_wrapper(caller->name))
		caller->wrapper = true;
}

static int add_stack(struct pb_cpu *c, const json_t *frames, double samples)
{
	struct pb_cpu_stack stack = {.first = c->n_frames, .run = c->runs, .samples = samples};
	size_t n = json_array_size(frames);
	uint32_t at = NONE, before;
	int err;

	if (n > FRAMES_MAX ||
	    pb_grow(&c->frames, &c->room_frames, (uint64_t)c->n_frames + n, sizeof(*c->frames)) ||
	    pb_grow(&c->stacks, &c->room_stacks, (uint64_t)c->n_stacks + 1, sizeof(*c->stacks)))
		return -ENOMEM;
	for (size_t i = 1; i < n; i++) { /* the first is the thread */
		const char *name = json_string_value(json_array_get(frames, i));

		if (!name ||
		    (i == 1 && (!strcmp(name, "[broken]") || !strcmp(name, "[truncated]"))))
			continue;
		before = at;
		err = frame_of(c, frames, i, before, &at);
		if (err)
			return err;
		note_wrapper(c, before, at);
		c->frames[c->n_frames++] = at;
		stack.n++;
	}
	c->stacks[c->n_stacks++] = stack;
	count_stack(c);
	return 0;
}

static int read_stacks(struct pb_cpu *c, const json_t *report, int samples_at)
{
	const json_t *row;
	double samples;
	size_t i;
	int err = 0;

	json_array_foreach(json_object_get(report, "stacks_top"), i, row)
	{
		samples = pb_report_number(
			json_array_get(json_object_get(row, "values"), (size_t)samples_at));
		if (samples > 0)
			err = add_stack(c, json_object_get(row, "frames"), samples);
		if (err)
			return err;
	}
	return 0;
}

int pb_cpu_add(struct pb_cpu *c, const json_t *report, char *why, size_t size)
{
	const json_t *totals = json_object_get(report, "totals"), *row;
	double samples = pb_report_number(json_object_get(totals, "samples"));
	double cpu_ns = pb_report_number(json_object_get(totals, "cpu"));
	int samples_at = pb_report_value(report, "samples");
	size_t i;
	int err;

	if (!(samples >= 0) || !(cpu_ns >= 0) || samples_at < 0 ||
	    !json_is_array(json_object_get(report, "stacks_top")) ||
	    !json_is_array(json_object_get(report, "hotspots"))) {
		snprintf(why, size, "its report has no totals of samples and cpu, or no stacks");
		return -EPROTO;
	}
	if (c->runs == PB_TALLY_RUNS_MAX) {
		snprintf(why, size, "there are more runs than are kept");
		return -ENOSPC;
	}
	if (!c->by_name)
		c->by_name = json_object();
	if (!c->by_identity)
		c->by_identity = json_object();
	if (!c->by_name || !c->by_identity)
		return -ENOMEM;
	json_array_foreach(json_object_get(report, "hotspots"), i, row)
	{
		err = add_hotspot(c, row);
		if (err)
			return err;
	}
	err = read_stacks(c, report, samples_at);
	if (err)
		return err;
	c->samples_of[c->runs++] = samples;
	c->samples += samples;
	c->cpu_ns += cpu_ns;
	return 0;
}

bool pb_cpu_is_too_short(const struct pb_cpu *c, char *why, size_t size)
{
	if (c->samples >= PB_CPU_SAMPLES_MIN)
		return false;
	snprintf(why, size, "too short to be profiled: %.0f sample%s in %u run%s", c->samples,
		 c->samples == 1 ? "" : "s", c->runs, c->runs == 1 ? "" : "s");
	return true;
}

void pb_cpu_allocator(const struct pb_cpu *c, struct pb_share *out)
{
	const double nan = (double)NAN;
	double part[PB_TALLY_RUNS_MAX] = {0};

	if (c->samples < PB_CPU_SAMPLES_MIN) {
		*out = (struct pb_share){nan, nan, nan, nan};
		return;
	}
	for (uint32_t i = 0; i < c->n_stacks; i++) {
		const struct pb_cpu_stack *s = &c->stacks[i];

		for (uint32_t k = 0; k < s->n; k++) {
			if (c->functions[c->frames[s->first + k]].work == PB_WORK_ALLOCATE) {
				part[s->run] += s->samples;
				break;
			}
		}
	}
	pb_share_of_samples(out, part, c->samples_of, c->runs);
}
