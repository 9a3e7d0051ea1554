/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/allocator_names.h"

#include <string.h>

#include "user/core/own.h"

#define IN(kind) (1u << PB_KIND_##kind)
/* Nobody knows what an allocator that is not known does inside. musl, 1.2.3: calloc() and aligned_alloc() call
 * malloc(), realloc(NULL, n) does, posix_memalign() calls aligned_alloc(). */
#define OTHERS   (IN(UNKNOWN) | IN(MUSL))
#define ALL      ((1u << PB_KIND_COUNT) - 1)

/*
 * Which ones call which, by the disassembly (direct calls and jumps, through PLT stubs too, followed until they
 * reach a function of this table) of Debian 12's glibc 2.36, jemalloc 5.3.0, gperftools 2.10 and
 * mimalloc 2.0.9:
 *
 *   malloc, calloc      reach no other one in any of them; glibc's error path (abort messages) aside, which does not
 *                       return
 *   realloc             glibc: jumps to malloc for NULL, calls free for size 0; the others: none
 *   reallocarray        glibc: jumps to realloc; mimalloc: calls mi_reallocn
 *   aligned forms       glibc: jump to malloc for small alignments. tcmalloc: posix_memalign calls, valloc and pvalloc
 *                       jump to memalign. mimalloc: all go on to mi_malloc_aligned. jemalloc's own reach
 *                       none, but its older versions did: they are rare, so all are taken to nest.
 *   operator new        jemalloc: malloc again, once memory ran out; up to 5.2 at every call; the
 *                       aligned ones call aligned_alloc. tcmalloc: none. mimalloc: the aligned ones
 *                       call mi_malloc_aligned, the others none.
 *   operator delete     those that are more than a jump (which are left out: see jumps.h): jemalloc's with
 *                       size and alignment jumps to sdallocx, its sized one and all of tcmalloc: none
 *   free                none
 */
#define NEW_NESTS     (OTHERS | IN(GLIBC) | IN(JEMALLOC))
#define NEW_ALIGNED   (NEW_NESTS | IN(MIMALLOC))
#define SIZED_NESTS   (OTHERS | IN(GLIBC))
#define SIZED_ALIGNED (SIZED_NESTS | IN(JEMALLOC))

