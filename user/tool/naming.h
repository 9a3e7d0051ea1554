/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Naming what was captured: between the capture and the outputs. */
#ifndef PB_TOOL_NAMING_H
#define PB_TOOL_NAMING_H

struct pb_args;
struct pb_profile;
struct pb_report;
struct pb_session;
struct pb_symbol_stats;

/**
 * pb_naming_run() - name every location of a captured profile, and say in the report how well that went.
 * @stats: filled, and for the caller to drop whatever is returned: pb_symbol_stats_drop()
 *
 * Shows its progress on the live line if it takes more than half a second. A signal ends it early: what has
 * no name by then is shown by offset, and a warning says so. Return: 0; -ENOMEM.
 */
int pb_naming_run(struct pb_session *session, const struct pb_args *args,
		  struct pb_profile *profile, struct pb_report *report,
		  struct pb_symbol_stats *stats);

/**
 * pb_naming_gaps() - the modules that lack names, into a report.
 *
 * Return: 0; -ENOMEM.
 */
int pb_naming_gaps(const struct pb_profile *profile, const struct pb_symbol_stats *stats,
		   struct pb_report *report);

/**
 * pb_naming_explain() - which module hides the names of most samples, and what to do about it.
 * @stats: of pb_naming_run(), not yet dropped
 *
 * By samples whose innermost frame is code without a name, the kernel's left out: those are told about when
 * it is read. Return: one line to be freed; NULL if it is too few to be worth a word, and without memory.
 */
char *pb_naming_explain(const struct pb_profile *profile, const struct pb_report *report,
			const struct pb_symbol_stats *stats);

#endif
