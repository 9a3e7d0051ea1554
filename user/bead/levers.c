/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/levers.h"

#include <stdbool.h>
#include <string.h>

#include "user/bead/code.h"
#include "user/core/own.h"

enum {
	N_PLUS_ONE,
	ZERO_COPY,
	BUFFER_REUSE,
	SCATTER_GATHER,
	SERIALIZATION,
	BOUNDED_QUEUE,
	LOCK_STRIPING,
	MEMOIZATION,
	ALGORITHM,
	STREAMING,
	PRECOMPUTATION,
	INDEX,
};

static const struct pb_lever levers[] = {
	[N_PLUS_ONE] = {"n-plus-one", "N+1 elimination: one call for many items", 2,
			"one call path that does an I/O, or a flush, for each item"},
	[ZERO_COPY] = {"zero-copy", "zero-copy", 3, "time in memcpy() and its kin below the spot"},
	[BUFFER_REUSE] =
		{"buffer-reuse", "buffer reuse, arena or pool", 2,
		 "blocks of one size that live for a moment, or time in the allocator or in "
		 "clearing memory"},
	[SCATTER_GATHER] =
		{"scatter-gather", "scatter-gather or buffered I/O", 2,
		 "many small reads or writes one behind the other, or CPU time in such calls"},
	[SERIALIZATION] = {"serialization", "cheaper serialization", 3,
			   "time in formatting or parsing below the spot"},
	[BOUNDED_QUEUE] = {"bounded-queue", "bounded queues and backpressure", 4,
			   "memory that grows while nothing is done with it: live bytes over time"},
	[LOCK_STRIPING] = {"lock-striping", "lock striping", 4,
			   "time in locks below the spot, with several threads"},
	[MEMOIZATION] =
		{"memoization", "memoization or a cache", 2,
		 "the same input again and again: the same blocks read, or arguments traced"},
	[ALGORITHM] =
		{"algorithm", "a better algorithm or data structure", 3,
		 "time in the function itself and in what it calls of libm and the like, and how "
		 "it grows with the input"},
	[STREAMING] = {"streaming", "lazy, streaming or chunked processing", 3,
		       "one place that holds most of the memory at its peak, or random reads"},
	[PRECOMPUTATION] = {"precomputation", "precomputation, as of a size to reserve", 2,
			    "blocks that grow by realloc, or work whose result never changes"},
	[INDEX] = {"index", "an index instead of a scan", 3,
		   "time in comparing or searching bytes below the spot"},
};

const struct pb_lever *pb_lever_at(size_t i)
{
	return i < PB_ARRAY_SIZE(levers) ? &levers[i] : NULL;
}

const struct pb_lever *pb_lever_find(const char *name)
{
	for (size_t i = 0; i < PB_ARRAY_SIZE(levers); i++)
		if (!strcmp(name, levers[i].name))
			return &levers[i];
	return NULL;
}

const struct pb_lever *pb_lever_of_hint(const char *kind)
{
	static const struct {
		const char *kind;
		int lever;
	} hints[] = {
		{"arena_or_pool", BUFFER_REUSE},      {"buffer_reuse", BUFFER_REUSE},
		{"many_tiny_blocks", BUFFER_REUSE},   {"reserve", PRECOMPUTATION},
		{"small_sequential", SCATTER_GATHER}, {"repeated_reads", MEMOIZATION},
		{"fsync_per_write", N_PLUS_ONE},      {"n_plus_one", N_PLUS_ONE},
		{"random_reads", STREAMING},
	};

	for (size_t i = 0; i < PB_ARRAY_SIZE(hints); i++)
		if (!strcmp(kind, hints[i].kind))
			return &levers[hints[i].lever];
	return NULL;
}

/* Where a name tells of work. In libc, the C++ runtime, allocators and the kernel all are fronts of names. */
enum scope {
	FRONT, /* there alone: elsewhere such names are the program's own */
	ANYWHERE, /* as a whole name of any module: of a program that is linked statically, or brings its own */
	RESERVED, /* the same, behind "_": inside libc */
};

