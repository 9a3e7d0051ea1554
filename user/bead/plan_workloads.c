/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The workloads of a plan. */
#include "user/bead/plan_parts.h"

#include <errno.h>
#include <string.h>

#include "user/bead/plan.h"

#define DAY_S 86400

static int read_command(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
			void *to)
{
	struct pb_plan_workload *workload = to;

	return pb_plan_read_command(complaint, value, "\"command\"", &workload->argv);
}

static int read_prepare(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
			void *to)
{
	struct pb_plan_workload *workload = to;

	return pb_plan_read_command(complaint, value, "\"prepare\"", &workload->prepare);
}

static int read_golden(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
		       void *to)
{
	return pb_plan_read_golden(complaint, value, to);
}

static int read_latencies(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
			  void *to)
{
	static const char *const units[] = {
		[PB_UNIT_NS] = "ns",
		[PB_UNIT_US] = "us",
		[PB_UNIT_MS] = "ms",
		[PB_UNIT_S] = "s",
		NULL,
	};
	static const struct pb_plan_key parts[] = {
		{.name = "file",
		 PB_PLAN_KEY(TEXT, struct pb_plan_latencies, path),
		 .required = true},
		{.name = "unit",
		 PB_PLAN_KEY(CHOICE, struct pb_plan_latencies, unit),
		 .choices = units,
		 .required = true},
		{.name = NULL},
	};
	struct pb_plan_workload *workload = to;
	int err = pb_plan_read_map(complaint, value, "\"latencies\"", parts, &workload->latencies);

	return err ? err : pb_plan_check_path(complaint, value, workload->latencies.path);
}

static bool is_variable(const char *name)
{
	const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	const char *all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

	return *name && strchr(letters, *name) && !name[strspn(name, all)];
}

/* NAME: value pairs, behind each other as NAME=value. */
static int read_environment(struct pb_plan_complaint *complaint, const struct pb_plan_node *map,
			    void *to)
{
	struct pb_plan_workload *workload = to;

	if (map->kind != PB_PLAN_MAP)
		return pb_plan_complain(complaint, map->line, map->column,
					"\"environment\" has to be a map of names and values");
	workload->environment = calloc(map->n_items / 2 + 1, sizeof(char *));
	if (!workload->environment)
		return -ENOMEM;
	for (uint32_t i = 0; i < map->n_items; i += 2) {
		const struct pb_plan_node *name = &map->items[i], *value = &map->items[i + 1];

		if (!is_variable(name->text))
			return pb_plan_complain(complaint, name->line, name->column,
						"\"%s\" is no name of a variable", name->text);
		if (value->kind != PB_PLAN_TEXT)
			return pb_plan_complain(complaint, value->line, value->column,
						"the variable %s has to be a text", name->text);
		if (asprintf(&workload->environment[i / 2], "%s=%s", name->text, value->text) < 0) {
			workload->environment[i / 2] = NULL;
			return -ENOMEM;
		}
	}
	return 0;
}

static const struct pb_plan_key keys[] = {
	{.name = "command", .as = PB_PLAN_AS_OTHER, .read = read_command, .required = true},
	{.name = "directory", PB_PLAN_KEY(TEXT, struct pb_plan_workload, directory)},
	{.name = "environment", .as = PB_PLAN_AS_OTHER, .read = read_environment},
	{.name = "stdin", PB_PLAN_KEY(TEXT, struct pb_plan_workload, stdin_path)},
	{.name = "warmup",
	 PB_PLAN_KEY(UINT32, struct pb_plan_workload, warmup),
	 .min = 0,
	 .max = 1000},
	{.name = "runs",
	 PB_PLAN_KEY(UINT32, struct pb_plan_workload, runs),
	 .min = 1,
	 .max = 10000},
	{.name = "timeout",
	 PB_PLAN_KEY(DURATION, struct pb_plan_workload, timeout_ns),
	 .min = 0.001,
	 .max = DAY_S},
	{.name = "prepare", .as = PB_PLAN_AS_OTHER, .read = read_prepare},
	{.name = "operations",
	 PB_PLAN_KEY(UINT64, struct pb_plan_workload, operations),
	 .min = 1,
	 .max = 1e15},
	{.name = "latencies", .as = PB_PLAN_AS_OTHER, .read = read_latencies},
	{.name = "golden", .as = PB_PLAN_AS_OTHER, .read = read_golden},
	{.name = NULL},
};

