/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * A regular file is written without a name (O_TMPFILE), so that even kill -9 leaves nothing behind,
 * and gets its name when it is whole. Where the filesystem or a missing /proc does not allow that,
 * it has a hidden temporary name from the beginning. Everything goes through a descriptor of the
 * directory, so that a directory that is renamed or exchanged meanwhile does not mislead us.
 *
 *	new file	unnamed --linkat--> name
 *	existing file	unnamed --linkat--> .name.xxxx --renameat--> name
 *	no O_TMPFILE	.name.xxxx --renameat--> name
 */
#include "user/core/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "user/core/log.h"
#include "user/core/opts.h"

#define BUFFER_BYTES  (64 * 1024)
#define TEMP_TRIES    16
/* ".", as much of the name as leaves room on any filesystem, ".", 16 hex digits */
#define TEMP_NAME_MAX 64
#define TEMP_DIGITS   16

struct pb_output {
	char *path;   /* as given, for messages */
	FILE *stream; /* writes to fd; does not own it */
	int fd;
	int err; /* the first error of a write, positive; 0: none */

	/* regular files only; dir_fd is -1 for what is written directly */
	int dir_fd;
	const char *name; /* last part of path */
	char *temp;       /* its temporary name in the directory; NULL: it has none */
	bool existed;
	bool has_owner; /* uid and gid are to be set */
	bool has_mode;  /* mode is to be set */
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* Like write(), but all of it, whatever interrupts. Gives the number of bytes, short on error. */
static ssize_t write_all(void *cookie, const char *bytes, size_t len)
{
	struct pb_output *o = cookie;
	size_t done = 0;

	while (done < len && !o->err) {
		ssize_t n = write(o->fd, bytes + done, len - done);
		struct pollfd full = {.fd = o->fd, .events = POLLOUT};

		if (n > 0)
			done += (size_t)n;
		else if (n == 0)
			o->err = EIO;
		else if (errno == EAGAIN) /* a pipe that its other end made non-blocking */
			poll(&full, 1, -1);
		else if (errno != EINTR)
			o->err = errno;
	}
	return (ssize_t)done;
}

/* Not one of the standard descriptors: a stray printf() must not end up in a result. */
static int above_stderr(int fd)
{
	int high, err;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	err = errno;
	close(fd);
	errno = err;
	return high;
}

/* Write to a descriptor that the caller's caller opened; its offset and flags are shared. */
static int open_inherited(struct pb_output *o, int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || flags & O_PATH) {
		if (fd == STDOUT_FILENO)
			return pb_fail(EBADF, "stdout is closed; open it, or give -o FILE");
		return pb_fail(EBADF, "descriptor %d (%s) is not open for writing", fd, o->path);
	}
	if (fd == STDOUT_FILENO && fflush(stdout))
		return pb_err(errno, "write stdout");
	o->fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (o->fd < 0)
		return pb_err(errno, "duplicate descriptor %d for %s", fd, o->path);
	return 0;
}

/* The descriptor that @path is another name for; -1 if it is none. */
static int inherited_fd(const char *path)
{
	static const char *const dirs[] = {"/dev/fd/", "/proc/self/fd/"};
	uint64_t fd;

	if (!strcmp(path, "-") || !strcmp(path, "/dev/stdout"))
		return STDOUT_FILENO;
	if (!strcmp(path, "/dev/stderr"))
		return STDERR_FILENO;
	if (!strcmp(path, "/dev/stdin"))
		return STDIN_FILENO;
	for (size_t i = 0; i < PB_ARRAY_SIZE(dirs); i++) {
		size_t len = strlen(dirs[i]);

		if (!strncmp(path, dirs[i], len) && !pb_parse_uint(path + len, 0, INT32_MAX, &fd))
			return (int)fd;
	}
	return -1;
}

static int open_directory(struct pb_output *o)
{
	const char *slash = strrchr(o->path, '/');
	pb_autofree char *dir = NULL;

	o->name = slash ? slash + 1 : o->path;
	if (!*o->path)
		return pb_fail(EINVAL, "an output file needs a name; - is stdout");
	if (!*o->name || !strcmp(o->name, ".") || !strcmp(o->name, ".."))
		return pb_fail(EISDIR, "%s is a directory; give the name of a file in it", o->path);
	dir = slash ? strndup(o->path, (size_t)(slash + 1 - o->path)) : strdup(".");
	if (!dir)
		return pb_err(ENOMEM, "open %s", o->path);
	o->dir_fd = above_stderr(open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC));
	if (o->dir_fd >= 0)
		return 0;
	if (errno == ENOENT)
		return pb_fail(ENOENT, "cannot write %s: there is no directory %s; create it first",
			       o->path, dir);
	return pb_err(errno, "open the directory of %s", o->path);
}

