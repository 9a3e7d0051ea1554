/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Any bytes as mountinfo, up to the first NUL, and behind it as a record of the paths ring: what a mount point
 * or a file is called is up to whoever made it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "user/io/mounts.h"
#include "user/io/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void offer(const uint8_t *data, size_t size)
{
	struct pb_io_leaf leaf = {0};
	struct pb_io_path *path = calloc(1, sizeof(*path));
	struct pb_io_names *names = NULL;

	if (size > sizeof(*path))
		size = sizeof(*path);
	/* any system's mounts will do, as long as some of the numbers that come are there */
	if (path && !pb_io_names_new(&names, "")) {
		memcpy(path, data, size);
		pb_io_names_path(names, path, size);
		leaf.ino = path->ino;
		leaf.fs = path->fs;
		pb_io_names_file(names, &leaf);
	}
	pb_io_names_free(names);
	free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = memchr(data, '\0', size);
	size_t len = nul ? (size_t)(nul - data) : size;
	struct pb_io_mounts mounts = {0};
	char *out = NULL;

	if (!pb_io_mounts_parse(&mounts, (const char *)data, len)) {
		for (uint32_t i = 0; i < mounts.n && i < 8; i++) {
			out = NULL;
			pb_io_mounts_path(&mounts, mounts.rows[i].dev, "/a/b", &out);
			free(out);
		}
		pb_io_mounts_cgroup2(&mounts);
	}
	pb_io_mounts_drop(&mounts);
	if (nul)
		offer(nul + 1, size - len - 1);
	return 0;
}
