/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/debugfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "user/core/log.h"
#include "user/core/own.h"
#include "user/symbol/beneath.h"
#include "user/symbol/debuginfod.h"
#include "user/symbol/shared/buildid.h"

#define DEBUG_DIR     "/usr/lib/debug"
#define CRC_CHUNK     (256u << 10)
/* A file with less than one byte in this many on disk is holes; file systems do not compress that well. */
#define HOLES_MIN     32
/* Smaller ones may lie in their inode. */
#define HOLES_BYTES   (1u << 20)
#define LINKS_MAX     8
/* A build id may be longer than the kernel's, by ld --build-id=0x... */
#define BUILD_ID_SIZE 64

/* Values of found_in. */
enum found_in {
	FOUND_NOTHING,
	FOUND_IN_TARGET,
	FOUND_IN_OURS,
	FOUND_BY_SERVER,
};

/* One attempt: what is looked for, and in which root. */
struct search {
	struct pb_debugfile *debugfile;
	const struct pb_wanted *wanted;
	enum found_in where;
	int root;
};

/* --- is it the right one? --- */

static bool same_build_id(int fd, const struct pb_wanted *wanted)
{
	uint8_t id[BUILD_ID_SIZE];
	size_t len = pb_build_id_of(fd, id, sizeof(id));

	return len == wanted->build_id_len && !memcmp(id, wanted->build_id, len);
}

