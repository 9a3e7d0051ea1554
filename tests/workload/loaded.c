/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* loaded [HOW]: says who traces it when main() runs: "TracerPid: 0". Then HOW: "stop", "segv", "malloc". */
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "tests/workload/workload.h"

int main(int argc, char **argv)
{
	static char text[4096];
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	char *line = n > 0 ? strstr(text, "TracerPid:") : NULL;

	if (!line || write(1, line, strcspn(line, "\n") + 1) < 0)
		return 1;
	for (int i = 0; i < 10; i++)
		*(void *volatile *)&text = malloc(500);
	if (argc > 1 && !strcmp(argv[1], "stop"))
		raise(SIGSTOP);
	if (argc > 1 && !strcmp(argv[1], "segv"))
		raise(SIGSEGV);
	return 5;
}