/* Behind "_", and "GI_" or "IO_" of glibc's own aliases. */
static const struct work_name {
	enum pb_work work;
	enum scope scope;
	const char *name;
} works[] = {
	{PB_WORK_COPY, ANYWHERE, "memcpy"},
	{PB_WORK_COPY, ANYWHERE, "memmove"},
	{PB_WORK_COPY, ANYWHERE, "mempcpy"},
	{PB_WORK_COPY, ANYWHERE, "strcpy"},
	{PB_WORK_COPY, ANYWHERE, "stpcpy"},
	{PB_WORK_COPY, ANYWHERE, "strncpy"},
	{PB_WORK_COPY, ANYWHERE, "strcat"},
	{PB_WORK_SCAN, ANYWHERE, "memcmp"},
	{PB_WORK_SCAN, ANYWHERE, "memcmpeq"},
	{PB_WORK_SCAN, ANYWHERE, "bcmp"},
	{PB_WORK_SCAN, ANYWHERE, "memchr"},
	{PB_WORK_SCAN, ANYWHERE, "memrchr"},
	{PB_WORK_SCAN, ANYWHERE, "memmem"},
	{PB_WORK_SCAN, ANYWHERE, "rawmemchr"},
	{PB_WORK_SCAN, ANYWHERE, "strcmp"},
	{PB_WORK_SCAN, ANYWHERE, "strncmp"},
	{PB_WORK_SCAN, ANYWHERE, "strcasecmp"},
	{PB_WORK_SCAN, ANYWHERE, "strncasecmp"},
	{PB_WORK_SCAN, ANYWHERE, "strlen"},
	{PB_WORK_SCAN, ANYWHERE, "strnlen"},
	{PB_WORK_SCAN, ANYWHERE, "strchr"},
	{PB_WORK_SCAN, ANYWHERE, "strchrnul"},
	{PB_WORK_SCAN, ANYWHERE, "strrchr"},
	{PB_WORK_SCAN, ANYWHERE, "strstr"},
	{PB_WORK_SCAN, ANYWHERE, "strspn"},
	{PB_WORK_SCAN, ANYWHERE, "strcspn"},
	{PB_WORK_ALLOCATE, ANYWHERE, "malloc"},
	{PB_WORK_ALLOCATE, ANYWHERE, "malloc_consolidate"},
	{PB_WORK_ALLOCATE, ANYWHERE, "malloc_hook_ini"},
	{PB_WORK_ALLOCATE, ANYWHERE, "malloc_usable_size"},
	{PB_WORK_ALLOCATE, ANYWHERE, "calloc"},
	{PB_WORK_ALLOCATE, ANYWHERE, "realloc"},
	{PB_WORK_ALLOCATE, ANYWHERE, "free"},
	{PB_WORK_ALLOCATE, ANYWHERE, "cfree"},
	{PB_WORK_ALLOCATE, RESERVED, "int_malloc"},
	{PB_WORK_ALLOCATE, RESERVED, "int_free"},
	{PB_WORK_ALLOCATE, RESERVED, "int_realloc"},
	{PB_WORK_ALLOCATE, RESERVED, "libc_malloc"},
	{PB_WORK_ALLOCATE, RESERVED, "libc_calloc"},
	{PB_WORK_ALLOCATE, RESERVED, "libc_realloc"},
	{PB_WORK_ALLOCATE, RESERVED, "libc_free"},
	{PB_WORK_ALLOCATE, ANYWHERE, "sysmalloc"},
	{PB_WORK_ALLOCATE, ANYWHERE, "sysmalloc_mmap"},
	{PB_WORK_ALLOCATE, ANYWHERE, "systrim"},
	{PB_WORK_ALLOCATE, ANYWHERE, "unlink_chunk"},
	{PB_WORK_ALLOCATE, ANYWHERE, "tcache_init"},
	{PB_WORK_ALLOCATE, ANYWHERE, "tcache_get"},
	{PB_WORK_ALLOCATE, ANYWHERE, "tcache_put"},
	{PB_WORK_ALLOCATE, FRONT, "tcache_"},
	{PB_WORK_ALLOCATE, ANYWHERE, "operator new"},
	{PB_WORK_ALLOCATE, ANYWHERE, "operator delete"},
	{PB_WORK_ALLOCATE, ANYWHERE, "posix_memalign"},
	{PB_WORK_ALLOCATE, ANYWHERE, "aligned_alloc"},
	{PB_WORK_ALLOCATE, ANYWHERE, "je_malloc"},
	{PB_WORK_ALLOCATE, ANYWHERE, "je_calloc"},
	{PB_WORK_ALLOCATE, ANYWHERE, "je_realloc"},
	{PB_WORK_ALLOCATE, ANYWHERE, "je_free"},
	{PB_WORK_ALLOCATE, FRONT, "je_"},
	{PB_WORK_ALLOCATE, ANYWHERE, "tc_malloc"},
	{PB_WORK_ALLOCATE, ANYWHERE, "tc_free"},
	{PB_WORK_ALLOCATE, ANYWHERE, "mi_malloc"},
	{PB_WORK_ALLOCATE, ANYWHERE, "mi_free"},
	{PB_WORK_CLEAR, ANYWHERE, "memset"},
	{PB_WORK_CLEAR, ANYWHERE, "bzero"},
	{PB_WORK_CLEAR, ANYWHERE, "explicit_bzero"},
	{PB_WORK_CLEAR, FRONT, "clear_page"},
	{PB_WORK_CLEAR, FRONT, "clear_huge_page"},
	{PB_WORK_FORMAT, ANYWHERE, "vfprintf"},
	{PB_WORK_FORMAT, ANYWHERE, "vsnprintf"},
	{PB_WORK_FORMAT, ANYWHERE, "vsprintf"},
	{PB_WORK_FORMAT, ANYWHERE, "vprintf"},
	{PB_WORK_FORMAT, ANYWHERE, "snprintf"},
	{PB_WORK_FORMAT, ANYWHERE, "sprintf"},
	{PB_WORK_FORMAT, ANYWHERE, "fprintf"},
	{PB_WORK_FORMAT, ANYWHERE, "printf"},
	{PB_WORK_FORMAT, RESERVED, "printf_fp"},
	{PB_WORK_FORMAT, RESERVED, "printf_buffer"},
	{PB_WORK_FORMAT, RESERVED, "printf_buffer_write"},
	{PB_WORK_FORMAT, RESERVED, "itoa_word"},
	{PB_WORK_FORMAT, FRONT, "itoa"},
	{PB_WORK_FORMAT, ANYWHERE, "vfscanf"},
	{PB_WORK_FORMAT, ANYWHERE, "sscanf"},
	{PB_WORK_FORMAT, ANYWHERE, "strtol"},
	{PB_WORK_FORMAT, ANYWHERE, "strtoll"},
	{PB_WORK_FORMAT, ANYWHERE, "strtoul"},
	{PB_WORK_FORMAT, ANYWHERE, "strtoull"},
	{PB_WORK_FORMAT, ANYWHERE, "strtod"},
	{PB_WORK_FORMAT, ANYWHERE, "strtold"},
	{PB_WORK_FORMAT, ANYWHERE, "strtof"},
	{PB_WORK_FORMAT, ANYWHERE, "std::to_chars"},
	{PB_WORK_FORMAT, ANYWHERE, "std::from_chars"},
	{PB_WORK_LOCK, ANYWHERE, "pthread_mutex_lock"},
	{PB_WORK_LOCK, ANYWHERE, "pthread_mutex_lock_full"},
	{PB_WORK_LOCK, ANYWHERE, "pthread_mutex_unlock"},
	{PB_WORK_LOCK, ANYWHERE, "pthread_rwlock_rdlock"},
	{PB_WORK_LOCK, ANYWHERE, "pthread_rwlock_wrlock"},
	{PB_WORK_LOCK, ANYWHERE, "pthread_rwlock_unlock"},
	{PB_WORK_LOCK, FRONT, "pthread_rwlock_"},
	{PB_WORK_LOCK, ANYWHERE, "pthread_spin_lock"},
	{PB_WORK_LOCK, FRONT, "pthread_spin_"},
	{PB_WORK_LOCK, RESERVED, "lll_lock_wait"},
	{PB_WORK_LOCK, RESERVED, "lll_lock_wait_private"},
	{PB_WORK_LOCK, RESERVED, "lll_lock_wake"},
	{PB_WORK_LOCK, RESERVED, "lll_lock_wake_private"},
	{PB_WORK_LOCK, FRONT, "lll_lock"},
	{PB_WORK_LOCK, FRONT, "lll_mutex"},
	{PB_WORK_LOCK, RESERVED, "futex_abstimed_wait_common"},
	{PB_WORK_LOCK, RESERVED, "futex_abstimed_wait_common64"},
	{PB_WORK_LOCK, FRONT, "futex"},
	{PB_WORK_LOCK, FRONT, "native_queued_spin_lock_slowpath"},
	{PB_WORK_LOCK, FRONT, "x64_sys_futex"},
	{PB_WORK_LOCK, FRONT, "arm64_sys_futex"},
	{PB_WORK_LOCK, FRONT, "osq_lock"},
	{PB_WORK_LOCK, FRONT, "rwsem_down_"},
	{PB_WORK_LOCK, FRONT, "mutex_spin_on_owner"},
};

