/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What a person should know of a capture beyond its numbers, and do about it. */
#ifndef PB_TOOL_EXPLAIN_H
#define PB_TOOL_EXPLAIN_H

struct pb_report;

/* Log a line each for events that were lost, stacks that are broken, and a rate that was not reached. */
void pb_explain(const struct pb_report *report);

/**
 * pb_explain_broken() - why most of the broken stacks are, and the remedy if there is one.
 *
 * Return: one line to be freed; NULL if too few are broken to be worth a word, and without memory.
 */
char *pb_explain_broken(const struct pb_report *report);

#endif
