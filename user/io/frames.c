/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/frames.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/own.h"
#include "user/core/profile.h"
#include "user/render/tree.h"

static bool is_wrapper_module(const char *path)
{
	/* up to the version, which names of older ones begin with '-' */
	static const char *const libraries[] = {
		"libc.so",   "libc-",   "libc.musl", "libpthread.", "libpthread-", "ld-",
		"libaio.so", "ld64.so", "liburing.", "ld.so",       "[vdso]",      "libstdc++.so"};
	const char *base = pb_module_base(path);

	for (size_t i = 0; i < PB_ARRAY_SIZE(libraries); i++) {
		if (!strncmp(base, libraries[i], strlen(libraries[i])))
			return true;
	}
	return false;
}

/* What all functions at a location have in common. */
static struct pb_io_frame frame_at(const struct pb_profile *p, const struct pb_location *l)
{
	struct pb_io_frame f = {.is_named = l->n_lines > 0};
	const struct pb_module *m = l->module == PB_NONE ? NULL : &p->modules[l->module];

	f.is_user = m && m->kind != PB_MODULE_KERNEL;
	f.is_wrapper = f.is_user && is_wrapper_module(pb_profile_text(p, m->path));
	return f;
}

static char *line_name(const struct pb_profile *p, const struct pb_line *line)
{
	return strdup(pb_profile_text(p, p->functions[line->function].name));
}

static int add_frames(struct pb_io_frames *frames, const struct pb_profile *p, uint32_t location)
{
	const struct pb_location *l = &p->locations[location];
	uint32_t i = 0;

	do {
		struct pb_io_frame f = frame_at(p, l);

		f.name = l->n_lines ? line_name(p, &p->lines[l->first_line + i])
				    : pb_location_name(p, location);
		if (!f.name)
			return -ENOMEM;
		/* the symbolizer names by offset what it finds no function for */
		if (l->n_lines && !p->functions[p->lines[l->first_line + i].function].system_name &&
		    strstr(f.name, "+0x"))
			f.is_named = false;
		frames->rows[frames->n++] = f;
	} while (++i < l->n_lines);
	return 0;
}

int pb_io_frames_of(struct pb_io_frames *out, const struct pb_profile *p, uint32_t node)
{
	struct pb_io_frames frames = {0};
	uint64_t n = 1;

	if (node == PB_NONE)
		node = 0;
	for (uint32_t at = node; at; at = p->nodes[at].parent)
		n += 1 + (uint64_t)p->locations[p->nodes[at].location].n_lines;
	frames.rows = calloc(n, sizeof(*frames.rows));
	if (!frames.rows)
		return -ENOMEM;
	for (; node; node = p->nodes[node].parent) {
		if (add_frames(&frames, p, p->nodes[node].location)) {
			pb_io_frames_drop(&frames);
			return -ENOMEM;
		}
	}
	*out = frames;
	return 0;
}

void pb_io_frames_drop(struct pb_io_frames *frames)
{
	for (uint32_t i = 0; i < frames->n; i++)
		free(frames->rows[i].name);
	free(frames->rows);
	*frames = (struct pb_io_frames){0};
}

/* In which order places are told: who can change something first. */
static bool tells(const struct pb_io_frame *f, int strict)
{
	return strict == 0 || (strict == 1 && f->is_user && f->is_named) ||
	       (strict == 2 && f->is_user && f->is_named && !f->is_wrapper);
}

static bool has_one(const struct pb_io_frames *frames, int strict)
{
	for (uint32_t i = 0; i < frames->n; i++) {
		if (tells(&frames->rows[i], strict))
			return true;
	}
	return false;
}

char *pb_io_frames_site(const struct pb_io_frames *frames, uint32_t max)
{
	pb_autofree char *text = NULL;
	int strict = 2;
	uint32_t told = 0;
	bool failed;
	size_t size;
	FILE *mem = open_memstream(&text, &size);

	if (!mem)
		return NULL;
	while (strict && !has_one(frames, strict))
		strict--;
	for (uint32_t i = 0; i < frames->n && told < max; i++) {
		if (tells(&frames->rows[i], strict))
			fprintf(mem, "%s%s", told++ ? " ← " : "", frames->rows[i].name);
	}
	failed = ferror(mem);
	failed = fclose(mem) || failed;
	return failed ? NULL : pb_take(text);
}
