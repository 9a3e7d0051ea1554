/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/pathnames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/core/profile.h"
#include "user/render/sites.h"
#include "user/render/tree.h"

static char *line_name(const struct pb_profile *p, const struct pb_line *line)
{
	return strdup(pb_profile_text(p, p->functions[line->function].name));
}

char *pb_function_at(const struct pb_profile *p, uint32_t location)
{
	const struct pb_location *l = &p->locations[location];

	return l->n_lines ? line_name(p, &p->lines[l->first_line]) : pb_location_name(p, location);
}

static uint32_t count_names(const struct pb_profile *p, uint32_t node)
{
	uint32_t n = 0;

	for (; node; node = p->nodes[node].parent) {
		uint32_t lines = p->locations[p->nodes[node].location].n_lines;

		n += lines ? lines : 1;
	}
	return n;
}

static int add_names(struct pb_path_names *path, const struct pb_profile *p, uint32_t location)
{
	const struct pb_location *l = &p->locations[location];
	uint32_t i = 0;

	do {
		char *name = l->n_lines ? line_name(p, &p->lines[l->first_line + i])
					: pb_location_name(p, location);

		if (!name)
			return -ENOMEM;
		path->names[path->n++] = name;
	} while (++i < l->n_lines);
	return 0;
}

int pb_path_names(struct pb_path_names *out, const struct pb_profile *p, uint32_t node)
{
	struct pb_path_names path = {0};

	path.names = calloc((size_t)count_names(p, node) + 1, sizeof(*path.names));
	if (!path.names)
		return -ENOMEM;
	for (; node; node = p->nodes[node].parent) {
		if (add_names(&path, p, p->nodes[node].location)) {
			pb_path_names_drop(&path);
			return -ENOMEM;
		}
	}
	*out = path;
	return 0;
}

uint32_t pb_path_names_site(const struct pb_path_names *path)
{
	struct pb_site_search search = PB_SITE_SEARCH_INIT;
	uint32_t i;

	for (i = 0; i < path->n && !pb_site_search_take(&search, path->names[i], i); i++)
		;
	return search.site == PB_NONE ? 0 : search.site;
}

void pb_path_names_drop(struct pb_path_names *path)
{
	for (uint32_t i = 0; i < path->n; i++)
		free(path->names[i]);
	free(path->names);
	*path = (struct pb_path_names){0};
}
