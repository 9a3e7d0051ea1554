/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Free runs lie in an array by address, neighbours always joined; runs in grace in another by the end of
 * their grace. Ending a grace adds at most one free run, and the room for it is made when the run is
 * given: so settling cannot fail.
 */
#include "user/unwind/extent.h"

#include <errno.h>
#include <string.h>

#include "user/core/grow.h"

struct run {
	uint32_t first, n;
};

struct grace {
	uint64_t until_ns;
	struct run run;
};

struct pb_extents {
	struct run *free;
	uint32_t n_free, free_size;
	struct grace *graces;
	uint32_t n_graces, graces_size;
	uint32_t used;
};

int pb_extents_new(struct pb_extents **out, uint32_t places)
{
	pb_auto(pb_extents) struct pb_extents *e = calloc(1, sizeof(*e));

	if (!e || pb_grow(&e->free, &e->free_size, 1, sizeof(*e->free)))
		return -ENOMEM;
	e->free[e->n_free++] = (struct run){0, places};
	*out = pb_take(e);
	return 0;
}

void pb_extents_free(struct pb_extents *e)
{
	if (!e)
		return;
	free(e->free);
	free(e->graces);
	free(e);
}

static void remove_free(struct pb_extents *e, uint32_t i)
{
	e->n_free--;
	memmove(&e->free[i], &e->free[i + 1], (e->n_free - i) * sizeof(*e->free));
}

uint32_t pb_extents_take(struct pb_extents *e, uint32_t n)
{
	uint32_t i, first;

	for (i = 0; i < e->n_free; i++) {
		if (e->free[i].n < n)
			continue;
		first = e->free[i].first;
		e->free[i].first += n;
		e->free[i].n -= n;
		if (!e->free[i].n)
			remove_free(e, i);
		e->used += n;
		return first;
	}
	return PB_EXTENT_NONE;
}

/* Room for it was made by pb_extents_give(). */
static void add_free(struct pb_extents *e, struct run run)
{
	uint32_t low = 0, high = e->n_free, middle;

	e->used -= run.n;
	while (low < high) {
		middle = (low + high) / 2;
		if (e->free[middle].first < run.first)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < e->n_free && run.first + run.n == e->free[low].first) {
		run.n += e->free[low].n;
		remove_free(e, low);
	}
	if (low && e->free[low - 1].first + e->free[low - 1].n == run.first) {
		e->free[low - 1].n += run.n;
		return;
	}
	memmove(&e->free[low + 1], &e->free[low], (e->n_free - low) * sizeof(*e->free));
	e->free[low] = run;
	e->n_free++;
}

void pb_extents_give(struct pb_extents *e, uint32_t first, uint32_t n, uint64_t until_ns)
{
	struct run run = {first, n};
	uint32_t i;

	if (pb_grow(&e->free, &e->free_size, (uint64_t)e->n_free + e->n_graces + 1,
		    sizeof(*e->free)) ||
	    pb_grow(&e->graces, &e->graces_size, e->n_graces + 1ull, sizeof(*e->graces)))
		return;
	if (!until_ns) {
		add_free(e, run);
		return;
	}
	/* Times come in order, but for a few. */
	for (i = e->n_graces; i && e->graces[i - 1].until_ns > until_ns; i--)
		e->graces[i] = e->graces[i - 1];
	e->graces[i] = (struct grace){until_ns, run};
	e->n_graces++;
}

void pb_extents_settle(struct pb_extents *e, uint64_t now_ns)
{
	uint32_t n = 0;

	while (n < e->n_graces && e->graces[n].until_ns < now_ns)
		add_free(e, e->graces[n++].run);
	if (!n)
		return;
	e->n_graces -= n;
	memmove(e->graces, &e->graces[n], e->n_graces * sizeof(*e->graces));
}

uint32_t pb_extents_largest(const struct pb_extents *e)
{
	uint32_t largest = 0, i;

	for (i = 0; i < e->n_free; i++) {
		if (e->free[i].n > largest)
			largest = e->free[i].n;
	}
	return largest;
}

uint32_t pb_extents_used(const struct pb_extents *e)
{
	return e->used;
}
