/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* newfails: catches std::bad_alloc a hundred times, of requests beyond RLIMIT_AS and of impossible ones. */
#include <cstdint>
#include <cstdio>
#include <new>
#include <sys/resource.h>

int main()
{
	struct rlimit limit = {512 << 20, 512 << 20};
	int caught = 0;

	setrlimit(RLIMIT_AS, &limit);
	for (int i = 0; i < 100; i++) {
		size_t size = i % 2 ? (size_t)1 << (30 + i % 10) : PTRDIFF_MAX - 4096;

		try {
			void *p = ::operator new(size);

			__asm__ volatile("" : "+r"(p)::"memory");
			::operator delete(p);
		} catch (const std::bad_alloc &) {
			caught++;
		}
	}
	printf("caught %d\n", caught);
	return caught != 100;
}