static const struct pb_alloc_name names[] = {
	{"malloc", PB_CALL_SIZE_0, 0, false, false},
	{"calloc", PB_CALL_PRODUCT, OTHERS, false, false},
	{"realloc", PB_CALL_REALLOC, OTHERS | IN(GLIBC), false, false},
	{"reallocarray", PB_CALL_REALLOCARRAY, ALL, false, false},
	{"free", PB_CALL_FREE, 0, false, false},
	{"posix_memalign", PB_CALL_OUT, ALL, false, false},
	{"aligned_alloc", PB_CALL_SIZE_1, ALL, false, false},
	{"memalign", PB_CALL_SIZE_1, ALL, false, false},
	{"valloc", PB_CALL_SIZE_0, ALL, false, false},
	{"pvalloc", PB_CALL_SIZE_0, ALL, false, false},
	{"free_sized", PB_CALL_FREE, SIZED_NESTS, false, false},
	{"free_aligned_sized", PB_CALL_FREE, SIZED_ALIGNED, false, false},
	{"cfree", PB_CALL_FREE, OTHERS | IN(GLIBC) | IN(MIMALLOC), false, false},
	{"mallocx", PB_CALL_SIZE_0, 0, false, false},
	{"rallocx", PB_CALL_REALLOC, 0, false, false},
	{"sdallocx", PB_CALL_FREE, 0, false, false},
	{"dallocx", PB_CALL_FREE, 0, false, false},
	/* operator new and new[]: plain, nothrow, aligned, aligned nothrow */
	{"_Znwm", PB_CALL_SIZE_0, NEW_NESTS, true, false},
	{"_Znam", PB_CALL_SIZE_0, NEW_NESTS, true, false},
	{"_ZnwmRKSt9nothrow_t", PB_CALL_SIZE_0, NEW_NESTS, true, false},
	{"_ZnamRKSt9nothrow_t", PB_CALL_SIZE_0, NEW_NESTS, true, false},
	{"_ZnwmSt11align_val_t", PB_CALL_SIZE_0, NEW_ALIGNED, true, false},
	{"_ZnamSt11align_val_t", PB_CALL_SIZE_0, NEW_ALIGNED, true, false},
	{"_ZnwmSt11align_val_tRKSt9nothrow_t", PB_CALL_SIZE_0, NEW_ALIGNED, true, false},
	{"_ZnamSt11align_val_tRKSt9nothrow_t", PB_CALL_SIZE_0, NEW_ALIGNED, true, false},
	/* operator delete and delete[]: plain, nothrow, sized, aligned, aligned nothrow, sized aligned */
	{"_ZdlPv", PB_CALL_FREE, SIZED_NESTS, true, false},
	{"_ZdaPv", PB_CALL_FREE, SIZED_NESTS, true, false},
	{"_ZdlPvRKSt9nothrow_t", PB_CALL_FREE, SIZED_NESTS, true, false},
	{"_ZdaPvRKSt9nothrow_t", PB_CALL_FREE, SIZED_NESTS, true, false},
	{"_ZdlPvm", PB_CALL_FREE, SIZED_NESTS, true, false},
	{"_ZdaPvm", PB_CALL_FREE, SIZED_NESTS, true, false},
	{"_ZdlPvSt11align_val_t", PB_CALL_FREE, SIZED_NESTS, true, false},
	{"_ZdaPvSt11align_val_t", PB_CALL_FREE, SIZED_NESTS, true, false},
	{"_ZdlPvSt11align_val_tRKSt9nothrow_t", PB_CALL_FREE, SIZED_NESTS, true, false},
	{"_ZdaPvSt11align_val_tRKSt9nothrow_t", PB_CALL_FREE, SIZED_NESTS, true, false},
	{"_ZdlPvmSt11align_val_t", PB_CALL_FREE, SIZED_ALIGNED, true, false},
	{"_ZdaPvmSt11align_val_t", PB_CALL_FREE, SIZED_ALIGNED, true, false},
	/* What programs call that are written for mimalloc; its Rust crate knows no others. */
	{"malloc_aligned", PB_CALL_SIZE_0, 0, false, true},
	{"zalloc_aligned", PB_CALL_SIZE_0, 0, false, true},
	{"realloc_aligned", PB_CALL_REALLOC, 0, false, true},
	{"zalloc", PB_CALL_SIZE_0, 0, false, true},
	{"malloc_small", PB_CALL_SIZE_0, 0, false, true},
	{"zalloc_small", PB_CALL_SIZE_0, 0, false, true},
	{"mallocn", PB_CALL_PRODUCT, 0, false, true},
	{"calloc_aligned", PB_CALL_PRODUCT, 0, false, true},
	{"reallocn", PB_CALL_REALLOCARRAY, 0, false, true},
	{"reallocf", PB_CALL_REALLOC, ALL, false, true},
	{"rezalloc", PB_CALL_REALLOC, 0, false, true},
	{"recalloc", PB_CALL_REALLOCARRAY, 0, false, true},
	{"new", PB_CALL_SIZE_0, 0, false, true},
	{"new_nothrow", PB_CALL_SIZE_0, 0, false, true},
	{"new_aligned", PB_CALL_SIZE_0, ALL, false, true},
	{"new_aligned_nothrow", PB_CALL_SIZE_0, ALL, false, true},
	{"free_size", PB_CALL_FREE, ALL, false, true},
	{"free_size_aligned", PB_CALL_FREE, ALL, false, true},
	{"free_aligned", PB_CALL_FREE, ALL, false, true},
};

static const struct {
	const char *text;
	enum pb_alloc_prefix prefix;
} prefixes[] = {
	{"", PB_PREFIX_NONE},        {"je_", PB_PREFIX_JE}, {"_rjem_", PB_PREFIX_JE},
	{"__rjem_", PB_PREFIX_JE},   {"tc_", PB_PREFIX_TC}, {"mi_", PB_PREFIX_MI},
	{"__libc_", PB_PREFIX_LIBC},
};

