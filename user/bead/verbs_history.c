/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* history: how a figure of a workload went over all runs, whatever the plan was. */
#include "user/bead/verbs.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "user/bead/figures.h"
#include "user/bead/history.h"
#include "user/bead/store_history.h"
#include "user/core/json.h"
#include "user/core/log.h"
#include "user/core/text.h"

#define FIGURE      "wall_p50_ns"
#define BAR_COLUMNS 12

/* One workload and figure. */
struct series {
	const struct pb_desk *desk;
	const char *workload, *figure;
	struct pb_json *j; /* NULL: text */
	bool bars;
	double most; /* the largest value */
	uint32_t n;
};

/* A gate that failed measured well, and so did one that could not decide; any other bead gave up on the way. */
static bool counts(const struct pb_desk *desk, const struct pb_store_point *point)
{
	uint32_t bead;

	if (!strcmp(point->state, pb_bead_state_name(PB_STATE_DONE)))
		return true;
	bead = pb_plan_bead(desk->plan, point->bead);
	return bead != UINT32_MAX && desk->plan->beads[bead].kind == PB_BEAD_GATE;
}

static int look_at_point(void *ctx, const struct pb_store_point *point)
{
	struct series *s = ctx;

	if (!counts(s->desk, point))
		return 0;
	s->n++;
	if (!point->figure.why && point->figure.value > s->most)
		s->most = point->figure.value;
	return 0;
}

/* @wide: something stands behind it. */
static void print_value(const struct series *s, const struct pb_figure *f, bool wide)
{
	char value[64], low[64], high[64], interval[144] = "", why[256], bar[PB_HISTORY_BAR];

	if (f->why) {
		pb_text_safe(why, sizeof(why), f->why, strlen(f->why));
		printf("  %14s  %s", "-", why);
		return;
	}
	if (!isnan(f->low) && !isnan(f->high))
		snprintf(interval, sizeof(interval), "[%s, %s]",
			 pb_figures_amount(low, sizeof(low), f->low, f->unit),
			 pb_figures_amount(high, sizeof(high), f->high, f->unit));
	printf("  %14s  %-*s", pb_figures_amount(value, sizeof(value), f->value, f->unit),
	       wide || s->bars ? 26 : 0, interval);
	if (s->bars)
		printf("  %s", pb_history_bar(bar, f->value, s->most, BAR_COLUMNS));
}

/* Names in the store are those of plans, which hold nothing that a terminal would obey. */
static int print_point(void *ctx, const struct pb_store_point *point)
{
	struct series *s = ctx;
	bool ended_well = !strcmp(point->state, pb_bead_state_name(PB_STATE_DONE));
	bool same_plan = !strcmp(point->plan_digest, s->desk->plan->digest);

	if (!counts(s->desk, point))
		return 0;
	printf("  %.10s %.8s  %5lld  %-20s", point->time,
	       strlen(point->time) > 11 ? point->time + 11 : "", (long long)point->run,
	       point->bead);
	print_value(s, &point->figure, !ended_well || !same_plan || point->saved);
	if (!ended_well)
		printf("  (%s)", point->state);
	if (!same_plan)
		printf("  (another plan)");
	if (point->saved)
		printf("  %s", point->saved);
	putchar('\n');
	return 0;
}

/* ", " between names, of which none holds a comma. */
static void write_names(struct pb_json *j, const char *names)
{
	pb_json_flat_array(j, "saved");
	while (names && *names) {
		size_t len = strcspn(names, ",");
		pb_autofree char *name = strndup(names, len);

		pb_json_string(j, NULL, name);
		names += len;
		names += strspn(names, ", ");
	}
	pb_json_end(j, ']');
}

static int write_point(void *ctx, const struct pb_store_point *point)
{
	struct series *s = ctx;
	struct pb_json *j = s->j;

	if (!counts(s->desk, point))
		return 0;
	pb_json_flat_object(j, NULL);
	pb_json_string(j, "time", point->time);
	pb_json_int(j, "run", point->run);
	pb_json_string(j, "bead", point->bead);
	pb_json_string(j, "state", point->state);
	pb_json_string(j, "plan_digest", point->plan_digest);
	pb_json_string(j, "unit", point->figure.unit);
	pb_json_double(j, "value", point->figure.value, 3);
	pb_json_double(j, "low", point->figure.low, 3);
	pb_json_double(j, "high", point->figure.high, 3);
	pb_json_string(j, "why", point->figure.why);
	write_names(j, point->saved);
	pb_json_end(j, '}');
	return 0;
}