/* Whom sudo works for. False without sudo. */
static bool sudo_owner(uid_t *uid, gid_t *gid)
{
	const char *uid_text = getenv("SUDO_UID"), *gid_text = getenv("SUDO_GID");
	uint64_t u, g;

	/* the largest number means "do not change" to fchown() */
	if (geteuid() != 0 || !uid_text || !gid_text ||
	    pb_parse_uint(uid_text, 0, UINT32_MAX - 1, &u) ||
	    pb_parse_uint(gid_text, 0, UINT32_MAX - 1, &g))
		return false;
	*uid = (uid_t)u;
	*gid = (gid_t)g;
	return true;
}

/*
 * In a directory where anybody may create files (/tmp), somebody may have put one under our name
 * to become the owner of what we write: such a file is replaced, and its owner gets nothing.
 */
static bool is_trap(const struct pb_output *o, const struct stat *st)
{
	struct stat dir;
	uid_t uid;
	gid_t gid;

	if (st->st_uid == geteuid() || (sudo_owner(&uid, &gid) && st->st_uid == uid))
		return false;
	return fstat(o->dir_fd, &dir) || (dir.st_mode & S_IWOTH && st->st_uid != dir.st_uid);
}

static void choose_owner(struct pb_output *o, const struct stat *st)
{
	if (st && !is_trap(o, st)) {
		o->uid = st->st_uid;
		o->gid = st->st_gid;
		o->mode = st->st_mode & 0777;
		o->has_owner = true;
		o->has_mode = true;
	} else {
		o->has_owner = sudo_owner(&o->uid, &o->gid);
	}
}

