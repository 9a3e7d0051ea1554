/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * heap: a known number of allocations by six sites, and out without exit(), so that nobody else frees anything.
 *
 *   site_a 1,000 x 64, each freed at once      site_d a chain of realloc to 6,400 in steps of 64, freed
 *   site_b 50 x 1,000, kept                    site_e 20 x posix_memalign 500, every other one freed
 *   site_c 200 x calloc(3, 100), freed         site_f 300 kept, by a realloc that fails; and a malloc that does
 */
#include <stdlib.h>
#include <unistd.h>

#include "tests/workload/workload.h"

static void *volatile kept;

VISIBLE static void site_a(void)
{
	for (int i = 0; i < 1000; i++) {
		kept = malloc(64);
		free(kept);
	}
}

VISIBLE static void site_b(void)
{
	for (int i = 0; i < 50; i++)
		kept = malloc(1000);
}

VISIBLE static void site_c(void)
{
	for (int i = 0; i < 200; i++) {
		kept = calloc(3, 100);
		free(kept);
	}
}

VISIBLE static void site_d(void)
{
	void *p = NULL;

	for (size_t i = 1; i <= 100; i++) {
		p = realloc(p, i * 64);
		kept = p;
	}
	free(p);
}

VISIBLE static void site_e(void)
{
	void *p;

	for (int i = 0; i < 20; i++) {
		if (posix_memalign(&p, 64, 500))
			_exit(1);
		kept = p;
		if (i % 2)
			free(p);
	}
}

VISIBLE static void site_f(void)
{
	size_t huge = (size_t)1 << 61;
	void *p = malloc(300);

	kept = p;
	kept = realloc(p, huge);
	kept = malloc(huge);
}

int main(void)
{
	site_a();
	site_b();
	site_c();
	site_d();
	site_e();
	site_f();
	_exit(0);
}
