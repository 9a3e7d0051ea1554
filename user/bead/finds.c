/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/finds.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/bead/levers.h"
#include "user/core/grow.h"

static void drop_find(struct pb_find *find)
{
	free((char *)find->spot.id);
	free((char *)find->spot.name);
	free((char *)find->spot.module);
	free((char *)find->spot.file);
	free((char *)find->spot.frames);
	for (uint32_t i = 0; i < find->n_clues; i++)
		free(find->clues[i].text);
	free(find->clues);
}

void pb_finds_drop(struct pb_finds *finds)
{
	for (uint32_t i = 0; i < finds->n; i++)
		drop_find(&finds->rows[i]);
	free(finds->rows);
	*finds = (struct pb_finds){0};
}

static char *copy_of(const char *text)
{
	return strdup(text ? text : "");
}

struct pb_find *pb_finds_add(struct pb_finds *finds, const struct pb_spot *spot, const char *chain)
{
	struct pb_find find = {.spot = *spot};
	char id[PB_SPOT_ID];

	pb_spot_id(id, spot->kind, chain);
	find.spot.id = strdup(id);
	find.spot.name = copy_of(spot->name);
	find.spot.module = copy_of(spot->module);
	find.spot.file = copy_of(spot->file);
	find.spot.frames = copy_of(spot->frames);
	if (!find.spot.id || !find.spot.name || !find.spot.module || !find.spot.file ||
	    !find.spot.frames ||
	    pb_grow(&finds->rows, &finds->room, (uint64_t)finds->n + 1, sizeof(*finds->rows))) {
		drop_find(&find);
		return NULL;
	}
	finds->rows[finds->n] = find;
	return &finds->rows[finds->n++];
}

int pb_find_clue(struct pb_find *find, const struct pb_lever *lever, double share_pct,
		 const char *form, ...)
{
	char *text = NULL;
	va_list args;
	int len;

	if (!lever)
		return 0;
	va_start(args, form);
	len = vasprintf(&text, form, args);
	va_end(args);
	if (len < 0)
		return -ENOMEM;
	if (pb_grow(&find->clues, &find->room_clues, (uint64_t)find->n_clues + 1,
		    sizeof(*find->clues))) {
		free(text);
		return -ENOMEM;
	}
	find->clues[find->n_clues++] = (struct pb_find_clue){lever, share_pct, text};
	return 0;
}

static int store_find(const struct pb_find *find, struct pb_store *store, int64_t run,
		      const char *workload, const char *evidence)
{
	struct pb_spot spot = find->spot;
	int err;

	spot.workload = workload;
	spot.evidence = evidence;
	err = pb_store_put_spot(store, run, &spot);
	for (uint32_t i = 0; i < find->n_clues && !err; i++) {
		const struct pb_clue clue = {
			.workload = workload,
			.spot = spot.id,
			.lever = find->clues[i].lever->name,
			.share_pct = find->clues[i].share_pct,
			.text = find->clues[i].text,
		};

		err = pb_store_put_clue(store, run, &clue);
	}
	return err;
}

int pb_finds_store(const struct pb_finds *finds, struct pb_store *store, int64_t run,
		   const char *workload, const char *evidence)
{
	int err = pb_store_drop_spots(store, run, workload);

	for (uint32_t i = 0; i < finds->n && !err; i++)
		err = store_find(&finds->rows[i], store, run, workload, evidence);
	return err;
}