/* A fresh hidden name beside the target, in @o->temp. */
static int draw_temp_name(struct pb_output *o)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char random[TEMP_DIGITS / 2];
	char digits[TEMP_DIGITS + 1] = "";

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EAGAIN;
	for (size_t i = 0; i < sizeof(random); i++) {
		digits[2 * i] = hex[random[i] >> 4];
		digits[2 * i + 1] = hex[random[i] & 15];
	}
	free(pb_take(o->temp));
	if (asprintf(&o->temp, ".%.*s.%s", TEMP_NAME_MAX, o->name, digits) < 0) {
		o->temp = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* True if an unnamed file can be given a name later: that goes through /proc. */
static bool can_link(int fd)
{
	char proc[32];
	struct stat st;

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	return fd >= 0 && !stat(proc, &st);
}

static int create_file(struct pb_output *o)
{
	int err;

	o->fd = above_stderr(openat(o->dir_fd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
	if (can_link(o->fd))
		return 0;
	if (o->fd >= 0)
		close(pb_take_fd(o->fd));
	for (int i = 0; i < TEMP_TRIES; i++) {
		err = draw_temp_name(o);
		if (err)
			return pb_err(-err, "choose a temporary name for %s", o->path);
		o->fd = openat(o->dir_fd, o->temp,
			       O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0600);
		if (o->fd >= 0 || errno != EEXIST)
			break;
	}
	if (o->fd < 0) {
		err = errno;
		free(pb_take(o->temp)); /* it is not ours to remove */
		return pb_err(err, "create a file in the directory of %s (choose another with -o)",
			      o->path);
	}
	o->fd = above_stderr(o->fd);
	return o->fd < 0 ? pb_err(errno, "open %s", o->path) : 0;
}

/* A pipe or a character device: it is there, and stays. */
static int open_device(struct pb_output *o)
{
	struct stat st;

	o->fd = above_stderr(
		openat(o->dir_fd, o->name, O_WRONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC));
	if (o->fd < 0)
		return pb_err(errno, "open %s", o->path);
	close(pb_take_fd(o->dir_fd));
	if (fstat(o->fd, &st))
		return pb_err(errno, "look at %s", o->path);
	if (!S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
		return pb_fail(EAGAIN, "%s was exchanged while it was opened; try again", o->path);
	return 0;
}

static int open_named(struct pb_output *o)
{
	struct stat st;
	int err = open_directory(o);

	if (err)
		return err;
	if (fstatat(o->dir_fd, o->name, &st, AT_SYMLINK_NOFOLLOW)) {
		if (errno != ENOENT)
			return pb_err(errno, "look at %s", o->path);
		choose_owner(o, NULL);
		return create_file(o);
	}
	o->existed = true;
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		choose_owner(o, &st);
		return create_file(o);
	case S_IFLNK:
		choose_owner(o, NULL);
		return create_file(o);
	case S_IFIFO:
	case S_IFCHR:
		return open_device(o);
	case S_IFDIR:
		return pb_fail(EISDIR, "%s is a directory; give the name of a file in it", o->path);
	default:
		return pb_fail(EINVAL,
			       "%s is neither a file, a pipe nor a character device; "
			       "choose another name",
			       o->path);
	}
}

int pb_output_open(struct pb_output **out, const char *path, bool binary)
{
	static const cookie_io_functions_t io = {.write = write_all};
	pb_auto(pb_output) struct pb_output *o = calloc(1, sizeof(*o));
	int fd, err;

	if (!o)
		return pb_err(ENOMEM, "open %s", path);
	o->fd = -1;
	o->dir_fd = -1;
	o->path = strdup(path);
	if (!o->path)
		return pb_err(ENOMEM, "open %s", path);
	fd = inherited_fd(path);
	err = fd >= 0 ? open_inherited(o, fd) : open_named(o);
	if (err)
		return err;
	if (binary && pb_output_is_terminal(o))
		return pb_fail(EINVAL,
			       "not writing binary data to a terminal (%s); give -o FILE, "
			       "or redirect it",
			       path);
	o->stream = fopencookie(o, "w", io);
	if (!o->stream || setvbuf(o->stream, NULL, _IOFBF, BUFFER_BYTES))
		return pb_err(ENOMEM, "open %s", path);
	*out = pb_take(o);
	return 0;
}

FILE *pb_output_stream(struct pb_output *o)
{
	return o->stream;
}

bool pb_output_is_terminal(const struct pb_output *o)
{
	return isatty(o->fd);
}

/* Give the unnamed file the name @name. Return: 0; -errno. */
static int link_as(const struct pb_output *o, const char *name)
{
	char proc[32];

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", o->fd);
	return linkat(AT_FDCWD, proc, o->dir_fd, name, AT_SYMLINK_FOLLOW) ? -errno : 0;
}

/* Give the unnamed file a temporary name, remembered in @o->temp. Return: 0; -errno. */
static int link_as_temp(struct pb_output *o)
{
	int err = -EEXIST;

	for (int i = 0; i < TEMP_TRIES && err == -EEXIST; i++) {
		err = draw_temp_name(o);
		if (!err)
			err = link_as(o, o->temp);
	}
	if (err)
		free(pb_take(o->temp));
	return err;
}

/* Put the whole file under its name. Return: 0; -errno. */
static int publish(struct pb_output *o)
{
	int err;

	if (!o->temp && !o->existed) {
		err = link_as(o, o->name);
		if (err != -EEXIST) /* it appeared meanwhile: replace it */
			return err;
	}
	if (!o->temp) {
		err = link_as_temp(o);
		if (err)
			return err;
	}
	if (renameat(o->dir_fd, o->temp, o->dir_fd, o->name))
		return -errno;
	free(pb_take(o->temp));
	return 0;
}

/*
 * Owner before mode: changing the owner clears nothing that we set, and the file is never open to
 * more people than it will be. Failure leaves it ours and private.
 */
static void give_away(const struct pb_output *o)
{
	if (o->has_owner && fchown(o->fd, o->uid, o->gid))
		return;
	if (o->has_mode && fchmod(o->fd, o->mode))
		return;
}

/* Everything up to the final name. Return: 0; -errno of the first step that failed. */
static int finish(struct pb_output *o)
{
	bool direct = o->dir_fd < 0;

	if (fflush(o->stream) || ferror(o->stream) || o->err)
		return -(o->err ? o->err : EIO);
	if (!direct) {
		give_away(o);
		if (fsync(o->fd) && errno != EINVAL && errno != ENOSYS)
			return -errno;
		/* while it is open: an unnamed file is gone once it is closed */
		return publish(o);
	}
	/* a network filesystem may keep an error until now */
	return close(pb_take_fd(o->fd)) && errno != EINTR ? -errno : 0;
}

int pb_output_commit(struct pb_output *o)
{
	int err = finish(o);

	if (err == -ENOSPC || err == -EDQUOT)
		pb_err(-err, "write %s (make room, or choose another place with -o)", o->path);
	else if (err && err != -EPIPE)
		pb_err(-err, "write %s", o->path);
	pb_output_free(o);
	return err;
}

void pb_output_free(struct pb_output *o)
{
	if (!o)
		return;
	/* what is still buffered is given up, not written */
	if (!o->err)
		o->err = ECANCELED;
	if (o->stream)
		fclose(o->stream);
	if (o->temp)
		unlinkat(o->dir_fd, o->temp, 0);
	if (o->fd >= 0)
		close(o->fd);
	if (o->dir_fd >= 0)
		close(o->dir_fd);
	free(o->temp);
	free(o->path);
	free(o);
}
