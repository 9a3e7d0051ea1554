/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* kernelhog [SECONDS]: nearly all time in the kernel, reading /dev/zero from read_zeros(). */
#include <fcntl.h>

#include "tests/workload/workload.h"

static char buf[1 << 16];

VISIBLE static void read_zeros(int fd)
{
	for (int i = 0; i < 64; i++)
		sink += (uint64_t)read(fd, buf, sizeof(buf));
}

int main(int argc, char **argv)
{
	int fd = open("/dev/zero", O_RDONLY);
	uint64_t deadline = in_seconds(arg(argc, argv, 1, 60));

	say_ready();
	while (now_ns() < deadline)
		read_zeros(fd);
	return 0;
}
