/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Programs and their debug files, made at test time in a folder that is removed in the end. */
#ifndef PB_TESTS_DEBUG_FIXTURE_H
#define PB_TESTS_DEBUG_FIXTURE_H

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define FIXTURE_ID_TEXT "0123456789abcdef0123456789abcdef01234567"

static const uint8_t fixture_id[20] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23,
				       0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67};

/* The folder, and the path of a file in it. */
static char fixture_dir[64];

static inline const char *fixture_path(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned int turn;
	char *path = paths[turn++ % 4];

	assert_true(snprintf(path, PATH_MAX, "%s/%s", fixture_dir, name) < PATH_MAX);
	return path;
}

/* Through a shell, in the folder. */
static inline void fixture_run(const char *command)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid) {
		unsetenv("ASAN_OPTIONS");
		if (!chdir(fixture_dir))
			execl("/bin/sh", "sh", "-ec", command, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status)
		fail_msg("this failed: %s", command);
}

/* "/a/b/c" in the folder, with the folders above it, as a copy of one of its files. */
static inline void fixture_place(const char *file, const char *at)
{
	char command[3 * PATH_MAX];

	snprintf(command, sizeof(command), "mkdir -p \"$(dirname './%s')\"; cp -P '%s' './%s'", at,
		 file, at);
	fixture_run(command);
}

static inline void fixture_write(const char *name, const void *bytes, size_t size)
{
	int fd = open(fixture_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}

/* prog (with a symbol table, no debug information), prog.debug; noid, noid.debug the same without an id. */
static inline int fixture_setup(void **state)
{
	static const char source[] = "int main(int argc, char **argv) { return argc + !argv; }\n";

	(void)state;
	/* What a group may write is no debug file. */
	umask(022);
	snprintf(fixture_dir, sizeof(fixture_dir), "/tmp/pb-test-debug-XXXXXX");
	if (!mkdtemp(fixture_dir) || chmod(fixture_dir, 0755))
		return -1;
	fixture_write("prog.c", source, strlen(source));
	fixture_run("gcc -g -O1 -Wl,--build-id=0x" FIXTURE_ID_TEXT " prog.c -o full\n"
		    "objcopy --only-keep-debug full prog.debug\n"
		    "objcopy --strip-debug --add-gnu-debuglink=prog.debug full prog\n"
		    "gcc -g -O2 -Wl,--build-id=none prog.c -o full2\n"
		    "objcopy --only-keep-debug full2 noid.debug\n"
		    "objcopy --strip-debug --add-gnu-debuglink=noid.debug full2 noid\n");
	return 0;
}

static inline int fixture_remove(const char *path, const struct stat *st, int type,
				 struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static inline int fixture_teardown(void **state)
{
	(void)state;
	return nftw(fixture_dir, fixture_remove, 8, FTW_DEPTH | FTW_PHYS);
}

#endif
