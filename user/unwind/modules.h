/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The unwind tables of files, each compiled at first sight and kept while anything maps the file.
 *
 *   new --> table --> leaving --> new      unused for long, or its room is needed; seen again: table
 *    |\---> new                            it cannot be opened; the next to map it may open it
 *    |\---> without                        no unwind information, or none that can be used
 *    \----> refused --> new                no room now; tried again once there may be some
 */
#ifndef PB_UNWIND_MODULES_H
#define PB_UNWIND_MODULES_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/abi/unwind.h"
#include "user/core/own.h"

struct pb_files;
struct pb_modules;
struct pb_place;
struct pb_report;
struct pb_store;

/* @files and @store are borrowed. Return: 0; -ENOMEM. */
int pb_modules_new(struct pb_modules **out, const struct pb_files *files, struct pb_store *store);
/* What is in the store stays there. */
void pb_modules_free(struct pb_modules *m);
PB_DEFINE_FREE(pb_modules, pb_modules_free);

/**
 * pb_modules_use() - the table for code at @place.
 * @out: bias, first_page and n_pages are set; all 0 without a table
 * @module: set to what pb_modules_release() takes, if there is a table
 *
 * Return: 1 with a table; 0 without one; -ENOSPC without one for now: see pb_modules_tick(); -EAGAIN if its
 * table is still to be compiled, and the time for that is used up until the next tick. There is time for at
 * least one.
 */
int pb_modules_use(struct pb_modules *m, const struct pb_place *place,
		   struct pb_unwind_mapping *out, uint32_t *module);
void pb_modules_release(struct pb_modules *m, uint32_t module);

/**
 * pb_modules_tick() - end grace periods, and let unused modules go.
 * @now_ns: not before any pb_modules_release() so far; never goes back
 *
 * Return: true if modules that were refused may find room now.
 */
bool pb_modules_tick(struct pb_modules *m, uint64_t now_ns);

/* Fill report->unwind_modules, _without, _refused, _evicted, _rows: files, each counted once. Those that
 * could not be opened so far are among those without. */
void pb_modules_describe(const struct pb_modules *m, struct pb_report *report);

#endif
