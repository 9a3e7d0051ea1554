/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/stop.h"

#include <stdio.h>

#include "user/bead/opportunity.h"
#include "user/bead/verbs.h"

static void tell_hotspots(char *buf, size_t size, const struct pb_stop_condition *s,
			  double hotspot_pct)
{
	const char *so_far = s->done < s->total ? " so far" : "";

	if (!s->stand && s->without_lever)
		snprintf(
			buf, size,
			"no hotspot with a lever stands above the threshold%s; %u that take%s %g %% "
			"or more %s none",
			so_far, s->without_lever, s->without_lever == 1 ? "s" : "", hotspot_pct,
			s->without_lever == 1 ? "has" : "have");
	else if (!s->stand)
		snprintf(buf, size, "no hotspot stands above the threshold%s", so_far);
	else
		snprintf(buf, size, "%u hotspot%s above the threshold", s->stand,
			 s->stand == 1 ? " stands" : "s stand");
}

static void tell(struct pb_stop_condition *s, double hotspot_pct)
{
	char hotspots[160];

	tell_hotspots(hotspots, sizeof(hotspots), s, hotspot_pct);
	if (s->done == s->total)
		snprintf(s->sentence, sizeof(s->sentence), "all %u beads are done, and %s",
			 s->total, hotspots);
	else
		snprintf(s->sentence, sizeof(s->sentence), "%u of %u beads %s done, and %s",
			 s->done, s->total, s->done == 1 ? "is" : "are", hotspots);
}

int pb_desk_stop_condition_of(const struct pb_desk *desk, const struct pb_opportunities *o,
			      struct pb_stop_condition *out)
{
	struct pb_bead_standing standing;
	int err;

	*out = (struct pb_stop_condition){.total = desk->plan->n_beads,
					  .stand = o->n_stand,
					  .without_lever = o->n_without_lever};
	for (uint32_t i = 0; i < out->total; i++) {
		err = pb_desk_standing(desk, i, &standing);
		if (err)
			return err;
		out->done += standing.state == PB_STATE_DONE;
	}
	out->holds = out->done == out->total && !out->stand;
	tell(out, desk->plan->hotspot_pct);
	return 0;
}

int pb_desk_stop_condition(const struct pb_desk *desk, struct pb_stop_condition *out)
{
	pb_auto(pb_opportunities) struct pb_opportunities *o = NULL;
	int err = pb_opportunities_read(&o, desk->store, desk->plan);

	return err ? err : pb_desk_stop_condition_of(desk, o, out);
}