static bool is_one_of(const char *word, size_t len, const char *const *list, size_t n, bool whole)
{
	for (size_t i = 0; i < n; i++) {
		size_t size = strlen(list[i]);

		if ((whole ? len == size : len >= size) && !strncmp(word, list[i], size))
			return true;
	}
	return false;
}

/* Whether what is behind a name only says which variant it is: _avx_unaligned_erms, _l_internal, .constprop.0,
 * @GLIBC_2.2.5. @reserved: the name begins with "_", so that it is no program's. */
static bool is_variant(const char *rest, bool reserved)
{
	static const char *const machine[] = {"avx", "sse", "ssse", "evex", "erms"};
	static const char *const inner[] = {
		"l",      "internal", "chk",      "generic",   "simd",  "asimd", "sve",   "mte",
		"falkor", "kunpeng",  "thunderx", "thunderx2", "a64fx", "mops",  "zva64", "oryon1"};
	static const char *const behind[] = {"1",  "2",          "unaligned", "rtm", "movbe",
					     "no", "vzeroupper", "back",      "erms"};
	static const char *const clones[] = {".constprop", ".isra",       ".part", ".cold",
					     ".lto_priv",  ".localalias", ".llvm"};

	for (bool first = true; *rest == '_'; first = false) {
		size_t len = strcspn(++rest, "_.@");

		if (!is_one_of(rest, len, machine, PB_ARRAY_SIZE(machine), false) &&
		    (!reserved || !is_one_of(rest, len, inner, PB_ARRAY_SIZE(inner), true)) &&
		    (first || !is_one_of(rest, len, behind, PB_ARRAY_SIZE(behind), true)))
			return false;
		rest += len;
	}
	return !*rest || *rest == '@' ||
	       is_one_of(rest, strlen(rest), clones, PB_ARRAY_SIZE(clones), false);
}

