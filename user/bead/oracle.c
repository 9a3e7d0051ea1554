/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/oracle.h"

#include <errno.h>
#include <string.h>

#include "user/bead/compare.h"
#include "user/bead/golden.h"
#include "user/bead/normalize.h"
#include "user/bead/plan.h"
#include "user/bead/runner.h"
#include "user/core/log.h"
#include "user/core/own.h"
#include "user/core/text.h"

/* What one run gave, normalised. */
struct outputs {
	struct pb_golden_output *items;
	enum pb_compare *modes;
	uint32_t n;
};

static void drop_outputs(struct outputs *o)
{
	for (uint32_t i = 0; i < o->n; i++)
		free(o->items[i].text);
	free(o->items);
	free(o->modes);
}

/* Return: 1, with what differs. */
static int differs(struct pb_oracle_difference *d, const char *output, const char *text)
{
	pb_text_safe_line(d->output, sizeof(d->output), output, strlen(output));
	pb_text_safe_line(d->text, sizeof(d->text), text, strlen(text));
	return 1;
}

/* One more output. Return: 0; 1 with the difference; -ENOMEM. */
static int add(struct outputs *o, const struct pb_plan_golden *golden, const char *name,
	       enum pb_compare mode, const char *text, size_t size, struct pb_oracle_difference *d)
{
	struct pb_golden_output *item = &o->items[o->n];
	char why[320] = "";
	int err;

	if (mode == PB_COMPARE_IGNORE)
		return 0;
	err = pb_normalize(&item->text, &item->size, golden, mode, text, size, why, sizeof(why));
	if (err == -EPROTO)
		return differs(d, name, why);
	if (err)
		return err;
	snprintf(item->name, sizeof(item->name), "%s", name);
	pb_sha256_hex(item->digest, item->text, item->size);
	o->modes[o->n++] = mode;
	return 0;
}

static int add_file(struct outputs *o, const struct pb_plan_golden *golden,
		    const struct pb_plan_file *file, const struct pb_run_file *got,
		    struct pb_oracle_difference *d)
{
	char name[sizeof(d->output)], why[256];

	snprintf(name, sizeof(name), "files/%s", file->path);
	switch (got ? got->err : ENOENT) {
	case 0:
		return add(o, golden, name, file->mode, got->text, got->size, d);
	case ENOENT:
		return differs(d, name, "the run made no such file");
	case ESTALE:
		return differs(d, name,
			       "the run did not write it: it is left over from before; let "
			       "\"prepare\" remove it");
	case EXDEV:
	case ELOOP:
		return differs(d, name, "it is a link that leads out of the workload's directory");
	case EINVAL:
		return differs(d, name, "it is no regular file");
	case ENOMEM:
		return -ENOMEM;
	default:
		snprintf(why, sizeof(why), "it cannot be read: %s", strerror(got->err));
		return differs(d, name, why);
	}
}

/* How it ended is the first of its outputs: where that is wrong, nothing else is worth a look. */
static int check_end(const struct pb_plan_golden *golden, const struct pb_run *run,
		     struct pb_oracle_difference *d)
{
	char ending[128], text[256];

	if (run->end == PB_RUN_EXITED && run->status == golden->exit_status)
		return 0;
	snprintf(text, sizeof(text), "it %s, expected to exit with %d",
		 pb_run_ending(run, ending, sizeof(ending)), golden->exit_status);
	return differs(d, "exit", text);
}

/* Return: 0; 1 with the difference; -ENOMEM, logged. */
static int collect(struct outputs *o, const struct pb_plan_workload *w, const struct pb_run *run,
		   struct pb_oracle_difference *d)
{
	static const struct pb_plan_golden no_rules = {0};
	const struct pb_plan_golden *g = &w->golden;
	size_t most = (size_t)g->n_files + 3;
	char text[16];
	int err = check_end(g, run, d);

	*o = (struct outputs){.items = calloc(most, sizeof(*o->items)),
			      .modes = calloc(most, sizeof(*o->modes))};
	if (!o->items || !o->modes)
		return pb_err(ENOMEM, "look at the outputs of workload \"%s\"", w->name);
	snprintf(text, sizeof(text), "%d\n", run->status);
	err = err ?: add(o, &no_rules, "exit", PB_COMPARE_EXACT, text, strlen(text), d);
	err = err ?: add(o, g, "stdout", g->stdout_mode, run->out, run->out_size, d);
	err = err ?: add(o, g, "stderr", g->stderr_mode, run->err, run->err_size, d);
	for (uint32_t i = 0; i < g->n_files && !err; i++)
		err = add_file(o, g, &g->files[i], i < run->n_files ? &run->files[i] : NULL, d);
	return err < 0 ? pb_err(-err, "look at the outputs of workload \"%s\"", w->name) : err;
}

