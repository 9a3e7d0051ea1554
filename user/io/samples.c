/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/samples.h"

#include <errno.h>
#include <stdio.h>

#include "user/core/profile.h"
#include "user/core/stacks.h"
#include "user/io/names.h"

void pb_io_place(struct pb_io_line *lines, uint32_t n, const struct pb_stacks *stacks)
{
	struct pb_stack_total total;
	uint32_t i, id;

	for (i = 0; i < n; i++) {
		/* Nobody's stack is empty, and no process'. */
		id = lines[i].group.stack.tgid ? pb_stacks_find(stacks, &lines[i].group.stack)
					       : PB_NONE;
		if (id == PB_NONE)
			continue;
		pb_stacks_total(stacks, id, &total);
		lines[i].node = total.node;
		lines[i].process = total.process;
	}
}

static uint32_t under(struct pb_profile *p, uint32_t node, const char *name)
{
	return pb_profile_node(p, node, pb_profile_marker(p, name));
}

/* Where a line's sample stands. */
static uint32_t leaf_of(struct pb_profile *p, const struct pb_io_line *line,
			struct pb_io_names *names)
{
	const struct pb_io_leaf *leaf = &line->group.leaf;
	uint32_t node = line->node == PB_NONE ? 0 : line->node;
	const char *file = pb_io_names_file(names, leaf);
	char name[64];

	if (*file)
		node = under(p, node, file);
	if (leaf->disk) {
		snprintf(name, sizeof(name), "%s %s", pb_io_names_disk(names, leaf->disk),
			 pb_io_op_name(leaf->op));
		node = under(p, node, name);
	} else if (!node) {
		node = under(p, node, pb_io_op_name(leaf->op));
	}
	return node;
}

int pb_io_samples(struct pb_profile *profile, const struct pb_io_line *lines, uint32_t n,
		  struct pb_io_names *names)
{
	const struct pb_io_group *g;
	uint32_t i;

	for (i = 0; i < n; i++) {
		uint64_t values[PB_VALUES_MAX] = {0};

		g = &lines[i].group;
		if (g->leaf.disk) {
			values[PB_IO_VALUE_OPS] = g->ops;
			values[PB_IO_VALUE_BYTES] = g->bytes;
			values[PB_IO_VALUE_TIME] = g->time_ns;
			values[PB_IO_VALUE_QUEUE] = g->queue_ns;
		} else {
			values[PB_IO_VALUE_CALLS] = g->ops;
			values[PB_IO_VALUE_CALL_BYTES] = g->bytes;
			values[PB_IO_VALUE_CALL_TIME] = g->time_ns;
			values[PB_IO_VALUE_CALL_WAIT] = g->queue_ns;
			values[PB_IO_VALUE_CALL_BLOCKED] = g->blocked_ns;
		}
		pb_profile_add(profile, leaf_of(profile, &lines[i], names), lines[i].process,
			       values);
	}
	return pb_profile_error(profile);
}
