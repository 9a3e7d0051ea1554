/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * leaves [CHILDREN] [MB]: one after the other, children that touch MB of memory in touch_all() and exit. Their
 * exits take as long as their lives: pages are given back one by one.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "tests/workload/workload.h"

VISIBLE static int touch_all(size_t size)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return 1;
	madvise(memory, size, MADV_NOHUGEPAGE);
	memset(memory, 1, size);
	KEEP_FRAME();
	return 0;
}

int main(int argc, char **argv)
{
	int children = (int)arg(argc, argv, 1, 5), status = 0;
	size_t size = (size_t)arg(argc, argv, 2, 128) << 20;
	pid_t child;

	say_ready();
	while (children-- > 0 && !status) {
		child = fork();
		if (!child)
			_exit(touch_all(size));
		if (waitpid(child, &status, 0) != child)
			return 1;
	}
	return status ? 1 : 0;
}
