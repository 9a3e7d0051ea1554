/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The store is replaced as a whole: a new directory is made beside it, with links to the files of all other workloads,
 * and takes its place by one rename. What a killed process leaves is a directory ".NAME.new", removed by the next.
 */
#include "user/bead/golden.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "user/core/grow.h"
#include "user/core/log.h"

#define SUMS       "SHA256SUMS"
#define DEPTH_MAX  64
#define COPY_BYTES (1 << 30)

/* One replacement. */
struct writer {
	const char *path; /* of the store, as given */
	const char *workload;
	const struct pb_golden_output *outputs;
	uint32_t n;
	int parent_fd; /* the directory that the store is in; locked */
	const char *name;
	char fresh[300]; /* the name of the new one */
	bool has_owner;  /* we are root: what is made belongs to whom that directory belongs */
	uid_t uid;
	gid_t gid;
};

static void give(const struct writer *w, int fd)
{
	/* If it cannot be given away it stays ours, which is no loss but of comfort. */
	if (w->has_owner && fchown(fd, w->uid, w->gid))
		pb_log(PB_LOG_DEBUG, "%s: %s", w->path, strerror(errno));
}

static int open_directory(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* One that is there already is fine. Return: a descriptor; -errno. */
static int make_directory(const struct writer *w, int at, const char *name)
{
	bool is_new = !mkdirat(at, name, 0777);
	int fd;

	if (!is_new && errno != EEXIST)
		return -errno;
	fd = open_directory(at, name);
	if (fd >= 0 && is_new)
		give(w, fd);
	return fd;
}

static int make_file(const struct writer *w, int at, const char *name)
{
	int fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);

	if (fd < 0)
		return -errno;
	give(w, fd);
	return fd;
}

/* Never through a link. */
static int remove_tree(int at, const char *name, int depth)
{
	struct dirent *entry;
	int fd, err = 0;
	DIR *dir;

	if (!unlinkat(at, name, 0) || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	fd = open_directory(at, name);
	if (fd < 0)
		return fd;
	dir = depth < DEPTH_MAX ? fdopendir(fd) : NULL;
	if (!dir) {
		close(fd);
		return -ELOOP;
	}
	while (!err && (entry = readdir(dir))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			err = remove_tree(fd, entry->d_name, depth + 1);
	}
	closedir(dir);
	if (!err && unlinkat(at, name, AT_REMOVEDIR))
		err = -errno;
	return err;
}

/* Where links are not to be had. */
static int copy_file(const struct writer *w, int from, int to, const char *name)
{
	pb_autoclose int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	pb_autoclose int out = -1;
	ssize_t n;

	if (in < 0)
		return -errno;
	out = make_file(w, to, name);
	if (out < 0)
		return out;
	do
		n = sendfile(out, in, NULL, COPY_BYTES);
	while (n > 0);
	return n ? -errno : 0;
}

/* All in directory @from but one name of it, into @to. Takes @from. */
static int link_entries(const struct writer *w, int from, int to, const char *without, int depth)
{
	DIR *dir = depth < DEPTH_MAX ? fdopendir(from) : NULL;
	struct dirent *entry;
	int err = 0;

	if (!dir) {
		close(from);
		return -ELOOP;
	}
	while (!err && (entry = readdir(dir))) {
		const char *name = entry->d_name;
		pb_autoclose int inner = -1;
		struct stat st;

		if (!strcmp(name, ".") || !strcmp(name, "..") ||
		    (without && (!strcmp(name, without) || !strcmp(name, SUMS))))
			continue;
		if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW)) {
			err = -errno;
		} else if (!S_ISDIR(st.st_mode)) {
			err = linkat(from, name, to, name, 0) ? -errno : 0;
			if (err && S_ISREG(st.st_mode))
				err = copy_file(w, from, to, name);
		} else {
			int deeper = open_directory(from, name);

			inner = deeper < 0 ? deeper : make_directory(w, to, name);
			if (inner < 0 && deeper >= 0)
				close(deeper);
			err = inner < 0 ? inner : link_entries(w, deeper, inner, NULL, depth + 1);
		}
	}
	closedir(dir);
	return err;
}

