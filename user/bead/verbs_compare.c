/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* baseline and compare: names for measurements, and what changed of each workload between two. */
#include "user/bead/verbs.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "user/bead/figures.h"
#include "user/bead/stats.h"
#include "user/bead/versus_judge.h"
#include "user/core/json.h"
#include "user/core/log.h"

#define DELTA       0.05
#define COUNT_DELTA 0.005 /* of counts, which hardly vary */
#define ALPHA       0.01

static int print_baseline(void *ctx, const struct pb_baseline *b)
{
	struct pb_json *j = ctx;

	if (!j) {
		printf("%-24s %-24s run %lld, saved %s\n", b->name, b->bead, (long long)b->id,
		       b->saved);
		return 0;
	}
	pb_json_flat_object(j, NULL);
	pb_json_string(j, "name", b->name);
	pb_json_string(j, "bead", b->bead);
	pb_json_int(j, "run", b->id);
	pb_json_string(j, "saved", b->saved);
	pb_json_end(j, '}');
	return 0;
}

static int list(const struct pb_desk *desk, bool json)
{
	struct pb_json j;
	int err;

	if (!json)
		return pb_store_baselines(desk->store, print_baseline, NULL);
	pb_json_init(&j, stdout, false);
	pb_json_object(&j, NULL);
	pb_json_string(&j, "schema", "bead-baselines/1");
	pb_json_array(&j, "baselines");
	err = pb_store_baselines(desk->store, print_baseline, &j);
	pb_json_end(&j, ']');
	pb_json_end(&j, '}');
	putchar('\n');
	return err;
}

/* The bead that is meant: by its name, or the only baseline of the plan. Return: its index; -EINVAL, logged. */
static int find_baseline_bead(const struct pb_desk *desk, const char *id)
{
	int found = id ? pb_desk_find_bead(desk, id) : -1;

	if (id && found < 0)
		return found;
	for (uint32_t i = 0; i < desk->plan->n_beads && !id; i++) {
		if (desk->plan->beads[i].kind != PB_BEAD_BASELINE)
			continue;
		if (found >= 0)
			return pb_fail(EINVAL,
				       "the plan has several baselines; name one by --bead");
		found = (int)i;
	}
	if (found < 0 || desk->plan->beads[found].kind != PB_BEAD_BASELINE)
		return pb_fail(EINVAL, "%s is no bead of kind baseline", id ? id : "there");
	return found;
}

/* Only letters that need no care in a shell, a file or a report. */
static bool is_name(const char *name)
{
	size_t len = strlen(name);

	return len && len <= 64 && name[0] != '-' &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
		       len;
}

static int save(const struct pb_desk *desk, const struct pb_bead_args *args)
{
	const char *name = args->words[1], *id;
	int64_t run = 0, stale = 0;
	enum pb_bead_state state;
	int err, bead;

	if (!name || !is_name(name))
		return pb_fail(EINVAL, "baseline save needs a name of letters, digits, \".\", "
				       "\"_\" and \"-\", at most 64");
	bead = find_baseline_bead(desk, args->bead);
	if (bead < 0)
		return bead;
	id = desk->plan->beads[bead].id;
	err = pb_store_last_done(desk->store, id, desk->plan->digest, &run);
	if (err)
		return err;
	if (!run)
		return pb_fail(EINVAL, "%s is not done under this plan; bead run %s", id, id);
	err = pb_desk_state(desk, (uint32_t)bead, &state, &stale);
	if (!err)
		err = pb_store_save_baseline(desk->store, name, run);
	if (err)
		return err;
	if (stale)
		pb_log(PB_LOG_WARN,
		       "%s was measured before change %lld was closed: it is of the program as it "
		       "was then",
		       id, (long long)stale);
	if (args->json)
		return list(desk, true);
	printf("%s: run %lld of %s\n", name, (long long)run, id);
	return PB_BEAD_OK;
}

int pb_bead_baseline(const struct pb_bead_args *args)
{
	pb_auto_close_desk struct pb_desk desk = {0};
	const char *what = args->words[0];
	int err;

	if (!what || (strcmp(what, "save") != 0 && strcmp(what, "list") != 0))
		return pb_fail(EINVAL, "baseline is followed by \"save NAME\" or \"list\"");
	if (!strcmp(what, "list") && args->words[1])
		return pb_fail(EINVAL, "unexpected \"%s\" behind baseline list", args->words[1]);
	err = pb_desk_open(&desk, args);
	if (err)
		return err;
	return strcmp(what, "save") != 0 ? list(&desk, args->json) : save(&desk, args);
}

/* One workload that both baselines have, and all that was measured of it, as enum pb_limit has it. */
struct row {
	const char *workload;
	struct pb_versus_judged things[PB_LIMITS];
};