static int show_series(struct series *s)
{
	struct pb_store *store = s->desk->store;
	int err = pb_store_points(store, s->workload, s->figure, look_at_point, s);

	if (err)
		return err;
	if (!s->j) {
		if (s->n)
			printf("%s %s\n", s->workload, s->figure);
		return pb_store_points(store, s->workload, s->figure, print_point, s);
	}
	pb_json_object(s->j, NULL);
	pb_json_string(s->j, "workload", s->workload);
	pb_json_string(s->j, "figure", s->figure);
	pb_json_array(s->j, "points");
	err = pb_store_points(store, s->workload, s->figure, write_point, s);
	pb_json_end(s->j, ']');
	pb_json_end(s->j, '}');
	return err;
}

/* Names of figures, for who asked for one that is none. */
struct names {
	char text[600];
	const char *wanted;
	bool found;
	uint32_t n;
};

static int add_name(void *ctx, const struct pb_figure *figure)
{
	struct names *names = ctx;
	size_t used = strlen(names->text);

	names->found = names->found || !strcmp(figure->name, names->wanted);
	if (used + strlen(figure->name) + 3 < sizeof(names->text))
		snprintf(names->text + used, sizeof(names->text) - used, "%s%s",
			 names->n++ ? ", " : "", figure->name);
	return 0;
}

static int check_figure(const struct pb_desk *desk, const char *workload, const char *figure)
{
	struct names names = {.wanted = figure};
	int err = pb_store_figure_names(desk->store, workload, add_name, &names);

	if (err || names.found || !names.n)
		return err;
	return pb_fail(EINVAL, "no run has a figure \"%s\" of %s; there are %s", figure, workload,
		       names.text);
}

/* The workloads of the plan, or the one that was asked for. */
static int show(const struct pb_desk *desk, const struct pb_bead_args *args, struct pb_json *j,
		uint32_t *n)
{
	const char *figure = args->words[0] && args->words[1] ? args->words[1] : FIGURE;
	int only = args->words[0] ? pb_desk_find_workload(desk, args->words[0]) : 0, err = 0;

	if (only < 0)
		return only;
	for (uint32_t i = 0; i < desk->plan->n_workloads && !err; i++) {
		struct series s = {.desk = desk,
				   .workload = desk->plan->workloads[i].name,
				   .figure = figure,
				   .j = j,
				   .bars = pb_history_can_draw()};

		if (args->words[0] && (uint32_t)only != i)
			continue;
		err = check_figure(desk, s.workload, figure);
		if (!err)
			err = show_series(&s);
		*n += s.n;
	}
	return err;
}

static int show_json(const struct pb_desk *desk, const struct pb_bead_args *args, uint32_t *n)
{
	pb_autofree char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct pb_json j;
	int err;

	if (!out)
		return pb_err(ENOMEM, "write the history");
	pb_json_init(&j, out, false);
	pb_json_object(&j, NULL);
	pb_json_string(&j, "schema", "bead-history/1");
	pb_json_string(&j, "project", desk->plan->project);
	pb_json_string(&j, "plan_digest", desk->plan->digest);
	pb_json_array(&j, "series");
	err = show(desk, args, &j, n);
	pb_json_end(&j, ']');
	pb_json_end(&j, '}');
	fputc('\n', out);
	if (fclose(out))
		return pb_err(ENOMEM, "write the history");
	/* Half a document is none. */
	if (!err)
		fwrite(text, 1, size, stdout);
	return err;
}

int pb_bead_history(const struct pb_bead_args *args)
{
	pb_auto_close_desk struct pb_desk desk = {0};
	uint32_t n = 0;
	int err = pb_desk_open(&desk, args);

	if (!err)
		err = args->json ? show_json(&desk, args, &n) : show(&desk, args, NULL, &n);
	if (err)
		return err;
	if (!n)
		pb_log(PB_LOG_INFO, "no run has measured it yet; bead run --ready");
	return PB_BEAD_OK;
}
