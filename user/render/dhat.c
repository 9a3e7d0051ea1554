/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A heap profile in the form of valgrind's DHAT, version 2, for its dh_view.html and for Firefox Profiler.
 *
 * A program point is a stack by address; what several processes allocated there is added up, because
 * viewers refuse a stack that comes twice. A place of several inlined functions is several frames of one
 * address. Viewers read numbers as doubles: what is beyond 2^53 - 1 stays there.
 * Source: valgrind 3.19 dhat/dh_main.c, dhat/dh_view.js.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/json.h"
#include "user/core/jsonvalue.h"
#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/core/report.h"
#include "user/render/render.h"
#include "user/render/subject.h"
#include "user/render/tree.h"

#define DHAT_VERSION   2
#define NUMBER_MAX     ((UINT64_C(1) << 53) - 1)
/* What lived shorter is called short-lived, microseconds: as dhat-rs has it. */
#define SHORT_LIVED_US 10

/* A member of a program point, and the value that it is. */
static const struct member {
	const char *key, *type;
} members[] = {
	{"tb", "alloc_space"},   {"tbk", "alloc_objects"}, {"tl", "lifetime"},
	{"mb", "most_space"},    {"mbk", "most_objects"},  {"gb", "peak_space"},
	{"gbk", "peak_objects"}, {"eb", "inuse_space"},    {"ebk", "inuse_objects"},
};

struct dhat {
	struct pb_json json;
	const struct pb_profile *p;
	const struct pb_report *r;
	uint32_t values[PB_ARRAY_SIZE(members)]; /* of the profile; PB_NONE if it has none */
	uint32_t *frames;                        /* by location: its first frame */
	uint64_t *sums;                          /* PB_ARRAY_SIZE(members) per node */
	bool *ends;                              /* by node: a stack ends here */
};

static void put_number(struct pb_json *j, const char *key, uint64_t value)
{
	pb_json_uint(j, key, value < NUMBER_MAX ? value : NUMBER_MAX);
}

static uint32_t lines_of(const struct pb_location *l)
{
	return l->n_lines ? l->n_lines : 1;
}

/* The first frame is dh_view's root, so that all others count from 1. */
static int add_up(struct dhat *d)
{
	const struct pb_profile *p = d->p;
	uint32_t next = 1;

	d->frames = calloc((size_t)p->n_locations + 1, sizeof(*d->frames));
	d->sums = calloc((size_t)p->n_nodes, PB_ARRAY_SIZE(members) * sizeof(*d->sums));
	d->ends = calloc((size_t)p->n_nodes, sizeof(*d->ends));
	if (!d->frames || !d->sums || !d->ends)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->n_locations; i++) {
		d->frames[i] = next;
		next += lines_of(&p->locations[i]);
	}
	for (uint32_t i = 0; i < p->n_samples; i++) {
		uint64_t *sums = &d->sums[PB_ARRAY_SIZE(members) * (size_t)p->samples[i].node];

		d->ends[p->samples[i].node] = true;
		for (size_t k = 0; k < PB_ARRAY_SIZE(members); k++) {
			uint64_t value =
				d->values[k] == PB_NONE
					? 0
					: p->values[(size_t)i * p->n_values + d->values[k]];

			if (__builtin_add_overflow(sums[k], value, &sums[k]))
				sums[k] = UINT64_MAX;
		}
	}
	return 0;
}

/* The stack from the leaf up: a viewer's tree of allocations begins there. */
static void put_point(struct dhat *d, uint32_t node)
{
	const uint64_t *sums = &d->sums[PB_ARRAY_SIZE(members) * (size_t)node];
	const struct pb_profile *p = d->p;
	struct pb_json *j = &d->json;

	pb_json_flat_object(j, NULL);
	for (size_t k = 0; k < PB_ARRAY_SIZE(members); k++)
		put_number(j, members[k].key, sums[k]);
	pb_json_flat_array(j, "fs");
	for (uint32_t at = node; at; at = p->nodes[at].parent) {
		uint32_t location = p->nodes[at].location;

		for (uint32_t i = 0; i < lines_of(&p->locations[location]); i++)
			pb_json_uint(j, NULL, d->frames[location] + i);
	}
	pb_json_end(j, ']');
	pb_json_end(j, '}');
}

static void put_points(struct dhat *d)
{
	pb_json_array(&d->json, "pps");
	for (uint32_t i = 1; i < d->p->n_nodes; i++) {
		if (d->ends[i] && d->sums[PB_ARRAY_SIZE(members) * (size_t)i])
			put_point(d, i);
	}
	pb_json_end(&d->json, ']');
}

