/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/debuginfod_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/core/log.h"

#define NFTW_FDS   8
#define BUILD_ID_N 64

struct pb_debuginfod_cache {
	char *path;
	bool is_ours; /* made for this run */
};

/* --- which folder --- */

__attribute__((format(printf, 2, 3))) static bool put_path(char *buf, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, PATH_MAX, fmt, ap);
	va_end(ap);
	return n > 0 && n < PATH_MAX;
}

static bool owned_folder(const char *path)
{
	struct stat st;

	return path && *path == '/' && !stat(path, &st) && S_ISDIR(st.st_mode) &&
	       st.st_uid == geteuid();
}

/* A folder within one that may be written to; made if it is not there. */
static bool have_folder(const char *path)
{
	return (!mkdir(path, 0700) || errno == EEXIST) && owned_folder(path);
}

/* Nothing is made in another user's folder; /tmp and the like are root's. */
static bool named_folder(const char *path)
{
	char parent[PATH_MAX];
	struct stat st;

	if (owned_folder(path))
		return true;
	if (*path != '/' || !put_path(parent, "%.*s/.", (int)(strrchr(path, '/') - path), path) ||
	    stat(parent, &st) || (st.st_uid != geteuid() && st.st_uid))
		return false;
	return have_folder(path);
}

static bool folder_in_home(char *path, const char *home)
{
	const char *xdg = getenv("XDG_CACHE_HOME");

	if (owned_folder(home) && put_path(path, "%s/.debuginfod_client_cache", home) &&
	    owned_folder(path))
		return true;
	if (owned_folder(xdg) && put_path(path, "%s/debuginfod_client", xdg) && have_folder(path))
		return true;
	return owned_folder(home) && put_path(path, "%s/.cache", home) && have_folder(path) &&
	       put_path(path, "%s/.cache/debuginfod_client", home) && have_folder(path);
}

/* The library's own order, each only if it is ours. */
static bool usual_folder(char *path)
{
	const char *named = getenv("DEBUGINFOD_CACHE_PATH");
	const struct passwd *user;

	if (named && *named) {
		if (named_folder(named))
			return put_path(path, "%s", named);
		pb_log(PB_LOG_WARN,
		       "DEBUGINFOD_CACHE_PATH: %s is no folder of ours, what is downloaded is not kept",
		       named);
		return false;
	}
	if (folder_in_home(path, getenv("HOME")))
		return true;
	/* $HOME may be that of whoever called sudo. */
	user = getpwuid(geteuid());
	return user && folder_in_home(path, user->pw_dir);
}

static int make_private(char *path)
{
	/* A debug file may be large, and /tmp in memory. */
	snprintf(path, PATH_MAX, "/var/tmp/perfbeads-debuginfod-XXXXXX");
	if (mkdtemp(path))
		return 0;
	snprintf(path, PATH_MAX, "/tmp/perfbeads-debuginfod-XXXXXX");
	return mkdtemp(path) ? 0 : pb_err(errno, "debuginfod: make a folder in /var/tmp or /tmp");
}

int pb_debuginfod_cache_new(struct pb_debuginfod_cache **out)
{
	pb_auto(pb_debuginfod_cache) struct pb_debuginfod_cache *c = calloc(1, sizeof(*c));
	char path[PATH_MAX];
	int err;

	if (!c)
		return -ENOMEM;
	if (!usual_folder(path)) {
		err = make_private(path);
		if (err)
			return err;
		c->is_ours = true;
	}
	c->path = realpath(path, NULL);
	if (!c->path) {
		err = errno;
		if (c->is_ours)
			rmdir(path);
		return pb_err(err, "debuginfod: %s", path);
	}
	*out = pb_take(c);
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	remove(path);
	return 0;
}

void pb_debuginfod_cache_free(struct pb_debuginfod_cache *c)
{
	if (!c)
		return;
	if (c->is_ours && c->path)
		nftw(c->path, remove_one, NFTW_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	free(c->path);
	free(c);
}

const char *pb_debuginfod_cache_path(const struct pb_debuginfod_cache *c)
{
	return c->path;
}

/* --- what is left behind --- */

/* The library writes to "debuginfo.XXXXXX" beside the final name; others may do so at the same time. */
static void remove_partial(int fds, const char *name, const char *folder)
{
	char target[PATH_MAX], part[PATH_MAX];
	ssize_t len = readlinkat(fds, name, target, sizeof(target) - 1);

	if (len <= 0 || !put_path(part, "%s/debuginfo.", folder))
		return;
	target[len] = '\0';
	if (!strncmp(target, part, strlen(part)) && !strchr(target + strlen(part), '/'))
		unlink(target);
}

static void remove_partials(pid_t pid, const char *folder)
{
	char path[64];
	struct dirent *entry;
	DIR *fds;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	fds = opendir(path);
	if (!fds)
		return;
	while ((entry = readdir(fds)))
		remove_partial(dirfd(fds), entry->d_name, folder);
	closedir(fds);
}

void pb_debuginfod_cache_tidy(const struct pb_debuginfod_cache *c, pid_t pid,
			      const uint8_t *build_id, uint32_t len)
{
	char hex[2 * BUILD_ID_N + 1] = "", folder[PATH_MAX], empty[PATH_MAX];
	struct stat st;
	uint32_t i;

	for (i = 0; i < len && i < BUILD_ID_N; i++)
		snprintf(hex + 2 * i, 3, "%02x", build_id[i]);
	if (!put_path(folder, "%s/%s", c->path, hex) || !put_path(empty, "%s/debuginfo", folder))
		return;
	if (pid > 0)
		remove_partials(pid, folder);
	if (!lstat(empty, &st) && S_ISREG(st.st_mode) && !st.st_size)
		unlink(empty);
	rmdir(folder); /* if it is empty */
}