/* What else an allocator defines. A name that ends in '*' stands for all that begin so. */
static const struct {
	const char *name;
	enum pb_alloc_kind kind;
} markers[] = {
	{"mallctl", PB_KIND_JEMALLOC},
	{"mi_version", PB_KIND_MIMALLOC},
	{"tc_version", PB_KIND_TCMALLOC},
	{"MallocExtension*", PB_KIND_TCMALLOC},
	{"TCMallocInternalMalloc", PB_KIND_TCMALLOC}, /* Google's, without the gperftools */
	{"gnu_get_libc_version", PB_KIND_GLIBC},
	{"__dls2b", PB_KIND_MUSL}, /* its loader's second stage, which its third looks up by name */
	{"__libc_malloc_impl", PB_KIND_MUSL},
};

static bool is_name(const char *pattern, const char *name, size_t len)
{
	size_t n = strlen(pattern);

	if (n && pattern[n - 1] == '*')
		return len >= n - 1 && !memcmp(pattern, name, n - 1);
	return len == n && !memcmp(pattern, name, n);
}

static const struct pb_alloc_name *find_row(const char *name, size_t len,
					    enum pb_alloc_prefix prefix)
{
	size_t i;

	for (i = 0; i < PB_ARRAY_SIZE(names); i++) {
		if ((names[i].only_mi && prefix != PB_PREFIX_MI) ||
		    (names[i].is_cxx && prefix != PB_PREFIX_NONE))
			continue;
		if (is_name(names[i].name, name, len))
			return &names[i];
	}
	return NULL;
}

const struct pb_alloc_name *pb_alloc_name_find(const char *name, size_t len,
					       enum pb_alloc_prefix *prefix)
{
	const struct pb_alloc_name *row;
	size_t i;

	for (i = 0; i < PB_ARRAY_SIZE(prefixes); i++) {
		size_t n = strlen(prefixes[i].text);

		if (len <= n || memcmp(name, prefixes[i].text, n))
			continue;
		row = find_row(name + n, len - n, prefixes[i].prefix);
		if (!row)
			continue;
		*prefix = prefixes[i].prefix;
		return row;
	}
	return NULL;
}

bool pb_alloc_name_throws(const struct pb_alloc_name *name)
{
	if (name->call != PB_CALL_SIZE_0 || strstr(name->name, "nothrow"))
		return false;
	return name->is_cxx || (name->only_mi && !strncmp(name->name, "new", strlen("new")));
}

unsigned int pb_alloc_call_args(enum pb_alloc_call call)
{
	switch (call) {
	case PB_CALL_SIZE_0:
	case PB_CALL_FREE:
		return 1;
	case PB_CALL_SIZE_1:
	case PB_CALL_PRODUCT:
	case PB_CALL_REALLOC:
		return 2;
	default:
		return 3;
	}
}

const char *pb_alloc_kind_name(enum pb_alloc_kind kind)
{
	static const char *const text[] = {
		[PB_KIND_UNKNOWN] = "unknown",   [PB_KIND_GLIBC] = "glibc",
		[PB_KIND_JEMALLOC] = "jemalloc", [PB_KIND_TCMALLOC] = "tcmalloc",
		[PB_KIND_MIMALLOC] = "mimalloc", [PB_KIND_MUSL] = "musl",
	};

	return text[kind];
}

enum pb_alloc_kind pb_alloc_prefix_kind(enum pb_alloc_prefix prefix)
{
	switch (prefix) {
	case PB_PREFIX_JE:
		return PB_KIND_JEMALLOC;
	case PB_PREFIX_TC:
		return PB_KIND_TCMALLOC;
	case PB_PREFIX_MI:
		return PB_KIND_MIMALLOC;
	default:
		return PB_KIND_UNKNOWN;
	}
}

enum pb_alloc_kind pb_alloc_marker_kind(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < PB_ARRAY_SIZE(markers); i++)
		if (is_name(markers[i].name, name, len))
			return markers[i].kind;
	return PB_KIND_UNKNOWN;
}
