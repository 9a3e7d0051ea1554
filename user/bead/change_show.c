/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/change_show.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "user/bead/changes.h"
#include "user/core/jsonvalue.h"
#include "user/core/log.h"
#include "user/core/text.h"

/* The JSON of a document in the store; NULL, told: it is broken. */
static json_t *parse(const struct pb_change *change, const char *what, const char *text)
{
	json_error_t error;
	json_t *value = json_loads(text, 0, &error);

	if (!value)
		pb_log(PB_LOG_WARN, "the %s of change %lld cannot be read: %s", what,
		       (long long)change->id, error.text);
	return value;
}

static void write_document(struct pb_json *j, const struct pb_change *change, const char *key,
			   const char *text)
{
	pb_autojson json_t *value = text ? parse(change, key, text) : NULL;

	if (value)
		pb_json_value(j, key, value);
	else
		pb_json_null(j, key);
}

void pb_change_write(struct pb_json *j, const struct pb_change *change)
{
	pb_json_int(j, "id", change->id);
	pb_json_string(j, "title", change->title);
	pb_json_string(j, "state", pb_change_state_name(change->state));
	pb_json_string(j, "workload", change->workload);
	pb_json_string(j, "hotspot", change->spot);
	pb_json_string(j, "hotspot_name", change->spot_name);
	pb_json_string(j, "lever", change->lever);
	pb_json_string(j, "hypothesis", change->hypothesis);
	if (isnan(change->expected_pct))
		pb_json_null(j, "expected_pct");
	else
		pb_json_real(j, "expected_pct", change->expected_pct);
	pb_json_string(j, "base", change->base);
	pb_json_string(j, "opened", change->opened);
	pb_json_string(j, "closed", change->closed);
	pb_json_string(j, "warning", change->warning);
	pb_json_string(j, "why", change->why);
	write_document(j, change, "diff", change->diff);
	write_document(j, change, "proof", change->proof);
	write_document(j, change, "verdict", change->verdict);
	write_document(j, change, "attempts", change->attempts ? change->attempts : "[]");
}

/* "  hypothesis  each item ...", safe to show. */
static void print_line(const char *key, const char *text)
{
	char safe[4096];

	if (!text)
		return;
	pb_text_safe_line(safe, sizeof(safe), text, strlen(text));
	printf("  %-14s %s\n", key, safe);
}

