/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Any bytes as a plan. A plan that is taken keeps its promises: each index is one of something, and beads stand
 * behind what they need. One that is refused is refused with a place and a line that may be printed.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "user/bead/plan.h"
#include "user/core/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_plan(const struct pb_plan *plan)
{
	for (uint32_t i = 0; i < plan->n_workloads; i++) {
		const struct pb_plan_workload *w = &plan->workloads[i];

		if (!w->argv[0][0] || w->directory[0] != '/' || !w->runs || !w->environment ||
		    pb_plan_workload(plan, w->name) != i)
			__builtin_trap();
	}
	for (uint32_t i = 0; i < plan->n_build; i++) {
		if (!plan->build[i].argv[0][0])
			__builtin_trap();
	}
	for (uint32_t i = 0; i < plan->n_beads; i++) {
		const struct pb_plan_bead *bead = &plan->beads[i];

		if (!bead->n_workloads || pb_plan_bead(plan, bead->id) != i ||
		    !pb_bead_kind_name(bead->kind))
			__builtin_trap();
		for (uint32_t j = 0; j < bead->n_needs; j++) {
			if (bead->needs[j] >= i)
				__builtin_trap();
		}
		for (uint32_t j = 0; j < bead->n_workloads; j++) {
			if (bead->workloads[j] >= plan->n_workloads)
				__builtin_trap();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	pb_auto(pb_plan) struct pb_plan *plan = NULL;
	char message[1024] = "", safe[1024];
	int err = pb_plan_parse(&plan, "/p/beads.yaml", (const char *)data, size, message,
				sizeof(message));

	if (!err) {
		check_plan(plan);
		return 0;
	}
	pb_text_safe_line(safe, sizeof(safe), message, strlen(message));
	if (err != -EINVAL || plan || strncmp(message, "beads.yaml:", 11) || strcmp(safe, message))
		__builtin_trap();
	return 0;
}
