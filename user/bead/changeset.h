/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What a change is in files: the working tree as it is, against the commit that the change began with. What bead itself
 * writes and what the plan declares as outputs is no part of it; files that git does not know yet are, unless it ignores
 * them.
 */
#ifndef PB_BEAD_CHANGESET_H
#define PB_BEAD_CHANGESET_H

#include <stdbool.h>

#include "user/bead/gitdiff.h"

struct pb_change;
struct pb_git;
struct pb_json;
struct pb_plan;
struct pb_store;

/* What is odd about a change. Each is told, none forbids. */
enum pb_oddity {
	PB_ODD_EMPTY,     /* nothing is changed */
	PB_ODD_UNRELATED, /* a file in which no function of the hotspot occurs */
	PB_ODD_SEVERAL,   /* functions of more than one hotspot are touched */
	PB_ODD_GOLDEN,    /* what is right was blessed anew since the change began */
	PB_ODD_PLAN,      /* the plan, which says what is compared */
	PB_ODD_NO_GIT,    /* nothing is known of the files */
};
/* "empty", "unrelated", "several-hotspots", "golden", "plan", "no-git". */
const char *pb_oddity_name(enum pb_oddity oddity);

struct pb_changeset_flag {
	enum pb_oddity oddity;
	char *file; /* NULL: of the whole */
	char *text; /* a sentence without its full stop */
};

struct pb_changeset {
	char *base; /* commit; NULL: not in git */
	struct pb_gitdiff diff;
	/* Of all files that differ, by what they are and not by whether they are committed; "" where base is NULL. */
	char digest[PB_SHA256_HEX];
	bool golden_differs; /* by git; whoever knows better sets it before it is judged */
	struct pb_changeset_flag *flags;
	uint32_t n_flags, room;
};

void pb_changeset_drop(struct pb_changeset *c);
#define pb_auto_changeset __attribute__((cleanup(pb_changeset_drop)))

/**
 * pb_changeset_read() - how the working tree differs from a commit.
 * @c: to be dropped, also after a failure
 * @git: NULL: not in git; then @base does not count
 *
 * Return: 0; -ECANCELED: stopped; -errno, logged.
 */
int pb_changeset_read(struct pb_changeset *c, const struct pb_git *git, const char *base,
		      const struct pb_plan *plan);

/* A file of those that git knows that is not as it is committed, to be freed; NULL: none. Outputs do not count. Return: 0;
 * -ECANCELED; -errno, logged. */
int pb_changeset_dirty(const struct pb_git *git, const struct pb_plan *plan, char **file);

/**
 * pb_changeset_judge() - note what is odd, from what the last profiles under @plan found.
 *
 * Functions are compared by their last name, without arguments, namespaces and the suffixes of a compiler.
 * Return: 0; -ECANCELED; -errno, logged.
 */
int pb_changeset_judge(struct pb_changeset *c, const struct pb_git *git, const struct pb_plan *plan,
		       struct pb_store *store, const struct pb_change *change);
/* Note one. @file: NULL: of the whole. Return: 0; -errno, logged. */
int pb_changeset_flag(struct pb_changeset *c, enum pb_oddity oddity, const char *file,
		      const char *text);

/* The document bead-diff/1, compact, to be freed. NULL: no memory. */
char *pb_changeset_document(const struct pb_changeset *c);

/* The last name of a function, to be freed: "get" of "ns::T<int>::get(char) const" and of "get.constprop.0". */
char *pb_function_base(const char *name, size_t len);
/* Does a text hold @word, with no letter of a name beside it? */
bool pb_text_has_word(const char *text, size_t size, const char *word);
/* Whether an unrelated change of it would be no change of the program: tests, documents. @path: relative. */
bool pb_path_is_aside(const char *path);

#endif
