/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The beads of a plan: what they work on, what they need, and an order in which that is there. */
#include "user/bead/plan_parts.h"

#include <errno.h>
#include <string.h>

#include "user/bead/plan.h"

static const char *const kinds[] = {
	[PB_BEAD_BASELINE] = "baseline",
	[PB_BEAD_ORACLE] = "oracle",
	[PB_BEAD_CPU_FLAME] = "cpu-flame",
	[PB_BEAD_ALLOC_SITES] = "alloc-sites",
	[PB_BEAD_IO_LATENCY] = "io-latency",
	[PB_BEAD_GATE] = "gate",
	[PB_BEAD_KINDS] = NULL,
};

static const char *const limits[] = {
	[PB_LIMIT_WALL_P50] = "wall_p50_pct", [PB_LIMIT_WALL_P95] = "wall_p95_pct",
	[PB_LIMIT_P99] = "p99_pct",           [PB_LIMIT_CPU] = "cpu_pct",
	[PB_LIMIT_MEMORY] = "memory_pct",     [PB_LIMIT_ALLOCATIONS] = "allocations_pct",
	[PB_LIMIT_SYSCALLS] = "syscalls_pct", [PB_LIMIT_BLOCK_IOS] = "block_ios_pct",
	[PB_LIMIT_FAULTS] = "faults_pct",
};

/* A bead as it is written, before it is known what the names in it mean. */
struct draft {
	struct pb_plan_bead bead;
	const struct pb_plan_node *node;
	const struct pb_plan_node *workloads, *needs, *limits; /* NULL: not given */
};

struct drafts {
	struct pb_plan_complaint *complaint;
	struct pb_plan *plan;
	struct draft *items;
	uint32_t n;
};

const char *pb_bead_kind_name(enum pb_bead_kind kind)
{
	return kind < PB_BEAD_KINDS ? kinds[kind] : NULL;
}

const char *pb_limit_name(enum pb_limit limit)
{
	return limit < PB_LIMITS ? limits[limit] : NULL;
}

static bool is_profile(enum pb_bead_kind kind)
{
	return kind == PB_BEAD_CPU_FLAME || kind == PB_BEAD_ALLOC_SITES ||
	       kind == PB_BEAD_IO_LATENCY;
}

static int read_draft(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
		      void *to)
{
	static const struct pb_plan_key keys[] = {
		{.name = "id", PB_PLAN_KEY(NAME, struct draft, bead.id), .required = true},
		{.name = "kind",
		 PB_PLAN_KEY(CHOICE, struct draft, bead.kind),
		 .choices = kinds,
		 .required = true},
		{.name = "workloads", PB_PLAN_KEY(NODE, struct draft, workloads)},
		{.name = "needs", PB_PLAN_KEY(NODE, struct draft, needs)},
		{.name = "top", PB_PLAN_KEY(UINT32, struct draft, bead.top), .min = 1, .max = 1000},
		{.name = "limits", PB_PLAN_KEY(NODE, struct draft, limits)},
		{.name = NULL},
	};
	struct draft *d = to;

	d->node = value;
	d->bead.line = value->line;
	d->bead.column = value->column;
	for (int i = 0; i < PB_LIMITS; i++)
		d->bead.limits[i] = -1;
	return pb_plan_read_map(complaint, value, "a bead", keys, d);
}

static int check_ids(const struct drafts *ds)
{
	for (uint32_t i = 0; i < ds->n; i++) {
		for (uint32_t j = 0; j < i; j++) {
			if (!strcmp(ds->items[i].bead.id, ds->items[j].bead.id))
				return pb_plan_complain(
					ds->complaint, ds->items[i].node->line,
					ds->items[i].node->column,
					"the bead \"%s\" stands here twice, first in line %u",
					ds->items[i].bead.id, ds->items[j].node->line);
		}
	}
	return 0;
}

static uint32_t find_bead(const struct drafts *ds, const char *id)
{
	for (uint32_t i = 0; i < ds->n; i++) {
		if (!strcmp(ds->items[i].bead.id, id))
			return i;
	}
	return UINT32_MAX;
}

static int complain_name(const struct drafts *ds, const struct pb_plan_node *item, bool of_beads)
{
	const struct pb_plan *plan = ds->plan;
	const char *near = of_beads ? pb_plan_nearest(item->text, &ds->items[0].bead.id,
						      sizeof(*ds->items), ds->n)
				    : pb_plan_nearest(item->text, &plan->workloads[0].name,
						      sizeof(*plan->workloads), plan->n_workloads);

	return pb_plan_complain(ds->complaint, item->line, item->column,
				"there is no %s \"%s\"%s%s%s", of_beads ? "bead" : "workload",
				item->text, near ? " (did you mean \"" : "", near ? near : "",
				near ? "\"?)" : "");
}

