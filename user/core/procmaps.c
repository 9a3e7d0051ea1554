/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/core/procmaps.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "user/core/opts.h"
#include "user/core/own.h"

/* Hex digits at *@at up to @stop, which is stepped over. Return: false if there is anything else. */
static bool take_hex(const char **at, char stop, uint64_t *out)
{
	const char *p = *at;
	uint64_t value = 0;
	int digits = 0, digit;

	for (; isxdigit((unsigned char)*p); p++, digits++) {
		digit = isdigit((unsigned char)*p) ? *p - '0'
						   : tolower((unsigned char)*p) - 'a' + 10;
		value = value << 4 | (unsigned int)digit;
	}
	if (!digits || digits > 16 || *p != stop)
		return false;
	*at = p + 1;
	*out = value;
	return true;
}

static bool take_decimal(const char **at, uint64_t *out)
{
	const char *p = *at;
	uint64_t value = 0;

	if (!isdigit((unsigned char)*p))
		return false;
	for (; isdigit((unsigned char)*p); p++)
		value = value * 10 + (unsigned int)(*p - '0');
	*at = p;
	*out = value;
	return true;
}

/* "55d0-55e0 r-xp 00001000 fe:00 1234      /path": the path may hold anything but a newline, which
 * the kernel writes as \012. */
int pb_procmaps_parse(char *line, struct pb_procmap *out)
{
	uint64_t major, minor;
	const char *p = line;

	if (!take_hex(&p, '-', &out->start) || !take_hex(&p, ' ', &out->end))
		return -EPROTO;
	if (strnlen(p, 5) < 5 || p[4] != ' ')
		return -EPROTO;
	out->executable = p[2] == 'x';
	out->shared = p[3] == 's';
	p += 5;
	if (!take_hex(&p, ' ', &out->file_off) || !take_hex(&p, ':', &major) ||
	    !take_hex(&p, ' ', &minor) || !take_decimal(&p, &out->ino) || out->end <= out->start)
		return -EPROTO;
	out->dev = major << 32 | minor;
	out->path = p + strspn(p, " ");
	return out->executable;
}

/* Who is told of which mappings. */
struct listener {
	void (*on_map)(void *, const struct pb_procmap *);
	void *ctx;
	bool all; /* not only the executable ones */
};

/* Return: number of mappings read, executable or not; -errno. */
static int read_thread(uint32_t tid, const struct listener *to)
{
	struct pb_procmap map = {.tid = tid};
	pb_autofree char *line = NULL;
	char path[32];
	size_t size = 0;
	ssize_t len;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/%u/maps", tid);
	pb_autofclose FILE *f = fopen(path, "re");

	if (!f)
		return -errno;
	while ((len = getline(&line, &size, f)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		if (pb_procmaps_parse(line, &map) >= (to->all ? 0 : 1))
			to->on_map(to->ctx, &map);
		n++;
	}
	return n;
}

static int read_process(uint32_t tgid, const struct listener *to)
{
	int n = read_thread(tgid, to);
	struct dirent *entry;
	uint64_t tid;
	char path[32];
	DIR *tasks;

	if (n)
		return n > 0 ? 0 : n == -ENOENT ? -ESRCH : n;
	/* Empty: a kernel thread, or the first thread has exited and the others go on. */
	snprintf(path, sizeof(path), "/proc/%u/task", tgid);
	tasks = opendir(path);
	if (!tasks)
		return -ESRCH;
	while (n <= 0 && (entry = readdir(tasks))) {
		if (!pb_parse_uint(entry->d_name, 1, UINT32_MAX, &tid))
			n = read_thread((uint32_t)tid, to);
	}
	closedir(tasks);
	return n > 0 ? 0 : -ESRCH;
}

int pb_procmaps_read(uint32_t tgid, void (*on_map)(void *, const struct pb_procmap *), void *ctx)
{
	return read_process(tgid, &(struct listener){.on_map = on_map, .ctx = ctx});
}

int pb_procmaps_read_all(uint32_t tgid, void (*on_map)(void *, const struct pb_procmap *),
			 void *ctx)
{
	return read_process(tgid, &(struct listener){.on_map = on_map, .ctx = ctx, .all = true});
}

/* include/uapi/linux/fs.h; the headers that we build with may be older. */
struct procmap_query {
	uint64_t size;
	uint64_t query_flags;
	uint64_t query_addr;
	uint64_t vma_start, vma_end, vma_flags, vma_page_size, vma_offset;
	uint64_t inode;
	uint32_t dev_major, dev_minor;
	uint32_t vma_name_size;
	uint32_t build_id_size; /* in: of the buffer; out: of the id */
	uint64_t vma_name_addr;
	uint64_t build_id_addr;
};

#define QUERY_PROCMAP _IOWR('f', 17, struct procmap_query)

size_t pb_procmaps_build_id(uint32_t tgid, uint64_t start, uint64_t ino, uint8_t *id, size_t size)
{
	struct procmap_query query = {
		.size = sizeof(query),
		.query_addr = start,
		.build_id_size = (uint32_t)size,
		.build_id_addr = (uintptr_t)id,
	};
	pb_autoclose int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/maps", tgid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, QUERY_PROCMAP, &query) || query.build_id_size > size)
		return 0;
	/* We ask later than the mapping was seen. */
	if (query.vma_start != start || (ino && query.inode != ino))
		return 0;
	return query.build_id_size;
}