/* In the program, and in libraries that are like it. */
static bool is_whole(const struct work_name *w, const char *name, bool reserved)
{
	const char *rest = name + strlen(w->name);

	if (w->scope == FRONT || (w->scope == RESERVED && !reserved))
		return false;
	/* C++ has parameters. */
	if (!strncmp(name, "operator ", 9) || !strncmp(name, "std::", 5))
		return !*rest || strchr("(<[@.", *rest);
	return is_variant(rest, reserved);
}

/* In a library. An allocator's function is its name and no more, but for a version, a clone or parameters:
 * malloc@GLIBC_2.2.5, free(void*), but neither free_list() nor malloced_bytes(). Of the others many variants have a
 * suffix. */
static bool is_front(const struct work_name *w, const char *name)
{
	static const char *const whole[] = {"malloc", "calloc", "realloc", "free", "cfree"};
	size_t len = strlen(w->name);

	for (size_t i = 0; w->work == PB_WORK_ALLOCATE && i < PB_ARRAY_SIZE(whole); i++)
		if (!strcmp(w->name, whole[i]))
			return !name[len] || strchr("@.( ", name[len]);
	return true;
}

static bool is_of_json(const char *name, const char *module)
{
	const char *file = pb_code_file_name(module);

	return !strncmp(name, "json_", 5) && (strstr(file, "json") || strstr(file, "jansson"));
}

enum pb_work pb_work_of(const char *function, const char *module)
{
	bool own = pb_code_of(module) == PB_CODE_OWN, reserved = function[0] == '_';
	const char *name = function + strspn(function, "_");

	if (reserved && (!strncmp(name, "GI_", 3) || !strncmp(name, "IO_", 3)))
		name += 3 + strspn(name + 3, "_");
	for (size_t i = 0; i < PB_ARRAY_SIZE(works); i++) {
		const struct work_name *w = &works[i];

		if (strncmp(name, w->name, strlen(w->name)) != 0)
			continue;
		if (own ? is_whole(w, name, reserved) : is_front(w, name))
			return w->work;
	}
	return is_of_json(name, module) ? PB_WORK_FORMAT : PB_WORK_OTHER;
}

const struct pb_lever *pb_lever_of_work(enum pb_work work)
{
	static const int of[PB_WORK_KINDS] = {
		[PB_WORK_COPY] = ZERO_COPY,        [PB_WORK_SCAN] = INDEX,
		[PB_WORK_ALLOCATE] = BUFFER_REUSE, [PB_WORK_FORMAT] = SERIALIZATION,
		[PB_WORK_CLEAR] = BUFFER_REUSE,    [PB_WORK_LOCK] = LOCK_STRIPING,
		[PB_WORK_CALL] = SCATTER_GATHER,   [PB_WORK_FLUSH] = N_PLUS_ONE,
	};

	return work == PB_WORK_OTHER || work >= PB_WORK_KINDS ? NULL : &levers[of[work]];
}
