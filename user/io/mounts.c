/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/core/grow.h"
#include "user/core/own.h"
#include "user/io/digits.h"

/* What is beyond is not known. Whether mounts hide each other is asked in pairs of siblings. */
#define MOUNTS_MAX 16384
#define TEXT_MAX   (16u << 20)
#define CHUNK      65536

static void mount_drop(struct pb_io_mount *m)
{
	free(m->root);
	free(m->point);
}

void pb_io_mounts_drop(struct pb_io_mounts *mounts)
{
	for (uint32_t i = 0; i < mounts->n; i++)
		mount_drop(&mounts->rows[i]);
	free(mounts->rows);
	*mounts = (struct pb_io_mounts){0};
}

/* Parsing */

static bool is_octal(const char *p)
{
	return p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' && p[2] >= '0' &&
	       p[2] <= '7';
}

/* A field up to the next space, which is stepped over: space, tab, newline and backslash are written as \040
 * and so on. Only absolute paths are any use. NULL without memory; "" for what is no path. */
static char *take_path(const char **at)
{
	size_t len = strcspn(*at, " ");
	char *out = malloc(len + 1), *to = out;
	const char *p = *at, *end = p + len;

	if (!out)
		return NULL;
	while (p < end) {
		if (p[0] == '\\' && end - p >= 4 && is_octal(p + 1)) {
			*to++ = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			p += 4;
		} else {
			*to++ = *p++;
		}
	}
	*to = '\0';
	if (out[0] != '/')
		out[0] = '\0';
	*at = end + (*end == ' ');
	return out;
}

static bool take_numbers(const char **at, struct pb_io_mount *m)
{
	const char *p = *at;

	if (!pb_io_take_number(&p, UINT64_MAX, &m->id) || *p++ != ' ' ||
	    !pb_io_take_number(&p, UINT64_MAX, &m->parent) || *p++ != ' ' ||
	    !pb_io_take_device(&p, &m->dev) || *p++ != ' ')
		return false;
	*at = p;
	return true;
}

/* Return: 1; 0 if the line is none; -ENOMEM. */
static int parse_line(const char *line, struct pb_io_mount *m)
{
	const char *type;

	if (!take_numbers(&line, m))
		return 0;
	m->root = take_path(&line);
	m->point = take_path(&line);
	if (!m->root || !m->point) {
		mount_drop(m);
		return -ENOMEM;
	}
	type = strstr(line, " - ");
	if (!m->root[0] || !m->point[0] || !type) {
		mount_drop(m);
		return 0;
	}
	m->is_cgroup2 = !strncmp(type, " - cgroup2 ", strlen(" - cgroup2 "));
	return 1;
}

static int compare_parents(const void *a, const void *b)
{
	const struct pb_io_mount *x = a, *y = b;

	return (x->parent > y->parent) - (x->parent < y->parent);
}

