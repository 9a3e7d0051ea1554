/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a word that nobody knows was probably meant to be. */
#ifndef PB_CORE_NEAREST_H
#define PB_CORE_NEAREST_H

#include <stddef.h>

#define PB_NEAREST_LEN_MAX 64 /* of a word, in bytes */

/* Steps of Levenshtein's distance between @a and @b, which are at most PB_NEAREST_LEN_MAX long. O(n m). */
unsigned int pb_nearest_distance(const char *a, size_t n, const char *b, size_t m);

/* A word this far away, or farther, was not meant: a third of the @len letters may be wrong. */
unsigned int pb_nearest_limit(size_t len);

#endif
