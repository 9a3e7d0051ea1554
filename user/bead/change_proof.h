/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The proof that a change gives what was given before: the author's words, and what the oracle says. */
#ifndef PB_BEAD_CHANGE_PROOF_H
#define PB_BEAD_CHANGE_PROOF_H

#include "user/bead/sha256.h"
#include "user/bead/verbs.h"

struct pb_changeset;

/* What may change though the outputs look the same. */
enum pb_aspect {
	PB_ASPECT_ORDERING,
	PB_ASPECT_TIES,
	PB_ASPECT_FLOATING,
	PB_ASPECT_SEEDS,
	PB_ASPECTS
};

/**
 * pb_proof_gap() - why the outputs of a plan do not check an aspect, so that words of the author have to.
 * @buf: set to a sentence without its full stop
 *
 * Mode set does not see the order, nor how ties are broken; mode float does not see rounding; where nothing is compared
 * nothing is checked. Return: @buf; NULL: they check it.
 */
const char *pb_proof_gap(const struct pb_plan *plan, enum pb_aspect aspect, char *buf, size_t size);

/* What the author has to say before anything is run. Return: 0; -EINVAL, logged: a sketch or words are missing. */
int pb_proof_check_words(const struct pb_plan *plan, const struct pb_bead_args *args);

/**
 * pb_proof_run() - the oracle on every workload, as the working tree is.
 * Return: enum pb_bead_exit, what it found logged; -errno, logged.
 */
int pb_proof_run(const struct pb_desk *desk, const struct pb_bead_args *args);

/* What is blessed, as one digest: that of golden/SHA256SUMS; "": nothing is. Return: 0; -errno, logged. */
int pb_proof_golden(const struct pb_desk *desk, char digest[PB_SHA256_HEX]);

/* The document bead-proof/1, compact, to be freed. @commit: NULL: not in git. Return: 0; -errno, logged. */
int pb_proof_document(const struct pb_desk *desk, const struct pb_bead_args *args,
		      const struct pb_changeset *changeset, const char *commit, char **out);

#endif