/* The first mount upon @parent; the others stand behind it. */
static uint32_t first_upon(const struct pb_io_mounts *mounts, uint64_t parent)
{
	uint32_t low = 0, high = mounts->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (mounts->rows[middle].parent < parent)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* What of @path is behind the folder @of: "" if they are the same; NULL if it lies elsewhere. */
static const char *below(const char *path, const char *of)
{
	size_t len = strlen(of);

	if (len == 1)
		return path[1] ? path : ""; /* the root */
	if (strncmp(path, of, len) || (path[len] && path[len] != '/'))
		return NULL;
	return path + len;
}

/* Whether a mount upon @parent lies on the way to @path; @but: one that does not count, or NULL. */
static bool is_hidden(const struct pb_io_mounts *mounts, uint64_t parent, const char *path,
		      const struct pb_io_mount *but)
{
	for (uint32_t i = first_upon(mounts, parent);
	     i < mounts->n && mounts->rows[i].parent == parent; i++) {
		const struct pb_io_mount *m = &mounts->rows[i];

		if (m != but && m->id != parent && below(path, m->point))
			return true;
	}
	return false;
}

static int compare_ids(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Marks those whose parent is not there, the root one. Return: 0; -ENOMEM. */
static int find_roots(struct pb_io_mounts *mounts)
{
	pb_autofree uint64_t *ids = calloc(mounts->n, sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	for (uint32_t i = 0; i < mounts->n; i++)
		ids[i] = mounts->rows[i].id;
	qsort(ids, mounts->n, sizeof(*ids), compare_ids);
	for (uint32_t i = 0; i < mounts->n; i++) {
		struct pb_io_mount *m = &mounts->rows[i];

		m->is_shown = m->parent == m->id ||
			      !bsearch(&m->parent, ids, mounts->n, sizeof(*ids), compare_ids);
	}
	return 0;
}

/* From the roots upwards. Each is looked at once: a circle, which only a forged file has, is never begun. */
static int find_shown(struct pb_io_mounts *mounts)
{
	pb_autofree uint32_t *queue = calloc(mounts->n, sizeof(*queue));
	uint32_t n = 0;

	if (!queue || find_roots(mounts))
		return -ENOMEM;
	for (uint32_t i = 0; i < mounts->n; i++) {
		if (mounts->rows[i].is_shown)
			queue[n++] = i;
	}
	for (uint32_t head = 0; head < n; head++) {
		uint64_t id = mounts->rows[queue[head]].id;

		for (uint32_t i = first_upon(mounts, id);
		     i < mounts->n && mounts->rows[i].parent == id; i++) {
			struct pb_io_mount *m = &mounts->rows[i];

			if (m->is_shown || is_hidden(mounts, id, m->point, m))
				continue;
			m->is_shown = true;
			queue[n++] = i;
		}
	}
	return 0;
}

static int add_line(struct pb_io_mounts *mounts, const char *at, size_t len)
{
	pb_autofree char *line = strndup(at, len);
	struct pb_io_mount m = {0};
	int found;

	if (!line)
		return -ENOMEM;
	if (mounts->n == MOUNTS_MAX)
		return 0;
	found = parse_line(line, &m);
	if (found <= 0)
		return found;
	if (pb_grow(&mounts->rows, &mounts->room, (uint64_t)mounts->n + 1, sizeof(m))) {
		mount_drop(&m);
		return -ENOMEM;
	}
	mounts->rows[mounts->n++] = m;
	return 0;
}

int pb_io_mounts_parse(struct pb_io_mounts *mounts, const char *text, size_t size)
{
	struct pb_io_mounts found = {0};
	int err = 0;

	while (size && !err) {
		const char *end = memchr(text, '\n', size);
		size_t len = end ? (size_t)(end - text) : size;

		err = add_line(&found, text, len);
		len += end ? 1 : 0;
		text += len;
		size -= len;
	}
	if (found.n && !err) {
		qsort(found.rows, found.n, sizeof(*found.rows), compare_parents);
		err = find_shown(&found);
	}
	if (err) {
		pb_io_mounts_drop(&found);
		return err;
	}
	pb_io_mounts_drop(mounts);
	*mounts = found;
	return 0;
}

/* The kernel gives whole lines, a page at a time. Return: 0; -ENOMEM. */
static int read_all(int fd, char **out, uint32_t *size)
{
	pb_autofree char *text = NULL;
	uint32_t room = 0, n = 0;
	ssize_t len;

	do {
		if (pb_grow(&text, &room, (uint64_t)n + CHUNK, 1))
			return -ENOMEM;
		len = read(fd, text + n, CHUNK);
		n += len > 0 ? (uint32_t)len : 0;
	} while (len > 0 && n < TEXT_MAX);
	*out = pb_take(text);
	*size = n;
	return 0;
}

int pb_io_mounts_read(struct pb_io_mounts *mounts, const char *root)
{
	pb_autofree char *path = NULL, *text = NULL;
	pb_autoclose int fd = -1;
	uint32_t size = 0;
	int err;

	if (asprintf(&path, "%s/proc/self/mountinfo", root) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return pb_io_mounts_parse(mounts, "", 0);
	err = read_all(fd, &text, &size);
	return err ? err : pb_io_mounts_parse(mounts, text, size);
}

/* Questions */

bool pb_io_mounts_has(const struct pb_io_mounts *mounts, uint32_t dev)
{
	for (uint32_t i = 0; i < mounts->n; i++) {
		if (mounts->rows[i].dev == dev)
			return true;
	}
	return false;
}

/* NULL without memory. */
static char *joined(const char *point, const char *rest)
{
	char *out = NULL;

	if (point[1] == '\0')
		point = *rest ? "" : "/";
	return asprintf(&out, "%s%s", point, rest) < 0 ? NULL : out;
}

int pb_io_mounts_path(const struct pb_io_mounts *mounts, uint32_t dev, const char *path, char **out)
{
	pb_autofree char *best = NULL;

	for (uint32_t i = 0; i < mounts->n; i++) {
		const struct pb_io_mount *m = &mounts->rows[i];
		pb_autofree char *seen = NULL;
		const char *rest = m->dev == dev && m->is_shown ? below(path, m->root) : NULL;

		if (!rest)
			continue;
		seen = joined(m->point, rest);
		if (!seen)
			return -ENOMEM;
		if ((best && strlen(best) <= strlen(seen)) || is_hidden(mounts, m->id, seen, NULL))
			continue;
		free(best);
		best = pb_take(seen);
	}
	if (!best)
		return -ENOENT;
	*out = pb_take(best);
	return 0;
}

const char *pb_io_mounts_cgroup2(const struct pb_io_mounts *mounts)
{
	const struct pb_io_mount *best = NULL;

	for (uint32_t i = 0; i < mounts->n; i++) {
		const struct pb_io_mount *m = &mounts->rows[i];

		if (!m->is_cgroup2 || !m->is_shown)
			continue;
		/* of all of it rather than of a part */
		if (!best || strlen(m->root) < strlen(best->root))
			best = m;
	}
	return best ? best->point : NULL;
}
