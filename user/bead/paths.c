/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "user/bead/code.h"
#include "user/bead/levers.h"
#include "user/core/grow.h"

static void drop_path(struct pb_path *p)
{
	free(p->chain);
	free(p->name);
	free(p->module);
	free(p->file);
	for (uint32_t i = 0; i < p->n_clues; i++)
		free(p->clues[i].text);
	free(p->clues);
}

void pb_paths_drop(struct pb_paths *paths)
{
	for (uint32_t i = 0; i < paths->n; i++)
		drop_path(&paths->rows[i]);
	free(paths->rows);
	json_decref(paths->index);
	*paths = (struct pb_paths){0};
}

struct pb_path *pb_paths_at(struct pb_paths *paths, const struct pb_code_path *path)
{
	const json_t *at;
	struct pb_path p = {0};

	if (!paths->index)
		paths->index = json_object();
	at = json_object_get(paths->index, path->chain);
	if (at)
		return &paths->rows[json_integer_value(at)];
	p.own = path->innermost != NULL;
	p.chain = strdup(path->chain);
	p.name = strdup(path->name);
	p.module = strdup(pb_code_text(path->innermost, "module"));
	p.file = strdup(pb_code_text(path->innermost, "file"));
	p.line = (uint32_t)json_integer_value(json_object_get(path->innermost, "line"));
	if (!p.chain || !p.name || !p.module || !p.file ||
	    pb_grow(&paths->rows, &paths->room, (uint64_t)paths->n + 1, sizeof(p)) ||
	    json_object_set_new(paths->index, path->chain, json_integer(paths->n))) {
		drop_path(&p);
		return NULL;
	}
	paths->rows[paths->n] = p;
	return &paths->rows[paths->n++];
}

int pb_path_clue(struct pb_path *path, const struct pb_lever *lever, double part, const char *text)
{
	char *copy;

	if (!lever)
		return 0;
	copy = strdup(text);
	if (!copy || pb_grow(&path->clues, &path->room_clues, (uint64_t)path->n_clues + 1,
			     sizeof(*path->clues))) {
		free(copy);
		return -ENOMEM;
	}
	path->clues[path->n_clues++] = (struct pb_path_clue){lever, part, copy};
	return 0;
}

double pb_path_sum(const double *of, uint32_t runs)
{
	double sum = 0;

	for (uint32_t i = 0; i < runs; i++)
		sum += of[i];
	return sum;
}

double pb_path_mean(const double *of, uint32_t runs)
{
	return runs ? pb_path_sum(of, runs) / runs : 0;
}