struct comparison {
	const struct pb_desk *desk;
	struct pb_versus_side base, now;
	uint64_t seed;
	double delta;
	struct row *rows;
	uint32_t n;
	uint32_t n_left_out; /* workloads that cannot be compared */
};

/* Times of operations are no matter of a workload that writes none. */
static bool is_asked(const struct comparison *c, const struct row *row, int i)
{
	const struct pb_plan *plan = c->desk->plan;

	return i != PB_LIMIT_P99 ||
	       plan->workloads[pb_plan_workload(plan, row->workload)].latencies.path;
}

static int compare_workload(struct comparison *c, const struct pb_plan_workload *workload)
{
	struct row *row = &c->rows[c->n];
	const struct pb_versus *wall = &row->things[PB_LIMIT_WALL_P50].v;
	int err = 0;

	row->workload = workload->name;
	for (int i = 0; i < PB_LIMITS && !err; i++)
		err = pb_versus_read(&row->things[i].v, c->desk->store, &c->base, &c->now, workload,
				     (enum pb_limit)i, c->seed);
	if (err)
		return err;
	if (!wall->why[0]) {
		c->n++;
		return 0;
	}
	c->n_left_out++;
	pb_log(PB_LOG_WARN, "%s cannot be compared: %s", workload->name, wall->why);
	return 0;
}

/* All things of all workloads at once. */
static int judge(struct comparison *c)
{
	pb_autofree struct pb_versus_judged **all =
		calloc((size_t)c->n * PB_LIMITS + 1, sizeof(*all));
	size_t n = 0;
	int err;

	if (!all)
		return pb_err(ENOMEM, "compare baselines");
	for (uint32_t k = 0; k < c->n; k++)
		for (int i = 0; i < PB_LIMITS; i++)
			all[n++] = &c->rows[k].things[i];
	err = pb_versus_judge(all, n, c->delta, COUNT_DELTA, ALPHA);
	return err ? pb_err(-err, "compare baselines") : 0;
}

static int compare_all(struct comparison *c)
{
	const struct pb_plan *plan = c->desk->plan;
	int err = 0;

	for (uint32_t i = 0; i < plan->n_workloads && !err; i++)
		err = compare_workload(c, &plan->workloads[i]);
	return err ? err : judge(c);
}

static void print_thing(const struct row *row, int i)
{
	const struct pb_versus *v = &row->things[i].v;
	char text[256];

	if (v->why[0])
		printf("  %-14s not known: %s\n", v->name, v->why);
	else
		printf("  %-14s %-12s %s%s%s\n", v->name, pb_verdict_name(row->things[i].verdict),
		       pb_versus_text(text, sizeof(text), v), row->things[i].why[0] ? ": " : "",
		       row->things[i].why);
}

static void print_rows(const struct comparison *c)
{
	char a[64], b[64];

	for (uint32_t i = 0; i < c->n; i++) {
		const struct row *r = &c->rows[i];
		const struct pb_versus *wall = &r->things[PB_LIMIT_WALL_P50].v;

		printf("%s: %s: %s to %s, ratio %.4f [%.4f, %.4f], p %.3g, %u and %u runs\n",
		       r->workload, pb_verdict_name(r->things[PB_LIMIT_WALL_P50].verdict),
		       pb_figures_amount(a, sizeof(a), wall->base, "ns"),
		       pb_figures_amount(b, sizeof(b), wall->fresh, "ns"), wall->ratio.value,
		       wall->ratio.low, wall->ratio.high, wall->p, wall->n_base, wall->n_fresh);
		if (r->things[PB_LIMIT_WALL_P50].why[0])
			printf("  %s\n", r->things[PB_LIMIT_WALL_P50].why);
		for (int k = 0; k < PB_LIMITS; k++)
			if (k != PB_LIMIT_WALL_P50 && is_asked(c, r, k))
				print_thing(r, k);
	}
	printf("delta %g %%, of counts %g %%; p adjusted by Holm over all of them, seed %llu\n",
	       c->delta * 100, COUNT_DELTA * 100, (unsigned long long)c->seed);
}

static void write_thing(struct pb_json *j, const struct row *row, int i)
{
	const struct pb_versus *v = &row->things[i].v;
	bool is_known = !v->why[0];

	pb_json_flat_object(j, NULL);
	pb_json_string(j, "name", v->name);
	pb_json_string(j, "unit", v->unit);
	pb_json_bool(j, "net", v->net);
	pb_json_string(j, "verdict", is_known ? pb_verdict_name(row->things[i].verdict) : NULL);
	pb_json_string(j, "why",
		       !is_known               ? v->why
		       : row->things[i].why[0] ? row->things[i].why
					       : NULL);
	pb_json_double(j, "base", v->base, 3);
	pb_json_double(j, "new", v->fresh, 3);
	pb_json_double(j, "shift", v->shift, 3);
	pb_json_double(j, "ratio", is_known ? v->ratio.value : (double)NAN, 9);
	pb_json_double(j, "low", is_known ? v->ratio.low : (double)NAN, 9);
	pb_json_double(j, "high", is_known ? v->ratio.high : (double)NAN, 9);
	pb_json_double(j, "p", is_known && !v->is_count ? v->p : (double)NAN, 17);
	pb_json_end(j, '}');
}

