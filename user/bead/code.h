/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Whose code a frame of a profile is: what a workload's author can change, or what it stands on. */
#ifndef PB_BEAD_CODE_H
#define PB_BEAD_CODE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum pb_code {
	PB_CODE_OWN,     /* of the program, and of libraries that are not named below */
	PB_CODE_LIBRARY, /* libc and its kin, the loader, the C++ runtime, allocators, the vdso */
	PB_CODE_KERNEL,
};
/* @module: as in a report: a path, "[kernel.kallsyms]", "[vdso]", "[anon]" (of a JIT, so own), "". */
enum pb_code pb_code_of(const char *module);

/* What stands at the root of each thread, and at the entry of the kernel: it works for whoever is below or above. */
bool pb_code_is_glue(const char *function);

/* The last part of a path. */
const char *pb_code_file_name(const char *module);

/**
 * pb_code_names() - the hotspots of a report by the name of the function.
 *
 * Of several with one name the first. Return: to be given back by json_decref(); NULL without memory.
 */
json_t *pb_code_names(const json_t *report);

/* A path of calls, root first, from names that stand in @names, without the kernel's frames and what is behind them. */
struct pb_code_path {
	char *chain; /* joined by ";" */
	char *name;  /* for people: the innermost three of own code, "item < parse < main" */
	const json_t
		*innermost; /* the hotspot of the innermost of own code; NULL: none; of @names */
	bool in_kernel;     /* there were frames of the kernel */
	bool by_fault;      /* and the first of them is that of a page fault */
};

/**
 * pb_code_path_of() - of an array of names.
 * @skip: so many at the root are not code; markers such as "[broken]" are left out as well
 * @known_only: a leaf that is none of @names is no function: a file that a stack of iolatency ends in
 *
 * Return: 0, and pb_code_path_drop() is due; -ENOMEM; -EPROTO: it is no array of strings.
 */
int pb_code_path_of(struct pb_code_path *out, const json_t *names, const json_t *frames,
		    size_t skip, bool known_only);
void pb_code_path_drop(struct pb_code_path *path);

/* A text member of an object; "" where there is none. */
const char *pb_code_text(const json_t *object, const char *key);

#endif