/* The words of a command, as far as they fit. */
static void print_command(char *buf, size_t size, char *const *argv)
{
	size_t len = 0;

	*buf = '\0';
	for (; *argv && len + 2 < size; argv++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? " " : "", *argv);
}

/* Return: 0; 1 with the difference; -EINTR, not logged: one was stopped; -errno, logged. */
static int check_invariants(const struct pb_plan_workload *w, int stop_fd,
			    struct pb_oracle_difference *d)
{
	const struct pb_run_options options = {.stop_fd = stop_fd};

	for (uint32_t i = 0; i < w->golden.n_invariants; i++) {
		char *const *argv = w->golden.invariants[i].argv;
		char name[32], command[128], ending[128], text[sizeof(d->text)];
		struct pb_run run;
		int err = pb_run_command(&run, w, argv, &options);

		if (err)
			return err;
		if (run.end == PB_RUN_EXITED && !run.status) {
			pb_run_drop(&run);
			continue;
		}
		if (run.end == PB_RUN_STOPPED) {
			pb_run_drop(&run);
			return -EINTR;
		}
		snprintf(name, sizeof(name), "invariant %u", i + 1);
		print_command(command, sizeof(command), argv);
		snprintf(text, sizeof(text), "%s: it %s%s%.200s", command,
			 pb_run_ending(&run, ending, sizeof(ending)),
			 run.err_size ? ", and said: " : "", run.err);
		text[strcspn(text, "\n")] = '\0';
		pb_run_drop(&run);
		return differs(d, name, text);
	}
	return 0;
}

/* One output against the store. Return: 0; 1 with the difference; -errno, logged. */
static int check_output(const struct pb_golden *store, const struct pb_plan_workload *w,
			const struct pb_golden_output *got, enum pb_compare mode,
			struct pb_oracle_difference *d)
{
	const char *digest = pb_golden_digest(store, w->name, got->name);
	pb_autofree char *text = NULL;
	struct pb_comparison c = {.mode = mode, .golden = &w->golden};
	char where[sizeof(d->text)];
	size_t size = 0;
	int err;

	if (!digest)
		return differs(d, got->name, "it was not blessed; look at it and bless again");
	if (!strcmp(digest, got->digest))
		return 0;
	err = pb_golden_text(store, w->name, got->name, &text, &size);
	if (err)
		return err;
	c.a = (struct pb_compare_text){text, size};
	c.b = (struct pb_compare_text){got->text, got->size};
	return pb_compare_texts(&c, where, sizeof(where)) ? 0 : differs(d, got->name, where);
}

int pb_oracle_check(const char *store, const struct pb_plan_workload *workload,
		    const struct pb_run *run, int stop_fd, struct pb_oracle_difference *difference)
{
	pb_auto(pb_golden) struct pb_golden *golden = NULL;
	struct outputs outputs = {0};
	int err = pb_golden_open(&golden, store);

	if (err)
		return err;
	if (!pb_golden_has(golden, workload->name))
		return -ENOENT;
	err = collect(&outputs, workload, run, difference);
	for (uint32_t i = 0; i < outputs.n && !err; i++)
		err = check_output(golden, workload, &outputs.items[i], outputs.modes[i],
				   difference);
	drop_outputs(&outputs);
	return err ? err : check_invariants(workload, stop_fd, difference);
}

/* Return: 0; 1 with the difference. Both have the same outputs: those of the plan. */
static int compare_runs(const struct pb_plan_workload *w, const struct outputs *a,
			const struct outputs *b, struct pb_oracle_difference *d)
{
	char where[sizeof(d->text)];

	for (uint32_t i = 0; i < a->n; i++) {
		struct pb_comparison c = {
			.a = {a->items[i].text, a->items[i].size},
			.b = {b->items[i].text, b->items[i].size},
			.mode = a->modes[i],
			.golden = &w->golden,
			.of_two_runs = true,
		};

		if (pb_compare_texts(&c, where, sizeof(where)))
			continue;
		d->of_two_runs = true;
		return differs(d, a->items[i].name, where);
	}
	return 0;
}

int pb_oracle_bless(const char *store, const struct pb_plan_workload *workload,
		    const struct pb_run *first, const struct pb_run *second, int stop_fd,
		    struct pb_oracle_difference *difference)
{
	struct outputs a = {0}, b = {0};
	int err = collect(&a, workload, first, difference);

	err = err ?: collect(&b, workload, second, difference);
	err = err ?: compare_runs(workload, &a, &b, difference);
	err = err ?: check_invariants(workload, stop_fd, difference);
	err = err ?: pb_golden_replace(store, workload->name, a.items, a.n);
	drop_outputs(&a);
	drop_outputs(&b);
	return err;
}
