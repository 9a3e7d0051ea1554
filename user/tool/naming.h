/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Naming what was captured: between the capture and the outputs. */
#ifndef PB_TOOL_NAMING_H
#define PB_TOOL_NAMING_H

struct pb_args;
struct pb_profile;
struct pb_report;
struct pb_session;

/**
 * pb_naming_run() - name every location of a captured profile, and say in the report how well that went.
 *
 * Shows its progress on the live line if it takes more than half a second. Return: 0; -ENOMEM.
 */
int pb_naming_run(struct pb_session *session, const struct pb_args *args,
		  struct pb_profile *profile, struct pb_report *report);

/**
 * pb_naming_explain() - which module hides the names of most samples, and what to do about it.
 *
 * By samples whose innermost frame is code without a name, the kernel's left out: those are told about when
 * it is read. Return: one line to be freed; NULL if it is too few to be worth a word, and without memory.
 */
char *pb_naming_explain(const struct pb_profile *profile, const struct pb_report *report);

#endif