static void write_row(struct pb_json *j, const struct comparison *c, const struct row *r)
{
	const struct pb_versus *wall = &r->things[PB_LIMIT_WALL_P50].v;

	pb_json_object(j, NULL);
	pb_json_string(j, "workload", r->workload);
	pb_json_string(j, "verdict", pb_verdict_name(r->things[PB_LIMIT_WALL_P50].verdict));
	pb_json_double(j, "base_p50_ns", wall->base, 0);
	pb_json_double(j, "new_p50_ns", wall->fresh, 0);
	pb_json_real(j, "ratio", wall->ratio.value);
	pb_json_real(j, "low", wall->ratio.low);
	pb_json_real(j, "high", wall->ratio.high);
	pb_json_double(j, "p", wall->p, 17);
	pb_json_uint(j, "base_runs", wall->n_base);
	pb_json_uint(j, "new_runs", wall->n_fresh);
	pb_json_array(j, "figures");
	for (int i = 0; i < PB_LIMITS; i++)
		if (is_asked(c, r, i))
			write_thing(j, r, i);
	pb_json_end(j, ']');
	pb_json_end(j, '}');
}

static void write_rows(const struct comparison *c, const struct pb_bead_args *args)
{
	struct pb_json j;

	pb_json_init(&j, stdout, false);
	pb_json_object(&j, NULL);
	pb_json_string(&j, "schema", "bead-compare/1");
	pb_json_string(&j, "base", args->words[0]);
	pb_json_string(&j, "new", args->words[1]);
	pb_json_real(&j, "delta", c->delta);
	pb_json_real(&j, "count_delta", COUNT_DELTA);
	pb_json_uint(&j, "seed", c->seed);
	pb_json_array(&j, "workloads");
	for (uint32_t i = 0; i < c->n; i++)
		write_row(&j, c, &c->rows[i]);
	pb_json_end(&j, ']');
	pb_json_end(&j, '}');
	putchar('\n');
}

/* A regression of anything is a finding; what nobody can say of other than the wall time is told, and no more. Of a workload
 * that is missing on one side nobody can say. */
static int verdict_of(const struct comparison *c)
{
	bool unsure = !c->n || c->n_left_out;

	for (uint32_t i = 0; i < c->n; i++) {
		const struct row *r = &c->rows[i];

		for (int k = 0; k < PB_LIMITS; k++)
			if (!r->things[k].v.why[0] && r->things[k].verdict == PB_VERDICT_REGRESSED)
				return PB_BEAD_FINDING;
		unsure = unsure || r->things[PB_LIMIT_WALL_P50].verdict == PB_VERDICT_INCONCLUSIVE;
	}
	return unsure ? PB_BEAD_INCONCLUSIVE : PB_BEAD_OK;
}

/* @name: of a baseline; @directory: set to where its files are, to be freed. */
static int find_saved(const struct pb_desk *desk, const char *name, struct pb_versus_side *side,
		      char **directory)
{
	pb_autofree char *bead = NULL;
	int err = pb_store_baseline(desk->store, name, &side->run);

	if (err == -ENOENT)
		return pb_fail(EINVAL, "no baseline is saved as \"%s\"; bead baseline list", name);
	if (!err)
		err = pb_store_run(desk->store, side->run, &bead, directory);
	side->directory = *directory;
	side->most = UINT32_MAX;
	return err;
}

int pb_bead_compare(const struct pb_bead_args *args)
{
	pb_auto_close_desk struct pb_desk desk = {0};
	pb_autofree struct row *rows = NULL;
	pb_autofree char *base = NULL, *now = NULL;
	struct comparison c = {.desk = &desk, .seed = args->seed};
	int err = pb_bead_parse_delta(args->delta, DELTA, &c.delta);

	if (err)
		return err;
	if (!args->words[1])
		return pb_fail(EINVAL, "compare needs the names of two saved baselines");
	err = pb_desk_open(&desk, args);
	if (!err)
		err = find_saved(&desk, args->words[0], &c.base, &base);
	if (!err)
		err = find_saved(&desk, args->words[1], &c.now, &now);
	if (err)
		return err;
	c.rows = rows = calloc(desk.plan->n_workloads, sizeof(*rows));
	if (!rows)
		return pb_err(ENOMEM, "compare baselines");
	err = compare_all(&c);
	if (err)
		return err;
	if (args->json)
		write_rows(&c, args);
	else
		print_rows(&c);
	return verdict_of(&c);
}
