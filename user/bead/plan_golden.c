/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a plan says about the outputs of a workload: "golden". */
#include "user/bead/plan_parts.h"

#include <errno.h>
#include <regex.h>
#include <string.h>

#include "user/bead/plan.h"

static const char *const modes[] = {
	[PB_COMPARE_EXACT] = "exact", [PB_COMPARE_JSON] = "json",     [PB_COMPARE_SET] = "set",
	[PB_COMPARE_FLOAT] = "float", [PB_COMPARE_IGNORE] = "ignore", NULL,
};

/* It is joined to a directory in the store as well, and becomes a line of SHA256SUMS. */
int pb_plan_check_path(struct pb_plan_complaint *complaint, const struct pb_plan_node *node,
		       const char *path)
{
	const char *why = NULL, *part = path;

	if (*path == '/')
		why = "begins with \"/\"; it has to be below the workload's directory";
	else if (strlen(path) >= PB_PLAN_PATH_MAX)
		why = "is too long";
	for (const char *p = path; *p; p++) {
		if ((uint8_t)*p < ' ' || *p == 0x7f || *p == '\\')
			why = "holds a control character or a backslash";
	}
	while (!why) {
		size_t len = strcspn(part, "/");

		if (!len || (len == 1 && part[0] == '.') ||
		    (len == 2 && part[0] == '.' && part[1] == '.'))
			why = "has a part that is empty, \".\" or \"..\"";
		if (!part[len])
			break;
		part += len + 1;
	}
	if (!why)
		return 0;
	return pb_plan_complain(complaint, node->line, node->column, "the file \"%s\" %s", path,
				why);
}

static int read_file(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
		     void *to)
{
	static const struct pb_plan_key keys[] = {
		{.name = "path", PB_PLAN_KEY(TEXT, struct pb_plan_file, path), .required = true},
		{.name = "mode", PB_PLAN_KEY(CHOICE, struct pb_plan_file, mode), .choices = modes},
		{.name = NULL},
	};
	struct pb_plan_file *file = to;
	int err;

	if (value->kind == PB_PLAN_TEXT) {
		err = pb_plan_check_text(complaint, value, "a file of \"files\"");
		if (err)
			return err;
		file->path = strdup(value->text);
		if (!file->path)
			return -ENOMEM;
	} else {
		err = pb_plan_read_map(complaint, value, "a file of \"files\"", keys, file);
		if (err)
			return err;
	}
	return pb_plan_check_path(complaint, value, file->path);
}

static int read_files(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
		      void *to)
{
	struct pb_plan_golden *golden = to;
	int err = pb_plan_read_list(complaint, value, "\"files\"", sizeof(*golden->files),
				    read_file, &golden->files, &golden->n_files);

	for (uint32_t i = 0; i < golden->n_files && !err; i++) {
		for (uint32_t j = 0; j < i && !err; j++) {
			if (!strcmp(golden->files[i].path, golden->files[j].path))
				err = pb_plan_complain(
					complaint, value->items[i].line, value->items[i].column,
					"the file \"%s\" stands here twice", golden->files[i].path);
		}
	}
	return err;
}

/* @replace may name what @groups parentheses of the expression matched. */
static int check_replacement(struct pb_plan_complaint *complaint, const struct pb_plan_node *node,
			     const char *replace, size_t groups)
{
	for (const char *p = strchr(replace, '\\'); p; p = strchr(p, '\\')) {
		if (p[1] != '\\' && (p[1] < '1' || p[1] > '9'))
			return pb_plan_complain(complaint, node->line, node->column,
						"the replacement \"%s\" holds a backslash that is "
						"neither \\1 to \\9 nor \\\\",
						replace);
		if (p[1] != '\\' && (size_t)(p[1] - '0') > groups)
			return pb_plan_complain(complaint, node->line, node->column,
						"the replacement \"%s\" names group \\%c, and the "
						"expression has %zu",
						replace, p[1], groups);
		p += 2;
	}
	return 0;
}