/* *path, which may be NULL, as an absolute one. */
static int make_absolute(char **path, const char *directory)
{
	char *joined;

	if (*path && **path == '/')
		return 0;
	if (!*path || !strcmp(*path, "."))
		joined = strdup(directory);
	else if (asprintf(&joined, "%s/%s", directory, *path) < 0)
		joined = NULL;
	if (!joined)
		return -ENOMEM;
	free(*path);
	*path = joined;
	return 0;
}

static int read_workload(struct pb_plan_complaint *complaint, const struct pb_plan_node *name,
			 struct pb_plan_workload *w, const char *plan_directory)
{
	char what[128];
	int err;

	*w = (struct pb_plan_workload){
		.warmup = PB_PLAN_WARMUP,
		.runs = PB_PLAN_RUNS,
		.timeout_ns = PB_PLAN_TIMEOUT_S * 1000000000ull,
		.golden = {.stdout_mode = PB_COMPARE_EXACT, .stderr_mode = PB_COMPARE_IGNORE},
		.line = name->line,
	};
	err = pb_plan_check_name(complaint, name, "the name of a workload");
	if (err)
		return err;
	w->name = strdup(name->text);
	if (!w->name)
		return -ENOMEM;
	snprintf(what, sizeof(what), "workload \"%s\"", w->name);
	/* The value stands behind its key. */
	err = pb_plan_read_map(complaint, name + 1, what, keys, w);
	if (!err)
		err = make_absolute(&w->directory, plan_directory);
	if (!err && w->stdin_path)
		err = make_absolute(&w->stdin_path, w->directory);
	if (!err && !w->environment) {
		w->environment = calloc(1, sizeof(char *));
		err = w->environment ? 0 : -ENOMEM;
	}
	return err;
}

int pb_plan_read_workloads(struct pb_plan_complaint *complaint, const struct pb_plan_node *node,
			   struct pb_plan *plan)
{
	int err = 0;

	if (node->kind != PB_PLAN_MAP || !node->n_items)
		return pb_plan_complain(complaint, node->line, node->column,
					"\"workloads\" has to be a map of at least one workload");
	plan->workloads = calloc(node->n_items / 2, sizeof(*plan->workloads));
	if (!plan->workloads)
		return -ENOMEM;
	plan->n_workloads = node->n_items / 2;
	for (uint32_t i = 0; i < plan->n_workloads && !err; i++)
		err = read_workload(complaint, &node->items[(size_t)2 * i], &plan->workloads[i],
				    plan->directory);
	return err;
}

static void drop_golden(struct pb_plan_golden *g)
{
	for (uint32_t i = 0; i < g->n_files && g->files; i++)
		free(g->files[i].path);
	for (uint32_t i = 0; i < g->n_rules && g->rules; i++) {
		free(g->rules[i].match);
		free(g->rules[i].replace);
	}
	for (uint32_t i = 0; i < g->n_invariants && g->invariants; i++)
		pb_plan_words_free(g->invariants[i].argv);
	free(g->files);
	free(g->rules);
	free(g->invariants);
}

void pb_plan_workload_drop(struct pb_plan_workload *w)
{
	free(w->name);
	pb_plan_words_free(w->argv);
	free(w->directory);
	pb_plan_words_free(w->environment);
	free(w->stdin_path);
	pb_plan_words_free(w->prepare);
	free(w->latencies.path);
	drop_golden(&w->golden);
}
