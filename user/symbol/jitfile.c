/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/symbol/jitfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/core/log.h"
#include "user/core/own.h"
#include "user/core/procstat.h"
#include "user/symbol/beneath.h"
#include "user/symbol/shared/wire.h"

/* The start of a process is told in ticks, and its clock and the files' may be corrected by a little. */
#define SLACK_NS 1000000000ull

/* What /proc says about a process. */
struct identity {
	uint32_t ns_tgid; /* in its innermost pid namespace */
	uint32_t fsuid;
	uint64_t start_ns; /* CLOCK_REALTIME, as it is set now */
};

/* Base 10, ends at a character that is no digit; *s is moved there. */
static bool read_decimal(const char **s, uint32_t *out)
{
	uint64_t n = 0;
	const char *p = *s;

	while (*p == ' ' || *p == '\t')
		p++;
	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		n = n * 10 + (uint64_t)(*p - '0');
		if (n > UINT32_MAX)
			return false;
	}
	*s = p;
	*out = (uint32_t)n;
	return true;
}

/* "Uid:\treal\teffective\tsaved\tfs", "NSpid:\touter\t...\tinnermost". */
static bool parse_status(const char *status, struct identity *id)
{
	const char *uid = strstr(status, "\nUid:");
	const char *nspid = strstr(status, "\nNSpid:");
	int i;

	if (!uid || !nspid)
		return false;
	uid += strlen("\nUid:");
	for (i = 0; i < 4; i++)
		if (!read_decimal(&uid, &id->fsuid))
			return false;
	nspid += strlen("\nNSpid:");
	if (!read_decimal(&nspid, &id->ns_tgid))
		return false;
	while (read_decimal(&nspid, &id->ns_tgid))
		;
	return true;
}

static int read_identity(uint32_t tgid, struct identity *id)
{
	char path[64], status[16384];
	pb_autofclose FILE *f = NULL;
	struct pb_procstat stat;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%u/status", tgid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	len = fread(status, 1, sizeof(status) - 1, f);
	status[len] = '\0';
	if (!parse_status(status, id) || pb_procstat_read(tgid, &stat))
		return -ESRCH;
	id->start_ns = stat.start_ns;
	return 0;
}

static int check_file(int fd, const struct identity *id)
{
	uint64_t written_ns;
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_uid != 0 && st.st_uid != id->fsuid)
		return -EPERM;
	written_ns = (uint64_t)st.st_mtim.tv_sec * 1000000000ull + (uint64_t)st.st_mtim.tv_nsec;
	if (written_ns + SLACK_NS < id->start_ns)
		return -ESTALE;
	if (st.st_size > (off_t)PB_WIRE_MAP_MAX)
		return -EFBIG;
	return 0;
}

/* The map numbered @n under the root directory @root_path. */
static int open_map(const char *root_path, uint32_t n, const struct identity *id)
{
	pb_autoclose int root = open(root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	pb_autoclose int fd = -1;
	char path[64];
	int err;

	if (root < 0)
		return -errno;
	snprintf(path, sizeof(path), "tmp/perf-%u.map", n);
	fd = pb_beneath_open(root, path, false);
	err = fd < 0 ? fd : check_file(fd, id);
	if (err && err != -ENOENT)
		pb_log(PB_LOG_DEBUG, "%s/%s is not used: %s", root_path, path,
		       err == -EPERM    ? "it belongs to neither the process' user nor root"
		       : err == -EINVAL ? "not a regular file"
		       : err == -ESTALE ? "it was written before the process began"
					: strerror(-err));
	return err ? err : pb_take_fd(fd);
}

int pb_jitfile_open_map(uint32_t tgid)
{
	struct identity id = {0};
	char root_path[64];
	int fd;

	fd = read_identity(tgid, &id);
	if (fd)
		return fd;
	snprintf(root_path, sizeof(root_path), "/proc/%u/root", tgid);
	fd = open_map(root_path, id.ns_tgid, &id);
	/* Some agents write where the profiler is; their owner is checked all the same. */
	if (fd == -ENOENT || fd == -EACCES || fd == -ESTALE)
		fd = open_map("/", tgid, &id);
	return fd;
}

bool pb_jitfile_is_dump(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t digits;

	if (strncmp(name, "jit-", 4))
		return false;
	digits = strspn(name + 4, "0123456789");
	return digits && digits <= 10 && !strcmp(name + 4 + digits, ".dump");
}