static int read_rule(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
		     void *to)
{
	static const struct pb_plan_key keys[] = {
		{.name = "match", .as = PB_PLAN_AS_NODE, .required = true},
		{.name = "replace",
		 .as = PB_PLAN_AS_NODE,
		 .offset = sizeof(void *),
		 .required = true},
		{.name = NULL},
	};
	const struct pb_plan_node *nodes[2];
	struct pb_plan_rule *rule = to;
	char why[128];
	regex_t regex;
	size_t groups;
	int err = pb_plan_read_map(complaint, value, "a rule of \"normalize\"", keys, nodes);

	if (!err)
		err = pb_plan_check_text(complaint, nodes[0], "\"match\"");
	if (!err && nodes[1]->kind != PB_PLAN_TEXT)
		err = pb_plan_check_text(complaint, nodes[1], "\"replace\"");
	if (err)
		return err;
	rule->match = strdup(nodes[0]->text);
	rule->replace = strdup(nodes[1]->text);
	if (!rule->match || !rule->replace)
		return -ENOMEM;
	if (!rule->match[0])
		return pb_plan_complain(complaint, nodes[0]->line, nodes[0]->column,
					"\"match\" is empty, which is everywhere");
	if (strlen(rule->match) > PB_PLAN_REGEX_MAX)
		return pb_plan_complain(complaint, nodes[0]->line, nodes[0]->column,
					"\"match\" is longer than %d bytes", PB_PLAN_REGEX_MAX);
	err = regcomp(&regex, rule->match, REG_EXTENDED);
	if (err) {
		regerror(err, &regex, why, sizeof(why));
		return pb_plan_complain(complaint, nodes[0]->line, nodes[0]->column,
					"\"%s\" is no extended regular expression: %s", rule->match,
					why);
	}
	groups = regex.re_nsub;
	regfree(&regex);
	return check_replacement(complaint, nodes[1], rule->replace, groups);
}

static int read_rules(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
		      void *to)
{
	struct pb_plan_golden *golden = to;

	return pb_plan_read_list(complaint, value, "\"normalize\"", sizeof(*golden->rules),
				 read_rule, &golden->rules, &golden->n_rules);
}

static int read_tolerance(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
			  void *to)
{
	static const struct pb_plan_key keys[] = {
		{.name = "absolute",
		 PB_PLAN_KEY(REAL, struct pb_plan_golden, absolute),
		 .min = 0,
		 .max = 1e300},
		{.name = "relative",
		 PB_PLAN_KEY(REAL, struct pb_plan_golden, relative),
		 .min = 0,
		 .max = 1},
		{.name = NULL},
	};
	struct pb_plan_golden *golden = to;

	golden->has_tolerance = true;
	return pb_plan_read_map(complaint, value, "\"tolerance\"", keys, golden);
}

static int read_invariant(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
			  void *to)
{
	struct pb_plan_command *command = to;

	return pb_plan_read_command(complaint, value, "an invariant", &command->argv);
}

static int read_invariants(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
			   void *to)
{
	struct pb_plan_golden *golden = to;

	return pb_plan_read_list(complaint, value, "\"invariants\"", sizeof(*golden->invariants),
				 read_invariant, &golden->invariants, &golden->n_invariants);
}

/* Tolerance and numbers that are compared with one come together. */
static int check_tolerance(struct pb_plan_complaint *complaint, const struct pb_plan_node *node,
			   const struct pb_plan_golden *golden)
{
	bool wanted =
		golden->stdout_mode == PB_COMPARE_FLOAT || golden->stderr_mode == PB_COMPARE_FLOAT;

	for (uint32_t i = 0; i < golden->n_files; i++)
		wanted |= golden->files[i].mode == PB_COMPARE_FLOAT;
	if (wanted == golden->has_tolerance)
		return 0;
	return pb_plan_complain(complaint, node->line, node->column, "%s",
				wanted ? "the mode float needs a \"tolerance\" that says how far "
					 "numbers may be apart"
				       : "there is a \"tolerance\", and nothing is compared in the "
					 "mode float");
}

int pb_plan_read_golden(struct pb_plan_complaint *complaint, const struct pb_plan_node *node,
			struct pb_plan_workload *workload)
{
	static const struct pb_plan_key keys[] = {
		{.name = "stdout",
		 PB_PLAN_KEY(CHOICE, struct pb_plan_golden, stdout_mode),
		 .choices = modes},
		{.name = "stderr",
		 PB_PLAN_KEY(CHOICE, struct pb_plan_golden, stderr_mode),
		 .choices = modes},
		{.name = "exit",
		 PB_PLAN_KEY(UINT32, struct pb_plan_golden, exit_status),
		 .min = 0,
		 .max = 255},
		{.name = "files", .as = PB_PLAN_AS_OTHER, .read = read_files},
		{.name = "normalize", .as = PB_PLAN_AS_OTHER, .read = read_rules},
		{.name = "tolerance", .as = PB_PLAN_AS_OTHER, .read = read_tolerance},
		{.name = "invariants", .as = PB_PLAN_AS_OTHER, .read = read_invariants},
		{.name = NULL},
	};
	int err = pb_plan_read_map(complaint, node, "\"golden\"", keys, &workload->golden);

	return err ? err : check_tolerance(complaint, node, &workload->golden);
}