/* "0x401234: main (main.c:12)", or "(in /usr/bin/app)" where the source is not known. */
static int put_frame(struct dhat *d, const struct pb_location *l, const char *name,
		     const char *file, uint32_t line)
{
	const char *module =
		l->module == PB_NONE ? "" : pb_profile_text(d->p, d->p->modules[l->module].path);
	pb_autofree char *text = NULL;
	int len;

	if (*file && line)
		len = asprintf(&text, "0x%" PRIX64 ": %s (%s:%" PRIu32 ")", l->addr - l->is_return,
			       name, pb_module_base(file), line);
	else if (*module)
		len = asprintf(&text, "0x%" PRIX64 ": %s (in %s)", l->addr - l->is_return, name,
			       module);
	else
		len = asprintf(&text, "%s", name);
	if (len < 0)
		return -ENOMEM;
	pb_json_string(&d->json, NULL, text);
	return 0;
}

static int put_location(struct dhat *d, uint32_t location)
{
	const struct pb_profile *p = d->p;
	const struct pb_location *l = &p->locations[location];
	pb_autofree char *name = NULL;
	int err = 0;

	if (!l->n_lines) {
		name = pb_location_name(p, location);
		return name ? put_frame(d, l, name, "", 0) : -ENOMEM;
	}
	for (uint32_t i = 0; i < l->n_lines && !err; i++) {
		const struct pb_line *line = &p->lines[l->first_line + i];
		const struct pb_function *f = &p->functions[line->function];

		err = put_frame(d, l, pb_profile_text(p, f->name), pb_profile_text(p, f->file),
				line->line ? line->line : f->start_line);
	}
	return err;
}

static int put_frames(struct dhat *d)
{
	int err = 0;

	pb_json_array(&d->json, "ftbl");
	pb_json_string(&d->json, NULL, "[root]");
	for (uint32_t i = 0; i < d->p->n_locations && !err; i++)
		err = put_location(d, i);
	pb_json_end(&d->json, ']');
	return err;
}

/* When the heap was largest; where the report does not tell, the end. */
static uint64_t peak_us(const struct dhat *d)
{
	pb_autojson json_t *extra = json_loads(d->r->extra, 0, NULL);
	double s = json_number_value(json_object_get(json_object_get(extra, "alloc"), "peak_s"));
	uint64_t end = d->r->duration_ns / 1000;

	return s > 0 && s * 1e6 < (double)end ? (uint64_t)(s * 1e6) : end;
}

static int put_command(struct dhat *d)
{
	pb_autofree char *text = NULL;
	size_t size;
	FILE *out;

	if (!d->r->argv) {
		text = pb_report_subject(d->r);
		if (text)
			pb_json_string(&d->json, "cmd", text);
		return text ? 0 : -ENOMEM;
	}
	out = open_memstream(&text, &size);
	if (!out)
		return -ENOMEM;
	for (char **arg = d->r->argv; *arg; arg++)
		fprintf(out, "%s%s", arg == d->r->argv ? "" : " ", *arg);
	if (fclose(out))
		return -ENOMEM;
	pb_json_string(&d->json, "cmd", text);
	return 0;
}

static int put_file(struct dhat *d)
{
	/* Without these, a viewer would say that nothing was ever live. */
	bool lifetimes = d->values[2] != PB_NONE && d->values[3] != PB_NONE &&
			 d->values[5] != PB_NONE && d->values[7] != PB_NONE;
	struct pb_json *j = &d->json;
	int err;

	pb_json_object(j, NULL);
	pb_json_uint(j, "dhatFileVersion", DHAT_VERSION);
	pb_json_string(j, "mode", "heap");
	pb_json_string(j, "verb", "Allocated");
	pb_json_bool(j, "bklt", lifetimes);
	pb_json_bool(j, "bkacc", false);
	pb_json_string(j, "tu", "\u00b5s");
	pb_json_string(j, "Mtu", "s");
	if (lifetimes)
		pb_json_uint(j, "tuth", SHORT_LIVED_US);
	err = put_command(d);
	pb_json_uint(j, "pid", d->r->n_tgids ? d->r->tgids[0] : 0);
	if (lifetimes)
		put_number(j, "tg", peak_us(d));
	put_number(j, "te", d->r->duration_ns / 1000);
	put_points(d);
	err = err ? err : put_frames(d);
	pb_json_end(j, '}');
	fputc('\n', j->out);
	return err;
}

int pb_render_dhat(FILE *out, const struct pb_profile *p, const struct pb_report *r,
		   const struct pb_render_opts *o)
{
	struct dhat d = {.p = p, .r = r};
	int err;

	(void)o; /* it holds all values, by address */
	for (size_t k = 0; k < PB_ARRAY_SIZE(members); k++)
		d.values[k] = pb_profile_value(p, members[k].type);
	if (d.values[0] == PB_NONE)
		return -EINVAL;
	pb_json_init(&d.json, out, false);
	err = add_up(&d);
	err = err ? err : put_file(&d);
	free(d.frames);
	free(d.sums);
	free(d.ends);
	if (!err && ferror(out))
		err = -EIO;
	return err;
}
