/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/endio.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bpf/abi/iolatency.h"
#include "user/core/own.h"

#define NAME_SIZE 128

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
	char name[NAME_SIZE], type;
	size_t room = 0, i;
	uint64_t addr;

	while (f && getline(&line, &room, f) > 0) {
		if (!strstr(line, "bio_") || /* a hundred thousand lines */
		    sscanf(line, "%" SCNx64 " %c %127s", &addr, &type, name) != 3)
			continue;
		for (i = 0; i < PB_ARRAY_SIZE(wanted); i++) {
			if (!strcmp(name, wanted[i].name))
				*wanted[i].addr = addr;
		}
	}
}
