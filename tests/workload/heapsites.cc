/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * heapsites: allocates in every way there is and keeps books of its own, which it prints at the end:
 *
 *	site <tab> PATH <tab> calls bytes frees freed_bytes live live_bytes
 *
 * PATH is the chain of functions from main() or a thread's first one down to the site; what a site calls in
 * libraries is no part of it. The books are of what really happened: where allocators differ (realloc to
 * nothing, requests that are too large), the pointers that come back tell.
 */
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <new>
#include <pthread.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#define VISIBLE extern "C" __attribute__((noinline, noclone, used))
#define KEEP_FRAME() __asm__ volatile("" ::: "memory")

static struct books {
	const char *path;
	unsigned long calls, bytes, frees, freed_bytes;
} all[64];
static int n_books;

static struct books *open_books(const char *path)
{
	for (int i = 0; i < n_books; i++)
		if (!strcmp(all[i].path, path))
			return &all[i];
	all[n_books].path = path;
	return &all[n_books++];
}

/* No optimiser knows what becomes of the block. */
template <typename T> static inline T *hide(T *p)
{
	__asm__ volatile("" : "+r"(p)::"memory");
	return p;
}

static inline void count(unsigned long *sum, unsigned long n)
{
	__atomic_fetch_add(sum, n, __ATOMIC_RELAXED);
}

/* A block of @b, or NULL: nothing was given. */
static inline void *got(struct books *b, void *p, size_t size)
{
	p = hide(p);
	if (p) {
		count(&b->calls, 1);
		count(&b->bytes, size);
	}
	return p;
}

/* Before it is freed, or after realloc has taken it. */
static inline void gone(struct books *b, size_t size)
{
	count(&b->frees, 1);
	count(&b->freed_bytes, size);
}

static void *kept[2000];
static int n_kept;

static void keep(void *p)
{
	kept[n_kept++] = p;
}

VISIBLE void site_temporary(int n)
{
	struct books *b = open_books("main;site_temporary");

	for (int i = 0; i < n; i++) {
		void *p = got(b, malloc(40 + i), 40 + i);

		gone(b, 40 + i);
		free(p);
	}
}

VISIBLE void site_kept(int n)
{
	struct books *b = open_books("main;site_kept");

	for (int i = 0; i < n; i++)
		keep(got(b, malloc(100), 100));
	KEEP_FRAME();
}

/* One site by two ways. */
VISIBLE void site_shared(struct books *b, size_t size)
{
	keep(got(b, malloc(size), size));
	KEEP_FRAME();
}

VISIBLE void way_a(int n)
{
	struct books *b = open_books("main;way_a;site_shared");

	for (int i = 0; i < n; i++)
		site_shared(b, 24);
	KEEP_FRAME();
}

VISIBLE void way_b(int n)
{
	struct books *b = open_books("main;way_b;site_shared");

	for (int i = 0; i < n; i++)
		site_shared(b, 48);
	KEEP_FRAME();
}

VISIBLE void site_calloc(int n)
{
	struct books *b = open_books("main;site_calloc");

	for (int i = 0; i < n; i++) {
		void *p = got(b, calloc(7, 30), 210);

		if (i % 3) {
			gone(b, 210);
			free(p);
		} else {
			keep(p);
		}
	}
	got(b, calloc(hide((char *)NULL) + (PTRDIFF_MAX / 2) - (char *)NULL, 8), 0);
}

VISIBLE void site_realloc_chain(int n)
{
	struct books *b = open_books("main;site_realloc_chain");

	for (int i = 0; i < n; i++) {
		void *p = NULL;

		for (size_t size = 16; size <= 65536; size *= 4) {
			void *grown = got(b, realloc(p, size), size);

			if (p)
				gone(b, size / 4);
			p = grown;
		}
		gone(b, 65536);
		free(p);
	}
}

VISIBLE void site_malloc_fails(int n)
{
	struct books *b = open_books("main;site_malloc_fails");

	for (int i = 0; i < n; i++) {
		size_t size = i % 2 ? PTRDIFF_MAX - 64 : (size_t)1 << 46;
		void *p = got(b, malloc(size), size);

		if (p) {
			gone(b, size);
			free(p);
		}
	}
}

/* The block stays where and whose it was. */
VISIBLE void site_realloc_fails(int n)
{
	struct books *b = open_books("main;site_realloc_fails");

	for (int i = 0; i < n; i++) {
		void *p = got(b, malloc(700), 700), *same = p;

		same = hide(same);
		/* Beyond PTRDIFF_MAX every allocator refuses. */
		if (hide(realloc(p, SIZE_MAX - 8192 - i)))
			abort();
		p = same;
		if (i % 2) {
			gone(b, 700);
			free(p);
		} else {
			keep(p);
		}
	}
}

