/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "user/bead/plan_parts.h"
#include "user/bead/sha256.h"
#include "user/core/log.h"

/* The whole of a plan, before its parts are read. */
struct draft {
	uint32_t version;
	const struct pb_plan_node *limits, *build, *workloads, *beads;
	char *project;
};

static int read_limits(struct pb_plan_complaint *complaint, const struct pb_plan_node *node,
		       struct pb_plan *plan)
{
	static const struct pb_plan_key keys[] = {
		{.name = "hotspot_pct",
		 PB_PLAN_KEY(REAL, struct pb_plan, hotspot_pct),
		 .min = 0,
		 .max = 100},
		{.name = "min_complete_pct",
		 PB_PLAN_KEY(REAL, struct pb_plan, min_complete_pct),
		 .min = 0,
		 .max = 100},
		{.name = "max_overhead_pct",
		 PB_PLAN_KEY(REAL, struct pb_plan, max_overhead_pct),
		 .min = 0,
		 .max = 10000},
		{.name = "score", PB_PLAN_KEY(REAL, struct pb_plan, score), .min = 0, .max = 25},
		{.name = NULL},
	};

	return pb_plan_read_map(complaint, node, "\"limits\"", keys, plan);
}

static int read_step(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
		     void *to)
{
	struct pb_plan_command *step = to;

	return pb_plan_read_command(complaint, value, "a command of \"build\"", &step->argv);
}

/* A list that holds a list is one of commands; any other is one command's words. */
static int read_build(struct pb_plan_complaint *complaint, const struct pb_plan_node *node,
		      struct pb_plan *plan)
{
	bool has_list = false;

	for (uint32_t i = 0; node->kind == PB_PLAN_LIST && i < node->n_items; i++)
		has_list = has_list || node->items[i].kind == PB_PLAN_LIST;
	if (has_list)
		return pb_plan_read_list(complaint, node, "\"build\"", sizeof(*plan->build),
					 read_step, &plan->build, &plan->n_build);
	plan->build = calloc(1, sizeof(*plan->build));
	if (!plan->build)
		return -ENOMEM;
	plan->n_build = 1;
	return pb_plan_read_command(complaint, node, "\"build\"", &plan->build->argv);
}

static int read_root(struct pb_plan_complaint *complaint, const struct pb_plan_node *root,
		     struct pb_plan *plan)
{
	static const struct pb_plan_key keys[] = {
		{.name = "version",
		 PB_PLAN_KEY(UINT32, struct draft, version),
		 .min = 1,
		 .max = 1,
		 .required = true},
		{.name = "project", PB_PLAN_KEY(NAME, struct draft, project), .required = true},
		{.name = "limits", PB_PLAN_KEY(NODE, struct draft, limits)},
		{.name = "build", PB_PLAN_KEY(NODE, struct draft, build)},
		{.name = "workloads", PB_PLAN_KEY(NODE, struct draft, workloads), .required = true},
		{.name = "beads", PB_PLAN_KEY(NODE, struct draft, beads), .required = true},
		{.name = NULL},
	};
	struct draft draft = {0};
	int err = pb_plan_read_map(complaint, root, "the plan", keys, &draft);

	plan->project = draft.project;
	if (!err && draft.limits)
		err = read_limits(complaint, draft.limits, plan);
	if (!err && draft.build)
		err = read_build(complaint, draft.build, plan);
	if (!err)
		err = pb_plan_read_workloads(complaint, draft.workloads, plan);
	if (!err)
		err = pb_plan_read_beads(complaint, draft.beads, plan);
	return err;
}

static int set_paths(struct pb_plan *plan, const char *path)
{
	const char *slash = strrchr(path, '/');

	plan->path = strdup(path);
	plan->directory =
		slash && slash > path ? strndup(path, (size_t)(slash - path)) : strdup("/");
	return plan->path && plan->directory ? 0 : -ENOMEM;
}

