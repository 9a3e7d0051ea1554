/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* From the tree of a plan's YAML to values: maps by tables of keys, each value checked where it stands. */
#ifndef PB_BEAD_PLAN_WALK_H
#define PB_BEAD_PLAN_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/bead/plan_yaml.h"

/* What a value may be, and what it is written to. Pointers have to be NULL before; what they get is the target's. */
enum pb_plan_value {
	PB_PLAN_AS_TEXT,     /* char * */
	PB_PLAN_AS_NAME,     /* char *: of a workload or bead, see pb_plan_check_name() */
	PB_PLAN_AS_UINT32,   /* uint32_t */
	PB_PLAN_AS_UINT64,   /* uint64_t */
	PB_PLAN_AS_REAL,     /* double */
	PB_PLAN_AS_DURATION, /* uint64_t in nanoseconds */
	PB_PLAN_AS_CHOICE,   /* an enum: the index of a word */
	PB_PLAN_AS_COMMAND,  /* char **, NULL-terminated */
	PB_PLAN_AS_NODE,     /* const struct pb_plan_node *, borrowed from the tree: read later */
	PB_PLAN_AS_OTHER,    /* by a function */
};

/* Reads @value into what is at the key's offset. Return: 0; -EINVAL with the complaint; -ENOMEM. */
typedef int pb_plan_read_value(struct pb_plan_complaint *complaint,
			       const struct pb_plan_node *value, void *to);

struct pb_plan_key {
	const char *name; /* NULL ends a table */
	enum pb_plan_value as;
	size_t offset;              /* into the target */
	double min, max;            /* UINT32, UINT64, REAL; of a DURATION in seconds */
	const char *const *choices; /* CHOICE, NULL-terminated */
	pb_plan_read_value *read;   /* OTHER */
	bool required;
};

/* .as and .offset of a row: PB_PLAN_KEY(TEXT, struct pb_plan_file, path). */
#define PB_PLAN_KEY(what, type, member) .as = PB_PLAN_AS_##what, .offset = offsetof(type, member)

/**
 * pb_plan_read_map() - fill @target by @keys; what is not given stays as it is.
 * @what: "workload \"parse\"", for complaints
 *
 * Return: 0; -EINVAL with the complaint; -ENOMEM. What was read until then is in the target.
 */
int pb_plan_read_map(struct pb_plan_complaint *complaint, const struct pb_plan_node *map,
		     const char *what, const struct pb_plan_key *keys, void *target);

/**
 * pb_plan_read_list() - an array with an element for each item.
 * @out: set to zeroed elements, also on failure; @n: how many
 */
int pb_plan_read_list(struct pb_plan_complaint *complaint, const struct pb_plan_node *list,
		      const char *what, size_t element, pb_plan_read_value *read, void *out,
		      uint32_t *n);

/* A text that is neither empty nor YAML's null; @what as above. */
int pb_plan_check_text(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
		       const char *what);
/* [a-z0-9][a-z0-9._-]*, at most 64 bytes: it becomes part of file names. */
int pb_plan_check_name(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
		       const char *what);

/* A command: a list of words, or a text that is split at spaces, quoted as in sh. */
int pb_plan_read_command(struct pb_plan_complaint *complaint, const struct pb_plan_node *value,
			 const char *what, char ***out);
/* Frees a NULL-terminated array of texts, and them. NULL is fine. */
void pb_plan_words_free(char **words);

/* The name that was probably meant, out of @n whose addresses lie @stride bytes apart; NULL. */
const char *pb_plan_nearest(const char *word, const void *first_name, size_t stride, uint32_t n);

#endif
