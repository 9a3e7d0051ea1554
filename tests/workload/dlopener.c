/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * dlopener SECONDS A.so B.so: works for a second in main_work(), then opens A, works 0.1 s in its
 * plugin_hot(), closes it, the same with B, and so on: both land at the same address.
 * Without B, A stays open. "loaded" is said once A has been opened for the first time.
 */
#include <dlfcn.h>

#include "tests/workload/workload.h"

VISIBLE static void main_work(uint64_t until)
{
	while (now_ns() < until)
		sink = burn(STEPS_50US, sink);
}

VISIBLE static void work_in(const char *path, uint64_t until, int close)
{
	void *lib = dlopen(path, RTLD_NOW);
	void (*entry)(volatile uint64_t *);

	if (!lib || !(entry = (void (*)(volatile uint64_t *))dlsym(lib, "plugin_entry"))) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	while (now_ns() < until)
		entry(&sink);
	if (close)
		dlclose(lib);
}

int main(int argc, char **argv)
{
	uint64_t deadline = in_seconds(arg(argc, argv, 1, 60));

	if (argc < 3) {
		fputs("usage: dlopener SECONDS A.so [B.so]\n", stderr);
		return 2;
	}
	say_ready();
	main_work(in_seconds(1));
	for (int i = 0; now_ns() < deadline; i++)
		work_in(argv[argc > 3 ? 2 + i % 2 : 2], in_seconds(0.1), argc > 3);
	return 0;
}
