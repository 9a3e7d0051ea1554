/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/alloc/prepare.h"

#include <errno.h>
#include <string.h>

#include "user/alloc/attach.h"
#include "user/alloc/book.h"
#include "user/alloc/run.h"
#include "user/core/log.h"
#include "user/core/preflight.h"
#include "user/core/profile.h"

/* Why an allocator cannot be probed here; NULL if it can. */
static const char *why_not(const struct pb_alloc_sight *sight, int functions)
{
	if (sight->is_go)
		return "it is a Go program, which moves its stacks, and a probe on a function's "
		       "return would crash it";
	if (functions)
		return NULL;
	if (sight->is_32bit)
		return "it is a 32-bit program";
	if (sight->is_static)
		return "it is linked statically, and no symbol tells where its allocator is";
	return "no allocator was found in it";
}

/* Probes go by what lies in the target's memory and files: without a look at them nothing would be measured. */
static int refuse_unreadable(pid_t tgid)
{
	int err = pb_preflight("allocsites");

	return err ? err
		   : pb_fail(EPERM,
			     "not permitted: process %d cannot be looked into. That takes "
			     "CAP_SYS_PTRACE and CAP_SYS_ADMIN, which uprobes on other users' "
			     "processes need, too: run it as root (sudo allocsites ...); --growth "
			     "needs neither",
			     (int)tgid);
}

static int find(struct pb_alloc_attach *a, const struct pb_args *args, int *functions)
{
	uint32_t i;
	int n = 0, sum = 0;

	for (i = 0; i < args->pids.n; i++) {
		n = pb_alloc_attach_find(a, (pid_t)args->pids.ids[i]);
		if (n == -EPERM)
			return refuse_unreadable((pid_t)args->pids.ids[i]);
		if (n < 0)
			return n;
		sum += n;
	}
	if (args->command)
		n = sum = pb_alloc_attach_find_command(a, args->command[0]);
	*functions = sum;
	return n < 0 ? n : 0;
}

int pb_alloc_prepare(void *args)
{
	struct pb_alloc_args *a = args;
	struct pb_alloc_sight sight;
	const char *why;
	int functions = 0, err;

	if (a->growth)
		return 0;
	err = pb_alloc_attach_new(&a->found);
	if (err)
		return pb_err(-err, "look for allocators");
	err = find(a->found, &a->common, &functions);
	if (err == -ENOMEM)
		return pb_err(ENOMEM, "look for allocators");
	if (err == -EPERM && !a->common.command)
		return err;
	if (err)
		return 0;
	pb_alloc_attach_sight(a->found, &sight);
	why = why_not(&sight, functions);
	if (!why)
		return 0;
	if (a->exact || !a->track_frees)
		return pb_fail(
			EOPNOTSUPP,
			"the target's allocator cannot be probed: %s; --growth shows who makes "
			"it grow",
			why);
	pb_log(PB_LOG_WARN, "measuring growth instead of allocations: %s", why);
	pb_alloc_attach_free(pb_take(a->found));
	a->growth = true;
	return 0;
}

uint32_t pb_alloc_value_types(const struct pb_alloc_args *args, struct pb_value_type *types)
{
	static const struct pb_value_type heap[PB_ALLOC_VALUES] = {
		[PB_ALLOC_OBJECTS] = {"alloc_objects", "count"},
		[PB_ALLOC_SPACE] = {"alloc_space", "bytes"},
		[PB_INUSE_OBJECTS] = {"inuse_objects", "count"},
		[PB_INUSE_SPACE] = {"inuse_space", "bytes"},
		[PB_TEMPORARY_OBJECTS] = {"temporary_objects", "count"},
		[PB_LEAKED_OBJECTS] = {"leaked_objects", "count"},
		[PB_LEAKED_SPACE] = {"leaked_space", "bytes"},
		[PB_PEAK_OBJECTS] = {"peak_objects", "count"},
		[PB_PEAK_SPACE] = {"peak_space", "bytes"},
		[PB_MOST_OBJECTS] = {"most_objects", "count"},
		[PB_MOST_SPACE] = {"most_space", "bytes"},
		[PB_LIFETIME] = {"lifetime", "microseconds"},
	};
	static const struct pb_value_type growth[PB_GROWTH_VALUES] = {
		[PB_GROWTH_FAULTS] = {"faults", "count"},
		[PB_GROWTH_SPACE] = {"grown_space", "bytes"},
	};

	if (args->growth) {
		memcpy(types, growth, sizeof(growth));
		return PB_GROWTH_VALUES;
	}
	memcpy(types, heap, sizeof(heap));
	return PB_ALLOC_VALUES;
}
