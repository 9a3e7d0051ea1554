/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * bottoms: where stacks end, by another unwinder than ours: libgcc's, out of backtrace(). Prints for each
 * frame of libc below main() and below a thread's function "FILE OFFSET" of its return address, in
 * hexadecimal: __libc_start_call_main, __libc_start_main, start_thread, clone3. A stripped libc gives
 * these no name to look for.
 */
#include <dlfcn.h>
#include <execinfo.h>
#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "tests/workload/workload.h"

#define FRAMES_MAX 16

VISIBLE static void *look_down(void *ctx)
{
	void *frames[FRAMES_MAX];
	int n = backtrace(frames, FRAMES_MAX);

	for (int i = 0; i < n; i++) {
		Dl_info info;
		const char *name;

		if (!dladdr(frames[i], &info) || !info.dli_fname)
			continue;
		name = strrchr(info.dli_fname, '/');
		name = name ? name + 1 : info.dli_fname;
		if (!strncmp(name, "libc.", 5) || !strncmp(name, "libc-", 5))
			printf("%s %" PRIxPTR "\n", name,
			       (uintptr_t)frames[i] - (uintptr_t)info.dli_fbase);
	}
	return ctx;
}

int main(void)
{
	pthread_t thread;

	look_down(NULL);
	return pthread_create(&thread, NULL, look_down, NULL) || pthread_join(thread, NULL);
}
