/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The names along a stack of a profile, one per function that lies there, inlined ones included. */
#ifndef PB_ALLOC_PATHNAMES_H
#define PB_ALLOC_PATHNAMES_H

#include <stdint.h>

#include "user/core/own.h"

struct pb_profile;

struct pb_path_names {
	char **names; /* the leaf first, of it the innermost inlined function */
	uint32_t n;
};

/* @node: of the profile. Return: 0, and pb_path_names_drop() is due; -ENOMEM. */
int pb_path_names(struct pb_path_names *out, const struct pb_profile *p, uint32_t node);
void pb_path_names_drop(struct pb_path_names *path);

/* Where in it the code begins that called the allocator, behind wrappers; 0 if all of it is the allocator's. */
uint32_t pb_path_names_site(const struct pb_path_names *path);

/* The innermost function at a location, to be freed; NULL without memory. */
char *pb_function_at(const struct pb_profile *p, uint32_t location);

#endif
