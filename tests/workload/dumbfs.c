/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * dumbfs MODE DIR PROGRAM [ARG]: becomes PROGRAM as DIR/prog of a file system that falls silent at SIGUSR1, as
 * one does whose server has gone. A mount namespace of its own holds it; who serves it says "server PID", and
 * ends with the program. All pages are in memory by then, so that the program goes on.
 *
 *   open   nothing is answered any more; what was told of the file stands for an hour
 *   stat   likewise, and it stands for no time at all
 *   read   only reading is not answered
 *
 * From the third time on that it is opened, it is read past the page cache.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/workload/workload.h"

#define FILE_NODE 2
#define HOUR      3600
#define READ_MAX  (128u << 10)

struct fs {
	int fuse;
	int file; /* the program's own */
	struct stat st;
	uint64_t valid_s;
	int may_open;
	int opened;
};

static volatile sig_atomic_t silent;

static void fall_silent(int sig)
{
	(void)sig;
	silent = 1;
}

static void reply(const struct fs *fs, uint64_t unique, int err, const void *data, size_t len)
{
	static char buf[sizeof(struct fuse_out_header) + READ_MAX];
	struct fuse_out_header header = {
		.len = (uint32_t)(sizeof(header) + len), .error = -err, .unique = unique};

	memcpy(buf, &header, sizeof(header));
	if (len)
		memcpy(buf + sizeof(header), data, len);
	if (write(fs->fuse, buf, header.len) < 0)
		return; /* who asked has gone */
}

static struct fuse_attr attr_of(const struct fs *fs, uint64_t node)
{
	if (node == FUSE_ROOT_ID)
		return (struct fuse_attr){.ino = node, .mode = S_IFDIR | 0755, .nlink = 2};
	return (struct fuse_attr){
		.ino = node,
		.size = (uint64_t)fs->st.st_size,
		.blocks = (uint64_t)fs->st.st_blocks,
		.mtime = (uint64_t)fs->st.st_mtime,
		.mode = S_IFREG | 0755,
		.nlink = 1,
		.blksize = 4096,
	};
}

static void look_up(const struct fs *fs, const struct fuse_in_header *in, const char *name)
{
	struct fuse_entry_out out = {
		.nodeid = FILE_NODE,
		.entry_valid = fs->valid_s,
		.attr_valid = fs->valid_s,
		.attr = attr_of(fs, FILE_NODE),
	};

	if (in->nodeid != FUSE_ROOT_ID || strcmp(name, "prog") != 0)
		reply(fs, in->unique, ENOENT, NULL, 0);
	else
		reply(fs, in->unique, 0, &out, sizeof(out));
}

static void get_attr(const struct fs *fs, const struct fuse_in_header *in)
{
	struct fuse_attr_out out = {
		.attr_valid = fs->valid_s,
		.attr = attr_of(fs, in->nodeid),
	};

	reply(fs, in->unique, 0, &out, sizeof(out));
}

/* The first is ours, to have all of it in the page cache, and the second is the kernel's. */
static void open_file(struct fs *fs, const struct fuse_in_header *in)
{
	struct fuse_open_out out = {.open_flags = FOPEN_KEEP_CACHE |
						  (fs->opened++ > 1 ? FOPEN_DIRECT_IO : 0)};

	reply(fs, in->unique, 0, &out, sizeof(out));
}

static void read_file(const struct fs *fs, const struct fuse_in_header *in,
		      const struct fuse_read_in *what)
{
	static char buf[READ_MAX];
	size_t size = what->size < sizeof(buf) ? what->size : sizeof(buf);
	ssize_t n = pread(fs->file, buf, size, (off_t)what->offset);

	reply(fs, in->unique, n < 0 ? EIO : 0, buf, n < 0 ? 0 : (size_t)n);
}

static void begin(const struct fs *fs, const struct fuse_in_header *in)
{
	struct fuse_init_out out = {
		.major = FUSE_KERNEL_VERSION,
		.minor = 31, /* of long ago */
		.max_readahead = READ_MAX,
		.max_background = 12,
		.congestion_threshold = 9,
		.max_write = 4096,
		.time_gran = 1,
	};

	reply(fs, in->unique, 0, &out, sizeof(out));
}

static void answer(struct fs *fs, const struct fuse_in_header *in, const void *arg)
{
	switch (in->opcode) {
	case FUSE_INIT:
		begin(fs, in);
		break;
	case FUSE_LOOKUP:
		look_up(fs, in, arg);
		break;
	case FUSE_GETATTR:
		get_attr(fs, in);
		break;
	case FUSE_OPEN:
		open_file(fs, in);
		break;
	case FUSE_READ:
		if (!silent)
			read_file(fs, in, arg);
		break;
	case FUSE_RELEASE:
		reply(fs, in->unique, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break; /* wants no answer */
	default:
		reply(fs, in->unique, ENOSYS, NULL, 0);
	}
}

static void serve(struct fs *fs)
{
	static char buf[FUSE_MIN_READ_BUFFER + READ_MAX] __attribute__((aligned(8)));
	ssize_t n;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGUSR1, fall_silent);
	for (;;) {
		n = read(fs->fuse, buf, sizeof(buf));
		if (n < 0 && errno != EINTR && errno != EAGAIN && errno != ENOENT)
			_exit(0); /* unmounted */
		if (n >= (ssize_t)sizeof(struct fuse_in_header) && (!silent || fs->may_open))
			answer(fs, (void *)buf, buf + sizeof(struct fuse_in_header));
	}
}

static int mount_at(const char *dir, int fuse)
{
	char options[128];

	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions", fuse);
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return -1;
	return mount("dumbfs", dir, "fuse", MS_NOSUID | MS_NODEV, options);
}

/* Into the page cache. */
static int read_all(const char *path)
{
	int fd = open(path, O_RDONLY);
	char buf[4096];
	ssize_t n;

	if (fd < 0)
		return -1;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		;
	close(fd);
	return (int)n;
}

int main(int argc, char **argv)
{
	struct fs fs = {.fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC)};
	char path[4096];
	pid_t server;

	if (argc < 4 || fs.fuse < 0)
		return 2;
	fs.valid_s = strcmp(argv[1], "stat") != 0 ? HOUR : 0;
	fs.may_open = !strcmp(argv[1], "read");
	fs.file = open(argv[3], O_RDONLY | O_CLOEXEC);
	if (fs.file < 0 || fstat(fs.file, &fs.st) || mount_at(argv[2], fs.fuse)) {
		perror("dumbfs");
		return 2;
	}
	server = fork();
	if (!server)
		serve(&fs);
	close(fs.fuse);
	snprintf(path, sizeof(path), "%s/prog", argv[2]);
	if (read_all(path)) {
		perror(path);
		return 2;
	}
	printf("server %d\n", (int)server);
	fflush(stdout);
	execl(path, path, argc > 4 ? argv[4] : "60", (char *)NULL);
	perror(path);
	return 127;
}