VISIBLE void site_posix_memalign(int n)
{
	struct books *b = open_books("main;site_posix_memalign");

	for (int i = 0; i < n; i++) {
		void *p = NULL;

		if (posix_memalign(&p, 64 << i % 8, 300))
			abort();
		got(b, p, 300);
		if (i % 2) {
			gone(b, 300);
			free(p);
		} else {
			keep(p);
		}
		/* No power of two: nothing is given, and p is left alone. */
		if (!posix_memalign(&p, 24, 300))
			abort();
	}
}

VISIBLE void site_aligned_alloc(int n)
{
	struct books *b = open_books("main;site_aligned_alloc");

	for (int i = 0; i < n; i++)
		keep(got(b, aligned_alloc(i % 2 ? 4096 : 16, 4096), 4096));
	KEEP_FRAME();
}

VISIBLE void site_memalign(int n)
{
	struct books *b = open_books("main;site_memalign");

	for (int i = 0; i < n; i++) {
		void *p = got(b, memalign(128, 1000), 1000);

		gone(b, 1000);
		free(p);
	}
}

VISIBLE void site_reallocarray(int n)
{
	struct books *b = open_books("main;site_reallocarray");

	for (int i = 0; i < n; i++) {
		void *p = got(b, reallocarray(NULL, 11, 13), 143);

		p = got(b, reallocarray(p, 22, 13), 286);
		gone(b, 143);
		keep(p);
	}
}

VISIBLE void site_strdup(int n)
{
	struct books *b = open_books("main;site_strdup");

	for (int i = 0; i < n; i++)
		keep(got(b, strdup("twenty-two characters."), 23));
	KEEP_FRAME();
}

VISIBLE void site_new(int n)
{
	struct books *b = open_books("main;site_new");

	for (int i = 0; i < n; i++) {
		void *p = got(b, ::operator new(72), 72);

		if (i % 2) {
			gone(b, 72);
			::operator delete(p);
		} else {
			keep(p);
		}
	}
}

struct sized {
	char room[136];
};

VISIBLE void site_new_sized(int n)
{
	struct books *b = open_books("main;site_new_sized");

	for (int i = 0; i < n; i++) {
		struct sized *p = new struct sized;

		got(b, p, sizeof(*p));
		p = hide(p);
		gone(b, sizeof(*p));
		delete p;
	}
}

VISIBLE void site_new_array(int n)
{
	struct books *b = open_books("main;site_new_array");

	for (int i = 0; i < n; i++) {
		long *p = new long[33];

		got(b, p, 33 * sizeof(long));
		p = hide(p);
		gone(b, 33 * sizeof(long));
		delete[] p;
	}
}

VISIBLE void site_new_aligned(int n)
{
	struct books *b = open_books("main;site_new_aligned");

	for (int i = 0; i < n; i++) {
		void *p = got(b, ::operator new(640, std::align_val_t(64)), 640);

		if (i % 2) {
			gone(b, 640);
			::operator delete(p, std::align_val_t(64));
		} else {
			keep(p);
		}
	}
}

VISIBLE void site_new_nothrow(int n)
{
	struct books *b = open_books("main;site_new_nothrow");

	for (int i = 0; i < n; i++) {
		keep(got(b, ::operator new(88, std::nothrow), 88));
		got(b, ::operator new(PTRDIFF_MAX - 64, std::nothrow), 0);
	}
}

VISIBLE void site_string(int n)
{
	struct books *b = open_books("main;site_string");

	for (int i = 0; i < n; i++) {
		std::string s;
		size_t had = s.capacity(), at_first = had;

		for (int k = 0; k < 200; k++) {
			s.push_back('x');
			if (s.capacity() == had)
				continue;
			count(&b->calls, 1);
			count(&b->bytes, s.capacity() + 1);
			if (had != at_first)
				gone(b, had + 1);
			had = s.capacity();
		}
		hide(s.data());
		gone(b, had + 1);
	}
}

VISIBLE void site_vector(int n)
{
	struct books *b = open_books("main;site_vector");

	for (int i = 0; i < n; i++) {
		std::vector<long> v;
		size_t had = 0;

		for (int k = 0; k < 500; k++) {
			v.push_back(k);
			if (v.capacity() == had)
				continue;
			count(&b->calls, 1);
			count(&b->bytes, v.capacity() * sizeof(long));
			if (had)
				gone(b, had * sizeof(long));
			had = v.capacity();
		}
		hide(v.data());
		gone(b, had * sizeof(long));
	}
}