static int write_all(int fd, const char *bytes, size_t size)
{
	while (size) {
		ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			bytes += n;
			size -= (size_t)n;
		}
	}
	return fsync(fd) ? -errno : 0;
}

/* An output by its name, "files/out/result.json", below @directory. */
static int write_output(const struct writer *w, int directory, const struct pb_golden_output *o)
{
	pb_autoclose int at = fcntl(directory, F_DUPFD_CLOEXEC, 3);
	pb_autoclose int fd = -1;
	char part[sizeof(o->name)];
	const char *name = o->name;

	while (strchr(name, '/')) {
		size_t len = strcspn(name, "/");
		int next;

		snprintf(part, sizeof(part), "%.*s", (int)len, name);
		if (!len || !strcmp(part, ".") || !strcmp(part, ".."))
			return -EINVAL;
		next = make_directory(w, at, part);
		if (next < 0)
			return next;
		close(at);
		at = next;
		name += len + 1;
	}
	fd = make_file(w, at, name);
	return fd < 0 ? fd : write_all(fd, o->text, o->size);
}

static int by_name(const void *a, const void *b)
{
	/* Lines of SHA256SUMS: the name stands behind the digest. */
	return strcmp(*(char *const *)a + PB_SHA256_HEX, *(char *const *)b + PB_SHA256_HEX);
}

static int add_line(char ***lines, uint32_t *n, uint32_t *room, char *line)
{
	int err = line ? pb_grow(lines, room, (uint64_t)*n + 1, sizeof(**lines)) : -ENOMEM;

	if (err)
		free(line);
	else
		(*lines)[(*n)++] = line;
	return err;
}

/* Lines of the old file that are not of the workload. A file that pb_golden_open() takes, so each is one. */
static int keep_lines(const struct writer *w, char *text, char ***lines, uint32_t *n,
		      uint32_t *room)
{
	size_t len = strlen(w->workload);
	char *line, *save = NULL;
	int err = 0;

	for (line = strtok_r(text, "\n", &save); line && !err; line = strtok_r(NULL, "\n", &save)) {
		const char *name = strlen(line) > PB_SHA256_HEX + 1 ? line + PB_SHA256_HEX + 1 : "";

		if (*name && (strncmp(name, w->workload, len) != 0 || name[len] != '/'))
			err = add_line(lines, n, room, strdup(line));
	}
	return err;
}

static int make_lines(const struct writer *w, char *old, char ***lines, uint32_t *n)
{
	uint32_t room = 0;
	int err = old ? keep_lines(w, old, lines, n, &room) : 0;

	for (uint32_t i = 0; i < w->n && !err; i++) {
		char *line;

		if (asprintf(&line, "%s  %s/%s", w->outputs[i].digest, w->workload,
			     w->outputs[i].name) < 0)
			line = NULL;
		err = add_line(lines, n, &room, line);
	}
	if (!err && *n)
		qsort(*lines, *n, sizeof(**lines), by_name);
	return err;
}

static int write_sums(const struct writer *w, int directory, char *old)
{
	pb_autofree char *text = NULL;
	pb_autoclose int fd = -1;
	char **lines = NULL;
	size_t size = 0;
	uint32_t n = 0;
	int err = make_lines(w, old, &lines, &n);
	FILE *f = err ? NULL : open_memstream(&text, &size);

	for (uint32_t i = 0; i < n; i++) {
		if (f)
			fprintf(f, "%s\n", lines[i]);
		free(lines[i]);
	}
	free(lines);
	if (!f || fclose(f))
		return -ENOMEM;
	fd = make_file(w, directory, SUMS);
	return fd < 0 ? fd : write_all(fd, text, size);
}

