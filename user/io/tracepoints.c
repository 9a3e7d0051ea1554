/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "user/io/tracepoints.h"

#include <bpf/btf.h>
#include <stdio.h>

/* typedef void (*btf_trace_NAME)(void *, the arguments ...) */
int pb_tracepoint_arguments(const struct btf *kernel, const char *name)
{
	const struct btf_type *t;
	char type[96];
	int id;

	snprintf(type, sizeof(type), "btf_trace_%s", name);
	id = btf__find_by_name_kind(kernel, type, BTF_KIND_TYPEDEF);
	if (id < 0)
		return -1;
	t = btf__type_by_id(kernel, btf__type_by_id(kernel, (__u32)id)->type);
	if (!t || !btf_is_ptr(t))
		return -1;
	t = btf__type_by_id(kernel, t->type);
	if (!t || !btf_is_func_proto(t))
		return -1;
	return (int)btf_vlen(t) - 1;
}
