/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The store of golden outputs on disk: see oracle.h for what lies where. It is somebody's directory, perhaps out of a
 * repository that others write to: names in it are followed by no link and lead to nothing outside.
 */
#ifndef PB_BEAD_GOLDEN_H
#define PB_BEAD_GOLDEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/bead/sha256.h"
#include "user/core/own.h"

/* One normalised output. */
struct pb_golden_output {
	char name[256]; /* "stdout", "files/out/result.json" */
	char *text;     /* NUL-terminated; owned */
	size_t size;
	char digest[PB_SHA256_HEX];
};

struct pb_golden;

/* Return: 0; -ENOENT: there is no store, not logged; -EPROTO: SHA256SUMS is damaged; -errno. Logged. */
int pb_golden_open(struct pb_golden **out, const char *store);
void pb_golden_free(struct pb_golden *g);
PB_DEFINE_FREE(pb_golden, pb_golden_free);

/* Does it hold anything of a workload? */
bool pb_golden_has(const struct pb_golden *g, const char *workload);
/* The digest of an output; NULL: none. */
const char *pb_golden_digest(const struct pb_golden *g, const char *workload, const char *output);

/**
 * pb_golden_text() - the text of an output that has a digest.
 * @text: set to NUL-terminated memory to be freed
 *
 * Return: 0; -EPROTO: it is not what the digest says; -errno. Logged.
 */
int pb_golden_text(const struct pb_golden *g, const char *workload, const char *output, char **text,
		   size_t *size);

/**
 * pb_golden_replace() - these outputs in place of all that the store has of a workload.
 *
 * At any moment the store is whole, as it was or as it will be. Waits for another process that does the same.
 * Return: 0; -errno, logged.
 */
int pb_golden_replace(const char *store, const char *workload,
		      const struct pb_golden_output *outputs, uint32_t n);

#endif
