/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* memfd PROGRAM ARGS: becomes a copy of PROGRAM that is in no file system. */
#include <sys/mman.h>

#include "tests/workload/workload.h"

extern char **environ;

static int copy(const char *from, int to)
{
	FILE *in = fopen(from, "r");
	char buf[65536];
	size_t n;

	if (!in)
		return -1;
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0) {
		if (write(to, buf, n) != (ssize_t)n) {
			fclose(in);
			return -1;
		}
	}
	return fclose(in);
}

int main(int argc, char **argv)
{
	int fd = memfd_create("copied", MFD_CLOEXEC);

	if (argc < 2) {
		fputs("usage: memfd PROGRAM ARGS\n", stderr);
		return 2;
	}
	if (fd >= 0 && !copy(argv[1], fd))
		fexecve(fd, argv + 1, environ);
	perror(argv[1]);
	return 127;
}
