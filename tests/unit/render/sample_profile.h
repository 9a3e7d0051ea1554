/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * One made-up profile for the tests of all renderers. It has what makes rendering hard: kernel
 * frames, inlined lines, JIT and vdso code, markers, recursion, several processes, two modules and
 * two functions of one name, code without a name, a sample worth nothing, and hostile names (ESC,
 * newline, ';', quotes, markup).
 *
 * Its numbers are below; values are samples/count and cpu/nanoseconds at 10 ms each.
 */
#ifndef PB_TEST_SAMPLE_PROFILE_H
#define PB_TEST_SAMPLE_PROFILE_H

#include <stdint.h>

#include "user/render/render.h"

#define PB_SAMPLE_TOTAL  93 /* samples */
#define PB_SAMPLE_STACKS 16 /* entries of the profile's sample table */
#define PB_SAMPLE_NS     10000000ull

#define PB_SOURCE_TOTAL 21 /* samples of the profile with sources */

struct pb_profile;
struct pb_report;

/* Both never fail but by failing the test. */
struct pb_profile *pb_sample_profile(void);
struct pb_report *pb_sample_report(void);
/*
 * Another one, of code with debug information: functions inlined two deep, overloads that have one name
 * for people, two lines of one function, code of no line, C++ and Rust names, and a module without any.
 * Same value types.
 */
struct pb_profile *pb_sample_source_profile(void);
/* The same value types, and nothing measured. */
struct pb_profile *pb_sample_empty_profile(void);
struct pb_report *pb_sample_empty_report(void);

/* What @render writes, NUL-terminated, to be freed; @len may be NULL. Fails the test on errors. */
char *pb_sample_render(pb_render_fn *render, const struct pb_profile *p, const struct pb_report *r,
		       const struct pb_render_opts *o, size_t *len);

/**
 * pb_sample_golden() - compare with tests/golden/@name, byte for byte, and fail the test if it
 * differs. With UPDATE=1 in the environment the file is written instead.
 *
 * The version of the program reads "VERSION" in golden files. Tests run in the root of the sources.
 */
void pb_sample_golden(const char *name, const char *text);

#endif
