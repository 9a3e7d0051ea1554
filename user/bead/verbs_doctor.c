/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* doctor: what can be measured here, and how well. Needs neither a plan nor root. */
#include "user/bead/verbs.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "user/bead/doctor.h"
#include "user/bead/figures.h"
#include "user/core/json.h"
#include "user/core/log.h"
#include "user/core/text.h"

/* A plan's text as it is; NULL with errno. */
static char *read_plan(const char *path, size_t *size)
{
	FILE *f = fopen(path, "re");
	char *text = f ? malloc(PB_PLAN_BYTES_MAX + 1) : NULL;

	if (text)
		*size = fread(text, 1, PB_PLAN_BYTES_MAX + 1, f);
	if (text && ferror(f)) {
		free(text);
		text = NULL;
	}
	if (f)
		fclose(f);
	return text;
}

/* The plan, if there is one that can be read; what is to say of it is a check. */
static struct pb_plan *look_for_plan(struct pb_doctor *d, const char *path, bool is_named)
{
	pb_autofree char *absolute = realpath(path, NULL), *text = NULL;
	struct pb_plan *plan = NULL;
	char message[400] = "";
	size_t size = 0;
	int err;

	if (!absolute && errno == ENOENT && !is_named) {
		pb_doctor_add(d, "plan", PB_DOCTOR_OK,
			      "there is none here; bead init writes one for a command");
		return NULL;
	}
	text = absolute ? read_plan(absolute, &size) : NULL;
	if (!text) {
		pb_doctor_add(d, "plan", PB_DOCTOR_CANNOT, "%.300s cannot be read: %s", path,
			      strerror(errno));
		return NULL;
	}
	err = pb_plan_parse(&plan, absolute, text, size, message, sizeof(message));
	if (err) {
		pb_doctor_add(d, "plan", PB_DOCTOR_CANNOT, "%s",
			      message[0] ? message : strerror(-err));
		return NULL;
	}
	pb_doctor_add(d, "plan", PB_DOCTOR_OK, "%.300s: %u workload%s, %u bead%s", path,
		      plan->n_workloads, plan->n_workloads == 1 ? "" : "s", plan->n_beads,
		      plan->n_beads == 1 ? "" : "s");
	return plan;
}

static void print_floor(const char *what, const struct pb_doctor_floor *floor)
{
	if (isnan(floor->all_pct))
		return;
	printf("  %s: +-%.2f %% by 20 pairs, +-%.2f %% by all; a --delta of %.1f%% or more is sound\n",
	       what, floor->first_pct, floor->all_pct, floor->delta_pct);
}

static void print_result(const struct pb_doctor *d, const struct pb_doctor_noise *noise)
{
	char amount[64], text[sizeof(d->checks[0].text)];

	for (uint32_t i = 0; i < d->n; i++) {
		const struct pb_doctor_check *c = &d->checks[i];

		pb_text_safe_line(text, sizeof(text), c->text, strlen(c->text));
		printf("%-7s %-20s %s\n", pb_doctor_state_name(c->state), c->name, text);
	}
	printf("\nNoise floor: %u pairs of a command of %s with itself; others took %.1f %% of a run%s%s\n",
	       noise->pairs, pb_figures_amount(amount, sizeof(amount), noise->run_ns, "ns"),
	       noise->others_took_pct, noise->why[0] ? "; " : "", noise->why);
	print_floor("of one thread, net of waits for a CPU", &noise->net);
	print_floor("of others, by wall time", &noise->wall);
}

static void write_number(struct pb_json *j, const char *key, double value)
{
	if (isnan(value))
		pb_json_null(j, key);
	else
		pb_json_double(j, key, value, 3);
}

static void write_floor(struct pb_json *j, const char *key, const struct pb_doctor_floor *floor)
{
	pb_json_flat_object(j, key);
	write_number(j, "first_pct", floor->first_pct);
	write_number(j, "all_pct", floor->all_pct);
	write_number(j, "delta_pct", floor->delta_pct);
	pb_json_end(j, '}');
}

static void write_result(const struct pb_doctor *d, const struct pb_doctor_noise *noise,
			 bool all_can)
{
	char text[sizeof(d->checks[0].text)];
	struct pb_json j;

	pb_json_init(&j, stdout, false);
	pb_json_object(&j, NULL);
	pb_json_string(&j, "schema", "bead-doctor/1");
	pb_json_bool(&j, "all_can_run", all_can);
	pb_json_array(&j, "checks");
	for (uint32_t i = 0; i < d->n; i++) {
		const struct pb_doctor_check *c = &d->checks[i];

		pb_text_safe_line(text, sizeof(text), c->text, strlen(c->text));
		pb_json_flat_object(&j, NULL);
		pb_json_string(&j, "name", c->name);
		pb_json_string(&j, "state", pb_doctor_state_name(c->state));
		pb_json_string(&j, "text", text);
		pb_json_end(&j, '}');
	}
	pb_json_end(&j, ']');
	pb_json_object(&j, "noise");
	pb_json_uint(&j, "pairs", noise->pairs);
	pb_json_double(&j, "run_p50_ns", noise->run_ns, 0);
	pb_json_double(&j, "others_took_pct", noise->others_took_pct, 1);
	write_floor(&j, "net", &noise->net);
	write_floor(&j, "wall", &noise->wall);
	pb_json_string(&j, "why", noise->why[0] ? noise->why : NULL);
	pb_json_end(&j, '}');
	pb_json_end(&j, '}');
	putchar('\n');
}

static int examine(struct pb_doctor *d, struct pb_doctor_noise *noise,
		   const struct pb_bead_args *args)
{
	pb_auto(pb_plan) struct pb_plan *plan = NULL;
	char directory[PATH_MAX];
	int err;

	snprintf(directory, sizeof(directory), "%s", args->plan);
	pb_doctor_look(d, dirname(directory));
	pb_live("the profilers, over a moment of work");
	err = pb_doctor_try_tools(d, args->stop_fd);
	if (err)
		return err;
	plan = look_for_plan(d, args->plan, strcmp(args->plan, "beads.yaml") != 0);
	if (plan)
		pb_doctor_look_at_plan(d, plan);
	pb_live("how noisy it is, for some seconds");
	return pb_doctor_measure_noise(noise, args->stop_fd);
}

int pb_bead_doctor(const struct pb_bead_args *args)
{
	pb_autofree struct pb_doctor *d = calloc(1, sizeof(*d));
	struct pb_doctor_noise noise = {0};
	bool all_can = true;
	int err;

	if (!d)
		return pb_err(ENOMEM, "look around");
	err = examine(d, &noise, args);
	pb_live(NULL);
	if (err)
		return err == -ECANCELED ? PB_BEAD_INTERRUPTED : err;
	for (uint32_t i = 0; i < d->n; i++)
		all_can &= d->checks[i].state != PB_DOCTOR_CANNOT;
	if (args->json)
		write_result(d, &noise, all_can);
	else
		print_result(d, &noise);
	return all_can ? PB_BEAD_OK : PB_BEAD_CANNOT;
}
