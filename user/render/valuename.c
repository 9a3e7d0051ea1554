/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/render/valuename.h"

#include <stddef.h>
#include <string.h>

#include "user/core/own.h"

/* The first four are the names that pprof gives a heap. */
static const struct pb_value_name names[] = {
	{"alloc_objects", "allocations", "allocations", "calls"},
	{"alloc_space", "allocated bytes", "allocated", "alloc"},
	{"inuse_objects", "live blocks", "live blocks", "blocks"},
	{"inuse_space", "live bytes", "live", "live"},
	{"temporary_objects", "temporary allocations", "temporary allocations", "temporary"},
	{"leaked_objects", "leaked blocks", "leaked blocks", "leaks"},
	{"leaked_space", "leaked bytes", "leaked", "leaked"},
	{"peak_objects", "blocks at the peak", "blocks at the peak", "at peak"},
	{"peak_space", "bytes at the peak", "at the peak", "at peak"},
	{"most_objects", "most blocks, site by site", "most blocks, site by site", "at most"},
	{"most_space", "most bytes, site by site", "at most, site by site", "at most"},
	{"lifetime", "lifetime, added up", "of lifetime, added up", "lifetime"},
	{"faults", "page faults", "page faults", "faults"},
	{"grown_space", "bytes grown", "grown", "grown"},
	{"operations", "I/O operations", "I/O operations", "I/Os"},
	{"io_bytes", "bytes of I/O", "of I/O", "I/O"},
	{"io_time", "time in devices", "in devices", "device"},
	{"queue_time", "time in queues", "in queues", "queue"},
	{"calls", "system calls", "system calls", "calls"},
	{"call_bytes", "bytes of system calls", "by system calls", "calls"},
	{"call_time", "time in system calls", "in system calls", "calls"},
	{"call_io_wait", "calls waiting for I/O", "in calls, waiting for I/O", "waiting"},
	{"call_blocked", "calls blocked otherwise", "in calls, blocked otherwise", "blocked"},
	{"cpu", "CPU time", "CPU time", "CPU"},
};

const struct pb_value_name *pb_value_name(const char *type, struct pb_value_name *scratch)
{
	for (size_t i = 0; i < PB_ARRAY_SIZE(names); i++) {
		if (!strcmp(names[i].type, type))
			return &names[i];
	}
	*scratch = (struct pb_value_name){type, type, type, type};
	return scratch;
}