int pb_plan_parse(struct pb_plan **out, const char *path, const char *text, size_t size,
		  char *message, size_t message_size)
{
	pb_auto(pb_plan) struct pb_plan *plan = calloc(1, sizeof(*plan));
	pb_auto(pb_plan_node) struct pb_plan_node *root = NULL;
	struct pb_plan_complaint complaint = {0};
	const char *slash = strrchr(path, '/');
	int err;

	if (plan) {
		plan->hotspot_pct = 5;
		plan->min_complete_pct = 90;
		plan->max_overhead_pct = 20;
		plan->score = 2;
		pb_sha256_hex(plan->digest, text, size);
	}
	err = plan ? set_paths(plan, path) : -ENOMEM;
	if (!err)
		err = pb_plan_yaml_read(&root, text, size, &complaint);
	if (!err)
		err = read_root(&complaint, root, plan);
	if (err) {
		if (complaint.line)
			snprintf(message, message_size, "%s:%u:%u: %s", slash ? slash + 1 : path,
				 complaint.line, complaint.column, complaint.text);
		else
			snprintf(message, message_size, "%s: %s", path, strerror(-err));
		return err;
	}
	*out = pb_take(plan);
	return 0;
}

/* Where a plan is, with its directory's links followed, but not one that it is itself. */
static char *absolute_path(const char *path)
{
	pb_autofree char *directory = NULL, *real = NULL;
	const char *slash = strrchr(path, '/');
	char *joined;

	directory = !slash ? strdup(".") : strndup(path, (size_t)(slash - path) + 1);
	real = directory ? realpath(directory, NULL) : NULL;
	if (!real || asprintf(&joined, "%s/%s", real[1] ? real : "", slash ? slash + 1 : path) < 0)
		return NULL;
	return joined;
}

/* A regular file of bounded size; NUL-terminated. */
static int read_text(const char *path, char **out, size_t *size)
{
	pb_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	pb_autofree char *text = NULL;
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return pb_err(errno, "open the plan %s", path);
	if (fstat(fd, &st))
		return pb_err(errno, "read the plan %s", path);
	if (!S_ISREG(st.st_mode))
		return pb_fail(EINVAL, "the plan %s is no regular file", path);
	text = malloc(PB_PLAN_BYTES_MAX + 2);
	if (!text)
		return pb_err(ENOMEM, "read the plan %s", path);
	for (*size = 0; *size <= PB_PLAN_BYTES_MAX; *size += (size_t)n) {
		n = read(fd, text + *size, PB_PLAN_BYTES_MAX + 1 - *size);
		if (n < 0)
			return pb_err(errno, "read the plan %s", path);
		if (!n)
			break;
	}
	text[*size] = '\0';
	*out = pb_take(text);
	return 0;
}

int pb_plan_read(struct pb_plan **out, const char *path)
{
	pb_autofree char *text = NULL, *absolute = NULL;
	char message[PATH_MAX + 600];
	size_t size = 0;
	int err = read_text(path, &text, &size);

	if (err)
		return err;
	absolute = absolute_path(path);
	if (!absolute)
		return pb_err(errno, "find the directory of the plan %s", path);
	err = pb_plan_parse(out, absolute, text, size, message, sizeof(message));
	return err ? pb_fail(-err, "%s", message) : 0;
}

void pb_plan_free(struct pb_plan *plan)
{
	if (!plan)
		return;
	for (uint32_t i = 0; i < plan->n_workloads; i++)
		pb_plan_workload_drop(&plan->workloads[i]);
	for (uint32_t i = 0; i < plan->n_beads; i++)
		pb_plan_bead_drop(&plan->beads[i]);
	for (uint32_t i = 0; i < plan->n_build && plan->build; i++)
		pb_plan_words_free(plan->build[i].argv);
	free(plan->build);
	free(plan->workloads);
	free(plan->beads);
	free(plan->path);
	free(plan->directory);
	free(plan->project);
	free(plan);
}

const char *pb_plan_relative(const struct pb_plan *plan, const char *path)
{
	size_t len = strlen(plan->directory);

	return !strncmp(path, plan->directory, len) && path[len] == '/' ? path + len + 1 : path;
}

uint32_t pb_plan_workload(const struct pb_plan *plan, const char *name)
{
	for (uint32_t i = 0; i < plan->n_workloads; i++) {
		if (!strcmp(plan->workloads[i].name, name))
			return i;
	}
	return UINT32_MAX;
}

uint32_t pb_plan_bead(const struct pb_plan *plan, const char *id)
{
	for (uint32_t i = 0; i < plan->n_beads; i++) {
		if (!strcmp(plan->beads[i].id, id))
			return i;
	}
	return UINT32_MAX;
}
