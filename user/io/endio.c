/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/endio.h"

#include <stdio.h>
#include <string.h>

#include "bpf/abi/iolatency.h"
#include "user/core/own.h"

/* "ffffffff81765d30 T iomap_dio_bio_end_io", with a module behind it perhaps. Return: the name, NUL-terminated;
 * NULL if it is no such line. */
static const char *take_apart(char *line, __u64 *addr)
{
	const char *digits = "0123456789abcdef", *digit;
	char *at = line;

	for (*addr = 0; *at && (digit = strchr(digits, *at)); at++)
		*addr = *addr << 4 | (__u64)(digit - digits);
	if (at == line || at[0] != ' ' || !at[1] || at[2] != ' ')
		return NULL;
	line = at + 3;
	line[strcspn(line, " \t\n")] = '\0';
	return line;
}

void pb_io_find_end_io(struct pb_iolatency_cfg *cfg, const char *path)
{
	struct {
		const char *name;
		__u64 *addr;
	} wanted[] = {
		{"iomap_dio_bio_end_io", &cfg->iomap_end_io},  /* fs/iomap/direct-io.c */
		{"blkdev_bio_end_io", &cfg->device_end_io[0]}, /* block/fops.c */
		{"blkdev_bio_end_io_async", &cfg->device_end_io[1]},
		{"submit_bio_wait_endio", &cfg->device_end_io[2]}, /* block/bio.c: synchronous */
	};
	pb_autofclose FILE *f = fopen(path, "re");
	pb_autofree char *line = NULL;
	const char *name;
	size_t room = 0, i;
	__u64 addr;

	while (f && getline(&line, &room, f) > 0) {
		if (!strstr(line, "bio_")) /* a hundred thousand lines */
			continue;
		name = take_apart(line, &addr);
		for (i = 0; name && i < PB_ARRAY_SIZE(wanted); i++) {
			if (!strcmp(name, wanted[i].name))
				*wanted[i].addr = addr;
		}
	}
}
