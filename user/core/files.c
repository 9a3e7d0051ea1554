/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Two tables: what a sight looked like (path, build id, device, inode) -> file, so that the common
 * case costs no more than a look at the descriptor; and inode of what was opened -> file, so that one
 * file seen by two routes is one file. An inode is no identity: "cp new program" writes into the old one.
 */
#include "user/core/files.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "user/core/grow.h"
#include "user/core/idtable.h"
#include "user/core/log.h"
#include "user/core/openfile.h"

#define DESCRIPTORS_SPARED 64
#define TRIES_MAX          8 /* to open a file that several processes map */

/* What was opened, and which state of it. Not its ctime: unlink and chmod change that, and no code. */
struct identity {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
};

struct file {
	char *path;
	int fd;
	struct identity identity; /* when it was opened */
	uint8_t build_id[PB_BUILD_ID_MAX];
	uint32_t build_id_len;
	uint32_t tries;
	uint32_t tgid; /* who mapped it last */
};

/* The look of a sight. */
struct look {
	char *path;
	uint64_t dev, ino;
	uint8_t build_id[PB_BUILD_ID_MAX];
	uint32_t build_id_len;
	uint32_t file;
};

struct pb_files {
	struct pb_opener *opener;
	struct file *files;
	uint32_t n_files, files_size;
	struct look *looks;
	uint32_t n_looks, looks_size;
	struct pb_idtable *by_look;
	struct pb_idtable *by_inode;
};

int pb_files_new(struct pb_files **out)
{
	pb_auto(pb_files) struct pb_files *f = calloc(1, sizeof(*f));

	if (!f || pb_opener_new(&f->opener) || pb_idtable_new(&f->by_look) ||
	    pb_idtable_new(&f->by_inode))
		return -ENOMEM;
	*out = pb_take(f);
	return 0;
}

void pb_files_free(struct pb_files *f)
{
	uint32_t i;

	if (!f)
		return;
	for (i = 0; i < f->n_files; i++) {
		if (f->files[i].fd >= 0)
			close(f->files[i].fd);
		free(f->files[i].path);
	}
	for (i = 0; i < f->n_looks; i++)
		free(f->looks[i].path);
	free(f->files);
	free(f->looks);
	pb_opener_free(f->opener);
	pb_idtable_free(f->by_look);
	pb_idtable_free(f->by_inode);
	free(f);
}

static uint64_t look_hash(const struct pb_files *f, const struct pb_file_sight *s)
{
	return pb_idtable_hash(f->by_look, s->path, strlen(s->path)) ^
	       pb_idtable_hash(f->by_look, s->build_id, s->build_id_len) ^ s->dev << 40 ^ s->ino;
}

static bool same_look(const void *rows, uint32_t id, const void *key)
{
	const struct look *look = &((const struct pb_files *)rows)->looks[id];
	const struct pb_file_sight *s = key;

	return look->dev == s->dev && look->ino == s->ino &&
	       look->build_id_len == s->build_id_len &&
	       !memcmp(look->build_id, s->build_id, s->build_id_len) &&
	       !strcmp(look->path, s->path);
}

static struct identity identity_of(const struct stat *st)
{
	return (struct identity){st->st_dev, st->st_ino, st->st_size, st->st_mtim};
}

static bool same_identity(const struct identity *a, const struct identity *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec;
}

/* Without the build id, which one of two sights of the same file may lack. */
static uint64_t inode_hash(const struct pb_files *f, const struct pb_opened *o)
{
	struct identity identity = identity_of(&o->st);
	uint64_t key[] = {identity.dev, identity.ino, (uint64_t)identity.size,
			  (uint64_t)identity.mtime.tv_sec, (uint64_t)identity.mtime.tv_nsec};

	return pb_idtable_hash(f->by_inode, key, sizeof(key));
}

static bool same_inode(const void *rows, uint32_t id, const void *key)
{
	const struct file *file = &((const struct pb_files *)rows)->files[id];
	const struct pb_opened *o = key;
	struct identity identity = identity_of(&o->st);

	if (file->fd < 0 || !same_identity(&file->identity, &identity))
		return false;
	/* /proc may show no build id, so that one is not known says nothing. */
	return !file->build_id_len || !o->build_id_len ||
	       (file->build_id_len == o->build_id_len &&
		!memcmp(file->build_id, o->build_id, file->build_id_len));
}

/* Does the descriptor still show what was there when it was opened? */
static bool is_unchanged(const struct file *file)
{
	struct identity now;
	struct stat st;

	if (file->fd < 0 || pb_stat_known(file->fd, &st))
		return false;
	now = identity_of(&st);
	return same_identity(&file->identity, &now);
}

/* What is held open must not starve what is opened at the end: the outputs, kallsyms. */
static int spare(int fd)
{
	static bool said;
	struct rlimit limit;

	if (fd < 0 || getrlimit(RLIMIT_NOFILE, &limit) ||
	    (rlim_t)fd + DESCRIPTORS_SPARED < limit.rlim_cur)
		return fd;
	close(fd);
	if (!said)
		pb_log(PB_LOG_WARN,
		       "only %llu files may be open (ulimit -n): some modules have neither names nor "
		       "unwind rules",
		       (unsigned long long)limit.rlim_cur);
	said = true;
	return -1;
}

