/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The YAML of a plan as a tree, each node with the place it stands at. Of YAML it takes what a plan needs: one
 * document of maps, lists and texts, in UTF-8. Anchors, aliases and tags are refused, so nothing can expand.
 */
#ifndef PB_BEAD_PLAN_YAML_H
#define PB_BEAD_PLAN_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/core/own.h"

enum pb_plan_node_kind {
	PB_PLAN_TEXT,
	PB_PLAN_LIST,
	PB_PLAN_MAP,
};

/* The first mistake that was found, and where. */
struct pb_plan_complaint {
	uint32_t line, column; /* from 1, in characters; 0: none yet */
	char text[512];        /* a sentence without its full stop, safe to print */
};

struct pb_plan_node {
	enum pb_plan_node_kind kind;
	uint32_t line, column;
	char *text;  /* of a text: NUL-terminated, with no NUL inside */
	bool quoted; /* in a way that makes "1" a text and no number */
	struct pb_plan_node
		*items; /* of a list; of a map key, value, key, value; keys are texts, each once */
	uint32_t n_items; /* keys and values each count */
	uint32_t room;
};

/**
 * pb_plan_yaml_read() - a tree from a text.
 *
 * Bounded by PB_PLAN_BYTES_MAX, PB_PLAN_DEPTH_MAX and PB_PLAN_ITEMS_MAX. Return: 0; -EINVAL with the complaint;
 * -ENOMEM.
 */
int pb_plan_yaml_read(struct pb_plan_node **out, const char *text, size_t size,
		      struct pb_plan_complaint *complaint);
void pb_plan_node_free(struct pb_plan_node *node);
PB_DEFINE_FREE(pb_plan_node, pb_plan_node_free);

/* Note the mistake, made safe to print, unless there is one already. Return: -EINVAL. */
int pb_plan_complain(struct pb_plan_complaint *complaint, uint32_t line, uint32_t column,
		     const char *fmt, ...) __attribute__((format(printf, 4, 5)));

#endif
