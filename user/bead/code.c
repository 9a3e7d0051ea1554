/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/bead/code.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/bead/levers.h"
#include "user/core/own.h"

#define NAMED_FRAMES 3

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static bool begins_with_any(const char *text, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (begins(text, list[i]))
			return true;
	return false;
}

const char *pb_code_file_name(const char *module)
{
	const char *slash = strrchr(module, '/');

	return slash ? slash + 1 : module;
}

enum pb_code pb_code_of(const char *module)
{
	static const char *const libraries[] = {
		"libc.so",  "libc-",      "libc.musl-",  "ld-linux",    "ld-musl-",
		"ld-",      "libpthread", "libm.so",     "libm-",       "libdl.so",
		"libdl-",   "librt.so",   "librt-",      "libstdc++",   "libc++",
		"libgcc_s", "libgomp",    "libjemalloc", "libtcmalloc", "libmimalloc"};

	if (begins(module, "[kernel"))
		return PB_CODE_KERNEL;
	if (begins(module, "[vdso]") || begins(module, "[vsyscall]"))
		return PB_CODE_LIBRARY;
	return begins_with_any(pb_code_file_name(module), libraries, PB_ARRAY_SIZE(libraries))
		       ? PB_CODE_LIBRARY
		       : PB_CODE_OWN;
}

bool pb_code_is_glue(const char *function)
{
	static const char *const whole[] = {"_start",         "start_thread",
					    "clone",          "clone3",
					    "__clone",        "__clone3",
					    "thread_start",   "el0_svc",
					    "invoke_syscall", "el0_svc_common.constprop.0"};
	static const char *const fronts[] = {"__libc_start_main",
					     "__libc_start_call_main",
					     "entry_SYSCALL_64",
					     "do_syscall_64",
					     "asm_",
					     "__x64_sys_",
					     "__ia32_sys_",
					     "__arm64_sys_",
					     "x64_sys_call",
					     "syscall_enter_",
					     "syscall_exit_",
					     "syscall_return_via",
					     "ret_from_fork",
					     "exc_page_fault",
					     "exit_to_user_mode",
					     "irqentry_",
					     "el0t_64_",
					     "do_el0_svc"};

	for (size_t i = 0; i < PB_ARRAY_SIZE(whole); i++)
		if (!strcmp(function, whole[i]))
			return true;
	return begins_with_any(function, fronts, PB_ARRAY_SIZE(fronts));
}

const char *pb_code_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

json_t *pb_code_names(const json_t *report)
{
	json_t *names = json_object();
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(report, "hotspots"), i, row)
	{
		const char *function = pb_code_text(row, "function");

		if (names && !json_object_get(names, function) &&
		    json_object_set(names, function, (json_t *)row)) {
			json_decref(names);
			return NULL;
		}
	}
	return names;
}

static bool is_marker(const char *name)
{
	return !strcmp(name, "[broken]") || !strcmp(name, "[truncated]");
}

/* Whether an author would look there: own code, and no part of libc that is linked into it. */
static bool is_own(const json_t *row, const char *name)
{
	const char *module = pb_code_text(row, "module");

	return pb_code_of(module) == PB_CODE_OWN && !pb_code_is_glue(name) &&
	       pb_work_of(name, module) == PB_WORK_OTHER;
}

/* From the leaf up: the innermost of own code, or of any, if there is none. */
static int name_path(struct pb_code_path *path, const json_t *names, const json_t *frames,
		     size_t first, size_t end, bool own)
{
	char text[1024];
	size_t used = 0, n = 0;

	text[0] = '\0';
	for (size_t i = end; i-- > first && n < NAMED_FRAMES;) {
		const char *name = json_string_value(json_array_get(frames, i));
		const json_t *row = json_object_get(names, name);

		if (is_marker(name) || (own && !is_own(row, name)))
			continue;
		if (!n && own)
			path->innermost = row;
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%.200s",
					 n ? " < " : "", name);
		n++;
	}
	if (!n && own)
		return name_path(path, names, frames, first, end, false);
	path->name = strdup(text);
	return path->name ? 0 : -ENOMEM;
}

/* Where the frames of the kernel begin, else @end. */
static size_t find_kernel(struct pb_code_path *path, const json_t *names, const json_t *frames,
			  size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		const char *name = json_string_value(json_array_get(frames, i));
		const char *module = pb_code_text(json_object_get(names, name), "module");

		if (pb_code_of(module) != PB_CODE_KERNEL)
			continue;
		path->in_kernel = true;
		path->by_fault = begins(name, "asm_exc_page_fault") ||
				 begins(name, "exc_page_fault") || begins(name, "do_mem_abort");
		return i;
	}
	return end;
}

static int join(struct pb_code_path *path, const json_t *frames, size_t first, size_t end)
{
	size_t size = 1, used = 0;

	for (size_t i = first; i < end; i++)
		size += json_string_length(json_array_get(frames, i)) + 1;
	path->chain = calloc(1, size);
	if (!path->chain)
		return -ENOMEM;
	for (size_t i = first; i < end; i++) {
		const char *name = json_string_value(json_array_get(frames, i));

		if (i > first && !strcmp(name, json_string_value(json_array_get(frames, i - 1))))
			continue;
		if (!is_marker(name))
			used += (size_t)snprintf(path->chain + used, size - used, "%s%s",
						 used ? ";" : "", name);
	}
	return 0;
}

int pb_code_path_of(struct pb_code_path *out, const json_t *names, const json_t *frames,
		    size_t skip, bool known_only)
{
	struct pb_code_path path = {0};
	size_t n = json_array_size(frames), end = n;
	int err;

	for (size_t i = 0; i < n; i++)
		if (!json_is_string(json_array_get(frames, i)))
			return -EPROTO;
	if (!json_is_array(frames))
		return -EPROTO;
	if (known_only && end > skip &&
	    !json_object_get(names, json_string_value(json_array_get(frames, end - 1))))
		end--;
	end = find_kernel(&path, names, frames, skip, end);
	err = join(&path, frames, skip, end);
	if (!err)
		err = name_path(&path, names, frames, skip, end, true);
	if (err) {
		pb_code_path_drop(&path);
		return err;
	}
	*out = path;
	return 0;
}

void pb_code_path_drop(struct pb_code_path *path)
{
	free(path->chain);
	free(path->name);
	*path = (struct pb_code_path){0};
}