/* Read @size bytes. Return: 0; -ENOENT if there are fewer; -ENOMEM; -errno. */
static int read_crc(int fd, uint64_t size, uint32_t *out)
{
	pb_autofree uint8_t *buf = malloc(CRC_CHUNK);
	uLong crc = crc32(0, NULL, 0);
	uint64_t off = 0;

	if (!buf)
		return -ENOMEM;
	while (off < size) {
		size_t want = size - off < CRC_CHUNK ? (size_t)(size - off) : CRC_CHUNK;
		ssize_t got = pread(fd, buf, want, (off_t)off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got ? -errno : -ENOENT;
		off += (uint64_t)got;
		crc = crc32(crc, buf, (uInt)got);
	}
	*out = (uint32_t)crc;
	return 0;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* NULL: not known. */
static const struct pb_debugfile_sum *find_sum(const struct pb_debugfile_sums *sums,
					       const struct stat *st)
{
	uint32_t i;

	for (i = 0; sums && i < sums->n && i < PB_DEBUGFILE_SUMS; i++) {
		const struct pb_debugfile_sum *s = &sums->known[i];

		if (s->ino == st->st_ino && s->dev == st->st_dev &&
		    s->size == (uint64_t)st->st_size && same_time(&s->modified, &st->st_mtim) &&
		    same_time(&s->changed, &st->st_ctim))
			return s;
	}
	return NULL;
}

static void keep_sum(struct pb_debugfile_sums *sums, const struct stat *st, uint32_t crc)
{
	sums->known[sums->n++ % PB_DEBUGFILE_SUMS] = (struct pb_debugfile_sum){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.modified = st->st_mtim,
		.changed = st->st_ctim,
		.crc = crc,
	};
}

static int say_too_large(struct pb_debugfile *d, uint64_t size)
{
	if (d->sums && !d->sums->said) {
		d->sums->said = true;
		pb_log(PB_LOG_WARN,
		       "%s has no build id, and reading its debug file of %.0f MB to check it would "
		       "take too long: it is left out",
		       d->path, (double)size / 1e6);
	}
	return -EFBIG;
}

/* Return: 0; -EFBIG: not worth the time; -ENOENT, -ENOMEM; -errno. */
static int crc_of(struct pb_debugfile *d, int fd, const struct stat *st, uint32_t *out)
{
	const struct pb_debugfile_sum *known = find_sum(d->sums, st);
	uint64_t size = (uint64_t)st->st_size;
	int err;

	if (known) {
		*out = known->crc;
		return 0;
	}
	if (size > HOLES_BYTES && (uint64_t)st->st_blocks * 512 < size / HOLES_MIN)
		return -EFBIG;
	if (size > PB_DEBUGFILE_MODULE_BYTES - d->summed_bytes ||
	    (d->sums && size > PB_DEBUGFILE_RUN_BYTES - d->sums->bytes))
		return say_too_large(d, size);
	d->summed_bytes += size;
	if (d->sums)
		d->sums->bytes += size;
	err = read_crc(fd, size, out);
	if (!err && d->sums)
		keep_sum(d->sums, st, *out);
	return err;
}

/*
 * Whether only those could write it who could have written the module, too; in a mount namespace that a
 * user has made, a file's owner is still that user.
 */
static bool is_trusted(const struct pb_debugfile *d, const struct stat *st)
{
	return (!st->st_uid || st->st_uid == d->owner) && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* Return: 0; -ENOENT if it is another file's; -EPERM if anybody may have written it. */
static int check(const struct search *s, int fd)
{
	struct stat st;
	uint32_t crc = 0;
	int err;

	if (fstat(fd, &st))
		return -errno;
	if (!is_trusted(s->debugfile, &st))
		return -EPERM;
	if (s->wanted->build_id_len) {
		err = same_build_id(fd, s->wanted) ? 0 : -ENOENT;
	} else {
		err = crc_of(s->debugfile, fd, &st, &crc);
		if (!err && crc != s->wanted->crc)
			err = -ENOENT;
	}
	if (!err && st.st_uid)
		s->debugfile->suspect = true;
	return err;
}

/* The module itself may carry the name of its link, and has its own build id. */
static bool is_module(const struct search *s, int fd)
{
	pb_autoclose int module = pb_beneath_find(s->root, s->debugfile->path, true);
	struct stat a, b;

	return module >= 0 && !fstat(module, &a) && !fstat(fd, &b) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* --- where it lies --- */

__attribute__((format(printf, 3, 4))) static bool put_path(char *buf, size_t size, const char *fmt,
							   ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n >= 0 && (size_t)n < size;
}

/* Bytes of the folder's part of a path; 0 without one, and for "/name". */
static int folder_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (int)(slash - path) : 0;
}

/* What the symlink @path in @root leads to, put in its place. Return: false if it is none. */
static bool follow_link(int root, char *path, size_t size)
{
	pb_autoclose int fd = pb_beneath_find(root, path, false);
	char target[PATH_MAX], next[PATH_MAX];
	ssize_t len;

	if (fd < 0)
		return false;
	len = readlinkat(fd, "", target, sizeof(target) - 1);
	if (len <= 0)
		return false;
	target[len] = '\0';
	if (*target == '/'
		    ? !put_path(next, sizeof(next), "%s", target)
		    : !put_path(next, sizeof(next), "%.*s/%s", folder_len(path), path, target))
		return false;
	return put_path(path, size, "%s", next);
}

/*
 * An alternate's path starts where the debug file is, not where a link to it is: distributions have links
 * in .build-id. Links among the folders are followed when the alternate is opened.
 */
static void remember(const struct search *s, const char *path)
{
	struct pb_debugfile *d = s->debugfile;
	char real[PATH_MAX];
	int i;

	if (s->wanted->kind == PB_WANTED_ALT || !put_path(real, sizeof(real), "%s", path))
		return;
	for (i = 0; i < LINKS_MAX && follow_link(s->root, real, sizeof(real)); i++)
		;
	put_path(d->found_folder, sizeof(d->found_folder), "%.*s", folder_len(real), real);
	d->found_in = s->where;
}

/* Return: a descriptor; -ENOENT: not there, or not the one; -ENOMEM. */
static int try_path(const struct search *s, const char *path)
{
	pb_autoclose int fd = pb_beneath_open(s->root, path, true);
	int err = fd < 0 ? fd : 0;

	if (!err && s->wanted->kind == PB_WANTED_LINK && is_module(s, fd))
		return -ENOENT;
	if (!err)
		err = check(s, fd);
	if (!err) {
		remember(s, path);
		return pb_take_fd(fd);
	}
	if (fd >= 0 && err == -ENOENT)
		pb_log(PB_LOG_DEBUG, "%s is not the debug file of %s: its %s differs", path,
		       s->debugfile->path, s->wanted->build_id_len ? "build id" : "CRC");
	else if (fd >= 0 && err == -EPERM)
		pb_log(PB_LOG_DEBUG,
		       "%s is not used: others than root and the owner of %s may write it", path,
		       s->debugfile->path);
	else if (err != -ENOENT && err != -ENOTDIR)
		pb_log(PB_LOG_DEBUG, "%s is not used: %s", path,
		       err == -EINVAL ? "not a regular file" : strerror(-err));
	return err == -ENOMEM || err == -EMFILE || err == -ENFILE ? err : -ENOENT;
}

static int try_build_id(const struct search *s)
{
	char hex[2 * PB_WIRE_ID_MAX + 1], path[sizeof(DEBUG_DIR) + sizeof(hex) + 32];
	uint32_t i;

	if (s->wanted->build_id_len < 2)
		return -ENOENT;
	for (i = 0; i < s->wanted->build_id_len; i++)
		snprintf(hex + 2 * i, 3, "%02x", s->wanted->build_id[i]);
	snprintf(path, sizeof(path), DEBUG_DIR "/.build-id/%.2s/%s.debug", hex, hex + 2);
	return try_path(s, path);
}

static int try_link(const struct search *s)
{
	static const struct {
		const char *before, *behind; /* the module's folder */
	} places[] = {{"", ""}, {"", "/.debug"}, {DEBUG_DIR, ""}};
	const char *module = s->debugfile->path;
	char path[PATH_MAX];
	int fd = -ENOENT;
	size_t i;

	if (*module != '/')
		return -ENOENT;
	for (i = 0; i < PB_ARRAY_SIZE(places) && fd == -ENOENT; i++)
		if (put_path(path, sizeof(path), "%s%.*s%s/%s", places[i].before,
			     folder_len(module), module, places[i].behind, s->wanted->name))
			fd = try_path(s, path);
	return fd;
}

static int try_alt(const struct search *s)
{
	const struct pb_debugfile *d = s->debugfile;
	const char *folder = d->found_folder, *name = s->wanted->name;
	int len = (int)strlen(folder);
	char path[PATH_MAX];

	/* What one root's file names is no business of the other's. */
	if (d->found_in != FOUND_NOTHING && d->found_in != s->where)
		return -ENOENT;
	if (d->found_in == FOUND_NOTHING) {
		/* It is the module itself that dwz has been at. */
		folder = d->path;
		len = folder_len(folder);
	}
	if (*name == '/')
		return try_path(s, name);
	if ((*folder && *folder != '/') ||
	    !put_path(path, sizeof(path), "%.*s/%s", len, folder, name))
		return -ENOENT;
	return try_path(s, path);
}

static int try_root(struct search *s)
{
	int fd = try_build_id(s);

	if (fd != -ENOENT)
		return fd;
	switch (s->wanted->kind) {
	case PB_WANTED_LINK:
		return try_link(s);
	case PB_WANTED_ALT:
		return try_alt(s);
	default:
		return -ENOENT;
	}
}

/* Two roots are one if they are the same folder of the same mount: most targets share ours. */
static bool same_root(int a, int b)
{
	struct statx x, y;

	return !statx(a, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &x) &&
	       !statx(b, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &y) &&
	       (x.stx_mask & y.stx_mask & STATX_MNT_ID) && x.stx_mnt_id == y.stx_mnt_id &&
	       x.stx_ino == y.stx_ino;
}

static int try_roots(struct pb_debugfile *d, const struct pb_wanted *wanted)
{
	struct search s = {.debugfile = d, .wanted = wanted};
	pb_autoclose int target = -1;
	pb_autoclose int ours = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[64];
	int fd = -ENOENT;

	if (ours < 0)
		return -errno;
	if (d->tgid) {
		snprintf(path, sizeof(path), "/proc/%u/root", d->tgid);
		target = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (target >= 0 && !same_root(target, ours)) {
		s.where = FOUND_IN_TARGET;
		s.root = target;
		fd = try_root(&s);
	}
	if (fd == -ENOENT) {
		s.where = FOUND_IN_OURS;
		s.root = ours;
		fd = try_root(&s);
	}
	return fd;
}

/* --- what is asked for, and by whom --- */

static bool has_control_byte(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return true;
	return false;
}

static bool check_wanted(const struct pb_wanted *w)
{
	if (w->build_id_len > PB_WIRE_ID_MAX)
		return false;
	if (w->kind == PB_WANTED_BUILD_ID)
		return w->build_id_len;
	if (!memchr(w->name, '\0', sizeof(w->name)) || !*w->name || has_control_byte(w->name))
		return false;
	if (w->kind == PB_WANTED_ALT)
		return w->build_id_len;
	return w->kind == PB_WANTED_LINK && strlen(w->name) <= NAME_MAX && !strchr(w->name, '/') &&
	       strcmp(w->name, ".") && strcmp(w->name, "..");
}

static int ask_server(struct pb_debugfile *d, const struct pb_wanted *wanted)
{
	const char *slash = strrchr(d->path, '/');
	pb_autoclose int fd = pb_debuginfod_find(d->debuginfod, wanted->build_id,
						 wanted->build_id_len, slash ? slash + 1 : d->path);

	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st))
		return -errno;
	if ((st.st_uid && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH))) {
		pb_log(PB_LOG_WARN,
		       "debuginfod: what the cache has for %s may have been written by others, and is "
		       "not used",
		       d->path);
		return -ENOENT;
	}
	if (!same_build_id(fd, wanted)) {
		pb_log(PB_LOG_WARN,
		       "debuginfod: what there is for %s is another file's, and is not used; it may lie in "
		       "the cache",
		       d->path);
		return -ENOENT;
	}
	if (wanted->kind != PB_WANTED_ALT)
		d->found_in = FOUND_BY_SERVER;
	/* The file is ours, its bytes are the server's. */
	d->suspect = true;
	return pb_take_fd(fd);
}

int pb_debugfile_open(void *debugfile, const struct pb_wanted *wanted)
{
	struct pb_debugfile *d = debugfile;
	int fd;

	if (!check_wanted(wanted)) {
		pb_log(PB_LOG_DEBUG, "%s asks for a debug file by a name that none has", d->path);
		return -EINVAL;
	}
	fd = try_roots(d, wanted);
	if (fd == -ENOENT && d->debuginfod && wanted->build_id_len)
		fd = ask_server(d, wanted);
	return fd;
}