VISIBLE void site_realloc_to_nothing(int n)
{
	struct books *b = open_books("main;site_realloc_to_nothing");

	for (int i = 0; i < n; i++) {
		void *p = got(b, malloc(60), 60);

		p = hide(realloc(p, 0));
		gone(b, 60);
		if (p) {
			got(b, p, 0);
			gone(b, 0);
			free(p);
		}
	}
}

VISIBLE void site_free_null(int n)
{
	for (int i = 0; i < n; i++)
		free(hide((char *)NULL));
	KEEP_FRAME();
}

VISIBLE void site_malloc_nothing(int n)
{
	struct books *b = open_books("main;site_malloc_nothing");

	for (int i = 0; i < n; i++) {
		void *p = got(b, malloc(0), 0);

		if (i % 2) {
			gone(b, 0);
			free(p);
		} else {
			keep(p);
		}
	}
}

/* A child has a copy of the block: what it frees is not the parent's. */
VISIBLE void site_forked(int n)
{
	struct books *b = open_books("main;site_forked");

	for (int i = 0; i < n; i++) {
		void *p = got(b, malloc(5000), 5000);
		pid_t child = fork();

		if (!child) {
			free(p);
			free(hide(malloc(99)));
			_exit(0);
		}
		waitpid(child, NULL, 0);
		if (i % 2) {
			gone(b, 5000);
			free(p);
		} else {
			keep(p);
		}
	}
}

#define HANDED 500
static void *handed[HANDED];
static pthread_barrier_t at_hand;

VISIBLE void site_handed(struct books *b)
{
	for (int i = 0; i < HANDED; i++)
		handed[i] = got(b, malloc(333), 333);
	KEEP_FRAME();
}

VISIBLE void site_own(struct books *b, int n)
{
	for (int i = 0; i < n; i++) {
		void *p = got(b, malloc(56), 56), *q = got(b, malloc(57), 57);

		gone(b, 56);
		free(p);
		gone(b, 57);
		free(q);
	}
}

/* Both at once. Who begins hands over what the other frees, all but ten. */
VISIBLE void *giver(void *)
{
	site_own(open_books("giver;site_own"), 1500);
	site_handed(open_books("giver;site_handed"));
	pthread_barrier_wait(&at_hand);
	site_own(open_books("giver;site_own"), 500);
	return NULL;
}

VISIBLE void *taker(void *)
{
	struct books *b = open_books("giver;site_handed");

	site_own(open_books("taker;site_own"), 1500);
	pthread_barrier_wait(&at_hand);
	for (int i = 10; i < HANDED; i++) {
		gone(b, 333);
		free(handed[i]);
	}
	return NULL;
}

static void run_threads(void)
{
	pthread_t a, t;

	/* The books are opened here, by one thread. */
	open_books("giver;site_own");
	open_books("giver;site_handed");
	open_books("taker;site_own");
	pthread_barrier_init(&at_hand, NULL, 2);
	pthread_create(&a, NULL, giver, NULL);
	pthread_create(&t, NULL, taker, NULL);
	pthread_join(a, NULL);
	pthread_join(t, NULL);
}

/* Not by stdio, which allocates. */
static void say_books(void)
{
	char line[256];

	for (int i = 0; i < n_books; i++) {
		const struct books *b = &all[i];
		int n = snprintf(line, sizeof(line), "site\t%s\t%lu\t%lu\t%lu\t%lu\t%lu\t%lu\n",
				 b->path, b->calls, b->bytes, b->frees, b->freed_bytes,
				 b->calls - b->frees, b->bytes - b->freed_bytes);

		if (b->calls && write(1, line, n) != n)
			abort();
	}
}

int main(void)
{
	site_temporary(100);
	site_kept(50);
	way_a(20);
	way_b(30);
	site_calloc(60);
	site_realloc_chain(25);
	site_malloc_fails(6);
	site_realloc_fails(8);
	site_posix_memalign(40);
	site_aligned_alloc(12);
	site_memalign(15);
	site_reallocarray(9);
	site_strdup(33);
	site_new(44);
	site_new_sized(21);
	site_new_array(22);
	site_new_aligned(14);
	site_new_nothrow(13);
	site_string(11);
	site_vector(7);
	site_realloc_to_nothing(10);
	site_free_null(10);
	site_malloc_nothing(18);
	site_forked(6);
	run_threads();
	say_books();
	return 0;
}