static char *path_without_deleted(const char *path)
{
	static const char suffix[] = " (deleted)";
	size_t len = strlen(path), cut = sizeof(suffix) - 1;

	if (len > cut && !strcmp(path + len - cut, suffix))
		len -= cut;
	return strndup(path, len);
}

static void set_build_id(struct file *file, const struct pb_opened *o)
{
	file->build_id_len = o->build_id_len;
	memcpy(file->build_id, o->build_id, o->build_id_len);
}

static uint32_t add_file(struct pb_files *f, const struct pb_file_sight *s)
{
	pb_autofree char *path = path_without_deleted(s->path);
	pb_autoclose int fd = -1;
	struct pb_opened opened;
	struct file *file;
	uint64_t hash;
	uint32_t id;

	if (!path || pb_grow(&f->files, &f->files_size, f->n_files + 1ull, sizeof(*f->files)))
		return PB_NONE;
	pb_opener_open(f->opener, s, &opened);
	fd = spare(opened.fd);
	hash = inode_hash(f, &opened);
	if (fd >= 0) {
		id = pb_idtable_find(f->by_inode, hash, same_inode, f, &opened);
		if (id != PB_IDTABLE_NONE) {
			if (!f->files[id].build_id_len)
				set_build_id(&f->files[id], &opened);
			return id;
		}
		if (pb_idtable_add(f->by_inode, hash, f->n_files))
			return PB_NONE;
	} else {
		pb_log(PB_LOG_DEBUG, "cannot open %s of process %u: its functions stay unnamed",
		       path, s->tgid);
	}
	file = &f->files[f->n_files];
	*file = (struct file){.fd = pb_take_fd(fd), .identity = identity_of(&opened.st)};
	file->path = pb_take(path);
	set_build_id(file, &opened);
	return f->n_files++;
}

static int add_look(struct pb_files *f, const struct pb_file_sight *s, uint64_t hash, uint32_t file)
{
	struct look look = {.dev = s->dev, .ino = s->ino, .file = file};

	if (pb_grow(&f->looks, &f->looks_size, f->n_looks + 1ull, sizeof(look)))
		return -ENOMEM;
	look.path = strdup(s->path);
	look.build_id_len = s->build_id_len;
	memcpy(look.build_id, s->build_id, s->build_id_len);
	if (!look.path || pb_idtable_add(f->by_look, hash, f->n_looks)) {
		free(look.path);
		return -ENOMEM;
	}
	f->looks[f->n_looks++] = look;
	return 0;
}

/* The first process that mapped it may have been gone too soon; this one may live. */
static void retry(struct pb_files *f, struct file *file, const struct pb_file_sight *s)
{
	struct pb_opened opened;

	if (file->fd >= 0 || file->tries++ >= TRIES_MAX)
		return;
	pb_opener_open(f->opener, s, &opened);
	file->fd = spare(opened.fd);
	if (file->fd >= 0)
		file->identity = identity_of(&opened.st);
}

/* A look that was there before: of the same file, unless that was rewritten where it lies. */
static uint32_t see_again(struct pb_files *f, struct look *look, const struct pb_file_sight *s)
{
	struct file *file = &f->files[look->file];
	uint32_t id;

	retry(f, file, s);
	if (file->fd < 0 || is_unchanged(file))
		return look->file;
	id = add_file(f, s);
	if (id != PB_NONE)
		look->file = id;
	return id;
}

static uint32_t see(struct pb_files *f, const struct pb_file_sight *sight)
{
	static const uint8_t no_build_id[1];
	struct pb_file_sight s = *sight;
	uint32_t look, id;
	uint64_t hash;

	if (!s.build_id || s.build_id_len > PB_BUILD_ID_MAX) {
		s.build_id = no_build_id;
		s.build_id_len = 0;
	}
	hash = look_hash(f, &s);
	look = pb_idtable_find(f->by_look, hash, same_look, f, &s);
	if (look != PB_IDTABLE_NONE)
		return see_again(f, &f->looks[look], &s);
	id = add_file(f, &s);
	if (id != PB_NONE && !add_look(f, &s, hash, id))
		return id;
	return PB_NONE;
}

uint32_t pb_files_see(struct pb_files *f, const struct pb_file_sight *sight)
{
	uint32_t id = see(f, sight);

	if (id != PB_NONE)
		f->files[id].tgid = sight->tgid;
	return id;
}

int pb_files_fd(const struct pb_files *f, uint32_t id)
{
	return is_unchanged(&f->files[id]) ? f->files[id].fd : -1;
}

int pb_files_pinned_fd(const struct pb_files *f, uint32_t id)
{
	return f->files[id].fd;
}

uint32_t pb_files_process(const struct pb_files *f, uint32_t id)
{
	return f->files[id].tgid;
}

const char *pb_files_path(const struct pb_files *f, uint32_t id)
{
	return f->files[id].path;
}

const uint8_t *pb_files_build_id(const struct pb_files *f, uint32_t id, uint32_t *len)
{
	*len = f->files[id].build_id_len;
	return f->files[id].build_id;
}
