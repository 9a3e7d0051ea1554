/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/debuginfod_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "user/core/log.h"
#include "user/core/sandbox.h"

#define NFTW_FDS      8
#define BUILD_ID_N    64
#define PRIVATE       "perfbeads-debuginfod-"
/* A folder that is taken for one that was left behind before it could be locked: try again so often. */
#define PRIVATE_TRIES 8
/* So often, with pauses, is a folder removed that a dying process may still write to. */
#define REMOVE_TRIES  50
#define PAUSE_NS      20000000l

/*
 * A folder that is made for one run has a keeper, a process that removes it once the tool is gone, however
 * it went. Both hold a lock on it, by which the next run knows what neither could remove.
 */
struct pb_debuginfod_cache {
	char *path;
	bool is_ours; /* made for this run */
	int lock;     /* the folder, if it is ours */
	int alive;    /* our end of a pipe that closes with us */
	pid_t keeper; /* 0: there is none */
};

/* A debug file may be large, and /tmp in memory. */
static const char *const private_places[] = {"/var/tmp", "/tmp"};

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

/* --- one for this run only --- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	remove(path);
	return 0;
}

static void remove_folder(const char *path)
{
	nftw(path, remove_one, NFTW_FDS, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/*
 * Lock a folder of ours that nobody else may look into. What only looks like one is another's.
 * Return: a descriptor; -EWOULDBLOCK if its run is alive; -ESTALE if it is gone by now; -errno.
 */
static int lock_private(const char *path)
{
	pb_autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st, now;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (st.st_uid != geteuid() || (st.st_mode & 077))
		return -EPERM;
	if (flock(fd, LOCK_EX | LOCK_NB))
		return -errno;
	if (lstat(path, &now) || now.st_ino != st.st_ino || now.st_dev != st.st_dev)
		return -ESTALE;
	return pb_take_fd(fd);
}

/* What runs have left behind that were killed, and their keepers with them. */
static void remove_stale(const char *place)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *folder = opendir(place);
	int fd;

	while (folder && (entry = readdir(folder))) {
		if (strncmp(entry->d_name, PRIVATE, strlen(PRIVATE)) ||
		    !put_path(path, "%s/%s", place, entry->d_name))
			continue;
		fd = lock_private(path);
		if (fd < 0)
			continue;
		remove_folder(path);
		close(fd);
	}
	if (folder)
		closedir(folder);
}

static int make_private(struct pb_debuginfod_cache *c, char *path)
{
	size_t place = 0;
	int tries;

	for (tries = 0; tries < PRIVATE_TRIES && place < PB_ARRAY_SIZE(private_places); tries++) {
		snprintf(path, PATH_MAX, "%s/" PRIVATE "XXXXXX", private_places[place]);
		if (!mkdtemp(path)) {
			place++;
			continue;
		}
		c->lock = lock_private(path);
		if (c->lock >= 0)
			return 0;
		/* Another run has just begun, and tidies up. */
		rmdir(path);
		errno = -c->lock;
	}
	return pb_err(errno, "debuginfod: make a folder in /var/tmp or /tmp");
}

/* Nothing of the tool's but the pipe and the lock, or a pipeline would wait for us. */
static void keep_only(int alive, int lock)
{
	int low = alive < lock ? alive : lock, high = alive < lock ? lock : alive, fd;
	sigset_t all;

	/* Ctrl-C is for the tool. Of signals, only SIGKILL. */
	setpgid(0, 0);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fd != low && fd != high)
			close(fd);
	if (low > STDERR_FILENO + 1)
		close_range(STDERR_FILENO + 1, (unsigned int)low - 1, 0);
	if (high > low + 1)
		close_range((unsigned int)low + 1, (unsigned int)high - 1, 0);
	close_range((unsigned int)high + 1, ~0u, 0);
	pb_sandbox_drop_shared();
	prctl(PR_SET_NAME, "debuginfod", 0, 0, 0);
}

__attribute__((noreturn)) static void keep(const char *path, int alive, int lock)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	char byte;
	int i;

	keep_only(alive, lock);
	while (read(alive, &byte, 1) < 0 && errno == EINTR)
		;
	/* The library's process dies with the tool, too, a moment later. */
	for (i = 0; i < REMOVE_TRIES && (!i || !access(path, F_OK)); i++) {
		nanosleep(&pause, NULL);
		remove_folder(path);
	}
	_exit(0);
}

/* Without one, the next run removes the folder. */
static void start_keeper(struct pb_debuginfod_cache *c)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return;
	c->keeper = fork();
	if (!c->keeper)
		keep(c->path, ends[0], c->lock);
	close(ends[0]);
	c->alive = ends[1];
	if (c->keeper < 0)
		c->keeper = 0;
}

static void stop_keeper(struct pb_debuginfod_cache *c)
{
	if (c->alive >= 0)
		close(c->alive);
	if (c->keeper <= 0)
		return;
	kill(c->keeper, SIGKILL);
	while (waitpid(c->keeper, NULL, 0) < 0 && errno == EINTR)
		;
}

/* --- new and free --- */

int pb_debuginfod_cache_new(struct pb_debuginfod_cache **out)
{
	pb_auto(pb_debuginfod_cache) struct pb_debuginfod_cache *c = calloc(1, sizeof(*c));
	char path[PATH_MAX];
	size_t i;
	int err;

	if (!c)
		return -ENOMEM;
	c->lock = c->alive = -1;
	for (i = 0; i < PB_ARRAY_SIZE(private_places); i++)
		remove_stale(private_places[i]);
	if (!usual_folder(path)) {
		err = make_private(c, path);
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
	if (c->is_ours)
		start_keeper(c);
	*out = pb_take(c);
	return 0;
}

void pb_debuginfod_cache_free(struct pb_debuginfod_cache *c)
{
	if (!c)
		return;
	/* Removed before the keeper is stopped: one of the two does it, whatever happens. */
	if (c->is_ours && c->path)
		remove_folder(c->path);
	stop_keeper(c);
	if (c->lock >= 0)
		close(c->lock);
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
