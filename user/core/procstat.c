/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/procstat.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "user/core/clock.h"
#include "user/core/opts.h"
#include "user/core/own.h"

#define AUXV_MAX 64 /* entries; there are about twenty */

static int open_of(uint32_t tgid, const char *name)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%u/%s", tgid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : errno == ENOENT ? -ESRCH : -errno;
}

int pb_procstat_read(uint32_t tgid, struct pb_procstat *out)
{
	uint64_t boot_ns = pb_clock_read_ns(CLOCK_REALTIME) - pb_clock_read_ns(CLOCK_BOOTTIME);
	pb_autoclose int fd = open_of(tgid, "stat");
	uint64_t parent = 0, ticks = 0, pages = 0;
	bool has_ended = false;
	char stat[4096], *p, *field, *save = NULL;
	ssize_t len;
	int i;

	if (fd < 0)
		return fd;
	len = read(fd, stat, sizeof(stat) - 1);
	if (len < 0)
		return -errno;
	stat[len] = '\0';
	/* The second field, the name, may hold anything but ends at the last ")". */
	p = strrchr(stat, ')');
	field = p ? strtok_r(p + 1, " ", &save) : NULL;
	for (i = 3; field && i < 24; i++) {
		if (i == 3)
			has_ended = strchr("ZXx", *field);
		if ((i == 4 && pb_parse_uint(field, 0, UINT32_MAX, &parent)) ||
		    (i == 22 && pb_parse_uint(field, 0, UINT64_MAX, &ticks)))
			return -ESRCH;
		field = strtok_r(NULL, " ", &save);
	}
	if (!field || pb_parse_uint(field, 0, UINT64_MAX, &pages))
		return -ESRCH;
	out->has_ended = has_ended;
	out->rss_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	out->parent_tgid = (uint32_t)parent;
	out->start_ticks = ticks;
	out->start_ns = boot_ns + ticks * (1000000000ull / (uint64_t)sysconf(_SC_CLK_TCK));
	return 0;
}

int pb_procstat_image(uint32_t tgid, struct pb_procstat_image *out)
{
	pb_autoclose int auxv = open_of(tgid, "auxv");
	pb_autoclose int mem = open_of(tgid, "mem");
	struct pb_procstat_image image = {0};
	Elf64_auxv_t entries[AUXV_MAX];
	ssize_t len, i;

	if (auxv < 0 || mem < 0)
		return auxv < 0 ? auxv : mem;
	len = read(auxv, entries, sizeof(entries));
	if (len < 0)
		return -errno;
	for (i = 0; i < len / (ssize_t)sizeof(*entries); i++)
		if (entries[i].a_type == AT_RANDOM)
			image.addr = entries[i].a_un.a_val;
	if (!image.addr || image.addr > INT64_MAX ||
	    pread(mem, image.random, sizeof(image.random), (off_t)image.addr) !=
		    (ssize_t)sizeof(image.random))
		return -ESRCH;
	*out = image;
	return 0;
}
