/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* baseline and compare: names for measurements, and whether the time of each workload changed between two. */
#include "user/bead/verbs.h"

#include <errno.h>
#include <string.h>

#include "user/bead/figures.h"
#include "user/bead/stats.h"
#include "user/core/json.h"
#include "user/core/log.h"

#define DELTA      0.05
#define ALPHA      0.01
#define CONFIDENCE 0.95

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
	int64_t run = 0;
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
	err = pb_store_save_baseline(desk->store, name, run);
	if (err)
		return err;
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

/* One workload that both baselines have. */
struct row {
	const char *workload;
	uint32_t n, m;
	double base_ns, new_ns;
	struct pb_interval_estimate ratio;
	enum pb_verdict verdict;
};

struct comparison {
	const struct pb_desk *desk;
	int64_t base, now;
	uint64_t seed;
	double delta;
	struct row *rows;
	double *p; /* beside them, as Holm wants it */
	uint32_t n;
};

static int compare_workload(struct comparison *c, const char *workload)
{
	struct row *row = &c->rows[c->n];
	pb_autofree double *x = NULL, *y = NULL;
	int err;

	*row = (struct row){.workload = workload};
	err = pb_store_column(c->desk->store, c->base, workload, "wall_ns", &x, &row->n);
	if (!err)
		err = pb_store_column(c->desk->store, c->now, workload, "wall_ns", &y, &row->m);
	if (err)
		return err;
	err = pb_stats_ratio(&row->ratio, x, row->n, y, row->m, CONFIDENCE, 0, c->seed);
	if (err == -ENODATA) {
		pb_log(PB_LOG_WARN, "%s: %u and %u runs are too few to be compared", workload,
		       row->n, row->m);
		return 0;
	}
	if (!err)
		err = pb_stats_mann_whitney(&c->p[c->n], x, row->n, y, row->m);
	if (err)
		return pb_err(-err, "compare the times of %s", workload);
	row->base_ns = pb_stats_median(x, row->n);
	row->new_ns = pb_stats_median(y, row->m);
	c->n++;
	return 0;
}

static int compare_all(struct comparison *c)
{
	const struct pb_plan *plan = c->desk->plan;
	int err = 0;

	for (uint32_t i = 0; i < plan->n_workloads && !err; i++)
		err = compare_workload(c, plan->workloads[i].name);
	if (err)
		return err;
	pb_stats_holm(c->p, c->n);
	for (uint32_t i = 0; i < c->n; i++)
		c->rows[i].verdict = pb_stats_judge(&c->rows[i].ratio, c->p[i], c->delta, ALPHA);
	return 0;
}

static void print_rows(const struct comparison *c)
{
	char a[64], b[64];

	for (uint32_t i = 0; i < c->n; i++) {
		const struct row *r = &c->rows[i];

		printf("%s: %s: %s to %s, ratio %.4f [%.4f, %.4f], p %.3g, %u and %u runs\n",
		       r->workload, pb_verdict_name(r->verdict),
		       pb_figures_amount(a, sizeof(a), r->base_ns, "ns"),
		       pb_figures_amount(b, sizeof(b), r->new_ns, "ns"), r->ratio.value,
		       r->ratio.low, r->ratio.high, c->p[i], r->n, r->m);
	}
	printf("delta %g %%, p adjusted by Holm, seed %llu\n", c->delta * 100,
	       (unsigned long long)c->seed);
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
	pb_json_uint(&j, "seed", c->seed);
	pb_json_array(&j, "workloads");
	for (uint32_t i = 0; i < c->n; i++) {
		const struct row *r = &c->rows[i];

		pb_json_flat_object(&j, NULL);
		pb_json_string(&j, "workload", r->workload);
		pb_json_string(&j, "verdict", pb_verdict_name(r->verdict));
		pb_json_double(&j, "base_p50_ns", r->base_ns, 0);
		pb_json_double(&j, "new_p50_ns", r->new_ns, 0);
		pb_json_real(&j, "ratio", r->ratio.value);
		pb_json_real(&j, "low", r->ratio.low);
		pb_json_real(&j, "high", r->ratio.high);
		pb_json_double(&j, "p", c->p[i], 17);
		pb_json_uint(&j, "base_runs", r->n);
		pb_json_uint(&j, "new_runs", r->m);
		pb_json_end(&j, '}');
	}
	pb_json_end(&j, ']');
	pb_json_end(&j, '}');
	putchar('\n');
}

static int verdict_of(const struct comparison *c)
{
	bool unsure = !c->n;

	for (uint32_t i = 0; i < c->n; i++) {
		if (c->rows[i].verdict == PB_VERDICT_REGRESSED)
			return PB_BEAD_FINDING;
		unsure = unsure || c->rows[i].verdict == PB_VERDICT_INCONCLUSIVE;
	}
	return unsure ? PB_BEAD_INCONCLUSIVE : PB_BEAD_OK;
}

static int find_saved(const struct pb_desk *desk, const char *name, int64_t *id)
{
	int err = pb_store_baseline(desk->store, name, id);

	if (err == -ENOENT)
		return pb_fail(EINVAL, "no baseline is saved as \"%s\"; bead baseline list", name);
	return err;
}

int pb_bead_compare(const struct pb_bead_args *args)
{
	pb_auto_close_desk struct pb_desk desk = {0};
	pb_autofree struct row *rows = NULL;
	pb_autofree double *p = NULL;
	struct comparison c = {.desk = &desk, .seed = args->seed};
	int err = pb_bead_parse_delta(args->delta, DELTA, &c.delta);

	if (err)
		return err;
	if (!args->words[1])
		return pb_fail(EINVAL, "compare needs the names of two saved baselines");
	err = pb_desk_open(&desk, args);
	if (!err)
		err = find_saved(&desk, args->words[0], &c.base);
	if (!err)
		err = find_saved(&desk, args->words[1], &c.now);
	if (err)
		return err;
	c.rows = rows = calloc(desk.plan->n_workloads, sizeof(*rows));
	c.p = p = calloc(desk.plan->n_workloads, sizeof(*p));
	if (!rows || !p)
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
