/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Where a profile goes: the files, formats and streams that a person asked for, or the default. */
#ifndef PB_TOOL_OUTPUTS_H
#define PB_TOOL_OUTPUTS_H

#include <stdint.h>

struct pb_args;
struct pb_profile;
struct pb_report;
struct pb_tool;
struct pb_value_type;

/**
 * pb_outputs_check() - whether every output has a format, before anything is measured.
 *
 * Return: 0; -EINVAL, logged with the word at fault.
 */
int pb_outputs_check(const struct pb_args *args);

/**
 * pb_outputs_fit() - whether values of these @n types can be written in every format that is asked for.
 *
 * Return: 0; -EINVAL, logged with the format at fault.
 */
int pb_outputs_fit(const struct pb_args *args, const struct pb_value_type *types, uint32_t n);

/**
 * pb_outputs_reachable() - whether the directories of all files can be written, before anything is
 * measured: an hour's capture must not be lost to a typing error.
 *
 * Return: 0; -errno, logged.
 */
int pb_outputs_reachable(const struct pb_tool *tool, const struct pb_args *args);

/**
 * pb_outputs_write() - write all of them.
 *
 * Without an output option: a table on stdout and an HTML file in the current directory, named for
 * the tool, the target and the time. All are tried even if one fails.
 * Return: 0; -errno of the first that failed, logged; -EPIPE is not logged.
 */
int pb_outputs_write(const struct pb_tool *tool, const struct pb_args *args,
		     const struct pb_profile *profile, const struct pb_report *report);

/* Title and table to stdout, of a capture that goes on. Return: 0; -errno, logged. */
int pb_outputs_show(const struct pb_tool *tool, const struct pb_args *args,
		    const struct pb_profile *profile, const struct pb_report *report);

#endif
