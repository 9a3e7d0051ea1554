/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/names.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "user/core/clock.h"
#include "user/core/grow.h"
#include "user/core/idtable.h"
#include "user/core/text.h"
#include "user/io/cgroups.h"
#include "user/io/digits.h"
#include "user/io/disks.h"
#include "user/io/mounts.h"

#define LOOK_AGAIN_NS 1000000000ull

struct file {
	struct pb_io_file_key key;
	char *name;
};

struct pb_io_names {
	char *root;
	struct pb_io_disks disks;
	struct pb_io_mounts mounts;
	struct pb_io_cgroups cgroups;
	uint64_t disks_ns, mounts_ns, cgroups_ns; /* when they were read last */
	struct file *files;
	uint32_t n_files, room;
	struct pb_idtable *index;
	char text[PB_NAME_MAX]; /* what was asked for last, where it had to be made up */
};

int pb_io_names_new(struct pb_io_names **out, const char *root)
{
	pb_auto(pb_io_names) struct pb_io_names *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->root = strdup(root);
	if (!n->root || pb_idtable_new(&n->index) || pb_io_disks_read(&n->disks, root) ||
	    pb_io_mounts_read(&n->mounts, root))
		return -ENOMEM;
	*out = pb_take(n);
	return 0;
}

void pb_io_names_free(struct pb_io_names *n)
{
	if (!n)
		return;
	for (uint32_t i = 0; i < n->n_files; i++)
		free(n->files[i].name);
	free(n->files);
	pb_idtable_free(n->index);
	pb_io_disks_drop(&n->disks);
	pb_io_mounts_drop(&n->mounts);
	pb_io_cgroups_drop(&n->cgroups);
	free(n->root);
	free(n);
}

/* What was not there may have come, but a look costs more than the question. */
static bool may_look(uint64_t *last_ns)
{
	uint64_t now = pb_clock_ns();

	if (*last_ns && now - *last_ns < LOOK_AGAIN_NS)
		return false;
	*last_ns = now;
	return true;
}

/* Disks */

/* A name below /dev may be a link, as those of /dev/mapper and /dev/disk are. */
static const struct pb_io_disk *disk_behind(const struct pb_io_names *n, const char *path)
{
	struct stat st;

	if (path[0] != '/' || stat(path, &st) || !S_ISBLK(st.st_mode))
		return NULL;
	return pb_io_disks_by_number(
		&n->disks, (uint32_t)(major(st.st_rdev) << PB_IO_MINOR_BITS | minor(st.st_rdev)));
}

int pb_io_names_disk_of(const struct pb_io_names *n, const char *name, uint32_t *disk,
			uint32_t *part)
{
	const char *base = strncmp(name, "/dev/", 5) ? name : name + 5;
	const struct pb_io_disk *d = pb_io_disks_by_name(&n->disks, base);

	d = d ? d : disk_behind(n, name);
	if (!d)
		return -ENODEV;
	*disk = d->disk;
	*part = d->dev == d->disk ? 0 : d->dev;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strverscmp(*(const char *const *)a, *(const char *const *)b);
}

char *pb_io_names_disks(const struct pb_io_names *n)
{
	pb_autofree const char **names = calloc((size_t)n->disks.n + 1, sizeof(*names));
	pb_autofree char *text = NULL;
	uint32_t found = 0;
	size_t size;
	bool failed;
	FILE *mem = names ? open_memstream(&text, &size) : NULL;

	if (!mem)
		return NULL;
	for (uint32_t i = 0; i < n->disks.n; i++) {
		if (n->disks.rows[i].dev == n->disks.rows[i].disk)
			names[found++] = n->disks.rows[i].name;
	}
	qsort(names, found, sizeof(*names), compare_names);
	for (uint32_t i = 0; i < found; i++)
		fprintf(mem, "%s%s", i ? " " : "", names[i]);
	failed = ferror(mem);
	failed = fclose(mem) || failed;
	return failed ? NULL : pb_take(text);
}

