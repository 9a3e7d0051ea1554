/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The parts of a plan, each read by a file of its own into a plan that pb_plan_free() can free at any moment. */
#ifndef PB_BEAD_PLAN_PARTS_H
#define PB_BEAD_PLAN_PARTS_H

#include "user/bead/plan_walk.h"

struct pb_plan;
struct pb_plan_workload;
struct pb_plan_bead;

/* @node: of "workloads". Return: 0; -EINVAL with the complaint; -ENOMEM. */
int pb_plan_read_workloads(struct pb_plan_complaint *complaint, const struct pb_plan_node *node,
			   struct pb_plan *plan);
void pb_plan_workload_drop(struct pb_plan_workload *workload);

/* @node: of "golden". */
int pb_plan_read_golden(struct pb_plan_complaint *complaint, const struct pb_plan_node *node,
			struct pb_plan_workload *workload);

/* A path that is joined to the workload's directory may not lead out of it. @node: where it stands. */
int pb_plan_check_path(struct pb_plan_complaint *complaint, const struct pb_plan_node *node,
		       const char *path);

/* @node: of "beads"; the workloads have been read. */
int pb_plan_read_beads(struct pb_plan_complaint *complaint, const struct pb_plan_node *node,
		       struct pb_plan *plan);
void pb_plan_bead_drop(struct pb_plan_bead *bead);

#endif
