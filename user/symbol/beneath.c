/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "user/core/own.h"

int pb_beneath_find(int root, const char *path, bool follow)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

static bool is_pseudo(int fd)
{
	static const uint32_t pseudo[] = {PROC_SUPER_MAGIC, SYSFS_MAGIC, DEBUGFS_MAGIC,
					  TRACEFS_MAGIC, SECURITYFS_MAGIC};
	struct statfs fs;
	size_t i;

	if (fstatfs(fd, &fs))
		return true;
	for (i = 0; i < PB_ARRAY_SIZE(pseudo); i++)
		if ((uint32_t)fs.f_type == pseudo[i])
			return true;
	return false;
}

int pb_beneath_open(int root, const char *path, bool follow)
{
	pb_autoclose int found = pb_beneath_find(root, path, follow);
	char self[32];
	struct stat st;
	int fd;

	if (found < 0)
		return found;
	if (fstat(found, &st))
		return -errno;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	if (!S_ISREG(st.st_mode) || is_pseudo(found))
		return -EINVAL;
	/* The very file that was looked at, whatever its name means by now. */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", found);
	fd = open(self, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
