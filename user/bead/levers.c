/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/levers.h"

#include <stdbool.h>
#include <string.h>

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
	[SCATTER_GATHER] = {"scatter-gather", "scatter-gather or buffered I/O", 2,
			    "many small reads or writes one behind the other"},
	[SERIALIZATION] = {"serialization", "cheaper serialization", 3,
			   "time in formatting or parsing below the spot"},
	[BOUNDED_QUEUE] = {"bounded-queue", "bounded queues and backpressure", 4,
			   "memory that grows while nothing is done with it: live bytes over time"},
	[LOCK_STRIPING] = {"lock-striping", "lock striping", 4,
			   "time in locks below the spot, with several threads"},
	[MEMOIZATION] =
		{"memoization", "memoization or a cache", 2,
		 "the same input again and again: the same blocks read, or arguments traced"},
	[ALGORITHM] = {"algorithm", "a better algorithm or data structure", 3,
		       "time in the function itself, and how it grows with the input"},
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

/* Words that names of such functions begin with, behind "__" and a "GI_" of glibc's own aliases. */
static const struct {
	enum pb_work work;
	const char *begins;
} works[] = {
	{PB_WORK_COPY, "memcpy"},
	{PB_WORK_COPY, "memmove"},
	{PB_WORK_COPY, "mempcpy"},
	{PB_WORK_COPY, "strcpy"},
	{PB_WORK_COPY, "stpcpy"},
	{PB_WORK_COPY, "strncpy"},
	{PB_WORK_COPY, "strcat"},
	{PB_WORK_SCAN, "memcmp"},
	{PB_WORK_SCAN, "bcmp"},
	{PB_WORK_SCAN, "memchr"},
	{PB_WORK_SCAN, "memrchr"},
	{PB_WORK_SCAN, "memmem"},
	{PB_WORK_SCAN, "rawmemchr"},
	{PB_WORK_SCAN, "strcmp"},
	{PB_WORK_SCAN, "strncmp"},
	{PB_WORK_SCAN, "strcasecmp"},
	{PB_WORK_SCAN, "strncasecmp"},
	{PB_WORK_SCAN, "strlen"},
	{PB_WORK_SCAN, "strnlen"},
	{PB_WORK_SCAN, "strchr"},
	{PB_WORK_SCAN, "strrchr"},
	{PB_WORK_SCAN, "strstr"},
	{PB_WORK_SCAN, "strspn"},
	{PB_WORK_SCAN, "strcspn"},
	{PB_WORK_ALLOCATE, "malloc"},
	{PB_WORK_ALLOCATE, "malloc_consolidate"},
	{PB_WORK_ALLOCATE, "malloc_hook_ini"},
	{PB_WORK_ALLOCATE, "malloc_usable_size"},
	{PB_WORK_ALLOCATE, "calloc"},
	{PB_WORK_ALLOCATE, "realloc"},
	{PB_WORK_ALLOCATE, "free"},
	{PB_WORK_ALLOCATE, "cfree"},
	{PB_WORK_ALLOCATE, "int_malloc"},
	{PB_WORK_ALLOCATE, "int_free"},
	{PB_WORK_ALLOCATE, "int_realloc"},
	{PB_WORK_ALLOCATE, "libc_malloc"},
	{PB_WORK_ALLOCATE, "libc_calloc"},
	{PB_WORK_ALLOCATE, "libc_realloc"},
	{PB_WORK_ALLOCATE, "libc_free"},
	{PB_WORK_ALLOCATE, "sysmalloc"},
	{PB_WORK_ALLOCATE, "systrim"},
	{PB_WORK_ALLOCATE, "unlink_chunk"},
	{PB_WORK_ALLOCATE, "tcache_"},
	{PB_WORK_ALLOCATE, "operator new"},
	{PB_WORK_ALLOCATE, "operator delete"},
	{PB_WORK_ALLOCATE, "posix_memalign"},
	{PB_WORK_ALLOCATE, "aligned_alloc"},
	{PB_WORK_ALLOCATE, "je_"},
	{PB_WORK_ALLOCATE, "tc_malloc"},
	{PB_WORK_ALLOCATE, "tc_free"},
	{PB_WORK_ALLOCATE, "mi_malloc"},
	{PB_WORK_ALLOCATE, "mi_free"},
	{PB_WORK_CLEAR, "memset"},
	{PB_WORK_CLEAR, "bzero"},
	{PB_WORK_CLEAR, "explicit_bzero"},
	{PB_WORK_CLEAR, "clear_page"},
	{PB_WORK_CLEAR, "clear_huge_page"},
	{PB_WORK_FORMAT, "vfprintf"},
	{PB_WORK_FORMAT, "vsnprintf"},
	{PB_WORK_FORMAT, "vsprintf"},
	{PB_WORK_FORMAT, "snprintf"},
	{PB_WORK_FORMAT, "sprintf"},
	{PB_WORK_FORMAT, "fprintf"},
	{PB_WORK_FORMAT, "printf"},
	{PB_WORK_FORMAT, "itoa"},
	{PB_WORK_FORMAT, "vfscanf"},
	{PB_WORK_FORMAT, "sscanf"},
	{PB_WORK_FORMAT, "strtol"},
	{PB_WORK_FORMAT, "strtoul"},
	{PB_WORK_FORMAT, "strtod"},
	{PB_WORK_FORMAT, "strtold"},
	{PB_WORK_FORMAT, "strtof"},
	{PB_WORK_FORMAT, "json_"},
	{PB_WORK_FORMAT, "std::to_chars"},
	{PB_WORK_FORMAT, "std::from_chars"},
	{PB_WORK_LOCK, "pthread_mutex_lock"},
	{PB_WORK_LOCK, "pthread_mutex_unlock"},
	{PB_WORK_LOCK, "pthread_rwlock_"},
	{PB_WORK_LOCK, "pthread_spin_"},
	{PB_WORK_LOCK, "lll_lock"},
	{PB_WORK_LOCK, "lll_mutex"},
	{PB_WORK_LOCK, "futex"},
	{PB_WORK_LOCK, "native_queued_spin_lock_slowpath"},
	{PB_WORK_LOCK, "x64_sys_futex"},
	{PB_WORK_LOCK, "arm64_sys_futex"},
	{PB_WORK_LOCK, "osq_lock"},
	{PB_WORK_LOCK, "rwsem_down_"},
	{PB_WORK_LOCK, "mutex_spin_on_owner"},
};