/* A list of names, of beads or of workloads, into their indices. */
static int read_names(const struct drafts *ds, const struct pb_plan_node *list, bool of_beads,
		      uint32_t **out, uint32_t *n)
{
	if (list->kind != PB_PLAN_LIST)
		return pb_plan_complain(ds->complaint, list->line, list->column,
					"\"%s\" has to be a list, as [name, name]",
					of_beads ? "needs" : "workloads");
	*out = calloc((size_t)list->n_items + 1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	for (uint32_t i = 0; i < list->n_items; i++) {
		const struct pb_plan_node *item = &list->items[i];
		int err = pb_plan_check_text(ds->complaint, item, "the name of a bead or workload");
		uint32_t id;

		if (err)
			return err;
		id = of_beads ? find_bead(ds, item->text) : pb_plan_workload(ds->plan, item->text);
		if (id == UINT32_MAX)
			return complain_name(ds, item, of_beads);
		for (uint32_t j = 0; j < *n; j++) {
			if ((*out)[j] == id)
				return pb_plan_complain(ds->complaint, item->line, item->column,
							"\"%s\" stands here twice", item->text);
		}
		(*out)[(*n)++] = id;
	}
	return 0;
}

static int use_all_workloads(const struct drafts *ds, struct pb_plan_bead *bead)
{
	bead->workloads = calloc(ds->plan->n_workloads, sizeof(*bead->workloads));
	if (!bead->workloads)
		return -ENOMEM;
	for (uint32_t i = 0; i < ds->plan->n_workloads; i++)
		bead->workloads[bead->n_workloads++] = i;
	return 0;
}

static int read_limits(const struct drafts *ds, const struct draft *d, struct pb_plan_bead *bead)
{
	struct pb_plan_key keys[PB_LIMITS + 1] = {0};

	for (uint32_t i = 0; i < PB_LIMITS; i++)
		keys[i] = (struct pb_plan_key){.name = limits[i],
					       .as = PB_PLAN_AS_REAL,
					       .offset = i * sizeof(double),
					       .max = 10000};
	return pb_plan_read_map(ds->complaint, d->limits, "\"limits\" of a gate", keys,
				bead->limits);
}

/* Keys that only some kinds have. */
static int read_options(const struct drafts *ds, struct draft *d)
{
	if (d->bead.top && !is_profile(d->bead.kind))
		return pb_plan_complain(ds->complaint, d->node->line, d->node->column,
					"a bead of kind %s has no \"top\"", kinds[d->bead.kind]);
	if (d->limits && d->bead.kind != PB_BEAD_GATE)
		return pb_plan_complain(ds->complaint, d->limits->line, d->limits->column,
					"a bead of kind %s has no \"limits\"; a gate has",
					kinds[d->bead.kind]);
	if (!d->bead.top)
		d->bead.top = PB_PLAN_TOP;
	return d->limits ? read_limits(ds, d, &d->bead) : 0;
}

static int resolve(const struct drafts *ds, struct draft *d)
{
	struct pb_plan_bead *bead = &d->bead;
	int err = d->workloads ? read_names(ds, d->workloads, false, &bead->workloads,
					    &bead->n_workloads)
			       : use_all_workloads(ds, bead);

	if (!err && d->workloads && !bead->n_workloads)
		err = pb_plan_complain(ds->complaint, d->workloads->line, d->workloads->column,
				       "the bead \"%s\" has no workload", bead->id);
	if (!err && d->needs)
		err = read_names(ds, d->needs, true, &bead->needs, &bead->n_needs);
	return err ? err : read_options(ds, d);
}

/* A bead that waits for others that wait for it, with the way back to it: "a needs b needs a". */
static int complain_cycle(const struct drafts *ds, const bool *placed)
{
	uint32_t seen_at[PB_PLAN_ITEMS_MAX] = {0}, at = 0, steps = 0;
	struct draft *first;
	char way[384];
	size_t len;

	while (placed[at])
		at++;
	/* From a bead that waits one comes to another that does, until one comes again. */
	while (!seen_at[at]) {
		const struct pb_plan_bead *bead = &ds->items[at].bead;
		uint32_t i = 0;

		seen_at[at] = ++steps;
		while (placed[bead->needs[i]])
			i++;
		at = bead->needs[i];
	}
	first = &ds->items[at];
	len = (size_t)snprintf(way, sizeof(way), "\"%s\"", first->bead.id);
	do {
		const struct pb_plan_bead *bead = &ds->items[at].bead;
		uint32_t i = 0;

		while (placed[bead->needs[i]])
			i++;
		at = bead->needs[i];
		if (len < sizeof(way))
			len += (size_t)snprintf(way + len, sizeof(way) - len, " needs \"%s\"",
						ds->items[at].bead.id);
	} while (&ds->items[at] != first);
	return pb_plan_complain(ds->complaint, first->node->line, first->node->column,
				"beads need each other in a circle: %s", way);
}

/* The beads into the plan, each behind what it needs, else in the order of the file. O(n^2). */
static int put_in_order(struct drafts *ds)
{
	uint32_t place_of[PB_PLAN_ITEMS_MAX];
	bool placed[PB_PLAN_ITEMS_MAX] = {false};
	struct pb_plan *plan = ds->plan;

	plan->beads = calloc(ds->n, sizeof(*plan->beads));
	if (!plan->beads)
		return -ENOMEM;
	while (plan->n_beads < ds->n) {
		uint32_t i, j;

		for (i = 0; i < ds->n; i++) {
			const struct pb_plan_bead *bead = &ds->items[i].bead;

			for (j = 0; j < bead->n_needs && placed[bead->needs[j]]; j++)
				;
			if (!placed[i] && j == bead->n_needs)
				break;
		}
		if (i == ds->n)
			return complain_cycle(ds, placed);
		placed[i] = true;
		place_of[i] = plan->n_beads;
		for (j = 0; j < ds->items[i].bead.n_needs; j++)
			ds->items[i].bead.needs[j] = place_of[ds->items[i].bead.needs[j]];
		plan->beads[plan->n_beads++] = ds->items[i].bead;
		ds->items[i].bead = (struct pb_plan_bead){0};
	}
	return 0;
}

/* What a profile must not come before, and of which workloads the beads that it needs have it. */
static const enum pb_bead_kind first_kinds[] = {PB_BEAD_BASELINE, PB_BEAD_ORACLE};
struct covered {
	bool by[PB_ARRAY_SIZE(first_kinds)][PB_PLAN_ITEMS_MAX];
};

/* Over all that bead @at needs, directly or not. */
static void find_covered(const struct pb_plan *plan, uint32_t at, struct covered *covered)
{
	bool needed[PB_PLAN_ITEMS_MAX] = {false};

	memset(covered, 0, sizeof(*covered));
	needed[at] = true;
	/* What a bead needs stands before it. */
	for (uint32_t i = at + 1; i-- > 0;) {
		const struct pb_plan_bead *bead = &plan->beads[i];

		if (!needed[i])
			continue;
		for (uint32_t j = 0; j < bead->n_needs; j++)
			needed[bead->needs[j]] = true;
		for (size_t k = 0; k < PB_ARRAY_SIZE(first_kinds); k++) {
			for (uint32_t j = 0; bead->kind == first_kinds[k] && j < bead->n_workloads;
			     j++)
				covered->by[k][bead->workloads[j]] = true;
		}
	}
}

/* Profile before proposing, and never before there is a baseline and an oracle. */
static int check_profile(struct pb_plan_complaint *complaint, const struct pb_plan *plan,
			 uint32_t at)
{
	const struct pb_plan_bead *bead = &plan->beads[at];
	struct covered covered;

	find_covered(plan, at, &covered);
	for (uint32_t i = 0; i < bead->n_workloads; i++) {
		for (size_t k = 0; k < PB_ARRAY_SIZE(first_kinds); k++) {
			const char *kind = kinds[first_kinds[k]];

			if (!covered.by[k][bead->workloads[i]])
				return pb_plan_complain(
					complaint, bead->line, bead->column,
					"the bead \"%s\" profiles \"%s\" before there is its %s; "
					"name a bead of kind %s in \"needs\"",
					bead->id, plan->workloads[bead->workloads[i]].name, kind,
					kind);
		}
	}
	return 0;
}

int pb_plan_read_beads(struct pb_plan_complaint *complaint, const struct pb_plan_node *node,
		       struct pb_plan *plan)
{
	struct drafts ds = {.complaint = complaint, .plan = plan};
	int err = pb_plan_read_list(complaint, node, "\"beads\"", sizeof(*ds.items), read_draft,
				    &ds.items, &ds.n);

	if (!err && !ds.n)
		err = pb_plan_complain(complaint, node->line, node->column,
				       "\"beads\" has to be a list of at least one bead");
	if (!err)
		err = check_ids(&ds);
	for (uint32_t i = 0; i < ds.n && !err; i++)
		err = resolve(&ds, &ds.items[i]);
	if (!err)
		err = put_in_order(&ds);
	for (uint32_t i = 0; i < plan->n_beads && !err; i++) {
		if (is_profile(plan->beads[i].kind))
			err = check_profile(complaint, plan, i);
	}
	for (uint32_t i = 0; i < ds.n; i++)
		pb_plan_bead_drop(&ds.items[i].bead);
	free(ds.items);
	return err;
}

void pb_plan_bead_drop(struct pb_plan_bead *bead)
{
	free(bead->id);
	free(bead->workloads);
	free(bead->needs);
}