/* What SHA256SUMS of the old store says; NULL if there is none. */
static int read_old_sums(int directory, char **text)
{
	pb_autoclose int fd =
		openat(directory, SUMS, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return -EINVAL;
	*text = calloc(1, (size_t)st.st_size + 1);
	if (!*text)
		return -ENOMEM;
	n = read(fd, *text, (size_t)st.st_size);
	return n == st.st_size ? 0 : -EIO;
}

/* The new store in its own directory. @old: -1: there is none. */
static int fill(const struct writer *w, int old)
{
	pb_autoclose int fresh = make_directory(w, w->parent_fd, w->fresh);
	pb_autofree char *sums = NULL;
	pb_autoclose int own = -1;
	int err = fresh < 0 ? fresh : 0;

	if (!err && old >= 0)
		err = read_old_sums(old, &sums);
	if (!err && old >= 0)
		err = link_entries(w, fcntl(old, F_DUPFD_CLOEXEC, 3), fresh, w->workload, 0);
	if (err)
		return err;
	own = make_directory(w, fresh, w->workload);
	err = own < 0 ? own : 0;
	for (uint32_t i = 0; i < w->n && !err; i++)
		err = write_output(w, own, &w->outputs[i]);
	if (!err)
		err = write_sums(w, fresh, sums);
	if (!err && (fsync(own) || fsync(fresh)))
		err = -errno;
	return err;
}

/* The new one takes the place of the old, which is removed. */
static int swap(const struct writer *w, bool has_old)
{
	char aside[sizeof(w->fresh) + 8];
	int at = w->parent_fd, err = 0;

	if (!has_old)
		return renameat2(at, w->fresh, at, w->name, RENAME_NOREPLACE) &&
				       renameat(at, w->fresh, at, w->name)
			       ? -errno
			       : 0;
	if (!renameat2(at, w->fresh, at, w->name, RENAME_EXCHANGE))
		return remove_tree(at, w->fresh, 0);
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	/* A file system that cannot exchange, as NFS: for a moment there is none. */
	snprintf(aside, sizeof(aside), "%s.old", w->fresh);
	err = remove_tree(at, aside, 0);
	if (!err && renameat(at, w->name, at, aside))
		err = -errno;
	if (err)
		return err;
	if (renameat(at, w->fresh, at, w->name)) {
		err = -errno;
		return renameat(at, aside, at, w->name) ? -errno : err;
	}
	return remove_tree(at, aside, 0);
}

static int replace(const struct writer *w)
{
	int old = open_directory(w->parent_fd, w->name);
	int err = old < 0 && old != -ENOENT ? old : remove_tree(w->parent_fd, w->fresh, 0);

	if (!err)
		err = fill(w, old);
	if (!err)
		err = swap(w, old >= 0);
	if (old >= 0)
		close(old);
	if (!err && fsync(w->parent_fd))
		err = -errno;
	if (err && err != -ENOTDIR && err != -ELOOP)
		remove_tree(w->parent_fd, w->fresh, 0);
	return err;
}

int pb_golden_replace(const char *store, const char *workload,
		      const struct pb_golden_output *outputs, uint32_t n)
{
	struct writer w = {.path = store, .workload = workload, .outputs = outputs, .n = n};
	pb_autofree char *path = strdup(store);
	pb_autoclose int parent = -1;
	size_t len = path ? strlen(path) : 0;
	struct stat st;
	char *slash;
	int err;

	while (len > 1 && path[len - 1] == '/')
		path[--len] = '\0';
	slash = path ? strrchr(path, '/') : NULL;
	w.name = slash ? slash + 1 : path;
	if (!path || !*w.name || strlen(w.name) > 255 - 5 || !strcmp(w.name, ".") ||
	    !strcmp(w.name, "..") || strchr(workload, '/') || workload[0] == '.')
		return pb_fail(EINVAL, "\"%s\" cannot hold golden outputs of \"%s\"", store,
			       workload);
	snprintf(w.fresh, sizeof(w.fresh), ".%s.new", w.name);
	if (slash)
		*slash = '\0';
	parent = open(!slash ? "." : *path ? path : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0 || fstat(parent, &st) || flock(parent, LOCK_EX))
		return pb_err(errno, "open the directory of %s", store);
	w.parent_fd = parent;
	w.has_owner = !geteuid();
	w.uid = st.st_uid;
	w.gid = st.st_gid;
	err = replace(&w);
	return err ? pb_err(-err, "write the golden outputs of \"%s\" to %s", workload, store) : 0;
}