/* NULL if there is none of this number. */
static const char *disk_name(struct pb_io_names *n, uint32_t dev)
{
	const struct pb_io_disk *d = pb_io_disks_by_number(&n->disks, dev);

	/* those with major 0 are no disks: Linux keeps it for file systems without one */
	if (!d && dev >> PB_IO_MINOR_BITS && may_look(&n->disks_ns) &&
	    !pb_io_disks_read(&n->disks, n->root))
		d = pb_io_disks_by_number(&n->disks, dev);
	return d ? d->name : NULL;
}

struct device_text {
	char text[24];
};

static struct device_text device_text(uint32_t dev)
{
	struct device_text t = {0};

	snprintf(t.text, sizeof(t.text), "%u:%u", dev >> PB_IO_MINOR_BITS,
		 dev & ((1u << PB_IO_MINOR_BITS) - 1));
	return t;
}

const char *pb_io_names_disk(struct pb_io_names *n, uint32_t disk)
{
	const char *name = disk_name(n, disk);

	if (name)
		return name;
	snprintf(n->text, sizeof(n->text), "%s", device_text(disk).text);
	return n->text;
}

/* Files */

/* Escaped, one byte may take four. */
#define PATH_SIZE (4 * PB_IO_PATH_BYTES)

/* What the names of a record say: "/a/b" from "b", "a". */
struct walked {
	char path[PB_IO_PATH_BYTES + 8];
	size_t len;
};

/**
 * assemble() - the path within the file system.
 *
 * The root's own name is "/", or "" where a file has no place in a tree, and comes last. Names of memory files
 * may hold a '/', which is shown as '!' so that nothing looks like a path that is none.
 */
static void assemble(struct walked *w, const struct pb_io_path *record)
{
	const char *end = record->names + record->length;

	if (record->is_cut)
		w->len = (size_t)snprintf(w->path, sizeof(w->path), "/...");
	while (end > record->names) {
		const char *name = end - 1;

		while (name > record->names && name[-1])
			name--;
		if (name[0] && strcmp(name, "/")) {
			w->path[w->len++] = '/';
			for (const char *c = name; *c; c++)
				w->path[w->len++] = *c == '/' ? '!' : *c;
		}
		end = name;
	}
	if (!w->len)
		w->path[w->len++] = '/';
	w->path[w->len] = '\0';
}

/* Return: a path to be shown, in @out of @size; 0; -ENOENT if there is none; -ENOMEM. */
static int name_file(struct pb_io_names *n, const struct pb_io_path *record, char *out, size_t size)
{
	pb_autofree char *seen = NULL;
	struct walked w = {.len = 0};
	size_t prefix;
	int err;

	assemble(&w, record);
	if (!pb_io_mounts_has(&n->mounts, record->fs) && may_look(&n->mounts_ns) &&
	    pb_io_mounts_read(&n->mounts, n->root))
		return -ENOMEM;
	/* mounted for others only, in a container; of what is on no disk a path alone says nothing */
	if (!pb_io_mounts_has(&n->mounts, record->fs) && !disk_name(n, record->fs))
		return -ENOENT;
	if (record->is_cut) {
		pb_text_safe(out, size, w.path + 1, w.len - 1);
		return 0;
	}
	err = pb_io_mounts_path(&n->mounts, record->fs, w.path, &seen);
	if (!err)
		pb_text_safe(out, size, seen, strlen(seen));
	if (err != -ENOENT)
		return err;
	prefix = (size_t)snprintf(out, size, "%s:", pb_io_names_disk(n, record->fs));
	pb_text_safe(out + prefix, size - prefix, w.path, w.len);
	return 0;
}

static bool same_file(const void *rows, uint32_t id, const void *key)
{
	const struct file *f = rows;

	return !memcmp(&f[id].key, key, sizeof(f[id].key));
}

static uint32_t find_file(const struct pb_io_names *n, const struct pb_io_file_key *key)
{
	return pb_idtable_find(n->index, pb_idtable_hash(n->index, key, sizeof(*key)), same_file,
			       n->files, key);
}

static bool adds_up(const struct pb_io_path *path, size_t size)
{
	return size >= PB_IO_PATH_HEADER && path->length <= PB_IO_PATH_BYTES &&
	       path->length <= size - PB_IO_PATH_HEADER &&
	       (!path->length || !path->names[path->length - 1]);
}

