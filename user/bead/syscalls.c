/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/syscalls.h"

#include <stddef.h>
#include <string.h>

#include "user/core/own.h"

static const struct pb_syscall calls[] = {
	{"read", PB_WORK_CALL},       {"readv", PB_WORK_CALL},   {"pread", PB_WORK_CALL},
	{"preadv", PB_WORK_CALL},     {"write", PB_WORK_CALL},   {"writev", PB_WORK_CALL},
	{"pwrite", PB_WORK_CALL},     {"pwritev", PB_WORK_CALL}, {"send", PB_WORK_CALL},
	{"sendto", PB_WORK_CALL},     {"sendmsg", PB_WORK_CALL}, {"recv", PB_WORK_CALL},
	{"recvfrom", PB_WORK_CALL},   {"recvmsg", PB_WORK_CALL}, {"fsync", PB_WORK_FLUSH},
	{"fdatasync", PB_WORK_FLUSH}, {"syncfs", PB_WORK_FLUSH}, {"sync_file_range", PB_WORK_FLUSH},
	{"msync", PB_WORK_FLUSH},
};

/* Behind one of @fronts. Return: what follows it; NULL: none of them. */
static const char *behind(const char *name, const char *const *fronts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strncmp(name, fronts[i], strlen(fronts[i])))
			return name + strlen(fronts[i]);
	return NULL;
}

static const struct pb_syscall *find(const char *name)
{
	static const char *const variants[] = {
		"", "64", "2", "64v2", "v2", "_nocancel", "64_nocancel", "64_chk", "_chk", "2_chk"};

	for (size_t i = 0; i < PB_ARRAY_SIZE(calls); i++) {
		size_t len = strlen(calls[i].name), rest;

		if (strncmp(name, calls[i].name, len) != 0)
			continue;
		rest = strcspn(name + len, "@.");
		for (size_t k = 0; k < PB_ARRAY_SIZE(variants); k++)
			if (rest == strlen(variants[k]) && !strncmp(name + len, variants[k], rest))
				return &calls[i];
	}
	return NULL;
}

const struct pb_syscall *pb_syscall_of_kernel(const char *function)
{
	/* A compiler may leave out __x64_sys_read(), whose last act is to call ksys_read(). */
	static const char *const fronts[] = {"__x64_sys_", "__ia32_sys_", "__arm64_sys_",
					     "__se_sys_",  "__do_sys_",   "ksys_",
					     "__sys_"};
	const char *name = behind(function, fronts, PB_ARRAY_SIZE(fronts));

	return name ? find(name) : NULL;
}

const struct pb_syscall *pb_syscall_of_wrapper(const char *function)
{
	const char *name = function + strspn(function, "_");

	if (name > function && !strncmp(name, "GI_", 3))
		name += 3 + strspn(name + 3, "_");
	if (name > function && !strncmp(name, "libc_", 5))
		name += 5;
	return find(name);
}

bool pb_syscall_is_entry(const char *function)
{
	static const char *const fronts[] = {
		"entry_SYSCALL", "do_syscall_64",  "x64_sys_call", "__x64_sys_",  "__ia32_sys_",
		"__arm64_sys_",  "__se_sys_",      "__do_sys_",    "ksys_",       "el0_svc",
		"do_el0_svc",    "invoke_syscall", "syscall_",     "el0t_64_sync"};

	return behind(function, fronts, PB_ARRAY_SIZE(fronts)) != NULL;
}

bool pb_syscall_is_copy(const char *function)
{
	static const char *const fronts[] = {
		"rep_movs",  "copy_user_",   "_copy_to_",   "_copy_from_", "copy_page",
		"copyout",   "copyin",       "copy_folio",  "memcpy",      "__memcpy",
		"raw_copy_", "__arch_copy_", "__copy_user", "copy_to_",    "copy_from_"};

	return behind(function, fronts, PB_ARRAY_SIZE(fronts)) != NULL;
}