/* An allocator's function is its name and no more, but for a version, a clone or parameters: malloc@GLIBC_2.2.5,
 * free(void*), but neither free_list() nor malloced_bytes(). Of the others many variants have a suffix. */
static bool is_work(const char *name, enum pb_work work, const char *begins)
{
	static const char *const whole[] = {"malloc", "calloc", "realloc", "free", "cfree"};
	size_t len = strlen(begins);

	if (strncmp(name, begins, len) != 0)
		return false;
	for (size_t i = 0; work == PB_WORK_ALLOCATE && i < PB_ARRAY_SIZE(whole); i++)
		if (!strcmp(begins, whole[i]))
			return !name[len] || strchr("@.( ", name[len]);
	return true;
}

enum pb_work pb_work_of(const char *function, const char *module)
{
	const char *name = function + strspn(function, "_");

	(void)module;
	if (!strncmp(name, "GI_", 3) || !strncmp(name, "IO_", 3))
		name += 3 + strspn(name + 3, "_");
	for (size_t i = 0; i < PB_ARRAY_SIZE(works); i++)
		if (is_work(name, works[i].work, works[i].begins))
			return works[i].work;
	return PB_WORK_OTHER;
}

const struct pb_lever *pb_lever_of_work(enum pb_work work)
{
	static const int of[PB_WORK_KINDS] = {
		[PB_WORK_COPY] = ZERO_COPY,        [PB_WORK_SCAN] = INDEX,
		[PB_WORK_ALLOCATE] = BUFFER_REUSE, [PB_WORK_FORMAT] = SERIALIZATION,
		[PB_WORK_CLEAR] = BUFFER_REUSE,    [PB_WORK_LOCK] = LOCK_STRIPING,
	};

	return work == PB_WORK_OTHER || work >= PB_WORK_KINDS ? NULL : &levers[of[work]];
}
