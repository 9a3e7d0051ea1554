/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * fuzz: seconds 15
 *
 * Any bytes as what git says of a difference: names and lines come out of a repository that others write to. What comes
 * of it are texts with an end, each function once.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "user/bead/gitdiff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct pb_gitdiff *d)
{
	for (uint32_t i = 0; i < d->n; i++) {
		const struct pb_gitdiff_file *file = &d->files[i];

		if (!file->path[0] || (file->old_path && !file->old_path[0]))
			__builtin_trap();
		for (uint32_t k = 0; k < file->n_functions; k++) {
			if (!file->functions[k][0])
				__builtin_trap();
			for (uint32_t m = 0; m < k; m++)
				if (!strcmp(file->functions[k], file->functions[m]))
					__builtin_trap();
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct pb_gitdiff files = {0}, hunks = {0};
	int err = pb_gitdiff_numstat(&files, text, size);

	if (err && err != -EPROTO)
		__builtin_trap();
	check(&files);
	if (!pb_gitdiff_add(&hunks, "a.c", 3) || !pb_gitdiff_add(&hunks, "b c", 3) ||
	    pb_gitdiff_hunks(&hunks, text, size) || pb_gitdiff_whole(&hunks.files[0], text, size))
		__builtin_trap();
	check(&hunks);
	pb_gitdiff_drop(&files);
	pb_gitdiff_drop(&hunks);
	return 0;
}
