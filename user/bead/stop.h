/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* When an audit is at its end: every bead of the plan is done, and no hotspot stands above the threshold. */
#ifndef PB_BEAD_STOP_H
#define PB_BEAD_STOP_H

#include <stdbool.h>
#include <stdint.h>

struct pb_desk;
struct pb_opportunities;

struct pb_stop_condition {
	uint32_t done, total; /* beads */
	uint32_t stand;       /* hotspots above the threshold that nobody accepted */
	uint32_t
		without_lever; /* hotspots as large that nothing speaks for a lever at: they do not keep it open */
	bool holds;
	char sentence[240]; /* without its full stop */
};

/* From where the beads stand and what the profiles say. Return: 0; -errno, logged. */
int pb_desk_stop_condition(const struct pb_desk *desk, struct pb_stop_condition *out);
/* The same where the opportunities are read already. */
int pb_desk_stop_condition_of(const struct pb_desk *desk, const struct pb_opportunities *o,
			      struct pb_stop_condition *out);

#endif