static const char *text_in(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

static long long number_in(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

static void print_flags(const json_t *diff)
{
	const json_t *flags = json_object_get(diff, "flags");

	for (size_t i = 0; i < json_array_size(flags); i++) {
		const json_t *flag = json_array_get(flags, i);
		char said[1024];

		snprintf(said, sizeof(said), "%s: %s", text_in(flag, "flag"),
			 text_in(flag, "text"));
		print_line("FLAG", said);
	}
}

static void print_diff(const json_t *diff)
{
	const json_t *files = json_object_get(diff, "files");
	char said[1024];

	for (size_t i = 0; i < json_array_size(files); i++) {
		const json_t *file = json_array_get(files, i);
		const json_t *functions = json_object_get(file, "functions");
		size_t len = (size_t)snprintf(said, sizeof(said), "%s, +%lld -%lld",
					      text_in(file, "path"), number_in(file, "lines_added"),
					      number_in(file, "lines_removed"));

		for (size_t k = 0; k < json_array_size(functions) && len < sizeof(said); k++)
			len += (size_t)snprintf(said + len, sizeof(said) - len, "%s%s",
						k ? ", " : ": ",
						json_string_value(json_array_get(functions, k)));
		print_line("file", said);
	}
	print_flags(diff);
}

static void print_proof(const json_t *proof)
{
	static const char *const aspects[] = {"ordering", "ties", "floating_point", "seeds"};
	const json_t *workloads = json_object_get(proof, "workloads");
	char said[512];

	print_line("sketch", text_in(proof, "sketch"));
	for (size_t i = 0; i < PB_ARRAY_SIZE(aspects); i++)
		print_line(aspects[i], text_in(json_object_get(proof, aspects[i]), "text"));
	for (size_t i = 0; i < json_array_size(workloads); i++) {
		const json_t *workload = json_array_get(workloads, i);

		snprintf(said, sizeof(said),
			 "%s: %lld of %lld runs gave what was blessed, %zu outputs",
			 text_in(workload, "workload"), number_in(workload, "matched"),
			 number_in(workload, "runs"),
			 json_array_size(json_object_get(workload, "outputs")));
		print_line("golden", said);
	}
	print_line("build", json_string_value(json_object_get(proof, "build")));
	print_line("proven", text_in(proof, "time"));
}

static void print_verdict_of(const char *name, const json_t *of)
{
	const json_t *ratio = json_object_get(of, "ratio");
	char said[512];
	size_t len = (size_t)snprintf(said, sizeof(said), "%s%s%s", name, *name ? ": " : "",
				      text_in(of, "verdict"));

	if (json_is_object(ratio) && len < sizeof(said))
		snprintf(said + len, sizeof(said) - len, ", %.4f of the time before [%.4f, %.4f]",
			 json_number_value(json_object_get(ratio, "value")),
			 json_number_value(json_object_get(ratio, "low")),
			 json_number_value(json_object_get(ratio, "high")));
	print_line("verdict", said);
}

static void print_verdict(const json_t *verdict)
{
	const json_t *workloads = json_object_get(verdict, "workloads");

	if (!json_is_array(workloads)) {
		print_verdict_of("", verdict);
		return;
	}
	for (size_t i = 0; i < json_array_size(workloads); i++)
		print_verdict_of(text_in(json_array_get(workloads, i), "workload"),
				 json_array_get(workloads, i));
}

/* All verdicts, where there is more than the one that counts. */
static void print_attempts(const json_t *attempts)
{
	size_t n = json_array_size(attempts), len;
	char said[512];

	if (n < 2)
		return;
	len = (size_t)snprintf(said, sizeof(said), "%zu:", n);
	for (size_t i = 0; i < n && len < sizeof(said); i++)
		len += (size_t)snprintf(said + len, sizeof(said) - len, "%s %s", i ? "," : "",
					text_in(json_array_get(attempts, i), "verdict"));
	print_line("attempts", said);
}

static void print_document(const struct pb_change *change, const char *what, const char *text,
			   void (*print)(const json_t *value))
{
	pb_autojson json_t *value = text ? parse(change, what, text) : NULL;

	if (value)
		print(value);
}

static int print_head(const struct pb_change *change)
{
	char title[1024];

	pb_text_safe_line(title, sizeof(title), change->title, strlen(change->title));
	printf("%lld %-9s %s/%s %s: %s\n", (long long)change->id,
	       pb_change_state_name(change->state), change->workload, change->spot, change->lever,
	       title);
	return 0;
}

static int print_change(void *ctx, const struct pb_change *change)
{
	char said[256];

	(void)ctx;
	print_head(change);
	print_line("hotspot", change->spot_name);
	print_line("hypothesis", change->hypothesis);
	if (!isnan(change->expected_pct)) {
		snprintf(said, sizeof(said), "%g %% of the workload's time", change->expected_pct);
		print_line("expected", said);
	}
	print_line("base", change->base ? change->base : "not in git");
	print_line("WARNING", change->warning);
	print_document(change, "diff", change->diff, print_diff);
	print_document(change, "proof", change->proof, print_proof);
	print_document(change, "verdict", change->verdict, print_verdict);
	print_document(change, "attempts", change->attempts, print_attempts);
	print_line("why", change->why);
	print_line("opened", change->opened);
	print_line(change->state == PB_CHANGE_ABANDONED ? "abandoned" : "closed", change->closed);
	return 0;
}

static int list_change(void *ctx, const struct pb_change *change)
{
	(void)ctx;
	print_head(change);
	print_line("WARNING", change->warning);
	print_document(change, "diff", change->diff, print_flags);
	print_document(change, "verdict", change->verdict, print_verdict);
	print_document(change, "attempts", change->attempts, print_attempts);
	return 0;
}

static int write_change(void *ctx, const struct pb_change *change)
{
	struct pb_json *j = ctx;

	pb_json_object(j, NULL);
	pb_change_write(j, change);
	pb_json_end(j, '}');
	return 0;
}

static int write_one(void *ctx, const struct pb_change *change)
{
	struct pb_json j;

	(void)ctx;
	pb_json_init(&j, stdout, false);
	pb_json_object(&j, NULL);
	pb_json_string(&j, "schema", "bead-change/1");
	pb_change_write(&j, change);
	pb_json_end(&j, '}');
	putchar('\n');
	return 0;
}

int pb_change_show(struct pb_store *store, int64_t id, bool json)
{
	return pb_store_change(store, id, json ? write_one : print_change, NULL);
}

int pb_change_list(struct pb_store *store, bool json)
{
	struct pb_json j;
	int err;

	if (!json)
		return pb_store_changes(store, list_change, NULL);
	pb_json_init(&j, stdout, false);
	pb_json_object(&j, NULL);
	pb_json_string(&j, "schema", "bead-changes/1");
	pb_json_array(&j, "changes");
	err = pb_store_changes(store, write_change, &j);
	pb_json_end(&j, ']');
	pb_json_end(&j, '}');
	putchar('\n');
	return err;
}
