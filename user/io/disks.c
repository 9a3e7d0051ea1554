/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/disks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/core/grow.h"
#include "user/core/own.h"
#include "user/core/text.h"
#include "user/io/digits.h"

/* Far more than a machine has: a bound on what a strange /sys can ask for. */
#define DISKS_MAX 65536
#define NAME_SIZE 256

void pb_io_disks_drop(struct pb_io_disks *disks)
{
	for (uint32_t i = 0; i < disks->n; i++)
		free(disks->rows[i].name);
	free(disks->rows);
	*disks = (struct pb_io_disks){0};
}

const struct pb_io_disk *pb_io_disks_by_number(const struct pb_io_disks *disks, uint32_t dev)
{
	for (uint32_t i = 0; i < disks->n; i++) {
		if (disks->rows[i].dev == dev)
			return &disks->rows[i];
	}
	return NULL;
}

const struct pb_io_disk *pb_io_disks_by_name(const struct pb_io_disks *disks, const char *name)
{
	for (uint32_t i = 0; i < disks->n; i++) {
		if (!strcmp(disks->rows[i].name, name))
			return &disks->rows[i];
	}
	return NULL;
}

/* The kernel writes '!' for the '/' that a file name cannot have. */
static int add_disk(struct pb_io_disks *disks, uint32_t dev, uint32_t disk, const char *entry)
{
	pb_autofree char *name = NULL;
	char text[NAME_SIZE];
	uint32_t i;

	pb_text_safe(text, sizeof(text), entry, strlen(entry));
	for (char *c = text; *c; c++)
		*c = *c == '!' ? '/' : *c;
	name = strdup(text);
	if (!name)
		return -ENOMEM;
	for (i = 0; i < disks->n && disks->rows[i].dev != dev; i++)
		;
	if (i == disks->n) {
		if (i == DISKS_MAX)
			return 0;
		if (pb_grow(&disks->rows, &disks->room, (uint64_t)i + 1, sizeof(*disks->rows)))
			return -ENOMEM;
		disks->rows[disks->n++] = (struct pb_io_disk){0};
	}
	free(disks->rows[i].name);
	disks->rows[i] = (struct pb_io_disk){.dev = dev, .disk = disk, .name = pb_take(name)};
	return 0;
}

/* @path below @at: "254:1" and a newline. */
static bool read_number(int at, const char *path, uint32_t *out)
{
	pb_autoclose int fd = openat(at, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
	const char *p;
	char text[32];
	ssize_t len;

	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text) - 1);
	if (len <= 0)
		return false;
	text[len] = '\0';
	p = text;
	return pb_io_take_device(&p, out) && (!*p || *p == '\n');
}

static bool is_dot(const char *name)
{
	return name[0] == '.';
}

/* Takes @fd. NULL if it is no folder. */
static DIR *folder_of(int fd)
{
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

/* Folders below a disk's that have a file "partition". */
static int read_partitions(struct pb_io_disks *disks, DIR *folder, uint32_t disk)
{
	char path[NAME_SIZE + 16];
	struct dirent *e;
	uint32_t dev;
	int err = 0;

	while (!err && (e = readdir(folder))) {
		if (is_dot(e->d_name) || e->d_type == DT_REG || e->d_type == DT_LNK)
			continue;
		snprintf(path, sizeof(path), "%s/partition", e->d_name);
		if (faccessat(dirfd(folder), path, F_OK, 0))
			continue;
		snprintf(path, sizeof(path), "%s/dev", e->d_name);
		if (read_number(dirfd(folder), path, &dev))
			err = add_disk(disks, dev, disk, e->d_name);
	}
	return err;
}

/* Entries of /sys/block are links to where the disk hangs. */
static int read_disk(struct pb_io_disks *disks, int block, const char *entry)
{
	uint32_t disk;
	int err;
	DIR *d = folder_of(openat(block, entry, O_RDONLY | O_DIRECTORY | O_CLOEXEC));

	if (!d)
		return 0;
	err = 0;
	if (read_number(dirfd(d), "dev", &disk)) {
		err = add_disk(disks, disk, disk, entry);
		err = err ? err : read_partitions(disks, d, disk);
	}
	closedir(d);
	return err;
}

int pb_io_disks_read(struct pb_io_disks *disks, const char *root)
{
	pb_autofree char *path = NULL;
	struct dirent *e;
	int err = 0;
	DIR *d;

	if (asprintf(&path, "%s/sys/block", root) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	d = opendir(path);
	if (!d)
		return 0;
	while (!err && (e = readdir(d))) {
		if (!is_dot(e->d_name))
			err = read_disk(disks, dirfd(d), e->d_name);
	}
	closedir(d);
	return err;
}