int pb_io_names_path(struct pb_io_names *n, const struct pb_io_path *path, size_t size)
{
	struct pb_io_file_key key;
	pb_autofree char *name = NULL;
	int err;

	if (!adds_up(path, size))
		return -EPROTO;
	key = (struct pb_io_file_key){.ino = path->ino, .fs = path->fs};
	if (find_file(n, &key) != PB_IDTABLE_NONE)
		return 0;
	name = malloc(PATH_SIZE);
	if (!name)
		return -ENOMEM;
	err = name_file(n, path, name, PATH_SIZE);
	if (err)
		return err == -ENOENT ? 0 : err;
	if (pb_grow(&n->files, &n->room, (uint64_t)n->n_files + 1, sizeof(*n->files)))
		return -ENOMEM;
	n->files[n->n_files] = (struct file){.key = key, .name = strdup(name)};
	if (!n->files[n->n_files].name)
		return -ENOMEM;
	if (pb_idtable_add(n->index, pb_idtable_hash(n->index, &key, sizeof(key)), n->n_files)) {
		free(n->files[n->n_files].name);
		return -ENOMEM;
	}
	n->n_files++;
	return 0;
}

const char *pb_io_names_file(struct pb_io_names *n, const struct pb_io_leaf *leaf)
{
	struct pb_io_file_key key = {.ino = leaf->ino, .fs = leaf->fs};
	uint32_t file;
	const char *disk;

	if (!leaf->ino && !leaf->is_disk)
		return "";
	file = leaf->is_disk ? PB_IDTABLE_NONE : find_file(n, &key);
	if (file != PB_IDTABLE_NONE)
		return n->files[file].name;
	disk = disk_name(n, leaf->fs);
	if (leaf->is_disk)
		snprintf(n->text, sizeof(n->text), disk ? "/dev/%s" : "/dev/block/%s",
			 disk ? disk : device_text(leaf->fs).text);
	else
		snprintf(n->text, sizeof(n->text), "inode %llu on %s",
			 (unsigned long long)leaf->ino, disk ? disk : device_text(leaf->fs).text);
	return n->text;
}

/* Cgroups */

static int walk_cgroups(struct pb_io_names *n, const char *top)
{
	pb_autofree char *folder = NULL;

	if (asprintf(&folder, "%s%s", n->root, top) < 0) {
		folder = NULL;
		return -ENOMEM;
	}
	return pb_io_cgroups_walk(&n->cgroups, folder);
}

const char *pb_io_names_cgroup(struct pb_io_names *n, uint64_t id)
{
	const char *path = pb_io_cgroups_path(&n->cgroups, id);
	const char *top = pb_io_mounts_cgroup2(&n->mounts);

	if (!path && top && may_look(&n->cgroups_ns) && !walk_cgroups(n, top))
		path = pb_io_cgroups_path(&n->cgroups, id);
	if (path)
		return path;
	snprintf(n->text, sizeof(n->text), "cgroup %llu", (unsigned long long)id);
	return n->text;
}

/* Words */

const char *pb_io_op_name(uint32_t op)
{
	static const char *const names[] = {
#define PB_IO_OP_NAME(id, name)   [PB_IO_##id] = name,
#define PB_IO_CALL_NAME(id, name) [PB_IO_CALL_##id] = name,
		PB_IO_OPS(PB_IO_OP_NAME) PB_IO_CALLS(PB_IO_CALL_NAME)
#undef PB_IO_OP_NAME
#undef PB_IO_CALL_NAME
	};

	return op < PB_ARRAY_SIZE(names) && names[op] ? names[op] : names[PB_IO_OTHER];
}

const char *pb_io_flag_names(char *buf, size_t size, uint8_t flags)
{
	static const char *const names[] = {"sync", "meta", "readahead", "fua", "background"};
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < PB_ARRAY_SIZE(names); i++) {
		if (flags & 1u << i && len < size)
			len += (size_t)snprintf(buf + len, size - len, " %s", names[i]);
	}
	return buf;
}
